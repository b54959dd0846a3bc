"""Explanations among the layers of a project: which are visible, where they lie, what dialogs take from them."""

import json
import re
from pathlib import Path

import processing
import pytest
from osgeo import gdal, ogr, osr
from qgis.core import (
    QgsApplication,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtWidgets import QWidget

from solar_saliency.processing_algorithms.explaining import map_presentation
from solar_saliency.solar_saliency_plugin.bridge import layers
from solar_saliency.solar_saliency_plugin.bridge.targets import target_name
from solar_saliency.solar_saliency_plugin.gui.detections import prefilled
from solar_saliency.solar_saliency_plugin.qgis_compat import POLYGON_GEOMETRY

STYLES = Path(__file__).resolve().parents[2] / "resources" / "styles"
SCENE_ID = "T43RDJ"
SQUARE = "POLYGON ((400000 2899000, 400200 2899000, 400200 2899200, 400000 2899200, 400000 2899000))"


@pytest.fixture
def shown(project, tmp_path):
    """Puts a raster on the map as Processing does: added where the current layer is, then post-processed."""

    def show(method, presentation=None, request=None, result=None, scene=SCENE_ID, into=None):
        layer = made(tmp_path / f"{len(project.mapLayers())}.tif", method, request, result, scene)
        project.addMapLayer(layer, False)
        (into or project.layerTreeRoot()).insertLayer(0, layer)
        context = QgsProcessingContext()
        context.setProject(project)
        presentation = presentation or map_presentation(request or {}, result or {})
        layers.ShownResult(presentation).postProcessLayer(layer, context, QgsProcessingFeedback())
        return layer

    return show


def made(path, method, request=None, result=None, scene=SCENE_ID, bands=1):
    """A layer of a raster that says how it was made; of the user's own where ``method`` is empty."""
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), 4, 4, bands)
    dataset.SetGeoTransform((400000, 10, 0, 2900000, 0, -10))
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(32643)
    dataset.SetProjection(crs.ExportToWkt())
    if method:
        run = {"method": method, "request": request or {}, "result": result or {}, "scene": {"id": scene}}
        dataset.SetMetadataItem("SOLAR_SALIENCY_RUN", json.dumps({**run, "model": {}, "software": {}, "warnings": []}))
    dataset = None
    return QgsRasterLayer(str(path), path.stem)


def asked(name="detection 3", method="integrated_gradients", **more):
    return {"attribution_method": method, "baseline": "soil", "name": name, "target": SQUARE, **more}


def visible(layer):
    return QgsProject.instance().layerTreeRoot().findLayer(layer.id()).isVisible()


def group_names():
    return [group.name() for group in QgsProject.instance().layerTreeRoot().findGroups(True)]


def in_project(project, layer):
    project.addMapLayer(layer)
    return layer


# what is visible


def test_a_new_map_hides_what_it_would_be_seen_through_and_nothing_else(shown, project, tmp_path):
    probability = shown("detect", layers.Presentation("Probability"))
    image = made(tmp_path / "image.tif", "", bands=3)
    own = made(tmp_path / "own.tif", "")
    polygons = QgsVectorLayer("Polygon?crs=EPSG:32643", "mine", "memory")
    for layer in (image, own, polygons):
        project.addMapLayer(layer)
        layers.move_to_group(project, layer, f"Solar Saliency: {SCENE_ID}")
    other_scenes = shown("detect", layers.Presentation("Probability"), scene="other")
    elsewhere = shown("attribute", request=asked("detection 8"), scene="other")
    beside = shown("attribute", request=asked("detection 4"))
    sibling = shown("attribute", request=asked(method="gradient"))
    newest = shown("attribute", request=asked())
    assert [visible(layer) for layer in (elsewhere, beside, sibling, probability, newest)] == [False] * 4 + [True]
    assert all(visible(layer) for layer in (image, own, polygons))
    assert not visible(other_scenes), "it had an explanation of its own"


def test_maps_can_be_shown_together_afterwards(shown, project):
    first, second = shown("attribute", request=asked()), shown("attribute", request=asked(method="gradient"))
    project.layerTreeRoot().findLayer(first.id()).setItemVisibilityChecked(True)
    assert visible(first) and visible(second)


