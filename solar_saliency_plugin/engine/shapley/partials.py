"""What is told of a region while its values are still being found, as plain JSON values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import shapely

from ..imagery.grid import Grid
from .answer import Described, group_names, probability_of
from .drawing import Drawing
from .estimate import Estimate
from .open_games import OpenGame
from .outlines import outlines


def players_partial(
    index: int, name: str, opened: OpenGame, about: Described, bands: tuple[str, ...], drawn: Drawing, grid: Grid
) -> dict[str, Any]:
    """Who plays for the ``index``-th region, where, and what is explained."""
    shapes = outlines(drawn, grid)
    groups = group_names(opened.players)
    players = [
        {
            "name": player,
            "number": int(opened.players.places[place]) + 1,
            "bands": groups[place],
            "wkt": "" if shapes[place] is None else shapely.to_wkt(shapes[place], rounding_precision=3),
            "area_ha": float(about.area_ha[place]),
            "pixels": int(about.pixels[place]),
            "contrast": float(about.contrast[place]),
        }
        for place, player in enumerate(opened.players.names)
    ]
    return {
        "region": index,
        "name": name,
        "crs": grid.crs.to_string(),
        "bands": list(bands),
        "players": players,
        "f_x": opened.game.present,
        "f_baseline": opened.game.absent,
        "probability": probability_of(opened),
        "target_pixels": int(opened.target.sum()),
    }


def estimate_partial(index: int, found: Estimate, budget: int) -> dict[str, Any]:
    """What is known of the ``index``-th region's values by now, of so many evaluations that are allowed."""
    error = None if found.standard_error is None else _finite(found.standard_error.tolist())
    return {
        "region": index,
        "phi": found.phi.tolist(),
        "standard_error": error,
        "evaluations": found.evaluations,
        "of": budget,
        "estimator": found.estimator,
    }


def _finite(values: Iterable[float]) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values]
