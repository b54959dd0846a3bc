"""The plugin comes and goes: it starts in no time, and unloading leaves nothing behind."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsFeature,
    QgsGeometry,
    QgsProcessingFeatureSourceDefinition,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.gui import QgsGui, QgsMapCanvas, QgsProcessingGui
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtGui import QDesktopServices
from qgis.PyQt.QtWidgets import QComboBox, QDialog, QMainWindow, QToolButton

import solar_saliency
from solar_saliency.solar_saliency_plugin.gui import launch, layer_actions, links, menu, setup_dialog
from solar_saliency.solar_saliency_plugin.plugin import SolarSaliencyPlugin


class Window:
    """What the plugin uses of QGIS's interface, on a real main window; it remembers what was added."""

    def __init__(self):
        self.window = QMainWindow()
        self.canvas = QgsMapCanvas(self.window)
        self.menu = []
        self.types = []
        self.layers = []
        self.active = None
        self.warnings = []
        self.chosen = []
        self.pages = []

    def layerTreeView(self):  # noqa: N802
        return self

    def selectedLayers(self):  # noqa: N802
        return self.chosen

    def registerOptionsWidgetFactory(self, factory):  # noqa: N802
        self.pages.append(factory)

    def unregisterOptionsWidgetFactory(self, factory):  # noqa: N802
        self.pages.remove(factory)

    def showOptionsDialog(self, parent, page):  # noqa: N802
        self.shown = page

    def mainWindow(self):  # noqa: N802
        return self.window

    def activeLayer(self):  # noqa: N802
        return self.active

    def messageBar(self):  # noqa: N802
        return self

    def pushWarning(self, title, text):  # noqa: N802
        self.warnings.append(text)

    def mapCanvas(self):  # noqa: N802
        return self.canvas

    def addToolBar(self, name):  # noqa: N802
        return self.window.addToolBar(name)

    def addPluginToRasterMenu(self, name, action):  # noqa: N802
        self.menu.append(action)

    def removePluginRasterMenu(self, name, action):  # noqa: N802
        self.menu.remove(action)

    def addCustomActionForLayerType(self, action, menu, layer_type, all_layers):  # noqa: N802
        self.types.append(action)

    def removeCustomActionForLayerType(self, action):  # noqa: N802
        self.types.remove(action)

    def addCustomActionForLayer(self, action, layer):  # noqa: N802
        self.layers.append(layer)


@pytest.fixture
def window():
    return Window()


@pytest.fixture
def plugin(window, provider):
    made = SolarSaliencyPlugin(window)
    made.initProcessing = lambda: None  # the session's provider is there already
    made.initGui()
    yield made
    made.unload()


def texts(window):
    return [action.text() for action in window.menu if not action.isSeparator()]


def test_the_menu_has_an_entry_for_each_algorithm_and_help(plugin, window):
    assert texts(window) == [
        "Detect Solar Farms…",
        "Detections to Polygons…",
        "Evaluate Model…",
        "Explain Panel",
        "Explain by a Click",
        "Explain Detection…",
        "Explain Regions…",
        "Explain Regions by Bands…",
        "Compare Explanations…",
        "Look Into the Network…",
        "What a Detection Rests On…",
        "Prepare Scene…",
        "Make Sample Scene…",
        "Train Model…",
        "Fine-Tune Model…",
        "Model Info…",
        "Installed Models…",
        "Check Engine…",
        "Set Up Engine…",
        "Help",
    ]


def test_the_toolbar_has_buttons_to_detect_and_to_explain(plugin, window):
    (bar,) = window.window.findChildren(menu.QToolBar)
    buttons = [button for button in bar.findChildren(QToolButton) if button.defaultAction() is not None]
    assert [button.defaultAction().text() for button in buttons] == [
        "Detect Solar Farms…",
        "Explain by a Click",
        "Explain Panel",
    ]
    assert not any(button.icon().isNull() for button in buttons)


def test_unloading_leaves_nothing(plugin, window):
    plugin.unload()
    QgsApplication.sendPostedEvents(None, 52)  # QEvent.DeferredDelete: nobody runs the event loop here
    assert (window.menu, window.types, window.pages) == ([], [], [])
    assert not window.window.findChildren(menu.QToolBar)
    assert not [action for action in window.window.findChildren(menu.QAction) if action.text()]
    assert not window.window.findChildren(links.Links)
    assert not QgsGui.mapLayerActionRegistry().mapLayerActions(QgsVectorLayer("Polygon", "p", "memory"))
    assert window.canvas.mapTool() is None
    assert window.canvas.receivers(window.canvas.contextMenuAboutToShow) == 0


