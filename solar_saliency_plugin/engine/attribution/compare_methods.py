"""Explain one target by several methods and baselines, and say how far the maps agree."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rasterio.errors import RasterioError

from ...contract.attribution import ExplainOptions, MethodOptions
from ...contract.attribution_methods import ATTRIBUTION_METHODS
from ...contract.compare_methods import CompareMethodsRequest, CompareMethodsResult
from ...contract.errors import MethodUnsuitableError, RequestError
from ..imagery.grid import Window
from ..imagery.outputs import RASTER_SUFFIXES, check_output, translate_os_error
from ..imagery.windows import Tile
from ..job import Job
from ..models.runtime import memory_failures
from ..reporting.page import PAGE_SUFFIXES, written_beside
from ..windowed.sole_writer import sole_writer
from .agreement import scaled
from .compare_report import page, table
from .comparison import Comparison, Map, band_titles, bands_of, disagreements, result_of, together
from .explained import Explained, open_explained
from .methods import Method, method_of
from .publish import publish, working_raster
from .quality import absorbed, completeness_error
from .summary import SAME, TOLERANCE
from .telling import baseline_name
from .view import Attribution, View

#: Where the run is when all maps are computed.
COMPUTED = 0.92


def compare_methods(request: CompareMethodsRequest, job: Job) -> CompareMethodsResult:
    """Write the raster of all maps, with their mean, agreement and spread first; the page and the table if asked for.

    Raises :class:`SolarSaliencyError`; nothing is written before all maps are computed.
    """
    if (request.baseline_scene.strip() or request.baseline_date.strip()) and "scene" not in request.baselines:
        raise RequestError(
            "A second scene or date was given, but “another date” is none of the baselines.",
            "Choose that baseline (scene), too, or leave the second scene and its date empty.",
        )
    plain = {f.name: getattr(request, f.name) for f in fields(ExplainOptions) if hasattr(request, f.name)}
    with open_explained(ExplainOptions(**{**plain, "baseline_scene": ""}), job) as explained, ExitStack() as opened:
        outputs = _outputs(request, explained)
        explained.require_whole("a comparison", "")
        plans = _plans(request, _methods(request, explained, job))
        try:
            with (
                sole_writer(outputs[0]),
                memory_failures((explained.region.height, explained.region.width)),
            ):
                found = _compared(request, explained, plans, opened, job.part(0, COMPUTED))
                return _written(found, outputs, job)
        except (OSError, RasterioError) as error:
            raise translate_os_error(error) from error


def _outputs(request: CompareMethodsRequest, explained: Explained) -> tuple[Path, Path | None, Path | None]:
    inputs = explained.inputs
    raster = check_output(request.output, inputs, RASTER_SUFFIXES)
    report = check_output(request.report, (*inputs, raster), PAGE_SUFFIXES) if request.report.strip() else None
    table = check_output(request.table, (*inputs, raster), (".csv",)) if request.table.strip() else None
    return raster, report, table


def _methods(request: CompareMethodsRequest, explained: Explained, job: Job) -> list[Method]:
    """The methods that can explain the model, each with those of the request's parameters that it has."""
    names = list(dict.fromkeys(request.methods))
    given = {f.name for f in fields(MethodOptions) if f.name != "seed" and getattr(request, f.name) is not None}
    for name in sorted(given):
        if not any(name in ATTRIBUTION_METHODS[method].defaults for method in names):
            raise RequestError(f"None of the methods has a parameter “{name}”.", "Leave it empty.")
    found = []
    for name in names:
        foreign: dict[str, Any] = {
            parameter: None for parameter in given if parameter not in ATTRIBUTION_METHODS[name].defaults
        }
        try:
            found.append(method_of(name, replace(request, **foreign), explained.network))
        except MethodUnsuitableError as error:
            job.warn(f"{error.message} It was left out.")
    return found


def _plans(request: CompareMethodsRequest, methods: list[Method]) -> list[tuple[Method, str]]:
    """Which maps are made: methods, each with every baseline if it uses one."""
    baselines = list(dict.fromkeys(request.baselines))
    if not baselines and any(method.uses_baseline for method in methods):
        raise RequestError("No baseline was given.", "Choose one or more; one is enough to compare methods.")
    plans = [(m, b) for m in methods for b in (baselines if m.uses_baseline else [""])]
    if len(plans) < 2:
        raise RequestError(
            "There is nothing to compare: these methods and baselines give fewer than two maps.",
            "Choose more methods, or more baselines and a method that uses them.",
        )
    return plans


