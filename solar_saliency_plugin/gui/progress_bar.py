"""What runs, in QGIS's message bar: progress, a button to cancel, a question, what came out."""

from typing import Any, Callable, Dict, Optional

from qgis.core import Qgis
from qgis.gui import QgsMessageBarItem
from qgis.PyQt import sip
from qgis.PyQt.QtWidgets import QProgressBar, QPushButton

TITLE = "Solar Saliency"

#: How long a message stays that needs no answer, seconds.
SHORT, LONG = 6, 15


class ProgressItem:
    """One line of the message bar for one job. The user may close it; the job then goes on in the task manager."""

    def __init__(self, iface: Any) -> None:
        self._bar = iface.messageBar()
        self._item: Optional[QgsMessageBarItem] = None
        self._progress: Optional[QProgressBar] = None

    def show_progress(self, text: str, cancel: Callable[[], None]) -> None:
        """Show that it runs."""
        self.close()
        self._item = self._bar.createMessage(TITLE, text)
        self._progress = QProgressBar()
        self._progress.setMaximumWidth(200)
        self._item.layout().addWidget(self._progress)
        self._add_buttons({"Cancel": cancel})
        self._bar.pushWidget(self._item, Qgis.MessageLevel.Info)

    def set_progress(self, percent: float) -> None:
        """Move the bar, if it is still there."""
        if self._progress is not None and not sip.isdeleted(self._progress):
            self._progress.setValue(int(percent))

    def ask(self, text: str, answers: Dict[str, Callable[[], None]]) -> None:
        """Ask something without blocking the map; closing the line is no answer."""
        self.close()
        self._item = self._bar.createMessage(TITLE, text)
        self._add_buttons(answers)
        self._bar.pushWidget(self._item, Qgis.MessageLevel.Info)

    def close(self) -> None:
        """Take the line away."""
        item, self._item, self._progress = self._item, None, None
        if item is not None and not sip.isdeleted(item):
            self._bar.popWidget(item)

    def _add_buttons(self, answers: Dict[str, Callable[[], None]]) -> None:
        for text, answer in answers.items():
            button = QPushButton(text)
            button.clicked.connect(lambda checked=False, answer=answer: answer())
            self._item.layout().addWidget(button)


def hint(iface: Any, text: str) -> None:
    """Say what can be done."""
    iface.messageBar().pushMessage(TITLE, text, Qgis.MessageLevel.Info, SHORT)


def warn(iface: Any, text: str, more: str = "") -> None:
    """Say what went wrong, or what should not be overlooked; ``more`` is shown when asked for."""
    if more:
        iface.messageBar().pushMessage(TITLE, text, more, Qgis.MessageLevel.Warning, LONG)
    else:
        iface.messageBar().pushMessage(TITLE, text, Qgis.MessageLevel.Warning, LONG)


def tell(iface: Any, text: str) -> None:
    """Say what came out."""
    iface.messageBar().pushMessage(TITLE, text, Qgis.MessageLevel.Success, SHORT)
