"""What people do in QGIS, step by step. Each scenario yields conditions; it goes on when one holds."""

import gc
import json
import os
import shutil
import signal
import time
from pathlib import Path

from director import click, later, mouse, patient, picture
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsCoordinateTransform,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingModelAlgorithm,
    QgsProject,
    QgsRasterLayer,
)
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QItemSelectionModel, QPoint, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QDialogButtonBox,
    QDockWidget,
    QFileDialog,
    QLabel,
    QLineEdit,
    QMenu,
    QMessageBox,
    QPushButton,
    QTextBrowser,
    QTextEdit,
    QToolBar,
    QToolButton,
    QTreeWidget,
)
from qgis.utils import iface, loadPlugin, plugin_times, plugins, startPlugin, unloadPlugin

WORK = Path(os.environ["GUI_WORK"])
PROBABILITY = "Solar farm probability (simulated)"
DETECTIONS = "Solar farm detections (simulated)"
SCENE = "Scene, natural colour (simulated)"
TRUTH = "True solar farms (simulated)"


def worker():
    """The worker of the plugin as it is loaded now."""
    from solar_saliency.solar_saliency_plugin.bridge.worker import worker as current

    return current()


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


def detect_on_the_sample():
    """Sample scene → Detect Solar Farms… → styled layers on the canvas → run again from the layer."""
    yield from ready()
    yield from sample_scene(768)
    picture("sample_scene")
    iface.setActiveLayer(layer(SCENE))

    yield from from_menu("Detect Solar Farms…")
    dialog = yield from algorithm_dialog("Detect Solar Farms")
    assert chosen_scene(dialog) == layer(SCENE)
    picture("detect_dialog")
    click(run_button(dialog))
    yield lambda: layer(PROBABILITY) is not None and layer(DETECTIONS) is not None
    yield settle()
    picture("detect_log")
    assert "reach the threshold" in log_text(dialog), log_text(dialog)
    dialog.close()
    yield from drawn()
    picture("detect_map")

    farms = list(layer(DETECTIONS).getFeatures())
    assert farms, "nothing was detected on the sample"
    largest = max(farms, key=lambda farm: farm["area_ha"])
    assert any(r > 150 and g < 120 and b > 80 for r, g, b in colours(largest.geometry().boundingBox())), "no ramp"
    iface.mapCanvas().setExtent(largest.geometry().boundingBox().buffered(600))
    iface.mapCanvas().refresh()
    yield from drawn()
    picture("detect_close_up")
    yield from run_again()


def run_again():
    """“Re-run from This Layer…” in the context menu of the probability layer opens the same dialog, filled in."""
    view = iface.layerTreeView()
    node = QgsProject.instance().layerTreeRoot().findLayer(layer(PROBABILITY).id())
    view.setCurrentLayer(layer(PROBABILITY))
    place = view.visualRect(view.node2index(node)).center()
    mouse(view.viewport(), place, button=3)
    yield lambda: isinstance(QApplication.activePopupWidget(), QMenu)
    yield settle()
    menu = QApplication.activePopupWidget()
    picture("layer_menu")
    entry = next(action for action in menu.actions() if action.text() == "Re-run from This Layer…")
    mouse(menu, menu.actionGeometry(entry).center())
    dialog = yield from algorithm_dialog("Detect Solar Farms")
    picture("run_again_dialog")
    assert chosen_scene(dialog) == layer(SCENE)
    set_value(dialog, "INPUT", str(WORK / "sample"))
    assert wrapper(dialog, "INPUT").parameterValue() == str(WORK / "sample"), "a folder can be a scene, too"
    dialog.close()