def test_provider_is_gone_after_unloading():
    code = """
import sys
sys.path.insert(0, sys.argv[1])
from qgis.core import QgsApplication
application = QgsApplication([], False)
import solar_saliency
from osgeo import gdal
registry = QgsApplication.processingRegistry()
plugin = solar_saliency.classFactory(None)
plugin.initProcessing()
present = registry.providerById("solarsaliency") is not None
plugin.unload()
print(present, registry.providerById("solarsaliency"))
"""
    assert in_new_python(code) == ["True None"]


def test_help_is_there():
    assert menu.HELP.is_file()


def test_without_an_engine_the_menu_offers_set_up_and_opens_nothing_if_refused(
    plugin, window, provider, no_engine, monkeypatch
):
    asked = []
    monkeypatch.setattr(setup_dialog.SetUpDialog, "exec", lambda self: asked.append(self.windowTitle()))
    assert launch.launch(window, "detect", {}) is None
    assert asked == ["Set Up Engine"]


def test_a_click_on_the_link_opens_set_up(plugin, window, monkeypatch):
    asked = []
    monkeypatch.setattr(links, "set_up", asked.append)
    QDesktopServices.openUrl(QUrl("solarsaliency:setup"))
    assert asked == [window]


def test_layers_that_say_how_they_were_made_offer_to_run_again(plugin, window, sample, tmp_path, monkeypatch):
    import processing

    result = processing.run(
        "solarsaliency:detect", {"INPUT": sample["SCENE"], "THRESHOLD": 0.3, "OUTPUT": str(tmp_path / "p.tif")}
    )
    layer = QgsRasterLayer(result["OUTPUT"], "p")
    other = QgsRasterLayer(str(menu.ICONS / "solar_saliency.svg"), "no raster")
    QgsProject.instance().addMapLayers([layer, other])
    assert window.layers == [layer]
    opened = []
    monkeypatch.setattr(layer_actions, "launch", lambda *arguments: opened.append(arguments))
    window.active = layer
    window.types[0].trigger()
    ((_, algorithm, parameters),) = opened
    assert algorithm == "detect"
    assert parameters["THRESHOLD"] == 0.3
    assert parameters["INPUT"] == sample["SCENE"]
    QgsProject.instance().clear()


def a_run(method, request):
    """A tag as the engine writes it, all its members there."""
    rest = {"scene": {}, "model": {}, "result": {}, "software": {}, "warnings": []}
    return {"method": method, "request": request, **rest}


def with_tag(path, run):
    """A layer of a small raster that says it was made so."""
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), 4, 4, 1)
    dataset.SetMetadataItem("SOLAR_SALIENCY_RUN", json.dumps(run))
    dataset = None
    return QgsRasterLayer(str(path), path.stem)


def test_a_layer_with_a_hostile_tag_offers_nothing(plugin, window, tmp_path):
    layer = with_tag(tmp_path / "a.tif", a_run([1], {}))
    QgsProject.instance().addMapLayer(layer)
    assert window.layers == []
    QgsProject.instance().clear()


@pytest.mark.parametrize(
    "request_told",
    [
        {},
        {"scene": "s.tif", "output": "p.tif", "device": "abacus"},
        {"scene": "s.tif", "output": "p.tif", "extent": [1, "two"]},
        {"scene": ["s.tif"], "output": "p.tif"},
    ],
)
def test_a_layer_that_tells_an_unfit_request_is_refused_in_words(plugin, window, tmp_path, monkeypatch, request_told):
    opened = []
    monkeypatch.setattr(layer_actions, "launch", lambda *arguments: opened.append(arguments))
    window.active = with_tag(tmp_path / "a.tif", a_run("detect", request_told))
    window.types[0].trigger()
    assert opened == []
    (message,) = window.warnings
    assert "How this layer was made cannot be read" in message and "“" in message


def test_a_layer_whose_file_tells_nothing_any_more_is_refused_in_words(plugin, window, tmp_path):
    gdal.GetDriverByName("GTiff").Create(str(tmp_path / "a.tif"), 4, 4, 1)
    window.active = QgsRasterLayer(str(tmp_path / "a.tif"), "a")
    window.types[0].trigger()
    assert len(window.warnings) == 1


