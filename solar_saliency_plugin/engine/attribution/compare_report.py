"""The page and the table of a comparison: maps side by side, and how far they agree."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from html import escape
from itertools import combinations
from typing import Any

import numpy as np
from scipy.ndimage import distance_transform_edt

from ...contract.compare_methods import CompareMethodsResult
from ..reporting.page import csv_cell, document, image, number, paragraph, percent
from ..reporting.page import table as html_table
from .agreement import TOP, Pair, spearman
from .comparison import STRONG, Comparison, strongly
from .maps import robust_range
from .pictures import natural_colour, over_ground, panels, shades
from .quality import absorbed
from .telling import answer, repeat, title_of_target, warnings

#: Methods whose maps say how the answer would change, not what anything contributed.
SENSITIVITIES = frozenset(
    {"gradient", "smoothgrad", "vargrad", "smoothgrad_squared", "guided_backprop", "deconvolution", "guided_gradcam"}
)

#: Pairs of maps that the page lists by name.
_LISTED = 8

_MEASURES = ("spearman", "spearman_absolute", "top_overlap", "sign_agreement")


def page(comparison: Comparison, result: CompareMethodsResult) -> str:
    """The page (HTML) of a comparison."""
    explained, request = comparison.explained, comparison.request
    title = f"Do explanations agree? {title_of_target(explained)}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        answer(explained, result.target_pixels, result.f_x, result.probability),
        _verdict(comparison, result),
        warnings(result.warnings),
        _together(comparison),
        _maps(comparison),
        _numbers(comparison),
        _matrices(comparison),
        _methods(comparison),
        repeat("comparemethods", request, explained),
    ]
    return document(title, parts, explains=True)


def table(result: CompareMethodsResult) -> str:
    """Every map with its numbers, then every pair with its measures, as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(("map", "compared_with", "measure", "value"))
    for one in result.maps:
        for measure in ("f_baseline", "error", "attribution_sum", "inside", "evaluations"):
            writer.writerow(map(csv_cell, (one["title"], "", measure, one[measure])))
    for found in result.pairs:
        for measure in _MEASURES:
            writer.writerow(map(csv_cell, (*found["maps"], measure, found[measure])))
    return text.getvalue()


def _verdict(comparison: Comparison, result: CompareMethodsResult) -> str:
    """How far the maps agree, in a sentence or two."""
    count = len(comparison.maps)
    apart = sum(strongly(found) for _, _, found in comparison.pairs)
    known = not math.isnan(result.sign_agreement)
    shared = result.sign_agreement if known else result.top_overlap
    signs = ", with the same sign" if known else ""
    text = (
        f"Of {count} maps, two have on average {percent(shared)} of their most important tenth of the pixels in "
        f"common{signs}. By chance alone it would be {percent(TOP / 2 if known else TOP)}. "
    )
    if not apart:
        text += "No two of them disagree strongly: what they show does not hang on the choice among them."
    elif apart == len(comparison.pairs):
        text += "Every two of them disagree strongly: do not show any single one as the reason."
    else:
        text += f"{apart} of {len(comparison.pairs)} pairs disagree strongly (less than {percent(STRONG)} in common)."
    return paragraph(text)


def _together(comparison: Comparison) -> str:
    ground, size = _ground(comparison), comparison.explained.scene.grid.pixel_size
    layers = comparison.together
    limit = robust_range(layers.spread)
    pictures = [
        ("The scene, with what is explained", ground),
        ("Mean of the scaled maps", over_ground(layers.mean, ground)),
        ("Agreement: white none, black all maps", shades(layers.agreement)),
        (f"Spread: black {limit:.2g} and more", shades(layers.spread, limit)),
    ]
    shown = panels(pictures, comparison.pixels, size, columns=2)
    kind = "" if comparison.of_signed else " Too few of these maps have signs, so their sizes (|φ|) are taken."
    return (
        f"<h2>What they say together</h2>{image(shown, 'Scene, mean, agreement and spread')}"
        '<p class="small">Each map is scaled so that its absolute values add up to 1. Agreement: the share of the maps '
        "that have a pixel among their most important tenth, with the same sign. Spread: the standard deviation over "
        f"the maps; where it is larger than the mean, the mean's sign is not to be relied on.{kind}</p>"
    )


