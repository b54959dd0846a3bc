"""Map tools of the panel: pick (../picking.py), draw (drawing.py), switch superpixels; what the mouse is over."""

from functools import partial
from typing import Callable, Optional

from qgis.core import QgsPointXY
from qgis.gui import QgsMapCanvas, QgsMapMouseEvent, QgsMapTool
from qgis.PyQt.QtCore import QEvent, QObject, QPoint, Qt, QTimer, pyqtSignal
from qgis.PyQt.QtGui import QKeyEvent, QMouseEvent
from qgis.PyQt.QtWidgets import QApplication

from ..picking import PickTool
from ..tool_change import GuestTool, put_down, take_up
from .drawing import FreehandTool, PolygonTool, RectangleTool
from .rows import NONE

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

_LEFT = Qt.MouseButton.LeftButton


class SwitchTool(GuestTool):
    """A click on a superpixel switches it; dragging moves the map. In use from :meth:`begin` to :meth:`end`.

    A tool that moves the map (QGIS calls it transient) may take its place for one operation: then this one comes back,
    since the panel says all the time that clicks switch superpixels.
    """

    #: The superpixel's key.
    toggled = pyqtSignal(int)
    #: The user has left it: by Esc, or with a tool for something else.
    left = pyqtSignal()

    def __init__(self, canvas: QgsMapCanvas, key_at: Callable[[QgsPointXY], int]) -> None:
        super().__init__(canvas)
        self._key_at = key_at
        self._pressed: Optional[QPoint] = None
        self._is_moving = False
        self._is_wanted = False
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        canvas.mapToolSet.connect(self._follow)

    def begin(self) -> None:
        """Take it up."""
        self._is_wanted = True
        take_up(self)

    def resume(self) -> bool:
        """Take it up again where another tool has its place for now; whether that was so."""
        if not self._is_wanted or self.canvas().mapTool() is self:
            return False
        take_up(self)
        return True

    def end(self) -> None:
        """Put it down, and do not come back."""
        self._is_wanted = False
        self.canvas().viewport().removeEventFilter(self)
        put_down(self)

    def activate(self) -> None:  # noqa: D102
        super().activate()
        self._pressed = None

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

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        if event.key() == Qt.Key.Key_Escape:
            self._leave()
        else:
            event.ignore()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The button that goes up ends what the tool that moves the map has done; it still has to hear of it."""
        is_release = event.type() == QEvent.Type.MouseButtonRelease and isinstance(event, QMouseEvent)
        if is_release and event.button() == _LEFT:
            QTimer.singleShot(0, self._come_back)
        return False

    def _follow(self, current: Optional[QgsMapTool], before: Optional[QgsMapTool] = None) -> None:
        """The canvas has another tool."""
        self.canvas().viewport().removeEventFilter(self)
        if current is self and not self._is_wanted:
            # QGIS brings back, at a right click, the tool before one that moves the map, be it wanted or not.
            self.before = before
            QTimer.singleShot(0, partial(put_down, self))
        elif current is not self and self._is_wanted:
            if _moves_the_map(current):
                self.canvas().viewport().installEventFilter(self)
            else:
                self._leave()

    def _come_back(self) -> None:
        if self._is_wanted and _moves_the_map(self.canvas().mapTool()):
            take_up(self)

    def _leave(self) -> None:
        self.end()
        self.left.emit()


def _moves_the_map(tool: Optional[QgsMapTool]) -> bool:
    return tool is not None and bool(tool.flags() & QgsMapTool.Flag.Transient)


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
