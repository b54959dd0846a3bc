"""The page of one deletion mask: the mask, what the model saw, the numbers and the curve of the search."""

from __future__ import annotations

from html import escape

import numpy as np
import torch

from ...contract.deletion_mask import DeletionMaskRequest, DeletionMaskResult
from ..reporting.page import BLUE, ORANGE, document, facts, figure, image, number, percent
from .explained import Explained
from .masks import Mask, Wanted, masked
from .pictures import natural_colour, over_ground, panels
from .telling import answer, repeat, title_of_target, warnings
from .view import View

_TITLES = {
    "smallest": "What has to go before it goes",
    "area_deleted": "The area that it needs most",
    "area_kept": "The area that alone keeps it",
}


def report(
    request: DeletionMaskRequest,
    explained: Explained,
    view: View,
    wanted: Wanted,
    found: Mask,
    pixels: np.ndarray,
    result: DeletionMaskResult,
) -> str:
    """The page (HTML)."""
    title = f"{_TITLES[request.form]}: {title_of_target(explained)}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        answer(explained, result.target_pixels, result.f_x, result.probability),
        f"<p>{escape(outcome(result))}</p>",
        warnings(result.warnings),
        _pictures(explained, view, wanted, found, pixels),
        _numbers(result, min(view.pixel_size)),
        _curve(result),
        repeat("deletionmask", request, explained),
    ]
    return document(title, parts, explains=True)


def outcome(result: DeletionMaskResult) -> str:
    """What came out, in a sentence."""
    if result.form == "area_kept":
        what = f"Only {result.area_ha:.2f} ha are kept, {percent(result.area_share)} of the target's area"
    else:
        what = (
            f"The image is faded by {percent(result.area_share)} of the target's area, as much as "
            f"{result.area_ha:.2f} ha wholly replaced"
        )
    text = (
        f"{what}. The mean probability goes from {result.probability:.3f} to {result.probability_masked:.3f}: "
        f"{result.detected_masked} of {result.target_pixels} pixels are detected then, where there were "
        f"{result.detected}."
    )
    if result.form == "area_kept" and 2 * result.detected_masked < result.target_pixels:
        return f"{text} That is little: choose a larger area."
    if result.form == "smallest" and 2 * result.detected_sharp >= result.target_pixels:
        return f"{text} No small part decides: cutting out only what is hidden most leaves most of it detected."
    return text


def _pictures(explained: Explained, view: View, wanted: Wanted, found: Mask, pixels: np.ndarray) -> str:
    bands, valid = explained.scene.bands, view.valid.cpu().numpy()
    with torch.no_grad():
        seen = masked(view, found.values[None], wanted.keeps, view.baselines[:1])[0].cpu().numpy()
    ground = natural_colour(bands, view.reflectance[0].cpu().numpy(), valid)
    shown = [
        ("The scene, with the target", ground),
        ("Kept" if wanted.keeps else "Masked", over_ground(found.values.cpu().numpy(), ground, 1.0)),
        ("What the model then sees", natural_colour(bands, seen, valid)),
    ]
    drawn = panels(shown, pixels, explained.scene.grid.pixel_size, columns=3)
    what = "kept" if wanted.keeps else "masked"
    return (
        f"<h2>The mask</h2>{image(drawn, 'The scene, the mask, and the scene with the mask')}"
        f'<p class="small">The redder, the more of a pixel is {what}. The line is the outline of the target.</p>'
    )


def _numbers(result: DeletionMaskResult, pixel: float) -> str:
    done = "kept" if result.form == "area_kept" else "masked"
    rows = [
        ("Answer", f"{number(result.f_x, 3)} for the image, {number(result.f_masked, 3)} with the mask"),
        ("Compared with", f"{escape(result.baseline_text)}, for which it is {number(result.f_baseline, 3)}"),
        (
            "As a sharp mask",
            f"{result.sharp_area_ha:.2f} ha, of which each pixel is {done} by at least half; wholly so, "
            f"{result.detected_sharp} of {result.target_pixels} pixels are detected. A smooth mask changes many pixels "
            "a little, and may do more with less.",
        ),
        ("Parameters", escape(_settings(result, pixel), quote=False)),
        ("Model asked", f"{result.evaluations:,} times, on {escape(result.device)}"),
    ]
    return "<h2>The numbers</h2>" + facts(rows)


def _settings(result: DeletionMaskResult, pixel: float) -> str:
    """The parameters, called as in the dialog and in its units; ``pixel``: metres."""
    given = result.settings
    told = {
        "area": f"{percent(given['area'] / result.target_pixels)} of the target's" if given["area"] else "",
        "weight of the area (λ₁)": "" if given["area"] else f"{given['area_weight']:g}",
        "weight of edges (λ₂)": f"{given['smoothness']:g}",
        "cells of the mask": f"{given['grain'] * pixel:g} m",
        "moved by chance by up to": f"{given['jitter']} pixels",
        "trials in each iteration": f"{given['trials']}",
        "iterations": f"{given['iterations']}",
        "seed of random numbers": f"{given['seed']}",
    }
    return "; ".join(f"{name}: {value}" for name, value in told.items() if value)


def _curve(result: DeletionMaskResult) -> str:
    if not result.curve:
        return ""
    drawn, axes = figure(6.4, 2.8)
    steps = range(1, len(result.curve) + 1)
    axes.plot(steps, [loss for loss, _ in result.curve], color=BLUE, label="loss: answer, area and edges")
    axes.plot(
        steps, [excess for _, excess in result.curve], color=ORANGE, label="answer: 1 as in the image, 0 as sought"
    )
    axes.set(xlabel="Iteration", ylim=(0, None))
    axes.legend(frameon=False, fontsize=8)
    return (
        f"<h2>The search</h2>{image(drawn, 'Loss and answer against the iteration')}"
        '<p class="small">It has settled where the curves are flat. Where an area was given, what missing it costs '
        "grows as the search goes on, and so may the loss.</p>"
    )
