"""Geometries with coordinates that GEOS fails on: no numbers, no place on Earth, next to nothing."""

from __future__ import annotations

import numpy as np
import shapely

#: No coordinate of a place on Earth is larger in any unit of any CRS: a hundred times around it, in millimetres.
FARTHEST = 4e12

#: Coordinates nearer to zero than this are zero: a ten-thousandth of a millimetre, where they are degrees.
NEGLIGIBLE = 1e-12


def somewhere(geometries: np.ndarray) -> np.ndarray:
    """Whether all coordinates of geometries (n,) are numbers that could be a place's, (n,), bool.

    Of others GEOS gives no areas, and fails where it puts outlines right.
    """
    coordinates, owners = shapely.get_coordinates(geometries, return_index=True)
    nowhere = ~(np.abs(coordinates) <= FARTHEST).all(axis=1)
    found: np.ndarray = np.bincount(owners[nowhere], minlength=len(geometries)) == 0
    return found


def without_traces(geometries: np.ndarray) -> np.ndarray:
    """Geometries (n,) whose coordinates are zero where they were next to nothing.

    Products of such numbers are zero where they should not be, and GEOS may put an outline right forever.
    """
    coordinates = shapely.get_coordinates(geometries)
    traces = (np.abs(coordinates) < NEGLIGIBLE) & (coordinates != 0)
    if not traces.any():
        return geometries
    return np.asarray(shapely.set_coordinates(geometries.copy(), np.where(traces, 0.0, coordinates)))


def put_right(geometries: np.ndarray) -> np.ndarray:
    """Geometries (n,) made valid; empty where GEOS cannot."""
    try:
        return np.asarray(shapely.make_valid(geometries))
    except shapely.errors.GEOSException:
        if len(geometries) == 1:
            return np.array([shapely.Polygon()])
        return np.concatenate([put_right(half) for half in np.array_split(geometries, 2)])
