"""Guided backpropagation and deconvolution: their definition, on ReLUs that they can reach."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from solar_saliency_plugin.contract.errors import CancelledError
from solar_saliency_plugin.engine.attribution.modified_backprop import deconvolution, guided_backprop
from solar_saliency_plugin.engine.attribution.view import View
from solar_saliency_plugin.engine.models.registry import Model

ViewOf = Callable[..., View]

BOTH = pytest.mark.parametrize("method", [guided_backprop, deconvolution])


def hooks(view: View) -> int:
    return sum(
        len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks)
        for m in view.network.module.modules()
    )


@BOTH
def test_the_map_is_not_the_gradient(view_of: ViewOf, wide_model: Model, method: Callable[..., object]) -> None:
    view = view_of(wide_model)
    gradient = view.gradient(view.reflectance)[0]
    assert torch.linalg.vector_norm(method(view, {}).values - gradient) > 0.1 * torch.linalg.vector_norm(gradient)


@BOTH
def test_both_are_the_definition_on_one_relu(
    view_of: ViewOf, linear_model: Model, method: Callable[..., object]
) -> None:
    """logit = relu(wᵀx) − 3 relu(−wᵀx) − 1: what comes back to the second ReLU is −3, which neither lets pass."""
    view = view_of(linear_model)
    expected = torch.linspace(0.2, 2.0, 10)[:, None, None] * view.weights
    torch.testing.assert_close(method(view, {}).values, expected, rtol=0, atol=1e-6)


def test_only_deconvolution_passes_a_closed_relu(view_of: ViewOf, linear_model: Model) -> None:
    view = view_of(linear_model)
    with torch.no_grad():
        view.network.module.head.weight.copy_(torch.tensor([[[[1.0]], [[3.0]]]]))
    weights = torch.linspace(0.2, 2.0, 10)[:, None, None] * view.weights
    torch.testing.assert_close(guided_backprop(view, {}).values, weights, rtol=0, atol=1e-6)
    torch.testing.assert_close(deconvolution(view, {}).values, weights - 3 * weights, rtol=0, atol=1e-6)


@BOTH
def test_a_cancelled_run_stops_and_leaves_the_network_as_it_was(
    view_of: ViewOf, wide_model: Model, method: Callable[..., object]
) -> None:
    view = view_of(wide_model)
    before, expected = hooks(view), view.gradient(view.reflectance)
    asked = iter(range(100))
    view.network.should_stop = lambda: next(asked) > 3
    with pytest.raises(CancelledError):
        method(view, {})
    view.network.should_stop = lambda: False
    assert hooks(view) == before
    assert not view.reflectance.requires_grad
    torch.testing.assert_close(view.gradient(view.reflectance), expected, rtol=0, atol=0)


def test_every_relu_is_a_module(view_of: ViewOf, shipped_model: Model) -> None:
    relus = [m for m in view_of(shipped_model).network.module.modules() if isinstance(m, nn.ReLU)]
    assert relus and not any(relu.inplace for relu in relus)
