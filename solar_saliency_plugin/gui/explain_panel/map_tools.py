"""Map tools of the panel: pick a detection, draw a region (drawing.py), switch superpixels; what the mouse is over."""

from typing import Callable, Optional

from qgis.core import QgsPointXY, QgsProject
from qgis.gui import QgsMapCanvas, QgsMapMouseEvent, QgsMapTool
from qgis.PyQt.QtCore import QCoreApplication, QEvent, QObject, QPoint, Qt, pyqtSignal
from qgis.PyQt.QtGui import QKeyEvent
from qgis.PyQt.QtWidgets import QApplication

from ..detections import detection_at, is_detections
from ..explain_tool import CLICK, NO_DETECTION, NO_LAYER
from .drawing import FreehandTool, PolygonTool, RectangleTool
from .rows import NONE
from .tool_change import GuestTool, put_down, take_up

__all__ = [
    "FreehandTool",
    "Hover",
    "PickTool",
    "PolygonTool",
    "RectangleTool",
    "SwitchTool",
    "put_down",
    "take_up",
]

translate = QCoreApplication.translate

_LEFT = Qt.MouseButton.LeftButton


class PickTool(GuestTool):
    """Waits for a click on a detection of a visible layer of detections."""

    #: The Detection that was clicked. The tool has put itself down before.
    picked = pyqtSignal(object)

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self.setCursor(Qt.CursorShape.WhatsThisCursor)

    def activate(self) -> None:  # noqa: D102
        super().activate()
        self.canvas().setFocus()
        self.hinted.emit(CLICK if _any_detections() else NO_LAYER)

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: D102
        if event.button() != _LEFT:
            return
        canvas = self.canvas()
        crs, reach = canvas.mapSettings().destinationCrs(), QgsMapTool.searchRadiusMU(canvas)
        detection = detection_at(event.mapPoint(), crs, canvas.layers(), reach)
        if detection is None:
            self.hinted.emit(NO_DETECTION if _any_detections() else NO_LAYER)
            return
        put_down(self)
        self.picked.emit(detection)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        if event.key() == Qt.Key.Key_Escape:
            put_down(self)
        else:
            event.ignore()


def _any_detections() -> bool:
    return any(is_detections(layer) for layer in QgsProject.instance().mapLayers().values())


class SwitchTool(GuestTool):
    """A click on a superpixel switches it; dragging moves the map. Stays until it is put down."""

    #: The superpixel's key.
    toggled = pyqtSignal(int)

    def __init__(self, canvas: QgsMapCanvas, key_at: Callable[[QgsPointXY], int]) -> None:
        super().__init__(canvas)
        self._key_at = key_at
        self._pressed: Optional[QPoint] = None
        self._is_moving = False
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def activate(self) -> None:  # noqa: D102
        super().activate()
        self.hinted.emit(
            translate("ExplainPanel", "Click superpixels to switch them off and on. Dragging moves the map.")
        )

    def canvasPressEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: D102
        if event.button() == _LEFT:
            self._pressed, self._is_moving = event.pos(), False

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: D102
        if self._pressed is None:
            return
        far = (event.pos() - self._pressed).manhattanLength() >= QApplication.startDragDistance()
        self._is_moving = self._is_moving or far
        if self._is_moving:
            self.canvas().panAction(event)

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: D102
        if event.button() != _LEFT or self._pressed is None:
            return
        self._pressed = None
        if self._is_moving:
            self.canvas().panActionEnd(event.pos())
            return
        key = self._key_at(event.mapPoint())
        if key != NONE:
            self.toggled.emit(key)


class Hover(QObject):
    """Tells which superpixel the mouse is over, whichever map tool is in use."""

    #: Its key; charts.NONE: none. Emitted when it changes.
    hovered = pyqtSignal(int)

    def __init__(self, canvas: QgsMapCanvas, key_at: Callable[[QgsPointXY], int]) -> None:
        super().__init__(canvas)
        self._canvas, self._key_at = canvas, key_at
        self._told = NONE
        canvas.xyCoordinates.connect(self._move)
        canvas.viewport().installEventFilter(self)

    def stop(self) -> None:
        """Listen no more."""
        self._canvas.xyCoordinates.disconnect(self._move)
        self._canvas.viewport().removeEventFilter(self)
        self.deleteLater()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The mouse may leave the map while it is over a superpixel."""
        if event.type() == QEvent.Type.Leave:
            self._tell(NONE)
        return False

    def _move(self, point: QgsPointXY) -> None:
        self._tell(self._key_at(point))

    def _tell(self, key: int) -> None:
        if key != self._told:
            self._told = key
            self.hovered.emit(key)
