"""Explain Regions, and by Bands, with the real engine: layers, log, again, batches, models, real farms."""

import json

import processing
import pytest
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsGeometry,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterRasterLayer,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)

from solar_saliency.solar_saliency_plugin.bridge import layers, runs
from solar_saliency.solar_saliency_plugin.gui import layer_actions

UTM = "EPSG:32643"


@pytest.fixture(scope="module")
def farms(sample):
    """The true farms of the sample, the largest first."""
    layer = QgsVectorLayer(sample["TRUTH"], "")
    assert layer.crs().authid() == UTM
    return sorted((f.geometry() for f in layer.getFeatures()), key=lambda geometry: -geometry.area())


@pytest.fixture
def question(sample, farms):
    """The largest farm of the sample, in few superpixels."""
    target = f"CRS={UTM};{farms[0].asWkt()}"
    return {"INPUT": sample["SCENE"], "TARGET": target, "NAME": "detection 12", "SUPERPIXELS": 9, "EVALUATIONS": 80}


def loaded(algorithm, asked, listener):
    """The project's layers after a run as the dialog makes it, by file ending."""
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    processing.runAndLoadResults(f"solarsaliency:{algorithm}", dict(asked), feedback=listener, context=context)
    assert not listener.errors
    return {layers.file_of(layer)[-4:]: layer for layer in QgsProject.instance().mapLayers().values()}


def values(path, field="phi", layer="superpixels"):
    table = QgsVectorLayer(f"{path}|layername={layer}", "")  # kept as long as its features are read
    return [feature[field] for feature in table.getFeatures()]


# on the map


def test_superpixels_lie_styled_in_the_targets_group_and_their_values_add_up(question, project, tmp_path, listener):
    files = {"OUTPUT": str(tmp_path / "s.gpkg"), "RASTER": str(tmp_path / "s.tif"), "REPORT": str(tmp_path / "s.html")}
    shown = loaded("regionshap", {**question, **files}, listener)
    polygons, raster = shown["gpkg"], shown[".tif"]
    assert "detection 12: 9 superpixels (bare soil) (simulated)" in polygons.name()
    group = project.layerTreeRoot().findGroup("Why: detection 12")
    assert [node.layerId() for node in group.findLayers()] == [polygons.id(), raster.id()]
    assert [node.isVisible() for node in group.findLayers()] == [True, False], "the raster shows the same"
    assert polygons.renderer().type() in ("RuleRenderer", "graduatedSymbol", "categorizedSymbol")
    of_region = {name: values(files["OUTPUT"], name, "regions")[0] for name in ("f_x", "f_baseline", "rest_phi")}
    total = sum(values(files["OUTPUT"])) + (of_region["rest_phi"] or 0)
    assert total == pytest.approx(of_region["f_x"] - of_region["f_baseline"], abs=1e-3)
    log = "\n".join(listener.texts)
    assert "The answer was " in log and "which is the difference" in log and "s.html" in log
    told = polygons.metadata().abstract()
    assert (
        told.startswith("SIMULATED")
        and "The answer was raised by " in told
        and "Found by: " in told
        and "{" not in told
    )


def test_bands_of_a_region_are_told_exactly(question, project, tmp_path, listener):
    asked = {name: value for name, value in question.items() if name not in ("SUPERPIXELS", "EVALUATIONS")}
    files = {"OUTPUT": str(tmp_path / "b.gpkg"), "TABLE": str(tmp_path / "b.csv"), "REPORT": str(tmp_path / "b.html")}
    shown = loaded("bandshap", {**asked, **files, "PLAYERS": "band_groups"}, listener)
    assert "detection 12: 4 groups of bands (bare soil) (simulated)" in shown["gpkg"].name()
    (region,) = shown["gpkg"].getFeatures()
    assert region["phi_sum"] == pytest.approx(region["f_x"] - region["f_baseline"], rel=1e-4)
    assert "short-wave infrared" in (tmp_path / "b.csv").read_text(encoding="utf-8")
    assert any(line.startswith("Found by: Exactly") for line in listener.texts)


# again, in other CRS, refused


