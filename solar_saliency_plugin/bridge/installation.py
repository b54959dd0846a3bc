"""Make the engine's private environment beside the old one, try it, then swap.

The environment grows in ``<folder>+`` and gets its name when the engine has answered from it: whatever goes wrong
before, what was there stays. A virtual environment may be renamed as long as its interpreter is what one starts
(only the scripts in it hold its path, and nothing here uses them).
"""

import contextlib
import json
import os
import shutil
import subprocess  # nosec B404
import time
from collections import deque
from pathlib import Path
from typing import Any, Deque, Dict, Iterator

from qgis.core import QgsProcessingFeedback
from qgis.PyQt.QtCore import QLockFile

from ..contract.errors import CancelledError, SetupFailedError, SolarSaliencyError
from ..contract.version import PLUGIN_VERSION
from . import environment, processes
from .engine_process import EngineProcess, new_log
from .narration import Narration
from .pip_failures import explain
from .setup_plan import DISK_BYTES, DOWNLOAD_BYTES, SetupPlan, Step, free_bytes
from .worker import worker

#: How often the growing folder is measured, in seconds; it has some ten thousand files.
_MEASURING_SECONDS = 2.0


def install(plan: SetupPlan, feedback: QgsProcessingFeedback) -> None:
    """Do what the plan says; afterwards the engine is ready.

    Raises :class:`SetupFailedError` with a remedy and the log's path, or :class:`CancelledError`; in both cases what
    was there before is still there and nothing else is.
    """
    log = new_log("setup")
    try:
        _require_place(plan)
        with _sole_installer(plan.folder):
            _Installation(plan, feedback, log).run()
    except CancelledError:
        raise
    except SolarSaliencyError as error:
        raise SetupFailedError(error.message, f"{error.hint} Log: {log}".strip()) from error
    except OSError as error:
        raise SetupFailedError(f"The engine could not be set up: {error}.", f"Log: {log}") from error


def verify(python: Path, feedback: QgsProcessingFeedback) -> Dict[str, Any]:
    """The engine's hello out of an environment; raises the errors of :class:`EngineProcess`."""
    engine = EngineProcess(python)
    engine.greet(feedback)
    engine.end()
    return engine.hello


class _Installation:
    def __init__(self, plan: SetupPlan, feedback: QgsProcessingFeedback, log: Path) -> None:
        self._plan = plan
        self._feedback = feedback
        self._narration = Narration(feedback)
        self._log = log
        self._temporary = plan.part / "tmp"
        self._fraction = 0.0
        self._started = time.monotonic()
        self._measured_at = float("-inf")

    def run(self) -> None:
        part, folder = self._plan.part, self._plan.folder
        _remove(part)  # of a set-up that was killed
        try:
            for step in self._plan.steps:
                # pip's temporary files go with the folder, and need no room on a small /tmp.
                self._temporary.mkdir(parents=True, exist_ok=True)
                self._run_step(step)
            _remove(self._temporary)
            hello = verify(environment.python_of(part), self._feedback)
            self._write_marker(hello)
            with worker().resting(self._feedback):
                _swap(part, folder)
        finally:
            _remove(part)

    def _run_step(self, step: Step) -> None:
        """Run one command; its output goes to the log and to the feedback."""
        last: Deque[str] = deque(maxlen=100)
        with self._log.open("ab") as log:
            log.write(f"$ {step.typed}\n".encode())
            process = processes.spawn(step.command, stderr=subprocess.STDOUT, temporary=self._temporary)
            try:
                for line in processes.until_end(processes.read_lines(process.stdout)):
                    self._check_and_tell(step)
                    if line is not None:
                        log.write(line)
                        last.append(line.decode("utf-8", "replace").rstrip())
                        self._feedback.pushConsoleInfo(last[-1])
            finally:
                # At the end of its output it is as good as over; after a cancellation it must be.
                status = processes.finish(process, patience=0.0 if self._feedback.isCanceled() else 5.0)
        if status:
            message, remedy = explain(last)
            raise SetupFailedError(f"{step.title} failed: {message}", remedy)
        self._fraction = step.until

    def _check_and_tell(self, step: Step) -> None:
        """Stop when cancelled; tell how far it is, by what lies on the disk already: pip itself does not say."""
        if self._feedback.isCanceled():
            raise CancelledError("Set-up was cancelled.", "Nothing was changed.")
        now = time.monotonic()
        if now - self._measured_at < _MEASURING_SECONDS:
            return
        self._measured_at = now
        grown = 0.05 + 0.9 * _bytes_below(self._plan.part) / DISK_BYTES
        self._fraction = max(self._fraction, min(grown, step.until))
        elapsed = now - self._started
        remaining = elapsed * (1 - self._fraction) / self._fraction if self._fraction > 0.06 else None
        self._narration.progress(self._fraction, step.title, remaining)

    def _write_marker(self, hello: Dict[str, Any]) -> None:
        marker = {
            "requirements": environment.requirements_hash(),
            "plugin": PLUGIN_VERSION,
            "interpreter": str(self._plan.interpreter.path),
            "python": hello["python"],
            "packages": hello["packages"],
        }
        (self._plan.part / environment.MARKER).write_text(json.dumps(marker, indent=1), encoding="utf-8")


