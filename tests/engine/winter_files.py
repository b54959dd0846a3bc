"""A model that took a shortcut, and a scene in which it shows, as files: for tests in QGIS, whose Python has no torch.

Run by the engine's Python: ``python -m tests.engine.winter_files FOLDER`` trains the model (a quarter of a minute).
"""

import sys
from pathlib import Path

from solar_saliency_plugin.engine.training.publication import write_model
from tests.engine import shortcut
from tests.engine.scene_files import write_scene
from tests.winter import MODEL, SCENE

#: The farm at the edge of the snow.
PLACE = 7000


def write(folder: Path) -> None:
    """Write the model's folder, and the scene."""
    model = shortcut.taker()
    write_model(folder / MODEL, model.network, model.card)
    write_scene(folder / SCENE, shortcut.winter(PLACE).reflectance, SIMULATED="yes")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
