"""Outlines of solar farms from a vector layer, and what they say of an image's pixels."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pyproj
import shapely
from rasterio.crs import CRS
from rasterio.features import rasterize
from rasterio.transform import Affine, array_bounds
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ...contract.errors import RequestError
from ..imagery.polygons import DEGREES, in_crs, read_polygons, to_degrees
from ..job import Job

#: Neighbours share their weather, soil and panels, so outlines within this many metres stay on one side of a split.
NEIGHBOURHOOD = 2000.0

#: Coverage of a pixel by outlines is counted in this many steps a side.
SUBPIXELS = 5

#: Metres for a degree of latitude, where a thousandth more or less does not matter.
_DEGREE = 111_320.0

#: Years in which a solar farm can have been built; a number beyond is something else than a year.
_YEARS = range(1970, 2101)


@dataclass(frozen=True)
class Outlines:
    """Outlines of solar farms.

    geometries: valid polygons in degrees (longitude, latitude; WGS 84), each one outline: (n,) of shapely geometries.
    since: for each, the first day on which it surely stands; None where nothing says.
    """

    geometries: np.ndarray
    since: tuple[date | None, ...]

    crs: ClassVar[str] = DEGREES

    def __len__(self) -> int:
        return len(self.since)

    def coverage(
        self, shape: tuple[int, int], transform: Affine, crs: CRS, *, day: date | None, edge: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """What the pixels of an image, or of a window of it, are: coverage, float32, and ignored, bool, both (H, W).

        coverage: share of each pixel inside farms that stand on ``day`` (all, where it is None). ignored: pixels whose
        centre lies within ``edge`` metres of where these farms end, and those that a farm newer than ``day`` touches.
        """
        near = self.near(shape, transform, crs, edge)
        own = in_crs(self.geometries[near], crs)
        newer = np.array([self.is_newer(index, day) for index in near], bool)
        unit = float(crs.linear_units_factor[1]) if crs.is_projected else _DEGREE
        coverage = covered(own[~newer], shape, transform)
        ignored = np.zeros(shape, bool)
        if edge > 0 and not newer.all():
            # Where two outlines overlap, or one lies inside the other, nothing ends.
            strip = shapely.union_all(own[~newer]).boundary.buffer(edge / unit)
            if not strip.is_empty:
                ignored |= rasterize([strip], out_shape=shape, transform=transform).astype(bool)
        if newer.any():
            touched = rasterize(shapely.buffer(own[newer], edge / unit), shape, transform=transform, all_touched=True)
            ignored |= touched.astype(bool) & (coverage < 1)
        return coverage, ignored

    def near(self, shape: tuple[int, int], transform: Affine, crs: CRS, distance: float) -> np.ndarray:
        """Numbers of the outlines whose bounding boxes lie within ``distance`` metres of an image, sorted."""
        left, bottom, right, top = array_bounds(*shape, transform)
        bounds = to_degrees(crs).transform_bounds(left, bottom, right, top, densify_pts=21)
        west, south, east, north = bounds
        if not np.isfinite(bounds).all():
            return np.array([], np.int64)
        north_south = 1.01 * distance / _DEGREE
        east_west = north_south / max(0.01, np.cos(np.radians(max(abs(south), abs(north)))))
        west, south, east, north = west - east_west, south - north_south, east + east_west, north + north_south
        # Across the antimeridian, west is more than east.
        boxes = [(west, 180.0), (-180.0, east)] if west > east else [(west, east)]
        found = [self._tree.query(shapely.box(left, south, right, north)) for left, right in boxes]
        return np.unique(np.concatenate(found))

    def is_newer(self, index: int, day: date | None) -> bool:
        """Whether an outline's farm may not stand yet on ``day``."""
        since = self.since[index]
        return day is not None and since is not None and since > day

    def clusters(self, distance: float = NEIGHBOURHOOD) -> np.ndarray:
        """A number for each outline, (n,), the same for those that a chain of steps of ``distance`` metres connects."""
        if not len(self):
            return np.array([], np.int64)
        west, south, east, north = shapely.bounds(self.geometries).T
        step = 1.01 * distance / _DEGREE
        stretch = np.cos(np.radians(np.clip(np.maximum(abs(south), abs(north)), 0, 89)))
        boxes = shapely.box(west - step / stretch, south - step, east + step / stretch, north + step)
        one, other = self._tree.query(boxes)
        one, other = one[one < other], other[one < other]
        near = _distance(self.geometries[one], self.geometries[other]) <= distance
        links = coo_array((np.ones(near.sum()), (one[near], other[near])), shape=(len(self), len(self)))
        return np.asarray(connected_components(links, directed=False)[1], np.int64)

    def hectares(self) -> np.ndarray:
        """Area of each outline on the ellipsoid, ha, (n,)."""
        # A hole that runs the same way round as its outline would be added instead of taken away.
        oriented = shapely.orient_polygons(self.geometries)
        return np.array([_WGS84.geometry_area_perimeter(g)[0] / 1e4 for g in oriented])

    def take(self, chosen: np.ndarray) -> Outlines:
        """Some of the outlines, by number or by a bool for each."""
        numbers = np.arange(len(self))[chosen]
        return Outlines(self.geometries[numbers], tuple(self.since[number] for number in numbers))

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree(self.geometries)


