"""The Explain panel's place in the window: it is found again where the user left it."""

import pytest
from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QEvent, Qt
from qgis.PyQt.QtWidgets import QApplication, QDockWidget, QMenu

from solar_saliency.solar_saliency_plugin.gui.explain_panel.entry import PanelEntry
from tests.qgis.explain_panel.steps import Window

LEFT, RIGHT = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea


class Qgis(Window):
    """A window with a dock on the left and the menu View ▸ Panels, which QGIS calls so."""

    def __init__(self):
        super().__init__()
        self.panels = QMenu(self.window)
        self.panels.setObjectName("mPanelMenu")
        self.layers = QDockWidget("Layers", self.window)
        self.layers.setObjectName("Layers")
        self.window.addDockWidget(LEFT, self.layers)
        self.window.show()

    def addDockWidget(self, area, dock):  # noqa: N802
        super().addDockWidget(area, dock)
        self.panels.addAction(dock.toggleViewAction())

    def removeDockWidget(self, dock):  # noqa: N802
        super().removeDockWidget(dock)
        self.panels.removeAction(dock.toggleViewAction())


def opened(window):
    entry = PanelEntry(window, lambda point: None)
    entry.action.setChecked(True)
    QApplication.processEvents()
    return entry


def removed(entry):
    entry.remove()
    QgsApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QApplication.processEvents()


def moved_to_the_left(window, panel):
    window.window.addDockWidget(LEFT, panel)
    window.window.tabifyDockWidget(window.layers, panel)
    QApplication.processEvents()


@pytest.fixture
def window():
    made = Qgis()
    yield made
    made.window.hide()


def in_place(window, entry):
    return (
        window.window.dockWidgetArea(entry.panel) == LEFT
        and window.window.tabifiedDockWidgets(window.layers) == [entry.panel]
        and entry.panel.toggleViewAction() in window.panels.actions()
        and not entry.panel.isHidden()
    )


def test_the_first_time_it_is_on_the_right_and_among_the_panels(window):
    entry = opened(window)
    assert window.window.dockWidgetArea(entry.panel) == RIGHT
    assert window.panels.actions() == [entry.panel.toggleViewAction()]
    removed(entry)
    assert not window.panels.actions()


def test_it_is_where_it_was_when_the_plugin_is_loaded_anew(window):
    entry = opened(window)
    moved_to_the_left(window, entry.panel)
    removed(entry)
    entry = opened(window)
    assert in_place(window, entry)
    removed(entry)
    assert not window.panels.actions()


@pytest.mark.parametrize("open_at_the_end", [True, False])
def test_it_is_where_it_was_when_qgis_is_started_again(window, open_at_the_end):
    entry = opened(window)
    moved_to_the_left(window, entry.panel)
    entry.action.setChecked(open_at_the_end)
    removed(entry)
    state = window.window.saveState()  # QGIS unloads its plugins first
    again = Qgis()
    again.window.restoreState(state)  # the panel is made later, when it is wanted
    entry = opened(again)
    assert in_place(again, entry)
    removed(entry)
    again.window.hide()


def test_a_panel_on_a_window_of_its_own_is_there_again(window):
    entry = opened(window)
    entry.panel.setFloating(True)
    entry.panel.setGeometry(300, 200, 420, 500)
    QApplication.processEvents()
    removed(entry)
    entry = opened(window)
    assert entry.panel.isFloating() and entry.panel.size().height() == 500
    removed(entry)
