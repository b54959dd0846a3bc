"""What a running job says, told to a Processing feedback at a pace that people can read."""

import time
from typing import Any, Dict, Optional

from qgis.core import QgsProcessingFeedback
from qgis.PyQt.QtCore import QCoreApplication

from ..contract import messages

translate = QCoreApplication.translate

#: Every progress text becomes a line in the dialog's log.
SECONDS_BETWEEN_TEXTS = 2.0
SECONDS_BETWEEN_SAME_TEXTS = 15.0


class Narration:
    """Progress, messages and partial results of one job."""

    def __init__(self, feedback: QgsProcessingFeedback) -> None:
        self._feedback = feedback
        self._text = ""
        self._told_at = float("-inf")

    def tell(self, message: Dict[str, Any]) -> None:
        """Pass on a notification of the engine; unknown ones are left out, as JSON-RPC wants it."""
        params = message.get("params") or {}
        if message.get("method") == messages.PROGRESS:
            self.progress(params["fraction"], params["message"], params["remaining"])
        elif message.get("method") == messages.LOG_MESSAGE:
            warning = params["type"] <= messages.LOG_WARNING
            (self._feedback.pushWarning if warning else self._feedback.pushInfo)(params["message"])
        elif message.get("method") == messages.PARTIAL and hasattr(self._feedback, "pushPartial"):
            self._feedback.pushPartial(params["partial"])

    def progress(self, fraction: float, text: str, remaining: Optional[float]) -> None:
        """Move the bar; say ``text`` and the time left (seconds, None: unknown) unless something was just said."""
        self._feedback.setProgress(100.0 * fraction)
        pause = SECONDS_BETWEEN_TEXTS if text != self._text else SECONDS_BETWEEN_SAME_TEXTS
        if not text or time.monotonic() - self._told_at < pause:
            return
        self._text, self._told_at = text, time.monotonic()
        self._feedback.setProgressText(text if remaining is None else f"{text}, {time_left(remaining)}")


def time_left(seconds: float) -> str:
    """A remaining time as people say it."""
    if seconds < 55:
        return translate("Engine", "about {seconds} s left").format(seconds=max(5, 5 * round(seconds / 5)))
    hours, minutes = divmod(max(1, round(seconds / 60)), 60)
    if not hours:
        return translate("Engine", "about {minutes} min left").format(minutes=minutes)
    return translate("Engine", "about {hours} h {minutes} min left").format(hours=hours, minutes=minutes)
