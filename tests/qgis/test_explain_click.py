"""One click on a detection: the right polygon, the right request, a first look and then the whole on the same layer."""

import os
import re
import time

import processing
import pytest
from qgis.core import (
    Qgis,
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsSettings,
    QgsTask,
    QgsVectorLayer,
)
from qgis.gui import QgsGui, QgsMapCanvas, QgsMapToolPan, QgsMessageBar, QgsMessageBarItem
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QCoreApplication, QEvent, QEventLoop, QPoint, QSize, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QMainWindow, QMenu, QPushButton, QToolBar, QToolButton

from solar_saliency.solar_saliency_plugin.bridge import layers
from solar_saliency.solar_saliency_plugin.contract.attribution_methods import ATTRIBUTION_METHODS
from solar_saliency.solar_saliency_plugin.contract.errors import SolarSaliencyError
from solar_saliency.solar_saliency_plugin.gui import coarse, detections, explain_tool, explanation, picking
from solar_saliency.solar_saliency_plugin.gui.detections import Detection, detection_at, prefilled, question

UTM = QgsCoordinateReferenceSystem("EPSG:32643")
DEGREES = QgsCoordinateReferenceSystem("EPSG:4326")
PSEUDO_MERCATOR = QgsCoordinateReferenceSystem("EPSG:3857")


def largest(layer):
    return max(layer.getFeatures(), key=lambda feature: feature["area_ha"])


def inside(feature, crs=UTM):
    """A point inside a feature of the detections, in a CRS of the map."""
    point = feature.geometry().pointOnSurface().asPoint()
    return QgsCoordinateTransform(UTM, crs, QgsProject.instance()).transform(point)


# which detection


@pytest.mark.parametrize("crs", [UTM, DEGREES, PSEUDO_MERCATOR], ids=lambda crs: crs.authid())
def test_a_click_finds_the_detection_whatever_the_maps_crs(found, crs):
    reach = 1e-6 if crs.isGeographic() else 0.1
    for feature in found.getFeatures():
        picked = detection_at(inside(feature, crs), crs, [found], reach)
        assert (picked.layer, picked.feature.id()) == (found, feature.id())


def test_a_click_beside_finds_the_nearest_within_reach_only(found):
    box = largest(found).geometry().boundingBox()
    edge = (
        largest(found)
        .geometry()
        .nearestPoint(QgsGeometry.fromPointXY(QgsPointXY(box.xMinimum() - 500, box.yMaximum())))
    )
    beside = QgsPointXY(edge.asPoint().x() - 30, edge.asPoint().y())
    assert detection_at(beside, UTM, [found], 10) is None
    assert detection_at(beside, UTM, [found], 60).feature.id() == largest(found).id()


def test_of_overlapping_detections_the_smallest_is_meant_and_of_layers_the_topmost(found, files, tmp_path):
    import shutil

    copy = str(tmp_path / "copy.gpkg")
    shutil.copy(files["POLYGONS"], copy)
    top = QgsVectorLayer(copy + "|layername=detections", "top")
    small = QgsFeature(largest(top))
    small.setGeometry(QgsGeometry.fromPointXY(inside(largest(top))).buffer(5, 4))
    small.setGeometry(QgsGeometry.collectGeometry([small.geometry()]))
    small["fid"] = 999
    assert top.dataProvider().addFeatures([small])[0]
    picked = detection_at(inside(largest(top)), UTM, [top, found], 1)
    assert picked.layer is top and picked.feature.geometry().area() < 100
    assert detection_at(inside(largest(found)), UTM, [found, top], 1).layer is found


def test_layers_that_hold_no_detections_are_not_asked(sample, found):
    truth = QgsVectorLayer(sample["TRUTH"], "truth")
    assert detection_at(inside(largest(found)), UTM, [truth], 100) is None


def test_a_place_that_the_layers_crs_does_not_reach_is_no_detection(found):
    assert detection_at(QgsPointXY(1e30, 1e30), DEGREES, [found], 1) is None


# what is asked


def test_the_question_is_the_one_that_the_detection_answered(found, sample):
    asked = question(found)
    assert asked["scene"] == sample["SCENE"]
    assert asked["threshold"] == 0.45
    assert asked["window"] == 128
    assert asked["model"] == "compact", "what is the default may change"
    feature = largest(found)
    target = Detection(found, feature).target()
    assert target["target_crs"] == "EPSG:32643"
    assert QgsGeometry.fromWkt(target["target"]).equals(feature.geometry())
    assert target["name"] == f"detection {feature['id']}"


