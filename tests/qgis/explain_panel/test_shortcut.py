"""A shortcut that a model really took – snow stands for solar farms – is found in the panel by drawing over it.

Simulated; how the model was trained: tests/engine/shortcut.py.
"""

import re

import processing
import pytest
from qgis.core import QgsGeometry, QgsRectangle

from tests.qgis.explain_panel.steps import largest, told, wait_until
from tests.winter import write_winter


@pytest.fixture(scope="module")
def sample(engine, tmp_path_factory):
    """The model that took the shortcut, and a farm at the edge of the snow, in place of the sample."""
    from solar_saliency.solar_saliency_plugin.bridge import environment

    return write_winter(str(environment.state().python), tmp_path_factory.mktemp("winter"))


@pytest.fixture(scope="module")
def files(provider, sample, tmp_path_factory):
    """What that model detects there."""
    folder = tmp_path_factory.mktemp("found")
    made = {"OUTPUT": str(folder / "p.tif"), "POLYGONS": str(folder / "d.gpkg")}
    processing.run("solarsaliency:detect", {"INPUT": sample["SCENE"], "MODEL": sample["MODEL"], **made})
    return made


@pytest.fixture
def ask(presenter, panel, found):
    """A function that draws a region over farm and snow, compares it with a baseline, and gives what came out."""

    def drawn(baseline):
        panel.superpixels.setValue(10)
        panel.baseline.setCurrentIndex(panel.baseline.findData(baseline))
        # As far as this model sees.
        presenter.explain_region(QgsGeometry.fromRect(largest(found).geometry().boundingBox().buffered(160)))
        wait_until(lambda: presenter._running is None)
        assert presenter.findings.superpixels is not None, told(panel)
        return presenter.findings.superpixels

    return drawn


def compared(presenter, panel):
    """What the panel knows once all other baselines have been asked, too."""
    panel.show_tab("baselines")
    panel.baselines.button.click()
    wait_until(lambda: presenter._running is None)
    return presenter.findings.superpixels


def snow_of(players):
    """The indices of the superpixels of snow, the one that raised the answer most first."""
    snow = [index for index, player in enumerate(players) if player.number and player.spectrum["B03"] > 0.6]
    return sorted(snow, key=lambda index: -players[index].phi)


def row_of(panel, baseline):
    """Choose a baseline in the table; give its row."""
    table = panel.baselines.table
    (row,) = [row for row in range(table.rowCount()) if table.item(row, 0).text() == baseline]
    table.setCurrentCell(row, 0)
    return row


def hides(panel, baseline):
    """The names of superpixels that a baseline hides, as the table has them."""
    return re.findall(r"\d+", panel.baselines.table.item(row_of(panel, baseline), 3).text())


@pytest.mark.parametrize("baseline", ["zero", "soil"])
def test_drawing_over_farm_and_snow_shows_that_the_answer_rests_on_the_snow(ask, panel, baseline):
    players = ask(baseline).players
    snow = [players[index] for index in snow_of(players)]
    assert 3 <= len(snow) < len(players) - 1
    # The farm itself counts, too: without it, nothing is there that could be detected.
    farm = max((player for player in players if player not in snow), key=lambda player: player.phi)
    around = sorted((player for player in players if player is not farm), key=lambda player: player.rank)
    assert around[0] in snow and around[0].certain and around[0].phi > 0
    assert all(player in snow for player in around[:3])
    assert sum(player.phi for player in snow) > 0.5, "logits"
    if baseline == "zero":
        assert around[0].rank == 1 and sum(player.share for player in snow) > 0.5
        assert f"Superpixels {around[0].name}" in panel.told.text()
    assert not told(panel), "nothing is hidden"


def test_who_compares_with_a_mean_that_is_snow_does_not_see_it_and_is_warned(ask, presenter, panel):
    before = ask("mean")
    snow = [before.players[index] for index in snow_of(before.players)]
    assert sum(player.share for player in snow) < 0.05 and not told(panel)
    answer = compared(presenter, panel).answer
    hidden = [player.name for player in snow if player.name in answer.hidden]
    assert len(hidden) >= 2
    assert not told(panel), "it is said once"
    warning = panel.baselines.warning.text.text()
    assert warning.startswith("Compared with “Mean of the scene”") and all(name in warning for name in hidden)
    assert "one does not see that the answer rests on superpixels" in warning
    assert "choose “Zero” to see it" in warning
    assert set(hidden) <= set(hides(panel, "Mean of the scene"))
    for baseline in ("Zero", "Bare soil"):
        strongest = answer.players[snow_of(presenter.findings.superpixels.players)[0]].name
        assert strongest not in hides(panel, baseline)


@pytest.mark.parametrize(("baseline", "shows_it"), [("Zero", True), ("Bare soil", True), ("Mean of the scene", False)])
def test_switching_the_snow_off_undoes_the_detection_unless_snow_takes_its_place(
    ask, presenter, panel, baseline, shows_it
):
    ask("mean")
    shown = compared(presenter, panel)
    row_of(panel, baseline)
    panel.what_if.setChecked(True)
    for index in snow_of(shown.players):
        panel.waterfall.toggled.emit(index)
    wait_until(lambda: presenter._view._what_if._caller._newest is None and "→" in panel.now.text())
    probability = float(re.search("<b>(.*)</b>", panel.now.text()).group(1))
    detected = int(re.search(r"; (\d+) of", panel.now.text()).group(1))
    if shows_it:
        assert probability < 0.5 and detected == 0, panel.now.text()
    else:
        assert probability > 0.7 and detected > 0.8 * shown.answer.target_pixels, panel.now.text()


def test_who_draws_over_the_snow_alone_is_told_to_take_the_farm_along(presenter, panel, found):
    box = largest(found).geometry().boundingBox()
    presenter.explain_region(QgsGeometry.fromRect(QgsRectangle(box.xMaximum() + 50, 2999400, 300800, 2999600)))
    wait_until(lambda: presenter._running is None)
    assert "nothing is detected there. Draw over a detection, together with what may have led to it" in told(panel)
