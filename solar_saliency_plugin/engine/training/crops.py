"""What is read of scenes to learn from: views around outlines of solar farms, and windows of ground without any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import numpy as np
import shapely
from rasterio.crs import CRS
from rasterio.transform import Affine
from rasterio.warp import transform

from ...contract.errors import OutOfMemoryError
from ..imagery.bands import MODEL_BANDS
from ..imagery.grid import Grid, Window
from ..imagery.polygons import in_crs
from ..imagery.scene import Scene
from ..job import Job
from ..provenance import is_simulated
from .backgrounds import Background
from .farms import CLEAR_SHARE, FOG, NOT_CLEAR, SNOW, FarmView
from .labels import Outlines, covered

#: Outlines within this many metres are parts of one farm.
SITE = 100.0

#: Windows of ground are drawn from all images together: how many.
GROUNDS = 200

#: Stands for the day of an image that does not say it: all farms stand then.
UNDATED = date(9999, 1, 1)

#: What is read around an outline, and the largest part of a farm read at a time, in pixels.
_MARGIN, _LARGEST = 20, 128

#: Outlines that were drawn along pixels, and carried from one CRS to another and back, may miss them by this share.
_ROUNDING = 1e-3

#: Side of a window of ground, and the least of it that a small scene may have, in pixels; and how far in metres from
#: any outline it lies. A view reaches as far as that at most, so that no pixel is in both.
_GROUND_SIDE, _GROUND_LEAST, _GROUND_DISTANCE = 128, 32, 300.0

#: Windows of ground begin at multiples of this many pixels; so many places are tried in an image, and so many windows
#: are read for each that is wanted.
_GROUND_STEP, _TRIED, _READ = 32, 5000, 4

#: Share of a window of ground that must be clear.
_GROUND_CLEAR = 0.9

#: Bytes that the views may take; beyond, only some of them are kept.
_MEMORY = 2 * 2**30

#: Green above which ground can be snow, and the index of green and short-wave infrared that then tells it from
#: cloud (Hall et al. 1995), where there is no scene classification.
_SNOW_GREEN, _SNOW_INDEX = 0.2, 0.4

_BLUE, _GREEN, _SWIR = (MODEL_BANDS.index(band) for band in ("B02", "B03", "B11"))


@dataclass(frozen=True)
class Sites:
    """Outlines by site, numbered from 1."""

    outlines: Outlines
    of_outline: np.ndarray

    @cached_property
    def members(self) -> dict[int, np.ndarray]:
        """Numbers of the outlines of each site, sites sorted."""
        order = np.argsort(self.of_outline, kind="stable")
        sites, starts = np.unique(self.of_outline[order], return_index=True)
        return dict(zip(sites.tolist(), np.split(order, starts[1:]), strict=True))

    def places(self, sites: Iterable[int]) -> dict[int, int]:
        """A number for the place of each of ``sites``; other sites between them make no neighbours of them."""
        numbers = np.flatnonzero(np.isin(self.of_outline, list(sites)))
        places = self.outlines.take(numbers).clusters() + 1
        return dict(zip(self.of_outline[numbers].tolist(), places.tolist(), strict=True))

    def outlines_of(self, site: int) -> Outlines:
        """The outlines of one site."""
        return self.outlines.take(self.members[site])

    def middle(self, site: int) -> tuple[float, float]:
        """Longitude and latitude of a point inside one of the site's outlines."""
        own = self.outlines.geometries[self.members[site]]
        point = shapely.point_on_surface(own[int(shapely.area(own).argmax())])
        return float(point.x), float(point.y)


@dataclass(frozen=True)
class GroundWindow(Background):
    """A window of ground, and where it and its scene lie: longitude and latitude of their four corners, (4, 2) each."""

    corners: np.ndarray
    scene_corners: np.ndarray


@dataclass(frozen=True)
class Crop:
    """A view, whose labels are not final, and where it lies; ``own``: coverage by its own site's outlines."""

    view: FarmView
    transform: Affine
    crs: CRS
    own: np.ndarray

    @property
    def day(self) -> date:
        """The image's day, or :data:`UNDATED`."""
        return date.fromisoformat(self.view.date) if self.view.date else UNDATED


