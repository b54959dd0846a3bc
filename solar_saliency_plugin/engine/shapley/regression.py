"""KernelSHAP on pairs: Shapley values as a weighted regression, with standard errors that come from the drawing alone.

Coalitions of one size are a stratum, of which some pairs were drawn without replacement. The regression's weights are
the Shapley kernel over the share that was drawn. No distribution of anything but the drawing is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .design import Pairs

#: With less than this many evaluations for each player residuals are stretched by 1 / (1 − h), else by its root.
_FEW = 4


@dataclass(frozen=True)
class Fit:
    """values: (n,), which add up to the contrast. standard_error: (n,); NaN where nothing is left to judge it by.

    r2: share of the weighted variance of the odd part that the players explain one by one.
    """

    values: np.ndarray
    standard_error: np.ndarray
    r2: float


def regression(pairs: Pairs, odd: np.ndarray, contrast: float) -> Fit:
    """Shapley values of pairs' odd parts (p,), (v(S) − v(N∖S)) / 2, that add up to ``contrast``.

    Lundberg, Lee (2017), equation for constrained least squares; pairs: Covert, Lee: Improving KernelSHAP (2021).
    """
    players = pairs.coalitions.shape[1]
    even = contrast / players
    if players == 1:
        return Fit(np.array([contrast]), np.zeros(1), 1.0)
    basis = _sum_zero(players)
    signs = np.where(pairs.coalitions, 0.5, -0.5)
    design = signs @ basis
    target = odd - signs.sum(axis=1) * even
    weights = kernel_weights(pairs)
    root = np.sqrt(weights)
    q, r = np.linalg.qr(design * root[:, None])
    inverse = np.linalg.pinv(r)
    slopes = inverse @ (q.T @ (target * root))
    residual = target - design @ slopes
    values = even + basis @ slopes
    error = _standard_error(pairs, (basis @ inverse @ q.T) * root, residual, np.square(q).sum(axis=1))
    # How much the values one by one explain, all alike being the null model.
    varies = float(weights @ np.square(odd))
    r2 = 1 - float(weights @ np.square(residual)) / varies if varies > 0 else 1.0
    return Fit(values, error, r2)


def kernel_weights(pairs: Pairs) -> np.ndarray:
    """Weights (p,): (n − 1) / (C(n, s) s (n − s)) over the share of the size's pairs that was drawn; 1 at most."""
    players = pairs.coalitions.shape[1]
    halves = np.where(2 * pairs.sizes == players, 2.0, 1.0)
    weights = 1 / (halves * pairs.sizes * (players - pairs.sizes) * pairs.drawn)
    found: np.ndarray = weights / weights.max()
    return found


def _sum_zero(players: int) -> np.ndarray:
    """Orthonormal columns (n, n − 1) that each add up to 0 (Helmert's)."""
    found = np.tril(np.ones((players, players - 1)), -1) * 0.0
    for column in range(players - 1):
        found[: column + 1, column] = 1
        found[column + 1, column] = -(column + 1)
        found[:, column] /= np.sqrt((column + 1) * (column + 2))
    return found


def _standard_error(pairs: Pairs, influence: np.ndarray, residual: np.ndarray, leverage: np.ndarray) -> np.ndarray:
    """(n,), of values that move by influence (n, p) times residual (p,): a sandwich, stratum by stratum.

    Var = Σ_s (1 − m_s / N_s) m_s / (m_s − 1) Σ (u − ū_s)²; where one pair of a size was drawn, its size is judged by
    that pair alone, without taking off a mean. Cochran: Sampling Techniques (1977), 5.
    """
    if len(residual) <= len(influence) - 1:
        return np.full(len(influence), np.nan)
    left = np.maximum(1 - leverage, 1e-9)
    known = left <= 1e-6  # a pair that the fit must meet says nothing of its error
    few = 2 * len(residual) < _FEW * len(influence)
    stretched = np.where(known, 0.0, residual / (left if few else np.sqrt(left)))
    moves, variance = influence * stretched, np.zeros(len(influence))
    for size in np.unique(pairs.sizes):
        here = np.flatnonzero(pairs.sizes == size)
        drawn, population = len(here), pairs.populations[here[0]]
        apart = moves[:, here] - (moves[:, here].mean(axis=1, keepdims=True) if drawn > 1 else 0)
        unseen = 1 - drawn / population
        variance += unseen * drawn / max(drawn - 1, 1) * np.square(apart).sum(axis=1)
    return np.sqrt(variance)
