"""The simulated scene keeps what its README says of it."""

import threading
from pathlib import Path

import numpy as np
import pyogrio.raw
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.features import geometry_mask

from solar_saliency_plugin.contract.errors import CancelledError, OutputUnwritableError
from solar_saliency_plugin.contract.imagery import SampleSceneRequest, SceneOptions
from solar_saliency_plugin.engine.imagery.bands import MODEL_BANDS
from solar_saliency_plugin.engine.imagery.scene import open_scene
from solar_saliency_plugin.engine.job import Job, SilentListener
from solar_saliency_plugin.engine.training import landscape, reflectances, sensor, simulation

TEN_METRES = {"B02", "B03", "B04", "B08"}
SIZE = 256


def simulate(folder: Path, size: int = SIZE, seed: int = 2021) -> Path:
    simulation.sample_scene(SampleSceneRequest(output=str(folder), size=size, seed=seed), Job.silent())
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(tmp_path_factory.mktemp("scene with space"))


def band(folder: Path, name: str) -> np.ndarray:
    with rasterio.open(next(folder.glob(f"*_{name}_*0m.tif"))) as file:
        pixels: np.ndarray = file.read(1)
    return pixels


def truth(folder: Path) -> list[shapely.Geometry]:
    return list(shapely.from_wkb(pyogrio.raw.read(folder / "SIMULATED_truth.gpkg")[2]))


def test_same_seed_gives_same_pixels_and_outlines(folder: Path, tmp_path: Path) -> None:
    again = simulate(tmp_path)
    for name in (*MODEL_BANDS, "SCL"):
        assert np.array_equal(band(folder, name), band(again, name))
    assert truth(folder) == truth(again)


def test_other_seed_gives_another_scene(folder: Path, tmp_path: Path) -> None:
    other = simulate(tmp_path, seed=7)
    assert (band(folder, "B04") != band(other, "B04")).mean() > 0.9


def test_open_scene_reads_it_as_a_surface_reflectance_scene(folder: Path) -> None:
    with open_scene(SceneOptions(scene=str(folder)), Job.silent()) as scene:
        assert (scene.grid.width, scene.grid.height) == (SIZE, SIZE)
        assert scene.grid.crs.to_epsg() == 32643
        assert tuple(scene.bands) == MODEL_BANDS
        assert scene.level == "L2A"
        assert scene.date == "2021-03-15"
        assert scene.has_classification
        reflectance, valid = scene.read(scene.area)
    assert valid.all()
    assert np.array_equal(np.rint(reflectance[0] * 10000).astype(int), band(folder, "B02"))


@pytest.mark.parametrize("name", [*MODEL_BANDS, "SCL"])
def test_every_band_has_its_native_resolution_and_says_it_is_simulated(folder: Path, name: str) -> None:
    with rasterio.open(next(folder.glob(f"SIMULATED_T43RDJ_20210315_{name}_*0m.tif"))) as file:
        pixel = 10 if name in TEN_METRES else 20
        assert file.res == (pixel, pixel)
        assert file.bounds == (399960, 2900040 - 10 * SIZE, 399960 + 10 * SIZE, 2900040)
        assert file.tags()["SIMULATED"] == "yes"
        assert file.nodata == 0 and file.read(1).min() > 0


def test_every_solar_farm_is_darker_in_near_infrared_than_around_and_brighter_in_swir_than_in_near_infrared(
    folder: Path,
) -> None:
    with rasterio.open(next(folder.glob("*_B8A_20m.tif"))) as file:
        transform, shape = file.transform, file.shape
    near_infrared, swir = band(folder, "B8A"), band(folder, "B11")
    outlines = truth(folder)
    assert len(outlines) >= 3
    for outline in outlines:
        inside = geometry_mask([outline.buffer(-20)], shape, transform, invert=True)
        around = geometry_mask([outline.buffer(80) - outline.buffer(40)], shape, transform, invert=True)
        assert near_infrared[inside].mean() < 0.85 * near_infrared[around].mean()
        assert swir[inside].mean() > 1.2 * near_infrared[inside].mean()


def test_solar_farms_have_their_stated_areas_and_keep_apart() -> None:
    farms = landscape.lay_out(1536, np.random.default_rng(1), Job.silent()).farms
    assert [farm.outline.area / 1e4 for farm in farms] == pytest.approx(landscape.FARM_AREAS[:7])
    assert min(a.outline.distance(b.outline) for a in farms for b in farms if a is not b) > 100


