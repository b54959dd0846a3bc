"""Questions of the kind "what if these were not there?", asked off the thread of the windows; the newest one counts."""

import threading
from typing import Any, Callable, Dict, List, Optional, Sequence, Set

from qgis.core import QgsProcessingFeedback
from qgis.PyQt.QtCore import QObject, pyqtSignal

from .worker import worker

#: Takes the engine's answer: f_x, probability, detected, target_pixels.
Then = Callable[[Dict[str, Any]], None]
#: Takes the reason why there is none.
Failed = Callable[[str], None]

#: What is asked now. Kept here, so that no object of Qt ends on another thread while news of it is under way.
_asked: Set["_Question"] = set()


class WhatIfCaller(QObject):
    """Asks the engine; lives on the thread of the windows, and answers there. Who closes a window calls :meth:`forget`.

    ``waiting`` tells what an answer waits for: a job that runs, or the engine's start.
    """

    waiting = pyqtSignal(str)
    _told = pyqtSignal(str)
    _answered = pyqtSignal(object, object, str)

    def __init__(self) -> None:
        super().__init__()
        self._newest: Optional[_Question] = None
        self._told.connect(self._pass_on)
        self._answered.connect(self._tell)

    def ask(self, request: Dict[str, Any], absent: Sequence[int], then: Then, failed: Failed) -> None:
        """Ask what the model answers without the players ``absent`` of the region that ``request`` explains.

        Ends in a call of ``then`` or ``failed``, unless something newer is asked, or :meth:`forget` is called, before.
        """
        question = self._newest = _Question(self, request, list(absent), then, failed)
        _asked.add(question)
        threading.Thread(target=question.run, name="solar-saliency-what-if", daemon=True).start()

    def forget(self) -> None:
        """Give up what was asked; nobody is told an answer."""
        if self._newest is not None:
            self._newest.cancel()
            self._newest = None

    def _pass_on(self, text: str) -> None:
        if self._newest is not None:  # what a forgotten question waits for is nobody's business
            self.waiting.emit(text)

    def _tell(self, question: "_Question", answer: Optional[Dict[str, Any]], error: str) -> None:
        _asked.discard(question)
        if question is not self._newest:
            return
        self._newest = None
        if answer is None:
            question.failed(error)
        else:
            question.then(answer)


class _Question(QgsProcessingFeedback):
    """One question, and the feedback of the call that asks it."""

    def __init__(
        self, caller: WhatIfCaller, request: Dict[str, Any], absent: List[int], then: Then, failed: Failed
    ) -> None:
        super().__init__(False)
        self._caller = caller
        self._request = request
        self._absent = absent
        self.then = then
        self.failed = failed

    def run(self) -> None:
        """Ask, and hand the answer to the thread of the windows."""
        answer, error = None, ""
        try:
            answer = worker().what_if(self._request, self._absent, self)
        except Exception as failure:  # whatever it is, the window must not wait for ever
            error = str(failure)
        self._caller._answered.emit(self, answer, error)

    def setProgressText(self, text: str) -> None:  # noqa: N802
        """What the answer waits for."""
        self._caller._told.emit(text)
