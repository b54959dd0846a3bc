"""Where the plugin keeps what is the user's: the same place for QGIS, for the engine and for the command line."""

import os
import sys
from pathlib import Path

#: Another folder for installed models, for tests and clusters.
MODELS_VARIABLE = "SOLAR_SALIENCY_MODELS"

#: The models that come with the plugin, one folder each.
SHIPPED_MODELS = Path(__file__).resolve().parents[2] / "resources" / "models"

#: The model that the name “default” stands for until the user chooses another.
SHIPPED_DEFAULT = "compact"

#: In the folder of installed models: a text file with the name of the model that the user chose as default.
DEFAULT_FILE = "default.txt"


def data_folder() -> Path:
    """The plugin's own folder in the user's local application data (never a roaming profile)."""
    home = Path.home()
    if sys.platform == "win32":
        local = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        local = home / "Library" / "Application Support"
    else:
        local = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
        if not local.is_absolute():  # to be ignored, says the specification; QGIS and engine run in different folders
            local = home / ".local" / "share"
    return local / "SolarSaliency"


def models_folder() -> Path:
    """Where installed models lie; it need not exist."""
    chosen = os.environ.get(MODELS_VARIABLE)
    return Path(chosen).expanduser().absolute() if chosen else data_folder() / "models"


def chosen_default() -> str:
    """The name of the model that the user chose as default, installed or not; the shipped one where none was chosen."""
    try:
        with (models_folder() / DEFAULT_FILE).open(encoding="utf-8") as file:
            name = file.read(1000).strip()
    except (OSError, ValueError):
        return SHIPPED_DEFAULT
    return name or SHIPPED_DEFAULT
