"""What is told of players and regions, as the fields of layers and the columns of a table."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...contract.region_looks import is_unclear
from ...contract.region_shap import Player, RegionAnswer
from ..reporting.page import csv_cell

#: What an answer says of a player's sign; "unclear": the interval holds zero; "none": it did nothing, exactly.
RAISED, LOWERED, UNCLEAR, NONE = "raised", "lowered", "unclear", "none"

_TEXT, _REAL, _WHOLE, _TRUTH = object, np.float64, np.int64, np.bool_


def sign_of(player: Player) -> str:
    """Which way a player moved the answer; where there is no interval, as the value itself says."""
    if is_unclear(player):
        return UNCLEAR
    if not player.phi:
        return NONE
    return RAISED if player.phi > 0 else LOWERED


def rest_of(answer: RegionAnswer) -> Player | None:
    """The player who is all that the model sees outside of the region, where it plays."""
    return next((p for p in answer.players if not p.number and not p.bands), None)


#: Fields of a player, as both outputs have them.
_OF_PLAYER: tuple[tuple[str, Any, Callable[[Player], Any]], ...] = (
    ("bands", _TEXT, lambda p: p.bands),
    ("phi", _REAL, lambda p: p.phi),
    ("standard_error", _REAL, lambda p: p.standard_error),
    ("lower", _REAL, lambda p: p.lower),
    ("upper", _REAL, lambda p: p.upper),
    ("rank", _WHOLE, lambda p: p.rank),
    ("share", _REAL, lambda p: p.share),
    ("sign", _TEXT, sign_of),
    ("certain", _TRUTH, lambda p: p.certain),
    ("contrast", _REAL, lambda p: p.contrast),
    ("area_ha", _REAL, lambda p: p.area_ha),
    ("pixels", _WHOLE, lambda p: p.pixels),
)


def superpixel_fields(answers: Sequence[RegionAnswer], bands: Sequence[str]) -> dict[str, np.ndarray]:
    """The fields of all players that have a superpixel, region after region; bands: the scene's, for the spectra."""
    rows = [(a, place, p) for a in answers for place, p in enumerate(a.players) if p.number]
    found = {
        "region": _column([answer.name for answer, _, _ in rows], _TEXT),
        "number": _column([player.number for _, _, player in rows], _WHOLE),
        "name": _column([player.name for _, _, player in rows], _TEXT),
    }
    found |= {name: _column([get(player) for _, _, player in rows], kind) for name, kind, get in _OF_PLAYER}
    found |= {band: _column([player.spectrum.get(band, math.nan) for _, _, player in rows], _REAL) for band in bands}
    for baseline in _baselines(answers):
        found[f"phi_{baseline}"] = _column([_compared_phi(a, place, baseline) for a, place, _ in rows], _REAL)
    return found


#: Fields of a region.
_OF_REGION: tuple[tuple[str, Any, Callable[[RegionAnswer], Any]], ...] = (
    ("region", _TEXT, lambda a: a.name),
    ("probability", _REAL, lambda a: a.probability),
    ("target_pixels", _WHOLE, lambda a: a.target_pixels),
    ("f_x", _REAL, lambda a: a.f_x),
    ("f_baseline", _REAL, lambda a: a.f_baseline),
    ("phi_sum", _REAL, lambda a: a.phi_sum),
    ("difference", _REAL, lambda a: a.difference),
    ("players", _WHOLE, lambda a: len(a.players)),
    ("strongest", _TEXT, lambda a: _strongest(a).name),
    ("strongest_phi", _REAL, lambda a: _strongest(a).phi),
    ("estimator", _TEXT, lambda a: a.estimator),
    ("evaluations", _WHOLE, lambda a: a.evaluations),
    ("r2", _REAL, lambda a: a.r2),
    ("precision", _TEXT, lambda a: a.precision),
    ("stopped", _TRUTH, lambda a: a.stopped),
    ("baseline", _TEXT, lambda a: a.baseline_text),
    ("hidden", _TEXT, lambda a: "; ".join(a.hidden)),
)

#: Fields of the player who is the rest, beside the region's own: it surrounds the region and has no polygon.
_OF_REST: tuple[tuple[str, Callable[[Player], float]], ...] = (
    ("rest_phi", lambda p: p.phi),
    ("rest_standard_error", lambda p: p.standard_error),
    ("rest_lower", lambda p: p.lower),
    ("rest_upper", lambda p: p.upper),
    ("rest_share", lambda p: p.share),
)


def region_fields(answers: Sequence[RegionAnswer], seed: int) -> dict[str, np.ndarray]:
    """The fields of regions; rest_…: of what the model sees around them, NULL where it is no player."""
    found = {name: _column([get(answer) for answer in answers], kind) for name, kind, get in _OF_REGION}
    rests = [rest_of(answer) for answer in answers]
    found |= {name: _column([get(p) if p else math.nan for p in rests], _REAL) for name, get in _OF_REST}
    found["seed"] = _column([seed] * len(answers), _WHOLE)
    for baseline in _baselines(answers):
        others = [next((c for c in a.compared if c.baseline == baseline), None) for a in answers]
        found[f"f_baseline_{baseline}"] = _column([c.f_baseline if c else math.nan for c in others], _REAL)
        found[f"correlation_{baseline}"] = _column([c.rank_correlation if c else math.nan for c in others], _REAL)
        found[f"hidden_{baseline}"] = _column(["; ".join(c.hidden) if c else "" for c in others], _TEXT)
    return found


def band_fields(answers: Sequence[RegionAnswer]) -> dict[str, np.ndarray]:
    """φ of each band, or group of bands, of each region: fields ``phi_B02`` …, in the order of the bands."""
    names = list(dict.fromkeys(p.bands for a in answers for p in a.players if p.bands))
    by_name = [{p.bands: p.phi for p in answer.players} for answer in answers]
    return {
        f"phi_{name.replace(' ', '_').replace('-', '_')}": _column([b.get(name, math.nan) for b in by_name], _REAL)
        for name in names
    }


def table_of(answers: Sequence[RegionAnswer]) -> str:
    """The players of all regions as CSV, a row each."""
    text, baselines = io.StringIO(), _baselines(answers)
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(
        ["region", "player", *(name for name, _, _ in _OF_PLAYER), "f_x", "f_baseline"]
        + [f"phi_{baseline}" for baseline in baselines]
    )
    for answer in answers:
        for place, player in enumerate(answer.players):
            row = [answer.name, player.name, *(get(player) for _, _, get in _OF_PLAYER), answer.f_x, answer.f_baseline]
            row += [_compared_phi(answer, place, baseline) for baseline in baselines]
            writer.writerow([csv_cell(value) for value in row])
    return text.getvalue()


def _strongest(answer: RegionAnswer) -> Player:
    return min(answer.players, key=lambda player: player.rank)


def _baselines(answers: Sequence[RegionAnswer]) -> list[str]:
    """The baselines that regions were compared with."""
    return list(dict.fromkeys(other.baseline for answer in answers for other in answer.compared))


def _compared_phi(answer: RegionAnswer, place: int, baseline: str) -> float:
    """What another baseline gave the player; NaN where it gave no values."""
    values = next((c.phi for c in answer.compared if c.baseline == baseline), ())
    return values[place] if place < len(values) else math.nan


def _column(values: Sequence[Any], kind: Any) -> np.ndarray:
    found = np.empty(len(values), kind)
    found[:] = values
    return found
