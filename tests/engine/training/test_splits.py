"""Sites that train are never measured on, and neighbours stay together."""

import json
from pathlib import Path

import numpy as np
import pytest

from solar_saliency_plugin.contract.imagery import SceneOptions
from solar_saliency_plugin.engine.imagery.scene import open_scene
from solar_saliency_plugin.engine.job import Job
from solar_saliency_plugin.engine.training import backgrounds, splits
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


def test_scenes_that_are_measured_on_share_no_place_with_scenes_that_train() -> None:
    parts = (backgrounds.TRAINING, backgrounds.VALIDATION, backgrounds.TEST)
    names = [source.name for part in parts for source in part]
    assert len(names) == len(set(names))
    places = [{source.name for source in part if source.name.startswith("bouconne")} for part in parts]
    assert sum(map(bool, places)) == 1


def test_nothing_of_unknown_licence_trains_or_chooses_the_threshold() -> None:
    for source in (*backgrounds.TRAINING, *backgrounds.VALIDATION):
        assert source.licence in ("GPL-3.0", "Apache-2.0", "CC-BY-4.0")
    assert {source.name.split()[0] for source in backgrounds.TEST if source.licence == "unknown"} == {
        "wroclaw",
        "sen1floods11",
    }


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
    for source in (*backgrounds.TRAINING, *backgrounds.VALIDATION, *backgrounds.TEST):
        background = source.load(shared_data)
        assert background.valid.mean() > 0.9
        blue, *_, short_wave = np.median(background.reflectance[:, background.valid], axis=1)
        assert 0.01 < blue < (0.85 if "609U" in source.name else 0.14), source.name
        assert 0.03 < short_wave < 0.4, source.name
