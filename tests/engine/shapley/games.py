"""Games with known Shapley values."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from solar_saliency_plugin.engine.shapley.exact import shapley_of
from solar_saliency_plugin.engine.shapley.game import Game, every_coalition

Worth = Callable[[np.ndarray], np.ndarray]


def game_of(players: int, worth: Worth) -> Game:
    """The game of a function: coalitions (m, n), bool → (m,)."""
    return Game(players, lambda coalitions, _: np.asarray(worth(coalitions), np.float64)[:, None])


@dataclass(frozen=True)
class KnownGame:
    """A game's worth of coalitions (m, n) → (m,), and its Shapley values (n,)."""

    name: str
    worth: Worth
    phi: np.ndarray

    @property
    def game(self) -> Game:
        """A new one that was asked nothing yet."""
        return game_of(len(self.phi), self.worth)


def additive(players: int) -> KnownGame:
    gains = np.linspace(-1.0, 2.0, players)
    return KnownGame("additive", lambda coalitions: 0.5 + coalitions @ gains, gains)


def pairs_together(players: int) -> KnownGame:
    """Players 0 and 1, 2 and 3, … are worth something only together; one more is worth nothing."""
    gains = np.arange(1.0, players // 2 + 1)
    phi = np.zeros(players)
    phi[: 2 * len(gains)] = np.repeat(gains, 2) / 2

    def worth(coalitions: np.ndarray) -> np.ndarray:
        return (coalitions[:, : 2 * len(gains) : 2] & coalitions[:, 1 : 2 * len(gains) : 2]) @ gains

    return KnownGame("pairs", worth, phi)


def gloves(players: int, left: int = 2) -> KnownGame:
    """As many pairs as there are of left gloves (the first players) and right ones."""

    def worth(coalitions: np.ndarray) -> np.ndarray:
        return np.minimum(coalitions[:, :left].sum(axis=1), coalitions[:, left:].sum(axis=1)).astype(float)

    return KnownGame("gloves", worth, shapley_of(worth(every_coalition(players))))


def known_games(players: int) -> list[KnownGame]:
    return [additive(players), pairs_together(players), gloves(players)]


def rough(players: int, seed: int, orders: int = 4, terms: int = 200) -> KnownGame:
    """Many interactions of up to ``orders`` random players each, of falling weight; Shapley values in closed form."""
    random = np.random.default_rng(seed)
    members = [
        random.choice(players, random.integers(1, min(orders, players) + 1), replace=False) for _ in range(terms)
    ]
    gains = random.normal(0, 1, terms) / np.array([len(m) for m in members]) ** 2
    phi = np.zeros(players)
    for member, gain in zip(members, gains, strict=True):
        phi[member] += gain / len(member)

    def worth(coalitions: np.ndarray) -> np.ndarray:
        return sum(
            gain * coalitions[:, member].all(axis=1).astype(float) for member, gain in zip(members, gains, strict=True)
        )

    return KnownGame("rough", worth, phi)
