"""What people do in QGIS, step by step. Each scenario yields conditions; it goes on when one holds."""

import os
import signal
import time
from pathlib import Path

from director import click, later, mouse, picture
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsProcessingModelAlgorithm,
    QgsProject,
    QgsRasterLayer,
)
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QLineEdit,
    QPushButton,
    QTextBrowser,
    QToolBar,
)
from qgis.utils import iface, loadPlugin, startPlugin, unloadPlugin
from steps import (
    DETECTIONS,
    PROBABILITY,
    SCENE,
    WORK,
    algorithm_dialog,
    colours,
    detect_dialog,
    drawn,
    from_menu,
    layer,
    log_text,
    of_class,
    opened,
    ready,
    rerun_dialog,
    run_button,
    set_value,
    settle,
    window,
    wrapper,
)


def worker():
    """The worker of the plugin as it is loaded now."""
    from solar_saliency.solar_saliency_plugin.bridge.worker import worker as current

    return current()


def detect_on_the_sample():
    """Sample scene → Detect Solar Farms… → styled layers on the canvas → run again from the layer."""
    dialog = yield from detect_dialog(768)
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
    dialog = yield from rerun_dialog(layer(PROBABILITY), "Detect Solar Farms")
    picture("run_again_dialog")
    set_value(dialog, "INPUT", str(WORK / "sample"))
    assert wrapper(dialog, "INPUT").parameterValue() == str(WORK / "sample"), "a folder can be a scene, too"
    dialog.close()


def batch_and_model_designer():
    """The same algorithm in the batch table and in the model designer, with the widgets that QGIS has there."""
    dialog = yield from detect_dialog(256)
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


def engine_killed_while_a_dialog_runs():
    """The dialog says that the engine was ended; the next run starts a new one and succeeds."""
    dialog = yield from detect_dialog(1024)
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
    dialog = yield from detect_dialog(1024)
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