def moved(files, tmp_path, sample, **gone):
    """Detections whose probability or scene lay where nothing is any more."""
    import shutil

    scene = str(tmp_path / "scene.tif")
    shutil.copy(sample["SCENE"], scene)
    made = {"OUTPUT": str(tmp_path / "p.tif"), "POLYGONS": str(tmp_path / "d.gpkg")}
    processing.run("solarsaliency:detect", {"INPUT": scene, **made})
    os.unlink(scene if gone.get("scene") else made["OUTPUT"])
    return QgsVectorLayer(made["POLYGONS"], "Detections")


@pytest.mark.parametrize(("gone", "file"), [({"scene": True}, "scene.tif"), ({"probability": True}, "p.tif")])
def test_what_is_missing_is_named_with_a_way_out(files, tmp_path, sample, gone, file):
    with pytest.raises(SolarSaliencyError) as caught:
        question(moved(files, tmp_path, sample, **gone))
    assert file in str(caught.value) and "not there any more" in str(caught.value)
    assert "Explain Detection…" in str(caught.value)


def test_polygons_of_another_origin_are_refused_in_words(sample):
    with pytest.raises(SolarSaliencyError, match="does not say how its polygons were made"):
        question(QgsVectorLayer(sample["TRUTH"], "truth"))


def test_the_dialog_starts_with_the_scene_and_polygons_of_the_active_detections(found, sample):
    values = prefilled(found)
    assert values["INPUT"] == sample["SCENE"] and values["POLYGONS"] == found.id() and "TARGET" not in values
    found.selectByIds([largest(found).id()])
    values = prefilled(found)
    assert values["TARGET"].startswith("CRS=EPSG:32643;MultiPolygon") and "POLYGONS" not in values
    assert "NAME" not in values, "it would stay when the user takes another target"
    found.selectByIds([feature.id() for feature in found.getFeatures()][:2])
    chosen = prefilled(found)["POLYGONS"]
    assert (chosen.source.staticValue(), chosen.selectedFeaturesOnly) == (found.id(), True)


# a first look


@pytest.mark.parametrize("baseline", ["soil", "surroundings"])
@pytest.mark.parametrize("name", list(ATTRIBUTION_METHODS))
def test_a_first_look_is_much_cheaper_or_there_is_none(name, baseline):
    method, pixels = ATTRIBUTION_METHODS[name], 200 * 200
    settings = coarse.preview(method, baseline, pixels)
    whole = coarse.cost(method, {}, baseline, pixels)
    if settings is None:
        return
    assert coarse.cost(method, settings, baseline, pixels) <= whole / coarse.CHEAPER
    assert set(settings) <= {*method.defaults, "spectra"}


LOOKED_AT = [name for name, method in ATTRIBUTION_METHODS.items() if coarse.preview(method, "soil", 10_000)]


@pytest.mark.parametrize("name", LOOKED_AT)
def test_the_engine_takes_the_settings_of_a_first_look(found, tmp_path, name):
    settings = coarse.preview(ATTRIBUTION_METHODS[name], "soil", 10_000)
    values = {**question(found), **Detection(found, largest(found)).target(), **settings, "attribution_method": name}
    asked = {**detections.as_parameters(values), "OUTPUT": str(tmp_path / "a.tif")}
    result = processing.run("solarsaliency:attribute", asked)
    expected = coarse.cost(ATTRIBUTION_METHODS[name], settings, "soil", result["WIDTH"] * result["HEIGHT"])
    assert result["EVALUATIONS"] <= 1.5 * expected
    assert 0 < result["SECONDS_COMPUTING"] < result["SECONDS"]


def test_integrated_gradients_are_looked_at_in_five_steps_and_gradients_at_once():
    assert coarse.preview(ATTRIBUTION_METHODS["integrated_gradients"], "soil", 10_000) == {"steps": 5}
    assert coarse.preview(ATTRIBUTION_METHODS["gradient"], "soil", 10_000) is None


@pytest.mark.parametrize(
    ("seconds", "text"), [(3, "about 10 s"), (41, "about 40 s"), (150, "about 2 min"), (7200, "about 2.0 h")]
)
def test_times_are_told_as_people_say_them(seconds, text):
    assert explanation.about(seconds) == text


# the whole way


