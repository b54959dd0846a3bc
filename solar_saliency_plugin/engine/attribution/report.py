"""The page of one explanation: the map, the bands, how far to trust them, and how to repeat it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import rasterio
from rasterio.enums import Resampling

from ...contract.attribution import AttributeResult, surroundings_in_words, tells_slope
from ...contract.band_words import band_text
from ..reporting.page import document, facts, image, number, percent, signed, signed_bars
from ..windowed.raster import WindowedRaster
from .maps import RINGS, robust_range
from .pictures import LOWERED, RAISED, natural_colour, over_ground, panels
from .quality import absorbed
from .telling import (
    answer,
    completeness,
    facts_told,
    method_told,
    repeat,
    settings_told,
    title_of_target,
    warnings,
)

if TYPE_CHECKING:
    from .attribute import Run

#: The longer side of the picture of a map that was computed in windows, pixels.
_LARGEST = 600


def report(run: Run, result: AttributeResult, raster: WindowedRaster) -> str:
    """The page (HTML) of a run that is computed; ``raster`` holds its map."""
    entry, explained = run.method.entry, run.explained
    title = f"Why: {title_of_target(explained)}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        answer(explained, result.target_pixels, result.f_x, result.probability),
        _compared(result),
        warnings(result.warnings),
        _map(run, raster),
        _slopes(run, result) if tells_slope(entry, run.method.settings) else _bands(result),
        _trust(run, result),
        f"<h2>The method: {escape(entry.title)}</h2>{method_told(entry)}",
        _asked(run, result),
        repeat("attribute", run.request, explained),
    ]
    return document(title, parts, explains=True)


def _compared(result: AttributeResult) -> str:
    if not result.baseline_text:
        return ""
    return (
        f"<p>The image is compared with {escape(result.baseline_text)}, for which the answer is "
        f"<b>{number(result.f_baseline, 3)}</b>. What does not differ from that gets nothing: another baseline may "
        "show something else.</p>"
    )


def _map(run: Run, raster: WindowedRaster) -> str:
    explained, entry = run.explained, run.method.entry
    size = explained.scene.grid.pixel_size
    raster.flush()
    if not explained.is_whole:
        drawn, share = _downsampled(raster)
        limit = robust_range(drawn)
        ground = np.ones((*drawn.shape, 3))
        nowhere = np.zeros(drawn.shape, bool)
        coarse = (size[0] * share, size[1] * share)
        shown = panels([("", over_ground(drawn, ground, limit))], nowhere, coarse, columns=1)
        what = f"Means over squares of {share:.0f} pixels; the raster has every pixel."
    else:
        with rasterio.open(raster.path) as file:
            values = file.read(1)
        reflectance, valid = explained.read(explained.region)
        ground = natural_colour(explained.scene.bands, reflectance, valid)
        limit = robust_range(values)
        pictures = [("The scene, with what is explained", ground), (entry.title, over_ground(values, ground, limit))]
        shown = panels(pictures, run.frozen.pixels(explained.region), size, columns=2)
        what = "The line is the outline of the pixels that are explained."
    if not entry.signed:
        colours = "The redder, the more"
    elif tells_slope(entry, run.method.settings):
        colours = "Where it is red, the answer would rise with reflectance, where it is blue, fall"
    else:
        colours = "Red raised the answer, blue lowered it"
    return (
        f"<h2>The map</h2>{image(shown, 'The scene and the attribution on it')}"
        f'<p class="small">{colours}, up to full colour at {"±" if entry.signed else ""}{limit:.3g} a pixel, summed '
        f"over bands. {what}</p>"
    )


def _downsampled(raster: WindowedRaster) -> tuple[np.ndarray, float]:
    """The map's first band as means over squares, and how many pixels wide these are."""
    with rasterio.open(raster.path) as file:
        share = max(1.0, max(file.width, file.height) / _LARGEST)
        shape = (max(1, round(file.height / share)), max(1, round(file.width / share)))
        return file.read(1, out_shape=shape, resampling=Resampling.average), share


