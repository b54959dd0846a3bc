"""Which solar farms were found, and which detections are none: what planners count.

The convention, the same in every report:

* A farm is what outlines cover without a gap of a pixel or more: rows of panels drawn one by one are one farm.
* A farm is found where 30 % of its area or more is detected. A detection is true where 30 % of its pixels or more touch
  a farm. The two are asked apart, so that a farm found in two pieces, or two farms found as one, count as found: an
  outline holds lanes and corners without panels, and a map of 10 m pixels cannot be asked for its exact shape.
* Detections smaller than those that polygonizing keeps do not count, nor do farms as small, nor do detections without
  the core that the model asks for.
* A farm of which less than half was seen (clouds, no data) is not judged, and of the others only what was seen. A
  detection that is no true one but lies to 30 % on ground that is not scored (a farm that may not stand yet) is not
  judged either.

Objects are found window by window, in flat memory: labels are joined over the windows' borders by union-find.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from ...contract.detection import PolygonizeRequest
from ...contract.options import option_of
from ..detection.components import CORE_PIXELS
from ..imagery.grid import Window

#: Share of a farm that must be detected, and of a detection that must touch farms.
OVERLAP = 0.3

#: Share of a farm that must be seen for it to be judged.
SEEN = 0.5

#: Detections, and farms, smaller than this do not count: what polygonizing leaves out, hectares.
MINIMUM_HA: float = option_of(PolygonizeRequest, "minimum_area").default

#: Size classes by their lower limits, in hectares, and what they are called.
SIZES = (0.0, 1.0, 5.0, 20.0)
SIZE_NAMES = ("< 1 ha", "1–5 ha", "5–20 ha", "> 20 ha")

_EDGES = ndimage.generate_binary_structure(2, 1)
_EDGES_AND_CORNERS = ndimage.generate_binary_structure(2, 2)


@dataclass(frozen=True)
class Farm:
    """A farm as the outlines have it. ``found`` is None where too little of it was seen; ``window`` bounds it."""

    window: Window
    hectares: float
    found: bool | None


@dataclass(frozen=True)
class Detection:
    """A detection. ``true`` is None where what it lies on is not scored; ``window`` bounds it.

    far: hectares of it that lie far from all farms; a true detection may have some, too.
    """

    window: Window
    hectares: float
    true: bool | None
    far: float = 0.0


@dataclass(frozen=True)
class Matches:
    """The farms and detections of an image that are large enough to count."""

    farms: tuple[Farm, ...]
    detections: tuple[Detection, ...]

    def tally(self) -> "ObjectTally":
        """How many of them were judged, and how."""
        return ObjectTally.of(self.farms, self.detections)


class ObjectTally:
    """Farms, farms found, detections and true detections, each by size class: farms by theirs, detections by their own.

    ``counts`` is (4, sizes), int64, in that order.
    """

    def __init__(self, counts: np.ndarray | None = None) -> None:
        self.counts = np.zeros((4, len(SIZES)), np.int64) if counts is None else counts

    @classmethod
    def of(cls, farms: Iterable[Farm], detections: Iterable[Detection]) -> "ObjectTally":
        """The tally of those that were judged."""
        tally = cls()
        for farm in farms:
            if farm.found is not None:
                tally.counts[:2, size_class(farm.hectares)] += (1, farm.found)
        for detection in detections:
            if detection.true is not None:
                tally.counts[2:, size_class(detection.hectares)] += (1, detection.true)
        return tally

    @classmethod
    def of_vector(cls, vector: np.ndarray) -> "ObjectTally":
        """What :meth:`vector` was made of."""
        return cls(np.rint(vector).astype(np.int64).reshape(4, -1))

    def vector(self) -> np.ndarray:
        """All counts in one row, float64."""
        return self.counts.ravel().astype(np.float64)

    def __add__(self, other: "ObjectTally") -> "ObjectTally":
        """Both together."""
        return ObjectTally(self.counts + other.counts)

    @property
    def farms(self) -> int:
        """Farms that were judged."""
        return int(self.counts[0].sum())

    @property
    def detections(self) -> int:
        """Detections that were judged."""
        return int(self.counts[2].sum())

    def from_size(self, hectares: float) -> "ObjectTally":
        """Only the classes from this size on; it is one of :data:`SIZES`."""
        larger = self.counts.copy()
        larger[:, : SIZES.index(hectares)] = 0
        return ObjectTally(larger)

    def of_size(self, size: int) -> "ObjectTally":
        """Only one class, by its place in :data:`SIZES`."""
        only = np.zeros_like(self.counts)
        only[:, size] = self.counts[:, size]
        return ObjectTally(only)

    def recall(self) -> float:
        """Share of the farms that were found; NaN without farms."""
        farms, found, _, _ = self.counts.sum(axis=1)
        return float(found / farms) if farms else math.nan

    def precision(self) -> float:
        """Share of the detections that are true; NaN without detections."""
        _, _, detections, true = self.counts.sum(axis=1)
        return float(true / detections) if detections else math.nan

    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 where nothing was found.

        NaN without farms, and where all detections of farms of a size are of another size.
        """
        recall, precision = self.recall(), self.precision()
        if recall == 0:
            return 0.0
        return 2 * recall * precision / (recall + precision)


