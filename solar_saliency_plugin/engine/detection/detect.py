"""Find solar farms: a scene in, a probability raster out, window by window."""

import shutil
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Set, Tuple

import numpy as np
from rasterio.errors import RasterioError

from ...contract.detection import DetectRequest, DetectResult
from ...contract.errors import CancelledError, DiskFullError, SceneEmptyError
from ...contract.options import to_json
from ...contract.provenance import SIMULATED_WARNING
from ...contract.version import PLUGIN_VERSION
from ..imagery.grid import Window
from ..imagery.outputs import build_cog, check_output, put_in_place, scratch_folder, translate_os_error
from ..imagery.scene import Scene, open_scene
from ..imagery.style import is_users_own, threshold_values, write_style
from ..imagery.windows import Tile, tiles
from ..job import Job
from ..models.registry import Model, load_model
from ..models.runtime import Runtime, as_stored
from ..provenance import is_simulated, run_tag, scene_facts
from ..versions import package_versions
from ..windowed.journal import Journal, WindowRecord, run_key
from ..windowed.pipeline import Ahead, Behind
from ..windowed.raster import WindowedRaster
from ..windowed.sole_writer import sole_writer
from .window_size import choose_window

#: Finished windows are brought to disk and noted in the journal after so many seconds.
SECONDS_PER_CHECKPOINT = 5.0

#: Share of the run that the windows take; the rest is for the overviews and the compression.
WINDOWS_SHARE = 0.93

#: A scene of some size in which more than this share is detected is more likely misread than full of solar farms.
SUSPICIOUS_SHARE = 0.10
SUSPICIOUS_FROM_PIXELS = 250_000


@dataclass(frozen=True)
class WindowCount(WindowRecord):
    """What a finished window held, in pixels of its core."""

    observed: int
    clouded: int
    detected: int


@dataclass(frozen=True)
class _Computed:
    """One window's probability, on its way to the writer."""

    window: Window
    probability: Optional[np.ndarray]
    count: WindowCount


@dataclass(frozen=True)
class _Plan:
    """Everything about a run that is settled before its first window."""

    request: DetectRequest
    scene: Scene
    model: Model
    runtime: Runtime
    threshold: float
    window: int
    tiles: List[Tile]
    output: Path
    mask_output: Optional[Path]


def detect(request: DetectRequest, job: Job) -> DetectResult:
    """Write the probability raster of ``request.scene`` (float32, 0–1, nodata NaN), its style, and a mask if asked for.

    Every pixel has the value that the untiled network would give it, up to 1e-4: windows carry a halo of the network's
    measured receptive field and start on multiples of its stride. Raises :class:`SolarSaliencyError`.
    """
    model = load_model(request.model, job.warn)
    with open_scene(request, job, model.card.bands, level=model.card.level) as scene:
        plan = _plan(request, scene, model, job)
        try:
            with sole_writer(plan.output):
                return _run(plan, job)
        except (OSError, RasterioError) as error:
            raise translate_os_error(error) from error


def _plan(request: DetectRequest, scene: Scene, model: Model, job: Job) -> _Plan:
    scene.grid.require_model_grid(model.card.pixel_size)
    output = check_output(request.output, scene.inputs, (".tif", ".tiff"))
    mask_output = None
    if request.mask_output:
        mask_output = check_output(request.mask_output, (*scene.inputs, output), (".tif", ".tiff"))
    if is_simulated(scene.id):
        job.warn(SIMULATED_WARNING)
    if scene.level_read != model.card.level:
        level = f"is {scene.level}" if scene.level != "unknown" else "does not say its processing level"
        job.warn(
            f"The model was trained on {model.card.level}, but the scene {level}: probabilities may be off. "
            "Compare the detections with an aerial image."
        )
    style = output.with_suffix(".qml")
    if is_users_own(style):
        job.warn(f"“{style.name}” holds a style of your own; it is kept, and may not fit the new result.")
    runtime = Runtime(model, request.device, warn=job.warn)
    window = request.window or choose_window(runtime, scene.area)
    area, grid = scene.area, scene.grid
    threshold = model.card.threshold if request.threshold is None else request.threshold
    windows = tiles(area, grid.height, grid.width, window, runtime.halo, runtime.stride, runtime.least)
    return _Plan(request, scene, model, runtime, threshold, window, windows, output, mask_output)


