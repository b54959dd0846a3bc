"""Map tools that draw a region: a rectangle, a polygon, or freehand."""

from typing import List, Optional

from qgis.core import QgsGeometry, QgsPointXY
from qgis.gui import QgsMapCanvas, QgsMapMouseEvent, QgsRubberBand
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QCoreApplication, QEvent, QObject, QPoint, Qt, pyqtSignal
from qgis.PyQt.QtGui import QKeyEvent

from ..outline import rubber_band
from ..tool_change import GuestTool, put_down

translate = QCoreApplication.translate

#: Pixels: what is narrower cannot be meant, and how far apart the corners of what is drawn freehand are.
_SMALLEST, _SPACING = 4, 3

_LEFT, _RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
_ENDS = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_TAKES_BACK = (Qt.Key.Key_Backspace, Qt.Key.Key_Delete)


class DrawTool(GuestTool):
    """What the tools share that draw a region.

    Keys are taken before the canvas gets them: it would not hand on Esc while a button is down, and QGIS would take
    Backspace for “delete the selected features”. A tool goes at the release of the button, not before: else the tool
    that comes back would get it, and that of QGIS moves the map then.
    """

    #: A valid polygon (QgsGeometry) in the map's CRS. The tool has put itself down before.
    drawn = pyqtSignal(object)

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._corners: List[QgsPointXY] = []
        self._band: Optional[QgsRubberBand] = None
        self._is_down = False
        self._is_cancelled = False
        self.setCursor(Qt.CursorShape.CrossCursor)
        canvas.destinationCrsChanged.connect(self._begin_anew)

    @property
    def how(self) -> str:
        """What the user is told."""
        raise NotImplementedError

    def activate(self) -> None:  # noqa: D102
        super().activate()
        self.canvas().installEventFilter(self)
        self.canvas().setFocus()
        self._start_over()
        self.hinted.emit(self.how)

    def deactivate(self) -> None:  # noqa: D102
        self.canvas().removeEventFilter(self)
        self._start_over()
        super().deactivate()

    def canvasPressEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: D102
        if event.button() == _LEFT:
            self._is_down = True
            self._press(event)

    def canvasDoubleClickEvent(self, event: QgsMapMouseEvent) -> None:
        """The second of two quick presses."""
        self._is_down = self._is_down or event.button() == _LEFT

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: D102
        if event.button() == _LEFT:
            if not self._is_down:  # it went down before the tool was taken up
                return
            self._is_down = False
        if not self._is_cancelled:
            self._release(event)
        elif event.button() == _LEFT:
            put_down(self)

    def _press(self, event: QgsMapMouseEvent) -> None:
        """The left button goes down."""

    def _release(self, event: QgsMapMouseEvent) -> None:
        """A button goes up."""
        raise NotImplementedError

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take the keys that mean something while one draws."""
        kinds = (QEvent.Type.KeyPress, QEvent.Type.ShortcutOverride)
        if event.type() not in kinds or not isinstance(event, QKeyEvent):
            return False
        if event.key() != Qt.Key.Key_Escape and event.key() not in _ENDS + _TAKES_BACK:
            return False
        event.accept()
        if event.type() == QEvent.Type.KeyPress:
            self._on_key(event.key())
        return True

    def _on_key(self, key: int) -> None:
        if key == Qt.Key.Key_Escape:
            self._begin_anew()
            if self._is_down:
                self._is_cancelled = True
            else:
                put_down(self)

    def _show(self, corners: List[QgsPointXY]) -> None:
        """Show what has been drawn so far."""
        if self._band is None:
            self._band = rubber_band(self.canvas())
        shape = QgsGeometry.fromPolygonXY([corners]) if len(corners) > 2 else QgsGeometry.fromPolylineXY(corners)
        self._band.setToGeometry(shape, self.canvas().mapSettings().destinationCrs())

    def _begin_anew(self) -> None:
        self._corners = []
        band, self._band = self._band, None
        if band is not None and not sip.isdeleted(band):
            self.canvas().scene().removeItem(band)

    def _start_over(self) -> None:
        """Begin anew, and forget the button, too: its release may go to another tool."""
        self._begin_anew()
        self._is_down = self._is_cancelled = False

    def _finish(self) -> None:
        """Hand on what was drawn; where it cannot be meant, say so and wait for another drawing."""
        region = enclosed(self._corners, self.canvas().mapUnitsPerPixel())
        if region is None:
            self._begin_anew()
            self.hinted.emit(translate("ExplainPanel", "That was too small for a region. {how}").format(how=self.how))
            return
        put_down(self)
        self.drawn.emit(region)


class _DragTool(DrawTool):
    """Draws while the button is held down."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._start = QPoint()

    def _press(self, event: QgsMapMouseEvent) -> None:
        self._start = event.pos()
        self._corners = [event.mapPoint()]

    def canvasDoubleClickEvent(self, event: QgsMapMouseEvent) -> None:
        """The second of two quick presses may well begin a drag."""
        self.canvasPressEvent(event)

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:
        if not event.buttons() & _LEFT:
            self._start_over()  # the release went elsewhere, such as to a dialog that opened meanwhile
        elif self._corners:
            self._drag_to(event.pos())
            self._show(self._corners)

    def _release(self, event: QgsMapMouseEvent) -> None:
        if event.button() == _LEFT and self._corners:
            self._drag_to(event.pos())
            self._finish()

    def _drag_to(self, place: QPoint) -> None:
        raise NotImplementedError


