"""Scores of pixels, from counts that can be added up: image by image, window by window, in flat memory.

A score's uncertainty comes from few sites and not from few pixels: neighbouring pixels say the same. So intervals are
made by drawing whole sites again (bootstrap), never pixels.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

#: Steps of probability at which thresholds are exact.
STEPS = 2000

#: Bins of the reliability diagram and of the calibration error, as in Guo et al. 2017 (arXiv:1706.04599).
RELIABILITY_BINS = 15

DRAWS = 1000
_COVERED = (2.5, 97.5)  # percentiles of a 95 % interval
_DRAWS_AT_A_TIME = 100


def _edges() -> np.ndarray:
    """Lower edges of the bins: even steps, and towards 0 and 1 ever finer ones.

    A network that is very sure puts most of its pixels there, and their order still counts in average precision.
    """
    even = np.arange(STEPS, dtype=np.float64) / STEPS
    fine = 2.0 ** (-np.arange(1, 100) / 8) / STEPS
    return np.unique(np.concatenate([even, fine, 1 - fine, [1]]).astype(np.float32))


_EDGES = _edges()
_BINS = len(_EDGES)


@dataclass(frozen=True)
class ReliabilityBin:
    """Pixels whose probability lies from ``low`` to ``high``: their mean probability, and how many are farm."""

    low: float
    high: float
    mean_probability: float
    farm_share: float
    pixels: int


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval, which is NaN where there are too few units to tell."""

    value: float
    low: float
    high: float


Counts = TypeVar("Counts", bound="Countable")
Name = TypeVar("Name")


class Countable(Protocol):
    """Counts that add up, and can be drawn again."""

    def __add__(self: Counts, other: Counts) -> Counts:
        """Both together."""

    def vector(self) -> np.ndarray:
        """All counts in one row, float64."""

    @classmethod
    def of_vector(cls: type[Counts], vector: np.ndarray) -> Counts:
        """What :meth:`vector` was made of."""


@dataclass(frozen=True)
class PixelCounts:
    """Pixels at one threshold: farm that is found, ground that is found, farm that is missed."""

    hits: int = 0
    false: int = 0
    missed: int = 0

    @classmethod
    def of_vector(cls, vector: np.ndarray) -> "PixelCounts":
        """What :meth:`vector` was made of."""
        return cls(*np.rint(vector).astype(int).tolist())

    def vector(self) -> np.ndarray:
        """All counts in one row, float64."""
        return np.array([self.hits, self.false, self.missed], np.float64)

    def __add__(self, other: "PixelCounts") -> "PixelCounts":
        """Both together."""
        return PixelCounts(self.hits + other.hits, self.false + other.false, self.missed + other.missed)

    @property
    def farm(self) -> int:
        """Pixels that are farm."""
        return self.hits + self.missed

    @property
    def found(self) -> int:
        """Pixels that reach the threshold."""
        return self.hits + self.false

    def precision(self) -> float:
        """Share of the pixels found that are farm; NaN where none is found."""
        return _share(self.hits, self.found)

    def recall(self) -> float:
        """Share of the farm pixels that are found; NaN without farm."""
        return _share(self.hits, self.farm)

    def iou(self) -> float:
        """Intersection over union of what is farm and what is found; NaN without farm."""
        return _share(self.hits, self.farm + self.false) if self.farm else math.nan

    def f1(self) -> float:
        """Harmonic mean of precision and recall; NaN without farm."""
        return _share(2 * self.hits, self.farm + self.found) if self.farm else math.nan


@dataclass(frozen=True)
class Ground:
    """Hectares of ground far from all farms, and what was detected there."""

    seen: float = 0.0
    false: float = 0.0

    @classmethod
    def of_vector(cls, vector: np.ndarray) -> "Ground":
        """What :meth:`vector` was made of."""
        return cls(*vector.tolist())

    def vector(self) -> np.ndarray:
        """Both in one row, float64."""
        return np.array([self.seen, self.false])

    def __add__(self, other: "Ground") -> "Ground":
        """Both together."""
        return Ground(self.seen + other.seen, self.false + other.false)

    def false_ha_per_100_km2(self) -> float:
        """False hectares on 100 km² (10 000 ha); NaN where no such ground was seen."""
        return 1e4 * _share(self.false, self.seen)


