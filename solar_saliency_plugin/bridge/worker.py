"""The engine as QGIS sees it: one process a session, one job at a time, first in, first out, but for a what-if."""

import contextlib
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Callable, Deque, Dict, Iterator, Optional, Sequence

from qgis.core import QgsFeedback, QgsProcessingFeedback
from qgis.PyQt.QtCore import QCoreApplication

from ..contract import messages
from ..contract.errors import (
    CancelledError,
    EngineCrashedError,
    EngineMissingError,
    RequestError,
    SolarSaliencyError,
    error_from_json,
)
from . import processes
from .engine_process import EngineProcess
from .environment import state
from .narration import Narration

translate = QCoreApplication.translate

#: The engine holds some hundred megabytes once it has computed; it goes when nobody asks it anything.
IDLE_SECONDS = 600.0

#: How long a job may take to stop after it was asked to, before its process is killed.
CANCEL_SECONDS = 2.0

#: The same for a what-if: it is short, but for the first one, and what the engine has open would be lost with it.
CANCEL_WHAT_IF_SECONDS = 15.0


#: What changing the engine's environment is called among methods.
_SET_UP = "setupengine"


@dataclass(eq=False)
class _Turn:
    """A caller's place in the queue; ``outdated`` once a newer question makes it superfluous."""

    method: str
    thread: int
    outdated: bool = False


