"""What is explained: a set of pixels, frozen before anything is changed.

If the set were found again in every changed image, neither sums of contributions nor differences would mean anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyproj
import shapely
from rasterio.features import rasterize

from ...contract.attribution import TargetOptions
from ...contract.errors import ExtentOutsideError, RequestError
from ..imagery.coordinates import put_right, somewhere, without_traces
from ..imagery.grid import Grid, Window
from ..imagery.polygons import DEGREES, in_crs, read_polygons
from ..job import Job

_SHAPES = "Give a polygon or a point as well-known text, such as POINT(500000 5300000), or choose a layer of polygons."

_OUTLINES = "Draw a polygon, or give one as well-known text, such as POLYGON((0 0, 900 0, 900 900, 0 0))."


@dataclass(frozen=True)
class Target:
    """Where the pixels lie that are explained.

    area: the window of the scene's grid that holds them. geometry: in the scene's CRS; None: all of the area.
    only_detected: of the pixels inside, those count whose probability reaches the threshold. is_point: it stands for
    one place, not for an outline.
    """

    area: Window
    geometry: shapely.Geometry | None
    only_detected: bool
    is_point: bool

    def inside(self, window: Window, grid: Grid) -> np.ndarray:
        """Which pixels of a window lie inside, (H, W), bool: their centres do, or, where no centre does, any part."""
        found = np.zeros((window.height, window.width), bool)
        common = window.intersection(self.area)
        if not common.height or not common.width:
            return found
        found[common.within(window)] = True if self.geometry is None else _burnt(self.geometry, grid, self.area, common)
        return found

    def wkt(self, grid: Grid) -> str:
        """The target as well-known text in the scene's CRS; where that is too long, the rectangle around it."""
        box = shapely.box(*grid.crop(self.area).bounds)
        text = shapely.to_wkt(box if self.geometry is None else self.geometry, rounding_precision=3)
        return text if len(text) <= _TOLD else shapely.to_wkt(box, rounding_precision=3)


#: Longest text of a target, characters; an outline of some ten thousand corners.
LONGEST = 2_000_000

#: What a target's text begins with; anything else is not parsed, since GEOS follows any nesting until its stack ends.
_KINDS = re.compile(r"\s*(POINT|MULTIPOINT|POLYGON|MULTIPOLYGON)\b[^(]*(\(|EMPTY)", re.IGNORECASE)
_DEEPEST = 3

#: Longest well-known text that results carry; of a longer one they tell the rectangle around it.
_TOLD = 100_000


def read_target(request: TargetOptions, grid: Grid, area: Window, job: Job) -> Target:
    """The target of a request; ``area`` is the part of the scene that was asked for.

    Raises :class:`RequestError` for text that is no polygon or point, :class:`ExtentOutsideError` for what lies
    outside ``area``, and what :func:`~..imagery.polygons.read_polygons` raises.
    """
    if request.target.strip() and request.polygons.strip():
        raise RequestError("There are two targets: one as text, and a layer of polygons.", "Give one of them only.")
    only_detected = request.pixels == "detected"
    if request.target.strip():
        geometry = read_geometry(request.target, request.target_crs, grid, area)
    elif request.polygons.strip():
        geometry = _union(request.polygons, grid, area, job)
    else:
        return Target(area, None, only_detected, False)
    is_point = geometry.geom_type == "Point"
    if is_point:
        geometry = _square(geometry, request.around, grid)
    return target_of(geometry, grid, area, only_detected, is_point)


def target_of(
    geometry: shapely.Geometry,
    grid: Grid,
    area: Window,
    only_detected: bool,
    is_point: bool = False,
    what: str = "target",
) -> Target:
    """The target that a geometry in the grid's CRS stands for, as far as it lies in ``area``.

    Raises :class:`ExtentOutsideError`, which calls it ``what``, where it lies outside.
    """
    window = Window(0, 0, 0, 0) if geometry.is_empty else _window(geometry, grid).intersection(area)
    if not window.height or not window.width:
        raise ExtentOutsideError(
            f"The {what} lies outside the scene, or outside the extent that was asked for.",
            f"Choose a place inside, or check the {what}'s coordinate reference system.",
        )
    return Target(window, geometry, only_detected, is_point)


def placed(polygons: np.ndarray, grid: Grid, area: Window) -> np.ndarray:
    """Polygons in degrees as they lie in the grid's CRS, cut off where they reach far beyond ``area``."""
    around = _around(grid, area, DEGREES)
    return np.asarray(shapely.make_valid(in_crs(shapely.intersection(polygons, around), grid.crs)))


def _union(path: str, grid: Grid, area: Window, job: Job) -> shapely.Geometry:
    """The polygons of a layer that lie in ``area``, as one geometry in the grid's CRS."""
    polygons = read_polygons(path, job).polygons
    job.check()
    near = polygons[shapely.intersects(shapely.box(*shapely.bounds(polygons).T), _around(grid, area, DEGREES))]
    found = placed(near, grid, area)
    job.check()
    return shapely.union_all(found)


