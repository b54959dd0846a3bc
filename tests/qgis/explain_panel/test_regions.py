"""Regions that are drawn in the Explain panel: beside a picked detection; in a CRS that only this QGIS knows."""

import processing
import pytest
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsGeometry,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)

from solar_saliency.solar_saliency_plugin.bridge.coordinate_systems import crs_text
from solar_saliency.solar_saliency_plugin.gui.detections import Detection
from solar_saliency.solar_saliency_plugin.gui.explain_panel import state
from tests.qgis.explain_panel.steps import UTM, bars, explained, largest, on_the_map, switch, told, wait_until

# How a region bears on the detection that was picked


def beside(found, metres=10):
    """A strip of 30 m so far east of the largest detection, with no detection in it."""
    box = largest(found).geometry().boundingBox()
    strip = QgsRectangle(box.xMaximum() + metres, box.yMinimum(), box.xMaximum() + metres + 30, box.yMaximum())
    assert not any(feature.geometry().intersects(strip) for feature in found.getFeatures())
    return QgsGeometry.fromRect(strip)


def drawn(presenter, region):
    presenter.explain_region(region)
    wait_until(lambda: presenter._running is None)
    return presenter.findings.superpixels


def test_a_region_without_a_detection_is_asked_how_it_bears_on_the_one_that_was_picked(presenter, panel, found):
    before = explained(presenter, found)
    request = presenter.findings.request
    for metres in (10, 20):  # what is drawn next is about the same detection
        shown = drawn(presenter, beside(found, metres))
        assert shown is not None, told(panel)
        name = f"detection {largest(found)['id']}"
        assert f"No detection lies in the region: what is explained is how it bears on {name}." in told(panel)
        assert panel.headline.text().startswith(f"D{name[1:]} (region at 26.")
        assert f"mean of {before.answer.target_pixels} pixels" in panel.headline.text()
        assert shown.answer.f_x == pytest.approx(before.answer.f_x, abs=1e-4), "the same question"
        asked = presenter.findings.request
        assert asked["region"] and all(asked[name] == request[name] for name in ("target", "scene", "model"))
    panel.show_tab("bands")
    wait_until(lambda: presenter._running is None)
    assert presenter.findings.bands.answer.f_x == pytest.approx(before.answer.f_x, abs=1e-4)


def test_a_region_with_a_detection_is_about_that_one_whatever_was_picked(presenter, panel, found):
    small = min(found.getFeatures(), key=lambda feature: feature["area_ha"])
    presenter.explain_detection(Detection(found, small))
    wait_until(lambda: presenter._running is None)
    shown = drawn(presenter, QgsGeometry.fromRect(largest(found).geometry().boundingBox().buffered(40)))
    assert shown.answer.target_pixels == largest(found)["pixels"] and not told(panel)
    assert "target" not in presenter.findings.request


def test_a_region_out_of_the_models_sight_can_be_explained_itself(presenter, panel, found):
    explained(presenter, found)
    drawn(presenter, beside(found, 300))
    assert "depends on nothing in the region" in told(panel) and "right beside it" in told(panel)
    assert itself(presenter, panel) is not None


def test_what_is_refused_for_another_reason_is_told_without_an_offer_to_explain_the_region(presenter, panel, found):
    explained(presenter, found)
    panel.method.setCurrentIndex(panel.method.findData("exact"))
    panel.superpixels.setValue(60)
    drawn(presenter, beside(found))
    assert "Exact values of" in told(panel) and panel.message.button.isHidden(), told(panel)


def itself(presenter, panel):
    """Take up the offer to explain the region alone, and see that all its pixels are what is explained."""
    assert panel.message.button.text() == "Explain the Region Itself" and not panel.message.button.isHidden()
    panel.message.button.click()
    assert panel.headline.text().startswith("Region at 26.")
    wait_until(lambda: presenter._running is None)
    shown, request = presenter.findings.superpixels, presenter.findings.request
    assert shown is not None, told(panel)
    assert told(panel) == "All pixels of the region count, detected or not: what is explained is their mean."
    assert f"mean of {shown.answer.target_pixels} pixels" in panel.headline.text(), "they are not detected"
    assert request["pixels"] == "all" and "target" not in request
    area = presenter.findings.subject.geometry().area()
    assert shown.answer.target_pixels == pytest.approx(area / 100, rel=0.25), "all pixels, 10 m wide, are meant"
    assert sum(p.phi for p in shown.players) == pytest.approx(shown.answer.f_x - shown.answer.f_baseline, abs=1e-3)
    return shown


