"""What the user should not overlook in a region's values, in plain sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import shapely

from ...contract.attribution import INEXACT
from ...contract.cautions import (
    BASELINE_IS_FARM,
    EQUALS_BASELINE,
    FEWER_PARTS,
    HIDDEN_BY_BASELINE,
    LIKE_BASELINE,
    MAY_HIDE,
    NO_SUM,
    REGION_ALONE,
    REGION_CUT_OFF,
    SAME_ANSWER,
    Caution,
)
from ...contract.region_shap import BandShapRequest, RegionShapRequest
from ..attribution.target import Target
from ..imagery.scene import Scene
from .answer import ROUNDING, scale_of
from .estimate import Estimate
from .open_games import OpenGame
from .players import ABSENT
from .probing import Otherwise

#: Share of a region that may be left out without a word: borders that were drawn along the scene's.
TRIFLE = 0.01


def of_answer(request: RegionShapRequest | BandShapRequest, opened: OpenGame, found: Estimate) -> Iterator[Caution]:
    """Of one region's values."""
    yield from _of_baseline(request, opened)
    if (opened.players.labels == ABSENT).any():
        yield Caution(
            REGION_ALONE,
            "What the model sees outside of the region is replaced by the baseline throughout: the answer and the "
            "probability of the image are those of the region alone.",
        )
    if isinstance(request, RegionShapRequest):
        yield from _of_cut(request, opened)
    gap = float(found.phi.sum()) - opened.game.contrast
    if abs(gap) > INEXACT * abs(opened.game.contrast) and abs(gap) > ROUNDING * scale_of(opened):
        yield Caution(
            NO_SUM,
            f"The values add up to {_number(found.phi.sum())}, not to the difference between image and baseline of "
            f"{_number(opened.game.contrast)}: those of this estimator need not. The others' do.",
        )


def _of_baseline(request: RegionShapRequest | BandShapRequest, opened: OpenGame) -> Iterator[Caution]:
    game, text = opened.game, opened.baseline_text
    if not game.scopes.any():
        told = f"The baseline ({text}) equals the image here: nothing differs, so all values are zero. Choose another."
        yield Caution(EQUALS_BASELINE, told)
    elif abs(game.contrast) <= ROUNDING * scale_of(opened):
        told = f"The model's answer is the same for the image and for the baseline ({text}): the values add up to zero."
        yield Caution(SAME_ANSWER, told)
    elif is_farm(request, opened):
        yield Caution(
            BASELINE_IS_FARM,
            f"The model takes the baseline itself ({text}) for a solar farm there, so that the values hardly show what "
            "makes one. Compare with another baseline.",
        )


def is_farm(request: RegionShapRequest | BandShapRequest, opened: OpenGame) -> bool:
    """Whether nobody's presence is a detection already."""
    if request.total != "mean" or not 0 < opened.threshold < 1:
        return False
    level = opened.threshold
    if request.quantity == "logit":
        level = math.log(level / (1 - level))
    return opened.game.absent > level


def _of_cut(request: RegionShapRequest, opened: OpenGame) -> Iterator[Caution]:
    count = len({int(place) for place in opened.players.places if place >= 0})
    if request.cut != "polygons" and request.superpixel is None and count < request.superpixels:
        parts = "one part of this region" if count == 1 else f"{count:,} parts of this region"
        yield Caution(FEWER_PARTS, f"Only {parts} can affect the answer, not {request.superpixels:,} as asked for.")


def of_region(region: Target, opened: OpenGame, scene: Scene) -> Iterator[Caution]:
    """Of a region that was drawn: that not all of it could play."""
    grid = scene.grid
    pixel = abs(grid.transform.a * grid.transform.e)
    there = shapely.box(*grid.crop(scene.area).bounds)
    lost = shapely.area(shapely.difference(region.geometry, there)) / pixel
    lost += float((region.inside(opened.window, grid) & ~opened.view.valid.cpu().numpy()).sum())
    if lost > TRIFLE * shapely.area(region.geometry) / pixel:
        told = "Part of the region lies outside the scene (or holds no data) and was left out."
        yield Caution(REGION_CUT_OFF, told)


def of_hidden(opened: OpenGame, names: Sequence[str], alone: bool) -> Caution:
    """That a baseline hides players; ``alone``: no other one was asked."""
    text, who = opened.baseline_text, listed(names)
    if alone:
        return Caution(
            LIKE_BASELINE,
            f"The baseline ({text}) looks nearly like {who}: what the model relies on there hardly shows. Compare with "
            "another baseline.",
        )
    them = "them" if len(names) > 1 else "it"
    told = f"The baseline ({text}) hides {who}: another baseline shows that the model relies on {them}."
    return Caution(HIDDEN_BY_BASELINE, told)


def of_otherwise(opened: OpenGame, other: Otherwise) -> Caution:
    """That the only baseline that was asked may hide players."""
    count, change = (
        ("hardly count", "all at once, they change") if len(other.names) > 1 else ("hardly counts", "it changes")
    )
    return Caution(
        MAY_HIDE,
        f"The baseline ({opened.baseline_text}) may hide something: with it, {listed(other.names)} {count}, but shown "
        f"as {other.shown}, {change} the answer from {_number(opened.game.present)} to {_number(other.answer)}. "
        "Compare with another baseline.",
    )


def listed(names: Sequence[str]) -> str:
    """Players' names in a sentence."""
    some = list(names[:8])
    if len(names) > 8:
        some.append(f"{len(names) - 8} more")
    told = " and ".join([", ".join(some[:-1]), some[-1]]) if len(some) > 1 else some[0]
    plural = "superpixels " if len(some) > 1 else "superpixel "
    return (plural if names[0][:1].isdigit() else "") + told


def _number(value: float) -> str:
    """With three digits, as people write it."""
    return f"{value:.3g}".replace("-", "−")
