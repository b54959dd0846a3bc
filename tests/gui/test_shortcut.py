"""A shortcut that a model really took is found in the Explain panel, by mouse; pictures go to build/screenshots."""

import os

import pytest

from tests.winter import write_winter


@pytest.fixture(scope="module")
def winter(engine, tmp_path_factory):
    """A model that took snow for a sign of farms, and a farm at the edge of the snow; simulated."""
    return write_winter(os.path.join(engine, "bin", "python"), tmp_path_factory.mktemp("winter"))


def test_a_shortcut_is_found_by_drawing_over_it(play, winter):
    asked = {"GUI_SCENE": winter["SCENE"], "GUI_MODEL": winter["MODEL"]}
    play("shortcut_scenarios.found_by_drawing", seconds=240, **asked)
