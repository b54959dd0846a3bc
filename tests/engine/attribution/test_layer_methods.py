"""What a layer and its channels contributed: sums that are right, captum's own numbers, cells on their pixels."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from captum.attr import (
    InternalInfluence,
    LayerConductance,
    LayerDeepLift,
    LayerGradCam,
    LayerGradientXActivation,
    LayerIntegratedGradients,
    NeuronConductance,
    NeuronDeepLift,
    NeuronGradient,
    NeuronIntegratedGradients,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from solar_saliency_plugin.contract.errors import CancelledError, MethodUnsuitableError, RequestError
from solar_saliency_plugin.contract.layer_attribution import LAYER_METHODS
from solar_saliency_plugin.engine.attribution import layer_methods, neuron_methods
from solar_saliency_plugin.engine.attribution.expected import drawn
from solar_saliency_plugin.engine.attribution.gradients import integrated_gradients
from solar_saliency_plugin.engine.attribution.layer_methods import Found, activations_and_gradients, goes_round
from solar_saliency_plugin.engine.attribution.layers import chosen_layer, layers_of, on_pixels
from solar_saliency_plugin.engine.attribution.methods import function_named
from solar_saliency_plugin.engine.attribution.view import View
from solar_saliency_plugin.engine.models.foreign import ForeignNetwork
from solar_saliency_plugin.engine.models.registry import Model

ViewOf = Callable[..., View]

#: In the U-Net of the tests: all goes through the first; round the deeper ones go skip connections.
THROUGH, COARSE = "stem.0.2", "encoder.2.1.2"

COMPLETE = ("layer_integrated_gradients", "layer_conductance", "layer_deeplift")


def run(view: View, name: str, layer: str, **given: object) -> Found:
    entry = LAYER_METHODS[name]
    asked = {"layer": layer}
    found: Found = function_named(entry.runs)(view, chosen_layer(view, asked)[1], {**entry.defaults, **given})
    return found


def through_all(view: View) -> list[str]:
    return [name for name, layer in layers_of(view).items() if not goes_round(view, layer)]


def difference(view: View) -> float:
    with torch.inference_mode():
        return float(view.score(view.reflectance) - view.score(view.baselines))


@pytest.mark.parametrize("quantity", ["logit", "probability"])
@pytest.mark.parametrize("name", COMPLETE)
def test_on_the_linear_model_every_layer_has_all_of_the_answer(
    view_of: ViewOf, linear_model: Model, name: str, quantity: str
) -> None:
    view = view_of(linear_model, quantity=quantity)
    assert through_all(view) == list(layers_of(view)) != []
    for layer in layers_of(view):
        found = run(view, name, layer)
        assert float(found.values.sum()) == pytest.approx(difference(view), rel=1e-3)
        assert found.wanted == pytest.approx(difference(view), rel=1e-4)


def test_on_the_linear_model_the_layer_is_as_the_formula_says(view_of: ViewOf, linear_model: Model) -> None:
    view = view_of(linear_model)
    change = torch.einsum("b,bhw->hw", torch.linspace(0.2, 2.0, 10), (view.reflectance - view.baselines)[0])
    for name in (*COMPLETE, "layer_gradient_shap"):
        values = run(view, name, "stem.0.2").values
        torch.testing.assert_close(values[0], (change * view.weights).double(), rtol=1e-4, atol=1e-7)
        assert not values[1].any(), "the second channel shows nothing"
    torch.testing.assert_close(run(view, "internal_influence", "stem.0.2").values[0], view.weights.double())
    shown = view.reflectance[0].flatten(1).T @ torch.linspace(0.2, 2.0, 10)
    weight = float(view.weights.mean())
    torch.testing.assert_close(run(view, "gradcam", "stem.0.2").values[0].flatten(), (shown * weight).double())


@pytest.mark.parametrize("baseline", ["constant", "other scene"])
@pytest.mark.parametrize("name", COMPLETE)
@pytest.mark.parametrize("which", ["wide_model", "shipped_model"])
def test_a_layer_that_all_goes_through_has_all_of_the_answer(
    view_of: ViewOf,
    request: pytest.FixtureRequest,
    landscape: Callable[..., np.ndarray],
    which: str,
    name: str,
    baseline: str,
) -> None:
    view = view_of(request.getfixturevalue(which), 25, 31)
    if baseline == "other scene":
        view = replace(view, baselines=torch.from_numpy(landscape(25, 31, 77))[None])
    layers = through_all(view)
    assert len(layers) >= 4 and "head" in layers
    allowed = 1e-4 if name == "layer_deeplift" else 0.02
    for layer in layers:
        found = run(view, name, layer)
        size = float(found.values.abs().sum())
        assert abs(float(found.values.sum()) - difference(view)) <= allowed * max(abs(difference(view)), 0.3 * size)


def test_skip_connections_go_round_the_deep_layers_only(view_of: ViewOf, wide_model: Model) -> None:
    view = view_of(wide_model)
    ways = {name: goes_round(view, layer) for name, layer in layers_of(view).items()}
    assert ways[COARSE] and ways["encoder.1"] and ways["rises.0"]
    assert not ways["stem"] and not ways["encoder.0"] and not ways["decoder.0"] and not ways["head"]


def test_integrated_gradients_of_a_deep_layer_add_up_to_what_is_lost_without_it(
    view_of: ViewOf, wide_model: Model
) -> None:
    view = view_of(wide_model)
    found = run(view, "layer_integrated_gradients", COARSE, steps=200)
    layer = view.network.module.get_submodule(COARSE)
    kept: list[torch.Tensor] = []
    handle = layer.register_forward_hook(lambda m, i, o: kept.append(o))
    with torch.no_grad():
        view.score(view.baselines)
        handle.remove()
        handle = layer.register_forward_hook(lambda m, i, o: kept[0])
        lost = float(view.score(view.reflectance))
        handle.remove()
        image = float(view.score(view.reflectance))
    assert found.wanted == pytest.approx(image - lost, abs=1e-6)
    assert float(found.values.sum()) == pytest.approx(image - lost, rel=0.02)
    assert abs(found.wanted - difference(view)) > 0.01 * abs(difference(view)), "skip connections carry the rest"


def test_with_ever_more_steps_conductance_is_captums(view_of: ViewOf, wide_model: Model) -> None:
    view = view_of(wide_model)
    layer = view.network.module.get_submodule(COARSE)
    reference = LayerConductance(view.scorer(), layer)
    exact = reference.attribute(view.reflectance, view.baselines, n_steps=3000, internal_batch_size=50)[0]
    exact = exact.detach().double()

    def off(values: torch.Tensor) -> float:
        return float((values - exact).norm() / exact.norm())

    assert off(run(view, "layer_conductance", COARSE, steps=3000).values) <= 2e-3
    ours = off(run(view, "layer_conductance", COARSE, steps=64).values)
    theirs = off(reference.attribute(view.reflectance, view.baselines, n_steps=64)[0].detach().double())
    assert ours < 0.7 * theirs and ours < 0.03


def test_methods_equal_captums_own_call_on_the_same_tensors(view_of: ViewOf, wide_model: Model) -> None:
    view = view_of(wide_model)
    scorer, image, baseline = view.scorer(), view.reflectance.clone().requires_grad_(True), view.baselines
    layer = view.network.module.get_submodule(COARSE)
    middle = {"n_steps": 7, "method": "riemann_middle"}
    expected = {
        "layer_integrated_gradients": LayerIntegratedGradients(scorer, layer).attribute(image, baseline, **middle),
        "internal_influence": InternalInfluence(scorer, layer).attribute(image, baseline, **middle),
        "layer_deeplift": LayerDeepLift(scorer, layer).attribute(image, baseline),
    }
    for name, values in expected.items():
        found = run(view, name, COARSE, **({} if name == "layer_deeplift" else {"steps": 7}))
        torch.testing.assert_close(found.values, values[0].detach().double(), rtol=1e-4, atol=1e-6)
    cam = LayerGradCam(scorer, layer).attribute(image)[0, 0].detach().double()
    torch.testing.assert_close(run(view, "gradcam", COARSE).values.sum(dim=0), cam, rtol=1e-4, atol=1e-6)


def test_layer_gradient_shap_is_captums_formula_at_the_points_that_the_seed_draws(
    view_of: ViewOf, wide_model: Model, landscape: Callable[..., np.ndarray]
) -> None:
    view = view_of(wide_model)
    view = replace(view, baselines=torch.from_numpy(np.stack([landscape(24, 28, 90 + i) for i in range(5)])))
    module = view.network.module.get_submodule(COARSE)
    alphas, turns = drawn(view.seed, 11, 5)
    layer = chosen_layer(view, {"layer": COARSE})[1]
    shown, _ = activations_and_gradients(view, layer, view.reflectance)
    total = torch.zeros_like(shown[0])
    for alpha, turn in zip(alphas, turns, strict=True):
        point = view.baselines[turn : turn + 1] * (1 - alpha) + alpha * view.reflectance
        slope = LayerGradientXActivation(view.scorer(), module, multiply_by_inputs=False).attribute(point)
        absent, _ = activations_and_gradients(view, layer, view.baselines[turn : turn + 1])
        total += (slope * (shown - absent))[0].detach() / 11
    found = run(view, "layer_gradient_shap", COARSE, samples=11).values
    torch.testing.assert_close(found, total.double(), rtol=1e-3, atol=1e-6)
    other = run(replace(view, seed=2), "layer_gradient_shap", COARSE, samples=11).values
    assert not torch.equal(found, other)
    assert torch.equal(found, run(view, "layer_gradient_shap", COARSE, samples=11).values)


def test_a_channels_methods_equal_captums_own_call_for_one_cell(view_of: ViewOf, wide_model: Model) -> None:
    view = view_of(wide_model, target=(slice(8, 9), slice(12, 13)))
    layer, channel, cell = view.network.module.get_submodule(COARSE), 3, (3, 2, 3)
    image, baseline, middle = view.reflectance.clone().requires_grad_(True), view.baselines, "riemann_middle"
    scorer = view.scorer()
    expected = {
        "neuron_conductance": NeuronConductance(scorer, layer).attribute(
            image, cell, baseline, n_steps=9, method=middle
        ),
        "neuron_gradient": NeuronGradient(scorer, layer).attribute(image, cell),
        "neuron_integrated_gradients": NeuronIntegratedGradients(scorer, layer).attribute(
            image, cell, baseline, n_steps=9, method=middle
        ),
        "neuron_deeplift": NeuronDeepLift(scorer, layer).attribute(image, cell, baseline),
    }
    assert any(float(values.detach().abs().sum()) > 0 for values in expected.values())
    for name, values in expected.items():
        steps = {"steps": 9} if "steps" in LAYER_METHODS[name].defaults else {}
        found = run(view, name, COARSE, channel=channel, **steps)
        torch.testing.assert_close(found.values, values[0].detach().double(), rtol=1e-4, atol=1e-6)


def test_conductance_of_a_channel_is_the_sum_over_the_cells_of_the_target(view_of: ViewOf, wide_model: Model) -> None:
    view = view_of(wide_model, target=(slice(8, 15), slice(11, 17)))
    layer = view.network.module.get_submodule(COARSE)
    total = torch.zeros_like(view.reflectance[0])
    for cell in ((5, row, col) for row in range(2, 4) for col in range(2, 5)):
        total += NeuronConductance(view.scorer(), layer).attribute(
            view.reflectance, cell, view.baselines, n_steps=5, method="riemann_middle"
        )[0]
    found = run(view, "neuron_conductance", COARSE, channel=5, steps=5).values
    torch.testing.assert_close(found, total.double(), rtol=1e-3, atol=1e-6)


def test_all_channels_together_are_integrated_gradients_where_the_target_is_all_there_is(
    view_of: ViewOf, wide_model: Model
) -> None:
    everywhere = (slice(0, 24), slice(0, 28))
    view = view_of(wide_model, target=everywhere)
    channels = chosen_layer(view, {"layer": THROUGH})[1].channels
    parts = [run(view, "neuron_conductance", THROUGH, channel=c, steps=20).values for c in range(channels)]
    whole = integrated_gradients(view, {"steps": 20, "rule": "midpoint"}).values
    torch.testing.assert_close(sum(parts), whole, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("which", ["linear_model", "wide_model", "shipped_model"])
def test_a_channels_contributions_add_up_to_what_it_shows_more_than_for_the_baseline(
    view_of: ViewOf, request: pytest.FixtureRequest, which: str
) -> None:
    view = view_of(request.getfixturevalue(which))
    for name, layer in list(layers_of(view).items())[::3]:
        shown = [
            float(neuron_methods.neuron_value(view, layer, 0, image)) for image in (view.reflectance, view.baselines)
        ]
        for method, allowed in (("neuron_integrated_gradients", 0.02), ("neuron_deeplift", 1e-4)):
            found = run(view, method, name, channel=0, steps=400)
            assert found.wanted == pytest.approx(shown[0] - shown[1], abs=1e-6)
            size = max(abs(found.wanted), 0.1 * float(found.values.abs().sum()))
            assert abs(float(found.values.sum()) - found.wanted) <= allowed * size + 1e-6


def test_a_channel_is_taken_over_the_target_as_the_answer_is(view_of: ViewOf, wide_model: Model) -> None:
    view = view_of(wide_model, 23, 27, target=(slice(3, 10), slice(6, 11)))
    layer = chosen_layer(view, {"layer": COARSE})[1]
    activations, _ = activations_and_gradients(view, layer, view.reflectance)
    expected = np.mean([float(activations[0, 2, r // 4, c // 4]) for r in range(3, 10) for c in range(6, 11)])
    assert float(neuron_methods.neuron_value(view, layer, 2, view.reflectance)) == pytest.approx(expected, rel=1e-5)
    summed = replace(view, weights=(view.weights > 0).float())
    total = float(neuron_methods.neuron_value(summed, layer, 2, view.reflectance))
    assert total == pytest.approx(35 * expected, rel=1e-5)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(side=st.sampled_from([1, 2, 4, 8]), row=st.integers(2, 5), col=st.integers(2, 5), cut=st.integers(0, 1))
def test_a_hot_cell_lies_on_its_pixels_and_nowhere_beside(side: int, row: int, col: int, cut: int) -> None:
    cells = torch.zeros(8, 8, dtype=torch.float64)
    cells[row, col] = 1
    shape = (8 * side - cut, 8 * side - cut)
    drawn_ = on_pixels(cells, side, shape)
    assert drawn_.shape == shape
    rows, cols = (torch.arange(length, dtype=torch.float64) + 0.5 for length in shape)
    middle = (drawn_.sum(dim=1) @ rows / drawn_.sum(), drawn_.sum(dim=0) @ cols / drawn_.sum())
    assert middle[0] == pytest.approx((row + 0.5) * side) and middle[1] == pytest.approx((col + 0.5) * side)


def test_a_hot_pixel_is_hot_in_its_cell_on_the_map(view_of: ViewOf, wide_model: Model) -> None:
    """A layer of 4 × 4 pixels a cell, whose cell (2, 3) alone the answer asks for: its map peaks on rows 8–11."""
    view = view_of(wide_model)
    layer = chosen_layer(view, {"layer": COARSE})[1]
    assert layer.cell == 4
    hot = torch.zeros(1, layer.channels, 6, 7)
    hot[0, 0, 2, 3] = 1
    drawn_ = on_pixels(hot[0].sum(dim=0), 4, view.shape)
    inside = torch.zeros(view.shape, dtype=torch.bool)
    inside[8:12, 12:16] = True
    assert drawn_[inside].min() > drawn_[~inside].max()


def test_every_layer_is_listed_with_its_channels_and_cells_where_the_name_is_wrong(
    view_of: ViewOf, wide_model: Model
) -> None:
    with pytest.raises(RequestError) as raised:
        chosen_layer(view_of(wide_model), {"layer": "stem.9"})
    hint = raised.value.hint
    assert hint.index("stem.0.2 (8 channels)") < hint.index("encoder.2.1.2 (32 channels, cells of 4 × 4 pixels)")
    assert "head (1 channel)" in hint


def test_without_a_name_the_layer_is_the_last_activation_before_the_output(view_of: ViewOf, wide_model: Model) -> None:
    name, layer = chosen_layer(view_of(wide_model), {"layer": ""})
    assert name == "decoder.0.1.2" and isinstance(layer.module, nn.ReLU)


@pytest.mark.parametrize("name", LAYER_METHODS)
def test_evaluations_are_what_the_list_of_methods_says(view_of: ViewOf, wide_model: Model, name: str) -> None:
    view, entry = view_of(wide_model), LAYER_METHODS[name]
    found = run(view, name, COARSE, channel=0)
    assert found.evaluations == pytest.approx(entry.cost(entry.defaults, 1, 10, 24 * 28), rel=0.25)


@pytest.mark.parametrize("name", LAYER_METHODS)
def test_a_cancelled_run_stops_at_once_and_leaves_no_hook(view_of: ViewOf, wide_model: Model, name: str) -> None:
    view = view_of(wide_model)
    for allowed in (3, 25, 60):
        asked = iter(range(100_000))
        view.network.should_stop = lambda asked=asked, allowed=allowed: next(asked) > allowed
        with pytest.raises(CancelledError):
            for _ in range(4):  # those of one evaluation end before they are stopped
                run(view, name, COARSE, channel=0)
    view.network.should_stop = lambda: False
    assert all(len(m._forward_hooks) == 0 for m in view.network.module.modules())
    assert next(asked) < 75, "nothing ran on after the stop"


class Functional(nn.Module):
    """A network that calls one activation twice, and one that is no module, which DeepLIFT has no rule for."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Conv2d(10, 4, 3, padding=1), nn.Conv2d(4, 1, 3, padding=1)
        self.activation = nn.ReLU()

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.last(torch.sigmoid(self.activation(self.first(image)) * 3) ** 3)
        return answer


