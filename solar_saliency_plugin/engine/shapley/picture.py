"""Pictures of regions for pages: superpixels over the ground, coloured, hatched and numbered as on the map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import distance_transform_edt, find_objects

from ...contract.region_looks import is_unclear
from ...contract.region_shap import RegionAnswer
from ..attribution.pictures import over_ground, panels
from .drawing import Drawing
from .surface import painted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Dots that the longer side of a picture has at least: borders and hatching are drawn between pixels.
_DOTS = 420

#: Dots from one line of the hatching to the next; superpixels that are numbered, at most.
_HATCH, _NUMBERED = 9, 60


def region_picture(answer: RegionAnswer, drawing: Drawing, limit: float, pixel_size: tuple[float, float]) -> Figure:
    """The scene, and beside it what each superpixel contributed, for each group of bands that played by itself.

    limit: |φ| from which colours are full. pixel_size: metres. Where bands played, only the region itself.
    """
    if drawing.ground is None:
        raise ValueError("a drawing without its ground cannot be shown")
    factor = max(1, round(_DOTS / max(drawing.valid.shape)))
    ground = drawing.ground / 255.0
    superpixels = [layer for layer in range(len(drawing.players.labels)) if drawing.players.places.max() >= 0]
    shown = [("The scene, with what is explained", _larger(ground, factor))]
    if not superpixels:
        shown = [("The region, with what is explained", _bordered(ground, drawing.region.astype(int), factor))]
    values = painted(answer, drawing)
    for layer in superpixels:
        group = _group_of(answer, drawing, layer)
        title = f"Contributions{f', {group}' if group else ''}"
        shown.append((title, _coloured(answer, drawing, values[2 * layer], layer, limit, factor)))
    size = (pixel_size[0] / factor, pixel_size[1] / factor)
    target = _larger(drawing.target, factor)
    figure = panels(
        shown, target, size, columns=min(3, max(2, len(shown))) if len(shown) > 1 else 1, width=_width(shown)
    )
    for layer, axes in zip(superpixels, figure.axes[1:], strict=True):
        for number, row, col in _places(drawing, layer):
            axes.text(
                *((col + 0.5) * factor - 0.5, (row + 0.5) * factor - 0.5),
                str(number),
                fontsize=6,
                ha="center",
                va="center",
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.7},
            )
    return figure


def _width(shown: list[tuple[str, np.ndarray]]) -> float:
    return 8.4 if len(shown) > 1 else 5.0


def _group_of(answer: RegionAnswer, drawing: Drawing, layer: int) -> str:
    """The name of the group of bands whose labels are in a layer; empty for all bands."""
    groups = drawing.players.groups
    return next((p.bands for p, group in zip(answer.players, groups, strict=True) if group == layer), "")


def _coloured(
    answer: RegionAnswer, drawing: Drawing, values: np.ndarray, layer: int, limit: float, factor: int
) -> np.ndarray:
    """One layer of superpixels over the ground, (H · factor, W · factor, 3), hatched where the sign is not clear."""
    labels = drawing.players.labels[layer]
    coloured = over_ground(values, (drawing.ground if drawing.ground is not None else labels) / 255.0, limit)
    unclear = np.append([is_unclear(p) and p.number > 0 for p in answer.players], [False, False])[labels]
    picture = _bordered(coloured, np.where(np.isfinite(values), labels, -1), factor)
    rows, cols = np.indices(picture.shape[:2])
    picture[_larger(unclear, factor) & ((rows + cols) % _HATCH == 0)] = 0.15
    return picture


def _bordered(picture: np.ndarray, numbers: np.ndarray, factor: int) -> np.ndarray:
    """A picture (H, W, 3) larger by a factor, with thin lines where numbers (H, W) change."""
    found, large = _larger(picture, factor), _larger(numbers, factor)
    border = np.zeros(large.shape, bool)
    border[1:] |= large[1:] != large[:-1]
    border[:, 1:] |= large[:, 1:] != large[:, :-1]
    found[border] = 0.45 * found[border]
    return found


def _places(drawing: Drawing, layer: int) -> list[tuple[int, int, int]]:
    """Number, row and column of the superpixels, each where it is widest; of so many only that they can be read."""
    players = drawing.players
    if (players.places >= 0).sum() > _NUMBERED * len(players.labels):
        return []
    found = []
    for player, box in enumerate(find_objects(players.labels[layer] + 1, max_label=players.count)):
        if box is None or players.places[player] < 0:
            continue
        inside = np.pad(players.labels[layer][box] == player, 1)
        row, col = np.unravel_index(np.argmax(distance_transform_edt(inside)), inside.shape)
        found.append((int(players.places[player]) + 1, int(row) - 1 + box[0].start, int(col) - 1 + box[1].start))
    return found


def _larger(values: np.ndarray, factor: int) -> np.ndarray:
    return values.repeat(factor, axis=0).repeat(factor, axis=1)
