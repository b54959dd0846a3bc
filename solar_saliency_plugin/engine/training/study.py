"""What the shipped model's recipe is worth: ``python -m solar_saliency_plugin.engine.training.study --help``.

Writes one JSON file, part by part, so that a part can be run again alone; ``make train`` puts it into the model's
card.
Everything is measured on sites and scenes that the networks were not fitted to (:mod:`cross_validation`).
"""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from ..job import Job, SilentListener
from ..models.unet import UNet
from ..versions import package_versions
from . import shifts, splits
from .backgrounds import Background, place
from .calibration import Calibration
from .cross_validation import (
    Chosen,
    Data,
    Learned,
    choose_thresholds,
    false_areas,
    learn,
    predicted,
    quiet_places,
    synthesis_of,
)
from .evaluation import (
    THRESHOLDS,
    FalseArea,
    Prediction,
    counts_at,
    false_area,
    farm_scores,
    found_inside_large_farms,
    interval,
    objects,
    pooled,
    probability,
    rounded,
    site_tallies,
    total,
)
from .farms import SNOW_LIMIT, FarmView
from .objects import ObjectTally
from .recipe import OPTIONS, RECIPE, SEED, STAGES, Stage
from .scores import Ground, Tally, bootstrap
from .synthesis import Recipe

#: Folds that the wide network, ingredients and the learning curve are measured on; steps of the latter two, where
#: differences count.
SOME_FOLDS = (0, 1)
FEWER_STEPS = 1000

#: Sites with outlines or dates that the data's description doubts: loose, of weak contrast, or built during the year.
DOUBTED = frozenset({282, 748, 819, 2129, 391, 1780, 2004, 2011})

#: Pixels of each view that the per-pixel classifiers learn from.
PIXELS_PER_VIEW = 300

#: Pixels of each scene without farms that they learn from, or are measured on.
PIXELS_PER_SCENE = 10_000

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


class Log(SilentListener):
    """Lines for whoever waits."""

    def informed(self, message: str) -> None:
        """A line of information."""
        sys.stderr.write(f"{message}\n")

    def warned(self, message: str) -> None:
        """A warning."""
        sys.stderr.write(f"warning: {message}\n")


