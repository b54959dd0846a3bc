"""Requests and results of Shapley values over regions of the map: superpixels, and bands, as players."""

from dataclasses import dataclass
from typing import Any, Dict, Optional, Tuple

from .attribution import BASELINES, Question
from .cautions import Caution
from .marking import QT_TRANSLATE_NOOP
from .options import Role, option
from .registry import method
from .shapley_words import ESTIMATOR_HELP

#: What becomes of what the target sees outside of the region.
RESTS = ("player", "present", "absent")

#: Ways to cut a region.
CUTS = ("slic", "felzenszwalb", "grid", "spectra", "polygons")

#: Estimators of Shapley values, and LIME for comparison.
ESTIMATORS = ("auto", "exact", "crossfit", "leverage", "permutations", "sampling", "l_shapley", "lime")

#: Baselines that a run can be compared with in one go: another date's scene would have to be chosen.
COMPARABLE = tuple(name for name in BASELINES if name != "scene")


@dataclass(frozen=True)
class Player:
    """What one player – a superpixel, bands, or bands of a superpixel – raised or lowered the answer by.

    number: of the superpixel, from 1; 0: it has none (bands, the rest). bands: the group's name; empty: all.
    standard_error, lower, upper: NaN where the estimator has none; else of a 95 % interval. rank: 1 for the largest
    |φ|. share: of the sum of all |φ|, 0–1. certain: φ is exact, or the interval does not hold zero; false without one.
    contrast: root mean square of image − baseline over the player's cells, in units of each band's spread in the
    region: where it is near zero, the baseline hides the player. spectrum: mean reflectance of each band.
    """

    name: str
    number: int
    bands: str
    phi: float
    standard_error: float
    lower: float
    upper: float
    rank: int
    share: float
    certain: bool
    contrast: float
    area_ha: float
    pixels: int
    spectrum: Dict[str, float]


@dataclass(frozen=True)
class Compared:
    """The same players compared with another baseline. rank_correlation: Spearman's, of φ with the first baseline's.

    phi, standard_error: in the players' order. hidden: names of players that this baseline hides, while another one
    shows that they count. error: why there are no values; then there are none.
    """

    baseline: str
    baseline_text: str
    f_baseline: float
    phi: Tuple[float, ...]
    standard_error: Tuple[float, ...]
    rank_correlation: float
    hidden: Tuple[str, ...]
    evaluations: int
    error: str = ""


@dataclass(frozen=True)
class RegionAnswer:
    """What came out for one region.

    region_wkt, target_wkt: in the scene's CRS. f_x, f_baseline: v(N) and v(∅), the answers with all players and with
    none. phi_sum: Σφ. difference: Σφ − (v(N) − v(∅)). evaluations: coalitions that the values rest on; asked: those of
    them that were not known from an earlier run. r2: of the regression, NaN where there is none. precision: of the
    network's arithmetic. hidden: names of players that the baseline hides. interactions: of pairs of players: their
    names and what they add together beyond what each adds; the largest first. facts: what else the estimator says; and
    where some of the region lies too far from the target to matter, how far the model sees (sight, metres) and how much
    of the region that is (unseen, 0–1). cautions: the result's warnings tell them, too; of several regions, after the
    region's name.
    """

    name: str
    region_wkt: str
    target_wkt: str
    target_pixels: int
    probability: float
    f_x: float
    f_baseline: float
    phi_sum: float
    difference: float
    players: Tuple[Player, ...]
    estimator: str
    evaluations: int
    asked: int
    r2: float
    precision: str
    baseline_text: str
    hidden: Tuple[str, ...]
    compared: Tuple[Compared, ...]
    interactions: Tuple[Tuple[str, str, float], ...]
    facts: Dict[str, Any]
    stopped: bool
    seconds: float
    cautions: Tuple[Caution, ...] = ()


@dataclass(frozen=True)
class _RegionsResult:
    """What runs over regions wrote. simulated: whether the scene is.

    regions: what came out for each. refused: of regions that could not be explained, name and reason.
    """

    output: str
    layer: str
    report: str
    regions: Tuple[RegionAnswer, ...]
    refused: Tuple[Dict[str, str], ...]
    explained: int
    players: int
    evaluations: int
    seed: int
    crs: str
    device: str
    model: str
    model_sha256: str
    simulated: bool
    seconds: float


@dataclass(frozen=True)
class RegionShapResult(_RegionsResult):
    """Superpixels with Shapley values were written."""

    raster: str
    warnings: Tuple[str, ...] = ()


@dataclass(frozen=True)
class BandShapResult(_RegionsResult):
    """Shapley values of bands were written: a polygon for each region, and a table."""

    table: str
    warnings: Tuple[str, ...] = ()


@dataclass(frozen=True)
class RegionQuestion(Question):
    """What is explained, and the region whose parts play."""

    target: str = option(
        "A polygon, such as a detection, or a point. Without one: a region, or a layer.", "", role=Role.GEOMETRY
    )
    polygons: str = option(
        "Or a layer of polygons, such as detections: each is explained by itself, with what surrounds it.",
        "",
        role=Role.VECTOR,
    )
    region: str = option(
        "The region that is explained, as a polygon (well-known text), in the same CRS as the target. Without a "
        "target, what is detected inside it is explained. Empty: the target, and the margin around it.",
        "",
        role=Role.GEOMETRY,
    )
    margin: float = option(
        "Where no region is given: how far around the target, or around each polygon of the layer, it reaches.",
        100.0,
        unit="m",
        minimum=0.0,
        maximum=5000.0,
    )
    rest: str = option(
        "What the model sees outside of the region: one player of its own, always there, or always replaced by the "
        "baseline.",
        "player",
        choices=RESTS,
        advanced=True,
    )
    compare: Tuple[str, ...] = option(
        "Other baselines to compare with: each costs as much as the first. A baseline can hide what the model relies "
        "on; another one shows it. Without others, one evaluation more tells whether the first may hide something.",
        (),
        choices=COMPARABLE,
        role=Role.CHOICES,
    )
    long: bool = option("Go on even where the run is expected to take longer than ten minutes.", False, advanced=True)


