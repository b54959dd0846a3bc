"""The grid that a tidy scene lies on, and resampling to it: 10 m, north up, in the scene's UTM zone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.errors import CRSError
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform

from ...contract.errors import GridUnsuitableError
from .grid import Grid, Window
from .windows import Tile

PIXEL_SIZE = 10.0
#: Points along each edge of a scene that its extent in UTM is taken from: edges become curves.
_EDGE_POINTS = 33
#: UTM is defined between these latitudes.
_SOUTH, _NORTH = -80.0, 84.0


def is_tidy_grid(grid: Grid) -> bool:
    """Whether the grid is in UTM, north up, with pixels of 10 m: nothing is to be gained by resampling."""
    is_utm = bool(grid.crs) and grid.crs.is_projected and "UTM zone" in grid.crs.to_wkt()
    x, y = grid.transform.a, -grid.transform.e
    return is_utm and grid.is_north_up and abs(x - PIXEL_SIZE) < 1e-6 and abs(y - PIXEL_SIZE) < 1e-6


def utm_crs(longitude: float, latitude: float) -> CRS:
    """WGS 84 / UTM of the zone around a place."""
    zone = int((longitude + 180.0) % 360.0 // 6) + 1
    return CRS.from_epsg((32600 if latitude >= 0 else 32700) + zone)


def utm_grid(grid: Grid) -> Grid:
    """The 10 m grid, with corners at multiples of 10 m, that covers ``grid`` in the UTM zone of its middle.

    Raises :class:`GridUnsuitableError` where the scene has no CRS or lies where UTM is not defined.
    """
    if not grid.crs:
        raise GridUnsuitableError(
            "The scene has no coordinate reference system, so nobody knows where it lies.",
            "Set it in QGIS (Raster ▸ Projections ▸ Assign Projection) if you know it.",
        )
    try:
        longitude, latitude = grid.center_longitude_latitude()
        if not (math.isfinite(longitude) and _SOUTH <= latitude <= _NORTH):
            raise GridUnsuitableError("The scene does not lie where UTM is defined.", "Check the scene's CRS.")
        crs = utm_crs(longitude, latitude)
        share = np.linspace(0.0, 1.0, _EDGE_POINTS)
        edge = [(u, v) for u in share for v in (0.0, 1.0)] + [(u, v) for v in share for u in (0.0, 1.0)]
        xs, ys = zip(*(grid.transform * (u * grid.width, v * grid.height) for u, v in edge), strict=True)
        eastings, northings = (np.asarray(values) for values in transform(grid.crs, crs, xs, ys))
    except CRSError as error:
        raise GridUnsuitableError(f"The scene's CRS cannot be turned into UTM: {error}.", "Check the CRS.") from error
    west, south = (math.floor(values.min() / PIXEL_SIZE) * PIXEL_SIZE for values in (eastings, northings))
    east, north = (math.ceil(values.max() / PIXEL_SIZE) * PIXEL_SIZE for values in (eastings, northings))
    corner = Affine(PIXEL_SIZE, 0.0, west, 0.0, -PIXEL_SIZE, north)
    return Grid(crs, corner, round((east - west) / PIXEL_SIZE), round((north - south) / PIXEL_SIZE))


def warped_windows(
    source: Path, grid: Grid, nodata: int, nearest: Sequence[int], windows: Sequence[Tile]
) -> Iterator[tuple[Window, np.ndarray]]:
    """Cores of ``windows`` on ``grid`` with the numbers of all bands of ``source``: (bands, rows, columns).

    Bands are interpolated bilinearly, those listed in ``nearest`` taken from the nearest pixel; ``nodata`` stays out
    of every mean.
    """
    place = {"crs": grid.crs, "transform": grid.transform, "width": grid.width, "height": grid.height}
    with (
        rasterio.open(source) as dataset,
        WarpedVRT(dataset, resampling=Resampling.bilinear, nodata=nodata, **place) as smooth,
        WarpedVRT(dataset, resampling=Resampling.nearest, nodata=nodata, **place) as blocky,
    ):
        for tile in windows:
            numbers = smooth.read(window=tile.core.to_rasterio())
            for index in nearest:
                numbers[index - 1] = blocky.read(index, window=tile.core.to_rasterio())
            yield tile.core, numbers
