"""Child processes of QGIS: started clean, read without blocking, ended with all that they started."""

import contextlib
import os
import queue
import signal
import subprocess  # nosec B404
import sys
import threading
from pathlib import Path
from typing import IO, Iterator, Optional, Sequence, Union

from qgis.PyQt.QtCore import QCoreApplication, QThread

from .environment import clean_environment

#: How long a poll waits for a line: a dialog that is driven from the same thread stays alive at this pace.
POLL_SECONDS = 0.05

_CREATE_NO_WINDOW = 0x08000000
_CREATE_NEW_PROCESS_GROUP = 0x00000200

_SIGNALS = {
    "SIGKILL": "was killed, perhaps for lack of memory",
    "SIGTERM": "was ended from outside",
    "SIGSEGV": "crashed (segmentation fault)",
    "SIGABRT": "crashed (abort)",
    "SIGBUS": "crashed (bus error)",
    "SIGILL": "crashed (an instruction that this processor lacks)",
    "SIGFPE": "crashed (arithmetic error)",
}
_WINDOWS_STATUS = {
    0xC0000005: "crashed (access violation)",
    0xC0000017: "ran out of memory",
    0xC000001D: "crashed (an instruction that this processor lacks)",
    0xC0000135: "could not start (a library is missing)",
    0xC0000409: "crashed (stack damage)",
}


def spawn(
    arguments: Sequence[str],
    *,
    stderr: Union[int, IO[bytes]],
    stdin: int = subprocess.DEVNULL,
    temporary: Optional[Path] = None,
) -> "subprocess.Popen[bytes]":
    """Start a program in a clean environment, in a process group of its own, without a window; stdout is a pipe.

    ``temporary`` is where it puts its temporary files, if not where they usually are.
    """
    environment = clean_environment()
    if temporary is not None:
        environment.update(dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary)))
    flags = _CREATE_NO_WINDOW | _CREATE_NEW_PROCESS_GROUP if sys.platform == "win32" else 0
    return subprocess.Popen(  # nosec B603
        list(arguments),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env=environment,
        creationflags=flags,
        start_new_session=sys.platform != "win32",
    )


def output_of(arguments: Sequence[str], seconds: float) -> str:
    """What a quick program prints; raises the errors of :func:`subprocess.check_output`."""
    return subprocess.check_output(  # nosec B603
        list(arguments),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=clean_environment(),
        creationflags=_CREATE_NO_WINDOW if sys.platform == "win32" else 0,
        timeout=seconds,
        encoding="utf-8",
    )


def kill(process: "subprocess.Popen[bytes]") -> None:
    """End a process and all that it started, at once; returns when it has gone."""
    if process.poll() is None:
        if sys.platform == "win32":
            taskkill = os.path.join(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "taskkill.exe")
            subprocess.run(  # nosec B603
                [taskkill, "/T", "/F", "/PID", str(process.pid)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                creationflags=_CREATE_NO_WINDOW,
                check=False,
            )
        else:
            # It may end by itself in this moment; macOS then says that one may not.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def read_lines(stream: IO[bytes]) -> "queue.Queue[Optional[bytes]]":
    """The lines of a pipe as a queue that a thread fills; None is its end."""
    lines: queue.Queue[Optional[bytes]] = queue.Queue()

    def read() -> None:
        with stream:
            for line in stream:
                lines.put(line)
        lines.put(None)

    threading.Thread(target=read, name="solar-saliency-reader", daemon=True).start()
    return lines


def until_end(lines: "queue.Queue[Optional[bytes]]") -> Iterator[Optional[bytes]]:
    """The lines of a queue until its end, with a None whenever none came for a moment; lets QGIS breathe between."""
    while True:
        breathe()
        try:
            line = lines.get(timeout=POLL_SECONDS)
        except queue.Empty:
            yield None
            continue
        if line is None:
            return
        yield line


def finish(process: "subprocess.Popen[bytes]", patience: float) -> int:
    """The status of a process that is about to end; killed, with all that it started, if it takes longer (seconds)."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=patience)
    kill(process)
    return process.returncode


def end_in_words(status: int) -> str:
    """How a process ended, as the end of a sentence that begins with its name."""
    if status < 0:
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = f"signal {-status}"
        return _SIGNALS.get(name, f"was ended by {name}")
    return _WINDOWS_STATUS.get(status, f"ended with status {status}")


def on_gui_thread() -> bool:
    """Whether the caller runs on the thread that draws the windows."""
    application = QCoreApplication.instance()
    return application is not None and QThread.currentThread() == application.thread()


def breathe() -> None:
    """Let QGIS draw and hear clicks, where the caller holds the thread that does so.

    ``processing.run``, ``qgis_process`` and batch runs of QGIS 3.22 run algorithms on that thread.
    """
    if on_gui_thread():
        QCoreApplication.processEvents()
