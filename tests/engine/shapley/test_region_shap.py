"""Superpixels of drawn regions have values that add up, stream in, are kept, and lie where they should on the map."""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyproj
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solar_saliency_plugin.contract.errors import (
    CancelledError,
    DiskFullError,
    ExtentOutsideError,
    LongRunError,
    MethodUnsuitableError,
    RequestError,
    TargetEmptyError,
)
from solar_saliency_plugin.contract.options import to_json
from solar_saliency_plugin.contract.provenance import RUN_TAG
from solar_saliency_plugin.contract.region_shap import RegionAnswer, RegionShapRequest, RegionShapResult
from solar_saliency_plugin.engine.attribution import explained
from solar_saliency_plugin.engine.job import Job
from solar_saliency_plugin.engine.models.registry import Model
from solar_saliency_plugin.engine.shapley import asking, open_games
from solar_saliency_plugin.engine.shapley.open_games import GAMES
from solar_saliency_plugin.engine.shapley.region_shap import region_shap
from tests.engine.shapley.playing import AROUND, FARM, LEFT, ROWS, TOP, Ear, outline, reflectance

Explain = Callable[..., RegionShapResult]

#: The same fixtures serve all examples: no run leaves anything that another one could see but open games.
same_fixtures = settings(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])


def told(answer: RegionAnswer) -> dict[str, Any]:
    """All that is told of a region but how long it took and what was known before."""
    return {name: value for name, value in to_json(answer).items() if name not in ("seconds", "asked")}


def phi(answer: RegionAnswer) -> np.ndarray:
    return np.array([player.phi for player in answer.players])


def test_a_drawn_region_gets_superpixels_with_values_that_add_up(explain: Explain, tmp_path: Path) -> None:
    result = explain(raster=str(tmp_path / "values.tif"), report=str(tmp_path / "values.html"), superpixels=12)
    (answer,) = result.regions
    assert result.explained == 1 and not result.refused and result.crs == "EPSG:32643"
    assert {path.suffix for path in tmp_path.iterdir()} >= {".gpkg", ".tif", ".html"}
    assert answer.probability > 0.5 and answer.f_x > 0 > answer.f_baseline and answer.target_pixels > 400
    assert answer.phi_sum == pytest.approx(answer.f_x - answer.f_baseline) and abs(answer.difference) < 1e-9
    numbers = [player.number for player in answer.players]
    assert numbers[:12] == list(range(1, 13)) and result.players == len(numbers) <= 13
    assert sorted(player.rank for player in answer.players) == list(range(1, len(numbers) + 1))
    assert sum(player.share for player in answer.players) == pytest.approx(1)
    first = min(answer.players, key=lambda player: player.rank)
    assert abs(first.phi) == np.abs(phi(answer)).max() and first.certain and first.lower <= first.phi <= first.upper
    assert set(first.spectrum) == {"B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12"}
    assert first.spectrum["B08"] == pytest.approx(0.125, abs=0.05) and first.contrast > 0.5
    assert first.area_ha == pytest.approx(first.pixels / 100)


@given(
    cut=st.sampled_from(["slic", "felzenszwalb", "grid", "spectra"]),
    superpixels=st.integers(1, 20),
    rest=st.sampled_from(["player", "present", "absent"]),
    estimator=st.sampled_from(["auto", "crossfit", "leverage", "permutations", "sampling"]),
    baseline=st.sampled_from(["soil", "zero", "mean", "blur", "surroundings"]),
    by_groups=st.booleans(),
    total=st.sampled_from(["mean", "sum"]),
)
@same_fixtures
def test_values_add_up_whatever_is_asked(explain: Explain, by_groups: bool, **asked: Any) -> None:
    players = "superpixels_of_band_groups" if by_groups else "superpixels"
    result = explain(players=players, evaluations=330, **asked)
    (answer,) = result.regions
    scale = max(abs(answer.f_x), abs(answer.f_baseline))
    assert answer.phi_sum - (answer.f_x - answer.f_baseline) == pytest.approx(answer.difference, abs=1e-9)
    assert abs(answer.difference) <= 1e-6 * scale
    assert answer.evaluations <= 330 and all(player.standard_error >= 0 for player in answer.players)
    assert ("rest" in {player.name for player in answer.players}) <= (asked["rest"] == "player")


