"""KernelSHAP on pairs: Shapley values as a weighted regression, with standard errors that come from the drawing alone.

Coalitions of one size are a stratum, of which some pairs were drawn without replacement. The regression's weights are
the Shapley kernel over the share that was drawn. No distribution of anything but the drawing is assumed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .design import Pairs
from .least_squares import inverse_of, some_at_a_time

#: With less than this many evaluations for each player residuals are stretched by 1 / (1 − h), else by its root.
_FEW = 4


@dataclass(frozen=True)
class Fit:
    """values: (n,), which add up to the contrast. residual: (p,), what each pair is more than they say.

    r2: share of the weighted variance of the odd part that the players explain one by one.
    """

    values: np.ndarray
    residual: np.ndarray
    r2: float


class Regression:
    """The regression on some pairs: its matrix is made once, for any number of odd parts.

    Players' presence is ±½ less its mean over the players: so the values' differences are found, and their sum is
    given. ``check`` raises where the user has cancelled.
    """

    def __init__(self, pairs: Pairs, check: Callable[[], None] = lambda: None) -> None:
        self._pairs, self._check = pairs, check
        self._players = pairs.coalitions.shape[1]
        self._weights = kernel_weights(pairs)
        even = np.full(self._players, self._players**-0.5)
        self._inverse = inverse_of(self._rows, self._weights, self._players, check, even)

    def fit(self, odd: np.ndarray, contrast: float) -> Fit:
        """Shapley values of pairs' odd parts (p,), (v(S) − v(N∖S)) / 2, that add up to ``contrast``.

        Lundberg, Lee (2017), equation for constrained least squares; pairs: Covert, Lee: Improving KernelSHAP (2021).
        """
        even = contrast / self._players
        target = odd - (self._pairs.sizes - self._players / 2) * even
        moment, fitted = np.zeros(self._players), np.zeros(len(odd))
        for some in some_at_a_time(len(odd), self._players):
            self._check()
            moment += (self._weights[some] * target[some]) @ self._rows(some)
        apart = self._inverse @ moment
        apart -= apart.mean()
        for some in some_at_a_time(len(odd), self._players):
            self._check()
            fitted[some] = self._rows(some) @ apart
        residual = target - fitted
        # How much the values one by one explain, all alike being the null model.
        varies = float(self._weights @ np.square(odd))
        r2 = 1 - float(self._weights @ np.square(residual)) / varies if varies > 0 else 1.0
        return Fit(even + apart, residual, r2)

    def standard_error(self, residual: np.ndarray) -> np.ndarray:
        """(n,), of values whose pairs are off by residual (p,): a sandwich, stratum by stratum. NaN: nothing is left.

        Var = Σ_s (1 − m_s / N_s) m_s / (m_s − 1) Σ (u − ū_s)²; where one pair of a size was drawn, its size is judged
        by that pair alone, without taking off a mean. Cochran: Sampling Techniques (1977), 5.
        """
        drawn, players = self._pairs.drawn, self._players
        unseen = 1 - drawn / self._pairs.populations
        if not unseen.any():
            return np.zeros(players)
        if len(residual) < players:
            return np.full(players, np.nan)
        counts = unseen * drawn / np.maximum(drawn - 1, 1)
        few = 2 * len(residual) < _FEW * players
        sizes, first, stratum = np.unique(self._pairs.sizes, return_index=True, return_inverse=True)
        total, squares = np.zeros((players, len(sizes))), np.zeros(players)
        for some in some_at_a_time(len(residual), players):
            self._check()
            rows = self._rows(some)
            moves = (rows * self._weights[some, None]) @ self._inverse
            left = np.maximum(1 - (moves * rows).sum(axis=1), 1e-9)
            known = left <= 1e-6  # a pair that the fit must meet says nothing of its error
            moves *= np.where(known, 0.0, residual[some] / (left if few else np.sqrt(left)))[:, None]
            squares += counts[some] @ np.square(moves)
            np.add.at(total.T, stratum[some], moves)
        mean_taken = np.where(drawn[first] > 1, counts[first] / drawn[first], 0.0)
        found: np.ndarray = np.sqrt(np.maximum(squares - np.square(total) @ mean_taken, 0))
        return found

    def _rows(self, some: slice) -> np.ndarray:
        """Presence in some of the pairs, less its mean, (m, n)."""
        coalitions = self._pairs.coalitions[some].astype(np.float64)
        return coalitions - coalitions.mean(axis=1, keepdims=True)


def kernel_weights(pairs: Pairs) -> np.ndarray:
    """Weights (p,): (n − 1) / (C(n, s) s (n − s)) over the share of the size's pairs that was drawn; 1 at most."""
    players = pairs.coalitions.shape[1]
    halves = np.where(2 * pairs.sizes == players, 2.0, 1.0)
    weights = 1 / (halves * pairs.sizes * (players - pairs.sizes) * pairs.drawn)
    found: np.ndarray = weights / weights.max(initial=0.0)
    return found
