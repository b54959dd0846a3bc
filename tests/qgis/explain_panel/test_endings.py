"""The Explain panel where something ends: runs, the engine, the project, the plugin; and what the project remembers."""

import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
from qgis.core import QgsApplication, QgsRasterLayer
from qgis.PyQt.QtCore import QEvent, Qt
from qgis.PyQt.QtWidgets import QAbstractButton, QDockWidget, QLabel

from solar_saliency.solar_saliency_plugin.bridge.worker import worker
from solar_saliency.solar_saliency_plugin.gui.detections import Detection
from solar_saliency.solar_saliency_plugin.gui.explain_panel import runs, state
from tests.qgis.explain_panel.steps import (
    bars,
    doubts,
    explained,
    largest,
    long_run,
    on_the_map,
    switch,
    told,
    wait_until,
)

# stopping, failing


def test_stop_delivers_what_there_is(presenter, panel, found):
    long_run(panel)
    presenter.explain_detection(Detection(found, largest(found)))
    wait_until(lambda: bars(panel.waterfall))
    panel.explain.click()
    assert panel.explain.text() == "Cancel"
    wait_until(lambda: presenter._running is None)
    shown = presenter.findings.superpixels
    assert shown.answer.stopped and shown.answer.evaluations < 4000
    assert "Stopped after" in doubts(panel)
    assert sum(player.phi for player in shown.players) == pytest.approx(
        shown.answer.f_x - shown.answer.f_baseline, abs=1e-2
    )


def test_a_second_click_cancels_and_what_was_known_stays(presenter, panel, found, window):
    before = explained(presenter, found)
    long_run(panel)
    panel.explain.click()
    panel.explain.click()
    panel.explain.click()
    wait_until(lambda: presenter._running is None)
    assert presenter.findings.superpixels is before and told(panel) == "Cancelled."
    assert len(bars(panel.waterfall)) == len(before.players)


def test_a_question_that_is_refused_before_it_runs_is_told_and_leaves_the_panel_ready(presenter, panel, found):
    explained(presenter, found)
    presenter.findings.subject = replace(presenter.findings.subject, drawn=True, wkt="POLYGON ((nonsense))")
    panel.explain.click()
    wait_until(lambda: presenter._running is None)
    assert told(panel) not in ("", "Cancelled.") and panel.explain.text() != "Stop"


def test_a_new_run_begins_with_every_superpixel_switched_on(presenter, panel, found):
    explained(presenter, found)
    panel.what_if.click()
    switch(panel, presenter, 0)
    panel.explain.click()
    assert not panel.what_if.isChecked() and not panel.what_if.isEnabled()
    wait_until(lambda: presenter._running is None)
    assert panel.what_if.isEnabled() and all(bar.is_on for bar in bars(panel.waterfall))


def test_a_long_run_is_begun_with_consent_only(presenter, panel, found, monkeypatch):
    asked = {"superpixels": 400, "estimator": "permutations", "evaluations": 5_000_000}
    monkeypatch.setattr(state.Choices, "values", lambda choices: {"baseline": choices.baseline, **asked})
    presenter.explain_detection(Detection(found, largest(found)))
    wait_until(lambda: presenter._running is None)
    assert panel.message.button.text() == "Compute Anyway" and not panel.message.button.isHidden(), told(panel)
    assert "advanced parameters" not in told(panel), "that is what the dialog advises"
    panel.message.button.click()
    assert presenter._running.choices["long"] is True
    wait_until(lambda: bars(panel.waterfall))
    panel.explain.click()
    wait_until(lambda: presenter._running is None)
    assert presenter.findings.superpixels.answer.stopped


@pytest.fixture
def rasters(project, files, window):
    """The probability, shown on the map, and a node of the layer tree that says so."""
    layer = QgsRasterLayer(files["OUTPUT"], "Probability")
    project.addMapLayer(layer)
    return project.layerTreeRoot().findLayer(layer.id())


