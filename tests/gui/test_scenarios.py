"""What people do in a real QGIS window; the pictures go to build/screenshots."""


def test_menu_to_dialog_to_styled_layers_on_the_canvas_and_again(play):
    play("detect_on_the_sample")


def test_engine_killed_under_a_running_dialog_is_told_and_overcome(play):
    play("engine_killed_while_a_dialog_runs")


def test_cancel_ends_a_run_soon_and_loads_nothing(play):
    play("run_is_cancelled")


def test_missing_engine_is_offered_to_be_set_up_and_may_be_refused(play, tmp_path):
    play("missing_engine_is_offered_and_refused", SOLAR_SALIENCY_ENGINE=str(tmp_path / "nothing"))


def test_missing_engine_in_the_toolbox_has_a_link_that_fixes_it(play, tmp_path):
    play("missing_engine_in_the_toolbox", SOLAR_SALIENCY_ENGINE=str(tmp_path / "nothing"))


def test_a_picture_is_refused_in_words(play):
    play("picture_is_refused")


def test_a_model_is_trained_evaluated_chosen_and_fine_tuned_by_clicking(play):
    play("model_scenarios.model_of_ones_own", seconds=400)


def test_models_are_installed_made_the_default_and_removed_in_the_options(play):
    play("model_scenarios.installed_models", seconds=200)


def test_batch_table_and_model_designer_show_and_run_it(play):
    play("batch_and_model_designer")


def test_a_click_on_a_detection_shows_why(play):
    play("explaining_scenarios.explain_by_a_click", seconds=150)
