"""A view in 64 bits says the same, and stops when the original is asked to."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from solar_saliency_plugin.contract.errors import CancelledError
from solar_saliency_plugin.engine.attribution.precision import in_double
from solar_saliency_plugin.engine.attribution.view import View
from solar_saliency_plugin.engine.models.registry import Model

ViewOf = Callable[..., View]


def test_the_answer_is_the_same_up_to_rounding(view_of: ViewOf, wide_model: Model) -> None:
    view = view_of(wide_model)
    double = in_double(view)
    exact = double.score(double.reflectance)
    assert exact.dtype == torch.float64 and view.score(view.reflectance).dtype == torch.float32
    torch.testing.assert_close(view.score(view.reflectance).double(), exact, rtol=1e-4, atol=1e-5)
    assert in_double(double).score(double.reflectance) == exact


def test_it_stops_when_the_original_is_asked_to(view_of: ViewOf, wide_model: Model) -> None:
    view = view_of(wide_model)
    double = in_double(view)
    view.network.should_stop = lambda: True
    with pytest.raises(CancelledError):
        double.network.logits(double.reflectance)


def test_a_network_of_the_users_own_stays_as_it_is(view_of: ViewOf, wide_model: Model) -> None:
    view = view_of(wide_model)
    view.network.is_ours = False
    assert in_double(view) is view
    assert in_double(replace(view, whole=False)).reflectance.dtype == torch.float32