def test_the_probability_is_put_aside_while_an_answer_is_shown(
    entry, presenter, panel, found, rasters, project, tmp_path
):
    (scene,) = [n for n in project.layerTreeRoot().findLayers() if n.name() == "Scene"]
    explained(presenter, found)
    assert not rasters.itemVisibilityChecked() and scene.itemVisibilityChecked()
    entry.action.setChecked(False)
    assert rasters.itemVisibilityChecked()
    entry.action.setChecked(True)
    assert not rasters.itemVisibilityChecked()
    assert project.write(str(tmp_path / "p.qgz"))
    assert project.read(str(tmp_path / "p.qgz"))
    (again,) = [node for node in project.layerTreeRoot().findLayers() if node.name() == "Probability"]
    assert not again.itemVisibilityChecked() and not project.isDirty()
    again.setItemVisibilityChecked(True)
    explained(presenter, next(n.layer() for n in project.layerTreeRoot().findLayers() if n.name() == "Detections"))
    assert again.itemVisibilityChecked(), "the user wants to see it"
    entry.remove()
    assert again.itemVisibilityChecked()


def test_a_run_that_fails_leaves_no_dead_buttons_and_no_layer_put_aside(presenter, panel, found, rasters, monkeypatch):
    monkeypatch.setattr(runs.Explaining, "start", lambda run: run.ended.emit(runs.Outcome(error="It is broken.")))
    presenter.explain_detection(Detection(found, largest(found)))
    assert told(panel) == "It is broken." and rasters.itemVisibilityChecked()
    assert not panel.welcome.isHidden() and not panel.tabs.isVisible() and panel.explain.isEnabled()


def test_the_dock_gets_narrow_and_low_and_the_table_keeps_six_rows(panel, presenter, found, window):
    explained(presenter, found)
    panel.show_tab("baselines")
    panel.baselines.button.click()
    wait_until(lambda: presenter._running is None)
    assert panel.minimumSizeHint().width() <= 262 and panel.minimumSizeHint().height() <= 320
    window.window.resizeDocks([panel], [262], Qt.Orientation.Horizontal)
    wait_until(lambda: panel.width() <= 262)
    table = panel.baselines.table
    assert table.viewport().height() >= 5 * table.rowHeight(1)
    content = panel.widget().widget()
    assert content.minimumSizeHint().width() <= panel.widget().viewport().width(), "nothing is cut at the side"


def test_without_an_engine_there_is_a_way_to_set_it_up(presenter, panel, found, no_engine):
    presenter.explain_detection(Detection(found, largest(found)))
    assert "solarsaliency:setup" in told(panel) and presenter._running is None
    assert panel.explain.isEnabled(), "to be pressed once it is set up"


def test_an_engine_that_is_killed_while_it_streams_is_told_and_started_anew(presenter, panel, found):
    long_run(panel)
    presenter.explain_detection(Detection(found, largest(found)))
    wait_until(lambda: bars(panel.waterfall))
    os.kill(worker().hello["pid"], signal.SIGKILL)
    wait_until(lambda: presenter._running is None)
    assert "Explain Regions" in told(panel)
    assert bars(panel.waterfall), "what it had found is still there"
    panel.method.setCurrentIndex(0)
    panel.superpixels.setValue(25)
    panel.explain.click()
    wait_until(lambda: presenter._running is None)
    assert presenter.findings.superpixels is not None and not told(panel)


def test_bands_that_fail_are_not_asked_for_again_and_again(presenter, panel, found, monkeypatch):
    explained(presenter, found)
    monkeypatch.setattr(runs.Explaining, "start", lambda run: run.ended.emit(runs.Outcome(error="It is broken.")))
    panel.show_tab("bands")
    wait_until(lambda: presenter._running is None)
    assert told(panel) == "It is broken."
    assert presenter.findings.superpixels is not None and bars(panel.waterfall)


# the project, the window


def test_a_project_that_is_closed_while_it_runs_leaves_nothing(presenter, panel, found, window, project):
    long_run(panel)
    presenter.explain_detection(Detection(found, largest(found)))
    wait_until(lambda: bars(panel.waterfall))
    project.clear()
    assert presenter._running is None and not on_the_map(window) and presenter.findings.subject is None
    assert not panel.welcome.isHidden()
    wait_until(lambda: not QgsApplication.taskManager().activeTasks())


