"""Bands of drawn regions have exact values, by band or by group, for each region by itself."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from solar_saliency_plugin.contract.errors import RequestError, TargetEmptyError
from solar_saliency_plugin.contract.region_shap import BandShapRequest, BandShapResult, RegionAnswer
from solar_saliency_plugin.engine.attribution import explained
from solar_saliency_plugin.engine.job import Job
from solar_saliency_plugin.engine.models.registry import Model
from solar_saliency_plugin.engine.shapley.band_shap import band_shap
from solar_saliency_plugin.engine.shapley.exact import shapley_of
from solar_saliency_plugin.engine.shapley.game import every_coalition
from solar_saliency_plugin.engine.shapley.open_games import GAMES
from tests.engine.shapley.playing import FARM, GROUND, PANELS, Ear, outline

Explain = Callable[..., BandShapResult]

BANDS = ["B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12"]


def phi(answer: RegionAnswer) -> np.ndarray:
    return np.array([player.phi for player in answer.players])


def test_every_band_has_an_exact_value_and_they_add_up(explain_bands: Explain, tmp_path: Path) -> None:
    ear = Ear()
    result = explain_bands(job=ear.job, table=str(tmp_path / "values.csv"), report=str(tmp_path / "values.html"))
    (answer,) = result.regions
    assert [player.bands for player in answer.players] == BANDS and answer.estimator == "exact"
    assert answer.evaluations == answer.asked == 1024 and abs(answer.difference) < 1e-9
    assert all(player.standard_error == 0 and player.lower == player.phi == player.upper for player in answer.players)
    assert {path.suffix for path in tmp_path.iterdir()} == {".gpkg", ".csv", ".html"}
    first, last = ear.partials[0], ear.partials[-1]
    assert all(not player["wkt"] and not player["number"] for player in first["players"])
    assert last["phi"] == phi(answer).tolist() and last["standard_error"] == [0.0] * 10


def test_values_are_those_of_all_coalitions_of_bands(explain_bands: Explain) -> None:
    answer = explain_bands(players="band_groups").regions[0]
    assert [player.name for player in answer.players] == [
        "visible",
        "red edge",
        "near infrared",
        "short-wave infrared",
    ]
    (opened,) = GAMES
    worths = opened.game.values(every_coalition(4))
    np.testing.assert_allclose(phi(answer), shapley_of(worths), atol=1e-9)


def test_bands_of_a_linear_model_have_what_they_add(
    farm: Path, tmp_path: Path, closed_games: None, linear_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explained, "load_model", lambda *_: linear_model)
    inner = outline(slice(44, 56), slice(34, 52))
    request = BandShapRequest(
        scene=str(farm), target=inner, margin=0, pixels="all", baseline="zero", output=str(tmp_path / "values.gpkg")
    )
    answer = band_shap(request, Job.silent()).regions[0]
    np.testing.assert_allclose(phi(answer), np.linspace(0.2, 2.0, 10) * PANELS, atol=2e-3)
    assert (PANELS < GROUND).any() and answer.players[9].rank < answer.players[0].rank


def test_a_target_with_its_margin_leaves_a_rest_that_plays(explain_bands: Explain) -> None:
    answer = explain_bands(target=FARM, margin=20).regions[0]
    assert [player.name for player in answer.players][-1] == "rest" and answer.evaluations == 2048
    fixed = explain_bands(target=FARM, margin=20, rest="present").regions[0]
    assert len(fixed.players) == 10 and fixed.evaluations == 1024 and abs(fixed.difference) < 1e-9


def test_what_was_asked_is_known_again_and_gives_the_same_bytes(explain_bands: Explain, tmp_path: Path) -> None:
    explain_bands()
    first = (tmp_path / "values.gpkg").read_bytes()
    assert explain_bands().regions[0].asked == 0
    assert (tmp_path / "values.gpkg").read_bytes() == first


def test_superpixels_and_bands_share_the_same_sum(explain: Callable[..., object], explain_bands: Explain) -> None:
    by_place, by_band = explain(rest="present").regions[0], explain_bands(rest="present").regions[0]  # type: ignore[attr-defined]
    assert by_band.phi_sum == pytest.approx(by_place.phi_sum, abs=1e-6)
    assert by_band.target_pixels == by_place.target_pixels


def test_other_baselines_are_compared(explain_bands: Explain) -> None:
    answer = explain_bands(players="band_groups", compare=("zero", "mean")).regions[0]
    assert [other.baseline for other in answer.compared] == ["zero", "mean"]
    for other in answer.compared:
        assert sum(other.phi) == pytest.approx(answer.f_x - other.f_baseline, abs=1e-6)


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ({"region": ""}, RequestError, "what is to be explained"),
        ({"region": outline(slice(70, 80), slice(70, 80))}, TargetEmptyError, "nothing is detected"),
    ],
)
def test_what_cannot_be_explained_is_refused_in_plain_words(
    explain_bands: Explain, tmp_path: Path, asked: dict[str, str], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        explain_bands(**asked)
    assert list(tmp_path.iterdir()) == []