def corner_of(layer, side=300):
    """A square of the scene where nothing is detected, metres wide."""
    left, low = layer.extent().xMinimum() + 100, layer.extent().yMinimum() + 100
    return QgsGeometry.fromRect(QgsRectangle(left, low, left + side, low + side))


def scene_of(project):
    return next(layer for layer in project.mapLayers().values() if layer.name() == "Scene")


def test_a_region_out_of_sight_is_explained_by_the_model_and_scene_of_the_detection(presenter, panel, found, project):
    explained(presenter, found)
    request = presenter.findings.request
    other = scene_of(project).clone()
    project.addMapLayer(other)
    presenter._map.canvas.setLayers([found, scene_of(project), other])  # of several scenes, which one is known
    drawn(presenter, beside(found, 300))
    itself(presenter, panel)
    asked = presenter.findings.request
    assert all(asked[name] == request[name] for name in ("scene", "model", "threshold"))
    panel.show_tab("bands")
    wait_until(lambda: presenter._running is None)
    assert presenter.findings.bands.answer.target_pixels == presenter.findings.superpixels.answer.target_pixels


def test_a_region_where_nothing_is_detected_can_be_explained_itself(presenter, panel, project, found):
    assert drawn(presenter, corner_of(scene_of(project))) is None
    assert "nothing is detected there" in told(panel) and "the mean of all its pixels" in told(panel)
    shown = itself(presenter, panel)
    assert shown.answer.probability < 0.45
    panel.superpixels.setValue(9)
    panel.explain.click()
    wait_until(lambda: presenter._running is None)
    assert presenter.findings.superpixels.answer.target_pixels == shown.answer.target_pixels
    panel.what_if.click()
    assert switch(panel, presenter, 0)[0] is not None
    panel.copy.click()
    copied = QgsApplication.clipboard().text()
    assert f"mean of {shown.answer.target_pixels} pixels" in copied
    drawn(presenter, corner_of(scene_of(project), 200))
    assert "nothing is detected there" in told(panel), "it is not asked how it bears on the region before"


def test_a_region_that_another_scene_shows_is_explained_there(presenter, panel, found, project, window, tmp_path):
    scene = scene_of(project)
    explained(presenter, found)
    moved = str(tmp_path / "moved.tif")
    box = scene.extent()
    east = [box.xMinimum() + 5e4, box.yMaximum(), box.xMaximum() + 5e4, box.yMinimum()]
    gdal.Translate(moved, scene.source(), outputBounds=east)
    window.active = QgsRasterLayer(moved, "Moved")
    project.addMapLayer(window.active)
    drawn(presenter, corner_of(window.active))
    assert "outside the scene" in told(panel)
    itself(presenter, panel)
    assert presenter.findings.request["scene"] == moved


# What was known before


def test_a_question_that_gets_no_answer_leaves_the_one_before(presenter, panel, found, window, project):
    before = explained(presenter, found)
    panel.show_tab("bands")
    wait_until(lambda: presenter._running is None)
    findings, headline = presenter.findings, panel.headline.text()
    assert drawn(presenter, beside(found, 300)) is before
    assert presenter.findings is findings and panel.headline.text() == headline
    assert "depends on nothing in the region" in told(panel)
    assert len(bars(panel.waterfall)) == len(before.players) and bars(panel.bars)
    assert sorted(on_the_map(window)) == ["QgsRubberBand", "Superpixels"] and panel.add_to_map.isEnabled()
    panel.what_if.click()
    assert switch(panel, presenter, 0)[0] != before.answer.f_x
    presenter.explain_region(beside(found))
    assert presenter.findings.subject.bears_on == findings.subject.name, "what was picked is still known"
    presenter._running.cancel()
    wait_until(lambda: presenter._running is None)
    assert presenter.findings is findings and told(panel) == "Cancelled."
    presenter.explain_region(beside(found))
    nowhere = QgsRectangle(1e7, 1e7, 1e7 + 100, 1e7 + 100)
    window.canvas.setLayers([])
    presenter._view.findings.subject = None  # nothing tells which scene is meant
    presenter.explain_region(QgsGeometry.fromRect(nowhere))
    assert presenter.findings is findings and "scene" in told(panel)


