"""Ways to explain a detection that have a dialog of their own, each opened in the Raster menu of a real QGIS."""

import re

from director import click, patient, picture
from qgis.core import QgsProject
from qgis.PyQt.QtWidgets import QTextEdit
from qgis.utils import iface
from scenarios import (
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
    ready,
    run_button,
    sample_scene,
    set_value,
    settle,
    wrapper,
)


def one_detection():
    """Make the sample, detect, zoom to the largest detection, and select it; give it."""
    yield from ready()
    yield from sample_scene(512)
    iface.setActiveLayer(layer(SCENE))
    yield from from_menu("Detect Solar Farms…")
    dialog = yield from algorithm_dialog("Detect Solar Farms")
    click(run_button(dialog))
    yield lambda: layer(PROBABILITY) is not None and layer(DETECTIONS) is not None
    dialog.close()
    largest = max(layer(DETECTIONS).getFeatures(), key=lambda farm: farm["area_ha"])
    box = largest.geometry().boundingBox()
    iface.mapCanvas().setExtent(box.buffered(max(box.width(), box.height()) / 2))
    iface.mapCanvas().refresh()
    layer(DETECTIONS).selectByIds([largest.id()])
    iface.setActiveLayer(layer(DETECTIONS))
    yield from drawn()
    return largest


def asked_in_the_menu(entry, farm, name, told, **values):
    """Open a dialog in the menu, filled in from the selected detection, set values, run it; give it with its words."""
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


def answer_of(farm):
    """The newest layer in the group of a detection's explanations, which is named after its place, or None."""
    groups = [group for group in QgsProject.instance().layerTreeRoot().findGroups(True) if is_why(group, farm)]
    if not groups or not groups[0].findLayers():
        return None
    assert groups[0].parent().name().startswith("Solar Saliency: ")
    return groups[0].findLayers()[0].layer()


def is_why(group, farm):
    """Whether a group holds answers of a detection: the middle of its rectangle and its own place differ a little."""
    found = re.fullmatch(r"Why: ([\d.]+)([NS]) ([\d.]+)([EW])", group.name())
    if found is None:
        return False
    north, south, east, west = float(found[1]), found[2] == "S", float(found[3]), found[4] == "W"
    near = abs((-north if south else north) - farm["latitude"]), abs((-east if west else east) - farm["longitude"])
    return max(near) < 0.002


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