class Study:
    """One study over ``data``; networks of the whole recipe are kept in ``folder``, since several parts need them."""

    def __init__(self, data: Data, folder: Path) -> None:
        self.data = data
        self._folder = folder

    def networks(self, kind: str = "compact") -> list[Learned]:
        """The five networks of the recipe "compact", or some of "wide", which learns slowly."""
        return [self._network(kind, fold) for fold in (range(splits.FOLDS) if kind == "compact" else SOME_FOLDS)]

    def _network(self, kind: str, fold: int) -> Learned:
        stages = STAGES[kind]
        weights, facts = self._folder / f"{kind}-{fold}.safetensors", self._folder / f"{kind}-{fold}.json"
        made_with = {
            "stages": [
                {"options": json.loads(json.dumps(asdict(stage.options))), "patches": self._patches(fold, stage.recipe)}
                for stage in stages
            ],
            "software": package_versions(),
        }
        if facts.is_file():
            kept = json.loads(facts.read_text(encoding="utf-8"))
            if kept["made_with"] == made_with:
                network = UNet(kept["mean"], kept["std"], **stages[0].options.architecture)
                network.load_state_dict(load_file(weights))
                return Learned(fold, network.eval(), Calibration(**kept["calibration"]))
        started = time.monotonic()
        learned = learn(self.data, fold, stages, SEED, Job(Log()))
        self._folder.mkdir(parents=True, exist_ok=True)
        save_file({name: tensor.contiguous() for name, tensor in learned.network.state_dict().items()}, weights)
        norm = learned.network.normalisation
        kept = {"mean": norm.mean.flatten().tolist(), "std": norm.std.flatten().tolist()}
        minutes = round((time.monotonic() - started) / 60, 2)
        kept.update(made_with=made_with, calibration=asdict(learned.calibration), minutes=minutes)
        facts.write_text(json.dumps(kept), encoding="utf-8")
        return learned

    def _patches(self, fold: int, recipe: Recipe) -> str:
        """What a fold learns from, as a hash of some patches: of data, recipe, seed, and the code that draws them."""
        synthesis = synthesis_of(self.data, fold, recipe, SEED)
        digest = hashlib.sha256()
        for _ in range(64):
            patch = synthesis.patch()
            for values in (patch.reflectance, patch.target, patch.weight):
                digest.update(values.tobytes())
        return digest.hexdigest()

    def minutes(self, kind: str) -> float:
        """How long the kept networks took to learn, together."""
        facts = sorted(self._folder.glob(f"{kind}-*.json"))
        return sum(json.loads(path.read_text(encoding="utf-8"))["minutes"] for path in facts)

    def chosen(self) -> Chosen:
        """Thresholds, chosen on validation parts."""
        return choose_thresholds(self.data, self.networks())

    # ---- parts

    def cross_validation(self) -> dict[str, Any]:
        """The shipped recipe's figures."""
        return self._figures(self.networks())

    def wide(self) -> dict[str, Any]:
        """The same of the wide network, for comparison; and the default one's, in short, on the same folds."""
        compact = [one for one in self.networks() if one.fold in SOME_FOLDS]
        return {
            **self._figures(self.networks("wide")),
            "default_model_on_the_same_folds": in_short(self._figures(compact)),
        }

    def _figures(self, networks: Sequence[Learned]) -> dict[str, Any]:
        chosen = choose_thresholds(self.data, networks)
        areas = false_areas(self.data, networks, "test")
        ground = _mean_ground(areas, chosen.test)
        levels = {scene.name: scene.level for scene in self.data.scenes_of_all_parts()}
        false = {
            level: interval(bootstrap(_places(ground, levels, level), Ground.false_ha_per_100_km2))
            for level in ("L2A", "L1C")
        }
        return {
            "threshold": chosen.shipped,
            "threshold_for_dates_averaged": chosen.shipped_averaged,
            "thresholds_of_folds": {"single_dates": chosen.test, "dates_averaged": chosen.test_averaged},
            "calibration": [asdict(one.calibration) for one in networks],
            **farm_scores(predicted(self.data, networks, "test"), chosen.by_site()),
            "found_inside_large_farms": [
                found_inside_large_farms(one.network, self.data.sites("test", one.fold), chosen.test[one.fold])
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
            "quiet_places": rounded(quiet_places(self.data, ground)),
            "by_threshold": self._by_threshold(networks, areas),
        }

    def _by_threshold(
        self, networks: Sequence[Learned], areas: Mapping[int, Mapping[str, FalseArea]]
    ) -> list[dict[str, Any]]:
        """What other thresholds would give, so that users can choose their own."""
        clear = [one for one in predicted(self.data, networks, "test") if one.view.snow <= SNOW_LIMIT]
        tallies = [pooled(site_tallies(clear, strip)) for strip in (False, True)]
        found = []
        for threshold in THRESHOLDS[::5]:
            everywhere = {one.view.site: threshold for one in clear}
            ground = _mean_ground(areas, dict.fromkeys(areas, threshold))
            judged = sum(objects(clear, everywhere).values(), ObjectTally())
            found.append(
                {
                    "threshold": threshold,
                    "iou": rounded(tallies[0].iou(threshold)),
                    "iou_without_outlines_strip": rounded(tallies[1].iou(threshold)),
                    "precision": rounded(tallies[0].precision(threshold)),
                    "recall": rounded(tallies[0].recall(threshold)),
                    "recall_from_1_ha": rounded(judged.from_size(1.0).recall()),
                    "quiet_places": rounded(quiet_places(self.data, ground)),
                }
            )
        return found

    def baselines(self) -> dict[str, Any]:
        """Per-pixel classifiers on the same folds; needs scikit-learn, which only developers have."""
        from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

        kinds: dict[str, Callable[[], Any]] = {
            "gradient boosting": lambda: HistGradientBoostingClassifier(
                max_iter=300, learning_rate=0.08, random_state=SEED
            ),
            "random forest": lambda: RandomForestClassifier(
                200, min_samples_leaf=5, max_samples=0.3, random_state=SEED
            ),
        }
        network = self._compared()
        marked = network["ground_marked_percent"] / 100
        return {"network": network} | {
            f"{name}, {what}": self._baseline(make, with_ground, marked)
            for name, make in kinds.items()
            for what, with_ground in (("farms only", False), ("farms and ground", True))
        }

    def _compared(self) -> dict[str, Any]:
        """The network's figures that classifiers are compared with: at the folds' thresholds, and at a single one.

        The single one is sought as theirs is: where the network marks no more ground than at the folds' thresholds. Of
        the ground each scene counts by as many pixels as the classifiers are measured on.
        """
        networks, chosen = self.networks(), self.chosen()
        areas = [
            (chosen.test[fold], area)
            for fold, scenes in false_areas(self.data, networks, "test").items()
            for area in scenes.values()
        ]
        pixels = [min(area.pixels, PIXELS_PER_SCENE) for _, area in areas]
        marked = float(np.average([area.tally.share_above(its) for its, area in areas], weights=pixels))
        quiet = next(
            step / 1000
            for step in range(1001)
            if np.average([area.tally.share_above(step / 1000) for _, area in areas], weights=pixels) <= marked
        )
        clear = [one for one in predicted(self.data, networks, "test") if one.view.snow <= SNOW_LIMIT]
        scored = {}
        for name, strip in (("all_pixels", False), ("without_outlines_strip", True)):
            tallies = site_tallies(clear, strip)
            scored[name] = {
                "average_precision": rounded(pooled(tallies).average_precision()),
                "iou": rounded(total(counts_at(tallies, chosen.by_site().single).values()).iou()),
                "iou_where_it_marks_as_little_ground": rounded(pooled(tallies).iou(quiet)),
            }
        return {**scored, "ground_marked_percent": rounded(100 * marked)}

    def _baseline(self, make: Callable[[], Any], with_ground: bool, marked: float) -> dict[str, Any]:
        """Figures of a classifier at its own best threshold, and where it marks no more ground than the network does.

        with_ground: it learns from the folds' scenes without farms, too, as the network does. marked: share of the
        ground that the network marks. The threshold for that is sought on the very ground that is measured, which is
        an advantage over the network, whose thresholds were chosen elsewhere.
        """
        random = np.random.default_rng(SEED)
        parts: dict[str, list[Prediction]] = {"validation": [], "test": []}
        ground = Tally()
        for fold in range(splits.FOLDS):
            values, labels = _pixels(self.data.sites("training", fold), random)
            if with_ground:
                some = np.concatenate([_some(scene, random) for scene in self.data.scenes("training", fold)])
                values, labels = np.concatenate([values, some]), np.concatenate([labels, np.zeros(len(some), bool)])
            classifier = make().fit(values, labels)
            for part, found in parts.items():
                found.extend(_classified(classifier, self.data.sites(part, fold)))
            for scene in self.data.scenes("test", fold):
                farm = classifier.predict_proba(_some(scene, random))[:, 1].astype(np.float32)
                ground.add(farm, np.zeros(len(farm), bool))
        clear = {part: [one for one in found if one.view.snow <= SNOW_LIMIT] for part, found in parts.items()}
        own = pooled(site_tallies(clear["validation"], strip=False)).best_threshold()
        quiet = next(step / 1000 for step in range(1001) if ground.share_above(step / 1000) <= marked)
        scored = {}
        for name, strip in (("all_pixels", False), ("without_outlines_strip", True)):
            tally = pooled(site_tallies(clear["test"], strip))
            scored[name] = {
                "average_precision": rounded(tally.average_precision()),
                "iou": rounded(tally.iou(own)),
                "iou_where_it_marks_as_little_ground": rounded(tally.iou(quiet)),
            }
        return {"threshold": round(own, 3), **scored, "ground_marked_percent": rounded(100 * ground.share_above(own))}

    def shift(self) -> dict[str, Any]:
        """Average precision on farms in images that were changed, and how much of it is lost."""
        names = {scene.name: scene for part in self.data.parts for scene in part}
        tops = {
            name: names[name.replace("L2A", "L1C")]
            for name, surface in names.items()
            if name.startswith("terramind") and surface.level == "L2A"
        }
        pairs = {name: (names[name].reflectance, top.reflectance) for name, top in tops.items()}
        networks = self.networks()
        plain = self._shifted(networks, lambda reflectance: reflectance)
        usual = dict(shifts.usual(list(pairs.values())))
        sun = float(np.median([top.sun_zenith for top in tops.values()]))
        usual["level L1C, corrected as detection does"] = shifts.corrected(
            shifts.top_of_atmosphere(list(pairs.values())), sun
        )
        lost = {name: rounded(plain - self._shifted(networks, shift)) for name, shift in usual.items()}
        return {"average_precision": rounded(plain), "lost": lost, "level_l1c": self._level_l1c(plain, pairs)}

    def _level_l1c(self, plain: float, pairs: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> dict[str, Any]:
        """What the correction of level L1C gives: each pair's own air over the farms, and real scenes without farms.

        The line through a pair under snow says little of the dark ground that farms stand on.
        """
        networks, thresholds = self.networks(), self.chosen().test
        scenes = {scene.name: scene for scene in self.data.scenes_of_all_parts() if scene.level == "L1C"}
        lost = {}
        for name, pair in pairs.items():
            air = shifts.top_of_atmosphere([pair])
            top = scenes[name.replace("L2A", "L1C")]
            ways = {"as_stored": air, "corrected": shifts.corrected(air, top.sun_zenith)}
            lost[name.removesuffix(" L2A")] = {
                "sun_above_horizon": round(90 - top.sun_zenith),
                **{way: rounded(plain - self._shifted(networks, shift)) for way, shift in ways.items()},
            }
        percent: dict[str, dict[str, float | None]] = {name: {} for name in scenes}
        hectares = {}
        for way in ("as_stored", "corrected"):
            areas = {
                one.fold: {
                    scene.name: false_area(one.network, _corrected(scene) if way == "corrected" else scene)
                    for scene in self.data.scenes("test", one.fold)
                    if scene.level == "L1C"
                }
                for one in networks
            }
            ground = _mean_ground(areas, thresholds)
            for name, seen in ground.items():
                percent[name][way] = rounded(100 * seen.false / seen.seen)
            places = _places(ground, dict.fromkeys(ground, "L1C"), "L1C")
            hectares[way] = interval(bootstrap(places, Ground.false_ha_per_100_km2))
        return {"lost": lost, "detections_percent": percent, "false_ha_per_100_km2": hectares}

    def _shifted(self, networks: Sequence[Learned], shift: shifts.Shift) -> float:
        tally = Tally()
        for one in networks:
            for view in self.data.sites("test", one.fold):
                if view.coverage.any() and view.snow <= SNOW_LIMIT:
                    filled = _filled(view)
                    values = probability(one.network, shift(filled).astype(np.float32), view.valid)
                    tally.add(values[view.valid], view.coverage[view.valid] >= 0.5)
        return tally.average_precision()

    def ingredients(self) -> dict[str, Any]:
        """The recipe with each ingredient left out, for fewer steps on some folds."""
        whole = self._short(RECIPE)
        found = {"nothing left out": whole}
        for name, without in WITHOUT.items():
            found[name] = self._short(without(RECIPE))
        summers = {view.site: view.date for view in reversed(self.data.views) if view.month in (6, 7, 8)}
        found["all dates but the first of summer"] = self._short(
            RECIPE, keep=lambda view: view.date == summers.get(view.site)
        )
        return found

    def learning_curve(self) -> list[dict[str, Any]]:
        """Figures against the number of places that farms are learned from."""
        found = []
        for share in (0.2, 0.4, 0.7, 1.0):
            for fold in SOME_FOLDS:
                training = set(splits.sites("training", fold))
                groups = [group for group in splits.farm_groups() if set(group) <= training]
                count = round(share * len(groups))
                # Evenly over the list, which is in no order of size or place.
                picked = [groups[int(k * len(groups) / count)] for k in range(count)]
                found.append({"fold": fold, "places": count, **self._short(RECIPE, (fold,), _among(picked))})
        return found

    def label_noise(self) -> dict[str, Any]:
        """What the doubted sites do to the figures: scored or not, and learned from or not."""
        thresholds = self.chosen().by_site().single
        everything = predicted(self.data, self.networks(), "test")
        trusting = [
            learn(self.data, fold, STAGES["compact"], SEED, Job(Log()), lambda view: view.site not in DOUBTED)
            for fold in range(splits.FOLDS)
        ]
        distrusted = predicted(self.data, trusting, "test")
        figures = {}
        for learned_from, found in (("learned from", everything), ("not learned from", distrusted)):
            for scored in ("scored", "not scored"):
                kept = [one for one in found if scored == "scored" or one.view.site not in DOUBTED]
                tallies = site_tallies([one for one in kept if one.view.snow <= SNOW_LIMIT], strip=False)
                figures[f"{learned_from}, {scored}"] = {
                    "average_precision": rounded(pooled(tallies).average_precision()),
                    "iou": rounded(total(counts_at(tallies, thresholds).values()).iou()),
                }
        return {"doubted_sites": sorted(DOUBTED), **figures}

    def _short(
        self,
        recipe: Recipe,
        folds: Sequence[int] = SOME_FOLDS,
        keep: Callable[[FarmView], bool] = lambda view: True,
    ) -> dict[str, Any]:
        """Figures of networks fitted for fewer steps."""
        stages = [Stage(replace(OPTIONS, steps=FEWER_STEPS), recipe)]
        learned = [learn(self.data, fold, stages, SEED, Job.silent(), keep) for fold in folds]
        farms = [one for one in predicted(self.data, learned, "test") if one.view.snow <= SNOW_LIMIT]
        clear = [one for one in predicted(self.data, learned, "validation") if one.view.snow <= SNOW_LIMIT]
        tally = pooled(site_tallies(farms, strip=False))
        areas = false_areas(self.data, learned, "test")
        ground = sum((area.tally for scenes in areas.values() for area in scenes.values()), Tally())
        threshold = pooled(site_tallies(clear, strip=False)).best_threshold()
        inside = [
            found_inside_large_farms(one.network, self.data.sites("test", one.fold), threshold) or 0.0
            for one in learned
        ]
        return {
            "average_precision": rounded(tally.average_precision()),
            "iou": rounded(tally.iou(threshold)),
            "false_area_percent": rounded(100 * ground.share_above(threshold)),
            "found_inside_large_farms": rounded(float(np.mean(inside))),
        }


def _corrected(scene: Background) -> Background:
    """A scene of level L1C as detection reads it."""
    return replace(scene, reflectance=shifts.corrected(lambda stored: stored, scene.sun_zenith)(scene.reflectance))


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
        "false_ha_per_100_km2": figures["false_ha_per_100_km2"]["L2A"]["value"],
    }


def _mean_ground(areas: Mapping[int, Mapping[str, FalseArea]], thresholds: Mapping[int, float]) -> dict[str, Ground]:
    """What was seen and falsely detected in each scene at its fold's threshold; the mean over folds that test it."""
    found: dict[str, list[Ground]] = {}
    for fold, scenes in areas.items():
        for name, area in scenes.items():
            found.setdefault(name, []).append(area.ground(thresholds[fold]))
    return {
        name: Ground(sum(g.seen for g in grounds) / len(grounds), sum(g.false for g in grounds) / len(grounds))
        for name, grounds in found.items()
    }


def _mean_percent(
    areas: Mapping[int, Mapping[str, FalseArea]], name: str, thresholds: Mapping[int, float]
) -> float | None:
    """Percent of a scene's pixels that reach the threshold; the mean over the folds that test it."""
    shares = [scenes[name].tally.share_above(thresholds[fold]) for fold, scenes in areas.items() if name in scenes]
    return rounded(100 * float(np.mean(shares)))


def _places(ground: Mapping[str, Ground], levels: Mapping[str, str], level: str) -> dict[str, Ground]:
    """Scenes of one level, the dates of a place added up: what chance chose as a whole."""
    places: dict[str, Ground] = {}
    for name, seen in ground.items():
        if levels[name] == level:
            where = place(name)
            places[where] = places[where] + seen if where in places else seen
    return places


def _among(groups: Sequence[Sequence[int]]) -> Callable[[FarmView], bool]:
    """Views of these groups' sites, and of sites without panels."""
    chosen = {site for group in groups for site in group}
    return lambda view: view.site in chosen or not view.coverage.any()


def _pixels(views: Sequence[FarmView], random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Reflectance (N, bands) and whether it is farm (N,), some pixels of every view without snow."""
    values, labels = [], []
    for view in views:
        if view.snow <= SNOW_LIMIT:
            chosen = random.permutation(np.argwhere(view.valid))[:PIXELS_PER_VIEW]
            rows, cols = chosen.T
            values.append(view.reflectance[:, rows, cols].T)
            labels.append(view.coverage[rows, cols] >= 0.5)
    return np.concatenate(values), np.concatenate(labels)


def _some(scene: Background, random: np.random.Generator) -> np.ndarray:
    """Reflectance (N, bands) of some valid pixels of a scene."""
    rows, cols = random.permutation(np.argwhere(scene.valid))[:PIXELS_PER_SCENE].T
    return scene.reflectance[:, rows, cols].T


def _classified(classifier: Any, views: Sequence[FarmView]) -> list[Prediction]:
    found = []
    for view in views:
        if view.coverage.any():
            values = np.zeros(view.valid.shape, np.float32)
            values[view.valid] = classifier.predict_proba(view.reflectance[:, view.valid].T)[:, 1]
            found.append(Prediction(view, values))
    return found


def _filled(view: FarmView) -> np.ndarray:
    """The view with its median where it is not valid, so that moving and blurring bring in nothing strange."""
    median = np.median(view.reflectance[:, view.valid], axis=1).astype(np.float32)
    return np.where(view.valid, view.reflectance, median[:, None, None])


PARTS = ("cross_validation", "baselines", "shift", "ingredients", "learning_curve", "label_noise", "wide")


def main() -> None:
    """Run the parts that are asked for, and write each into the file as soon as it is there."""
    parser = argparse.ArgumentParser(
        prog="python -m solar_saliency_plugin.engine.training.study",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="the shared data's folder")
    parser.add_argument("--output", type=Path, required=True, help="the JSON file; parts that are not run stay in it")
    parser.add_argument("--networks", type=Path, required=True, help="folder that the folds' networks are kept in")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    study = Study(Data.read(arguments.data), arguments.networks)
    for part in arguments.parts:
        started = time.monotonic()
        found = getattr(study, part)()
        results = json.loads(arguments.output.read_text(encoding="utf-8")) if arguments.output.is_file() else {}
        results[part] = found
        ordered = {name: results[name] for name in PARTS if name in results}
        arguments.output.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        sys.stderr.write(f"{part}: {(time.monotonic() - started) / 60:.1f} minutes\n")


if __name__ == "__main__":
    main()
