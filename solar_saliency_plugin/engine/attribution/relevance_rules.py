"""Rules by which a convolution hands relevance down to its inputs.

For output j with relevance R_j, made of contributions z_ij = a_i w_ij and a bias b_j, input i gets R_i = Σ_j of

* ε (Bach et al. 2015, equation 58): z_ij / (z_j + ε sign z_j) · R_j, where z_j = Σ_i z_ij + b_j;
* αβ (Bach et al. 2015, equation 60): (α z⁺_ij / Σ_i z⁺_ij − β z⁻_ij / Σ_i z⁻_ij) · R_j, with α − β = 1, where z⁺ and z⁻
  are the positive and negative contributions;
* z⁺ (Montavon et al. 2017): the same with α = 1 and β = 0.

Biases take part in ε only, and keep their share. Folding put the normalisation into them, so with αβ and z⁺, where
they would keep most, they get nothing (as in Montavon et al.), and all relevance reaches the image. Two cases are left
to decide: where no contribution is negative, the positive ones get all (α = 1); where none is positive, the bias alone
made that output, and the relevance is counted with the biases'. Unlike what leaves a ReLU, an answer may be negative:
it is then explained by what made it negative, that is as the opposite answer, with all signs turned round.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import torch
from torch import nn
from torch.nn.grad import conv2d_input

#: Sums of contributions below this are none: they are what is left of rounding, or would overflow as a divisor.
_NOTHING = 1e-100


@dataclass
class Ledger:
    """Relevance that did not reach the image: kept by biases, and by ε."""

    biases: float = 0.0
    epsilon: float = 0.0

    def facts(self) -> dict[str, float]:
        """As an attribution reports it."""
        return {"absorbed_by_biases": self.biases, "absorbed_by_epsilon": self.epsilon}


class Rule(Protocol):
    """How relevance (1, outputs, H, W) becomes that of what was given, (1, inputs, H, W)."""

    def hand_down(
        self, relevance: torch.Tensor, given: torch.Tensor, convolution: nn.Conv2d, ledger: Ledger
    ) -> torch.Tensor:
        """Relevance of ``given``; what it does not get is added to ``ledger``."""


@dataclass(frozen=True)
class Epsilon:
    """The ε rule; ε is in the layer's own units."""

    epsilon: float

    def hand_down(
        self, relevance: torch.Tensor, given: torch.Tensor, convolution: nn.Conv2d, ledger: Ledger
    ) -> torch.Tensor:
        """See :class:`Rule`."""
        outputs = _apply(convolution, given, convolution.weight, convolution.bias)
        added = torch.where(outputs < 0, -self.epsilon, self.epsilon)
        share = relevance / (outputs + added)
        ledger.epsilon += float((share * added).sum())
        if convolution.bias is not None:
            ledger.biases += float((share * convolution.bias[:, None, None]).sum())
        return given * _back(convolution, given, convolution.weight, share)


@dataclass(frozen=True)
class AlphaBeta:
    """The αβ rule with β = α − 1; with α = 1 it is z⁺. is_answer: the layer gives the answer, which may be negative."""

    alpha: float
    is_answer: bool = False

    def hand_down(
        self, relevance: torch.Tensor, given: torch.Tensor, convolution: nn.Conv2d, ledger: Ledger
    ) -> torch.Tensor:
        """See :class:`Rule`."""
        positive = _Contributions(given, convolution, sign=1)
        negative = _Contributions(given, convolution, sign=-1)
        if not self.is_answer:
            return self._explained(relevance, positive, negative, ledger)
        found = self._explained(relevance.clamp(min=0), positive, negative, ledger)
        return found + self._explained(relevance.clamp(max=0), negative, positive, ledger)

    def _explained(
        self, relevance: torch.Tensor, positive: _Contributions, negative: _Contributions, ledger: Ledger
    ) -> torch.Tensor:
        has_positive = positive.sums > _NOTHING
        passed = torch.where(has_positive, relevance, 0.0)
        ledger.biases += float((relevance - passed).sum())
        if self.alpha == 1:
            return positive.shared_out(passed)
        # Without negative contributions nobody is there to get what β takes.
        beta = (self.alpha - 1) * (negative.sums > _NOTHING)
        return positive.shared_out((1 + beta) * passed) - negative.shared_out(beta * passed)


class _Contributions:
    """The contributions a_i w_ij of one sign."""

    def __init__(self, given: torch.Tensor, convolution: nn.Conv2d, sign: int) -> None:
        self._convolution = convolution
        weight = sign * convolution.weight
        parts = [(given.clamp(min=0), weight.clamp(min=0))]
        if bool((given < 0).any()):  # behind a ReLU nothing is
            parts.append((given.clamp(max=0), weight.clamp(max=0)))
        self._parts = parts

    @cached_property
    def sums(self) -> torch.Tensor:
        """The sum of their absolute values for each output, (1, outputs, H, W)."""
        return _total([_apply(self._convolution, a, w, None) for a, w in self._parts])

    def shared_out(self, relevance: torch.Tensor) -> torch.Tensor:
        """Relevance (1, outputs, H, W) among the inputs, by their share of each output's contributions."""
        share = torch.where(self.sums > _NOTHING, relevance / self.sums, 0.0)
        return _total([a * _back(self._convolution, a, w, share) for a, w in self._parts])


class Layer(nn.Module):
    """A convolution whose gradient is relevance. ``check`` raises to stop the way back."""

    def __init__(self, convolution: nn.Conv2d, rule: Rule, ledger: Ledger, check: Callable[[], None]) -> None:
        super().__init__()
        self.convolution = convolution
        self._how = (convolution, rule, ledger, check)

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        """What the convolution gives."""
        found: torch.Tensor = _HandDown.apply(given, *self._how)  # type: ignore[no-untyped-call]
        return found


class _HandDown(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        given: torch.Tensor,
        convolution: nn.Conv2d,
        rule: Rule,
        ledger: Ledger,
        check: Callable[[], None],
    ) -> torch.Tensor:
        ctx.save_for_backward(given)
        ctx.how = (convolution, rule, ledger, check)
        output: torch.Tensor = convolution(given)
        return output

    @staticmethod
    def backward(ctx: Any, relevance: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        convolution, rule, ledger, check = ctx.how
        check()
        (given,) = ctx.saved_tensors
        return rule.hand_down(relevance, given, convolution, ledger), None, None, None, None


def _apply(
    convolution: nn.Conv2d, given: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None
) -> torch.Tensor:
    return nn.functional.conv2d(
        given,
        weight,
        bias,
        convolution.stride,
        convolution.padding,
        convolution.dilation,
        convolution.groups,
    )


def _total(tensors: list[torch.Tensor]) -> torch.Tensor:
    return torch.stack(tensors).sum(dim=0) if len(tensors) > 1 else tensors[0]


def _back(convolution: nn.Conv2d, given: torch.Tensor, weight: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """Σ_j w_ij share_j for each input i."""
    return conv2d_input(  # type: ignore[no-untyped-call]
        given.shape,
        weight,
        share,
        convolution.stride,
        convolution.padding,
        convolution.dilation,
        convolution.groups,
    )
