"""Outlines of players along pixels' borders."""

from __future__ import annotations

import numpy as np
import shapely
from rasterio.features import shapes

from ..imagery.grid import Grid
from .drawing import Drawing


def outlines(drawing: Drawing, grid: Grid) -> np.ndarray:
    """The polygon or polygons of each player's pixels, (n,), of shapely geometries in the scene's CRS.

    None for players without a superpixel: bands, and the rest. Players of one superpixel in several groups of bands
    have the same. grid: the scene's. Every corner lies on a pixel's corner, and neighbours share their border exactly.
    """
    players = drawing.players
    found = np.full(players.count, None, dtype=object)
    by_place: dict[int, shapely.Geometry] = {}
    placed = np.flatnonzero(players.places >= 0)
    # The groups of a superpixel all lie on the same pixels: one layer of labels has them all.
    numbers = np.append(players.places, [-1, -1])[players.labels].max(axis=0).astype(np.int32)
    for geometry, number in _traced(numbers, drawing, grid):
        by_place[number] = geometry
    for player in placed:
        found[player] = by_place[int(players.places[player])]
    return found


def region_outline(drawing: Drawing, grid: Grid) -> shapely.Geometry:
    """The outline of all pixels that belong to the region, in the scene's CRS."""
    ((geometry, _),) = _traced(np.where(drawing.region, 0, -1).astype(np.int32), drawing, grid)
    return geometry


def _traced(numbers: np.ndarray, drawing: Drawing, grid: Grid) -> list[tuple[shapely.Geometry, int]]:
    """The outline of the pixels of each number from 0 up, of numbers (H, W), int32, in the drawing's window."""
    transform = grid.crop(drawing.window).transform
    parts: dict[int, list[shapely.Geometry]] = {}
    for outline, number in shapes(numbers, mask=numbers >= 0, connectivity=4, transform=transform):
        parts.setdefault(int(number), []).append(shapely.geometry.shape(outline))
    return [(_whole(polygons), number) for number, polygons in sorted(parts.items())]


def _whole(polygons: list[shapely.Geometry]) -> shapely.Geometry:
    """Parts as one multipolygon. A ring that touches itself where holes meet at a corner is mended without a change."""
    geometry = shapely.make_valid(shapely.union_all(polygons))
    return shapely.MultiPolygon([geometry]) if geometry.geom_type == "Polygon" else geometry
