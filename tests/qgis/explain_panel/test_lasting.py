"""What stays with an answer in the Explain panel: its warnings, and its files; what a run leaves of itself, nothing."""

import gc
import os
import weakref

import pytest
from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QEventLoop, QTimer
from qgis.PyQt.QtWidgets import QToolButton

from solar_saliency.solar_saliency_plugin.bridge.runs import run_of
from solar_saliency.solar_saliency_plugin.gui.detections import Detection
from solar_saliency.solar_saliency_plugin.gui.explain_panel import handing_on
from solar_saliency.solar_saliency_plugin.gui.explain_panel.answer import PanelAnswer, with_baseline
from solar_saliency.solar_saliency_plugin.gui.explain_panel.message import Message
from tests.qgis.explain_panel.made_up import compared
from tests.qgis.explain_panel.steps import bars, doubts, explained, largest, long_run, switch, told, wait_until


@pytest.fixture
def stopped(presenter, panel, found):
    """An answer with a warning: its run was stopped."""
    long_run(panel)
    panel.superpixels.setValue(200)  # so many are remembered
    presenter.explain_detection(Detection(found, largest(found)))
    wait_until(lambda: bars(panel.waterfall))
    assert not doubts(panel)
    panel.explain.click()
    wait_until(lambda: presenter._running is None)
    return presenter.findings.superpixels


def test_warnings_of_an_answer_stay_as_long_as_it_is_shown(stopped, presenter, panel):
    assert "Stopped after" in doubts(panel) and not told(panel)
    panel.copy.click()
    assert "clipboard" in told(panel) and "Stopped after" in doubts(panel)
    panel.what_if.setChecked(True)
    switch(panel, presenter, 0)
    assert "Stopped after" in doubts(panel)
    panel.show_tab("bands")
    wait_until(lambda: presenter._running is None)
    assert presenter.findings.bands is not None and not doubts(panel), "all bands were asked for"
    panel.show_tab("baselines")
    assert "Stopped after" in doubts(panel)
    panel.superpixels.setValue(10)
    panel.explain.click()
    wait_until(lambda: presenter._running is None or not presenter._view.superpixels.whole)
    assert not doubts(panel), "what is shown is another answer"


def put_away(message):
    (cross,) = message.findChildren(QToolButton)
    cross.click()


def test_warnings_that_were_put_away_stay_away_until_another_answer_is_shown(
    stopped, presenter, panel, project, tmp_path
):
    put_away(panel.doubts)
    for tab in ("baselines", "bands", "superpixels"):
        panel.show_tab(tab)
        wait_until(lambda: presenter._running is None)
        assert not doubts(panel), tab
    panel.what_if.setChecked(True)
    switch(panel, presenter, 0)
    assert not doubts(panel)
    assert project.write(str(tmp_path / "p.qgz")) and project.read(str(tmp_path / "p.qgz"))
    assert "Stopped after" in doubts(panel), "the project was opened again"
    put_away(panel.doubts)
    panel.explain.click()
    wait_until(lambda: bars(panel.waterfall))
    panel.explain.click()
    wait_until(lambda: presenter._running is None)
    assert "Stopped after" in doubts(panel), "that is another answer"


def test_warnings_of_an_answer_come_back_with_the_project(stopped, presenter, panel, project, tmp_path):
    presenter.findings.superpixels = PanelAnswer.from_json(
        {**stopped.to_json(), "warnings": ["Part of the region was left out."]}
    )
    assert project.write(str(tmp_path / "p.qgz"))
    project.clear()
    assert not doubts(panel)
    assert project.read(str(tmp_path / "p.qgz"))
    assert "Part of the region was left out." in doubts(panel) and "Stopped after" in doubts(panel)


def test_what_is_said_is_told_to_who_does_not_see_it(provider):
    message = Message("message")
    for say, kind in ((message.hint, "Hint"), (message.warn, "Warning"), (message.fail, "Error")):
        say("Rock &amp; <b>snow</b>.")
        assert message.accessibleName() == f"{kind}: Rock & snow."
    message.ask("Go on?", "Yes", lambda: None)
    assert message.accessibleName() == "Question: Go on?" and message.button.text() == "Yes"
    (cross,) = message.findChildren(QToolButton)
    assert cross.accessibleName() == cross.toolTip() == "Put this message away"


# What a run leaves of itself


def test_of_a_run_that_ended_or_was_abandoned_nothing_waits_for_the_garbage_collector(presenter, panel, found):
    kept = []

    def noted():
        kept.extend(weakref.ref(each) for each in (presenter._running, presenter._running._run))

    gc.collect()
    gc.disable()
    try:
        long_run(panel)
        presenter.explain_detection(Detection(found, largest(found)))
        noted()
        wait_until(lambda: bars(panel.waterfall))
        panel.superpixels.setValue(10)
        presenter.explain_detection(Detection(found, largest(found)))  # the first one is abandoned
        noted()
        wait_until(lambda: presenter._running is None and not QgsApplication.taskManager().activeTasks())
        loop = QEventLoop()  # deletes what is to be deleted later
        QTimer.singleShot(100, loop.quit)
        loop.exec()
        assert [each() for each in kept if each() is not None] == []
    finally:
        gc.enable()


