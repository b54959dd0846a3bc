"""Each algorithm, run as QGIS runs it: real worker, real model, simulated and real scenes."""

import json
import shutil

import processing
import pytest
from osgeo import gdal
from qgis.core import (
    QgsProcessingException,
    QgsProcessingOutputLayerDefinition,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)

gdal.UseExceptions()


def test_sample_is_one_tidy_scene_with_its_true_farms(sample):
    scene = QgsRasterLayer(sample["SCENE"], "scene")
    truth = QgsVectorLayer(sample["TRUTH"], "truth")
    assert (scene.width(), scene.height()) == (320, 320)
    assert scene.crs().authid() == "EPSG:32643"
    assert truth.featureCount() == sample["FARMS"] > 0
    assert truth.extent().intersects(scene.extent())


def test_detect_gives_probability_and_polygons(sample, tmp_path, listener):
    outputs = {"OUTPUT": str(tmp_path / "p.tif"), "MASK_OUTPUT": str(tmp_path / "m.tif")}
    polygons = str(tmp_path / "d.gpkg")
    result = processing.run(
        "solarsaliency:detect", {"INPUT": sample["SCENE"], **outputs, "POLYGONS": polygons}, feedback=listener
    )
    assert {name: result[name] for name in outputs} == outputs
    assert result["POLYGONS"] == polygons
    assert QgsVectorLayer(polygons, "").featureCount() == result["DETECTIONS"]
    assert 0 < result["VALID_SHARE"] <= 1
    assert any("reach the threshold" in text for text in listener.texts)
    assert any("ha in all" in text for text in listener.texts)


def test_detect_without_polygons_makes_none(sample, tmp_path, listener):
    result = processing.run(
        "solarsaliency:detect", {"INPUT": sample["SCENE"], "OUTPUT": str(tmp_path / "p.tif")}, feedback=listener
    )
    assert "POLYGONS" not in result
    assert "DETECTIONS" not in result


def test_detect_reads_the_folder_of_band_files_too(sample, tmp_path, listener):
    result = processing.run(
        "solarsaliency:detect", {"INPUT": sample["OUTPUT"], "OUTPUT": str(tmp_path / "p.tif")}, feedback=listener
    )
    tidy = processing.run("solarsaliency:detect", {"INPUT": sample["SCENE"], "OUTPUT": str(tmp_path / "t.tif")})
    assert result["DETECTED_HA"] == pytest.approx(tidy["DETECTED_HA"], abs=0.05)


def test_detect_takes_a_layer_of_the_project_and_an_extent(sample, tmp_path, listener, context):
    layer = QgsRasterLayer(sample["SCENE"], "scene")
    QgsProject.instance().addMapLayer(layer)
    box = layer.extent()
    box.setXMaximum(box.xMinimum() + 1000)
    box.setYMaximum(box.yMinimum() + 500)
    result = processing.run(
        "solarsaliency:detect",
        {"INPUT": layer.id(), "EXTENT": box, "OUTPUT": str(tmp_path / "p.tif")},
        context=context,
        feedback=listener,
    )
    assert (result["WIDTH"], result["HEIGHT"]) == (100, 50)


def test_extent_in_another_crs_is_understood(sample, tmp_path, listener):
    layer = QgsRasterLayer(sample["SCENE"], "scene")
    from qgis.core import QgsCoordinateReferenceSystem, QgsCoordinateTransform

    wgs84 = QgsCoordinateReferenceSystem("EPSG:4326")
    inner = layer.extent().buffered(-1000)
    degrees = QgsCoordinateTransform(layer.crs(), wgs84, QgsProject.instance()).transformBoundingBox(inner)
    extent = f"{degrees.xMinimum()},{degrees.xMaximum()},{degrees.yMinimum()},{degrees.yMaximum()} [EPSG:4326]"
    result = processing.run(
        "solarsaliency:detect",
        {"INPUT": sample["SCENE"], "EXTENT": extent, "OUTPUT": str(tmp_path / "p.tif")},
        feedback=listener,
    )
    assert 120 <= result["WIDTH"] <= 124
    assert 120 <= result["HEIGHT"] <= 124


def test_polygonize_at_another_threshold_finds_no_less_area_when_it_is_lower(sample, tmp_path):
    probability = processing.run("solarsaliency:detect", {"INPUT": sample["SCENE"], "OUTPUT": str(tmp_path / "p.tif")})
    areas = []
    for threshold in (0.2, 0.5, 0.9):
        result = processing.run(
            "solarsaliency:polygonize",
            {
                "INPUT": probability["OUTPUT"],
                "THRESHOLD": threshold,
                "MINIMUM_AREA": 0,
                "OUTPUT": str(tmp_path / f"{threshold}.gpkg"),
            },
        )
        areas.append(result["TOTAL_HA"])
    assert areas == sorted(areas, reverse=True)


