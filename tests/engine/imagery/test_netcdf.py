"""netCDF: variables are bands, steps are dates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rasterio.crs import CRS
from scipy.io import netcdf_file

from solar_saliency_plugin.contract.errors import BandsUnclearError, DateUnclearError, SceneEmptyError
from solar_saliency_plugin.contract.imagery import SceneOptions
from solar_saliency_plugin.engine.imagery.bands import MODEL_BANDS
from solar_saliency_plugin.engine.imagery.scene import open_scene
from solar_saliency_plugin.engine.job import Job

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

SPECTRUM = np.array([500, 800, 600, 1200, 2500, 3000, 3300, 3400, 2200, 1300])
#: Stored numbers (bands, dates, rows, columns); the last date is empty, the second has a gap.
NUMBERS = np.rint(SPECTRUM[:, None, None, None] * np.random.default_rng(0).uniform(0.5, 1.5, (10, 4, 12, 15)))
NUMBERS[:, 3] = 32767
NUMBERS[4, 1, 2, 3] = 32767


@pytest.fixture
def write_netcdf(tmp_path: Path) -> Callable[..., Path]:
    def write(units: str, steps: list[float], names: tuple[str, ...] = MODEL_BANDS, name: str = "series.nc") -> Path:
        path = tmp_path / name
        with netcdf_file(path, "w") as file:
            for dimension, coordinates, attributes in (
                ("t", np.array(steps), {"units": units, "axis": "T"}),
                ("y", 5_300_035.0 - 10 * np.arange(12), {"units": "m", "standard_name": "projection_y_coordinate"}),
                ("x", 600_005.0 + 10 * np.arange(15), {"units": "m", "standard_name": "projection_x_coordinate"}),
            ):
                file.createDimension(dimension, len(coordinates))
                variable = file.createVariable(dimension, "f8", (dimension,))
                variable[:] = coordinates
                for key, value in attributes.items():
                    setattr(variable, key, value)
            crs = file.createVariable("crs", "i4", ())
            crs.spatial_ref = CRS.from_epsg(32633).to_wkt()
            for band, numbers in zip(names, NUMBERS, strict=True):
                variable = file.createVariable(band, "i2", ("t", "y", "x"))
                variable[:] = numbers[: len(steps)].astype("i2")
                variable._FillValue = np.int16(32767)
                variable.grid_mapping = "crs"
        return path

    return write


@pytest.mark.parametrize(
    ("units", "steps"),
    [
        ("days since 1990-01-01", [11688, 11698, 11703, 11713]),
        ("hours since 2022-01-01 00:00", [0, 240 + 10, 360 + 23, 600]),
        ("seconds since 1970-01-01T00:00:00", [1640995200, 1641859200, 1642291200, 1643155200]),
    ],
)
def test_the_date_asked_for_is_read(write_netcdf: Callable, units: str, steps: list[float]) -> None:
    path = write_netcdf(units, steps)
    for index, date in enumerate(("2022-01-01", "2022-01-11", "2022-01-16")):
        with open_scene(SceneOptions(scene=str(path), date=date), Job.silent()) as scene:
            assert (scene.date, scene.id) == (date, f"series_{date}")
            reflectance, valid = scene.read(scene.area)
        assert np.array_equal(valid, (NUMBERS[:, index] != 32767).all(axis=0))
        np.testing.assert_allclose(reflectance, NUMBERS[:, index] * valid / 10_000, atol=1e-6)
    with pytest.raises(SceneEmptyError):
        open_scene(SceneOptions(scene=str(path), date="2022-01-26"), Job.silent())


def test_several_dates_are_listed_until_one_is_chosen(write_netcdf: Callable) -> None:
    path = write_netcdf("days since 1990-01-01", [11688, 11698, 11703, 11713])
    with pytest.raises(DateUnclearError, match="4 dates, 2022-01-01 to 2022-01-26"):
        open_scene(SceneOptions(scene=str(path)), Job.silent())
    with pytest.raises(DateUnclearError, match="but not 2022-01-12") as refusal:
        open_scene(SceneOptions(scene=str(path), date="2022-01-12"), Job.silent())
    assert "2022-01-11" in refusal.value.hint


def test_one_date_needs_no_choice(write_netcdf: Callable) -> None:
    path = write_netcdf("days since 1990-01-01", [11688])
    with open_scene(SceneOptions(scene=str(path)), Job.silent()) as scene:
        assert scene.date == "2022-01-01" and scene.read(scene.area)[1].all()


def test_one_variable_as_qgis_has_it_leads_to_all(write_netcdf: Callable) -> None:
    path = write_netcdf("days since 1990-01-01", [11688], name="Süd 1.nc")
    for name in (f'NETCDF:"{path}":B02', f"NETCDF:{path}:B02", f"netcdf:{path}:B8A"):
        with open_scene(SceneOptions(scene=name), Job.silent()) as scene:
            assert scene.inputs == (path,) and scene.bands == MODEL_BANDS


def test_steps_without_dates_are_refused(write_netcdf: Callable) -> None:
    path = write_netcdf("steps", [1, 2, 3])
    with pytest.raises(DateUnclearError, match="nothing says when"):
        open_scene(SceneOptions(scene=str(path)), Job.silent())


def test_variables_that_are_no_bands_are_refused(write_netcdf: Callable) -> None:
    path = write_netcdf("days since 1990-01-01", [11688], tuple("abcdefghij"))
    with pytest.raises(BandsUnclearError):
        open_scene(SceneOptions(scene=str(path)), Job.silent())
