"""One step of learning: how large it is, the loss that it lessens, and how it goes into the averaged weights."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from ..models.unet import UNet
from .synthesis import Patch

#: Reflectance (N, bands, H, W), target and weight (N, H, W), where the network is.
Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def batch_of(drawn: Sequence[Patch], device: str) -> Batch:
    """Patches together."""
    reflectance, target, weight = (
        torch.from_numpy(np.stack([getattr(patch, name) for patch in drawn])).to(device)
        for name in ("reflectance", "target", "weight")
    )
    return reflectance, target, weight


def set_pace(optimizer: torch.optim.Optimizer, step: int, steps: int, learning_rate: float) -> None:
    """Have the optimizer take the next step as large as the policy says."""
    share, momentum = pace(step, steps)
    for group in optimizer.param_groups:
        group["lr"] = learning_rate * share
        group["betas"] = (momentum, group["betas"][1])


def pace(step: int, steps: int) -> tuple[float, float]:
    """Share of the learning rate at ``step``, and the momentum, which moves against it (the one-cycle policy)."""
    top = max(0.1 * steps - 1, 1.0)
    if step <= top:
        return _between(1 / 25, 1.0, step / top), _between(0.95, 0.85, step / top)
    done = (step - top) / max(steps - 1 - top, 1.0)
    return _between(1.0, 1 / 25e4, done), _between(0.85, 0.95, done)


def _between(first: float, last: float, done: float) -> float:
    """Along half a cosine from ``first`` to ``last``."""
    return last + (first - last) / 2 * (1 + math.cos(math.pi * done))


def step(
    network: UNet,
    optimizer: torch.optim.Optimizer,
    reflectance: torch.Tensor,
    target: torch.Tensor,
    weight: torch.Tensor,
    dice: float,
    precision: str,
) -> float:
    """One step of the optimizer; the loss before it."""
    with torch.autocast(reflectance.device.type, torch.bfloat16, enabled=precision == "mixed"):
        logits = network(reflectance.contiguous(memory_format=torch.channels_last))[:, 0]
    loss = loss_of(logits.float(), target, weight, dice)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return float(loss.detach())


def loss_of(logits: torch.Tensor, target: torch.Tensor, weight: torch.Tensor, dice: float) -> torch.Tensor:
    """Weighted cross-entropy and, with the share ``dice``, soft Dice over the whole batch; all (N, H, W).

    Soft Dice asks for overlap, so that few farm pixels count as much as many ground ones: V-Net,
    https://arxiv.org/abs/1606.04797.
    """
    entropy = (weight * binary_cross_entropy_with_logits(logits, target, reduction="none")).sum() / weight.sum()
    if not dice:
        return entropy
    probability = torch.sigmoid(logits)
    both = (weight * probability * target).sum()
    either = (weight * (probability + target)).sum()
    return (1 - dice) * entropy + dice * (1 - (2 * both + 1) / (either + 1))


@torch.no_grad()
def average(averaged: UNet, network: UNet, kept: float) -> None:
    """Move ``averaged`` towards ``network``, keeping the share ``kept`` of what it was."""
    for mean, value in zip(averaged.state_dict().values(), network.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(value, 1 - kept)
        else:
            mean.copy_(value)


def are_numbers(network: nn.Module) -> bool:
    """Whether all weights are."""
    return all(bool(tensor.isfinite().all()) for tensor in network.state_dict().values())


def heed(network: nn.Module, check: Callable[[], None]) -> None:
    """Have ``check``, which raises where the user has cancelled, asked at every layer, on the way back, too.

    A step of a wide network may take seconds.
    """

    def asked(module: nn.Module, inputs: object, output: torch.Tensor) -> None:
        check()
        if output.requires_grad:
            output.register_hook(lambda gradient: check())  # type: ignore[no-untyped-call]

    for module in network.modules():
        if not list(module.children()):
            module.register_forward_hook(asked)


@contextmanager
def repeatable(device: str) -> Iterator[None]:
    """A graphics card chooses its algorithms by timing them unless it is told not to."""
    if device == "cpu":
        yield
        return
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True):
        yield