def _compared(
    request: CompareMethodsRequest, explained: Explained, plans: list[tuple[Method, str]], opened: ExitStack, job: Job
) -> Comparison:
    pixels, _, inside = explained.detected(explained.region)
    explained.require_pixels(int(pixels.sum()), bool(inside.any()))
    weight = float(1.0 / pixels.sum()) if request.total == "mean" else 1.0
    spread = any(method.needs_spread for method, _ in plans)
    if spread or "mean" in request.baselines:
        _ = explained.of_scene  # once, for all baselines
    tile = Tile(explained.region, explained.region)
    views = {}
    for kind in dict.fromkeys([baseline or _any(plans) for _, baseline in plans]):
        one = explained.compared_with(kind, request.baseline_scene if kind == "scene" else "")
        opened.callback(one.baseline.close)
        views[kind] = one.view(tile, pixels, weight, job, spread)
        _warn_of_baseline(one, views[kind], job)
    view = next(iter(views.values()))
    maps = []
    for (method, baseline), part in zip(plans, _parts(plans, views, job), strict=True):
        seen = replace(views[baseline or _any(plans)], job=part)
        maps.append(_map(method, baseline, seen, pixels))
        _warn_of_map(maps[-1], job)
    answers = view.answers(view.reflectance)[0].detach().double().cpu().numpy()
    probabilities = answers if view.quantity == "probability" else 1 / (1 + np.exp(-answers))
    return together(
        request,
        explained,
        view,
        pixels,
        maps,
        float((answers * view.weights.double().cpu().numpy()).sum()),
        float(probabilities[pixels].mean()),
    )


def _any(plans: list[tuple[Method, str]]) -> str:
    """A baseline for methods that use none: one that is made anyway, or one that costs nothing."""
    return next((baseline for _, baseline in plans if baseline), "zero")


def _parts(plans: list[tuple[Method, str]], views: dict[str, View], job: Job) -> Iterator[Job]:
    """The stretch of the job that each map takes, by what it costs."""
    costs = [method.cost(views[baseline or _any(plans)]) for method, baseline in plans]
    ends = np.cumsum(costs) / sum(costs)
    for start, end in zip([0.0, *ends[:-1]], ends, strict=True):
        yield job.part(float(start), float(end))


def _map(method: Method, baseline: str, view: View, pixels: np.ndarray) -> Map:
    found: Attribution = method.run(view)
    values = np.where(view.valid.cpu().numpy(), found.values.detach().cpu().numpy().astype(np.float64), 0.0)
    absolute, drawn = np.abs(values).sum(axis=0), values.sum(axis=0)
    with torch.inference_mode():
        f_x = float(view.score(view.reflectance))
        f_baseline = float(torch.stack([view.score(one[None]) for one in view.baselines]).mean()) if baseline else 0.0
    f_baseline = f_baseline if baseline else math.nan
    wanted = {"difference": f_x - f_baseline, "answer": f_x}.get(method.entry.sums_to)
    total, kept = float(drawn.sum()), absorbed(found.facts)
    return Map(
        title=method.entry.title + (f" · {baseline_name(baseline)}" if baseline else ""),
        method=method,
        baseline=baseline,
        drawn=drawn,
        scaled=scaled(drawn),
        f_baseline=f_baseline,
        error=math.nan if wanted is None else completeness_error(total + kept, wanted, float(absolute.sum())),
        total=total,
        inside=float(absolute[pixels].sum() / absolute.sum()) if absolute.any() else math.nan,
        evaluations=found.evaluations,
        facts=found.facts,
    )


def _warn_of_baseline(explained: Explained, view: View, job: Job) -> None:
    text = explained.baseline.text
    if float((view.baselines - view.reflectance).abs().max()) < SAME:
        job.warn(f"The baseline ({text}) equals the image: nothing differs, so its maps are zero everywhere.")
        return
    request = explained.request
    if request.total != "mean" or request.quantity != "logit" or not 0 < explained.threshold < 1:
        return
    with torch.inference_mode():
        answer = float(torch.stack([view.score(one[None]) for one in view.baselines]).mean())
    if answer > math.log(explained.threshold / (1 - explained.threshold)):
        job.warn(
            f"The model takes the baseline itself ({text}) for a solar farm there, so that maps that compare with it "
            "hardly show what makes one."
        )


def _warn_of_map(one: Map, job: Job) -> None:
    if one.error > TOLERANCE:
        job.warn(f"“{one.title}” misses the sum that it should have by {100 * one.error:.1f} %.")
    if one.facts.get("refined") is False:
        job.warn(f"“{one.title}”: the steps allowed were not enough for an exact map.")


def _written(comparison: Comparison, outputs: tuple[Path, Path | None, Path | None], job: Job) -> CompareMethodsResult:
    output, report, figures = outputs
    explained = comparison.explained
    for sentence in disagreements(comparison):
        job.warn(sentence)
    raster = working_raster(explained, output, band_titles(comparison))
    try:
        raster.create()
        raster.write(bands_of(comparison), Window(0, 0, *comparison.where.shape))
        result = result_of(comparison, outputs, job)
        texts = [(report, page(comparison, result))] if report else []
        texts += [(figures, table(result))] if figures else []
        asked, part = comparison.request, job.part(COMPUTED, 1)
        with ExitStack() as pages:
            for path, text in texts:
                pages.enter_context(written_beside(text, path))
            style = "contribution" if comparison.of_signed else "size"
            publish(explained, "comparemethods", result, raster, output, style, part, request=asked)
    finally:
        raster.remove()
    job.finish("Done")
    return result
