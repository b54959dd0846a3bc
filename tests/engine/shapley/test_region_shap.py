"""Superpixels of drawn regions have values that add up, stream in, are kept, and lie where they should on the map."""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solar_saliency_plugin.contract.cautions import (
    BASELINE_IS_FARM,
    EQUALS_BASELINE,
    HIDDEN_BY_BASELINE,
    LIKE_BASELINE,
)
from solar_saliency_plugin.contract.errors import (
    CancelledError,
    DiskFullError,
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
from tests.engine.shapley.playing import (
    FARM,
    LEFT,
    ROWS,
    TOP,
    Ear,
    outline,
    phi,
    reflectance,
)

Explain = Callable[..., RegionShapResult]

#: The same fixtures serve all examples: no run leaves anything that another one could see but open games.
same_fixtures = settings(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])


def told(answer: RegionAnswer) -> dict[str, Any]:
    """All that is told of a region but how long it took and what was known before."""
    return {name: value for name, value in to_json(answer).items() if name not in ("seconds", "asked")}


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
    assert max(answer.asked, answer.evaluations) <= 330 and all(player.standard_error >= 0 for player in answer.players)
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
    assert told(again) == told(fresh) and again.asked < 120 == fresh.asked
    assert (tmp_path / "values.gpkg").read_bytes() == written


def test_a_larger_budget_asks_only_what_is_new(explain: Explain) -> None:
    asked = {"superpixels": 25, "estimator": "crossfit"}
    first = explain(evaluations=200, **asked).regions[0]
    more = explain(evaluations=400, **asked).regions[0]
    assert first.asked == 200 and more.evaluations == 400
    assert more.asked <= 1.1 * 200
    assert explain(evaluations=400, **asked).regions[0].asked == 0


@pytest.mark.parametrize("estimator", ["crossfit", "permutations", "exact", "l_shapley", "lime"])
def test_what_was_found_to_the_end_is_not_computed_again(
    explain: Explain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, estimator: str
) -> None:
    asked = {"estimator": estimator, "superpixels": 8, "compare": ("blur",), "report": str(tmp_path / "values.html")}
    ears = Ear(), Ear()
    first = explain(job=ears[0].job, **asked).regions[0]
    written = [(tmp_path / name).read_bytes() for name in ("values.gpkg", "values.html")]

    def never(*_: object) -> None:
        raise AssertionError("it was found before")

    monkeypatch.setattr(asking, "_estimates", never)
    again = explain(job=ears[1].job, **asked).regions[0]
    assert told(again) == told(first) and again.asked == 0
    assert ears[1].partials == [ears[0].partials[0], ears[0].partials[-1]]
    assert [(tmp_path / name).read_bytes() for name in ("values.gpkg", "values.html")] == written
    with pytest.raises(AssertionError):
        explain(**{**asked, "seed": 2})


def test_a_run_that_was_stopped_goes_on_when_it_is_asked_again(explain: Explain) -> None:
    ear = Ear(lambda told: "phi" in told)
    stopped = explain(job=ear.job, evaluations=300, estimator="crossfit").regions[0]
    again = explain(evaluations=300, estimator="crossfit").regions[0]
    assert stopped.stopped and stopped.evaluations < 300 == again.evaluations and not again.stopped


def test_how_far_the_model_sees_is_told_where_the_region_reaches_farther(explain: Explain, tmp_path: Path) -> None:
    page = tmp_path / "values.html"
    asked = {"target": FARM, "superpixels": 8, "estimator": "crossfit", "evaluations": 60, "report": str(page)}
    answer = explain(**asked).regions[0]
    sight, farm = answer.facts["sight"], shapely.from_wkt(FARM)
    shares = [farm.buffer(margin, join_style="mitre").area for margin in (sight, 100)]
    assert sight < 100 and answer.facts["unseen"] == pytest.approx(1 - shares[0] / shares[1], abs=0.05)
    assert f"The model sees {sight:.0f} m around each pixel" in page.read_text()
    near = explain(**asked, margin=sight - 10, pixels="all").regions[0]
    assert "sight" not in near.facts and "around each pixel" not in page.read_text()


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


def test_a_baseline_that_equals_the_image_gives_zeros_and_is_warned_of(explain: Explain, farm: Path) -> None:
    result = explain(baseline="scene", baseline_scene=str(farm))
    (answer,) = result.regions
    assert not phi(answer).any() and answer.f_x == answer.f_baseline and answer.phi_sum == 0
    assert all(player.certain for player in answer.players)
    assert [caution.kind for caution in answer.cautions] == [EQUALS_BASELINE]
    assert "equals the image" in answer.cautions[0].text and answer.cautions[0].text in result.warnings


def test_a_baseline_that_is_a_farm_itself_is_warned_of(explain: Explain) -> None:
    result = explain(baseline="blur", blur=10.0)
    (warned,) = (caution for caution in result.regions[0].cautions if caution.kind == BASELINE_IS_FARM)
    assert "takes the baseline itself" in warned.text and warned.text in result.warnings


def test_it_is_told_whether_the_scene_is_simulated(
    explain: Explain, tmp_path: Path, write_scene: Callable[..., Path]
) -> None:
    simulated = write_scene(tmp_path / "SIMULATED_farm.tif", reflectance())
    few = {"superpixels": 4, "evaluations": 20}
    assert [explain(**few).simulated, explain(scene=str(simulated), **few).simulated] == [False, True]


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
    (warned,) = (caution for caution in answer.cautions if caution.kind == HIDDEN_BY_BASELINE)
    assert "hides superpixel" in warned.text and warned.text in result.warnings
    for other in answer.compared:
        assert sum(other.phi) == pytest.approx(answer.f_x - other.f_baseline, abs=1e-6)
        assert -1 <= other.rank_correlation <= 1
    alone = explain(**asked)
    assert set(alone.regions[0].hidden) <= set(answer.hidden) and alone.regions[0].hidden
    (warned,) = (caution for caution in alone.regions[0].cautions if caution.kind == LIKE_BASELINE)
    assert "looks nearly like superpixel" in warned.text and warned.text in alone.warnings


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
    assert answer.facts["gap"] == pytest.approx(answer.difference) and answer.estimator == "l_shapley"
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


def test_superpixels_can_be_asked_for_by_their_size(explain: Explain) -> None:
    for size in (0.5, 1.5):
        own = [player for player in explain(superpixel=size, evaluations=100).regions[0].players if player.number]
        assert sum(player.area_ha for player in own) / len(own) == pytest.approx(size, rel=0.15)


@pytest.mark.parametrize("asked", [{"cut_bands": ("B04", "B08")}, {"components": True}])
def test_likeness_can_be_judged_by_other_bands(explain: Explain, asked: dict[str, Any]) -> None:
    usual, other = explain(evaluations=100).regions[0], explain(evaluations=100, **asked).regions[0]
    assert [player.pixels for player in usual.players] != [player.pixels for player in other.players]
    assert other.f_x == pytest.approx(usual.f_x, rel=1e-12) and abs(other.difference) < 1e-6


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


def test_where_the_surroundings_are_always_absent_the_answer_is_said_to_be_the_regions_alone(explain: Explain) -> None:
    inside = {"region": outline(slice(44, 56), slice(34, 50)), "target": outline(slice(42, 58), slice(32, 52))}
    alone, image = (explain(**inside, pixels="all", superpixels=4, rest=rest) for rest in ("absent", "present"))
    assert alone.regions[0].f_x < image.regions[0].f_x
    assert [any("of the region alone" in told for told in one.warnings) for one in (alone, image)] == [True, False]


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
