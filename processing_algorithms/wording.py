"""What dialogs call the engine's options and their choices, where the contract's names do not say enough."""

from typing import Mapping

from qgis.PyQt.QtCore import QCoreApplication

from ..solar_saliency_plugin.bridge.translation import word
from ..solar_saliency_plugin.contract.attribution_methods import ATTRIBUTION_METHODS
from ..solar_saliency_plugin.contract.layer_attribution import LAYER_METHODS
from ..solar_saliency_plugin.contract.marking import QT_TRANSLATE_NOOP
from ..solar_saliency_plugin.contract.options import Option
from ..solar_saliency_plugin.contract.shapley_words import BASELINE_WORDS, ESTIMATOR_WORDS

translate = QCoreApplication.translate

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
    "scale": "Scale of values",
    "offset": "Offset of values",
    "level": "Processing level",
    "date": "Acquisition date",
    "mask": "Leave out",
    "device": "Compute on",
    "window": "Window size",
    "restart": "Start anew, do not continue a run",
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
    "evaluations": "Evaluations at most",
    "layer": "Layer of the network",
    "seed": "Seed of random numbers",
    "per_band": "A map for each band, too",
}

#: What a choice is called that is a code word; where one option has its own word for it, as “option.choice”. Small
#: letters begin what stands within sentences, too.
CHOICES = {
    **{name: method.title for name, method in {**LAYER_METHODS, **ATTRIBUTION_METHODS}.items()},
    **{f"estimator.{name}": text for name, text in ESTIMATOR_WORDS.items()},
    **{f"{of}.{name}": text for of in ("baseline", "baselines", "compare") for name, text in BASELINE_WORDS.items()},
    "auto": QT_TRANSLATE_NOOP("Words", "Automatic"),
    "cpu": QT_TRANSLATE_NOOP("Words", "Processor (CPU)"),
    "cuda": QT_TRANSLATE_NOOP("Words", "Graphics card (CUDA)"),
    "none": QT_TRANSLATE_NOOP("Words", "Nothing"),
    "clouds": QT_TRANSLATE_NOOP("Words", "Clouds and their shadows"),
    "clouds_and_snow": QT_TRANSLATE_NOOP("Words", "Clouds, their shadows and snow"),
    "near": QT_TRANSLATE_NOOP("Words", "Near: 40 m"),
    "wide": QT_TRANSLATE_NOOP("Words", "Wide: over 500 m"),
    "float32": QT_TRANSLATE_NOOP("Words", "32 bits"),
    "bfloat16": QT_TRANSLATE_NOOP("Words", "16 bits (bfloat16)"),
    "mixed": QT_TRANSLATE_NOOP("Words", "Mixed with 16 bits"),
    "logits": QT_TRANSLATE_NOOP("Words", "Logits"),
    "probabilities": QT_TRANSLATE_NOOP("Words", "Probabilities"),
    "detected": QT_TRANSLATE_NOOP("Words", "Detected ones"),
    "all": QT_TRANSLATE_NOOP("Words", "All"),
    "logit": QT_TRANSLATE_NOOP("Words", "Logit"),
    "probability": QT_TRANSLATE_NOOP("Words", "Probability"),
    "mean": QT_TRANSLATE_NOOP("Words", "Mean"),
    "sum": QT_TRANSLATE_NOOP("Words", "Sum"),
    "midpoint": QT_TRANSLATE_NOOP("Words", "Midpoints"),
    "right": QT_TRANSLATE_NOOP("Words", "Right ends"),
    "epsilon": QT_TRANSLATE_NOOP("Words", "Epsilon"),
    "z_plus": QT_TRANSLATE_NOOP("Words", "Positive parts (z⁺)"),
    "alpha_beta": QT_TRANSLATE_NOOP("Words", "Alpha–beta"),
    "bands": QT_TRANSLATE_NOOP("Words", "Bands"),
    "superpixels": QT_TRANSLATE_NOOP("Words", "Superpixels"),
    "bands_of_superpixels": QT_TRANSLATE_NOOP("Words", "Superpixels in one band"),
    "rest.player": QT_TRANSLATE_NOOP("Words", "A part of its own"),
    "rest.present": QT_TRANSLATE_NOOP("Words", "Always there"),
    "rest.absent": QT_TRANSLATE_NOOP("Words", "Always replaced by the baseline"),
    "slic": QT_TRANSLATE_NOOP("Words", "Compact parts that look alike (SLIC)"),
    "felzenszwalb": QT_TRANSLATE_NOOP("Words", "Parts of any shape (Felzenszwalb)"),
    "grid": QT_TRANSLATE_NOOP("Words", "Squares"),
    "cut.spectra": QT_TRANSLATE_NOOP("Words", "What looks alike anywhere (k-means)"),
    "polygons": QT_TRANSLATE_NOOP("Words", "The polygons of a layer"),
    "superpixels_of_band_groups": QT_TRANSLATE_NOOP("Words", "Superpixels in one group of bands"),
    "band_groups": QT_TRANSLATE_NOOP("Words", "Groups of bands"),
    "outside.absent": QT_TRANSLATE_NOOP("Words", "Absent: their interactions are ignored"),
    "outside.present": QT_TRANSLATE_NOOP("Words", "Present: their interactions count twice"),
    "outside.both": QT_TRANSLATE_NOOP("Words", "Both: their interactions are shared"),
    "smallest": QT_TRANSLATE_NOOP("Words", "Smallest mask that removes it"),
    "area_deleted": QT_TRANSLATE_NOOP("Words", "Mask of that area that removes most"),
    "area_kept": QT_TRANSLATE_NOOP("Words", "Area of that size that alone keeps it"),
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
        return translate("Words", "under 0.1 %")
    return f"{percent:.0f} %" if percent >= 9.5 else f"{percent:.2g} %"


def choice_text(option: str, choice: str) -> str:
    """What dialogs call a choice of an option."""
    text = choice_in_sentence(option, choice)
    return text[:1].upper() + text[1:] if _named(option, choice) else text


def choice_in_sentence(option: str, choice: str) -> str:
    """What a choice of an option is called within a sentence: “bare soil”, where a language writes nouns small."""
    named = _named(option, choice)
    return word(named) if named else choice


def _named(option: str, choice: str) -> str:
    return CHOICES.get(f"{option}.{choice}") or CHOICES.get(choice, "")
