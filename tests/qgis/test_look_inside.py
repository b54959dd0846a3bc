"""Looking into the network and removing a detection by a mask: help, words in the log, layers in their group."""

import html

import processing
import pytest
from qgis.core import QgsProcessingContext, QgsProject, QgsVectorLayer

from solar_saliency.processing_algorithms.parameters import restore
from solar_saliency.solar_saliency_plugin.bridge import layers
from solar_saliency.solar_saliency_plugin.contract import METHODS
from solar_saliency.solar_saliency_plugin.contract.layer_attribution import LAYER_METHODS
from solar_saliency.solar_saliency_plugin.contract.options import options


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


@pytest.fixture
def project():
    yield QgsProject.instance()
    QgsProject.instance().clear()


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
    assert "encoder.0.0.2 (24 channels)" in log and "% of all contributions" in log and "off what they should" in log
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
    assert layer.name().startswith("Deletion mask")
    assert any(line.startswith("Masked: ") for line in listener.texts)
    assert any("0 of " in line and "are detected then" in line for line in listener.texts)
    assert "What has to go before it goes" in page.read_text(encoding="utf-8")
