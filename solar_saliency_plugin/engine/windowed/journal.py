"""Which windows of an interrupted run are finished, so that the next run goes on where it stopped.

The working raster and its journal lie beside the output. The raster is a plain GeoTIFF whose every block exists from
the start: writing a window never changes the file's structure, so that a killed run leaves at worst a window half
written, and that one is not in the journal.
"""

import contextlib
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, Generic, List, Sequence, Type, TypeVar


@dataclass(frozen=True)
class WindowRecord:
    """What a run notes of a finished window: its place in the run's list, and what a subclass adds (plain values)."""

    index: int


Record = TypeVar("Record", bound=WindowRecord)


class Journal(Generic[Record]):
    """The finished windows of one run, on disk, each with a record of one class."""

    def __init__(self, path: Path, key: str, record: Type[Record]) -> None:
        self._path = path
        self._key = key
        self._record = record

    def finished(self) -> List[Record]:
        """Windows that an earlier run with the same key finished; none where it was another run."""
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
            if not lines or json.loads(lines[0]) != {"key": self._key}:
                return []
        except (OSError, ValueError):
            return []
        windows: Dict[int, Record] = {}
        for line in lines[1:]:
            # The last line may be cut off where the run was killed in the middle of it.
            with contextlib.suppress(ValueError, TypeError):
                window = self._record(**json.loads(line))
                windows[window.index] = window
        return list(windows.values())

    def start(self) -> None:
        """Begin an empty journal."""
        self._path.write_text(json.dumps({"key": self._key}) + "\n", encoding="utf-8")

    def add(self, windows: Sequence[Record]) -> None:
        """Record windows whose pixels are safely on disk."""
        with open(self._path, "a", encoding="utf-8") as file:
            file.writelines(json.dumps(asdict(window)) + "\n" for window in windows)
            file.flush()
            os.fsync(file.fileno())

    def remove(self) -> None:
        """The run is complete."""
        self._path.unlink(missing_ok=True)


def run_key(parts: Dict[str, Any], inputs: Sequence[Path]) -> str:
    """A hash that changes with anything that could change a pixel: the request, the model, the input files."""
    files = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in inputs if path.is_file()]
    text = json.dumps({**parts, "files": sorted(files)}, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
