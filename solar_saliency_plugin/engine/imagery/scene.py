"""A Sentinel-2 scene as the network wants it: reflectance of named bands on one grid, and where it is valid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import numpy as np

from ...contract.errors import NotReflectanceError, RequestError, SceneEmptyError
from ...contract.imagery import CLOUD_MASKS, SceneOptions
from ..job import Job
from .atmosphere import LOW_SUN, Correction, correction, sun_over
from .bands import BANDS, CLASSIFICATION, MODEL_BANDS, require_bands
from .grid import Grid, Window
from .layerstack import LayerStack
from .locate import read_product
from .naming import checked_date
from .product import Product
from .raster import bound_block_cache, grid_of, open_raster
from .scaling import Scaling, TaggedScale, decide

#: Where a scene is looked at before anything is computed, as shares of its height and width: its middle, its last
#: corner, which a truncated file lacks, and where the scale is to be judged, places between.
_FEW_PLACES = ((0.5, 0.5), (1.0, 1.0))
_PLACES = ((0.5, 0.5), (0.25, 0.25), (0.25, 0.75), (0.75, 0.25), (0.75, 0.75), (1.0, 1.0))
_SAMPLE_SIDE = 128
#: Scenes up to this side are looked at whole.
_SMALL_SIDE = 400
#: Side of the windows in which a scene is searched for its first valid pixel.
_SEARCH_SIDE = 1024


def open_scene(
    options: SceneOptions,
    job: Job,
    bands: Sequence[str] = MODEL_BANDS,
    require_mask: bool = True,
    level: str | None = None,
) -> Scene:
    """Find, understand and check the scene; close what it returns.

    ``level`` is the processing level that is wanted, a model's: where it is L2A, a scene of level L1C is corrected for
    the atmosphere, roughly, and warned of. None: as stored.
    Without ``require_mask``, a scene that has no classification is opened without its clouds masked, and warned of.
    Raises an :class:`~...contract.errors.InputError` whose message says what is wrong with the scene and whose hint
    says what to do, and :class:`RequestError` for options that do not suit it.
    """
    date = checked_date(options.date)
    product = read_product(options, job)
    product = replace(
        product,
        date=date or product.date,
        level=product.level if options.level == "auto" else options.level,
    )
    require_bands(tuple(product.layers), bands, product.name)
    if options.mask != "none" and CLASSIFICATION not in product.layers:
        if require_mask:
            raise RequestError(
                f"{product.name} has no scene classification (SCL), so clouds cannot be left out.",
                "Set the option “mask” to none, or use a Level-2A product that holds its SCL band.",
            )
        job.warn(f"{product.name} has no scene classification (SCL): clouds were not left out of it.")
        options = replace(options, mask="none")
    for note in product.notes:
        job.info(note)
    for warning in product.warnings:
        job.warn(warning)
    return Scene(product, tuple(bands), options, job, level)


class Scene:
    """An open scene, a context manager. May be opened in one thread and then used in one other.

    ``grid`` is the scene's finest grid (10 m), ``area`` the window of it that was asked for, ``inputs`` the files read.
    ``level`` is what is stored, ``correction`` what is done to it, if anything, and ``level_read`` what is read then.
    """

    def __init__(
        self, product: Product, bands: tuple[str, ...], options: SceneOptions, job: Job, level: str | None = None
    ) -> None:
        """Open and check; use :func:`open_scene`."""
        self.id = product.id
        self.level = product.level
        self.date = product.date
        self.inputs: tuple[Path, ...] = product.inputs
        self.bands = bands
        self.wavelengths = tuple(BANDS[name].wavelength_nm for name in bands)
        self.has_classification = CLASSIFICATION in product.layers
        self._masked_classes = CLOUD_MASKS[options.mask]
        self._stack = LayerStack([product.layers[name] for name in bands], _finest_grid(product, bands))
        self._classes: LayerStack | None = None
        bound_block_cache(self._stack.datasets.values())
        try:
            self.grid: Grid = self._stack.grid
            if self.has_classification:
                self._classes = LayerStack([product.layers[CLASSIFICATION]], self.grid)
            self.area = self.grid.window(options.extent, options.extent_crs) if options.extent else self.grid.whole
            self._scaling = self._checked_scaling(product, options, job)
            self._require_valid_pixel(product, options, job)
            self.correction = self._correction(product, level, job)
            self.level_read = "L2A" if self.correction else self.level
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Scene:
        """The scene itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files."""
        self.close()

    def close(self) -> None:
        """Close the files."""
        self._stack.close()
        if self._classes:
            self._classes.close()

    def read(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """Reflectance, float32 (bands, rows, columns), and validity, bool (rows, columns), of ``window``.

        A pixel is valid where every band holds data and no cloud class that was to be left out; others hold 0.
        """
        reflectance, observed, clouded = self.read_parts(window)
        valid = observed & ~clouded
        reflectance *= valid
        return reflectance, valid

    def read_parts(self, window: Window) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Reflectance as in :meth:`read` but under clouds too, where there are data, and what the cloud mask takes."""
        numbers, observed = self._stack.read(window)
        reflectance = self._scaling.apply(numbers)
        if self.correction:
            reflectance = self.correction.apply(reflectance)
        if not observed.all():
            reflectance *= observed
        clouded = np.zeros(observed.shape, bool)
        if self._masked_classes:
            clouded = np.isin(self.classification(window), self._masked_classes)
        return reflectance, observed, clouded

    def classification(self, window: Window) -> np.ndarray:
        """The scene classification (SCL) in ``window``, uint8 (rows, columns); 0 where there is none."""
        if self._classes is None:
            return np.zeros((window.height, window.width), np.uint8)
        classes, present = self._classes.read(window)
        return np.where(present, classes[0], 0).astype(np.uint8)

    def _checked_scaling(self, product: Product, options: SceneOptions, job: Job) -> Scaling:
        layers = [product.layers[name] for name in self.bands]
        datasets = self._stack.datasets
        kinds = {datasets[layer.source].dtypes[layer.index - 1] for layer in layers}
        if "uint8" in kinds:
            raise NotReflectanceError(
                f"{product.name} holds 8-bit values: a picture made to look at, not reflectance.",
                "Use the product it was made from, with 16-bit integers or floating-point numbers.",
            )
        tags = []
        for layer in layers:
            dataset = datasets[layer.source]
            scale, offset = dataset.scales[layer.index - 1], dataset.offsets[layer.index - 1]
            is_set = (scale, offset) != (1.0, 0.0)
            tags.append(TaggedScale(scale if is_set else None, offset if is_set else None))
        is_known = options.scale is not None or all(layer.scale is not None for layer in layers)
        numbers = self._sample(_FEW_PLACES if is_known else _PLACES, job)
        if not numbers.shape[1]:
            numbers = self._first_valid(self.grid.whole, job)
        if not numbers.shape[1]:
            raise SceneEmptyError(f"{product.name} holds no valid pixel: it is all nodata.", _OTHER_DATE)
        is_float = all(np.issubdtype(np.dtype(kind), np.floating) for kind in kinds)
        return decide(product, layers, tags, numbers, is_float, options, job)

    def _require_valid_pixel(self, product: Product, options: SceneOptions, job: Job) -> None:
        if self.area != self.grid.whole and not self._first_valid(self.area, job).shape[1]:
            raise SceneEmptyError(
                f"The part of {product.name} that was asked for holds no valid pixel.", "Choose another extent or date."
            )

    def _correction(self, product: Product, level: str | None, job: Job) -> Correction | None:
        if (self.level, level) != ("L1C", "L2A"):
            return None
        found = correction(self.bands, sun_over(self.grid, self.date, product.sun_zenith))
        low = " The sun stood so low that little of it can be trusted." if found.sun.zenith > LOW_SUN else ""
        job.warn(
            f"The scene is L1C, and the model was trained on L2A: {found.summary} was made.{low} Better use the L2A "
            "product of the date, and compare the detections with an aerial image."
        )
        return found

    def _sample(self, places: Sequence[tuple[float, float]], job: Job) -> np.ndarray:
        """Stored numbers of valid pixels at a few places of the scene: (bands, pixels)."""
        windows = sample_windows(self.grid.whole, places)
        return np.concatenate([self._valid_numbers(window, job) for window in windows], axis=1)

    def _first_valid(self, area: Window, job: Job) -> np.ndarray:
        """Stored numbers of the first window of ``area`` that has valid pixels; none where no window has."""
        for window in search_windows(area):
            numbers = self._valid_numbers(window, job)
            if numbers.shape[1]:
                return numbers
        return np.empty((len(self.bands), 0), np.float32)

    def _valid_numbers(self, window: Window, job: Job) -> np.ndarray:
        job.check()
        numbers, observed = self._stack.read(window)
        return numbers[:, observed]


