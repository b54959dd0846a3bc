"""Pick a detection on the map: what the Explain panel and the tool that explains by a click share."""

import os
from typing import Iterable, Optional

from qgis.core import QgsMapLayer, QgsPointXY, QgsProject
from qgis.gui import QgsMapCanvas, QgsMapMouseEvent, QgsMapTool
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QKeyEvent

from ..bridge.runs import file_of
from ..bridge.targets import is_detections
from ..bridge.translation import word
from ..contract.marking import QT_TRANSLATE_NOOP
from ..qgis_compat import VECTOR_LAYER
from .detections import Detection, detection_at
from .tool_change import GuestTool, put_down

NO_LAYER = QT_TRANSLATE_NOOP(
    "Words", "There are no detections on the map: Raster ▸ Solar Saliency ▸ Detect Solar Farms… makes them."
)
NO_DETECTION = QT_TRANSLATE_NOOP(
    "Words", "There is no detection. Click inside an outline of a layer of detections that is visible."
)
UNREADABLE = QT_TRANSLATE_NOOP(
    "Words",
    "“{layer}” cannot be read any more: its file was moved or deleted, or is damaged. If it holds your detections, "
    "repair its data source by the layer’s context menu, or detect again: "
    "Raster ▸ Solar Saliency ▸ Detect Solar Farms…",
)
CLICK = QT_TRANSLATE_NOOP("Words", "Click the detection that you want explained.")
SELECT = QT_TRANSLATE_NOOP("Words", "Select one detection, or pick one on the map.")


def guide(text: str) -> str:
    """What to do, in the user's language; where there are no detections (any more), how to get some."""
    layers = QgsProject.instance().mapLayers().values()
    if any(is_detections(layer) for layer in layers):
        return word(text)
    lost = next(filter(_is_unreadable, layers), None)
    return word(UNREADABLE).format(layer=lost.name()) if lost is not None else word(NO_LAYER)


def _is_unreadable(layer: QgsMapLayer) -> bool:
    """Whether a layer's file cannot be read that may have held detections: nothing but the file could say so.

    A layer whose file is deleted under it stays valid until it is loaded anew.
    """
    path = file_of(layer)
    if layer.type() != VECTOR_LAYER or not path.lower().endswith(".gpkg"):
        return False
    return not layer.isValid() or not (path.startswith("/vsi") or os.path.isfile(path))


def selected_detection(layers: Iterable[Optional[QgsMapLayer]]) -> Optional[Detection]:
    """The detection that is selected in the first of the layers that has any selected; None if it is not just one."""
    for layer in filter(is_detections, layers):
        count = layer.selectedFeatureCount()
        if count:
            return Detection(layer, next(layer.getSelectedFeatures())) if count == 1 else None
    return None


def detection_under(canvas: QgsMapCanvas, point: QgsPointXY) -> Optional[Detection]:
    """The detection that a canvas shows at a point of its map, or near enough to be meant."""
    crs = canvas.mapSettings().destinationCrs()
    return detection_at(point, crs, canvas.layers(), QgsMapTool.searchRadiusMU(canvas))


class PickTool(GuestTool):
    """Waits for clicks on detections of visible layers, until it is put down; Esc does."""

    #: The Detection that was clicked.
    picked = pyqtSignal(object)

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self.setCursor(Qt.CursorShape.WhatsThisCursor)

    def activate(self) -> None:  # noqa: D102
        super().activate()
        self.canvas().setFocus()
        self.hinted.emit(guide(CLICK))

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: D102
        if event.button() == Qt.MouseButton.LeftButton:
            self.pick_at(event.mapPoint())

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        if event.key() == Qt.Key.Key_Escape:
            put_down(self)
        else:
            event.ignore()

    def pick_at(self, point: QgsPointXY) -> None:
        """Pick the detection at a point of the map, or say that there is none."""
        detection = detection_under(self.canvas(), point)
        if detection is not None:
            self.picked.emit(detection)
        else:
            self.hinted.emit(guide(NO_DETECTION))
