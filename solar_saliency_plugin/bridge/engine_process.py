"""One process of the engine: started, greeted, spoken to in lines, ended."""

import contextlib
import itertools
import os
import queue
import re
import subprocess  # nosec B404
import time
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

from qgis.core import QgsFeedback

from ..contract import messages
from ..contract.errors import CancelledError, EngineCrashedError, EngineOutdatedError, OutputUnwritableError
from ..contract.version import PROTOCOL_VERSION
from . import processes
from .environment import ROOT, data_folder, log_folder

#: ``-I`` keeps the interpreter from everything that is not its own; it also takes the plugin's folder from the module
#: search, which the engine needs and gets here (Python 3.10 has no ``-P``, and ``-P`` would make ``-m`` fail).
_START = (
    "import sys,runpy; sys.path.insert(0, sys.argv.pop(1)); "
    "runpy.run_module('solar_saliency_plugin.engine', run_name='__main__', alter_sys=True)"
)

#: A first start may wait for a virus scanner to read some thousand files.
HELLO_SECONDS = 60.0

#: Lines of the log that tell what was done, not what went wrong.
_ROUTINE = re.compile(r"\d{4}-\d\d-\d\d [\d:,]+ (INFO|WARNING) ")

_LOGS_KEPT = 10
_log_numbers = itertools.count(1)


def start_command(python: Path) -> Tuple[str, ...]:
    """The command that starts the engine's code of this plugin with an environment's interpreter."""
    return (str(python), "-I", "-u", "-X", "utf8", "-c", _START, str(ROOT))


def new_log(name: str) -> Path:
    """A new file for a log; the oldest of the same name go. Raises OutputUnwritableError."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    try:
        folder = log_folder()
        for old in sorted(folder.glob(f"{name}-*.log"), key=_modified)[: 1 - _LOGS_KEPT]:
            with contextlib.suppress(OSError):  # another QGIS removed it, or (on Windows) writes into it
                old.unlink()
        log = folder / f"{name}-{stamp}-{os.getpid()}-{next(_log_numbers)}.log"
        log.touch(mode=0o600)
    except OSError as error:
        raise OutputUnwritableError(
            f"No log can be written in {data_folder()}: {error.strerror or error}.",
            "Make this folder writable for your account, and see that its disk is not full.",
        ) from error
    return log


def _modified(log: Path) -> float:
    try:
        return log.stat().st_mtime
    except OSError:
        return 0.0  # another QGIS has just removed it


class EngineProcess:
    """A running engine. Not thread-safe: one caller at a time talks to it, any may :meth:`kill` it."""

    def __init__(self, python: Path, idle_seconds: float = 0.0) -> None:
        self.log = new_log("engine")
        self.hello: Dict[str, Any] = {}
        self._numbers = itertools.count(1)
        command = (*start_command(python), "serve", "--log", str(self.log), "--idle", f"{idle_seconds:g}")
        # The engine sends its own stderr to the log; what happens before it gets that far must not be lost either.
        with self.log.open("ab") as early:
            try:
                self._process = processes.spawn(command, stdin=subprocess.PIPE, stderr=early)
            except OSError as error:
                raise EngineCrashedError(
                    f"The engine could not be started: {error.strerror or error}.",
                    "Repair it: Set Up Engine, reinstall.",
                ) from error
        self._lines = processes.read_lines(self._process.stdout)

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    @property
    def status(self) -> int:
        """How it ended; waits for the end."""
        return self._process.wait()

    @property
    def idled(self) -> bool:
        """Whether it ended of its own will, after a while without work; waits for the end."""
        return bool(self.hello) and self.status == 0

    def greet(self, feedback: QgsFeedback) -> None:
        """Wait for the engine's hello and check that both sides speak the same protocol.

        Raises :class:`EngineOutdatedError`, :class:`EngineCrashedError`, :class:`CancelledError`; the process has
        ended then.
        """
        deadline = time.monotonic() + HELLO_SECONDS
        try:
            while not self.hello:
                if feedback.isCanceled():
                    raise CancelledError("The job was cancelled.", "Nothing was changed.")
                if time.monotonic() > deadline:
                    raise EngineCrashedError(f"The engine said nothing for {HELLO_SECONDS:.0f} s.", self.log_hint())
                message = self.receive()
                if message is not None:
                    self.hello = _checked_hello(message)
        except BaseException:
            self.kill()
            raise

    def send_call(self, method: str, params: Dict[str, Any]) -> int:
        """Send a request; returns its number."""
        number = next(self._numbers)
        self._send(messages.request(number, method, params))
        return number

    def send_cancel(self, number: int) -> None:
        """Ask the engine to give up a request."""
        self._send(messages.notification(messages.CANCEL, {"id": number}))

    def send_stop(self, number: int) -> None:
        """Ask the engine to answer a request with what it has by now."""
        self._send(messages.notification(messages.STOP, {"id": number}))

    def receive(self) -> Optional[Dict[str, Any]]:
        """The next message, or None if none came within a moment.

        Raises :class:`EngineCrashedError` if the process has ended. A line that is no message is left out: it can
        only be something's print that got past the engine's guard, and goes to the log.
        """
        processes.breathe()
        try:
            line = self._lines.get(timeout=processes.POLL_SECONDS)
        except queue.Empty:
            return None
        if line is None:
            raise EngineCrashedError(f"The engine {processes.end_in_words(self.status)}.", self.log_hint())
        try:
            return messages.decode(line)
        except ValueError:
            with self.log.open("ab") as log:
                log.write(b"not a message: " + line[:2000].rstrip() + b"\n")
            return None

    def kill(self) -> None:
        """End it at once."""
        processes.kill(self._process)
        self._close_stdin()

    def end(self, patience: float = 1.0) -> None:
        """Let it end by itself, as it does at the end of its stdin; kill it if it does not."""
        self._close_stdin()
        processes.finish(self._process, patience)

    def log_hint(self) -> str:
        """What a user can look at after a crash: the engine's last words, and where its log is."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-5:]
        words = [line for line in lines if not _ROUTINE.match(line)]
        told = f"Its last words: {' / '.join(words)}. " if words else ""
        remedy = "It is started again with the next call." if self.hello else "Repair it: Set Up Engine, reinstall."
        return f"{remedy} {told}Log: {self.log}"

    def _send(self, message: Dict[str, Any]) -> None:
        try:
            self._process.stdin.write(messages.encode(message))
            self._process.stdin.flush()
        except (OSError, ValueError):
            # It has ended; the next receive() tells how.
            return

    def _close_stdin(self) -> None:
        try:
            self._process.stdin.close()
        except OSError:
            return  # flushing into a pipe without a reader


def _checked_hello(message: Dict[str, Any]) -> Dict[str, Any]:
    params = message.get("params") if message.get("method") == messages.HELLO else None
    protocol = params.get("protocol") if isinstance(params, dict) else None
    if protocol != PROTOCOL_VERSION:
        raise EngineOutdatedError(
            f"The engine speaks protocol {protocol}, this plugin speaks {PROTOCOL_VERSION}.",
            "Restart QGIS after an update of the plugin; if that does not help, reinstall the engine: Set Up Engine.",
        )
    return params