def test_a_result_that_comes_while_a_map_is_current_is_visible_and_leaves_the_map_alone(shown, project):
    known = shown("attribute", request=asked())
    why = project.layerTreeRoot().findGroup("Why: detection 3")
    probability = shown("detect", layers.Presentation("Probability"), into=why)
    assert visible(probability) and visible(known)
    own = QgsVectorLayer("Polygon?crs=EPSG:32643", "mine", "memory")
    project.addMapLayer(own, False)
    why.insertLayer(0, own)
    assert visible(own) and visible(known)


def test_a_result_in_groups_that_are_switched_off_is_visible(shown, project):
    shown("attribute", request=asked())
    for group in project.layerTreeRoot().findGroups(True):
        group.setItemVisibilityChecked(False)
    assert visible(shown("attribute", request=asked(method="gradient")))


def superpixels(folder, project):
    """A layer of polygons that an explanation made, as if it had just been put on the map."""
    path = str(folder / "s.gpkg")
    run = {"method": "regionshap", "request": {}, "result": {}, "scene": {"id": SCENE_ID}, "model": {}, "software": {}}
    source = ogr.GetDriverByName("GPKG").CreateDataSource(path)
    for name in ("first", "superpixels"):
        table = source.CreateLayer(name, None, ogr.wkbPolygon)
        table.SetMetadataItem("SOLAR_SALIENCY_RUN", json.dumps({**run, "warnings": [name]}))
    del table, source
    layer = QgsVectorLayer(f"{path}|layername=superpixels", "s", "ogr")
    project.addMapLayer(layer)
    layers.move_to_group(project, layer, f"Solar Saliency: {SCENE_ID}", "Why: detection 3")
    return layer


def test_polygons_that_explain_hide_other_explanations_and_are_hidden_by_them(shown, project, tmp_path):
    below = shown("attribute", request=asked())
    parts = superpixels(tmp_path, project)
    assert visible(parts) and not visible(below)
    above = shown("attribute", request=asked(method="gradient"))
    assert visible(above) and not visible(parts)


def test_a_raster_that_shows_the_same_as_polygons_waits_unchecked(shown, project, tmp_path):
    parts = superpixels(tmp_path, project)
    same = layers.Presentation("raster", group="Why: detection 3", behind=str(tmp_path / "s.gpkg"))
    raster = shown("regionshap", same)
    assert visible(parts) and not visible(raster)
    project.removeMapLayer(parts.id())
    assert visible(shown("regionshap", same))


def test_of_a_file_with_several_tables_the_right_one_is_loaded(project, tmp_path):
    superpixels(tmp_path, project)
    project.clear()
    context, path = QgsProcessingContext(), str(tmp_path / "s.gpkg")
    context.setProject(project)
    details = QgsProcessingContext.LayerDetails("s", project, "OUTPUT")
    context.addLayerToLoadOnCompletion(path, details)
    layers.show_when_loaded(context, path, layers.Presentation("Parts", group="Why: x", layer="superpixels"))
    (source,) = context.layersToLoadOnCompletion()
    from processing.gui.Postprocessing import handleAlgorithmResults

    algorithm = QgsApplication.processingRegistry().createAlgorithmById("native:buffer")
    handleAlgorithmResults(algorithm, context, QgsProcessingFeedback())
    (layer,) = project.mapLayers().values()
    assert source.endswith("|layername=superpixels") and layer.name() == "Parts"
    assert layers.run_of(layer)["warnings"] == ["superpixels"] and layer.geometryType() == POLYGON_GEOMETRY


# what they are called


@pytest.mark.parametrize(
    ("request_", "result", "name"),
    [
        (asked(), {}, "detection 3"),
        (asked(""), {"target_wkt": SQUARE, "target_crs": "EPSG:32643"}, "26.20796N 74.00004E"),
        (asked(""), {"target_wkt": "POINT (-58.4 -34.6)", "target_crs": "EPSG:4326"}, "34.60000S 58.40000W"),
        (asked("", target="", polygons="d.gpkg"), {"target_wkt": "nonsense", "target_crs": "EPSG:32643"}, "target"),
        (asked("", target="", polygons=""), {}, "all detections"),
    ],
)
def test_a_group_says_what_is_explained(shown, request_, result, name):
    shown("attribute", request=request_, result=result)
    assert f"Why: {name}" in group_names()


