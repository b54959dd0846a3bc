"""Requests and results of deletion masks: what has to go before a detection goes, or to stay for it to stay."""

from dataclasses import dataclass
from typing import Any, Dict, Optional, Tuple

from .attribution import Question
from .options import Role, option
from .registry import method


@dataclass(frozen=True)
class DeletionMaskResult:
    """A mask raster was written. What there is not is NaN (null).

    f_x, f_masked, f_baseline: the answer S for the image, with the mask, and for the baseline everywhere. probability,
    probability_masked: the mean over the target's pixels. detected, detected_masked: how many of them reach the
    threshold. area_ha: of the mask, partly masked pixels counted in part; area_share: of the target's area.
    sharp_area_ha, detected_sharp: the same where each pixel is masked by at least half, wholly. curve: after each
    iteration, the loss and the excess, its part that is the model's answer. settled: the last tenth of the iterations
    changed the loss by less than 1 % of where it began.
    """

    output: str
    report: str
    form: str
    baseline_text: str
    settings: Dict[str, Any]
    target_wkt: str
    target_crs: str
    target_pixels: int
    threshold: float
    f_x: float
    f_masked: float
    f_baseline: float
    probability: float
    probability_masked: float
    detected: int
    detected_masked: int
    detected_sharp: int
    area_ha: float
    area_share: float
    sharp_area_ha: float
    curve: Tuple[Tuple[float, float], ...]
    settled: bool
    evaluations: int
    width: int
    height: int
    device: str
    model: str
    model_sha256: str
    seconds: float
    warnings: Tuple[str, ...] = ()


@method("deletionmask", result=DeletionMaskResult, runs="attribution.deletion_mask:deletion_mask")
@dataclass(frozen=True)
class DeletionMaskRequest(Question):
    """Find the smallest part of the image without which the model no longer detects the target.

    What is masked is replaced by the baseline, by as little as possible and over as little area as possible, until the
    target's pixels fall below the threshold. Such a mask may fade all of the farm softly instead of cutting a part of
    it out: the log says what cutting out only what is hidden most would do. Or an area of a given size is sought that
    deletes most of the detection, or that alone keeps it. It tells what the detection rests on, all masked pixels taken
    together. It cannot tell that nothing else matters: where either of two things would do, one of them is found. The
    mask is made by trial: other settings, or another seed, give a somewhat different one. Fong, Vedaldi: Interpretable
    Explanations of Black Boxes by Meaningful Perturbation. ICCV 2017; for a given area: Fong, Patrick, Vedaldi:
    Understanding Deep Networks via Extremal Perturbations and Smooth Masks. ICCV 2019.
    """

    form: str = option(
        "What is sought: the smallest mask that removes the detection; the mask of the given area that removes most of "
        "it; or the area of that size that alone keeps most of it.",
        "smallest",
        choices=("smallest", "area_deleted", "area_kept"),
    )
    output: str = option(
        "The mask to write (GeoTIFF): 1 where the image is wholly replaced (or, for what is kept, wholly shown), 0 "
        "where it is not.",
        role=Role.RASTER_OUTPUT,
    )
    report: str = option(
        "A page with the numbers and the curve of the search (HTML). Empty: none.", "", role=Role.PAGE_OUTPUT
    )
    area: Optional[float] = option(
        "For a given area: its size, as a share of the target's area. Empty: 0.25.",
        None,
        minimum=0.01,
        maximum=10.0,
    )
    area_weight: Optional[float] = option(
        "For the smallest mask, λ₁: what masking the target's whole area costs; the detection itself is worth 1. "
        "Empty: 0.1.",
        None,
        minimum=0.0001,
        maximum=10.0,
        advanced=True,
    )
    smoothness: float = option(
        "λ₂: what a mask with edges costs; more of it gives a mask of fewer, rounder parts.",
        0.01,
        minimum=0.0,
        maximum=10.0,
        advanced=True,
    )
    grain: float = option(
        "Size of the mask's cells, between whose middles it is smooth: what is smaller is not resolved.",
        20.0,
        unit="m",
        minimum=10.0,
        maximum=500.0,
        advanced=True,
    )
    jitter: int = option(
        "The mask is moved by chance, by up to so many pixels, at each trial, so that no single pixel decides.",
        1,
        unit="pixels",
        minimum=0,
        maximum=20,
        advanced=True,
    )
    trials: int = option(
        "Trials in each iteration, each with the mask moved by chance and, of several baselines, another one.",
        4,
        minimum=1,
        maximum=100,
        advanced=True,
    )
    iterations: int = option(
        "How often the mask is improved.",
        150,
        minimum=1,
        maximum=10_000,
        advanced=True,
    )
