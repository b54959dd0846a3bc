"""From the windows' numbers to the numbers of the whole: what goes with every map."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.attribution import AttributeResult
from ..job import Job
from .quality import absorbed, completeness_error

if TYPE_CHECKING:
    from .attribute import Run, WindowSums

#: Error of the sum from which the user is warned, as a share.
TOLERANCE = 0.01

#: A baseline that differs from the image by less than this, in reflectance, is the same image.
SAME = 1e-6


def result_of(run: Run, sums: list[WindowSums], job: Job) -> AttributeResult:
    """The result of a run; warns of what its user should not overlook."""
    entry, explained = run.method.entry, run.explained
    bands = np.sum([one.bands for one in sums], axis=0)
    distances = np.sum([one.by_distance for one in sums], axis=0)
    image, baseline = (math.fsum(getattr(one, name) for one in sums) for name in ("image", "baseline"))
    absolute, total = float(distances.sum()), float(bands.sum())
    facts = _facts(sums)
    wanted = {"difference": image - baseline, "answer": image}.get(entry.sums_to)
    error = math.nan if wanted is None else completeness_error(total + absorbed(facts), wanted, absolute)
    has_baseline = run.method.uses_baseline
    _warn(run, job, error, max(one.contrast for one in sums) if has_baseline else 1.0, baseline, facts)
    shares = distances / absolute if absolute > 0 else np.full(len(distances), math.nan)
    inside, within_50, within_100, within_200, beyond = (float(share) for share in shares)
    names = explained.scene.bands if entry.bands else ()
    region = explained.region
    return AttributeResult(
        output=str(run.output),
        report=str(run.report or ""),
        attribution_method=entry.name,
        baseline_text=explained.baseline.text if has_baseline else "",
        settings=dict(run.method.settings),
        target_wkt=explained.target.wkt(explained.scene.grid),
        target_crs=explained.scene.grid.crs.to_string(),
        target_pixels=run.frozen.count,
        f_x=image,
        f_baseline=baseline if has_baseline else math.nan,
        probability=math.fsum(one.probability for one in sums) / run.frozen.count,
        error=error,
        attribution_sum=total,
        inside=inside,
        within_50_m=within_50,
        within_100_m=within_100,
        within_200_m=within_200,
        beyond_200_m=beyond,
        bands={name: float(value) for name, value in zip(names, bands, strict=bool(names))},
        facts=facts,
        evaluations=round(math.fsum(one.evaluations for one in sums)),
        windows=len(run.tiles),
        width=region.width,
        height=region.height,
        device=explained.network.device,
        model=explained.model.card.name,
        model_sha256=explained.model.sha256,
        seconds=job.seconds,
        warnings=tuple(job.warnings),
    )


def _facts(sums: list[WindowSums]) -> dict[str, Any]:
    """The windows' facts: numbers added up, all else from the first window that has it."""
    found: dict[str, Any] = {}
    for one in sums:
        for name, value in one.facts.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                found[name] = found.get(name, 0) + value
            else:
                found.setdefault(name, value)
    return found


def _warn(run: Run, job: Job, error: float, contrast: float, baseline: float, facts: dict[str, Any]) -> None:
    entry = run.method.entry
    if contrast < SAME:
        job.warn("The baseline equals the image: nothing differs, so the map is zero everywhere. Choose another one.")
    elif run.method.uses_baseline and run.request.total == "mean" and run.request.quantity == "logit":
        threshold = math.log(run.explained.threshold / (1 - run.explained.threshold)) if _is_open(run) else -math.inf
        if baseline > threshold:
            job.warn(
                f"The model takes the baseline itself ({run.explained.baseline.text}) for a solar farm there, so that "
                "the map hardly shows what makes one. Compare with another baseline."
            )
    if facts.get("refined") is False:
        job.warn(
            "The steps allowed were not enough for an exact map: completeness or the map itself had not settled. Treat "
            "details with care."
        )
    if entry.sums_to == "difference" and error > TOLERANCE:
        job.warn(
            f"The contributions miss the difference between image and baseline by {100 * error:.1f} %. Allow more "
            "steps or samples, or treat the map with care."
        )
    if entry.sums_to == "answer" and error > TOLERANCE:
        uncounted = " What biases, ε and places without data keep is not counted in a map made window by window."
        kept = uncounted if len(run.tiles) > 1 else ""
        job.warn(f"Relevance is not conserved: its sum misses the answer by {100 * error:.1f} %.{kept}")


def _is_open(run: Run) -> bool:
    return 0 < run.explained.threshold < 1
