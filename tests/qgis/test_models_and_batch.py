"""The algorithms as parts of models and as batches: what people automate with."""

import processing
import pytest
from qgis.core import (
    QgsApplication,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterRasterLayer,
    QgsProject,
)


def step(identifier, algorithm, sources):
    child = QgsProcessingModelChildAlgorithm(algorithm)
    child.setChildId(identifier)
    for name, source in sources.items():
        child.addParameterSources(name, [source])
    return child


def final_output(child, name, shown):
    output = QgsProcessingModelOutput(shown, shown)
    output.setChildId(child.childId())
    output.setChildOutputName(name)
    child.setModelOutputs({**child.modelOutputs(), shown: output})


@pytest.fixture
def model(provider):
    """A model of two steps: detect, then polygons at another threshold."""
    made = QgsProcessingModelAlgorithm("Farms of a scene", "tests")
    made.addModelParameter(QgsProcessingParameterRasterLayer("SCENE", "Scene"), QgsProcessingModelParameter("SCENE"))
    from_scene = QgsProcessingModelChildParameterSource.fromModelParameter("SCENE")
    detect = step("detect", "solarsaliency:detect", {"INPUT": from_scene})
    final_output(detect, "OUTPUT", "Probability")
    made.addChildAlgorithm(detect)
    polygonize = step(
        "polygonize",
        "solarsaliency:polygonize",
        {
            "INPUT": QgsProcessingModelChildParameterSource.fromChildOutput("detect", "OUTPUT"),
            "THRESHOLD": QgsProcessingModelChildParameterSource.fromStaticValue(0.6),
        },
    )
    final_output(polygonize, "OUTPUT", "Farms")
    made.addChildAlgorithm(polygonize)
    made.updateDestinationParameters()
    return made


def test_a_model_is_saved_loaded_and_run_with_styled_layers(model, sample, tmp_path, context, listener):
    path = str(tmp_path / "farms.model3")
    assert model.toFile(path)
    loaded = QgsProcessingModelAlgorithm()
    assert loaded.fromFile(path)
    outputs = {"detect:Probability": tmp_path / "p.tif", "polygonize:Farms": tmp_path / "d.gpkg"}
    targets = {
        name: QgsProcessingOutputLayerDefinition(str(file), QgsProject.instance()) for name, file in outputs.items()
    }
    result, successful = loaded.run({"SCENE": sample["SCENE"], **targets}, context, listener)
    assert successful, listener.errors
    assert all(file.exists() for file in outputs.values())

    from processing.gui.Postprocessing import handleAlgorithmResults

    assert handleAlgorithmResults(loaded, context, listener, parameters=result)
    layers = {layer.name(): layer for layer in QgsProject.instance().mapLayers().values()}
    assert layers["Solar farm probability (simulated)"].renderer().type() == "singlebandpseudocolor"
    assert layers["Solar farm detections (simulated)"].labelsEnabled()


def test_numbers_of_a_result_can_steer_a_model(provider):
    outputs = {o.name(): o.type() for o in provider.algorithm("detect").outputDefinitions()}
    assert outputs["DETECTIONS"] == outputs["TOTAL_HA"] == outputs["DETECTED_HA"] == "outputNumber"


def test_one_algorithm_object_runs_a_whole_batch(provider, sample, tmp_path, context, listener):
    # Processing's batch dialog calls one and the same object again and again, on the main thread.
    from processing.gui.AlgorithmExecutor import execute

    algorithm = QgsApplication.processingRegistry().createAlgorithmById("solarsaliency:detect")
    areas = []
    for row, threshold in enumerate((0.2, 0.5, 0.9)):
        parameters = {
            "INPUT": sample["SCENE"],
            "THRESHOLD": threshold,
            "OUTPUT": str(tmp_path / f"p{row}.tif"),
            "POLYGONS": str(tmp_path / f"d{row}.gpkg"),
        }
        assert algorithm.checkParameterValues(parameters, context)[0]
        successful, result = execute(algorithm, parameters, context, listener)
        assert successful, listener.errors
        areas.append(result["DETECTED_HA"])
    assert areas == sorted(areas, reverse=True)
    assert areas[0] > areas[-1]


def test_scene_to_polygons_step_by_step(provider, sample, tmp_path):
    tidy = processing.run("solarsaliency:preparescene", {"INPUT": sample["OUTPUT"], "OUTPUT": str(tmp_path / "s.tif")})
    found = processing.run("solarsaliency:detect", {"INPUT": tidy["OUTPUT"], "OUTPUT": str(tmp_path / "p.tif")})
    polygons = processing.run(
        "solarsaliency:polygonize", {"INPUT": found["OUTPUT"], "OUTPUT": str(tmp_path / "d.gpkg")}
    )
    assert polygons["TOTAL_HA"] == pytest.approx(found["DETECTED_HA"], rel=0.1)
