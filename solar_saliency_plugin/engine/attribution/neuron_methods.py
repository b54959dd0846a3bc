"""What one channel of a layer looks at: maps in the image's space, (bands, H, W), by captum and, for sets, by us.

The neuron N is the channel as the target's pixels meet it: its value in the cell that each pixel lies in, taken
together as S takes their answers, with the same weights. Conductance has no N: it is the part of the answer that comes
through the channel in the cells where the target lies, Σ over these of captum's NeuronConductance, which is for one.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from captum.attr import NeuronDeepLift, NeuronGradient, NeuronIntegratedGradients
from torch import nn

from .deeplift import refuse_one_by_one
from .layer_methods import INSTEAD, MIDPOINTS, Found, Scorer, require_complete, together
from .layers import Layer, Watch
from .view import Settings, View


def neuron_conductance(view: View, layer: Layer, settings: Settings) -> Found:
    """(x − x′) ∫ Σ ∂S/∂A_c · ∂A_c/∂x dα, Σ over the target's cells, along x′ + α(x − x′), at midpoints.

    Dhamdhere, Sundararajan, Yan 2019, eq. 2 there.
    """
    steps, channel = settings["steps"], settings["channel"]
    cells = (cell_weights(view, layer) > 0).to(torch.float32)
    image, baseline = view.reflectance, view.baselines
    total = torch.zeros(image.shape[1:], dtype=torch.float64, device=image.device)
    for start in range(0, steps, together(view)):
        stop = min(steps, start + together(view))
        shares = ((torch.arange(start, stop, device=image.device) + 0.5) / steps).to(image)[:, None, None, None]
        points = (baseline + shares * (image - baseline)).requires_grad_(True)
        with torch.enable_grad(), Watch({"": layer.module}) as seen:
            answer = view.score(points).sum()
            (activations,) = seen.values()
            (wanted,) = torch.autograd.grad(answer, activations, retain_graph=True, allow_unused=True)
            if wanted is not None:
                through = (activations[:, channel] * wanted[:, channel].detach() * cells).sum()
                total += torch.autograd.grad(through, points)[0].sum(dim=0, dtype=torch.float64)
        view.job.progress(stop / steps, "Neuron conductance")
    return Found(total * (image - baseline)[0].double() / steps, steps)


def neuron_gradient(view: View, layer: Layer, settings: Settings) -> Found:
    """∂N/∂x (captum)."""
    scorer = Scorer(view, 1, "Neuron gradient")
    values = NeuronGradient(scorer, layer.module).attribute(_image(view), _selector(view, layer, settings))
    return Found(values[0].detach().double(), 1)


def neuron_integrated_gradients(view: View, layer: Layer, settings: Settings) -> Found:
    """(x − x′) ∫ ∂N/∂x(x′ + α(x − x′)) dα, at midpoints (captum)."""
    steps = settings["steps"]
    scorer = Scorer(view, steps, "Neuron integrated gradients")
    values = NeuronIntegratedGradients(scorer, layer.module).attribute(
        _image(view),
        _selector(view, layer, settings),
        view.baselines,
        n_steps=steps,
        method=MIDPOINTS,
        internal_batch_size=together(view),
    )
    return Found(values[0].detach().double(), scorer.asked, _difference(view, layer, settings)[0])


def neuron_deeplift(view: View, layer: Layer, settings: Settings) -> Found:
    """(x − x′) · m, the multipliers of N by the rescale rule (captum); refused where it does not add up."""
    refuse_one_by_one(view, INSTEAD)
    scorer = Scorer(view, 2, "Neuron DeepLIFT")
    with warnings.catch_warnings(), torch.enable_grad():
        warnings.simplefilter("ignore")  # captum says that it sets hooks
        attribution = NeuronDeepLift(scorer, layer.module).attribute(
            _image(view), _selector(view, layer, settings), view.baselines
        )
    values = attribution[0].detach().double()
    wanted, size = _difference(view, layer, settings)
    require_complete(values, wanted, size)
    return Found(values, 2, wanted)


def neuron_value(view: View, layer: Layer, channel: int, images: torch.Tensor) -> torch.Tensor:
    """N, (N,), float64, of images."""
    return _terms(view, layer, channel, images).sum(dim=(1, 2))


def cell_weights(view: View, layer: Layer) -> torch.Tensor:
    """What each of the layer's cells counts in N, (h, w): the weights of its pixels, added up."""
    pool = nn.AvgPool2d(layer.cell, ceil_mode=True, divisor_override=1)
    weights: torch.Tensor = pool(view.weights[None, None])[0, 0]
    return weights


def _terms(view: View, layer: Layer, channel: int, images: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode(), Watch({"": layer.module}) as seen:
        view.answers(images)
        return seen[""][:, channel].double() * cell_weights(view, layer)


def _difference(view: View, layer: Layer, settings: Settings) -> tuple[float, float]:
    """N(x) − N(x′), and the sum of the absolute values of what both are made of."""
    image, baseline = (_terms(view, layer, settings["channel"], i) for i in (view.reflectance, view.baselines))
    return float(image.sum() - baseline.sum()), float(image.abs().sum() + baseline.abs().sum())


def _selector(view: View, layer: Layer, settings: Settings) -> Callable[[torch.Tensor], torch.Tensor]:
    cells, channel = cell_weights(view, layer), settings["channel"]
    return lambda activations: (activations[:, channel] * cells).sum(dim=(1, 2))


def _image(view: View) -> torch.Tensor:
    return view.reflectance.clone().requires_grad_(True)
