"""Find what a detection rests on: a scene and a target in, a mask out without which it goes, or with which it stays."""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch

from ...contract.deletion_mask import DeletionMaskRequest, DeletionMaskResult
from ...contract.errors import RequestError, TargetEmptyError
from ..imagery.outputs import RASTER_SUFFIXES, check_output
from ..job import Job
from ..reporting.page import PAGE_SUFFIXES, written_beside
from .deletion_report import report
from .explained import Explained, open_explained
from .masks import Mask, Wanted, excess_of, find_mask, masked
from .one_piece import equals_baseline, write_map, writing
from .view import View

#: Where the run is when the target is found, and when the mask is.
FOUND, COMPUTED = 0.05, 0.95

#: Values of options that only some forms have.
AREA, AREA_WEIGHT = 0.25, 0.1

#: Share of the target's pixels that are detected in the baseline from which no mask can remove the detection.
HARDLY = 0.5

_WHY_WHOLE = "Such a mask is sought for a target as a whole; masks of its parts do not add up to one."


@dataclass(frozen=True)
class Answers:
    """What the model says of an image, or on average of one a baseline: S, mean probability, pixels detected."""

    score: float
    probability: float
    detected: int


def deletion_mask(request: DeletionMaskRequest, job: Job) -> DeletionMaskResult:
    """Write a mask (float32, 0–1, nodata NaN) on the scene's own grid, its style, its numbers.

    Raises :class:`SolarSaliencyError`.
    """
    _require_fitting(request)
    with open_explained(request, job) as explained:
        inputs = explained.inputs
        output = check_output(request.output, inputs, RASTER_SUFFIXES)
        page = check_output(request.report, (*inputs, output), PAGE_SUFFIXES) if request.report.strip() else None
        explained.require_whole("a deletion mask", _WHY_WHOLE)
        _require_level(request, explained.threshold)
        with writing(explained, output):
            view, pixels = explained.whole_view(job.part(FOUND, COMPUTED))
            return _mask(request, explained, view, pixels, output, page, job)


def _require_fitting(request: DeletionMaskRequest) -> None:
    if request.form == "smallest" and request.area is not None:
        raise RequestError(
            "An area was given, but the smallest mask is sought.", "Leave the area empty, or choose another form."
        )
    if request.form != "smallest" and request.area_weight is not None:
        raise RequestError(
            "A weight of the area was given, but a mask of a given area is sought.",
            "Leave the weight empty, or choose the form “smallest”.",
        )


def _require_level(request: DeletionMaskRequest, threshold: float) -> None:
    """The smallest mask is sought by how far answers exceed the threshold, which needs a finite one."""
    if request.form != "smallest" or 0 < threshold < 1:
        return
    counts = "every pixel counts as detected, whatever is deleted" if threshold <= 0 else "no pixel counts as detected"
    raise RequestError(
        f"At a threshold of {threshold:g} {counts}: there is no smallest mask.",
        "Choose a threshold between 0 and 1, such as 0.5, or another form.",
    )


def _wanted(request: DeletionMaskRequest, explained: Explained, view: View, pixels: int) -> Wanted:
    share = explained.threshold
    logit = math.log(share / (1 - share)) if 0 < share < 1 else math.copysign(math.inf, share - 0.5)
    area = None if request.form == "smallest" else (AREA if request.area is None else request.area) * pixels
    if area is not None and area >= 0.9 * view.valid.sum():
        raise RequestError(
            f"The area is as large as nearly all that the model looks at ({int(view.valid.sum())} pixels).",
            "Choose a smaller one.",
        )
    return Wanted(
        keeps=request.form == "area_kept",
        level=share if request.quantity == "probability" else logit,
        area=area,
        area_weight=AREA_WEIGHT if request.area_weight is None else request.area_weight,
        smoothness=request.smoothness,
        grain=max(1, round(request.grain / min(view.pixel_size))),
        jitter=request.jitter,
        trials=request.trials,
        iterations=request.iterations,
    )


def _mask(
    request: DeletionMaskRequest,
    explained: Explained,
    view: View,
    pixels: np.ndarray,
    output: Path,
    page: Path | None,
    job: Job,
) -> DeletionMaskResult:
    wanted = _wanted(request, explained, view, int(pixels.sum()))
    nothing = torch.zeros(view.shape, device=view.reflectance.device)
    image = _answers(view, wanted, nothing if not wanted.keeps else nothing + 1)
    if not image.detected and not wanted.keeps:
        raise TargetEmptyError(
            f"No pixel of the target reaches the threshold of {explained.threshold:g}: nothing is detected there.",
            "Choose a detection, or lower the threshold.",
        )
    found = find_mask(view, wanted) if _can_be_found(explained, view, wanted, job) else Mask(nothing, (), 0)
    result = _result(request, explained, view, wanted, found, pixels, image, output, page, job)
    told = report(request, explained, view, wanted, found, pixels, result) if page else ""
    title = "kept (share of each pixel)" if wanted.keeps else "deleted (share of each pixel)"
    with written_beside(told, page) if page else nullcontext():
        write_map(
            explained,
            "deletionmask",
            result,
            found.values.cpu().numpy()[None],
            view.valid.cpu().numpy(),
            (title,),
            output,
            "kept" if request.form == "area_kept" else "replaced",
            job.part(COMPUTED, 1),
        )
    job.finish("Done")
    return result


