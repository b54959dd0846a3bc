"""Results on the map: styled, named, grouped, described; fresh after a second run; able to be run again."""

import json

import processing
import pytest
from osgeo import gdal
from qgis.core import (
    QgsMultiBandColorRenderer,
    QgsProject,
    QgsRasterLayer,
    QgsSingleBandPseudoColorRenderer,
    QgsVectorLayer,
)

from solar_saliency.processing_algorithms.parameters import restore
from solar_saliency.solar_saliency_plugin.bridge import layers
from solar_saliency.solar_saliency_plugin.contract import METHODS
from solar_saliency.solar_saliency_plugin.contract.options import options


@pytest.fixture
def shown(sample, tmp_path, context, listener):
    """The project's layers, by name, after detection as the dialog runs it."""
    processing.runAndLoadResults(
        "solarsaliency:detect",
        {
            "INPUT": sample["SCENE"],
            "OUTPUT": str(tmp_path / "p.tif"),
            "MASK_OUTPUT": str(tmp_path / "m.tif"),
            "POLYGONS": str(tmp_path / "d.gpkg"),
        },
        feedback=listener,
        context=context,
    )
    assert not listener.errors
    return {layer.name(): layer for layer in QgsProject.instance().mapLayers().values()}


PROBABILITY = "Solar farm probability (simulated)"
DETECTIONS = "Solar farm detections (simulated)"
MASK = "Solar farm mask (simulated)"


def test_layers_are_named_and_say_that_they_are_simulated(shown):
    assert set(shown) == {PROBABILITY, DETECTIONS, MASK}


def test_probability_has_its_ramp_clear_below_the_threshold(shown):
    renderer = shown[PROBABILITY].renderer()
    assert isinstance(renderer, QgsSingleBandPseudoColorRenderer)
    run = layers.run_of(shown[PROBABILITY])
    ramp = renderer.shader().rasterShaderFunction()
    threshold = run["result"]["threshold"]
    assert ramp.shade(threshold - 0.01)[4] == 0
    assert ramp.shade(threshold + 0.01)[4] > 100


def test_polygons_are_outlined_and_labelled(shown):
    layer = shown[DETECTIONS]
    assert layer.labelsEnabled()
    assert "area_ha" in layer.labeling().settings().fieldName
    assert layer.renderer().symbol().symbolLayer(0).layerType() == "SimpleLine"


def test_layers_lie_in_the_scenes_group_with_the_polygons_on_top(shown):
    groups = [g for g in QgsProject.instance().layerTreeRoot().children() if g.name().startswith("Solar Saliency: ")]
    assert len(groups) == 1
    names = [node.name() for node in groups[0].findLayers()]
    assert names[0] == DETECTIONS
    assert set(names) == set(shown)


def test_layers_stay_in_the_project_once(shown):
    assert len(QgsProject.instance().layerTreeRoot().findLayers()) == len(shown)


def test_information_says_how_a_layer_was_made(shown):
    for layer in (shown[PROBABILITY], shown[DETECTIONS]):
        abstract = layer.metadata().abstract()
        assert abstract.startswith("SIMULATED")
        assert "SHA-256" in abstract
        assert "Threshold" in abstract


def test_post_processors_are_gone_after_they_ran(sample, request):
    before = set(layers._waiting)
    request.getfixturevalue("shown")
    assert layers._waiting == before


def test_tidy_scene_is_shown_in_natural_colour(sample, tmp_path, context, listener):
    processing.runAndLoadResults(
        "solarsaliency:preparescene",
        {"INPUT": sample["OUTPUT"], "OUTPUT": str(tmp_path / "s.tif")},
        feedback=listener,
        context=context,
    )
    (layer,) = QgsProject.instance().mapLayers().values()
    renderer = layer.renderer()
    assert isinstance(renderer, QgsMultiBandColorRenderer)
    assert (renderer.redBand(), renderer.greenBand(), renderer.blueBand()) == (3, 2, 1)
    red = renderer.redContrastEnhancement()
    assert 0 < red.minimumValue() < red.maximumValue() < 1.2
    assert layer.name() == "Scene, natural colour (simulated)"


def test_sample_is_shown_with_its_truth_labelled_simulated(provider, engine, tmp_path, context, listener):
    processing.runAndLoadResults(
        "solarsaliency:samplescene",
        {"SIZE": 256, "OUTPUT": str(tmp_path / "sample")},
        feedback=listener,
        context=context,
    )
    names = [node.name() for node in QgsProject.instance().layerTreeRoot().findLayers()]
    assert names == ["True solar farms (simulated)", "Scene, natural colour (simulated)"]


