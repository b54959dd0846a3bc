"""Scores against definitions that can be read at a glance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from solar_saliency_plugin.engine.training.evaluation import average_precision, intersection_over_union


@given(arrays(bool, 40), arrays(np.float32, 40, elements=st.floats(0, 1, width=32)), st.floats(0.05, 0.95))
def test_intersection_over_union_is_that_of_sets(
    labels: np.ndarray, probabilities: np.ndarray, threshold: float
) -> None:
    farm, found = set(np.flatnonzero(labels)), set(np.flatnonzero(probabilities >= threshold))
    expected = len(farm & found) / max(1, len(farm | found))
    assert intersection_over_union(probabilities, labels, threshold) == pytest.approx(expected)


def test_average_precision_of_a_perfect_and_of_a_reversed_ranking() -> None:
    labels = np.array([True, True, False, False])
    assert average_precision(np.array([0.9, 0.8, 0.2, 0.1]), labels) == 1
    assert average_precision(np.array([0.1, 0.2, 0.8, 0.9]), labels) == pytest.approx((1 / 3 + 2 / 4) / 2)
