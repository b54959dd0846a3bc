"""The game that an image plays: players that are absent show the baseline, and the model says what is left."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from scipy.ndimage import find_objects

from ..attribution.changes import answers_of, around_target, part, sees_nearby_only
from ..attribution.precision import TRIED, chosen
from ..attribution.view import View
from ..job import Job
from .game import Game
from .players import PRESENT, Players

#: Parts that the answer is kept in at most; more are put together.
MOST_PARTS = 64

#: Seconds from which people are told how long the first values will take.
SOON = 10.0

#: Where pixels and players are so many that joining what pixels see would take seconds (pixels² · players), squares of
#: pixels are joined beforehand, to so many.
_MUCH, _SQUARES = 10**9, 256


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
        self._view, self.precision = chosen(self._view, precision, self._tried)
        self._stopped = view.network
        self.passes = 0

    def work_for(self, job: Job) -> None:
        """Have another job told of progress, and let it cancel: a game outlives the job that opened it."""
        self._view = replace(self._view, job=job)
        self.check = job.check
        self._stopped.should_stop = lambda: job.is_cancelled  # what computes may be a copy of it in 16 bits

    def _worth(self, coalitions: np.ndarray, message: str) -> np.ndarray:
        """Parts of v, (m, parts), float64."""
        started, found, done = time.perf_counter(), [], 0
        for parts in self._asked(self._view, coalitions):
            found.append(parts)
            done += len(parts)
            if message:
                now, of = self.evaluations + done, max(self.expected, self.evaluations + len(coalitions))
                each = (self._seconds + time.perf_counter() - started) / (self._timed + done)
                told = message + _awaited(each * (self.awaited - now))
                self._view.job.progress(now / of, told, each * (of - now))
        self._seconds += time.perf_counter() - started
        self._timed += len(coalitions)
        return np.concatenate(found)

    def _asked(self, view: View, coalitions: np.ndarray) -> Iterator[np.ndarray]:
        """Parts of v as a view says, some coalitions at a time."""
        together = max(1, view.at_a_time)
        for start in range(0, len(coalitions), together):
            batch = coalitions[start : start + together]
            present = torch.from_numpy(self._labels.present(batch)).to(view.baselines.device)[:, self._group_of]
            answers = [self._answers(view, present, baseline) @ self._membership for baseline in view.baselines]
            yield (sum(answers[1:], answers[0]) / len(answers)).cpu().numpy()

    def _tried(self, view: View) -> np.ndarray:
        """v of some coalitions, each player there as often as not, as a view says: (n,), float64."""
        some = np.random.default_rng(view.seed).random((TRIED, self.players)) < 0.5
        return np.concatenate(list(self._asked(view, some))).sum(axis=1)

    def shown(self, coalition: np.ndarray) -> np.ndarray:
        """What the model answers at each of the target's pixels, (pixels,), float64, where only ``coalition`` (n,) is
        there; the mean over the baselines.
        """
        view = self._view
        present = torch.from_numpy(self._labels.present(coalition[None])).to(view.baselines.device)[:, self._group_of]
        found = [self._answers(view, present, one)[0][view.weights.flatten() != 0] for one in view.baselines]
        return (sum(found[1:], found[0]) / len(found)).cpu().numpy()

    def replaced(self, players: np.ndarray, spectrum: np.ndarray) -> float:
        """v where some of the players (n,), bool, show a spectrum (bands,) and all others the image.

        What is always absent stays the baseline's.
        """
        view, everybody = self._view, np.ones_like(players)
        there = torch.from_numpy(self._labels.present(np.stack((~players, everybody)))).to(view.baselines.device)
        present, played = there[:1, self._group_of], there[1, self._group_of]
        shown = torch.from_numpy(spectrum).to(view.reflectance)[:, None, None]
        images = [torch.where(played, shown, baseline) for baseline in view.baselines]
        found = [float((self._answers(view, present, image) @ self._membership).sum()) for image in images]
        return sum(found) / len(found)

    @property
    def footprint(self) -> int:
        """What it takes up in memory, about, bytes."""
        return self._parts.nbytes + len(self._rows) * 200 + self._membership.nelement() * 8

    @property
    def seconds_each(self) -> float:
        """Seconds that an evaluation has taken here, on average; what everybody and nobody take, at first.

        A rough number: a network is slow at first, and with few images at a time. See :meth:`measured`.
        """
        if not self._timed:
            self.values(self._ends)  # which every estimator asks for
        if not self._timed:  # both are known from before the game was closed
            self._worth(self._ends, "")
        return self._seconds / self._timed

    def measured(self) -> float:
        """Seconds of an evaluation among as many as are computed together, after as many that prepare the network.

        Nothing is asked that counts: what is shown is everybody and nobody, and any coalition takes as long.
        """
        together = max(1, self._view.at_a_time)
        some, seconds = self._ends[np.arange(together) % 2], 0.0
        for _ in range(2):
            started = time.perf_counter()
            list(self._asked(self._view, some))
            seconds = time.perf_counter() - started
        return seconds / together

    @property
    def _ends(self) -> np.ndarray:
        """Everybody and nobody, (2, n)."""
        return np.array([[True] * self.players, [False] * self.players])

    def _answers(self, view: View, present: torch.Tensor, baseline: torch.Tensor) -> torch.Tensor:
        """The answers (m, H · W), float64, where cells that are not present, (m, bands, H, W), are the baseline's."""
        images = torch.where(present, view.reflectance, baseline).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            self.passes += len(images)
            return answers_of(view, images).flatten(1).double()


