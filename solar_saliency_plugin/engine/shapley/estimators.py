"""The estimators by name, which one is taken by itself, and estimates that refine while they are waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ...contract.errors import RequestError
from .crossfit import crossfit, leverage
from .design import all_pairs
from .estimate import Estimate, Estimator
from .exact import exact, plan
from .game import Game
from .lime import lime
from .permutations import least_evaluations, permutations, sampling

#: Each estimate of a row that refines rests on so many times the evaluations of the one before.
_GROWTH = 1.6

#: Of more players than this regressions take longer than asking.
MOST_REGRESSED = 1000

#: Where a part of the answer sees more players than this, random orders are more exact than processes: with ten
#: evaluations for each player, errors on real farms were 1.6 to 4 times those of processes with scopes of 16 to 50
#: players, equal with about 100, and .6 times with 300.
MOST_FORETOLD = 100


def precisely(game: Game, evaluations: int, seed: int) -> Estimate:
    """Exact Shapley values. Raises :class:`RequestError` where they take more than ``evaluations``."""
    needed = exact_cost(game)
    if needed is None or needed > evaluations:
        many = "more than can be asked" if needed is None else f"{needed:,} evaluations"
        raise RequestError(
            f"Exact values of {game.players} players need {many} here.",
            "Choose fewer superpixels, allow more evaluations, or another estimator.",
        )
    phi = exact(game, "Asking all coalitions")
    if phi is None:
        raise AssertionError("a game with a cost has a plan")
    return Estimate(phi, np.zeros(game.players), needed, "exact", facts={"parts": len(game.scopes)})


def exact_cost(game: Game) -> int | None:
    """How many evaluations exact values take; None: more than can be asked."""
    found = plan(game.scopes)
    return None if found is None else len(found[0])


def automatic(game: Game, evaluations: int, seed: int) -> Estimate:
    """Exact where the evaluations allow it, else cross-fitted; very many players join in random orders."""
    needed = exact_cost(game)
    if needed is not None and needed <= evaluations:
        return precisely(game, evaluations, seed)
    if evaluations < least("auto", game.players):
        raise _too_few("auto", game.players, evaluations)
    return ESTIMATORS[sampled(game, evaluations)](game, evaluations, seed)


def sampled(game: Game, evaluations: int) -> str:
    """The name of the estimator that does best with so many evaluations, where exact values take more."""
    players, together = int(game.scopes.any(axis=0).sum()), int(game.scopes.sum(axis=1).max())
    if players <= MOST_REGRESSED and (together <= MOST_FORETOLD or evaluations < least("permutations", players)):
        return "crossfit"
    return "permutations"


#: Estimators that any game can be given, by name. L-Shapley needs to know who is near whom: see ``neighbours``.
ESTIMATORS: dict[str, Estimator] = {
    "auto": automatic,
    "exact": precisely,
    "crossfit": crossfit,
    "leverage": leverage,
    "permutations": permutations,
    "sampling": sampling,
    "lime": lime,
}

#: Those that only make sense of all of their evaluations at once.
_AT_ONCE = ("exact",)


def least(name: str, players: int) -> int:
    """The least number of evaluations with which an estimator says anything of so many players."""
    if name == "auto" and players > MOST_REGRESSED:
        name = "permutations"
    if name in ("permutations", "sampling"):
        return least_evaluations(players, name == "permutations")
    if name == "lime":
        return players + 2
    return 2 + 2 * min(players + 2, all_pairs(players))


def estimate(game: Game, name: str, evaluations: int, seed: int) -> Estimate:
    """An estimate of one of :data:`ESTIMATORS`. Players who cannot change anything are left out, and get 0.

    Raises :class:`RequestError` where the evaluations are too few.
    """
    return _of_active(game, ESTIMATORS[name], name, evaluations, seed)


def refining(
    game: Game,
    name: str,
    evaluations: int,
    seed: int,
    error: float = 0.0,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Estimate]:
    """Estimates on more and more evaluations, nothing being asked twice, until all are used, or the largest standard
    error is no more than ``error``, or ``stop`` says so; there is one at least.

    At a fixed number of evaluations, 95 % intervals are that; where the error decides when to end, about 93 %.
    """
    active = int(game.scopes.any(axis=0).sum())
    needed = exact_cost(game) if name == "auto" else None
    exactly = needed is not None and needed <= evaluations
    if name == "auto" and not exactly and evaluations >= least("auto", active):
        name = sampled(game, evaluations)
    budget = evaluations if name in _AT_ONCE else min(evaluations, least(name, active))
    if needed is not None and exactly and not budget < needed <= evaluations - budget:
        budget = evaluations  # exact values ask for coalitions of their own: a look before them has to be affordable
    game.expected, game.awaited = max(game.expected, evaluations), game.evaluations + budget
    while True:
        found = estimate(game, name, budget, seed)
        game.awaited = 0
        yield found
        if budget >= evaluations or found.is_exact or found.largest_error <= error or stop():
            return
        budget = evaluations if exactly else min(evaluations, round(budget * _GROWTH))


def _of_active(game: Game, estimator: Estimator, name: str, evaluations: int, seed: int) -> Estimate:
    active = np.asarray(game.scopes.any(axis=0))
    count = int(active.sum())
    if count == 0:
        return Estimate(np.zeros(game.players), np.zeros(game.players), 2, "exact" if name == "auto" else name, 1.0)
    if name not in _AT_ONCE and name != "auto" and evaluations < least(name, count):
        raise _too_few(name, count, evaluations)
    if count == game.players:
        return estimator(game, evaluations, seed)
    found = estimator(game.among(active), evaluations, seed)
    phi = np.zeros(game.players)
    phi[active] = found.phi
    error = None
    if found.standard_error is not None:
        error = np.zeros(game.players)
        error[active] = found.standard_error
    return Estimate(phi, error, found.evaluations, found.estimator, found.r2, found.facts)


def _too_few(name: str, players: int, evaluations: int) -> RequestError:
    needed = least(name, players)
    return RequestError(
        f"{players} players need at least {needed:,} evaluations; {evaluations:,} are allowed.",
        f"Allow {needed:,} or more, or choose fewer superpixels.",
    )
