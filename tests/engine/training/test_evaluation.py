"""Scores against definitions that can be read at a glance."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from solar_saliency_plugin.engine.models.unet import UNet
from solar_saliency_plugin.engine.training.evaluation import (
    average_precision,
    found_inside_large_farms,
    intersection_over_union,
)
from solar_saliency_plugin.engine.training.farms import FarmView


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


def test_what_lies_inside_a_large_farm_is_judged_far_from_any_edge() -> None:
    coverage = np.zeros((20, 24), np.float32)
    coverage[4:16, 4:20] = 1
    dark = np.where(coverage == 1, 0.1, 0.4).astype(np.float32)
    view = FarmView(7, "2022-06-01", np.repeat(dark[None], 10, 0), np.ones_like(coverage, bool), coverage, 0.0)

    class SeesDark(UNet):
        """Finds what is dark; where a rim of ground came in, it would find less than everything."""

        def forward(self, reflectance: torch.Tensor) -> torch.Tensor:
            return torch.where(reflectance[:, :1] < 0.2, 5.0, -5.0)

    network = SeesDark((0.2,) * 10, (0.1,) * 10, stem=(4,), width=4, depth=0, convolutions=1)
    assert found_inside_large_farms(network, [view], 0.5) == 1.0