def _awaited(seconds: float) -> str:
    """When the first values will be there, to go on with in a message; empty where it does not take long."""
    if seconds < SOON:
        return ""
    return f"; first values in about {f'{seconds:.0f} s' if seconds < 100 else f'{seconds / 60:.0f} minutes'}"


def _on(players: Players, rows: slice, cols: slice) -> Players:
    """The players with their labels in a part of the window."""
    return replace(players, labels=np.ascontiguousarray(players.labels[:, rows, cols]))


def _parts(view: View, players: Players) -> tuple[np.ndarray, np.ndarray]:
    """Scopes (parts, n), bool, and how much each pixel's answer counts in each part, (H · W, parts), float64."""
    weights = view.weights.cpu().numpy().astype(np.float64).ravel()
    target = np.flatnonzero(weights)
    place = np.arange(len(target))
    if len(target) ** 2 * players.count > _MUCH:
        place = _squares(target, view.shape[1], _SQUARES)
    scopes, part_of = np.unique(_sight(view, players, target, place), axis=0, return_inverse=True)
    part_of = part_of.ravel()[place]
    scopes, merged = _merged(scopes, MOST_PARTS)
    membership = np.zeros((len(weights), len(scopes)))
    membership[target, merged[part_of]] = weights[target]
    return scopes, membership


def _squares(pixels: np.ndarray, columns: int, most: int) -> np.ndarray:
    """Which square, counted from 0, each of pixels (n,), numbered row by row, lies in; at most so many squares."""
    side = 1
    while True:
        square = pixels // columns // side * columns + pixels % columns // side
        numbers, place = np.unique(square, return_inverse=True)
        if len(numbers) <= most:
            return place
        side += 1


def _sight(view: View, players: Players, target: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Which players can change what is seen at each place, (places, n), bool; place: of each of the target's pixels."""
    moved = (view.baselines != view.reflectance).any(dim=0).cpu().numpy()  # (bands, H, W)
    labels = np.where(_any_by_group(moved, players.group_of, len(players.labels)), players.labels, PRESENT)
    found = np.zeros((int(place.max(initial=-1)) + 1, players.count), bool)
    if not sees_nearby_only(view):
        found[:, np.unique(labels[labels >= 0])] = True
        return found
    halo = view.network.halo
    rows, cols = np.divmod(target, view.shape[1])
    for layer in labels:
        for player, box in enumerate(find_objects(layer + 1)):
            if box is None:
                continue
            view.job.check()
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
            found[place[here[inside > 0]], player] = True
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