def test_running_again_from_a_probability_keeps_the_minimum_area_of_its_open_detections(
    plugin, window, sample, tmp_path, monkeypatch
):
    import processing

    files = {"OUTPUT": str(tmp_path / "p.tif"), "POLYGONS": str(tmp_path / "d.gpkg")}
    processing.run("solarsaliency:detect", {"INPUT": sample["SCENE"], "MINIMUM_AREA": 0.7, **files})
    opened = []
    monkeypatch.setattr(layer_actions, "launch", lambda *arguments: opened.append(arguments[2]))
    window.active = QgsRasterLayer(files["OUTPUT"], "p")
    window.types[0].trigger()
    QgsProject.instance().addMapLayer(QgsVectorLayer(files["POLYGONS"], "d"))
    window.types[0].trigger()
    assert [parameters.get("MINIMUM_AREA") for parameters in opened] == [None, 0.7]
    QgsProject.instance().clear()


@pytest.mark.parametrize(
    ("name", "kept"),
    [("my farm", "my farm"), ("detection 26.20981N 74.00043E plot 2", None), ("region at 26.20981S 74.00043W", None)],
)
def test_running_again_keeps_a_name_that_was_typed_only(plugin, window, tmp_path, monkeypatch, name, kept):
    opened = []
    monkeypatch.setattr(layer_actions, "launch", lambda *arguments: opened.append(arguments[2]))
    asked = {"scene": "s.tif", "output": "a.tif", "target": "POINT(1 2)", "name": name}
    window.active = with_tag(tmp_path / "a.tif", a_run("attribute", asked))
    window.types[0].trigger()
    assert opened[0].get("NAME") == kept and opened[0]["TARGET"] == "POINT(1 2)"


def test_a_dialog_names_the_layer_of_the_file_that_it_is_filled_in_with(plugin, window, project, tmp_path, monkeypatch):
    import processing

    opened = []

    def dialog(algorithm, parameters):
        opened.append(parameters)
        return QDialog()

    monkeypatch.setattr(processing, "createAlgorithmDialog", dialog)
    scene = with_tag(tmp_path / "scene.tif", a_run("preparescene", {}))
    for _ in range(2):
        launch.launch(window, "modelinfo", {"INPUT": str(tmp_path / "scene.tif"), "MODEL": "compact"})
        project.addMapLayer(scene)
    launch.launch(window, "modelinfo", {})
    launch.close_dialogs()
    assert opened == [
        {"INPUT": str(tmp_path / "scene.tif"), "MODEL": "compact"},
        {"INPUT": scene, "MODEL": "compact"},
        {},
    ]


@pytest.mark.parametrize("selected_only", [False, True])
def test_running_again_shows_the_users_layer_and_no_copy_of_it(
    plugin, window, provider, tmp_path, monkeypatch, context, listener, selected_only
):
    memory = QgsVectorLayer("Polygon?crs=EPSG:32643", "drawn", "memory")
    farms = [QgsFeature(), QgsFeature()]
    for place, farm in enumerate(farms):
        farm.setGeometry(QgsGeometry.fromWkt("POINT(400000 2899000)").buffer(100 + place, 5))
    memory.dataProvider().addFeatures(farms)
    QgsProject.instance().addMapLayer(memory)
    memory.selectAll()
    algorithm = provider.algorithm("attribute").create()
    used = QgsProcessingFeatureSourceDefinition(memory.id(), selected_only)
    asked = {"INPUT": "s.tif", "POLYGONS": used, "OUTPUT": str(tmp_path / "a.tif")}
    assert algorithm.prepare(asked, context, listener), listener.errors
    assert "outlines.gpkg" in algorithm._request["polygons"], "a copy is what the engine reads"
    opened = []
    monkeypatch.setattr(layer_actions, "launch", lambda *arguments: opened.append(arguments[2]))
    window.active = with_tag(tmp_path / "a.tif", a_run("attribute", {**algorithm._request, "output": "a.tif"}))
    window.types[0].trigger()
    shown = opened[0]["POLYGONS"]
    assert (shown.source.staticValue(), shown.selectedFeaturesOnly) == (memory.id(), selected_only)
    definition = algorithm.parameterDefinition("POLYGONS")
    kind = QgsProcessingGui.WidgetType.Standard
    widget = QgsGui.processingGuiRegistry().createParameterWidgetWrapper(definition, kind)
    kept = widget.createWrappedWidget(context)
    widget.setWidgetValue(shown, context)
    assert kept.findChild(QComboBox).currentText().startswith("drawn")
    memory.removeSelection()
    window.types[0].trigger()
    assert isinstance(opened[1]["POLYGONS"], str) == selected_only, "of features that are not selected the copy is left"
    QgsProject.instance().removeMapLayer(memory.id())
    window.types[0].trigger()
    assert "outlines.gpkg" in opened[2]["POLYGONS"], "of a layer that is gone the copy is left"


