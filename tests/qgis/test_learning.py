"""Train, fine-tune and evaluate as QGIS runs them: real engine, simulated scenes; and what they say in trouble."""

import json
from pathlib import Path

import processing
import pytest
from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingUtils,
    QgsProject,
    QgsRasterLayer,
    QgsVectorFileWriter,
    QgsVectorLayer,
)

from solar_saliency.processing_algorithms import learning
from solar_saliency.solar_saliency_plugin.bridge import models
from solar_saliency.solar_saliency_plugin.contract.errors import CancelledError, ModelInvalidError

#: As little as possible is learned: what is learned is the engine's tests' affair.
SHORT = {"STEPS": 10, "BATCH": 2, "PRECISION": 1}


@pytest.fixture(scope="module")
def places(provider, engine, tmp_path_factory):
    """A simulated sample with farms at five places."""
    folder = tmp_path_factory.mktemp("places") / "sample"
    return processing.run("solarsaliency:samplescene", {"SIZE": 768, "OUTPUT": str(folder)})


def labelled(places, **more):
    return {"SCENES": [places["SCENE"]], "POLYGONS": places["TRUTH"], **more}


@pytest.fixture(scope="module")
def trained(places):
    """Results of training into a temporary folder, and the model's being installed."""
    values = labelled(places, TITLE="Farms of the Sample", OUTPUT="TEMPORARY_OUTPUT", **SHORT)
    return processing.run("solarsaliency:train", values)


def test_a_trained_model_is_a_folder_named_after_its_title_with_a_curve_and_a_card(trained):
    folder = Path(trained["OUTPUT"])
    assert folder.name == "farms-of-the-sample"
    assert {path.name for path in folder.iterdir()} >= {"card.json", "weights.safetensors", "curve.png"}
    assert trained["CURVE"] == str(folder / "curve.png")
    page = Path(trained["CARD"]).read_text(encoding="utf-8")
    assert "Farms of the Sample" in page and "curve.png" in page


def test_a_trained_model_is_installed_and_offered_by_its_title(trained, provider):
    from processing.gui.wrappers import WidgetWrapperFactory
    from qgis.PyQt.QtWidgets import QWidget

    name = trained["INSTALLED_AS"]
    (found,) = [model for model in models.installed_models() if model.name == name]
    assert (found.title, found.problem) == ("Farms of the Sample", "")
    parameter = provider.algorithm("detect").parameterDefinition("MODEL")
    widget = WidgetWrapperFactory.create_wrapper(parameter, QWidget())
    assert widget._box.findText("Farms of the Sample") >= 0


def test_detection_takes_the_trained_model(trained, places, tmp_path):
    found = processing.run(
        "solarsaliency:detect",
        {"INPUT": places["SCENE"], "MODEL": trained["INSTALLED_AS"], "OUTPUT": str(tmp_path / "p.tif")},
    )
    assert found["MODEL_SHA256"] == trained["SHA256"]


def test_the_log_tells_how_learning_goes_and_how_good_the_model_is(places, tmp_path, listener):
    values = labelled(places, OUTPUT=str(tmp_path / "mine"), INSTALL=False, **SHORT)
    before = models.installed_models()
    result = processing.run("solarsaliency:train", values, feedback=listener)
    assert any("loss" in text and "validation" in text for text in listener.texts)
    assert any(text.startswith("On places kept out: average precision") for text in listener.texts)
    assert result["NAME"] == "mine" and "INSTALLED_AS" not in result
    assert models.installed_models() == before


def test_a_cancelled_training_goes_on_when_it_is_run_again(places, provider, context, listener):
    class Impatient(type(listener)):
        def pushInfo(self, info):  # noqa: N802
            super().pushInfo(info)
            if info.startswith("Step 10 of 40"):
                self.cancel()

    values = labelled(places, TITLE="Continued", OUTPUT="TEMPORARY_OUTPUT", INSTALL=False, **{**SHORT, "STEPS": 40})
    impatient = Impatient()
    results, _ = provider.algorithm("train").create().run(values, context, impatient)
    assert "OUTPUT" not in results
    assert any("cancelled at step" in text for text in impatient.texts), impatient.texts
    results, successful = provider.algorithm("train").create().run({**values, "STEPS": 40}, context, listener)
    assert successful, listener.errors
    assert any("Going on with an interrupted run" in text for text in listener.texts), listener.texts
    assert results["STEPS"] == 40


