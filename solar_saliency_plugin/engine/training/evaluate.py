"""Measure a model: scenes and outlines in, scores and a report out, window by window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import RasterioError

from ...contract.errors import InputError, RequestError, ScaleUnclearError, SceneEmptyError
from ...contract.imagery import SceneOptions
from ...contract.training import EvaluateRequest, EvaluateResult
from ..detection.window_size import choose_window
from ..imagery.grid import Grid, Window
from ..imagery.outputs import check_output, put_in_place, scratch_folder, translate_os_error
from ..imagery.scene import Scene, open_scene
from ..imagery.windows import Tile, tiles
from ..job import Job
from ..models.registry import Model, load_model
from ..models.runtime import Runtime, as_stored
from ..provenance import is_simulated
from ..windowed.pipeline import Ahead
from .findings import Findings, find
from .image_warnings import ImageWarnings
from .labels import Outlines, read_outlines
from .measurement import Cell, Series, Shown, truth
from .objects import MINIMUM_HA
from .score_report import Conditions, page, table
from .sites import images

#: Share of the run that the images take; the rest is for averages, intervals and pictures.
IMAGES_SHARE = 0.9

SINGLE, AVERAGED = "single dates", "dates averaged"


def evaluate(request: EvaluateRequest, job: Job) -> EvaluateResult:
    """Score the model on ``request.scenes`` against ``request.polygons``; write the report (HTML) and table (CSV).

    What is scored is the map that :func:`~..detection.detect.detect` would write, pixel by pixel. Raises
    :class:`SolarSaliencyError`; the outputs are written whole or not at all.
    """
    model = load_model(request.model, job.warn)
    outputs = _outputs(request)
    outlines = read_outlines(request.polygons, request.since_field, job) if request.polygons.strip() else None
    runtime = Runtime(model, request.device, warn=job.warn)
    threshold = model.card.threshold if request.threshold is None else request.threshold
    try:
        with scratch_folder(outputs[0]) as folder:
            run = _Run(request, model, runtime, outlines, threshold, folder)
            run.measure(list(images(request, job)), job.part(0, IMAGES_SHARE))
            job.progress(IMAGES_SHARE, "Computing scores and their intervals")
            findings = run.findings(job.part(IMAGES_SHARE, 0.96))
            conditions = run.conditions(job)
            texts = [page(findings, conditions, job.part(0.96, 1))] + [table(findings)] * (len(outputs) - 1)
            job.check()
            _write(texts, outputs, folder)
    except (OSError, RasterioError) as error:
        raise translate_os_error(error) from error
    job.finish("Done")
    return _result(request, findings, run, outputs, job)


def _outputs(request: EvaluateRequest) -> list[Path]:
    """The report, and the table if one was asked for."""
    inputs = [Path(scene) for scene in request.scenes] + [Path(request.polygons.partition("|")[0] or ".")]
    outputs = [check_output(request.report, inputs, (".html", ".htm"))]
    if request.table.strip():
        outputs.append(check_output(request.table, (*inputs, outputs[0]), (".csv",)))
    return outputs


def _write(texts: list[str], outputs: list[Path], folder: Path) -> None:
    """Put all outputs in place once all of them are whole."""
    wholes = [folder / f"whole{output.suffix}" for output in outputs]
    for text, whole, output in zip(texts, wholes, outputs, strict=True):
        # Spreadsheets take a CSV for UTF-8 only where it begins with this mark.
        encoding = "utf-8-sig" if output.suffix.lower() == ".csv" else "utf-8"
        with open(whole, "w", encoding=encoding, newline="") as file:
            file.write(text)
    for whole, output in zip(wholes, outputs, strict=True):
        put_in_place(whole, output)


@dataclass
class _Run:
    """One evaluation at work."""

    request: EvaluateRequest
    model: Model
    runtime: Runtime
    outlines: Outlines | None
    threshold: float
    folder: Path
    averages: dict[Grid, _Average] = field(default_factory=dict)
    levels: set[str] = field(default_factory=set)
    unmasked: bool = False

    def __post_init__(self) -> None:
        self.single = Series(self.threshold, MINIMUM_HA, self.model.card.core or 0.0)
        self.averaged = Series(self._threshold_for_averages(), MINIMUM_HA)
        self.shown = Shown(self.outlines) if self.outlines is not None else None

    def _threshold_for_averages(self) -> float:
        """What was asked for or, if nothing was, what the model's card has for means over dates, if anything."""
        stated = self.model.card.quality.get("threshold_for_dates_averaged")
        if self.request.threshold is None and isinstance(stated, float) and 0 <= stated <= 1:
            return stated
        return self.threshold

    def measure(self, chosen: list[SceneOptions], job: Job) -> None:
        """Count all images, and collect what their averages are made of.

        Images that hold nothing, or no reflectance (all cloud looks so), are left out, since series have such dates.
        """
        if not chosen:
            raise RequestError("No scene was given.", "Choose the Sentinel-2 scenes to measure the model on.")
        repeated = self._repeated(chosen, job)
        told, read, unusable = ImageWarnings(), Counter[str](), list[InputError]()
        for number, options in enumerate(chosen):
            message = f"Image {number + 1} of {len(chosen)}"
            part = told.part(job, number / len(chosen), (number + 1) / len(chosen), options)
            part.progress(0, message)
            try:
                card = self.model.card
                with open_scene(options, part, card.bands, require_mask=False, level=card.level) as scene:
                    self._note(scene, job)
                    self._image(scene, options.scene in repeated, message, part)
                    read[options.scene] += 1
            except (SceneEmptyError, ScaleUnclearError) as error:
                unusable.append(error)
        if not self.single.images:
            raise unusable[0]
        for cells in self.shown.places() if self.shown else ():
            self._join(cells)
        told.tell(job, read)
        if unusable:
            job.warn(f"{len(unusable)} of {len(chosen)} images were left out. The first: {unusable[0].message}")
        self._tell(job)

    def findings(self, job: Job) -> list[Findings]:
        """Scores of the single dates and, where a place has several, of their averages."""
        several = [average for average in self.averages.values() if average.images > 1]
        for number, average in enumerate(several):
            job.progress(number / len(several), f"Averaging dates: place {number + 1} of {len(several)}")
            self._averaged(average, job)
        found = [find(SINGLE, self.single, job.check)]
        return found + ([find(AVERAGED, self.averaged, job.check)] if several else [])

    def conditions(self, job: Job) -> Conditions:
        """What the report must say of how its figures came about."""
        card, days = self.model.card, sorted(image.day for image in self.single.images if image.day)
        return Conditions(
            model=card.title or card.name,
            model_name=card.name,
            sha256=self.model.sha256,
            threshold=self.threshold,
            threshold_for_averages=self.averaged.threshold,
            own_threshold=self.request.threshold is None,
            images=len(self.single.images),
            first_day=days[0] if days else "",
            last_day=days[-1] if days else "",
            levels=tuple(sorted(self.levels)),
            mask=self.request.mask,
            outlines=len(self.outlines) if self.outlines is not None else None,
            edge=self.request.edge,
            warnings=tuple(job.warnings),
        )

    def _repeated(self, chosen: list[SceneOptions], job: Job) -> set[str]:
        """The scenes whose pixels several images have: what to keep for averages, which takes room on the disk.

        Every scene is opened for that, so that one that cannot be used is told before hours of work.
        """
        dates: dict[str, list[SceneOptions]] = {}
        for options in chosen:
            dates.setdefault(options.scene, []).append(options)
        images: dict[object, int] = {}
        grids: dict[str, object] = {}
        for scene, several in dates.items():
            grids[scene] = self._grid_of(several, job) or scene
            images[grids[scene]] = images.get(grids[scene], 0) + len(several)
        return {scene for scene, grid in grids.items() if images[grid] > 1}

    def _grid_of(self, dates: list[SceneOptions], job: Job) -> Grid | None:
        """The grid of a scene; None where none of its dates shows anything."""
        for options in dates:
            try:
                quiet = ImageWarnings().part(job, 0, 0, options)
                with open_scene(options, quiet, self.model.card.bands, require_mask=False) as scene:
                    scene.grid.require_model_grid(self.model.card.pixel_size)
                    return scene.grid.crop(scene.area)
            except (SceneEmptyError, ScaleUnclearError):
                continue
        return None

    def _note(self, scene: Scene, job: Job) -> None:
        """Remember what the report tells of the scenes, and warn of what spoils the scores."""
        self.levels.add(scene.level)
        if is_simulated(scene.id):
            job.warn("Scenes are simulated: their farms do not exist, and the figures tell nothing of real ones.")
        if scene.level_read != self.model.card.level:
            level = f"are {scene.level}" if scene.level != "unknown" else "do not say their processing level"
            job.warn(f"The model was trained on {self.model.card.level}, but some scenes {level}.")
        if self.request.since_field and not scene.date:
            job.warn("Some scenes have no date: all farms count as standing in them.")
        self.unmasked |= scene.has_classification and self.request.mask == "none"

    def _tell(self, job: Job) -> None:
        """Warn of what was found out only now."""
        if self.unmasked:
            job.warn(
                "Clouds were not left out, though the scenes say where they are: farms under them count as missed. "
                "Set the option “mask” to clouds."
            )
        if self.shown and not any(farm.judged for farm in self.single.farms.values()):
            job.warn(self._without_farms(self.shown))

    def _without_farms(self, shown: Shown) -> str:
        """Why no farm could be judged, though outlines were given, and what to do."""
        count, inside, standing = len(shown.outlines), int(shown.inside.sum()), int(shown.standing.sum())
        if not inside:
            return (
                f"None of the {count} outlines lies in the scenes: they were scored as free of solar farms. If there "
                "should be some, check the outlines' coordinate reference system."
            )
        if not standing:
            return (
                f"By the field “{self.request.since_field}”, the farms of all {inside} outlines in the scenes are "
                "newer than the images: their ground was not scored. Give later images, or check that field."
            )
        if not self.single.farms:
            return (
                f"The {standing} outlines in the scenes make up no farm of {MINIMUM_HA:g} ha or more, so none is "
                "counted as found or missed; their pixels are scored all the same. If they are parts of farms, such as "
                "rows of panels, give outlines of the whole farms."
            )
        return (
            f"None of the {len(self.single.farms)} farms in the scenes could be judged: the images show less "
            "than half of each, for clouds or for want of data. Give other dates, or look whether the scenes reach far "
            "enough."
        )

    def _join(self, cells: list[Cell]) -> None:
        self.single.join(cells)
        self.averaged.join(cells)

    def _image(self, scene: Scene, keep: bool, message: str, job: Job) -> None:
        """Count one image, and add it to its place's average where there may be one."""
        grid = scene.grid.crop(scene.area)
        day = date.fromisoformat(scene.date) if scene.date else None
        counter = self.single.image(_name(scene), scene.date, grid)
        average = self._average(grid, day) if keep else None
        seen = False
        try:
            for window, probability in self._windows(scene, message, job):
                counter.add(window, probability, truth(self.outlines, grid, window, day, self.request.edge))
                seen = seen or not np.isnan(probability).all()
                if average:
                    average.add(window, probability)
        finally:
            if average:
                average.close()
        if not seen:
            raise SceneEmptyError("The image holds no valid pixel.", "Choose another date.")
        if average:
            average.images += 1
        for cells in self.shown.add(grid, day) if self.shown else ():
            self._join(cells)
        counter.finish()

    def _windows(self, scene: Scene, message: str, job: Job) -> Iterator[tuple[Window, np.ndarray]]:
        """Windows of the scene's area in reading order, each with its probability (rows, cols), NaN where invalid."""
        area, runtime = scene.area, self.runtime
        side = self.request.window or choose_window(runtime, area)
        parts = tiles(area, scene.grid.height, scene.grid.width, side, runtime.halo, runtime.stride, runtime.least)

        def read() -> Iterator[tuple[Tile, np.ndarray, np.ndarray]]:
            for tile in parts:
                yield tile, *scene.read(tile.read)

        with Ahead(read) as windows:
            for number, (tile, reflectance, valid) in enumerate(windows):
                job.progress(number / len(parts), message)
                top, left = tile.core.row - tile.read.row, tile.core.col - tile.read.col
                own = np.s_[top : top + tile.core.height, left : left + tile.core.width]
                probability: np.ndarray = np.full((tile.core.height, tile.core.width), np.nan, np.float32)
                if valid[own].any():
                    answer = runtime.probability(reflectance, valid, lambda: job.is_cancelled)[own]
                    probability = as_stored(answer)
                core = Window(tile.core.row - area.row, tile.core.col - area.col, tile.core.height, tile.core.width)
                yield core, probability

    def _average(self, grid: Grid, day: date | None) -> _Average:
        """The average of all images that have exactly these pixels."""
        if grid not in self.averages:
            self.averages[grid] = _Average(self.folder / f"average{len(self.averages)}.tif", grid)
        average = self.averages[grid]
        # A farm that is missing on one of the dates spoils the average.
        average.day = min((d for d in (average.day, day) if d), default=None)
        return average

    def _averaged(self, average: _Average, job: Job) -> None:
        grid = average.grid
        counter = self.averaged.image(f"average of {average.images} dates", "", grid)
        for window in average.windows():
            job.check()
            known = truth(self.outlines, grid, window, average.day, self.request.edge)
            counter.add(window, average.read(window), known)
        counter.finish()
        average.close()


