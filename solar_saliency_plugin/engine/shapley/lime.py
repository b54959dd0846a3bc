"""LIME, for comparison: a linear model of the answer near the image. Its coefficients are no Shapley values."""

from __future__ import annotations

import numpy as np

from .estimate import Estimate
from .game import Game, batches
from .least_squares import inverse_of, some_at_a_time

#: Width of the kernel over the cosine distance from all players, as in the authors' code.
KERNEL_WIDTH = 0.25

#: Coalitions that are drawn between two looks at whether the user has cancelled.
_DRAWN_TOGETHER = 1000


def lime(game: Game, evaluations: int, seed: int) -> Estimate:
    """Coefficients by weighted least squares with an intercept: Ribeiro, Singh, Guestrin (KDD 2016).

    One of the evaluations is for nobody, whose worth is told though the regression has no use for it.
    """
    coalitions = _drawn(game, max(evaluations - 2, 1), seed)
    worth = game.values(coalitions, "Asking coalitions")
    distance = 1 - np.sqrt(coalitions.mean(axis=1))
    weights = np.exp(-np.square(distance) / (2 * KERNEL_WIDTH**2))

    def rows(some: slice) -> np.ndarray:
        game.check()
        return np.column_stack((coalitions[some], np.ones(len(worth[some])))).astype(np.float64)

    columns = game.players + 1
    inverse, moment, fitted = inverse_of(rows, weights, columns, game.check), np.zeros(columns), np.zeros(len(worth))
    for some in some_at_a_time(len(worth), columns):
        moment += (weights[some] * worth[some]) @ rows(some)
    solution = inverse @ moment
    for some in some_at_a_time(len(worth), columns):
        fitted[some] = rows(some) @ solution
    middle = np.average(worth, weights=weights)
    varies = weights @ np.square(worth - middle)
    left = weights @ np.square(worth - fitted)
    r2 = float(1 - left / varies) if varies > 0 else 1.0
    return Estimate(solution[:-1], None, len(worth) + 1, "lime", r2)


def _drawn(game: Game, count: int, seed: int) -> np.ndarray:
    """Everybody, and then so many coalitions in which each player is as often as not, (count + 1, n), bool."""
    drawn, found = np.random.default_rng([seed, game.players]), np.ones((count + 1, game.players), bool)
    for some in batches(count, _DRAWN_TOGETHER):
        game.check()
        found[1:][some] = drawn.random((some.stop - some.start, game.players)) < 0.5
    return found