def test_a_layer_runs_again_to_the_same_values(question, tmp_path, context, listener):
    first = {**question, "OUTPUT": str(tmp_path / "1.gpkg"), "COMPARE": ["zero"], "CUT_BANDS": "B04 B08"}
    processing.run("solarsaliency:regionshap", first, context=context, feedback=listener)
    again = layer_actions._parameters(runs.run_of(QgsVectorLayer(first["OUTPUT"], "s")))
    assert again["TARGET"].startswith(f"CRS={UTM};") and again["CUT_BANDS"] == "B04 B08"
    second = {**again, "OUTPUT": str(tmp_path / "2.gpkg")}
    processing.run("solarsaliency:regionshap", second, context=context, feedback=listener)
    assert values(first["OUTPUT"]) == values(second["OUTPUT"])
    assert values(first["OUTPUT"], "phi_zero") == values(second["OUTPUT"], "phi_zero")


def test_a_region_in_degrees_is_the_same_region(question, farms, tmp_path, context, listener):
    around = farms[0].buffer(60, 8).boundingBox()
    drawn = QgsGeometry.fromRect(around)
    moved = QgsGeometry(drawn)
    systems = [QgsCoordinateReferenceSystem(name) for name in (UTM, "EPSG:4326")]
    moved.transform(QgsCoordinateTransform(*systems, QgsProject.instance()))
    found = []
    for number, region in enumerate((f"CRS={UTM};{drawn.asWkt()}", f"CRS=EPSG:4326;{moved.asWkt()}")):
        asked = {**question, "REGION": region, "OUTPUT": str(tmp_path / f"{number}.gpkg")}
        processing.run("solarsaliency:regionshap", asked, context=context, feedback=listener)
        found.append(values(asked["OUTPUT"]))
    assert found[0] == found[1]
    asked = {**question, "TARGET": None, "REGION": region, "OUTPUT": str(tmp_path / "alone.gpkg")}
    alone = processing.run("solarsaliency:regionshap", asked, context=context, feedback=listener)
    assert alone["CRS"] == UTM and alone["EXPLAINED"] == 1


def test_of_a_layer_of_polygons_each_is_explained_and_what_cannot_be_is_named(
    question, farms, project, tmp_path, listener
):
    drawn = QgsVectorLayer(f"Polygon?crs={UTM}&field=name:string", "mine", "memory")
    corner = QgsRasterLayer(question["INPUT"], "").extent()
    corner.setXMaximum(corner.xMinimum() + 200)
    corner.setYMaximum(corner.yMinimum() + 200)
    away = QgsGeometry(farms[0])
    away.translate(1e5, 0)
    features = []
    for name, geometry in (
        ("large", farms[0]),
        ("small", farms[1]),
        ("field", QgsGeometry.fromRect(corner)),
        ("away", away),
    ):
        feature = QgsFeature(drawn.fields())
        feature["name"] = name
        feature.setGeometry(geometry)
        features.append(feature)
    drawn.dataProvider().addFeatures(features)
    project.addMapLayer(drawn)
    asked = {"INPUT": question["INPUT"], "POLYGONS": drawn.id(), "SUPERPIXELS": 5, "OUTPUT": str(tmp_path / "s.gpkg")}
    shown = loaded("regionshap", asked, listener)
    assert "2 regions: " in shown["gpkg"].name() and project.layerTreeRoot().findGroup("Why: 2 regions")
    log = "\n".join(listener.texts)
    assert "2 regions were explained." in log and "⚠ “field” was left out: " in log
    assert any("1 of the layer's polygons lie outside" in warning for warning in listener.warnings)
    assert all(f"{name} (probability " in log for name in ("large", "small"))
    assert set(values(asked["OUTPUT"], "region")) == {"large", "small"}


def test_a_run_that_takes_long_asks_for_consent_by_the_name_in_the_dialog(question, provider, tmp_path, context):
    asked = {**question, "SUPERPIXELS": 60, "EVALUATIONS": 10_000_000, "OUTPUT": str(tmp_path / "s.gpkg")}
    label = provider.algorithm("regionshap").parameterDefinition("LONG").description()
    with pytest.raises(QgsProcessingException, match=f"“{label}”"):
        processing.run("solarsaliency:regionshap", asked, context=context)
    assert not list(tmp_path.iterdir())


# without the dialog