@dataclass
class Crops:
    """The views read so far. Sites in ``seen`` lie in some image; of ``newer`` it says in which they were too new."""

    sites: Sites
    edge: float
    kept: list[tuple[int, Crop]] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    newer: dict[int, list[tuple[str, str]]] = field(default_factory=dict)
    images: int = 0
    undated: int = 0
    levels: Counter[str] = field(default_factory=Counter)
    simulated: int = 0
    stride: int = 1

    def __post_init__(self) -> None:
        self._bytes = 0
        self._counts: Counter[tuple[int, int]] = Counter()
        self._own: dict[int, Outlines] = {}

    def read(self, scene: Scene, name: str) -> None:
        """Read every site that lies in ``scene``."""
        self.images += 1
        self.undated += not scene.date
        self.levels[scene.level] += 1
        self.simulated += is_simulated(scene.id)
        grid = scene.grid
        near = self.sites.outlines.near((grid.height, grid.width), grid.transform, grid.crs, 0)
        for site in sorted(set(self.sites.of_outline[near].tolist())):
            outlines = self._own.setdefault(site, self.sites.outlines_of(site))
            own = in_crs(outlines.geometries, grid.crs)
            for part, window in enumerate(_windows(own, grid)):
                self._read_window(scene, name, site, part, window)

    def _read_window(self, scene: Scene, name: str, site: int, part: int, window: Window) -> None:
        grid = scene.grid.crop(window)
        shape, day = (window.height, window.width), date.fromisoformat(scene.date) if scene.date else None
        reflectance, observed, clear, snow = looked_at(scene, window)
        outlines = self._own[site]
        every = covered(in_crs(outlines.geometries, grid.crs), shape, grid.transform)
        if not every.any() or not (observed & (every > 0)).any():
            return
        self.seen.add(site)
        own, _ = outlines.coverage(shape, grid.transform, grid.crs, day=day, edge=0.0)
        if not own.any():
            its = self.newer.setdefault(site, [])
            if (name, scene.date) not in its:
                its.append((name, scene.date))
            return
        on_farm = own > 0
        if clear.sum() < CLEAR_SHARE * observed.sum() or clear[on_farm].mean() < CLEAR_SHARE:
            return
        if _is_foggy(reflectance, clear, snow):
            return
        share = float(snow[clear].mean())
        none = np.zeros(shape, bool)
        view = FarmView(site, scene.date, reflectance * clear, clear, own, share, none)
        self._keep(site, part, Crop(view, grid.transform, grid.crs, own))

    def _keep(self, site: int, part: int, crop: Crop) -> None:
        """Keep the crop, or only some of all, evenly over dates, where they would take too much memory."""
        count = self._counts[site, part] + site + part
        self._counts[site, part] += 1
        if count % self.stride:
            return
        self.kept.append((count, crop))
        self._bytes += _bytes(crop)
        while self._bytes > _MEMORY:
            if self.stride > 1000:
                raise OutOfMemoryError(
                    "The views of the farms do not fit into memory.", "Give fewer scenes, or fewer outlines, at a time."
                )
            self.stride *= 2
            self.kept = [(count, crop) for count, crop in self.kept if not count % self.stride]
            self._bytes = sum(_bytes(crop) for _, crop in self.kept)

    def by_site(self) -> dict[int, list[Crop]]:
        """The crops of each site that has any."""
        found: dict[int, list[Crop]] = {}
        for _, crop in self.kept:
            found.setdefault(crop.view.site, []).append(crop)
        return found


def _bytes(crop: Crop) -> int:
    return crop.view.reflectance.nbytes + 3 * crop.own.nbytes