_WGS84 = pyproj.Geod(ellps="WGS84")


def covered(geometries: np.ndarray, shape: tuple[int, int], transform: Affine) -> np.ndarray:
    """Share of each pixel inside any of the geometries, (H, W) float32; they are in the image's CRS."""
    if not len(geometries):
        return np.zeros(shape, np.float32)
    fine = rasterize(
        geometries,
        out_shape=(shape[0] * SUBPIXELS, shape[1] * SUBPIXELS),
        transform=transform * Affine.scale(1 / SUBPIXELS),
    )
    return fine.reshape(shape[0], SUBPIXELS, shape[1], SUBPIXELS).mean(axis=(1, 3), dtype=np.float32)


def read_outlines(path: str, since_field: str, job: Job) -> Outlines:
    """The outlines in a vector file, which may be named as QGIS does: ``file.gpkg|layername=farms``.

    ``since_field`` holds since when a farm stands (a year, a month or a date); empty: nothing is known of that. A
    year or month counts from its last day on, since only then the farm surely stands. Every polygon of a feature is an
    outline of its own. Raises :class:`LabelsUnreadableError`, :class:`LabelsUnsuitableError` or, for a field that is
    not there or holds no dates, :class:`RequestError`. What is repaired or left out is told through ``job``.
    """
    layer = read_polygons(path, job, since_field)
    since = _days(layer.values, since_field, layer.name, job) if since_field else None
    return Outlines(layer.polygons, tuple(since[feature] if since else None for feature in layer.features))


def _days(values: np.ndarray, field: str, name: str, job: Job) -> list[date | None]:
    """The day of every value; None where there is none, or it is no date. Raises where no value is one."""
    given = [value for value in values if not _is_missing(value)]
    if parts := [value for value in given if _is_part_of_a_year(value)]:
        raise RequestError(
            f"{len(parts)} values of the field “{field}” of {name} are numbers that are no whole years, such as "
            f"{parts[0]}: that may mean a month or a share of the year.",
            "Choose or make a field that holds whole years, or text with a month (YYYY-MM) or a date (YYYY-MM-DD).",
        )
    days = [None if _is_missing(value) else _last_day(value) for value in values]
    wrong = [value for value, day in zip(values, days, strict=True) if day is None and not _is_missing(value)]
    if given and len(wrong) == len(given):
        raise RequestError(
            f"The field “{field}” of {name} holds no dates, but “{wrong[0]}”.",
            "Choose a field that holds a year, a month (YYYY-MM) or a date (YYYY-MM-DD).",
        )
    if wrong:
        job.warn(
            f"{len(wrong)} values of the field “{field}” are no dates, such as “{wrong[0]}”; these farms count as "
            "standing in all images."
        )
    if len(given) < len(values):
        job.warn(
            f"For {len(values) - len(given)} of {len(values)} outlines the field “{field}” is empty; these farms "
            "count as standing in all images."
        )
    return days


def _is_missing(value: Any) -> bool:
    return value is None or value != value or str(value).strip() in ("", "NaT")


_DECIMAL = re.compile(r"(\d+)\.(\d+)")


def _is_part_of_a_year(value: Any) -> bool:
    """Whether a value is a year with a fraction, as a number or as text: 2019.5."""
    match = _DECIMAL.fullmatch(str(value).strip())
    return bool(match and int(match[2]) and _last_day(match[1]))


_DAY = re.compile(r"(\d{4})(?:[-/.]?(\d{1,2})(?:[-/.]?(\d{1,2}))?)?(?:[T ].*)?")


def _last_day(value: Any) -> date | None:
    """The last day of the year, month or day that a value means; None where it means none."""
    text = str(value).strip()
    number = _DECIMAL.fullmatch(text)  # of a whole year: 2019.0
    match = _DAY.fullmatch(number[1] if number else text)
    if not match or int(match[1]) not in _YEARS:
        return None
    year, month = int(match[1]), int(match[2] or 12)
    if not 1 <= month <= 12:
        return None
    last = calendar.monthrange(year, month)[1]
    day = int(match[3] or last)
    return date(year, month, day) if 1 <= day <= last else None


def _distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Metres between geometries in degrees, pair by pair, that lie within some kilometres of each other."""
    north = np.radians((shapely.bounds(one)[:, 1] + shapely.bounds(one)[:, 3]) / 2)
    return shapely.distance(_in_metres(one, np.cos(north)), _in_metres(other, np.cos(north)))


def _in_metres(geometries: np.ndarray, stretch: np.ndarray) -> np.ndarray:
    """Geometries in degrees on a plane; ``stretch`` is each one's cosine of latitude."""
    coordinates, owners = shapely.get_coordinates(geometries, return_index=True)
    coordinates[:, 0] *= stretch[owners]
    return shapely.set_coordinates(geometries.copy(), coordinates * _DEGREE)