@method("regionshap", result=RegionShapResult, runs="shapley.region_shap:region_shap")
@dataclass(frozen=True)
class RegionShapRequest(RegionQuestion):
    """Explain a region of the map: how much each of its parts raised or lowered the model's answer.

    The region is cut into superpixels. Each gets its Shapley value: the mean, over all orders in which superpixels
    could be shown to the model, of how much showing it changes the answer; what is not shown is the baseline's. The
    values add up to the difference between the answer for the image and for the baseline. Bars show 95 % intervals;
    superpixels whose interval holds zero are hatched: nothing can be said of their sign.

    It tells which parts of this place the model's answer rests on, alone and together with others. It cannot tell
    whether that is a good reason, and it depends on the baseline: compare several. Lundberg, Lee: A Unified Approach to
    Interpreting Model Predictions (2017); Musco, Witter: Provably Accurate Shapley Value Estimation via Leverage Score
    Sampling (2025).
    """

    output: str = option("The superpixels to write, with their values (GeoPackage).", role=Role.VECTOR_OUTPUT)
    raster: str = option(
        "The values as a raster, too: of each pixel that of its superpixel, and its standard error (GeoTIFF). Empty: "
        "none.",
        "",
        role=Role.RASTER_OUTPUT,
    )
    report: str = option(
        "A page with the values, their sums and pictures (HTML). Empty: none.", "", role=Role.PAGE_OUTPUT
    )
    cut: str = option(
        "How the region is cut: SLIC (compact, alike), Felzenszwalb (alike, any shape), a regular grid, spectra "
        "(k-means: alike wherever they lie), or the polygons of a layer of yours.",
        "slic",
        choices=CUTS,
    )
    segments: str = option(
        "For the cut by polygons: the layer, such as fields, roofs or a land-cover map.", "", role=Role.VECTOR
    )
    superpixels: int = option(QT_TRANSLATE_NOOP("Words", "How many superpixels."), 25, minimum=1, maximum=5000)
    superpixel: Optional[float] = option(
        "Their size, instead of their number.", None, unit="ha", minimum=0.01, maximum=1000.0, advanced=True
    )
    cut_bands: Tuple[str, ...] = option(
        "Bands that likeness is judged by, such as B04 B08 B11. Empty: all of the model's.", (), advanced=True
    )
    components: bool = option(
        "Judge likeness by the first three principal components of the bands.", False, advanced=True
    )
    players: str = option(
        "Whether a superpixel is taken away in all bands at once, or in one group of bands at a time (visible, red "
        "edge, near infrared, short-wave infrared).",
        "superpixels",
        choices=("superpixels", "superpixels_of_band_groups"),
        advanced=True,
    )
    estimator: str = option(ESTIMATOR_HELP, "auto", choices=ESTIMATORS, advanced=True)
    evaluations: Optional[int] = option(
        "How often the model is asked at most. Empty: ten times for each player, at least 200.",
        None,
        minimum=2,
        maximum=10_000_000,
    )
    error: float = option(
        "Stop earlier, once the largest standard error is this share of the difference between image and baseline. 0: "
        "use all evaluations.",
        0.0,
        minimum=0.0,
        maximum=1.0,
        advanced=True,
    )
    neighbours: int = option(
        "For L-Shapley: superpixels up to so many steps away can interact.", 1, minimum=1, maximum=3, advanced=True
    )
    outside: str = option(
        "For L-Shapley: whether those farther away are absent (as published: their interactions are ignored), present "
        "(as in the authors' code: counted twice), or both (shared).",
        "both",
        choices=("absent", "present", "both"),
        advanced=True,
    )
    interactions: bool = option(
        "Also find which pairs of superpixels only count together (exactly, where the evaluations allow it).",
        False,
        advanced=True,
    )


@method("bandshap", result=BandShapResult, runs="shapley.band_shap:band_shap")
@dataclass(frozen=True)
class BandShapRequest(RegionQuestion):
    """Explain a region of the map by its spectral bands: how much each raised or lowered the model's answer.

    Every band gets its exact Shapley value: all 2ⁿ ways to show some bands and replace the others by the baseline's are
    asked (1024 for ten bands). The values add up to the difference between the answer for the image and for the
    baseline, without any error.

    It tells which bands this answer rests on, alone and together with others. It cannot tell where in the region; and
    bands of a real spectrum never come apart as they do here, so that the model is shown spectra that it never saw.
    """

    output: str = option("The regions to write, with the values of their bands (GeoPackage).", role=Role.VECTOR_OUTPUT)
    table: str = option("The same values as a table (CSV). Empty: none.", "", role=Role.TABLE_OUTPUT)
    report: str = option(
        "A page with the values, their sums and pictures (HTML). Empty: none.", "", role=Role.PAGE_OUTPUT
    )
    players: str = option(
        "Single bands, or groups of bands (visible, red edge, near infrared, short-wave infrared).",
        "bands",
        choices=("bands", "band_groups"),
    )
