"""What a method is given: one window of the scene, the target in it, and the network that is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn

from ..job import Job
from .network import Explainable

#: Pixels that are computed at a time on a CPU: what lies between two layers then stays near its cache.
PIXELS_AT_A_TIME = 2 * 256 * 256

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Attribution:
    """What a method found in a window.

    values: (bands, H, W), or (1, H, W) where the method has no bands; float32 or float64. evaluations: how many forward
    (or forward and backward) passes over the window it took. facts: what else it has to say, as plain JSON values;
    numbers of several windows are added up.
    """

    values: torch.Tensor
    evaluations: float
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class View:
    """One window of what is explained.

    reflectance: (1, bands, H, W), float32; where not valid, the model's mean. valid: (H, W), bool. baselines:
    (K, bands, H, W); equal to the reflectance where not valid. weights: (H, W), float32, what each pixel's answer
    counts in S: 0 outside the target. quantity: "logit" or "probability". row, col: where the window begins in the
    scene's grid, pixels. spread: (bands,), standard deviation of each band over the scene. pixel_size: (width, height),
    metres. whole: the window is all there is (no other one will be added to it). gathered: what the method's
    gathering function found in all windows, added up.
    """

    network: Explainable
    reflectance: torch.Tensor
    valid: torch.Tensor
    baselines: torch.Tensor
    weights: torch.Tensor
    quantity: str
    row: int
    col: int
    spread: torch.Tensor
    pixel_size: tuple[float, float]
    seed: int
    job: Job
    whole: bool = True
    gathered: torch.Tensor | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.weights.shape[0], self.weights.shape[1]

    @property
    def at_a_time(self) -> int:
        """How many images of this size are computed together."""
        rows, columns = self.shape
        return max(1, PIXELS_AT_A_TIME // (rows * columns))

    def of_baseline(self, index: int) -> View:
        """The same with one of the baselines only."""
        return replace(self, baselines=self.baselines[index : index + 1])

    def answers(self, reflectance: torch.Tensor) -> torch.Tensor:
        """What is explained, logits or probabilities, (N, H, W), of reflectance (N, bands, H, W)."""
        self.job.check()
        logits = self.network.logits(reflectance)
        return torch.sigmoid(logits) if self.quantity == "probability" else logits

    def score(self, reflectance: torch.Tensor) -> torch.Tensor:
        """S, (N,), of reflectance (N, bands, H, W): the weighted sum of the target's answers. Differentiable."""
        return (self.answers(reflectance) * self.weights).sum(dim=(1, 2))

    def scores(self, images: Callable[[int, int], torch.Tensor], count: int, message: str) -> torch.Tensor:
        """S, (count,), float64, without gradient, of the images that ``images(start, stop)`` makes: some at a time."""
        found = []
        with torch.inference_mode():
            for start in range(0, count, self.at_a_time):
                stop = min(count, start + self.at_a_time)
                found.append(self.score(images(start, stop)).double())
                self.job.progress(stop / count, message)
        return torch.cat(found) if found else torch.zeros(0, dtype=torch.float64)

    def gradient(self, reflectance: torch.Tensor) -> torch.Tensor:
        """∂S/∂x, (N, bands, H, W), float32, of each of N images by itself."""
        images = reflectance.detach().requires_grad_(True)
        with torch.enable_grad():
            (gradient,) = torch.autograd.grad(self.score(images).sum(), images)
        return gradient.detach()

    def scorer(self) -> nn.Module:
        """:meth:`score` as a module that holds the network, as captum wants it: (N, bands, H, W) → (N,)."""
        return _Scorer(self)


class _Scorer(nn.Module):
    def __init__(self, view: View) -> None:
        super().__init__()
        self.network = view.network.module  # so that hooks find its activations
        self._view = view

    def forward(self, reflectance: torch.Tensor) -> torch.Tensor:
        return self._view.score(reflectance)
