"""Prepare Scene: one tidy file from any form, that opens without any option and says the same."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform
from scipy.ndimage import binary_erosion

from solar_saliency_plugin.contract.errors import (
    CancelledError,
    GridUnsuitableError,
    OutputIsInputError,
    SceneEmptyError,
)
from solar_saliency_plugin.contract.imagery import PrepareSceneRequest, PrepareSceneResult, SceneOptions
from solar_saliency_plugin.engine.imagery.bands import BANDS, MODEL_BANDS
from solar_saliency_plugin.engine.imagery.grid import Grid
from solar_saliency_plugin.engine.imagery.prepare import prepare_scene
from solar_saliency_plugin.engine.imagery.scene import open_scene
from solar_saliency_plugin.engine.imagery.utm import is_tidy_grid, utm_crs, utm_grid
from solar_saliency_plugin.engine.job import Job, SilentListener

SPECTRUM = np.array([0.05, 0.08, 0.06, 0.12, 0.25, 0.30, 0.33, 0.34, 0.22, 0.13])
OFFSETS = dict.fromkeys(BANDS, -1000)


def prepare(scene: Path, output: Path, **options: object) -> tuple[PrepareSceneResult, Job]:
    job = Job.silent()
    return prepare_scene(PrepareSceneRequest(scene=str(scene), output=str(output), **options), job), job


def reopened(path: Path) -> tuple[np.ndarray, np.ndarray, Grid]:
    with open_scene(SceneOptions(scene=str(path)), Job.silent()) as scene:
        scene.grid.require_model_grid()
        reflectance, valid = scene.read(scene.area)
        return reflectance, valid, scene.grid


def smooth_field(grid: Grid) -> np.ndarray:
    """Reflectance (10, height, width) that rises with longitude: the same place has the same value on any grid."""
    cols, rows = np.meshgrid(np.arange(grid.width) + 0.5, np.arange(grid.height) + 0.5)
    t = grid.transform
    xs, ys = t.a * cols + t.b * rows + t.c, t.d * cols + t.e * rows + t.f
    longitudes, _ = transform(grid.crs, CRS.from_epsg(4326), xs.ravel(), ys.ravel())
    rise = 1 + 20 * (np.reshape(longitudes, xs.shape) - 15.0)
    return SPECTRUM[:, None, None] * rise


def test_a_tidy_scene_says_what_the_product_said(write_safe: Callable, tmp_path: Path) -> None:
    safe = write_safe(offsets=OFFSETS, add=1000)
    result, job = prepare(safe.path, tmp_path / "tidy.tif")
    with open_scene(SceneOptions(scene=str(safe.path)), Job.silent()) as scene:
        expected, _ = scene.read(scene.area)
        facts = scene.id, scene.date, scene.level, scene.grid
        classes = scene.classification(scene.area)
    with open_scene(SceneOptions(scene=str(tmp_path / "tidy.tif"), mask="clouds"), Job.silent()) as tidy:
        reflectance, observed, clouded = tidy.read_parts(tidy.area)
        assert (tidy.id, tidy.date, tidy.level, tidy.grid) == facts
        assert np.array_equal(tidy.classification(tidy.area), classes)
        assert np.array_equal(clouded, classes == 9)
    assert np.abs(reflectance - expected).max() <= 0.5e-4 + 1e-7 and observed.all()
    assert result.bands == (*MODEL_BANDS, "SCL") and (result.width, result.height) == (120, 120)
    assert (result.valid_share, result.masked_share, job.warnings) == (1.0, 0.0, [])


def test_a_tidy_scene_is_a_cog_with_names_wavelengths_scale_and_provenance(
    write_safe: Callable, tmp_path: Path
) -> None:
    prepare(write_safe(offsets=OFFSETS).path, tmp_path / "tidy.tif")
    with rasterio.open(tmp_path / "tidy.tif") as dataset:
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert dataset.descriptions == (*MODEL_BANDS, "SCL")
        assert dataset.scales == (*[1e-4] * 10, 1.0) and dataset.nodata == -32768
        assert dataset.tags(8) == {"wavelength": "865", "wavelength_unit": "nm"}
        run = json.loads(dataset.tags()["SOLAR_SALIENCY_RUN"])
    assert run["method"] == "preparescene" and run["scene"]["date"] == "2022-06-14"
    assert "seconds" not in json.dumps(run)


def test_the_same_request_gives_the_same_bytes(write_safe: Callable, tmp_path: Path) -> None:
    safe, output = write_safe(offsets=OFFSETS), tmp_path / "tidy.tif"
    contents = []
    for _ in range(2):
        prepare(safe.path, output)
        contents.append(output.read_bytes())
    assert contents[0] == contents[1]


@pytest.mark.parametrize(
    ("crs", "affine"),
    [
        ("EPSG:4326", Affine(9e-5, 0, 15.0, 0, -9e-5, 47.9)),
        ("EPSG:4326", Affine(1.8e-4, 0, 15.0, 0, -1.2e-4, -33.0)),
        ("EPSG:3035", Affine(10, 0, 4_695_500, 0, -10, 2_760_000)),
        ("EPSG:3857", Affine(15, 0, 1_670_000, 0, -15, 6_090_000)),
        ("EPSG:32633", Affine(9.4, 3.4, 500_000, 3.4, -9.4, 5_300_000)),
        ("EPSG:32633", Affine(10, 0, 500_000, 0, 10, 5_300_000)),
    ],
    ids=["degrees", "degrees-south", "laea", "mercator", "rotated", "south-up"],
)
def test_resampled_reflectance_is_that_of_the_same_place(
    write_scene: Callable, tmp_path: Path, crs: str, affine: Affine
) -> None:
    own = Grid(CRS.from_user_input(crs), affine, 130, 90)
    scene = write_scene(np.rint(smooth_field(own) * 10_000), crs=crs, transform=affine)
    prepare(scene, tmp_path / "tidy.tif")
    reflectance, valid, grid = reopened(tmp_path / "tidy.tif")
    assert grid.crs.to_epsg() in (32633, 32733) and grid.transform.a == 10 and grid.transform.c % 10 == 0
    difference = np.abs(reflectance - smooth_field(grid))
    assert difference[:, binary_erosion(valid, iterations=3)].max() < 1.6e-4  # rounded twice; half a pixel is 4.5e-4
    assert difference[:, valid].max() < 1e-3  # at the scene's edge there is nothing to interpolate with
    own_area = 130 * 90 * own.pixel_size[0] * own.pixel_size[1]
    assert valid.sum() * 100 == pytest.approx(own_area * _scale_of(crs), rel=0.05)


def _scale_of(crs: str) -> float:
    """Area on the ground over area on the map: Mercator's metres are short of the Equator's."""
    return np.cos(np.radians(47.9)) ** 2 if crs == "EPSG:3857" else 1.0


def test_gaps_do_not_bleed_into_their_neighbours(write_scene: Callable, tmp_path: Path) -> None:
    affine = Affine(9e-5, 0, 15.0, 0, -9e-5, 47.9)
    own = Grid(CRS.from_epsg(4326), affine, 130, 90)
    numbers = np.rint(smooth_field(own) * 10_000)
    numbers[:, 30:50, 40:80] = 65535
    prepare(write_scene(numbers, crs="EPSG:4326", transform=affine, nodata=65535), tmp_path / "tidy.tif")
    reflectance, valid, grid = reopened(tmp_path / "tidy.tif")
    assert np.abs(reflectance - smooth_field(grid))[:, valid].max() < 2e-3
    assert not valid[grid.height // 2 - 5, grid.width // 2 - 5]


def test_masked_clouds_become_nodata_and_are_counted(write_safe: Callable, tmp_path: Path) -> None:
    result, _ = prepare(write_safe(offsets=OFFSETS, add=1000).path, tmp_path / "tidy.tif", mask="clouds")
    assert (result.valid_share, result.masked_share) == (pytest.approx(100 / 120), pytest.approx(20 / 120))
    assert not reopened(tmp_path / "tidy.tif")[1][:20].any()


def test_only_the_extent_is_written(write_safe: Callable, tmp_path: Path) -> None:
    safe = write_safe(offsets=OFFSETS, add=1000)
    x, y = 600_000, 5_300_040
    prepare(safe.path, tmp_path / "tidy.tif", extent=(x + 130, y - 510, x + 450, y - 70))
    reflectance, _, grid = reopened(tmp_path / "tidy.tif")
    assert grid.bounds == (x + 130, y - 510, x + 450, y - 70)
    np.testing.assert_allclose(reflectance[3], safe.expected("B05", -0.1)[7:51, 13:45], atol=0.51e-4)


def test_coarse_pixels_are_warned_of(write_scene: Callable, tmp_path: Path) -> None:
    affine = Affine(20, 0, 500_000, 0, -20, 5_300_000)
    own = Grid(CRS.from_epsg(32633), affine, 30, 30)
    _, job = prepare(write_scene(np.rint(smooth_field(own) * 1e4), transform=affine), tmp_path / "tidy.tif")
    assert any("20.0 × 20.0 m" in warning for warning in job.warnings)


def test_warnings_stay_with_the_tidy_scene(write_scene: Callable, tmp_path: Path) -> None:
    numbers = np.broadcast_to(SPECTRUM[:, None, None] * 10_000 + 1000, (10, 20, 20))
    _, job = prepare(write_scene(numbers), tmp_path / "tidy.tif")
    again = Job.silent()
    open_scene(SceneOptions(scene=str(tmp_path / "tidy.tif")), again).close()
    assert again.warnings == job.warnings and "offset" in job.warnings[0]


def test_a_scene_without_crs_is_refused(write_scene: Callable, tmp_path: Path) -> None:
    numbers = np.broadcast_to(SPECTRUM[:, None, None] * 10_000, (10, 20, 20))
    with pytest.raises(GridUnsuitableError, match="no coordinate reference system"):
        prepare(write_scene(numbers, crs=None), tmp_path / "tidy.tif")


def test_refusals_and_cancelling_leave_the_old_output(write_safe: Callable, tmp_path: Path) -> None:
    safe, output = write_safe(offsets=OFFSETS), tmp_path / "out" / "tidy.tif"
    output.parent.mkdir()
    output.write_text("old")
    cancelled = threading.Event()

    class CancelAtFirstProgress(SilentListener):
        def progressed(self, progress: object) -> None:
            cancelled.set()

    request = PrepareSceneRequest(scene=str(safe.path), output=str(output))
    with pytest.raises(CancelledError):
        prepare_scene(request, Job(CancelAtFirstProgress(), cancelled))
    for path in safe.path.rglob("*_SCL_20m.jp2"):
        _all_cloud(path)
    with pytest.raises(SceneEmptyError, match="cloud mask"):
        prepare(safe.path, output, mask="clouds")
    assert output.read_text() == "old" and [path.name for path in output.parent.iterdir()] == ["tidy.tif"]


def _all_cloud(path: Path) -> None:
    with rasterio.open(path) as dataset:
        profile = dataset.profile
    with rasterio.open(path, "w", **profile | {"QUALITY": "100", "REVERSIBLE": "YES"}) as dataset:
        dataset.write(np.full((60, 60), 9, profile["dtype"]), 1)


def test_the_scene_itself_is_no_output(write_scene: Callable) -> None:
    scene = write_scene(np.broadcast_to(SPECTRUM[:, None, None] * 10_000, (10, 20, 20)))
    before = scene.read_bytes()
    with pytest.raises(OutputIsInputError):
        prepare(scene, scene)
    assert scene.read_bytes() == before


@pytest.mark.parametrize(
    ("longitude", "latitude", "code"), [(15, 47, 32633), (-180, 10, 32601), (179.9, -10, 32760), (0, -0.1, 32731)]
)
def test_the_zone_is_that_of_the_place(longitude: float, latitude: float, code: int) -> None:
    assert utm_crs(longitude, latitude).to_epsg() == code


def test_the_utm_grid_covers_the_scene_and_lies_on_tens_of_metres() -> None:
    grid = Grid(CRS.from_epsg(4326), Affine(1e-4, 0, 15, 0, -1e-4, 47), 1000, 800)
    utm = utm_grid(grid)
    assert is_tidy_grid(utm) and all(value % 10 == 0 for value in utm.bounds)
    xs, ys = transform(grid.crs, utm.crs, [15, 15.1, 15, 15.1], [47, 47, 46.92, 46.92])
    xmin, ymin, xmax, ymax = utm.bounds
    assert xmin <= min(xs) and xmax >= max(xs) and ymin <= min(ys) and ymax >= max(ys)
    with pytest.raises(GridUnsuitableError):
        utm_grid(Grid(CRS.from_epsg(4326), Affine(1e-4, 0, 15, 0, -1e-4, 89), 10, 10))