def batch_and_model_designer():
    """The same algorithm in the batch table and in the model designer, with the widgets that QGIS has there."""
    yield from ready()
    yield from sample_scene(256)
    yield from from_menu("Detect Solar Farms…")
    dialog = yield from algorithm_dialog("Detect Solar Farms")
    click(dialog.runAsBatchButton)
    batch = yield from of_class("BatchAlgorithmDialog")
    panel = batch.mainWidget()
    panel.addRow()
    panel.checkLoadLayersOnCompletion.setChecked(True)
    context = panel.processing_context
    for row, cells in enumerate(panel.wrappers):
        values = {"INPUT": layer(SCENE).source(), "THRESHOLD": 0.3 + 0.3 * row, "MODEL": "compact"}
        for name, value in values.items():
            cells[panel.parameter_to_column[name]].setParameterValue(value, context)
        for name, ending in (("OUTPUT", "tif"), ("POLYGONS", "gpkg")):
            column = panel.parameter_to_column[name]
            panel.tblParameters.cellWidget(row + 1, column).setValue(str(WORK / f"batch{row}.{ending}"))
    yield settle()
    picture("batch")
    box = panel.wrappers[0][panel.parameter_to_column["MODEL"]].widget.findChild(QComboBox)
    panel.tblParameters.scrollTo(panel.tblParameters.model().index(1, panel.parameter_to_column["MODEL"]))
    assert box.currentData() == "compact" and box.currentText() != "compact", "models are shown by their titles"
    yield settle()
    picture("batch_models")
    click(run_button(batch))
    yield lambda: all((WORK / f"batch{row}.gpkg").exists() for row in (0, 1)) and "2/2" in log_text(batch)
    yield lambda: len(QgsProject.instance().mapLayersByName(PROBABILITY)) == 2
    yield settle()
    picture("batch_log")
    assert "not correctly generated" not in log_text(batch)
    batch.close()
    yield settle()

    from processing.modeler.ModelerParametersDialog import ModelerParametersDialog

    for algorithm, name in (("detect", "model_designer"), ("finetune", "model_designer_finetune")):
        found = QgsApplication.processingRegistry().createAlgorithmById(f"solarsaliency:{algorithm}")
        step = ModelerParametersDialog(found, QgsProcessingModelAlgorithm())
        step.setModal(False)
        step.show()
        line = step.widget.widget.wrappers["MODEL"].findChild(QLineEdit)
        assert line.text() == "default" and line.completer() is not None
        yield settle(1)
        picture(name)
        step.close()


def chosen_in_the_tree(*names):
    """Choose layers in the layer tree, as with Ctrl and the mouse."""
    view, root = iface.layerTreeView(), QgsProject.instance().layerTreeRoot()
    nodes = [root.findLayer(layer(name).id()) for name in names]
    view.setCurrentLayer(layer(names[-1]))
    for node in nodes:
        view.selectionModel().select(view.node2index(node), QItemSelectionModel.SelectionFlag.Select)
    assert {known.name() for known in view.selectedLayers()} == set(names)


def model_box(dialog):
    """The box of a dialog that models are chosen in."""
    return wrapper(dialog, "MODEL").widget.findChild(QComboBox)


def curve_in_the_log(dialog):
    """The log of a dialog ends with the picture of a learning curve, no wider than the log."""
    log = dialog.findChild(QTextEdit, "txtLog")
    return 'curve.png" width=' in log.toHtml() and not log.horizontalScrollBar().isVisible()


