"""Open games are few, found again by what they depend on, and leave what they were asked when they are closed."""

import os
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solar_saliency_plugin.contract.region_shap import BandShapRequest, RegionShapRequest
from solar_saliency_plugin.engine.attribution.network import Explainable
from solar_saliency_plugin.engine.attribution.view import View
from solar_saliency_plugin.engine.imagery.grid import Window
from solar_saliency_plugin.engine.models.registry import Model
from solar_saliency_plugin.engine.shapley import open_games
from solar_saliency_plugin.engine.shapley.images import ImageGame
from solar_saliency_plugin.engine.shapley.open_games import Key, OpenGame, OpenGames, asked, footprint, stamps
from solar_saliency_plugin.engine.shapley.players import of_regions

REQUEST = RegionShapRequest(scene="s.tif", output="o.gpkg", region="POLYGON((0 0, 1 0, 1 1, 0 0))", model="compact")

#: Another value of each member that says where values go, or how they are found, not what they are.
OTHERS: dict[str, Any] = {
    "output": "p.gpkg",
    "raster": "p.tif",
    "report": "p.html",
    "estimator": "lime",
    "evaluations": 7,
    "error": 0.5,
    "neighbours": 2,
    "outside": "absent",
    "interactions": True,
    "compare": ("zero",),
    "long": True,
    "name": "farm",
    "window": 512,
    "seed": 9,
}


@given(name=st.sampled_from([f.name for f in fields(REQUEST)]))
def test_a_game_depends_on_all_that_is_asked_but_how_values_are_found(name: str) -> None:
    value = getattr(REQUEST, name)
    kinds: dict[type, Any] = {bool: True, str: "else", int: 3, float: 7.5, tuple: ("B02",), type(None): 0.25}
    other = replace(REQUEST, **{name: OTHERS.get(name, kinds[type(value)])})
    same = asked(other, 0, "soil") == asked(REQUEST, 0, "soil")
    assert same == (name in OTHERS or name == "baseline")


def test_items_baselines_and_methods_have_games_of_their_own() -> None:
    bands = BandShapRequest(scene="s.tif", output="o.gpkg", region=REQUEST.region, model="compact")
    keys = [asked(REQUEST, 0, "soil"), asked(REQUEST, 1, "soil"), asked(REQUEST, 0, "zero"), asked(bands, 0, "soil")]
    assert len(set(keys)) == 4
    drawn = [asked(replace(REQUEST, seed=seed), 0, "surroundings") for seed in (1, 2)]
    assert drawn[0] != drawn[1], "the spectra of the surroundings are drawn with the seed"


@pytest.fixture
def opened(view_of: Callable[..., View], linear_model: Model) -> Callable[[], OpenGame]:
    """A function that opens a game of three players."""
    view = view_of(linear_model, 12, 12)
    labels = np.zeros((12, 12), np.int32)
    labels[:, 4:], labels[:, 8:] = 1, 2

    def make() -> OpenGame:
        players = of_regions(labels, np.ones((12, 12), bool), 10)
        return OpenGame(ImageGame(view, players), players, view, Window(0, 0, 12, 12), labels > 0, 0.5, "soil")

    return make


def key(number: int, *files: Path) -> Key:
    return Key(str(number), stamps(str(file) for file in files))


def test_the_games_that_were_used_last_stay_open(
    opened: Callable[[], OpenGame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_games, "MOST_OPEN", 2)
    games = OpenGames()
    first = opened()
    games.keep(key(0), first)
    games.keep(key(1), opened())
    assert games.get(key(0)) is first
    games.keep(key(2), opened())
    assert len(games) == 2 and games.find("0") is first and games.find("1") is None


def test_no_more_memory_is_kept_than_is_allowed(
    opened: Callable[[], OpenGame], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = opened()
    assert one.footprint > 12 * 12 * 10 * 4 * 2
    monkeypatch.setattr(open_games, "MOST_BYTES", int(2.5 * one.footprint))
    games = OpenGames()
    for number in range(4):
        games.keep(key(number), opened())
    assert len(games) == 2
    monkeypatch.setattr(open_games, "MOST_BYTES", 0)
    games.keep(key(9), opened())
    assert len(games) == 1 and games.find("9"), "the last one is what what-if asks"


def test_weights_that_games_share_count_once(
    opened: Callable[[], OpenGame], wide_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, games = Explainable(wide_model, "cpu"), OpenGames()
    shared = [replace(one, view=replace(one.view, network=network)) for one in (opened() for _ in range(3))]
    weights = sum(one.nelement() * one.element_size() for one in network.module.parameters())
    each = shared[0].footprint
    assert weights > 3 * each and footprint(shared) == pytest.approx(weights + 3 * each)
    monkeypatch.setattr(open_games, "MOST_BYTES", weights + 3 * each)
    for number, one in enumerate(shared):
        games.keep(key(number), one)
    assert len(games) == 3


def test_a_closed_game_leaves_what_it_was_asked_for_the_next_one(
    opened: Callable[[], OpenGame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_games, "MOST_OPEN", 1)
    games, first, again = OpenGames(), opened(), opened()
    games.keep(key(0), first)
    values = first.game.values(np.eye(3, dtype=bool))
    games.keep(key(1), opened())
    games.keep(key(0), again)
    assert again.game.missing(np.eye(3, dtype=bool)) == 0 and again.game.evaluations == 0
    np.testing.assert_array_equal(again.game.values(np.eye(3, dtype=bool)), values)
    monkeypatch.setattr(open_games, "MOST_KNOWN", 0)
    games.keep(key(1), opened())
    last = opened()
    games.keep(key(0), last)
    assert last.game.missing(np.eye(3, dtype=bool)) == 3


@pytest.mark.parametrize("change", ["longer", "gone", "journal", "copied over, its time kept"])
def test_a_game_whose_files_changed_is_not_found(opened: Callable[[], OpenGame], tmp_path: Path, change: str) -> None:
    file, games = tmp_path / "layer.gpkg", OpenGames()
    file.write_text("one")
    games.keep(key(0, file), opened())
    assert games.find("0") is not None
    if change == "longer":
        file.write_text("three")
    elif change == "gone":
        file.unlink()
    elif change == "copied over, its time kept":
        times = file.stat()
        file.write_text("two")
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    else:  # of a GeoPackage that is being edited
        (tmp_path / "layer.gpkg-wal").write_text("new rows")
    assert games.find("0") is None and games.get(key(0, file)) is None and len(games) == 0
