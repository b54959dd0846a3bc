"""Requests and results of explaining what the model says of pixels: target, baseline, method."""

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Tuple

from .attribution_methods import ATTRIBUTION_METHODS, AttributionMethod
from .detection import RunTimeOptions
from .imagery import SceneOptions
from .marking import QT_TRANSLATE_NOOP
from .options import Role, option
from .registry import method

BASELINES = ("soil", "zero", "mean", "blur", "surroundings", "scene")

#: Contributions that add up to the difference between image and baseline less exactly than this share of it do not add
#: up: people are warned.
INEXACT = 0.01


def tells_slope(method: AttributionMethod, settings: Mapping[str, Any]) -> bool:
    """Whether a map's values are (squares of) slopes ∂S/∂x, per unit of reflectance, and no contributions to S."""
    return method.formula.startswith("φ = ∂S/∂x") or settings.get("of", method.defaults.get("of")) == "gradient"


def surroundings_in_words(inside: Optional[float], method: AttributionMethod, settings: Mapping[str, Any]) -> str:
    """A sentence for a map of contributions of which less than half lies ``inside`` the target (0–1); else empty."""
    if inside is None or not inside < 0.5 or not method.signed or tells_slope(method, settings):
        return ""
    return (
        "More of it lies outside the target than inside: the answer rests largely on what surrounds the target. See "
        "what stands there, and whether it is a good reason."
    )


def _seed() -> Any:
    return option("The same seed gives the same random numbers.", 1, minimum=0, maximum=2**31 - 1, advanced=True)


@dataclass(frozen=True)
class TargetOptions:
    """What is explained: the set of pixels, frozen before anything is changed, and the number taken of them."""

    target: str = option(
        "What is explained: a polygon, such as one detection, or a point (well-known text). Empty: the polygons of the "
        "layer; without one, all detected pixels of the extent.",
        "",
        role=Role.GEOMETRY,
    )
    target_crs: str = option("CRS of the target, such as EPSG:4326. Empty: the scene's own.", "", role=Role.CRS)
    polygons: str = option(
        "A layer with polygons that are explained together: detections, or ones that you drew. Not needed where a "
        "target is given.",
        "",
        role=Role.VECTOR,
    )
    pixels: str = option(
        "Which pixels of the polygon or square count: those that reach the threshold, or all.",
        "detected",
        choices=("detected", "all"),
    )
    around: int = option(
        "For a point: side of the square around it that is explained. 1: its pixel only; 256: a whole patch.",
        1,
        unit="pixels",
        minimum=1,
        maximum=1024,
        advanced=True,
    )
    threshold: Optional[float] = option(
        "Probability from which a pixel counts as detected. Empty: the model's own.",
        None,
        unit="probability",
        minimum=0.0,
        maximum=1.0,
        advanced=True,
    )
    quantity: str = option(
        "The answer that is explained. Probabilities hardly move where the model is sure, and so do their "
        "explanations; logits do not have this flaw.",
        "logit",
        choices=("logit", "probability"),
        advanced=True,
    )
    total: str = option(
        "Whether the answer is the mean over the target's pixels, or their sum.",
        "mean",
        choices=("mean", "sum"),
        advanced=True,
    )
    name: str = option("What the map calls the target, such as “detection 12”.", "", advanced=True)


@dataclass(frozen=True)
class BaselineDetails:
    """What some baselines ask."""

    baseline_scene: str = option(
        "For the baseline “another date”: the second scene, on the same pixels as the first.", "", role=Role.SCENE
    )
    baseline_date: str = option(
        "For the baseline “another date”: the date (YYYY-MM-DD) to take of a file that holds several. Without a second "
        "scene, that of the first scene's file.",
        "",
        advanced=True,
    )
    blur: float = option(
        "For the baseline “blur”: standard deviation of the Gaussian.",
        100.0,
        unit="m",
        minimum=10.0,
        maximum=1000.0,
        advanced=True,
    )
    spectra: int = option(
        "For the baseline “surroundings”: how many spectra are drawn. Each costs a run of most methods.",
        8,
        minimum=5,
        maximum=500,
        advanced=True,
    )


@dataclass(frozen=True)
class BaselineOptions(BaselineDetails):
    """What “absent” means: what the image is compared with. It decides what can be seen."""

    baseline: str = option(
        QT_TRANSLATE_NOOP(
            "Words",
            "What the image is compared with. Bare soil: one spectrum everywhere. Zero: black. Mean: the scene's mean "
            "of each band. Blur: the image itself, blurred. Surroundings: spectra drawn from around the target. "
            "Another date: a second scene of the same place. Mean and blur can hide what the model relies on: compare "
            "several.",
        ),
        "soil",
        choices=BASELINES,
    )


