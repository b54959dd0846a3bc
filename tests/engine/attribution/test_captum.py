"""Every method of the list says what captum's own call says of the same tensors, where captum has it and is right.

The table is gone through by the list: a method added later fails until it is compared, or until it is said why not.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import captum.attr as captum
import numpy as np
import pytest
import torch
from captum.attr._utils.lrp_rules import IdentityRule

from solar_saliency_plugin.contract.attribution import MethodOptions
from solar_saliency_plugin.contract.attribution_methods import ATTRIBUTION_METHODS, AttributionMethod
from solar_saliency_plugin.engine.attribution.methods import method_of
from solar_saliency_plugin.engine.attribution.noise import noisy
from solar_saliency_plugin.engine.attribution.precision import in_double
from solar_saliency_plugin.engine.attribution.superpixels import segments
from solar_saliency_plugin.engine.attribution.surrogates import _Surrogate
from solar_saliency_plugin.engine.attribution.view import View
from solar_saliency_plugin.engine.models.registry import Model

#: Ours, captum's, and how far they may be apart (L2, as a share of captum's). Up to rounding: where our way of
#: computing the same turns a ReLU over now and then, gradients jump.
Compared = tuple[torch.Tensor, torch.Tensor, float]
ROUNDING, TURNED = 1e-5, 2e-3

#: wide_model's layers, from fine to coarse, by the pixels that a cell is wide.
LAYERS = {1: "encoder.0.1.2", 2: "encoder.1.1.2", 4: "encoder.2.1.2"}


@dataclass(frozen=True)
class Given:
    """What comparisons are made with: models, views of them, landscapes, and something to change captum with."""

    view_of: Callable[..., View]
    landscape: Callable[..., np.ndarray]
    wide: Model
    shipped: Model
    linear: Model
    patch: pytest.MonkeyPatch

    def views(self, rows: int, cols: int, **members: Any) -> Iterator[View]:
        """Views of the shipped and of a random wide model, of logits and of probabilities."""
        for model in (self.shipped, self.wide):
            for quantity in ("logit", "probability"):
                yield self.view_of(model, rows, cols, quantity=quantity, **members)


@pytest.fixture
def given(
    view_of: Callable[..., View],
    landscape: Callable[..., np.ndarray],
    wide_model: Model,
    shipped_model: Model,
    linear_model: Model,
    monkeypatch: pytest.MonkeyPatch,
) -> Given:
    return Given(view_of, landscape, wide_model, shipped_model, linear_model, monkeypatch)


def ours(name: str, view: View, **settings: Any) -> torch.Tensor:
    return method_of(name, MethodOptions(**settings), view.network).run(view).values


def image_of(view: View) -> torch.Tensor:
    return view.reflectance.clone().requires_grad_(True)


def gradient(given: Given) -> Iterator[Compared]:
    for view in given.views(24, 28):
        theirs = captum.Saliency(view.scorer()).attribute(image_of(view), abs=False)[0]
        yield ours("gradient", view), theirs, 0


def input_x_gradient(given: Given) -> Iterator[Compared]:
    for view in given.views(24, 28):
        yield ours("input_x_gradient", view), captum.InputXGradient(view.scorer()).attribute(image_of(view))[0], 0


def integrated_gradients(given: Given) -> Iterator[Compared]:
    view = given.view_of(given.wide)
    for rule, name in (("midpoint", "riemann_middle"), ("right", "riemann_right")):
        for steps in (5, 50):
            theirs = captum.IntegratedGradients(view.scorer()).attribute(
                view.reflectance, view.baselines, n_steps=steps, method=name
            )
            yield ours("integrated_gradients", view, steps=steps, rule=rule), theirs[0], ROUNDING


def noise_tunnel(kind: str, name: str) -> Callable[[Given], Iterator[Compared]]:
    """captum draws one σ for all bands, with torch's generator: it is given our noise."""

    def compared(given: Given) -> Iterator[Compared]:
        view = given.view_of(given.wide, 20, 20)
        added = noisy(view, 0.1, 0, 9) - view.reflectance
        given.patch.setattr(torch, "normal", lambda mean, std: added)
        of_gradient = captum.NoiseTunnel(captum.Saliency(view.scorer()))
        theirs = of_gradient.attribute(view.reflectance, nt_type=kind, nt_samples=9, abs=False)
        yield ours(name, view, samples=9, noise=0.1, of="gradient"), theirs[0].detach(), TURNED
        of_path = captum.NoiseTunnel(captum.IntegratedGradients(view.scorer()))
        path = {"baselines": view.baselines, "n_steps": 20, "method": "riemann_middle"}
        theirs = of_path.attribute(view.reflectance, nt_type=kind, nt_samples=9, **path)
        yield ours(name, view, samples=9, noise=0.1, of="integrated_gradients"), theirs[0].detach(), TURNED

    return compared


def deeplift(given: Given) -> Iterator[Compared]:
    view = given.view_of(given.wide, baselines=torch.from_numpy(given.landscape(24, 28, 5))[None])
    theirs = captum.DeepLift(view.scorer()).attribute(image_of(view), view.baselines)
    yield ours("deeplift", view), theirs[0].detach(), ROUNDING  # ours runs in 64 bits


