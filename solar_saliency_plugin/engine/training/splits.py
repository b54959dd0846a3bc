"""Which sites and scenes train, which choose the threshold, and which are only ever measured on.

Sites are split by place: neighbours share their weather, soil and panels, so they stay on one side.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .crops import GroundWindow
from .farms import DOUBTFUL, WITHOUT_PANELS

#: Sites of the shared data that lie within 2 km of each other, or overlap.
NEIGHBOURS = ((31, 398), (539, 813), (801, 802, 967), (1913, 1933), (2004, 2129))

_SITES = (
    *(1, 9, 31, 102, 149, 159, 282, 386, 391, 398, 415, 454, 539, 684, 739, 748, 777, 787, 801, 802, 813, 819, 876),
    *(967, 1285, 1357, 1780, 1913, 1933, 2004, 2008, 2011, 2129),
)

FOLDS = 5

#: Ground is kept out in blocks of this many metres at least, twice as wide as the windows that are read of it.
BLOCK = 2560.0

#: Metres for a degree of latitude, and what of a border, in degrees, two windows may share.
_DEGREE, _BORDER = 111_320.0, 1e-5


def groups() -> tuple[tuple[int, ...], ...]:
    """The usable sites, neighbours together, ordered by their smallest number."""
    grouped = {site for group in NEIGHBOURS for site in group}
    alone = [(site,) for site in _SITES if site not in grouped]
    return tuple(group for group in sorted((*NEIGHBOURS, *alone)) if not set(group) & DOUBTFUL)


def farm_groups() -> tuple[tuple[int, ...], ...]:
    """The groups that hold panels."""
    return tuple(group for group in groups() if not set(group) <= WITHOUT_PANELS)


def part(number: int, fold: int) -> str:
    """What one of five parts is for in a fold: "test", "validation" or "training"; ``fold`` turns the choice."""
    return {0: "test", 1: "validation"}.get((number - fold) % FOLDS, "training")


def sites(part_of_data: str, fold: int = 0) -> tuple[int, ...]:
    """Sites of the "training", "validation" or "test" part: every fifth group of farms is tested on.

    Sites without panels train as background.
    """
    parts: dict[str, list[int]] = {"training": [], "validation": [], "test": []}
    for index, group in enumerate(farm_groups()):
        parts[part(index, fold)].extend(group)
    parts["training"].extend(site for group in groups() if set(group) <= WITHOUT_PANELS for site in group)
    return tuple(sorted(parts[part_of_data]))


def kept_out_places(farm_area: Mapping[int, float], seed: int) -> frozenset[int]:
    """A quarter of the places, one at least, to measure on what is learned from the others.

    ``farm_area`` is that of each place, in any unit. Places are put in order of it and one is drawn from every
    stretch of that order, so that small and large farms are on both sides. The same places and seed give the same.
    """
    count = max(1, round(len(farm_area) / 4))
    ordered = sorted(farm_area, key=lambda place: (farm_area[place], place))
    random = np.random.default_rng(seed)
    ends = [len(ordered) * part // count for part in range(count + 1)]
    return frozenset(ordered[random.integers(start, end)] for start, end in pairwise(ends))


def parted_ground(ground: Sequence[GroundWindow], seed: int) -> tuple[list[GroundWindow], list[GroundWindow]]:
    """Ground to learn from, and about a quarter of it to measure on, with no pixel on the ground in both.

    Scenes that overlap are one region, whatever their dates and files; a region is parted into blocks, and a window
    belongs to the block that its middle lies in. What would lie on both sides is left out. None is kept out where
    there is a single block, or nothing would be left on one side. The same windows and seed give the same.
    """
    if not ground:
        return [], []
    blocks, reaches_out = _blocks(ground)
    different = sorted(set(blocks))
    if len(different) < 2:
        return list(ground), []
    drawn = np.random.default_rng(seed).permutation(len(different))[: max(len(different) // 4, 1)]
    away = {different[i] for i in drawn}
    is_away = np.array([block in away for block in blocks])
    shapes = shapely.buffer(shapely.polygons([window.corners for window in ground]), -_BORDER)
    # Those kept out that reach over a block's border go first: fewer are lost so where windows lie close together.
    held = is_away & ~(reaches_out & _meets(shapes, ~is_away))
    learned = ~is_away & ~_meets(shapes, held)
    if not held.any() or not learned.any():
        return list(ground), []
    return (
        [window for window, chosen in zip(ground, learned, strict=True) if chosen],
        [window for window, chosen in zip(ground, held, strict=True) if chosen],
    )


_Block = tuple[int, int, int]


def _blocks(ground: Sequence[GroundWindow]) -> tuple[list[_Block], np.ndarray]:
    """The block of each window (region, column, row), and whether the window reaches out of it, (n,) bool."""
    regions = _regions([window.scene_corners for window in ground])
    bounds = np.array([_bounds(window.corners) for window in ground])
    index, reaches_out = np.zeros((len(ground), 2), int), np.zeros(len(ground), bool)
    for region in range(regions.max(initial=-1) + 1):
        own = regions == region
        first, last = _bounds(
            np.concatenate([w.scene_corners for w, is_own in zip(ground, own, strict=True) if is_own])
        )
        metres = (last - first) * _DEGREE * (np.cos(np.radians((first[1] + last[1]) / 2)), 1)
        size = (last - first) / np.maximum(metres // BLOCK, 1)
        index[own] = (bounds[own].mean(axis=1) - first) // size
        low = first + index[own] * size - _BORDER
        reaches_out[own] = ((bounds[own, 0] < low) | (bounds[own, 1] > low + size + 2 * _BORDER)).any(axis=1)
    return [(int(region), int(x), int(y)) for region, (x, y) in zip(regions, index, strict=True)], reaches_out


def _bounds(corners: np.ndarray) -> np.ndarray:
    """The least and the largest longitude and latitude, (2, 2)."""
    return np.stack([corners.min(axis=0), corners.max(axis=0)])


def _regions(scenes: Sequence[np.ndarray]) -> np.ndarray:
    """A number for each scene, (n,), the same for those that a chain of overlaps connects."""
    different = {corners.tobytes(): corners for corners in scenes}
    numbers = {key: number for number, key in enumerate(different)}
    shapes = shapely.buffer(shapely.polygons(list(different.values())), -_BORDER)
    one, other = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    links = coo_array((np.ones(len(one)), (one, other)), shape=(len(shapes), len(shapes)))
    regions = connected_components(links, directed=False)[1]
    return np.array([regions[numbers[corners.tobytes()]] for corners in scenes], int)


def _meets(shapes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Whether each shape overlaps one of ``others`` (bool, of all shapes), (n,) bool."""
    found = np.zeros(len(shapes), bool)
    found[shapely.STRtree(shapes[others]).query(shapes, predicate="intersects")[0]] = True
    return found
