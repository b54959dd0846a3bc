"""Gradients and integrated gradients keep the axioms of Sundararajan, Taly and Yan (2017)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from solar_saliency_plugin.engine.attribution.gradients import (
    gradient,
    input_x_gradient,
    integrated_gradients,
    path_chart,
)
from solar_saliency_plugin.engine.attribution.network import Explainable
from solar_saliency_plugin.engine.attribution.view import View
from solar_saliency_plugin.engine.models.registry import Model

ViewOf = Callable[..., View]


def fixed(steps: int) -> dict[str, Any]:
    return {"steps": steps, "rule": "midpoint"}


def change(view: View) -> float:
    return float(view.score(view.reflectance) - view.score(view.baselines[:1]))


def apart(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(torch.linalg.vector_norm(one.double() - other.double()) / torch.linalg.vector_norm(other.double()))


def norms(network: torch.nn.Module) -> int:
    return sum(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())


class TestAxioms:
    @settings(max_examples=15, deadline=None)
    @given(band=st.integers(0, 9), row=st.integers(3, 8), col=st.integers(4, 9), value=st.floats(0.0, 0.9))
    def test_the_only_feature_that_differs_gets_the_whole_change(
        self, view_of: ViewOf, shipped_model: Model, band: int, row: int, col: int, value: float
    ) -> None:
        view = view_of(shipped_model, 12, 12)
        baseline = view.reflectance.clone()
        baseline[0, band, row, col] = value
        view = replace(view, baselines=baseline)
        values = integrated_gradients(view, fixed(540)).values
        # Where the answer goes up and down along the path, the sum is as exact as the way is long.
        _, answers = path_chart(view, 200)
        way = float(np.abs(np.diff(answers)).sum())
        assert float(values[band, row, col]) == pytest.approx(change(view), abs=1e-4 + 0.01 * way)
        values[band, row, col] = 0
        assert not values.any()

    @settings(max_examples=10, deadline=None)
    @given(a=st.floats(-3, 3), b=st.floats(-3, 3), seed=st.integers(0, 5))
    def test_maps_are_linear_in_what_is_explained(
        self, view_of: ViewOf, wide_model: Model, a: float, b: float, seed: int
    ) -> None:
        view = view_of(wide_model, 16, 16, seed=seed)
        one, other = torch.zeros(16, 16), torch.zeros(16, 16)
        one[3:7, 4:9], other[8:12, 2:14] = 0.05, 0.02
        for method, asked in ((gradient, {}), (input_x_gradient, {}), (integrated_gradients, fixed(6))):
            first, second, both = (
                method(replace(view, weights=weights), asked).values.double()
                for weights in (one, other, a * one + b * other)
            )
            expected = a * first + b * second
            assert torch.allclose(both, expected, atol=1e-5 * float(first.abs().max() + second.abs().max()))

    def test_folding_batch_norm_changes_the_network_but_not_the_map(
        self, view_of: ViewOf, wide_model: Model, shipped_model: Model
    ) -> None:
        for model in (wide_model, shipped_model):
            view = view_of(model)
            network = Explainable(model, "cpu")
            network.module = model.network
            unfolded = replace(view, network=network)
            assert norms(network.module) > 0 == norms(view.network.module)
            ours, theirs = (integrated_gradients(v, fixed(50)).values for v in (view, unfolded))
            assert apart(ours, theirs) < 1e-3  # rounding flips a ReLU here and there