def _finest_grid(product: Product, bands: Sequence[str]) -> Grid | None:
    """The grid of the product's finest band, where none of the ``bands`` asked for is as fine."""
    finest = min((BANDS[name] for name in product.layers if name in BANDS), key=lambda band: band.native_resolution)
    if finest.native_resolution == min(BANDS[name].native_resolution for name in bands):
        return None
    with open_raster(product.layers[finest.name].source) as dataset:
        return grid_of(dataset)


_OTHER_DATE = "Choose another date or product."


def sample_windows(area: Window, places: Sequence[tuple[float, float]]) -> list[Window]:
    """Small windows at ``places`` (shares of height and width) of ``area``; all of a small area."""
    if max(area.height, area.width) <= _SMALL_SIDE:
        return [area]
    height, width = min(_SAMPLE_SIDE, area.height), min(_SAMPLE_SIDE, area.width)
    return [
        Window(area.row + round(y * (area.height - height)), area.col + round(x * (area.width - width)), height, width)
        for y, x in places
    ]


def search_windows(area: Window) -> Iterator[Window]:
    """Windows that cover ``area``, the one in its middle first."""
    middle = Window(area.row + area.height // 2, area.col + area.width // 2, _SEARCH_SIDE // 4, _SEARCH_SIDE // 4)
    yield middle.intersection(area)
    for row in range(area.row, area.rows.stop, _SEARCH_SIDE):
        for col in range(area.col, area.cols.stop, _SEARCH_SIDE):
            yield Window(row, col, _SEARCH_SIDE, _SEARCH_SIDE).intersection(area)
