"""The Explain panel by mouse and keyboard in a real QGIS: pick or draw, see, switch off and on, hand on."""

import math
import os
from pathlib import Path

from director import drag, hover, mouse, patient, picture
from qgis.core import QgsApplication, QgsProject, QgsRasterLayer, QgsVectorLayer
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QDockWidget, QFileDialog, QToolBar
from qgis.utils import iface
from steps import WORK, drawn, on_the_canvas, one_detection, ran, ready, settle

#: Farms of the shared data, each with a clear day.
FARMS = {398: "2022-07-01", 539: "2022-07-02", 748: "2022-07-02", 777: "2022-07-19", 787: "2022-06-19"}


def opened_panel():
    """Open the panel with its button on the toolbar; give it."""
    (bar,) = [b for b in iface.mainWindow().findChildren(QToolBar) if b.objectName().startswith("SolarSaliency")]
    (action,) = [a for a in bar.actions() if a.objectName() == "SolarSaliency_explain_panel"]
    button = bar.widgetForAction(action)
    mouse(button, button.rect().center())
    yield lambda: panel() is not None and panel().isVisible()
    iface.mainWindow().resizeDocks([panel()], [420], Qt.Orientation.Horizontal)
    yield settle(1)
    return panel()


def panel():
    return iface.mainWindow().findChild(QDockWidget, "SolarSaliencyExplainPanel")


def is_idle():
    return not panel().progress.isVisible() and panel().explain.isEnabled()


def bars():
    """The keys of the waterfall's bars, from the top."""
    return panel().waterfall._keys()


