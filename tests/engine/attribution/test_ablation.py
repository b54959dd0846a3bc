"""Feature ablation: closed forms, and windows that equal the whole."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from solar_saliency_plugin.contract.attribution_methods import ATTRIBUTION_METHODS
from solar_saliency_plugin.contract.errors import MethodUnsuitableError, RequestError
from solar_saliency_plugin.engine.attribution.ablation import feature_ablation, settle_ablation
from solar_saliency_plugin.engine.attribution.superpixels import segments
from solar_saliency_plugin.engine.attribution.view import View
from solar_saliency_plugin.engine.imagery.grid import Window
from solar_saliency_plugin.engine.models.registry import Model

WEIGHTS = torch.linspace(0.2, 2.0, 10)
BANDS = {"features": "bands", "superpixel": None, "evaluations": 1000}
SUPERPIXELS = {**BANDS, "features": "superpixels"}
BOTH = {**BANDS, "features": "bands_of_superpixels", "evaluations": 200}


def _closed_form(view: View) -> torch.Tensor:
    """w ⊙ (x − x′) at each pixel, times what the pixel counts in S."""
    return (WEIGHTS[:, None, None] * (view.reflectance - view.baselines)[0] * view.weights).double()


@examples(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 99), black=st.floats(0.0, 0.3), rows=st.integers(12, 40), cols=st.integers(12, 40))
def test_a_linear_models_bands_lose_weight_times_difference(
    view_of: Callable[..., View], linear_model: Model, seed: int, black: float, rows: int, cols: int
) -> None:
    view = view_of(linear_model, rows, cols, seed=seed)
    view = replace(view, baselines=torch.full_like(view.reflectance, black))
    found = feature_ablation(view, BANDS)
    assert found.evaluations == 11
    torch.testing.assert_close(found.values, _closed_form(view), atol=1e-5, rtol=0)


def test_a_linear_models_superpixels_lose_the_sum_of_their_pixels(
    view_of: Callable[..., View], linear_model: Model
) -> None:
    view = view_of(linear_model, target=(slice(4, 20), slice(4, 24)))
    labels = segments(view, None, 20)
    both, together = (
        feature_ablation(view, BOTH).values,
        feature_ablation(view, {**SUPERPIXELS, "evaluations": 20}).values,
    )
    for name in range(labels.max() + 1):
        inside = torch.from_numpy(labels == name)
        expected = _closed_form(view)[:, inside].sum(dim=1)
        torch.testing.assert_close(both[:, inside].sum(dim=1), expected, atol=1e-5, rtol=0)
        assert together[:, inside].sum().item() == pytest.approx(expected.sum().item(), abs=1e-5)
        assert torch.unique(together[:, inside]).numel() == 1


@pytest.mark.parametrize("settings", [BANDS, SUPERPIXELS, BOTH], ids=lambda s: s["features"])
def test_the_entry_tells_what_it_will_cost(
    view_of: Callable[..., View], shipped_model: Model, settings: dict[str, Any]
) -> None:
    view = view_of(shipped_model, 24, 28, target=(slice(2, 22), slice(2, 26)))
    cost = ATTRIBUTION_METHODS["feature_ablation"].cost
    evaluations = feature_ablation(view, settings).evaluations
    assert cost(settle_ablation(view, settings), 1, 10, 24 * 28) == evaluations
    assert cost(settings, 1, 10, 24 * 28) == pytest.approx(evaluations, rel=0.25)


def test_it_takes_no_more_evaluations_than_allowed(view_of: Callable[..., View], shipped_model: Model) -> None:
    view = view_of(shipped_model, 40, 40, target=(slice(2, 38), slice(2, 38)))
    assert feature_ablation(view, {**SUPERPIXELS, "evaluations": 20}).evaluations <= 21
    assert feature_ablation(view, {**BOTH, "evaluations": 200}).evaluations <= 201
    with pytest.raises(RequestError, match="20 are the most"):
        feature_ablation(view, {**SUPERPIXELS, "superpixel": 0.1, "evaluations": 20})


def test_superpixels_need_the_whole(view_of: Callable[..., View], shipped_model: Model) -> None:
    view = replace(view_of(shipped_model), whole=False)
    with pytest.raises(MethodUnsuitableError):
        settle_ablation(view, SUPERPIXELS)
    assert feature_ablation(view, BANDS).values.any()


@pytest.mark.parametrize("settings", [BANDS, SUPERPIXELS, BOTH], ids=lambda s: s["features"])
def test_what_is_not_valid_or_equals_the_baseline_gets_nothing(
    view_of: Callable[..., View], shipped_model: Model, settings: dict[str, Any]
) -> None:
    view = view_of(shipped_model, 40, 40, target=(slice(10, 30), slice(10, 30)))
    valid = view.valid.clone()
    valid[15:20, 12:30] = False
    equal = torch.where(valid, view.baselines, view.reflectance)
    view = replace(view, valid=valid, baselines=equal, weights=view.weights * valid)
    assert not feature_ablation(view, settings).values[:, ~valid].any()
    same = replace(view, baselines=view.reflectance)
    assert not feature_ablation(same, settings).values.any()


def test_far_superpixels_are_not_computed(view_of: Callable[..., View], shipped_model: Model) -> None:
    view = view_of(shipped_model, 80, 80, target=(slice(38, 42), slice(38, 42)))
    found = feature_ablation(view, SUPERPIXELS)
    seen = Window(38 - 4, 38 - 4, 12, 12)
    assert found.evaluations <= 1 + seen.height * seen.width / 5
    outside = torch.ones(80, 80, dtype=torch.bool)
    outside[seen.rows, seen.cols] = False
    assert not found.values[:, outside].any()
