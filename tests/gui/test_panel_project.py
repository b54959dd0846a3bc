"""The Explain panel, the project file and the plugin's end, in a real QGIS; the pictures go to build/screenshots."""


def test_an_explanation_comes_back_with_its_project(play):
    play("panel_project_scenarios.comes_back", seconds=200)


def test_a_project_closed_while_it_runs_leaves_nothing(play):
    play("panel_project_scenarios.given_up_with_the_project", seconds=200)


def test_a_plugin_unloaded_while_it_runs_leaves_nothing(play):
    play("panel_project_scenarios.unloaded_while_it_runs", seconds=200)
