"""Detection polygons from a probability raster."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import rasterio
import shapely
from pyproj import Geod, Transformer
from rasterio.features import shapes

from ...contract.detection import PolygonizeRequest, PolygonizeResult
from ...contract.errors import GridUnsuitableError, NotReflectanceError, SceneNotFoundError, SceneUnreadableError
from ..imagery.geopackage import VectorLayer, write_geopackage, writing_geopackage
from ..imagery.grid import Window
from ..imagery.outputs import check_output, put_in_place
from ..imagery.polygons import place_name
from ..imagery.style import style, threshold_values
from ..job import Job
from ..provenance import read_run, run_tag
from ..windowed.sole_writer import sole_writer
from .components import CORE_PIXELS, Component, find_components

#: Name of the layer in the GeoPackage.
LAYER = "detections"

#: Threshold for rasters that do not say which one they were made with.
DEFAULT_THRESHOLD = 0.5

_WGS84 = Geod(ellps="WGS84")


@dataclass(frozen=True)
class Marking:
    """What makes pixels a detection: probabilities of all of them and of the core (0: none is asked), and hectares."""

    threshold: float
    core: float
    minimum_ha: float


@dataclass(frozen=True)
class Detection:
    """One polygon with what planners ask of it."""

    id: str
    geometry: shapely.Geometry
    area_ha: float
    mean_probability: float
    max_probability: float
    pixels: int
    longitude: float
    latitude: float


def polygonize(request: PolygonizeRequest, job: Job) -> PolygonizeResult:
    """Write ``request.probability``'s detections as polygons to a GeoPackage, with their style.

    Raises :class:`SolarSaliencyError`; the output is written whole or not at all.
    """
    source = Path(request.probability)
    if not source.is_file():
        raise SceneNotFoundError(f"There is no probability raster at {source}.", "Run Detect Solar Farms first.")
    output = check_output(request.output, (source,), (".gpkg",))
    try:
        with rasterio.open(source) as dataset:
            _check(dataset, source)
            run = read_run(dataset.tags())
            check_output(output, _scene(run), (".gpkg",))
            marking = Marking(_threshold(request, run, job), _core(request, run, job), request.minimum_area)
            detections, small, unsure = _detections(dataset, marking, job)
            crs = dataset.crs
    except rasterio.errors.RasterioIOError as error:
        raise SceneUnreadableError(
            f"The raster {source.name} cannot be read: {error}", "It may be damaged; run the detection again."
        ) from error
    if not detections:
        job.warn(_none_found(marking, unsure))
    for warning in run.get("warnings", []):
        job.warn(str(warning))
    result = PolygonizeResult(
        output=str(output),
        layer=LAYER,
        detections=len(detections),
        total_ha=sum(d.area_ha for d in detections),
        dropped_small=small,
        dropped_unsure=unsure,
        threshold=marking.threshold,
        core=marking.core,
        seconds=job.seconds,
        warnings=tuple(job.warnings),
    )
    with writing_geopackage(), sole_writer(output):
        _write(output, detections, crs.to_wkt(), _tags(request, run, result), run, marking.threshold)
    job.finish("Done")
    return result


def _scene(run: Dict[str, Any]) -> List[Path]:
    """The scene that the raster was made from; a raster in a GeoPackage has the polygons' ending."""
    scene = run.get("request", {}).get("scene")
    return [Path(scene)] if isinstance(scene, str) and scene and "\0" not in scene else []


def _check(dataset: Any, source: Path) -> None:
    if dataset.count != 1 or not np.issubdtype(np.dtype(dataset.dtypes[0]), np.floating):
        raise NotReflectanceError(
            f"{source.name} is no probability raster: that has one band of decimal numbers between 0 and 1.",
            "Choose the raster that Detect Solar Farms wrote.",
        )
    if dataset.crs is None:
        raise GridUnsuitableError(f"{source.name} has no CRS.", "Assign its CRS in QGIS and save it, then try again.")


def _threshold(request: PolygonizeRequest, run: Dict[str, Any], job: Job) -> float:
    if request.threshold is not None:
        return request.threshold
    made_with = run.get("result", {}).get("threshold")
    if not (isinstance(made_with, (int, float)) and 0 <= made_with <= 1):
        job.warn(f"The raster does not say which threshold it was made with; {DEFAULT_THRESHOLD} was taken.")
        return DEFAULT_THRESHOLD
    return float(made_with)


def _core(request: PolygonizeRequest, run: Dict[str, Any], job: Job) -> float:
    """What is asked of a core. Rasters of older versions and copies that lost their tag do not say, so it is told."""
    if request.core is not None:
        return request.core
    asked = run.get("result", {}).get("core")
    if isinstance(asked, bool) or not (isinstance(asked, (int, float)) and 0 <= asked <= 1):
        job.warn(
            "The raster does not say what its model asks of a detection's core, so none is asked for: more may be "
            "detected falsely. Run the detection again, or give the core (Advanced Parameters)."
        )
        return 0.0
    return float(asked)


def _none_found(marking: Marking, unsure: int) -> str:
    if not unsure:
        return f"No detection: nowhere does the probability reach {marking.threshold:g} over {marking.minimum_ha:g} ha."
    places = f"{unsure} place{'' if unsure == 1 else 's'}"
    return (
        f"No detection: the probability reaches {marking.threshold:g} over {marking.minimum_ha:g} ha in {places}, but "
        f"nowhere {marking.core:g} on {CORE_PIXELS} pixels. Detections to Polygons keeps them with a core of 0 "
        "(Advanced Parameters)."
    )


