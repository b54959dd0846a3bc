"""What a layer's channels contributed to the answer: maps in the layer's own space, (channels, h, w).

captum's where it is right and says how far it is. Ours: conductance, since captum's sum of left ends needs many more
points for the same error; GradientSHAP, whose draws here depend on the seed only; GradCAM, for each channel by itself.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from captum.attr import InternalInfluence, LayerDeepLift, LayerIntegratedGradients
from torch import nn

from ...contract.errors import MethodUnsuitableError
from ..models.foreign import ForeignNetwork
from .deeplift import ROUNDING, TOLERANCE, deeplift, refuse_one_by_one
from .expected import drawn
from .layers import Layer, Watch
from .quality import completeness_error
from .view import Settings, View

#: What to do where DeepLIFT cannot look into a network.
INSTEAD = "Use a method that needs no rules, such as conductance."

#: captum's name for points in the middle of equal parts of the path.
MIDPOINTS = "riemann_middle"


@dataclass(frozen=True)
class Found:
    """What a method found in a layer, or in the image for a channel.

    values: (channels, h, w) or (bands, H, W), float64. wanted: what they should add up to; NaN where that is not known.
    """

    values: torch.Tensor
    evaluations: float
    wanted: float = math.nan


class Scorer(nn.Module):
    """S as captum wants it, (N, bands, H, W) → (N,), its sigmoid a module, which rules apply to; it tells progress.

    expected: how many images it will be shown. asked: how many it was.
    """

    def __init__(self, view: View, expected: int, message: str) -> None:
        super().__init__()
        self.network = view.network.module  # so that hooks find its activations
        self.last = nn.Sigmoid() if view.quantity == "probability" else nn.Identity()
        self.asked = 0
        self._view, self._expected, self._message = view, expected, message

    def forward(self, reflectance: torch.Tensor) -> torch.Tensor:
        """S of each image."""
        self._view.job.progress(min(1.0, self.asked / self._expected), self._message)
        self.asked += len(reflectance)
        answers = self.last(self._view.network.logits(reflectance))
        total: torch.Tensor = (answers * self._view.weights).sum(dim=(1, 2))
        return total


def layer_integrated_gradients(view: View, layer: Layer, settings: Settings) -> Found:
    """(A − A′) ∫ ∂S/∂A(A′ + α(A − A′)) dα: Integrated Gradients with the layer as image (captum), at midpoints."""
    steps = settings["steps"]
    scorer = Scorer(view, steps + 4, "Layer integrated gradients")
    with torch.enable_grad():
        values = LayerIntegratedGradients(scorer, layer.module).attribute(
            view.reflectance, view.baselines, n_steps=steps, method=MIDPOINTS, internal_batch_size=together(view)
        )
    lost = _answer_with(view, layer, _activations(view, layer, view.baselines))
    wanted = float(_answer_with(view, layer, None) - lost)
    return Found(values[0].detach().double(), scorer.asked + 2, wanted)


def layer_conductance(view: View, layer: Layer, settings: Settings) -> Found:
    """∫ ∂S/∂A · ∂A/∂α dα along x′ + α(x − x′) (Dhamdhere, Sundararajan, Yan 2019, eq. 3 there), by trapezoids.

    Σ_k ½ (∂S/∂A_k + ∂S/∂A_k₊₁) (A_k₊₁ − A_k); captum takes the left gradient only.
    """
    steps = settings["steps"]
    alphas = torch.linspace(0, 1, steps + 1, dtype=view.reflectance.dtype, device=view.reflectance.device)
    last: tuple[torch.Tensor, torch.Tensor] | None = None
    total = torch.zeros(0)
    for start in range(0, steps + 1, together(view)):
        shares = alphas[start : start + together(view), None, None, None]
        points = view.baselines + shares * (view.reflectance - view.baselines)
        activations, gradients = (part.double() for part in activations_and_gradients(view, layer, points))
        if last is None:
            total = torch.zeros_like(activations[0])
        else:
            activations, gradients = torch.cat((last[0], activations)), torch.cat((last[1], gradients))
        total += ((activations[1:] - activations[:-1]) * (gradients[1:] + gradients[:-1])).sum(dim=0) / 2
        last = activations[-1:], gradients[-1:]
        view.job.progress(min(steps, start + len(shares)) / steps, "Layer conductance")
    return Found(total, steps + 1, _difference(view, layer))


def internal_influence(view: View, layer: Layer, settings: Settings) -> Found:
    """∫ ∂S/∂A(x′ + α(x − x′)) dα (Leino et al. 2018), at midpoints (captum)."""
    steps = settings["steps"]
    scorer = Scorer(view, steps, "Internal influence")
    values = InternalInfluence(scorer, layer.module).attribute(
        view.reflectance, view.baselines, n_steps=steps, method=MIDPOINTS, internal_batch_size=together(view)
    )
    return Found(values[0].detach().double(), scorer.asked)


def layer_gradient_shap(view: View, layer: Layer, settings: Settings) -> Found:
    """E[(A(x) − A(x′)) ∂S/∂A(x′ + α(x − x′))] over α from U(0, 1) and the baselines, as captum's LayerGradientShap.

    α is drawn from equal parts of [0, 1], and baselines take turns: see :func:`.expected.gradient_shap`.
    """
    samples = settings["samples"]
    alphas, turns = drawn(view.seed, samples, len(view.baselines))
    image = _activations(view, layer, view.reflectance)
    absent = torch.cat([_activations(view, layer, baseline[None]) for baseline in view.baselines])
    total = torch.zeros_like(image[0], dtype=torch.float64)
    for start in range(0, samples, together(view)):
        chosen = turns[start : start + together(view)]
        shares = view.reflectance.new_tensor(alphas[start : start + together(view)])[:, None, None, None]
        baselines = view.baselines[chosen]
        _, gradients = activations_and_gradients(view, layer, baselines + shares * (view.reflectance - baselines))
        total += ((image - absent[chosen]).double() * gradients).sum(dim=0)
        view.job.progress((start + len(chosen)) / samples, "Layer GradientSHAP")
    return Found(total / samples, samples + 1 + len(view.baselines))


def layer_deeplift(view: View, layer: Layer, settings: Settings) -> Found:
    """(A − A′) · m, the multipliers by the rescale rule (Shrikumar et al. 2017; captum); refused where it is wrong."""
    refuse_one_by_one(view, INSTEAD)
    wanted = _difference(view, layer)
    if math.isnan(wanted) and not view.network.is_ours:
        deeplift(view, {})  # raises where the network holds what there is no rule for
    scorer = Scorer(view, 2, "Layer DeepLIFT")
    with warnings.catch_warnings(), torch.enable_grad():
        warnings.simplefilter("ignore")  # captum says that it sets hooks
        image = view.reflectance.clone().requires_grad_(True)
        attribution = LayerDeepLift(scorer, layer.module).attribute(image, view.baselines)
    values = attribution[0].detach().double()
    if not math.isnan(wanted):
        answers = torch.cat([view.answers(image) for image in (view.reflectance, view.baselines)]).double()
        require_complete(values, wanted, float((answers * view.weights).abs().sum()))
    return Found(values, 2, wanted)


def gradcam(view: View, layer: Layer, settings: Settings) -> Found:
    """w_c A_c, w_c the mean of ∂S/∂A_c over the layer's cells (Selvaraju 2017); Σ_c is captum's LayerGradCam."""
    activations, gradients = activations_and_gradients(view, layer, view.reflectance)
    view.job.progress(1.0, "GradCAM")
    return Found((gradients[0].double().mean(dim=(1, 2), keepdim=True) * activations[0]).double(), 1)


def activations_and_gradients(view: View, layer: Layer, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What the layer gives for N images, and ∂S/∂A there, both (N, channels, h, w)."""
    with torch.enable_grad(), Watch({"": layer.module}) as seen:
        # Without a gradient at the input nothing would be kept of how the answer came from the layer.
        answer = view.score(images.detach().clone().requires_grad_(True))
        (activations,) = seen.values()
        (gradients,) = torch.autograd.grad(answer.sum(), activations, allow_unused=True)
    return activations.detach(), torch.zeros_like(activations) if gradients is None else gradients


