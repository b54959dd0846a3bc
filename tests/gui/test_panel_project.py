"""The Explain panel, the project file and the plugin's end, in a real QGIS; the pictures go to build/screenshots."""


def test_an_explanation_comes_back_with_its_project(play):
    play("panel_project_scenarios.comes_back", seconds=200)


def test_a_project_closed_while_it_runs_leaves_nothing(play):
    play("panel_project_scenarios.given_up_with_the_project", seconds=200)


def test_a_plugin_unloaded_while_it_runs_leaves_nothing(play):
    play("panel_project_scenarios.unloaded_while_it_runs", seconds=200)


def test_a_panel_that_was_moved_is_there_again_when_the_plugin_is_loaded_anew(play):
    play("panel_project_scenarios.loaded_anew", seconds=120)


def test_a_panel_that_was_moved_is_there_again_when_qgis_is_started_again(play):
    play("panel_project_scenarios.moved_before_the_end", seconds=120)
    play("panel_project_scenarios.started_again", seconds=120)
