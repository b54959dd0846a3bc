"""What a fit is asked for, and what it gives back."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ..models.unet import UNet
from .synthesis import Patch


class Patches(Protocol):
    """A dataclass that draws patches: the same fields and state of ``random`` give the same ones."""

    random: np.random.Generator

    def patch(self) -> Patch:
        """The next patch."""


@dataclass(frozen=True)
class FitOptions:
    """How long and how fast; the learning rate rises for a tenth of the steps and then falls along a cosine.

    averaging: share that the averaged weights keep at each step. dice: share of soft Dice in the loss; the rest is
    weighted cross-entropy. precision: "float32", "mixed" (bfloat16 where that is safe), or "auto" (the faster one).
    check_every: steps between two looks at the validation score, 0 for none. patience: so many of them without gain
    end the fit, 0 for never.
    """

    steps: int = 4000
    batch: int = 32
    learning_rate: float = 4e-3
    weight_decay: float = 1e-3
    averaging: float = 0.995
    dice: float = 0.0
    precision: str = "float32"
    check_every: int = 0
    patience: int = 0
    architecture: dict[str, Any] = field(
        default_factory=lambda: {"stem": (48, 32), "width": 24, "depth": 0, "convolutions": 4}
    )


@dataclass(frozen=True)
class Point:
    """Mean loss since the point before (None at step 0), and the validation score where it was measured."""

    step: int
    loss: float | None
    score: float | None


@dataclass(frozen=True)
class Fitted:
    """The averaged network, on the CPU and in evaluation mode: of the best check, or of the last step without checks.

    best_step: where its weights are from. stopped_early: validation no longer gained, or learning failed.
    """

    network: UNet
    steps: int
    best_step: int
    stopped_early: bool
    curve: tuple[Point, ...]
    batch: int
    device: str
    precision: str
