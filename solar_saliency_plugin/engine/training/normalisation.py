"""How bright patches are and how much they vary, which a network takes off before it looks at them."""

from collections.abc import Iterable

import numpy as np


def statistics(patches: Iterable[np.ndarray]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each band, reflectance, rounded to what a card should show.

    Patches (bands, side, side) are taken one by one: together, those of a wide network would fill the memory.
    """
    means, squares = [], []
    for patch in patches:
        means.append(patch.mean(axis=(1, 2), dtype=np.float64))
        squares.append(np.square(patch, dtype=np.float64).mean(axis=(1, 2)))
    mean = np.mean(means, axis=0)
    std = np.sqrt(np.mean(squares, axis=0) - mean**2)
    return tuple(round(float(value), 5) for value in mean), tuple(round(float(value), 5) for value in std)