class Window:
    """A main window with a map and a message bar, as far as the tool uses them."""

    def __init__(self, layers_shown):
        self.window = QMainWindow()
        self.window.resize(QSize(800, 600))
        self.canvas = QgsMapCanvas(self.window)
        self.canvas.resize(QSize(600, 400))
        self.canvas.setDestinationCrs(PSEUDO_MERCATOR)
        self.canvas.setLayers(layers_shown)
        self.canvas.zoomToFullExtent()
        self.bar = QgsMessageBar(self.window)
        self.told = []
        self.bar.widgetAdded.connect(lambda item: self.told.append(sip.cast(item, QgsMessageBarItem).text()))

    def mainWindow(self):  # noqa: N802
        return self.window

    def mapCanvas(self):  # noqa: N802
        return self.canvas

    def messageBar(self):  # noqa: N802
        return self.bar

    def buttons(self):
        item = self.bar.currentItem()
        return {button.text(): button for button in item.findChildren(QPushButton)} if item else {}


@pytest.fixture
def window(found):
    return Window([found])


@pytest.fixture
def tool(window, provider, engine):
    QgsSettings().remove("solar_saliency")
    made = explain_tool.ExplainTool(window, QToolBar(window.window))
    yield made
    made.remove()
    QgsSettings().remove("solar_saliency")
    wait_until(lambda: not QgsApplication.taskManager().activeTasks())


def wait_until(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 50)


def maps(project):
    return [layer for layer in project.mapLayers().values() if layers.run_of(layer).get("method") == "attribute"]


def settings_of(layer):
    return layers.run_of(layer)["request"]


def bands_on(window):
    """The rubber bands that the map shows."""
    return [item for item in window.canvas.scene().items() if type(item).__name__ == "QgsRubberBand"]


def test_a_click_shows_a_first_look_and_then_the_whole_on_the_same_layer(tool, window, found, project):
    tool.tool.pick_at(inside(largest(found), PSEUDO_MERCATOR))
    (band,) = bands_on(window)
    assert (band.fillColor().alpha(), band.strokeColor().alpha()) == (0, 255), "an outline, through which one sees"
    name = f"detection {largest(found)['id']}"
    assert window.told == [f"Integrated gradients of {name} (first look)"], "runs may wait for each other"
    wait_until(lambda: maps(project))
    (layer,) = maps(project)
    assert settings_of(layer)["steps"] == 5 and "first look" in layer.name()
    assert layer.isTemporary(), "QGIS marks layers that go with the session"
    wait_until(lambda: not tool._running)
    assert maps(project) == [layer]
    assert settings_of(layer)["steps"] is None and "first look" not in layer.name()
    assert layer.name().startswith("Integrated gradients (bare soil)")
    assert layer.renderer().shader().rasterShaderFunction().shade(0)[4] == 0
    assert project.layerTreeRoot().findGroup(f"Why: {name}").findLayer(layer.id()) is not None
    assert layers.run_of(layer)["result"]["target_pixels"] == largest(found)["pixels"]
    assert not bands_on(window)
    text = rf"Integrated gradients of {name}: \d+ % of what counts lies inside the detection\."
    assert re.fullmatch(text, window.told[-1])
    assert window.bar.currentItem().level() == Qgis.MessageLevel.Success, "that the scene is simulated says its name"


def test_the_last_used_method_and_baseline_are_taken(tool, window, found, project):
    tool._choose(explain_tool.METHOD_SETTING, "gradient")
    tool._choose(explain_tool.BASELINE_SETTING, "zero")
    tool.tool.pick_at(inside(largest(found), PSEUDO_MERCATOR))
    wait_until(lambda: not tool._running)
    (layer,) = maps(project)
    assert (settings_of(layer)["attribution_method"], settings_of(layer)["baseline"]) == ("gradient", "zero")
    QgsSettings().setValue(explain_tool.METHOD_SETTING, "a method that was removed")
    titles = explain_tool.method_titles()
    assert explain_tool.last_used(explain_tool.METHOD_SETTING, titles, "gradient") == "gradient"


def test_the_buttons_menu_says_and_sets_what_is_used(tool, window):
    button = window.window.findChild(QToolButton, "SolarSaliency_explain_button")
    submenus = [action.menu() for action in button.menu().actions()]
    assert [menu.title() for menu in submenus] == ["Method: Integrated gradients", "Compared with: Bare soil"]
    entries = {action.text(): action for action in submenus[0].actions()}
    assert list(entries) == [method.title for method in ATTRIBUTION_METHODS.values()]
    entries["Gradient"].trigger()
    assert button.menu().actions()[0].menu().title() == "Method: Gradient"
    assert "Another date" not in [action.text() for action in submenus[1].actions()]


