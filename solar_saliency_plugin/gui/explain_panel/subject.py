"""What the panel is asked about: a detection, or a region that was drawn, and which scene and model answer for it."""

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Dict, Iterable, List, Mapping, Optional

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeatureRequest,
    QgsGeometry,
    QgsMapLayer,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QCoreApplication

from ....processing_algorithms import parameters as engine_parameters
from ...bridge.coordinate_systems import crs_text
from ...bridge.runs import SCENES, file_of, run_of
from ...bridge.targets import in_degrees
from ...contract import METHODS
from ...contract.errors import RequestError, SceneNotFoundError, SolarSaliencyError
from ...contract.options import options
from ...qgis_compat import RASTER_LAYER
from ..detections import Detection, is_detections, question

translate = QCoreApplication.translate

#: The value of the option ``pixels`` with which more than what is detected counts.
ALL_PIXELS = "all"


@dataclass(frozen=True)
class Subject:
    """What is explained. options: values of the engine's options; wkt: its outline, in ``crs``, for the map.

    drawn: the outline is that of a region, a parameter of its own. bears_on: the name of the detection of which the
    region is asked how it bears on it; empty: the engine looks for what is detected inside the region.
    """

    name: str
    options: Dict[str, Any]
    wkt: str
    crs: str
    drawn: bool
    bears_on: str = ""

    @property
    def is_searched(self) -> bool:
        """Whether what counts is what the engine detects inside the region."""
        return self.drawn and not self.bears_on and self.options.get("pixels") != ALL_PIXELS

    @property
    def note(self) -> str:
        """What should be said of what counts, where that is not what is detected inside the outline; else empty."""
        if self.bears_on:
            told = translate(
                "ExplainPanel",
                "No detection lies in the region: what is explained is how it bears on {detection}. To explain another "
                "detection, pick it, or draw over it.",
            )
            return told.format(detection=self.bears_on)
        if self.drawn and not self.is_searched:
            return translate(
                "ExplainPanel", "All pixels of the region count, detected or not: what is explained is their mean."
            )
        return ""

    def itself(self) -> "Subject":
        """The region alone: what counts are all its pixels, as the same model sees them in the same scene."""
        name = _place(self.geometry(), self.reference())
        kept = {option: value for option, value in self.options.items() if option not in ("target", "target_crs")}
        return replace(self, name=name, options={**kept, "name": name, "pixels": ALL_PIXELS}, bears_on="")

    def parameters(self, method: str, choices: Mapping[str, Any]) -> Dict[str, Any]:
        """The parameters of the algorithm of a method that ask for it, with the user's choices of options."""
        known = {option.name: option for option in options(METHODS[method].request)}
        values = {name: value for name, value in {**self.options, **choices}.items() if name in known}
        parameters = engine_parameters.restore(known.values(), {**values, "target_crs": self.options.get("target_crs")})
        if self.drawn:
            parameters["REGION"] = f"CRS={self.crs};{self.wkt}"
        return parameters

    def geometry(self) -> QgsGeometry:
        """The outline."""
        return QgsGeometry.fromWkt(self.wkt)

    def reference(self) -> QgsCoordinateReferenceSystem:
        """The outline's CRS."""
        return QgsCoordinateReferenceSystem(self.crs)


def of_detection(detection: Detection) -> Subject:
    """A detection that was picked; raises a SolarSaliencyError that says what is missing."""
    target = detection.target()
    crs = str(target.get("target_crs") or "")
    try:
        asked = question(detection.layer)
    except SolarSaliencyError as error:
        advice = translate(
            "ExplainPanel",
            "Click the scene in the Layers panel and draw a region around the detection instead: the default model "
            "answers then.",
        )
        raise type(error)(error.message, advice) from error
    return Subject(detection.name, {**asked, **target}, str(target["target"]), crs, False)


