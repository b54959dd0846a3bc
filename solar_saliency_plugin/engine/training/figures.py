"""What the networks of a recipe find, and falsely find, on sites and scenes that they were not fitted to."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from .backgrounds import place
from .cross_validation import Learned, choose_thresholds, false_areas, mean_false_share, predicted, quiet_places
from .evaluation import (
    THRESHOLDS,
    Prediction,
    Thresholds,
    farm_scores,
    found_inside_large_farms,
    interval,
    objects,
    pooled,
    rounded,
    site_tallies,
)
from .false_area import FalseArea
from .farms import SNOW_LIMIT
from .kept_networks import SOME_FOLDS, Networks
from .marking import Marking
from .objects import ObjectTally
from .scores import Ground, bootstrap


def cross_validation(kept: Networks) -> dict[str, Any]:
    """The shipped recipe's figures."""
    return _figures(kept, kept.of())


def wide(kept: Networks) -> dict[str, Any]:
    """The same of the wide network, for comparison; and the default one's, in short, on the same folds."""
    compact = [one for one in kept.of() if one.fold in SOME_FOLDS]
    return {
        **_figures(kept, kept.of("wide")),
        "default_model_on_the_same_folds": in_short(_figures(kept, compact)),
    }


def _figures(kept: Networks, networks: Sequence[Learned]) -> dict[str, Any]:
    chosen = choose_thresholds(kept.data, networks)
    found = predicted(kept.data, networks, "test")
    clear = [one for one in found if one.view.snow <= SNOW_LIMIT]
    areas = false_areas(kept.data, networks, "test")
    ground = mean_ground(areas, chosen.test)
    levels = {scene.name: scene.level for scene in kept.data.scenes_of_all_parts()}
    false = {
        level: interval(bootstrap(by_place(ground, levels, level), Ground.false_ha_per_100_km2))
        for level in ("L2A", "L1C")
    }
    return {
        "threshold": chosen.shipped.threshold,
        "core": chosen.shipped.core,
        "threshold_for_dates_averaged": chosen.shipped_averaged,
        "thresholds_of_folds": {
            "single_dates": {fold: marking.threshold for fold, marking in chosen.test.items()},
            "cores": {fold: marking.core for fold, marking in chosen.test.items()},
            "dates_averaged": chosen.test_averaged,
        },
        "calibration": [asdict(one.calibration) for one in networks],
        **farm_scores(found, chosen.by_site()),
        "found_inside_large_farms": [
            found_inside_large_farms(one.network, kept.data.sites("test", one.fold), chosen.test[one.fold].threshold)
            for one in networks
        ],
        "false_area_percent": {
            name: {
                "pixels": _mean_percent(areas, name, chosen.test),
                "detections": rounded(100 * seen.false / seen.seen),
            }
            for name, seen in ground.items()
        },
        "false_ha_per_100_km2": false,
        "quiet_places": rounded(quiet_places(kept.data, ground)),
        "mean_false_area_percent": rounded(100 * mean_false_share(kept.data, ground)),
        "by_core": _by_core(kept, clear, areas, chosen.shipped),
        "by_threshold": _by_threshold(kept, clear, areas, chosen.shipped.core),
    }


def _by_threshold(
    kept: Networks, clear: Sequence[Prediction], areas: Mapping[int, Mapping[str, FalseArea]], core: float
) -> list[dict[str, Any]]:
    """What other thresholds would give, with the core that is shipped, so that users can choose their own."""
    tallies = [pooled(site_tallies(clear, strip)) for strip in (False, True)]
    found = []
    for threshold in THRESHOLDS[::5]:
        sites = {one.view.site for one in clear}
        everywhere = Thresholds(dict.fromkeys(sites, threshold), {}, dict.fromkeys(sites, core))
        ground = mean_ground(areas, dict.fromkeys(areas, Marking(threshold, core)))
        judged = sum(objects(clear, everywhere).values(), ObjectTally())
        found.append(
            {
                "threshold": threshold,
                "iou": rounded(tallies[0].iou(threshold)),
                "iou_without_outlines_strip": rounded(tallies[1].iou(threshold)),
                "precision": rounded(tallies[0].precision(threshold)),
                "recall": rounded(tallies[0].recall(threshold)),
                "recall_from_1_ha": rounded(judged.from_size(1.0).recall()),
                "quiet_places": rounded(quiet_places(kept.data, ground)),
            }
        )
    return found


