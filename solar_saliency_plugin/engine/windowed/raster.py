"""The raster that a run writes window by window before it becomes the output."""

import os
from pathlib import Path
from typing import Any, Optional, Sequence

import numpy as np
import rasterio
from rasterio.io import DatasetWriter

from ..imagery.grid import Grid, Window

#: Side of the file's blocks, in pixels; windows are multiples of it so that each block is written once.
BLOCK = 256


class WindowedRaster:
    """An uncompressed GeoTIFF with a band for each title, all nodata at first, that survives being killed."""

    def __init__(self, path: Path, grid: Grid, dtype: str, nodata: float, titles: Sequence[str]) -> None:
        self.path = path
        self._titles = tuple(titles)
        self._profile: dict[str, Any] = {
            "driver": "GTiff",
            "width": grid.width,
            "height": grid.height,
            "count": len(self._titles),
            "interleave": "band",
            "dtype": dtype,
            "nodata": nodata,
            "crs": grid.crs,
            "transform": grid.transform,
            "tiled": True,
            "blockxsize": BLOCK,
            "blockysize": BLOCK,
            "BIGTIFF": "IF_SAFER",
        }
        self._dataset: Optional[DatasetWriter] = None

    def create(self) -> None:
        """Make the file with all its blocks, filled with nodata (GDAL fills what was not written on closing)."""
        with rasterio.open(self.path, "w", **self._profile) as dataset:
            dataset.descriptions = self._titles

    def write(self, values: np.ndarray, window: Window) -> None:
        """Write ``values`` (bands, rows, cols) at ``window``."""
        self._opened().write(values, window=window.to_rasterio())

    def read(self, window: Window) -> np.ndarray:
        """What has been written at ``window`` so far, (bands, rows, cols)."""
        return np.asarray(self._opened().read(window=window.to_rasterio()))

    def _opened(self) -> DatasetWriter:
        if self._dataset is None:
            self._dataset = rasterio.open(self.path, "r+")
        return self._dataset

    def flush(self) -> None:
        """Bring everything written so far safely to disk."""
        if self._dataset is None:
            return
        self._dataset.close()
        self._dataset = None
        with open(self.path, "rb+") as file:
            os.fsync(file.fileno())

    def remove(self) -> None:
        """Delete the file."""
        if self._dataset is not None:
            self._dataset.close()
            self._dataset = None
        self.path.unlink(missing_ok=True)
