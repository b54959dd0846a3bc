"""Outlines that look wrong: displaced, nothing to be seen inside, or a farm that is not there yet.

Nothing here knows how a solar farm must look. An outline is displaced where it would fit what is seen better some
pixels away; nothing is visible inside where what tells the other outlines from their surroundings does not tell this
one from its own. With few outlines that cannot be said, and only water and bright ground are found out.

Measured on the Austrian farms of the shared data: see ``tests/engine/training/test_doubts.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage
from scipy.stats import rankdata

from ..imagery.bands import MODEL_BANDS

#: An outline is compared with what lies within this many pixels around it.
RING = 6

#: So many pixels are needed inside, and around, to say anything.
LEAST_PIXELS = 6

#: Farthest displacement looked for, in pixels.
FARTHEST = 3

#: Smaller displacements, in pixels, are as good as none: outlines are drawn on other images, to the edge of the site.
_NEAREST = 1.4

#: How many times better an outline must fit elsewhere (what is explained, or what is left to explain, which tells
#: more of large farms). With fewer dates than this, chance alone makes some difference.
_BETTER, _BETTER_BY_FEW_DATES, _FEW_DATES = (1.15, 1.4), (1.3, 1.6), 4

#: Share of the outline's variance that must be explained there; else there is nothing that it could belong to.
_FITS = 0.3

#: Places from which on outlines are compared with those of other places.
LEAST_PLACES = 5

#: Chance that a pixel inside looks more like a farm than one around; below, nothing is visible.
_VISIBLE = 0.7

#: Contrast before a farm was built, at most, and since then, at least: relative to the contrast of other farms; and the
#: chance (as above) before, at most.
_ABSENT, _PRESENT, _UNSEEN = 0.5, 0.6, 0.8

#: Contrasts count up to this: panels that glint are there no more than others.
_FULL = 2.0

#: Share of the contrast's variance that one step explains where a farm surely was built then, and where it may have
#: been. Seasons make steps of up to 0.48 at the Austrian farms; those built in 2022 make steps of 0.59 or more.
_CLEAR, _UNCLEAR = 0.65, 0.5

#: Dates needed on either side to say that something was built between them.
_LEAST_DATES = 2

#: Near infrared and short-wave infrared of open water stay below; panels that float on it are brighter.
_WATER = {"B08": 0.05, "B11": 0.04}

#: Red above which ground is too bright to lie under panels, unless what lies around is brighter still.
_BRIGHT = 0.25


@dataclass(frozen=True)
class Look:
    """One outline, or several of one site, in one image.

    reflectance: (bands, H, W); clear: (H, W) bool, observed and not another farm; coverage: (H, W), share of each
    pixel inside the outline. Views under snow are no looks: panels under snow cannot be seen.
    """

    day: str
    reflectance: np.ndarray
    clear: np.ndarray
    coverage: np.ndarray

    def inside(self) -> np.ndarray:
        """Reflectance of the pixels wholly inside, (bands, pixels)."""
        return self.reflectance[:, (self.coverage == 1) & self.clear]

    def around(self) -> np.ndarray:
        """Reflectance of the pixels close to it, but wholly outside, (bands, pixels)."""
        near = ndimage.binary_dilation(self.coverage > 0, np.ones((3, 3), bool), iterations=RING)
        return self.reflectance[:, near & (self.coverage == 0) & self.clear]

    def moved(self, down: int, right: int) -> Look:
        """The same image with the outline so many pixels further down and right."""
        return replace(self, coverage=ndimage.shift(self.coverage, (down, right), order=0))


@dataclass(frozen=True)
class Likeness:
    """How one site compares with the others, on each of its dates, sorted.

    chance: that a pixel inside looks more like a farm than one around, 0–1; contrast: between the two, where 1 is that
    of a typical farm.
    """

    days: tuple[str, ...]
    chance: np.ndarray
    contrast: np.ndarray

    @property
    def is_visible(self) -> bool:
        """Whether the outline holds what other outlines hold, taking all dates together."""
        return bool(self.chance.mean() >= _VISIBLE)

    def built(self) -> str:
        """The first date on which the farm is there, where it clearly was not on those before; else empty."""
        clarity, first = self._step()
        return first if clarity >= _CLEAR else ""

    @property
    def may_be_newer(self) -> bool:
        """Whether the farm may have been built between the dates, but nobody can tell when."""
        return _UNCLEAR <= self._step()[0] < _CLEAR

    def _step(self) -> tuple[float, str]:
        """How much of all change of contrast its largest step up from nothing explains, 0–1, and the day after it."""
        count = len(self.days)
        best, first = 0.0, 0
        for split in range(_LEAST_DATES, count - _LEAST_DATES + 1):
            before, since = self.contrast[:split], self.contrast[split:]
            gain = (since.mean() - before.mean()) * np.sqrt(split * (count - split)) / count
            absent = before.mean() <= _ABSENT and self.chance[:split].mean() < _UNSEEN
            if absent and np.median(since) >= _PRESENT and gain > best:
                best, first = gain, split
        if not first:
            return 0.0, ""
        contrast = np.clip(self.contrast, -_FULL, _FULL)
        left = sum(part.var() * len(part) for part in (contrast[:first], contrast[first:]))
        return float(1 - left / max(1e-9, contrast.var() * count)), self.days[first]


def displacement(looks: Sequence[Look]) -> tuple[int, int] | None:
    """By how many pixels, down and right, the outline would fit what is seen clearly better; None where it fits.

    Fit is the share of the outline's variance that the best linear mixture of bands explains in and around it, by
    each date's own best mixture (adjusted for the number of bands; mean of all dates).
    """
    fits = [fit for look in looks if (fit := _fits(look)) is not None]
    if not fits:
        return None
    fit = np.mean(fits, axis=0)
    best, here = int(fit.argmax()), fit[_SHIFTS.index((0, 0))]
    explained, left = _BETTER if len(fits) >= _FEW_DATES else _BETTER_BY_FEW_DATES
    is_better = fit[best] >= explained * here or 1 - here >= left * (1 - fit[best])
    return _SHIFTS[best] if is_better and fit[best] >= _FITS and np.hypot(*_SHIFTS[best]) >= _NEAREST else None


_SHIFTS = [
    (down, right)
    for down in range(-FARTHEST, FARTHEST + 1)
    for right in range(-FARTHEST, FARTHEST + 1)
    if np.hypot(down, right) < FARTHEST + 0.5
]


def _fits(look: Look) -> np.ndarray | None:
    """The fit at each shift; None where the look shows too little."""
    rows, cols = (slice(max(0, found.min() - RING), found.max() + RING + 1) for found in np.nonzero(look.coverage))
    coverage, clear = look.coverage[rows, cols], look.clear[rows, cols]
    values = look.reflectance[:, rows, cols][:, clear].T.astype(np.float64)
    pixels, bands = values.shape
    if pixels < 5 * bands or np.ptp(coverage[clear]) == 0:
        return None
    basis = np.linalg.svd(values - values.mean(axis=0), full_matrices=False)[0]
    fits = []
    for down, right in _SHIFTS:
        moved = ndimage.shift(coverage, (down, right), order=0)[clear]
        moved = moved - moved.mean()
        explained = ((basis.T @ moved) ** 2).sum() / max(float(moved @ moved), 1e-9)
        fits.append(1 - (1 - explained) * (pixels - 1) / (pixels - bands - 1))
    return np.array(fits)


def is_water(looks: Sequence[Look]) -> bool:
    """Whether open water lies inside, on most dates."""
    return all(_typical(looks, band) < limit for band, limit in _WATER.items())


def is_bright_ground(looks: Sequence[Look]) -> bool:
    """Whether what lies inside is, on most dates, too bright for panels and not darkened by any."""
    return _typical(looks, "B04") > max(_BRIGHT, _typical(looks, "B04", inside=False))


def _typical(looks: Sequence[Look], band: str, inside: bool = True) -> float:
    index = MODEL_BANDS.index(band)
    values = [look.inside() if inside else look.around() for look in looks]
    medians = [np.median(value[index]) for value in values if value.shape[1] >= LEAST_PIXELS]
    return float(np.median(medians)) if medians else float("nan")


def likeness(looks: Mapping[int, Sequence[Look]], place_of_site: Mapping[int, int]) -> dict[int, Likeness]:
    """Each site compared with those of other places; without sites of too few pixels. Empty where places are too few.

    What tells inside from around (a linear discriminant of the logarithms of the bands, sites weighing the same) is
    learned at the other places. Sites that do not show it are left out, and the rest compared again.
    """
    samples = {site: list(_samples(sorted(its, key=lambda look: look.day))) for site, its in looks.items()}
    samples = {site: its for site, its in samples.items() if its}
    if len({place_of_site[site] for site in samples}) < LEAST_PLACES:
        return {}
    moments = {site: _moments(its) for site, its in samples.items()}
    trusted = set(samples)
    found: dict[int, Likeness] = {}
    for _ in range(3):
        for site, its in samples.items():
            others = [o for o in trusted if place_of_site[o] != place_of_site[site]]
            found[site] = _compared(its, _discriminant([moments[o] for o in others]))
        visible = {site for site, its in found.items() if its.is_visible}
        if visible == trusted or len({place_of_site[site] for site in visible}) < LEAST_PLACES:
            break
        trusted = visible
    return _relative(found, trusted)


_Sample = tuple[str, np.ndarray, np.ndarray]


def _samples(looks: Iterable[Look]) -> Iterable[_Sample]:
    """Day, and features inside and around, of the looks that show enough."""
    for look in looks:
        inside, around = _features(look.inside()), _features(look.around())
        if min(len(inside), len(around)) >= LEAST_PIXELS:
            yield look.day, inside, around


def _features(reflectance: np.ndarray) -> np.ndarray:
    """(pixels, 1 + bands) of (bands, pixels); logarithms, since lighter and darker ground differ by factors."""
    return np.vstack([np.ones(reflectance.shape[1]), np.log(np.maximum(reflectance, 0.003)) + 2]).T.astype(np.float64)


def _moments(samples: Sequence[_Sample]) -> tuple[np.ndarray, np.ndarray]:
    """Second moments of the features, and difference of their means, inside and around weighing the same."""
    second = [inside.T @ inside / len(inside) + around.T @ around / len(around) for _, inside, around in samples]
    return np.mean(second, axis=0), np.mean([i.mean(axis=0) - a.mean(axis=0) for _, i, a in samples], axis=0)


def _discriminant(moments: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    second, difference = (np.mean(part, axis=0) for part in zip(*moments, strict=True))
    return np.linalg.solve(second + 1e-3 * np.eye(len(difference)), difference)


def _compared(samples: Sequence[_Sample], discriminant: np.ndarray) -> Likeness:
    chances, contrasts = [], []
    for _, inside, around in samples:
        ours, theirs = inside @ discriminant, around @ discriminant
        ranks = rankdata(np.concatenate([ours, theirs]))[: len(ours)].mean()
        chances.append((ranks - (len(ours) + 1) / 2) / len(theirs))
        contrasts.append(np.median(ours) - np.median(theirs))
    return Likeness(tuple(day for day, *_ in samples), np.array(chances), np.array(contrasts))


def _relative(found: Mapping[int, Likeness], trusted: Iterable[int]) -> dict[int, Likeness]:
    """Contrasts as multiples of the typical one."""
    typical = max(1e-6, float(np.median([np.median(found[site].contrast) for site in trusted])))
    return {site: Likeness(its.days, its.chance, its.contrast / typical) for site, its in found.items()}
