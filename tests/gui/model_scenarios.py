"""Models in a real QGIS: trained, evaluated, chosen, fine-tuned, installed and removed by clicking."""

import json
import os
import shutil
from pathlib import Path

from director import click, later, patient, picture
from qgis.core import (
    QgsProcessingFeatureSourceDefinition,
    QgsProject,
)
from qgis.PyQt.QtCore import QItemSelectionModel, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QFileDialog,
    QLabel,
    QMessageBox,
    QPushButton,
    QTextEdit,
    QTreeWidget,
)
from qgis.utils import iface
from steps import (
    PROBABILITY,
    SCENE,
    TRUTH,
    WORK,
    algorithm_dialog,
    from_menu,
    layer,
    log_text,
    of_class,
    opened,
    ready,
    run_button,
    sample_scene,
    set_value,
    settle,
    wrapper,
)


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
