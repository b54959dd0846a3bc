"""A cooperative game: what each coalition of players is worth, asked for once and remembered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ...contract.errors import ModelInvalidError

#: Coalitions (m, n), bool, and words for the progress → what each is worth, part by part, (m, parts), float64.
Ask = Callable[[np.ndarray, str], np.ndarray]

#: Coalitions are looked up so many at a time, and as many as have so many members at least: about a tenth of a second.
_LOOKED_UP, _MEMBERS = 1024, 10**7


@dataclass(frozen=True)
class Known:
    """Coalitions and what they are worth, to be kept: masks (m, ⌈n / 8⌉), uint8, and parts (m, parts), float64."""

    masks: np.ndarray
    parts: np.ndarray


class Game:
    """Players and the worth of their coalitions, v(S) = Σ over parts.

    A part is a share of the worth that only some of the players can move: scopes (parts, n), bool, says which. Without
    scopes there is one part, and everybody can move it. Every coalition is asked for once, whoever needs it and however
    often; ``evaluations`` counts those that were. ``expected``, how many there will be in all, and ``awaited``, how
    many at the first estimate while there is none, are for the progress only. ``check`` raises where the user has
    cancelled.
    """

    def __init__(
        self,
        players: int,
        ask: Ask,
        scopes: np.ndarray | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self.players = players
        self.scopes = np.ones((1, players), bool) if scopes is None else scopes
        self.check = check
        self.evaluations, self.expected, self.awaited = 0, 0, 0
        self._ask = ask
        self._rows: dict[bytes, int] = {}
        self._parts = np.zeros((0, len(self.scopes)))

    @property
    def present(self) -> float:
        """v(N): what all players together are worth."""
        return float(self.values(np.ones((1, self.players), bool))[0])

    @property
    def absent(self) -> float:
        """v(∅): what is left without any player."""
        return float(self.values(np.zeros((1, self.players), bool))[0])

    @property
    def contrast(self) -> float:
        """v(N) − v(∅), what the Shapley values add up to."""
        return self.present - self.absent

    def values(self, coalitions: np.ndarray, message: str = "") -> np.ndarray:
        """What each of coalitions (m, n), bool, is worth, (m,), float64."""
        found: np.ndarray = self.parts(coalitions, message).sum(axis=1)
        return found

    def parts(self, coalitions: np.ndarray, message: str = "") -> np.ndarray:
        """The same part by part, (m, parts), float64."""
        rows: list[int] = []
        for some in batches(len(coalitions), max(_LOOKED_UP, _MEMBERS // max(self.players, 1))):
            self.check()
            rows += self._rows_of(coalitions[some], message)
        return self._parts[rows]

    def missing(self, coalitions: np.ndarray) -> int:
        """How many of coalitions (m, n) would have to be asked for."""
        return len({key for key in _keys(coalitions) if key not in self._rows})

    def among(self, players: np.ndarray) -> Game:
        """The game of some of the players (n,), bool, the others being absent; what it asks is remembered here."""

        def ask(coalitions: np.ndarray, message: str) -> np.ndarray:
            whole = np.zeros((len(coalitions), self.players), bool)
            whole[:, players] = coalitions
            return self.parts(whole, message)

        return Game(int(players.sum()), ask, self.scopes[:, players], self.check)

    def known(self) -> Known:
        """Everything that was asked so far."""
        width = -(-self.players // 8)
        masks = np.frombuffer(b"".join(self._rows), np.uint8).reshape(-1, width)
        return Known(masks, self._parts.copy())

    def learn(self, known: Known) -> None:
        """Take over what an equal game was asked before: it costs nothing then."""
        new = [index for index, mask in enumerate(known.masks) if mask.tobytes() not in self._rows]
        self._store([known.masks[index].tobytes() for index in new], known.parts[new])

    def _rows_of(self, coalitions: np.ndarray, message: str) -> list[int]:
        """Where coalitions (m, n) stand among those that were asked; new ones are asked."""
        keys = _keys(coalitions)
        new = dict.fromkeys(key for key in keys if key not in self._rows)
        if new:
            first = {key: index for index, key in reversed(list(enumerate(keys)))}
            self._remember(coalitions[[first[key] for key in new]], message)
        return [self._rows[key] for key in keys]

    def _remember(self, coalitions: np.ndarray, message: str) -> None:
        parts = np.asarray(self._ask(coalitions, message), np.float64)
        if not np.isfinite(parts).all():
            raise ModelInvalidError(
                "The model's answer to a changed image is no number.", "Try another baseline, or another model."
            )
        self.evaluations += len(coalitions)
        self._store(_keys(coalitions), parts)

    def _store(self, keys: Sequence[bytes], parts: np.ndarray) -> None:
        start = len(self._rows)
        self._rows.update((key, start + offset) for offset, key in enumerate(keys))
        self._parts = np.concatenate((self._parts, parts))


def every_coalition(players: int) -> np.ndarray:
    """All 2ⁿ coalitions, (2ⁿ, n), bool: the bits of 0, 1, 2 …, that of player 0 lowest."""
    numbers = np.arange(2**players, dtype=np.int64)
    coalitions: np.ndarray = (numbers[:, None] >> np.arange(players)) & 1 == 1
    return coalitions


def batches(count: int, size: int) -> Iterator[slice]:
    """Slices of ``size`` that make up 0 … ``count``."""
    return (slice(start, min(count, start + size)) for start in range(0, count, size))


def _keys(coalitions: np.ndarray) -> list[bytes]:
    return [row.tobytes() for row in np.packbits(coalitions, axis=1)]
