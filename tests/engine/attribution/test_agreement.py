"""What is said of agreement between maps is what the definitions say."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.stats import spearmanr

from solar_saliency_plugin.engine.attribution.agreement import (
    TOP,
    compared,
    layers,
    pair,
    scaled,
    spearman,
    top,
    top_count,
)

MAPS = arrays.arrays(np.float64, st.integers(2, 60), elements=st.floats(-1e3, 1e3).map(lambda v: round(v, 3)))


def test_a_map_agrees_fully_with_itself_and_not_at_all_with_its_opposite() -> None:
    values = np.random.default_rng(0).normal(size=200)
    itself, opposite = pair(values, values, with_signs=True), pair(values, -values, with_signs=True)
    assert (itself.spearman, itself.spearman_absolute) == pytest.approx((1, 1))
    assert (itself.top_overlap, itself.sign_agreement) == (1, 1)
    assert (opposite.spearman, opposite.spearman_absolute) == pytest.approx((-1, 1))
    assert (opposite.top_overlap, opposite.sign_agreement) == (1, 0)


def test_unrelated_maps_share_about_a_tenth_of_their_top_tenth() -> None:
    random = np.random.default_rng(1)
    found = [pair(*random.normal(size=(2, 2000)), with_signs=True) for _ in range(20)]
    assert np.mean([p.top_overlap for p in found]) == pytest.approx(TOP, abs=0.02)
    assert np.mean([p.sign_agreement for p in found]) == pytest.approx(TOP / 2, abs=0.02)
    assert np.mean([p.spearman for p in found]) == pytest.approx(0, abs=0.02)


@given(MAPS, st.floats(1e-3, 1e3))
def test_the_unit_of_a_map_does_not_matter(values: np.ndarray, factor: float) -> None:
    other = np.roll(values, 1)
    one, same = (pair(v, other, with_signs=True) for v in (values, values * factor))
    for name in ("spearman", "spearman_absolute", "top_overlap", "sign_agreement"):
        assert getattr(same, name) == pytest.approx(getattr(one, name), nan_ok=True)
    total = np.abs(scaled(values)).sum()
    assert total == pytest.approx(1) if values.any() else total == 0


@given(MAPS)
def test_rank_correlation_is_the_one_of_the_textbook_with_ties(values: np.ndarray) -> None:
    other = np.round(np.sin(values), 1)
    if len(set(values)) < 2 or len(set(other)) < 2:
        assert math.isnan(spearman(values, other))
        return
    assert spearman(values, other) == pytest.approx(float(spearmanr(values, other).statistic), abs=1e-12)


def test_a_map_that_shows_nothing_agrees_with_none_and_disagrees_with_none() -> None:
    found = pair(np.zeros(50), np.arange(50.0), with_signs=True)
    assert all(math.isnan(value) for value in vars(found).values())


def test_maps_without_signs_are_compared_by_size_only() -> None:
    values = np.random.default_rng(2).normal(size=50)
    found = pair(values, np.abs(values), with_signs=False)
    assert math.isnan(found.spearman) and math.isnan(found.sign_agreement)
    assert (found.spearman_absolute, found.top_overlap) == (pytest.approx(1), 1)


@given(MAPS)
def test_the_top_tenth_holds_the_largest_values_and_no_zero(values: np.ndarray) -> None:
    chosen = top(values)
    assert chosen.sum() == min(top_count(len(values)), np.count_nonzero(values))
    if chosen.any() and not chosen.all():
        assert np.abs(values[chosen]).min() >= np.abs(values[~chosen]).max()


def test_pixels_that_no_map_can_see_do_not_make_maps_look_alike() -> None:
    maps = np.zeros((2, 4, 5))
    maps[0, 1, 1], maps[1, 2, 3] = 1, -1
    valid = np.ones((4, 5), bool)
    valid[2, 3] = False
    assert np.argwhere(compared(maps, valid)).tolist() == [[1, 1]]


def test_agreement_is_the_share_of_maps_that_have_a_pixel_on_top_with_the_same_sign() -> None:
    maps = np.full((4, 2, 5), 0.001)
    maps[:, 0, 0] = [1, 1, 1, -1]  # three raise, one lowers
    expected = np.zeros((2, 5))
    expected[0, 0] = 3 / 4
    everywhere = np.ones((2, 5), bool)
    np.testing.assert_array_equal(layers(np.stack([scaled(one) for one in maps]), everywhere).agreement, expected)
    maps[2, 1, 4] = 2  # one of the three has another pixel on top
    expected[0, 0], expected[1, 4] = 2 / 4, 1 / 4
    np.testing.assert_array_equal(layers(np.stack([scaled(one) for one in maps]), everywhere).agreement, expected)


def test_mean_and_spread_are_those_of_the_scaled_maps_and_nothing_elsewhere() -> None:
    maps = np.stack([scaled(one) for one in np.random.default_rng(3).normal(size=(3, 6, 7))])
    where = np.ones((6, 7), bool)
    where[0] = False
    found = layers(maps, where)
    np.testing.assert_allclose(found.mean[1:], maps[:, 1:].mean(axis=0))
    np.testing.assert_allclose(found.spread[1:], maps[:, 1:].std(axis=0))
    assert all(np.isnan(layer[0]).all() for layer in (found.mean, found.agreement, found.spread))