def size_class(hectares: float) -> int:
    """The size class, by its place in :data:`SIZES`."""
    return sum(hectares >= limit for limit in SIZES) - 1


def match_objects(
    probability: np.ndarray,
    coverage: np.ndarray,
    valid: np.ndarray,
    threshold: float,
    pixel_area: float,
    ignored: np.ndarray | None = None,
    minimum_ha: float = MINIMUM_HA,
    core: float = 0.0,
) -> Matches:
    """Farms and detections of a whole image, each (H, W).

    probability: 0–1, NaN counts as not detected; coverage: share of each pixel inside farms; valid: what was seen;
    ignored: what is not scored, none of it where left out; pixel_area: square metres; core: 0 where none is asked.
    """
    matcher = ObjectMatcher(threshold, coverage.shape[1], core)
    ignored = np.zeros_like(valid) if ignored is None else ignored
    matcher.add(Window(0, 0, *coverage.shape), probability, coverage, valid, ignored)
    return matcher.matches(pixel_area, minimum_ha)


class ObjectMatcher:
    """Matches farms and detections of an image that comes window by window, in reading order and without gaps."""

    def __init__(self, threshold: float, width: int, core: float = 0.0) -> None:
        """``threshold``, ``core``: probabilities, as polygonizing takes them; ``width``: the image's, in pixels."""
        self._threshold, self._core = threshold, core
        self._farms = _Joined(width, _EDGES_AND_CORNERS)
        self._detections = _Joined(width, _EDGES)  # as polygonizing joins them
        self._overlaps: dict[tuple[int, int], float] = {}

    def add(
        self,
        window: Window,
        probability: np.ndarray,
        coverage: np.ndarray,
        valid: np.ndarray,
        ignored: np.ndarray,
        far: np.ndarray | None = None,
    ) -> None:
        """One window of the image; the arrays, each (rows, cols), are as in :func:`match_objects`.

        far: what lies far from all farms, bool; where left out, detections have no hectares there.
        """
        far = np.zeros_like(valid) if far is None else far
        touched = coverage > 0
        detected = (probability >= self._threshold) & valid
        farms = self._farms.add(window, touched, (coverage, coverage * valid))
        values = (touched, ignored & ~touched, probability >= self._core, far)
        detections = self._detections.add(window, detected, values)
        both = touched & detected
        if both.any():
            pairs, place = np.unique(np.stack([farms[both], detections[both]], 1), axis=0, return_inverse=True)
            areas = np.bincount(place.ravel(), weights=coverage[both])
            for (farm, detection), area in zip(pairs.tolist(), areas.tolist(), strict=True):
                self._overlaps[farm, detection] = self._overlaps.get((farm, detection), 0.0) + area

    def matches(self, pixel_area: float, minimum_ha: float = MINIMUM_HA) -> Matches:
        """Farms and detections of all windows; ``pixel_area`` is in square metres."""
        pixel_ha = pixel_area / 1e4
        farms, detections = self._farms.components(), self._detections.components()
        kept = {
            label
            for label, d in detections.items()
            if d.pixels * pixel_ha >= minimum_ha and (not self._core or d.sums[2] >= CORE_PIXELS)
        }
        found: dict[int, float] = {}
        for (farm, detection), area in self._overlaps.items():
            if self._detections.root(detection) in kept:
                root = self._farms.root(farm)
                found[root] = found.get(root, 0.0) + area
        return Matches(
            tuple(
                Farm(farm.window, farm.sums[0] * pixel_ha, _is_found(farm.sums, found.get(label, 0.0)))
                for label, farm in farms.items()
                if farm.sums[0] * pixel_ha >= minimum_ha
            ),
            tuple(_detection(detections[label], pixel_ha) for label in sorted(kept)),
        )