@given(budgets=st.lists(st.integers(60, 200), min_size=1, max_size=3), estimator=st.sampled_from(asking.REGRESSIONS))
@same_fixtures
def test_what_is_known_already_changes_nothing(
    explain: Explain, tmp_path: Path, budgets: list[int], estimator: str
) -> None:
    GAMES.clear()
    fresh = explain(evaluations=120, estimator=estimator, superpixels=15).regions[0]
    written = (tmp_path / "values.gpkg").read_bytes()
    GAMES.clear()
    for budget in budgets:
        explain(evaluations=budget, estimator=estimator, superpixels=15)
    again = explain(evaluations=120, estimator=estimator, superpixels=15).regions[0]
    assert told(again) == told(fresh) and again.asked < 120 <= fresh.asked
    assert (tmp_path / "values.gpkg").read_bytes() == written


def test_a_larger_budget_asks_only_what_is_new(explain: Explain) -> None:
    asked = {"superpixels": 25, "estimator": "crossfit"}
    first = explain(evaluations=200, **asked).regions[0]
    more = explain(evaluations=400, **asked).regions[0]
    assert first.asked >= 200 and more.evaluations == 400
    assert more.asked <= 1.1 * 200
    assert explain(evaluations=400, **asked).regions[0].asked == 0


def test_a_game_that_was_closed_still_knows_what_it_was_asked(
    explain: Explain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_games, "MOST_OPEN", 1)
    first = explain(evaluations=120).regions[0]
    explain(evaluations=120, baseline="zero")
    again = explain(evaluations=120).regions[0]
    assert again.asked == 0 and told(again) == told(first)


def test_after_many_baselines_the_first_game_is_still_open(explain: Explain) -> None:
    others = ("zero", "mean", "blur", "surroundings")
    first = explain(evaluations=100, superpixels=10, compare=others).regions[0]
    *_, last = GAMES
    assert last.baseline_text == first.baseline_text and len(GAMES) == open_games.MOST_OPEN
    again = explain(evaluations=100, superpixels=10, compare=others).regions[0]
    assert again.asked == 0 and told(again) == told(first)


def test_a_changed_scene_is_asked_anew(explain: Explain, tmp_path: Path, write_scene: Callable[..., Path]) -> None:
    image = reflectance()
    scene = str(write_scene(tmp_path / "scene.tif", image))
    first = explain(scene=scene, evaluations=120).regions[0]
    image[:, ROWS] *= 1.1
    time.sleep(0.01)
    write_scene(tmp_path / "scene.tif", image)
    changed = explain(scene=scene, evaluations=120).regions[0]
    assert changed.asked >= 120 and changed.f_x != first.f_x


def test_values_stream_in_and_refine_to_the_result(explain: Explain) -> None:
    ear = Ear()
    result = explain(job=ear.job, evaluations=150, name="farm 7", superpixels=25)
    (answer,) = result.regions
    first, *estimates = ear.partials
    assert first["name"] == answer.name == "farm 7" and first["crs"] == result.crs and len(first["bands"]) == 10
    assert [player["name"] for player in first["players"]] == [player.name for player in answer.players]
    assert (first["f_x"], first["f_baseline"]) == (answer.f_x, answer.f_baseline)
    assert first["probability"] == answer.probability and first["target_pixels"] == answer.target_pixels
    areas = [shapely.from_wkt(player["wkt"]).area / 1e4 for player in first["players"] if player["wkt"]]
    assert areas == pytest.approx([player["area_ha"] for player in first["players"] if player["wkt"]])
    evaluations = [one["evaluations"] for one in estimates]
    assert len(estimates) >= 3 and evaluations == sorted(set(evaluations)) and estimates[0]["of"] == 150
    assert estimates[-1]["phi"] == phi(answer).tolist()
    assert sum(estimates[0]["phi"]) == pytest.approx(answer.f_x - answer.f_baseline)
    json.dumps(ear.partials, allow_nan=False)


