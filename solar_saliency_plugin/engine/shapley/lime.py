"""LIME, for comparison: a linear model of the answer near the image. Its coefficients are no Shapley values."""

from __future__ import annotations

import numpy as np

from .estimate import Estimate
from .game import Game
from .least_squares import inverse_of

#: Width of the kernel over the cosine distance from all players, as in the authors' code.
KERNEL_WIDTH = 0.25


def lime(game: Game, evaluations: int, seed: int) -> Estimate:
    """Coefficients by weighted least squares with an intercept: Ribeiro, Singh, Guestrin (KDD 2016).

    One of the evaluations is for nobody, whose worth is told though the regression has no use for it.
    """
    drawn = np.random.default_rng([seed, game.players]).random((max(evaluations - 2, 1), game.players)) < 0.5
    coalitions = np.concatenate((np.ones((1, game.players), bool), drawn))
    worth = game.values(coalitions, "Asking coalitions")
    distance = 1 - np.sqrt(coalitions.mean(axis=1))
    weights = np.exp(-np.square(distance) / (2 * KERNEL_WIDTH**2))
    design = np.column_stack((coalitions, np.ones(len(worth)))).astype(np.float64)
    inverse = inverse_of(lambda some: design[some], weights, design.shape[1], game.check)
    solution = inverse @ (design.T @ (weights * worth))
    middle = np.average(worth, weights=weights)
    varies = weights @ np.square(worth - middle)
    left = weights @ np.square(worth - design @ solution)
    r2 = float(1 - left / varies) if varies > 0 else 1.0
    return Estimate(solution[:-1], None, len(worth) + 1, "lime", r2)
