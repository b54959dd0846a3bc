"""Explain a target by one method: a scene in, an attribution raster out, in one piece or window by window."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rasterio.errors import RasterioError

from ...contract.attribution import AttributeRequest, AttributeResult, tells_slope
from ...contract.errors import ResourceError, SolarSaliencyError
from ...contract.options import to_json
from ...contract.version import PLUGIN_VERSION
from ..imagery.outputs import RASTER_SUFFIXES, check_output, translate_os_error
from ..imagery.windows import Tile
from ..job import Job
from ..models.runtime import memory_failures
from ..reporting.page import PAGE_SUFFIXES, written_beside
from ..versions import package_versions
from ..windowed.journal import Journal, WindowRecord, run_key
from ..windowed.raster import WindowedRaster
from ..windowed.sole_writer import sole_writer
from .changes import share_computed
from .explained import Explained, open_explained
from .frozen import Frozen
from .maps import RINGS, by_distance, layers, titles
from .methods import Method, method_of
from .publish import publish, working_raster
from .report import report
from .summary import result_of
from .view import Attribution, View

#: Where the run is when the target is found, when the method has gathered what it needs, when the map is computed.
FOUND, GATHERED, COMPUTED = 0.05, 0.15, 0.95

#: Seconds of work from which the log says beforehand how long it will take.
LONG = 5.0


@dataclass(frozen=True)
class WindowSums(WindowRecord):
    """What a finished window adds to the numbers of the whole.

    bands: Σφ of each band, or of all together. by_distance: sums of |φ|, :func:`.maps.by_distance`. image, baseline:
    what the target's pixels in the core add to S. probability: its sum over them. contrast: the largest difference
    between image and baseline.
    """

    bands: list[float]
    by_distance: list[float]
    image: float
    baseline: float
    probability: float
    contrast: float
    evaluations: float
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """One run: what is explained, by which method, where, and into what. weight: what each pixel counts in S."""

    request: AttributeRequest
    explained: Explained
    method: Method
    tiles: list[Tile]
    frozen: Frozen
    weight: float
    output: Path
    report: Path | None

    def view(self, tile: Tile, job: Job) -> View:
        """The view of one window."""
        pixels = self.frozen.pixels(tile.read)
        return self.explained.view(tile, pixels, self.weight, job, self.method.needs_spread)


def attribute(request: AttributeRequest, job: Job) -> AttributeResult:
    """Write the attribution raster of a target (float32, nodata NaN) on the scene's own grid, its style, its numbers.

    A large target is explained window by window; the map equals that of one piece. Raises
    :class:`SolarSaliencyError`.
    """
    with open_explained(request, job) as explained:
        method = method_of(request.attribution_method, request, explained.network)
        inputs = explained.inputs
        output = check_output(request.output, inputs, RASTER_SUFFIXES)
        page = check_output(request.report, (*inputs, output), PAGE_SUFFIXES) if request.report.strip() else None
        if not method.entry.windows:
            explained.require_whole(f"“{method.entry.title}”", method.entry.why_whole)
        tiles = explained.tiles(method.reach(explained.scene.grid.pixel_size))
        try:
            with (
                sole_writer(output),
                memory_failures((explained.region.height, explained.region.width)),
                Frozen(explained, tiles, output, job.part(0, FOUND)) as frozen,
            ):
                explained.require_pixels(frozen.count, frozen.any_inside)
                weight = 1.0 / frozen.count if request.total == "mean" else 1.0
                return _explain(Run(request, explained, method, tiles, frozen, weight, output, page), job)
        except (OSError, RasterioError) as error:
            raise translate_os_error(error) from error


def _explain(run: Run, job: Job) -> AttributeResult:
    densest = run.view(run.frozen.densest, job.part(FOUND, GATHERED))
    if len(run.tiles) > 1:
        run = replace(run, method=run.method.settled(densest))
    _announce(run, densest, job)
    gathered = _gathered(run, job.part(FOUND, GATHERED))
    raster, journal = _working_files(run)
    finished = [] if run.request.restart or not raster.path.is_file() else journal.finished()
    if finished:
        job.info(f"Going on with an interrupted run: {len(finished)} of {len(run.tiles)} windows are finished.")
    else:
        journal.remove()
        raster.create()
        journal.start()
    begun = time.monotonic()
    try:
        sums = finished + _computed(run, gathered, finished, raster, journal, job.part(GATHERED, COMPUTED))
        result = replace(result_of(run, sums, job), seconds_computing=time.monotonic() - begun)
        slope = "slope" if tells_slope(run.method.entry, run.method.settings) else "contribution"
        style = slope if run.method.entry.signed else "size"
        with written_beside(report(run, result, raster), run.report) if run.report else nullcontext():
            publish(run.explained, "attribute", result, raster, run.output, style, job.part(COMPUTED, 1))
    except SolarSaliencyError as error:
        # Only what a fuller disk or memory stopped can be gone on with.
        if not isinstance(error, ResourceError):
            _remove(raster, journal)
        raise
    _remove(raster, journal)
    job.finish("Done")
    return result


def _announce(run: Run, view: View, job: Job) -> None:
    """Say beforehand how long a slow method will take, by timing one evaluation of it on this machine."""
    entry, (rows, cols) = run.method.entry, view.shape
    cost = run.method.cost(view) * len(run.frozen.occupied)
    part = 1.0
    if entry.changes is not None:
        part = share_computed(view, entry.changes(run.method.settings, min(view.pixel_size), rows * cols))
    seconds = cost * part * entry.effort * _seconds_of_one(view, entry.needs)
    if seconds > LONG:
        of = "" if part == 1 else "parts of "
        job.info(f"About {seconds:.0f} s: {cost:.0f} evaluations of {of}{cols} × {rows} pixels.")


def _seconds_of_one(view: View, needs: str) -> float:
    """How long one evaluation takes: the shorter of two, since the first one prepares the layers for the size."""
    seconds = []
    for _ in range(2):
        started = time.monotonic()
        if needs == "answers":
            with torch.inference_mode():
                view.answers(view.reflectance)
        else:
            view.gradient(view.reflectance)
        seconds.append(time.monotonic() - started)
    return min(seconds)


def _gathered(run: Run, job: Job) -> torch.Tensor | None:
    """What the method's gathering function finds in all windows, added up."""
    gather = run.method.gather
    if gather is None:
        return None
    total: torch.Tensor | None = None
    for number, tile in enumerate(run.tiles):
        job.progress(number / len(run.tiles), "A first pass over the scene")
        part = gather(run.view(tile, job), run.method.settings, core=tile.core.within(tile.read))
        total = part if total is None else total + part
    return total


