"""Scenes of level L1C become nearly what level L2A would be, and no pixel depends on another."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from solar_saliency_plugin.contract.imagery import SceneOptions
from solar_saliency_plugin.engine.imagery.atmosphere import (
    LOW_SUN,
    Correction,
    Sun,
    correction,
    rayleigh_depth,
    sun_over,
    sun_zenith,
)
from solar_saliency_plugin.engine.imagery.bands import BANDS, MODEL_BANDS
from solar_saliency_plugin.engine.imagery.grid import Grid, Window
from solar_saliency_plugin.engine.imagery.scene import Scene, open_scene
from solar_saliency_plugin.engine.job import Job
from solar_saliency_plugin.engine.provenance import scene_facts

THIRTEEN = ",".join(BANDS)
TWELVE = ",".join(band for band in BANDS if band != "B10")
WAVELENGTHS = [BANDS[name].wavelength_nm for name in MODEL_BANDS]
#: Places and dates of pairs at both levels; the snow under a sun of 10° is beyond what the equations are for.
PAIRS = {
    "282D_485L_3_3": ("2021-07-23", -0.1, None),
    "433D_629L_3_1": ("2020-04-08", -0.1, -0.1),
    "637U_59R_1_3": ("2017-10-30", None, None),
}


def under(zenith: float, haze: float = 0.15) -> Correction:
    return correction(MODEL_BANDS, Sun(zenith, "given"), haze)


def corrected(air: Correction, reflectance: np.ndarray) -> np.ndarray:
    return air.apply(np.array(reflectance, np.float32))


def above(air: Correction, surface: np.ndarray) -> np.ndarray:
    """What a satellite sees of a surface: the equation that the correction solves, the other way round."""
    path, through, albedo, gases = (values[:, None] for values in (air.path, air.transmittance, air.albedo, air.gases))
    return gases * (path + through * surface / (1 - albedo * surface))


def opened(path: Path, level: str | None, **options: object) -> tuple[Scene, Job]:
    job = Job.silent()
    return open_scene(SceneOptions(scene=str(path), **options), job, level=level), job


def test_the_depth_of_clean_air_is_that_of_another_published_formula() -> None:
    micrometres = np.array(WAVELENGTHS) / 1000
    hansen_travis = 0.008569 * micrometres**-4 * (1 + 0.0113 * micrometres**-2 + 0.00013 * micrometres**-4)
    np.testing.assert_allclose(rayleigh_depth(WAVELENGTHS), hansen_travis, rtol=0.05)


def test_without_air_nothing_changes() -> None:
    reflectance = np.linspace(0, 1.2, 50, dtype=np.float32)[None]
    air = correction(["B10"], Sun(40.0, "given"))  # which sees no ground, and is left as it is
    np.testing.assert_allclose(corrected(air, reflectance), reflectance, atol=1e-6)


@pytest.mark.parametrize("zenith", [0.0, 25.0, 50.0, 75.0, 89.0])
def test_what_air_does_to_a_surface_is_undone(zenith: float) -> None:
    surface = np.linspace(0, 1, 30) * np.ones((10, 1))
    np.testing.assert_allclose(corrected(under(zenith), above(under(zenith), surface)), surface, atol=1e-5)


def test_clean_air_keeps_no_light_to_itself() -> None:
    """Light from all sides that passes the air, and light that is thrown back, are all the light."""
    mu = (np.arange(400) + 0.5) / 400
    through = [correction(["B01", "B02", "B8A"], Sun(np.degrees(np.arccos(m)), ""), haze=0.0) for m in mu if m > 0.174]
    overhead = np.sqrt(correction(["B01", "B02", "B8A"], Sun(0.0, ""), haze=0.0).transmittance)
    down = np.array([air.transmittance / overhead for air in through])
    shares = mu[mu > 0.174]
    passed = (2 * shares[:, None] * down).sum(axis=0) / (2 * shares).sum()
    np.testing.assert_allclose(passed + through[0].albedo, 1, atol=0.02)


def test_brighter_stays_brighter_and_more_air_takes_more_off_dark_ground() -> None:
    ramp = np.linspace(0.02, 1.2, 60) * np.ones((10, 1))
    assert (np.diff(corrected(under(40), ramp), axis=1) > 0).all()
    dark = np.full((10, 1), 0.05)
    for less, more in ((under(40, 0.05), under(40, 0.3)), (under(20), under(70))):
        assert (more.path > less.path).all()
        assert (corrected(more, dark) < corrected(less, dark))[:3].all()  # blue, green, red


def test_blue_is_corrected_most_and_the_far_infrared_hardly() -> None:
    dark = np.full((10, 1), 0.05)
    taken = (dark - corrected(under(45), dark))[:, 0]
    by_wavelength = taken[np.argsort(WAVELENGTHS)]
    assert (np.diff(by_wavelength[:4]) < 0).all() and taken[0] == taken.max() and abs(taken[-1]) < 0.005
    assert taken[0] > 0.03


@pytest.mark.parametrize("zenith", [0.0, 80.0, 90.0, 110.0])
def test_no_sun_makes_it_infinite(zenith: float) -> None:
    values = corrected(under(zenith), np.array([[-0.05, 0.0, 0.3, 1.0, 2.0]]) * np.ones((10, 1)))
    assert np.isfinite(values).all()


def test_the_sun_stands_where_date_and_place_put_it() -> None:
    # At the equator on an equinox the sun is 15° an hour from the zenith, and the sundial 7 minutes late.
    assert sun_zenith("2021-03-20", 0.0) == pytest.approx(15 * (1.5 + 7.5 / 60), abs=0.5)
    assert sun_zenith("2021-06-21", 48.0) < 35 < 65 < sun_zenith("2021-12-21", 48.0)
    assert sun_zenith("2021-06-21", -30.0) == pytest.approx(sun_zenith("2021-12-21", 30.0), abs=1.5)
    assert sun_zenith("2021-12-21", 80.0) > 90  # polar night


def test_the_sun_is_taken_from_metadata_else_from_date_and_place_else_from_an_equinox() -> None:
    grid = Grid(CRS.from_epsg(32633), Affine(10, 0, 600_000, 0, -10, 5_300_040), 10, 10)
    latitude = grid.center_longitude_latitude()[1]
    assert sun_over(grid, "2022-06-14", 33.0) == Sun(33.0, "as the metadata say")
    assert sun_over(grid, "2022-06-14", None).zenith == sun_zenith("2022-06-14", latitude)
    assert sun_over(grid, "2022-06-14", float("nan")) == sun_over(grid, "2022-06-14", None)
    nobody_knows = sun_over(grid, "", None)
    assert "date" in nobody_knows.source and 35 < nobody_knows.zenith < 60
    assert sun_over(Grid(CRS(), grid.transform, 10, 10), "2022-06-14", None).source == "assumed"


def test_a_scene_of_level_l1c_is_corrected_for_a_model_of_level_l2a_and_for_no_other(write_safe: Callable) -> None:
    safe = write_safe(level="1C", baseline="03.01")
    stored, job = opened(safe.path, None)
    with stored:
        plain, _ = stored.read(stored.area)
        assert stored.correction is None and stored.level_read == "L1C" and not job.warnings
        assert scene_facts(stored)["correction"] == ""
    same, job = opened(safe.path, "L1C")
    with same:
        np.testing.assert_array_equal(same.read(same.area)[0], plain)
        assert not job.warnings
    scene, job = opened(safe.path, "L2A")
    with scene:
        assert (scene.level, scene.level_read) == ("L1C", "L2A") and scene.correction
        np.testing.assert_array_equal(scene.read(scene.area)[0], corrected(scene.correction, plain))
        assert [warning for warning in job.warnings if "L1C" in warning and "by date and place" in warning]
        assert scene_facts(scene)["correction"] == scene.correction.summary
    surface = write_safe(level="2A", baseline="03.01")
    scene, job = opened(surface.path, "L2A")
    with scene:
        assert scene.correction is None and not job.warnings


def test_a_window_is_a_part_of_the_whole_and_gaps_stay_empty(write_scene: Callable) -> None:
    rng = np.random.default_rng(1)
    numbers = rng.integers(500, 4000, (10, 40, 50))
    numbers[:, 5:9, 5:9] = 0
    path = write_scene(numbers, "S2A_MSIL1C_20210304T100000.tif", nodata=0)
    scene, _ = opened(path, "L2A")
    with scene:
        whole, valid = scene.read(scene.area)
        part, _ = scene.read(Window(3, 7, 20, 30))
        again, _ = scene.read(scene.area)
    np.testing.assert_array_equal(part, whole[:, 3:23, 7:37])
    np.testing.assert_array_equal(again, whole)
    assert not valid[5:9, 5:9].any() and (whole[:, ~valid] == 0).all()


@pytest.mark.parametrize("zipped", [False, True])
def test_a_product_tells_where_the_sun_stood(write_safe: Callable, zipped: bool) -> None:
    safe = write_safe(level="1C", baseline="03.01", zipped=zipped, sun_zenith=LOW_SUN + 5)
    scene, job = opened(safe.path, "L2A")
    with scene:
        assert scene.correction and scene.correction.sun == Sun(LOW_SUN + 5, "as the metadata say")
    assert any("so low" in warning for warning in job.warnings)


def test_damaged_metadata_of_a_granule_do_not_keep_a_product_from_opening(write_safe: Callable) -> None:
    safe = write_safe(level="1C", baseline="03.01", sun_zenith=30.0)
    next(safe.path.glob("GRANULE/*/MTD_TL.xml")).write_text("<n1:Level")
    scene, _ = opened(safe.path, "L2A")
    with scene:
        assert scene.correction and scene.correction.sun.source == "by date and place"


def test_an_item_tells_where_the_sun_stood(write_scene: Callable) -> None:
    path = write_scene(np.full((10, 20, 20), 1500), "item/scene.tif")
    item = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": "S2B_33UVP_20230615_0_L1C",
        "assets": {"all": {"href": "./scene.tif"}},
        "properties": {"datetime": "2023-06-15T10:00:00Z", "view:sun_elevation": 61.5},
    }
    (path.parent / "item.json").write_text(json.dumps(item))
    scene, _ = opened(path, "L2A")
    with scene:
        assert scene.correction and scene.correction.sun == Sun(28.5, "as the metadata say")


@pytest.mark.parametrize("chip", PAIRS)
def test_real_scenes_come_close_to_their_l2a_products(shared_data: Path, chip: str) -> None:
    date, top_offset, offset = PAIRS[chip]
    options = {"bands": TWELVE, "offset": offset}
    surface, _ = opened(shared_data / f"terramind-chips/S2L2A/{chip}.tif", None, **options)
    top = shared_data / f"terramind-chips/S2L1C/{chip}.tif"
    read = {}
    with surface:
        read["L2A"] = surface.read(surface.area)[0]
    for level in ("L1C", "L2A corrected"):
        scene, _ = opened(top, level[:3], bands=THIRTEEN, offset=top_offset, date=date)
        with scene:
            read[level] = scene.read(scene.area)[0]

    def bias(level: str) -> np.ndarray:
        return np.abs(np.median(read[level] - read["L2A"], axis=(1, 2)))

    before, after = bias("L1C"), bias("L2A corrected")
    assert before[0] > 0.05 and after[0] < 0.02  # blue
    assert after.max() < 0.02 and after.mean() < before.mean() / 2

    def error(level: str) -> float:
        return float(np.sqrt(np.mean((read[level] - read["L2A"]) ** 2)))

    assert error("L2A corrected") < 0.7 * error("L1C")
