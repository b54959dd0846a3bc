"""The game that an image plays: players that are absent show the baseline, and the model says what is left."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from scipy.ndimage import find_objects

from ..attribution.changes import answers_of, around_target, part, sees_nearby_only
from ..attribution.view import View
from .game import Game, every_coalition
from .players import PRESENT, Players

#: Parts that the answer is kept in at most; more are put together.
MOST_PARTS = 64

#: Precisions of the network's arithmetic. "auto": bfloat16 where it is faster and hardly differs.
PRECISIONS = ("float32", "auto")

#: "auto" takes bfloat16 where it needs less than this share of the time, and coalitions are off by no more than this
#: share of v(N) − v(∅).
_WORTH_IT, _MOST_OFF = 0.9, 0.002

#: Seconds that each precision is timed for, at least.
_TRIAL = 0.1


@dataclass(frozen=True)
class Precision:
    """Which one was taken and why: time with bfloat16 ÷ without, and by how much it is off, where it was tried."""

    name: str
    ratio: float | None = None
    off: float | None = None


class ImageGame(Game):
    """v(S) of a view: the mean over its baselines of S(x) where all cells of absent players are the baseline's.

    Only the part of the window that the target sees is computed. Its pixels' answers are kept in parts by the players
    that they see, so that an estimator can know who cannot matter to whom. labels of the players: of the whole window.
    passes: images that were computed, all baselines counted.
    """

    def __init__(self, view: View, players: Players, precision: str = "float32") -> None:
        crop = around_target(view)
        self._view = part(view, crop)
        self._labels = _on(players, crop.rows, crop.cols)
        self.passes, self._seconds, self._timed = 0, 0.0, 0
        scopes, membership = _parts(self._view, self._labels)
        self._membership = torch.from_numpy(membership).to(view.reflectance.device)
        self._group_of = torch.from_numpy(players.group_of).to(view.reflectance.device)
        super().__init__(players.count, self._worth, scopes, self._view.job.check)
        self._half = False
        self.precision = self._chosen() if precision == "auto" else Precision("float32")

    def _worth(self, coalitions: np.ndarray, message: str) -> np.ndarray:
        """Parts of v, (m, parts), float64."""
        started = time.perf_counter()
        baselines, found = self._view.baselines, []
        together = max(1, self._view.at_a_time)
        for start in range(0, len(coalitions), together):
            batch = coalitions[start : start + together]
            present = torch.from_numpy(self._labels.present(batch)).to(baselines.device)[:, self._group_of]
            answers = [self._answers(present, baseline) @ self._membership for baseline in baselines]
            found.append((sum(answers[1:], answers[0]) / len(baselines)).cpu().numpy())
            if message:
                done = (self.evaluations + start + len(batch)) / max(self.expected, self.evaluations + len(coalitions))
                self._view.job.progress(done, message)
        self._seconds += time.perf_counter() - started
        self._timed += len(coalitions)
        return np.concatenate(found)

    @property
    def seconds_each(self) -> float:
        """Seconds that an evaluation has taken here, on average; what everybody and nobody take, at first."""
        if not self._timed:
            self.values(_trial_coalitions(self.players))
        return self._seconds / self._timed

    def _answers(self, present: torch.Tensor, baseline: torch.Tensor) -> torch.Tensor:
        """The answers (m, H · W), float64, where cells that are not present, (m, bands, H, W), are the baseline's."""
        view = self._view
        images = torch.where(present, view.reflectance, baseline).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode(), torch.autocast(images.device.type, torch.bfloat16, enabled=self._half):
            self.passes += len(images)
            return answers_of(view, images).flatten(1).double()

    def _chosen(self) -> Precision:
        """bfloat16 if a short trial says that it is faster and right enough; it asks coalitions that are kept."""
        some = _trial_coalitions(self.players)
        exact = self.values(some)
        repeats = max(1, self._view.at_a_time // len(some))
        batch = np.repeat(some, repeats, axis=0)
        passes, seconds, off = self.passes, {}, 0.0
        for half in (False, True):
            self._half = half
            off = float(np.abs(self._worth(some, "").sum(axis=1) - exact).max())
            seconds[half] = _seconds(lambda: self._worth(batch, ""))
        self.passes = passes
        contrast = abs(self.contrast)
        ratio = seconds[True] / seconds[False]
        self._half = bool(ratio <= _WORTH_IT and contrast > 0 and off <= _MOST_OFF * contrast)
        return Precision("bfloat16" if self._half else "float32", ratio, off / contrast if contrast else None)


def _trial_coalitions(players: int) -> np.ndarray:
    """All, none, and a few others, (m, n)."""
    random = np.random.default_rng(0).random((6, players)) < 0.5
    ends = np.array([[True] * players, [False] * players])
    return np.unique(np.concatenate((ends, random)), axis=0) if players > 2 else every_coalition(players)


def _seconds(compute: Any) -> float:
    """Seconds of one call: the fastest of several."""
    best, started = np.inf, time.perf_counter()
    while time.perf_counter() - started < _TRIAL:
        begun = time.perf_counter()
        compute()
        best = min(best, time.perf_counter() - begun)
    return float(best)


def _on(players: Players, rows: slice, cols: slice) -> Players:
    """The players with their labels in a part of the window."""
    return replace(players, labels=np.ascontiguousarray(players.labels[:, rows, cols]))


def _parts(view: View, players: Players) -> tuple[np.ndarray, np.ndarray]:
    """Scopes (parts, n), bool, and how much each pixel's answer counts in each part, (H · W, parts), float64."""
    weights = view.weights.cpu().numpy().astype(np.float64).ravel()
    target = np.flatnonzero(weights)
    scopes, part_of = np.unique(_sight(view, players, target), axis=0, return_inverse=True)
    scopes, merged = _merged(scopes, MOST_PARTS)
    membership = np.zeros((len(weights), len(scopes)))
    membership[target, merged[part_of.ravel()]] = weights[target]
    return scopes, membership


def _sight(view: View, players: Players, target: np.ndarray) -> np.ndarray:
    """Which players each of the target's pixels can depend on, (pixels, n), bool: those who change what it sees."""
    moved = (view.baselines != view.reflectance).any(dim=0).cpu().numpy()  # (bands, H, W)
    labels = np.where(_any_by_group(moved, players.group_of, len(players.labels)), players.labels, PRESENT)
    found = np.zeros((len(target), players.count), bool)
    if not sees_nearby_only(view):
        found[:, np.unique(labels[labels >= 0])] = True
        return found
    halo = view.network.halo
    rows, cols = np.divmod(target, view.shape[1])
    for layer in labels:
        for player, box in enumerate(find_objects(layer + 1)):
            if box is None:
                continue
            near = [
                np.flatnonzero((i >= b.start - halo) & (i < b.stop + halo))
                for i, b in zip((rows, cols), box, strict=True)
            ]
            here = np.intersect1d(near[0], near[1], assume_unique=True)
            # The square around a pixel, cut out of how many of the player's pixels lie above and left of a place.
            counts = np.pad((layer[box] == player).astype(np.int64).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
            height, width = counts.shape
            top, left = rows[here] - halo - box[0].start, cols[here] - halo - box[1].start
            upper, lower = (np.clip(top + step, 0, height - 1) for step in (0, 2 * halo + 1))
            west, east = (np.clip(left + step, 0, width - 1) for step in (0, 2 * halo + 1))
            inside = counts[lower, east] - counts[upper, east] - counts[lower, west] + counts[upper, west]
            found[here, player] |= inside > 0
    return found


def _any_by_group(moved: np.ndarray, group_of: np.ndarray, groups: int) -> np.ndarray:
    """Where anything moved in any band of a group, (groups, H, W), of moved (bands, H, W)."""
    return np.stack([moved[group_of == group].any(axis=0) for group in range(groups)])


def _merged(scopes: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """At most so many scopes, and which of them each old one is now in: those that add least to each other are joined.

    A scope within another joins it only where there are too many: a smaller one says more.
    """
    scopes = scopes.copy()
    owner = np.arange(len(scopes))
    alive = np.ones(len(scopes), bool)
    while alive.sum() > most:
        kept = np.flatnonzero(alive)
        sizes = scopes[kept].sum(axis=1)
        smallest = kept[np.argmin(sizes)]
        others = kept[kept != smallest]
        union = (scopes[others] | scopes[smallest]).sum(axis=1)
        best = others[np.argmin(union - scopes[others].sum(axis=1) + 1e-3 * union)]
        scopes[best] |= scopes[smallest]
        owner[owner == smallest] = best
        alive[smallest] = False
    return scopes[alive], (np.cumsum(alive) - 1)[owner]