def _maps(comparison: Comparison) -> str:
    ground, size = _ground(comparison), comparison.explained.scene.grid.pixel_size
    pictures = [(one.title.replace(" · ", "\n"), over_ground(one.scaled, ground)) for one in comparison.maps]
    shown = panels(pictures, comparison.pixels, size, columns=4)
    return (
        f"<h2>The maps side by side</h2>{image(shown, 'All maps')}"
        '<p class="small">Red raised the answer, blue lowered it; colours are full from the 99th percentile of each '
        f"map on. {_kinds(comparison)}</p>"
    )


def _kinds(comparison: Comparison) -> str:
    """What must not be mixed up."""
    told = []
    sensitive = [one for one in comparison.maps if _is_sensitivity(one.method.entry.name, one.method.settings)]
    if 0 < len(sensitive) < len(comparison.maps):
        names = ", ".join(dict.fromkeys(escape(one.method.entry.title) for one in sensitive))
        told.append(
            f"{names}: tell how the answer would move if a pixel became brighter; the others, what each pixel "
            "contributed. Their signs do not mean the same, so that these disagree without a contradiction."
        )
    unsigned = dict.fromkeys(escape(one.method.entry.title) for one in comparison.maps if not one.has_signs)
    if unsigned:
        told.append(f"{', '.join(unsigned)}: never negative, and compared by size only.")
    coarse = {"answers": "drawn where answers changed", "superpixels": "one value for each superpixel"}
    for kind, words in coarse.items():
        drawn = dict.fromkeys(
            escape(one.method.entry.title) for one in comparison.maps if one.method.entry.drawn == kind
        )
        if drawn:
            told.append(f"{', '.join(drawn)}: {words}.")
    return " ".join(told)


def _is_sensitivity(name: str, settings: Any) -> bool:
    return name in SENSITIVITIES and settings.get("of") != "integrated_gradients"


def _numbers(comparison: Comparison) -> str:
    rows = [
        (
            escape(one.title),
            number(one.f_baseline, 3),
            number(one.total, 3) if one.method.entry.sums_to else "–",
            "–" if math.isnan(one.error) else f"{100 * one.error:.2g} %",
            percent(one.inside),
            f"{round(one.evaluations):,}",
        )
        for one in comparison.maps
    ]
    kept = " What biases, ε and places without data kept of relevance is in no sum, but counts where sums are checked."
    kept = kept if any(round(absorbed(one.facts), 3) for one in comparison.maps) else ""
    heads = ("Map", "Answer for the baseline", "Sum", "Sum off by", "|φ| inside the target", "Model asked")
    return (
        f"<h2>Map by map</h2><p>The answer for the image is {number(comparison.f_x, 3)}. A baseline for which the "
        f"answer is much the same explains little: nothing was taken away.{kept}</p>" + html_table(heads, rows)
    )


def _matrices(comparison: Comparison) -> str:
    count = int(comparison.where.sum())
    distance = _rank_of_distance(comparison)
    legend = "".join(f"<li>{place}: {escape(one.title)}</li>" for place, one in enumerate(comparison.maps, start=1))
    return (
        "<h2>Agreement, pair by pair</h2>"
        f"<p>Over the {count:,} pixels that any of the maps says something of.</p>"
        f'<ul class="small">{legend}</ul>'
        + _matrix(comparison, "sign_agreement", "Top tenth in common, with the same sign", percent)
        + _matrix(comparison, "top_overlap", "Top tenth in common", percent)
        + _matrix(comparison, "spearman", "Rank correlation (Spearman)", number)
        + _matrix(comparison, "spearman_absolute", "Rank correlation of sizes, |φ|", number, distance)
        + '<p class="small">The last column of the last table is a map of nothing but the distance from the target. '
        "All maps fade with that distance, so a rank correlation of sizes says little unless it is well above it. "
        "Measures: feature agreement, sign agreement and rank correlation of Krishna, Han, Gu, Wu, Jabbari, "
        "Lakkaraju: The Disagreement Problem in Explainable Machine Learning (2022, arXiv:2202.01602), with pixels "
        "as features.</p>" + _listed(comparison)
    )