def model_of_ones_own():
    """Train a model on the sample, evaluate it, choose it by its title, and detect with it."""
    yield from ready()
    yield from sample_scene(768)
    chosen_in_the_tree(SCENE, TRUTH)

    yield from from_menu("Train Model…")
    dialog = yield from algorithm_dialog("Train Model")
    assert wrapper(dialog, "SCENES").parameterValue() == [layer(SCENE).id()]
    for name, value in {"TITLE": "Farms of the Sample", "STEPS": 20, "BATCH": 2}.items():
        set_value(dialog, name, value)
    yield settle()
    picture("train_dialog")
    click(run_button(dialog))
    yield patient(lambda: "Step 5 of 20" in log_text(dialog))
    picture("train_running")
    yield patient(lambda: "Installed as" in log_text(dialog) and run_button(dialog).isEnabled())
    yield settle()
    assert curve_in_the_log(dialog), log_text(dialog)
    picture("train_log")
    dialog.close()

    yield from from_menu("Evaluate Model…")
    dialog = yield from algorithm_dialog("Evaluate Model")
    box = model_box(dialog)
    box.setFocus()
    QTest.keyClicks(box, "Farms of")
    assert box.currentText() == "Farms of the Sample", "titles can be typed"
    assert wrapper(dialog, "SCENES").parameterValue() == [layer(SCENE).id()]
    yield settle()
    picture("evaluate_dialog")
    click(run_button(dialog))
    yield patient(lambda: "Pixels: average precision" in log_text(dialog) and run_button(dialog).isEnabled())
    yield settle()
    picture("evaluate_log")
    shutil.copy(dialog.results()["REPORT"], os.path.join(os.environ["GUI_PICTURES"], "evaluate_report.html"))
    dialog.close()

    iface.layerTreeView().setCurrentLayer(layer(SCENE))
    yield from from_menu("Detect Solar Farms…")
    dialog = yield from algorithm_dialog("Detect Solar Farms")
    box = model_box(dialog)
    box.setCurrentText("Farms of the Sample")
    later(box.showPopup)
    yield settle()
    picture("detect_with_models")
    box.hidePopup()
    click(run_button(dialog))
    yield lambda: layer(PROBABILITY) is not None
    assert "farms-of-the-sample" in layer(PROBABILITY).metadata().abstract()
    dialog.close()
    yield from fine_tuned_from_a_selection()


def fine_tuned_from_a_selection():
    """Fine-tune with the features that are selected; the dialog says that a copy of them is used."""
    chosen_in_the_tree(SCENE, TRUTH)
    layer(TRUTH).selectAll()
    yield from from_menu("Fine-Tune Model…")
    dialog = yield from algorithm_dialog("Fine-Tune Model")
    selected = QgsProcessingFeatureSourceDefinition(layer(TRUTH).id(), True)
    for name, value in {"POLYGONS": selected, "STEPS": 10, "BATCH": 2, "INSTALL": False}.items():
        set_value(dialog, name, value)
    yield settle()
    picture("finetune_dialog")
    click(run_button(dialog))
    yield patient(lambda: "On places kept out" in log_text(dialog) and run_button(dialog).isEnabled())
    yield settle()
    picture("finetune_log")
    assert "selected features only" in log_text(dialog)
    dialog.close()


def options_page():
    """Wait for our page of QGIS's options and give it."""

    def found():
        return [w for w in QApplication.allWidgets() if w.objectName() == "SolarSaliencyOptions" and w.isVisible()]

    yield found
    yield settle(1)
    return found()[0]


def button(parent, name):
    return parent.findChild(QPushButton, name)


def installed_models():
    """The options page: a folder is installed, made the default and removed; a network needs consent."""
    folder = WORK / "burgenland"
    shutil.copytree(Path(__file__).parents[2] / "resources" / "models" / "compact", folder)
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    (folder / "card.json").write_text(json.dumps({**card, "name": "burgenland", "title": "Farms of Burgenland"}))
    (WORK / "network.pt2").write_bytes(b"no network")

    yield from ready()
    yield from from_menu("Installed Models…")
    page = yield from options_page()
    models = page.findChild(QTreeWidget, "models")
    picture("options_models")
    QFileDialog.getExistingDirectory = staticmethod(lambda *arguments: str(folder))
    click(button(page, "install"))
    yield patient(lambda: models.findItems("Farms of Burgenland", Qt.MatchFlag.MatchExactly))
    yield lambda: button(page, "default").isEnabled()
    yield settle()
    picture("options_installed")
    click(button(page, "default"))
    yield lambda: models.findItems("Farms of Burgenland", Qt.MatchFlag.MatchExactly)[0].text(1) == "Default"

    QFileDialog.getOpenFileName = staticmethod(lambda *arguments: (str(WORK / "network.pt2"), ""))
    click(button(page, "own"))
    dialog = yield from of_class("ConsentDialog")
    picture("options_consent")
    install = next(b for b in dialog.findChildren(QPushButton) if b.text() == "Install")
    assert not install.isEnabled()
    later(dialog.findChild(QCheckBox, "trust").click)
    yield install.isEnabled
    click(install)
    yield lambda: "no network" in page.findChild(QLabel, "state").text()
    yield settle()
    picture("options_refused")

    click(button(page, "remove"))
    question = yield from opened("Remove Model")
    picture("options_remove")
    click(question.button(QMessageBox.StandardButton.Yes))
    yield lambda: not models.findItems("Farms of Burgenland", Qt.MatchFlag.MatchExactly)
    yield settle()
    assert folder.exists(), "what was installed is a copy"
    page.window().reject()


