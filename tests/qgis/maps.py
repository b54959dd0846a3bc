"""A map without a window, and a mouse on it, for tests."""

import math
from contextlib import contextmanager

from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsRectangle
from qgis.gui import QgsMapCanvas, QgsMapCanvasItem, QgsMapToolPan
from qgis.PyQt.QtCore import QEvent, QPoint, QPointF, Qt
from qgis.PyQt.QtGui import QMouseEvent
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication

UTM = QgsCoordinateReferenceSystem("EPSG:32643")
DEGREES = QgsCoordinateReferenceSystem("EPSG:4326")

#: West and south of the canvas.
WEST, SOUTH = 700_000.0, 3_000_000.0

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton


@contextmanager
def opened_canvas():
    """A canvas of 400 × 300 pixels that shows 4 × 3 km; QGIS's own pan tool is in use."""
    made = QgsMapCanvas()
    made.setDestinationCrs(UTM)
    made.resize(400, 300)
    made.show()
    made.setExtent(QgsRectangle(WEST, SOUTH, WEST + 4000, SOUTH + 3000))
    made.setCanvasColor(Qt.GlobalColor.white)
    pan = QgsMapToolPan(made)
    made.setMapTool(pan)
    made.pan = pan
    QApplication.processEvents()
    yield made
    made.unsetMapTool(pan)
    made.close()


def on_map(canvas, x, y):
    """The place on the map at a pixel of the canvas."""
    return canvas.getCoordinateTransform().toMapCoordinates(x, y)


def press(canvas, x, y, button=LEFT):
    QTest.mousePress(canvas.viewport(), button, pos=QPoint(x, y))


def move(canvas, x, y, held=Qt.MouseButton.NoButton):
    """As a window system sends it; QTest's own moves the pointer, which knows nothing of what QTest holds down."""
    place, none = QPointF(x, y), Qt.MouseButton.NoButton
    everywhere = QPointF(canvas.viewport().mapToGlobal(QPoint(x, y)))
    event = QMouseEvent(QEvent.Type.MouseMove, place, everywhere, none, held, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(canvas.viewport(), event)


def release(canvas, x, y, button=LEFT):
    QTest.mouseRelease(canvas.viewport(), button, pos=QPoint(x, y))


def click(canvas, x, y, button=LEFT):
    press(canvas, x, y, button)
    release(canvas, x, y, button)


def double_click(canvas, x, y):
    """As a window system sends it: the second press is the double click."""
    click(canvas, x, y)
    QTest.mouseDClick(canvas.viewport(), LEFT, pos=QPoint(x, y))
    release(canvas, x, y)


def drag(canvas, *places):
    press(canvas, *places[0])
    for place in places[1:]:
        move(canvas, *place, LEFT)
    release(canvas, *places[-1])


def box_of(canvas, left, top, right, bottom):
    return QgsRectangle(on_map(canvas, left, bottom), on_map(canvas, right, top))


def circle(x, y, radius, turns=1.0, steps=60):
    angles = [2 * math.pi * turns * step / steps for step in range(steps + 1)]
    return [(round(x + radius * math.cos(a)), round(y + radius * math.sin(a))) for a in angles]


def items(canvas):
    return [item for item in canvas.scene().items() if isinstance(item, QgsMapCanvasItem) and item.isVisible()]


def squares(canvas, count, size):
    """A field of squares of ``size`` pixels of the canvas, by key, as well-known text in the map's CRS."""
    side = math.ceil(math.sqrt(count))
    found = {}
    for key in range(count):
        x, y = 20 + size * (key % side), 20 + size * (key // side)
        found[key] = QgsGeometry.fromRect(box_of(canvas, x, y, x + size, y + size)).asWkt()
    return found


def yellow_in(canvas, box):
    image = canvas.grab(box).toImage()
    pixels = (image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height()))
    return sum(abs(c.red() - 255) < 40 and abs(c.green() - 233) < 40 and c.blue() < 140 for c in pixels)