def test_preparescene_keeps_what_the_band_files_hold(sample, tmp_path):
    result = processing.run(
        "solarsaliency:preparescene", {"INPUT": sample["OUTPUT"], "OUTPUT": str(tmp_path / "s.tif")}
    )
    dataset = gdal.Open(result["OUTPUT"])  # bands die with their dataset
    names = [dataset.GetRasterBand(number).GetDescription() for number in range(1, 11)]
    assert names[:3] == ["B02", "B03", "B04"]
    assert result["CRS"] == "EPSG:32643"


def test_what_lacks_a_core_is_left_out_said_and_kept_with_a_core_of_0(sample, tmp_path, listener):
    raster = str(tmp_path / "p.tif")
    processing.run("solarsaliency:detect", {"INPUT": sample["SCENE"], "OUTPUT": raster}, feedback=listener)
    assert any("detections need a core" in text for text in listener.texts)
    outputs = {"INPUT": raster, "OUTPUT": str(tmp_path / "d.gpkg")}
    kept = processing.run("solarsaliency:polygonize", {**outputs, "CORE": 0}, feedback=listener)["DETECTIONS"]
    strict = processing.run("solarsaliency:polygonize", {**outputs, "CORE": 1}, feedback=listener)
    assert strict["DETECTIONS"] == 0 < kept == strict["DROPPED_UNSURE"]
    told = f"{kept} left out because the probability nowhere reaches 1 on five pixels"
    assert any(told in text for text in listener.texts)
    assert any("with a core of 0 (Advanced Parameters)" in text for text in listener.warnings)


def test_modelinfo_shows_the_card_as_a_page(provider, engine, tmp_path, listener):
    page = tmp_path / "card.html"
    result = processing.run("solarsaliency:modelinfo", {"OUTPUT": str(page)}, feedback=listener)
    assert result["OUTPUT"] == str(page)
    text = page.read_text(encoding="utf-8")
    assert result["SHA256"] in text
    assert "B8A" in text
    assert any("Receptive field" in line for line in listener.texts)
    assert any("for the core of a detection" in line for line in listener.texts)


def test_temporary_outputs_work(sample, listener):
    result = processing.run(
        "solarsaliency:detect",
        {"INPUT": sample["SCENE"], "OUTPUT": "TEMPORARY_OUTPUT", "POLYGONS": "TEMPORARY_OUTPUT"},
        feedback=listener,
    )
    assert QgsRasterLayer(result["OUTPUT"], "").isValid()
    assert QgsVectorLayer(result["POLYGONS"], "").isValid()


def test_what_the_engine_warns_of_reaches_the_user(sample, listener, tmp_path):
    scene = tmp_path / "level unknown.tif"
    shutil.copy(sample["SCENE"], scene)
    processing.run(
        "solarsaliency:detect",
        {"INPUT": str(scene), "LEVEL": 1, "OUTPUT": str(tmp_path / "p.tif")},
        feedback=listener,
    )
    assert any("L1C" in warning for warning in listener.warnings)


def test_how_a_result_was_made_stands_in_it(sample, tmp_path):
    result = processing.run(
        "solarsaliency:detect",
        {"INPUT": sample["SCENE"], "THRESHOLD": 0.4, "OUTPUT": str(tmp_path / "p.tif")},
    )
    run = json.loads(gdal.Open(result["OUTPUT"]).GetMetadataItem("SOLAR_SALIENCY_RUN"))
    assert run["method"] == "detect"
    assert run["request"]["threshold"] == 0.4
    assert run["model"]["sha256"] == result["MODEL_SHA256"]


def refused(listener, algorithm, **parameters):
    with pytest.raises(QgsProcessingException) as caught:
        processing.run(f"solarsaliency:{algorithm}", parameters, feedback=listener)
    return str(caught.value) + " ".join(listener.errors)


def test_a_picture_is_refused_by_the_name_of_the_problem(provider, engine, tmp_path, listener):
    picture = tmp_path / "picture.tif"
    gdal.GetDriverByName("GTiff").Create(str(picture), 40, 40, 3, gdal.GDT_Byte)
    message = refused(listener, "detect", INPUT=str(picture), OUTPUT=str(tmp_path / "p.tif"))
    assert "picture" in message.lower()
    assert not (tmp_path / "p.tif").exists()


def test_a_file_that_is_no_raster_is_refused(provider, engine, tmp_path, listener):
    text = tmp_path / "scene.tif"
    text.write_text("no raster", encoding="utf-8")
    assert "scene.tif" in refused(listener, "detect", INPUT=str(text), OUTPUT=str(tmp_path / "p.tif"))


def test_output_over_the_input_is_refused_and_leaves_the_input(sample, tmp_path, listener):
    scene = tmp_path / "scene.tif"
    shutil.copy(sample["SCENE"], scene)
    before = scene.read_bytes()
    refused(listener, "detect", INPUT=str(scene), OUTPUT=str(scene))
    assert scene.read_bytes() == before


def test_an_unknown_model_is_named(sample, tmp_path, listener):
    message = refused(listener, "detect", INPUT=sample["SCENE"], MODEL="no such model", OUTPUT=str(tmp_path / "p.tif"))
    assert "no such model" in message


