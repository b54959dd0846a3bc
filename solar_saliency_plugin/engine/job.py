"""What an engine function knows of the job that it works for: progress, cancel, stop, partial results, warnings."""

import threading
import time
from typing import Any, Callable, Dict, List, Optional, Protocol

from ..contract.errors import CancelledError
from ..contract.messages import Progress

#: Progress is told at most this often, in seconds; a dialog needs no more.
REPORT_INTERVAL = 0.2


class Listener(Protocol):
    """Who hears of a job."""

    def progressed(self, progress: Progress) -> None:
        """The job got further."""

    def warned(self, message: str) -> None:
        """The user should know of this; it does not stop the job."""

    def informed(self, message: str) -> None:
        """Something worth a line in the log."""

    def partial(self, values: Dict[str, Any]) -> None:
        """A part of the result is there, or a better one."""


class SilentListener:
    """Hears everything, tells nobody."""

    def progressed(self, progress: Progress) -> None:
        """Ignore it."""

    def warned(self, message: str) -> None:
        """Ignore it."""

    def informed(self, message: str) -> None:
        """Ignore it."""

    def partial(self, values: Dict[str, Any]) -> None:
        """Ignore it."""


class Job:
    """One running job. Safe to use from several threads."""

    def __init__(
        self,
        listener: Listener,
        cancelled: Optional[threading.Event] = None,
        stopped: Optional[threading.Event] = None,
    ) -> None:
        self.warnings: List[str] = []
        self._listener = listener
        self._cancelled = cancelled or threading.Event()
        self._stopped = stopped or threading.Event()
        self._started = time.monotonic()
        self._last_report = -REPORT_INTERVAL
        self._last_fraction = -1.0

    @classmethod
    def silent(cls) -> "Job":
        """A job that nobody listens to."""
        return cls(SilentListener())

    @property
    def seconds(self) -> float:
        """Seconds since the job began."""
        return time.monotonic() - self._started

    @property
    def is_cancelled(self) -> bool:
        """Whether the user gave the job up."""
        return self._cancelled.is_set()

    @property
    def is_stopped(self) -> bool:
        """Whether the user has seen enough: what is there by now is to be delivered as the result."""
        return self._stopped.is_set()

    def check(self) -> None:
        """Raise :class:`CancelledError` if the user gave the job up."""
        if self.is_cancelled:
            raise CancelledError("The job was cancelled.", "Nothing was changed.")

    def progress(self, fraction: float, message: str, remaining: Optional[float] = None) -> None:
        """Tell how far the job is, ``fraction`` in [0, 1]; raises :class:`CancelledError` if it was cancelled.

        ``remaining``: seconds, where more is known than how long it took so far.
        """
        self.check()
        now = self.seconds
        if now - self._last_report < REPORT_INTERVAL and fraction < 1.0:
            return
        self._last_report = now
        fraction = self._last_fraction = min(1.0, max(fraction, self._last_fraction, 0.0))
        # Before 2 % the estimate jumps about more than it tells.
        if remaining is None and fraction >= 0.02:
            remaining = now * (1.0 - fraction) / fraction
        self._listener.progressed(Progress(fraction, message, now, remaining))

    def finish(self, message: str) -> None:
        """Tell that everything is in place; from here on there is nothing left to cancel."""
        self._listener.progressed(Progress(1.0, message, self.seconds, 0.0))

    def warn(self, message: str) -> None:
        """Tell the user of something that does not stop the job; it is kept with the result. Said once only."""
        if message not in self.warnings:
            self.warnings.append(message)
            self._listener.warned(message)

    def info(self, message: str) -> None:
        """Write a line to the log."""
        self._listener.informed(message)

    def partial(self, values: Dict[str, Any]) -> None:
        """Show what is there before the job is done, as plain JSON values; each is told at once, and none left out.

        Tell them when they say more than those before, not at a pace: whoever listens draws every one of them.
        """
        self._listener.partial(values)

    def part(self, start: float, end: float) -> "JobPart":
        """The stretch of this job from ``start`` to ``end``, as a job of its own."""
        return JobPart(self, start, end)


class JobPart(Job):
    """A stretch of another job: its 0…1 is the whole job's ``start``…``end``."""

    def __init__(self, whole: Job, start: float, end: float) -> None:
        super().__init__(SilentListener())
        self.warnings = whole.warnings
        self._whole = whole
        self._span: Callable[[float], float] = lambda fraction: start + (end - start) * min(1.0, max(0.0, fraction))

    @property
    def is_cancelled(self) -> bool:
        """Whether the user gave the whole job up."""
        return self._whole.is_cancelled

    @property
    def is_stopped(self) -> bool:
        """Whether the user has seen enough of the whole job."""
        return self._whole.is_stopped

    def progress(self, fraction: float, message: str, remaining: Optional[float] = None) -> None:
        """Tell how far this stretch is; the rest of the job is taken to go on at the pace of what remains of it."""
        reached, end = self._span(fraction), self._span(1.0)
        if remaining is not None:
            remaining = remaining * (1.0 - reached) / (end - reached) if reached < end else None
        self._whole.progress(reached, message, remaining)

    def warn(self, message: str) -> None:
        """Warn in the whole job's name."""
        self._whole.warn(message)

    def info(self, message: str) -> None:
        """Log in the whole job's name."""
        self._whole.info(message)

    def partial(self, values: Dict[str, Any]) -> None:
        """Show what is there, as a part of the whole job's result."""
        self._whole.partial(values)