def test_a_slow_whole_is_asked_for_with_its_time_and_may_be_left(tool, window, found, project, monkeypatch):
    monkeypatch.setattr(explanation, "LONG", 0.0)
    tool.tool.pick_at(inside(largest(found), PSEUDO_MERCATOR))
    wait_until(lambda: "Keep First Look" in window.buttons())
    assert "The whole takes about" in window.told[-1]
    window.buttons()["Keep First Look"].click()
    assert not tool._running and not bands_on(window)
    (layer,) = maps(project)
    assert settings_of(layer)["steps"] == 5


def test_a_slow_whole_that_is_wanted_is_computed(tool, window, found, project, monkeypatch):
    monkeypatch.setattr(explanation, "LONG", 0.0)
    tool.tool.pick_at(inside(largest(found), PSEUDO_MERCATOR))
    wait_until(lambda: "Compute" in window.buttons())
    window.buttons()["Compute"].click()
    wait_until(lambda: not tool._running)
    (layer,) = maps(project)
    assert settings_of(layer)["steps"] is None


def test_a_cancelled_click_leaves_no_layer_and_no_highlight(tool, window, found, project):
    tool.tool.pick_at(inside(largest(found), PSEUDO_MERCATOR))
    window.buttons()["Cancel"].click()
    wait_until(lambda: not tool._running)
    assert not maps(project) and not bands_on(window)
    wait_until(lambda: window.told[-1] == "Cancelled.")


def test_what_is_said_of_a_cancelled_run_lies_above_qgis_own_notice(tool, window, found, project):
    def as_qgis_does(task, status):
        if status == QgsTask.TaskStatus.Terminated:
            window.bar.pushMessage("Task failed", "Executing “Explain Detection”")

    QgsApplication.taskManager().statusChanged.connect(as_qgis_does)
    try:
        tool.tool.pick_at(inside(largest(found), PSEUDO_MERCATOR))
        wait_until(lambda: maps(project) and "Cancel" in window.buttons())
        window.buttons()["Cancel"].click()
        wait_until(lambda: window.told[-1] == "Cancelled. The first look stays on the map.")
        QCoreApplication.processEvents()
        assert any("Executing" in text for text in window.told)
        assert "first look" in window.bar.currentItem().text() and len(maps(project)) == 1
    finally:
        QgsApplication.taskManager().statusChanged.disconnect(as_qgis_does)


def test_a_warning_that_matters_makes_the_bar_yellow_and_is_shown(tool, window, found, project, monkeypatch):
    told = explanation.Run.pushWarning
    monkeypatch.setattr(
        explanation.Run, "pushWarning", lambda run, text: (told(run, text), told(run, "The sums do not fit."))
    )
    tool._choose(explain_tool.METHOD_SETTING, "gradient")
    tool.tool.pick_at(inside(largest(found), PSEUDO_MERCATOR))
    wait_until(lambda: not tool._running)
    assert window.told[-1].endswith("lies inside the detection. 1 warning.")
    assert window.bar.currentItem().level() == Qgis.MessageLevel.Warning


def test_what_the_engine_refuses_is_told_in_its_words(tool, window, found, project, monkeypatch):
    asked = detections.question(found)
    monkeypatch.setattr(explanation, "question", lambda layer: {**asked, "model": "no such model"})
    tool.tool.pick_at(inside(largest(found), PSEUDO_MERCATOR))
    wait_until(lambda: not tool._running)
    assert "no such model" in window.told[-1]
    assert not maps(project) and not bands_on(window)


def test_the_button_takes_the_tool_up_and_lets_it_go_as_escape_does(tool, window, found, monkeypatch):
    pan, picked = QgsMapToolPan(window.canvas), []
    window.canvas.setMapTool(pan)
    monkeypatch.setattr(tool, "explain", picked.append)
    tool.tool.picked.connect(picked.append)
    tool.action.trigger()
    assert window.canvas.mapTool() is tool.tool and tool.action.isChecked() and window.told == [picking.CLICK]
    place = window.canvas.getCoordinateTransform().transform(inside(largest(found), PSEUDO_MERCATOR))
    QTest.mouseClick(window.canvas.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(int(place.x()), int(place.y())))
    assert [detection.feature.id() for detection in picked] == [largest(found).id()]
    assert window.canvas.mapTool() is tool.tool, "the next one can be clicked"
    tool.action.trigger()
    assert window.canvas.mapTool() is pan and not tool.action.isChecked()
    tool.action.trigger()
    QTest.keyClick(window.canvas, Qt.Key.Key_Escape)
    assert window.canvas.mapTool() is pan and not tool.action.isChecked()


