"""The estimator of choice: a Gaussian process says what games like this one look like, a regression corrects it.

The process alone would be right only as far as its kernel is. What it says of each pair without having seen it, and
with strengths found from the other half of the pairs, leaves residuals; the paired leverage regression of those is
added to the process's own Shapley values. So the sum is right on average whatever the game, and what the process could
not foretell, and that alone, makes the standard error. Cross-fitting: Chernozhukov et al. (2018); a regression that
corrects a model in a survey: Särndal, Swensson, Wretman (1992), 6; of Shapley values: Witter et al. (2025).

Where pixels do not see all players, each part of the answer has a process of its own, on the players that it sees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .design import Pairs, all_pairs, pairs
from .estimate import Estimate
from .game import Game, batches
from .least_squares import MULTIPLICATIONS
from .process import SEARCHED, Posterior, Prior, foretold, learned, of_part, one_thread, posterior
from .regression import Regression

#: Into so many halves the pairs are cut: the strengths of one's process are found from the other.
_FOLDS = 2


@dataclass(frozen=True)
class Asked:
    """Pairs and what they say: who is there (p + 1, n), bool, and odd parts (p + 1, parts); everybody comes first."""

    pairs: Pairs
    present: np.ndarray
    odd: np.ndarray

    def signs(self, which: slice | np.ndarray, scope: np.ndarray) -> np.ndarray:
        """Of some of the pairs and some of the players (n,), bool: who is there, ±1. Of all, it may be gigabytes."""
        return np.where(self.present[which][:, scope], 1.0, -1.0)

    @property
    def contrast(self) -> float:
        """v(N) − v(∅)."""
        return float(2 * self.odd[0].sum())


def ask(game: Game, evaluations: int, seed: int, message: str = "") -> Asked:
    """The pairs that so many evaluations buy, asked."""
    chosen = pairs(game.players, (evaluations - 2) // 2, seed, game.check)
    everybody = np.ones((1, game.players), bool)
    first = np.concatenate((everybody, chosen.coalitions))
    worth = game.parts(np.concatenate((first, ~first)), message)
    odd = (worth[: len(first)] - worth[len(first) :]) / 2
    return Asked(chosen, first, odd)


def leverage(game: Game, evaluations: int, seed: int) -> Estimate:
    """Paired leverage-score KernelSHAP: Musco, Witter (ICLR 2025)."""
    asked = ask(game, evaluations, seed, "Asking coalitions")
    regression = Regression(asked.pairs, game.check)
    fit = regression.fit(asked.odd[1:].sum(axis=1), asked.contrast)
    return Estimate(fit.values, regression.standard_error(fit.residual), _count(asked), "leverage", fit.r2)


def crossfit(game: Game, evaluations: int, seed: int) -> Estimate:
    """Processes on the parts, cross-fitted with the regression."""
    asked = ask(game, evaluations, seed, "Asking coalitions")
    regression = Regression(asked.pairs, game.check)
    plain = regression.fit(asked.odd[1:].sum(axis=1), asked.contrast)
    if len(asked.pairs) == all_pairs(game.players):
        return Estimate(plain.values, np.zeros(game.players), _count(asked), "crossfit", plain.r2)
    with one_thread():
        model = _Model(game, asked)
        prior = model.learned(np.ones(len(asked.odd), bool))
        whole = model.posterior(prior)
        unseen = model.unseen(prior, whole)
    correction, error = _corrected(regression, asked, whole, unseen)
    facts = {"interaction": float(prior.strengths.sum()), "noise": prior.noise, "parts": len(model.scopes)}
    return Estimate(whole.values + correction, error, _count(asked), "crossfit", plain.r2, facts)


class _Model:
    """Processes on the parts of a game; one for all where pairs are many and parts would take long."""

    def __init__(self, game: Game, asked: Asked) -> None:
        parts = [index for index, scope in enumerate(game.scopes) if scope.any()]
        self.scopes = game.scopes[parts]
        self._game, self._asked, self._odd = game, asked, asked.odd[:, parts]
        # A part's process takes the time of its pairs' cube: so many are seen by processes, the rest only foretold.
        self._seen = int(np.clip(125 * (256 / len(parts)) ** (1 / 3), 200, 800))

    def learned(self, which: np.ndarray, start: Prior | None = None) -> Prior:
        """The prior of the whole answer, of some pairs (p + 1,), bool."""
        some = np.flatnonzero(which)[:SEARCHED]
        signs = self._asked.signs(some, np.ones(self._game.players, bool))
        return learned(signs, self._odd[some].sum(axis=1), start, self._game.check)

    def unseen(self, prior: Prior, whole: _Together) -> np.ndarray:
        """What each pair is more than is said of it without it, (p + 1,).

        The strengths of all players are found from the other half of the pairs. A part's process has two numbers only
        to find, and what they owe to a single pair is little.
        """
        if len(self.scopes) > 1:
            return whole.left_out
        unseen = np.zeros(len(self._odd))
        for fold in range(_FOLDS):
            mine = np.arange(len(unseen)) % _FOLDS == fold
            others = ~mine
            others[0] = True
            unseen[mine] = self.posterior(self.learned(others, prior)).left_out[mine]
        return unseen

    def posterior(self, prior: Prior) -> _Together:
        """What the parts' processes say, added up; ``prior`` is that of the whole answer."""
        check, rows = self._game.check, len(self._odd)
        values, variance = np.zeros(self._game.players), np.zeros(self._game.players)
        left_out, missed = np.zeros(rows), np.zeros(rows)
        for scope, odd in zip(self.scopes, self._odd.T, strict=True):
            check()
            mine = Prior(prior.strengths[scope], prior.noise)
            seen = self._asked.signs(slice(self._seen), scope), odd[: self._seen]
            if len(self.scopes) > 1:
                mine = of_part(*seen, mine, check)
            found = posterior(*seen, mine, check)
            values[scope] += found.values
            variance[scope] += found.variance
            said = self._foretold(found, scope)
            missed += odd - said
            left_out[: self._seen] += found.left_out
            left_out[self._seen :] += (odd - said)[self._seen :]
        return _Together(values, variance, left_out, missed)

    def _foretold(self, found: Posterior, scope: np.ndarray) -> np.ndarray:
        """What a part's process says of all pairs, (p + 1,)."""
        said = []
        for some in batches(len(self._odd), max(64, MULTIPLICATIONS // found.signs.size)):
            self._game.check()
            said.append(foretold(found, self._asked.signs(some, scope)))
        return np.concatenate(said)


@dataclass(frozen=True)
class _Together:
    """values, variance: (n,). left_out, missed: of each pair, what it is more than the others, or all, say of it."""

    values: np.ndarray
    variance: np.ndarray
    left_out: np.ndarray
    missed: np.ndarray


def _corrected(
    regression: Regression, asked: Asked, whole: _Together, unseen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What is to be added to the processes' values, (n,), so that all add up, and the standard error of the sum, (n,).

    A pair that was asked is off by what the processes missed of it; those that were not are off by what the asked ones
    would have been, had they not been seen. The standard error is that of the drawing, or what the processes say of
    themselves where that is more.
    """
    share, left = asked.pairs.drawn / asked.pairs.populations, asked.contrast - whole.values.sum()
    off = share * whole.missed[1:] + (1 - share) * unseen[1:]
    error = regression.standard_error(regression.fit(unseen[1:], left).residual)
    return regression.fit(off, left).values, np.maximum(error, np.sqrt(whole.variance))


def _count(asked: Asked) -> int:
    return 2 * len(asked.odd)