def _by_core(
    kept: Networks, clear: Sequence[Prediction], areas: Mapping[int, Mapping[str, FalseArea]], shipped: Marking
) -> list[dict[str, Any]]:
    """What asking as much as the shipped model, or more or less, of cores would give, at its threshold."""
    sites = {one.view.site for one in clear}
    found = []
    for core in sorted({0.0, 0.7, 0.8, 0.85, 0.9, 0.95, shipped.core}):
        thresholds = Thresholds(dict.fromkeys(sites, shipped.threshold), {}, dict.fromkeys(sites, core))
        ground = mean_ground(areas, dict.fromkeys(areas, Marking(shipped.threshold, core)))
        judged = sum(objects(clear, thresholds).values(), ObjectTally())
        found.append(
            {
                "core": core,
                "recall_below_1_ha": rounded(judged.of_size(0).recall()),
                "recall_from_1_ha": rounded(judged.from_size(1.0).recall()),
                "mean_false_area_percent": rounded(100 * mean_false_share(kept.data, ground)),
                "quiet_places": rounded(quiet_places(kept.data, ground)),
            }
        )
    return found


def in_short(figures: Mapping[str, Any]) -> dict[str, Any]:
    """What people ask first."""
    everywhere, inside = (figures[name]["single_dates"] for name in ("all_pixels", "without_outlines_strip"))
    return {
        "intersection_over_union": everywhere["iou"]["value"],
        "intersection_over_union_away_from_outlines": inside["iou"]["value"],
        "average_precision": everywhere["average_precision"]["value"],
        "average_precision_away_from_outlines": inside["average_precision"]["value"],
        "farms_of_1_ha_or_more_found": figures["objects"]["recall_from_1_ha"]["value"],
        "calibration_error": everywhere["calibration_error"]["value"],
        "mean_false_area_percent": figures["mean_false_area_percent"],
        "false_ha_per_100_km2": figures["false_ha_per_100_km2"]["L2A"]["value"],
    }


def mean_ground(areas: Mapping[int, Mapping[str, FalseArea]], markings: Mapping[int, Marking]) -> dict[str, Ground]:
    """What was seen and falsely detected in each scene by its fold's marking; the mean over folds that test it."""
    found: dict[str, list[Ground]] = {}
    for fold, scenes in areas.items():
        for name, area in scenes.items():
            found.setdefault(name, []).append(area.ground(markings[fold]))
    return {
        name: Ground(sum(g.seen for g in grounds) / len(grounds), sum(g.false for g in grounds) / len(grounds))
        for name, grounds in found.items()
    }


def _mean_percent(
    areas: Mapping[int, Mapping[str, FalseArea]], name: str, markings: Mapping[int, Marking]
) -> float | None:
    """Percent of a scene's pixels that reach the threshold; the mean over the folds that test it."""
    shares = [
        scenes[name].tally.share_above(markings[fold].threshold) for fold, scenes in areas.items() if name in scenes
    ]
    return rounded(100 * float(np.mean(shares)))


def by_place(ground: Mapping[str, Ground], levels: Mapping[str, str], level: str) -> dict[str, Ground]:
    """Scenes of one level, the dates of a place added up: what chance chose as a whole."""
    places: dict[str, Ground] = {}
    for name, seen in ground.items():
        if levels[name] == level:
            where = place(name)
            places[where] = places[where] + seen if where in places else seen
    return places
