"""Steps that scenarios share: windows, menus and dialogs of QGIS, and the way to a detection."""

import gc
import os
import time
from pathlib import Path

from director import click, mouse, patient, picture
from qgis.core import (
    QgsCoordinateTransform,
    QgsProject,
)
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtWidgets import (
    QApplication,
    QDialogButtonBox,
    QDockWidget,
    QMenu,
    QTextEdit,
)
from qgis.utils import iface, plugin_times, plugins

WORK = Path(os.environ["GUI_WORK"])
PROBABILITY = "Solar farm probability (simulated)"
DETECTIONS = "Solar farm detections (simulated)"
SCENE = "Scene, natural colour (simulated)"
TRUTH = "True solar farms (simulated)"


def settle(seconds=0.5):
    """A condition that holds after a while: for windows to be painted."""
    until = time.monotonic() + seconds
    return lambda: time.monotonic() > until


def ready():
    """QGIS is up, on the whole screen, with the plugin, which took next to no time to start."""
    main = iface.mainWindow()
    main.showMaximized()
    yield lambda: "solar_saliency" in plugins and main.isVisible()
    main.findChild(QDockWidget, "Browser").close()
    main.resizeDocks([main.findChild(QDockWidget, "Layers")], [400], Qt.Orientation.Horizontal)
    yield settle(1.5)
    print("plugin started in", plugin_times["solar_saliency"])


def from_menu(text):
    """Open an entry of Raster ▸ Solar Saliency with the mouse."""
    bar = iface.mainWindow().menuBar()
    mouse(bar, bar.actionGeometry(iface.rasterMenu().menuAction()).center())
    yield iface.rasterMenu().isVisible
    (ours,) = [action for action in iface.rasterMenu().actions() if action.text().replace("&", "") == "Solar Saliency"]
    mouse(iface.rasterMenu(), iface.rasterMenu().actionGeometry(ours).center())
    yield ours.menu().isVisible
    yield settle()
    picture("menu")
    (entry,) = [action for action in ours.menu().actions() if action.text() == text]
    mouse(ours.menu(), ours.menu().actionGeometry(entry).center())
    yield lambda: not ours.menu().isVisible()


def window(title):
    """The visible window of that title, or None."""
    found = [w for w in QApplication.topLevelWidgets() if w.isVisible() and w.windowTitle() == title]
    return found[0] if found else None


def opened(title):
    """Wait for a window and give it."""
    yield lambda: window(title) is not None
    yield settle()
    return window(title)


def of_class(name):
    """Wait for a window of a Python class and give it; Qt's list of windows may hold a bare QDialog for it."""

    def found():
        windows = [o for o in gc.get_objects() if type(o).__name__ == name]
        return [w for w in windows if not sip.isdeleted(w) and w.isVisible()]

    yield found
    yield settle()
    return found()[0]


def algorithm_dialog(title):
    """Wait for the dialog of an algorithm and give it: it must survive a garbage collection."""
    yield lambda: window(title) is not None
    gc.collect()
    dialog = yield from of_class("AlgorithmDialog")
    assert dialog.windowTitle() == title
    return dialog


def run_button(dialog):
    return dialog.buttonBox().button(QDialogButtonBox.StandardButton.Ok) or next(
        button for button in dialog.buttonBox().buttons() if button.text() == "Run"
    )


def log_text(dialog):
    return dialog.findChild(QTextEdit, "txtLog").toPlainText()


def layer(name):
    found = QgsProject.instance().mapLayersByName(name)
    return found[0] if found else None


def drawn():
    """The canvas has finished drawing."""
    canvas = iface.mapCanvas()
    yield settle(0.3)
    yield lambda: not canvas.isDrawing()
    yield settle(0.3)


def wrapper(dialog, name):
    return dialog.mainWidget().wrappers[name]


def set_value(dialog, name, value):
    wrapper(dialog, name).setParameterValue(value, dialog.mainWidget().processing_context)


def chosen_scene(dialog):
    """The layer of the project that the dialog's INPUT stands for."""
    value = wrapper(dialog, "INPUT").parameterValue()
    layers = QgsProject.instance().mapLayers().values()
    return next((known for known in layers if value in (known, known.id(), known.source())), None)


