"""Ways to explain a detection in a real QGIS: by a click, and in the dialogs of the Raster menu."""

from director import click, mouse, patient, picture
from qgis.core import (
    QgsProject,
)
from qgis.PyQt.QtCore import QPoint
from qgis.PyQt.QtWidgets import (
    QApplication,
    QMenu,
    QTextEdit,
    QToolButton,
)
from qgis.utils import iface
from steps import (
    DETECTIONS,
    PROBABILITY,
    SCENE,
    algorithm_dialog,
    chosen_scene,
    colours,
    drawn,
    from_menu,
    layer,
    log_text,
    on_the_canvas,
    one_detection,
    rerun_dialog,
    run_button,
    set_value,
    settle,
    wrapper,
)


def attributions():
    """The attribution layers of the project."""
    from solar_saliency.solar_saliency_plugin.bridge.runs import run_of

    return [known for known in QgsProject.instance().mapLayers().values() if run_of(known).get("method") == "attribute"]


def explain_by_a_click():
    """Detect → the tool's button → a click on a detection: its map appears in a group of its own; more ways to ask."""
    largest = yield from one_detection(768)
    canvas, box = iface.mapCanvas(), largest.geometry().boundingBox()
    button = iface.mainWindow().findChild(QToolButton, "SolarSaliency_explain_button")
    mouse(button, button.rect().center() - QPoint(button.width() // 4, 0))
    yield lambda: canvas.mapTool() is not None and canvas.mapTool().action() is button.defaultAction()
    yield settle()
    picture("explain_tool")
    mouse(canvas.viewport(), on_the_canvas(largest))
    yield (
        lambda: (
            iface.messageBar().currentItem() is not None and "(first look)" in iface.messageBar().currentItem().text()
        )
    )
    picture("explain_running")
    yield attributions
    yield lambda: "first look" not in attributions()[0].name()
    yield from drawn()
    picture("explain_map")
    (shown,) = attributions()
    group = group_of(largest)
    assert group is not None and group.findLayer(shown.id()) is not None
    assert group.parent().name().startswith("Solar Saliency: ")
    names = [child.name() for child in group.parent().children()]
    assert names.index(DETECTIONS) < names.index(group.name()) < names.index(PROBABILITY) < names.index(SCENE), names
    assert any(r > b + 60 or b > r + 60 for r, g, b in colours(box)), "neither red nor blue on the map"
    assert not QgsProject.instance().layerTreeRoot().findLayer(layer(PROBABILITY).id()).isVisible()
    yield from other_ways_to_ask(largest)


def other_ways_to_ask(farm):
    """The choice of a method, the map's context menu, and the dialog filled in from the layer."""
    canvas = iface.mapCanvas()
    button = iface.mainWindow().findChild(QToolButton, "SolarSaliency_explain_button")
    mouse(button, QPoint(button.width() - 4, button.height() // 2))
    yield button.menu().isVisible
    methods = button.menu().actions()[0]
    mouse(button.menu(), button.menu().actionGeometry(methods).center())
    yield methods.menu().isVisible
    yield settle()
    picture("explain_methods")
    entry = next(action for action in methods.menu().actions() if action.text() == "Gradient")
    mouse(methods.menu(), methods.menu().actionGeometry(entry).center())
    yield lambda: not button.menu().isVisible()

    iface.actionPan().trigger()
    mouse(canvas.viewport(), on_the_canvas(farm), button=3)
    yield lambda: isinstance(QApplication.activePopupWidget(), QMenu)
    yield settle()
    picture("explain_context_menu")
    menu = QApplication.activePopupWidget()
    entry = next(action for action in menu.actions() if action.text() == "Explain This Detection")
    mouse(menu, menu.actionGeometry(entry).center())
    yield lambda: len(attributions()) == 2
    yield from drawn()
    picture("explain_two_methods")
    gradient = next(known for known in attributions() if known.name().startswith("Gradient"))
    yield from run_again_as("Explain Detection", gradient)
    yield lambda: len(attributions()) == 3
    assert len(group_of(farm).findLayers()) == 3, "clicks, menus and dialogs: one detection, one group"


def run_again_as(title, known):
    """“Re-run from This Layer…” of a layer opens the dialog with what it was asked; the dialog runs it."""
    dialog = yield from rerun_dialog(known, title)
    value = wrapper(dialog, "TARGET").parameterValue()
    told = value if isinstance(value, str) else f"CRS={value.crs().authid()};{value.asWkt()}"
    assert told.startswith("CRS=EPSG:32643;MultiPolygon"), told
    picture("explain_dialog")
    click(run_button(dialog))
    yield lambda: "for each band, added up over all pixels" in log_text(dialog) and run_button(dialog).isEnabled()
    log = dialog.findChild(QTextEdit, "txtLog")
    log.setTextCursor(log.document().find("The model was asked"))
    log.ensureCursorVisible()
    yield settle()
    picture("explain_log")
    dialog.close()


def asked_in_the_menu(entry, farm, name, told, **values):
    """Open a dialog in the menu, filled in from the selected detection, set values, run it; give it with its words."""
    layer(DETECTIONS).selectByIds([farm.id()])
    yield from from_menu(f"{entry}…")
    dialog = yield from algorithm_dialog(entry)
    assert chosen_scene(dialog) == layer(SCENE)
    assert "MultiPolygon" in str(wrapper(dialog, "TARGET").parameterValue()), "the selected detection is the target"
    for parameter, value in values.items():
        set_value(dialog, parameter, value)
    yield settle()
    picture(f"{name}_dialog")
    click(run_button(dialog))
    yield patient(lambda: answer_of(farm) is not None and run_button(dialog).isEnabled())
    log = dialog.findChild(QTextEdit, "txtLog")
    assert told in log_text(dialog), log_text(dialog)
    log.setTextCursor(log.document().find(told))
    log.ensureCursorVisible()
    yield settle()
    picture(f"{name}_log")
    assert "TARGET_WKT" not in log_text(dialog), "the corners of the target would push the words out of sight"
    return dialog


def group_of(farm):
    """The group of all explanations of a detection, whichever way they were asked for, or None."""
    return QgsProject.instance().layerTreeRoot().findGroup(f"Why: detection {farm['id']}")


def answer_of(farm):
    """The newest layer in the group of a detection's explanations, or None."""
    group = group_of(farm)
    if group is None or not group.findLayers():
        return None
    assert group.parent().name().startswith("Solar Saliency: ")
    return group.findLayers()[0].layer()


def seen_on_the_map(farm, name):
    """Show the map; something in colour lies on the detection."""
    layer(DETECTIONS).removeSelection()
    yield from drawn()
    picture(f"{name}_map")
    box = farm.geometry().boundingBox()
    assert any(max(pixel) - min(pixel) > 60 for pixel in colours(box)), "nothing in colour on the map"


def compared():
    """“Compare Explanations…”: the maps of several methods and baselines agree or do not, in words, layer and page."""
    farm = yield from one_detection()
    told = "of their most important tenth"
    dialog = yield from asked_in_the_menu("Compare Explanations", farm, "compare", told)
    assert ".html" in log_text(dialog), "the page is linked"
    dialog.close()
    assert "explanations" in answer_of(farm).name()
    yield from seen_on_the_map(farm, "compare")


def looked_into():
    """“Look Into the Network…”: a layer's channels are listed, their sum is drawn, and those that did most."""
    farm = yield from one_detection()
    told = "The channels that did most"
    dialog = yield from asked_in_the_menu("Look Into the Network", farm, "look_inside", told, TOP_CHANNELS=2)
    dialog.close()
    assert "Layer conductance" in answer_of(farm).name()
    assert answer_of(farm).bandCount() == 3, "the sum and two channels"
    yield from seen_on_the_map(farm, "look_inside")


def rested_on():
    """“What a Detection Rests On…”: the mask, and in words whether a small part decides."""
    farm = yield from one_detection()
    dialog = yield from asked_in_the_menu("What a Detection Rests On", farm, "rests_on", "With this mask")
    dialog.close()
    assert "stays detected" in answer_of(farm).name()
    yield from seen_on_the_map(farm, "rests_on")


def regions_explained():
    """“Explain Regions…”: superpixels with their values around the selected detection, in words, layer and page."""
    farm = yield from one_detection()
    told = "What each raised"
    values = {"SUPERPIXELS": 12, "EVALUATIONS": 100}
    dialog = yield from asked_in_the_menu("Explain Regions", farm, "regions", told, **values)
    assert ".html" in log_text(dialog), "the page is linked"
    dialog.close()
    assert f"detection {farm['id']}: 12 superpixels" in answer_of(farm).name()
    yield from seen_on_the_map(farm, "regions")


def bands_explained():
    """“Explain Regions by Bands…”: every band's value for the selected detection."""
    farm = yield from one_detection()
    dialog = yield from asked_in_the_menu("Explain Regions by Bands", farm, "bands", "What each raised")
    dialog.close()
    assert f"detection {farm['id']}: 10 bands" in answer_of(farm).name()
    layer(DETECTIONS).removeSelection()
    yield from drawn()
    picture("bands_map")
