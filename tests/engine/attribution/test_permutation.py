"""Feature permutation: its expectation, and the same exchange each time."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from solar_saliency_plugin.contract.attribution_methods import ATTRIBUTION_METHODS
from solar_saliency_plugin.engine.attribution.permutation import feature_permutation
from solar_saliency_plugin.engine.attribution.view import View
from solar_saliency_plugin.engine.models.registry import Model

WEIGHTS = torch.linspace(0.2, 2.0, 10)


@pytest.fixture
def view(view_of: Callable[..., View], linear_model: Model) -> View:
    """Of a linear model; the target differs from what is around it, a part of which is not valid."""
    view = view_of(linear_model, 40, 40)
    reflectance, valid = view.reflectance.clone(), view.valid.clone()
    reflectance[:, :, view.weights > 0] += 0.2
    valid[:8] = False
    reflectance[:, :, :8] = 0.9
    return replace(view, reflectance=reflectance, valid=valid)


def _standard_errors(view: View, samples: int) -> torch.Tensor:
    """Of each band's number: w · spread ÷ √(target's pixels · samples)."""
    pixels = int((view.weights > 0).sum())
    return WEIGHTS * view.reflectance[0][:, view.valid].std(dim=1) / (pixels * samples) ** 0.5


def test_a_linear_models_band_loses_weight_times_difference_from_the_mean(view: View) -> None:
    samples = 100
    found = feature_permutation(view, {"samples": samples}).values.sum(dim=(1, 2)).float()
    image = view.reflectance[0]
    expected = WEIGHTS * (image[:, view.weights > 0].mean(dim=1) - image[:, view.valid].mean(dim=1))
    assert ((found - expected).abs() <= 4 * _standard_errors(view, samples)).all()
    assert (expected.abs() > 5 * _standard_errors(view, samples)).all()


def test_it_is_drawn_at_the_targets_pixels(view: View) -> None:
    values = feature_permutation(view, {"samples": 3}).values
    assert values.shape == (10, 40, 40)
    assert not values[:, view.weights == 0].any() and values[:, view.weights > 0].any()


def test_the_same_seed_gives_the_same_exchange(view: View) -> None:
    one, again = (feature_permutation(view, {"samples": 2}).values for _ in range(2))
    assert torch.equal(one, again)
    assert not torch.equal(one, feature_permutation(replace(view, seed=2), {"samples": 2}).values)


def test_a_band_that_is_the_same_everywhere_gets_nothing(view: View) -> None:
    reflectance = view.reflectance.clone()
    reflectance[:, 3] = 0.25
    values = feature_permutation(replace(view, reflectance=reflectance), {"samples": 3}).values
    assert values[3].abs().max() < 1e-6 < values[2].abs().max()


def test_what_is_not_valid_is_not_exchanged(view_of: Callable[..., View], shipped_model: Model) -> None:
    view = view_of(shipped_model)
    view = replace(view, valid=torch.zeros_like(view.valid))
    assert not feature_permutation(view, {"samples": 2}).values.any()


def test_the_entry_tells_what_it_will_cost(view: View) -> None:
    cost = ATTRIBUTION_METHODS["feature_permutation"].cost({"samples": 7}, 1, 10, 1600)
    assert feature_permutation(view, {"samples": 7}).evaluations == cost
