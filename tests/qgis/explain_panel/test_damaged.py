"""A project file that was cut, or made to do harm: the Explain panel shows nothing of it, and says so once."""

import json

import pytest

from solar_saliency.solar_saliency_plugin.gui.explain_panel import state
from solar_saliency.solar_saliency_plugin.gui.explain_panel.findings import Findings
from solar_saliency.solar_saliency_plugin.gui.explain_panel.subject import Subject
from tests.qgis.explain_panel.made_up import compared, estimated, told_first, whole
from tests.qgis.explain_panel.steps import bars, on_the_map, told


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "[" * 100_000, '{"choices": 3, "findings": {"subject": 1}}', '{"findings": 4}']
)
def test_what_is_damaged_in_a_project_is_left_out(project, text):
    project.writeEntry(state.SCOPE, state.KEY, text)
    assert state.load(project) == state.Remembered(is_damaged=bool(text))


def without(*path):
    """What takes the last member out of a list in a remembered answer."""

    def cut(known):
        for step in path:
            known = known[step]
        known.pop()

    return cut


@pytest.mark.parametrize(
    "spoil",
    [
        without("superpixels", "answer", "players"),
        without("superpixels", "outlines"),
        without("bands", "answer", "players"),
        without("superpixels", "answer", "compared", 0, "phi"),
        without("superpixels", "answer", "compared", 0, "standard_error"),
        lambda known: known["superpixels"]["answer"].update(interactions=[["1"]]),
        lambda known: known["superpixels"].update(outlines=None),
        lambda known: known.update(superpixels=known["superpixels"]["answer"]),
    ],
)
def test_a_project_whose_answer_does_not_fit_together_shows_none_and_tells_so_once(
    presenter, panel, window, project, tmp_path, spoil
):
    shown = compared(whole(estimated(told_first(["POLYGON((0 0, 9 0, 9 9, 0 0))"] * 5))), "", "There are no clouds.")
    subject = Subject("made up", {"scene": "s.tif"}, "POLYGON((0 0, 9 0, 9 9, 0 0))", "EPSG:32643", True)
    state.save(project, state.Choices(), Findings(subject, superpixels=shown, bands=shown))
    text, _ = project.readEntry(state.SCOPE, state.KEY)
    known = json.loads(text)
    presenter.restore()
    assert len(bars(panel.waterfall)) >= 5 and not told(panel), "whole, it is shown"
    spoil(known["findings"])
    project.writeEntry(state.SCOPE, state.KEY, json.dumps(known))
    presenter.restore()
    assert not bars(panel.waterfall) and not on_the_map(window) and presenter.findings.subject is None
    assert "Explain again" in told(panel) and not panel.welcome.isHidden()
    presenter._remember()
    presenter.restore()
    assert not told(panel), "it is told once"
