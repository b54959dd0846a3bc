"""Shapley values by players joining one after the other, in random order, or in one and then in its reverse."""

from __future__ import annotations

import numpy as np
from scipy.stats import t as student

from ...contract.errors import RequestError
from .estimate import NORMAL, Estimate
from .game import Game, batches

#: Players in coalitions that are asked together, so that memory is no matter.
_CELLS = 2 * 10**7


def sampling(game: Game, evaluations: int, seed: int) -> Estimate:
    """Shapley value sampling: Castro, Gómez, Tejada (2009)."""
    return _walked(game, evaluations, seed, "sampling", antithetic=False)


def permutations(game: Game, evaluations: int, seed: int) -> Estimate:
    """Each order is followed by its reverse: Mitchell, Cooper, Frank, Holmes: Sampling Permutations (JMLR 2022)."""
    return _walked(game, evaluations, seed, "permutations", antithetic=True)


def least_evaluations(players: int, antithetic: bool) -> int:
    """What two orders, or two pairs of them, cost: fewer have no standard error."""
    return 2 + 2 * max(players - 1, 0) * (2 if antithetic else 1)


def _walked(game: Game, evaluations: int, seed: int, name: str, *, antithetic: bool) -> Estimate:
    """The mean gain of each player over so many orders as the evaluations buy; a pair of orders counts as one draw.

    A few draws may by chance be alike. So each player's variance is drawn towards the mean of all players' as if that
    were one draw more, and the standard error is stretched so that 1.96 of it are a 95 % interval of Student's t.
    Without that, intervals of real games held the truth in 87–93 % of runs only.
    """
    players, cost = game.players, max(game.players - 1, 1) * (2 if antithetic else 1)
    draws = (evaluations - 2) // cost
    if draws < 2 and players > 1:
        least = least_evaluations(players, antithetic)
        raise RequestError(
            f"Random orders of {players} players need at least {least} evaluations.",
            f"Allow {least} or more, or choose fewer superpixels.",
        )
    draws = max(draws, 1)
    orders = np.stack([np.random.default_rng([seed, players, draw]).permutation(players) for draw in range(draws)])
    if antithetic:
        orders = np.concatenate((orders, orders[:, ::-1]))
    gains = _gains(game, orders)
    if antithetic:
        gains = (gains[:draws] + gains[draws:]) / 2
    error = _standard_error(gains) if players > 1 else np.zeros(players)
    return Estimate(gains.mean(axis=0), error, 2 + draws * cost, name, facts={"orders": len(orders)})


def _standard_error(gains: np.ndarray) -> np.ndarray:
    """Of the mean of gains (draws, n), (n,). Moderated variances, a prior of one degree of freedom: Smyth (2004)."""
    draws = len(gains)
    variance = gains.var(axis=0, ddof=1)
    variance = ((draws - 1) * variance + variance.mean()) / draws
    found: np.ndarray = student.ppf(0.975, draws) / NORMAL * np.sqrt(variance / draws)
    return found


def _gains(game: Game, orders: np.ndarray) -> np.ndarray:
    """What each player adds in each of orders (m, n), (m, n)."""
    count, players = orders.shape
    rank, found = np.argsort(orders, axis=1), []
    for some in batches(count, max(1, _CELLS // (players + 1) ** 2)):
        steps = rank[some, None, :] < np.arange(players + 1)[None, :, None]  # (m, n + 1, n)
        worth = game.values(steps.reshape(-1, players), "Adding one after the other").reshape(-1, players + 1)
        found.append(np.take_along_axis(np.diff(worth, axis=1), rank[some], axis=1))
    return np.concatenate(found)
