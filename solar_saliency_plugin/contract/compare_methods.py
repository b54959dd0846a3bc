"""Request and result of comparing explanations of one target: several methods, several baselines."""

from dataclasses import dataclass
from typing import Any, Dict, Tuple

from .attribution import BASELINES, BaselineDetails, MethodOptions, TargetOptions
from .attribution_methods import ATTRIBUTION_METHODS
from .detection import RunTimeOptions
from .imagery import SceneOptions
from .options import Role, option
from .registry import method


@dataclass(frozen=True)
class CompareMethodsResult:
    """Maps of one target and how far they agree. What cannot be measured is NaN (null).

    maps: of each map its title, method, baseline, f_baseline, error, attribution_sum, inside (share of |φ| inside the
    target), evaluations, facts. rank_correlation … sign_agreement: means over all pairs of maps. pairs: of each pair
    of maps its titles and the measures.
    """

    output: str
    report: str
    table: str
    maps: Tuple[Dict[str, Any], ...]
    pairs: Tuple[Dict[str, Any], ...]
    rank_correlation: float
    rank_correlation_of_absolute: float
    top_overlap: float
    sign_agreement: float
    target_wkt: str
    target_crs: str
    target_pixels: int
    f_x: float
    probability: float
    compared_pixels: int
    evaluations: int
    width: int
    height: int
    device: str
    model: str
    model_sha256: str
    seconds: float
    warnings: Tuple[str, ...] = ()


@method("comparemethods", result=CompareMethodsResult, runs="attribution.compare_methods:compare_methods")
@dataclass(frozen=True)
class CompareMethodsRequest(MethodOptions, BaselineDetails, TargetOptions, RunTimeOptions, SceneOptions):
    """Explain one target by several methods, and compared with several baselines, and see how far the maps agree.

    The first band is the mean of the maps, each scaled alike; the second says what share of the maps agree on a pixel,
    the third how far they spread; then come the maps themselves. A page shows them side by side, with their rank
    correlations.

    Where maps agree, what they show does not hang on the choice of a method or baseline. It may still be wrong: methods
    of one family share their flaws. Where they disagree, no single map should be shown to anybody as the reason.
    """

    methods: Tuple[str, ...] = option(
        "The methods to compare. Parameters below go to those of them that have them.",
        ("integrated_gradients", "deeplift", "occlusion"),
        choices=tuple(ATTRIBUTION_METHODS),
        role=Role.CHOICES,
    )
    baselines: Tuple[str, ...] = option(
        "What the image is compared with: each makes a map of its own for each method that compares. Bare soil: one "
        "spectrum everywhere. Zero: black. Mean: the scene's mean of each band. Blur: the image itself, blurred. "
        "Surroundings: spectra drawn from around the target. Another date: a second scene of the same place.",
        ("soil", "mean", "blur"),
        choices=BASELINES,
        role=Role.CHOICES,
    )
    output: str = option("The raster of all maps to write (GeoTIFF).", role=Role.RASTER_OUTPUT)
    report: str = option(
        "A page with the maps side by side and the tables of agreement (HTML). Empty: none.", "", role=Role.PAGE_OUTPUT
    )
    table: str = option("The same figures as a table (CSV). Empty: none.", "", role=Role.TABLE_OUTPUT)
