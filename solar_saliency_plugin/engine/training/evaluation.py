"""How good a network is on farms and scenes that it has not seen; plain values for a model's card.

Single dates are computed each by itself; averaged over dates, a pixel has the mean probability of a site's clear dates
without snow. A pixel is a farm where half of it or more lies inside a polygon. Every figure is given twice: over all
pixels, and without a strip along the outlines, since outlines are drawn to some metres only and panels end inside
pixels. Intervals are made by drawing sites again (bootstrap).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from ..models.unet import UNet
from . import splits
from .farms import SNOW_LIMIT, FarmView
from .haze import seen_through_haze
from .marking import PIXEL_AREA, Marked
from .objects import SIZE_NAMES, ObjectTally, match_objects
from .scores import Counts as Countables
from .scores import Interval, PixelCounts, Tally, bootstrap, bootstrap_all
from .splits import FOLDS
from .synthesis import endless_farm, under_snow

#: Strip to each side of outlines that the second set of figures leaves out, metres.
EDGE = 5.0

#: Thresholds that a model's is chosen from.
THRESHOLDS = tuple(step / 100 for step in range(10, 96))

#: Inner pixels that a farm must have to be made larger; to what size; and what is left out along the border of such a
#: place, since the network's padding reaches it.
INNER_PIXELS, LARGER_BY, MARGIN = 40, 32, 8

#: Months by what the ground looks like in the middle latitudes of the north.
SEASONS = {"winter": (12, 1, 2), "spring": (3, 4, 5), "summer": (6, 7, 8), "autumn": (9, 10, 11)}


@dataclass(frozen=True)
class Prediction:
    """Probability (H, W) of one view."""

    view: FarmView
    probability: np.ndarray


def probability(network: UNet, reflectance: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Probability (H, W) of reflectance (bands, H, W); invalid pixels are shown as the normalisation's mean."""
    mean = network.normalisation.mean[0].numpy()
    with torch.inference_mode():
        logits = network(torch.from_numpy(np.where(valid, reflectance, mean))[None])
        return np.asarray(torch.sigmoid(logits)[0, 0].numpy())


def predictions(network: UNet, views: Iterable[FarmView]) -> list[Prediction]:
    """The views that hold panels, each computed by itself."""
    return [
        Prediction(view, probability(network, view.reflectance, view.valid)) for view in views if view.coverage.any()
    ]


def site_tallies(predicted: Iterable[Prediction], strip: bool) -> dict[int, Tally]:
    """Pixels of each site; ``strip``: without the strip along outlines that the views ignore."""
    tallies: dict[int, Tally] = {}
    for one in predicted:
        counted = one.view.counted if strip else one.view.valid
        tally = tallies.setdefault(one.view.site, Tally())
        tally.add(one.probability[counted], one.view.coverage[counted] >= 0.5)
    return tallies


def averaged_tallies(predicted: Iterable[Prediction], strip: bool) -> dict[int, Tally]:
    """As :func:`site_tallies`, of each site's mean probability over its dates.

    A site's dates have one grid; those without panels yet are left out by :func:`predictions`.
    """
    by_site: dict[int, list[Prediction]] = {}
    for one in predicted:
        by_site.setdefault(one.view.site, []).append(one)
    tallies = {}
    for site, dates in by_site.items():
        clear = np.stack([one.view.valid for one in dates])
        total = np.where(clear, np.stack([one.probability for one in dates]), 0).sum(axis=0)
        seen = clear.any(axis=0) & (~dates[0].view.ignored if strip else True)
        mean = total[seen] / clear.sum(axis=0)[seen]
        tallies[site] = Tally.of(mean, dates[0].view.coverage[seen] >= 0.5)
    return tallies


@dataclass(frozen=True)
class Thresholds:
    """What each site is scored at: for single dates, and for means over dates, which are less extreme.

    Both were chosen without the site. cores: what detections must reach, see :class:`~.marking.Marking`.
    """

    single: Mapping[int, float]
    averaged: Mapping[int, float]
    cores: Mapping[int, float]


