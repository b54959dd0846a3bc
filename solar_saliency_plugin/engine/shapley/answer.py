"""From values of players to what is told of a region: ranks, shares, intervals, and what a baseline hides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from ...contract.region_looks import is_certain
from ...contract.region_shap import Compared, Player
from ..attribution.changes import seen_by_target, sees_nearby_only, sight_of
from ..attribution.target import Target
from ..imagery.grid import Grid
from .estimate import NORMAL, Estimate
from .open_games import OpenGame
from .players import Players

#: Contrast below which a baseline hides a player, and pixels that a player has at least to be worth a word of that.
HIDDEN, WORTH_A_WORD = 0.1, 4

#: Share of all |φ| from which a player counts, and below which it seems not to.
COUNTS, SEEMS_NOT = 0.05, 0.01

#: Answers are computed in 32 bits: what is less than this share of them is their rounding.
ROUNDING = 1e-6

#: A band's spread in the region is taken to be this reflectance at least: in a region of one pixel there is none.
LEAST_SPREAD = 0.001


@dataclass(frozen=True)
class Described:
    """What players are, whatever they are worth: each (n,). spectra: (n, bands), mean reflectance."""

    contrast: np.ndarray
    pixels: np.ndarray
    area_ha: np.ndarray
    spectra: np.ndarray


def described(opened: OpenGame) -> Described:
    """Size, spectrum and contrast with the baseline of each player."""
    view, players = opened.view, opened.players
    image = view.reflectance[0].double().cpu().numpy()
    square = np.square(view.baselines.double().cpu().numpy() - image).mean(axis=0)
    spread = np.maximum(image[:, region_of(opened)].std(axis=1), LEAST_SPREAD)
    square /= np.square(spread)[:, None, None]
    count = players.count

    def summed(labels: np.ndarray, values: np.ndarray | None = None) -> np.ndarray:
        mine = labels >= 0
        return np.bincount(labels[mine], None if values is None else values[mine], count)

    # A player has the same pixels in each of the groups of bands that it plays in.
    held = np.stack([summed(labels) for labels in players.labels])
    layer, pixels = held.argmax(axis=0), held.max(axis=0)
    cells = np.sum([held[group] for group in players.group_of], axis=0)
    total = np.sum([summed(players.labels[group], square[band]) for band, group in enumerate(players.group_of)], axis=0)
    spectra = np.zeros((count, len(image)))
    for number, labels in enumerate(players.labels):
        own = layer == number
        for band, values in enumerate(image):
            spectra[own, band] = (summed(labels, values) / np.maximum(pixels, 1))[own]
    hectares = view.pixel_size[0] * view.pixel_size[1] / 1e4
    return Described(np.sqrt(total / np.maximum(cells, 1)), pixels, pixels * hectares, spectra)


def region_of(opened: OpenGame) -> np.ndarray:
    """The pixels of players other than the rest, (H, W), bool."""
    labels, rest = opened.players.labels, opened.players.rest
    inside = (labels >= 0) & (labels != (-1 if rest is None else rest))
    found: np.ndarray = inside.any(axis=0)
    return found


def sight(opened: OpenGame, region: Target, grid: Grid) -> dict[str, float]:
    """How far the model sees, metres, and the share of a region that lies too far from the target to matter.

    Empty where all of it can.
    """
    if not sees_nearby_only(opened.view):
        return {}
    pixels = region.inside(region.area, grid).sum()
    seen = region.inside(opened.window, grid) & seen_by_target(opened.view).cpu().numpy()
    if seen.sum() >= pixels:
        return {}
    return {"sight": sight_of(opened.view), "unseen": float(1 - seen.sum() / pixels)}


def probability_of(opened: OpenGame) -> float:
    """The mean probability of the target's pixels where all players are there."""
    answers = opened.game.shown(np.ones(opened.players.count, bool))
    return float(probabilities(opened, answers).mean())


def probabilities(opened: OpenGame, answers: np.ndarray) -> np.ndarray:
    """The probabilities that the model's answers stand for."""
    return answers if opened.view.quantity == "probability" else 1 / (1 + np.exp(-answers))


def scale_of(opened: OpenGame) -> float:
    """How large the answers are whose differences are told."""
    return max(abs(opened.game.present), abs(opened.game.absent))


def shares_of(phi: np.ndarray) -> np.ndarray:
    """Each |φ| as a share of all, (n,); zeros where all are."""
    size = np.abs(phi)
    found: np.ndarray = size / size.sum() if size.any() else np.zeros(len(size))
    return found


