"""What the Explain panel is asked, and what it answers, with the real engine on the simulated sample."""

import os
from dataclasses import replace

import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
)
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QTextDocument
from qgis.PyQt.QtWidgets import QMenu

from solar_saliency.solar_saliency_plugin.gui.detections import Detection
from solar_saliency.solar_saliency_plugin.gui.explain_panel import runs
from tests.qgis.explain_panel.steps import UTM, bars, doubts, explained, largest, on_the_map, told, wait_until


def test_a_detection_is_explained_by_superpixels_that_add_up(presenter, panel, found, window):
    shown = explained(presenter, found)
    assert shown is not None, told(panel)
    answer = shown.answer
    assert sum(player.phi for player in shown.players) == pytest.approx(answer.f_x - answer.f_baseline, abs=1e-3)
    assert f"Probability {answer.probability:.2f} (simulated)" in panel.headline.text()
    assert "bare soil" in panel.told.text() and f"{answer.f_x:.3g}" in panel.told.text()
    assert len(bars(panel.waterfall)) >= 20
    assert sorted(on_the_map(window)) == ["QgsRubberBand", "Superpixels"]
    assert not told(panel), "that the scene is simulated is said, but is no reason to warn"
    assert panel.explain.text() == "Expla&in" and panel.progress.isHidden()


def test_what_is_known_is_shown_while_it_is_computed(presenter, panel, found, monkeypatch):
    presenter.explain_detection(Detection(found, largest(found)))
    steps, stages = [], []
    presenter._running.shown.connect(lambda shown: steps.append((shown, len(bars(panel.waterfall)))))
    presenter._running.stage.connect(stages.append)
    assert panel.explain.text() == "Stop" and not panel.progress.isHidden()
    wait_until(lambda: presenter._running is None)
    assert not steps[0][0].estimated and sum(bool(outline) for outline in steps[0][0].outlines) >= 20
    assert any(shown.estimated and not shown.whole and rows for shown, rows in steps)
    assert any("evaluations" in stage for stage in stages)


@pytest.mark.parametrize("crs", ["EPSG:32643", "EPSG:3857", "EPSG:4326"])
def test_a_drawn_region_is_explained_whatever_the_maps_crs(presenter, panel, found, window, crs):
    reference = QgsCoordinateReferenceSystem(crs)
    window.canvas.setDestinationCrs(reference)
    region = QgsGeometry.fromRect(largest(found).geometry().boundingBox().buffered(40))
    region.transform(QgsCoordinateTransform(UTM, reference, QgsProject.instance()))
    presenter.explain_region(region)
    wait_until(lambda: presenter._running is None)
    shown = presenter.findings.superpixels
    assert shown is not None, told(panel)
    assert panel.headline.text().startswith("Region at 26.")
    assert shown.answer.target_pixels == largest(found)["pixels"]
    assert presenter.findings.request["threshold"] == 0.45, "that of the layer of detections"


def test_a_region_is_explained_from_the_active_scene_where_no_detection_is(presenter, panel, window, found, project):
    region = QgsGeometry.fromRect(largest(found).geometry().boundingBox().buffered(40))
    window.active = next(layer for layer in project.mapLayers().values() if layer.name() == "Scene")
    window.canvas.setLayers([window.active])
    presenter.explain_region(region)
    wait_until(lambda: presenter._running is None)
    assert presenter.findings.superpixels is not None, told(panel)


def test_where_there_is_nothing_to_explain_a_sentence_says_what_to_do(presenter, panel, window, found):
    box = found.extent()
    nowhere = QgsGeometry.fromRect(QgsRectangle(box.xMaximum() + 9e4, 0, box.xMaximum() + 9.1e4, 1000))
    presenter.explain_region(nowhere)
    assert "Click a Sentinel-2 scene in the Layers panel" in told(panel)
    assert presenter._running is None and not on_the_map(window)


def test_a_region_without_any_detection_is_refused_in_words(presenter, panel, window, found, project):
    window.active = next(layer for layer in project.mapLayers().values() if layer.name() == "Scene")
    box = window.active.extent()
    corner = QgsRectangle(box.xMinimum() + 100, box.yMinimum() + 100, box.xMinimum() + 300, box.yMinimum() + 300)
    presenter.explain_region(QgsGeometry.fromRect(corner))
    wait_until(lambda: presenter._running is None)
    assert presenter.findings.superpixels is None and "detected" in told(panel)


def test_what_the_detections_were_made_from_may_be_gone(presenter, panel, found, files):
    os.rename(files["OUTPUT"], files["OUTPUT"] + ".away")
    try:
        presenter.explain_detection(Detection(found, largest(found)))
        assert "not there any more" in told(panel) and "draw a region" in told(panel)
        presenter.explain_region(QgsGeometry.fromRect(largest(found).geometry().boundingBox().buffered(40)))
        wait_until(lambda: presenter._running is None)
        assert presenter.findings.superpixels is not None, told(panel)
        assert f"mean of {presenter.findings.superpixels.answer.target_pixels} detected pixels" in panel.headline.text()
    finally:
        os.rename(files["OUTPUT"] + ".away", files["OUTPUT"])