def test_a_run_that_tells_nothing_is_of_a_target():
    assert target_name({}) == "target"


def test_maps_of_the_same_question_are_numbered(shown):
    names = [shown("attribute", request=asked()).name() for _ in range(3)]
    title = "Integrated gradients (bare soil)"
    assert names == [title, f"{title} (2)", f"{title} (3)"]
    assert shown("attribute", request=asked("detection 4")).name() == title


# how they look


@pytest.mark.parametrize("name", ["attribution", "attribution_unsigned"])
def test_the_image_shows_at_full_colour_and_the_legend_is_in_words(name):
    style = (STYLES / f"{name}.qml").read_text(encoding="utf-8")
    assert max(int(alpha) for alpha in re.findall(r'alpha="(\d+)"', style)) == 190
    labels = [found for pair in re.findall(r' label="(.*?)"|imumLabel="(.*?)"', style) for found in pair if found]
    assert labels and not any("$range" in text for text in labels)


# what dialogs take


@pytest.fixture
def questions(tmp_path):
    """The requests of a detection and an explanation of a scene that exists."""
    scene = tmp_path / "scene.tif"
    made(scene, "", bands=3)
    return {"scene": str(scene), "model": "compact", "threshold": 0.4}


@pytest.mark.parametrize("method", ["detect", "attribute", "comparemethods"])
def test_the_dialog_takes_the_scene_of_an_active_result(questions, tmp_path, method):
    values = prefilled(made(tmp_path / "a.tif", method, questions))
    assert (values["INPUT"], values["MODEL"], values["THRESHOLD"]) == (questions["scene"], "compact", 0.4)
    assert "POLYGONS" not in values


def test_the_threshold_that_was_used_is_taken(questions, tmp_path):
    values = prefilled(made(tmp_path / "a.tif", "detect", {**questions, "threshold": None}, {"threshold": 0.7}))
    assert values["THRESHOLD"] == 0.7


@pytest.mark.parametrize("changed", [{"scene": "/gone.tif"}, {"threshold": "a lot"}])
def test_what_is_gone_or_unfit_is_not_taken(questions, tmp_path, changed):
    assert prefilled(made(tmp_path / "a.tif", "attribute", {**questions, **changed})) == {}


def test_polygons_of_the_users_own_are_taken(project):
    layer = in_project(project, QgsVectorLayer("Polygon?crs=EPSG:32643", "mine", "memory"))
    assert prefilled(layer) == {"POLYGONS": layer.id()}
    assert prefilled(QgsVectorLayer("LineString?crs=EPSG:32643", "lines", "memory")) == {}


@pytest.mark.parametrize(("method", "offered"), [("attribute", False), ("detect", False), ("preparescene", True)])
def test_the_box_of_scenes_does_not_offer_results(provider, project, tmp_path, method, offered):
    from processing.gui.wrappers import WidgetWrapperFactory
    from qgis.gui import QgsProcessingParameterWidgetContext

    layer = in_project(project, made(tmp_path / "a.tif", method))
    parameter = provider.algorithm("attribute").parameterDefinition("INPUT")
    dialog = QWidget()
    widget = WidgetWrapperFactory.create_wrapper(parameter, dialog)
    known = widget.createWrappedWidget(QgsProcessingContext())
    context = QgsProcessingParameterWidgetContext()
    context.setProject(project)
    context.setActiveLayer(layer)
    widget.setWidgetContext(context)
    assert known is not None and widget.value() == (layer.id() if offered else None)


def test_a_detection_of_the_real_engine_is_visible_while_a_map_is_current(sample, shown, project, tmp_path, listener):
    shown("attribute", request=asked())
    context = QgsProcessingContext()
    context.setProject(project)
    output = str(tmp_path / "p.tif")
    processing.runAndLoadResults(
        "solarsaliency:detect", {"INPUT": sample["SCENE"], "OUTPUT": output}, feedback=listener, context=context
    )
    (layer,) = layers.layers_of(project, [output])
    assert visible(layer)
