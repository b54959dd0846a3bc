"""Fitting a network of the family to drawn patches."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from ..models.unet import UNet
from .synthesis import Synthesis


@dataclass(frozen=True)
class FitOptions:
    """How long and how fast; the learning rate rises for a tenth of the steps and then falls along a cosine."""

    steps: int = 4000
    batch: int = 32
    learning_rate: float = 4e-3
    weight_decay: float = 1e-3
    averaging: float = 0.995
    architecture: dict[str, Any] = field(
        default_factory=lambda: {"stem": (48, 32), "width": 24, "depth": 0, "convolutions": 4}
    )


def fit(
    synthesis: Synthesis, options: FitOptions, seed: int, watch: Callable[[int, float, UNet], None] = lambda *_: None
) -> UNet:
    """A network fitted to patches of ``synthesis``, its weights averaged over the last steps.

    Deterministic on one thread. ``watch`` is told step, mean loss of the batch and the averaged network.
    """
    torch.manual_seed(seed)
    mean, std = statistics([synthesis.patch().reflectance for _ in range(400)])
    # Channels last halves the time of a step on a CPU.
    network = UNet(mean, std, **options.architecture)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
    averaged = copy.deepcopy(network)
    optimizer = torch.optim.AdamW(network.parameters(), options.learning_rate, weight_decay=options.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, options.learning_rate, total_steps=options.steps, pct_start=0.1
    )
    network.train()
    for step in range(options.steps):
        patches = [synthesis.patch() for _ in range(options.batch)]
        reflectance, target, weight = (
            torch.from_numpy(np.stack([getattr(patch, name) for patch in patches]))
            for name in ("reflectance", "target", "weight")
        )
        logits = network(reflectance.contiguous(memory_format=torch.channels_last))[:, 0]
        loss = (weight * binary_cross_entropy_with_logits(logits, target, reduction="none")).sum() / weight.sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        _average(averaged, network, min(options.averaging, step / (step + 10)))
        watch(step, float(loss.detach()), averaged)
    return averaged.eval()


@torch.no_grad()
def _average(averaged: UNet, network: UNet, kept: float) -> None:
    """Move ``averaged`` towards ``network``, keeping the share ``kept`` of what it was."""
    for mean, value in zip(averaged.state_dict().values(), network.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(value, 1 - kept)
        else:
            mean.copy_(value)


def statistics(patches: list[np.ndarray]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each band, reflectance, rounded to what a card should show."""
    values = np.stack(patches).transpose(1, 0, 2, 3).reshape(patches[0].shape[0], -1)
    return (
        tuple(round(float(value), 5) for value in values.mean(axis=1, dtype=np.float64)),
        tuple(round(float(value), 5) for value in values.std(axis=1, dtype=np.float64)),
    )
