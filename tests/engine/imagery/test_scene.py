"""One file with all bands: what opens, what is refused and why, and that numbers come out right."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.enums import ColorInterp

from solar_saliency_plugin.contract.errors import (
    BandsUnclearError,
    CancelledError,
    ExtentOutsideError,
    GridUnsuitableError,
    NotReflectanceError,
    RequestError,
    ScaleUnclearError,
    SceneEmptyError,
    SceneNotFoundError,
    SceneUnreadableError,
)
from solar_saliency_plugin.contract.imagery import SceneOptions
from solar_saliency_plugin.engine.imagery.bands import BANDS, MODEL_BANDS
from solar_saliency_plugin.engine.imagery.grid import Window
from solar_saliency_plugin.engine.imagery.scene import open_scene, sample_windows, search_windows
from solar_saliency_plugin.engine.job import Job, SilentListener

HEIGHT, WIDTH = 33, 41
SPECTRUM = np.array([500, 800, 600, 1200, 2500, 3000, 3300, 3400, 2200, 1300])


def field(height: int = HEIGHT, width: int = WIDTH, seed: int = 0) -> np.ndarray:
    """Stored numbers (10, height, width) of a plausible field."""
    spread = np.random.default_rng(seed).uniform(0.5, 1.5, (10, height, width))
    return np.rint(SPECTRUM[:, None, None] * spread).astype(np.int64)


def read_all(path: Path | str, **options: object) -> tuple[np.ndarray, np.ndarray, Job]:
    job = Job.silent()
    with open_scene(SceneOptions(scene=str(path), **options), job) as scene:
        reflectance, valid = scene.read(scene.area)
    return reflectance, valid, job


@pytest.mark.parametrize("dtype", ["uint16", "int16", "int32", "uint32", "float32", "float64"])
def test_every_type_of_number_gives_the_same_reflectance(write_scene: Callable, dtype: str) -> None:
    numbers = field()
    reflectance, valid, job = read_all(write_scene(numbers, dtype=dtype))
    np.testing.assert_allclose(reflectance, numbers / 10_000, atol=1e-6)
    assert reflectance.dtype == np.float32 and valid.all() and not job.warnings


def test_floating_point_reflectance_is_taken_as_it_is(write_scene: Callable) -> None:
    numbers = field() / 10_000
    reflectance, _, _ = read_all(write_scene(numbers, dtype="float32"))
    np.testing.assert_allclose(reflectance, numbers, atol=1e-7)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 57), (64, 1), (2, 3), (17, 300)])
def test_scenes_of_every_shape_open(write_scene: Callable, height: int, width: int) -> None:
    numbers = field(height, width)
    reflectance, valid, _ = read_all(write_scene(numbers))
    np.testing.assert_allclose(reflectance, numbers / 10_000, atol=1e-6)
    assert valid.shape == (height, width)


@pytest.mark.parametrize(
    "layout",
    [
        {"tiled": True, "blockxsize": 16, "blockysize": 16},
        {"blockysize": 1},
        {"blockysize": HEIGHT},
        {"compress": "deflate", "predictor": 2, "interleave": "pixel"},
        {"bigtiff": "yes"},
        {"driver": "JP2OpenJPEG", "QUALITY": "100", "REVERSIBLE": "YES"},
    ],
    ids=lambda layout: "-".join(map(str, layout.values())),
)
def test_the_files_layout_does_not_matter(write_scene: Callable, layout: dict[str, object]) -> None:
    numbers = field()
    is_jp2 = "driver" in layout
    path = write_scene(numbers, "scene.jp2" if is_jp2 else "scene.tif", descriptions=None, **layout)
    reflectance, _, _ = read_all(path, bands=",".join(MODEL_BANDS))
    np.testing.assert_allclose(reflectance, numbers / 10_000, atol=1e-6)


def test_a_vrt_opens(write_scene: Callable, tmp_path: Path) -> None:
    numbers = field()
    vrt = tmp_path / "scene.vrt"
    rasterio.shutil.copy(write_scene(numbers), vrt, driver="VRT")
    np.testing.assert_allclose(read_all(vrt)[0], numbers / 10_000, atol=1e-6)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(13)))
def test_band_order_does_not_matter(write_scene: Callable, order: list[int]) -> None:
    numbers = np.concatenate([field(), np.full((3, HEIGHT, WIDTH), 7)])
    names = [*MODEL_BANDS, "B01", "B09", "B10"]
    job = Job.silent()
    with open_scene(
        SceneOptions(scene=str(write_scene(numbers[order], descriptions=[names[i] for i in order]))), job
    ) as scene:
        np.testing.assert_allclose(scene.read(scene.area)[0], numbers[:10] / 10_000, atol=1e-6)
        assert scene.level == "L1C"  # only those have B10


def test_bands_are_found_by_wavelength(write_scene: Callable) -> None:
    numbers = field()
    path = write_scene(numbers, descriptions=[f"Band {i}" for i in range(1, 11)])
    with rasterio.open(path, "r+") as dataset:
        for index, name in enumerate(MODEL_BANDS, 1):
            dataset.update_tags(index, wavelength=f"{BANDS[name].wavelength_nm / 1000} micrometers")
    np.testing.assert_allclose(read_all(path)[0], numbers / 10_000, atol=1e-6)


def test_the_users_list_goes_before_the_files_names(write_scene: Callable) -> None:
    numbers = field()
    path = write_scene(numbers[::-1], descriptions=MODEL_BANDS)
    reflectance, _, _ = read_all(path, bands=",".join(MODEL_BANDS[::-1]))
    np.testing.assert_allclose(reflectance, numbers / 10_000, atol=1e-6)


def test_other_bands_than_the_models_can_be_asked_for(write_scene: Callable) -> None:
    numbers = field()
    with open_scene(SceneOptions(scene=str(write_scene(numbers))), Job.silent(), ("B11", "B03")) as scene:
        assert scene.wavelengths == (1613.0, 560.0)
        np.testing.assert_allclose(scene.read(scene.area)[0], numbers[[8, 1]] / 10_000, atol=1e-6)


@pytest.mark.parametrize(
    ("count", "value"),
    [
        (10, "B02,B03,B04,B05,B06,B07,B08,B8A,B11,B12"),
        (12, "B01,B02,B03,B04,B05,B06,B07,B08,B8A,B09,B11,B12"),
        (13, "B01,B02,B03,B04,B05,B06,B07,B08,B8A,B09,B10,B11,B12"),
        (30, "B02,B03,B04,B05,B06,B07,B08,B8A,B11,B12,-*20"),
    ],
)
def test_unnamed_bands_are_refused_with_a_value_to_try(write_scene: Callable, count: int, value: str) -> None:
    path = write_scene(np.resize(field(), (count, HEIGHT, WIDTH)), descriptions=None)
    with pytest.raises(BandsUnclearError) as refusal:
        read_all(path)
    assert f" {value}" in refusal.value.hint
    assert read_all(path, bands=value)[1].all()


def test_missing_and_doubled_bands_are_named(write_scene: Callable) -> None:
    with pytest.raises(BandsUnclearError, match="lacks the bands B8A, B12"):
        read_all(write_scene(field()[:8], descriptions=[b for b in MODEL_BANDS if b not in ("B8A", "B12")]))
    with pytest.raises(BandsUnclearError, match="called B08"):
        read_all(write_scene(field(), descriptions=["B08" if b == "B8A" else b for b in MODEL_BANDS]))


def test_the_files_scale_and_offset_are_honoured(write_scene: Callable) -> None:
    numbers = field()
    reflectance, _, job = read_all(write_scene(numbers * 2 + 2000, scale=0.5e-4, offset=-0.1))
    np.testing.assert_allclose(reflectance, numbers / 10_000, atol=1e-6)
    assert not job.warnings


@pytest.mark.parametrize(("factor", "fitting"), [(0.1, "0.001"), (6.5535, "1.52590219e-05")])
def test_a_scale_that_cannot_be_is_refused_with_one_that_fits(
    write_scene: Callable, factor: float, fitting: str
) -> None:
    numbers = np.rint(field() * factor)
    path = write_scene(numbers)
    with pytest.raises(ScaleUnclearError) as refusal:
        read_all(path)
    assert fitting in refusal.value.hint
    reflectance, _, job = read_all(path, scale=float(fitting))
    np.testing.assert_allclose(reflectance, numbers * float(fitting), atol=1e-5)
    assert not job.warnings


def test_the_users_scale_is_taken_but_doubted_aloud(write_scene: Callable) -> None:
    reflectance, _, job = read_all(write_scene(field()), scale=1e-6)
    assert reflectance.max() < 0.01 and any("do not look like reflectance" in warning for warning in job.warnings)


@pytest.mark.parametrize("sight", [[0.04, 0.03, 0.02, 0.015] + [0.01] * 6, [0.9] * 8 + [0.1, 0.1], [2.1] * 10])
def test_water_snow_and_saturated_cloud_are_plausible(write_scene: Callable, sight: list[float]) -> None:
    numbers = np.broadcast_to(np.array(sight)[:, None, None] * 10_000, (10, HEIGHT, WIDTH))
    assert read_all(write_scene(numbers))[1].all()


def test_an_offset_that_nobody_removed_is_suspected_not_removed(write_scene: Callable) -> None:
    numbers = field() + 1000
    reflectance, _, job = read_all(write_scene(numbers))
    np.testing.assert_allclose(reflectance, numbers / 10_000, atol=1e-6)
    assert any("“offset” to -0.1" in warning for warning in job.warnings)
    reflectance, _, job = read_all(write_scene(numbers), offset=-0.1)
    np.testing.assert_allclose(reflectance, (numbers - 1000) / 10_000, atol=1e-6)
    assert not job.warnings


def test_an_offset_removed_twice_is_noticed(write_scene: Callable) -> None:
    _, _, job = read_all(write_scene(field(), "S2A_MSIL2A_20230101T100000_N0509_R022_T33UVP.tif"))
    assert any("05.09" in warning for warning in job.warnings)
    assert any("removed before" in warning and "“offset” to 0" in warning for warning in job.warnings)


def test_a_pixel_without_data_in_any_band_is_invalid(write_scene: Callable) -> None:
    numbers = field()
    numbers[3, 5, 6] = 65535
    reflectance, valid, _ = read_all(write_scene(numbers, nodata=65535))
    assert not valid[5, 6] and valid.sum() == valid.size - 1 and not reflectance[:, 5, 6].any()


def test_zero_without_a_nodata_value_is_a_gap_only_where_all_bands_are_zero(write_scene: Callable) -> None:
    numbers = field()
    numbers[:, 2, 3] = 0
    numbers[4, 7, 8] = 0
    reflectance, valid, _ = read_all(write_scene(numbers))
    assert not valid[2, 3] and valid[7, 8] and reflectance[4, 7, 8] == 0 and valid.sum() == valid.size - 1


def test_negative_reflectance_is_valid(write_scene: Callable) -> None:
    numbers = field()
    numbers[0, 1, 1] = -120
    reflectance, valid, _ = read_all(write_scene(numbers, dtype="int16"))
    assert valid.all() and reflectance[0, 1, 1] == pytest.approx(-0.012)


@pytest.mark.parametrize("value", [np.nan, np.inf, -9999.0])
def test_gaps_of_floating_point_scenes_are_invalid(write_scene: Callable, value: float) -> None:
    numbers = field() / 10_000
    numbers[9, 4, 5] = value
    path = write_scene(numbers, dtype="float32", nodata=None if value != -9999 else value)
    reflectance, valid, _ = read_all(path)
    assert not valid[4, 5] and np.isfinite(reflectance).all() and valid.sum() == valid.size - 1


@pytest.mark.parametrize("internal", [True, False])
def test_mask_files_and_masks_inside_are_honoured(write_scene: Callable, internal: bool) -> None:
    path = write_scene(field())
    mask = np.full((HEIGHT, WIDTH), 255, np.uint8)
    mask[:10] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal), rasterio.open(path, "r+") as dataset:
        dataset.write_mask(mask)
    reflectance, valid, _ = read_all(path)
    assert np.array_equal(valid, mask != 0) and not reflectance[:, :10].any()


def test_an_alpha_band_is_honoured(write_scene: Callable) -> None:
    alpha = np.full((1, HEIGHT, WIDTH), 65535)
    alpha[:, :, :7] = 0
    path = write_scene(np.concatenate([field(), alpha]), descriptions=[*MODEL_BANDS, "alpha"])
    with rasterio.open(path, "r+") as dataset:
        dataset.colorinterp = [*dataset.colorinterp[:10], ColorInterp.alpha]
    valid = read_all(path)[1]
    assert np.array_equal(valid, alpha[0] != 0)


def test_a_band_mistaken_for_alpha_is_still_a_band(write_scene: Callable) -> None:
    numbers = field()
    numbers[1, :, :5] = 0
    path = write_scene(numbers, ALPHA="yes")
    with rasterio.open(path) as dataset:
        assert dataset.colorinterp[1] == ColorInterp.alpha
    reflectance, valid, _ = read_all(path)
    assert valid.all() and not reflectance[1, :, :5].any()


def test_half_nodata_opens_and_all_nodata_is_refused(write_scene: Callable) -> None:
    numbers = field(600, 500)
    numbers[:, :, :250] = 0
    assert read_all(write_scene(numbers))[1].mean() == 0.5
    with pytest.raises(SceneEmptyError, match="all nodata"):
        read_all(write_scene(np.zeros((10, 700, 500))))


def test_one_valid_pixel_anywhere_makes_a_scene(write_scene: Callable) -> None:
    numbers = np.zeros((10, 1500, 1300), int)
    numbers[:, 1111, 222] = SPECTRUM
    path = write_scene(numbers, compress="deflate")
    assert read_all(path)[1].sum() == 1


def test_an_extent_without_valid_pixels_is_refused(write_scene: Callable) -> None:
    numbers = field()
    numbers[:, :, :20] = 0
    x, y = 600_000.0, 5_300_040.0
    with pytest.raises(SceneEmptyError, match="part"):
        read_all(write_scene(numbers), extent=(x, y - 100, x + 150, y))


def test_the_extent_asked_for_is_the_scenes_area(write_scene: Callable) -> None:
    numbers = field()
    x, y = 600_000.0, 5_300_040.0
    with open_scene(
        SceneOptions(scene=str(write_scene(numbers)), extent=(x + 50, y - 120, x + 95, y - 30)), Job.silent()
    ) as scene:
        assert scene.area == Window(3, 5, 9, 5)
        np.testing.assert_allclose(scene.read(scene.area)[0], numbers[:, 3:12, 5:10] / 10_000, atol=1e-6)
    with pytest.raises(ExtentOutsideError):
        read_all(write_scene(numbers), extent=(0, 0, 10, 10))


@pytest.mark.parametrize(
    ("numbers", "descriptions", "dtype", "words"),
    [
        (np.full((3, 9, 9), 100), None, "uint8", "8-bit picture"),
        (field() // 20, MODEL_BANDS, "uint8", "8-bit"),
        (np.arange(81).reshape(1, 9, 9) % 5, None, "uint16", "class map"),
        (np.linspace(-1, 1, 81).reshape(1, 9, 9), None, "float32", "index"),
        (np.arange(81).reshape(1, 9, 9), None, "uint8", "picture"),
        (np.repeat(np.arange(81).reshape(1, 9, 9) % 7 * 9000, 3, 0), None, "uint16", "colour picture"),
    ],
)
def test_pictures_class_maps_and_indices_are_refused_by_name(
    write_scene: Callable, numbers: np.ndarray, descriptions: object, dtype: str, words: str
) -> None:
    with pytest.raises(NotReflectanceError, match=words):
        read_all(write_scene(numbers, descriptions=descriptions, dtype=dtype))


@pytest.mark.parametrize("layout", [{}, {"compress": "deflate"}, {"tiled": True, "blockxsize": 64, "blockysize": 64}])
@pytest.mark.parametrize("share", [0.3, 0.95])
def test_a_truncated_file_is_refused_when_opened(write_scene: Callable, layout: dict, share: float) -> None:
    path = write_scene(field(900, 700), **layout)
    os.truncate(path, int(path.stat().st_size * share))
    with pytest.raises(SceneUnreadableError, match="damaged or incomplete"):
        read_all(path)


def test_a_truncated_jp2_is_refused(write_scene: Callable) -> None:
    path = write_scene(field(), "scene.jp2", descriptions=None, driver="JP2OpenJPEG", QUALITY="100", REVERSIBLE="YES")
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(SceneUnreadableError):
        read_all(path, bands=",".join(MODEL_BANDS))


def test_what_is_no_raster_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "notes.tif"
    text.write_text("not a raster at all")
    with pytest.raises(SceneUnreadableError, match="no raster"):
        read_all(text)
    empty = tmp_path / "empty.tif"
    empty.touch()
    with pytest.raises(SceneUnreadableError):
        read_all(empty)
    vector = tmp_path / "farms.geojson"
    vector.write_text('{"type": "FeatureCollection", "features": []}')
    with pytest.raises(SceneUnreadableError, match="vector"):
        read_all(vector)


@pytest.mark.parametrize("scene", ["/nowhere/scene.tif", "https://example.org/scene.tif", "/vsicurl/https://x/y.tif"])
def test_what_is_not_there_is_not_found(scene: str) -> None:
    with pytest.raises(SceneNotFoundError):
        read_all(scene)


def test_a_web_map_is_a_picture() -> None:
    with pytest.raises(NotReflectanceError, match="web map"):
        read_all("type=xyz&url=https://example.org/%7Bz%7D/%7Bx%7D/%7By%7D.png")


def test_an_empty_scene_is_a_bad_request() -> None:
    with pytest.raises(RequestError):
        read_all(" ")


@pytest.mark.parametrize("name", ["Szene Süd (2021) – Übersicht.tif", "सौर फ़ार्म/दृश्य.tif", "a#b?c=d%20e.tif"])
def test_paths_of_every_script_open(write_scene: Callable, name: str) -> None:
    path = write_scene(field(), name)
    assert read_all(path)[1].all()
    assert read_all(path.as_uri())[1].all()


@pytest.mark.parametrize(
    ("crs", "transform", "words"),
    [
        (None, Affine(10, 0, 0, 0, -10, 0), "no coordinate reference system"),
        ("EPSG:4326", Affine(9e-5, 0, 15, 0, -9e-5, 47), "degrees"),
        ("EPSG:2263", Affine(10, 0, 1_000_000, 0, -10, 200_000), "3.0 m"),
        ("EPSG:32633", Affine(9, 4, 0, 4, -9, 0), "rotated"),
    ],
)
def test_scenes_that_no_model_can_take_open_and_are_refused_by_their_grid(
    write_scene: Callable, crs: str | None, transform: Affine, words: str
) -> None:
    with open_scene(SceneOptions(scene=str(write_scene(field(), crs=crs, transform=transform))), Job.silent()) as scene:
        assert scene.read(scene.area)[1].all()
        with pytest.raises(GridUnsuitableError, match=words):
            scene.grid.require_model_grid()


@pytest.mark.parametrize(
    ("name", "tags", "date", "level"),
    [
        ("S2A_MSIL1C_20210304T100000_R022.tif", {}, "2021-03-04", "L1C"),
        ("mosaic_20210304_L2A.tif", {}, "2021-03-04", "L2A"),
        ("2021-03-04.tif", {"PROCESSING_LEVEL": "Level-2A"}, "2021-03-04", "L2A"),
        ("a_20200101.tif", {"datetime": "2021-03-04T13:22:41.000000000"}, "2021-03-04", "unknown"),
        ("a.tif", {"TIFFTAG_DATETIME": "2021:03:04 10:00:00"}, "2021-03-04", "unknown"),
        ("tile_20213040_12345678.tif", {}, "", "unknown"),
    ],
)
def test_date_and_level_come_from_names_and_tags(
    write_scene: Callable, name: str, tags: dict[str, str], date: str, level: str
) -> None:
    with open_scene(SceneOptions(scene=str(write_scene(field(), name, tags=tags))), Job.silent()) as scene:
        assert (scene.date, scene.level) == (date, level)


def test_the_users_date_and_level_go_before_the_files(write_scene: Callable) -> None:
    path = write_scene(field(), "S2A_MSIL1C_20210304T100000.tif")
    with open_scene(SceneOptions(scene=str(path), date="2020-02-29", level="L2A"), Job.silent()) as scene:
        assert (scene.date, scene.level, scene.inputs) == ("2020-02-29", "L2A", (path,))
    with pytest.raises(RequestError, match="no date"):
        read_all(path, date="2021-02-30")


def test_a_scene_opened_in_one_thread_is_read_in_another(write_scene: Callable) -> None:
    numbers = field()
    found: list[np.ndarray] = []
    with open_scene(SceneOptions(scene=str(write_scene(numbers))), Job.silent()) as scene:
        thread = threading.Thread(target=lambda: found.append(scene.read(scene.area)[0]))
        thread.start()
        thread.join()
    np.testing.assert_allclose(found[0], numbers / 10_000, atol=1e-6)


def test_opening_can_be_cancelled(write_scene: Callable) -> None:
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(CancelledError):
        open_scene(SceneOptions(scene=str(write_scene(field()))), Job(SilentListener(), cancelled))


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(0, 50), st.integers(0, 50))
def test_search_covers_the_area_and_samples_lie_in_it(height: int, width: int, row: int, col: int) -> None:
    area = Window(row, col, height, width)
    windows = list(search_windows(area))[1:]
    assert sum(window.height * window.width for window in windows) == height * width
    samples = sample_windows(area, ((0.5, 0.5), (1.0, 1.0)))
    for window in [*samples, *windows]:
        assert window.height > 0 and window.width > 0 and window.intersection(area) == window
    assert (samples[-1].rows.stop, samples[-1].cols.stop) == (area.rows.stop, area.cols.stop)
