"""Labelled farms: time series of Sentinel-2 chips with photovoltaic polygons (``austria-pv-2022`` of the shared data).

Every clear date is a view of its site. The traps of that set's description are met here: which sites show no
panels, which were built during the year, and that every polygon in a chip is a farm, not only the chip's own.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import Affine

from ..imagery.bands import MODEL_BANDS
from ..job import Job
from .labels import Outlines, read_outlines

SOURCE = "austria-pv-2022"
LICENCE = "MIT; polygons ODbL-1.0; modified Copernicus Sentinel data"

#: Sites where no panel can be seen in 2022: nothing in them is a farm, whatever their polygon says.
WITHOUT_PANELS = frozenset({1, 1913, 1933})

#: Sites whose polygon lies on something that is not panel-like: neither farm nor background.
DOUBTFUL = frozenset({102})

#: Sites built during 2022: first month in which the whole polygon is a farm, last one in which none of it is.
BUILT = {2011: (9, 6), 2004: (10, 0)}

#: Scene classification: no data, defective, cloud shadow, cloud, cirrus.
NOT_CLEAR = (0, 1, 3, 8, 9, 10)
SNOW = 11

#: A date counts as clear where this share of the chip is.
CLEAR_SHARE = 0.9

#: Views under more snow than this train where they stand, but are not set elsewhere, and are scored apart: panels
#: under snow cannot be seen.
SNOW_LIMIT = 0.1

#: Median blue reflectance above which ground without snow is seen through fog or cloud that the classification missed.
FOG = 0.18


@dataclass(frozen=True)
class FarmView:
    """One site on one clear date.

    reflectance: (bands, H, W) float32; valid: (H, W) bool, clear and observed; coverage: (H, W) float32, share of each
    pixel inside a polygon, all 0 where no panel stands yet; snow: share of the chip that is under snow; ignored:
    (H, W) bool, what is neither taught nor scored, since nobody knows whether it is a farm.
    """

    site: int
    date: str
    reflectance: np.ndarray
    valid: np.ndarray
    coverage: np.ndarray
    snow: float
    ignored: np.ndarray

    @property
    def counted(self) -> np.ndarray:
        """Pixels that are taught and scored, (H, W) bool."""
        return self.valid & ~self.ignored

    @property
    def month(self) -> int:
        """1 to 12."""
        return int(self.date[5:7])


def farm_views(data: Path, sites: Iterable[int], edge: float = 0.0) -> list[FarmView]:
    """Every clear view of ``sites`` in the shared data at ``data``, ordered by site and date.

    edge: width of the strip to each side of outlines that is ignored, metres.
    """
    outlines = read_outlines(str(data / SOURCE / "farm_polygons.geojson"), "", Job.silent())
    return [view for site in sites for view in _views(data, site, outlines, edge)]


def _views(data: Path, site: int, outlines: Outlines, edge: float) -> Iterator[FarmView]:
    series, scl, days, grid = _series(data / SOURCE / "s2" / f"S2_2022_{site}.nc")
    coverage, ignored = outlines.coverage(*grid, day=None, edge=edge)
    for stack, classes, day in zip(series, scl, days, strict=True):
        valid = ~np.isin(classes, NOT_CLEAR) & (stack != _FILL).all(axis=0)
        inside = coverage if site not in WITHOUT_PANELS else np.zeros_like(coverage)
        first_farm, last_ground = BUILT.get(site, (0, 0))
        if valid.mean() < CLEAR_SHARE or last_ground < day.month < first_farm or _is_foggy(stack[0], valid, classes):
            continue
        if day.month <= last_ground:
            inside = np.zeros_like(coverage)
        reflectance = np.where(valid, stack, 0).astype(np.float32) / 10000
        yield FarmView(site, day.isoformat(), reflectance, valid, inside, float((classes == SNOW).mean()), ignored)


def _is_foggy(blue: np.ndarray, valid: np.ndarray, classes: np.ndarray) -> bool:
    snow = (classes == SNOW).mean() > CLEAR_SHARE / 2
    return bool(not snow and np.median(blue[valid]) > FOG * 10000)


_FILL = 32767

_Grid = tuple[tuple[int, int], Affine, rasterio.crs.CRS]


def _series(path: Path) -> tuple[np.ndarray, np.ndarray, list[date], _Grid]:
    """Stored numbers (dates, bands, H, W), scene classification (dates, H, W), dates and grid of one chip."""
    bands = []
    for name in (*MODEL_BANDS, "SCL"):
        with rasterio.open(f"netcdf:{path}:{name}") as file:
            bands.append(file.read())
            days = [int(day) for day in file.tags()["NETCDF_DIM_t_VALUES"].strip("{}").split(",")]
            grid = (file.shape, file.transform, file.crs)
    dates = [date(1990, 1, 1) + timedelta(days=day) for day in days]
    return np.stack(bands[:-1], axis=1), bands[-1], dates, grid
