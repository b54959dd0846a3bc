"""Requests and results of finding solar farms."""

from dataclasses import dataclass
from typing import Optional, Tuple

from .imagery import SceneOptions
from .options import Role, option
from .registry import method


@dataclass(frozen=True)
class RunTimeOptions:
    """Where and how the network runs; recorded with every result."""

    model: str = option(
        "The model to use: the name of an installed one, or a model folder.", "default", role=Role.MODEL
    )
    device: str = option(
        "Where the network runs. auto: the graphics card if there is a usable one.",
        "auto",
        choices=("auto", "cpu", "cuda"),
        advanced=True,
    )
    window: int = option(
        "Side of the windows that the scene is computed in. 0: chosen from the free memory.",
        0,
        unit="pixels",
        minimum=0,
        maximum=8192,
        advanced=True,
    )


@dataclass(frozen=True)
class DetectResult:
    """A probability raster was written. core: what the model asks of a detection's core, 0 for nothing."""

    output: str
    mask_output: str
    threshold: float
    core: float
    detected_ha: float
    detected_share: float
    valid_share: float
    masked_share: float
    width: int
    height: int
    windows_computed: int
    windows_skipped: int
    windows_resumed: int
    window: int
    device: str
    model: str
    model_sha256: str
    seconds: float
    warnings: Tuple[str, ...] = ()


@method("detect", result=DetectResult, runs="detection.detect:detect")
@dataclass(frozen=True)
class DetectRequest(RunTimeOptions, SceneOptions):
    """Find solar farms: the probability, at every pixel of a Sentinel-2 scene, that it is part of one.

    It tells where the model sees solar farms. It cannot tell whether the model is right: check the detections against
    an aerial image.
    """

    output: str = option("The probability raster to write (GeoTIFF).", role=Role.RASTER_OUTPUT)
    mask_output: str = option(
        "A second raster: 1 where the probability reaches the threshold, else 0. That is more than the detections, "
        "which need a core and a smallest area. Empty: none.",
        "",
        role=Role.RASTER_OUTPUT,
    )
    threshold: Optional[float] = option(
        "Probability from which a pixel counts as solar farm. Empty: the model's own.",
        None,
        unit="probability",
        minimum=0.0,
        maximum=1.0,
    )
    restart: bool = option(
        "Start anew, even where an interrupted run of the same request could be continued.", False, advanced=True
    )


@dataclass(frozen=True)
class PolygonizeResult:
    """Detection polygons were written. dropped_small: smaller than the minimum area; dropped_unsure: without a core."""

    output: str
    layer: str
    detections: int
    total_ha: float
    dropped_small: int
    dropped_unsure: int
    threshold: float
    core: float
    seconds: float
    warnings: Tuple[str, ...] = ()


@method("polygonize", result=PolygonizeResult, runs="detection.polygonize:polygonize")
@dataclass(frozen=True)
class PolygonizeRequest:
    """Turn a probability raster into detection polygons with area and probability.

    Pixels that touch by an edge and reach the threshold become one polygon. It is kept if five of them or more, its
    core, reach a higher probability (hysteresis thresholding, Canny 1986): where the model is only half sure
    everywhere, it mostly sees ground that looks a little like panels. Areas are geodesic, in hectares; holes stay
    holes.
    """

    probability: str = option("The probability raster that Detect Solar Farms wrote.", role=Role.RASTER)
    output: str = option("The polygons to write (GeoPackage).", role=Role.VECTOR_OUTPUT)
    threshold: Optional[float] = option(
        "Probability from which a pixel counts as solar farm. Empty: the one that the raster was made with.",
        None,
        unit="probability",
        minimum=0.0,
        maximum=1.0,
    )
    minimum_area: float = option("Smaller detections are left out.", 0.2, unit="ha", minimum=0.0, maximum=1e6)
    core: Optional[float] = option(
        "Probability that five pixels or more of a detection must reach. Empty: what the model asks for. 0: nothing.",
        None,
        unit="probability",
        minimum=0.0,
        maximum=1.0,
        advanced=True,
    )
