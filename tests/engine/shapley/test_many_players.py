"""Many players: what is chosen for them, that it comes to an end, and that it can be cancelled."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solar_saliency_plugin.contract.errors import CancelledError
from solar_saliency_plugin.engine.shapley import least_squares
from solar_saliency_plugin.engine.shapley.estimators import estimate, least, refining
from solar_saliency_plugin.engine.shapley.game import Game
from solar_saliency_plugin.engine.shapley.neighbours import within
from tests.engine.shapley.games import rough


@pytest.mark.parametrize(("together", "expected"), [(20, "crossfit"), (200, "permutations")])
def test_players_who_all_meet_join_in_random_orders_where_they_are_many(together: int, expected: str) -> None:
    scopes = np.abs(np.arange(0, 200, 20)[:, None] - np.arange(200)) <= together
    weights = np.random.default_rng(0).normal(0, 1 / np.sqrt(together), scopes.shape) * scopes

    def parts(coalitions: np.ndarray, _: str = "") -> np.ndarray:
        found: np.ndarray = np.tanh(np.where(coalitions, 1.0, -1.0) @ weights.T)
        return found

    game = Game(200, parts, scopes)
    rows = list(refining(game, "auto", 2000, seed=1))
    assert {found.estimator for found in rows} == {expected}
    assert len(rows) > 2 and game.evaluations <= 2000
    np.testing.assert_array_equal(rows[-1].phi, estimate(game, "auto", 2000, seed=1).phi)
    assert rows[-1].phi.sum() == pytest.approx(game.contrast, abs=1e-8)


def test_thousands_of_players_are_no_trouble_but_for_the_asking() -> None:
    known = rough(3000, seed=1, terms=1500)
    started = time.monotonic()
    found = estimate(known.game, "auto", least("auto", 3000), seed=1)
    assert time.monotonic() - started < 20  # a second or two on an idle core
    assert found.phi.sum() == pytest.approx(known.game.contrast, abs=1e-8)
    assert found.standard_error is not None
    assert np.mean(np.abs(found.phi - known.phi) <= 1.96 * found.standard_error) >= 0.9


@pytest.mark.parametrize("name", ["leverage", "crossfit", "lime"])
def test_regressions_of_many_players_can_be_cancelled(name: str) -> None:
    looks, asked = [0], [False]

    def check() -> None:
        looks[0] += asked[0]
        if looks[0] == 2:
            raise CancelledError("The job was cancelled.", "")

    def ask(coalitions: np.ndarray, _: str) -> np.ndarray:
        asked[0] = True
        return coalitions[:, :1] * 1.0

    with pytest.raises(CancelledError):
        estimate(Game(300, ask, check=check), name, 1500, seed=1)


@pytest.mark.parametrize("name", ["leverage", "crossfit", "lime"])
def test_who_cancels_while_coalitions_of_many_players_are_drawn_is_heard(name: str) -> None:
    looks = [0]

    def check() -> None:
        looks[0] += 1
        if looks[0] == 3:
            raise CancelledError("The job was cancelled.", "")

    def ask(_: np.ndarray, __: str) -> np.ndarray:
        raise AssertionError("the model was asked")

    with pytest.raises(CancelledError):
        estimate(Game(300, ask, check=check), name, 6000, seed=1)


def test_a_regression_of_thousands_of_players_never_computes_long_without_a_look_at_who_cancels() -> None:
    """Seconds of the processor, which other programs do not lengthen."""
    looked = [time.thread_time()]
    longest = [0.0]

    def check() -> None:
        now = time.thread_time()
        longest[0] = max(longest[0], now - looked[0])
        looked[0] = now

    def ask(coalitions: np.ndarray, _: str) -> np.ndarray:
        check()
        return np.tanh(coalitions[:, ::50].sum(axis=1, keepdims=True) / 10.0)

    estimate(Game(2500, ask, check=check), "crossfit", 5100, seed=1)
    check()
    assert longest[0] < 0.6  # .3 on the machine where it was .95 before there were looks enough


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 30), st.integers(0, 99), st.booleans())
def test_the_inverse_by_halves_is_the_pseudo_inverse(columns: int, seed: int, centred: bool) -> None:
    random = np.random.default_rng(seed)
    rows, weights = random.normal(size=(3 * columns, columns)), random.uniform(0.5, 2, 3 * columns)
    blind = np.full(columns, columns**-0.5) if centred else None
    if centred:
        rows -= rows.mean(axis=1, keepdims=True)
    expected = np.linalg.pinv((rows * weights[:, None]).T @ rows, rcond=1e-10, hermitian=True)
    for few in (1, 1000):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(least_squares, "_FEW", few)
            found = least_squares.inverse_of(lambda some: rows[some], weights, columns, lambda: None, blind)
        np.testing.assert_allclose(found, expected, atol=1e-7 * np.abs(expected).max())


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 12), st.integers(0, 99), st.integers(1, 3))
def test_whom_players_reach_is_found_step_by_step(players: int, seed: int, steps: int) -> None:
    touch = np.triu(np.random.default_rng(seed).random((players, players)) < 0.2, 1)
    touch |= touch.T
    expected = np.linalg.matrix_power(np.eye(players) + touch, steps) > 0
    np.testing.assert_array_equal(within(touch, steps), expected)
