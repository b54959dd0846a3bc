"""A model that took snow for a sign of solar farms, and a farm at the edge of the snow, as files: for tests in QGIS.

QGIS's Python has no torch, so the engine's writes them (tests/engine/winter_files.py).
"""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

MODEL, SCENE = "snow", "SIMULATED_winter.tif"


def write_winter(python: str, folder: Path) -> "dict[str, str]":
    """The scene and the model's folder, as parameters of dialogs; ``python``: the engine's."""
    program = [python, "-m", "tests.engine.winter_files", str(folder)]
    subprocess.run(program, check=True, timeout=300, cwd=ROOT)
    return {"SCENE": str(folder / SCENE), "MODEL": str(folder / MODEL)}