def engine_killed_while_a_dialog_runs():
    """The dialog says that the engine was ended; the next run starts a new one and succeeds."""
    yield from ready()
    yield from sample_scene(1024)
    iface.setActiveLayer(layer(SCENE))
    yield from from_menu("Detect Solar Farms…")
    dialog = yield from algorithm_dialog("Detect Solar Farms")
    set_value(dialog, "WINDOW", 32)  # small windows take long enough to be caught at it
    click(run_button(dialog))
    yield lambda: "Window " in log_text(dialog)
    os.kill(worker().hello["pid"], signal.SIGKILL)
    yield lambda: "Execution failed" in log_text(dialog)
    yield settle()
    picture("engine_killed")
    assert "engine" in log_text(dialog).lower()
    assert layer(PROBABILITY) is None

    set_value(dialog, "WINDOW", 0)
    click(run_button(dialog))
    yield lambda: layer(PROBABILITY) is not None
    dialog.close()


def run_is_cancelled():
    """Cancel ends a run within a second, QGIS stays alive, and nothing is loaded."""
    yield from ready()
    yield from sample_scene(1024)
    iface.setActiveLayer(layer(SCENE))
    yield from from_menu("Detect Solar Farms…")
    dialog = yield from algorithm_dialog("Detect Solar Farms")
    set_value(dialog, "WINDOW", 32)
    click(run_button(dialog))
    yield lambda: "Window " in log_text(dialog)
    started = time.monotonic()
    click(dialog.cancelButton())
    yield lambda: run_button(dialog).isEnabled()
    assert time.monotonic() - started < 3, "cancelling took too long"
    yield settle()
    picture("cancelled")
    assert layer(PROBABILITY) is None
    yield from unloaded_and_loaded_again()


def unloaded_and_loaded_again():
    """Unloading takes away menu, toolbar, provider, open dialogs and the engine's process; loading brings it back."""
    pid = worker().hello["pid"]
    assert unloadPlugin("solar_saliency")
    yield lambda: window("Detect Solar Farms") is None
    yield lambda: not Path(f"/proc/{pid}").exists()
    titles = [action.text().replace("&", "") for action in iface.rasterMenu().actions() if action.isVisible()]
    assert "Solar Saliency" not in titles
    assert QgsApplication.processingRegistry().providerById("solarsaliency") is None
    assert iface.mainWindow().findChild(QToolBar, "SolarSaliencyToolBar") is None
    assert loadPlugin("solar_saliency") and startPlugin("solar_saliency")
    yield from from_menu("Model Info…")
    dialog = yield from algorithm_dialog("Model Info")
    click(run_button(dialog))
    yield lambda: "Receptive field" in log_text(dialog)
    yield settle()
    picture("model_info")


