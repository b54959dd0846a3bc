"""What set-up will do, as a value that can be shown before it is done."""

import re
import shlex
import shutil
import subprocess  # nosec B404
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence, Tuple

from qgis.core import QgsSettings

from ..contract.errors import RequestError
from . import environment
from .interpreters import Interpreter

#: The address of the package index that torch is fetched from; empty: as pip is configured. It is a setting because
#: on Linux the usual index offers torch with several gigabytes of CUDA, and the makers' CPU index is the small choice.
INDEX_SETTING = "solar_saliency/package_index"

#: Measured on Linux with the CPU build of torch: the wheels, and the environment that they become.
DOWNLOAD_BYTES = 340_000_000
DISK_BYTES = 1_360_000_000

_IMPORT_PACKAGES = environment.REQUIREMENTS.with_name("import_packages.py")


@dataclass(frozen=True)
class Step:
    """One command of set-up; ``until`` is how far the whole is when it is done (0 to 1)."""

    title: str
    command: Tuple[str, ...]
    until: float

    @property
    def typed(self) -> str:
        """The command as one would type it, without what must stay secret in an address."""
        typed = subprocess.list2cmdline(self.command) if sys.platform == "win32" else shlex.join(self.command)
        return re.sub(r"//[^/@\s]+@", "//…@", typed)


@dataclass(frozen=True)
class SetupPlan:
    """The interpreter, the folder, the commands and the sizes of a set-up."""

    interpreter: Interpreter
    folder: Path
    steps: Tuple[Step, ...]

    @property
    def part(self) -> Path:
        """The folder that the environment grows in."""
        return _part(self.folder)

    @property
    def commands(self) -> Tuple[str, ...]:
        """The commands as one would type them."""
        return tuple(step.typed for step in self.steps)

    @property
    def size(self) -> str:
        """How much is fetched and kept, in words."""
        cuda = " (several times that where the package index offers PyTorch with CUDA)"
        return (
            f"{DOWNLOAD_BYTES / 1e9:.1f} GB to download, {DISK_BYTES / 1e9:.1f} GB on disk"
            f"{cuda if sys.platform.startswith('linux') else ''}; {free_bytes(self.folder) / 1e9:.0f} GB are free"
        )

    def lines(self) -> Tuple[str, ...]:
        """All of it, in words, for a log."""
        return (
            f"Interpreter: {self.interpreter}",
            f"Folder: {self.folder}",
            f"Size: {self.size}",
            "Commands:",
            *(f"    {command}" for command in self.commands),
        )


def setup_plan(interpreter: Interpreter, index: str = "") -> SetupPlan:
    """The plan for the environment of this plugin; ``index``: the address that torch is fetched from."""
    if index and not re.match(r"(https?|file)://", index):
        raise RequestError(
            f"“{index}” is no address of a package index.", "It begins with https://, http:// or file://."
        )
    folder = environment.engine_folder()
    python = str(environment.python_of(_part(folder)))
    # Wheels only: building a package would run its code, and need compilers that few people have.
    pip: Sequence[str] = (
        *(python, "-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check"),
        *("--only-binary", ":all:", "--progress-bar", "off"),
    )
    torch = environment.requirements()[0]
    steps = (
        Step("Making the environment", (str(interpreter.path), "-I", "-m", "venv", str(_part(folder))), 0.05),
        Step("Installing PyTorch", (*pip, torch, *(("--index-url", index) if index else ())), 0.75),
        Step("Installing the other packages", (*pip, "-r", str(environment.REQUIREMENTS)), 0.95),
        Step("Trying it", (python, "-I", str(_IMPORT_PACKAGES), *environment.required_packages()), 1.0),
    )
    return SetupPlan(interpreter, folder, steps)


def configured_index() -> str:
    """The package index of the user's settings."""
    return QgsSettings().value(INDEX_SETTING, "", type=str)


def free_bytes(folder: Path) -> int:
    """Free space on the disk that a folder is, or would be, on."""
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    return shutil.disk_usage(existing).free


def _part(folder: Path) -> Path:
    return folder.with_name(folder.name + "+")  # short: paths below it come near the 260 characters of Windows
