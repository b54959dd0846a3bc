"""What if some superpixels were the baseline: answered at once from the open game, or from the request alone."""

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from solar_saliency_plugin.contract.errors import CancelledError, RequestError
from solar_saliency_plugin.contract.options import to_json
from solar_saliency_plugin.contract.region_shap import RegionShapRequest, RegionShapResult
from solar_saliency_plugin.engine.job import Job
from solar_saliency_plugin.engine.shapley.open_games import GAMES
from solar_saliency_plugin.engine.shapley.what_if import what_if
from tests.engine.shapley.playing import AROUND, ROWS, Ear, reflectance

Explain = Callable[..., RegionShapResult]


@pytest.fixture
def asked(farm: Path, tmp_path: Path) -> dict[str, Any]:
    """The parameters of the runs that are asked about."""
    request = RegionShapRequest(scene=str(farm), region=AROUND, superpixels=8, output=str(tmp_path / "values.gpkg"))
    return to_json(request)


def ask(request: dict[str, Any], *absent: int, **more: Any) -> dict[str, Any]:
    return what_if({"request": request, "absent": list(absent), **more}, Job.silent())


def test_all_and_none_are_the_answers_for_image_and_baseline(explain: Explain, asked: dict[str, Any]) -> None:
    answer = explain(superpixels=8).regions[0]
    everybody, nobody = ask(asked), ask(asked, *range(len(answer.players)))
    assert everybody["f_x"] == pytest.approx(answer.f_x, abs=1e-9)
    assert everybody["probability"] == pytest.approx(answer.probability)
    assert everybody["detected"] == everybody["target_pixels"] == answer.target_pixels
    assert nobody["f_x"] == pytest.approx(answer.f_baseline, abs=1e-9) and nobody["detected"] == 0
    json.dumps(everybody)


def test_it_is_what_the_values_are_made_of(explain: Explain, asked: dict[str, Any]) -> None:
    answer = explain(superpixels=8, estimator="exact").regions[0]
    least = int(np.argmax([player.phi for player in answer.players]))
    without, with_all = ask(asked, least), ask(asked)
    assert without["f_x"] < with_all["f_x"] and without["probability"] < with_all["probability"]


@pytest.mark.parametrize("baseline", ["soil", "surroundings"])
def test_a_game_that_is_not_open_is_opened_again(explain: Explain, asked: dict[str, Any], baseline: str) -> None:
    asked["baseline"] = baseline
    explain(superpixels=8, baseline=baseline)
    warm = ask(asked, 1, 2)
    GAMES.clear()
    assert ask(asked, 1, 2) == warm
    assert explain(superpixels=8, baseline=baseline).regions[0].asked > 0, "which says nothing of what was asked"


def test_it_answers_within_150_milliseconds(explain: Explain, asked: dict[str, Any]) -> None:
    count = len(explain(superpixels=8).regions[0].players)
    seconds = []
    for turn in range(15):
        started = time.monotonic()
        ask(asked, turn % count)
        seconds.append(time.monotonic() - started)
    assert statistics.median(seconds) <= 0.15


def test_it_asks_the_model_of_now_where_the_scene_has_changed(
    asked: dict[str, Any], tmp_path: Path, write_scene: Callable[..., Path], closed_games: None
) -> None:
    image = reflectance()
    asked["scene"] = str(write_scene(tmp_path / "scene.tif", image))
    before = ask(asked)
    image[:, ROWS] *= 1.1
    time.sleep(0.01)
    write_scene(tmp_path / "scene.tif", image)
    assert ask(asked)["f_x"] != before["f_x"]


def test_answers_do_not_depend_on_how_the_values_are_found(explain: Explain, asked: dict[str, Any]) -> None:
    explain(superpixels=8, estimator="permutations", evaluations=300, compare=("zero", "blur", "mean"))
    opened = len(GAMES)
    ask(asked, 0)
    assert len(GAMES) == opened, "it is the game of the run"


def test_it_can_be_given_up(explain: Explain, asked: dict[str, Any]) -> None:
    explain(superpixels=8)
    ear = Ear()
    ear.events["cancelled"].set()
    with pytest.raises(CancelledError):
        what_if({"request": asked, "absent": [0]}, ear.job)
    assert ask(asked, 0)["target_pixels"] > 0


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({}, "the request .* is missing"),
        ({"request": {}}, "scene"),
        ({"absent": "1"}, "must be a list"),
        ({"absent": [-1]}, "no number of a player"),
        ({"absent": [True]}, "no number of a player"),
        ({"absent": [99]}, "no player 99; there are 8"),
        ({"region": 3}, "no region 4"),
    ],
)
def test_what_makes_no_sense_is_refused(
    closed_games: None, asked: dict[str, Any], params: dict[str, Any], words: str
) -> None:
    with pytest.raises(RequestError, match=words):
        what_if({"request": asked, "absent": []} | params if params else {"absent": []}, Job.silent())
