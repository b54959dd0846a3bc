"""What algorithms tell a Processing feedback beyond lines of text: parts of a progress, links to files."""

import html
from typing import Any, Iterable

from qgis.core import QgsProcessingFeedback
from qgis.PyQt.QtCore import QUrl


class Stage:
    """A feedback whose 0–100 % are a part of another one's, for algorithms that call the engine several times.

    Warnings in ``told`` are not repeated: results hand on those of what they were made from.
    """

    def __init__(self, feedback: QgsProcessingFeedback, start: float, end: float, told: Iterable[str] = ()) -> None:
        self._feedback = feedback
        self._start = start
        self._end = end
        self._told = set(told)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._feedback, name)

    def setProgress(self, percent: float) -> None:
        """Report the stage's progress as the whole's."""
        self._feedback.setProgress(self._start + (self._end - self._start) * percent / 100)

    def pushWarning(self, warning: str) -> None:
        """Pass on a warning that the user has not read yet."""
        if warning not in self._told:
            self._feedback.pushWarning(warning)


def link_to(path: str, what: str, feedback: QgsProcessingFeedback) -> None:
    """Put a link to a file into the log; before QGIS 3.36 a log takes no links, and the address stands there."""
    url = QUrl.fromLocalFile(path).toString()
    if hasattr(feedback, "pushFormattedMessage"):
        feedback.pushFormattedMessage(
            f'{html.escape(what)}: <a href="{html.escape(url)}">{html.escape(path)}</a>', f"{what}: {path}"
        )
    else:
        feedback.pushInfo(f"{what}: {url}")