def _run(plan: _Plan, job: Job) -> DetectResult:
    area = plan.scene.area
    grid = plan.scene.grid.crop(area)
    key = run_key(_identity(plan), plan.scene.inputs)
    journal = Journal(_beside(plan.output, ".journal"), key, WindowCount)
    rasters = [WindowedRaster(_beside(plan.output, ".part"), grid, "float32", float("nan"), ("probability",))]
    if plan.mask_output is not None:
        rasters.append(WindowedRaster(_beside(plan.mask_output, ".part"), grid, "uint8", 255, ("solar farm",)))
    counts = _resumable(plan, journal, rasters, job)
    resumed = len(counts)
    try:
        counts += _compute_windows(plan, {c.index for c in counts}, journal, rasters, job.part(0, WINDOWS_SHARE))
        result = _result(plan, counts, resumed, job)
        _write_outputs(plan, result, rasters, job.part(WINDOWS_SHARE, 1))
    except (CancelledError, SceneEmptyError):
        _remove(journal, rasters)
        raise
    _remove(journal, rasters)
    job.finish("Done")
    return result


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _remove(journal: Journal[WindowCount], rasters: List[WindowedRaster]) -> None:
    for raster in rasters:
        raster.remove()
    journal.remove()


def _identity(plan: _Plan) -> Dict[str, Any]:
    request = to_json(plan.request)
    del request["restart"]
    return {
        "request": request,
        "model": plan.model.sha256,
        "card": asdict(plan.model.card),
        "window": plan.window,
        "threshold": plan.threshold,
        "device": plan.runtime.device,
        "software": {"solar_saliency": PLUGIN_VERSION, **package_versions()},
    }


def _resumable(
    plan: _Plan, journal: Journal[WindowCount], rasters: List[WindowedRaster], job: Job
) -> List[WindowCount]:
    """Windows that an interrupted run of the same request has left; otherwise make everything ready for a new run."""
    counts = [] if plan.request.restart else journal.finished()
    if counts and all(raster.path.is_file() for raster in rasters):
        job.info(f"Going on with an interrupted run: {len(counts)} of {len(plan.tiles)} windows are finished.")
        return counts
    _check_space(plan, job)
    journal.remove()  # before the rasters that it tells of are overwritten
    for raster in rasters:
        raster.create()
    journal.start()
    return []


def _check_space(plan: _Plan, job: Job) -> None:
    pixels = plan.scene.area.height * plan.scene.area.width
    # The working raster and, before that is deleted, the output; each with a mask of one byte a pixel.
    needed = pixels * (8 + (2 if plan.mask_output is not None else 0))
    free = shutil.disk_usage(plan.output.parent).free
    if free < needed:
        raise DiskFullError(
            f"The disk of {plan.output.parent} has {free / 1e6:.0f} MB free; this run needs {needed / 1e6:.0f} MB.",
            "Free some space, choose another folder, or a smaller extent.",
        )
    windows = "1 window" if len(plan.tiles) == 1 else f"{len(plan.tiles)} windows"
    job.info(f"{windows} of {plan.window} pixels, on {plan.runtime.device}")


def _compute_windows(
    plan: _Plan, finished: Set[int], journal: Journal[WindowCount], rasters: List[WindowedRaster], job: Job
) -> List[WindowCount]:
    pending = [(index, tile) for index, tile in enumerate(plan.tiles) if index not in finished]
    writer = _Writer(plan, journal, rasters)

    def read() -> Iterator[Tuple[int, Tile, Tuple[np.ndarray, np.ndarray, np.ndarray]]]:
        for index, tile in pending:
            yield index, tile, plan.scene.read_parts(tile.read)

    total = sum(tile.core.height * tile.core.width for _, tile in pending)
    done = 0
    try:
        with Ahead(read) as parts, Behind(writer.write) as behind:
            for index, tile, (reflectance, observed, clouded) in parts:
                job.progress(done / total, f"Window {index + 1} of {len(plan.tiles)}")
                behind.put(_computed(plan, index, tile, reflectance, observed, clouded, job))
                done += tile.core.height * tile.core.width
    finally:
        writer.checkpoint()
    return writer.counts


def _computed(
    plan: _Plan, index: int, tile: Tile, reflectance: np.ndarray, observed: np.ndarray, clouded: np.ndarray, job: Job
) -> _Computed:
    """The probability of one window's core; a core without a valid pixel is not computed."""
    core, window = _within(tile.core, tile.read), _within(tile.core, plan.scene.area)
    valid = observed & ~clouded
    observed_pixels = int(observed[core.rows, core.cols].sum())
    clouded_pixels = int((observed & clouded)[core.rows, core.cols].sum())
    if not valid[core.rows, core.cols].any():
        return _Computed(window, None, WindowCount(index, observed_pixels, clouded_pixels, 0))
    probability = plan.runtime.probability(reflectance, valid, lambda: job.is_cancelled)
    probability = as_stored(probability[core.rows, core.cols])
    detected = int((probability >= plan.threshold).sum())  # NaN is not
    return _Computed(window, probability, WindowCount(index, observed_pixels, clouded_pixels, detected))


