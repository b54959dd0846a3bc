"""Layer-wise relevance propagation: the target's answer handed down, layer by layer, to what it was made of.

Ours, since captum's has no rule for up-sampling and loses relevance on a U-Net. The network runs in 64 bits with batch
norm folded. Each convolution gets a backward pass that carries relevance instead of a gradient, by one of three rules:
``relevance_rules``. All else needs none: a ReLU passes relevance through, max pooling gives it to the pixel that won,
what was repeated or used twice gets the sum, a concatenation gets its parts back. So what is not handed on is known:
Σφ + absorbed = S, with ``absorbed`` reported beside the map. Pixels without data, which the network is shown as the
model's mean, get relevance, too; it counts as absorbed, since no map can show it there.

It starts with weight · answer at each of the target's pixels, which may be negative.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from ..job import Job
from .precision import in_double
from .relevance_rules import AlphaBeta, Epsilon, Layer, Ledger, Rule
from .view import Attribution, Settings, View

#: ε, as a share of how much a layer's values before its ReLU differ.
EPSILON = 0.01

#: The least ε, so that a layer that always gives the same divides nothing by zero.
LEAST = 1e-12

#: Side of the images that ε is found on, pixels: a multiple of any network's stride.
_SAMPLE = 64


def lrp(view: View, settings: Settings) -> Attribution:
    """Relevance (bands, H, W), float64 (Bach et al. 2015), by the rule that the settings name."""
    view = in_double(view)
    network = view.network.module
    rules: dict[str, Callable[[], dict[str, Rule]]] = {
        "epsilon": lambda: dict(_epsilons(network, view)),
        "z_plus": lambda: {name: AlphaBeta(1, name == "head") for name in _convolutions(network)},
        "alpha_beta": lambda: {name: AlphaBeta(2, name == "head") for name in _convolutions(network)},
    }
    chosen = rules[settings["relevance"]]()
    values, ledger = relevance(network, chosen, view.reflectance, lambda z: _start(view, z), view.job)
    view.job.progress(1.0, "Relevance propagation")
    drawn = torch.where(view.valid, values, 0.0)
    facts = {**ledger.facts(), "absorbed_by_nodata": float((values - drawn).sum())}
    # Windows overlap: what is absorbed in one was in part absorbed in another, too.
    return Attribution(drawn, 1, facts if view.whole else {})


def relevance(
    network: nn.Module,
    rules: dict[str, Rule],
    reflectance: torch.Tensor,
    start: Callable[[torch.Tensor], torch.Tensor],
    job: Job,
) -> tuple[torch.Tensor, Ledger]:
    """Relevance (bands, H, W) of reflectance (1, bands, H, W), and what was absorbed on the way.

    network: reflectance to logits (1, 1, H, W), of convolutions, ReLUs, max pooling and what only moves values; its
    convolutions and ReLUs are replaced. rules: one for each convolution, by name. start: logits to relevance.
    """
    ledger = Ledger()
    for name, convolution in _convolutions(network).items():
        _replace(network, name, Layer(convolution, rules[name], ledger, job.check))
    for name in [name for name, module in network.named_modules() if isinstance(module, nn.ReLU)]:
        _replace(network, name, _Open())
    given = reflectance.clone().requires_grad_(True)
    with torch.enable_grad():
        logits = network(given)
        (found,) = torch.autograd.grad(logits, given, start(logits.detach()))
    return found[0], ledger


def _start(view: View, logits: torch.Tensor) -> torch.Tensor:
    """The relevance that the logits (1, 1, H, W) begin with: what each adds to S. A sigmoid, too, passes it through."""
    answers = torch.sigmoid(logits) if view.quantity == "probability" else logits
    return answers * view.weights


def _epsilons(network: nn.Module, view: View) -> dict[str, Epsilon]:
    """For each convolution its ε: a constant of the model, since a window's own would show as seams.

    It is :data:`EPSILON` times the standard deviation of the layer's outputs for a random image whose bands have the
    mean and spread of the model's card, always the same one.
    """
    card = view.network.model.card
    random = torch.Generator().manual_seed(1)
    noise = torch.randn(1, len(card.mean), _SAMPLE, _SAMPLE, generator=random, dtype=torch.float64)
    mean, std = (torch.tensor(values, dtype=torch.float64)[:, None, None] for values in (card.mean, card.std))
    sample = (mean + std * noise).clamp(min=0).to(view.reflectance.device)
    found = {}

    def measure(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: object, output: torch.Tensor) -> None:
            found[name] = Epsilon(max(LEAST, EPSILON * float(output.std(correction=0))))

        return hook

    handles = [module.register_forward_hook(measure(name)) for name, module in _convolutions(network).items()]
    with torch.inference_mode():
        network(sample)
    for handle in handles:
        handle.remove()
    return found


def _convolutions(network: nn.Module) -> dict[str, nn.Conv2d]:
    return {name: module for name, module in network.named_modules() if isinstance(module, nn.Conv2d)}


def _replace(network: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    network.get_submodule(parent).add_module(child, module)


class _Open(nn.Module):
    """A ReLU that passes all relevance through."""

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        return given + (torch.relu(given) - given).detach()
