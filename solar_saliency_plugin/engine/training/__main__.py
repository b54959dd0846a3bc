"""Train a shipped model: ``python -m solar_saliency_plugin.engine.training --data ../shared/data --output FOLDER``.

Five networks of a cross-validation say how good the recipe is, calibrate it and choose its threshold; a sixth, fitted
to everything, is the model. It runs on one CPU thread, so that the same seed gives the same weights on the same kind of
processor.
"""

import argparse
import json
import platform
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...contract.version import PLUGIN_VERSION
from ..imagery.bands import MODEL_BANDS
from ..job import Job
from ..models import receptive_field
from ..models.card import Card
from ..models.unet import UNet
from ..versions import package_versions
from . import backgrounds, farms, splits
from .calibration import Calibration, calibrated
from .cross_validation import Data, fit_in_stages, mean_false_share, taught
from .evaluation import found_inside_large_farms, pooled, predictions, rounded, site_tallies
from .false_area import false_area
from .farms import SNOW_LIMIT
from .figures import cross_validation, in_short, wide
from .kept_networks import Log, Networks
from .marking import Marking
from .publication import write_model
from .recipe import SEED, STAGES, Stage
from .synthesis import Recipe, Synthesis
from .trend import what_would_close_it

#: What :mod:`study` found, and what was tried before the recipe was chosen.
_STUDY, _TRIALS = (Path(__file__).with_name(name) for name in ("study.json", "trials.json"))

CONDITIONS = (
    "Five-fold cross-validation: sites and scenes kept apart by place, each measured by a network that was fitted to "
    "neither them nor their neighbours; the shipped network is then fitted to all of them, so that nobody can "
    "measure it on these places any more. Calibration and thresholds were chosen on parts that those networks were "
    "not fitted to, and a fold's threshold and core without the fold's test part; the shipped core also on test "
    "parts, so that by_threshold and by_core, which have one threshold or core for all folds, are not held out. "
    "Recipes were compared on two of the five folds or on all, and that detections need a core was decided with the "
    "false detections of all folds in view, so that the figures are somewhat optimistic. Another seed alone moves "
    "quiet_places between 0.69 and 0.85. single_dates: every clear date without snow computed by itself; "
    "dates_averaged: mean probability of a site's clear dates. A pixel is farm where half of it or more lies inside "
    "a polygon. without_outlines_strip: pixels within 5 m of an outline left out. Intervals (95 %): places drawn "
    "again. mean_of_folds: each network's sites by themselves; elsewhere the pixels of all five are one list. "
    "through_haze: dates that the series of their site shows to be hazy though the scene classification calls them "
    "clear; they count everywhere else, but in other_dates. snow_between_panels: dates with snow, without the pixels "
    "whose panels are under it (normalised-difference snow index). calibration_error: near farms. core: the "
    "probability that five pixels of a detection must reach; thresholds are those of best IoU, cores the least that "
    "keep false detections, as a mean over places at level L2A, within 0.05 % of the area (mean_false_area_percent), "
    "or the highest that was tried, 0.97, where none does. false_area_percent: share of a scene's valid pixels that "
    "reach the threshold, and that lie in detections, without those below 0.2 ha or without a core. quiet_places: "
    "share of the places without farms at level L2A where detections take 0.05 % or less. by_threshold is with the "
    "core that is shipped, by_core with the threshold. found_inside_large_farms: share found of pixels that lie so "
    "far inside a farm that none of its edges can be seen, a figure for each fold. The wide network was measured on "
    "two folds. Figures at level L1C are of scenes as stored, those in level_l1c also after the correction that "
    "detection makes. baselines: per-pixel classifiers on the same folds; iou_where_it_marks_as_little_ground: at "
    "the threshold from which they mark no more ground than the network does at its own; scenes count alike there. "
    "Ingredients and the learning curve: fewer steps, two folds; differences below 0.01 are chance."
)

