"""What a target is called: a detection by one name, whether it was clicked or asked about in a dialog."""

import processing
import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsGeometry,
    QgsProcessingFeatureSourceDefinition,
    QgsProject,
    QgsVectorLayer,
)

from solar_saliency.solar_saliency_plugin.bridge import layers
from solar_saliency.solar_saliency_plugin.gui.detections import Detection, as_parameters
from solar_saliency.solar_saliency_plugin.gui.target_widget import selected_geometry

EXPLAIN = ("attribute", "comparemethods", "layerattribution", "deletionmask", "regionshap", "bandshap")
DEGREES = "EPSG:4326"


@pytest.fixture
def clicked(found):
    """The detection that is explained."""
    return Detection(found, max(found.getFeatures(), key=lambda feature: feature["area_ha"]))


@pytest.fixture
def name_in(provider, sample, context, listener, tmp_path):
    """What the target is called that a dialog of an algorithm asks about."""

    def name(method, **values):
        algorithm = provider.algorithm(method).create()
        asked = {"INPUT": sample["SCENE"], **values}
        asked["OUTPUT"] = str(tmp_path / ("o.gpkg" if method.endswith("shap") else "o.tif"))
        assert algorithm.prepare(asked, context, listener), listener.errors
        return algorithm._request.get("name", "")

    return name


def as_text(detection, crs=None):
    """A detection's outline as the dialog has it."""
    outline = QgsGeometry(detection.feature.geometry())
    own = detection.layer.crs()
    if crs is not None:
        there = QgsCoordinateReferenceSystem(crs)
        outline.transform(QgsCoordinateTransform(own, there, QgsProject.instance()))
    return f"CRS={crs or own.authid()};{outline.asWkt()}"


@pytest.mark.parametrize("method", EXPLAIN)
def test_a_dialog_calls_a_detection_what_a_click_calls_it(clicked, name_in, method):
    assert name_in(method, TARGET=as_text(clicked)) == clicked.name
    assert name_in(method, TARGET=as_text(clicked, DEGREES)) == clicked.name
    assert name_in(method, **{k: as_parameters(clicked.target())[k] for k in ("TARGET", "NAME")}) == clicked.name


@pytest.mark.parametrize("method", EXPLAIN)
def test_the_only_detection_of_a_layer_that_counts_is_called_so_too(clicked, name_in, method):
    clicked.layer.selectByIds([clicked.feature.id()])
    selected = QgsProcessingFeatureSourceDefinition(clicked.layer.id(), True)
    assert name_in(method, POLYGONS=selected) == clicked.name
    assert name_in(method, POLYGONS=clicked.layer.id()) == "", "they are many"


@pytest.mark.parametrize(("method", "each"), [("layerattribution", "together"), ("regionshap", "each by itself")])
def test_the_log_says_how_many_polygons_are_explained_before_it_begins(clicked, name_in, listener, method, each):
    layer, fewer = clicked.layer, "To explain fewer, select them"
    name_in(method, POLYGONS=layer.id())
    told = [text for text in listener.texts if "explained" in text]
    assert len(told) == 1 and told[0].startswith(f"{layer.featureCount()} polygons are explained")
    assert each in told[0] and fewer in told[0]
    layer.selectByIds([feature.id() for feature in layer.getFeatures()][:2])
    name_in(method, POLYGONS=QgsProcessingFeatureSourceDefinition(layer.id(), True))
    assert any(text.startswith("2 polygons are explained") and fewer not in text for text in listener.texts)
    name_in(method, POLYGONS=QgsProcessingFeatureSourceDefinition(layer.id(), False, 1))
    assert "1 polygon is explained." in listener.texts


def test_what_the_button_takes_from_the_map_is_that_detection(clicked, name_in):
    clicked.layer.selectByIds([clicked.feature.id()])
    assert name_in("attribute", TARGET=selected_geometry()) == clicked.name
    assert name_in("regionshap", REGION=selected_geometry(False)) == clicked.name


def test_a_name_of_the_users_own_stays(clicked, name_in):
    assert name_in("attribute", TARGET=as_text(clicked), NAME="Farm of Anna") == "Farm of Anna"


def test_other_places_have_no_detections_name(clicked, name_in, project):
    outline = clicked.feature.geometry()
    middle = outline.pointOnSurface()
    crs = clicked.layer.crs().authid()
    for other in (outline.buffer(20, 4), middle.buffer(15, 4), middle, outline.combine(middle.buffer(3000, 4))):
        assert name_in("attribute", TARGET=f"CRS={crs};{other.asWkt()}") == ""
    own = QgsVectorLayer(f"Polygon?crs={crs}", "mine", "memory")
    own.dataProvider().addFeatures([clicked.feature])
    project.removeMapLayer(clicked.layer.id())
    project.addMapLayer(own)
    assert name_in("attribute", TARGET=f"CRS={crs};{outline.asWkt()}") == "", "a polygon of the user's own"


@pytest.mark.parametrize("ask", ["target", "polygons"])
def test_explanations_of_dialogs_lie_in_the_group_of_those_of_clicks(
    clicked, project, context, sample, tmp_path, listener, ask
):
    clicked.layer.selectByIds([clicked.feature.id()])
    selected = QgsProcessingFeatureSourceDefinition(clicked.layer.id(), True)
    target = {"TARGET": as_text(clicked)} if ask == "target" else {"POLYGONS": selected}
    runs = {
        "attribute": {"OUTPUT": str(tmp_path / "a.tif"), "ATTRIBUTION_METHOD": "gradient"},
        "regionshap": {"OUTPUT": str(tmp_path / "r.gpkg"), "SUPERPIXELS": 4, "EVALUATIONS": 40},
    }
    for method, values in runs.items():
        asked = {"INPUT": sample["SCENE"], **target, **values}
        processing.runAndLoadResults(f"solarsaliency:{method}", asked, feedback=listener, context=context)
    assert not listener.errors
    group = project.layerTreeRoot().findGroup(f"Why: {clicked.name}")
    (first,), (second,) = (layers.layers_of(project, [values["OUTPUT"]]) for values in runs.values())
    assert group is not None and group.findLayer(first.id()) and group.findLayer(second.id())
    assert clicked.name in second.name()