def _windows(own: np.ndarray, grid: Grid) -> Iterator[Window]:
    """What to read around outlines (in the grid's CRS), in parts of :data:`_LARGEST` pixels a side at most."""
    west, south, east, north = shapely.total_bounds(own)
    (left, top), (right, bottom) = ~grid.transform * (west, north), ~grid.transform * (east, south)
    if not np.isfinite([left, top, right, bottom]).all():
        return
    row, col = int(np.floor(top + _ROUNDING)) - _MARGIN, int(np.floor(left + _ROUNDING)) - _MARGIN
    last_row, last_col = int(np.ceil(bottom - _ROUNDING)) + _MARGIN, int(np.ceil(right - _ROUNDING)) + _MARGIN
    around = Window(row, col, last_row - row, last_col - col)
    inside = grid.whole.intersection(around)
    for first_row, height in _parts(inside.row, inside.height):
        for first_col, width in _parts(inside.col, inside.width):
            yield Window(first_row, first_col, height, width)


def _parts(start: int, length: int) -> Iterator[tuple[int, int]]:
    """Starts and lengths of the fewest, nearly equal parts."""
    count = -(-length // _LARGEST)
    for part in range(count):
        first, last = length * part // count, length * (part + 1) // count
        yield start + first, last - first


def looked_at(scene: Scene, window: Window) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Reflectance, where there are data, where nothing hides the ground, and where there is snow."""
    reflectance, observed, clouded = scene.read_parts(window)
    clear = observed & ~clouded
    if scene.has_classification:
        classes = scene.classification(window)
        return reflectance, observed, clear & ~np.isin(classes, NOT_CLEAR), classes == SNOW
    green, swir = reflectance[_GREEN], reflectance[_SWIR]
    index = (green - swir) / np.maximum(green + swir, 1e-6)
    return reflectance, observed, clear, (green > _SNOW_GREEN) & (index > _SNOW_INDEX)


def _is_foggy(reflectance: np.ndarray, clear: np.ndarray, snow: np.ndarray) -> bool:
    """Whether ground without snow is seen through fog, or cloud that no classification told."""
    return bool(snow[clear].mean() <= CLEAR_SHARE / 2 and np.median(reflectance[_BLUE][clear]) > FOG)


def grounds(
    scene: Scene, name: str, outlines: Outlines, count: int, random: np.random.Generator, job: Job
) -> list[GroundWindow]:
    """Up to ``count`` clear windows far from any outline, drawn from the whole scene."""
    rows, cols = (_steps(scene.area.row, scene.area.height), _steps(scene.area.col, scene.area.width))
    cells = [(row, col) for row in rows for col in cols]
    found: list[GroundWindow] = []
    around = _corners(scene.grid)
    read = 0
    for draw in random.permutation(len(cells))[:_TRIED]:
        if len(found) == count or read == _READ * count:
            break
        job.check()
        row, col = cells[draw]
        window = scene.area.intersection(Window(row, col, _GROUND_SIDE, _GROUND_SIDE))
        grid, shape = scene.grid.crop(window), (window.height, window.width)
        if len(outlines.near(shape, grid.transform, grid.crs, _GROUND_DISTANCE)):
            continue
        read += 1
        reflectance, _, clear, snow = looked_at(scene, window)
        if clear.mean() < _GROUND_CLEAR or _is_foggy(reflectance, clear, snow):
            continue
        title = f"{name} {scene.date} {row} {col}".replace("  ", " ")
        found.append(
            GroundWindow(title, "the user's own", scene.level, reflectance * clear, clear, _corners(grid), around)
        )
    return found


def _corners(grid: Grid) -> np.ndarray:
    """Longitude and latitude of a grid's corners, (4, 2), in order around it."""
    pixels = ((0, 0), (grid.width, 0), (grid.width, grid.height), (0, grid.height))
    xs, ys = zip(*(grid.transform * pixel for pixel in pixels), strict=True)
    return np.transpose(transform(grid.crs, CRS.from_string(Outlines.crs), xs, ys))


def _steps(start: int, length: int) -> list[int]:
    """Where windows of ground begin along a side; none where it is too short."""
    if length < _GROUND_LEAST:
        return []
    return list(range(start, max(start + 1, start + length - _GROUND_SIDE + 1), _GROUND_STEP))
