"""How far attribution maps of the same target agree.

The measures are those of Krishna, Han, Gu, Wu, Jabbari, Lakkaraju: The Disagreement Problem in Explainable Machine
Learning: A Practitioner's Perspective (TMLR 2024, arXiv:2202.01602), section 3, with pixels as features: feature
agreement, sign agreement, rank correlation. Maps are scaled to Σ|φ| = 1, since methods measure in units of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

#: The share of the pixels that counts as a map's most important ones.
TOP = 0.1


@dataclass(frozen=True)
class Pair:
    """How far two maps agree; NaN where one of them shows nothing, or has no signs.

    spearman, spearman_absolute: rank correlation of φ and of |φ|. top_overlap: share of the top tenth (by |φ|) that
    both have (feature agreement). sign_agreement: share that both have with the same sign.
    """

    spearman: float
    spearman_absolute: float
    top_overlap: float
    sign_agreement: float


@dataclass(frozen=True)
class Layers:
    """What maps say of each pixel together, each (H, W), float64, NaN where nothing is compared.

    mean, spread: mean and standard deviation of the scaled maps. agreement: the larger share of the maps that have
    the pixel in their top tenth with the same sign.
    """

    mean: np.ndarray
    agreement: np.ndarray
    spread: np.ndarray


def scaled(values: np.ndarray) -> np.ndarray:
    """The map with Σ|φ| = 1; all zero if it is that already."""
    total = np.abs(values).sum()
    return values / total if total > 0 else np.zeros_like(values)


def compared(maps: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """The pixels that maps (N, H, W) are compared on, (H, W), bool: valid ones, where any map shows something.

    What no method can see would only make all of them look alike.
    """
    return valid & (maps != 0).any(axis=0)


def top(values: np.ndarray) -> np.ndarray:
    """Which of the pixels (P,) are the map's top tenth by |φ|, bool; fewer where fewer have a value at all.

    Where pixels are equal, as within a superpixel, those that come first are taken, in every map alike.
    """
    absolute = np.abs(values)
    chosen = np.zeros(len(values), bool)
    first = np.argsort(-absolute, kind="stable")[: top_count(len(values))]
    chosen[first[absolute[first] > 0]] = True
    return chosen


def top_count(pixels: int) -> int:
    """How many pixels are a top tenth."""
    return max(1, round(TOP * pixels))


def pair(one: np.ndarray, other: np.ndarray, *, with_signs: bool) -> Pair:
    """How far two maps agree on pixels (P,)."""
    if not one.any() or not other.any():
        return Pair(np.nan, np.nan, np.nan, np.nan)
    both = top(one) & top(other)
    size = top_count(len(one))
    same = both & (np.sign(one) == np.sign(other))
    return Pair(
        spearman=spearman(one, other) if with_signs else np.nan,
        spearman_absolute=spearman(np.abs(one), np.abs(other)),
        top_overlap=float(both.sum()) / size,
        sign_agreement=float(same.sum()) / size if with_signs else np.nan,
    )


def spearman(one: np.ndarray, other: np.ndarray) -> float:
    """Rank correlation, with the mean rank where values are equal; NaN where one of them is constant."""
    ranks = [rankdata(values) for values in (one, other)]
    centred = [rank - rank.mean() for rank in ranks]
    length = float(np.linalg.norm(centred[0]) * np.linalg.norm(centred[1]))
    return float(centred[0] @ centred[1]) / length if length > 0 else float("nan")


def layers(maps: np.ndarray, where: np.ndarray) -> Layers:
    """What scaled maps (N, H, W) say together at the pixels ``where``, (H, W), bool."""
    values = maps[:, where]
    signs = np.stack([np.sign(one) * top(one) for one in values])
    raised, lowered = (signs > 0).mean(axis=0), (signs < 0).mean(axis=0)

    def drawn(numbers: np.ndarray) -> np.ndarray:
        layer = np.full(where.shape, np.nan)
        layer[where] = numbers
        return layer

    return Layers(drawn(values.mean(axis=0)), drawn(np.maximum(raised, lowered)), drawn(values.std(axis=0)))
