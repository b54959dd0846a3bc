"""What goes wrong in a scenario, inside QGIS, is told by its test."""

import pytest


def test_a_failed_assertion_of_a_scenario_is_told_with_its_words_and_its_line(play, tmp_path):
    with pytest.raises(pytest.fail.Exception) as told:
        play("failing_scenarios.asserts_in_a_step", GUI_PICTURES=str(tmp_path))
    for words in ("AssertionError: 3 layers, and there should be four", "in wrong_step", "assert count == 4"):
        assert words in str(told.value)


def test_an_error_in_what_a_scenario_waits_for_is_told_with_its_line(play, tmp_path):
    with pytest.raises(pytest.fail.Exception) as told:
        play("failing_scenarios.asserts_while_it_waits", GUI_PICTURES=str(tmp_path))
    assert "IndexError" in str(told.value) and "yield lambda: [][0] is None" in str(told.value)


def test_of_a_scenario_that_does_not_end_the_line_is_told_where_it_waits(play, tmp_path):
    with pytest.raises(
        pytest.fail.Exception, match=r"no end after 25 s\nIt waited at line \d+ of failing_scenarios.py"
    ):
        play("failing_scenarios.never_ends", seconds=25, GUI_PICTURES=str(tmp_path))