def _matrix(
    comparison: Comparison, measure: str, title: str, show: Callable[[float], str], last: list[float] | None = None
) -> str:
    """A table of one measure for all pairs; darker where maps agree more."""
    count = len(comparison.maps)
    values = np.full((count, count), np.nan)
    for (row, column), (_, _, found) in zip(combinations(range(count), 2), comparison.pairs, strict=True):
        values[row, column] = values[column, row] = getattr(found, measure)
    if np.isnan(values).all():
        return ""
    heads = "".join(f'<th class="n">{place + 1}</th>' for place in range(count))
    heads += '<th class="n">distance</th>' if last else ""
    rows = []
    for row in range(count):
        cells = ["<td></td>" if row == column else _cell(values[row, column], show) for column in range(count)]
        cells += [_cell(last[row], show)] if last else []
        rows.append(f"<tr><th>{row + 1}</th>{''.join(cells)}</tr>")
    return f'<h3>{escape(title)}</h3><table class="matrix"><tr><th></th>{heads}</tr>{"".join(rows)}</table>'


def _cell(value: float, show: Callable[[float], str]) -> str:
    if math.isnan(value):
        return '<td class="n">–</td>'
    # Blue for agreement, orange for the opposite; the figure stays legible on both.
    colour, strength = ("0,114,178", 0.45 * value) if value >= 0 else ("213,94,0", -0.45 * value)
    return f'<td class="n" style="background:rgba({colour},{strength:.2f})">{show(value)}</td>'


def _rank_of_distance(comparison: Comparison) -> list[float]:
    """Of each map the rank correlation of |φ| with a map of nothing but nearness to the target."""
    width, height = comparison.explained.scene.grid.pixel_size
    nearness = -distance_transform_edt(~comparison.pixels, sampling=(height, width))[comparison.where]
    return [spearman(np.abs(one.scaled[comparison.where]), nearness) for one in comparison.maps]


def _listed(comparison: Comparison) -> str:
    """The pairs that disagree most, in words."""

    def shared(found: Pair) -> float:
        return found.top_overlap if math.isnan(found.sign_agreement) else found.sign_agreement

    apart = sorted((p for p in comparison.pairs if strongly(p[2])), key=lambda p: shared(p[2]))
    if not apart:
        return ""
    rows = "".join(
        f"<li>{escape(one.title)} and {escape(other.title)}: {percent(shared(found))} of the top tenth in common.</li>"
        for one, other, found in apart[:_LISTED]
    )
    more = f"<p>… and {len(apart) - _LISTED} more pairs.</p>" if len(apart) > _LISTED else ""
    return f"<h3>These disagree most</h3><ul>{rows}</ul>{more}"


def _methods(comparison: Comparison) -> str:
    entries = {one.method.entry.name: one.method.entry for one in comparison.maps}
    told = "".join(
        f"<dt>{escape(entry.title)}</dt><dd>{escape(entry.tells)} <i>It cannot tell:</i> "
        f"{escape(entry.cannot_tell)}</dd>"
        for entry in entries.values()
    )
    return f"<h2>What each method can tell</h2><dl>{told}</dl>"


def _ground(comparison: Comparison) -> np.ndarray:
    reflectance, valid = comparison.explained.read(comparison.explained.region)
    return natural_colour(comparison.explained.scene.bands, reflectance, valid)