def test_pixels_of_one_cover_lie_between_the_published_reflectances_of_its_materials() -> None:
    ground = landscape.lay_out(1024, np.random.default_rng(3), Job.silent())
    for number, name in ((0, "B02"), (3, "B05"), (6, "B08"), (8, "B11")):
        image = sensor.expose(ground, number, name, np.random.default_rng(4))
        factor = ground.cover.shape[0] // image.shape[0]
        # Only pixels whose surroundings, as far as the blur reaches, are of one cover.
        blocks = ground.cover.reshape(image.shape[0], factor, -1, factor).swapaxes(1, 2).reshape(*image.shape, -1)
        pure = (blocks == blocks[..., :1]).all(-1)
        for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1), (0, 1), (0, -1), (1, 1), (1, -1)):
            pure &= np.roll(pure, step, axis) & (np.roll(blocks[..., 0], step, axis) == blocks[..., 0])
        seen = 0
        for index, cover in enumerate(reflectances.COVERS):
            pixels = image[pure & (blocks[..., 0] == index)]
            low, high = sorted(cover.spectra[:, number])
            slack = 6 * (sensor.NOISE_FLOOR + sensor.NOISE_PART * high)
            assert ((pixels > low - slack) & (pixels < high + slack)).all(), (cover.name, name)
            seen += pixels.size > 0
        assert seen >= 8


def test_spectra_are_reflectances_and_panels_look_like_panels() -> None:
    for spectrum in reflectances.SPECTRA.values():
        assert len(spectrum) == len(MODEL_BANDS)
        assert min(spectrum) > 0 and max(spectrum) < 1
    blue, *_, near_infrared, _, swir, _ = reflectances.SPECTRA["pv module"]
    assert near_infrared < blue < swir  # Ji et al. 2021


def test_an_edge_inside_a_pixel_mixes() -> None:
    cover = np.full((64, 64), reflectances.INDEX["snow"], np.uint8)
    cover[:, 33:] = reflectances.INDEX["water"]
    ground = landscape.Landscape(cover, np.ones((64, 64), np.float32), ())
    row = sensor.expose(ground, 0, "B02", np.random.default_rng(0))[16]
    assert row[10] == pytest.approx(0.93, abs=0.02)
    assert row[22] == pytest.approx(0.045, abs=0.02)
    assert 0.2 < row[16] < 0.8
    assert (np.diff(row[14:19]) < 0).all()


@settings(max_examples=25, deadline=None)
@given(deviation=st.floats(0.3, 3), value=st.floats(0.01, 1), seed=st.integers(0, 99))
def test_blur_keeps_flat_images_and_never_leaves_the_range_of_values(deviation: float, value: float, seed: int) -> None:
    flat = np.full((24, 30), value, np.float32)
    assert sensor.blurred(flat, deviation) == pytest.approx(flat, rel=1e-5)
    image = np.random.default_rng(seed).random((24, 30), np.float32)
    blurred = sensor.blurred(image, deviation)
    assert image.min() - 1e-6 <= blurred.min() and blurred.max() <= image.max() + 1e-6


def test_large_scene_is_made_of_districts_that_fill_it_and_cut_farms_at_its_edge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulation, "DISTRICT", 256)
    simulate(tmp_path, size=611)
    assert band(tmp_path, "B04").shape == (611, 611)
    assert band(tmp_path, "B11").shape == (306, 306)
    assert (band(tmp_path, "B11") > 0).all() and (band(tmp_path, "B04") > 0).all()
    scene = shapely.box(399960, 2900040 - 6110, 399960 + 6110, 2900040)
    outlines = truth(tmp_path)
    assert len(outlines) > 9
    assert all(scene.covers(outline) for outline in outlines)


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    simulate(tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert "SIMULATED" in (tmp_path / "SIMULATED_README.txt").read_text(encoding="utf-8")
    assert len(list(tmp_path.iterdir())) == len(MODEL_BANDS) + 4


def test_cancelled_simulation_leaves_nothing_behind(tmp_path: Path) -> None:
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(CancelledError):
        simulation.sample_scene(SampleSceneRequest(output=str(tmp_path), size=SIZE), Job(SilentListener(), cancelled))
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_folders_place_is_named_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputUnwritableError, match="folder"):
        simulate(tmp_path / "file")
