"""Occlusion: closed forms, squares on the scene's grid, and crops instead of whole windows."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from solar_saliency_plugin.contract.attribution_methods import ATTRIBUTION_METHODS
from solar_saliency_plugin.contract.errors import RequestError
from solar_saliency_plugin.engine.attribution.occlusion import occlusion, settle_squares
from solar_saliency_plugin.engine.attribution.view import View
from solar_saliency_plugin.engine.models.registry import Model

WEIGHTS = torch.linspace(0.2, 2.0, 10)


def _settings(patch: float, stride: int, evaluations: int = 20_000) -> dict[str, float | int]:
    return {"patch": patch, "stride": stride, "evaluations": evaluations}


def _mean_over_squares(view: View, loss: torch.Tensor, side: int, stride: int) -> torch.Tensor:
    """The definition, for a loss (H, W) that adds up over pixels: every square of the scene's grid that touches."""
    rows, cols = view.shape
    total, covered = torch.zeros(rows, cols).double(), torch.zeros(rows, cols)
    for row in range(-side - stride, rows + stride):
        for col in range(-side - stride, cols + stride):
            if (view.row + row) % stride == 0 and (view.col + col) % stride == 0:
                place = slice(max(0, row), max(0, row + side)), slice(max(0, col), max(0, col + side))
                total[place] += loss[place].sum()
                covered[place] += 1
    return total / covered


@examples(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    side=st.integers(1, 7),
    stride=st.integers(1, 7),
    row=st.integers(0, 20),
    col=st.integers(0, 20),
    seed=st.integers(0, 9),
)
def test_a_linear_models_squares_lose_the_sum_of_their_pixels(
    view_of: Callable[..., View], linear_model: Model, side: int, stride: int, row: int, col: int, seed: int
) -> None:
    stride = min(side, stride)
    view = replace(view_of(linear_model, 17, 13, seed=seed), row=row, col=col)
    loss = (WEIGHTS[:, None, None] * (view.reflectance - view.baselines)[0]).sum(dim=0).double() * view.weights
    found = occlusion(view, _settings(10.0 * side, stride)).values
    torch.testing.assert_close(found[0], _mean_over_squares(view, loss, side, stride), atol=1e-5, rtol=0)


def test_squares_lie_on_the_scenes_grid(view_of: Callable[..., View], shipped_model: Model) -> None:
    view = view_of(shipped_model, 40, 40, target=(slice(18, 22), slice(18, 22)))
    smaller = replace(
        view,
        reflectance=view.reflectance[..., 7:33, 5:35],
        baselines=view.baselines[..., 7:33, 5:35],
        valid=view.valid[7:33, 5:35],
        weights=view.weights[7:33, 5:35],
        row=7,
        col=5,
    )
    whole, part = (occlusion(v, _settings(50.0, 3)).values for v in (view, smaller))
    torch.testing.assert_close(whole[:, 7:33, 5:35], part, atol=1e-6, rtol=0)


def test_a_square_is_measured_in_metres(view_of: Callable[..., View], shipped_model: Model) -> None:
    view = view_of(shipped_model)
    ten, twenty = view, replace(view, pixel_size=(20.0, 20.0))
    assert torch.equal(occlusion(ten, _settings(30.0, 2)).values, occlusion(twenty, _settings(60.0, 2)).values)


def test_crops_cost_at_most_half_of_whole_windows(view_of: Callable[..., View], wide_model: Model) -> None:
    view = view_of(wide_model, 256, 256, target=(slice(120, 124), slice(90, 140)))
    found = occlusion(view, _settings(50.0, 5))
    assert found.evaluations - 1 == found.facts["squares"]
    assert found.facts["passes"] <= 0.5 * found.facts["squares"]


def test_the_stride_grows_until_the_evaluations_suffice(view_of: Callable[..., View], shipped_model: Model) -> None:
    view = view_of(shipped_model, 40, 40, target=(slice(2, 38), slice(2, 38)))
    settled = settle_squares(view, _settings(50.0, 1, 200))
    assert 1 < settled["stride"] <= 5 and settled["images"] <= 200
    found = occlusion(view, _settings(50.0, 1, 200))
    assert found.evaluations == 1 + settled["images"]
    assert any("not 1" in warning for warning in view.job.warnings)
    with pytest.raises(RequestError, match="squares"):
        occlusion(view, _settings(50.0, 1, 10))


def test_a_stride_that_leaves_pixels_uncovered_is_refused(view_of: Callable[..., View], shipped_model: Model) -> None:
    with pytest.raises(RequestError, match="uncovered"):
        settle_squares(view_of(shipped_model), _settings(30.0, 4))


@pytest.mark.parametrize("stride", [1, 2, 5])
def test_the_entry_tells_what_it_will_cost(view_of: Callable[..., View], shipped_model: Model, stride: int) -> None:
    view = view_of(shipped_model, 24, 28, target=(slice(2, 22), slice(2, 26)))
    settings, cost = _settings(50.0, stride), ATTRIBUTION_METHODS["occlusion"].cost
    evaluations = occlusion(view, settings).evaluations
    assert cost(settle_squares(view, settings), 1, 10, 24 * 28) == evaluations
    assert cost(settings, 1, 10, 24 * 28) == pytest.approx(evaluations, rel=0.25)


def test_what_is_not_valid_or_equals_the_baseline_gets_nothing(
    view_of: Callable[..., View], shipped_model: Model
) -> None:
    view = view_of(shipped_model)
    valid = view.valid.clone()
    valid[10:14, 12:20] = False
    view = replace(view, valid=valid, baselines=torch.where(valid, view.baselines, view.reflectance))
    assert not occlusion(view, _settings(50.0, 2)).values[:, ~valid].any()
    assert not occlusion(replace(view, baselines=view.reflectance), _settings(50.0, 2)).values.any()