def deeplift_shap(given: Given) -> Iterator[Compared]:
    baselines = torch.from_numpy(np.stack([given.landscape(24, 28, seed) for seed in range(5, 10)]))
    view = given.view_of(given.wide, baselines=baselines)
    theirs = captum.DeepLiftShap(view.scorer()).attribute(image_of(view), baselines)
    yield ours("deeplift_shap", view), theirs[0].detach(), ROUNDING


def gradient_shap(given: Given) -> Iterator[Compared]:
    """In expectation: ours spreads its draws, so that the difference is captum's own chance, by far."""
    view = given.view_of(given.wide, 12, 12)
    pixels = view.reflectance[0].flatten(1)[:, ::24]
    view = replace(view, baselines=pixels.T[:, :, None, None].expand(6, 10, 12, 12).contiguous())
    found = [ours("gradient_shap", replace(view, seed=seed), samples=120) for seed in range(12)]
    np.random.seed(0)  # captum draws with it
    theirs = captum.GradientShap(view.scorer()).attribute(view.reflectance, view.baselines, n_samples=4000)[0]
    yield torch.stack(found).mean(dim=0), theirs.detach(), 0.1


def modified(name: str, method: Any) -> Callable[[Given], Iterator[Compared]]:
    def compared(given: Given) -> Iterator[Compared]:
        for view in given.views(29, 35):
            yield ours(name, view), method(view.scorer()).attribute(image_of(view))[0], 0

    return compared


def on_layers(given: Given) -> Iterator[tuple[View, torch.nn.Module, str]]:
    for cell, layer in LAYERS.items():
        view = in_double(given.view_of(given.wide, 24, 28))
        if cell > 1:  # here the layers on coarse grids speak against the answer
            view = replace(view, weights=-view.weights)
        yield view, view.network.module.get_submodule(layer), layer


def gradcam(given: Given) -> Iterator[Compared]:
    for view, module, layer in on_layers(given):
        cells = captum.LayerGradCam(view.scorer(), module).attribute(image_of(view), relu_attributions=True)
        theirs = captum.LayerGradCam.interpolate(cells.detach(), (24, 28), interpolate_mode="bilinear")
        yield ours("gradcam", view, layer=layer), theirs[0], ROUNDING


def guided_gradcam(given: Given) -> Iterator[Compared]:
    for view, module, layer in on_layers(given):
        theirs = captum.GuidedGradCam(view.scorer(), module).attribute(image_of(view), interpolate_mode="bilinear")
        yield ours("guided_gradcam", view, layer=layer), theirs[0].detach(), ROUNDING


def feature_ablation(given: Given) -> Iterator[Compared]:
    """captum repeats a feature's value in each of its cells; ours shares it out among them, or draws a band's."""
    bands = torch.arange(10)[:, None, None]
    for view in given.views(44, 40):
        method = captum.FeatureAblation(view.scorer())
        theirs = method.attribute(view.reflectance, view.baselines, feature_mask=bands.expand(10, 44, 40)[None])
        found = ours("feature_ablation", view, features="bands").sum(dim=(1, 2))
        yield found, theirs[0, :, 0, 0], ROUNDING
        for features, most, of_superpixel in (("superpixels", 1000, 0), ("bands_of_superpixels", 20, 1)):
            labels = torch.from_numpy(segments(view, None, most)).long()
            mask = (labels % (labels.max() + 1)).expand(10, -1, -1) * 10**of_superpixel + of_superpixel * bands
            theirs = method.attribute(view.reflectance, view.baselines, feature_mask=mask[None])[0]
            found = ours("feature_ablation", view, features=features, evaluations=most * 10**of_superpixel)
            cells = np.bincount(labels[labels >= 0])[labels.clamp(min=0)] * 10 ** (1 - of_superpixel)
            yield found * torch.from_numpy(cells), torch.where(labels >= 0, theirs, 0.0), 1e-4


def feature_permutation(given: Given) -> Iterator[Compared]:
    """captum exchanges whole images of a batch: here each pixel is one. By chance, four standard errors at most."""
    view, samples = given.view_of(given.linear, 40, 40), 25
    bright = torch.where(view.weights > 0, view.reflectance + 0.2, view.reflectance)  # its numbers are not all near 0
    view = replace(view, reflectance=bright)
    pixels = bright[0].flatten(1).T[:, :, None, None]
    method = captum.FeaturePermutation(lambda batch: view.network.logits(batch)[:, 0, 0])
    torch.manual_seed(0)
    theirs = sum(method.attribute(pixels)[:, :, 0, 0] for _ in range(samples)) / samples
    theirs = (theirs * view.weights.flatten()[:, None]).sum(dim=0)
    spread = torch.linspace(0.2, 2.0, 10) * bright[0].flatten(1).std(dim=1)
    errors = spread / math.sqrt(int((view.weights > 0).sum()) * samples) * math.sqrt(2)
    found = ours("feature_permutation", view, samples=samples).sum(dim=(1, 2))
    yield found, theirs, 4 * float(errors.norm() / theirs.norm())