def _name(scene: Scene) -> str:
    return scene.id if not scene.date or scene.date in scene.id else f"{scene.id} of {scene.date}"


class _Average:
    """Sums of probability and counts of dates, on disk: a place's dates come one after the other."""

    #: Side of the file's blocks and of the windows that averages are read in, pixels.
    _BLOCK, _SIDE = 256, 1024

    def __init__(self, path: Path, grid: Grid) -> None:
        self.grid = grid
        self.images = 0
        self.day: date | None = None
        self._path = path
        self._file: rasterio.io.DatasetWriter | None = None
        profile = {"driver": "GTiff", "dtype": "float32", "count": 2, "width": grid.width, "height": grid.height}
        tiling = {"tiled": True, "blockxsize": self._BLOCK, "blockysize": self._BLOCK, "BIGTIFF": "IF_SAFER"}
        with rasterio.open(path, "w", **profile, **tiling, crs=grid.crs, transform=grid.transform):
            pass  # GDAL fills what is not written with 0

    def add(self, window: Window, probability: np.ndarray) -> None:
        """One window of one more image; NaN where nothing was seen."""
        seen = ~np.isnan(probability)
        sums = self._open().read(window=window.to_rasterio())
        sums[0] += np.where(seen, probability, 0)
        sums[1] += seen
        self._open().write(sums, window=window.to_rasterio())

    def read(self, window: Window) -> np.ndarray:
        """Mean probability (rows, cols) of the dates that were seen; NaN where none was."""
        total, dates = self._open().read(window=window.to_rasterio())
        return np.where(dates > 0, total / np.maximum(dates, 1), np.float32(np.nan))

    def windows(self) -> list[Window]:
        """Windows that cover the place, in reading order."""
        whole = self.grid.whole
        return [tile.core for tile in tiles(whole, whole.height, whole.width, self._SIDE, 0, 1)]

    def close(self) -> None:
        """Close the file until it is needed again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> rasterio.io.DatasetWriter:
        if self._file is None:
            self._file = rasterio.open(self._path, "r+")
        return self._file


def _result(
    request: EvaluateRequest, findings: list[Findings], run: _Run, outputs: list[Path], job: Job
) -> EvaluateResult:
    single = findings[0]

    def value(measure: str) -> float:
        return float(single.interval("all", measure).value)

    return EvaluateResult(
        report=str(outputs[0]),
        table=str(outputs[1]) if len(outputs) > 1 else "",
        sites=single.sites,
        images=len(single.series.images),
        average_precision=value("average_precision"),
        iou=value("iou"),
        f1=value("f1"),
        calibration_error=value("calibration_error"),
        object_precision=value("object_precision"),
        object_recall=value("object_recall"),
        false_ha_per_100_km2=value("false_ha_per_100_km2"),
        threshold=run.threshold,
        scores={found.name: found.nested() for found in findings},
        model=run.model.card.name,
        model_sha256=run.model.sha256,
        device=run.runtime.device,
        seconds=job.seconds,
        warnings=tuple(job.warnings),
    )