def _around(grid: Grid, area: Window, crs: str) -> shapely.Polygon:
    """A rectangle in ``crs`` that holds ``area`` and some pixels more, so that what is far away need not be moved."""
    mover = pyproj.Transformer.from_crs(grid.crs.to_wkt(), crs, always_xy=True)
    bounds = mover.transform_bounds(*grid.crop(area.grown(8)).bounds, densify_pts=21)
    if not np.isfinite(bounds).all():
        raise RequestError(f"The scene lies outside of what “{crs}” can say.", "Give the target in another one.")
    return shapely.box(*bounds)


def read_geometry(text: str, crs: str, grid: Grid, area: Window, what: str = "target") -> shapely.Geometry:
    """The polygon or point that a text stands for, in the grid's CRS, and what of it lies about ``area``.

    Raises :class:`RequestError`, which calls it ``what``, for text that is none.
    """
    shapes = _SHAPES if what == "target" else _OUTLINES
    if not _KINDS.match(text):
        raise RequestError(f"The {what} “{text.strip()[:40]}” is no polygon or point in well-known text.", shapes)
    if len(text) > LONGEST or _depth(text) > _DEEPEST:
        raise RequestError(f"The {what}'s text is too long, or nested too deep, to be one outline.", shapes)
    try:
        with np.errstate(invalid="ignore"):  # it wonders at what is no number
            geometry = shapely.from_wkt(text)
    except (shapely.errors.GEOSException, ValueError, TypeError) as error:
        raise RequestError(f"The {what} is no well-known text.", shapes) from error
    if geometry.geom_type == "MultiPoint" and len(geometry.geoms) == 1:
        geometry = geometry.geoms[0]
    if geometry.is_empty or geometry.geom_type not in ("Point", "Polygon", "MultiPolygon"):
        raise RequestError(f"The {what} is {'empty' if geometry.is_empty else f'a {geometry.geom_type}'}.", shapes)
    there = np.array([shapely.force_2d(geometry)])
    if not somewhere(there).all():
        raise RequestError(f"The {what} has coordinates that are nowhere.", shapes)
    geometry = without_traces(there)[0]
    if geometry.geom_type != "Point":
        geometry = _enclosed(geometry)
        if not shapely.area(geometry):
            raise RequestError(f"The {what} has no area.", shapes)
    try:
        geometry = shapely.intersection(geometry, _around(grid, area, crs or grid.crs.to_wkt()))
        if crs.strip():
            mover = pyproj.Transformer.from_crs(crs, grid.crs.to_wkt(), always_xy=True)
            geometry = shapely.transform(geometry, mover.transform, interleaved=False)
    except pyproj.exceptions.ProjError as error:
        raise RequestError(
            f"“{crs[:80]}” is no coordinate reference system that the {what} could be in.",
            "Give a code such as EPSG:4326.",
        ) from error
    return geometry if geometry.geom_type == "Point" else _enclosed(geometry)


def _depth(text: str) -> int:
    """How deep parentheses lie in each other."""
    depth = deepest = 0
    for sign in re.findall(r"[()]", text):
        depth += 1 if sign == "(" else -1
        deepest = max(deepest, depth)
    return deepest


def _enclosed(geometry: shapely.Geometry) -> shapely.Geometry:
    """What a polygon encloses; one that crosses itself keeps what its parts enclose."""
    parts = shapely.get_parts(geometry if geometry.is_valid else put_right(np.array([geometry]))[0])
    return shapely.union_all(parts[shapely.area(parts) > 0])


def _square(point: shapely.Point, side: int, grid: Grid) -> shapely.Polygon:
    """The square of ``side`` × ``side`` pixels around the pixel that a point lies in."""
    col, row = ~grid.transform * (point.x, point.y)
    left, top = int(np.floor(col)) - (side - 1) // 2, int(np.floor(row)) - (side - 1) // 2
    corners = [(left, top), (left + side, top), (left + side, top + side), (left, top + side)]
    return shapely.Polygon([grid.transform * corner for corner in corners])


def _window(geometry: shapely.Geometry, grid: Grid) -> Window:
    """The pixels that a geometry touches, on and off the grid."""
    left, bottom, right, top = shapely.bounds(geometry)
    corners = [~grid.transform * corner for corner in ((left, top), (right, top), (right, bottom), (left, bottom))]
    # A border that runs along pixels' edges, up to rounding, does not touch the next pixel.
    cols, rows = ([corner[axis] for corner in corners] for axis in (0, 1))
    col, row = int(np.floor(min(cols) + 1e-6)), int(np.floor(min(rows) + 1e-6))
    return Window(row, col, max(1, int(np.ceil(max(rows) - 1e-6)) - row), max(1, int(np.ceil(max(cols) - 1e-6)) - col))


def _burnt(geometry: shapely.Geometry, grid: Grid, area: Window, window: Window) -> np.ndarray:
    """Which pixels of ``window`` belong to a geometry within ``area``, (H, W), bool."""

    def burn(where: Window, touched: bool) -> np.ndarray:
        shape = (where.height, where.width)
        return rasterize([geometry], shape, transform=grid.crop(where).transform, all_touched=touched).astype(bool)

    # Only what is small can lie between all centres.
    small = area.height * area.width <= 64
    return burn(window, touched=small and not burn(area, touched=False).any())