class Tally:
    """How many pixels of farm and of ground have which probability; every pixel score follows from it.

    A threshold counts as the nearest multiple of 1/:data:`STEPS`; there, counts equal those of the single pixels.
    """

    def __init__(self) -> None:
        self._farm = np.zeros(_BINS, np.int64)
        self._ground = np.zeros(_BINS, np.int64)
        self._sum = np.zeros(_BINS)

    @classmethod
    def of(cls, probability: np.ndarray, is_farm: np.ndarray) -> "Tally":
        """The tally of these pixels; as :meth:`add`."""
        tally = cls()
        tally.add(probability, is_farm)
        return tally

    @classmethod
    def of_vector(cls, vector: np.ndarray) -> "Tally":
        """What :meth:`vector` was made of."""
        tally = cls()
        farm, ground, tally._sum = np.split(vector, 3)
        tally._farm, tally._ground = np.rint(farm).astype(np.int64), np.rint(ground).astype(np.int64)
        return tally

    def vector(self) -> np.ndarray:
        """All counts in one row, float64."""
        return np.concatenate([self._farm, self._ground, self._sum])

    def add(self, probability: np.ndarray, is_farm: np.ndarray) -> None:
        """Count pixels: probability (0–1, float32) and whether each is farm, of one shape; NaN are no pixels."""
        known = ~np.isnan(probability)
        values, farm = probability[known].astype(np.float32, copy=False), is_farm[known]
        # Compared as 32-bit numbers, like the map is: so that thresholds are exact.
        bins = np.searchsorted(_EDGES, values, side="right") - 1
        everything = np.bincount(bins, minlength=_BINS)
        farms = np.bincount(bins[farm], minlength=_BINS)
        self._farm += farms
        self._ground += everything - farms
        self._sum += np.bincount(bins, weights=values, minlength=_BINS)

    def __add__(self, other: "Tally") -> "Tally":
        """Both together."""
        both = Tally()
        both._farm, both._ground = self._farm + other._farm, self._ground + other._ground
        both._sum = self._sum + other._sum
        return both

    @property
    def pixels(self) -> int:
        """How many pixels were counted."""
        return int(self._farm.sum() + self._ground.sum())

    @property
    def farm_pixels(self) -> int:
        """How many of them are farm."""
        return int(self._farm.sum())

    def average_precision(self) -> float:
        """Mean precision at each farm pixel when pixels are ranked by probability, as scikit-learn's; NaN without farm.

        Within a bin, farm and ground are taken to be evenly mixed; pixels of probability 1 have no order at all.
        """
        if not self.farm_pixels:
            return math.nan
        farm, total = self._farm[::-1], (self._farm + self._ground)[::-1]
        mixed = np.full(_BINS, 0.5)
        mixed[0] = 0.0
        found, marked = np.cumsum(farm) - mixed * farm, np.cumsum(total) - mixed * total
        return float((farm * found / np.maximum(marked, 0.5)).sum() / self.farm_pixels)

    def at(self, threshold: float) -> PixelCounts:
        """The counts at one threshold."""
        first = self._first(threshold)
        hits = int(self._farm[first:].sum())
        return PixelCounts(hits, int(self._ground[first:].sum()), self.farm_pixels - hits)

    def precision(self, threshold: float) -> float:
        """Share of the pixels found that are farm; NaN where none is found."""
        return self.at(threshold).precision()

    def recall(self, threshold: float) -> float:
        """Share of the farm pixels that are found; NaN without farm."""
        return self.at(threshold).recall()

    def iou(self, threshold: float) -> float:
        """Intersection over union of what is farm and what is found; NaN without farm."""
        return self.at(threshold).iou()

    def f1(self, threshold: float) -> float:
        """Harmonic mean of precision and recall; NaN without farm."""
        return self.at(threshold).f1()

    def best_threshold(self) -> float:
        """The threshold of highest IoU, the lowest where several are equal; NaN without farm.

        To be chosen on validation sites: on the sites that are scored it flatters.
        """
        if not self.farm_pixels:
            return math.nan
        thresholds = np.arange(1, STEPS) / STEPS
        first = np.searchsorted(_EDGES, thresholds.astype(np.float32))
        hits, false = (np.cumsum(counts[::-1])[::-1][first] for counts in (self._farm, self._ground))
        return float(thresholds[np.argmax(hits / (self.farm_pixels + false))])

    def precision_and_recall(self) -> tuple[np.ndarray, np.ndarray]:
        """Precision and recall at every threshold that finds something, from the highest to the lowest."""
        hits, false = np.cumsum(self._farm[::-1]), np.cumsum(self._ground[::-1])
        some = hits + false > 0
        return hits[some] / (hits + false)[some], hits[some] / max(1, self.farm_pixels)

    def reliability(self, bins: int = RELIABILITY_BINS) -> tuple[ReliabilityBin, ...]:
        """The bins that hold pixels: what the map says there, and what is true."""
        edges = [k / bins for k in range(bins + 1)]
        firsts = [self._first(edge) for edge in edges[:-1]] + [_BINS]
        found = []
        for low, high, first, end in zip(edges[:-1], edges[1:], firsts[:-1], firsts[1:], strict=True):
            farm, total = (int(counts[first:end].sum()) for counts in (self._farm, self._farm + self._ground))
            if total:
                found.append(ReliabilityBin(low, high, float(self._sum[first:end].sum()) / total, farm / total, total))
        return tuple(found)

    def calibration_error(self, bins: int = RELIABILITY_BINS, above: float = 0.0) -> float:
        """Expected calibration error: mean distance between probability and share of farm, each bin by its pixels.

        Of pixels with a probability of ``above`` or more only: nearly all pixels of a scene are ground that the model
        is sure of, and they hide what is wrong elsewhere. NaN where there is no such pixel.
        """
        parts = self._above(above).reliability(bins)
        pixels = sum(part.pixels for part in parts)
        return _share(sum(part.pixels * abs(part.mean_probability - part.farm_share) for part in parts), pixels)

    def share_above(self, threshold: float) -> float:
        """Share of all pixels that reach the threshold: on ground without farms, the false area."""
        return _share(self.at(threshold).found, self.pixels)

    def _above(self, threshold: float) -> "Tally":
        first, part = self._first(threshold), Tally()
        part._farm[first:], part._ground[first:] = self._farm[first:], self._ground[first:]
        part._sum[first:] = self._sum[first:]
        return part

    @staticmethod
    def _first(threshold: float) -> int:
        """The first bin that reaches the threshold."""
        return int(np.searchsorted(_EDGES, np.float32(round(threshold * STEPS) / STEPS)))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def bootstrap(
    tallies: Mapping[Any, Counts], measure: Callable[[Counts], float], draws: int = DRAWS, seed: int = 0
) -> Interval:
    """``measure`` of all units together, with its interval; see :func:`bootstrap_all`."""
    return bootstrap_all(tallies, {"": measure}, draws, seed)[""]


