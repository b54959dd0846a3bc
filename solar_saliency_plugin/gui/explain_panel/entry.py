"""The panel's place in the menu and on the toolbar. The panel itself is made when it is first wanted."""

from functools import partial
from typing import Any, Callable, Optional

from qgis.core import QgsPointXY, QgsProject
from qgis.gui import QgsMapMouseEvent
from qgis.PyQt.QtCore import QCoreApplication, Qt
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QDockWidget, QMenu

from ....processing_algorithms.base import ICONS
from ...qgis_compat import QAction
from ..detections import Detection

translate = QCoreApplication.translate

#: Where a project remembers whether the panel was open.
SCOPE, OPENED = "SolarSaliency", "ExplainPanelOpened"


class PanelEntry:
    """The action that shows and hides the panel, and an entry in the map's context menu.

    Opens it, too, where a project was saved with it open. detection_at: the detection at a point of the map, if any.
    """

    def __init__(self, iface: Any, detection_at: Callable[[QgsPointXY], Optional[Detection]]) -> None:
        self._iface = iface
        self._detection_at = detection_at
        self.panel: Optional[Any] = None
        self._presenter: Optional[Any] = None
        self._icon = QIcon(str(ICONS / "explain_panel.svg"))
        self.action = QAction(self._icon, translate("ExplainPanel", "Explain Panel"), iface.mainWindow())
        self.action.setObjectName("SolarSaliency_explain_panel")
        self.action.setCheckable(True)
        self.action.toggled.connect(self.show)
        iface.mapCanvas().contextMenuAboutToShow.connect(self._offer)
        QgsProject.instance().readProject.connect(self._follow_project)
        QgsProject.instance().writeProject.connect(self._remember)
        self._follow_project()

    def remove(self) -> None:
        """Take the panel away, and end what it does. The action goes with the menu."""
        QgsProject.instance().readProject.disconnect(self._follow_project)
        QgsProject.instance().writeProject.disconnect(self._remember)
        self._iface.mapCanvas().contextMenuAboutToShow.disconnect(self._offer)
        panel, self.panel = self.panel, None
        if panel is not None:
            self._presenter.remove()
            self._presenter = None
            self._iface.removeDockWidget(panel)
            panel.deleteLater()

    def show(self, wanted: bool = True) -> None:
        """Show the panel, or hide it."""
        if self.panel is None and wanted:
            self._make()
        if self.panel is not None:
            self.panel.setVisible(wanted)
            if wanted:
                self.panel.raise_()

    def explain(self, detection: Detection) -> None:
        """Show the panel, and explain a detection there."""
        self.action.setChecked(True)
        self.show()  # it may be checked already, and the panel lie behind another one
        self._presenter.explain_detection(detection)

    def _offer(self, menu: QMenu, event: QgsMapMouseEvent) -> None:
        detection = self._detection_at(event.mapPoint())
        if detection is not None:
            text = translate("ExplainPanel", "Explain in the Panel")
            menu.addAction(self._icon, text, partial(self.explain, detection))

    def _make(self) -> None:
        from .panel import ExplainPanel  # charts and map tools are not needed when QGIS starts
        from .presenter import Presenter

        self.panel = ExplainPanel(self._iface.mainWindow())
        self._put_in_place(self.panel)
        self._presenter = Presenter(self._iface, self.panel)
        self.panel.opened.connect(self._on_opened)

    def _put_in_place(self, panel: QDockWidget) -> None:
        """Where it was before the plugin was loaded anew, or QGIS started: both know its name, and keep its place."""
        window = self._iface.mainWindow()
        if not window.restoreDockWidget(panel):
            self._iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, panel)
            return
        panels = window.findChild(QMenu, "mPanelMenu")
        if panels is not None:
            panels.addAction(panel.toggleViewAction())  # as QGIS does with docks that it puts in place

    def _on_opened(self, opened: bool) -> None:
        if opened != self.action.isChecked():
            self.action.setChecked(opened)

    def _remember(self, *_: Any) -> None:
        QgsProject.instance().writeEntryBool(SCOPE, OPENED, self.action.isChecked())

    def _follow_project(self, *_: Any) -> None:
        if QgsProject.instance().readBoolEntry(SCOPE, OPENED, False)[0]:
            self.action.setChecked(True)
