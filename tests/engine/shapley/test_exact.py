"""Exact Shapley values: the known ones, by all axioms, at the price of 2ⁿ or, where pixels do not see all, far less."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from solar_saliency_plugin.contract.errors import RequestError
from solar_saliency_plugin.engine.shapley.estimators import estimate, exact_cost
from solar_saliency_plugin.engine.shapley.exact import colours, exact, shapley_of
from solar_saliency_plugin.engine.shapley.game import Game, every_coalition
from solar_saliency_plugin.engine.shapley.interactions import interaction_of, interactions
from tests.engine.shapley.games import KnownGame, additive, game_of, gloves, known_games, pairs_together, rough

worths = st.integers(1, 6).flatmap(
    lambda players: arrays.arrays(float, 2**players, elements=st.floats(-10, 10, allow_nan=False))
)


@pytest.mark.parametrize("known", known_games(7), ids=lambda known: known.name)
def test_known_games_have_their_values(known: KnownGame) -> None:
    found = estimate(known.game, "exact", 10_000, seed=1)
    np.testing.assert_allclose(found.phi, known.phi, atol=1e-12)
    assert found.is_exact and found.evaluations == 2**7


def test_the_glove_market_of_the_textbook() -> None:
    np.testing.assert_allclose(gloves(3, left=1).phi, [2 / 3, 1 / 6, 1 / 6])


def test_closed_forms_of_rough_games_are_right() -> None:
    known = rough(9, seed=1)
    np.testing.assert_allclose(exact(known.game), known.phi, atol=1e-10)


@settings(max_examples=60, deadline=None)
@given(worths)
def test_values_add_up_to_what_all_are_worth(worth: np.ndarray) -> None:
    assert shapley_of(worth).sum() == pytest.approx(worth[-1] - worth[0], abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(worths, worths, st.floats(-3, 3))
def test_values_of_a_sum_are_sums_of_values(one: np.ndarray, two: np.ndarray, factor: float) -> None:
    size = min(len(one), len(two))
    one, two = one[:size], two[:size]
    np.testing.assert_allclose(shapley_of(one + factor * two), shapley_of(one) + factor * shapley_of(two), atol=1e-8)


@settings(max_examples=60, deadline=None)
@given(worths, st.data())
def test_who_changes_nothing_gets_nothing_and_changes_no_value(worth: np.ndarray, data: st.DataObject) -> None:
    players = len(worth).bit_length() - 1
    null = data.draw(st.integers(0, players))
    others = np.delete(np.arange(players + 1), null)
    bits = every_coalition(players + 1)[:, others] @ (1 << np.arange(players))
    found = shapley_of(worth[bits])
    assert found[null] == 0
    np.testing.assert_allclose(found[others], shapley_of(worth), atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(worths, st.randoms(use_true_random=False))
def test_names_do_not_matter(worth: np.ndarray, random: object) -> None:
    players = len(worth).bit_length() - 1
    order = np.array(random.sample(range(players), players))  # type: ignore[attr-defined]
    renamed = worth[every_coalition(players)[:, order] @ (1 << np.arange(players))]
    # Player i of the old game is called order[i] in the new one.
    np.testing.assert_allclose(shapley_of(renamed)[order], shapley_of(worth), atol=1e-9)


def _local(players: int, reach: int, seed: int) -> tuple[Game, Game]:
    """A game in parts on a line, each seen by the players within ``reach``; and the same as one part."""
    random = np.random.default_rng(seed)
    places = np.arange(players)
    scopes = np.abs(places[:, None] - places) <= reach
    weights = random.normal(0, 1, (players, players))

    def parts(coalitions: np.ndarray, _: str = "") -> np.ndarray:
        return np.stack(
            [np.tanh(1.5 * (coalitions[:, s].astype(float) @ weights[i, s])) for i, s in enumerate(scopes)], axis=1
        )

    return Game(players, parts, scopes), game_of(players, lambda coalitions: parts(coalitions).sum(axis=1))


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 9), st.integers(0, 3), st.integers(0, 99))
def test_parts_give_the_same_values_for_fewer_questions(players: int, reach: int, seed: int) -> None:
    local, blind = _local(players, reach, seed)
    np.testing.assert_allclose(exact(local), exact(blind), atol=1e-9)
    assert local.evaluations <= blind.evaluations == 2**players
    assert local.contrast == pytest.approx(exact(local).sum(), abs=1e-9)


def test_thirty_players_who_see_three_neighbours_take_some_hundred_questions() -> None:
    local, _ = _local(30, 3, seed=1)
    assert exact_cost(local) == 2**7
    found = estimate(local, "auto", 200, seed=1)
    assert found.estimator == "exact" and local.evaluations == 2**7
    assert found.phi.sum() == pytest.approx(local.contrast)


@settings(max_examples=50, deadline=None)
@given(arrays.arrays(bool, st.tuples(st.integers(1, 8), st.integers(1, 10))))
def test_who_meets_has_another_colour(scopes: np.ndarray) -> None:
    colour = colours(scopes)
    for scope in scopes:
        assert len(set(colour[scope])) == scope.sum()


def test_too_many_players_are_refused_with_their_price() -> None:
    with pytest.raises(RequestError, match="4,096 evaluations"):
        estimate(additive(12).game, "exact", 4000, seed=1)
    with pytest.raises(RequestError, match="more than can be asked"):
        estimate(additive(20).game, "exact", 10**6, seed=1)


def test_pairs_that_only_count_together_are_found() -> None:
    found = interactions(pairs_together(6).game, 64)
    expected = np.zeros((6, 6))
    for index, gain in enumerate((1.0, 2.0, 3.0)):
        expected[2 * index, 2 * index + 1] = expected[2 * index + 1, 2 * index] = gain
    np.testing.assert_allclose(found.pairs, expected, atol=1e-12)
    np.testing.assert_allclose(found.alone, 0, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(worths)
def test_pairs_and_what_is_left_add_up(worth: np.ndarray) -> None:
    players = len(worth).bit_length() - 1
    game = game_of(players, lambda coalitions: worth[coalitions @ (1 << np.arange(players))])
    found = interactions(game, 1000)
    assert found.alone.sum() + np.triu(found.pairs).sum() == pytest.approx(worth[-1] - worth[0], abs=1e-8)
    np.testing.assert_allclose(found.pairs, interaction_of(worth), atol=1e-9)


def test_interactions_in_parts_are_those_of_the_whole() -> None:
    local, blind = _local(8, 2, seed=4)
    np.testing.assert_allclose(interactions(local, 300).pairs, interactions(blind, 300).pairs, atol=1e-9)


def test_interactions_that_cost_too_much_are_refused() -> None:
    with pytest.raises(RequestError, match="only count together needs 1,024"):
        interactions(additive(10).game, 1000)
