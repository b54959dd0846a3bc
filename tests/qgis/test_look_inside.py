"""Looking into the network and removing a detection by a mask: help, words in the log, layers in their group."""

import html

import processing
import pytest
from qgis.core import QgsProcessingContext, QgsProcessingException, QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QApplication, QWidget

from solar_saliency.processing_algorithms.parameters import restore
from solar_saliency.solar_saliency_plugin.bridge import layers
from solar_saliency.solar_saliency_plugin.contract import METHODS
from solar_saliency.solar_saliency_plugin.contract.layer_attribution import LAYER_METHODS
from solar_saliency.solar_saliency_plugin.contract.options import options
from solar_saliency.solar_saliency_plugin.gui.layer_widget import NOT_NAMED, LayerWidget


@pytest.fixture(scope="module")
def asked(sample, tmp_path_factory):
    """The largest detection of the sample scene."""
    polygons = str(tmp_path_factory.mktemp("detections") / "d.gpkg")
    output = str(tmp_path_factory.mktemp("detections") / "p.tif")
    processing.run("solarsaliency:detect", {"INPUT": sample["SCENE"], "OUTPUT": output, "POLYGONS": polygons})
    detections = QgsVectorLayer(polygons, "d")
    largest = max(detections.getFeatures(), key=lambda feature: feature["area_ha"])
    target = f"CRS={detections.crs().authid()};{largest.geometry().asWkt()}"
    return {"INPUT": sample["SCENE"], "TARGET": target, "NAME": "detection 12"}


def loaded(algorithm, parameters, output, listener):
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    processing.runAndLoadResults(
        f"solarsaliency:{algorithm}", {**parameters, "OUTPUT": output}, feedback=listener, context=context
    )
    assert not listener.errors
    (layer,) = layers.layers_of(QgsProject.instance(), [output])
    return layer


def test_the_help_says_what_each_method_can_and_cannot_tell(provider):
    told = html.unescape(provider.algorithm("layerattribution").shortHelpString())
    for method in LAYER_METHODS.values():
        assert all(text in told for text in (method.title, method.tells, method.cannot_tell, method.paper))
    assert "What each method can tell" not in provider.algorithm("deletionmask").shortHelpString()
    assert "Fong, Vedaldi" in provider.algorithm("deletionmask").shortHelpString()


def test_a_layers_channels_are_told_and_its_map_lies_in_the_targets_group(asked, project, tmp_path, listener):
    output = str(tmp_path / "layer.tif")
    layer = loaded("layerattribution", {**asked, "LAYER": "encoder.0.0.2", "TOP_CHANNELS": 2}, output, listener)
    assert layer.name() == "Layer conductance: encoder.0.0.2 (simulated)" and layer.bandCount() == 3
    assert project.layerTreeRoot().findGroup("Why: detection 12").findLayer(layer.id())
    log = "\n".join(listener.texts)
    told = next(line for line in listener.texts if line.startswith("The layers are, in order: "))
    layers_told, blocks = told.split("; and, as blocks of layers: ")
    assert "encoder.0.0.2 (24 channels)" in layers_told and "encoder.0.0 (" not in layers_told
    assert "encoder.0.0," in blocks and "encoder.0.0.2" not in blocks
    assert "% of all contributions" in log and "off what they should" in log
    again = restore(options(METHODS["layerattribution"].request), layers.run_of(layer)["request"])
    assert again["LAYER"] == "encoder.0.0.2" and again["TOP_CHANNELS"] == 2


def test_one_channel_is_shown_in_the_image(asked, project, tmp_path, listener):
    method = list(LAYER_METHODS).index("neuron_deeplift")
    values = {**asked, "ATTRIBUTION_METHOD": method, "CHANNEL": 3, "LAYER": "stem.1.2"}
    layer = loaded("layerattribution", values, str(tmp_path / "channel.tif"), listener)
    assert layer.name().startswith("Neuron DeepLIFT: stem.1.2, channel 3")
    assert any("At the target, channel 3" in line for line in listener.texts)


def test_a_mask_is_shown_with_what_it_does(asked, project, tmp_path, listener):
    page = tmp_path / "mask.html"
    layer = loaded("deletionmask", {**asked, "REPORT": str(page)}, str(tmp_path / "mask.tif"), listener)
    assert layer.name().startswith("What has to fade (")
    assert any(line.startswith("Faded by ") and "wholly replaced" in line for line in listener.texts)
    assert any("With this mask, 0 of " in line for line in listener.texts)
    assert "What has to go before it goes" in page.read_text(encoding="utf-8")


def test_the_dialog_asks_for_layer_and_channel_next_to_the_model(provider):
    asked = [definition.name() for definition in provider.algorithm("layerattribution").parameterDefinitions()]
    place = asked.index("ATTRIBUTION_METHOD")
    assert asked[place : place + 4] == ["ATTRIBUTION_METHOD", "MODEL", "LAYER", "CHANNEL"]


@pytest.fixture
def widgets(provider):
    """The widgets of a dialog for the layer and the model; their dialog lives as long as they do."""
    from processing.gui.wrappers import WidgetWrapperFactory

    dialog, algorithm = QWidget(), provider.algorithm("layerattribution")
    made = [WidgetWrapperFactory.create_wrapper(algorithm.parameterDefinition(n), dialog) for n in ("LAYER", "MODEL")]
    for one in made:
        one.postInitialize(made)
    made[0].kept = dialog
    return made


def offered(layer):
    return [layer._box.itemText(i) for i in range(layer._box.count())]


