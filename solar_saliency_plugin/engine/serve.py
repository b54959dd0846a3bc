"""The worker loop: JSON-RPC lines in on stdin, out on stdout, one heavy job at a time.

A reader thread takes the lines, so that a cancellation is heard while a job runs and the worker ends itself when
its parent goes away, however that happens.
"""

import contextlib
import logging
import os
import platform
import queue
import sys
import threading
from pathlib import Path
from typing import IO, Any, Dict, NamedTuple, Optional, Tuple

from ..contract import messages
from ..contract.errors import CancelledError, RequestError, SolarSaliencyError
from ..contract.messages import Progress
from ..contract.options import plain
from ..contract.version import PLUGIN_VERSION, PROTOCOL_VERSION
from .dispatch import foreseen, run_method, unforeseen
from .job import Job
from .versions import package_versions

log = logging.getLogger("solar_saliency")


def serve(log_file: Optional[Path], idle_seconds: float) -> int:
    """Answer requests until stdin ends, ``shutdown`` is called, or ``idle_seconds`` (0: for ever) pass without one."""
    source, sink = _claim_streams(log_file)
    Worker(source, sink).run(idle_seconds)
    return 0


def _claim_streams(log_file: Optional[Path]) -> Tuple[IO[bytes], IO[bytes]]:
    """Keep the real stdin and stdout for the protocol.

    Whatever libraries print, in C too, goes to the log (or stderr), and nothing that a library starts can read a
    request. Streams of our own also let Python end while the reader still waits: it would stop at ``sys.stdin``'s lock.
    """
    source = os.fdopen(os.dup(0), "rb")
    sink = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    if log_file is not None:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        chatter = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(chatter, 2)
        os.close(chatter)
    os.dup2(2, 1)
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", force=True
    )
    return source, sink


#: How long a job may take, after its parent has gone and the processes that it started were ended, to clean up.
CLEAN_UP_SECONDS = 1.0


class Wishes(NamedTuple):
    """What the caller may want of a call that was not answered yet, by the notification that says so."""

    cancelled: threading.Event
    stopped: threading.Event


class Worker:
    """One session on a pair of streams."""

    def __init__(self, source: IO[bytes], sink: IO[bytes]) -> None:
        self._source = source
        self._sink = sink
        self._sink_lock = threading.Lock()
        self._requests: queue.Queue[Optional[Dict[str, Any]]] = queue.Queue()
        self._wishes: Dict[Any, Wishes] = {}
        self._at_rest = threading.Event()

    def run(self, idle_seconds: float) -> None:
        """Say hello, then work through the requests in the order of their arrival."""
        self.send(
            messages.notification(
                messages.HELLO,
                {
                    "protocol": PROTOCOL_VERSION,
                    "plugin": PLUGIN_VERSION,
                    "python": platform.python_version(),
                    "packages": package_versions(),
                    "pid": os.getpid(),
                },
            )
        )
        threading.Thread(target=self._read, name="reader", daemon=True).start()
        while True:
            try:
                request = self._requests.get(timeout=idle_seconds or None)
            except queue.Empty:
                log.info("idle for %g s, ending", idle_seconds)
                return
            if request is None or not self._answer(request):
                return

    def send(self, message: Dict[str, Any]) -> None:
        """Write one message; a parent that has gone away is noticed by the reader."""
        with self._sink_lock, contextlib.suppress(BrokenPipeError):
            self._sink.write(messages.encode(message))
            self._sink.flush()

    def _read(self) -> None:
        for line in self._source:
            try:
                message = messages.decode(line)
            except ValueError:
                error = RequestError("The engine received a line that is no JSON-RPC message.")
                self.send(messages.failure(None, error))
                continue
            if message.get("method") in (messages.CANCEL, messages.STOP):
                wishes = self._wishes.get((message.get("params") or {}).get("id"))
                if wishes is not None:
                    (wishes.cancelled if message["method"] == messages.CANCEL else wishes.stopped).set()
            else:
                self._wishes[message.get("id")] = Wishes(threading.Event(), threading.Event())
                self._requests.put(message)
        # End of stdin: the parent is gone. A job in the middle of a native call would keep the process alive.
        log.info("the parent has gone, ending")
        logging.shutdown()
        if _kill_children():
            self._at_rest.wait(CLEAN_UP_SECONDS)
        os._exit(0)

    def _answer(self, request: Dict[str, Any]) -> bool:
        """Answer one request; False when it was the last."""
        identifier, name = request.get("id"), str(request.get("method"))
        if name == messages.SHUTDOWN:
            self.send(messages.result(identifier, {}))
            return False
        job = Job(RemoteListener(self, identifier), *self._wishes[identifier])
        self._at_rest.clear()
        try:
            answer = messages.result(identifier, self._result(name, request.get("params") or {}, job))
        except SolarSaliencyError as error:
            if not isinstance(error, CancelledError):
                log.error("%s failed", name, exc_info=True)
            answer = messages.failure(identifier, error)
        except Exception as error:
            log.error("%s failed", name, exc_info=True)
            answer = messages.failure(identifier, unforeseen(error))
        finally:
            self._wishes.pop(identifier, None)
            self._at_rest.set()
        self.send(answer)
        return True

    @staticmethod
    def _result(name: str, params: Dict[str, Any], job: Job) -> Dict[str, Any]:
        job.check()  # cancelled while it waited in the queue
        log.info("%s", name)
        if name == messages.DEVICES:
            from .models.devices import devices

            return devices()
        if name == messages.WHAT_IF:
            with foreseen():
                from .shapley.what_if import what_if

                return plain(what_if(params, job))
        return run_method(name, params, job)


def _kill_children() -> bool:
    """End the processes that a job has started; whether there were any."""
    import psutil

    children = psutil.Process().children(recursive=True)
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    return bool(children)


class RemoteListener:
    """Tells the other side of the pipe what a job says."""

    def __init__(self, worker: Worker, identifier: Any) -> None:
        self._worker = worker
        self._identifier = identifier

    def progressed(self, progress: Progress) -> None:
        """Send ``$/progress``."""
        params = {"id": self._identifier, **vars(progress)}
        self._worker.send(messages.notification(messages.PROGRESS, params))

    def warned(self, message: str) -> None:
        """Send a warning."""
        log.warning("%s", message)
        self._tell(messages.LOG_WARNING, message)

    def informed(self, message: str) -> None:
        """Send a line for the log."""
        log.info("%s", message)
        self._tell(messages.LOG_INFO, message)

    def partial(self, values: Dict[str, Any]) -> None:
        """Send ``$/partial``."""
        params = {"id": self._identifier, "partial": plain(values)}
        self._worker.send(messages.notification(messages.PARTIAL, params))

    def _tell(self, kind: int, message: str) -> None:
        self._worker.send(messages.notification(messages.LOG_MESSAGE, {"type": kind, "message": message}))