def test_a_click_beside_says_what_to_do(tool, window, project):
    tool.tool.pick_at(QgsPointXY(0, 0))
    assert window.told == [picking.NO_DETECTION]
    project.clear()
    tool.tool.pick_at(QgsPointXY(0, 0))
    assert window.told[-1] == picking.NO_LAYER
    assert not tool._running


def test_a_double_click_asks_once(tool, window, found):
    for _ in range(2):
        tool.tool.pick_at(inside(largest(found), PSEUDO_MERCATOR))
    assert len(tool._running) == 1


def test_a_removed_first_look_stays_away(tool, window, found, project):
    tool.tool.pick_at(inside(largest(found), PSEUDO_MERCATOR))
    wait_until(lambda: maps(project))
    project.removeMapLayer(maps(project)[0].id())
    wait_until(lambda: not tool._running)
    assert not maps(project)


def test_runs_are_found_in_the_history(tool, window, found, monkeypatch):
    remembered = []
    monkeypatch.setattr(explanation, "remember", lambda algorithm, p, c: remembered.append((algorithm.id(), p)))
    tool._choose(explain_tool.METHOD_SETTING, "gradient")
    tool.tool.pick_at(inside(largest(found), PSEUDO_MERCATOR))
    wait_until(lambda: not tool._running)
    ((algorithm, parameters),) = remembered
    assert algorithm == "solarsaliency:attribute" and parameters["TARGET"].startswith("CRS=EPSG:32643;")


def test_the_history_takes_a_run(provider, context, monkeypatch):
    from processing.core.ProcessingLog import ProcessingLog

    from solar_saliency.solar_saliency_plugin.gui.history import remember

    lines, entries = [], []
    monkeypatch.setattr(ProcessingLog, "addToLog", staticmethod(lines.append), raising=False)
    if not hasattr(QgsGui, "historyProviderRegistry"):
        remember(provider.algorithm("attribute"), {"INPUT": "s.tif"}, context)
        assert lines[0].startswith('processing.run("solarsaliency:attribute"') and "s.tif" in lines[0]

    class Registry:
        def addEntry(self, name, entry):  # noqa: N802
            entries.append((name, entry))

    monkeypatch.setattr(QgsGui, "historyProviderRegistry", staticmethod(Registry), raising=False)
    remember(provider.algorithm("attribute"), {"INPUT": "s.tif"}, context)
    assert entries[0][0] == "processing" and entries[0][1]["algorithm_id"] == "solarsaliency:attribute"


def test_the_maps_context_menu_offers_it_on_detections_only(tool, window, found, project):
    class Event:
        def __init__(self, point):
            self.point = point

        def mapPoint(self):  # noqa: N802
            return self.point

    menu = QMenu()
    tool._offer(menu, Event(QgsPointXY(0, 0)))
    assert not menu.actions()
    tool._offer(menu, Event(inside(largest(found), PSEUDO_MERCATOR)))
    next(action for action in menu.actions() if action.text() == "Explain This Detection").trigger()
    wait_until(lambda: not tool._running)
    assert maps(project)


def test_features_of_detections_have_the_action_others_have_not(tool, found, sample, project):
    registry = QgsGui.mapLayerActionRegistry()
    (action,) = registry.mapLayerActions(found)
    assert action.text() == "Explain This Detection"
    assert not registry.mapLayerActions(QgsVectorLayer(sample["TRUTH"], "truth"))
    action.triggerForFeature(found, largest(found))
    wait_until(lambda: not tool._running)
    assert maps(project)


def test_unloading_while_it_runs_leaves_nothing(tool, window, found, project):
    tool.tool.pick_at(inside(largest(found), PSEUDO_MERCATOR))
    for explanation_running in list(tool._running):
        explanation_running.stop()
    assert not tool._running and not bands_on(window)
    QgsApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    wait_until(lambda: not QgsApplication.taskManager().activeTasks())
    assert not maps(project)


def test_without_an_engine_it_is_offered_to_be_set_up(tool, window, found, no_engine, monkeypatch):
    asked = []
    monkeypatch.setattr(explain_tool, "set_up", asked.append)
    tool.tool.pick_at(inside(largest(found), PSEUDO_MERCATOR))
    assert asked == [window] and not tool._running
