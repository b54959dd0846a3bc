"""Scenes and outlines, as training and evaluation take them: layers, files and folders; as the user sees them."""

import pytest
from qgis.core import (
    QgsFeature,
    QgsGeometry,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorFileWriter,
    QgsVectorLayer,
)
from qgis.PyQt.QtWidgets import QWidget

from solar_saliency.processing_algorithms.parameters import inputs, read, restore
from solar_saliency.solar_saliency_plugin.bridge.features import Features, origin

pytestmark = pytest.mark.usefixtures("provider", "engine")


@pytest.fixture
def algorithm(provider):
    return provider.algorithm("train").create()


@pytest.fixture
def outlines(tmp_path):
    """A GeoPackage with two layers, of which “farms” holds three squares."""
    memory = QgsVectorLayer("Polygon?crs=EPSG:32643&field=since:string", "farms", "memory")
    for number in range(3):
        feature = QgsFeature(memory.fields())
        feature.setAttributes([f"202{number}"])
        feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(number, 0, number + 0.5, 1)))
        memory.dataProvider().addFeatures([feature])
    path = str(tmp_path / "two layers ü.gpkg")
    wanted = QgsVectorFileWriter.SaveVectorOptions()
    for name in ("other", "farms"):
        wanted.layerName = name
        QgsVectorFileWriter.writeAsVectorFormatV3(memory, path, QgsProject.instance().transformContext(), wanted)
        wanted.actionOnExistingFile = QgsVectorFileWriter.ActionOnExistingFile.CreateOrOverwriteLayer
    layer = QgsVectorLayer(f"{path}|layername=farms", "Farms")
    assert layer.featureCount() == 3
    QgsProject.instance().addMapLayers([layer, memory])
    yield layer
    QgsProject.instance().clear()


def sent(algorithm, context, **values):
    return read(inputs(algorithm.engine_options()), algorithm, values, context)


def prepared(algorithm, context, listener, **values):
    """What is sent to the engine when the algorithm runs."""
    assert algorithm.prepare({"SCENES": ["a.tif"], **values}, context, listener), listener.errors
    return algorithm._request


def test_scenes_are_layers_files_and_folders(algorithm, sample, context):
    layer = QgsRasterLayer(sample["SCENE"], "scene")
    QgsProject.instance().addMapLayer(layer)
    for shown in (layer, layer.id(), layer.name()):
        several = sent(algorithm, context, SCENES=[shown, "/archive/S2A.SAFE", sample["OUTPUT"]])
        assert several == {"scenes": [sample["SCENE"], "/archive/S2A.SAFE", sample["OUTPUT"]]}


@pytest.mark.parametrize("value", ["a.tif;b.SAFE", "a.tif; b.SAFE", ["a.tif", "b.SAFE"], ("a.tif", "b.SAFE", "a.tif")])
def test_scenes_may_be_one_text_and_each_counts_once(algorithm, context, value):
    assert sent(algorithm, context, SCENES=value) == {"scenes": ["a.tif", "b.SAFE"]}


def test_a_semicolon_in_a_path_that_exists_is_no_separator(algorithm, context, tmp_path):
    scene = tmp_path / "a;b.tif"
    scene.touch()
    assert sent(algorithm, context, SCENES=str(scene)) == {"scenes": [str(scene)]}


def test_a_folder_of_a_product_passes_the_check_before_the_run(algorithm, context, outlines, tmp_path):
    values = {"SCENES": ["/archive/S2A.SAFE"], "POLYGONS": outlines.id(), "OUTPUT": str(tmp_path / "model")}
    assert algorithm.checkParameterValues(values, context) == (True, "")
    for empty in ([], None, ""):
        assert not algorithm.checkParameterValues({**values, "SCENES": empty}, context)[0]


def test_a_scene_of_a_web_service_is_refused_in_words(algorithm, context, outlines, tmp_path):
    layer = QgsRasterLayer("type=xyz&url=https://example.org/{z}/{x}/{y}.png", "Base map", "wms")
    values = {"SCENES": ["a.tif", layer], "POLYGONS": outlines.id(), "OUTPUT": str(tmp_path / "model")}
    accepted, message = algorithm.checkParameterValues(values, context)
    assert not accepted
    assert "“Base map” is not a raster file" in message


def test_outlines_are_named_with_their_layer(algorithm, context, listener, outlines):
    expected = outlines.source()
    assert "|layername=farms" in expected
    for shown in (outlines, outlines.id(), expected, QgsProcessingFeatureSourceDefinition(outlines.id())):
        assert prepared(algorithm, context, listener, POLYGONS=shown)["polygons"] == expected
    assert not listener.texts


def copied(algorithm, context, listener, value):
    """The copy that the engine reads instead of a layer, and what was said about it."""
    path = prepared(algorithm, context, listener, POLYGONS=value)["polygons"]
    return QgsVectorLayer(path, "copy"), listener.texts[-1]


def test_a_layer_in_memory_is_copied_and_that_is_told(algorithm, context, listener, outlines):
    (memory,) = QgsProject.instance().mapLayersByName("farms")
    copy, told = copied(algorithm, context, listener, memory.id())
    assert (copy.featureCount(), copy.crs(), [f["since"] for f in copy.getFeatures()]) == (
        3,
        memory.crs(),
        ["2020", "2021", "2022"],
    )
    assert "“farms” lies in no file" in told


