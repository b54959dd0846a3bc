"""A window with a map for the Explain panel, and what tests do with the panel and read from it."""

import time

from qgis.core import (
    QgsCoordinateReferenceSystem,
)
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QCoreApplication, QEventLoop, QSize, Qt
from qgis.PyQt.QtWidgets import QMainWindow

from solar_saliency.solar_saliency_plugin.gui.detections import Detection

UTM = QgsCoordinateReferenceSystem("EPSG:32643")


class Window:
    """A main window with a map, as far as the panel uses them."""

    def __init__(self):
        self.window = QMainWindow()
        self.window.resize(QSize(1100, 860))
        self.canvas = QgsMapCanvas(self.window)
        self.canvas.setDestinationCrs(UTM)
        self.window.setCentralWidget(self.canvas)
        self.active = None

    def mainWindow(self):  # noqa: N802
        return self.window

    def mapCanvas(self):  # noqa: N802
        return self.canvas

    def activeLayer(self):  # noqa: N802
        return self.active

    def addDockWidget(self, area, dock):  # noqa: N802
        self.window.addDockWidget(area, dock)
        self.window.resizeDocks([dock], [400], Qt.Orientation.Horizontal)

    def removeDockWidget(self, dock):  # noqa: N802
        self.window.removeDockWidget(dock)


def wait_until(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 50)


def largest(layer):
    return max(layer.getFeatures(), key=lambda feature: feature["area_ha"])


def explained(presenter, found, seconds=60):
    presenter.explain_detection(Detection(found, largest(found)))
    wait_until(lambda: presenter._running is None, seconds)
    return presenter.findings.superpixels


def on_the_map(window):
    """What lies on the map that is not QGIS's own, and is to be seen."""
    items = window.canvas.scene().items()
    return [type(i).__name__ for i in items if type(i).__name__ in ("QgsRubberBand", "Superpixels") and i.isVisible()]


def told(panel):
    return panel.message.text.text() if not panel.message.isHidden() else ""


def doubts(panel):
    """What is said of the answer itself, for as long as it is shown."""
    return panel.doubts.text.text() if not panel.doubts.isHidden() else ""


def bars(chart):
    return [row.bar for row in chart._rows.rows if row.bar is not None]


def switch(panel, presenter, player):
    """Switch a superpixel and wait for the answer."""
    answers = []
    presenter._view._what_if.answered.connect(lambda f_x, text: answers.append((f_x, text)))
    panel.waterfall.toggled.emit(player)
    wait_until(lambda: any(f_x is not None for f_x, _ in answers))
    return answers[-1]


def long_run(panel):
    """Choices with which a run takes its time."""
    panel.method.setCurrentIndex(panel.method.findData("permutations"))
    panel.superpixels.setValue(400)
