"""The engine as QGIS sees it: one process a session, one job at a time, first in, first out."""

import contextlib
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Deque, Dict, Iterator, Optional

from qgis.core import QgsFeedback, QgsProcessingFeedback

from ..contract.errors import (
    CancelledError,
    EngineCrashedError,
    EngineMissingError,
    RequestError,
    error_from_json,
)
from . import processes
from .engine_process import EngineProcess
from .environment import state
from .narration import Narration

#: The engine holds some hundred megabytes once it has computed; it goes when nobody asks it anything.
IDLE_SECONDS = 600.0

#: How long a job may take to stop after it was asked to, before its process is killed.
CANCEL_SECONDS = 2.0


@dataclass(frozen=True, eq=False)
class _Turn:
    """A caller's place in the queue."""

    method: str
    thread: int


class Worker:
    """Calls the engine; starts it when needed. Every method may be called from any thread."""

    def __init__(self, idle_seconds: float = IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
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
        """
        feedback = feedback or QgsProcessingFeedback()
        with self._turn(method, feedback):
            # The engine may end itself for want of work in the very moment in which it is asked; not so a new one.
            for _ in range(2):
                result = self._attempt(method, params, feedback)
                if result is not None:
                    return result
        raise EngineCrashedError(
            f"The engine ended twice without a word when it was asked for “{method}”.", "Please report this."
        )

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
        with self._turn("set-up", feedback):
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
                    f"The engine is still at work on “{self._turns[0].method}”.", "Wait until it is done, or cancel it."
                )
            self._turns.append(turn)
        try:
            self._wait_for(turn, feedback)
            yield
        finally:
            with self._lock:
                self._turns.remove(turn)
                if not self._turns:
                    self._stopping = False

    def _wait_for(self, turn: _Turn, feedback: QgsProcessingFeedback) -> None:
        told = None
        while True:
            with self._lock:
                first = self._turns[0]
            if first is turn:
                return
            if first is not told:
                feedback.setProgressText(f"Waiting for “{first.method}” to finish …")
                told = first
            self._require_wanted(feedback)
            processes.breathe()
            time.sleep(processes.POLL_SECONDS)

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
            doing = f"it worked on “{method}”" if engine.hello else "it started"
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
        feedback.setProgressText("Starting the engine …")
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
        narration = Narration(feedback)
        kill_at: Optional[float] = None
        while True:
            if feedback.isCanceled() and kill_at is None:
                engine.send_cancel(number)
                kill_at = time.monotonic() + CANCEL_SECONDS
            if kill_at is not None and time.monotonic() > kill_at:
                engine.kill()
                with self._lock:
                    self._engine = None
                raise CancelledError("The job was cancelled.", "It did not stop by itself, so the engine was ended.")
            message = engine.receive()
            if message is None:
                continue
            if message.get("id") == number:
                return _result(message)
            narration.tell(message)


def _result(message: Dict[str, Any]) -> Dict[str, Any]:
    if "error" in message:
        raise error_from_json(message["error"])
    return message["result"]


_worker = Worker()


def worker() -> Worker:
    """The one worker of this QGIS session."""
    return _worker
