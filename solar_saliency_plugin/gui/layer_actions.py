"""Actions in the context menu of layers that the plugin made."""

import os
from typing import Any, Dict, Iterable

from qgis.core import QgsApplication, QgsMapLayer, QgsProject

from ...processing_algorithms import parameters as engine_parameters
from ...processing_algorithms.detect import Detect
from ...processing_algorithms.polygonize import Polygonize
from ..bridge.features import is_lost, origin
from ..bridge.runs import file_of, run_of
from ..bridge.targets import is_derived
from ..contract import METHODS
from ..contract.errors import RequestError
from ..contract.options import options, parse, to_json
from ..qgis_compat import RASTER_LAYER, VECTOR_LAYER, QAction
from .launch import launch


class LayerActions:
    """“Re-run from This Layer…” on every layer that says how it was made."""

    def __init__(self, iface: Any) -> None:
        self._iface = iface
        self._actions = {}
        for layer_type in (RASTER_LAYER, VECTOR_LAYER):
            action = QAction("Re-run from This Layer…", iface.mainWindow())
            action.triggered.connect(self._rerun)
            iface.addCustomActionForLayerType(action, "", layer_type, False)
            self._actions[layer_type] = action
        project = QgsProject.instance()
        project.layersAdded.connect(self._offer)
        self._offer(project.mapLayers().values())

    def remove(self) -> None:
        """Take the actions away."""
        QgsProject.instance().layersAdded.disconnect(self._offer)
        for action in self._actions.values():
            self._iface.removeCustomActionForLayerType(action)
            action.deleteLater()
        self._actions = {}

    def _offer(self, layers: Iterable[QgsMapLayer]) -> None:
        for layer in layers:
            if run_of(layer).get("method") in METHODS:
                self._iface.addCustomActionForLayer(self._actions[layer.type()], layer)

    def _rerun(self) -> None:
        layer = self._iface.activeLayer()
        run = run_of(layer)
        try:
            parameters = _parameters(run)
            if run["method"] == Detect.METHOD:
                parameters.update(_outlining(file_of(layer)))
        except RequestError as error:
            self._iface.messageBar().pushWarning(
                "Solar Saliency",
                f"How this layer was made cannot be read: {error.message} Start from the menu instead.",
            )
            return
        if is_derived(str(parameters.get("NAME") or "")):
            del parameters["NAME"]  # it would stay when the user takes another target
        copies = {name: origin(value) for name, value in parameters.items() if isinstance(value, str)}
        parameters.update((name, layer) for name, layer in copies.items() if layer is not None)
        launch(self._iface, run["method"], self._without_lost(run["method"], parameters))

    def _without_lost(self, method: str, parameters: Dict[str, Any]) -> Dict[str, Any]:
        """Leave out temporary copies that are gone, and say so: without them another question is asked."""
        lost = [name for name, value in parameters.items() if isinstance(value, str) and is_lost(value)]
        algorithm = QgsApplication.processingRegistry().algorithmById(f"solarsaliency:{method}")
        for name in lost:
            self._iface.messageBar().pushWarning(
                "Solar Saliency",
                f"What “{algorithm.parameterDefinition(name).description()}” was then is gone: it lay in a temporary "
                "copy, which went when QGIS ended. Choose the layer again before you run.",
            )
        return {name: value for name, value in parameters.items() if name not in lost}


def _parameters(run: Dict[str, Any]) -> Dict[str, Any]:
    """A dialog's parameters that would make a result again; raises RequestError where its request is unfit."""
    method = METHODS.get(run.get("method", ""))
    if method is None:  # the file was replaced since the layer was added
        raise RequestError("The file does not say it.")
    asked = options(method.request)
    known = {option.name: run["request"].get(option.name) for option in asked}  # others are of another version
    return engine_parameters.restore(asked, to_json(parse(method.request, known)))


def _outlining(probability: str) -> Dict[str, Any]:
    """The minimum area of the detections made from a raster, if their layer is open: the raster does not know it."""
    for layer in QgsProject.instance().mapLayers().values():
        run = run_of(layer) if layer.type() == VECTOR_LAYER else {}
        if run.get("method") != Polygonize.METHOD:
            continue
        try:
            parameters = _parameters(run)
        except RequestError:
            continue  # that layer's trouble, not this one's
        if os.path.realpath(parameters.get("INPUT", "")) == os.path.realpath(probability):
            return {"MINIMUM_AREA": parameters["MINIMUM_AREA"]}
    return {}
