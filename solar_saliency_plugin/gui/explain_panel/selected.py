"""The detection that is selected on the map: what Explain takes where none was picked, or another one since."""

import html
from typing import Any, Callable, Optional

from qgis.core import QgsMapLayer, QgsVectorLayer
from qgis.PyQt.QtCore import QCoreApplication, QObject

from ..detections import Detection
from ..picking import selected_detection
from .panel import ExplainPanel
from .subject import Subject

translate = QCoreApplication.translate


class Selected(QObject):
    """Lets who has no mouse go on to another detection: they select it in a table, and press Explain.

    The panel says so as long as that is what Explain does: in a hint, and in the name that a screen reader reads.
    """

    def __init__(self, iface: Any, panel: ExplainPanel, subject: Callable[[], Optional[Subject]]) -> None:
        super().__init__(panel)
        self._iface = iface
        self._panel = panel
        self._subject = subject
        self._layer = ""  # the id of that whose selection has changed since the last question
        self._hinted = ""
        self._is_running = False
        iface.mapCanvas().selectionChanged.connect(self._take_note)
        iface.mapCanvas().layersChanged.connect(self._offer)

    def remove(self) -> None:
        """Take no more note."""
        self._iface.mapCanvas().selectionChanged.disconnect(self._take_note)
        self._iface.mapCanvas().layersChanged.disconnect(self._offer)

    def detection(self) -> Optional[Detection]:
        """The detection that Explain takes: what is selected; where something was asked, what was selected since."""
        subject, shown = self._subject(), self._iface.mapCanvas().layers()
        if subject is None:
            return selected_detection([self._iface.activeLayer(), *shown])
        found = selected_detection(layer for layer in shown if layer.id() == self._layer)
        is_known = found is not None and not subject.drawn and found.feature.geometry().asWkt() == subject.wkt
        return None if is_known else found

    def settle(self) -> None:
        """Something is asked: what is selected until now is past."""
        self._layer = ""
        self._offer()

    def pause(self, running: bool) -> None:
        """While something runs, the button stops it."""
        self._is_running = running
        self._offer()

    def _take_note(self, layer: QgsMapLayer) -> None:
        self._layer = layer.id() if isinstance(layer, QgsVectorLayer) else ""
        self._offer()

    def _offer(self) -> None:
        """Say what Explain takes, where that is not what the panel shows."""
        message, button = self._panel.message, self._panel.explain
        found = self.detection() if self._layer and self._subject() is not None and not self._is_running else None
        if found is not None:
            button.setAccessibleName(translate("ExplainPanel", "Explain {detection}").format(detection=found.name))
            told = translate("ExplainPanel", "“Explain” takes {detection} now, which is selected.")
            self._hinted = html.escape(told.format(detection=found.name))
            message.hint(self._hinted)
            return
        button.setAccessibleName("")  # that is its text then
        if message.says(self._hinted):
            message.clear()