def test_fine_tuning_starts_from_the_model_that_is_chosen(trained, places, tmp_path, listener):
    values = labelled(places, MODEL=trained["INSTALLED_AS"], OUTPUT=str(tmp_path / "tuned"), INSTALL=False, **SHORT)
    result = processing.run("solarsaliency:finetune", values, feedback=listener)
    card = json.loads((tmp_path / "tuned" / "card.json").read_text(encoding="utf-8"))
    assert card["training"]["start"]["sha256"] == trained["SHA256"]
    assert result["STEPS"] <= 10


def test_evaluation_gives_a_report_to_read_and_a_table(places, tmp_path, listener, provider):
    files = {"REPORT": str(tmp_path / "r.html"), "TABLE": str(tmp_path / "t.csv")}
    result = processing.run("solarsaliency:evaluate", labelled(places, **files), feedback=listener)
    assert {name: result[name] for name in files} == files
    assert "<html" in (tmp_path / "r.html").read_text(encoding="utf-8").lower()
    assert (tmp_path / "t.csv").read_text(encoding="utf-8").count("\n") > 3
    assert 0 <= result["IOU"] <= 1 and result["SITES"] > 0
    assert any(text.startswith("Pixels: average precision") for text in listener.texts)


def test_evaluation_without_outlines_counts_false_detections_only(places, tmp_path, listener):
    values = {"SCENES": [places["SCENE"]], "REPORT": str(tmp_path / "r.html")}
    result = processing.run("solarsaliency:evaluate", values, feedback=listener)
    assert "IOU" not in result and "TABLE" not in result
    assert any(text.startswith("False detections: ") for text in listener.texts)
    assert not any("average precision" in text or text.startswith("Solar farms: ") for text in listener.texts)


# What the engine may answer, too


@pytest.fixture
def folder(tmp_path):
    """A model folder as the engine writes it, with problems."""
    made = tmp_path / "mine"
    made.mkdir()
    (made / "curve.png").write_bytes(b"")
    (made / "card.json").write_text(json.dumps({"title": "Mine", "quality": {"iou": 0.5}}), encoding="utf-8")
    points = QgsVectorLayer("Point?crs=EPSG:4326&field=kind:string&field=text:string", "p", "memory")
    for kind, text in (("displaced", "It is moved."), ("displaced", "So is this."), ("clouded", "No clear view.")):
        feature = QgsFeature(points.fields())
        feature.setAttributes([kind, text])
        feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(16, 48)))
        points.dataProvider().addFeatures([feature])
    QgsVectorFileWriter.writeAsVectorFormatV3(
        points,
        str(made / "problems.gpkg"),
        QgsProject.instance().transformContext(),
        QgsVectorFileWriter.SaveVectorOptions(),
    )
    return made


@pytest.fixture
def answers(folder, monkeypatch, engine):
    """Has the engine answer so: a result, or an error to raise; by method."""
    result = {
        "output": str(folder),
        "name": "mine",
        "sha256": "0",
        "steps": 300,
        "stopped_early": True,
        "sites": 20,
        "views": 60,
        "problems": 3,
        "threshold": 0.5,
        "validation": {"average_precision": 0.9, "iou": None},
        "curve": str(folder / "curve.png"),
        "problems_output": str(folder / "problems.gpkg"),
        "device": "cpu",
        "precision": "float32",
        "seconds": 1.0,
        "warnings": [],
    }
    told = {"train": result, "installmodel": {"name": "mine", "title": "Mine"}}

    class Stub:
        def call(self, method, params, feedback):
            answer = told[method]
            if isinstance(answer, Exception):
                raise answer
            return answer

    monkeypatch.setattr(learning, "worker", Stub)
    return told


def calls_of(monkeypatch):
    """The requests that the engine gets from now on, by method."""
    asked = {}
    call = learning.worker.call

    def noted(self, method, params, feedback):
        asked.setdefault(method, []).append(params)
        return call(self, method, params, feedback)

    monkeypatch.setattr(learning.worker, "call", noted)
    return asked


