"""Where the engine's private environment is, whether it is ready, and what its processes inherit.

Nothing here starts a process: the toolbox asks for :func:`state` whenever it draws itself.
"""

import hashlib
import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Tuple

from qgis.core import QgsApplication, QgsSettings
from qgis.PyQt.QtCore import QCoreApplication

from ..contract.places import data_folder

translate = QCoreApplication.translate

#: The plugin's folder; the engine's code is below it, its packages never are.
ROOT = Path(__file__).absolute().parents[2]
REQUIREMENTS = ROOT / "resources" / "engine" / "requirements.txt"

#: An environment of the user's own making or a place of their choosing; the variable wins over the setting.
FOLDER_VARIABLE = "SOLAR_SALIENCY_ENGINE"
FOLDER_SETTING = "solar_saliency/engine_folder"

#: Written last by set-up: a folder that has it was made by set-up, completely, and was tried.
MARKER = "solar-saliency-engine.json"

#: What QGIS, its launchers and Python environments set for themselves and what breaks or bends a foreign interpreter:
#: its module search, its libraries, the data folders of another GDAL and PROJ, the plug-ins of another Qt, and a pip
#: that would install somewhere else.
_FOREIGN = re.compile(
    r"PYTHON|GDAL_|OGR_|CPL_|PROJ_|GEOTIFF_|QT_|QML|QGIS_|OSGEO|O4W_|GISBASE|GRASS|LD_|DYLD_|CONDA_"
    r"|VIRTUAL_ENV|__PYVENV_LAUNCHER__|PIP_(USER|TARGET|PREFIX|ROOT|REQUIRE_VIRTUALENV|PYTHON)$"
)


@dataclass(frozen=True)
class EngineState:
    """Whether the engine can be started; ``reason`` says in plain words why not (empty if ready)."""

    ready: bool
    reason: str
    python: Optional[Path]
    folder: Path


def state() -> EngineState:
    """The engine's state by a cheap look at files: no process, no import."""
    folder = engine_folder()
    python = python_of(folder)
    reason = _why_not(folder, python)
    return EngineState(ready=not reason, reason=reason, python=None if reason else python, folder=folder)


def engine_folder() -> Path:
    """The environment's folder: the variable's, else the setting's, else one of set-up's own naming.

    That name holds a hash of the requirements: an update of the plugin that needs other packages gets a new
    environment, any other update keeps the old one, and all QGIS versions and profiles share it. It is short because
    paths below it come near the 260 characters of Windows.
    """
    chosen = os.environ.get(FOLDER_VARIABLE) or QgsSettings().value(FOLDER_SETTING, "", type=str)
    return Path(chosen).expanduser().absolute() if chosen else data_folder() / ("e-" + requirements_hash()[:8])


def log_folder() -> Path:
    """Where the logs of the engine and of set-up lie; it exists after the call."""
    folder = data_folder() / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def python_of(folder: Path) -> Path:
    """The interpreter of a virtual environment."""
    return folder / "Scripts" / "python.exe" if sys.platform == "win32" else folder / "bin" / "python"


def requirements_hash() -> str:
    """SHA-256 of the requirements, in hexadecimal digits; line endings do not count."""
    return hashlib.sha256(REQUIREMENTS.read_text(encoding="utf-8").encode("utf-8")).hexdigest()


def requirements() -> List[str]:
    """The lines of the requirements file that name a package, in its order."""
    lines = (line.split("#")[0].strip() for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def required_packages() -> Tuple[str, ...]:
    """The names of the packages that the engine needs, each once."""
    return tuple(dict.fromkeys(re.split(r"[^A-Za-z0-9._-]", line)[0] for line in requirements()))


def read_marker(folder: Path) -> Optional[Dict[str, object]]:
    """What set-up wrote about the environment that it made; None where there is no (readable) marker."""
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return marker if isinstance(marker, dict) else None


def clean_environment() -> Dict[str, str]:
    """The environment variables for the engine's processes: the user's, without those that QGIS needs for itself."""
    kept = {name: value for name, value in os.environ.items() if not _FOREIGN.match(name.upper())}
    if sys.platform == "win32":  # QGIS puts its own libraries first in the search path
        kept["PATH"] = os.pathsep.join(
            p for p in kept.get("PATH", "").split(os.pathsep) if not belongs_to_qgis(Path(p))
        )
    return kept


def belongs_to_qgis(path: Path) -> bool:
    """Whether a path lies in the QGIS installation; on Linux QGIS has no folder of its own."""
    if not (sys.platform == "win32" or sys.platform == "darwin"):
        return False
    prefix = Path(QgsApplication.prefixPath())
    # <root>/apps/qgis on Windows, <bundle>.app/Contents/MacOS on macOS
    root = prefix.parents[1] if len(prefix.parents) > 1 else prefix
    return os.path.normcase(str(path)).startswith(os.path.normcase(str(root)) + os.sep)


def _why_not(folder: Path, python: Path) -> str:
    if not python.exists():
        told = translate("Engine", "The engine is not installed: there is no Python environment in {folder}.")
        return told.format(folder=folder)
    marker = read_marker(folder)
    if marker is not None:
        if marker.get("requirements") != requirements_hash():
            told = translate("Engine", "The engine in {folder} was made for another version of the plugin.")
            return told.format(folder=folder)
        return ""
    missing = _missing_packages(folder)
    if missing:
        told = translate("Engine", "The environment in {folder} lacks {packages}.")
        return told.format(folder=folder, packages=", ".join(missing))
    return ""


def _missing_packages(folder: Path) -> List[str]:
    """Required packages that an environment of the user's own making lacks; their versions are the user's choice."""
    library = "Lib/site-packages" if sys.platform == "win32" else "lib/python3*/site-packages"
    installed = {_normal(p.name.split("-")[0]) for p in folder.glob(library + "/*.dist-info")}
    return [name for name in required_packages() if _normal(name) not in installed]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
