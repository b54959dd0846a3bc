"""The Explain panel in a real QGIS window, by mouse and keyboard; the pictures go to build/screenshots."""

from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def test_a_detection_is_picked_explained_questioned_and_added_to_the_map(play):
    play("explain_panel_scenarios.picked_by_the_mouse", seconds=240)


def test_rectangle_polygon_and_freehand_are_drawn_and_explained(play):
    play("explain_panel_scenarios.drawn_by_the_mouse", seconds=240)


def test_superpixels_bands_and_baselines_are_shown_on_a_dark_theme(play):
    play("explain_panel_scenarios.all_tabs_in_the_dark", seconds=240)


def test_five_real_farms_are_drawn_around_explained_and_exported(play):
    if not DATA.is_dir():
        pytest.skip(f"there are no real scenes at {DATA}")
    play("explain_panel_scenarios.real_farms", seconds=400, GUI_DATA=str(DATA))