def test_bands_that_were_given_up_in_one_project_are_asked_for_in_the_next(presenter, panel, found, project, tmp_path):
    explained(presenter, found)
    panel.show_tab("bands")
    presenter._running.cancel()
    wait_until(lambda: presenter._running is None)
    panel.show_tab("superpixels")
    panel.show_tab("bands")
    assert presenter._running is None, "it was given up"
    path = str(tmp_path / "why.qgz")
    assert project.write(path) and project.read(path)
    panel.show_tab("superpixels")
    panel.show_tab("bands")
    assert presenter._running is not None
    presenter._running.cancel()
    wait_until(lambda: presenter._running is None)


# Layers and files that are gone


def test_the_colours_come_back_once_the_layer_of_the_answer_is_removed(presenter, panel, found, project):
    explained(presenter, found)
    panel.add_to_map.click()
    assert not presenter._map.superpixels._values
    shown = presenter.findings.superpixels
    presenter._view._show_values(with_baseline(compared(shown, ""), 1, "soil"), "zero")
    assert presenter._map.superpixels._values, "another baseline's values are not the layer's"
    for again in (
        lambda: presenter._view._show_values(shown, "soil"),
        lambda: (panel.close(), panel.show()),
        lambda: presenter._view.show_earlier("regionshap", but_this=False),
    ):
        again()
        assert not presenter._map.superpixels._values and not presenter._map.superpixels._labels, "the layer has them"
    (layer,) = [known for known in project.mapLayers().values() if run_of(known).get("method") == "regionshap"]
    project.removeMapLayer(layer.id())
    assert presenter._map.superpixels._values and presenter._map.superpixels._labels[0] == "1"
    panel.add_to_map.click()
    assert [run_of(known).get("method") for known in project.mapLayers().values()].count("regionshap") == 1


def test_a_layer_that_was_saved_with_the_project_keeps_the_colours_until_it_is_removed(
    presenter, panel, found, project, tmp_path
):
    explained(presenter, found)
    panel.add_to_map.click()
    (layer,) = [known for known in project.mapLayers().values() if run_of(known).get("method") == "regionshap"]
    path, name = str(tmp_path / "why.qgz"), layer.id()
    assert project.write(path) and project.read(path)
    assert project.mapLayer(name).isValid() and presenter._map.superpixels._shapes
    assert not presenter._map.superpixels._values and not presenter._map.superpixels._labels, "the layer has them"
    project.removeMapLayer(name)
    assert presenter._map.superpixels._values and presenter._map.superpixels._labels[0] == "1"
    assert project.write(path) and project.read(path)
    assert presenter._map.superpixels._values, "the layer is gone"


def test_the_panel_has_the_colours_where_the_file_of_its_layer_is_gone(presenter, panel, found, project, tmp_path):
    explained(presenter, found)
    panel.add_to_map.click()
    path, files = str(tmp_path / "why.qgz"), presenter.findings.outcomes["regionshap"].files
    assert project.write(path)
    project.clear()
    os.remove(files["gpkg"])
    assert project.read(path)
    assert presenter._map.superpixels._values


def test_files_that_were_deleted_meanwhile_are_made_again(presenter, panel, found, project, tmp_path, monkeypatch):
    explained(presenter, found)
    os.remove(presenter.findings.outcomes["regionshap"].files["html"])
    target = str(tmp_path / "why.html")
    monkeypatch.setattr(handing_on.QFileDialog, "getSaveFileName", lambda *_: (target, ""))
    presenter._handing_on._export("html")
    panel.message.button.click()
    wait_until(lambda: presenter._running is None)
    assert os.path.getsize(target) > 500 and target in told(panel)


@pytest.fixture
def reopened(presenter, panel, found, project, tmp_path):
    """A project that was opened again, with an answer and other baselines beside it."""
    explained(presenter, found)
    panel.baselines.button.click()
    wait_until(lambda: presenter._running is None)
    assert project.write(str(tmp_path / "p.qgz"))
    project.clear()
    assert project.read(str(tmp_path / "p.qgz"))
    assert presenter.findings.superpixels is not None


@pytest.mark.usefixtures("reopened")
def test_one_click_exports_the_answer_of_a_project_that_was_opened_again(presenter, panel, tmp_path, monkeypatch):
    target = str(tmp_path / "why.gpkg")
    monkeypatch.setattr(handing_on.QFileDialog, "getSaveFileName", lambda *_: (target, ""))
    before, rows = panel.headline.text(), panel.baselines.table.rowCount()
    presenter._handing_on._fill_export()
    (entry,) = [action for action in panel.export.menu().actions() if "GeoPackage" in action.text()]
    entry.trigger()
    assert "session of QGIS" in told(panel) and panel.message.button.text() == "Explain Again"
    panel.superpixels.setValue(9)  # not what was asked for the answer that is shown
    panel.message.button.click()
    wait_until(lambda: presenter._running is None)
    assert os.path.getsize(target) > 500 and target in told(panel)
    assert panel.headline.text() == before and panel.baselines.table.rowCount() == rows > 1


@pytest.mark.usefixtures("reopened")
def test_a_remembered_answer_becomes_a_layer_and_a_table(presenter, panel, project, tmp_path, monkeypatch):
    target = str(tmp_path / "why.csv")
    monkeypatch.setattr(handing_on.QFileDialog, "getSaveFileName", lambda *_: (target, ""))
    presenter._handing_on._export("csv")
    assert os.path.getsize(target) > 500 and presenter._running is None, "that needs no files"
    panel.add_to_map.click()
    panel.message.button.click()
    wait_until(lambda: presenter._running is None)
    assert [run_of(known).get("method") for known in project.mapLayers().values()].count("regionshap") == 1