def bootstrap_all(
    tallies: Mapping[Any, Counts],
    measures: Mapping[Name, Callable[[Counts], float]],
    draws: int = DRAWS,
    seed: int = 0,
    check: Callable[[], None] = lambda: None,
) -> dict[Name, Interval]:
    """Each measure of all units together, with the 95 % interval of drawing as many units again, with replacement.

    A unit is what chance chose as a whole: a site with its surroundings, never a pixel (cluster bootstrap, Davison &
    Hinkley 1997, section 3.8). Draws in which a measure is not defined are left out. The interval is NaN where there is
    one unit only, since that tells nothing of others. The same seed gives the same interval, in whatever order the
    units come. ``check`` is called now and then, and may raise to stop.
    """
    if not tallies:
        return dict.fromkeys(measures, Interval(math.nan, math.nan, math.nan))
    units = sorted(tallies, key=repr)
    kind = type(tallies[units[0]])
    counts = np.stack([tallies[unit].vector() for unit in units])
    # Bins that no pixel fell into stay empty, however often they are drawn.
    used = counts.any(axis=0)
    whole = kind.of_vector(counts.sum(axis=0))
    drawn: dict[Name, list[float]] = {name: [] for name in measures}
    random = np.random.default_rng(seed)
    for start in range(0, draws if len(units) > 1 else 0, _DRAWS_AT_A_TIME):
        check()
        size = min(_DRAWS_AT_A_TIME, draws - start)
        weights = random.multinomial(len(units), np.full(len(units), 1 / len(units)), size=size)
        vectors = np.zeros((size, counts.shape[1]))
        vectors[:, used] = weights.astype(np.float64) @ counts[:, used]
        for vector in vectors:
            again = kind.of_vector(vector)
            for name, measure in measures.items():
                drawn[name].append(measure(again))
    return {name: _interval(measure(whole), drawn[name]) for name, measure in measures.items()}


def _interval(value: float, drawn: list[float]) -> Interval:
    known = np.array([v for v in drawn if not math.isnan(v)])
    low, high = np.percentile(known, _COVERED) if len(known) else (math.nan, math.nan)
    return Interval(value, float(low), float(high))