def test_open_layers_show_a_replaced_result(sample, tmp_path, context, listener):
    output = str(tmp_path / "p.tif")
    whole = {"INPUT": sample["SCENE"], "OUTPUT": output}
    processing.run("solarsaliency:detect", whole, context=context, feedback=listener)
    layer = QgsRasterLayer(output, "old")
    QgsProject.instance().addMapLayer(layer)
    assert layer.height() == 320
    box = layer.extent()
    box.setYMinimum(box.yMaximum() - 500)
    processing.run("solarsaliency:detect", {**whole, "EXTENT": box}, context=context, feedback=listener)
    assert layer.height() == 50


def test_detection_can_be_run_again_from_its_layer(sample, tmp_path, context, listener):
    wanted = {
        "INPUT": sample["SCENE"],
        "EXTENT": "400500,402500,2898000,2899000 [EPSG:32643]",
        "THRESHOLD": 0.35,
        "MASK": 0,
        "WINDOW": 128,
        "DEVICE": 1,
    }
    first = processing.run(
        "solarsaliency:detect", {**wanted, "OUTPUT": str(tmp_path / "1.tif")}, context=context, feedback=listener
    )
    layer = QgsRasterLayer(first["OUTPUT"], "p")
    run = layers.run_of(layer)
    again = restore(options(METHODS[run["method"]].request), run["request"])
    assert {name: again[name] for name in ("THRESHOLD", "WINDOW", "DEVICE", "MASK")} == {
        "THRESHOLD": 0.35,
        "WINDOW": 128,
        "DEVICE": 1,
        "MASK": 0,
    }
    second = processing.run(
        "solarsaliency:detect", {**again, "OUTPUT": str(tmp_path / "2.tif")}, context=context, feedback=listener
    )
    pixels = [gdal.Open(result["OUTPUT"]).ReadAsArray().tobytes() for result in (first, second)]
    assert pixels[0] == pixels[1]


def test_polygons_can_be_run_again_from_their_layer(shown):
    run = layers.run_of(shown[DETECTIONS])
    again = restore(options(METHODS[run["method"]].request), run["request"])
    assert run["method"] == "polygonize"
    assert again["INPUT"].endswith("p.tif")
    assert again["MINIMUM_AREA"] == 0.2


def test_layers_of_others_say_nothing(tmp_path):
    gdal.GetDriverByName("GTiff").Create(str(tmp_path / "a.tif"), 4, 4, 1)
    (tmp_path / "b.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": []}), encoding="utf-8")
    assert layers.run_of(QgsRasterLayer(str(tmp_path / "a.tif"), "a")) == {}
    assert layers.run_of(QgsVectorLayer(str(tmp_path / "b.geojson"), "b")) == {}
    assert layers.run_of(QgsVectorLayer("Polygon", "c", "memory")) == {}


def test_a_damaged_provenance_tag_is_no_obstacle(tmp_path):
    dataset = gdal.GetDriverByName("GTiff").Create(str(tmp_path / "a.tif"), 4, 4, 1)
    dataset.SetMetadataItem("SOLAR_SALIENCY_RUN", "{broken")
    dataset = None
    assert layers.run_of(QgsRasterLayer(str(tmp_path / "a.tif"), "a")) == {}


def test_a_tag_with_members_of_the_wrong_type_is_none(tmp_path):
    for number, run in enumerate(({"method": [1]}, {"method": "detect", "scene": [], "result": []}, [1], "a" * 9)):
        dataset = gdal.GetDriverByName("GTiff").Create(str(tmp_path / f"{number}.tif"), 4, 4, 1)
        dataset.SetMetadataItem("SOLAR_SALIENCY_RUN", json.dumps(run))
        dataset = None
        assert layers.run_of(QgsRasterLayer(str(tmp_path / f"{number}.tif"), "a")) == {}


def test_a_description_survives_values_of_any_type():
    result = {"valid_share": None, "masked_share": [1], "detected_ha": "much", "total_ha": 10**400, "dropped_ha": 0}
    lines = layers.description({"method": "detect", "scene": {"id": [1]}, "result": result})
    assert "Valid share: None" in lines and "Dropped: 0.0 ha" in lines