VALUES = {"SCENES": ["a.tif"], "POLYGONS": "f.gpkg", "OUTPUT": "TEMPORARY_OUTPUT"}


def test_problems_with_outlines_are_shown_on_the_map_by_their_kind(provider, answers, folder, context, listener):
    processing.runAndLoadResults("solarsaliency:train", VALUES, feedback=listener, context=context)
    (layer,) = QgsProject.instance().mapLayersByName("Problems with outlines")
    renderer = layer.renderer()
    assert isinstance(renderer, QgsCategorizedSymbolRenderer)
    assert [category.label() for category in renderer.categories()] == ["Displaced", "Under clouds"]
    assert layer.displayField() == "text" or layer.displayExpression() == '"text"'
    assert any("Problems with outlines: 3" in text for text in listener.texts)


def test_a_model_is_installed_beside_one_of_the_same_name(provider, answers, monkeypatch, tmp_path):
    monkeypatch.setenv("SOLAR_SALIENCY_MODELS", str(tmp_path / "models"))
    (tmp_path / "models" / "mine").mkdir(parents=True)
    asked = calls_of(monkeypatch)
    processing.run("solarsaliency:train", VALUES)
    assert asked["installmodel"] == [{"source": answers["train"]["output"], "name": "mine-2"}]


def test_a_model_that_cannot_be_installed_is_not_lost(provider, answers, folder, listener):
    answers["installmodel"] = ModelInvalidError("The disk is a toaster.", "Buy a disk.")
    result = processing.run("solarsaliency:train", VALUES, feedback=listener)
    assert result["OUTPUT"] == str(folder) and "INSTALLED_AS" not in result
    assert any("not installed: The disk is a toaster. Buy a disk." in warning for warning in listener.warnings)


def test_a_cancel_while_installing_keeps_the_model(provider, answers, folder, listener):
    answers["installmodel"] = CancelledError("The job was cancelled.")
    assert processing.run("solarsaliency:train", VALUES, feedback=listener)["OUTPUT"] == str(folder)
    assert any("The model was written" in text for text in listener.texts)


def test_a_cancelled_training_says_so_and_gives_nothing(provider, answers, listener):
    answers["train"] = CancelledError("Learning was cancelled at step 30 of 60.", "Run it again to go on from there.")
    assert "OUTPUT" not in processing.run(
        "solarsaliency:train", {**VALUES, "OUTPUT": "TEMPORARY_OUTPUT"}, feedback=listener
    )
    assert any("Learning was cancelled at step 30" in text for text in listener.texts)


def test_a_card_that_is_gone_or_damaged_does_not_lose_what_was_learned(provider, answers, folder, listener):
    (folder / "card.json").write_text("[", encoding="utf-8")
    assert processing.run("solarsaliency:train", VALUES, feedback=listener)["OUTPUT"] == str(folder)


def test_a_temporary_model_that_is_not_installed_is_warned_of(provider, answers, listener):
    processing.run("solarsaliency:train", {**VALUES, "INSTALL": False}, feedback=listener)
    assert any("goes when QGIS ends" in warning for warning in listener.warnings)


@pytest.mark.parametrize(
    ("title", "name"),
    [("", "my-model"), ("Burgenland 2023", "burgenland-2023"), ("Österreich!", "sterreich"), ("../..", "my-model")],
)
def test_a_temporary_folder_is_named_after_the_title_and_stays_for_the_session(
    provider, answers, monkeypatch, title, name
):
    asked = calls_of(monkeypatch)
    for _ in range(2):
        processing.run("solarsaliency:train", {**VALUES, "TITLE": title})
    folders = {request["output"] for request in asked["train"]}
    assert folders == {str(Path(QgsProcessingUtils.tempFolder()) / "learned" / name)}


def test_a_scene_in_the_project_can_be_given_as_layer(places, tmp_path, context, listener):
    layer, outlines = QgsRasterLayer(places["SCENE"], "scene"), QgsVectorLayer(places["TRUTH"], "truth")
    QgsProject.instance().addMapLayers([layer, outlines])
    values = {"SCENES": [layer.id()], "POLYGONS": outlines.id(), "REPORT": str(tmp_path / "r.html")}
    result = processing.run("solarsaliency:evaluate", values, context=context, feedback=listener)
    assert result["SITES"] > 0
