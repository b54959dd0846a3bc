"""Players: every cell that can matter belongs to one, or to nobody on purpose."""

import numpy as np
import pytest

from solar_saliency_plugin.contract.errors import OutOfSightError
from solar_saliency_plugin.engine.shapley.players import (
    Players,
    band_groups,
    of_bands,
    of_regions,
    single_bands,
)

BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")


@pytest.fixture
def labels() -> np.ndarray:
    found = np.full((6, 8), -1)
    found[1:5, 1:4], found[1:5, 4:7] = 4, 9
    return found


@pytest.fixture
def seen() -> np.ndarray:
    found = np.ones((6, 8), bool)
    found[:, 0] = False
    return found


def _present(players: Players, *there: int) -> np.ndarray:
    coalition = np.isin(np.arange(players.count), there)[None]
    return players.present(coalition)[0][players.group_of]


def test_bands_are_grouped_as_planners_know_them() -> None:
    groups = band_groups(BANDS)
    assert [(group.name, [BANDS[band] for band in group.bands]) for group in groups] == [
        ("visible", ["B02", "B03", "B04"]),
        ("red edge", ["B05", "B06", "B07"]),
        ("near infrared", ["B08", "B8A"]),
        ("short-wave infrared", ["B11", "B12"]),
    ]
    assert [group.name for group in band_groups(("B01", "B04", "B09"))] == ["B01", "visible", "B09"]


def test_every_superpixel_is_a_player_in_all_bands(labels: np.ndarray, seen: np.ndarray) -> None:
    players = of_regions(labels, seen, 10)
    assert players.count == 3 and players.rest == 2 and players.names[2] == "rest"
    assert list(players.places) == [4, 9, -1]
    for player, where in enumerate((labels == 4, labels == 9, seen & (labels < 0))):
        assert (_present(players, player) == (where | ~seen)).all()  # what is not seen stays
        np.testing.assert_array_equal(players.held()[player], where & seen)


@pytest.mark.parametrize(("rest", "there"), [("present", True), ("absent", False)])
def test_the_rest_can_be_fixed(labels: np.ndarray, seen: np.ndarray, rest: str, there: bool) -> None:
    players = of_regions(labels, seen, 10, rest)
    assert players.count == 2 and players.rest is None
    for coalition in ((), (0, 1)):
        assert (_present(players, *coalition)[:, seen & (labels < 0)] == there).all()


def test_superpixels_of_band_groups_are_players_by_themselves(labels: np.ndarray, seen: np.ndarray) -> None:
    groups = band_groups(BANDS)
    players = of_regions(labels, seen, 10, groups=groups)
    assert players.count == 9 and players.names[5] == "10, red edge"
    cells = np.zeros((10, 6, 8), int)
    for player in range(9):
        cells += _present(players, player) & seen
    assert (cells[:, seen] == 1).all()
    there = _present(players, 5)
    assert there[3, 2, 5] and not there[2, 2, 5] and not there[3, 2, 2]
    assert list(players.groups) == [0, 1, 2, 3, 0, 1, 2, 3, -1]


def test_bands_are_players_within_the_region(labels: np.ndarray, seen: np.ndarray) -> None:
    players = of_bands(labels >= 0, seen, single_bands(BANDS), 10)
    assert players.names == (*BANDS, "rest")
    there = _present(players, 3)
    assert there[3][labels >= 0].all() and not there[4][labels >= 0].any() and not there[3][seen & (labels < 0)].any()
    assert _present(players, 10)[0][seen & (labels < 0)].all()


def test_without_anything_outside_there_is_no_rest(seen: np.ndarray) -> None:
    players = of_bands(np.ones_like(seen), seen, single_bands(BANDS), 10)
    assert players.count == 10 and players.rest is None


def test_players_of_one_place_or_of_places_that_touch_are_neighbours(labels: np.ndarray, seen: np.ndarray) -> None:
    touch = of_regions(labels, seen, 10, groups=band_groups(BANDS)).touching()
    assert touch[0, 1] and touch[0, 4] and not touch[0, 5] and touch[0, 8] and not touch.diagonal().any()
    assert (touch == touch.T).all()
    assert of_bands(np.ones_like(seen), seen, single_bands(BANDS), 10).touching().sum() == 90


def test_what_is_drawn_adds_up(labels: np.ndarray, seen: np.ndarray) -> None:
    values = np.arange(1.0, 10)
    players = of_regions(labels, seen, 10, groups=band_groups(BANDS))
    drawn = players.drawn(values)[players.group_of]
    assert drawn.shape == (10, 6, 8) and drawn.sum() == pytest.approx(values.sum())
    assert drawn[3][labels == 9].sum() * 3 == pytest.approx(values[5])
    assert not drawn[:, ~seen].any()


def test_a_region_that_nothing_sees_is_refused(labels: np.ndarray, seen: np.ndarray) -> None:
    with pytest.raises(OutOfSightError, match="depends on nothing"):
        of_regions(labels, seen & (labels < 0), 10)
    with pytest.raises(OutOfSightError, match="depends on nothing"):
        of_bands(labels >= 0, seen & (labels < 0), single_bands(BANDS), 10)