def missing_engine_is_offered_and_refused():
    """Without an engine the menu offers to set it up; refused, nothing is opened and nothing was installed."""
    yield from ready()
    yield from from_menu("Detect Solar Farms…")
    dialog = yield from opened("Set Up Engine")
    yield settle(3)
    picture("set_up_dialog")
    refuse = next(button for button in dialog.findChildren(QPushButton) if button.text() == "Not Now")
    click(refuse)
    yield lambda: window("Set Up Engine") is None
    yield settle()
    assert window("Detect Solar Farms") is None
    assert not Path(os.environ["SOLAR_SALIENCY_ENGINE"]).exists()


def missing_engine_in_the_toolbox():
    """The toolbox says what is missing; a click on the link opens set-up."""
    from processing.gui.ProcessingToolbox import ProcessingToolbox

    yield from ready()
    toolbox = iface.mainWindow().findChild(ProcessingToolbox)
    toolbox.show()
    toolbox.searchBox.setText("Detect Solar")
    yield settle()
    later(toolbox.executeAlgorithm)
    message = yield from opened("Error executing algorithm")
    picture("toolbox_message")
    browser = message.findChild(QTextBrowser)
    mouse(browser.viewport(), browser.cursorRect(browser.document().find("Set up the")).center())
    yield from opened("Set Up Engine")
    yield settle(2)
    picture("set_up_from_link")


def picture_is_refused():
    """An 8-bit picture: the dialog says what is wrong and what to do; nothing is loaded."""
    yield from ready()
    path = str(WORK / "holiday.tif")
    dataset = gdal.GetDriverByName("GTiff").Create(path, 300, 300, 3, gdal.GDT_Byte)
    dataset.GetRasterBand(1).Fill(120)
    dataset = None
    QgsProject.instance().addMapLayer(QgsRasterLayer(path, "Holiday"))
    iface.setActiveLayer(layer("Holiday"))
    yield from from_menu("Detect Solar Farms…")
    dialog = yield from algorithm_dialog("Detect Solar Farms")
    click(run_button(dialog))
    yield lambda: "Execution failed" in log_text(dialog)
    yield settle()
    picture("picture_refused")
    assert "picture" in log_text(dialog)
    assert len(QgsProject.instance().mapLayers()) == 1


def attributions():
    """The attribution layers of the project."""
    from solar_saliency.solar_saliency_plugin.bridge.runs import run_of

    return [known for known in QgsProject.instance().mapLayers().values() if run_of(known).get("method") == "attribute"]


def on_the_canvas(feature, of=None):
    """Where on the canvas a feature of the detections, or of another layer, is, in pixels."""
    transform = QgsCoordinateTransform(
        (of or layer(DETECTIONS)).crs(), iface.mapCanvas().mapSettings().destinationCrs(), QgsProject.instance()
    )
    point = transform.transform(feature.geometry().pointOnSurface().asPoint())
    pixel = iface.mapCanvas().getCoordinateTransform().transform(point)
    return QPoint(round(pixel.x()), round(pixel.y()))


