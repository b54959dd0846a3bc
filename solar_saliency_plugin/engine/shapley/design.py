"""Which coalitions are asked: pairs, each with its complement, by leverage, none twice.

Leverage scores of the regression that gives Shapley values are the same for all coalitions of one size, 1 / C(n, s),
so that every size gets as many as every other until it has none left: Musco, Witter: Provably Accurate Shapley Value
Estimation via Leverage Score Sampling (ICLR 2025). Here the pairs stand in one order that the seed fixes, and a budget
takes its beginning: with more budget nothing is asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import combinations
from math import comb

import numpy as np

#: Sizes with no more coalitions than this have them all listed and shuffled; of larger ones they are drawn.
_LISTED = 20_000

#: From here on a number of pairs is as good as infinite; more than some 1,000 players have more than a float can say.
_UNCOUNTED = 10**300

#: Pairs that are drawn between two looks at whether the user has cancelled: of thousands of players, some hundredths of
#: a second.
_DRAWN_TOGETHER = 500


@dataclass(frozen=True)
class Pairs:
    """Some pairs of a coalition and its complement.

    coalitions: the smaller one of each, (p, n), bool. sizes: its size, (p,). populations: how many pairs there are of
    that size in all, (p,), float64. drawn: how many of them are here, (p,).
    """

    coalitions: np.ndarray
    sizes: np.ndarray
    populations: np.ndarray
    drawn: np.ndarray

    def __len__(self) -> int:
        return len(self.coalitions)

    @property
    def both(self) -> np.ndarray:
        """Coalitions and then complements, (2 p, n)."""
        return np.concatenate((self.coalitions, ~self.coalitions))


def population(players: int, size: int) -> int:
    """How many pairs there are whose smaller coalition has ``size`` players."""
    return comb(players, size) // (2 if 2 * size == players else 1)


def all_pairs(players: int) -> int:
    """How many pairs there are, that of everybody and nobody not counted."""
    return 2 ** (players - 1) - 1


def pairs(players: int, count: int, seed: int, check: Callable[[], None] = lambda: None) -> Pairs:
    """The first ``count`` pairs of the order that the seed fixes, or all there are.

    ``check`` raises where the user has cancelled.
    """
    check()
    sizes = np.fromiter(_sizes(players, min(count, all_pairs(players))), np.int64)
    streams = {int(size): _coalitions(players, int(size), seed) for size in np.unique(sizes)}
    coalitions = np.zeros((len(sizes), players), bool)
    for index, (row, size) in enumerate(zip(coalitions, sizes, strict=True)):
        if index % _DRAWN_TOGETHER == 0:
            check()
        row[next(streams[int(size)])] = True
    drawn = np.bincount(sizes, minlength=players // 2 + 1)[sizes]
    # Once for each size: of thousands of players, such a number has a thousand digits.
    populations = {size: float(min(population(players, size), _UNCOUNTED)) for size in streams}
    return Pairs(coalitions, sizes, np.array([populations[int(size)] for size in sizes]), drawn)


def _sizes(players: int, count: int) -> Iterator[int]:
    """Sizes of the first pairs: always that one which has the least of its share, of equal ones by bits reversed."""
    largest = players // 2
    bits = max(1, largest.bit_length())
    turn = {size: int(f"{size:0{bits}b}"[::-1], 2) for size in range(1, largest + 1)}
    left = {size: population(players, size) for size in turn}
    had = dict.fromkeys(turn, 0)
    waiting = [((0.5 / _share(players, size)), turn[size], size) for size in turn]
    heapify(waiting)
    for _ in range(count):
        _, order, size = heappop(waiting)
        yield size
        had[size] += 1
        left[size] -= 1
        if left[size]:
            heappush(waiting, ((had[size] + 0.5) / _share(players, size), order, size))


def _share(players: int, size: int) -> float:
    """A pair of unequal sizes stands for two sizes, one of halves for one."""
    return 0.5 if 2 * size == players else 1.0


def _coalitions(players: int, size: int, seed: int) -> Iterator[np.ndarray]:
    """Members of coalitions of a size, each once, in random order; of halves, those with player 0."""
    random = np.random.default_rng([seed, players, size])
    half = 2 * size == players
    if population(players, size) <= _LISTED:
        every = np.array(list(combinations(range(players), size)), np.int64)
        yield from random.permutation(every[: population(players, size)] if half else every)
        return
    had: set[bytes] = set()
    while True:
        members = np.sort(random.permutation(players)[:size])
        if half and members[0]:
            members = np.setdiff1d(np.arange(players), members)
        key = members.tobytes()
        if key not in had:
            had.add(key)
            yield members