def occlusion(given: Given) -> Iterator[Compared]:
    """captum begins its squares at the window's edge, ours lie on the scene's grid: the same ones off the edge."""
    for model in (given.shipped, given.wide):
        for side, stride, rows, edge in ((4, 4, 35, 0), (5, 2, 36, 5)):  # 35 rows are no multiple of a square's 4
            view = given.view_of(model, rows, 44)
            theirs = captum.Occlusion(view.scorer()).attribute(
                view.reflectance, (10, side, side), (10, stride, stride), view.baselines, perturbations_per_eval=8
            )
            found = ours("occlusion", view, patch=10.0 * side, stride=stride)
            inner = (slice(edge, rows - edge), slice(edge, 44 - edge))
            yield found[0][inner], theirs[0, 0][inner], 1e-4


def of_superpixels(name: str, method: Any) -> Callable[[Given], Iterator[Compared]]:
    def compared(given: Given) -> Iterator[Compared]:
        view = given.view_of(given.shipped, 14, 14, target=(slice(4, 10), slice(4, 10)))  # what it sees, no more
        labels = segments(view, None, 60)
        players = torch.from_numpy(labels).long()
        asked: dict[str, Any] = {"n_samples": 299 // (labels.max() + 1)}
        explainer = method(view.scorer())
        if method is not captum.ShapleyValueSampling:
            asked = {"n_samples": 300, "return_input_shape": True}
            explainer.interpretable_model = _Surrogate()  # captum's needs scikit-learn
        if method is captum.Lime:  # captum's own measures distances between images
            explainer.similarity_func = lambda image, changed, coalition, **members: math.exp(
                -((1 - math.sqrt(float(coalition.float().mean()))) ** 2) / 0.125
            )
        torch.manual_seed(view.seed)
        theirs = explainer.attribute(
            view.reflectance, view.baselines, feature_mask=players[None, None], perturbations_per_eval=32, **asked
        )
        found = ours(name, view, evaluations=300, precision="float32")
        yield found[0] * torch.from_numpy(np.bincount(labels.ravel()))[players], theirs[0, 0], 1e-3

    return compared


CAPTUMS: dict[str, Callable[[Given], Iterator[Compared]]] = {
    "integrated_gradients": integrated_gradients,
    "gradient": gradient,
    "input_x_gradient": input_x_gradient,
    "smoothgrad": noise_tunnel("smoothgrad", "smoothgrad"),
    "vargrad": noise_tunnel("vargrad", "vargrad"),
    "smoothgrad_squared": noise_tunnel("smoothgrad_sq", "smoothgrad_squared"),
    "deeplift": deeplift,
    "deeplift_shap": deeplift_shap,
    "gradient_shap": gradient_shap,
    "guided_backprop": modified("guided_backprop", captum.GuidedBackprop),
    "deconvolution": modified("deconvolution", captum.Deconvolution),
    "gradcam": gradcam,
    "guided_gradcam": guided_gradcam,
    "feature_ablation": feature_ablation,
    "feature_permutation": feature_permutation,
    "occlusion": occlusion,
    "lime": of_superpixels("lime", captum.Lime),
    "kernel_shap": of_superpixels("kernel_shap", captum.KernelShap),
    "shapley_sampling": of_superpixels("shapley_sampling", captum.ShapleyValueSampling),
}

#: Methods that cannot be compared so, and why.
WITHOUT = {
    "lrp": "captum has no rule for up-sampling, and lets biases take part in z⁺; test_lrp compares chains without both"
}


@pytest.mark.filterwarnings("ignore:Setting (forward, )?backward hooks")
@pytest.mark.parametrize("entry", ATTRIBUTION_METHODS.values(), ids=lambda entry: entry.name)
def test_a_method_says_what_captum_says(entry: AttributionMethod, given: Given) -> None:
    if entry.name in WITHOUT:
        return
    assert entry.name in CAPTUMS, "Compare it with captum's, or say in WITHOUT why that cannot be."
    for found, captums, most in CAPTUMS[entry.name](given):
        theirs = captums.detach()
        assert found.shape == theirs.shape and theirs.abs().max() > 0
        assert float((found.double() - theirs.double()).norm()) <= most * float(theirs.double().norm())


def test_every_comparison_is_of_a_method_of_the_list() -> None:
    assert not CAPTUMS.keys() & WITHOUT.keys()
    assert CAPTUMS.keys() | WITHOUT.keys() == ATTRIBUTION_METHODS.keys()


def test_captum_has_no_lrp_for_a_network_that_up_samples(given: Given) -> None:
    view = given.view_of(given.wide)
    for module in view.network.module.modules():
        if isinstance(module, torch.nn.Identity):
            module.rule = IdentityRule()
    with pytest.raises(TypeError, match=r"Upsample.*no rule"):
        captum.LRP(view.scorer()).attribute(image_of(view))
