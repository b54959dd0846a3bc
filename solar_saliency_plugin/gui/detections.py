"""Which detection lies under a click, and what has to be asked of the engine to explain it."""

import os
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Optional, Union

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeature,
    QgsFeatureRequest,
    QgsGeometry,
    QgsMapLayer,
    QgsPointXY,
    QgsProcessingFeatureSourceDefinition,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QCoreApplication

from ...processing_algorithms import parameters as engine_parameters
from ...processing_algorithms.attribute import Attribute
from ...processing_algorithms.detect import Detect
from ...processing_algorithms.polygonize import Polygonize
from ..bridge.coordinate_systems import crs_text
from ..bridge.runs import is_result, run_of, run_of_raster, source_of
from ..bridge.targets import detection_name, is_detections
from ..contract import METHODS
from ..contract.errors import RequestError, SceneNotFoundError, SolarSaliencyError
from ..contract.options import options, parse, to_json
from ..qgis_compat import POLYGON_GEOMETRY, VECTOR_LAYER

translate = QCoreApplication.translate


@dataclass(frozen=True)
class Detection:
    """One polygon of a layer of detections."""

    layer: QgsVectorLayer
    feature: QgsFeature

    @property
    def name(self) -> str:
        """What maps call it."""
        return detection_name(self.layer, self.feature)

    def target(self) -> Dict[str, Any]:
        """The polygon as the engine takes it."""
        crs = self.layer.crs()
        target = {"target": self.feature.geometry().asWkt(), "name": self.name}
        return {**target, "target_crs": crs_text(crs)} if crs.isValid() else target


def detection_at(
    point: QgsPointXY, crs: QgsCoordinateReferenceSystem, layers: Iterable[QgsMapLayer], reach: float
) -> Optional[Detection]:
    """The detection at a point of the map; of several layers the first one's that has any there.

    Of several polygons around the point the smallest is meant; where there is none, the nearest within ``reach`` (map
    units).
    """
    for layer in layers:
        if is_detections(layer):
            found = _feature_at(point, crs, layer, reach)
            if found is not None:
                return Detection(layer, found)
    return None


def _feature_at(
    point: QgsPointXY, crs: QgsCoordinateReferenceSystem, layer: QgsVectorLayer, reach: float
) -> Optional[QgsFeature]:
    around = QgsRectangle(point.x() - reach, point.y() - reach, point.x() + reach, point.y() + reach)
    to_layer = QgsCoordinateTransform(crs, layer.crs(), QgsProject.instance())
    try:
        box = to_layer.transformBoundingBox(around)
        place = QgsGeometry.fromPointXY(to_layer.transform(point))
    except QgsCsException:  # the map shows a place that the layer's CRS does not reach
        return None
    flag = QgsFeatureRequest.Flag.ExactIntersect
    near = [f for f in layer.getFeatures(QgsFeatureRequest().setFilterRect(box).setFlags(flag)) if f.hasGeometry()]
    inside = [f for f in near if f.geometry().contains(place)]
    if inside:
        return min(inside, key=lambda f: f.geometry().area())
    return min(near, key=lambda f: f.geometry().distance(place), default=None)


def question(layer: QgsVectorLayer) -> Dict[str, Any]:
    """What a layer of detections was made from: scene, model, threshold, as values of the engine's options.

    Raises a SolarSaliencyError that says what is missing.
    """
    run = run_of(layer)
    by_hand = translate("Detections", "Raster ▸ Solar Saliency ▸ Explain Detection… asks for the scene.")
    if run.get("method") != Polygonize.METHOD:
        told = translate("Detections", "“{layer}” does not say how its polygons were made.")
        raise RequestError(told.format(layer=layer.name()), by_hand)
    probability = str(run["request"].get("probability") or "")
    made = run_of_raster(probability) if os.path.isfile(probability) else {}
    if made.get("method") != Detect.METHOD:
        told = translate("Detections", "“{layer}” was made from {raster}, which is not there any more.")
        if os.path.isfile(probability):
            told = translate(
                "Detections", "“{layer}” was made from {raster}, which does not say what it was made from."
            )
        raise SceneNotFoundError(
            told.format(layer=layer.name(), raster=probability or translate("Detections", "a raster")), by_hand
        )
    scene = str(made["request"].get("scene") or "")
    if not _may_exist(scene):
        told = translate("Detections", "“{layer}” was detected in {scene}, which is not there any more.")
        raise SceneNotFoundError(told.format(layer=layer.name(), scene=scene), by_hand)
    return _checked({**made["request"], "model": _model(made), "threshold": run["result"].get("threshold")})


