"""Sites that train are never measured on, and neighbours stay together."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solar_saliency_plugin.contract.imagery import SceneOptions
from solar_saliency_plugin.engine.imagery.scene import open_scene
from solar_saliency_plugin.engine.job import Job
from solar_saliency_plugin.engine.training import backgrounds, splits
from solar_saliency_plugin.engine.training.crops import GroundWindow
from solar_saliency_plugin.engine.training.farms import DOUBTFUL, WITHOUT_PANELS, farm_views

PARTS = ("training", "validation", "test")


@pytest.mark.parametrize("fold", range(splits.FOLDS))
def test_no_site_is_in_two_parts_and_none_is_lost(fold: int) -> None:
    sites = [site for part in PARTS for site in splits.sites(part, fold)]
    assert len(sites) == len(set(sites)) == 32
    assert all(splits.sites(part, fold) for part in PARTS)


@pytest.mark.parametrize("fold", range(splits.FOLDS))
@pytest.mark.parametrize("neighbours", splits.NEIGHBOURS, ids=str)
def test_neighbours_are_in_the_same_part(fold: int, neighbours: tuple[int, ...]) -> None:
    parts = {part for part in PARTS if set(neighbours) & set(splits.sites(part, fold))}
    assert len(parts) == 1


def test_every_farm_is_tested_on_in_exactly_one_fold() -> None:
    tested = [site for fold in range(splits.FOLDS) for site in splits.sites("test", fold)]
    assert sorted(tested) == sorted(site for group in splits.farm_groups() for site in group)


@pytest.mark.parametrize("fold", range(splits.FOLDS))
def test_sites_without_panels_only_train_as_background_and_doubtful_ones_not_at_all(fold: int) -> None:
    assert set(splits.sites("training", fold)) >= WITHOUT_PANELS
    assert not {site for part in PARTS for site in splits.sites(part, fold)} & DOUBTFUL


def test_sites_in_different_parts_are_more_than_two_kilometres_apart(shared_data: Path) -> None:
    features = json.loads((shared_data / "austria-pv-2022/farm_polygons.geojson").read_text(encoding="utf-8"))[
        "features"
    ]
    places = {f["properties"]["nc_id"]: _first_point(f["geometry"]["coordinates"]) for f in features}
    parts = {site: part for part in PARTS for site in splits.sites(part)}
    for site, part in parts.items():
        for other, other_part in parts.items():
            if part != other_part:
                (x, y), (u, v) = places[site], places[other]
                assert max(abs(x - u) * 76, abs(y - v) * 111) > 2, (site, other)


def _first_point(coordinates: list) -> tuple[float, float]:
    while isinstance(coordinates[0], list):
        coordinates = coordinates[0]
    return coordinates[0], coordinates[1]


def test_every_site_has_imagery(shared_data: Path) -> None:
    present = {int(path.stem.rsplit("_", 1)[1]) for path in (shared_data / "austria-pv-2022/s2").glob("*.nc")}
    assert present == {site for part in PARTS for site in splits.sites(part)} | DOUBTFUL


def test_no_scene_is_named_twice() -> None:
    names = [source.name for part in (*backgrounds.PARTS, backgrounds.MEASURED_ONLY) for source in part]
    assert len(names) == len(set(names))


def test_traps_of_the_labels_are_met(shared_data: Path) -> None:
    views = farm_views(shared_data, (1, 1933, 2004, 2011, 31))
    assert not any(view.coverage.any() for view in views if view.site in WITHOUT_PANELS)
    built = [view for view in views if view.site == 2011]
    assert {view.month for view in built if view.coverage.any()} <= {9, 10, 11, 12}
    assert {view.month for view in built if not view.coverage.any()} <= {1, 2, 3, 4, 5, 6}
    assert {view.month for view in views if view.site == 2004} <= {10, 11, 12}
    # Chip 31 holds panels of farm 398 too: more than its own polygon's 229 pixels count as farm.
    assert all((view.coverage >= 0.5).sum() > 300 for view in views if view.site == 31)


def test_views_are_clear_reflectance(shared_data: Path) -> None:
    views = farm_views(shared_data, (282, 748))
    assert len(views) > 50
    for view in views:
        assert view.reflectance.shape == (10, *view.valid.shape) and view.coverage.shape == view.valid.shape
        assert view.valid.mean() >= 0.9
        assert view.reflectance.min() > -0.11 and view.reflectance.max() < 2.2


def test_a_view_is_what_the_scene_reader_reads(shared_data: Path) -> None:
    view = farm_views(shared_data, (31,))[20]
    options = SceneOptions(scene=str(shared_data / "austria-pv-2022/s2/S2_2022_31.nc"), date=view.date)
    with open_scene(options, Job.silent()) as scene:
        reflectance, observed = scene.read(scene.area)
    assert (observed | ~view.valid).all()
    np.testing.assert_allclose(reflectance[:, view.valid], view.reflectance[:, view.valid], atol=1e-6)


def test_every_background_is_reflectance_without_a_shift(shared_data: Path) -> None:
    for source in (s for part in (*backgrounds.PARTS, backgrounds.MEASURED_ONLY) for s in part):
        background = source.load(shared_data)
        assert background.valid.mean() > 0.9
        blue, *_, short_wave = np.median(background.reflectance[:, background.valid], axis=1)
        assert 0.01 < blue < (0.85 if "609U" in source.name else 0.14), source.name
        assert 0.03 < short_wave < 0.4, source.name


areas_of_places = st.dictionaries(st.integers(1, 500), st.floats(0.1, 1e5), min_size=2, max_size=60)


@given(areas_of_places, st.integers(0, 2**31 - 1))
def test_a_quarter_of_the_places_is_kept_out_and_some_is_left(areas: dict[int, float], seed: int) -> None:
    away = splits.kept_out_places(areas, seed)
    assert away < areas.keys()
    assert len(away) == max(1, round(len(areas) / 4))
    assert away == splits.kept_out_places(dict(reversed(areas.items())), seed)


@given(st.integers(2, 15), st.integers(0, 2**31 - 1))
def test_small_and_large_farms_are_on_both_sides(quarters: int, seed: int) -> None:
    areas = {place: 1.0 + place for place in range(4 * quarters)}
    away = sorted(splits.kept_out_places(areas, seed))
    assert away[0] < 4 and away[-1] >= 4 * (quarters - 1)
    assert max(b - a for a, b in pairwise(away)) < 8


def test_another_seed_keeps_other_places_out() -> None:
    areas = {place: 1.0 for place in range(40)}
    assert len({splits.kept_out_places(areas, seed) for seed in range(10)}) > 5


_TO_DEGREES = pyproj.Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True)


def _corners(top: int, left: int, height: int, width: int) -> np.ndarray:
    """Of pixels of 10 m whose grid begins at (500 km, 5300 km)."""
    pixels = np.array([(left, top), (left + width, top), (left + width, top + height), (left, top + height)])
    return np.transpose(_TO_DEGREES.transform(500_000 + 10 * pixels[:, 0], 5_300_000 - 10 * pixels[:, 1]))


def _windows(side: int, count: int, seed: int, top: int = 0, left: int = 0, dates: int = 1) -> list[GroundWindow]:
    """As they are drawn from a scene: 128 pixels wide, on a raster of 32; named after where they begin."""
    steps = range(0, max(1, side - 127), 32)
    places = [(top + row, left + col) for row in steps for col in steps]
    drawn = np.random.default_rng(seed).permutation(len(places))[:count]
    size, none = min(side, 128), np.zeros(0)
    return [
        GroundWindow(
            f"{row} {col} {size}",
            "",
            "L2A",
            none,
            none,
            _corners(row, col, size, size),
            _corners(top, left, side, side),
        )
        for _ in range(dates)
        for row, col in (places[i] for i in drawn)
    ]


def _ground(windows: list[GroundWindow], side: int = 2000) -> np.ndarray:
    seen = np.zeros((side, side), bool)
    for window in windows:
        row, col, size = map(int, window.name.split())
        seen[row : row + size, col : col + size] = True
    return seen


@pytest.mark.parametrize("side", [560, 700, 1500])
@pytest.mark.parametrize("seed", range(3))
def test_no_pixel_of_ground_is_both_learned_from_and_measured_on(side: int, seed: int) -> None:
    windows = _windows(side, 200, seed, dates=2)
    learned, away = splits.parted_ground(windows, seed)
    assert learned and away and not (_ground(learned) & _ground(away)).any()
    assert len(learned) > 0.4 * len(windows) and len(away) > 0.04 * len(windows)
    again = splits.parted_ground(windows, seed)
    assert [w.name for side_ in again for w in side_] == [w.name for side_ in (learned, away) for w in side_]


def test_no_pixel_is_on_both_sides_where_scenes_of_other_footprints_overlap() -> None:
    windows = _windows(800, 60, 1) + _windows(700, 60, 2, top=210, left=333)
    learned, away = splits.parted_ground(windows, 1)
    assert learned and away and not (_ground(learned) & _ground(away)).any()


def test_small_scenes_at_different_places_are_parted() -> None:
    windows = [w for left in (0, 300, 600, 900) for w in _windows(100, 1, 1, left=left, dates=3)]
    learned, away = splits.parted_ground(windows, 1)
    assert (len(learned), len(away)) == (9, 3) and len({window.name for window in away}) == 1


@pytest.mark.parametrize("windows", [[], _windows(300, 20, 1)], ids=["none", "one block"])
def test_where_there_is_one_block_of_ground_none_is_kept_out(windows: list[GroundWindow]) -> None:
    assert splits.parted_ground(windows, 1) == (windows, [])