def sample_scene(size):
    """Make the sample with its menu entry and close the dialog."""
    yield from from_menu("Make Sample Scene…")
    dialog = yield from algorithm_dialog("Make Sample Scene")
    set_value(dialog, "SIZE", size)
    set_value(dialog, "OUTPUT", str(WORK / "sample"))
    yield settle()
    picture("sample_dialog")
    click(run_button(dialog))
    yield lambda: layer(SCENE) is not None and layer(TRUTH) is not None
    dialog.close()
    yield from drawn()
    picture("sample_scene")


def colours(box):
    """The colours on the canvas in a box of map coordinates, as sets of (red, green, blue)."""
    canvas = iface.mapCanvas()
    image = canvas.grab().toImage()
    to_pixel = canvas.getCoordinateTransform()
    first, last = to_pixel.transform(box.xMinimum(), box.yMaximum()), to_pixel.transform(box.xMaximum(), box.yMinimum())
    return [
        image.pixelColor(x, y).getRgb()[:3]
        for x in range(max(0, int(first.x())), min(image.width(), int(last.x())), 2)
        for y in range(max(0, int(first.y())), min(image.height(), int(last.y())), 2)
    ]


def on_the_canvas(feature, of=None):
    """Where on the canvas a feature of the detections, or of another layer, is, in pixels."""
    transform = QgsCoordinateTransform(
        (of or layer(DETECTIONS)).crs(), iface.mapCanvas().mapSettings().destinationCrs(), QgsProject.instance()
    )
    point = transform.transform(feature.geometry().pointOnSurface().asPoint())
    pixel = iface.mapCanvas().getCoordinateTransform().transform(point)
    return QPoint(round(pixel.x()), round(pixel.y()))


def detect_dialog(size):
    """Make the sample with QGIS just opened, and open the dialog that detects on it; give it."""
    yield from ready()
    yield from sample_scene(size)
    iface.setActiveLayer(layer(SCENE))
    yield from from_menu("Detect Solar Farms…")
    dialog = yield from algorithm_dialog("Detect Solar Farms")
    assert chosen_scene(dialog) == layer(SCENE)
    return dialog


def one_detection(size=512):
    """Make the sample, detect, and zoom to the largest detection; give it."""
    dialog = yield from detect_dialog(size)
    click(run_button(dialog))
    yield lambda: layer(PROBABILITY) is not None and layer(DETECTIONS) is not None
    dialog.close()
    largest = max(layer(DETECTIONS).getFeatures(), key=lambda farm: farm["area_ha"])
    box = largest.geometry().boundingBox()
    iface.mapCanvas().setExtent(box.buffered(max(box.width(), box.height()) / 2))
    iface.mapCanvas().refresh()
    iface.setActiveLayer(layer(DETECTIONS))
    yield from drawn()
    return largest


def rerun_dialog(known, title):
    """Open “Re-run from This Layer…” of a layer with the mouse; give the dialog."""
    view = iface.layerTreeView()
    node = QgsProject.instance().layerTreeRoot().findLayer(known.id())
    view.setCurrentLayer(known)
    mouse(view.viewport(), view.visualRect(view.node2index(node)).center(), button=3)
    yield lambda: isinstance(QApplication.activePopupWidget(), QMenu)
    yield settle()
    picture("layer_menu")
    menu = QApplication.activePopupWidget()
    entry = next(action for action in menu.actions() if action.text() == "Re-run from This Layer…")
    mouse(menu, menu.actionGeometry(entry).center())
    dialog = yield from algorithm_dialog(title)
    assert chosen_scene(dialog) == layer(SCENE)
    return dialog


def ran(method, **parameters):
    """Run an algorithm of ours in the background and wait for its end; give its results."""
    from solar_saliency.solar_saliency_plugin.gui.background import Run

    ended = []
    run = Run(method, parameters)
    run.start(lambda successful, results: ended.append((successful, results)))
    yield patient(lambda: ended)
    ((successful, results),) = ended
    assert successful, run.error
    return results
