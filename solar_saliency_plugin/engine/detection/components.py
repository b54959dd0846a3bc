"""Connected detections of a raster of any size, found strip by strip in flat memory.

Two pixels belong together when they share an edge. A strip's labels are joined with those of the strip above by
union-find over the row that they share (Rosenfeld & Pfaltz, 1966, doi:10.1145/321356.321357).
"""

from dataclasses import dataclass
from typing import Callable, Dict, Iterator, List, Tuple

import numpy as np
from scipy import ndimage

from ..imagery.grid import Window

#: Rows of one strip.
STRIP = 512

#: Pixels that make up the core of a detection: a quarter of the smallest that is kept.
CORE_PIXELS = 5


@dataclass(frozen=True)
class Component:
    """One connected detection. ``peak`` is its most probable pixel (the first in reading order where several are).

    sure: pixels of it that reach the probability that is asked of a core.
    """

    window: Window
    pixels: int
    probability_sum: float
    peak_probability: float
    peak: Tuple[int, int]
    sure: int

    @property
    def mean_probability(self) -> float:
        """Mean probability of its pixels."""
        return self.probability_sum / self.pixels

    def joined(self, other: "Component") -> "Component":
        """This component and ``other`` as one."""
        row, col = min(self.window.row, other.window.row), min(self.window.col, other.window.col)
        bottom = max(self.window.row + self.window.height, other.window.row + other.window.height)
        right = max(self.window.col + self.window.width, other.window.col + other.window.width)
        first = min((self, other), key=lambda c: (-c.peak_probability, c.peak))
        return Component(
            Window(row, col, bottom - row, right - col),
            self.pixels + other.pixels,
            self.probability_sum + other.probability_sum,
            first.peak_probability,
            first.peak,
            self.sure + other.sure,
        )


def find_components(
    read: Callable[[Window], np.ndarray],
    height: int,
    width: int,
    threshold: float,
    progress: Callable[[float], None],
    core: float = 0.0,
) -> List[Component]:
    """The components of ``probability >= threshold``, in reading order of their first pixels.

    ``read`` gives the probability (rows, cols) of a window, NaN where there is none; ``progress`` is told the share of
    rows that are done; ``core``: probability from which a component's pixels count as sure.
    """
    strips = _Strips(core)
    for row in range(0, height, STRIP):
        window = Window(row, 0, min(STRIP, height - row), width)
        strips.add(read(window), row, threshold)
        progress((row + window.height) / height)
    return strips.components()


class _Strips:
    """Union-find over the labels of all strips so far."""

    def __init__(self, core: float) -> None:
        self._core = core
        self._parents: List[int] = [0]  # label 0 is the background
        self._found: Dict[int, Component] = {}
        self._last_row = np.zeros(0, dtype=np.int64)

    def add(self, probability: np.ndarray, first_row: int, threshold: float) -> None:
        labels, _ = ndimage.label(probability >= threshold)
        offset = len(self._parents) - 1
        for component in _measure(labels, probability, first_row, self._core):
            label = len(self._parents)
            self._parents.append(label)
            self._found[label] = component
        labels = np.where(labels > 0, labels + offset, 0).astype(np.int64)
        if self._last_row.size:
            touching = (self._last_row > 0) & (labels[0] > 0)
            for above, below in np.unique(np.stack([self._last_row[touching], labels[0][touching]], 1), axis=0):
                self._join(int(above), int(below))
        self._last_row = labels[-1]

    def components(self) -> List[Component]:
        joined: Dict[int, Component] = {}
        for label, component in self._found.items():
            root = self._root(label)
            joined[root] = joined[root].joined(component) if root in joined else component
        return [joined[root] for root in sorted(joined)]

    def _root(self, label: int) -> int:
        while self._parents[label] != label:
            self._parents[label] = self._parents[self._parents[label]]
            label = self._parents[label]
        return label

    def _join(self, one: int, other: int) -> None:
        one, other = self._root(one), self._root(other)
        self._parents[max(one, other)] = min(one, other)


def _measure(labels: np.ndarray, probability: np.ndarray, first_row: int, core: float) -> Iterator[Component]:
    for label, (rows, cols) in enumerate(ndimage.find_objects(labels), start=1):
        own = labels[rows, cols] == label
        values = np.where(own, probability[rows, cols], -np.inf)
        row, col = np.unravel_index(values.argmax(), values.shape)  # the first where several are equal
        yield Component(
            Window(first_row + rows.start, cols.start, rows.stop - rows.start, cols.stop - cols.start),
            int(own.sum()),
            float(values[own].sum(dtype=np.float64)),
            float(values[row, col]),
            (first_row + rows.start + int(row), cols.start + int(col)),
            int((values >= core).sum()),
        )
