"""Maps of the gradient family, computed window by window, are those of the whole scene."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from solar_saliency_plugin.contract.attribution_methods import ATTRIBUTION_METHODS
from solar_saliency_plugin.engine.attribution import expected, gradients, noise
from solar_saliency_plugin.engine.attribution.view import View
from solar_saliency_plugin.engine.models.registry import Model

ROWS, COLS, CORE = 236, 220, 64

METHODS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "gradient": (gradients.gradient, {}),
    "input_x_gradient": (gradients.input_x_gradient, {}),
    "integrated_gradients": (gradients.integrated_gradients, {"steps": 4, "rule": "midpoint"}),
    "integrated_gradients_right": (gradients.integrated_gradients, {"steps": 4, "rule": "right"}),
    "smoothgrad": (noise.smoothgrad, {"samples": 3, "noise": 0.1, "of": "gradient"}),
    "vargrad": (noise.vargrad, {"samples": 3, "noise": 0.1, "of": "gradient"}),
    "smoothgrad_squared": (noise.smoothgrad_squared, {"samples": 3, "noise": 0.1, "of": "gradient"}),
    "gradient_shap": (expected.gradient_shap, {"samples": 4, "noise": 0.1}),
}


@pytest.fixture(scope="module")
def scene(view_of: Callable[..., View], wide_model: Model, landscape: Callable[..., Any]) -> View:
    """A scene with several targets, some across the borders of windows, and baselines that are not constant."""
    baselines = torch.stack([torch.from_numpy(landscape(ROWS, COLS, seed)) for seed in (5, 6)])
    view = view_of(wide_model, ROWS, COLS, baselines=baselines)
    weights = torch.zeros(ROWS, COLS)
    for row, col in ((3, 5), (60, 61), (100, 150), (125, 60), (220, 205)):
        weights[row : row + 9, col : col + 11] = 1
    return replace(view, weights=weights / weights.sum())


def in_windows(
    method: Callable[..., Any], asked: dict[str, Any], scene: View, halo: int, shift: int = 0
) -> torch.Tensor:
    """The map, put together from cores of windows with so much halo; shift: pixels that the window begins too late."""
    found = torch.full(scene.reflectance.shape[1:], torch.nan, dtype=torch.float64)
    for row in range(0, ROWS, CORE):
        for col in range(0, COLS, CORE):
            top, left = (max(0, start - halo) + (shift if start > halo else 0) for start in (row, col))
            place = (..., slice(top, min(ROWS, row + CORE + halo)), slice(left, min(COLS, col + CORE + halo)))
            window = replace(
                scene,
                **{name: getattr(scene, name)[place] for name in ("reflectance", "valid", "baselines", "weights")},
                row=top,
                col=left,
                whole=False,
            )
            values = method(window, asked).values
            core = (slice(None), slice(row, min(ROWS, row + CORE)), slice(col, min(COLS, col + CORE)))
            found[core] = values[:, row - top : row - top + CORE, col - left : col - left + CORE]
    return found


def apart(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(torch.linalg.vector_norm(one - other) / torch.linalg.vector_norm(other))


@pytest.mark.parametrize("name", METHODS)
def test_cores_of_windows_make_the_whole_map(scene: View, name: str) -> None:
    method, asked = METHODS[name]
    stride = scene.network.stride
    halo = -(-2 * scene.network.halo // stride) * stride
    assert halo < 150 and CORE % stride == 0
    whole = method(scene, asked).values.double()
    assert whole.any()
    assert apart(in_windows(method, asked, scene, halo), whole) <= 1e-6


def test_the_comparison_sees_a_window_that_is_off_by_one(scene: View) -> None:
    method, asked = METHODS["gradient"]
    stride = scene.network.stride
    halo = -(-2 * scene.network.halo // stride) * stride
    assert stride > 1
    assert apart(in_windows(method, asked, scene, halo, shift=-stride), method(scene, asked).values.double()) <= 1e-6
    assert apart(in_windows(method, asked, scene, halo, shift=1), method(scene, asked).values.double()) > 1e-3


@pytest.mark.parametrize(
    "name",
    [
        "gradient",
        "input_x_gradient",
        "integrated_gradients",
        "smoothgrad",
        "vargrad",
        "smoothgrad_squared",
        "gradient_shap",
    ],
)
@pytest.mark.parametrize("of", ["gradient", "integrated_gradients"])
def test_the_list_of_methods_tells_the_cost(
    view_of: Callable[..., View], shipped_model: Model, name: str, of: str
) -> None:
    entry = ATTRIBUTION_METHODS[name]
    asked = {**entry.defaults, **({"of": of} if "of" in entry.defaults else {})}
    view = view_of(shipped_model, 12, 12)
    method = {"integrated_gradients": gradients.integrated_gradients, **{n: f for n, (f, _) in METHODS.items()}}[name]
    told = entry.cost(asked, 1, 10, 144)
    assert told / 1.25 <= method(view, asked).evaluations <= told * 1.25
