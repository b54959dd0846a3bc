"""ESA's products: folders and zips, old and new names, offsets before and after baseline 04.00."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from solar_saliency_plugin.contract.errors import BandsUnclearError, RequestError, SceneUnreadableError
from solar_saliency_plugin.contract.imagery import SceneOptions
from solar_saliency_plugin.engine.imagery.bands import BANDS, MODEL_BANDS
from solar_saliency_plugin.engine.imagery.grid import Window
from solar_saliency_plugin.engine.imagery.scene import open_scene
from solar_saliency_plugin.engine.job import Job

OFFSETS = dict.fromkeys(BANDS, -1000)


def read_all(scene: str | Path, **options: object) -> tuple[np.ndarray, np.ndarray, Job]:
    job = Job.silent()
    with open_scene(SceneOptions(scene=str(scene), **options), job) as opened:
        reflectance, valid = opened.read(opened.area)
    return reflectance, valid, job


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(("level", "old_names"), [("2A", False), ("1C", False), ("1C", True), ("2A", True)])
def test_reflectance_of_a_safe_product_is_what_its_metadata_say(
    write_safe: Callable, level: str, old_names: bool, zipped: bool
) -> None:
    safe = write_safe(level=level, old_names=old_names, zipped=zipped, offsets=OFFSETS, add=1000)
    job = Job.silent()
    with open_scene(SceneOptions(scene=str(safe.path)), job) as scene:
        assert (scene.level, scene.date, scene.bands) == (f"L{level}", "2022-06-14", MODEL_BANDS)
        assert scene.id.startswith(f"S2A_MSIL{level}_20220614") and not scene.id.endswith(".SAFE")
        assert (scene.grid.height, scene.grid.width, scene.grid.pixel_size) == (120, 120, (10, 10))
        assert scene.has_classification == (level == "2A")
        reflectance, valid = scene.read(scene.area)
    assert valid.all() and not job.warnings
    for values, band in zip(reflectance, MODEL_BANDS, strict=True):
        np.testing.assert_allclose(values, safe.expected(band, -0.1), atol=1e-6)


def test_every_band_takes_its_own_offset(write_safe: Callable) -> None:
    offsets = {band: -100 * i for i, band in enumerate(BANDS)}
    safe = write_safe(offsets=offsets, add=1500)
    reflectance, _, _ = read_all(safe.path)
    for values, band in zip(reflectance, MODEL_BANDS, strict=True):
        np.testing.assert_allclose(values, safe.expected(band, offsets[band] / 10_000), atol=1e-6)


def test_products_before_baseline_04_00_have_no_offset(write_safe: Callable) -> None:
    safe = write_safe(baseline="03.01")
    reflectance, _, job = read_all(safe.path)
    np.testing.assert_allclose(reflectance[0], safe.expected("B02"), atol=1e-6)
    assert not job.warnings


def test_a_new_product_without_its_offsets_is_corrected_with_a_warning(write_safe: Callable) -> None:
    safe = write_safe(baseline="05.00", add=1000)
    reflectance, _, job = read_all(safe.path)
    np.testing.assert_allclose(reflectance[0], safe.expected("B02", -0.1), atol=1e-6)
    assert any("05.00" in warning for warning in job.warnings)


def test_bands_of_20_m_alone_come_on_the_10_m_grid_too(write_safe: Callable) -> None:
    safe = write_safe(offsets=OFFSETS, add=1000)
    with open_scene(SceneOptions(scene=str(safe.path)), Job.silent(), ("B11", "B01")) as scene:
        reflectance, _ = scene.read(scene.area)
    np.testing.assert_allclose(reflectance[0], safe.expected("B11", -0.1), atol=1e-6)
    np.testing.assert_allclose(reflectance[1], safe.expected("B01", -0.1), atol=1e-6)


@pytest.mark.parametrize(("baseline", "is_gap"), [("05.00", True), ("03.01", False)])
def test_zero_in_one_band_is_a_gap_in_new_products_only(
    write_safe: Callable, write_jp2: Callable, baseline: str, is_gap: bool
) -> None:
    safe = write_safe(baseline=baseline, offsets=OFFSETS if is_gap else None, add=1000)
    numbers = safe.numbers["B04"].copy()
    numbers[7, 9] = 0
    write_jp2(next(safe.path.rglob("*_B04_10m.jp2")), numbers, 10)
    valid = read_all(safe.path)[1]
    assert valid[7, 9] != is_gap and valid.sum() == valid.size - is_gap


def test_the_users_offset_goes_before_the_products(write_safe: Callable) -> None:
    safe = write_safe(offsets=OFFSETS, add=1000)
    reflectance, _, _ = read_all(safe.path, offset=0.0)
    np.testing.assert_allclose(reflectance[0], safe.expected("B02"), atol=1e-6)


def test_every_name_that_qgis_has_for_a_product_leads_to_all_of_it(write_safe: Callable) -> None:
    safe = write_safe(offsets=OFFSETS, add=1000)
    expected, _, _ = read_all(safe.path)
    image = next(safe.path.rglob("*_B03_10m.jp2"))
    granule = next((safe.path / "GRANULE").iterdir())
    names = [
        safe.metadata,
        f"SENTINEL2_L2A:{safe.metadata}:10m:EPSG_32633",
        f"SENTINEL2_L2A:{safe.metadata}:TCI:EPSG_32633",
        safe.metadata.as_uri(),
        image,
        granule,
        image.parent,
        f"{safe.metadata}|layername=x",
    ]
    for name in names:
        np.testing.assert_array_equal(read_all(name)[0], expected, err_msg=str(name))


def test_every_name_that_gdal_has_for_a_zipped_product_leads_to_all_of_it(write_safe: Callable) -> None:
    safe = write_safe(offsets=OFFSETS, add=1000, zipped=True)
    expected, _, _ = read_all(safe.path)
    inner = f"{safe.metadata.parent.name}/{safe.metadata.name}"
    for name in (
        f"/vsizip/{safe.path}",
        f"/vsizip/{{{safe.path}}}/{inner}",
        f"SENTINEL2_L2A:/vsizip/{safe.path}/{inner}:20m:EPSG_32633",
    ):
        np.testing.assert_array_equal(read_all(name)[0], expected, err_msg=name)


def test_values_do_not_depend_on_the_window_they_are_read_in(write_safe: Callable) -> None:
    safe = write_safe(offsets=OFFSETS, add=1000)
    rng = np.random.default_rng(1)
    with open_scene(SceneOptions(scene=str(safe.path), mask="clouds"), Job.silent()) as scene:
        whole, valid = scene.read(scene.grid.whole)
        for _ in range(60):
            row, col = rng.integers(0, 119, 2)
            window = Window(int(row), int(col), int(rng.integers(1, 121 - row)), int(rng.integers(1, 121 - col)))
            part, part_valid = scene.read(window)
            assert np.array_equal(part, whole[:, window.rows, window.cols])
            assert np.array_equal(part_valid, valid[window.rows, window.cols])


@pytest.mark.parametrize(("mask", "rows"), [("none", 0), ("clouds", 20), ("clouds_and_snow", 40)])
def test_the_cloud_mask_leaves_out_what_the_scene_classification_names(
    write_safe: Callable, mask: str, rows: int
) -> None:
    safe = write_safe(offsets=OFFSETS, add=1000)
    with open_scene(SceneOptions(scene=str(safe.path), mask=mask), Job.silent()) as scene:
        reflectance, observed, clouded = scene.read_parts(scene.area)
        masked, valid = scene.read(scene.area)
        classes = scene.classification(scene.area)
    assert observed.all() and reflectance[:, :20].all()
    assert clouded[:rows].all() and not clouded[rows:].any()
    assert np.array_equal(valid, ~clouded) and not masked[:, :rows].any()
    assert set(np.unique(classes)) == {4, 9, 11} and classes.dtype == np.uint8


def test_a_cloud_mask_without_scene_classification_is_refused(write_safe: Callable) -> None:
    safe = write_safe(level="1C", offsets=OFFSETS)
    with pytest.raises(RequestError, match="no scene classification"):
        read_all(safe.path, mask="clouds")


def test_a_product_of_several_tiles_opens_by_granule_only(write_safe: Callable) -> None:
    safe = write_safe(level="1C", offsets=OFFSETS, old_names=True, tiles=("T33UVP", "T33UWP"))
    with pytest.raises(SceneUnreadableError, match="2 tiles: 33UVP, 33UWP"):
        read_all(safe.path)
    for granule in sorted((safe.path / "GRANULE").iterdir()):
        assert read_all(granule)[1].all()


def test_a_product_whose_band_is_missing_names_it(write_safe: Callable) -> None:
    safe = write_safe(offsets=OFFSETS)
    for path in safe.path.rglob("*_B8A_*"):
        path.unlink()
    with pytest.raises(BandsUnclearError, match="lacks the band B8A"):
        read_all(safe.path)


def test_images_without_the_products_metadata_still_open(write_safe: Callable, tmp_path: Path) -> None:
    safe = write_safe(offsets=OFFSETS, add=1000)
    images = next(safe.path.rglob("IMG_DATA"))
    folder = Path(shutil.copytree(images, tmp_path / "images" / safe.path.stem))
    reflectance, _, job = read_all(folder)
    np.testing.assert_allclose(reflectance[3], safe.expected("B05", -0.1), atol=1e-6)
    assert any("baseline 05.00" in warning for warning in job.warnings)


@pytest.mark.parametrize("text", ["<broken", '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'])
def test_damaged_or_hostile_metadata_are_refused(write_safe: Callable, text: str) -> None:
    safe = write_safe(offsets=OFFSETS)
    safe.metadata.write_text(text)
    with pytest.raises(SceneUnreadableError):
        read_all(safe.path)


def test_a_folder_of_two_products_asks_for_one(write_safe: Callable, tmp_path: Path) -> None:
    write_safe(level="1C", offsets=OFFSETS)
    safe = write_safe(level="2A", offsets=OFFSETS)
    with pytest.raises(SceneUnreadableError, match="holds 2 products"):
        read_all(tmp_path)
    assert read_all(safe.path)[1].all()


def test_a_truncated_zip_is_refused(write_safe: Callable) -> None:
    safe = write_safe(offsets=OFFSETS, zipped=True)
    content = safe.path.read_bytes()
    safe.path.write_bytes(content[: len(content) // 2])
    with pytest.raises(SceneUnreadableError, match="zip"):
        read_all(safe.path)


def test_a_truncated_image_in_a_product_is_refused(write_safe: Callable) -> None:
    safe = write_safe(offsets=OFFSETS)
    image = next(safe.path.rglob("*_B11_20m.jp2"))
    image.write_bytes(image.read_bytes()[:700])
    with pytest.raises(SceneUnreadableError, match="B11"):
        read_all(safe.path)


def test_a_zip_of_one_stacked_file_opens(write_scene: Callable, tmp_path: Path) -> None:
    numbers = np.full((10, 20, 20), 1500)
    numbers += np.arange(400).reshape(20, 20)
    scene = write_scene(numbers)
    archive = tmp_path / "scene.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(scene, "inner/scene.tif")
    np.testing.assert_allclose(read_all(archive)[0], numbers / 10_000, atol=1e-6)