#: What the largest false detections of the default model are, seen on pictures.
LOOKED_AT = {
    "aber 2021-05-27": "sheds and yards of farmsteads, a shaded scarp, a bare slope by the sea",
    "aquileia 2019-04-16": "orchards and vineyards in rows, wet ground beside the lagoon, bare dark fields",
    "terramind 609U_541L_3_0 L2A": "trees beside a frozen river",
    "wroclaw 2018-06-07": "the bright roof of a hall",
    "sen1floods11 Spain 2019-09-18": "dark bare fields under the haze of level L1C",
}

MODELS = {
    "compact": (
        "Compact solar farm model",
        "A small, mostly spectral network: what it says of a pixel depends on nothing that is more than {reach} pixels "
        "({metres} m) away. Trained on farms in Austria of one year and on farms set into other scenes.",
    ),
    "wide": (
        "Wide U-Net, for comparison",
        "A U-Net on patches of 256 × 256 pixels, as in the literature: what it says of a pixel may depend on what is "
        "{reach} pixels ({metres} m) away. It is for comparison with the compact model, not for finding farms. At "
        "places that neither had seen, each at its own threshold, it found {own[farms_of_1_ha_or_more_found]:.0%} of "
        "the farms of 1 ha or more (the compact model {default[farms_of_1_ha_or_more_found]:.0%}) and marked "
        "{own[false_ha_per_100_km2]:.0f} ha falsely in 100 km² ({default[false_ha_per_100_km2]:.0f} ha); its average "
        "precision was {own[average_precision]:.2f} ({default[average_precision]:.2f}). With each place counted alike, "
        "{own[mean_false_area_percent]:.2f} % of the area was falsely detected "
        "({default[mean_false_area_percent]:.2f} %).",
    ),
}


