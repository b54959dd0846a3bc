"""What is explained: a set of pixels, frozen before anything is changed.

If the set were found again in every changed image, neither sums of contributions nor differences would mean anything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyproj
import shapely
from rasterio.crs import CRS
from rasterio.features import rasterize

from ...contract.attribution import TargetOptions
from ...contract.errors import ExtentOutsideError, RequestError
from ..imagery.grid import Grid, Window
from ..imagery.polygons import in_crs, read_polygons
from ..job import Job

_SHAPES = "Give a polygon or a point as well-known text, such as POINT(500000 5300000), or choose a layer of polygons."


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
        """The target as well-known text in the scene's CRS."""
        geometry = shapely.box(*grid.crop(self.area).bounds) if self.geometry is None else self.geometry
        return shapely.to_wkt(geometry, rounding_precision=3)


def read_target(request: TargetOptions, grid: Grid, area: Window, job: Job) -> Target:
    """The target of a request; ``area`` is the part of the scene that was asked for.

    Raises :class:`RequestError` for text that is no polygon or point, :class:`ExtentOutsideError` for what lies
    outside ``area``, and what :func:`~..imagery.polygons.read_polygons` raises.
    """
    if request.target.strip() and request.polygons.strip():
        raise RequestError("There are two targets: one as text, and a layer of polygons.", "Give one of them only.")
    only_detected = request.pixels == "detected"
    if request.target.strip():
        geometry = _geometry(request.target, request.target_crs, grid)
    elif request.polygons.strip():
        geometry = shapely.union_all(in_crs(read_polygons(request.polygons, job).polygons, grid.crs))
    else:
        return Target(area, None, only_detected, False)
    is_point = geometry.geom_type == "Point"
    if is_point:
        geometry = _square(geometry, request.around, grid)
    window = _window(geometry, grid).intersection(area)
    if not window.height or not window.width:
        raise ExtentOutsideError(
            "The target lies outside the scene, or outside the extent that was asked for.",
            "Choose a place inside, or check the target's coordinate reference system.",
        )
    return Target(window, geometry, only_detected, is_point)


def _geometry(text: str, crs: str, grid: Grid) -> shapely.Geometry:
    """The polygon or point that a text stands for, in the grid's CRS."""
    try:
        geometry = shapely.from_wkt(text)
    except (shapely.errors.GEOSException, ValueError, TypeError) as error:
        raise RequestError("The target is no well-known text.", _SHAPES) from error
    if geometry.geom_type == "MultiPoint" and len(geometry.geoms) == 1:
        geometry = geometry.geoms[0]
    if geometry.is_empty or geometry.geom_type not in ("Point", "Polygon", "MultiPolygon"):
        raise RequestError(f"The target is a {geometry.geom_type}, or empty.", _SHAPES)
    if crs.strip():
        try:
            mover = pyproj.Transformer.from_crs(crs, grid.crs.to_wkt(), always_xy=True)
        except pyproj.exceptions.CRSError as error:
            raise RequestError(
                f"“{crs}” is no coordinate reference system.", "Give a code such as EPSG:4326."
            ) from error
        geometry = shapely.transform(geometry, mover.transform, interleaved=False)
    geometry = shapely.force_2d(geometry)
    if not np.isfinite(shapely.bounds(geometry)).all():
        raise RequestError("The target has coordinates that are nowhere.", "Check its coordinate reference system.")
    if geometry.geom_type != "Point" and not geometry.is_valid:
        # What crosses itself keeps what its parts enclose.
        parts = [part for part in shapely.get_parts(shapely.make_valid(geometry)) if shapely.area(part) > 0]
        geometry = shapely.union_all(parts)
    if geometry.geom_type != "Point" and not shapely.area(geometry):
        raise RequestError("The target has no area.", _SHAPES)
    return geometry


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


def crs_text(crs: CRS) -> str:
    """A CRS for a tag: its code, or well-known text."""
    return str(crs.to_string())