def _bands(result: AttributeResult) -> str:
    if not result.bands:
        return ""
    by_value = sorted(result.bands, key=lambda name: result.bands[name])
    lowest, highest = by_value[0], by_value[-1]
    told = []
    if result.bands[highest] > 0:
        told.append(f"{escape(band_text(highest))} raised the answer most: {signed(result.bands[highest])}")
    if result.bands[lowest] < 0:
        told.append(f"{escape(band_text(lowest))} lowered it most: {signed(result.bands[lowest])}")
    words = "; ".join(told)
    chart = signed_bars(_in_words(result.bands), "What each band contributed", raised=RAISED, lowered=LOWERED)
    return (
        f"<h2>The bands</h2><p>Added up over all pixels, {words or 'no band moved the answer'}.</p>{chart}"
        '<p class="small">Contributions of opposite signs cancel in such a sum: the maps of single bands show both.</p>'
    )


def _in_words(bands: Mapping[str, float]) -> dict[str, float]:
    """The bands' numbers by what people call the bands."""
    return {band_text(name): value for name, value in bands.items()}


def _slopes(run: Run, result: AttributeResult) -> str:
    """The bands of a method whose values are slopes (or squares of them): they raised and lowered nothing."""
    if not result.bands:
        return ""
    squares = "" if run.method.entry.signed else "squares of "
    what = f"{squares}the change of the {run.request.quantity} per unit of reflectance"
    chart = signed_bars(_in_words(result.bands), "What each band would change", raised=RAISED, lowered=LOWERED)
    return (
        f"<h2>The bands</h2><p>Added up over all pixels, {what}. It says how the answer would move, not what "
        f"contributed to it.</p>{chart}"
    )


def _trust(run: Run, result: AttributeResult) -> str:
    entry = run.method.entry
    wanted = result.f_x if entry.sums_to == "answer" else result.f_x - result.f_baseline
    kept = absorbed(result.facts)
    near, middle, far = (f"{ring:g}" for ring in RINGS)
    shares = (
        ("inside the target", result.inside),
        (f"up to {near} m around it", result.within_50_m),
        (f"{near}–{middle} m away", result.within_100_m),
        (f"{middle}–{far} m away", result.within_200_m),
        ("farther away", result.beyond_200_m),
    )
    times = "once" if result.evaluations == 1 else f"{result.evaluations:,} times"
    where = ", ".join(f"{place} {percent(share)}" for place, share in shares if not math.isnan(share))
    outside = surroundings_in_words(result.inside, entry, result.settings)
    rows = [
        ("Contributions", completeness(entry, result.attribution_sum, wanted, result.error, kept)),
        ("Where they lie", f"Whatever their sign: {where}. {outside}" if where else "Nowhere: the map is zero."),
        ("Model asked", f"{times}, on {escape(result.device)}"),
        *facts_told(result.facts),
    ]
    return (
        "<h2>How far to trust it</h2>"
        + facts(rows)
        + "<p>A map tells what the model reacts to. It cannot tell whether that is a good reason. Compare Explanations "
        "shows whether other methods and baselines say the same.</p>"
    )


def _asked(run: Run, result: AttributeResult) -> str:
    """Target, baseline and parameters."""
    target = result.target_wkt if len(result.target_wkt) <= 600 else f"{result.target_wkt[:600]} …"
    rows = [
        ("Target", f"<code>{escape(target)}</code> ({escape(result.target_crs)})"),
        ("Pixels explained", f"{result.target_pixels:,}, on a map of {result.width} × {result.height}"),
        ("Baseline", escape(result.baseline_text) or "none: the method has no use for one"),
        ("Parameters", escape(settings_told(result.settings))),
    ]
    return "<h2>What was asked</h2>" + facts(rows)