@pytest.mark.parametrize("estimator", ["crossfit", "leverage", "permutations", "lime"])
def test_stopped_it_delivers_what_there_is(explain: Explain, tmp_path: Path, estimator: str) -> None:
    ear = Ear(lambda told: "phi" in told)
    result = explain(job=ear.job, evaluations=100_000, estimator=estimator, compare=("blur",), long=True)
    (answer,) = result.regions
    assert time.monotonic() - ear.ended < 3
    assert answer.stopped and answer.evaluations < 300 and (tmp_path / "values.gpkg").is_file()
    assert phi(answer).tolist() == ear.estimates[-1]["phi"] and "stopped" in answer.compared[0].error


@pytest.mark.parametrize("estimator", ["exact", "l_shapley"])
def test_stopped_before_there_is_anything_it_gives_the_least_that_says_something(
    explain: Explain, estimator: str
) -> None:
    ear = Ear(lambda told: told.get("message", "").startswith("Asking"))
    region = outline(slice(42, 52), slice(32, 42))
    answer = explain(job=ear.job, region=region, superpixels=13, estimator=estimator).regions[0]
    assert time.monotonic() - ear.ended < 3
    assert answer.stopped and answer.estimator == "crossfit" and answer.evaluations < 50
    assert abs(answer.difference) < 1e-6 and any(player.standard_error > 0 for player in answer.players)


def test_stopped_among_many_the_rest_is_refused(explain: Explain, tmp_path: Path) -> None:
    layer = write_layer(tmp_path / "three.gpkg", [FARM, outline(slice(40, 48), COLS_LEFT), FARM], id=["a", "b", "c"])
    ear = Ear(lambda told: "phi" in told)
    result = explain(job=ear.job, polygons=layer, evaluations=5000, estimator="crossfit", long=True)
    assert [answer.name for answer in result.regions] == ["a"] and result.regions[0].stopped
    assert [(one["name"], "stopped" in one["reason"]) for one in result.refused] == [("b", True), ("c", True)]


COLS_LEFT = slice(30, 40)


def write_layer(path: Path, shapes: list[str], crs: str = "EPSG:32643", **fields: list[Any]) -> str:
    """A layer of polygons with fields."""
    pyogrio.raw.write(
        path,
        geometry=shapely.to_wkb(shapely.from_wkt(shapes)),
        field_data=[np.array(values, object if isinstance(values[0], str) else None) for values in fields.values()],
        fields=list(fields),
        geometry_type="Polygon",
        crs=crs,
        driver="GPKG",
    )
    return str(path)


def test_a_cancelled_run_ends_within_a_second_and_leaves_nothing(explain: Explain, tmp_path: Path) -> None:
    ear = Ear(lambda told: "phi" in told, ends="cancelled")
    with pytest.raises(CancelledError):
        explain(job=ear.job, evaluations=100_000, estimator="crossfit", long=True)
    assert time.monotonic() - ear.ended < 1
    assert list(tmp_path.iterdir()) == []
    assert explain(evaluations=120).regions[0].evaluations == 120, "and the open game is as good as before"


def test_a_page_that_cannot_be_written_leaves_nothing(
    explain: Explain, tmp_path: Path, no_space_for: Callable[..., None]
) -> None:
    no_space_for("values.html")
    with pytest.raises(DiskFullError):
        explain(evaluations=100, report=str(tmp_path / "values.html"))
    assert list(tmp_path.iterdir()) == []


def test_each_polygon_of_a_layer_is_explained_and_those_that_cannot_be_are_named(
    explain: Explain, tmp_path: Path
) -> None:
    shapes = [FARM, outline(slice(70, 80), slice(70, 80)), outline(slice(0, 8), slice(0, 8)), outline(ROWS, COLS_LEFT)]
    far = shapely.transform(shapely.from_wkt(FARM), lambda xy: xy + 50_000).wkt
    layer = write_layer(tmp_path / "layer.gpkg", [*shapes, far], id=["farm", "ground", "nodata", "west", "far"])
    ear = Ear()
    result = explain(job=ear.job, polygons=layer, evaluations=120, superpixels=10)
    assert [answer.name for answer in result.regions] == ["farm", "west"] and result.explained == 2
    assert [one["name"] for one in result.refused] == ["ground", "nodata"]
    assert "nothing is detected" in result.refused[0]["reason"] and "holds no data" in result.refused[1]["reason"]
    assert any("1 of the layer's polygons lie outside" in warning for warning in result.warnings)
    west = result.regions[1]
    assert west.target_pixels < result.regions[0].target_pixels and abs(west.difference) < 1e-6
    alone = explain(target=shapes[3], evaluations=120, superpixels=10).regions[0]
    np.testing.assert_array_equal(phi(alone), phi(west))
    assert {one["region"] for one in ear.partials} == {0, 3}