def beyond_doubt(found: Estimate, scale: float) -> np.ndarray:
    """Who is sure to have moved answers of this size by more than their rounding, (n,), bool; nobody without errors."""
    if found.standard_error is None:
        return np.zeros(len(found.phi), bool)
    moved: np.ndarray = np.abs(found.phi) > np.maximum(NORMAL * found.standard_error, ROUNDING * scale)
    return moved


def players_told(opened: OpenGame, about: Described, found: Estimate, names: Sequence[str]) -> tuple[Player, ...]:
    """What is told of each player. names: of the scene's bands."""
    players, phi = opened.players, found.phi
    error = np.full(len(phi), math.nan) if found.standard_error is None else found.standard_error
    rank = np.empty(len(phi), int)
    rank[np.argsort(-np.abs(phi), kind="stable")] = np.arange(1, len(phi) + 1)
    share, groups = shares_of(phi), group_names(players)
    lower, upper = phi - NORMAL * error, phi + NORMAL * error
    return tuple(
        Player(
            name=name,
            number=int(players.places[index]) + 1,
            bands=groups[index],
            phi=float(phi[index]),
            standard_error=float(error[index]),
            lower=float(lower[index]),
            upper=float(upper[index]),
            rank=int(rank[index]),
            share=float(share[index]),
            certain=bool(is_certain(error[index], lower[index], upper[index])),
            contrast=float(about.contrast[index]),
            area_ha=float(about.area_ha[index]),
            pixels=int(about.pixels[index]),
            spectrum={band: float(value) for band, value in zip(names, about.spectra[index], strict=True)},
        )
        for index, name in enumerate(players.names)
    )


def group_names(players: Players) -> list[str]:
    """The name of each player's group of bands, (n,); empty for all bands."""
    found = []
    for name, place, group in zip(players.names, players.places, players.groups, strict=True):
        own = name if place < 0 else name.rpartition(", ")[2]
        found.append(own if group >= 0 else "")
    return found


def compared_told(
    first: Estimate, other: Estimate, opened: OpenGame, baseline: str, hidden: tuple[str, ...]
) -> Compared:
    """What another baseline says of the same players."""
    error = np.full(len(other.phi), math.nan) if other.standard_error is None else other.standard_error
    return Compared(
        baseline=baseline,
        baseline_text=opened.baseline_text,
        f_baseline=opened.game.absent,
        phi=tuple(other.phi.tolist()),
        standard_error=tuple(error.tolist()),
        rank_correlation=rank_correlation(first.phi, other.phi),
        hidden=hidden,
        evaluations=other.evaluations,
    )


def not_compared(baseline: str, text: str, error: str) -> Compared:
    """A baseline that gave no values, and why."""
    return Compared(baseline, text, math.nan, (), (), math.nan, (), 0, error)


def rank_correlation(one: np.ndarray, two: np.ndarray) -> float:
    """Spearman's, of values (n,); NaN where one of them does not vary."""
    ranks = np.stack([rankdata(one), rankdata(two)])
    if len(one) < 2 or not ranks.std(axis=1).all():
        return math.nan
    return float(np.corrcoef(ranks)[0, 1])


@dataclass(frozen=True)
class Seen:
    """What one baseline shows: the players' values, which are beyond doubt, and their contrast, each (n,)."""

    phi: np.ndarray
    certain: np.ndarray
    contrast: np.ndarray


def hidden_by(baselines: Sequence[Seen], pixels: np.ndarray, rest: int | None) -> list[np.ndarray]:
    """Which players each of the baselines hides, (n,), bool.

    Those that count under another one – certainly, and by :data:`COUNTS` – and here have hardly any contrast or value.
    Shares are of all that the baseline tells which tells most: one that hides everything has shares, too. Of a single
    baseline, those of some size in the region that have hardly any contrast.
    """
    if len(baselines) == 1:
        faint = (baselines[0].contrast < HIDDEN) & (pixels >= WORTH_A_WORD)
        if rest is not None:
            faint[rest] = False
        return [faint]
    most = max(float(np.abs(seen.phi).sum()) for seen in baselines)
    count = [seen.certain & (np.abs(seen.phi) >= COUNTS * most) for seen in baselines]
    found = []
    for index, seen in enumerate(baselines):
        elsewhere = np.any([other for place, other in enumerate(count) if place != index], axis=0)
        weak = (seen.contrast < HIDDEN) | (np.abs(seen.phi) < SEEMS_NOT * most)
        found.append(elsewhere & weak)
    return found
