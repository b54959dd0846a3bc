"""What is needed to draw one region's players: where they lie, and what the ground looks like there."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..attribution.pictures import natural_colour
from ..imagery.grid import Window
from .players import Players


@dataclass(frozen=True)
class Drawing:
    """One region as it lies in the scene; belongs to the answer (contract's ``RegionAnswer``) of the same place.

    players: as they played, labels (groups, H, W) of ``window``; in the order of the answer's players. window: on the
    scene's whole grid. valid: (H, W), bool, where the scene holds data. target: (H, W), bool, the pixels that are
    explained. ground: (H, W, 3), uint8, what the scene looks like; only pages need it: None without one.
    """

    players: Players
    window: Window
    valid: np.ndarray
    target: np.ndarray
    ground: np.ndarray | None = None

    @property
    def region(self) -> np.ndarray:
        """The pixels of the region, (H, W), bool: those that belong to a player other than the rest."""
        labels = self.players.labels
        inside = (labels >= 0) & (labels != (-1 if self.players.rest is None else self.players.rest))
        found: np.ndarray = np.any(inside, axis=0)
        return found


def drawing(
    players: Players,
    window: Window,
    valid: np.ndarray,
    target: np.ndarray,
    bands: tuple[str, ...],
    reflectance: np.ndarray | None = None,
) -> Drawing:
    """The drawing of a region, no larger than what is shown, so that those of many regions fit into memory.

    window: on the scene's grid, where labels (groups, H, W), valid and target (H, W), bool, and reflectance
    (bands, H, W) lie; without reflectance, it has no ground to be shown on a page.
    """
    whole = Drawing(players, window, valid, target)
    rows, cols = _around(whole.region | target)
    ground = None
    if reflectance is not None:
        colours = natural_colour(bands, reflectance[:, rows, cols], valid[rows, cols])
        ground = np.round(255 * colours).astype(np.uint8)
    part = Window(window.row + rows.start, window.col + cols.start, rows.stop - rows.start, cols.stop - cols.start)
    own = replace(players, labels=players.labels[:, rows, cols].copy())
    return Drawing(own, part, valid[rows, cols].copy(), target[rows, cols].copy(), ground)


def _around(pixels: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of the smallest rectangle that holds the pixels (H, W), bool, and one pixel around, if there."""
    found = []
    for axis in (1, 0):
        where = np.flatnonzero(pixels.any(axis=axis))
        first, last = (int(where[0]), int(where[-1])) if len(where) else (0, 0)
        found.append(slice(max(0, first - 1), min(pixels.shape[1 - axis], last + 2)))
    return found[0], found[1]