def _answers(view: View, wanted: Wanted, mask: torch.Tensor) -> Answers:
    """What the model says of the image with this mask on it."""
    inside = view.weights > 0
    scores, probabilities, answers = [], [], torch.zeros(view.shape, dtype=torch.float64, device=mask.device)
    with torch.inference_mode():
        for baseline in view.baselines:
            given = view.answers(masked(view, mask[None], wanted.keeps, baseline[None]))[0].double()
            scores.append(float((given * view.weights).sum()))
            likely = given if view.quantity == "probability" else torch.sigmoid(given)
            probabilities.append(float(likely[inside].mean()))
            answers += given
    count = len(view.baselines)
    detected = int((answers[inside] / count >= wanted.level).sum())
    return Answers(sum(scores) / count, sum(probabilities) / count, detected)


def _can_be_found(explained: Explained, view: View, wanted: Wanted, job: Job) -> bool:
    """Whether there is a mask to seek; warns where there is none, or where none can do what is sought."""
    if equals_baseline(view):
        job.warn("The baseline equals the image: masking changes nothing, and no mask was sought. Choose another one.")
        return False
    if not torch.isfinite(excess_of(view, wanted)(view.answers(view.reflectance))).all():
        job.warn(
            f"The model sees no less of a solar farm in the baseline ({explained.baseline.text}) than in the image: no "
            "mask was sought. Choose another baseline."
        )
        return False
    everything = torch.ones(view.shape, device=view.reflectance.device)
    in_baseline = _answers(view, wanted, 1 - everything if wanted.keeps else everything).detected
    if in_baseline > HARDLY * float((view.weights > 0).sum()):
        job.warn(
            f"The model takes the baseline itself ({explained.baseline.text}) for a solar farm there: however much is "
            "masked, a detection stays. Choose another baseline."
        )
    return True


def _result(
    request: DeletionMaskRequest,
    explained: Explained,
    view: View,
    wanted: Wanted,
    found: Mask,
    pixels: np.ndarray,
    image: Answers,
    output: Path,
    page: Path | None,
    job: Job,
) -> DeletionMaskResult:
    sharp = (found.values >= 0.5).to(found.values)
    after, cut = _answers(view, wanted, found.values), _answers(view, wanted, sharp)
    everywhere = torch.ones_like(found.values)
    baseline = _answers(view, wanted, everywhere if not wanted.keeps else 1 - everywhere)
    width, height = explained.scene.grid.pixel_size
    hectares, count = width * height / 1e4, int(pixels.sum())
    if found.curve:
        _warn(wanted, found, after, count, job)
    return DeletionMaskResult(
        output=str(output),
        report=str(page or ""),
        form=request.form,
        baseline_text=explained.baseline.text,
        settings={f.name: getattr(wanted, f.name) for f in fields(wanted) if f.name != "keeps"} | {"seed": view.seed},
        target_wkt=explained.target.wkt(explained.scene.grid),
        target_crs=explained.scene.grid.crs.to_string(),
        target_pixels=count,
        threshold=explained.threshold,
        f_x=image.score,
        f_masked=after.score,
        f_baseline=baseline.score,
        probability=image.probability,
        probability_masked=after.probability,
        detected=image.detected,
        detected_masked=after.detected,
        detected_sharp=cut.detected,
        area_ha=float(found.values.double().sum()) * hectares,
        area_share=float(found.values.double().sum()) / count,
        sharp_area_ha=float(sharp.sum()) * hectares,
        curve=found.curve,
        settled=found.settled,
        evaluations=found.evaluations,
        width=explained.region.width,
        height=explained.region.height,
        device=explained.network.device,
        model=explained.model.card.name,
        model_sha256=explained.model.sha256,
        seconds=job.seconds,
        warnings=tuple(job.warnings),
    )


def _warn(wanted: Wanted, found: Mask, after: Answers, pixels: int, job: Job) -> None:
    if wanted.area is None and after.detected:
        job.warn(
            f"With the mask, {after.detected} of the target's {pixels} pixels are still detected. Give the area less "
            "weight, or choose another baseline."
        )
    if not found.settled:
        job.warn("The mask was still changing when the iterations were used up. Allow more of them.")
