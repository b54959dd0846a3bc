"""Folders of band files: which files make a scene, and what a folder of several scenes says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rasterio.transform import from_origin

from solar_saliency_plugin.contract.errors import (
    BandsUnclearError,
    DateUnclearError,
    SceneNotFoundError,
    SceneUnreadableError,
)
from solar_saliency_plugin.contract.imagery import SceneOptions
from solar_saliency_plugin.engine.imagery.bands import BANDS, MODEL_BANDS
from solar_saliency_plugin.engine.imagery.scene import open_scene
from solar_saliency_plugin.engine.job import Job

EARTH_SEARCH = {
    "B02": "blue", "B03": "green", "B04": "red", "B05": "rededge1", "B06": "rededge2", "B07": "rededge3",
    "B08": "nir", "B8A": "nir08", "B11": "swir16", "B12": "swir22",
}  # fmt: skip


def values(band: str, seed: int = 0) -> np.ndarray:
    """Stored numbers of a band at its own resolution: 120 × 120 pixels at 10 m."""
    side = 1200 // BANDS[band].native_resolution
    base = 600 + 400 * MODEL_BANDS.index(band)
    return np.random.default_rng(seed + base).integers(base // 2, base * 2, (side, side))


@pytest.fixture
def write_bands(write_scene: Callable) -> Callable[..., Path]:
    """Writes one file for every band, named by ``pattern``, and gives their folder."""

    def write(pattern: str, bands: tuple[str, ...] = MODEL_BANDS, mask: np.ndarray | None = None) -> Path:
        path = Path()
        for band in bands:
            resolution = BANDS[band].native_resolution
            numbers = values(band)[None]
            if mask is not None:
                numbers = np.concatenate([numbers, mask[None, :: resolution // 10, :: resolution // 10]])
            name = pattern.format(band=band, word=EARTH_SEARCH[band], resolution=resolution)
            transform = from_origin(600_000, 5_300_040, resolution, resolution)
            path = write_scene(numbers, name, descriptions=None, transform=transform)
        return path.parent

    return write


def read_all(scene: Path | str, **options: object) -> tuple[np.ndarray, np.ndarray]:
    with open_scene(SceneOptions(scene=str(scene), **options), Job.silent()) as opened:
        return opened.read(opened.area)


def expected(band: str) -> np.ndarray:
    factor = BANDS[band].native_resolution // 10
    return np.kron(values(band), np.ones((factor, factor))) / 10_000


@pytest.mark.parametrize(
    "pattern",
    [
        "one/{band}.tif", "one/{word}.tif", "one/T33UVP_20220614T100559_{band}_{resolution}m.tif",
        "one/R{resolution}m/T33UVP_20220614T100559_{band}_{resolution}m.tif", "one/2020-01-27_{band}_(Raw).tiff",
    ],
)  # fmt: skip
def test_band_files_become_one_scene_at_ten_metres(write_bands: Callable, tmp_path: Path, pattern: str) -> None:
    write_bands(pattern)
    reflectance, valid = read_all(tmp_path / "one")
    assert valid.all()
    for numbers, band in zip(reflectance, MODEL_BANDS, strict=True):
        np.testing.assert_allclose(numbers, expected(band), atol=1e-6)


def test_one_band_file_leads_to_the_files_beside_it(write_bands: Callable) -> None:
    folder = write_bands("one/x_{band}.tif")
    np.testing.assert_array_equal(read_all(folder / "x_B8A.tif")[0], read_all(folder)[0])


def test_the_second_band_of_a_file_is_its_data_mask(write_bands: Callable) -> None:
    mask = np.ones((120, 120), int)
    mask[:, :40] = 0
    assert np.array_equal(read_all(write_bands("one/{band}.tif", mask=mask))[1], mask == 1)


def test_coarse_files_that_end_early_are_invalid_there(write_bands: Callable, write_scene: Callable) -> None:
    folder = write_bands("one/{band}.tif")
    transform = from_origin(600_200, 5_300_040, 20, 20)
    write_scene(values("B11")[None, :, :30], "one/B11.tif", descriptions=None, transform=transform)
    valid = read_all(folder)[1]
    assert not valid[:, :20].any() and valid[:, 20:80].all() and not valid[:, 80:].any()


def test_a_folder_of_several_dates_asks_for_one(write_bands: Callable, tmp_path: Path) -> None:
    write_bands("2021-03-04/S2_20210304_{band}.tif")
    write_bands("2021-03-09/S2_20210309_{band}.tif")
    with pytest.raises(DateUnclearError) as refusal:
        read_all(tmp_path)
    assert "2021-03-04, 2021-03-09" in refusal.value.hint
    assert read_all(tmp_path, date="2021-03-09")[1].all()
    with pytest.raises(DateUnclearError, match="no scene of 2020-01-01"):
        read_all(tmp_path, date="2020-01-01")


def test_a_folder_of_several_places_asks_for_one(write_bands: Callable, tmp_path: Path) -> None:
    for tile in ("33UVP", "33UWP"):
        write_bands(f"all/T{tile}_20210304_{{band}}.tif")
    with pytest.raises(SceneUnreadableError, match="2 scenes") as refusal:
        read_all(tmp_path / "all")
    assert "T33UWP" in refusal.value.hint
    assert read_all(tmp_path / "all" / "T33UWP_20210304_B04.tif")[1].all()


def test_missing_bands_are_named(write_bands: Callable) -> None:
    folder = write_bands("one/{band}.tif", bands=tuple(band for band in MODEL_BANDS if band not in ("B8A", "B12")))
    with pytest.raises(BandsUnclearError, match="B8A, B12"):
        read_all(folder)


def test_two_files_for_a_band_are_refused(write_bands: Callable, write_scene: Callable) -> None:
    folder = write_bands("one/x_{band}.tif")
    write_scene(values("B04")[None], "one/x_B4.tif", descriptions=None)
    with pytest.raises(BandsUnclearError, match="two files for band B04"):
        read_all(folder)


def test_files_of_another_zone_are_refused(write_bands: Callable, write_scene: Callable) -> None:
    folder = write_bands("one/{band}.tif")
    write_scene(values("B04")[None], "one/B04.tif", descriptions=None, crs="EPSG:32632")
    with pytest.raises(SceneUnreadableError, match="another grid"):
        read_all(folder)


def test_the_list_of_bands_is_for_stacked_files_only(write_bands: Callable) -> None:
    with pytest.raises(BandsUnclearError, match="told apart by their names"):
        read_all(write_bands("one/{band}.tif"), bands=",".join(MODEL_BANDS))


def test_a_folder_without_a_scene_says_what_it_holds(write_scene: Callable, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(SceneNotFoundError, match="no Sentinel-2 product"):
        read_all(tmp_path / "none")
    for name in ("two/a.tif", "two/b.tif"):
        write_scene(np.ones((10, 5, 5)), name)
    with pytest.raises(SceneNotFoundError) as refusal:
        read_all(tmp_path / "two")
    assert "a.tif, b.tif" in refusal.value.hint


def test_a_coloured_rendering_is_no_scene_classification(write_bands: Callable, write_scene: Callable) -> None:
    folder = write_bands("one/{band}.tif")
    write_scene(np.ones((3, 60, 60)), "one/SCL.tif", descriptions=None, dtype="uint16")
    with open_scene(SceneOptions(scene=str(folder)), Job.silent()) as scene:
        assert not scene.has_classification