def _detection(part: "_Part", pixel_ha: float) -> Detection:
    return Detection(part.window, part.pixels * pixel_ha, _is_true(part), part.sums[3] * pixel_ha)


def _is_found(sums: Sequence[float], found: float) -> bool | None:
    area, seen = sums
    return found >= OVERLAP * seen if seen >= SEEN * area else None


def _is_true(detection: "_Part") -> bool | None:
    touching, unscored = detection.sums[:2]
    if touching and touching >= OVERLAP * (detection.pixels - unscored):
        return True
    return None if unscored >= OVERLAP * detection.pixels else False


@dataclass
class _Part:
    """What is known so far of a component: its bounds (row, col, last row and col, exclusive), pixels and sums."""

    bounds: tuple[int, int, int, int]
    pixels: int
    sums: list[float] = field(default_factory=list)

    @property
    def window(self) -> Window:
        top, left, bottom, right = self.bounds
        return Window(top, left, bottom - top, right - left)

    def take(self, other: "_Part") -> None:
        (top, left), (bottom, right) = self.bounds[:2], self.bounds[2:]
        their_top, their_left, their_bottom, their_right = other.bounds
        self.bounds = (min(top, their_top), min(left, their_left), max(bottom, their_bottom), max(right, their_right))
        self.pixels += other.pixels
        self.sums = [one + another for one, another in zip(self.sums, other.sums, strict=True)]


class _Joined:
    """Connected components over windows, with sums of some values over each."""

    def __init__(self, width: int, structure: np.ndarray) -> None:
        self._structure = structure
        # Neighbours over a border: straight across, and where corners connect, to both sides of that.
        self._shifts = (-1, 0, 1) if structure[0, 0] else (0,)
        self._parents = [0]  # label 0 is the background
        self._parts: dict[int, _Part] = {}
        self._row = -1
        # One column more on each side, so that a neighbour's neighbour always exists.
        self._above = np.zeros(width + 2, np.int64)
        self._below = np.zeros(width + 2, np.int64)
        self._left = np.zeros(0, np.int64)

    def add(self, window: Window, mask: np.ndarray, values: Sequence[np.ndarray]) -> np.ndarray:
        """Labels (rows, cols), int64, of a window; they stand for what :meth:`root` gives."""
        if window.row != self._row:
            self._row = window.row
            self._above, self._below = self._below, np.zeros_like(self._below)
            self._left = np.zeros(window.height, np.int64)
        own, count = ndimage.label(mask, self._structure)
        first = len(self._parents)
        labels = np.where(own > 0, own + (first - 1), 0).astype(np.int64)
        self._parents.extend(range(first, first + count))
        if count:
            self._measure(window, own, count, first, values)
            self._touch(self._above[window.col : window.col + window.width + 2], labels[0])
            self._touch(np.pad(self._left, 1), labels[:, 0])
        self._below[window.col + 1 : window.col + 1 + window.width] = labels[-1]
        self._left = labels[:, -1]
        return labels

    def components(self) -> dict[int, _Part]:
        """The components by their roots, in reading order of windows."""
        for label in [label for label in self._parts if self.root(label) != label]:
            self._parts[self.root(label)].take(self._parts.pop(label))
        return dict(sorted(self._parts.items()))

    def root(self, label: int) -> int:
        """The label that stands for the whole component."""
        while self._parents[label] != label:
            self._parents[label] = self._parents[self._parents[label]]
            label = self._parents[label]
        return label

    def _measure(self, window: Window, own: np.ndarray, count: int, first: int, values: Sequence[np.ndarray]) -> None:
        inside = own > 0
        place = own[inside]
        pixels = np.bincount(place, minlength=count + 1)
        sums = [np.bincount(place, weights=v[inside], minlength=count + 1) for v in values]
        for number, (rows, cols) in enumerate(ndimage.find_objects(own), start=1):
            bounds = (
                window.row + rows.start,
                window.col + cols.start,
                window.row + rows.stop,
                window.col + cols.stop,
            )
            self._parts[first + number - 1] = _Part(bounds, int(pixels[number]), [float(s[number]) for s in sums])

    def _touch(self, padded: np.ndarray, labels: np.ndarray) -> None:
        """Join what meets across a border; ``padded`` has one label more on each side."""
        for shift in self._shifts:
            across = padded[1 + shift : 1 + shift + len(labels)]
            meeting = (across > 0) & (labels > 0)
            for one, other in np.unique(np.stack([across[meeting], labels[meeting]], 1), axis=0).tolist():
                one, other = self.root(one), self.root(other)
                self._parents[max(one, other)] = min(one, other)