def main() -> None:
    """Train, measure, write the model folder."""
    parser = argparse.ArgumentParser(
        prog="python -m solar_saliency_plugin.engine.training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="the shared data's folder")
    parser.add_argument("--output", type=Path, required=True, help="the model folder to write; its name is the model's")
    parser.add_argument("--model", choices=MODELS, default="compact")
    parser.add_argument("--networks", type=Path, required=True, help="folder that the folds' networks are kept in")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data = Data.read(arguments.data)
    kept = Networks(data, arguments.networks)
    figures = cross_validation(kept) if arguments.model == "compact" else wide(kept)
    started = time.monotonic()
    network, calibration = _fitted_to_everything(data, kept, arguments.model)
    minutes = (time.monotonic() - started) / 60
    training = _training(data, arguments.model, calibration)
    training["minutes"] = round(minutes + kept.minutes(arguments.model), 1)
    quality = {
        "in_short": in_short(figures),
        "conditions": CONDITIONS,
        **figures,
        "fitted_to_everything": _learned(data, network, figures),
    }
    if arguments.model == "compact":
        found = json.loads(_STUDY.read_text(encoding="utf-8"))
        quality.update((name, found[name]) for name in found if name not in ("cross_validation", "wide"))
        single = {name: value["value"] for name, value in figures["all_pixels"]["single_dates"].items()}
        quality["what_would_close_it"] = what_would_close_it(found["learning_curve"], single, figures["places"])
        quality["false_detections_looked_at"] = LOOKED_AT
        training["trials"] = json.loads(_TRIALS.read_text(encoding="utf-8"))
    card = _card(arguments.model, network, training, quality)
    write_model(arguments.output, network, card)


def _fitted_to_everything(data: Data, kept: Networks, model: str) -> tuple[UNet, Calibration]:
    """The network that is shipped, calibrated by the median of what the networks of the folds needed."""
    views, scenes = taught(data.views), [scene for part in data.parts for scene in part]

    def drawn_by(recipe: Recipe) -> Synthesis:
        return Synthesis(views, scenes, data.shapes, np.random.default_rng(SEED), recipe)

    network = fit_in_stages(drawn_by, STAGES[model], SEED, Job(Log()))
    folds = [fold.calibration for fold in kept.of(model)]
    calibration = Calibration(
        round(float(np.median([one.scale for one in folds])), 4),
        round(float(np.median([one.shift for one in folds])), 4),
    )
    return calibrated(network, calibration), calibration


def _learned(data: Data, network: UNet, figures: dict[str, Any]) -> dict[str, Any]:
    """What the shipped network says of places it was fitted to: no measure of quality, but of what is left to do."""
    scenes = data.scenes_of_all_parts()
    threshold, marking = figures["threshold"], Marking(figures["threshold"], figures["core"])
    clear = [one for one in predictions(network, data.views) if one.view.snow <= SNOW_LIMIT]
    areas = {scene.name: false_area(network, scene) for scene in scenes}
    tally, inner = (pooled(site_tallies(clear, strip)) for strip in (False, True))
    return {
        "average_precision": rounded(tally.average_precision()),
        "iou": rounded(tally.iou(threshold)),
        "without_outlines_strip": {
            "average_precision": rounded(inner.average_precision()),
            "iou": rounded(inner.iou(threshold)),
        },
        "false_area_percent": {name: area.percent(marking) for name, area in areas.items()},
        "mean_false_area_percent": rounded(
            100 * mean_false_share(data, {name: area.ground(marking) for name, area in areas.items()})
        ),
        "found_inside_large_farms": found_inside_large_farms(network, data.views, threshold),
    }


def _training(data: Data, model: str, calibration: Calibration) -> dict[str, Any]:
    *before, last = map(_stage, STAGES[model])
    return {
        "farms": {
            "source": farms.SOURCE,
            "licence": farms.LICENCE,
            "sites": [site for group in splits.groups() for site in group],
            "views": len(data.views),
            "left_out": sorted(farms.DOUBTFUL),
            "used_as_background": sorted(farms.WITHOUT_PANELS),
        },
        "outlines": {"source": "india-pv-2021", "licence": "CDLA-Permissive-2.0", "use": "shapes only"},
        "scenes": [
            {"name": s.name, "level": s.level, "licence": s.licence, "fold": number}
            for number, part in enumerate(backgrounds.PARTS)
            for s in part
        ],
        "measured_only": [{"name": s.name, "level": s.level} for s in backgrounds.MEASURED_ONLY],
        **({"learned_before": before} if before else {}),
        **last,
        "calibration": asdict(calibration),
        "seed": SEED,
        "software": {"plugin": PLUGIN_VERSION, **package_versions(), "processor": platform.machine()},
    }


def _stage(stage: Stage) -> dict[str, Any]:
    fit = {name: value for name, value in asdict(stage.options).items() if name != "architecture"}
    return {"recipe": asdict(stage.recipe), "fit": fit}


def _card(name: str, network: UNet, training: dict[str, Any], quality: dict[str, Any]) -> Card:
    title, summary = MODELS[name]
    reach, stride = receptive_field.measure(network, len(MODEL_BANDS))
    return Card(
        name=name,
        title=title,
        summary=summary.format(
            reach=reach,
            metres=10 * reach,
            own=quality["in_short"],
            default=quality.get("default_model_on_the_same_folds"),
        ),
        bands=MODEL_BANDS,
        units="reflectance",
        level="L2A",
        resampling="nearest",
        pixel_size=10.0,
        mean=tuple(round(value, 5) for value in network.normalisation.mean.flatten().tolist()),
        std=tuple(round(value, 5) for value in network.normalisation.std.flatten().tolist()),
        architecture={"family": "unet", **STAGES[name][0].options.architecture},
        receptive_field=reach,
        stride=stride,
        threshold=quality["threshold"],
        training=training,
        quality=quality,
        core=quality["core"] or None,
    )


if __name__ == "__main__":
    main()
