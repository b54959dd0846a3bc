"""The last good checkpoint of a fit, brought to disk as often as costs little; a full disk does not end the fit."""

import math
import time
from pathlib import Path

from ..job import Job
from .checkpoint import Checkpoint

#: A checkpoint is brought to disk at most every so many seconds.
SECONDS_PER_CHECKPOINT = 10.0

#: Writing checkpoints may take this share of the time at most.
WRITING_SHARE = 0.02


class Keeping:
    """Keeps the checkpoints of the run ``key`` in the folder ``journal``; None: nowhere."""

    def __init__(self, journal: Path | None, key: str, job: Job) -> None:
        self._journal, self._key, self._job = journal, key, job
        self._written_at, self._writing_took, self._disk_failed = -math.inf, 0.0, False

    @property
    def is_kept(self) -> bool:
        """Whether what was brought to disk last is there."""
        return self._journal is not None and not self._disk_failed

    @property
    def is_time(self) -> bool:
        """Whether to write again."""
        pause = max(SECONDS_PER_CHECKPOINT, self._writing_took / WRITING_SHARE)
        return self._journal is not None and time.monotonic() - self._written_at >= pause

    def read(self) -> Checkpoint | None:
        """The checkpoint that an interrupted run left; None where there is none."""
        return None if self._journal is None else Checkpoint.read(self._journal, self._key)

    def write(self, good: Checkpoint) -> None:
        """Bring a checkpoint to disk; a full disk is told of."""
        if self._journal is None:
            return
        started = time.monotonic()
        try:
            good.write(self._journal, self._key)
            self._disk_failed = False
        except OSError as error:
            self._disk_failed = True
            self._job.warn(
                f"What was learned so far could not be saved ({error.strerror or error}): learning goes on, but if it "
                "were interrupted now, it would have to go on from an earlier step, or start anew."
            )
        self._written_at = time.monotonic()
        self._writing_took = self._written_at - started