def together(view: View) -> int:
    """How many images are computed together: one where the network takes one at a time, or hooks would see that."""
    module = view.network.module
    return 1 if isinstance(module, ForeignNetwork) and module.one_by_one else view.at_a_time


def goes_round(view: View, layer: Layer) -> bool:
    """Whether the answer is made from more than the layer: skip connections go round it."""
    with torch.enable_grad(), _replaced(layer, lambda given: given.detach()):
        image = view.reflectance.clone().requires_grad_(True)
        answer = view.score(image).sum()
        return answer.requires_grad and torch.autograd.grad(answer, image, allow_unused=True)[0] is not None


def require_complete(values: torch.Tensor, wanted: float, size: float) -> None:
    """Raise :class:`MethodUnsuitableError` unless DeepLIFT's values add up to ``wanted``; ``size`` is of S's terms."""
    found = float(values.sum())
    error = completeness_error(found, wanted, float(values.abs().sum()))
    # Not “error > tolerance”: what is not a number is no sum either.
    if error <= TOLERANCE or abs(found - wanted) <= ROUNDING * size:
        return
    raise MethodUnsuitableError(
        f"DeepLIFT's contributions add up to {found:.4g} instead of {wanted:.4g}: the network holds something that "
        "DeepLIFT has no rule for, and the map would be wrong.",
        "Use a method that needs no rules, such as conductance.",
    )


def _difference(view: View, layer: Layer) -> float:
    """S(x) − S(x′) where all that the answer is made from goes through the layer; else NaN."""
    if goes_round(view, layer):
        return math.nan
    with torch.inference_mode():
        return float(view.score(view.reflectance).double() - view.score(view.baselines).double())


def _activations(view: View, layer: Layer, images: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode(), Watch({"": layer.module}) as seen:
        view.answers(images)
        return seen[""].clone()


def _answer_with(view: View, layer: Layer, activations: torch.Tensor | None) -> torch.Tensor:
    """S(x), float64, if the layer gave these activations; None: its own."""
    with torch.inference_mode(), _replaced(layer, lambda given: given if activations is None else activations):
        return view.score(view.reflectance).double()


class _replaced:  # noqa: N801  # reads as what it does
    """While it is entered, the layer gives something else than it would."""

    def __init__(self, layer: Layer, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self._handle = layer.module.register_forward_hook(lambda module, inputs, output: change(output))

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._handle.remove()