@pytest.mark.parametrize("in_this_session", [True, False])
def test_a_layer_of_detections_whose_file_is_gone_is_named_with_a_way_out(
    panel, found, files, project, tmp_path, in_this_session
):
    assert found.name() == "Detections" and project.write(str(tmp_path / "p.qgz"))
    os.rename(files["POLYGONS"], files["POLYGONS"] + ".away")
    try:
        if not in_this_session:
            assert project.read(str(tmp_path / "p.qgz"))
        panel.explain.click()
        assert "“Detections” cannot be read any more" in told(panel), told(panel)
        assert "repair its data source" in told(panel) and "Detect Solar Farms…" in told(panel)
        panel.message.clear()
        panel.tools["pick"].click()
        assert "“Detections” cannot be read any more" in told(panel)
        panel.tools["pick"].click()
    finally:
        os.rename(files["POLYGONS"] + ".away", files["POLYGONS"])
    if in_this_session:
        panel.explain.click()
        assert told(panel) == "Select one detection, or pick one on the map."


def test_the_maps_context_menu_offers_the_panel_on_detections(entry, found):
    class Event:
        def __init__(self, point):
            self.point = point

        def mapPoint(self):  # noqa: N802
            return self.point

    entry.action.setChecked(False)
    menu = QMenu()
    entry._offer(menu, Event(QgsPointXY(0, 0)))
    assert not menu.actions()
    entry._offer(menu, Event(largest(found).geometry().pointOnSurface().asPoint()))
    (action,) = menu.actions()
    action.trigger()
    wait_until(lambda: entry._presenter._running is None)
    assert entry.action.isChecked() and entry._presenter.findings.superpixels is not None


def test_signs_of_markup_in_names_and_messages_are_shown_as_they_are(presenter, panel, found):
    shown = explained(presenter, found)
    presenter._view.begin(replace(presenter.findings, subject=replace(presenter.findings.subject, name="<b>5</b>")))
    assert panel.headline.text().startswith("<b>5</b>") and panel.headline.textFormat() == Qt.TextFormat.PlainText
    warned = replace(shown, warnings=("Farms' <i>edges</i> & more.",))
    presenter._view.begin(replace(presenter.findings, superpixels=warned))
    document = QTextDocument()
    document.setHtml(doubts(panel))
    assert document.toPlainText() == "Farms' <i>edges</i> & more."
    assert panel.doubts.text.textFormat() == Qt.TextFormat.RichText
    assert panel.doubts.accessibleName() == "Warning: Farms' <i>edges</i> & more."


def test_a_newer_question_takes_the_place_of_one_that_runs(presenter, panel, found):
    small = min(found.getFeatures(), key=lambda feature: feature["area_ha"])
    presenter.explain_detection(Detection(found, largest(found)))
    presenter.explain_detection(Detection(found, small))
    wait_until(lambda: presenter._running is None)
    assert presenter.findings.subject.name == f"detection {small['id']}"
    assert presenter.findings.superpixels.answer.target_pixels == small["pixels"]


def test_runs_are_those_of_algorithms_and_found_in_the_history(presenter, panel, found, monkeypatch):
    remembered = []
    monkeypatch.setattr(runs, "remember", lambda algorithm, p, c: remembered.append((algorithm.id(), p)))
    explained(presenter, found)
    panel.show_tab("bands")
    wait_until(lambda: presenter._running is None)
    assert [algorithm for algorithm, _ in remembered] == ["solarsaliency:regionshap", "solarsaliency:bandshap"]
    assert remembered[0][1]["TARGET"].startswith("CRS=EPSG:32643;")


def test_the_choices_are_asked_for(presenter, panel, found):
    panel.baseline.setCurrentIndex(panel.baseline.findData("zero"))
    panel.method.setCurrentIndex(panel.method.findData("leverage"))
    panel.superpixels.setValue(12)
    shown = explained(presenter, found)
    assert (presenter.findings.request["baseline"], shown.answer.estimator) == ("zero", "leverage")
    assert sum(player.number > 0 for player in shown.players) <= 14
    panel.superpixels.setValue(8)
    panel.superpixels.editingFinished.emit()
    assert "Press “Explain”" in told(panel)
    panel.explain.click()
    wait_until(lambda: presenter._running is None)
    assert sum(player.number > 0 for player in presenter.findings.superpixels.players) <= 10


def test_the_hint_to_press_explain_goes_when_a_choice_is_taken_back(presenter, panel, found):
    explained(presenter, found)
    soil, zero = panel.baseline.findData("soil"), panel.baseline.findData("zero")
    for index, is_told in ((zero, True), (soil, False)):
        panel.baseline.setCurrentIndex(index)
        panel.baseline.activated.emit(index)
        assert ("Press “Explain”" in told(panel)) == is_told
    panel.copy.click()
    panel.baseline.activated.emit(soil)
    assert "clipboard" in told(panel), "what else is said stays"
