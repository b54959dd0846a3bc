"""DeepLIFT adds up, with any baseline, and refuses where it does not."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from torch import nn

from solar_saliency_plugin.contract.errors import CancelledError, MethodUnsuitableError
from solar_saliency_plugin.engine.attribution.deeplift import deeplift, deeplift_shap
from solar_saliency_plugin.engine.attribution.view import View
from solar_saliency_plugin.engine.models.foreign import ForeignNetwork
from solar_saliency_plugin.engine.models.registry import Model
from solar_saliency_plugin.engine.models.unet import UNet
from solar_saliency_plugin.engine.training.farms import farm_views

ViewOf = Callable[..., View]
Landscape = Callable[..., np.ndarray]

ANY_BASELINE = pytest.mark.parametrize("baseline", ["zero", "blur", "other scene"])


def baseline_of(name: str, image: torch.Tensor, landscape: Landscape) -> torch.Tensor:
    if name == "zero":
        return torch.zeros_like(image)
    if name == "blur":
        return torch.from_numpy(gaussian_filter(image.numpy(), (0, 0, 4, 4)))
    return torch.from_numpy(landscape(*image.shape[-2:], 77))[None]


def with_baseline(view: View, name: str, landscape: Landscape) -> View:
    return replace(view, baselines=baseline_of(name, view.reflectance, landscape))


def change(view: View) -> float:
    """S(x) − S(x′), in 64 bits but for the network."""
    image, baseline = (view.answers(i)[0].double() for i in (view.reflectance, view.baselines[:1]))
    return float(((image - baseline) * view.weights).sum())


def apart(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(torch.linalg.vector_norm(one - other) / torch.linalg.vector_norm(other))


@pytest.fixture
def small_unet(shipped_model: Model) -> Callable[..., Model]:
    """A function that makes an untrained model with pooling, whose class can be given."""

    def make(kind: type[UNet] = UNet) -> Model:
        torch.manual_seed(5)
        network = kind(shipped_model.card.mean, shipped_model.card.std, stem=(6,), width=6, depth=1, convolutions=1)
        return replace(shipped_model, network=network.eval().requires_grad_(False), sha256=f"small {kind.__name__}")

    return make


@ANY_BASELINE
@pytest.mark.parametrize("quantity", ["logit", "probability"])
@pytest.mark.parametrize("size", [(24, 28), (45, 51), (1, 7)])
def test_contributions_add_up_to_the_change_of_the_answer(
    view_of: ViewOf, wide_model: Model, landscape: Landscape, baseline: str, quantity: str, size: tuple[int, int]
) -> None:
    everything = (slice(None), slice(None)) if size[0] == 1 else None
    view = with_baseline(view_of(wide_model, *size, quantity=quantity, target=everything), baseline, landscape)
    values = deeplift(view, {}).values
    assert values.shape == view.reflectance.shape[1:]
    assert float(values.double().sum()) == pytest.approx(change(view), rel=1e-4)


@ANY_BASELINE
def test_contributions_add_up_on_the_shipped_model(
    view_of: ViewOf, shipped_model: Model, landscape: Landscape, baseline: str
) -> None:
    view = with_baseline(view_of(shipped_model), baseline, landscape)
    assert float(deeplift(view, {}).values.double().sum()) == pytest.approx(change(view), rel=1e-5)


@ANY_BASELINE
def test_contributions_add_up_on_real_farms(
    view_of: ViewOf, shipped_model: Model, wide_model: Model, landscape: Landscape, shared_data: Path, baseline: str
) -> None:
    mean = np.asarray(shipped_model.card.mean, np.float32)[:, None, None]
    for farm in [farm_views(shared_data, (site,))[0] for site in (31, 149, 813)]:
        image = torch.from_numpy(np.where(farm.valid, farm.reflectance, mean))[None]
        covered = torch.from_numpy(farm.coverage > 0.5)
        for model in (shipped_model, wide_model):
            view = replace(view_of(model, *covered.shape), reflectance=image, weights=covered / covered.sum())
            view = with_baseline(view, baseline, landscape)
            assert float(deeplift(view, {}).values.sum()) == pytest.approx(change(view), rel=1e-4)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), weight=st.floats(1e-6, 1e3), towards=st.floats(0, 1))
def test_no_image_is_refused_that_a_network_of_ours_can_explain(
    view_of: ViewOf, wide_model: Model, landscape: Landscape, seed: int, weight: float, towards: float
) -> None:
    """However close baseline and image are, and however much cancels."""
    view = view_of(wide_model, seed=seed)
    other = torch.from_numpy(landscape(*view.shape, seed + 1))[None]
    view = replace(view, baselines=torch.lerp(view.reflectance, other, towards), weights=view.weights * weight)
    assert deeplift(view, {}).values.isfinite().all()


def test_a_baseline_that_is_the_image_gives_zero(view_of: ViewOf, wide_model: Model) -> None:
    view = view_of(wide_model)
    assert (deeplift(replace(view, baselines=view.reflectance.clone()), {}).values == 0).all()


def test_a_target_without_a_pixel_in_the_window_gives_zero(view_of: ViewOf, wide_model: Model) -> None:
    view = view_of(wide_model)
    assert (deeplift(replace(view, weights=torch.zeros_like(view.weights)), {}).values == 0).all()


def test_linear_model_gives_weights_times_difference(
    view_of: ViewOf, linear_model: Model, landscape: Landscape
) -> None:
    baselines = torch.from_numpy(np.stack([landscape(24, 28, seed) for seed in (5, 6, 7)]))
    view = view_of(linear_model, baselines=baselines)
    linear = torch.linspace(0.2, 2.0, 10)[:, None, None] * view.weights
    for index in range(3):
        expected = linear * (view.reflectance - baselines[index])[0]
        found = deeplift(view.of_baseline(index), {}).values.float()
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    expected = linear * (view.reflectance[0] - baselines.mean(dim=0))
    torch.testing.assert_close(deeplift_shap(view, {}).values.float(), expected, rtol=0, atol=1e-5)


def test_shap_is_the_mean_over_the_baselines_and_adds_up(
    view_of: ViewOf, wide_model: Model, landscape: Landscape
) -> None:
    baselines = torch.from_numpy(np.stack([landscape(24, 28, seed) for seed in range(5, 10)]))
    view = view_of(wide_model, baselines=baselines)
    found = deeplift_shap(view, {})
    single = [deeplift(view.of_baseline(index), {}).values.double() for index in range(5)]
    torch.testing.assert_close(found.values, torch.stack(single).mean(dim=0))
    changes = [change(view.of_baseline(index)) for index in range(5)]
    assert float(found.values.sum()) == pytest.approx(np.mean(changes), rel=1e-4)
    assert found.evaluations == 2 * 5


def test_shap_with_one_baseline_says_that_it_is_deeplift(view_of: ViewOf, wide_model: Model) -> None:
    view = view_of(wide_model)
    torch.testing.assert_close(deeplift_shap(view, {}).values, deeplift(view, {}).values)
    assert any("with one it is DeepLIFT" in warning for warning in view.job.warnings)


class SharesPoolAndSkip(UNet):
    """Pools the very tensor that the skip connection holds."""

    def forward(self, reflectance: torch.Tensor) -> torch.Tensor:
        skip = self.encoder[0](self.stem(self.normalisation(reflectance)))
        deep = self.encoder[1](self.pools[0](skip))
        risen = self.rises[0](deep)[..., : skip.shape[-2], : skip.shape[-1]]
        return self.head(self.decoder[0](torch.cat((skip, risen), dim=1)))


def test_a_pool_that_shares_its_input_with_a_skip_is_refused(
    view_of: ViewOf, small_unet: Callable[..., Model], landscape: Landscape
) -> None:
    model = small_unet(SharesPoolAndSkip)
    with pytest.raises(MethodUnsuitableError, match="instead of"):
        deeplift(with_baseline(view_of(model), "other scene", landscape), {})
    deeplift(with_baseline(view_of(small_unet()), "other scene", landscape), {})


class Functional(nn.Module):
    """Its ReLU is a function, which no hook reaches."""

    def __init__(self, bend: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.first, self.head = nn.Conv2d(10, 6, 3, padding=1), nn.Conv2d(6, 1, 1)
        self.bend = bend

    def forward(self, reflectance: torch.Tensor) -> torch.Tensor:
        return self.head(self.bend(self.first(reflectance)))


@pytest.mark.parametrize("bend", [torch.relu, nn.GELU(), lambda x: x + torch.nan])
def test_networks_with_anything_that_has_no_rule_are_refused(
    view_of: ViewOf, wide_model: Model, landscape: Landscape, bend: Callable[..., Any]
) -> None:
    view = with_baseline(view_of(wide_model), "other scene", landscape)
    view.network.module = Functional(bend).requires_grad_(False)
    with pytest.raises(MethodUnsuitableError, match="no rule for") as raised:
        deeplift(view, {})
    assert "integrated gradients" in raised.value.hint


def test_a_network_that_takes_one_image_at_a_time_is_refused(view_of: ViewOf, wide_model: Model) -> None:
    view = view_of(wide_model)
    architecture = {"scale": 1.0, "gives": "logits", "size": (), "multiple": 1, "minimum": 1, "maximum": 4096}
    architecture |= {"one_by_one": True, "local": True, "margin": 4}
    view.network.module = ForeignNetwork(Functional(nn.ReLU()).requires_grad_(False), architecture)
    with pytest.raises(MethodUnsuitableError, match="one image at a time"):
        deeplift(view, {})


def test_a_cancelled_run_stops_and_leaves_no_hook(view_of: ViewOf, wide_model: Model) -> None:
    view = view_of(wide_model)
    before = deeplift(view, {}).values
    asked = iter(range(100))
    view.network.should_stop = lambda: next(asked) > 3
    with pytest.raises(CancelledError):
        deeplift(view, {})
    view.network.should_stop = lambda: False
    assert all(len(m._forward_hooks) == 0 for m in view.network.module.modules())
    torch.testing.assert_close(deeplift(view, {}).values, before, rtol=0, atol=0)
