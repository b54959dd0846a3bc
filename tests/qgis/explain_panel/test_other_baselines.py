"""What the Explain panel hands on once another baseline's values are shown: those, and nothing is thrown away."""

import csv
import os
from dataclasses import replace

import pytest
from qgis.PyQt.QtWidgets import QApplication

from solar_saliency.solar_saliency_plugin.bridge.runs import run_of
from solar_saliency.solar_saliency_plugin.gui.explain_panel import handing_on
from tests.qgis.explain_panel.made_up import compared
from tests.qgis.explain_panel.steps import bars, explained, switch, told, wait_until

ZERO = 1  # its row


def answered(presenter):
    wait_until(lambda: presenter._running is None)


def added(project):
    return [known for known in project.mapLayers().values() if run_of(known).get("method") == "regionshap"]


def values(panel):
    return {bar.key: bar.value for bar in bars(panel.waterfall)}


@pytest.fixture
def zero(presenter, panel, found):
    """The values compared with zero are shown, after those of bare soil."""
    explained(presenter, found)
    panel.baselines.button.click()
    answered(presenter)
    panel.baselines.table.setCurrentCell(ZERO, 0)
    assert "compared with zero" in panel.told.text()
    return presenter.findings.superpixels


def test_the_layer_holds_what_is_shown_and_nothing_is_thrown_away(zero, presenter, panel, project):
    panel.what_if.setChecked(True)
    switch(panel, presenter, 0)
    before = values(panel)
    panel.add_to_map.click()
    answered(presenter)
    (layer,) = added(project)
    assert "zero" in layer.name() and run_of(layer)["request"]["baseline"] == "zero"
    phi = {feature["number"]: feature["phi"] for feature in layer.getFeatures()}
    shown = {zero.players[key].number: value for key, value in before.items() if zero.players[key].number}
    assert phi == pytest.approx(shown, abs=1e-4)
    assert presenter.findings.superpixels is zero and values(panel) == before
    assert panel.baselines.table.currentRow() == ZERO and "compared with zero" in panel.told.text()
    assert panel.what_if.isChecked() and presenter._view._what_if.off == {0} and not told(panel)
    assert not presenter._map.superpixels._values, "the layer has the colours"
    panel.baselines.table.setCurrentCell(0, 0)
    assert presenter._map.superpixels._values, "it has not those of bare soil"
    panel.baselines.table.setCurrentCell(ZERO, 0)
    panel.add_to_map.click()
    assert presenter._running is None and added(project) == [layer], "its files are there"


def test_another_baseline_is_asked_with_the_same_superpixels_off(zero, presenter, panel):
    panel.what_if.setChecked(True)
    switch(panel, presenter, 0)
    panel.baselines.table.setCurrentCell(2, 0)
    assert presenter._view._what_if.off == {0}
    wait_until(lambda: presenter._view._what_if._caller._newest is None)
    assert "→" in panel.now.text()


def test_the_page_and_the_table_are_those_of_what_is_shown(zero, presenter, panel, tmp_path, monkeypatch):
    for ending in ("html", "csv"):
        target = str(tmp_path / f"why.{ending}")
        monkeypatch.setattr(handing_on.QFileDialog, "getSaveFileName", lambda *_, target=target: (target, ""))
        presenter._handing_on._export(ending)
        answered(presenter)
        assert os.path.getsize(target) > 500 and target in told(panel)
    with open(tmp_path / "why.csv", encoding="utf-8-sig") as file:
        phi = {row["name"]: float(row["phi"]) for row in csv.DictReader(file)}
    assert phi == pytest.approx({zero.players[key].name: value for key, value in values(panel).items()})
    assert presenter.findings.beside["zero"].request["baseline"] == "zero"


def test_an_added_layer_that_was_given_up_leaves_all_as_it_is(zero, presenter, panel, project):
    before = values(panel)
    panel.add_to_map.click()
    panel.explain.click()
    answered(presenter)
    assert "Cancelled" in told(panel) and not added(project)
    assert values(panel) == before and panel.baselines.table.currentRow() == ZERO


def test_the_summary_is_of_what_is_shown(zero, presenter, panel):
    panel.copy.click()
    text = QApplication.clipboard().text()
    other = zero.answer.compared[0]
    assert f"for the baseline ({other.baseline_text})" in text
    assert "Compared with bare soil" in text and f"Compared with {other.baseline_text}" not in text
    assert panel.baselines.table.currentRow() == ZERO


def test_bands_are_told_of_with_the_baseline_that_they_were_asked_with(zero, presenter, panel):
    assert "uperpixel" in panel.told.text().splitlines()[-1]
    panel.show_tab("bands")
    answered(presenter)
    text = panel.told.text()
    assert "compared with bare soil" in text and "uperpixel" not in text
    strongest = min(presenter.findings.bands.players, key=lambda player: player.rank)
    assert strongest.name in text.splitlines()[-1]
    panel.show_tab("superpixels")
    assert "compared with zero" in panel.told.text()


def test_after_a_project_was_opened_again_the_files_are_still_those_of_what_is_shown(
    zero, presenter, panel, project, tmp_path
):
    path = str(tmp_path / "why.qgz")
    assert project.write(path) and project.read(path)
    panel.baselines.table.setCurrentCell(ZERO, 0)
    panel.what_if.setChecked(True)
    panel.add_to_map.click()
    assert "It ends What If" in told(panel) and panel.message.button.text() == "Explain Again"
    panel.message.button.click()
    wait_until(lambda: added(project))
    (layer,) = added(project)
    assert "zero" in layer.name() and "compared with zero" in panel.told.text()


def test_a_baseline_that_differs_by_nothing_looks_like_nothing_in_the_chart_and_on_the_map(presenter, panel, found):
    shown = explained(presenter, found)
    other, largest = compared(shown, "").answer.compared[0], max(abs(player.phi) for player in shown.players)
    small = replace(other, f_baseline=shown.answer.f_x, phi=tuple(1e-4 * phi for phi in other.phi))
    presenter.findings.superpixels = replace(shown, answer=replace(shown.answer, compared=(small,)))
    presenter._view.show()
    panel.baselines.table.setCurrentCell(ZERO, 0)
    rows, limit = panel.waterfall._rows, presenter._map.superpixels._limit
    lengths = [abs(rows.shown.share(row.end) - rows.shown.share(row.start)) for row in rows.rows]
    assert 0 < max(lengths) < 1e-3 and limit == pytest.approx(largest)


def test_it_is_said_where_baselines_hide_nothing_and_yet_order_superpixels_differently(presenter, panel, found):
    shown = explained(presenter, found)
    page = panel.baselines
    page.show_comparison(compared(shown, "", "").answer, "soil")
    assert page.warning.text.text() == "No baseline hides what another one shows."
    page.show_comparison(compared(shown, "", "", correlations=(0.42, 0.8)).answer, "soil")
    assert page.warning.text.text() == (
        "No baseline hides what another one shows. But compared with “Zero”, the superpixels come in another order "
        "(agreement 0.42): believe what several baselines agree on."
    )
    page.show_comparison(compared(shown, "", "No.", "", correlations=(0.42, 0.1, -0.2)).answer, "soil")
    assert "“Zero” and “Blurred image”, the" in page.warning.text.text() and "0.42, −0.20)" in page.warning.text.text()
