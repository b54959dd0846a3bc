"""Regions that were cut up, with values that somebody made up: what pages and layers are drawn from."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from solar_saliency_plugin.contract.region_looks import is_certain
from solar_saliency_plugin.contract.region_shap import Compared, Player, RegionAnswer
from solar_saliency_plugin.engine.imagery.grid import Window
from solar_saliency_plugin.engine.shapley.drawing import Drawing, drawing
from solar_saliency_plugin.engine.shapley.players import Players, band_groups, of_bands, of_regions, single_bands

BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")


def superpixels(labels: np.ndarray, row: int = 0, col: int = 0, grouped: bool = False, rest: str = "player") -> Drawing:
    """A region whose superpixels are given by labels (H, W), −1 outside, at a row and column of the scene."""
    valid = np.ones(labels.shape, bool)
    players = of_regions(labels, valid, len(BANDS), rest, band_groups(BANDS) if grouped else ())
    return _drawn(players, row, col)


def of_all_bands(inside: np.ndarray, row: int = 0, col: int = 0) -> Drawing:
    """A region (H, W), bool, whose bands play."""
    return _drawn(of_bands(inside, np.ones(inside.shape, bool), single_bands(BANDS), len(BANDS)), row, col)


def _drawn(players: Players, row: int, col: int) -> Drawing:
    height, width = players.labels.shape[1:]
    target = np.zeros((height, width), bool)
    target[height // 3 : 2 * height // 3 + 1, width // 3 : 2 * width // 3 + 1] = True
    reflectance = np.random.default_rng(5).uniform(0, 0.4, (len(BANDS), height, width))
    return drawing(players, Window(row, col, height, width), np.ones_like(target), target, BANDS, reflectance)


def answer_of(
    drawn: Drawing, phi: Sequence[float], error: Sequence[float] | float = 0.0, name: str = "farm", **changes: Any
) -> RegionAnswer:
    """An answer with these values and standard errors, of the drawing's players."""
    values, errors = np.asarray(phi, float), np.broadcast_to(error, len(phi))
    share = np.abs(values) / (np.abs(values).sum() or 1)
    rank = np.argsort(np.argsort(-np.abs(values), kind="stable"), kind="stable") + 1
    names = [group.name for group in band_groups(BANDS)]
    players = []
    for place, player in enumerate(drawn.players.names):
        number, group = int(drawn.players.places[place]) + 1, int(drawn.players.groups[place])
        bands = "" if group < 0 else (names[group] if number else player)
        lower, upper = (float(values[place] + way * 1.959964 * errors[place]) for way in (-1, 1))
        players.append(
            Player(
                name=player,
                number=number,
                bands=bands,
                phi=float(values[place]),
                standard_error=float(errors[place]),
                lower=lower,
                upper=upper,
                rank=int(rank[place]),
                share=float(share[place]),
                certain=bool(is_certain(errors[place], lower, upper)),
                contrast=1.5,
                area_ha=0.01 * float((drawn.players.labels == place).any(axis=0).sum()),
                pixels=int((drawn.players.labels == place).any(axis=0).sum()),
                spectrum=dict.fromkeys(BANDS, 0.25),
            )
        )
    total = float(values.sum())
    known: dict[str, Any] = {
        "name": name,
        "region_wkt": "",
        "target_wkt": "",
        "target_pixels": int(drawn.target.sum()),
        "probability": 0.93,
        "f_x": total - 2.0,
        "f_baseline": -2.0,
        "phi_sum": total,
        "difference": 0.0,
        "players": tuple(players),
        "estimator": "crossfit" if np.any(errors) else "exact",
        "evaluations": 250,
        "asked": 250,
        "r2": math.nan,
        "precision": "float32",
        "baseline_text": "bare soil",
        "hidden": (),
        "compared": (),
        "interactions": (),
        "facts": {},
        "stopped": False,
        "seconds": 1.0,
    }
    return RegionAnswer(**{**known, **changes})


def compared(baseline: str, phi: Sequence[float], **changes: Any) -> Compared:
    """What another baseline says of the same players."""
    known: dict[str, Any] = {
        "baseline": baseline,
        "baseline_text": f"the {baseline}",
        "f_baseline": -1.0,
        "phi": tuple(phi),
        "standard_error": (0.0,) * len(phi),
        "rank_correlation": 0.5,
        "hidden": (),
        "evaluations": 250,
    }
    return Compared(**{**known, **changes})
