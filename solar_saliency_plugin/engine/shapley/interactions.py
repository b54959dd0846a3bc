"""Which players only count together: the pairwise Shapley interaction index, aggregated so that all adds up (k-SII)."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np

from ...contract.errors import RequestError
from .exact import plan, shapley_of
from .game import Game, every_coalition


@dataclass(frozen=True)
class Interactions:
    """pairs: (n, n), symmetric, 0 on the diagonal: what two players add together beyond what each adds. alone: (n,):
    what is left to each. Σ alone + Σ_{i<j} pairs = v(N) − v(∅). evaluations: how many coalitions it rests on.
    """

    alone: np.ndarray
    pairs: np.ndarray
    evaluations: int


def interactions(game: Game, evaluations: int) -> Interactions:
    """k-SII of order 2, exact: Lundberg et al. (2020); Bordt, von Luxburg: From Shapley Values to GAMs (2023).

    Players who are never seen by the same pixel do not interact. Raises :class:`RequestError` where the exact index
    takes more than ``evaluations``.
    """
    found = plan(game.scopes)
    if found is None or len(found[0]) > evaluations:
        needed = "more than can be asked" if found is None else f"{len(found[0]):,} evaluations"
        raise RequestError(
            f"Which of {game.players} players only count together needs {needed} here.",
            "Choose fewer superpixels, or allow more evaluations.",
        )
    coalitions, rows = found
    parts = game.parts(coalitions, "Asking coalitions")
    values, pairs = np.zeros(game.players), np.zeros((game.players, game.players))
    for index, (scope, mine) in enumerate(zip(game.scopes, rows, strict=True)):
        if scope.any():
            values[scope] += shapley_of(parts[mine, index])
            pairs[np.ix_(scope, scope)] += interaction_of(parts[mine, index])
    return Interactions(values - pairs.sum(axis=1) / 2, pairs, len(coalitions))


def interaction_of(worths: np.ndarray) -> np.ndarray:
    """The Shapley interaction index (n, n) of worths (2ⁿ,) of all coalitions, in the order of ``every_coalition``.

    I_ij = Σ_S |S|! (n − |S| − 2)! / (n − 1)! · (v(S ∪ ij) − v(S ∪ i) − v(S ∪ j) + v(S)): Grabisch, Roubens (1999).
    """
    players = len(worths).bit_length() - 1
    found = np.zeros((players, players))
    if players < 2:
        return found
    by_size = np.array([1 / ((players - 1) * comb(players - 2, size)) for size in range(players - 1)])
    weights = by_size[every_coalition(players - 2).sum(axis=1)]
    for two in range(players):
        for one in range(two):
            split = worths.reshape(-1, 2, 2 ** (two - one - 1), 2, 2**one)
            both = split[:, 1, :, 1] - split[:, 1, :, 0] - split[:, 0, :, 1] + split[:, 0, :, 0]
            found[one, two] = found[two, one] = weights @ both.ravel()
    return found
