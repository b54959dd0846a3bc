"""Estimators: right on games with known values, honest about their error, and nothing is asked twice."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solar_saliency_plugin.contract.errors import CancelledError, RequestError
from solar_saliency_plugin.contract.region_shap import ESTIMATORS as NAMES
from solar_saliency_plugin.contract.shapley_words import ESTIMATOR_WORDS
from solar_saliency_plugin.engine.shapley.crossfit import crossfit
from solar_saliency_plugin.engine.shapley.design import all_pairs, pairs
from solar_saliency_plugin.engine.shapley.estimate import Estimate
from solar_saliency_plugin.engine.shapley.estimators import ESTIMATORS, estimate, least, refining
from solar_saliency_plugin.engine.shapley.game import Game
from solar_saliency_plugin.engine.shapley.neighbours import cost, l_shapley
from tests.engine.shapley.games import KnownGame, additive, game_of, gloves, known_games, pairs_together, rough

SHAPLEY = [name for name in ESTIMATORS if name != "lime"]
SAMPLED = [name for name in SHAPLEY if name != "exact"]
every_shapley = pytest.mark.parametrize("name", SHAPLEY)
every_sampled = pytest.mark.parametrize("name", SAMPLED)
every_estimator = pytest.mark.parametrize("name", list(ESTIMATORS))


def _within(found: Estimate, truth: np.ndarray, errors: float = 4.5) -> bool:
    assert found.standard_error is not None
    return bool((np.abs(found.phi - truth) <= errors * found.standard_error + 1e-7 * np.ptp(truth)).all())


@every_shapley
@pytest.mark.parametrize("known", known_games(9), ids=lambda known: known.name)
def test_known_games_are_found_within_the_error(name: str, known: KnownGame) -> None:
    found = estimate(known.game, name, 512, seed=3)
    assert _within(found, known.phi)
    assert np.abs(found.phi - known.phi).max() <= 0.15 * np.ptp(known.phi)


@every_estimator
def test_an_additive_game_is_found_exactly(name: str) -> None:
    known = additive(9)
    found = estimate(known.game, name, 512, seed=3)
    np.testing.assert_allclose(found.phi, known.phi, atol=1e-6)
    if found.r2 is not None:
        assert found.r2 == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("known", [additive(9), pairs_together(9)], ids=lambda known: known.name)
def test_neighbours_find_what_neighbours_do(known: KnownGame) -> None:
    touch = np.eye(9, k=1, dtype=bool) | np.eye(9, k=-1, dtype=bool)
    found = l_shapley(known.game, 200, touch)
    np.testing.assert_allclose(found.phi, known.phi, atol=1e-12)
    assert found.standard_error is None and found.facts["gap"] == pytest.approx(0, abs=1e-9)


def test_neighbours_that_reach_everybody_are_exact() -> None:
    known, touch = gloves(7), ~np.eye(7, dtype=bool)
    for outside in ("absent", "present", "both"):
        np.testing.assert_allclose(l_shapley(known.game, 2000, touch, outside=outside).phi, known.phi, atol=1e-12)


def test_what_neighbours_ignore_is_the_gap() -> None:
    known = pairs_together(4)  # 0 with 1, 2 with 3, but 1 and 2 touch
    touch = np.zeros((4, 4), bool)
    touch[1, 2] = touch[2, 1] = True
    assert l_shapley(known.game, 100, touch, outside="absent").facts["gap"] == pytest.approx(-3)
    assert l_shapley(known.game, 100, touch, outside="present").facts["gap"] == pytest.approx(3)
    np.testing.assert_allclose(l_shapley(known.game, 100, touch).phi, known.phi)


def test_neighbours_announce_their_price_and_keep_to_it() -> None:
    touch = np.eye(9, k=1, dtype=bool) | np.eye(9, k=-1, dtype=bool)
    assert cost(touch, 1) == 2 * (2 * 4 + 7 * 8)
    game = additive(9).game
    with pytest.raises(RequestError, match="needs 128 evaluations here; 127"):
        l_shapley(game, 127, touch)
    assert game.evaluations == 0
    l_shapley(game, 128, touch)
    assert 0 < game.evaluations <= 128


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 11), st.integers(0, 999), st.sampled_from(SAMPLED))
def test_values_add_up_whatever_the_game(players: int, seed: int, name: str) -> None:
    game = rough(players, seed).game
    found = estimate(game, name, max(120, least(name, players)), seed)
    assert found.phi.sum() == pytest.approx(game.contrast, abs=1e-8)


@settings(max_examples=25, deadline=None)
@given(st.integers(3, 10), st.integers(0, 999), st.sampled_from(SAMPLED), st.data())
def test_who_changes_nothing_gets_nothing_within_the_error(
    players: int, seed: int, name: str, data: st.DataObject
) -> None:
    null, known = data.draw(st.integers(0, players)), rough(players, seed)
    game = game_of(players + 1, lambda coalitions: known.worth(np.delete(coalitions, null, axis=1)))
    found = estimate(game, name, max(150, least(name, players + 1)), seed)
    assert found.standard_error is not None
    assert abs(found.phi[null]) <= 5 * found.standard_error[null] + 1e-6


@settings(max_examples=25, deadline=None)
@given(st.integers(3, 10), st.integers(0, 999), st.sampled_from(SAMPLED))
def test_who_does_the_same_gets_the_same_within_the_error(players: int, seed: int, name: str) -> None:
    known = rough(players, seed)

    def worth(coalitions: np.ndarray) -> np.ndarray:
        swapped = coalitions.copy()
        swapped[:, [0, 1]] = swapped[:, [1, 0]]
        return known.worth(coalitions) + known.worth(swapped)

    found = estimate(game_of(players, worth), name, max(150, least(name, players)), seed)
    assert found.standard_error is not None
    assert abs(found.phi[0] - found.phi[1]) <= 5 * np.hypot(*found.standard_error[:2]) + 1e-6


@every_sampled
def test_more_evaluations_come_nearer_and_say_so(name: str) -> None:
    known = rough(10, seed=5)
    some, more = (estimate(known.game, name, budget, seed=2) for budget in (100, 800))
    assert some.standard_error is not None and more.standard_error is not None
    assert np.linalg.norm(more.phi - known.phi) < np.linalg.norm(some.phi - known.phi)
    assert more.standard_error.mean() < 0.6 * some.standard_error.mean()


@pytest.mark.parametrize("name", ["leverage", "crossfit"])
def test_all_pairs_leave_no_error(name: str) -> None:
    known = rough(8, seed=6)
    found = estimate(known.game, name, 2**8, seed=1)
    np.testing.assert_allclose(found.phi, known.phi, atol=1e-9)
    assert found.is_exact


@every_sampled
def test_twice_the_budget_costs_only_what_is_new(name: str) -> None:
    game = rough(16, seed=7).game
    estimate(game, name, 200, seed=1)
    asked = game.evaluations
    assert asked <= 200
    estimate(game, name, 400, seed=1)
    assert game.evaluations - asked <= 1.1 * 200
    assert game.evaluations <= 400


@every_estimator
def test_what_is_known_already_changes_no_value(name: str) -> None:
    known = rough(9, seed=8)
    fresh, used = known.game, known.game
    for other in ("permutations", "leverage", "lime"):
        estimate(used, other, 300, seed=5)
    first, second = estimate(fresh, name, 512, seed=2), estimate(used, name, 512, seed=2)
    np.testing.assert_array_equal(first.phi, second.phi)
    remembered = known.game
    remembered.learn(fresh.known())
    np.testing.assert_array_equal(estimate(remembered, name, 512, seed=2).phi, first.phi)
    assert remembered.evaluations == 0


@every_estimator
def test_the_same_seed_gives_the_same_and_another_does_not(name: str) -> None:
    known = rough(9, seed=9)
    one, two, other = (estimate(known.game, name, 512, seed).phi for seed in (1, 1, 2))
    assert np.array_equal(one, two)
    assert np.array_equal(one, other) == (name in ("exact", "auto"))  # auto takes all 512


@pytest.mark.parametrize("name", ["crossfit", "leverage", "permutations", "sampling"])
def test_intervals_hold_the_truth(name: str) -> None:
    held = []
    for seed in range(40):
        known = rough(12, seed)
        found = estimate(known.game, name, 200, seed)
        assert found.intervals is not None
        held.append((found.intervals[:, 0] <= known.phi) & (known.phi <= found.intervals[:, 1]))
    assert 0.91 <= np.mean(held) <= 0.99


def test_the_process_makes_the_regression_better() -> None:
    errors = {"crossfit": 0.0, "leverage": 0.0}
    for seed in range(8):
        known = rough(12, seed, orders=3)
        for name in errors:
            errors[name] += float(np.square(estimate(known.game, name, 200, seed).phi - known.phi).sum())
    assert errors["crossfit"] < 0.5 * errors["leverage"]


def test_parts_tell_who_cannot_matter_to_whom() -> None:
    random = np.random.default_rng(0)
    scopes = np.abs(np.arange(20)[:, None] - np.arange(20)) <= 2
    weights = random.normal(0, 0.3, (20, 20))

    def parts(coalitions: np.ndarray, _: str = "") -> np.ndarray:
        signs = np.where(coalitions, 1.0, -1.0)
        return np.stack([np.tanh(signs[:, scope] @ weights[i, scope]) for i, scope in enumerate(scopes)], axis=1)

    local, blind = Game(20, parts, scopes), game_of(20, lambda coalitions: parts(coalitions).sum(axis=1))
    truth = estimate(local, "exact", 10_000, 1).phi
    seen, unseen = crossfit(local, 150, 1), crossfit(blind, 150, 1)
    assert np.linalg.norm(seen.phi - truth) < 0.4 * np.linalg.norm(unseen.phi - truth)
    assert _within(seen, truth)


def test_players_who_can_move_nothing_cost_nothing() -> None:
    known, scopes = rough(8, seed=3), np.array([[True] * 8 + [False] * 30])
    game = Game(38, lambda coalitions, _: known.worth(coalitions[:, :8])[:, None], scopes)
    found = estimate(game, "auto", 256, seed=1)
    np.testing.assert_allclose(found.phi[:8], known.phi, atol=1e-9)
    assert not found.phi[8:].any() and found.is_exact


@every_estimator
def test_estimates_are_called_as_the_contract_calls_them(name: str) -> None:
    found = estimate(pairs_together(6).game, name, 64, seed=1)
    assert found.estimator in ESTIMATOR_WORDS and (found.estimator == name or name == "auto")
    assert {*ESTIMATOR_WORDS, "auto"} == set(NAMES)


def test_a_game_without_contrast_has_no_values() -> None:
    for name in ESTIMATORS:
        found = estimate(game_of(6, lambda coalitions: np.full(len(coalitions), 2.0)), name, 64, seed=1)
        np.testing.assert_allclose(found.phi, 0, atol=1e-9)


@pytest.mark.parametrize("players", [1, 2, 3])
@every_estimator
def test_few_players_are_no_trouble(name: str, players: int) -> None:
    known = gloves(players, left=1)
    found = estimate(known.game, name, 60, seed=1)
    slack = {"lime": 0.5, "permutations": 0.2, "sampling": 0.2}.get(name, 1e-6)
    np.testing.assert_allclose(found.phi, known.phi, atol=slack)


def test_too_few_evaluations_are_refused_in_words() -> None:
    for name in ("auto", "crossfit", "leverage", "permutations", "sampling"):
        game = rough(30, seed=1).game
        with pytest.raises(RequestError, match=r"at least \d+"):
            estimate(game, name, 40, seed=1)
        assert game.evaluations == 0


def test_estimates_refine_until_the_budget_the_error_or_stop() -> None:
    game = rough(14, seed=2).game
    rows = list(refining(game, "auto", 400, seed=1))
    counts = [found.evaluations for found in rows]
    assert counts == sorted(set(counts)) and counts[-1] <= 400 and counts[0] < 60 and len(rows) > 3
    assert game.evaluations <= 400
    np.testing.assert_array_equal(rows[-1].phi, estimate(game, "auto", 400, seed=1).phi)
    error = rows[2].largest_error
    assert len(list(refining(game, "auto", 400, seed=1, error=error))) <= 3
    assert len(list(refining(game, "auto", 400, seed=1, stop=lambda: True))) == 1


def test_a_row_towards_exact_values_ends_with_them() -> None:
    known = rough(8, seed=2)
    rows = list(refining(known.game, "auto", 1000, seed=1))
    assert rows[0].estimator == "crossfit" and rows[-1].is_exact
    np.testing.assert_allclose(rows[-1].phi, known.phi, atol=1e-9)


def test_cancelling_ends_it() -> None:
    def cancelled() -> None:
        raise CancelledError("The job was cancelled.", "")

    known = rough(14, seed=2)
    game = Game(14, lambda coalitions, _: known.worth(coalitions)[:, None], check=cancelled)
    with pytest.raises(CancelledError):
        estimate(game, "crossfit", 200, seed=1)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 13), st.integers(1, 300), st.integers(0, 99))
def test_pairs_are_all_different_and_a_larger_budget_keeps_them(players: int, count: int, seed: int) -> None:
    found = pairs(players, count, seed)
    assert len(found) == min(count, all_pairs(players))
    assert len({row.tobytes() for row in found.both}) == 2 * len(found)
    assert (found.sizes == found.coalitions.sum(axis=1)).all() and (found.sizes <= players / 2).all()
    assert (found.drawn <= found.populations).all()
    np.testing.assert_array_equal(pairs(players, count // 2 + 1, seed).coalitions, found.coalitions[: count // 2 + 1])


def test_every_size_is_asked_alike() -> None:
    found = pairs(30, 145, seed=1)
    counts = np.bincount(found.sizes)[1:]
    assert set(counts[:-1]) == {10} and counts[-1] == 5  # a pair of halves stands for one size, others for two


@pytest.mark.parametrize("reference", ["ShapleyValueSampling", "KernelShap", "ShapleyValues"])
def test_captum_comes_to_the_same_in_the_limit(reference: str) -> None:
    import captum.attr
    import torch

    known = rough(6, seed=4, terms=40)

    def forward(image: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(known.worth(image.numpy() > 0.5))

    torch.manual_seed(1)
    method: Callable[..., torch.Tensor] = getattr(captum.attr, reference)(forward).attribute
    samples = {"ShapleyValueSampling": 2000, "KernelShap": 4000}.get(reference)
    found = method(torch.ones(1, 6), torch.zeros(1, 6), **({"n_samples": samples} if samples else {}))
    tolerance = 1e-5 if reference == "ShapleyValues" else 0.04
    for name in SHAPLEY:
        budget = 64 if name not in ("permutations", "sampling") else 40_000
        own = estimate(known.game, name, budget, seed=1).phi
        slack = tolerance if budget == 64 else max(tolerance, 0.02)
        np.testing.assert_allclose(found.numpy()[0], own, atol=slack * np.ptp(known.phi))
