"""A shortcut that a model really took is found in the Explain panel, by mouse; pictures go to build/screenshots."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def winter(engine, tmp_path_factory):
    """The folder of a model that took snow for a sign of farms, and of a farm at the edge of the snow; simulated."""
    folder = tmp_path_factory.mktemp("winter")
    python = os.path.join(engine, "bin", "python")
    subprocess.run([python, "-m", "tests.engine.winter_files", str(folder)], check=True, timeout=300, cwd=ROOT)
    return folder


def test_a_shortcut_is_found_by_drawing_over_it(play, winter):
    play("shortcut_scenarios.found_by_drawing", seconds=240, GUI_WINTER=str(winter))