def _detections(dataset: Any, marking: Marking, job: Job) -> "tuple[List[Detection], int, int]":
    """The detections, and how many were left out as too small and for want of a core."""

    def read(window: Window) -> np.ndarray:
        values = dataset.read(1, window=window.to_rasterio(), masked=True).astype(np.float32).filled(np.nan)
        if ((values < 0) | (values > 1)).any():
            raise NotReflectanceError(
                f"{Path(dataset.name).name} is no probability raster: it holds values that are not between 0 and 1.",
                "Choose the raster that Detect Solar Farms wrote.",
            )
        return np.asarray(values)

    finding = job.part(0, 0.5)
    components = find_components(
        read,
        dataset.height,
        dataset.width,
        marking.threshold,
        lambda share: finding.progress(share, "Looking for detections"),
        marking.core,
    )
    to_degrees = Transformer.from_crs(dataset.crs, "EPSG:4326", always_xy=True)
    outlining = job.part(0.5, 0.95)
    detections = []
    unsure = 0
    for place, component in enumerate(components):
        outlining.progress(place / len(components), f"Outlining detection {place + 1} of {len(components)}")
        geometry = _outline(read(component.window) >= marking.threshold, component, dataset.transform)
        in_degrees = shapely.transform(geometry, to_degrees.transform, interleaved=False)
        area_ha = abs(_WGS84.geometry_area_perimeter(in_degrees)[0]) / 1e4
        if area_ha < marking.minimum_ha:
            continue
        if marking.core and component.sure < CORE_PIXELS:
            unsure += 1
        else:
            detections.append(_detection(component, geometry, area_ha, dataset.transform, to_degrees))
    return detections, len(components) - len(detections) - unsure, unsure


def _outline(detected: np.ndarray, component: Component, transform: Any) -> shapely.Geometry:
    """The outline of one component along pixel borders, with its holes, in the raster's CRS."""
    from scipy import ndimage

    window = component.window
    labels, _ = ndimage.label(detected)
    own = labels == labels[component.peak[0] - window.row, component.peak[1] - window.col]
    shifted = transform * transform.translation(window.col, window.row)
    polygons = [
        shapely.geometry.shape(outline) for outline, _ in shapes(own.astype(np.uint8), mask=own, transform=shifted)
    ]
    # A ring that touches itself where two holes meet at a corner is mended into the same area without the touch.
    geometry = shapely.make_valid(shapely.union_all(polygons))
    return shapely.MultiPolygon([geometry]) if geometry.geom_type == "Polygon" else geometry


def _detection(
    component: Component, geometry: shapely.Geometry, area_ha: float, transform: Any, to_degrees: Transformer
) -> Detection:
    row, col = component.peak
    longitude, latitude = to_degrees.transform(*(transform @ (col + 0.5, row + 0.5)))
    return Detection(
        # Where it is most probable stays the same when the threshold moves the outline.
        id=place_name(longitude, latitude),
        geometry=geometry,
        area_ha=area_ha,
        mean_probability=component.mean_probability,
        max_probability=component.peak_probability,
        pixels=component.pixels,
        longitude=longitude,
        latitude=latitude,
    )


def _tags(request: PolygonizeRequest, run: Dict[str, Any], result: PolygonizeResult) -> Dict[str, str]:
    told = {
        "threshold": result.threshold,
        "core": result.core,
        "without_core": result.dropped_unsure,
        "detections": result.detections,
        "total_ha": result.total_ha,
    }
    return run_tag(
        "polygonize",
        request,
        scene=run.get("scene", {}),
        model=run.get("model"),
        result=told,
        warnings=result.warnings,
    )


def _write(
    output: Path,
    detections: List[Detection],
    crs: str,
    tags: Dict[str, str],
    run: Dict[str, Any],
    threshold: float,
) -> None:
    fields: Dict[str, np.ndarray] = {
        "id": np.array([d.id for d in detections], dtype=object),
        "area_ha": np.array([d.area_ha for d in detections], dtype=np.float64),
        "mean_probability": np.array([d.mean_probability for d in detections], dtype=np.float64),
        "max_probability": np.array([d.max_probability for d in detections], dtype=np.float64),
        "pixels": np.array([d.pixels for d in detections], dtype=np.int64),
        "longitude": np.array([d.longitude for d in detections], dtype=np.float64),
        "latitude": np.array([d.latitude for d in detections], dtype=np.float64),
        "date": np.array([str(run.get("scene", {}).get("date", ""))] * len(detections), dtype=object),
        "model": np.array([str(run.get("model", {}).get("name", ""))] * len(detections), dtype=object),
        "threshold": np.full(len(detections), threshold),
    }
    shown = VectorLayer(
        LAYER,
        [d.geometry for d in detections],
        fields,
        style("detections", **threshold_values(threshold)),
        "Solar Saliency detections",
    )
    part = output.with_name(output.stem + ".part.gpkg")
    part.unlink(missing_ok=True)
    try:
        write_geopackage(part, [shown], crs, tags)
        put_in_place(part, output)
    finally:
        part.unlink(missing_ok=True)