def foreign(view: View, one_by_one: bool) -> View:
    architecture = {"scale": 1.0, "gives": "logits", "size": (), "multiple": 1, "minimum": 1, "maximum": 4096}
    architecture |= {"one_by_one": one_by_one, "local": True, "margin": 4}
    view.network.module = ForeignNetwork(Functional().requires_grad_(False), architecture)
    view.network.is_ours = False
    return view


def test_layer_deeplift_is_refused_where_it_would_be_wrong(view_of: ViewOf, wide_model: Model) -> None:
    view = foreign(view_of(wide_model), one_by_one=False)
    with pytest.raises(MethodUnsuitableError, match="has no rule for"):
        run(view, "layer_deeplift", "program.first")
    view = foreign(view_of(wide_model), one_by_one=True)
    for name in ("layer_deeplift", "neuron_deeplift"):
        with pytest.raises(MethodUnsuitableError, match="one image at a time"):
            run(view, name, "program.activation", channel=0)


@pytest.mark.parametrize("one_by_one", [False, True])
def test_a_network_of_the_users_own_is_looked_into_whether_or_not_it_takes_several_images(
    view_of: ViewOf, wide_model: Model, one_by_one: bool
) -> None:
    view = foreign(view_of(wide_model), one_by_one)
    for name in ("layer_integrated_gradients", "layer_conductance"):
        found = run(view, name, "program.activation")
        assert float(found.values.sum()) == pytest.approx(difference(view), rel=0.01)
    assert layer_methods.together(view) == (1 if one_by_one else view.at_a_time)