def _may_exist(scene: str) -> bool:
    """Whether a scene is there, as far as can be seen without opening it: it may have a name of GDAL's own."""
    return bool(scene) and (os.path.exists(scene) or not os.path.isabs(scene) or scene.startswith("/vsi"))


def _model(run: Dict[str, Any]) -> Any:
    """The model that was used: what is the default today may have been another one."""
    asked = run["request"].get("model")
    return (run.get("model") or {}).get("name") or asked if asked in (None, "", "default") else asked


def _checked(values: Dict[str, Any]) -> Dict[str, Any]:
    """Those of the values that an explanation takes; raises RequestError where they are unfit."""
    shared = {o.name for o in options(METHODS[Detect.METHOD].request)} & {o.name for o in _asked()}
    known = {name: values.get(name) for name in shared - {"output", "restart"}}
    parsed = to_json(parse(METHODS[Attribute.METHOD].request, {**known, "output": "unknown yet"}))
    return {name: parsed[name] for name in known}


def _asked() -> List[Any]:
    return options(METHODS[Attribute.METHOD].request)


def as_parameters(values: Dict[str, Any]) -> Dict[str, Any]:
    """The parameters of Explain Detection that stand for values of the engine's options."""
    return engine_parameters.restore(_asked(), values)


def prefilled(layer: QgsMapLayer) -> Dict[str, Any]:
    """What Explain Detection… starts with where a layer is active that is no scene.

    Of detections their scene, model and polygons, of other results their scene and model; polygons of the user's own.
    Where some are selected, those.
    """
    if is_detections(layer):
        return _prefilled_by_detections(layer)
    if is_result(layer):
        try:
            return as_parameters(_asked_of(run_of(layer)))
        except RequestError:
            return {}
    own = layer.type() == VECTOR_LAYER and layer.geometryType() == POLYGON_GEOMETRY
    return {"POLYGONS": _polygons(layer)} if own else {}


def _asked_of(run: Dict[str, Any]) -> Dict[str, Any]:
    """The scene, model and threshold of a result that was made from a scene, where that still is there."""
    request = run.get("request") or {}
    if not _may_exist(str(request.get("scene") or "")):
        return {}
    found = (run.get("result") or {}).get("threshold") if run.get("method") == Detect.METHOD else None
    return _checked({**request, "model": _model(run), "threshold": found or request.get("threshold")})


def _prefilled_by_detections(layer: QgsVectorLayer) -> Dict[str, Any]:
    try:
        known = as_parameters(question(layer))
    except SolarSaliencyError:
        known = {}
    chosen = layer.selectedFeatures()
    if len(chosen) == 1:
        target = Detection(layer, chosen[0]).target()
        del target["name"]  # it would stay when the user takes another target
        return {**known, **as_parameters(target)}
    return {**known, "POLYGONS": _polygons(layer)} if source_of(layer) else known


def _polygons(layer: QgsVectorLayer) -> Union[str, QgsProcessingFeatureSourceDefinition]:
    """A layer's polygons as a dialog takes them: the selected ones where some are, else all."""
    if not layer.selectedFeatureCount():
        return str(layer.id())
    return QgsProcessingFeatureSourceDefinition(layer.id(), selectedFeaturesOnly=True)
