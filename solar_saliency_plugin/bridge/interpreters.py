"""Python interpreters on this machine that the engine's environment can be made with."""

import json
import os
import shutil
import subprocess  # nosec B404
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List, Optional, Tuple

from ..contract.errors import SetupFailedError
from .environment import belongs_to_qgis
from .processes import output_of

#: In the order of preference: the first is the one that the requirements were verified together with.
SUPPORTED = ((3, 11), (3, 12), (3, 13), (3, 10))

ASKING_SECONDS = 20.0

# What a usable interpreter answers. An interpreter of a virtual environment names the one that it was made with.
_QUESTION = """
import importlib.util, json, struct, sys
print(json.dumps({
    "version": list(sys.version_info[:3]),
    "executable": getattr(sys, "_base_executable", None) or sys.executable,
    "bits": struct.calcsize("P") * 8,
    "venv": all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")),
}))
"""

_REMEDY = (
    "Install Python 3.11 (on Debian and Ubuntu with the packages python3 and python3-venv; on Windows and macOS with "
    "Python's own installer), or give the path of an interpreter by hand."
)


@dataclass(frozen=True)
class Interpreter:
    """A Python that can make the environment."""

    path: Path
    version: Tuple[int, int, int]

    def __str__(self) -> str:
        return f"Python {'.'.join(map(str, self.version))} ({self.path})"


@dataclass(frozen=True)
class Search:
    """What was found, best first, and what was tried in vain: (path, reason) each."""

    found: Tuple[Interpreter, ...]
    refused: Tuple[Tuple[str, str], ...]

    def best(self) -> Interpreter:
        """The interpreter to use; SetupFailedError, which says what was tried, where there is none."""
        if self.found:
            return self.found[0]
        tried = "; ".join(f"{path}: {reason}" for path, reason in self.refused) or "nothing that looks like Python"
        raise SetupFailedError(f"No suitable Python was found. Tried: {tried}.", _REMEDY)


def find_interpreters(by_hand: str = "") -> Search:
    """Ask every interpreter in the usual places, or only the one given by hand."""
    found: List[Interpreter] = []
    refused: List[Tuple[str, str]] = []
    for candidate in [by_hand] if by_hand else dict.fromkeys(_candidates()):
        interpreter, reason = _ask(candidate)
        if interpreter is None:
            refused.append((candidate, reason))
        elif all(interpreter.path.resolve() != other.path.resolve() for other in found):
            found.append(interpreter)
    found.sort(key=lambda i: SUPPORTED.index(i.version[:2]))
    return Search(tuple(found), tuple(refused))


def _ask(candidate: str) -> Tuple[Optional[Interpreter], str]:
    if belongs_to_qgis(Path(candidate)):
        return None, "belongs to QGIS, which must stay as it is"
    try:
        answer = json.loads(output_of([candidate, "-I", "-c", _QUESTION], ASKING_SECONDS))
    except FileNotFoundError:
        return None, "there is no such file"
    except subprocess.TimeoutExpired:
        return None, f"did not answer within {ASKING_SECONDS:.0f} s"
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None, "is no working Python"
    version = tuple(answer["version"])
    if version[:2] not in SUPPORTED:
        wanted = ", ".join(f"{major}.{minor}" for major, minor in sorted(SUPPORTED))
        return None, f"is Python {version[0]}.{version[1]}, but the engine needs one of {wanted}"
    if answer["bits"] != 64:
        return None, "is a 32-bit Python, but the engine needs 64 bits"
    if not answer["venv"]:
        return None, "cannot make environments (on Debian and Ubuntu: install the package python3-venv)"
    return Interpreter(Path(answer["executable"]), version), ""


def _candidates() -> Iterator[str]:
    if sys.platform == "win32":
        yield from _registered()
    names = [f"python{major}.{minor}" for major, minor in SUPPORTED] + ["python3", "python"]
    # A macOS application is started with a bare search path.
    usual = ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"] if sys.platform != "win32" else []
    folders = os.pathsep.join([*usual, os.environ.get("PATH", os.defpath)])
    for name in names:
        path = shutil.which(name, path=folders)
        if path:
            yield path


def _registered() -> Iterator[str]:
    """Interpreters in the Windows registry, where every installer enters them (PEP 514)."""
    import winreg

    for hive in (winreg.HKEY_CURRENT_USER, winreg.HKEY_LOCAL_MACHINE):
        for major, minor in SUPPORTED:
            key = rf"Software\Python\PythonCore\{major}.{minor}\InstallPath"
            try:
                yield os.path.join(winreg.QueryValue(hive, key), "python.exe")
            except OSError:
                continue
