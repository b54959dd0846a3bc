"""What a fit has learned so far: taken down as a checkpoint, and taken up from one, to the last bit."""

import copy
import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from ..models.unet import UNet
from .checkpoint import Checkpoint
from .fitting import FitOptions
from .steps import heed


@dataclass
class Standing:
    """What a fit knows of itself beside its weights; plain values."""

    batch: int
    precision: str
    mean: list[float]
    std: list[float]
    step: int = 0
    rate: float = 1.0
    recoveries: int = 0
    loss_sum: float = 0.0
    loss_count: int = 0
    best_score: float | None = None
    best_step: int = 0
    without_gain: int = 0
    finished: bool = False
    stopped_early: bool = False
    curve: list[tuple[int, float | None, float | None]] = field(default_factory=list)


class State:
    """A network that learns, and all that learning depends on. averaged: its weights averaged over the last steps.

    best: the averaged weights of the best check; None: there was none. ``check`` raises where the user has cancelled.
    """

    def __init__(
        self, network: UNet, standing: Standing, options: FitOptions, device: str, check: Callable[[], None]
    ) -> None:
        # Channels last halves the time of a step on a CPU.
        network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
        self.standing = standing
        self.averaged = copy.deepcopy(network).requires_grad_(False)
        self.best: dict[str, torch.Tensor] | None = None
        self.network = network.train()
        heed(self.network, check)
        self.optimizer = torch.optim.AdamW(
            network.parameters(), options.learning_rate, weight_decay=options.weight_decay
        )

    def checkpoint(self, random: Mapping[str, Any]) -> Checkpoint:
        """Where the fit stands now; ``random``: the state of its random generator."""
        parts = {"network": self.network.state_dict(), "averaged": self.averaged.state_dict()}
        if self.best is not None:
            parts["best"] = self.best
        for index, parameter in enumerate(self.network.parameters()):
            parts[f"optimizer.{index}"] = self.optimizer.state.get(parameter, {})
        tensors = {f"{part}.{name}": tensor for part, state in parts.items() for name, tensor in state.items()}
        facts = {**dataclasses.asdict(self.standing), "random": random}
        return Checkpoint(copy.deepcopy(facts), cloned(tensors))

    def restore(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """Stand where the fit stood at ``checkpoint``; gives the state of the random generator there."""
        facts = copy.deepcopy(checkpoint.facts)
        random: dict[str, Any] = facts.pop("random")
        self.standing = Standing(**facts)
        self.network.load_state_dict(checkpoint.part("network"))
        self.averaged.load_state_dict(checkpoint.part("averaged"))
        self.best = cloned(checkpoint.part("best")) or None
        self.optimizer.state.clear()
        for index, parameter in enumerate(self.network.parameters()):
            state = checkpoint.part(f"optimizer.{index}")
            # In the parameter's own layout: the order of elements decides about the last bits.
            for name, tensor in state.items():
                like = parameter if tensor.shape == parameter.shape else tensor
                device = parameter.device if tensor.dim() else tensor.device
                state[name] = torch.empty_like(like, device=device, requires_grad=False).copy_(tensor)
            if state:
                self.optimizer.state[parameter] = state
        return random

    def keep_best(self, score: float) -> None:
        """Take down the averaged weights as the best ones so far."""
        standing = self.standing
        standing.best_score, standing.best_step, standing.without_gain = score, standing.step, 0
        self.best = cloned(self.averaged.state_dict())

    def on_cpu(self, weights: Mapping[str, torch.Tensor]) -> UNet:
        """A network of its own with these weights, in evaluation mode."""
        network = copy.deepcopy(self.averaged).cpu()
        network.load_state_dict(weights)
        return network.eval()


def cloned(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Copies in the same layout."""
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}
