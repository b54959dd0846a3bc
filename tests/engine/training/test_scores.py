"""Pixel scores against scikit-learn and against counting, and intervals against what chance does."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from solar_saliency_plugin.engine.training.scores import Interval, Tally, bootstrap, bootstrap_all


def saturated(pixels: int, seed: int, sharpness: float) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of a network that is right more often than not, the surer the larger ``sharpness``."""
    random = np.random.default_rng(seed)
    farm = random.random(pixels) < 0.1
    logits = sharpness * (np.where(farm, 1.0, -1.0) + random.normal(0, 0.9, pixels))
    return (1 / (1 + np.exp(-logits))).astype(np.float32), farm


@pytest.mark.parametrize("sharpness", [0.3, 2.0, 8.0])
def test_average_precision_equals_that_of_scikit_learn(sharpness: float) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    probability, farm = saturated(200_000, 1, sharpness)
    expected = metrics.average_precision_score(farm, probability)
    assert Tally.of(probability, farm).average_precision() == pytest.approx(expected, abs=1e-3)


THOUSANDTHS = st.integers(1, 999)


@given(arrays(bool, 60), arrays(np.float32, 60, elements=st.floats(0, 1, width=32)), THOUSANDTHS)
def test_pixel_scores_equal_direct_counting_at_every_thousandth(
    farm: np.ndarray, probability: np.ndarray, thousandths: int
) -> None:
    threshold = thousandths / 1000
    probability[:5] = np.float32(threshold)  # what lies on the threshold is found, as on the map
    found = probability >= threshold
    hits, either = int((found & farm).sum()), int((found | farm).sum())
    tally = Tally.of(probability, farm)
    if farm.any():
        assert tally.iou(threshold) == hits / either
        assert tally.f1(threshold) == 2 * hits / int(found.sum() + farm.sum())
        assert tally.recall(threshold) == hits / int(farm.sum())
    else:
        assert math.isnan(tally.iou(threshold)) and math.isnan(tally.f1(threshold))
        assert math.isnan(tally.average_precision()) and math.isnan(tally.best_threshold())
    assert tally.precision(threshold) == hits / int(found.sum())
    assert tally.share_above(threshold) == found.mean()


def test_tallies_of_parts_add_up_to_the_tally_of_all_pixels_in_whatever_order() -> None:
    probability, farm = saturated(9_000, 2, 1.0)
    whole = Tally.of(probability, farm)
    parts = [Tally.of(p, f) for p, f in zip(np.split(probability, 9), np.split(farm, 9), strict=True)]
    for order in (parts, parts[::-1]):
        together = sum(order, Tally())
        assert np.allclose(together.vector(), whole.vector(), rtol=1e-12)
        assert together.average_precision() == whole.average_precision()
        assert together.calibration_error() == pytest.approx(whole.calibration_error(), rel=1e-9)
    assert whole.pixels == 9_000 and whole.farm_pixels == farm.sum()


def test_unknown_probabilities_are_no_pixels() -> None:
    tally = Tally.of(np.array([[0.9, np.nan], [0.1, np.nan]], np.float32), np.array([[True, True], [False, False]]))
    assert tally.pixels == 2 and tally.iou(0.5) == 1


@given(arrays(bool, 50), arrays(np.float32, 50, elements=st.floats(0, 1, width=32)))
def test_no_threshold_is_better_than_the_best(farm: np.ndarray, probability: np.ndarray) -> None:
    farm[0] = True
    tally = Tally.of(probability, farm)
    best = tally.iou(tally.best_threshold())
    assert best == max(tally.iou(step / 2000) for step in range(1, 2000))


def test_a_perfectly_calibrated_simulation_has_hardly_any_calibration_error() -> None:
    random = np.random.default_rng(3)
    probability = random.beta(0.3, 0.5, 400_000).astype(np.float32)
    tally = Tally.of(probability, random.random(400_000) < probability)
    assert tally.calibration_error() < 0.003
    assert tally.calibration_error(above=0.2) < 0.005


def test_the_calibration_error_is_how_far_the_map_is_off() -> None:
    random = np.random.default_rng(4)
    tally = Tally.of(np.full(100_000, 0.8, np.float32), random.random(100_000) < 0.55)
    assert tally.calibration_error() == pytest.approx(0.25, abs=0.005)
    (only,) = tally.reliability()
    assert only.low <= 0.8 < only.high and only.pixels == 100_000
    assert only.mean_probability == pytest.approx(0.8) and only.farm_share == pytest.approx(0.55, abs=0.005)


