"""What dialogs call the engine's options and their choices, where the contract's names do not say enough."""

from typing import Mapping

from ..solar_saliency_plugin.contract.attribution_methods import ATTRIBUTION_METHODS
from ..solar_saliency_plugin.contract.layer_attribution import LAYER_METHODS
from ..solar_saliency_plugin.contract.options import Option
from ..solar_saliency_plugin.contract.shapley_words import ESTIMATOR_WORDS

#: What dialogs call an option whose name alone does not say it.
LABELS = {
    "scene": "Sentinel-2 scene",
    "scenes": "Sentinel-2 scenes",
    "polygons": "Outlines of solar farms",
    "since_field": "Field that says since when a farm stands",
    "edge": "Strip left out along outlines",
    "backgrounds": "Scenes without any solar farm",
    "keep_doubtful": "Learn from doubtful outlines, too",
    "precision": "Precision of numbers",
    "batch": "Patches at a time",
    "context": "How far the model looks",
    "steps": "Longest learning",
    "probability": "Probability raster",
    "bands": "Band names in file order",
    "scale": "Scale of the stored values",
    "offset": "Offset of the stored values",
    "level": "Processing level",
    "date": "Acquisition date",
    "mask": "Leave out",
    "device": "Compute on",
    "window": "Window size",
    "restart": "Start anew instead of continuing an interrupted run",
    "size": "Width and height",
    "target": "Target: a polygon or point",
    "pixels": "Pixels that count",
    "around": "Square around a point",
    "quantity": "Answer that is explained",
    "total": "Taken over the target's pixels",
    "baseline": "Compared with",
    "baseline_scene": "Scene of another date",
    "blur": "Width of the blur",
    "spectra": "Spectra of the surroundings",
    "attribution_method": "Method",
    "rule": "Points on the path",
    "samples": "Random samples",
    "noise": "Noise",
    "of": "Computed from noisy images",
    "relevance": "Rule of relevance",
    "features": "What is taken away at a time",
    "superpixel": "Size of superpixels",
    "patch": "Side of the hidden square",
    "stride": "Step of the hidden square",
    "evaluations": "Times the model is asked at most",
    "layer": "Layer of the network",
    "seed": "Seed of random numbers",
    "per_band": "A map for each band, too",
}

#: What dialogs call a choice that is a code word; where one option has its own word for it, as “option.choice”.
CHOICES = {
    **{name: method.title for name, method in {**LAYER_METHODS, **ATTRIBUTION_METHODS}.items()},
    **{f"estimator.{name}": text for name, text in ESTIMATOR_WORDS.items()},
    "auto": "Automatic",
    "cpu": "Processor (CPU)",
    "cuda": "Graphics card (CUDA)",
    "none": "Nothing",
    "clouds": "Clouds and their shadows",
    "clouds_and_snow": "Clouds, their shadows and snow",
    "near": "Near: 40 m",
    "wide": "Wide: over 500 m",
    "float32": "32 bits",
    "bfloat16": "16 bits (bfloat16)",
    "mixed": "Mixed with 16 bits",
    "logits": "Logits",
    "probabilities": "Probabilities",
    "detected": "Detected ones",
    "all": "All",
    "logit": "Logit",
    "probability": "Probability",
    "mean": "Mean",
    "sum": "Sum",
    "soil": "Bare soil",
    "zero": "Zero",
    "baseline.mean": "Mean of the scene",
    "blur": "Blurred image",
    "surroundings": "Surroundings",
    "scene": "Another date",
    "midpoint": "Midpoints",
    "right": "Right ends",
    "epsilon": "Epsilon",
    "z_plus": "Positive parts (z⁺)",
    "alpha_beta": "Alpha–beta",
    "bands": "Bands",
    "superpixels": "Superpixels",
    "bands_of_superpixels": "Superpixels in one band",
    "compare.mean": "Mean of the scene",
    "rest.player": "A part of its own",
    "rest.present": "Always there",
    "rest.absent": "Always replaced by the baseline",
    "slic": "Compact parts that look alike (SLIC)",
    "felzenszwalb": "Parts of any shape that look alike (Felzenszwalb)",
    "grid": "Squares",
    "cut.spectra": "What looks alike, wherever it lies (k-means)",
    "polygons": "The polygons of a layer",
    "superpixels_of_band_groups": "Superpixels in one group of bands",
    "band_groups": "Groups of bands",
    "outside.absent": "Absent: their interactions are ignored",
    "outside.present": "Present: their interactions count twice",
    "outside.both": "Both: their interactions are shared",
    "smallest": "The smallest mask that removes the detection",
    "area_deleted": "The mask of that area that removes most of it",
    "area_kept": "The area of that size that alone keeps it",
}

#: What dialogs call it that an option with choices is left empty.
NOT_CHOSEN = "The method's own"


def label(option: Option, labels: Mapping[str, str]) -> str:
    """The option's name in a dialog, with its unit."""
    text = labels.get(option.name) or LABELS.get(option.name) or words(option.name)
    return f"{text} ({option.unit})" if option.unit else text


def words(name: str) -> str:
    """A name of the contract as people write it: total_ha becomes “Total (ha)”."""
    text = name.replace("_", " ").capitalize().replace("Crs", "CRS").replace("sha256", "SHA-256")
    return f"{text[:-3]} (ha)" if text.endswith(" ha") else text


def share_text(share: float) -> str:
    """A share as a percentage with as many digits as it is worth."""
    percent = 100 * share
    if 0 < percent < 0.1:
        return "under 0.1 %"
    return f"{percent:.0f} %" if percent >= 9.5 else f"{percent:.2g} %"


def choice_text(option: str, choice: str) -> str:
    """What dialogs call a choice of an option."""
    return CHOICES.get(f"{option}.{choice}") or CHOICES.get(choice, choice)
