"""Pictures of scenes and attributions for pages: as the map shows them, with the target's outline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .maps import robust_range

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Colours of the map's own style: what lowered the answer, and what raised it, at full strength.
LOWERED, RAISED = "#0039b3", "#b30015"

_NATURAL = ("B04", "B03", "B02")

#: How much of the ground shows under an attribution, as a share of full contrast; the rest is white.
_GROUND = 0.55

#: Inches of a panel's title for each of its lines, and of what lies between panels.
_LINE, _GAP = 0.17, 0.08


def natural_colour(bands: Sequence[str], reflectance: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """What the scene looks like, (H, W, 3), 0–1, of reflectance (bands, H, W); white where not valid.

    Without red, green and blue bands, the mean of all bands in grey.
    """
    if set(_NATURAL) <= set(bands):
        colours = np.stack([reflectance[list(bands).index(name)] for name in _NATURAL], axis=-1)
    else:
        colours = np.repeat(reflectance.mean(axis=0)[..., None], 3, axis=-1)
    brightest = max(0.02, float(np.percentile(colours[valid], 99))) if valid.any() else 1.0
    shown = np.clip(colours / brightest, 0, 1) ** 0.7  # eyes see differences in the dark better than screens show them
    return np.where(valid[..., None], shown, 1.0)


def over_ground(values: np.ndarray, ground: np.ndarray, limit: float | None = None) -> np.ndarray:
    """An attribution (H, W) over the ground in pale grey, (H, W, 3), 0–1: blue lowered the answer, red raised it.

    limit: from which |φ| on colours are full; the map's own robust range where none is given.
    """
    limit = robust_range(values) if limit is None else limit
    strength = np.clip(np.abs(np.nan_to_num(values)) / limit, 0, 1)[..., None]
    grey = 1 - _GROUND * (1 - ground.mean(axis=-1, keepdims=True))
    colour = np.where(np.nan_to_num(values)[..., None] < 0, _rgb(LOWERED), _rgb(RAISED))
    return grey * (1 - strength) + colour * strength


def shades(values: np.ndarray, limit: float = 1.0) -> np.ndarray:
    """Values from 0 to ``limit``, (H, W), as shades from white to black, (H, W, 3); NaN is pale blue."""
    grey = 1 - np.clip(np.nan_to_num(values) / limit, 0, 1)
    return np.where(np.isnan(values)[..., None], (0.87, 0.91, 0.97), grey[..., None])


def panels(
    pictures: Sequence[tuple[str, np.ndarray]],
    target: np.ndarray,
    pixel_size: tuple[float, float],
    *,
    columns: int,
    width: float = 8.4,
    dots: int = 110,
) -> Figure:
    """Pictures (H, W, 3) side by side, with titles, the outline of the target (H, W, bool) and a scale.

    width: of the figure, inches.
    """
    from matplotlib.figure import Figure

    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    side = width / columns - _GAP
    height, across = pictures[0][1].shape[:2]
    size_x, size_y = pixel_size
    tall = side * (height * size_y) / (across * size_x)
    titles = max(title.count("\n") for title, _ in pictures) + 1
    figure = Figure(figsize=(width, rows * (tall + titles * _LINE + 2 * _GAP)), dpi=dots)
    whole = figure.get_figheight()
    for place, (title, picture) in enumerate(pictures):
        row, column = divmod(place, columns)
        bottom = whole - (row + 1) * (tall + titles * _LINE + 2 * _GAP) + _GAP
        axes = figure.add_axes((column / columns + _GAP / 2 / width, bottom / whole, side / width, tall / whole))
        axes.imshow(picture, interpolation="nearest", aspect="auto")
        axes.set_title(title, fontsize=8, pad=3)
        axes.set(xticks=[], yticks=[])
        _outline(axes, target)
        if not place:
            _scale(axes, across, height, size_x)
    return figure


def _outline(axes: Axes, target: np.ndarray) -> None:
    """Lines along the edges of the target's pixels."""
    from matplotlib.collections import LineCollection

    around = np.pad(target, 1)
    sides = [
        [(col - 0.5, row - 0.5), (col + 0.5, row - 0.5)]
        for row, col in np.argwhere(around[1:, 1:-1] != around[:-1, 1:-1])
    ]
    sides += [
        [(col - 0.5, row - 0.5), (col - 0.5, row + 0.5)]
        for row, col in np.argwhere(around[1:-1, 1:] != around[1:-1, :-1])
    ]
    axes.add_collection(LineCollection(sides, colors="white", linewidths=2.0, alpha=0.8), autolim=False)
    axes.add_collection(LineCollection(sides, colors="black", linewidths=0.8), autolim=False)


def _scale(axes: Axes, across: int, height: int, size: float) -> None:
    """A bar of a round number of metres, about a quarter as long as the picture is wide."""
    wanted = across * size / 4
    step = 10 ** np.floor(np.log10(wanted))
    metres = max(step * factor for factor in (1, 2, 5) if step * factor <= wanted)
    left, low, long = 0.03 * across - 0.5, 0.95 * height - 0.5, metres / size
    for width, colour in ((5.0, "white"), (2.2, "black")):
        axes.plot([left, left + long], [low, low], color=colour, linewidth=width, solid_capstyle="butt")
    label = f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"
    plate = {"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.8}
    axes.text(left, low - 0.03 * height, label, fontsize=7, va="bottom", bbox=plate)
    axes.set(xlim=(-0.5, across - 0.5), ylim=(height - 0.5, -0.5))


def _rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
