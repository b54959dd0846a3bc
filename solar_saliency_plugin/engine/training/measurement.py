"""Measuring a probability map against outlines, window by window: what is counted, and where.

Counts are kept by place, since places are what intervals are drawn from: cells of :data:`CELL` metres, joined where a
farm lies across their border, so that a site stays whole with its surroundings, and where farms of both are neighbours,
as training keeps them together.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import NamedTuple, TypeVar

import numpy as np
import shapely
from rasterio.crs import CRS
from rasterio.transform import Affine
from rasterio.warp import transform
from scipy import ndimage
from scipy.cluster.hierarchy import DisjointSet

from ..imagery.grid import Grid, Window
from ..imagery.polygons import in_crs
from .labels import Outlines
from .objects import ObjectMatcher, ObjectTally
from .scores import Countable, Ground, PixelCounts, Tally

#: Side of the cells that images are cut into, in metres of their CRS.
CELL = 2560.0

#: Ground further than this from every outline is where false area is measured, metres: nearer, a detection is a
#: farm's loose outline as often as a false alarm.
FAR = 100.0

#: So many false detections are kept, the largest of all images.
FALSE_KEPT = 100

_CLUTTER = 1000


@dataclass(frozen=True)
class Truth:
    """What the outlines say of a window's pixels, each (rows, cols).

    coverage: share of each pixel inside farms, float32; ignored: pixels that are not scored; far: further than
    :data:`FAR` from all farms.
    """

    coverage: np.ndarray
    ignored: np.ndarray
    far: np.ndarray


def truth(outlines: Outlines | None, grid: Grid, window: Window, day: date | None, edge: float) -> Truth:
    """The truth in a ``window`` of an image on ``grid``, taken on ``day``; without outlines, nothing is a farm."""
    shape = (window.height, window.width)
    if outlines is None:
        return Truth(np.zeros(shape, np.float32), np.zeros(shape, bool), np.ones(shape, bool))
    margin = math.ceil(FAR / grid.ground_pixel_size[0])
    around = (window.height + 2 * margin, window.width + 2 * margin)
    corner = grid.transform * Affine.translation(window.col - margin, window.row - margin)
    coverage, ignored = outlines.coverage(around, corner, grid.crs, day=day, edge=edge)
    near = (coverage > 0) | ignored
    if near.any():
        near = ndimage.maximum_filter(near, size=2 * margin + 1)
    own = np.s_[margin : margin + window.height, margin : margin + window.width]
    return Truth(coverage[own], ignored[own], ~near[own])


class Cell(NamedTuple):
    """A square of :data:`CELL` metres; images of one CRS share theirs."""

    crs: str
    east: int
    north: int


class Shown:
    """Which outlines the images show, and which cells their farms make one place of."""

    def __init__(self, outlines: Outlines) -> None:
        self.outlines = outlines
        #: For each outline, (n,) bool: whether it lies in an image, and whether its farm stands in one.
        self.inside = np.zeros(len(outlines), bool)
        self.standing = np.zeros(len(outlines), bool)
        self._cells: dict[int, Cell] = {}

    def add(self, grid: Grid, day: date | None) -> Iterator[list[Cell]]:
        """Note the outlines that lie in an image on ``grid``; for each, cells that belong together."""
        near = self.outlines.near((grid.height, grid.width), grid.transform, grid.crs, 0.0)
        own, frame, crs = in_crs(self.outlines.geometries[near], grid.crs), grid.bounds, grid.crs.to_string()
        touching = shapely.intersects(own, shapely.box(*frame))
        for number, bounds in zip(near[touching].tolist(), shapely.bounds(own[touching]), strict=True):
            self.inside[number] = True
            self.standing[number] |= not self.outlines.is_newer(number, day)
            west, south = np.floor(np.maximum(bounds[:2], frame[:2]) / CELL).astype(int).tolist()
            east, north = np.floor(np.minimum(bounds[2:], frame[2:]) / CELL).astype(int).tolist()
            cells = [Cell(crs, x, y) for y in range(south, north + 1) for x in range(west, east + 1)]
            # One that lies in images of two CRSs makes one place of the cells of both.
            yield [self._cells.setdefault(number, cells[0]), *cells]

    def places(self) -> list[list[Cell]]:
        """A cell of each outline that the images show, by the neighbourhood that the outlines make up."""
        numbers = np.flatnonzero(self.inside)
        found: dict[int, list[Cell]] = {}
        for number, place in zip(numbers.tolist(), self.outlines.take(numbers).clusters().tolist(), strict=True):
            found.setdefault(place, []).append(self._cells[number])
        return list(found.values())


@dataclass
class FarmRecord:
    """One farm over all images in which it was judged."""

    cell: Cell
    longitude: float
    latitude: float
    hectares: float
    judged: int = 0
    found: int = 0


@dataclass(frozen=True)
class FalseDetection:
    """A detection where no farm is."""

    hectares: float
    longitude: float
    latitude: float
    image: str
    day: str


@dataclass(frozen=True)
class ImageRecord:
    """One image, and its own scores."""

    name: str
    day: str
    pixels: PixelCounts
    objects: ObjectTally
    ground: Ground


Key = TypeVar("Key")
Counts = TypeVar("Counts", bound=Countable)


class Series:
    """All that was counted over a series of images: single dates, or dates averaged."""

    def __init__(self, threshold: float, minimum_ha: float, core: float = 0.0) -> None:
        self.threshold = threshold
        self.core = core
        self.minimum_ha = minimum_ha
        self.tallies: dict[Cell, Tally] = {}
        self.ground: dict[Cell, Ground] = {}
        self.objects: dict[Cell, ObjectTally] = {}
        self.month_tallies: dict[int, Tally] = {}
        self.month_pixels: dict[int, dict[Cell, PixelCounts]] = {}
        self.month_objects: dict[int, ObjectTally] = {}
        self.month_images: dict[int, int] = {}
        self.farms: dict[tuple[float, float], FarmRecord] = {}
        self.images: list[ImageRecord] = []
        self._false: list[FalseDetection] = []
        self._places = DisjointSet()

    def image(self, name: str, day: str, grid: Grid) -> ImageCounter:
        """Begin an image on ``grid``; ``day`` is YYYY-MM-DD, or empty."""
        return ImageCounter(self, name, day, grid)

    def false_detections(self) -> list[FalseDetection]:
        """The largest of all, in falling size."""
        return heapq.nlargest(FALSE_KEPT, self._false, key=lambda d: (d.hectares, d.day, d.longitude, d.latitude))

    def add_false(self, detection: FalseDetection) -> None:
        """Remember a false detection if it is among the largest."""
        self._false.append(detection)
        if len(self._false) > _CLUTTER:
            self._false = self.false_detections()

    def join(self, cells: Sequence[Cell]) -> None:
        """Say that these cells are one place: a farm lies across them, or their farms are neighbours."""
        for cell in cells:
            self._places.add(cell)
            self._places.merge(cells[0], cell)

    def by_place(self, by_cell: Mapping[Cell, Counts]) -> dict[Cell, Counts]:
        """Counts by place, of counts by cell; a place is called by its first cell."""
        merged: dict[Cell, Counts] = {}
        names: dict[Cell, Cell] = {}
        for cell, counts in by_cell.items():
            self._places.add(cell)
            root = self._places[cell]
            if root not in names:
                # Whichever images came first: the same cells give the same place.
                names[root] = min(self._places.subset(root))
            _add(merged, names[root], counts)
        return merged


class ImageCounter:
    """Counts one image into a series; its windows come in reading order."""

    def __init__(self, series: Series, name: str, day: str, grid: Grid) -> None:
        width, height = grid.ground_pixel_size
        self._series, self._name, self._day, self._grid = series, name, day, grid
        self._month = int(day[5:7]) if day else 0
        self._pixel_area = width * height
        self._crs = grid.crs.to_string()
        self._matcher = ObjectMatcher(series.threshold, grid.width, series.core)
        self._pixels = PixelCounts()
        self._ground: dict[Cell, Ground] = {}
        self._seen = False

    def add(self, window: Window, probability: np.ndarray, known: Truth) -> None:
        """One window: probability (rows, cols), NaN where nothing was seen, and the truth there."""
        valid = ~np.isnan(probability)
        self._matcher.add(window, probability, known.coverage, valid, known.ignored, known.far)
        scored = np.where(known.ignored, np.nan, probability).astype(np.float32, copy=False)
        is_farm = known.coverage >= 0.5
        far = known.far & valid
        for cell, own in self._cells(window):
            tally = Tally.of(scored[own], is_farm[own])
            if tally.pixels:
                self._count(cell, tally)
            pixels = int(far[own].sum())
            if pixels:
                _add(self._ground, cell, Ground(pixels * self._pixel_area / 1e4))

    def finish(self) -> None:
        """Count the image's objects and false area; it has no more windows."""
        series = self._series
        matches = self._matcher.matches(self._pixel_area, series.minimum_ha)
        for farm in matches.farms:
            cells = self._cells_of(farm.window)
            series.join(cells)
            longitude, latitude = self._middle(farm.window)
            record = series.farms.setdefault(
                (round(longitude, 4), round(latitude, 4)), FarmRecord(cells[0], longitude, latitude, farm.hectares)
            )
            record.judged += farm.found is not None
            record.found += farm.found is True
            self._count_objects(cells[0], ObjectTally.of([farm], []))
        for detection in matches.detections:
            cells = self._cells_of(detection.window)
            self._count_objects(cells[0], ObjectTally.of([], [detection]))
            if detection.far:
                # Its first cell may show no far ground, and such a place would have false hectares on nothing.
                _add(self._ground, next(cell for cell in cells if cell in self._ground), Ground(false=detection.far))
            if detection.true is False:
                place = self._middle(detection.window)
                series.add_false(FalseDetection(detection.hectares, *place, self._name, self._day))
        if self._month and self._seen:
            series.month_images[self._month] = series.month_images.get(self._month, 0) + 1
        for cell, ground in self._ground.items():
            _add(series.ground, cell, ground)
        whole = sum(self._ground.values(), Ground())
        series.images.append(ImageRecord(self._name, self._day, self._pixels, matches.tally(), whole))

    def _count(self, cell: Cell, tally: Tally) -> None:
        series, pixels = self._series, tally.at(self._series.threshold)
        self._seen = True
        self._pixels += pixels
        _add(series.tallies, cell, tally)
        if self._month:
            _add(series.month_tallies, self._month, tally)
            _add(series.month_pixels.setdefault(self._month, {}), cell, pixels)

    def _count_objects(self, cell: Cell, tally: ObjectTally) -> None:
        _add(self._series.objects, cell, tally)
        if self._month:
            _add(self._series.month_objects, self._month, tally)

    def _cells(self, window: Window) -> Iterator[tuple[Cell, tuple[slice, slice]]]:
        """The cells of a window, and the part of its arrays that each takes."""
        rows = self._numbers(window.row, window.height, 1)
        cols = self._numbers(window.col, window.width, 0)
        for north, down in _runs(rows):
            for east, across in _runs(cols):
                yield Cell(self._crs, east, north), (down, across)

    def _numbers(self, first: int, count: int, axis: int) -> np.ndarray:
        """The cell number of each column (axis 0) or row (axis 1)."""
        t = self._grid.transform
        origin, step = ((t.c, t.a), (t.f, t.e))[axis]
        return np.floor((origin + step * (first + 0.5 + np.arange(count))) / CELL).astype(int)

    def _cells_of(self, window: Window) -> list[Cell]:
        rows = sorted(set(self._numbers(window.row, window.height, 1).tolist()))
        cols = sorted(set(self._numbers(window.col, window.width, 0).tolist()))
        return [Cell(self._crs, east, north) for north in rows for east in cols]

    def _middle(self, window: Window) -> tuple[float, float]:
        x, y = self._grid.transform * (window.col + window.width / 2, window.row + window.height / 2)
        longitudes, latitudes = transform(self._grid.crs, CRS.from_epsg(4326), [x], [y])
        return longitudes[0], latitudes[0]


def _add(counts: dict[Key, Counts], key: Key, more: Counts) -> None:
    counts[key] = counts[key] + more if key in counts else more


def _runs(numbers: np.ndarray) -> Iterator[tuple[int, slice]]:
    """Stretches of equal numbers, and where they lie."""
    borders = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
    for start, stop in pairwise(borders):
        yield int(numbers[start]), slice(start, stop)
