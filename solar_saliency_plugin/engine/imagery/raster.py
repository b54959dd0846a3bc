"""Opening rasters, with errors told in the user's words."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.env import set_gdal_config
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader

from ...contract.errors import SceneNotFoundError, SceneUnreadableError
from .grid import Grid
from .product import Source

# A raster without georeference is refused, or accepted, in words of our own.
warnings.filterwarnings("ignore", category=NotGeoreferencedWarning)

#: Bounds of GDAL's block cache, in bytes.
_SMALLEST_CACHE, _LARGEST_CACHE = 64 * 2**20, 512 * 2**20

_VECTOR_SUFFIXES = (".shp", ".geojson", ".gpkg", ".kml", ".gml", ".dbf", ".parquet", ".fgb")
_ARRAY_SUFFIXES = (".mat", ".npz", ".npy", ".h5", ".hdf5", ".hdf")


def display_name(source: Source) -> str:
    """What to call a source in a message: the end of its path."""
    return f"“{Path(str(source).rstrip('/')).name}”"


def open_raster(source: Source) -> DatasetReader:
    """The raster, open. Raises :class:`SceneNotFoundError` or :class:`SceneUnreadableError`."""
    if isinstance(source, Path) and not source.exists():
        raise SceneNotFoundError(f"There is no file {source}.", "Check the path; was the file moved or renamed?")
    try:
        return rasterio.open(source)
    except (RasterioError, ValueError, OSError) as error:
        raise unreadable(source, error) from error


def unreadable(source: Source, error: Exception) -> SceneUnreadableError:
    """The refusal of a file that is no raster, or is damaged."""
    name = display_name(source)
    suffix = Path(str(source)).suffix.lower()
    if suffix in _VECTOR_SUFFIXES or (suffix == ".json" and "not recognized" in str(error)):
        return SceneUnreadableError(f"{name} holds vector data, not an image.", "Choose a raster layer.")
    if suffix in _ARRAY_SUFFIXES:
        return bare_arrays(source)
    if "not recognized" in str(error):
        return SceneUnreadableError(f"{name} is no raster.", "Choose a GeoTIFF, VRT, JPEG 2000, netCDF or .SAFE scene.")
    return SceneUnreadableError(
        f"{name} cannot be read: it is damaged or incomplete.",
        f"Copy or download it again. The reader said: {error.__cause__ or error}",
    )


def bare_arrays(source: Source) -> SceneUnreadableError:
    """The refusal of a container of arrays, such as MATLAB's, HDF5 or NumPy's."""
    return SceneUnreadableError(
        f"{display_name(source)} is a file of bare arrays, without place or band names.",
        "Convert it to a GeoTIFF with a coordinate reference system and band descriptions.",
    )


@contextmanager
def reading(source: Source) -> Iterator[None]:
    """Turn what rasterio raises while it reads ``source`` into :class:`SceneUnreadableError`.

    GDAL's warnings go to Python's log meanwhile, not to the process's output.
    """
    try:
        with rasterio.Env():
            yield
    except (RasterioError, ValueError) as error:
        raise unreadable(source, error) from error


def bound_block_cache(datasets: Iterable[DatasetReader]) -> None:
    """Keep GDAL from caching 5 % of the machine's memory, which would make memory grow with the scene.

    What is kept pays off: a JPEG 2000 block is slow to decode and is shared by neighbouring windows, so there the
    cache holds the blocks of one row of windows. The bound holds for the whole process.
    """
    need = sum(
        3 * dataset.block_shapes[0][0] * dataset.width * np.dtype(dataset.dtypes[0]).itemsize * dataset.count
        for dataset in datasets
        if dataset.driver.startswith("JP2")
    )
    set_gdal_config("GDAL_CACHEMAX", min(max(need, _SMALLEST_CACHE), _LARGEST_CACHE))


def grid_of(dataset: DatasetReader) -> Grid:
    """The raster's grid; ``CRS()`` where it has none."""
    return Grid(dataset.crs or CRS(), dataset.transform, dataset.width, dataset.height)