def test_one_algorithm_object_runs_a_whole_batch(question, provider, tmp_path, context, listener):
    from processing.gui.AlgorithmExecutor import execute

    algorithm = QgsApplication.processingRegistry().createAlgorithmById("solarsaliency:regionshap")
    asked = []
    for row, evaluations in enumerate((60, 90)):
        output = str(tmp_path / f"{row}.gpkg")
        parameters = {**question, "EVALUATIONS": evaluations, "ESTIMATOR": "leverage", "OUTPUT": output}
        assert algorithm.checkParameterValues(parameters, context)[0]
        successful, result = execute(algorithm, parameters, context, listener)
        assert successful, listener.errors
        asked.append(result["EVALUATIONS"])
    assert asked == [60, 90]


def test_a_model_explains_what_it_has_detected_and_its_layer_is_styled(sample, tmp_path, context, listener):
    made = QgsProcessingModelAlgorithm("Farms and why", "tests")
    made.addModelParameter(QgsProcessingParameterRasterLayer("SCENE", "Scene"), QgsProcessingModelParameter("SCENE"))
    from_scene = QgsProcessingModelChildParameterSource.fromModelParameter("SCENE")
    detect = QgsProcessingModelChildAlgorithm("solarsaliency:detect")
    detect.setChildId("detect")
    detect.addParameterSources("INPUT", [from_scene])
    detect.addParameterSources("POLYGONS", [QgsProcessingModelChildParameterSource.fromStaticValue("TEMPORARY_OUTPUT")])
    made.addChildAlgorithm(detect)
    explain = QgsProcessingModelChildAlgorithm("solarsaliency:regionshap")
    explain.setChildId("explain")
    detections = QgsProcessingModelChildParameterSource.fromChildOutput("detect", "POLYGONS")
    for name, source in (
        ("INPUT", from_scene),
        ("POLYGONS", detections),
        ("SUPERPIXELS", QgsProcessingModelChildParameterSource.fromStaticValue(4)),
    ):
        explain.addParameterSources(name, [source])
    output = QgsProcessingModelOutput("Why", "Why")
    output.setChildId("explain")
    output.setChildOutputName("OUTPUT")
    explain.setModelOutputs({"Why": output})
    made.addChildAlgorithm(explain)
    made.updateDestinationParameters()
    path = str(tmp_path / "why.model3")
    assert made.toFile(path)
    model = QgsProcessingModelAlgorithm()
    assert model.fromFile(path)
    target = QgsProcessingOutputLayerDefinition(str(tmp_path / "w.gpkg"), QgsProject.instance())
    result, successful = model.run({"SCENE": sample["SCENE"], "explain:Why": target}, context, listener)
    assert successful, listener.errors

    from processing.gui.Postprocessing import handleAlgorithmResults

    assert handleAlgorithmResults(model, context, listener, parameters=result)
    (layer,) = QgsProject.instance().mapLayers().values()
    assert " superpixels (bare soil) (simulated)" in layer.name() and layer.featureCount() >= 4
    assert runs.run_of(layer)["method"] == "regionshap"


# real farms


@pytest.mark.parametrize("algorithm", ["regionshap", "bandshap"])
def test_a_real_farm_is_explained(algorithm, shared_data, project, tmp_path, listener):
    farms = json.loads((shared_data / "austria-pv-2022" / "farm_polygons.geojson").read_text(encoding="utf-8"))
    outline = next(f for f in farms["features"] if f["properties"]["nc_id"] == 777)
    geometry = QgsGeometry.fromWkt(polygon_text(outline["geometry"]))
    asked = {
        "INPUT": str(shared_data / "austria-pv-2022" / "s2" / "S2_2022_777.nc"),
        "DATE": "2022-07-19",
        "TARGET": f"CRS=EPSG:4326;{geometry.asWkt()}",
        "NAME": "farm 777",
        "OUTPUT": str(tmp_path / "s.gpkg"),
        "REPORT": str(tmp_path / "s.html"),
    }
    shown = loaded(algorithm, asked, listener)
    assert "farm 777: " in shown["gpkg"].name() and shown["gpkg"].featureCount() >= 1
    assert any(line.startswith("The answer was raised by ") for line in listener.texts)
    assert (tmp_path / "s.html").stat().st_size > 1000


def polygon_text(geometry):
    """Well-known text of a GeoJSON polygon's outline."""
    rings = geometry["coordinates"] if geometry["type"] == "Polygon" else geometry["coordinates"][0]
    return "POLYGON((" + ", ".join(f"{point[0]} {point[1]}" for point in rings[0]) + "))"
