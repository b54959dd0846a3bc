"""Small scenes as files: what :mod:`.conftest` gives tests of the engine, and programs of the tests write."""

from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")


def write_scene(
    path: Path, reflectance: np.ndarray, crs: str = "EPSG:32643", corner: tuple[float, float] = (3e5, 3e6), **tags: str
) -> Path:
    """Write reflectance (10, rows, cols) as a tidy scene of 10 m pixels; NaN becomes nodata."""
    _, height, width = reflectance.shape
    numbers = np.where(np.isnan(reflectance), 0, np.clip(np.round(reflectance * 10000), 1, 20000)).astype(np.uint16)
    profile = {"driver": "GTiff", "dtype": "uint16", "count": 10, "width": width, "height": height, "nodata": 0}
    with rasterio.open(path, "w", **profile, crs=crs, transform=from_origin(*corner, 10, 10)) as file:
        file.write(numbers)
        for index, band in enumerate(BANDS, start=1):
            file.set_band_description(index, band)
        file.update_tags(PROCESSING_LEVEL="L2A", ACQUISITION_DATE="2021-03-15", **tags)
    return path