def of_region(
    region: QgsGeometry,
    crs: QgsCoordinateReferenceSystem,
    shown: Iterable[QgsMapLayer],
    active: Optional[QgsMapLayer],
    picked: Optional[Subject],
) -> Subject:
    """A region that was drawn on the map; raises a SolarSaliencyError that says what is missing.

    Scene and model are those of the topmost layer of detections that has some inside, and still knows them. Where there
    is none, it is asked how the region bears on the detection that was ``picked`` before; without one, the scene is the
    active layer, or else the only one that is shown there.
    """
    name, layers = _place(region, crs), list(shown)
    wkt, where = region.asWkt(), crs_text(crs)
    inside = [layer for layer in layers if is_detections(layer) and _has_any_inside(layer, region, crs)]
    for layer in inside:
        with suppress(SceneNotFoundError):  # what it was made from is gone
            return Subject(name, {**question(layer), "name": name}, wkt, where, True)
    if picked is not None and picked.options.get("target") and not inside:
        detection = picked.bears_on or picked.name
        both = f"{detection} ({name})"
        return Subject(both, {**picked.options, "name": both}, wkt, where, True, detection)
    scene = _scene(region, crs, layers, active)
    return Subject(name, {"scene": file_of(scene), "name": name}, wkt, where, True)


def _place(region: QgsGeometry, crs: QgsCoordinateReferenceSystem) -> str:
    degrees = QgsCoordinateTransform(crs, QgsCoordinateReferenceSystem("EPSG:4326"), QgsProject.instance())
    try:
        place = in_degrees(degrees.transform(region.boundingBox().center()))
    except QgsCsException:
        raise RequestError(
            translate("ExplainPanel", "The region lies outside of what the map's coordinate system reaches."),
            translate("ExplainPanel", "Draw it where the scene is."),
        ) from None
    return translate("ExplainPanel", "region at {place}").format(place=place)


def _moved(region: QgsGeometry, crs: QgsCoordinateReferenceSystem, layer: QgsMapLayer) -> QgsGeometry:
    """The region in a layer's CRS; empty where that does not reach it."""
    there = QgsGeometry(region)
    try:
        there.transform(QgsCoordinateTransform(crs, layer.crs(), QgsProject.instance()))
    except QgsCsException:
        return QgsGeometry()
    return there


def _has_any_inside(layer: QgsVectorLayer, region: QgsGeometry, crs: QgsCoordinateReferenceSystem) -> bool:
    there = _moved(region, crs, layer)
    if there.isNull():
        return False
    near = layer.getFeatures(QgsFeatureRequest().setFilterRect(there.boundingBox()))
    return any(feature.hasGeometry() and feature.geometry().intersects(there) for feature in near)


def _scene(
    region: QgsGeometry, crs: QgsCoordinateReferenceSystem, shown: List[QgsMapLayer], active: Optional[QgsMapLayer]
) -> QgsRasterLayer:
    if active is not None and is_scene(active):
        return active
    there = [layer for layer in shown if is_scene(layer) and _covers(layer, region, crs)]
    if len(there) == 1:
        return there[0]
    if there:
        raise RequestError(
            translate("ExplainPanel", "Several scenes are shown there."),
            translate("ExplainPanel", "Click the one that you mean in the Layers panel, and draw again."),
        )
    raise SceneNotFoundError(
        translate("ExplainPanel", "There is neither a detection in this region nor a scene that is chosen."),
        translate(
            "ExplainPanel",
            "Click a Sentinel-2 scene in the Layers panel, or detect solar farms first; then draw again.",
        ),
    )


def is_scene(layer: QgsMapLayer) -> bool:
    """Whether a layer may be a scene: a raster file of several bands that is no result of ours."""
    if layer.type() != RASTER_LAYER or not file_of(layer) or layer.bandCount() < 2:
        return False
    return run_of(layer).get("method", "") in SCENES


def _covers(layer: QgsRasterLayer, region: QgsGeometry, crs: QgsCoordinateReferenceSystem) -> bool:
    there = _moved(region, crs, layer)
    return not there.isNull() and there.intersects(layer.extent())
