"""A shortcut that a model really took, found with the mouse: drawn over, compared, switched off."""

import os
import re

from director import drag, mouse, patient, picture
from explain_panel_scenarios import answered, is_idle, on_canvas, opened_panel, panel, use
from qgis.core import QgsCoordinateTransform, QgsProject, QgsRasterLayer, QgsVectorLayer
from qgis.PyQt.QtCore import QPoint
from qgis.utils import iface
from steps import WORK, drawn, ran, ready, settle

#: How far around the farm the region reaches, metres: as far as the model sees.
REACH = 160


def detected():
    """What the model that took snow for a sign of farms detects, on a map of its own; give its largest detection."""
    scene, model, found = os.environ["GUI_SCENE"], os.environ["GUI_MODEL"], str(WORK / "detections.gpkg")
    yield from ran("detect", INPUT=scene, MODEL=model, OUTPUT=str(WORK / "p.tif"), POLYGONS=found)
    image = QgsRasterLayer(scene, "Scene")
    for choose, band in zip(("setRedBand", "setGreenBand", "setBlueBand"), (3, 2, 1)):
        getattr(image.renderer(), choose)(band)
    detections = QgsVectorLayer(f"{found}|layername=detections", "Detections")
    QgsProject.instance().setCrs(image.crs())
    QgsProject.instance().addMapLayers([detections, image])
    iface.mapCanvas().setExtent(image.extent())
    iface.mapCanvas().refresh()
    yield from drawn()
    return max(detections.getFeatures(), key=lambda feature: feature["area_ha"])


def corners(box):
    """The upper left and the lower right corner of a box of the scene, on the canvas."""
    canvas = iface.mapCanvas()
    (scene,) = QgsProject.instance().mapLayersByName("Scene")
    there = QgsCoordinateTransform(scene.crs(), canvas.mapSettings().destinationCrs(), QgsProject.instance())
    box = there.transformBoundingBox(box)
    places = [(box.xMinimum(), box.yMaximum()), (box.xMaximum(), box.yMinimum())]
    return [QPoint(*map(round, canvas.getCoordinateTransform().transform(*place))) for place in places]


def shown_tab(index):
    """Show a tab with the mouse."""
    bar = panel().tabs.tabBar()
    mouse(bar, bar.tabRect(index).center())
    yield lambda: panel().tabs.currentIndex() == index
    yield settle()


def found_by_drawing():
    """Draw over farm and snow: the mean hides the snow, the panel warns, others show it, what if proves it."""
    yield from ready()
    yield from opened_panel()
    farm = yield from detected()
    panel().baseline.setCurrentIndex(panel().baseline.findData("mean"))
    panel().superpixels.setValue(10)
    yield from use("rectangle")
    first, last = corners(farm.geometry().boundingBox().buffered(REACH))
    drag(iface.mapCanvas().viewport(), [first, (first + last) / 2, last])
    yield from answered("panel_shortcut_mean")

    yield from shown_tab(2)
    mouse(panel().baselines.button, panel().baselines.button.rect().center())
    yield lambda: panel().progress.isVisible()
    yield patient(is_idle)
    yield settle()
    picture("panel_shortcut_warned")
    hidden = re.findall(r"\d+", panel().baselines.table.item(0, 3).text())
    assert len(hidden) >= 2, "the mean is snow, too"
    message = panel().baselines.warning
    assert message.isVisible() and all(name in message.text.text() for name in hidden), message.text.text()
    yield from shown_by("Bare soil", hidden)
    yield from shown_by("Zero", hidden)
    yield from switched_off(hidden)


def shown_by(baseline, hidden):
    """Choose a baseline's row with the mouse: what the first one hides comes first, or next to the farm itself."""
    yield from shown_tab(2)
    table, name = panel().baselines.table, baseline.lower()
    (row,) = [row for row in range(table.rowCount()) if table.item(row, 0).text() == baseline]
    mouse(table.viewport(), table.visualItemRect(table.item(row, 0)).center())
    yield lambda: f"compared with {name}" in panel().told.text()
    assert not set(hidden) & set(re.findall(r"\d+", table.item(row, 3).text()))
    yield from shown_tab(0)
    yield from drawn()
    picture(f"panel_shortcut_{name.replace(' ', '_')}")
    bars = [row.bar for row in panel().waterfall._rows.rows if row.bar is not None]
    assert len({bar.label for bar in bars[:3]} & set(hidden)) == 2
    assert all(bar.certain and bar.value > 0 for bar in bars[:3])


def switched_off(names):
    """Click superpixels on the map, one after the other: without them hardly anything is detected."""
    keys = {row.bar.label: row.bar.key for row in panel().waterfall._rows.rows if row.bar is not None}
    mouse(panel().what_if, panel().what_if.rect().center())
    yield panel().what_if.isChecked
    for count, name in enumerate(names, 1):
        mouse(iface.mapCanvas().viewport(), on_canvas(keys[name]))
        yield lambda count=count: sum(not row.bar.is_on for row in panel().waterfall._rows.rows if row.bar) == count
        yield settle()
    yield lambda: "→" in panel().now.text()
    yield settle()
    picture("panel_shortcut_what_if")
    probability = float(re.search("<b>(.*)</b>", panel().now.text()).group(1))
    detected, pixels = map(int, re.search(r"(\d+) of (\d+) pixels", panel().now.text()).groups())
    assert probability < 0.5 and detected <= pixels / 4, panel().now.text()