def test_features_without_names_of_their_own_are_numbered(explain: Explain, tmp_path: Path) -> None:
    layer = write_layer(tmp_path / "layer.gpkg", [FARM, outline(ROWS, COLS_LEFT)], id=["same", "same"])
    result = explain(polygons=layer, evaluations=100, superpixels=5, name="plant")
    assert [answer.name for answer in result.regions] == ["plant 1", "plant 2"]


def test_whole_numbers_of_a_field_of_decimals_are_names_without_decimals(explain: Explain, tmp_path: Path) -> None:
    layer = write_layer(tmp_path / "layer.gpkg", [FARM, outline(ROWS, COLS_LEFT)], id=[7.0, 7.5])
    result = explain(polygons=layer, evaluations=100, superpixels=5)
    assert [answer.name for answer in result.regions] == ["7", "7.5"]


def test_where_no_polygon_can_be_explained_the_first_reason_is_told(explain: Explain, tmp_path: Path) -> None:
    ground = [outline(slice(70, 80), slice(70, 80)), outline(slice(80, 90), slice(70, 80))]
    layer = write_layer(tmp_path / "layer.gpkg", ground, id=["a", "b"])
    with pytest.raises(TargetEmptyError, match=r"None of the 2 polygons.*“a”: No pixel of the target reaches"):
        explain(polygons=layer)


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ({"region": ""}, RequestError, "what is to be explained"),
        ({"region": outline(slice(70, 80), slice(70, 80))}, TargetEmptyError, "nothing is detected"),
        ({"region": "POLYGON((1 1, 200 1, 200 200, 1 200, 1 1))"}, ExtentOutsideError, "The region lies outside"),
        ({"region": outline(slice(0, 8), slice(0, 8))}, TargetEmptyError, "holds no data"),
        ({"target": FARM, "region": outline(slice(0, 8), slice(0, 8))}, RequestError, "depends on nothing|no data"),
        ({"target": FARM, "region": outline(slice(80, 90), slice(80, 90))}, RequestError, "depends on nothing"),
        ({"region": "POINT(300400 2999500)"}, RequestError, "The region is a point"),
        ({"region": "here"}, RequestError, "no polygon or point"),
        ({"region": AROUND, "target_crs": "EPSG:999999"}, RequestError, "that the region could be in"),
        ({"region": AROUND, "polygons": "layer.gpkg"}, RequestError, "a layer of polygons that has regions"),
        ({"target": FARM, "polygons": "layer.gpkg"}, RequestError, "two targets"),
        ({"evaluations": 10}, RequestError, "need at least .* evaluations"),
        ({"estimator": "exact", "superpixels": 60}, RequestError, "Exact values of"),
        ({"estimator": "l_shapley", "evaluations": 100}, RequestError, "L-Shapley .* needs"),
        ({"cut": "polygons"}, RequestError, "no layer of them was given"),
        ({"segments": "fields.gpkg"}, RequestError, "cut in another way"),
        ({"cut_bands": ("B99",)}, RequestError, "no band B99"),
        ({"superpixel": 0.0001}, RequestError, "are the most"),
        ({"report": "page.txt"}, Exception, "must end in"),
    ],
)
def test_what_cannot_be_explained_is_refused_in_plain_words(
    explain: Explain, tmp_path: Path, asked: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        explain(**asked)
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_needs_windows_is_refused_with_the_reason(
    explain: Explain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explained, "WHOLE_PIXELS", 100)
    with pytest.raises(MethodUnsuitableError, match="taken away together"):
        explain()


def test_a_region_in_another_crs_is_the_same_region(explain: Explain) -> None:
    move = pyproj.Transformer.from_crs("EPSG:32643", "EPSG:4326", always_xy=True)
    degrees = shapely.transform(shapely.from_wkt(AROUND), move.transform, interleaved=False).wkt
    own, other = (explain(evaluations=120, **asked).regions[0] for asked in ({}, _in_degrees(degrees)))
    np.testing.assert_allclose(phi(other), phi(own), atol=1e-9)


def _in_degrees(text: str) -> dict[str, str]:
    return {"region": text, "target_crs": "EPSG:4326"}


def test_a_region_that_crosses_itself_is_what_it_encloses(explain: Explain) -> None:
    x, y = LEFT + 430, TOP - 500
    bow = f"POLYGON(({x - 80} {y - 80}, {x + 80} {y + 80}, {x + 80} {y - 80}, {x - 80} {y + 80}, {x - 80} {y - 80}))"
    answer = explain(region=bow, evaluations=200, superpixels=6).regions[0]
    inside = sum(player.pixels for player in answer.players if player.number)
    assert 100 < inside < 0.55 * 16 * 16 and abs(answer.difference) < 1e-6


def test_a_region_smaller_than_a_pixel_is_the_pixel_that_it_lies_in(explain: Explain) -> None:
    x, y = LEFT + 433, TOP - 503
    answer = explain(region=shapely.box(x, y, x + 2, y + 2).wkt).regions[0]
    assert answer.target_pixels == 1 and [player.name for player in answer.players] == ["1", "rest"]
    assert answer.players[0].pixels == 1 and answer.estimator == "exact"


def test_a_region_across_nodata_leaves_it_out(explain: Explain) -> None:
    answer = explain(region=outline(slice(4, 20), slice(4, 20)), pixels="all", rest="present").regions[0]
    assert sum(player.pixels for player in answer.players) == 16 * 16 - 8 * 8 == answer.target_pixels


def test_one_superpixel_has_the_whole_difference_and_thousands_are_as_many_as_pixels(explain: Explain) -> None:
    one = explain(superpixels=1, rest="present").regions[0]
    assert len(one.players) == 1 and one.players[0].phi == pytest.approx(one.f_x - one.f_baseline)
    small = outline(slice(45, 50), slice(35, 40))
    ear = Ear()
    many = explain(job=ear.job, region=small, superpixels=5000).regions[0]
    assert len(many.players) == 26 and {player.pixels for player in many.players if player.number} == {1}
    assert any("are 25 superpixels, not 5000" in warning for warning in ear.warnings)


def test_only_a_run_that_would_take_long_asks_for_consent(explain: Explain, monkeypatch: pytest.MonkeyPatch) -> None:
    explain(evaluations=120)
    monkeypatch.setattr(asking, "LONG", 0.001)
    with pytest.raises(LongRunError, match="expected to take"):
        explain(evaluations=4000)
    explain(evaluations=120)  # all of it is known
    assert explain(evaluations=200, long=True).regions[0].evaluations == 200


def test_a_baseline_that_equals_the_image_gives_zeros_and_is_warned_of(explain: Explain, farm: Path) -> None:
    result = explain(baseline="scene", baseline_scene=str(farm))
    (answer,) = result.regions
    assert not phi(answer).any() and answer.f_x == answer.f_baseline and answer.phi_sum == 0
    assert not any(player.certain for player in answer.players)
    assert any("equals the image" in warning for warning in result.warnings)


def test_a_baseline_that_is_a_farm_itself_is_warned_of(explain: Explain) -> None:
    assert any("takes the baseline itself" in warning for warning in explain(baseline="blur", blur=10.0).warnings)


@pytest.fixture
def west_unchanged(tmp_path: Path, write_scene: Callable[..., Path]) -> str:
    """Another date on which the farm's west looks as it does now, and all else is bare ground."""
    image = reflectance()
    other = np.where(np.isnan(image), np.nan, 0.2).astype(np.float32)
    other[:, ROWS, 30:48] = image[:, ROWS, 30:48]
    return str(write_scene(tmp_path / "other.tif", other))


def test_what_a_baseline_hides_is_told_and_another_one_shows_it(explain: Explain, west_unchanged: str) -> None:
    asked = {"cut": "grid", "superpixels": 4, "region": FARM, "baseline": "scene", "baseline_scene": west_unchanged}
    result = explain(**asked, compare=("soil", "zero"))
    (answer,) = result.regions
    hidden = [player for player in answer.players if player.name in answer.hidden]
    assert hidden and all(abs(player.phi) < 1e-3 for player in hidden)
    assert [one.baseline for one in answer.compared] == ["soil", "zero"] and not answer.compared[0].error
    shown = [answer.compared[0].phi[answer.players.index(player)] for player in hidden]
    assert min(shown) > 0.05 * np.abs(answer.compared[0].phi).sum()
    assert not set(answer.hidden) & set(answer.compared[0].hidden)
    assert any("hides superpixel" in warning for warning in result.warnings)
    for other in answer.compared:
        assert sum(other.phi) == pytest.approx(answer.f_x - other.f_baseline, abs=1e-6)
        assert -1 <= other.rank_correlation <= 1
    alone = explain(**asked)
    assert set(alone.regions[0].hidden) <= set(answer.hidden) and alone.regions[0].hidden
    assert any("looks nearly like superpixel" in warning for warning in alone.warnings)


def test_comparing_is_what_each_baseline_says_by_itself(explain: Explain) -> None:
    together = explain(evaluations=120, compare=("zero", "soil", "zero")).regions[0]
    alone = explain(evaluations=120, baseline="zero").regions[0]
    (other,) = together.compared
    assert other.phi == tuple(phi(alone)) and other.f_baseline == alone.f_baseline
    assert other.baseline_text == alone.baseline_text and alone.asked == 0


def test_a_baseline_that_cannot_be_made_is_said_so_and_the_run_goes_on(
    explain: Explain, tmp_path: Path, write_scene: Callable[..., Path]
) -> None:
    scene = write_scene(tmp_path / "all_farm.tif", np.where(np.isnan(reflectance()), reflectance(), 0.1))
    asked = {"scene": str(scene), "pixels": "all", "threshold": 0.0}
    answer = explain(**asked, evaluations=100, compare=("surroundings",)).regions[0]
    assert "no valid ground" in answer.compared[0].error and answer.compared[0].phi == ()


def test_l_shapley_tells_its_gap_and_has_no_error_bars(explain: Explain) -> None:
    result = explain(estimator="l_shapley", superpixels=8)
    (answer,) = result.regions
    assert answer.facts["gap"] == pytest.approx(answer.difference) and answer.estimator == "neighbours"
    assert all(math.isnan(player.standard_error) and not player.certain for player in answer.players)
    exact = explain(estimator="exact", superpixels=8).regions[0]
    assert np.abs(phi(answer) - phi(exact)).max() < 0.1 * np.ptp(phi(exact))


def test_pairs_that_count_together_are_told_or_why_they_are_not(explain: Explain) -> None:
    answer = explain(interactions=True, superpixels=6).regions[0]
    sizes = [abs(value) for _, _, value in answer.interactions]
    names = {player.name for player in answer.players}
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > 0
    assert all({one, two} <= names and one != two for one, two, _ in answer.interactions)
    result = explain(interactions=True, superpixels=40)
    assert not result.regions[0].interactions
    assert any("only count together needs" in warning for warning in result.warnings)


def test_the_users_own_polygons_are_the_superpixels(explain: Explain, tmp_path: Path) -> None:
    halves = [outline(slice(30, 70), slice(20, 43)), outline(slice(30, 70), slice(43, 58))]
    fields = write_layer(tmp_path / "fields.gpkg", halves)
    answer = explain(cut="polygons", segments=fields, rest="present").regions[0]
    assert [player.pixels > 0 for player in answer.players] == [True, True, True], "and what they leave"
    assert answer.players[0].pixels > answer.players[1].pixels
    with pytest.raises(RequestError, match="No polygon of the layer"):
        far = write_layer(tmp_path / "far.gpkg", [outline(slice(80, 90), slice(80, 90))])
        explain(cut="polygons", segments=far)


def test_superpixels_can_be_asked_for_by_their_size(explain: Explain) -> None:
    for size in (0.5, 1.5):
        own = [player for player in explain(superpixel=size, evaluations=100).regions[0].players if player.number]
        assert sum(player.area_ha for player in own) / len(own) == pytest.approx(size, rel=0.15)


@pytest.mark.parametrize("asked", [{"cut_bands": ("B04", "B08")}, {"components": True}])
def test_likeness_can_be_judged_by_other_bands(explain: Explain, asked: dict[str, Any]) -> None:
    usual, other = explain(evaluations=100).regions[0], explain(evaluations=100, **asked).regions[0]
    assert [player.pixels for player in usual.players] != [player.pixels for player in other.players]
    assert other.f_x == usual.f_x and abs(other.difference) < 1e-6


@pytest.mark.parametrize("crs", ["EPSG:32643", "EPSG:32743"])
@pytest.mark.parametrize("shape", [(40, 44), (37, 51)])
@pytest.mark.parametrize("cropped", [False, True])
def test_a_model_that_looks_at_one_pixel_gets_its_value_on_that_pixel(
    tmp_path: Path,
    closed_games: None,
    write_scene: Callable[..., Path],
    landscape: Callable[..., np.ndarray],
    linear_model: Model,
    monkeypatch: pytest.MonkeyPatch,
    crs: str,
    shape: tuple[int, int],
    cropped: bool,
) -> None:
    monkeypatch.setattr(explained, "load_model", lambda *_: linear_model)
    scene = write_scene(tmp_path / "scene.tif", landscape(*shape), crs=crs)
    row, col = 21, 17
    x, y = LEFT + 10 * col, TOP - 10 * row
    request = RegionShapRequest(
        scene=str(scene),
        extent=(LEFT + 70, TOP - 330, LEFT + 350, TOP - 50) if cropped else None,
        target=f"POINT({x + 3} {y - 4})",
        region=shapely.box(x - 50, y - 60, x + 60, y + 50).wkt,
        cut="grid",
        pixels="all",
        output=str(tmp_path / "values.gpkg"),
        raster=str(tmp_path / "values.tif"),
    )
    ear = Ear()
    (answer,) = region_shap(request, ear.job).regions
    assert [player.pixels for player in answer.players] == [1]
    square = shapely.from_wkt(ear.partials[0]["players"][0]["wkt"])
    assert square.equals(shapely.box(x, y - 10, x + 10, y)) and ear.partials[0]["crs"] == crs
    stored = pyogrio.raw.read(tmp_path / "values.gpkg", layer="superpixels")
    assert shapely.from_wkb(stored[2])[0].equals(shapely.box(x, y - 10, x + 10, y))
    assert answer.players[0].phi == pytest.approx(answer.f_x - answer.f_baseline)


def test_the_result_can_be_asked_again_from_the_layer(explain: Explain, tmp_path: Path) -> None:
    result = explain(evaluations=120, seed=7)
    tags = pyogrio.read_info(tmp_path / "values.gpkg", layer=result.layer)["layer_metadata"]
    run = json.loads(tags[RUN_TAG])
    assert run["method"] == "regionshap" and run["request"]["seed"] == 7 and run["request"]["evaluations"] == 120


def test_another_seed_draws_other_coalitions_of_the_same_game(explain: Explain) -> None:
    one, two = (explain(evaluations=120, superpixels=20, seed=seed).regions[0] for seed in (1, 2))
    assert one.f_x == two.f_x and two.asked < two.evaluations and not np.array_equal(phi(one), phi(two))
    np.testing.assert_allclose(phi(one), phi(two), atol=0.05 * np.ptp(phi(one)))


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("site", [159, 777])
def test_on_a_real_farm_what_raises_the_answer_is_the_farm(
    shared_data: Path, tmp_path: Path, closed_games: None, site: int
) -> None:
    data = shared_data / "austria-pv-2022"
    request = RegionShapRequest(
        scene=str(data / "s2" / f"S2_2022_{site}.nc"),
        date="2022-07-19",
        polygons=str(data / "farm_polygons.geojson"),
        output=str(tmp_path / "values.gpkg"),
        compare=("zero", "blur"),
    )
    result = region_shap(request, Job.silent())
    assert result.explained >= 1
    for answer in result.regions:
        farm = shapely.from_wkt(answer.target_wkt)
        assert abs(answer.difference) < 1e-6 and len(answer.compared) == 2
        stored = pyogrio.raw.read(tmp_path / "values.gpkg", layer="superpixels")
        shapes = shapely.from_wkb(stored[2])
        names = list(stored[0]["fields"])
        values, regions = stored[3][names.index("phi")], stored[3][names.index("region")]
        own = regions == answer.name
        on_farm = shapely.intersects(shapes[own], farm)
        raised = np.maximum(values[own].astype(float), 0)
        assert raised[on_farm].sum() > 0.8 * raised.sum()
