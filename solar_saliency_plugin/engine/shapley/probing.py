"""Whether the only baseline of a run hides something: who hardly counts with it is shown as bare soil, all at once.

A baseline hides what looks like it, such as snow where most of the scene lies in snow; contrast does not tell, since it
need not look quite the same. What counts is what the model makes of it: if the answer changes by much more than the
values of all who hardly count explain, when they are replaced by something else, it may rest on them. That takes one
evaluation more. In a fine cut nearly everybody counts little by himself, so that they have to count little together.

Measured, as shares of all |φ| that the values left unexplained, against what comparing with other baselines says in
full. In summer views of 29 Austrian farms with 25 superpixels: .10 at most with soil, and .12 where the mean hid
nothing (13 farms); where it did (4), .39 once, else less than this tells; in the other 12 the mean was itself taken for
a farm, of which users are told anyway. With 100 superpixels (8 farms): .13 at most. A simulated farm of 12 ha on bare
soil, in 25 to 300 superpixels: .07 at most; there all who have less than 2 % – 298 of 300 – would change the answer by
.9, which says nothing. Of a network that took snow for a sign of farms: .71 or more with the mean in eight places, cut
in 10 to 100, and with blur; with soil, which hides less, .05 to .65. Of one that did not: .10 at most.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..attribution.baselines import SOIL
from .answer import described, shares_of
from .open_games import OpenGame

#: Shares of all |φ|: below which a player hardly counts, up to which some hardly count together, and from which what
#: their values leave unexplained says that they do count.
HARDLY, FEW, UNEXPLAINED = 0.02, 0.2, 1 / 3


@dataclass(frozen=True)
class Otherwise:
    """Who hardly counts, and what the model answers where they are shown as ``shown``, in words, all at once.

    names: those that look least like the baseline first.
    """

    names: tuple[str, ...]
    answer: float
    shown: str


def otherwise(opened: OpenGame, baseline: str, phi: np.ndarray, bands: tuple[str, ...]) -> Otherwise | None:
    """What a game's baseline may hide, given the values (n,) that it gave; None: nothing.

    With bare soil as the baseline they are shown as black instead.
    """
    hardly = hardly_counting(phi)
    if not hardly.any() or not phi.any():
        return None
    black = baseline == "soil"
    spectrum = np.array([0.0 if black else SOIL[band] for band in bands], np.float32)
    answer = opened.game.replaced(hardly, spectrum)
    explained = opened.game.present - float(phi[hardly].sum())
    if abs(answer - explained) < UNEXPLAINED * np.abs(phi).sum():
        return None
    # Those that look least like the baseline are named first, and the rest, which has no place, last.
    contrast, rest = described(opened).contrast, opened.players.rest
    order = sorted(np.flatnonzero(hardly), key=lambda player: (player == rest, -contrast[player]))
    return Otherwise(tuple(opened.players.names[player] for player in order), answer, "black" if black else "bare soil")


def hardly_counting(phi: np.ndarray) -> np.ndarray:
    """Who hardly counts, alone and together with all who count still less, given the values (n,): (n,), bool."""
    shares = shares_of(phi)
    order = np.argsort(shares, kind="stable")
    found = np.zeros(len(phi), bool)
    found[order] = (shares[order] < HARDLY) & (np.cumsum(shares[order]) <= FEW)
    return found
