"""LIME, for comparison: a linear model of the answer near the image. Its coefficients are no Shapley values."""

from __future__ import annotations

import numpy as np

from .estimate import Estimate
from .game import Game

#: Width of the kernel over the cosine distance from all players, as in the authors' code.
KERNEL_WIDTH = 0.25


def lime(game: Game, evaluations: int, seed: int) -> Estimate:
    """Coefficients by weighted least squares with an intercept: Ribeiro, Singh, Guestrin (KDD 2016)."""
    drawn = np.random.default_rng([seed, game.players]).random((max(evaluations - 1, 1), game.players)) < 0.5
    coalitions = np.concatenate((np.ones((1, game.players), bool), drawn))
    worth = game.values(coalitions, "Asking coalitions")
    distance = 1 - np.sqrt(coalitions.mean(axis=1))
    root = np.exp(-np.square(distance) / (4 * KERNEL_WIDTH**2))
    design = np.column_stack((coalitions, np.ones(len(worth))))
    solution = np.linalg.lstsq(design * root[:, None], worth * root, rcond=None)[0]
    middle = np.average(worth, weights=root**2)
    varies = np.square(root * (worth - middle)).sum()
    left = np.square(root * (worth - design @ solution)).sum()
    r2 = float(1 - left / varies) if varies > 0 else 1.0
    return Estimate(solution[:-1], None, len(worth), "lime", r2)