def test_unloading_while_it_runs_leaves_nothing(entry, presenter, panel, found, window):
    long_run(panel)
    presenter.explain_detection(Detection(found, largest(found)))
    wait_until(lambda: bars(panel.waterfall))
    entry.remove()
    assert not on_the_map(window) and window.canvas.mapTool() is None
    QgsApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert not window.window.findChildren(QDockWidget)
    wait_until(lambda: not QgsApplication.taskManager().activeTasks())


def test_a_closed_panel_leaves_the_map_clean_and_shows_all_when_it_is_opened_again(
    entry, presenter, panel, found, window
):
    explained(presenter, found)
    panel.what_if.setChecked(True)
    entry.action.setChecked(False)
    assert not on_the_map(window) and window.canvas.mapTool() is None
    entry.action.setChecked(True)
    assert len(on_the_map(window)) == 2 and bars(panel.waterfall)
    panel.close()
    assert not entry.action.isChecked() and not on_the_map(window)


def test_the_project_remembers_choices_question_and_answers(entry, presenter, panel, found, window, project, tmp_path):
    panel.superpixels.setValue(15)
    panel.baseline.setCurrentIndex(panel.baseline.findData("zero"))
    shown = explained(presenter, found)
    panel.show_tab("bands")
    wait_until(lambda: presenter._running is None)
    assert project.isDirty(), "QGIS asks before the answer is lost"
    headline = panel.headline.text()
    assert project.write(str(tmp_path / "p.qgz"))
    project.clear()
    assert not on_the_map(window) and panel.superpixels.value() == 25
    entry.action.setChecked(False)
    assert project.read(str(tmp_path / "p.qgz"))
    assert entry.action.isChecked(), "it was open"
    assert panel.superpixels.value() == 15 and panel.baseline.currentData() == "zero"
    assert panel.headline.text() == headline and len(bars(panel.waterfall)) == len(shown.players)
    assert [bar.value for bar in bars(panel.bars)] == [p.phi for p in presenter.findings.bands.players]
    assert len(on_the_map(window)) == 2 and not project.isDirty()
    panel.what_if.setChecked(True)
    f_x, _ = switch(panel, presenter, 0)
    assert f_x != shown.answer.f_x


def test_a_project_without_an_explanation_is_not_changed_by_the_panel(entry, project):
    project.setDirty(False)
    entry.action.setChecked(False)
    entry.action.setChecked(True)
    assert not project.isDirty()


def test_the_keyboard_reaches_everything(panel, presenter, found):
    explained(presenter, found)
    panel.window().activateWindow()
    reached, widget = [], panel.tools["pick"]
    for _ in range(200):
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisible() and widget.isEnabled():
            reached.append(widget.objectName() or type(widget).__name__)
        widget = widget.nextInFocusChain()
        if widget is panel.tools["pick"]:
            break
    wanted = ["pick", "rectangle", "polygon", "freehand", "estimator", "baseline", "superpixels", "explain"]
    wanted += ["WaterfallChart", "what_if", "add_to_map", "copy", "export"]
    assert [name for name in reached if name in wanted] == wanted


def test_mnemonics_are_unique_and_not_those_of_the_main_menu(panel):
    texts = [button.text() for button in panel.findChildren(QAbstractButton)]
    texts += [label.text() for label in panel.findChildren(QLabel) if label.buddy() is not None]
    keys = [text[text.index("&") + 1].lower() for text in texts if "&" in text]
    assert len(keys) == len(set(keys)) >= 10, keys
    assert not set(keys) & set("jevlsporhdc"), "Project, Edit, View, Layer, Settings, Plugins, Vector, Raster …"


def test_nothing_of_the_panel_is_loaded_before_it_is_wanted():
    code = """
import sys
sys.path.insert(0, sys.argv[1])
from qgis.core import QgsApplication
application = QgsApplication([], False)
import solar_saliency.solar_saliency_plugin.gui.menu
print([name for name in sys.modules if ".explain_panel." in name])
"""
    folder = next(path for path in sys.path if os.path.islink(os.path.join(path, "solar_saliency")))
    done = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True)
    assert done.stdout.strip().endswith("gui.explain_panel.entry']"), done.stdout + done.stderr