def row_of(key):
    """The middle of a bar's row, in the waterfall's pixels."""
    chart = panel().waterfall
    place = chart._layout()
    return QPoint(chart.width() // 2, place.top(chart._index(key)) + place.row_height // 2)


def superpixels():
    """The item on the canvas that paints the superpixels."""
    (item,) = [i for i in iface.mapCanvas().scene().items() if type(i).__name__ == "Superpixels"]
    return item


def on_canvas(key):
    """A place on the canvas inside a superpixel, where there is one in sight."""
    canvas = iface.mapCanvas()
    return next(
        (
            QPoint(x, y)
            for x in range(5, canvas.width() - 5, 4)
            for y in range(5, canvas.height() - 5, 4)
            if all(
                superpixels().key_at(canvas.getCoordinateTransform().toMapCoordinates(x + dx, y + dy)) == key
                for dx, dy in ((-2, 0), (0, 0), (2, 0), (0, 2))
            )
        ),
        None,
    )


def looks_of(widget):
    return widget.grab().toImage()


def use(name):
    """Take up one of the panel's tools with the mouse."""
    button = panel().tools[name]
    mouse(button, button.rect().center())
    yield button.isChecked
    yield settle()


def answered(name):
    """Wait for the answer; pictures are taken while it comes, and when it is there."""
    yield lambda: panel().progress.isVisible()
    yield patient(lambda: bars() or is_idle())
    picture(f"{name}_running")
    yield patient(is_idle)
    yield from drawn()
    picture(name)
    assert bars(), panel().message.text.text()
    assert panel().waterfall._rows.rows[0].label == "Baseline"


def picked_by_the_mouse():
    """Pick a detection → its superpixels on the map and in the chart → hover both ways → what if → add to the map."""
    farm = yield from one_detection()
    yield from opened_panel()
    picture("panel_welcome")
    yield from use("pick")
    mouse(iface.mapCanvas().viewport(), on_the_canvas(farm))
    yield from answered("panel_picked")
    assert not panel().tools["pick"].isChecked(), "the map has its own tool back"
    assert len(bars()) >= 20
    yield from hovered_both_ways()
    yield from switched_off_and_on()
    yield from added_to_the_map()


def hovered_both_ways():
    """A bar lights up its superpixel on the map, and a superpixel its bar."""
    canvas, chart, key = iface.mapCanvas(), panel().waterfall, bars()[0]
    hover(canvas.viewport(), QPoint(3, 3))
    yield settle()
    plain_map, plain_chart = looks_of(canvas), looks_of(chart)
    hover(chart, row_of(key))
    yield lambda: looks_of(canvas) != plain_map
    yield settle()
    picture("panel_bar_hovered")
    hover(canvas.viewport(), on_canvas(key))
    yield lambda: chart._highlighted == key
    assert looks_of(chart) != plain_chart
    yield settle()
    picture("panel_superpixel_hovered")
    hover(canvas.viewport(), QPoint(3, 3))
    yield lambda: looks_of(canvas) == plain_map and looks_of(chart) == plain_chart


def switched_off_and_on():
    """What if: a click on the map and Space in the chart switch superpixels; the probability answers."""
    chart, (first, second) = panel().waterfall, bars()[:2]
    mouse(panel().what_if, panel().what_if.rect().center())
    yield panel().what_if.isChecked
    mouse(iface.mapCanvas().viewport(), on_canvas(first))
    yield lambda: "→" in panel().now.text()
    one_off = panel().now.text()
    assert chart._rows.rows[-1].label == "As switched"
    chart.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(chart, Qt.Key.Key_Home)  # the baseline’s answer
    QTest.keyClick(chart, Qt.Key.Key_Down)
    QTest.keyClick(chart, Qt.Key.Key_Down)
    QTest.keyClick(chart, Qt.Key.Key_Space)
    yield lambda: panel().now.text() != one_off and "→" in panel().now.text()
    hover(iface.mapCanvas().viewport(), QPoint(3, 3))
    yield settle()
    picture("panel_what_if")
    off = [row.bar.key for row in chart._rows.rows if row.bar is not None and not row.bar.is_on]
    assert off == [first, second]
    mouse(panel().all_on, panel().all_on.rect().center())
    yield lambda: chart._rows.rows[-1].label == "Image"
    mouse(panel().what_if, panel().what_if.rect().center())
    yield lambda: not panel().what_if.isChecked()


def added_to_the_map():
    """The superpixels become a layer in the group of the detection's explanations."""
    before = set(QgsProject.instance().mapLayers())
    mouse(panel().add_to_map, panel().add_to_map.rect().center())
    yield lambda: len(QgsProject.instance().mapLayers()) > len(before)
    (added,) = [known for key, known in QgsProject.instance().mapLayers().items() if key not in before]
    yield from drawn()
    picture("panel_added")
    assert added.isValid() and added.featureCount() >= 20
    assert "phi" in added.fields().names()


def drawn_by_the_mouse():
    """A rectangle, a polygon and a freehand loop drawn with the mouse are explained, one after the other."""
    farm = yield from one_detection()
    yield from opened_panel()
    yield from drawn()
    yield from given_up(farm)
    canvas, middle = iface.mapCanvas(), on_the_canvas(farm)
    reach = min(canvas.width(), canvas.height()) // 3
    yield from use("rectangle")
    drag(canvas.viewport(), [middle + QPoint(-reach, -reach), middle + QPoint(0, 5), middle + QPoint(reach, reach)])
    yield from answered("panel_rectangle")

    yield from use("polygon")
    corners = [middle + QPoint(round(reach * math.sin(a)), round(-reach * math.cos(a))) for a in (0.3, 1.5, 2.9, 4.4)]
    for corner in corners:
        mouse(canvas.viewport(), corner)
        yield settle(0.4)
    picture("panel_polygon_drawing")
    mouse(canvas.viewport(), corners[-1] + QPoint(5, 5), button=3)
    yield from answered("panel_polygon")

    yield from use("freehand")
    # Once around and a little more: it crosses itself.
    drag(canvas.viewport(), [around(middle, reach - 0.4 * step, step / 40) for step in range(46)])
    yield from answered("panel_freehand")


def around(middle, reach, turn):
    """The place on a circle around another one."""
    return middle + QPoint(round(reach * math.cos(2 * math.pi * turn)), round(reach * math.sin(2 * math.pi * turn)))


def given_up(farm):
    """A click without a drag gives a hint; Esc gives the map its tool back; no trace is left."""
    canvas = iface.mapCanvas()
    plain, own = looks_of(canvas), canvas.mapTool()
    yield from use("rectangle")
    mouse(canvas.viewport(), on_the_canvas(farm))
    yield lambda: "too small" in panel().message.text.text()
    yield settle()
    picture("panel_hint")
    assert canvas.mapTool() is not own and panel().tools["rectangle"].isChecked()
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    yield lambda: canvas.mapTool() is own and not panel().tools["rectangle"].isChecked()
    hover(canvas.viewport(), QPoint(3, 3))
    yield lambda: looks_of(canvas) == plain


def real_farms():
    """Five real farms: detected, drawn around with the mouse, explained, and exported as a layer that opens."""
    yield from ready()
    yield from opened_panel()
    for number, date in FARMS.items():
        file = Path(os.environ["GUI_DATA"], "austria-pv-2022", "s2", f"S2_2022_{number}.nc")
        folder = WORK / str(number)
        folder.mkdir()
        scene = str(folder / "scene.tif")
        yield from ran("preparescene", INPUT=str(file), DATE=date, OUTPUT=scene)
        found = str(folder / "detections.gpkg")
        yield from ran("detect", INPUT=scene, OUTPUT=str(folder / "probability.tif"), POLYGONS=found)
        yield from real_farm(number, QgsRasterLayer(scene, "scene"), QgsVectorLayer(f"{found}|layername=detections"))


def real_farm(number, scene, found):
    """One farm, on a map of its own."""
    assert scene.isValid() and found.featureCount(), f"nothing was detected at farm {number}"
    QgsProject.instance().clear()
    QgsProject.instance().setCrs(scene.crs())
    QgsProject.instance().addMapLayers([found, scene])
    canvas = iface.mapCanvas()
    canvas.setExtent(scene.extent())
    canvas.refresh()
    yield from drawn()
    yield from use("freehand")
    farm = max(found.getFeatures(), key=lambda feature: feature["area_ha"])
    middle, reach = on_the_canvas(farm, found), min(canvas.width(), canvas.height()) / 3
    drag(canvas.viewport(), [around(middle, reach, step / 40) for step in range(41)])
    yield from answered(f"panel_farm_{number}")
    shown = panel().headline.text()
    exported = WORK / f"farm {number}.gpkg"
    QFileDialog.getSaveFileName = staticmethod(lambda *arguments: (str(exported), ""))
    mouse(panel().export, panel().export.rect().center())
    menu = panel().export.menu()
    yield menu.isVisible
    mouse(menu, menu.actionGeometry(menu.actions()[0]).center())
    yield exported.exists
    layer = QgsVectorLayer(str(exported))
    assert layer.isValid() and layer.featureCount() >= 10, shown
    total = sum(feature["phi"] for feature in layer.getFeatures())
    print(number, shown, layer.featureCount(), "superpixels, sum of their values", round(total, 3))


def all_tabs_in_the_dark():
    """With QGIS's dark theme: superpixels, then bands, then other baselines, each asked for with the mouse."""
    QgsApplication.setUITheme("Night Mapping")
    farm = yield from one_detection()
    yield from opened_panel()
    yield from use("pick")
    mouse(iface.mapCanvas().viewport(), on_the_canvas(farm))
    yield from answered("panel_dark")
    assert is_dark_with_light_bars(panel().waterfall)
    tabs = panel().tabs
    mouse(tabs.tabBar(), tabs.tabBar().tabRect(1).center())
    yield patient(lambda: len(panel().bars._keys()) == 10 and is_idle())
    yield settle()
    picture("panel_dark_bands")
    assert is_dark_with_light_bars(panel().bars)
    mouse(tabs.tabBar(), tabs.tabBar().tabRect(2).center())
    yield settle()
    picture("panel_dark_baselines")
    mouse(panel().baselines.button, panel().baselines.button.rect().center())
    yield lambda: panel().progress.isVisible()
    yield patient(is_idle)
    yield settle()
    picture("panel_dark_compared")
    assert panel().baselines.table.rowCount() >= 3


def is_dark_with_light_bars(chart):
    """Whether a chart has a dark ground and, on it, bars in the light red of dark themes."""
    image = looks_of(chart)
    pixels = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    light = sum(abs(c.red() - 255) + abs(c.green() - 122) + abs(c.blue() - 77) < 40 for c in pixels)
    return sum(c.lightness() < 100 for c in pixels) > len(pixels) / 2 and light > 500
