"""What each part of the recipe and of its data is worth: networks fitted without it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..job import Job
from . import splits
from .cross_validation import false_areas, learn, predicted
from .evaluation import counts_at, found_inside_large_farms, pooled, rounded, site_tallies, total
from .farms import SNOW_LIMIT, FarmView
from .kept_networks import SOME_FOLDS, Log, Networks
from .recipe import OPTIONS, RECIPE, SEED, STAGES, Stage
from .scores import Tally
from .synthesis import Recipe

#: Steps that ingredients and the learning curve are measured with, where differences count.
FEWER_STEPS = 1000

#: Sites with outlines or dates that the data's description doubts: loose, of weak contrast, or built during the year.
DOUBTED = frozenset({282, 748, 819, 2129, 391, 1780, 2004, 2011})

_STILL = {"gain": 0.0, "band_gain": 0.0, "offset": 0.0}

#: Each ingredient, and the recipe without it.
WITHOUT: dict[str, Callable[[Recipe], Recipe]] = {
    "farms where they stand": lambda r: replace(r, chips=0.0),
    "farms set elsewhere": lambda r: replace(r, farms_set=0.0),
    "farms that fill their patch": lambda r: replace(r, filled=0.0),
    "ground between the rows exchanged": lambda r: replace(r, ground_exchanged=0.0, ground_exchanged_when_filled=0.0),
    "tilt and illumination": lambda r: replace(r, tilt=0.0),
    "ground without farms": lambda r: replace(r, chips=1.0, farms_set=0.0),
    "pieces set into the ground": lambda r: replace(r, pieces_set=0.0),
    "shadows": lambda r: replace(r, shadows=0.0),
    "near misses": lambda r: replace(r, near_misses=0.0),
    "painted materials": lambda r: replace(r, painted=0.0),
    "haze over ground": lambda r: replace(r, ground=replace(r.ground, hazy=0.0)),
    "gains and offsets": lambda r: replace(r, farms=replace(r.farms, **_STILL), ground=replace(r.ground, **_STILL)),
    "noise": lambda r: replace(r, farms=replace(r.farms, noise=0.0), ground=replace(r.ground, noise=0.0)),
    "panels under snow ignored": lambda r: replace(r, snow_ignored=False),
}


def ingredients(kept: Networks) -> dict[str, Any]:
    """The recipe with each ingredient left out, for fewer steps on some folds."""
    whole = _short(kept, RECIPE)
    found = {"nothing left out": whole}
    for name, without in WITHOUT.items():
        found[name] = _short(kept, without(RECIPE))
    summers = {view.site: view.date for view in reversed(kept.data.views) if view.month in (6, 7, 8)}
    found["all dates but the first of summer"] = _short(
        kept, RECIPE, keep=lambda view: view.date == summers.get(view.site)
    )
    return found


def learning_curve(kept: Networks) -> list[dict[str, Any]]:
    """Figures against the number of places that farms are learned from."""
    found = []
    for share in (0.2, 0.4, 0.7, 1.0):
        for fold in SOME_FOLDS:
            training = set(splits.sites("training", fold))
            groups = [group for group in splits.farm_groups() if set(group) <= training]
            count = round(share * len(groups))
            # Evenly over the list, which is in no order of size or place.
            picked = [groups[int(k * len(groups) / count)] for k in range(count)]
            found.append({"fold": fold, "places": count, **_short(kept, RECIPE, (fold,), _among(picked))})
    return found


def label_noise(kept: Networks) -> dict[str, Any]:
    """What the doubted sites do to the figures: scored or not, and learned from or not."""
    thresholds = kept.chosen().by_site().single
    everything = predicted(kept.data, kept.of(), "test")
    trusting = [
        learn(kept.data, fold, STAGES["compact"], SEED, Job(Log()), lambda view: view.site not in DOUBTED)
        for fold in range(splits.FOLDS)
    ]
    distrusted = predicted(kept.data, trusting, "test")
    figures = {}
    for learned_from, found in (("learned from", everything), ("not learned from", distrusted)):
        for scored in ("scored", "not scored"):
            counted = [one for one in found if scored == "scored" or one.view.site not in DOUBTED]
            clear = [one for one in counted if one.view.snow <= SNOW_LIMIT]
            figures[f"{learned_from}, {scored}"] = {
                **_scored(site_tallies(clear, strip=False), thresholds),
                "without_outlines_strip": _scored(site_tallies(clear, strip=True), thresholds),
            }
    return {"doubted_sites": sorted(DOUBTED), **figures}


def _scored(tallies: Mapping[int, Tally], thresholds: Mapping[int, float]) -> dict[str, float | None]:
    return {
        "average_precision": rounded(pooled(tallies).average_precision()),
        "iou": rounded(total(counts_at(tallies, thresholds).values()).iou()),
    }


def _short(
    kept: Networks,
    recipe: Recipe,
    folds: Sequence[int] = SOME_FOLDS,
    keep: Callable[[FarmView], bool] = lambda view: True,
) -> dict[str, Any]:
    """Figures of networks fitted for fewer steps."""
    stages = [Stage(replace(OPTIONS, steps=FEWER_STEPS), recipe)]
    learned = [learn(kept.data, fold, stages, SEED, Job.silent(), keep) for fold in folds]
    farms = [one for one in predicted(kept.data, learned, "test") if one.view.snow <= SNOW_LIMIT]
    clear = [one for one in predicted(kept.data, learned, "validation") if one.view.snow <= SNOW_LIMIT]
    tally = pooled(site_tallies(farms, strip=False))
    areas = false_areas(kept.data, learned, "test")
    ground = sum((area.tally for scenes in areas.values() for area in scenes.values()), Tally())
    threshold = pooled(site_tallies(clear, strip=False)).best_threshold()
    inside = [
        found_inside_large_farms(one.network, kept.data.sites("test", one.fold), threshold) or 0.0 for one in learned
    ]
    return {
        "average_precision": rounded(tally.average_precision()),
        "iou": rounded(tally.iou(threshold)),
        "false_area_percent": rounded(100 * ground.share_above(threshold)),
        "found_inside_large_farms": rounded(float(np.mean(inside))),
    }


def _among(groups: Sequence[Sequence[int]]) -> Callable[[FarmView], bool]:
    """Views of these groups' sites, and of sites without panels."""
    chosen = {site for group in groups for site in group}
    return lambda view: view.site in chosen or not view.coverage.any()
