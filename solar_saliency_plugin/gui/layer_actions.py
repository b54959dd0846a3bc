"""Actions in the context menu of layers that the plugin made."""

from typing import Any, Iterable

from qgis.core import QgsMapLayer, QgsProject

from ...processing_algorithms import parameters as engine_parameters
from ..bridge.layers import layers_of, run_of
from ..contract import METHODS
from ..contract.options import options
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
        run = run_of(self._iface.activeLayer())
        parameters = engine_parameters.restore(options(METHODS[run["method"]].request), run["request"])
        open_layers = layers_of(QgsProject.instance(), [parameters.get("INPUT", "")])
        if open_layers:
            parameters["INPUT"] = open_layers[0]
        launch(self._iface, run["method"], parameters)