def _working_files(run: Run) -> tuple[WindowedRaster, Journal[WindowSums]]:
    bands = run.explained.scene.bands if run.method.entry.bands else ()
    raster = working_raster(run.explained, run.output, titles(bands, run.request.per_band))
    request = to_json(run.request)
    del request["restart"]
    identity = {
        "request": request,
        "settings": dict(run.method.settings),
        "model": run.explained.model.sha256,
        "card": asdict(run.explained.model.card),
        "device": run.explained.network.device,
        "software": {"solar_saliency": PLUGIN_VERSION, **package_versions()},
        "region": asdict(run.explained.region),
        "cores": [asdict(tile.core) for tile in run.tiles],
        "target": run.frozen.sha256,
    }
    key = run_key(identity, run.explained.inputs)
    return raster, Journal(run.output.with_name(run.output.name + ".journal"), key, WindowSums)


def _remove(raster: WindowedRaster, journal: Journal[WindowSums]) -> None:
    raster.remove()
    journal.remove()


def _computed(
    run: Run,
    gathered: torch.Tensor | None,
    finished: list[WindowSums],
    raster: WindowedRaster,
    journal: Journal[WindowSums],
    job: Job,
) -> list[WindowSums]:
    done = {sums.index for sums in finished}
    pending = [(index, tile) for index, tile in enumerate(run.tiles) if index not in done]
    found = []
    for place, (index, tile) in enumerate(pending):
        part = job.part(place / len(pending), (place + 1) / len(pending))
        sums, drawn = _window(run, index, tile, gathered, part)
        raster.write(drawn, tile.core.relative_to(run.explained.region))
        raster.flush()
        journal.add([sums])
        found.append(sums)
    return found


def _window(run: Run, index: int, tile: Tile, gathered: torch.Tensor | None, job: Job) -> tuple[WindowSums, np.ndarray]:
    """The numbers and the layers (bands, H, W), float32, of one window's core."""
    view = replace(run.view(tile, job), gathered=gathered)
    rows, cols = tile.core.within(tile.read)
    channels = view.reflectance.shape[1] if run.method.entry.bands else 1
    # What was gathered from all of the scene is drawn everywhere.
    if tile in run.frozen.occupied or gathered is not None:
        found = run.method.run(view)
    else:  # nothing that is explained can see this window
        found = Attribution(torch.zeros(channels, *view.shape), 0)
    values = found.values.detach().cpu().numpy().astype(np.float64)[:, rows, cols]
    valid = view.valid.cpu().numpy()[rows, cols]
    values = np.where(valid, values, 0.0)
    margin = int(np.ceil(RINGS[-1] / min(view.pixel_size))) + 1
    distances = by_distance(values, run.frozen.pixels(tile.core.grown(margin)), margin, view.pixel_size)
    image, baseline, probability = _answers(view, rows, cols)
    sums = WindowSums(
        index=index,
        bands=[float(band.sum()) for band in values],
        by_distance=[float(value) for value in distances],
        image=image,
        baseline=baseline,
        probability=probability,
        contrast=float((view.baselines - view.reflectance).abs().max()),
        evaluations=found.evaluations,
        facts=found.facts,
    )
    return sums, np.where(valid, layers(values, run.request.per_band), np.float32(np.nan))


def _answers(view: View, rows: slice, cols: slice) -> tuple[float, float, float]:
    """What the target's pixels in the core add to S(x) and to the mean S(x′), and their probabilities' sum."""
    weights = view.weights[rows, cols].double()
    if not weights.any():
        return 0.0, 0.0, 0.0
    with torch.inference_mode():
        image = view.answers(view.reflectance)[0, rows, cols].double()
        compared = _each(view, rows, cols)
        probability = image if view.quantity == "probability" else torch.sigmoid(image)
        mean = sum(float((answer * weights).sum()) for answer in compared) / len(view.baselines)
        return float((image * weights).sum()), mean, float(probability[weights > 0].sum())


def _each(view: View, rows: slice, cols: slice) -> Iterator[torch.Tensor]:
    """The answers in the core, float64, for one baseline after the other."""
    for baseline in view.baselines:
        yield view.answers(baseline[None])[0, rows, cols].double()
