"""Raster ▸ Solar Saliency and the toolbar."""

from functools import partial
from typing import Any, Dict, List

from qgis.core import QgsMapLayer, QgsVectorLayer
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtGui import QDesktopServices, QIcon
from qgis.PyQt.QtWidgets import QToolBar

from ...processing_algorithms.attribute import Attribute
from ...processing_algorithms.base import ICONS
from ...processing_algorithms.detect import Detect
from ...processing_algorithms.modelinfo import ModelInfo
from ...processing_algorithms.polygonize import Polygonize
from ...processing_algorithms.provider import ALGORITHMS
from ...processing_algorithms.setupengine import SetUpEngine
from ..bridge.runs import file_of, is_result, run_of
from ..contract import METHODS
from ..contract.options import Role, options
from ..qgis_compat import POLYGON_GEOMETRY, RASTER_LAYER, VECTOR_LAYER, QAction
from .detections import prefilled
from .explain_panel.entry import PanelEntry
from .explain_tool import ExplainTool
from .launch import close_dialogs, launch, set_up
from .models_page import PAGE

TITLE = "Solar &Saliency"
HELP = ICONS.parent / "help" / "index.html"


class Menu:
    """One entry for each algorithm, in the provider's order, a line between groups; buttons to detect and explain."""

    def __init__(self, iface: Any) -> None:
        self._iface = iface
        self._actions: List[QAction] = []
        self._toolbar: QToolBar = iface.addToolBar("Solar Saliency")
        self._toolbar.setObjectName("SolarSaliencyToolBar")
        group = ""
        for algorithm in (cls() for cls in ALGORITHMS if cls.IN_MENU):
            if group and algorithm.group() != group:
                self._add(self._separator())
            group = algorithm.group()
            if isinstance(algorithm, Attribute):
                self._add_explaining()
            action = self._action(algorithm.icon(), f"{algorithm.displayName()}…", algorithm.name())
            self._add(action)
            if isinstance(algorithm, Detect):
                self._toolbar.addAction(action)
            if isinstance(algorithm, ModelInfo):
                self._add(self._models())
        self._add(self._separator())
        show_help = QAction(QIcon(), "Help", iface.mainWindow())
        show_help.triggered.connect(partial(QDesktopServices.openUrl, QUrl.fromLocalFile(str(HELP))))
        self._add(show_help)

    def remove(self) -> None:
        """Take everything out of the window again."""
        close_dialogs()
        self._explain_panel.remove()
        self._explain_tool.remove()
        for action in self._actions:
            self._iface.removePluginRasterMenu(TITLE, action)
            action.deleteLater()
        self._actions = []
        self._iface.mainWindow().removeToolBar(self._toolbar)
        self._toolbar.deleteLater()

    def _add_explaining(self) -> None:
        """What explains at a click, before the dialogs that do."""
        self._explain_tool = ExplainTool(self._iface, self._toolbar)
        self._explain_panel = PanelEntry(self._iface, self._explain_tool.detection_at)
        self._add(self._explain_panel.action)
        self._add(self._explain_tool.action)
        self._toolbar.addAction(self._explain_panel.action)

    def _action(self, icon: QIcon, text: str, algorithm: str) -> QAction:
        action = QAction(icon, text, self._iface.mainWindow())
        action.setObjectName(f"SolarSaliency_{algorithm}")
        action.triggered.connect(partial(self._open, algorithm))
        return action

    def _models(self) -> QAction:
        action = QAction(QIcon(), "Installed Models…", self._iface.mainWindow())
        action.triggered.connect(lambda: self._iface.showOptionsDialog(self._iface.mainWindow(), PAGE))
        return action

    def _separator(self) -> QAction:
        action = QAction(self._iface.mainWindow())
        action.setSeparator(True)
        return action

    def _add(self, action: QAction) -> None:
        self._iface.addPluginToRasterMenu(TITLE, action)
        self._actions.append(action)

    def _open(self, algorithm: str, checked: bool = False) -> None:
        if algorithm == SetUpEngine().name():
            set_up(self._iface)
        else:
            launch(self._iface, algorithm, self._prefilled(algorithm))

    def _prefilled(self, algorithm: str) -> Dict[str, Any]:
        """The active layer, or the layers that are chosen, where they may be what the algorithm reads."""
        method = METHODS.get(algorithm)
        if method is not None and any(option.role is Role.SCENES for option in options(method.request)):
            return self._prefilled_labels()
        layer = self._iface.activeLayer()
        if layer is None:
            return {}
        if _suits(layer, algorithm):
            return {"INPUT": layer}
        explains = method is not None and any(option.name == "target" for option in options(method.request))
        return prefilled(layer) if explains else {}

    def _prefilled_labels(self) -> Dict[str, Any]:
        """The layers that are chosen in the layer tree: scenes, and outlines."""
        chosen = self._iface.layerTreeView().selectedLayers()
        scenes = [layer.id() for layer in chosen if _suits(layer, Detect.METHOD)]
        outlines = [layer.id() for layer in chosen if layer.type() == VECTOR_LAYER and _has_polygons(layer)]
        return {
            **({"SCENES": scenes} if scenes else {}),
            **({"POLYGONS": outlines[0]} if len(outlines) == 1 else {}),
        }


def _has_polygons(layer: QgsVectorLayer) -> bool:
    return layer.geometryType() == POLYGON_GEOMETRY


def _suits(layer: QgsMapLayer, algorithm: str) -> bool:
    if layer.type() != RASTER_LAYER or not file_of(layer):
        return False
    if algorithm == Polygonize.METHOD:
        return run_of(layer).get("method") == Detect.METHOD
    return not is_result(layer)
