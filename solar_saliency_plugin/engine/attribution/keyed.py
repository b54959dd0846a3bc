"""Random numbers that follow from where and what for they are drawn, not from what was drawn before.

A normal number is a function of seed, sample, band, and the absolute row and column of the scene, so that every window
that holds a pixel gives it the same noise, to the bit. The counter goes through SplitMix64's finaliser (Steele, Lea,
Flood: Fast splittable pseudorandom number generators. OOPSLA 2014); each of the four 16-bit parts of its 64 bits
belongs to one of four columns and is looked up in a table of the normal distribution's quantiles. The table is why no
logarithm or cosine is needed, whose last bit may depend on the processor and on where a value lies in an array. Numbers
end at ± 4.3 standard deviations.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.special import ndtri

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB

#: Columns that share one hash.
_TOGETHER = 4

#: Rows and groups of columns of a scene are less than 2 to this.
_PLACE_BITS = 24


def normal(seed: int, sample: int, shape: tuple[int, int, int], row: int = 0, col: int = 0) -> np.ndarray:
    """Standard normal numbers (bands, rows, cols), float32, of the window that begins at ``row``, ``col``."""
    bands, rows, columns = shape
    first, last = col // _TOGETHER, -(-(col + columns) // _TOGETHER)
    groups = np.arange(first, last, dtype=np.uint64) * np.uint64(_GOLDEN)
    lines = np.arange(row, row + rows, dtype=np.uint64) * np.uint64((_GOLDEN << _PLACE_BITS) & _MASK)
    key = _key(seed, sample)
    found = np.empty(shape, np.float32)
    start = col - first * _TOGETHER
    for band in range(bands):  # band by band: what lies between stays in the processor's cache
        begin = np.uint64((key + band * (_GOLDEN << 2 * _PLACE_BITS)) & _MASK)
        hashed = _mix(groups[None, :] + lines[:, None] + begin)
        parts = hashed.astype("<u8", copy=False).view("<u2")
        _quantiles().take(parts[:, start : start + columns], out=found[band], mode="clip")
    return found


def uniform(seed: int, sample: int) -> float:
    """A number from [0, 1) for a sample."""
    return float(_key(seed, sample) >> 11) * 2.0**-53


def _key(seed: int, sample: int) -> int:
    """64 bits for a seed and a sample, from 0."""
    mixed = _mix(np.array([(seed + 1) * _GOLDEN & _MASK], np.uint64))
    return int(_mix(mixed + np.uint64((sample + 1) * _GOLDEN & _MASK))[0])


def _mix(numbers: np.ndarray) -> np.ndarray:
    """SplitMix64's finaliser, in place."""
    shifted = np.empty_like(numbers)
    for shift, factor in ((30, _FIRST), (27, _SECOND), (31, None)):
        np.right_shift(numbers, np.uint64(shift), out=shifted)
        np.bitwise_xor(numbers, shifted, out=numbers)
        if factor is not None:
            np.multiply(numbers, np.uint64(factor), out=numbers)
    return numbers


@cache
def _quantiles() -> np.ndarray:
    """The normal distribution's quantiles at the middles of 2¹⁶ equal shares, scaled to a variance of 1; float32."""
    quantiles = ndtri((np.arange(1 << 16) + 0.5) / (1 << 16))
    return np.asarray(quantiles / quantiles.std(), np.float32)