def _require_place(plan: SetupPlan) -> None:
    """Refuse a folder with somebody else's files, one that cannot be written, and a disk that is too full."""
    folder = plan.folder
    if folder.exists() and environment.read_marker(folder) is None and any(folder.iterdir()):
        raise SetupFailedError(
            f"{folder} holds files that set-up did not put there, so it is left as it is.",
            f"Choose another folder (setting {environment.FOLDER_SETTING} or variable {environment.FOLDER_VARIABLE}).",
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    needed, free = DOWNLOAD_BYTES + DISK_BYTES, free_bytes(folder)
    if free < needed:
        raise SetupFailedError(
            f"Too little space: {free / 1e9:.1f} GB are free where {folder} is, {needed / 1e9:.1f} GB are needed.",
            "Free some space, or set another folder for the engine.",
        )


@contextlib.contextmanager
def _sole_installer(folder: Path) -> Iterator[None]:
    """Keep other QGIS sessions from setting up at the same time; the lock of one that died does not count."""
    lock = QLockFile(str(folder) + ".lock")
    lock.setStaleLockTime(0)
    if not lock.tryLock(0):
        if lock.error() == QLockFile.LockError.LockFailedError:
            raise SetupFailedError("The engine is being set up already.", "Wait until the other set-up is done.")
        raise SetupFailedError(f"Nothing can be written in {folder.parent}.", "Check the rights on that folder.")
    try:
        yield
    finally:
        lock.unlock()


def _swap(new: Path, target: Path) -> None:
    """Put the new environment in the old one's place; if that fails, the old one stays."""
    old = target.with_name(target.name + ".old")
    _remove(old)
    had_one = target.exists()
    if had_one:
        _rename(target, old)
    try:
        _rename(new, target)
    except OSError:
        if had_one:
            _rename(old, target)
        raise
    _remove(old)


def _rename(source: Path, target: Path, attempts: int = 20) -> None:
    """Rename a folder; on Windows a virus scanner, or an engine that just ended, may hold its files for a moment."""
    for left in reversed(range(attempts)):
        try:
            os.replace(source, target)
            return
        except PermissionError:
            if not left:
                raise
            time.sleep(0.25)


def _remove(folder: Path, attempts: int = 20) -> None:
    """Remove a folder with all that is in it, if it is there; may have to wait for files to be let go."""
    for left in reversed(range(attempts)):
        if not folder.exists():
            return
        shutil.rmtree(folder, ignore_errors=left > 0)
        if folder.exists():
            time.sleep(0.1)


def _bytes_below(folder: Path) -> int:
    total, folders = 0, [str(folder)]
    while folders:
        # Files come and go while pip works.
        with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    total += entry.stat(follow_symlinks=False).st_size
    return total
