"""Views in 64 bits, for methods that divide by small differences or sum what cancels; and in 16, where that will do.

In 32 bits the rounding of convolutions, which depends on the window's size, would show in the sixth digit.
In 16 bits (bfloat16) gradients lose 8–17 %. Maps that are fitted to many answers lose next to nothing: on 17 real farms
with three baselines each those of LIME, KernelSHAP and Shapley value sampling were 0.1 % off (L2; at most 0.5 %), for
two thirds of the time. Ablation, permutation and occlusion were as exact (0.2 %; at most 0.8 %), but their small crops
hardly gained by it (80 to 85 % of a few hundredths of a second), so they stay in 32 bits.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from ...contract.errors import MethodUnsuitableError
from ..models.unet import UNet
from .network import Explainable
from .view import View

#: What may be asked for. "auto": 16 bits where a short trial says that they are faster and hardly differ.
PRECISIONS = ("auto", "float32", "bfloat16")

#: How many changed images a trial asks for, each precision twice.
TRIED = 32

#: A trial pays from so many evaluations on.
WORTH_A_TRIAL = 10 * TRIED

#: "auto" takes 16 bits where they need less than this share of the time, and where what they are off varies by no more
#: than this share of how much the answers vary. Maps were off by 0.6 to 2.9 times that share (51 views of real farms):
#: by less than 1 %.
_WORTH_IT, _MOST_OFF = 0.9, 0.003


@dataclass(frozen=True)
class Precision:
    """Which one was taken and why: time with 16 bits ÷ with 32, and by how much they are off, where it was tried."""

    name: str = "float32"
    ratio: float | None = None
    off: float | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """The same as facts of an attribution, but for times, which would make each run's file another one."""
        tried = {} if self.off is None else {"off_in_16_bits": self.off}
        return {"precision": self.name, **tried}

    @property
    def told(self) -> str:
        """The same in a sentence; empty where nothing was tried."""
        if self.ratio is None or self.off is None:
            return ""
        taken = "Computed in 16 bits" if self.name == "bfloat16" else "Computed in 32 bits"
        return (
            f"{taken}: in a short trial 16 bits took {100 * self.ratio:.0f} % of the time, and answers were "
            f"{100 * self.off:.2g} % off."
        )


def in_double(view: View) -> View:
    """The view with a copy of the network in 64 bits, which stops when the view's network is asked to.

    A network of the user's own may hold constants of 32 bits anywhere: its view comes back as it is. In 64 bits it is
    with channels last that PyTorch rounds a pixel in the same way wherever it lies: the equal values of a constant
    baseline stay equal, and max pooling takes the same one in any window.
    """
    if not view.network.is_ours:
        return view
    network = _copied(view.network)
    network.module.double()
    network.make_fast()
    return replace(
        view,
        network=network,
        reflectance=network.laid_out(view.reflectance.double()),
        baselines=network.laid_out(view.baselines.double()),
        weights=view.weights.double(),
    )


def in_half(view: View) -> View:
    """The view with a copy of the network that computes in bfloat16 between its first layer and its last.

    These stay in 32 bits: rounding reflectances costs four to seven times as much exactness as all else together.
    Raises :class:`MethodUnsuitableError` for a network of the user's own.
    """
    network = _copied(view.network)
    module = network.module
    if not isinstance(module, UNet):
        raise MethodUnsuitableError(
            "Networks of your own are computed in 32 bits only.", "Choose “float32”, or leave the precision empty."
        )
    first, *others = module.stem.children()
    for part in (*others, *module.encoder, *module.rises, *module.decoder):
        part.to(torch.bfloat16)
    first.register_forward_hook(_rounded)
    module.head.register_forward_pre_hook(_unrounded)
    return replace(view, network=network)


def chosen(view: View, asked: str, trial: Callable[[View], np.ndarray]) -> tuple[View, Precision]:
    """The view to go on with, in the precision that was asked for, and what that is.

    trial: S, (n,), float64, of some changed images, as the view says. "auto" leaves 32 bits where a map must have no
    seams, and for networks of the user's own.
    """
    if asked == "bfloat16":
        return in_half(view), Precision("bfloat16")
    seamless = not view.whole or view.network.layout is not torch.channels_last
    if asked == "float32" or seamless or not isinstance(view.network.module, UNet):
        return view, Precision()
    half = in_half(view)
    (exact, slow), (rounded, fast) = (_timed(trial, one) for one in (view, half))
    varies, ratio = float(np.std(exact)), fast / slow
    off = float(np.std(rounded - exact)) / varies if varies > 0 else float("inf")
    good = ratio <= _WORTH_IT and off <= _MOST_OFF
    found = Precision("bfloat16" if good else "float32", ratio, off if varies > 0 else None)
    return (half if good else view), found


def _timed(trial: Callable[[View], np.ndarray], view: View) -> tuple[np.ndarray, float]:
    """What the trial says, and its seconds: the shorter of two turns, since the first one prepares the layers."""
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        answers = trial(view)
        seconds.append(time.perf_counter() - started)
    return answers, min(seconds)


def _copied(network: Explainable) -> Explainable:
    """The same with a copy of its module, which stops when the original is asked to."""
    found = copy.copy(network)
    # The hooks that stop a network are its own methods: copied hooks are to stay those of the network that is asked.
    memo: dict[int, Any] = {id(network): network}
    found.module = copy.deepcopy(network.module, memo)
    return found


def _rounded(module: nn.Module, inputs: object, output: torch.Tensor) -> torch.Tensor:
    return output.to(torch.bfloat16)


def _unrounded(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return tuple(one.float() for one in inputs)
