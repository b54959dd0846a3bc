"""The Explain panel and the project file, in a real QGIS: what was explained comes back, what runs is given up."""

from director import hover, mouse, picture
from explain_panel_scenarios import answered, bars, is_idle, on_canvas, opened_panel, panel, use
from qgis.core import QgsApplication, QgsProject
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtWidgets import QMenu
from qgis.utils import iface, loadPlugin, startPlugin, unloadPlugin
from steps import WORK, drawn, on_the_canvas, one_detection, ready, settle

LEFT = Qt.DockWidgetArea.LeftDockWidgetArea


def left_on_the_map():
    """What of the panel's is to be seen on the map."""
    items = iface.mapCanvas().scene().items()
    return [type(i).__name__ for i in items if i.isVisible() and type(i).__name__ in ("Superpixels", "QgsRubberBand")]


def explained():
    """Pick a detection with the mouse, and wait for its answer."""
    farm = yield from one_detection()
    yield from opened_panel()
    yield from use("pick")
    mouse(iface.mapCanvas().viewport(), on_the_canvas(farm))
    yield from answered("panel_project")


def comes_back():
    """Save the project, close it, open it: question and answer are there again, and what if still answers."""
    yield from explained()
    told, known = panel().headline.text(), bars()
    project = QgsProject.instance()
    assert project.isDirty(), "QGIS would ask before the answer is lost"
    assert project.write(str(WORK / "why.qgz"))
    panel().close()
    yield settle()
    assert not left_on_the_map()
    project.clear()
    yield settle()
    assert project.read(str(WORK / "why.qgz"))
    yield lambda: panel().isVisible() and panel().headline.text() == told
    yield from drawn()
    yield settle()
    picture("panel_restored")
    assert bars() == known and "Superpixels" in left_on_the_map()
    mouse(panel().what_if, panel().what_if.rect().center())
    yield panel().what_if.isChecked
    mouse(iface.mapCanvas().viewport(), on_canvas(known[0]))
    yield lambda: "→" in panel().now.text()
    picture("panel_restored_what_if")


def given_up_with_the_project():
    """A project that is closed while something is explained leaves nothing on the map, and nothing running."""
    yield from explained()
    panel().method.setCurrentIndex(panel().method.findData("permutations"))
    panel().superpixels.setValue(400)
    mouse(panel().explain, panel().explain.rect().center())
    yield lambda: panel().progress.isVisible()
    QgsProject.instance().clear()
    yield settle()
    assert is_idle_without_question() and not left_on_the_map()
    yield lambda: not QgsApplication.taskManager().activeTasks()
    picture("panel_project_closed")


def is_idle_without_question():
    return is_idle() and panel().welcome.isVisible()


def unloaded_while_it_runs():
    """A plugin that is unloaded while something is explained takes its panel along, and all that it had on the map."""
    yield from explained()
    mouse(panel().what_if, panel().what_if.rect().center())
    yield panel().what_if.isChecked
    panel().method.setCurrentIndex(panel().method.findData("permutations"))
    panel().superpixels.setValue(400)
    hover(iface.mapCanvas().viewport(), QPoint(5, 5))
    panel().explain.click()
    yield lambda: panel().progress.isVisible()
    unloadPlugin("solar_saliency")
    yield lambda: panel() is None
    assert not left_on_the_map()
    yield lambda: not QgsApplication.taskManager().activeTasks()
    picture("panel_unloaded")


def moved():
    """Move the panel to the left."""
    yield from ready()
    yield from opened_panel()
    iface.mainWindow().addDockWidget(LEFT, panel())
    yield settle()


def opened_on_the_left():
    """Open the panel: it is where it was, and listed in View ▸ Panels."""
    yield from opened_panel()
    assert iface.mainWindow().dockWidgetArea(panel()) == LEFT
    assert panel().toggleViewAction() in iface.mainWindow().findChild(QMenu, "mPanelMenu").actions()
    picture("panel_in_its_place")


def loaded_anew():
    """A panel that was moved is where it was when the plugin is loaded anew."""
    yield from moved()
    unloadPlugin("solar_saliency")
    yield lambda: panel() is None
    assert loadPlugin("solar_saliency") and startPlugin("solar_saliency")
    yield settle()
    yield from opened_on_the_left()


def moved_before_the_end():
    """Move the panel, and leave QGIS as users do."""
    yield from moved()
    QgsProject.instance().clear()
    iface.actionExit().trigger()
    yield lambda: False


def started_again():
    """A panel that was moved before QGIS was left is there again; nothing is open before it is wanted."""
    yield from ready()
    assert panel() is None
    yield from opened_on_the_left()