def test_a_long_run_that_gets_consent_is_of_what_was_asked(presenter, panel, found, monkeypatch):
    before = explained(presenter, found)
    small = min(found.getFeatures(), key=lambda feature: feature["area_ha"])
    asked = {"superpixels": 400, "estimator": "permutations", "evaluations": 5_000_000}
    monkeypatch.setattr(state.Choices, "values", lambda choices: {"baseline": choices.baseline, **asked})
    presenter.explain_detection(Detection(found, small))
    wait_until(lambda: presenter._running is None)
    assert presenter.findings.superpixels is before and panel.message.button.text() == "Compute Anyway"
    panel.message.button.click()
    assert presenter.findings.subject.name == presenter._running.subject.name == f"detection {small['id']}"
    presenter._running.cancel()
    wait_until(lambda: presenter._running is None)


def test_a_project_that_is_closed_takes_the_answer_before_along(presenter, panel, found, project):
    explained(presenter, found)
    presenter._ask(lambda: presenter.findings.subject)
    project.clear()
    presenter.explain_region(QgsGeometry.fromRect(QgsRectangle(0, 0, 100, 100)))
    assert presenter.findings.subject is None and not bars(panel.waterfall)


def test_the_project_remembers_what_a_region_is_asked_about(presenter, panel, found, project):
    explained(presenter, found)
    drawn(presenter, beside(found))
    presenter._remember()
    assert state.load(project).findings.subject == presenter.findings.subject


# A coordinate system of the user's own


@pytest.fixture(scope="module")
def own_crs(provider):
    crs = QgsCoordinateReferenceSystem.fromProj("+proj=laea +lat_0=26 +lon_0=74 +x_0=100 +datum=WGS84 +units=m")
    registry = QgsApplication.coordinateReferenceSystemRegistry()
    number = registry.addUserCrs(crs, 'Our grid; "new"')
    yield QgsCoordinateReferenceSystem(f"USER:{number}")
    registry.removeUserCrs(number)


def test_a_crs_is_told_by_its_code_where_everyone_knows_that(own_crs):
    assert crs_text(UTM) == "EPSG:32643" and crs_text(QgsCoordinateReferenceSystem("ESRI:54009")) == "ESRI:54009"
    assert own_crs.authid().startswith("USER:") and "\n" not in crs_text(own_crs)
    assert QgsCoordinateReferenceSystem(crs_text(own_crs)) == own_crs
    assert crs_text(QgsCoordinateReferenceSystem()) == ""


def test_a_region_is_explained_on_a_map_in_a_crs_of_the_users_own(presenter, panel, found, window, own_crs):
    window.canvas.setDestinationCrs(own_crs)
    region = QgsGeometry.fromRect(largest(found).geometry().boundingBox().buffered(40))
    region.transform(QgsCoordinateTransform(UTM, own_crs, QgsProject.instance()))
    shown = drawn(presenter, region)
    assert shown is not None, told(panel)
    assert shown.answer.target_pixels == largest(found)["pixels"]


def test_detections_in_a_crs_of_the_users_own_are_explained(presenter, panel, files, own_crs, project, tmp_path):
    moved = str(tmp_path / "moved.gpkg")
    gdal.VectorTranslate(moved, files["POLYGONS"], dstSRS=own_crs.toWkt(), reproject=True, layers=["detections"])
    layer = QgsVectorLayer(moved, "Moved")
    layer.setCrs(own_crs)
    project.addMapLayer(layer)
    shown = explained(presenter, layer)
    assert shown is not None, told(panel)
    assert abs(shown.answer.target_pixels - largest(layer)["pixels"]) < 0.05 * largest(layer)["pixels"]


def test_a_dialogs_region_may_be_in_a_crs_of_the_users_own(sample, found, own_crs, engine, tmp_path):
    region = QgsGeometry.fromRect(largest(found).geometry().boundingBox().buffered(40))
    region.transform(QgsCoordinateTransform(UTM, own_crs, QgsProject.instance()))
    outputs = {"OUTPUT": str(tmp_path / "s.gpkg"), "RASTER": None, "REPORT": None}
    told = f"CRS={own_crs.authid()};{region.asWkt()}"
    processing.run("solarsaliency:regionshap", {"INPUT": sample["SCENE"], "REGION": told, "SUPERPIXELS": 5, **outputs})
    assert QgsVectorLayer(outputs["OUTPUT"] + "|layername=superpixels").featureCount() >= 5
