"""Requests and results of teaching a model and of measuring it: from scenes and outlines of solar farms."""

from dataclasses import dataclass
from typing import Any, Dict, Optional, Tuple

from .detection import RunTimeOptions
from .imagery import ReadingOptions
from .options import Role, option
from .registry import method


@dataclass(frozen=True)
class LabelOptions(ReadingOptions):
    """Scenes, and what is known to stand in them."""

    scenes: Tuple[str, ...] = option(
        "The Sentinel-2 scenes: one or several dates of one or several places. Several dates of a place teach more "
        "than one. A file that holds several dates gives all of them.",
        role=Role.SCENES,
    )
    polygons: str = option(
        "Outlines of every solar farm in the scenes (any vector layer). Farms without an outline are taught as ground.",
        role=Role.VECTOR,
    )
    since_field: str = option(
        "Field that says since when a farm stands: a year, a month (YYYY-MM) or a date. A farm newer than an image is "
        "left out of that image. Empty: all farms stand in all images.",
        "",
        role=Role.FIELD,
        advanced=True,
    )
    edge: float = option(
        "Width of the strip along outlines, to each side, that is neither taught nor scored: outlines are seldom exact "
        "to the metre.",
        5.0,
        unit="m",
        minimum=0.0,
        maximum=100.0,
        advanced=True,
    )


@dataclass(frozen=True)
class LearningOptions:
    """How long and on what a model learns; recorded in its card."""

    backgrounds: Tuple[str, ...] = option(
        "More scenes, in which there is no solar farm at all: snow, water, roofs, greenhouses, bare soil … They teach "
        "the model what to stay silent on.",
        (),
        role=Role.SCENES,
    )
    keep_doubtful: bool = option(
        "Learn also from outlines that look wrong (displaced, or nothing to be seen inside). They are listed either "
        "way.",
        False,
        advanced=True,
    )
    seed: int = option(
        "The same seed, data, machine and precision (as the result says it) give the same model.",
        1,
        minimum=0,
        maximum=2**31 - 1,
        advanced=True,
    )
    device: str = option(
        "Where the network learns. auto: the graphics card if there is a usable one.",
        "auto",
        choices=("auto", "cpu", "cuda"),
        advanced=True,
    )
    precision: str = option(
        "32-bit numbers, or mixed with 16-bit ones. auto: mixed where that is faster on this machine, which is "
        "found out by timing it, so that another run may settle on the other.",
        "auto",
        choices=("auto", "float32", "mixed"),
        advanced=True,
    )
    batch: int = option("Patches that are learned from at a time.", 32, minimum=1, maximum=1024, advanced=True)
    restart: bool = option(
        "Start anew, even where an interrupted run of the same request could be continued.", False, advanced=True
    )


@dataclass(frozen=True)
class LearnedResult:
    """A model folder was written."""

    output: str
    name: str
    sha256: str
    steps: int
    stopped_early: bool
    sites: int
    views: int
    problems: int
    threshold: float
    validation: Dict[str, Any]
    curve: str
    problems_output: str
    device: str
    precision: str
    seconds: float
    warnings: Tuple[str, ...] = ()


@method("train", result=LearnedResult, runs="training.train:train")
@dataclass(frozen=True)
class TrainRequest(LearningOptions, LabelOptions):
    """Train a new model from scenes and outlines of solar farms.

    A part of the places is kept out of learning and measures the model. It needs five places at least; fifty make a
    model that may travel. With few outlines, fine-tune an existing model instead.

    It tells how well the model does on places of your own that it has not seen. It cannot tell how it does in another
    country or season than those of your scenes.
    """

    output: str = option("Folder of the new model; the folder's name becomes the model's.", role=Role.FOLDER_OUTPUT)
    title: str = option("What dialogs call the model. Empty: its name.", "")
    context: str = option(
        "How far around a pixel the model looks. near: 40 m; such a model travels best. wide: over 500 m; it may do "
        "better near its training places, and can learn to cheat from the surroundings.",
        "near",
        choices=("near", "wide"),
    )
    steps: int = option(
        "How long it learns at most. It stops earlier where places kept out no longer gain.",
        4000,
        unit="steps",
        minimum=10,
        maximum=1_000_000,
    )


@method("finetune", result=LearnedResult, runs="training.finetune:finetune")
@dataclass(frozen=True)
class FinetuneRequest(LearningOptions, LabelOptions):
    """Adapt a model to your region with some twenty outlines of solar farms.

    A part of the places is kept out of learning. The new model is written only as good as, or better than, the one it
    started from, measured there; where learning does not help, you get the old weights, and are told so.

    It tells whether your outlines improved the model on places like them. It cannot tell whether the model got worse
    elsewhere: keep the old one.
    """

    model: str = option(
        "The model to start from: the name of an installed one, or a model folder.", "default", role=Role.MODEL
    )
    output: str = option("Folder of the new model; the folder's name becomes the model's.", role=Role.FOLDER_OUTPUT)
    title: str = option("What dialogs call the model. Empty: its name.", "")
    steps: int = option(
        "How long it learns at most. It stops earlier where places kept out no longer gain.",
        600,
        unit="steps",
        minimum=10,
        maximum=1_000_000,
    )


@dataclass(frozen=True)
class EvaluateResult:
    """A model was measured. Shares are 0–1; what cannot be measured on these data is NaN (null)."""

    report: str
    table: str
    sites: int
    images: int
    average_precision: float
    iou: float
    f1: float
    calibration_error: float
    object_precision: float
    object_recall: float
    false_ha_per_100_km2: float
    threshold: float
    scores: Dict[str, Any]
    model: str
    model_sha256: str
    device: str
    seconds: float
    warnings: Tuple[str, ...] = ()


@method("evaluate", result=EvaluateResult, runs="training.evaluate:evaluate")
@dataclass(frozen=True)
class EvaluateRequest(RunTimeOptions, LabelOptions):
    """Measure a model against outlines of the solar farms that really stand there.

    Pixel scores with intervals (bootstrap over places), farms found and missed by size, whether 80 % on the map means
    80 %, scores by month, and false hectares per 100 km². Without outlines, the scenes count as free of solar farms.

    It tells how good the model is on these places and dates. It cannot tell how good it is elsewhere, and where
    outlines are missing or displaced it blames the model.
    """

    polygons: str = option(
        "Outlines of every solar farm in the scenes (any vector layer). Empty: there is none.", "", role=Role.VECTOR
    )
    report: str = option("The report with tables and figures (HTML).", role=Role.PAGE_OUTPUT)
    table: str = option("The same figures as a table (CSV). Empty: none.", "", role=Role.TABLE_OUTPUT)
    threshold: Optional[float] = option(
        "Probability from which a pixel counts as solar farm. Empty: the model's own.",
        None,
        unit="probability",
        minimum=0.0,
        maximum=1.0,
    )