def farm_scores(predicted: Sequence[Prediction], thresholds: Thresholds) -> dict[str, Any]:
    """All figures about farms."""
    clear = [one for one in predicted if one.view.snow <= SNOW_LIMIT]
    return {
        "sites": len({one.view.site for one in clear}),
        "places": len({_PLACES[one.view.site] for one in clear}),
        "views": len(clear),
        "all_pixels": _pixel_scores(predicted, thresholds, strip=False),
        "without_outlines_strip": _pixel_scores(predicted, thresholds, strip=True),
        "objects": _object_scores(clear, thresholds),
    }


#: Sites that lie next to each other are one place: their errors are not independent.
_PLACES = {site: group[0] for group in splits.groups() for site in group}


def by_place(sites: Mapping[int, Countables]) -> dict[int, Countables]:
    """Sites' counts added up by place."""
    places: dict[int, Countables] = {}
    for site, counts in sites.items():
        place = _PLACES.get(site, site)
        places[place] = places[place] + counts if place in places else counts
    return places


def counts_at(tallies: Mapping[int, Tally], thresholds: Mapping[int, float]) -> dict[int, PixelCounts]:
    """Each site's pixels at its own threshold."""
    return {site: tally.at(thresholds[site]) for site, tally in tallies.items()}


def _pixel_scores(predicted: Sequence[Prediction], thresholds: Thresholds, strip: bool) -> dict[str, Any]:
    clear = [one for one in predicted if one.view.snow <= SNOW_LIMIT]
    snowy = [one for one in predicted if one.view.snow > SNOW_LIMIT]
    tallies, averaged = site_tallies(clear, strip), averaged_tallies(clear, strip)
    ranked: dict[str, Callable[[Tally], float]] = {
        "average_precision": Tally.average_precision,
        "calibration_error": Tally.calibration_error,
    }
    found: dict[str, Callable[[PixelCounts], float]] = {"iou": PixelCounts.iou, "f1": PixelCounts.f1}
    counts = counts_at(tallies, thresholds.single)
    single = {**bootstrap_all(by_place(counts), found), **bootstrap_all(by_place(tallies), ranked)}
    at_averages = by_place(counts_at(averaged, thresholds.averaged))
    values: dict[str, Any] = {
        "single_dates": {name: interval(value) for name, value in single.items()},
        "dates_averaged": {
            "average_precision": interval(bootstrap(by_place(averaged), Tally.average_precision)),
            "iou": interval(bootstrap(at_averages, PixelCounts.iou)),
        },
        "iou_by_site": {str(site): rounded(count.iou()) for site, count in sorted(counts.items())},
        "iou_by_month": _iou_by(clear, strip, thresholds, {str(month): (month,) for month in range(1, 13)}),
        "iou_by_season": _iou_by(clear, strip, thresholds, SEASONS),
    }
    values["mean_of_folds"] = _mean_of_folds(tallies, thresholds.single)
    hazy = seen_through_haze(one.view for one in clear)
    through = [one for one in clear if (one.view.site, one.view.date) in hazy]
    if through:
        others = [one for one in clear if (one.view.site, one.view.date) not in hazy]
        values["through_haze"] = _apart(through, thresholds.single, strip)
        values["other_dates"] = _apart(others, thresholds.single, strip)
    if snowy:
        values["under_snow"] = _apart(snowy, thresholds.single, strip)
        values["snow_between_panels"] = _apart(_without_panels_under_snow(snowy), thresholds.single, strip)
    values["reliability"] = [
        {"probability": rounded(part.mean_probability), "farm_share": rounded(part.farm_share), "pixels": part.pixels}
        for part in pooled(tallies).reliability()
    ]
    return values


def _apart(predicted: Sequence[Prediction], thresholds: Mapping[int, float], strip: bool) -> dict[str, Any]:
    """Views of one kind by themselves."""
    tallies = site_tallies(predicted, strip)
    return {
        "iou": rounded(total(counts_at(tallies, thresholds).values()).iou()),
        "average_precision": rounded(pooled(tallies).average_precision()),
        "views": len(predicted),
    }


def _without_panels_under_snow(snowy: Iterable[Prediction]) -> list[Prediction]:
    """The views on which some panels are bare, without the pixels where snow lies on them: nobody can see those."""
    found = []
    for one in snowy:
        covered = (one.view.coverage > 0) & under_snow(one.view.reflectance)
        view = replace(one.view, valid=one.view.valid & ~covered)
        if (view.counted & (view.coverage >= 0.5)).any():
            found.append(replace(one, view=view))
    return found