@dataclass(frozen=True)
class MethodOptions:
    """Parameters of methods. Each method uses some; an empty one has the method's own default."""

    steps: Optional[int] = option(
        "Points on the path from baseline to image. Empty: refined until the sum and the map are right.",
        None,
        minimum=1,
        maximum=10_000,
        advanced=True,
    )
    rule: Optional[str] = option(
        "Where the path's points lie: midpoint (more exact), or right ends, as textbooks write it.",
        None,
        choices=("midpoint", "right"),
        advanced=True,
    )
    samples: Optional[int] = option(
        "How many random samples are drawn.", None, minimum=1, maximum=10_000, advanced=True
    )
    noise: Optional[float] = option(
        "Standard deviation of the noise, as a share of each band's spread in the scene.",
        None,
        minimum=0.001,
        maximum=1.0,
        advanced=True,
    )
    of: Optional[str] = option(
        "What is computed from noisy images: the gradient, or integrated gradients.",
        None,
        choices=("gradient", "integrated_gradients"),
        advanced=True,
    )
    relevance: Optional[str] = option(
        "Rule by which relevance is handed down: epsilon, z_plus (positive parts only) or alpha_beta.",
        None,
        choices=("epsilon", "z_plus", "alpha_beta"),
        advanced=True,
    )
    features: Optional[str] = option(
        "What is taken away at a time: a band, a superpixel, or a superpixel in one band.",
        None,
        choices=("bands", "superpixels", "bands_of_superpixels"),
        advanced=True,
    )
    superpixel: Optional[float] = option(
        "Size of the superpixels.", None, unit="ha", minimum=0.01, maximum=1000.0, advanced=True
    )
    patch: Optional[float] = option(
        "Side of the square that is hidden.", None, unit="m", minimum=10.0, maximum=2000.0, advanced=True
    )
    stride: Optional[int] = option(
        "How far the square moves each time.", None, unit="pixels", minimum=1, maximum=200, advanced=True
    )
    evaluations: Optional[int] = option(
        "How often the model is asked at most.", None, minimum=10, maximum=1_000_000, advanced=True
    )
    precision: Optional[str] = option(
        "How exactly the network is computed. Empty: in 16 bits where a short trial says that they are faster and that "
        "the map will hardly differ, else in 32.",
        None,
        choices=("float32", "bfloat16"),
        advanced=True,
    )
    layer: Optional[str] = option(
        "Layer of the network, by name. Empty: the last one that is not the output.",
        None,
        role=Role.NETWORK_LAYER,
        advanced=True,
    )
    seed: int = _seed()


@dataclass(frozen=True)
class Question(BaselineOptions, TargetOptions, RunTimeOptions, SceneOptions):
    """What every explanation asks: a scene, a model, a target, a baseline."""

    seed: int = _seed()


@dataclass(frozen=True)
class ExplainOptions(MethodOptions, Question):
    """What an explanation by methods of the list asks."""


@dataclass(frozen=True)
class AttributeResult:
    """An attribution raster was written. Shares are 0–1; what the method does not have is NaN (null).

    f_x, f_baseline: the answer S for the image and for the baseline. error: of the sum of the attributions against
    f_x − f_baseline, or of LRP's relevance against f_x. inside, within_50_m …: share of the absolute attribution.
    bands: signed sum for each band.
    """

    output: str
    report: str
    attribution_method: str
    baseline_text: str
    settings: Dict[str, Any]
    target_wkt: str
    target_crs: str
    target_pixels: int
    f_x: float
    f_baseline: float
    probability: float
    error: float
    attribution_sum: float
    inside: float
    within_50_m: float
    within_100_m: float
    within_200_m: float
    beyond_200_m: float
    bands: Dict[str, float]
    facts: Dict[str, Any]
    evaluations: int
    windows: int
    width: int
    height: int
    device: str
    model: str
    model_sha256: str
    seconds: float
    warnings: Tuple[str, ...] = ()
    seconds_computing: float = 0.0


@method("attribute", result=AttributeResult, runs="attribution.attribute:attribute")
@dataclass(frozen=True)
class AttributeRequest(ExplainOptions):
    """Explain what the model says of a target: how much each pixel, in each band, raised or lowered its answer.

    Red pixels raised the answer, blue ones lowered it, compared with the baseline. It tells what the model reacts to.
    It cannot tell whether that is a good reason, and it is no proof that nothing else matters: compare methods and
    baselines, and see each method's own help.
    """

    attribution_method: str = option(
        "The method. Each one's help says what it can and cannot tell.",
        "integrated_gradients",
        choices=tuple(ATTRIBUTION_METHODS),
    )
    output: str = option("The attribution raster to write (GeoTIFF).", role=Role.RASTER_OUTPUT)
    per_band: bool = option("Write a map for each band, too.", False)
    report: str = option(
        "A page with the numbers of quality and a bar for each band (HTML). Empty: none.", "", role=Role.PAGE_OUTPUT
    )
    restart: bool = option(
        "Start anew, even where an interrupted run of the same request could be continued.", False, advanced=True
    )
