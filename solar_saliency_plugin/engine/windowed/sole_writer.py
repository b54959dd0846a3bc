"""One run at a time writes an output: two would mix their windows in one working raster."""

import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Iterator

from ...contract.errors import OutputUnwritableError


@contextmanager
def sole_writer(output: Path) -> Iterator[None]:
    """Hold ``<output>.lock`` for the length of the block; the system frees it when its holder dies.

    Raises :class:`OutputUnwritableError` where another run, of this or any other program, holds it.
    """
    path = output.with_name(output.name + ".lock")
    while True:
        with open(path, "a+b") as file:
            if not _locked(file):
                raise OutputUnwritableError(
                    f"Another run is writing “{output.name}” at this moment.", "Wait for it, or choose another name."
                )
            # The last holder may have deleted the file between its opening and its locking here.
            if not (path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat())):
                continue
            try:
                yield
            finally:
                with suppress(OSError):  # Windows deletes no open file; there it stays, free and empty
                    path.unlink()
            return


def _locked(file: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