def test_a_layer_of_a_web_service_is_refused_in_words(provider, engine, tmp_path, listener, context):
    layer = QgsRasterLayer("type=xyz&url=https://example.org/{z}/{x}/{y}.png", "Base map", "wms")
    QgsProject.instance().addMapLayer(layer)
    algorithm = provider.algorithm("detect")
    accepted, message = algorithm.checkParameterValues({"INPUT": layer, "OUTPUT": str(tmp_path / "p.tif")}, context)
    assert not accepted
    assert "“Base map” is not a raster file" in message


@pytest.mark.parametrize("extent", ["400500,400500,2898000,2898000", "400500,402000,2898000,2898000", "0,0,0,0"])
def test_an_extent_without_area_is_refused_and_not_taken_for_the_whole_scene(sample, tmp_path, listener, extent):
    output = tmp_path / "p.tif"
    message = refused(listener, "detect", INPUT=sample["SCENE"], EXTENT=extent, OUTPUT=str(output))
    assert "no area" in message or "is no extent" in message
    assert not output.exists()


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("no folder/d.gpkg", "There is no folder"),
        ("d.shp", "Call it “d.gpkg”"),
        ("ogr:dbname='{}/d.gpkg' table=\"found\" (geom)", "Save to File…"),
    ],
)
@pytest.mark.parametrize(("algorithm", "parameter"), [("detect", "POLYGONS"), ("polygonize", "OUTPUT")])
def test_a_place_where_polygons_cannot_go_is_refused_before_anything_is_computed(
    provider, engine, tmp_path, context, algorithm, parameter, place, said
):
    target = place.format(tmp_path) if "{}" in place else str(tmp_path / place)
    values = {"INPUT": "scene.tif", "OUTPUT": str(tmp_path / "p.tif"), parameter: target}
    for given in (target, QgsProcessingOutputLayerDefinition(target)):
        found = provider.algorithm(algorithm)
        accepted, message = found.checkParameterValues({**values, parameter: given}, context)
        assert not accepted
        assert said in message
    assert not context.layersToLoadOnCompletion()


def test_places_where_polygons_can_go_are_accepted(provider, engine, tmp_path, context):
    for target in (
        str(tmp_path / "d.gpkg"),
        "TEMPORARY_OUTPUT",
        QgsProcessingOutputLayerDefinition("TEMPORARY_OUTPUT"),
    ):
        values = {"INPUT": "scene.tif", "OUTPUT": str(tmp_path / "p.tif"), "POLYGONS": target}
        assert provider.algorithm("detect").checkParameterValues(values, context) == (True, "")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"THRESHOLD": 2}, "“Threshold (probability)” is 2. The largest value is 1."),
        ({"WINDOW": -1}, "The smallest value is 0."),
        ({"MINIMUM_AREA": -0.5}, "The smallest value is 0."),
    ],
)
def test_a_number_out_of_range_is_refused_with_the_range(provider, engine, tmp_path, context, values, said):
    asked = {"INPUT": "scene.tif", "OUTPUT": str(tmp_path / "p.tif"), **values}
    accepted, message = provider.algorithm("detect").checkParameterValues(asked, context)
    assert not accepted
    assert said in message


def test_a_cancel_while_outlining_says_that_the_probability_was_written(
    sample, tmp_path, listener, context, provider, monkeypatch
):
    from solar_saliency.processing_algorithms import detect
    from solar_saliency.solar_saliency_plugin.contract.errors import CancelledError

    class CancelledLate:
        def call(self, method, params, feedback):
            if method == "polygonize":
                raise CancelledError("The job was cancelled.", "Nothing was changed.")
            return worker().call(method, params, feedback)

    worker = detect.worker
    monkeypatch.setattr(detect, "worker", CancelledLate)
    polygons, output = str(tmp_path / "d.gpkg"), str(tmp_path / "p.tif")
    project = QgsProject.instance()
    values = {
        "INPUT": sample["SCENE"],
        "OUTPUT": QgsProcessingOutputLayerDefinition(output, project),
        "POLYGONS": QgsProcessingOutputLayerDefinition(polygons, project),
    }
    results, accepted = provider.algorithm("detect").create().run(values, context, listener)
    assert accepted and results["OUTPUT"] == output and "POLYGONS" not in results
    assert any(f"The probability was written: {output}" in text for text in listener.texts)
    assert not any("Nothing was changed" in text for text in listener.texts)
    assert list(context.layersToLoadOnCompletion()) == [output]
    assert context.layerToLoadOnCompletionDetails(output).postProcessor() is not None


def test_a_cancelled_run_ends_soon_and_leaves_nothing(sample, tmp_path, listener, context, provider):
    import time

    from qgis.PyQt.QtCore import QTimer

    started = time.monotonic()
    QTimer.singleShot(300, listener.cancel)
    provider.algorithm("samplescene").create().run({"SIZE": 4096, "OUTPUT": str(tmp_path / "large")}, context, listener)
    assert time.monotonic() - started < 5
    assert not list((tmp_path / "large").glob("*.tif")) if (tmp_path / "large").exists() else True
