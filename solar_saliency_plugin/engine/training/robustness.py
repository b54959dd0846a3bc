"""What networks lose in images unlike those that they were fitted to: other air, light, sensors and levels."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from . import shifts
from .backgrounds import Background
from .cross_validation import Learned
from .evaluation import interval, probability, rounded
from .false_area import false_area
from .farms import SNOW_LIMIT, FarmView
from .figures import by_place, mean_ground
from .kept_networks import Networks
from .scores import Ground, Tally, bootstrap


def shift(kept: Networks) -> dict[str, Any]:
    """Average precision on farms in images that were changed, and how much of it is lost."""
    names = {scene.name: scene for part in kept.data.parts for scene in part}
    tops = {
        name: names[name.replace("L2A", "L1C")]
        for name, surface in names.items()
        if name.startswith("terramind") and surface.level == "L2A"
    }
    pairs = {name: (names[name].reflectance, top.reflectance) for name, top in tops.items()}
    networks = kept.of()
    plain = _shifted(kept, networks, lambda reflectance: reflectance)
    usual = dict(shifts.usual(list(pairs.values())))
    sun = float(np.median([top.sun_zenith for top in tops.values()]))
    usual["level L1C, corrected as detection does"] = shifts.corrected(
        shifts.top_of_atmosphere(list(pairs.values())), sun
    )
    lost = {name: rounded(plain - _shifted(kept, networks, shift)) for name, shift in usual.items()}
    return {"average_precision": rounded(plain), "lost": lost, "level_l1c": _level_l1c(kept, plain, pairs)}


def _level_l1c(kept: Networks, plain: float, pairs: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> dict[str, Any]:
    """What the correction of level L1C gives: each pair's own air over the farms, and real scenes without farms.

    The line through a pair under snow says little of the dark ground that farms stand on.
    """
    networks, markings = kept.of(), kept.chosen().test
    scenes = {scene.name: scene for scene in kept.data.scenes_of_all_parts() if scene.level == "L1C"}
    lost = {}
    for name, pair in pairs.items():
        air = shifts.top_of_atmosphere([pair])
        top = scenes[name.replace("L2A", "L1C")]
        ways = {"as_stored": air, "corrected": shifts.corrected(air, top.sun_zenith)}
        lost[name.removesuffix(" L2A")] = {
            "sun_above_horizon": round(90 - top.sun_zenith),
            **{way: rounded(plain - _shifted(kept, networks, shift)) for way, shift in ways.items()},
        }
    percent: dict[str, dict[str, float | None]] = {name: {} for name in scenes}
    hectares = {}
    for way in ("as_stored", "corrected"):
        areas = {
            one.fold: {
                scene.name: false_area(one.network, _corrected(scene) if way == "corrected" else scene)
                for scene in kept.data.scenes("test", one.fold)
                if scene.level == "L1C"
            }
            for one in networks
        }
        ground = mean_ground(areas, markings)
        for name, seen in ground.items():
            percent[name][way] = rounded(100 * seen.false / seen.seen)
        seen_there = by_place(ground, dict.fromkeys(ground, "L1C"), "L1C")
        hectares[way] = interval(bootstrap(seen_there, Ground.false_ha_per_100_km2))
    return {"lost": lost, "detections_percent": percent, "false_ha_per_100_km2": hectares}


def _shifted(kept: Networks, networks: Sequence[Learned], shift: shifts.Shift) -> float:
    tally = Tally()
    for one in networks:
        for view in kept.data.sites("test", one.fold):
            if view.coverage.any() and view.snow <= SNOW_LIMIT:
                filled = _filled(view)
                values = probability(one.network, shift(filled).astype(np.float32), view.valid)
                tally.add(values[view.valid], view.coverage[view.valid] >= 0.5)
    return tally.average_precision()


def _corrected(scene: Background) -> Background:
    """A scene of level L1C as detection reads it."""
    return replace(scene, reflectance=shifts.corrected(lambda stored: stored, scene.sun_zenith)(scene.reflectance))


def _filled(view: FarmView) -> np.ndarray:
    """The view with its median where it is not valid, so that moving and blurring bring in nothing strange."""
    median = np.median(view.reflectance[:, view.valid], axis=1).astype(np.float32)
    return np.where(view.valid, view.reflectance, median[:, None, None])
