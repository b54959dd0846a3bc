"""Farms and detections that are known by construction, whole and in windows."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from solar_saliency_plugin.engine.detection.components import CORE_PIXELS, find_components
from solar_saliency_plugin.engine.imagery.grid import Window
from solar_saliency_plugin.engine.training.objects import (
    Matches,
    ObjectMatcher,
    ObjectTally,
    match_objects,
    size_class,
)
from solar_saliency_plugin.engine.training.scores import bootstrap

PIXEL = 100.0  # m²


def blocks(*places: tuple[int, int, int, int], shape: tuple[int, int] = (60, 80), value: float = 1.0) -> np.ndarray:
    """Rectangles (row, col, height, width) of ``value`` on nothing."""
    image = np.zeros(shape, np.float32)
    for row, col, height, width in places:
        image[row : row + height, col : col + width] = value
    return image


def match(probability: np.ndarray, coverage: np.ndarray, valid: np.ndarray | None = None, **more) -> Matches:
    return match_objects(
        probability, coverage, np.ones(coverage.shape, bool) if valid is None else valid, 0.5, PIXEL, **more
    )


def outcomes(matches: Matches) -> tuple[list[bool | None], list[bool | None]]:
    return [farm.found for farm in matches.farms], [detection.true for detection in matches.detections]


def test_a_farm_is_found_from_30_percent_of_its_area_on() -> None:
    farm = blocks((10, 10, 10, 20))
    assert outcomes(match(blocks((10, 10, 10, 6)), farm)) == ([True], [True])
    assert outcomes(match(blocks((10, 10, 10, 5)), farm)) == ([False], [True])


def test_a_detection_is_true_from_30_percent_of_its_pixels_on_farms() -> None:
    farm = blocks((10, 10, 10, 6))
    assert outcomes(match(blocks((10, 10, 10, 20)), farm)) == ([True], [True])
    assert outcomes(match(blocks((10, 10, 10, 21)), farm)) == ([True], [False])


def test_a_farm_found_in_pieces_and_two_farms_found_as_one_are_found() -> None:
    one = blocks((10, 10, 10, 20))
    assert outcomes(match(blocks((10, 10, 10, 5), (10, 24, 10, 5)), one)) == ([True], [True, True])
    two = blocks((10, 10, 10, 10), (10, 30, 10, 10))
    assert outcomes(match(blocks((10, 10, 10, 30)), two)) == ([True, True], [True])


def test_a_miss_and_a_false_alarm_count_once_each() -> None:
    tally = match(blocks((40, 40, 8, 8)), blocks((5, 5, 8, 8))).tally()
    assert (tally.farms, tally.detections) == (1, 1)
    assert tally.recall() == 0 and tally.precision() == 0 and tally.f1() == 0


def test_partly_covered_pixels_count_by_their_share() -> None:
    (farm,) = match(blocks((5, 5, 8, 8), value=0.5), blocks((5, 5, 8, 8), value=0.5)).farms
    assert farm.hectares == pytest.approx(0.32) and farm.found


def test_rows_of_panels_drawn_one_by_one_are_one_farm() -> None:
    rows = blocks((10, 10, 1, 10), (11, 20, 1, 10), (12, 9, 1, 11), (13, 20, 1, 10))  # some touch by corners only
    assert len(match(rows, rows).farms) == 1


def test_what_polygonizing_leaves_out_neither_counts_nor_finds() -> None:
    farm, crumbs = blocks((10, 10, 6, 6)), blocks((10, 10, 3, 6))
    assert outcomes(match(crumbs, farm)) == ([False], [])
    assert outcomes(match(crumbs, farm, minimum_ha=0.1)) == ([True], [True])
    assert match(farm, crumbs).farms == ()


def test_a_farm_under_clouds_is_not_judged_and_of_others_only_what_was_seen() -> None:
    farm = blocks((10, 10, 10, 20))
    valid = np.ones(farm.shape, bool)
    valid[:, :21] = False  # 11 of 20 columns
    assert outcomes(match(blocks(), farm, valid)) == ([None], [])
    valid[:, 20:22] = True  # half of it was seen: 10 columns, of which 3 are enough
    assert outcomes(match(blocks((10, 20, 10, 3)), farm, valid)) == ([True], [True])
    assert match(blocks((10, 20, 10, 3)), farm, valid).farms[0].hectares == pytest.approx(2.0)
    assert match(blocks(), farm, np.zeros_like(valid)).tally().farms == 0


def test_a_detection_of_a_farm_that_may_not_stand_yet_is_not_judged() -> None:
    newer = blocks((10, 10, 10, 10)) > 0
    assert outcomes(match(blocks((10, 10, 10, 10)), blocks(), ignored=newer)) == ([], [None])
    assert outcomes(match(blocks((10, 17, 10, 20)), blocks(), ignored=newer)) == ([], [False])


def test_unknown_probabilities_are_not_detected() -> None:
    farm = blocks((10, 10, 10, 10))
    assert outcomes(match(np.where(farm > 0, np.nan, 0).astype(np.float32), farm)) == ([False], [])


def test_a_detection_says_how_much_of_it_lies_far_from_farms() -> None:
    farm, found, nothing = blocks((10, 10, 10, 10)), blocks((10, 15, 10, 20), (40, 40, 5, 6)), blocks() > 0
    far = np.ones(farm.shape, bool)
    far[:, :30] = False
    matcher = ObjectMatcher(0.5, farm.shape[1])
    matcher.add(Window(0, 0, *farm.shape), found, farm, ~nothing, nothing, far)
    assert [(d.true, d.far) for d in matcher.matches(PIXEL).detections] == [
        (False, pytest.approx(0.5)),
        (False, pytest.approx(0.3)),
    ]
    assert [d.far for d in match(found, farm).detections] == [0, 0]


def test_size_classes_are_under_1_to_5_to_20_hectares_and_above() -> None:
    assert [size_class(ha) for ha in (0.2, 0.999, 1, 4.99, 5, 19.9, 20, 500)] == [0, 0, 1, 1, 2, 2, 3, 3]
    farms = blocks((2, 2, 5, 5), (2, 20, 12, 12), (20, 20, 30, 30))
    tally = match(blocks((2, 2, 5, 5), (20, 20, 30, 30)), farms).tally()
    assert tally.counts.tolist() == [[1, 1, 1, 0], [1, 0, 1, 0], [1, 0, 1, 0], [1, 0, 1, 0]]
    assert tally.recall() == pytest.approx(2 / 3) and tally.precision() == 1 and tally.f1() == pytest.approx(0.8)
    assert tally.from_size(1.0).recall() == 0.5
    assert math.isnan(tally.of_size(3).recall()) and tally.of_size(2).f1() == 1


def test_without_farms_recall_is_unknown_and_every_detection_false() -> None:
    tally = match(blocks((5, 5, 8, 8)), blocks()).tally()
    assert math.isnan(tally.recall()) and math.isnan(tally.f1()) and tally.precision() == 0
    assert math.isnan(ObjectTally().precision())


def scattered(seed: int, shape: tuple[int, int]) -> tuple[np.ndarray, ...]:
    """Probability, coverage, validity and what is ignored, full of pieces that touch by edges and corners."""
    random = np.random.default_rng(seed)
    probability = random.random(shape, np.float32)
    probability[random.random(shape) < 0.05] = np.nan
    coverage = np.where(random.random(shape) < 0.3, random.random(shape), 0).astype(np.float32)
    return probability, coverage, random.random(shape) < 0.9, random.random(shape) < 0.1


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 40), st.integers(1, 17))
def test_windows_give_the_same_objects_as_the_whole_image(seed: int, height: int, width: int, side: int) -> None:
    probability, coverage, valid, ignored = scattered(seed, (height, width))
    far = np.random.default_rng(seed + 1).random((height, width)) < 0.5
    matcher = ObjectMatcher(0.4, width)
    for row in range(0, height, side):
        for col in range(0, width, side):
            window = Window(row, col, min(side, height - row), min(side, width - col))
            cut = (window.rows, window.cols)
            matcher.add(window, probability[cut], coverage[cut], valid[cut], ignored[cut], far[cut])
    one = ObjectMatcher(0.4, width)
    one.add(Window(0, 0, height, width), probability, coverage, valid, ignored, far)
    whole, pieces = one.matches(PIXEL, minimum_ha=0.02), matcher.matches(PIXEL, minimum_ha=0.02)
    simple = match_objects(probability, coverage, valid, 0.4, PIXEL, ignored, minimum_ha=0.02)
    assert [replace(d, far=0.0) for d in whole.detections] == list(simple.detections) and whole.farms == simple.farms

    def known(matches: Matches) -> list[tuple[object, ...]]:
        farms = [(f.window, round(f.hectares, 6), f.found) for f in matches.farms]
        detections = [(d.window, round(d.hectares, 6), d.true, round(d.far, 6)) for d in matches.detections]
        return sorted(farms, key=repr) + sorted(detections, key=repr)

    assert known(pieces) == known(whole)


def test_detections_are_those_that_polygonizing_finds() -> None:
    probability, coverage, _, ignored = scattered(8, (70, 90))
    components = find_components(
        lambda w: probability[w.rows, w.cols], *probability.shape, threshold=0.6, progress=lambda share: None
    )
    valid = np.ones_like(ignored)
    detections = match_objects(probability, coverage, valid, 0.6, PIXEL, ignored, minimum_ha=0.0).detections
    assert sorted((d.window for d in detections), key=repr) == sorted((c.window for c in components), key=repr)
    assert sum(d.hectares for d in detections) == pytest.approx(sum(c.pixels for c in components) * PIXEL / 1e4)


def test_detections_without_a_core_are_left_out_as_polygonizing_does_in_one_window_and_in_many() -> None:
    probability, coverage, valid, ignored = scattered(9, (70, 90))
    probability = ndimage.gaussian_filter(np.nan_to_num(probability), 3)
    threshold, core = np.quantile(probability, (0.6, 0.9))
    components = find_components(
        lambda w: probability[w.rows, w.cols], *probability.shape, threshold, lambda share: None, core
    )
    sure = [c for c in components if c.sure >= CORE_PIXELS]
    assert 1 <= len(sure) < len(components)
    seen = np.ones_like(valid)
    found = match_objects(probability, coverage, seen, threshold, PIXEL, ignored, 0.0, core).detections
    assert sorted((d.window for d in found), key=repr) == sorted((c.window for c in sure), key=repr)
    matcher = ObjectMatcher(threshold, 90, core)
    for row in range(0, 70, 10):
        window, rows = Window(row, 0, 10, 90), slice(row, row + 10)
        matcher.add(window, probability[rows], coverage[rows], seen[rows], ignored[rows])
    pieces = matcher.matches(PIXEL, 0.0).detections
    assert sorted((d.window for d in pieces), key=repr) == sorted((d.window for d in found), key=repr)


def test_object_scores_have_intervals_by_site_too() -> None:
    found, missed = (match(p, blocks((5, 5, 8, 8))).tally() for p in (blocks((5, 5, 8, 8)), blocks()))
    interval = bootstrap({site: found if site < 7 else missed for site in range(10)}, ObjectTally.recall)
    assert interval.value == 0.7
    assert 0.3 <= interval.low < 0.7 < interval.high <= 1.0