def _within(window: Window, outer: Window) -> Window:
    return Window(window.row - outer.row, window.col - outer.col, window.height, window.width)


class _Writer:
    """Writes windows, and notes them in the journal once they are safely on disk."""

    def __init__(self, plan: _Plan, journal: Journal[WindowCount], rasters: List[WindowedRaster]) -> None:
        self.counts: List[WindowCount] = []
        self._threshold = plan.threshold
        self._journal = journal
        self._rasters = rasters
        self._unsaved: List[WindowCount] = []
        self._saved_at = time.monotonic()

    def write(self, computed: _Computed) -> None:
        if computed.probability is not None:
            self._rasters[0].write(computed.probability[None], computed.window)
            for mask in self._rasters[1:]:
                detected = (computed.probability >= self._threshold).astype(np.uint8)
                detected[np.isnan(computed.probability)] = 255
                mask.write(detected[None], computed.window)
        self.counts.append(computed.count)
        self._unsaved.append(computed.count)
        if time.monotonic() - self._saved_at >= SECONDS_PER_CHECKPOINT:
            self.checkpoint()

    def checkpoint(self) -> None:
        for raster in self._rasters:
            raster.flush()
        if self._unsaved:
            self._journal.add(self._unsaved)
        self._unsaved, self._saved_at = [], time.monotonic()


def _result(plan: _Plan, counts: List[WindowCount], resumed: int, job: Job) -> DetectResult:
    area = plan.scene.area
    pixels = area.height * area.width
    observed = sum(c.observed for c in counts)
    clouded = sum(c.clouded for c in counts)
    detected = sum(c.detected for c in counts)
    valid = observed - clouded
    if valid == 0:
        reason = "is covered by clouds according to its scene classification" if observed else "holds no data"
        raise SceneEmptyError(f"The part of the scene that was asked for {reason}.", "Choose another date or extent.")
    if valid >= SUSPICIOUS_FROM_PIXELS and detected > SUSPICIOUS_SHARE * valid:
        job.warn(
            f"The model marks {detected / valid:.0%} of the scene as solar farm. That is hardly true: check the "
            "scene's scale, offset and processing level, and whether the model suits the region."
        )
    pixel_width, pixel_height = plan.scene.grid.ground_pixel_size
    skipped = sum(c.observed == c.clouded for c in counts[resumed:])
    return DetectResult(
        output=str(plan.output),
        mask_output=str(plan.mask_output or ""),
        threshold=plan.threshold,
        core=plan.model.card.core or 0.0,
        detected_ha=detected * pixel_width * pixel_height / 1e4,
        detected_share=detected / valid,
        valid_share=valid / pixels,
        masked_share=clouded / pixels,
        width=area.width,
        height=area.height,
        windows_computed=len(counts) - resumed - skipped,
        windows_skipped=skipped,
        windows_resumed=resumed,
        window=plan.window,
        device=plan.runtime.device,
        model=plan.model.card.name,
        model_sha256=plan.model.sha256,
        seconds=job.seconds,
        warnings=tuple(job.warnings),
    )


def _write_outputs(plan: _Plan, result: DetectResult, rasters: List[WindowedRaster], job: Job) -> None:
    tags = _tags(plan, result)
    outputs = [plan.output] + ([plan.mask_output] if plan.mask_output is not None else [])
    with ExitStack() as scratch:
        wholes = []
        for place, (raster, output) in enumerate(zip(rasters, outputs, strict=True)):
            part = job.part(place / len(outputs), (place + 1) / len(outputs))
            part.progress(0, f"Writing {output.name}")
            folder = scratch.enter_context(scratch_folder(output))
            wholes.append(build_cog(raster.path, folder, tags=tags, categorical=place > 0, job=part))
        # All of them are whole now, and nothing comes between: either all are replaced or none.
        for whole, output in zip(wholes, outputs, strict=True):
            put_in_place(whole, output)
        style = plan.output.with_suffix(".qml")
        if not is_users_own(style):
            write_style("probability", style, **threshold_values(plan.threshold))


def _tags(plan: _Plan, result: DetectResult) -> Dict[str, str]:
    told = to_json(result)
    for name in (
        "seconds",
        "warnings",
        "windows_computed",
        "windows_skipped",
        "windows_resumed",
    ):  # these differ from run to run
        del told[name]
    model = {"name": plan.model.card.name, "sha256": plan.model.sha256}
    return run_tag(
        "detect", plan.request, scene=scene_facts(plan.scene), result=told, model=model, warnings=result.warnings
    )