def test_running_again_says_what_went_with_an_earlier_session_and_shows_no_path_of_it(
    plugin, window, provider, tmp_path, monkeypatch
):
    opened = []
    monkeypatch.setattr(layer_actions, "launch", lambda *arguments: opened.append(arguments[2]))
    gone = str(tmp_path / "processing_Yqk" / "0a1b" / "outlines.gpkg")
    own = str(tmp_path / "moved away.gpkg|layername=outlines")
    for polygons in (f"{gone}|layername=outlines", own):
        asked = {"scene": "s.tif", "polygons": polygons, "output": "a.tif"}
        window.active = with_tag(tmp_path / "a.tif", a_run("attribute", asked))
        window.types[0].trigger()
    assert "POLYGONS" not in opened[0] and opened[0]["INPUT"] == "s.tif"
    assert opened[1]["POLYGONS"] == own, "a file of the user's own is told by its name"
    (told,) = window.warnings
    assert "“Or polygons, explained together”" in told and "Choose the layer again" in told


def test_detections_that_tell_an_unfit_request_do_not_keep_their_raster_from_running_again(
    plugin, window, tmp_path, monkeypatch
):
    truths = gdal.GetDriverByName("GPKG").Create(str(tmp_path / "d.gpkg"), 0, 0, 0)
    truths.CreateLayer("d").SetMetadataItem(
        "SOLAR_SALIENCY_RUN", json.dumps(a_run("polygonize", {"threshold": "high"}))
    )
    truths = None
    QgsProject.instance().addMapLayer(QgsVectorLayer(str(tmp_path / "d.gpkg"), "d"))
    opened = []
    monkeypatch.setattr(layer_actions, "launch", lambda *arguments: opened.append(arguments))
    window.active = with_tag(tmp_path / "p.tif", a_run("detect", {"scene": "s.tif", "output": "p.tif"}))
    window.types[0].trigger()
    assert len(opened) == 1 and window.warnings == []
    QgsProject.instance().clear()


def in_new_python(code):
    """What a fresh interpreter with QGIS prints, in lines; the folder of plugins is its argument."""
    plugins = Path(solar_saliency.__file__).absolute().parents[1]
    finished = subprocess.run([sys.executable, "-c", code, str(plugins)], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.splitlines()


STARTING = """
import sys, time
sys.path.insert(0, sys.argv[1])
import qgis.core, qgis.gui, qgis.PyQt.QtWidgets
started = time.process_time()
import solar_saliency
from osgeo import gdal
solar_saliency.classFactory(None).initProcessing()
print(time.process_time() - started)
print(sorted({"numpy", "torch", "rasterio", "processing"} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("made_by", "entry", "prefilled"),
    [
        ("", "Detect Solar Farms…", True),
        ("preparescene", "Detect Solar Farms…", True),
        ("detect", "Detect Solar Farms…", False),
        ("detect", "Detections to Polygons…", True),
        ("", "Detections to Polygons…", False),
    ],
)
def test_the_active_layer_is_chosen_where_it_suits(plugin, window, tmp_path, monkeypatch, made_by, entry, prefilled):
    dataset = gdal.GetDriverByName("GTiff").Create(str(tmp_path / "a.tif"), 4, 4, 1)
    if made_by:
        dataset.SetMetadataItem("SOLAR_SALIENCY_RUN", json.dumps(a_run(made_by, {})))
    dataset = None
    window.active = QgsRasterLayer(str(tmp_path / "a.tif"), "a")
    opened = []
    monkeypatch.setattr(menu, "launch", lambda *arguments: opened.append(arguments))
    next(action for action in window.menu if action.text() == entry).trigger()
    assert opened[0][2] == ({"INPUT": window.active} if prefilled else {})


def test_starting_costs_little_and_imports_nothing_heavy():
    plugins = Path(solar_saliency.__file__).absolute().parents[1]
    runs = [
        subprocess.run([sys.executable, "-c", STARTING, str(plugins)], capture_output=True, text=True).stdout.split(
            "\n"
        )
        for _ in range(3)
    ]
    assert runs[0][1] == "[]"
    assert min(float(run[0]) for run in runs) < 0.15  # 0.05 s is what it takes on an idle machine
