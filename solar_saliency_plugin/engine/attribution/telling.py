"""What pages say of targets, methods and requests, in plain sentences (HTML)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from html import escape
from typing import Any

import shapely

from ...contract.attribution_methods import AttributionMethod
from ...contract.options import to_json
from ...contract.version import PLUGIN_VERSION
from ..imagery.grid import Grid
from ..imagery.polygons import place_name, to_degrees
from ..reporting.page import facts, note, number, paragraph
from ..versions import package_versions
from .explained import Explained
from .target import Target

#: Completeness up to which sums can be relied on, and from which on they should not be.
GOOD, POOR = 0.01, 0.05

_BASELINES = {
    "soil": "bare soil",
    "zero": "zero (black)",
    "mean": "the scene's mean",
    "blur": "the blurred image",
    "surroundings": "the surroundings",
    "scene": "another date",
}


def title_of(name: str) -> str:
    """What a page calls its target."""
    return name or "the target"


def title_of_target(explained: Explained) -> str:
    """What a page calls the target of a question: by its name, else by its place, as the layers' groups do."""
    request, grid = explained.request, explained.scene.grid
    if request.name.strip():
        return request.name.strip()
    if not request.target.strip() and not request.polygons.strip():
        return "all detections"
    return place_of(explained.target, grid)


def place_of(target: Target, grid: Grid) -> str:
    """Where the middle of a target lies, as a name."""
    west, south, east, north = shapely.bounds(shapely.from_wkt(target.wkt(grid)))
    return place_name(*to_degrees(grid.crs).transform((west + east) / 2, (south + north) / 2))


def baseline_name(kind: str) -> str:
    """What the pages call a baseline."""
    return _BASELINES[kind]


def warnings(told: Sequence[str]) -> str:
    """What the user should not overlook."""
    return "\n".join(note(escape(warning)) for warning in told)


def answer(explained: Explained, pixels: int, f_x: float, probability: float) -> str:
    """The number that is explained, in a sentence."""
    request, scene = explained.request, explained.scene
    of = "logit" if request.quantity == "logit" else "probability"
    if pixels == 1:
        what = f"the {of} of one pixel"
    else:
        what = f"the {'sum' if request.total == 'sum' else 'mean'} of the {of} over {pixels:,} pixels"
    also = f" (a mean probability of {number(probability, 3)})" if of == "logit" else ""
    day = f" of {scene.date}" if scene.date else ""
    return (
        f"<p>What is explained is {what}: <b>{number(f_x, 3)}</b>{also}. So says the model "
        f"“{escape(explained.model.card.name)}” of the scene {escape(scene.id)}{escape(day)}.</p>"
    )


def completeness(entry: AttributionMethod, total: float, wanted: float, error: float, kept: float = 0.0) -> str:
    """How exactly contributions add up, in words: ``total``, with what was ``kept`` on the way, to ``wanted``."""
    if not entry.sums_to:
        return "They add up to nothing that is known: compare their sizes with each other, not with the answer."
    if math.isnan(error):
        return f"They add up to {number(total, 3)}. There is nothing to compare that with."
    aim = "the answer" if entry.sums_to == "answer" else "the difference between image and baseline"
    also = f", and biases, ε and places without data kept {number(kept, 3)}" if round(kept, 3) else ""
    text = f"They add up to {number(total, 3)}{also}; {aim} is {number(wanted, 3)}, so {_share(error)} are missed. "
    if error <= GOOD:
        return text + "That is exact enough to rely on sums."
    if error <= POOR:
        return text + "Treat small differences with care."
    return text + "Do not rely on sums: allow more steps or samples, or take another method."


def method_told(entry: AttributionMethod) -> str:
    """What a method is, can and cannot tell, and where it comes from."""
    return (
        f'<p class="formula">{escape(entry.formula)}</p>'
        f"{paragraph(entry.tells)}"
        f"<p><b>It cannot tell.</b> {escape(entry.cannot_tell)}</p>"
        f"<p><b>Known to fail.</b> {escape(entry.known_to_fail)}</p>"
        f'<p class="small">{escape(entry.paper)}.</p>'
    )


def settings_told(settings: Mapping[str, Any]) -> str:
    """A method's parameters in a few words; what was left to the method itself is not told."""
    return "; ".join(f"{_words(name)}: {value}" for name, value in settings.items() if isinstance(value, (int, str)))


def facts_told(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a method has to say of its own, as rows of a table; words of their own where the name says too little."""
    rows = []
    for name, value in found.items():
        title, told = _FACTS.get(name, (_words(name).capitalize(), _value))
        rows.append((escape(title), escape(told(value))))
    return rows


def _yes_or_no(value: bool) -> str:
    return "yes: with more points neither the sum nor the map would change much" if value else "no: see the warning"


def _bits(name: str) -> str:
    return name.replace("bfloat16", "16 bits (bfloat16)").replace("float32", "32 bits")


#: What facts are called on pages, and how their values are told.
_FACTS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "completeness_error": ("The sum misses", lambda share: f"{_share(share)} of the difference"),
    "map_change": ("The map moved by", lambda share: f"{_share(share)} when the points were tripled for the last time"),
    "refined": ("Exact enough", _yes_or_no),
    "passes": ("Work", lambda passes: f"as much as looking at the whole map {passes:.3g} times"),
    "squares": ("Squares hidden", lambda count: f"{count:,}"),
    "surrogate_r2": ("Fit of the linear model", lambda r2: f"R² = {r2:.3f}; 1 would be perfect"),
    "orders": ("Random orders", lambda count: f"{count:,}"),
    "absorbed_by_biases": ("Kept by biases", lambda value: number(value, 3)),
    "absorbed_by_epsilon": ("Kept by ε", lambda value: number(value, 3)),
    "absorbed_by_nodata": ("Kept by places without data", lambda value: number(value, 3)),
    "precision": ("Computed in", _bits),
    "off_in_16_bits": ("16 bits, in a trial, were off by", lambda share: f"{_share(share)} of how much answers vary"),
}


def repeat(method: str, request: Any, explained: Explained) -> str:
    """How to get the same result again: the request, what differs from the defaults."""
    plain = to_json(request)
    asked = {f.name: plain[f.name] for f in fields(request) if getattr(request, f.name) != f.default}
    text = json.dumps(asked, ensure_ascii=False, indent=2)
    software = ", ".join(f"{name} {version}" for name, version in sorted(package_versions().items()))
    return (
        "<h2>How to repeat it</h2><p>In QGIS: the layer's context menu, Re-run from This Layer. Without QGIS: "
        f"<code>python -m solar_saliency_plugin.engine {method}</code> with these options; all others have their "
        f"defaults.</p><pre><code>{escape(text)}</code></pre>"
        + facts(
            [
                ("Model", f"{escape(explained.model.card.name)}, SHA-256 <code>{explained.model.sha256}</code>"),
                ("Software", f"Solar Saliency {escape(PLUGIN_VERSION)}; {escape(software)}"),
            ]
        )
    )


def _share(share: float) -> str:
    if 0 < share < 0.001:
        return "under 0.1 %"
    return f"{100 * share:.0f} %" if share >= 0.095 else f"{100 * share:.2g} %"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(_value(one) for one in value)
    if isinstance(value, Mapping):
        return "; ".join(f"{_words(str(name))}: {_value(one)}" for name, one in value.items())
    return str(value)
