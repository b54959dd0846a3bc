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
    QgsRectangle,
    QgsVectorLayer,
)

from solar_saliency.solar_saliency_plugin.bridge.coordinate_systems import crs_text
from solar_saliency.solar_saliency_plugin.gui.detections import Detection
from solar_saliency.solar_saliency_plugin.gui.explain_panel import state
from tests.qgis.explain_panel.steps import UTM, explained, largest, told, wait_until

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


def test_a_region_out_of_the_models_sight_can_be_explained_itself(presenter, panel, found, window, project):
    window.active = next(layer for layer in project.mapLayers().values() if layer.name() == "Scene")
    explained(presenter, found)
    assert drawn(presenter, beside(found, 300)) is None
    assert "depends on nothing in the region" in told(panel) and "right beside it" in told(panel)
    assert panel.message.button.text() == "Explain the Region Itself"
    panel.message.button.click()
    assert panel.headline.text().startswith("Region at 26.")
    wait_until(lambda: presenter._running is None)
    assert "nothing is detected there" in told(panel)


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
