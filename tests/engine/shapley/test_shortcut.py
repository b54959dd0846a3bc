"""A shortcut that a network really took is found by drawing a region over it – if the baseline does not hide it."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
import torch

from solar_saliency_plugin.contract.attribution import AttributeRequest, MethodOptions, Question
from solar_saliency_plugin.contract.attribution_methods import ATTRIBUTION_METHODS, AttributionMethod
from solar_saliency_plugin.contract.cautions import MAY_HIDE
from solar_saliency_plugin.contract.region_shap import Player, RegionAnswer, RegionShapRequest, RegionShapResult
from solar_saliency_plugin.engine.attribution.attribute import attribute
from solar_saliency_plugin.engine.attribution.explained import open_explained
from solar_saliency_plugin.engine.attribution.methods import method_of
from solar_saliency_plugin.engine.attribution.view import View
from solar_saliency_plugin.engine.job import Job
from solar_saliency_plugin.engine.models.registry import Model
from solar_saliency_plugin.engine.shapley.region_shap import region_shap
from solar_saliency_plugin.engine.training.publication import write_model
from tests.engine import shortcut
from tests.engine.shortcut import Place

PLACE = 7000
#: None of them was trained with.
FRESH = range(5000, 5200)

#: Methods whose maps tell a network that took the shortcut from one that did not, by the share of all |φ| that lies on
#: the snow: averaged over three places it was larger by .07 to .78 with each of five pairs of networks. They compare
#: with bare soil, multiply with the image, or hand down relevance.
TELLING = {
    "integrated_gradients",
    "input_x_gradient",
    "gradient_shap",
    "deeplift",
    "deeplift_shap",
    "lrp",
    "occlusion",
    "lime",
    "kernel_shap",
    "shapley_sampling",
}

#: Methods that do not tell them apart: with one pair or more the share was hardly larger, or smaller. How steep the
#: answer is where the network is sure says little of what it rests on; GradCAM's maps keep to the farm.
SILENT = {
    "gradient",
    "smoothgrad",
    "vargrad",
    "smoothgrad_squared",
    "guided_backprop",
    "deconvolution",
    "gradcam",
    "guided_gradcam",
}

#: Methods whose values lie where answers changed, on the farm, and not where the image was changed.
ELSEWHERE = {"feature_ablation", "feature_permutation"}


@pytest.fixture(scope="module")
def taker() -> Model:
    return shortcut.taker()


@pytest.fixture(scope="module")
def honest() -> Model:
    return shortcut.honest()


@pytest.fixture(scope="module")
def run(
    taker: Model, honest: Model, write_scene: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., RegionShapResult]:
    """A function that explains a farm at the edge of the snow, by the superpixels of a region over both."""
    folder, seen = tmp_path_factory.mktemp("winter"), shortcut.winter(PLACE)
    scene = write_scene(folder / "scene.tif", seen.reflectance)
    for name, model in (("taker", taker), ("honest", honest)):
        write_model(folder / name, model.network, model.card)

    def of(model: str, baseline: str, compare: tuple[str, ...], **more: Any) -> RegionShapResult:
        request = RegionShapRequest(
            scene=str(scene),
            model=str(folder / model),
            target=shapely.to_wkt(_outline(seen)),
            pixels="all",
            baseline=baseline,
            compare=compare,
            superpixels=10,
            output=str(folder / "superpixels.gpkg"),
            device="cpu",
            **{"region": OVER, **more},
        )
        return region_shap(request, Job.silent())

    return of


def _outline(seen: Place, by: int = 0) -> shapely.Polygon:
    """The object's outline, grown by so many pixels, in the scene's CRS."""
    rows, cols = np.nonzero(seen.thing)
    left, right = 3e5 + 10.0 * (cols.min() - by), 3e5 + 10.0 * (cols.max() + 1 + by)
    return shapely.box(left, 3e6 - 10.0 * (rows.max() + 1 + by), right, 3e6 - 10.0 * (rows.min() - by))


#: Regions: the farm and all that the networks see around it; and what they see around it alone.
OVER = shapely.to_wkt(_outline(shortcut.winter(PLACE), by=17))
AROUND = shapely.to_wkt(_outline(shortcut.winter(PLACE), by=17) - _outline(shortcut.winter(PLACE)))


def _is_snow(player: Player) -> bool:
    return player.number > 0 and player.spectrum["B03"] > 0.6


def _share(phi: np.ndarray, players: np.ndarray) -> float:
    """Of some players, of all |φ|, signed."""
    return float(phi[players].sum() / np.abs(phi).sum())


def test_the_shortcut_was_taken_by_one_network_and_not_by_the_other(taker: Model, honest: Model) -> None:
    assert shortcut.conflict_gap(taker, FRESH) >= 0.3
    assert abs(shortcut.conflict_gap(honest, FRESH)) <= 0.15
    for farms in (0.0, 1.0):  # it is not just blind
        assert shortcut.accuracy(honest, shortcut.places(FRESH, with_farms=farms, with_others=1 - farms)) >= 0.58


def test_taking_the_snow_away_exposes_who_took_the_shortcut(taker: Model, honest: Model) -> None:
    limits = {}
    for name, model in (("taker", taker), ("honest", honest)):
        effects = shortcut.removal_effects(model, FRESH[:80:2])
        reach = 1.685 * effects.std(ddof=1) / np.sqrt(len(effects))  # Student's t, one-sided 95 % of 40
        limits[name] = effects.mean() - reach, effects.mean() + reach
    assert limits["taker"][0] > 0.5
    assert limits["honest"][1] < 0.35  # at most .20 with five networks; those of the others: .77 or more


def _snow_of(answer: RegionAnswer) -> np.ndarray:
    """Which players are snow, (n,), bool."""
    return np.array([_is_snow(player) for player in answer.players])


def _values(answer: RegionAnswer) -> dict[str, np.ndarray]:
    """φ (n,) by baseline, soil being the first."""
    return {
        "soil": np.array([player.phi for player in answer.players]),
        **{other.baseline: np.array(other.phi) for other in answer.compared},
    }


def test_a_region_around_the_farm_shows_the_shortcut_with_soil_and_with_black(run: Callable[..., Any]) -> None:
    """The farm itself stays: all that can change its answer is what lies around it."""
    answer = run("taker", "soil", ("zero", "mean", "blur"), region=AROUND, rest="present").regions[0]
    snow = _snow_of(answer)
    logits = {baseline: float(phi[snow].sum()) for baseline, phi in _values(answer).items()}
    assert logits["soil"] >= 1.5 and logits["zero"] >= 1.5
    assert abs(logits["mean"]) <= 0.4 and abs(logits["blur"]) <= 0.4
    largest = max((player for player in answer.players if _is_snow(player)), key=lambda player: player.phi)
    assert largest.phi > 0 and largest.certain and largest.share >= 0.15


def test_players_that_a_baseline_hides_are_named(run: Callable[..., Any]) -> None:
    answer = run("taker", "soil", ("zero", "mean", "blur"), region=AROUND, rest="present").regions[0]
    snow = {player.name for player in answer.players if _is_snow(player)}
    hidden = {other.baseline: other.hidden for other in answer.compared}
    largest = max((player for player in answer.players if _is_snow(player)), key=lambda player: player.phi)
    assert largest.name in hidden["mean"] and len(snow & set(hidden["blur"])) >= 2
    assert largest.name not in answer.hidden and largest.name not in hidden["zero"]


def test_a_region_over_farm_and_snow_shows_it_too_if_the_baseline_does_not_hide_it(run: Callable[..., Any]) -> None:
    answer = run("taker", "soil", ("zero", "mean", "blur")).regions[0]
    snow = _snow_of(answer)
    assert 3 <= snow.sum() < len(snow) - 1
    shares = {baseline: _share(phi, snow) for baseline, phi in _values(answer).items()}
    assert shares["zero"] >= 0.3 and shares["soil"] > 0  # with soil, .02 to .28 in ten trained networks
    assert abs(shares["mean"]) <= 0.1 and abs(shares["blur"]) <= 0.1
    hidden = {other.baseline: other.hidden for other in answer.compared}
    named = {player.name for player in answer.players if _is_snow(player)}
    assert named & set(hidden["mean"]) and named & set(hidden["blur"])


def test_who_begins_with_a_baseline_that_hides_the_shortcut_is_warned(run: Callable[..., Any]) -> None:
    result = run("taker", "mean", ("soil", "zero"))
    answer = result.regions[0]
    named = {player.name: player for player in answer.players}
    assert answer.hidden and any(_is_snow(named[name]) for name in answer.hidden)
    assert any("hides" in warning for warning in result.warnings)


def test_who_asks_no_other_baseline_than_one_that_hides_the_shortcut_is_warned_too(run: Callable[..., Any]) -> None:
    """The snow does not quite look like the mean."""
    result = run("taker", "mean", ())
    (answer,) = result.regions
    snow = [player for player in answer.players if _is_snow(player)]
    assert min(player.contrast for player in snow) > 0.1 and not answer.hidden
    (told,) = (caution for caution in answer.cautions if caution.kind == MAY_HIDE)
    assert all(f"{player.name}" in told.text for player in snow) and told.text in result.warnings
    listed = re.findall(r"\d+", told.text.partition(" hardly")[0])
    contrast = {player.name: player.contrast for player in answer.players}
    assert listed == sorted(listed, key=lambda name: -contrast[name]) and " to −" in told.text
    for model, baseline in (("honest", "mean"), ("honest", "soil"), ("taker", "zero")):
        (answer,) = run(model, baseline, ()).regions
        assert MAY_HIDE not in [caution.kind for caution in answer.cautions]


def test_a_network_that_did_not_take_it_owes_the_snow_nothing(run: Callable[..., Any]) -> None:
    around = run("honest", "soil", ("zero", "mean", "blur"), region=AROUND, rest="present").regions[0]
    for phi in _values(around).values():
        assert abs(float(phi[_snow_of(around)].sum())) <= 0.6  # logits; the other network: 2.2 to 4.4
    answer = run("honest", "soil", ("zero", "mean", "blur")).regions[0]
    for phi in _values(answer).values():
        assert abs(_share(phi, _snow_of(answer))) <= 0.25


# ---- maps of pixels


def test_it_is_said_of_every_method_whether_it_tells() -> None:
    assert sorted([*TELLING, *SILENT, *ELSEWHERE]) == sorted(ATTRIBUTION_METHODS)


@pytest.fixture(scope="module")
def views(
    taker: Model, honest: Model, write_scene: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[tuple[View, np.ndarray]]]:
    """For each network, views of three farms at the edge of the snow, and which of their pixels lie under it."""
    folder = tmp_path_factory.mktemp("pixels")
    found: dict[str, list[tuple[View, np.ndarray]]] = {"taker": [], "honest": []}
    for name, model in (("taker", taker), ("honest", honest)):
        write_model(folder / name, model.network, model.card)
        for number in range(3):
            seen = shortcut.winter(PLACE + number)
            scene = write_scene(folder / f"{number}.tif", seen.reflectance)
            question = Question(
                scene=str(scene),
                model=str(folder / name),
                target=shapely.to_wkt(_outline(seen)),
                pixels="all",
                device="cpu",
            )
            with open_explained(question, Job.silent()) as explained:
                view, _ = explained.whole_view(Job.silent(), with_spread=True)
                found[name].append((view, seen.snow[explained.region.rows, explained.region.cols]))
    return found


def _on_snow(entry: AttributionMethod, view: View, snow: np.ndarray) -> float:
    """The share of all |φ| (bands added up) that lies on the snow; 0 where there is none."""
    few = {name: value for name, value in {"samples": 30, "evaluations": 400}.items() if name in entry.defaults}
    if entry.baseline == "several":
        view = replace(view, baselines=torch.cat([view.baselines * k for k in (0.5, 0.75, 1, 1.25, 1.5)]))
    method = method_of(entry.name, MethodOptions(**few), view.network)
    if method.gather is not None:
        rows, cols = view.shape
        view = replace(view, gathered=method.gather(view, method.settings, core=(slice(0, rows), slice(0, cols))))
    sizes = method.run(view).values.double().sum(dim=0).abs().numpy()
    return float(sizes[snow].sum() / max(sizes.sum(), 1e-30))


@pytest.mark.parametrize("name", sorted(TELLING | ELSEWHERE))
def test_maps_put_more_on_the_snow_where_the_shortcut_was_taken(name: str, views: dict[str, Any]) -> None:
    entry = ATTRIBUTION_METHODS[name]
    shares = {model: np.mean([_on_snow(entry, *one) for one in seen]) for model, seen in views.items()}
    if name in ELSEWHERE:
        assert shares["taker"] == shares["honest"] == 0
    else:
        assert shares["taker"] >= shares["honest"] + 0.03


def test_the_page_says_in_words_that_an_answer_rests_on_what_surrounds_the_farm(
    taker: Model, write_scene: Callable[..., Path], tmp_path: Path
) -> None:
    seen = shortcut.winter(PLACE)
    write_model(tmp_path / "taker", taker.network, taker.card)
    request = AttributeRequest(
        scene=str(write_scene(tmp_path / "scene.tif", seen.reflectance)),
        model=str(tmp_path / "taker"),
        target=shapely.to_wkt(_outline(seen)),
        pixels="all",
        baseline="zero",
        output=str(tmp_path / "map.tif"),
        report=str(tmp_path / "map.html"),
        device="cpu",
    )
    result = attribute(request, Job.silent())
    assert result.inside < 0.4  # of the network that did not take the shortcut .5 to .6
    assert "rests largely on what surrounds the target" in (tmp_path / "map.html").read_text(encoding="utf-8")