def test_selected_features_alone_are_copied(algorithm, context, listener, outlines):
    outlines.selectByIds([2])
    copy, told = copied(algorithm, context, listener, QgsProcessingFeatureSourceDefinition(outlines.id(), True))
    assert [feature["since"] for feature in copy.getFeatures()] == ["2021"]
    assert "selected features only" in told


def test_the_first_features_alone_are_copied_where_a_limit_is_set(algorithm, context, listener, outlines):
    outlines.selectByIds([2, 3])
    for selected, expected in ((False, ["2020"]), (True, ["2021"])):
        value = QgsProcessingFeatureSourceDefinition(outlines.id(), selected, 1)
        copy, _ = copied(algorithm, context, listener, value)
        assert [feature["since"] for feature in copy.getFeatures()] == expected
    path = QgsProcessingFeatureSourceDefinition(outlines.source(), False, 2)
    QgsProject.instance().removeMapLayer(outlines)
    assert copied(algorithm, context, listener, path)[0].featureCount() == 2


def test_a_copy_of_what_an_expression_picks_does_not_stand_for_its_layer(outlines):
    """A definition with an expression is QGIS 3.32's; without it, another run would be over all features."""
    assert origin(Features(outlines, selected_only=True).copy()).selectedFeaturesOnly
    picked = Features(outlines, expression="since = '2022'").copy()
    assert [feature["since"] for feature in QgsVectorLayer(picked, "copy").getFeatures()] == ["2022"]
    assert origin(picked) is None


def test_a_copy_of_selected_features_stands_for_them_whatever_is_selected_since(outlines):
    first, second, _ = (feature.id() for feature in outlines.getFeatures())
    outlines.selectByIds([first])
    copy = Features(outlines, selected_only=True).copy()
    outlines.selectByIds([second])
    assert origin(copy) is None, "the copy itself is what was run, and a dialog is to start with it"
    outlines.removeSelection()
    assert origin(copy) is None
    outlines.selectByIds([first])
    assert origin(copy).selectedFeaturesOnly and origin(copy).source.staticValue() == outlines.id()


def test_what_a_filter_hides_is_not_copied(algorithm, context, listener, outlines):
    outlines.setSubsetString("since = '2022'")
    copy, told = copied(algorithm, context, listener, outlines.id())
    assert [feature["since"] for feature in copy.getFeatures()] == ["2022"]
    assert "filtered" in told


def test_changes_that_are_not_saved_count(algorithm, context, listener, outlines):
    outlines.startEditing()
    outlines.deleteFeature(1)
    new = QgsFeature(outlines.fields())
    new.setGeometry(QgsGeometry.fromRect(QgsRectangle(7, 7, 8, 8)))
    outlines.addFeature(new)
    copy, told = copied(algorithm, context, listener, outlines.id())
    assert copy.featureCount() == 3
    assert copy.extent().xMaximum() == 8 and copy.extent().xMinimum() == 1
    assert "not saved" in told
    outlines.rollBack()


def test_a_check_before_the_run_copies_nothing(algorithm, context, outlines, tmp_path, monkeypatch):
    from solar_saliency.solar_saliency_plugin.bridge import features

    monkeypatch.setattr(features.Features, "copy", lambda self: pytest.fail("copied"))
    (memory,) = QgsProject.instance().mapLayersByName("farms")
    values = {"SCENES": ["a.tif"], "POLYGONS": memory.id(), "OUTPUT": str(tmp_path / "model")}
    assert algorithm.checkParameterValues(values, context) == (True, "")


def test_a_copy_that_cannot_be_written_is_told(algorithm, context, listener, outlines, monkeypatch):
    from solar_saliency.solar_saliency_plugin.bridge import features

    monkeypatch.setattr(features.QgsProcessingUtils, "generateTempFilename", lambda name: "/nowhere/at/all.gpkg")
    (memory,) = QgsProject.instance().mapLayersByName("farms")
    with pytest.raises(QgsProcessingException, match="cannot be copied"):
        algorithm.prepareAlgorithm({"SCENES": ["a.tif"], "POLYGONS": memory.id()}, context, listener)


def test_a_run_of_many_scenes_can_be_restored(algorithm, context):
    asked = inputs(algorithm.engine_options())
    values = {
        "scenes": ["/a.tif", "/b.SAFE"],
        "polygons": "/f.gpkg|layername=x",
        "since_field": "since",
        "context": "wide",
    }
    assert read(asked, algorithm, restore(asked, {**values, "backgrounds": []}), context) == values


def wrapper(algorithm, name):
    """The widget of a parameter, as the algorithm's dialog has it."""
    from processing.gui.wrappers import WidgetWrapperFactory

    return WidgetWrapperFactory.create_wrapper(algorithm.parameterDefinition(name), QWidget())


def test_a_folder_adds_its_products_to_the_scenes_that_are_chosen(algorithm, tmp_path):
    for name in ("S2A_1.SAFE", "S2B_2.SAFE", "unrelated"):
        (tmp_path / name).mkdir()
    for name in ("S2A_1.SAFE.zip", "S2A_3.zip", "models.zip"):
        (tmp_path / name).touch()
    widget = wrapper(algorithm, "SCENES")
    widget.setValue(["first.tif"])
    widget.take_folder(str(tmp_path))
    found = ["first.tif", *(str(tmp_path / name) for name in ("S2A_1.SAFE", "S2B_2.SAFE", "S2A_3.zip"))]
    assert widget.value() == found
    widget.take_folder(str(tmp_path / "S2B_2.SAFE"))
    assert widget.value() == found
    widget.take_folder(str(tmp_path / "unrelated"))
    assert widget.value() == [*found, str(tmp_path / "unrelated")]
