"""What if some superpixels were not there? Switches them off and on, and asks what the model answers then."""

import html
from typing import Any, Dict, FrozenSet

from qgis.PyQt.QtCore import QCoreApplication, QObject, pyqtSignal

from ...bridge.what_if import WhatIfCaller
from .summary import probability

translate = QCoreApplication.translate


class WhatIf(QObject):
    """Which players are switched off, and the newest answer for them. The engine is asked at most once at a time."""

    #: Which players are off has changed.
    switched = pyqtSignal()
    #: The answer without them: f_x, or None where all are on; and what to say of it, as rich text.
    answered = pyqtSignal(object, str)
    failed = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__()
        self._caller = WhatIfCaller()
        self._caller.waiting.connect(self._tell_of_waiting)
        self._request: Dict[str, Any] = {}
        self._before = 0.0
        self.off: FrozenSet[int] = frozenset()

    def begin(self, request: Dict[str, Any], before: float) -> None:
        """Ask about another answer: that of ``request``, whose probability is ``before``. All players are on."""
        self._caller.forget()
        self._request, self._before = request, before
        self.all_on()

    def turn_to(self, request: Dict[str, Any]) -> None:
        """Ask about the same players in another way, such as with another baseline. Those that are off stay off."""
        self._request = request
        self.switched.emit()
        self._ask()

    def toggle(self, player: int) -> None:
        """Switch a player off, or on again."""
        self.off = self.off ^ {player}
        self.switched.emit()
        self._ask()

    def all_on(self) -> None:
        """Switch all on."""
        self._caller.forget()
        self.off = frozenset()
        self.switched.emit()
        self.answered.emit(None, "")

    def _ask(self) -> None:
        if not self.off:
            self.all_on()
            return
        self._caller.ask(self._request, sorted(self.off), self._tell, self.failed.emit)

    def _tell(self, answer: Dict[str, Any]) -> None:
        pixels = int(answer["target_pixels"])
        told = translate(
            "ExplainPanel", "Probability {before} → <b>{now}</b>; {detected} of {pixels} pixels detected", None, pixels
        )
        text = told.format(
            before=probability(self._before),
            now=probability(float(answer["probability"])),
            detected=int(answer["detected"]),
            pixels=pixels,
        )
        self.answered.emit(float(answer["f_x"]), text)

    def _tell_of_waiting(self, text: str) -> None:
        self.answered.emit(None, html.escape(text))
