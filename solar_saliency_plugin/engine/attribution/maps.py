"""From attributions to what a map shows: sums over bands, and how far from the target they lie."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt

#: Distances from the target, metres, between which the shares of the attribution are told.
RINGS = (50.0, 100.0, 200.0)


def layers(values: np.ndarray, per_band: bool) -> np.ndarray:
    """What is written of attributions (bands, H, W), float32: signed sum, mean of |φ| and max of |φ| over bands.

    Then each band, if asked for. Without bands, (1, H, W), there is one layer only.
    """
    if len(values) == 1:
        return values.astype(np.float32)
    absolute = np.abs(values)
    found = [values.sum(axis=0), absolute.mean(axis=0), absolute.max(axis=0)]
    return np.stack([*found, *(values if per_band else ())]).astype(np.float32)


def titles(bands: tuple[str, ...], per_band: bool) -> tuple[str, ...]:
    """The names of :func:`layers`; ``bands`` is empty for a method without."""
    if not bands:
        return ("attribution",)
    sums = ("attribution, sum over bands", "mean of |attribution| over bands", "largest |attribution| of a band")
    return (*sums, *(bands if per_band else ()))


def by_distance(values: np.ndarray, target: np.ndarray, margin: int, pixel_size: tuple[float, float]) -> np.ndarray:
    """Sums of |φ| inside the target, up to 50, 100 and 200 m from it, and beyond: (5,), float64.

    values: (bands, H, W). target: (H + 2 · margin, W + 2 · margin), bool, where pixels of the target lie, so that
    those just outside count too.
    """
    width, height = pixel_size
    if target.any():
        # From a pixel's centre to the edge of the target's nearest pixel, as the user measures it on the map.
        distance = distance_transform_edt(~target, sampling=(height, width)) - min(width, height) / 2
    else:
        distance = np.full(target.shape, np.inf)
    rows, cols = (slice(margin, length - margin) for length in target.shape)
    inner = np.where(target, -1.0, distance)[rows, cols]
    ring = np.digitize(inner, (0.0, *RINGS))
    absolute = np.abs(values).sum(axis=0, dtype=np.float64)
    return np.bincount(ring.ravel(), weights=absolute.ravel(), minlength=len(RINGS) + 2)


def robust_range(values: np.ndarray) -> float:
    """Largest value that a style shows in full colour: the 99th percentile of |φ| where there is any; 1 if none is."""
    some = np.abs(values[np.isfinite(values) & (values != 0)])
    return float(np.percentile(some, 99)) if some.size else 1.0