def _mean_of_folds(tallies: Mapping[int, Tally], thresholds: Mapping[int, float]) -> dict[str, float | None]:
    """Each fold's sites by themselves, and the mean: pooled, the pixels of five networks are ranked in one list."""
    folds = [{site: tallies[site] for site in splits.sites("test", fold) if site in tallies} for fold in range(FOLDS)]
    tested = [fold for fold in folds if fold]
    return {
        "average_precision": rounded(float(np.mean([pooled(fold).average_precision() for fold in tested]))),
        "iou": rounded(float(np.mean([total(counts_at(fold, thresholds).values()).iou() for fold in tested]))),
    }


def _iou_by(
    clear: Sequence[Prediction], strip: bool, thresholds: Thresholds, kinds: Mapping[str, Sequence[int]]
) -> dict[str, float | None]:
    parts = {name: [one for one in clear if one.view.month in months] for name, months in kinds.items()}
    return {
        name: rounded(total(counts_at(site_tallies(part, strip), thresholds.single).values()).iou())
        for name, part in parts.items()
        if part
    }


def total(counts: Iterable[PixelCounts]) -> PixelCounts:
    """All of them together."""
    return sum(counts, PixelCounts())


def objects(predicted: Iterable[Prediction], thresholds: Thresholds) -> dict[int, ObjectTally]:
    """Farms of every date, found and missed, and detections, true and false, by site."""
    tallies: dict[int, ObjectTally] = {}
    for one in predicted:
        site, view = one.view.site, one.view
        found = match_objects(
            one.probability,
            view.coverage,
            view.valid,
            thresholds.single[site],
            PIXEL_AREA,
            core=thresholds.cores[site],
        )
        tallies[site] = tallies.get(site, ObjectTally()) + found.tally()
    return tallies


def _object_scores(clear: Sequence[Prediction], thresholds: Thresholds) -> dict[str, Any]:
    """What :func:`objects` finds, by size."""
    found = by_place(objects(clear, thresholds))
    everything = sum(found.values(), ObjectTally())
    pixels = Tally()
    for one in clear:
        site, valid = one.view.site, one.view.valid
        kept = Marked(np.where(valid, one.probability, 0), thresholds.single[site]).mask(thresholds.cores[site])
        pixels.add(kept[valid].astype(np.float32), one.view.coverage[valid] >= 0.5)
    return {
        "iou_of_their_pixels": rounded(pixels.iou(0.5)),
        "recall_from_1_ha": interval(bootstrap(found, lambda tally: tally.from_size(1.0).recall())),
        "precision": interval(bootstrap(found, ObjectTally.precision)),
        "f1": interval(bootstrap(found, ObjectTally.f1)),
        "by_size": {
            name: {
                "farms": everything.of_size(size).farms,
                "recall": rounded(everything.of_size(size).recall()),
                "precision": rounded(everything.of_size(size).precision()),
                "f1": rounded(everything.of_size(size).f1()),
            }
            for size, name in enumerate(SIZE_NAMES)
        },
    }


def found_inside_large_farms(network: UNet, views: Sequence[FarmView], threshold: float) -> float | None:
    """Share of pixels found that lie so far inside a farm that no edge of it can be seen.

    The data hold small farms only, so that the inner pixels of each view are spread and mirrored over a larger place.
    """
    found = []
    for view in views:
        if view.snow <= SNOW_LIMIT and ((view.coverage == 1) & view.valid).sum() >= INNER_PIXELS:
            farm = endless_farm(view, LARGER_BY)
            inside = probability(network, farm, np.ones(farm.shape[1:], bool))[MARGIN:-MARGIN, MARGIN:-MARGIN]
            found.append(inside >= threshold)
    return rounded(float(np.concatenate([share.ravel() for share in found]).mean()))


def pooled(tallies: Mapping[Any, Tally]) -> Tally:
    """All of them together."""
    return sum(tallies.values(), Tally())


def interval(found: Interval) -> dict[str, float | None]:
    """A value and its 95 % interval as plain values."""
    return {"value": rounded(found.value), "low": rounded(found.low), "high": rounded(found.high)}


def rounded(value: float) -> float | None:
    """Four digits behind the point; None where there is no number, since JSON has no NaN."""
    return None if np.isnan(value) else round(float(value), 4)
