"""What is explained, in the words of the groups of maps."""

import re
from typing import Any, Dict

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
)

#: What a target is called that has no name, by those who do not know where it lies.
NAMELESS = "target"

_PLACE = re.compile(r"\d+\.\d{5}[NS] \d+\.\d{5}[EW]")


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