class RectangleTool(_DragTool):
    """Drag from corner to corner."""

    @property
    def how(self) -> str:  # noqa: D102
        return translate("ExplainPanel", "Drag from one corner of the region to the opposite one. Esc cancels.")

    def _drag_to(self, place: QPoint) -> None:
        # Corner by corner, since the map may be turned.
        left, top, right, bottom = self._start.x(), self._start.y(), place.x(), place.y()
        ends = ((left, top), (right, top), (right, bottom), (left, bottom))
        self._corners = [self.toMapCoordinates(QPoint(x, y)) for x, y in ends]


class FreehandTool(_DragTool):
    """Drag around what is meant."""

    @property
    def how(self) -> str:  # noqa: D102
        return translate("ExplainPanel", "Draw around the region with the mouse button held down. Esc cancels.")

    def _drag_to(self, place: QPoint) -> None:
        corner = self.toMapCoordinates(place)
        if self._corners[-1].distance(corner) >= _SPACING * self.canvas().mapUnitsPerPixel():
            self._corners.append(corner)


class PolygonTool(DrawTool):
    """Click corners; right click, double click or Enter ends, Backspace takes the last one back, Esc cancels."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._ends_at_release = False

    @property
    def how(self) -> str:  # noqa: D102
        return translate(
            "ExplainPanel",
            "Click the corners of the region. A right click, a double click or Enter ends it; Backspace takes the last "
            "corner back, Esc cancels.",
        )

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: D102
        if self._corners:
            self._show([*self._corners, event.mapPoint()])

    def canvasDoubleClickEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: D102
        super().canvasDoubleClickEvent(event)
        self._ends_at_release = event.button() == _LEFT

    def _start_over(self) -> None:
        super()._start_over()
        self._ends_at_release = False

    def _release(self, event: QgsMapMouseEvent) -> None:
        if event.button() == _RIGHT or self._ends_at_release:
            self._ends_at_release = False
            self._end()
        elif event.button() == _LEFT:
            self._corners.append(event.mapPoint())
            self._show(self._corners)

    def _on_key(self, key: int) -> None:
        super()._on_key(key)
        if key in _ENDS:
            self._end()
        elif key in _TAKES_BACK and self._corners:
            self._corners.pop()
            self._show(self._corners)

    def _end(self) -> None:
        if len(self._corners) > 2:
            self._finish()
        else:
            self.hinted.emit(
                translate("ExplainPanel", "A region has at least three corners. {how}").format(how=self.how)
            )


def enclosed(corners: List[QgsPointXY], pixel: float) -> Optional[QgsGeometry]:
    """All that a closed line goes around, however often it crosses itself; None where that is too small to be meant.

    pixel: how large one of the screen's is, in the map's units; finer detail is left out.
    """
    if len(corners) < 3:
        return None
    line = QgsGeometry.fromPolylineXY([*corners, corners[0]]).snappedToGrid(pixel / 1000, pixel / 1000)
    faces = QgsGeometry.polygonize([QgsGeometry.unaryUnion([line.simplify(pixel / 2)])])
    whole = QgsGeometry.unaryUnion(faces.asGeometryCollection())
    parts = [part for part in whole.asGeometryCollection() if part.area() >= pixel * pixel]
    region = QgsGeometry.unaryUnion(parts)
    box = region.boundingBox()
    if region.isEmpty() or min(box.width(), box.height()) < _SMALLEST * pixel:
        return None
    return region