class Worker:
    """Calls the engine; starts it when needed. Every method may be called from any thread."""

    def __init__(self, idle_seconds: float = IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._lock = threading.Condition()  # notified when the queue moves
        self._turns: Deque[_Turn] = deque()
        self._engine: Optional[EngineProcess] = None
        self._stopping = False

    @property
    def hello(self) -> Dict[str, Any]:
        """What the running engine said of itself (python, packages, plugin, pid …); empty where none runs."""
        engine = self._engine
        return engine.hello if engine is not None and engine.alive else {}

    def call(
        self, method: str, params: Dict[str, Any], feedback: Optional[QgsProcessingFeedback] = None
    ) -> Dict[str, Any]:
        """Run a method of the engine and return its result.

        Waits for its turn, tells progress and messages to ``feedback``, and listens to its cancelling. Raises the
        contract's errors: the engine's own, and EngineMissingError, EngineOutdatedError, EngineCrashedError,
        CancelledError.

        A feedback that has ``pushPartial(dict)`` is told what is there before the job is done; when its ``isStopped()``
        says so, the job delivers what it has by then.
        """
        feedback = feedback or QgsProcessingFeedback()
        with self._turn(method, feedback):
            # The engine may end itself for want of work in the very moment in which it is asked; not so a new one.
            for _ in range(2):
                result = self._attempt(method, params, feedback)
                if result is not None:
                    return result
        raise EngineCrashedError(
            f"The engine ended twice without a word when it was asked for {_called(method)}.", "Please report this."
        )

    def what_if(
        self, request: Dict[str, Any], absent: Sequence[int], feedback: Optional[QgsProcessingFeedback] = None
    ) -> Dict[str, Any]:
        """What the model answers without some players (indices) of the region that ``request`` (regionshap's) explains.

        Like :meth:`call`, but it waits for the job that runs only, not for those that wait; and one that still waits
        when a newer one comes ends with CancelledError.
        """
        return self.call(messages.WHAT_IF, {"request": request, "absent": list(absent)}, feedback)

    def stop(self) -> None:
        """End the engine; a call that runs ends with CancelledError. The next call starts it anew."""
        with self._lock:
            engine, self._engine = self._engine, None
            self._stopping = bool(self._turns)
            busy = self._stopping
        if engine is not None and busy:
            engine.kill()
        elif engine is not None:
            engine.end()

    @contextlib.contextmanager
    def resting(self, feedback: QgsProcessingFeedback) -> Iterator[None]:
        """A time in which no engine runs, for changing its environment; waits for the jobs before it."""
        with self._turn(_SET_UP, feedback):
            with self._lock:
                engine, self._engine = self._engine, None
            if engine is not None:
                engine.end()
            yield

    @contextlib.contextmanager
    def _turn(self, method: str, feedback: QgsProcessingFeedback) -> Iterator[None]:
        turn = _Turn(method, threading.get_ident())
        with self._lock:
            if any(other.thread == turn.thread for other in self._turns):
                # A click, handled while a job on this very thread lets QGIS breathe: it would wait for itself.
                raise RequestError(
                    f"The engine is still at work on {_called(self._turns[0].method)}.",
                    "Wait until it is done, or cancel it.",
                )
            self._queue(turn)
        try:
            self._wait_for(turn, feedback)
            yield
        finally:
            with self._lock:
                self._turns.remove(turn)
                if not self._turns:
                    self._stopping = False
                self._lock.notify_all()

    def _queue(self, turn: _Turn) -> None:
        if turn.method != messages.WHAT_IF or not self._turns:
            self._turns.append(turn)
            return
        # The first turn is under way, and nothing that runs is interrupted.
        for waiting in list(self._turns)[1:]:
            waiting.outdated = waiting.outdated or waiting.method == messages.WHAT_IF
        self._turns.insert(1, turn)

    def _wait_for(self, turn: _Turn, feedback: QgsProcessingFeedback) -> None:
        told = None
        while True:
            with self._lock:
                first = self._turns[0]
            if turn.outdated:
                raise CancelledError("A newer question took the place of this one.")
            if first is turn:
                return
            if first is not told and first.method != messages.WHAT_IF:  # that one is over before this is read
                waiting = translate("Engine", "Waiting for {method} to finish …")
                feedback.setProgressText(waiting.format(method=_called(first.method)))
                told = first
            self._require_wanted(feedback)
            processes.breathe()
            with self._lock:
                if self._turns[0] is first:
                    self._lock.wait(processes.POLL_SECONDS)

    def _require_wanted(self, feedback: QgsFeedback) -> None:
        if feedback.isCanceled():
            raise CancelledError("The job was cancelled.", "Nothing was changed.")
        if self._stopping:
            raise CancelledError("The engine was stopped.", "Run it again.")

    def _attempt(
        self, method: str, params: Dict[str, Any], feedback: QgsProcessingFeedback
    ) -> Optional[Dict[str, Any]]:
        """The result, or None where the engine had ended of its own will before it took the request."""
        engine = self._ready_engine(feedback)
        try:
            if not engine.hello:
                self._greet(engine, feedback)
            return self._converse(engine, method, params, feedback)
        except EngineCrashedError as error:
            with self._lock:
                self._engine = None
                if self._stopping:
                    raise CancelledError("The engine was stopped.", "Run it again.") from error
            if engine.idled:
                return None
            doing = f"it worked on {_called(method)}" if engine.hello else "it started"
            raise EngineCrashedError(f"{error.message[:-1]}, while {doing}.", error.hint) from error

    def _ready_engine(self, feedback: QgsProcessingFeedback) -> EngineProcess:
        self._require_wanted(feedback)
        engine = self._engine
        if engine is not None and engine.alive:
            return engine
        if engine is not None and not engine.idled:
            feedback.pushWarning(f"The engine {processes.end_in_words(engine.status)}; it is started again.")
        environment = state()
        if environment.python is None:
            raise EngineMissingError(environment.reason, "Set it up: Raster ▸ Solar Saliency ▸ Set Up Engine…")
        feedback.setProgressText(translate("Engine", "Starting the engine …"))
        engine = EngineProcess(environment.python, self._idle_seconds)
        with self._lock:
            self._engine = engine
            stopped_meanwhile = self._stopping
        if stopped_meanwhile:
            engine.kill()
        return engine

    def _greet(self, engine: EngineProcess, feedback: QgsProcessingFeedback) -> None:
        try:
            engine.greet(feedback)
        except BaseException:
            with self._lock:
                self._engine = None  # we ended it; the next call must not wonder why it is dead
            raise

    def _converse(
        self, engine: EngineProcess, method: str, params: Dict[str, Any], feedback: QgsProcessingFeedback
    ) -> Dict[str, Any]:
        number = engine.send_call(method, params)
        try:
            patience = CANCEL_WHAT_IF_SECONDS if method == messages.WHAT_IF else CANCEL_SECONDS
            return _result(self._answer(engine, number, feedback, patience))
        except SolarSaliencyError:
            raise
        except BaseException:
            # The feedback failed, perhaps because its window has gone. The next caller must not wait for this job.
            engine.send_cancel(number)
            raise

    def _answer(
        self, engine: EngineProcess, number: int, feedback: QgsProcessingFeedback, patience: float
    ) -> Dict[str, Any]:
        narration = Narration(feedback)
        is_stopped: Callable[[], bool] = getattr(feedback, "isStopped", lambda: False)
        told_to_stop = False
        kill_at: Optional[float] = None
        while True:
            if feedback.isCanceled() and kill_at is None:
                engine.send_cancel(number)
                kill_at = time.monotonic() + patience
            if kill_at is not None and time.monotonic() > kill_at:
                engine.kill()
                with self._lock:
                    self._engine = None
                raise CancelledError("The job was cancelled.", "It did not stop by itself, so the engine was ended.")
            if not told_to_stop and is_stopped():
                told_to_stop = True
                engine.send_stop(number)
            message = engine.receive()
            if message is None:
                continue
            if message.get("id") == number:
                return message
            # A job that was given up may still have something to say.
            if (message.get("params") or {}).get("id", number) == number:
                narration.tell(message)


def _result(message: Dict[str, Any]) -> Dict[str, Any]:
    if "error" in message:
        raise error_from_json(message["error"])
    return message["result"]


#: What menus and the toolbox call the methods. Told beforehand: calls come from any thread, and only the main one may
#: ask QGIS's registry, which changes when plugins come and go.
_titles: Dict[str, str] = {messages.WHAT_IF: "What If"}


def know_as(method: str, title: str) -> None:
    """Have a method called so in what users read."""
    _titles[method] = title


def _called(method: str) -> str:
    """What users know a method of the engine as; its own name where they do not know it."""
    return f"“{_titles.get(method, method)}”"


_worker = Worker()


def worker() -> Worker:
    """The one worker of this QGIS session."""
    return _worker
