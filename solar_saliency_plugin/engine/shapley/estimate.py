"""What an estimator gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .game import Game

#: 97.5 % of a normal distribution lie below it.
NORMAL = 1.959964


@dataclass(frozen=True)
class Estimate:
    """Shapley values, or what stands for them.

    phi: (n,). standard_error: (n,); 0 where exact; None where the estimator has none. evaluations: how many coalitions
    it rests on, whether they were asked for now or earlier. r2: share of the weighted variance that the players explain
    one by one, where a regression was made. estimator: which one it was. facts: what else it has to say, plain JSON
    values.
    """

    phi: np.ndarray
    standard_error: np.ndarray | None
    evaluations: int
    estimator: str
    r2: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def largest_error(self) -> float:
        """The largest standard error; infinite where there is none, or one is not known."""
        if self.standard_error is None or not np.isfinite(self.standard_error).all():
            return float("inf")
        return float(self.standard_error.max(initial=0.0))

    @property
    def intervals(self) -> np.ndarray | None:
        """95 % intervals, (n, 2); None without standard errors."""
        if self.standard_error is None:
            return None
        reach = NORMAL * self.standard_error
        return np.stack((self.phi - reach, self.phi + reach), axis=1)

    @property
    def is_exact(self) -> bool:
        """Whether nothing is estimated."""
        return self.standard_error is not None and not np.any(self.standard_error)


#: A game, how many coalitions may be known of it in all, and the seed → an estimate.
Estimator = Callable[[Game, int, int], Estimate]