def explain_by_a_click():
    """Detect → the tool's button → a click on a detection: its map appears in a group of its own; more ways to ask."""
    yield from ready()
    yield from sample_scene(768)
    iface.setActiveLayer(layer(SCENE))
    yield from from_menu("Detect Solar Farms…")
    dialog = yield from algorithm_dialog("Detect Solar Farms")
    click(run_button(dialog))
    yield lambda: layer(PROBABILITY) is not None and layer(DETECTIONS) is not None
    dialog.close()
    largest = max(layer(DETECTIONS).getFeatures(), key=lambda farm: farm["area_ha"])
    box = largest.geometry().boundingBox()
    canvas = iface.mapCanvas()
    canvas.setExtent(box.buffered(max(box.width(), box.height()) / 2))
    canvas.refresh()
    yield from drawn()

    button = iface.mainWindow().findChild(QToolButton, "SolarSaliency_explain_button")
    mouse(button, button.rect().center() - QPoint(button.width() // 4, 0))
    yield lambda: canvas.mapTool() is not None and canvas.mapTool().action() is button.defaultAction()
    yield settle()
    picture("explain_tool")
    mouse(canvas.viewport(), on_the_canvas(largest))
    yield (
        lambda: (
            iface.messageBar().currentItem() is not None and "(first look)" in iface.messageBar().currentItem().text()
        )
    )
    picture("explain_running")
    yield attributions
    yield lambda: "first look" not in attributions()[0].name()
    yield from drawn()
    picture("explain_map")
    (shown,) = attributions()
    group = QgsProject.instance().layerTreeRoot().findGroup(f"Why: detection {largest['id']}")
    assert group is not None and group.findLayer(shown.id()) is not None
    assert group.parent().name().startswith("Solar Saliency: ")
    names = [child.name() for child in group.parent().children()]
    assert names.index(DETECTIONS) < names.index(group.name()) < names.index(PROBABILITY) < names.index(SCENE), names
    assert any(r > b + 60 or b > r + 60 for r, g, b in colours(box)), "neither red nor blue on the map"
    assert not QgsProject.instance().layerTreeRoot().findLayer(layer(PROBABILITY).id()).isVisible()
    yield from other_ways_to_ask(largest)


def other_ways_to_ask(farm):
    """The choice of a method, the map's context menu, and the dialog filled in from the layer."""
    canvas = iface.mapCanvas()
    button = iface.mainWindow().findChild(QToolButton, "SolarSaliency_explain_button")
    mouse(button, QPoint(button.width() - 4, button.height() // 2))
    yield button.menu().isVisible
    methods = button.menu().actions()[0]
    mouse(button.menu(), button.menu().actionGeometry(methods).center())
    yield methods.menu().isVisible
    yield settle()
    picture("explain_methods")
    entry = next(action for action in methods.menu().actions() if action.text() == "Gradient")
    mouse(methods.menu(), methods.menu().actionGeometry(entry).center())
    yield lambda: not button.menu().isVisible()

    iface.actionPan().trigger()
    mouse(canvas.viewport(), on_the_canvas(farm), button=3)
    yield lambda: isinstance(QApplication.activePopupWidget(), QMenu)
    yield settle()
    picture("explain_context_menu")
    menu = QApplication.activePopupWidget()
    entry = next(action for action in menu.actions() if action.text() == "Explain This Detection")
    mouse(menu, menu.actionGeometry(entry).center())
    yield lambda: len(attributions()) == 2
    yield from drawn()
    picture("explain_two_methods")
    gradient = next(known for known in attributions() if known.name().startswith("Gradient"))
    iface.layerTreeView().setCurrentLayer(gradient)
    yield from run_again_as("Explain Detection", gradient)


def run_again_as(title, known):
    """“Re-run from This Layer…” of a layer opens the dialog with what it was asked; the dialog runs it."""
    view = iface.layerTreeView()
    node = QgsProject.instance().layerTreeRoot().findLayer(known.id())
    mouse(view.viewport(), view.visualRect(view.node2index(node)).center(), button=3)
    yield lambda: isinstance(QApplication.activePopupWidget(), QMenu)
    menu = QApplication.activePopupWidget()
    entry = next(action for action in menu.actions() if action.text() == "Re-run from This Layer…")
    mouse(menu, menu.actionGeometry(entry).center())
    dialog = yield from algorithm_dialog(title)
    assert chosen_scene(dialog) == layer(SCENE)
    value = wrapper(dialog, "TARGET").parameterValue()
    told = value if isinstance(value, str) else f"CRS={value.crs().authid()};{value.asWkt()}"
    assert told.startswith("CRS=EPSG:32643;MultiPolygon"), told
    picture("explain_dialog")
    click(run_button(dialog))
    yield lambda: "for each band, added up over all pixels" in log_text(dialog) and run_button(dialog).isEnabled()
    log = dialog.findChild(QTextEdit, "txtLog")
    log.setTextCursor(log.document().find("The model was asked"))
    log.ensureCursorVisible()
    yield settle()
    picture("explain_log")
    dialog.close()
