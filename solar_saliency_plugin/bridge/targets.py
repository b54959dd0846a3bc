"""What is explained, in the words of the groups of maps: a detection of a layer, else what lies at a place."""

import re
from typing import Any, Dict, Optional

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeature,
    QgsFeatureRequest,
    QgsGeometry,
    QgsMapLayer,
    QgsPointXY,
    QgsProject,
    QgsVectorLayer,
)

from ..qgis_compat import POLYGON_GEOMETRY, VECTOR_LAYER
from .features import Features
from .runs import run_of

#: The method whose layers hold detections.
OUTLINING = "polygonize"

#: Share of what two outlines cover together from which on they are one detection's: they went through other CRSs.
_SAME = 0.99

#: What a target is called that has no name, by those who do not know where it lies.
NAMELESS = "target"

_PLACE = re.compile(r"\d+\.\d{5}[NS] \d+\.\d{5}[EW]")


def is_detections(layer: Optional[QgsMapLayer]) -> bool:
    """Whether a layer holds detections, and says so."""
    return layer is not None and layer.type() == VECTOR_LAYER and run_of(layer).get("method") == OUTLINING


def detection_name(layer: QgsVectorLayer, feature: QgsFeature) -> str:
    """What maps call a detection, whichever way it was asked about."""
    known = feature["id"] if layer.fields().lookupField("id") >= 0 else None
    return f"detection {known or feature.id()}"


def outlined_detection(project: QgsProject, wkt: str, crs: str) -> str:
    """The name of the detection that a polygon outlines, in a layer of the project; empty where it outlines none.

    ``crs``: authority's code or WKT; empty: that of the layers. Call it on the project's own thread.
    """
    outline, own = QgsGeometry.fromWkt(wkt), QgsCoordinateReferenceSystem(crs)
    if outline.isNull() or outline.type() != POLYGON_GEOMETRY:
        return ""
    for layer in filter(is_detections, project.layerTreeRoot().layerOrder()):
        there = QgsGeometry(outline)
        try:
            there.transform(QgsCoordinateTransform(own, layer.crs(), project))
        except QgsCsException:  # the layer's CRS does not reach it
            continue
        near = layer.getFeatures(QgsFeatureRequest().setFilterRect(there.boundingBox()))
        found = next((feature for feature in near if _are_same(feature.geometry(), there)), None)
        if found is not None:
            return detection_name(layer, found)
    return ""


def sole_detection(features: Features) -> str:
    """The name of the only detection that counts; empty where it is not one, or not of a layer of detections."""
    found = features.only() if is_detections(features.layer) else None
    return detection_name(features.layer, found) if found is not None else ""


def _are_same(one: QgsGeometry, other: QgsGeometry) -> bool:
    shared, both = one.intersection(other), one.combine(other)
    return not (shared.isNull() or both.isNull()) and shared.area() >= _SAME * both.area()


def target_name(run: Dict[str, Any]) -> str:
    """What the target of an explanation is called: by its name, else by its place, as its run tells them."""
    request, result = run.get("request") or {}, run.get("result") or {}
    if request.get("name"):
        return str(request["name"])
    if run and not request.get("target") and not request.get("polygons"):
        return "all detections"
    return place_name(str(result.get("target_wkt") or ""), str(result.get("target_crs") or ""))


def place_name(wkt: str, authority: str) -> str:
    """Where the middle of a geometry lies, in degrees, as a name; of what has no place, that it has no name."""
    geometry = QgsGeometry.fromWkt(wkt)
    crs = QgsCoordinateReferenceSystem(authority)
    if geometry.isEmpty() or not crs.isValid():
        return NAMELESS
    degrees = QgsCoordinateTransform(crs, QgsCoordinateReferenceSystem("EPSG:4326"), QgsProject.instance())
    try:
        return in_degrees(degrees.transform(geometry.boundingBox().center()))
    except QgsCsException:  # a place that its CRS does not reach
        return NAMELESS


def in_degrees(place: QgsPointXY) -> str:
    """Latitude and longitude, to about a metre: 26.21095N 74.06132E."""
    latitude = f"{abs(place.y()):.5f}{'S' if place.y() < 0 else 'N'}"
    return f"{latitude} {abs(place.x()):.5f}{'W' if place.x() < 0 else 'E'}"


def is_derived(name: str) -> bool:
    """Whether a name was made from a place, as :func:`in_degrees` tells it: nobody typed it, and it suits no other."""
    return bool(_PLACE.search(name))