def test_the_layers_of_the_chosen_model_are_offered_with_what_they_do(widgets):
    layer, model = widgets
    assert offered(layer)[0] == NOT_NAMED and layer.parameterValue() == ""
    assert "encoder.0.0.2: pixels with what surrounds them, step 1 of 4 (24 channels)" in offered(layer)
    assert not any(text.startswith("decoder.") for text in offered(layer))
    model.setValue("wide")
    assert "decoder.1.1.2: coarse and fine together, step 2 of 2 (24 channels, cells of 2 × 2 pixels)" in offered(layer)
    assert len(set(offered(layer))) == len(offered(layer)) and offered(layer)[-1].startswith("head: ")


def test_a_layer_can_be_chosen_and_any_other_name_typed(widgets):
    layer, model = widgets
    told = []
    layer.widgetValueHasChanged.connect(told.append)
    layer._box.setCurrentIndex(layer._box.findData("stem.1.2"))
    assert layer.parameterValue() == "stem.1.2" and told
    model.setValue("wide")
    assert layer.parameterValue() == "stem.1.2"
    assert layer._box.currentText().startswith("stem.1.2: each pixel by itself")
    layer._box.setEditText("backbone.layer4")
    assert layer.parameterValue() == "backbone.layer4"
    layer._box.setEditText("")
    assert layer.parameterValue() == ""
    for name in ("encoder.0.0.2", "backbone.layer4", None):
        layer.setValue(name)
        assert layer.parameterValue() == (name or "")


def test_what_tells_layers_apart_can_be_read_in_the_list(widgets):
    layer, model = widgets
    model.setValue("wide")
    box = layer._box
    box.resize(200, box.sizeHint().height())
    box.showPopup()
    QApplication.processEvents()
    view = box.view()
    longest = max(view.fontMetrics().horizontalAdvance(text) for text in offered(layer))
    assert view.viewport().width() > min(longest, QApplication.primaryScreen().availableGeometry().width() - 50)
    tips = [box.itemData(i, Qt.ItemDataRole.ToolTipRole) for i in range(1, box.count())]
    assert tips == offered(layer)[1:] and view.textElideMode() == Qt.TextElideMode.ElideRight
    box.hidePopup()


def test_of_a_model_without_known_layers_names_can_be_typed(widgets, tmp_path):
    layer, model = widgets
    model.setValue(str(tmp_path))
    assert offered(layer) == [NOT_NAMED]
    layer._box.setEditText("conv1")
    assert layer.parameterValue() == "conv1"


def test_the_batch_table_offers_layers_too(provider):
    from processing.gui.wrappers import WidgetWrapperFactory

    class BatchAlgorithmDialog(QWidget):
        pass

    parameter = provider.algorithm("layerattribution").parameterDefinition("LAYER")
    assert isinstance(WidgetWrapperFactory.create_wrapper(parameter, BatchAlgorithmDialog()), LayerWidget)


def test_an_unknown_layer_is_refused_with_those_that_exist(asked, tmp_path, listener):
    values = {**asked, "LAYER": "conv99", "OUTPUT": str(tmp_path / "layer.tif")}
    with pytest.raises(QgsProcessingException, match=r"no layer “conv99”.*encoder\.0\.0\.2"):
        processing.run("solarsaliency:layerattribution", values, feedback=listener)


MASK = {
    **{"output": "/m.tif", "form": "smallest", "settled": True, "target_pixels": 565, "detected": 565},
    **{"detected_masked": 0, "detected_sharp": 531, "area_ha": 2.33, "area_share": 0.4124, "sharp_area_ha": 0.3},
    **{"probability": 0.93, "probability_masked": 0.1, "evaluations": 600, "device": "cpu", "seconds": 1.0},
}
KEPT = {**MASK, "form": "area_kept", "area_ha": 0.56, "area_share": 0.1, "detected_masked": 49}


@pytest.mark.parametrize(
    ("result", "name", "headline"),
    [
        (KEPT, "Best 0.56 ha to keep (8.7 % stays detected)", "keeps only 49 of 565 pixels detected: choose a larger"),
        ({**KEPT, "detected_masked": 400}, "Best 0.56 ha to keep (71 % stays detected)", "keeps 400 of 565 pixels det"),
        ({**KEPT, "settled": False}, "⚠ Best 0.56 ha to keep (8.7 % stays detected)", "The best 10 % of the target's"),
        (MASK, "What has to fade (0 % stays detected)", "leaves 531 of 565 pixels detected: no small part decides."),
        (MASK, "What has to fade (0 % stays detected)", "Faded by 41 % of the target's area (as much as 2.33 ha wholl"),
        ({**MASK, "detected_sharp": 20}, "What has to fade (0 % stays detected)", "leaves 20 of 565 pixels detected."),
        ({**MASK, "form": "area_deleted"}, "The 2.33 ha needed most (0 % stays detected without)", "Faded by 41 % of"),
    ],
)
def test_a_masks_name_and_first_line_say_what_it_does(provider, result, name, headline):
    algorithm = provider.algorithm("deletionmask")
    assert algorithm.presentations({}, result)["/m.tif"].name == name
    assert headline in algorithm.summary(result)[0]


def test_parameters_of_another_form_are_refused_by_the_names_that_the_dialog_shows(provider, engine, tmp_path):
    algorithm = provider.algorithm("deletionmask")
    shown = {name: algorithm.parameterDefinition(name).description() for name in ("AREA", "AREA_WEIGHT", "FORM")}
    asked = {"INPUT": "scene.tif", "OUTPUT": str(tmp_path / "m.tif")}
    for values, named in (({"AREA": 0.3}, "AREA"), ({"FORM": "area_kept", "AREA_WEIGHT": 0.3}, "AREA_WEIGHT")):
        accepted, message = algorithm.checkParameterValues({**asked, **values}, QgsProcessingContext())
        assert not accepted and f"“{shown[named]}”" in message and f"“{shown['FORM']}”" in message