def test_ground_that_the_model_is_sure_of_does_not_hide_a_bad_calibration_elsewhere() -> None:
    probability = np.concatenate([np.full(99_000, 0.001), np.full(1_000, 0.9)]).astype(np.float32)
    tally = Tally.of(probability, np.arange(100_000) % 2 < (probability > 0.5))  # half of what it calls 90 %
    assert tally.calibration_error() < 0.01
    assert tally.calibration_error(above=0.1) == pytest.approx(0.4, abs=0.001)


def test_precision_and_recall_run_from_the_surest_pixel_to_all_of_them() -> None:
    probability, farm = saturated(5_000, 5, 1.0)
    precision, recall = Tally.of(probability, farm).precision_and_recall()
    assert (np.diff(recall) >= 0).all()
    assert recall[-1] == 1 and precision[-1] == pytest.approx(farm.mean())


def sites(count: int, pixels: int, seed: int = 6) -> dict[int, Tally]:
    """Sites that differ: each has a quality of its own."""
    random = np.random.default_rng(seed)
    made = {}
    for site in range(count):
        farm = random.random(pixels) < 0.3
        logits = random.normal(1, 1.5) * (2.0 * farm - 1) + random.normal(0, 1, pixels)
        made[site] = Tally.of((1 / (1 + np.exp(-logits))).astype(np.float32), farm)
    return made


def iou(tally: Tally) -> float:
    return tally.iou(0.5)


def test_an_interval_is_of_sites_and_does_not_narrow_with_more_pixels_of_them() -> None:
    few, many = (bootstrap(sites(12, pixels), iou) for pixels in (500, 20_000))
    assert (many.high - many.low) > 0.6 * (few.high - few.low)
    more_sites = bootstrap(sites(200, 500), iou)
    assert (more_sites.high - more_sites.low) < 0.5 * (few.high - few.low)
    assert few.low < few.value < few.high


def test_an_interval_holds_the_true_value_about_as_often_as_it_says() -> None:
    """The mean of sites that are drawn at random: 95 % intervals of 40 sites, for 60 draws of the sites."""
    truth = sum(sites(3_000, 100, seed=999).values(), Tally()).iou(0.5)
    held = [
        interval.low <= truth <= interval.high
        for seed in range(60)
        for interval in [bootstrap(sites(40, 100, seed=seed), iou, draws=200)]
    ]
    assert 0.85 <= np.mean(held) <= 1.0


def test_sites_that_are_all_alike_leave_no_uncertainty() -> None:
    probability, farm = saturated(1_000, 7, 1.0)
    interval = bootstrap({site: Tally.of(probability, farm) for site in range(8)}, Tally.average_precision)
    assert interval.low == pytest.approx(interval.value, abs=1e-12)
    assert interval.high == pytest.approx(interval.value, abs=1e-12)


def test_one_site_tells_nothing_of_others_and_none_tells_nothing_at_all() -> None:
    single = bootstrap(sites(1, 500), iou)
    assert not math.isnan(single.value) and math.isnan(single.low) and math.isnan(single.high)
    assert all(math.isnan(v) for v in vars(bootstrap({}, iou)).values())


def test_the_same_seed_gives_the_same_interval_in_whatever_order_sites_come() -> None:
    tallies = sites(6, 300)
    backwards = dict(reversed(tallies.items()))
    assert bootstrap(tallies, iou) == bootstrap(backwards, iou)
    assert bootstrap(tallies, iou, seed=1) != bootstrap(tallies, iou, seed=2)


def test_measures_taken_together_are_those_taken_alone() -> None:
    tallies = sites(6, 300)
    measures = {"iou": iou, "ap": Tally.average_precision}
    both = bootstrap_all(tallies, measures, draws=150)
    assert both == {name: bootstrap(tallies, measure, draws=150) for name, measure in measures.items()}
    assert isinstance(both["iou"], Interval)


def test_draws_without_any_farm_are_left_out() -> None:
    ground = {f"ground {i}": Tally.of(np.full(50, 0.1, np.float32), np.zeros(50, bool)) for i in range(10)}
    farm = Tally.of(np.array([0.9, 0.2], np.float32), np.array([True, True]))
    interval = bootstrap({**ground, "farm": farm}, lambda tally: tally.recall(0.5))
    assert (interval.value, interval.low, interval.high) == (0.5, 0.5, 0.5)
