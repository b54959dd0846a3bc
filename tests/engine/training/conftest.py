"""A small region with solar farms that a network can learn in a moment."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
import torch
from rasterio.transform import from_origin
from scipy import ndimage

from solar_saliency_plugin.engine.imagery.bands import MODEL_BANDS
from solar_saliency_plugin.engine.training import fit

_LEFT, _TOP, _SIDE, _FARM = 500_000.0, 5_300_000.0, 560, 18
#: Upper left corners of nine farms more than 2 km apart, in pixels.
_CORNERS = tuple((row, col) for row in (30, 265, 500) for col in (30, 265, 500))
#: Reflectance × 10000 of panels and ground, from blue to short-wave infrared.
_PANELS = np.array([700, 750, 800, 900, 1100, 1200, 1250, 1300, 1900, 1500])
_GROUND = np.array([500, 800, 700, 1200, 2600, 3100, 3300, 3400, 2200, 1300])


@pytest.fixture
def one_thread():
    """The same bytes every time need one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def few_statistics(monkeypatch: pytest.MonkeyPatch) -> int:
    """Means of a few patches are enough for a test; drawing hundreds takes longer than the rest of it."""
    monkeypatch.setattr(fit, "STATISTICS", 20)
    return fit.STATISTICS


@pytest.fixture(scope="session")
def farm_scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene of 560 × 560 pixels with nine farms of 18 × 18 pixels, each at a place of its own."""
    random = np.random.default_rng(1)
    fields = ndimage.zoom(random.uniform(0.75, 1.35, (10, _SIDE // 20, _SIDE // 20)), (1, 20, 20), order=0)
    numbers = _GROUND[:, None, None] * fields
    for row, col in _CORNERS:
        numbers[:, row : row + _FARM, col : col + _FARM] = _PANELS[:, None, None]
    numbers = np.rint(numbers + random.normal(0, 40, numbers.shape)).astype(np.uint16)
    path = tmp_path_factory.mktemp("region") / "scene.tif"
    transform = from_origin(_LEFT, _TOP, 10, 10)
    profile = {"driver": "GTiff", "count": 10, "dtype": "uint16", "crs": "EPSG:32633", "transform": transform}
    with rasterio.open(path, "w", width=_SIDE, height=_SIDE, **profile) as file:
        file.write(numbers)
        file.descriptions = MODEL_BANDS
        file.update_tags(ACQUISITION_DATE="2022-06-01", PROCESSING_LEVEL="L2A")
    return path


@pytest.fixture
def farm_outlines(tmp_path: Path) -> Callable[..., str]:
    """Writes the outlines of the first ``count`` farms, moved by so many pixels to the right."""

    def write(count: int = len(_CORNERS), moved: int = 0) -> str:
        boxes = [
            shapely.box(_LEFT + 10 * col, _TOP - 10 * row, _LEFT + 10 * (col + _FARM), _TOP - 10 * (row + _FARM))
            for row, col in ((row, col + moved) for row, col in _CORNERS[:count])
        ]
        path = tmp_path / f"outlines-{count}-{moved}.gpkg"
        pyogrio.raw.write(
            path, geometry=shapely.to_wkb(boxes), field_data=[], fields=[], geometry_type="Polygon", crs="EPSG:32633"
        )
        return str(path)

    return write
