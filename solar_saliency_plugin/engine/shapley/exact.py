"""Exact Shapley values: of n players from 2ⁿ coalitions, and from far fewer where no pixel sees all players.

A part of the answer that only k players can move is a game of k players. Players who never meet in one part can be
switched together without any part noticing: they share a colour, and all parts are played at once by switching colours
on and off. What has to be asked is the union over the parts of all subsets of their colours – 2ⁿ where everybody meets.
"""

from __future__ import annotations

from functools import lru_cache
from math import comb

import numpy as np

from .game import Game, every_coalition

#: Players of one part at most: 2¹⁴ coalitions of them.
MOST_PLAYERS = 14


def shapley_of(worths: np.ndarray) -> np.ndarray:
    """Shapley values (n, …) of worths (2ⁿ, …) of all coalitions, in the order of :func:`every_coalition`.

    φ_i = Σ_S |S|! (n − |S| − 1)! / n! · (v(S ∪ i) − v(S)): Shapley: A Value for n-Person Games (1953).
    """
    players = len(worths).bit_length() - 1
    rest = worths.shape[1:]
    found = np.zeros((players, *rest))
    weights = _weights(players)
    for player in range(players):
        # Bits above and below the player's own: axis 1 says whether it is there.
        split = worths.reshape(-1, 2, 2**player, *rest)
        gains = (split[:, 1] - split[:, 0]).reshape(-1, *rest)
        found[player] = np.tensordot(weights, gains, axes=1) if players > 1 else gains[0]
    return found


@lru_cache(maxsize=32)
def _weights(players: int) -> np.ndarray:
    """The weight of each coalition of the others, (2ⁿ⁻¹,)."""
    sizes = every_coalition(players - 1).sum(axis=1)
    by_size = np.array([1 / (players * comb(players - 1, size)) for size in range(players)])
    return by_size[sizes]


def colours(scopes: np.ndarray) -> np.ndarray:
    """A colour (n,) for each player, from 0, so that those who meet in one of scopes (parts, n) differ.

    Greedily, who meets most colours first: Brélaz: New Methods to Color the Vertices of a Graph (1979). Of the free
    colours that one is taken that has been used most.
    """
    meet = scopes.T.astype(np.float32) @ scopes.astype(np.float32) > 0
    np.fill_diagonal(meet, False)
    players = len(meet)
    found, used = np.full(players, -1), np.zeros(players, np.int64)
    # Of each player: the colours that it meets, and how many they are.
    met, seen, meets = np.zeros((players, players), bool), np.zeros(players, np.int64), meet.sum(axis=1)
    for _ in range(players):
        foremost = np.where(found < 0, seen, -1)
        player = int(np.argmax(np.where(foremost == foremost.max(), meets, -1)))
        colour = int(np.argmax(np.where(met[player], -1, used)))
        found[player] = colour
        used[colour] += 1
        seen += meet[player] & ~met[:, colour]
        met[meet[player], colour] = True
    return found


def plan(scopes: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]] | None:
    """Coalitions (m, n) that settle every part, and for each part the rows of all coalitions of its players.

    The rows are in the order of :func:`every_coalition`. None: a part has more than :data:`MOST_PLAYERS`.
    """
    return _plan(scopes.astype(bool).tobytes(), *scopes.shape)


@lru_cache(maxsize=4)
def _plan(packed: bytes, count: int, players: int) -> tuple[np.ndarray, list[np.ndarray]] | None:
    scopes = np.frombuffer(packed, bool).reshape(count, players)
    if scopes.sum(axis=1).max() > MOST_PLAYERS:
        return None
    active = scopes.any(axis=0)
    colour = np.zeros(players, np.int64)
    colour[active] = colours(scopes[:, active])
    every = int(colour.max()) + 1
    codes = []
    for scope in scopes:
        bits = np.zeros((int(scope.sum()), every), bool)
        bits[np.arange(len(bits)), colour[scope]] = True
        numbers = every_coalition(len(bits)) @ (np.int64(1) << np.argmax(bits, axis=1)) if len(bits) else np.zeros(1)
        codes.append(numbers.astype(np.int64))
    union, inverse = np.unique(np.concatenate([*codes, [2**every - 1, 0]]), return_inverse=True)
    coalitions = (union[:, None] >> colour) & 1 == 1
    ends = np.cumsum([len(numbers) for numbers in codes])
    return coalitions, np.split(inverse[: ends[-1]], ends[:-1])


def exact(game: Game, message: str = "") -> np.ndarray | None:
    """Shapley values (n,); None where a part has too many players."""
    found = plan(game.scopes)
    if found is None:
        return None
    coalitions, rows = found
    parts = game.parts(coalitions, message)
    values = np.zeros(game.players)
    for index, (scope, mine) in enumerate(zip(game.scopes, rows, strict=True)):
        if scope.any():
            values[scope] += shapley_of(parts[mine, index])
    return values
