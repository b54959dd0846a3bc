"""What one can ask of an answer in the Explain panel: bands, baselines, what if; a layer, a text, files."""

import csv
import os
from dataclasses import replace

import pytest
from qgis.core import QgsRectangle
from qgis.gui import QgsMapToolPan
from qgis.PyQt.QtCore import QPointF, QRectF, Qt
from qgis.PyQt.QtGui import QImage, QPainter, QPainterPath
from qgis.PyQt.QtWidgets import QApplication

from solar_saliency.solar_saliency_plugin.bridge import answers
from solar_saliency.solar_saliency_plugin.bridge.runs import run_of
from solar_saliency.solar_saliency_plugin.contract.region_shap import Compared
from solar_saliency.solar_saliency_plugin.gui.explain_panel import handing_on
from solar_saliency.solar_saliency_plugin.gui.explain_panel.labels import draw_labels
from tests.qgis.explain_panel.steps import (
    bars,
    explained,
    largest,
    switch,
    told,
    wait_until,
)


def test_bands_are_asked_for_when_one_looks_at_them_and_add_up_exactly(presenter, panel, found):
    shown = explained(presenter, found)
    assert presenter.findings.bands is None
    panel.show_tab("bands")
    assert presenter._running.method == "bandshap"
    wait_until(lambda: presenter._running is None)
    bands = presenter.findings.bands
    assert sum(player.phi for player in bands.players) == pytest.approx(
        shown.answer.f_x - bands.answer.f_baseline, abs=1e-3
    )
    assert [bar.label for bar in bars(panel.bars)][:2] == ["B02 (blue)", "B03 (green)"]
    panel.show_tab("superpixels")
    panel.show_tab("bands")
    assert presenter._running is None, "they are known"


def test_other_values_are_on_the_map_even_if_the_first_ones_are_a_layer(presenter, panel, found):
    explained(presenter, found)
    panel.add_to_map.click()
    assert not presenter._map.superpixels._values, "the layer has the colours"
    assert not presenter._map.superpixels._labels, "and the numbers"
    panel.baseline.setCurrentIndex(panel.baseline.findData("zero"))
    panel.superpixels.lineEdit().returnPressed.emit()
    wait_until(lambda: presenter._running is None)
    assert presenter.findings.choices.baseline == "zero" and "compared with zero" in panel.told.text()
    assert presenter._map.superpixels._values and presenter._map.superpixels._labels[0] == "1"


def test_one_click_compares_baselines_and_a_row_shows_its_values(presenter, panel, found):
    explained(presenter, found)
    panel.show_tab("baselines")
    panel.baselines.button.click()
    wait_until(lambda: presenter._running is None)
    answer = presenter.findings.superpixels.answer
    table = panel.baselines.table
    assert [table.item(row, 0).text() for row in range(table.rowCount())] == [
        "Bare soil",
        "Zero",
        "Mean of the scene",
        "Blurred image",
        "Surroundings",
    ]
    assert answer.evaluations >= answer.asked == 0, "those of the first baseline were known"
    before = [bar.value for bar in bars(panel.waterfall)]
    table.setCurrentCell(1, 0)
    after = {bar.key: bar.value for bar in bars(panel.waterfall)}
    assert after == pytest.approx(dict(enumerate(answer.compared[0].phi))) and list(after.values()) != before
    assert "compared with zero" in panel.told.text()
    table.setCurrentCell(0, 0)
    assert "compared with bare soil" in panel.told.text()


def test_a_baseline_that_hides_what_another_one_shows_is_warned_of(presenter, panel, found):
    shown = explained(presenter, found)
    zero = Compared("zero", "zero", -3.0, (0.0,) * len(shown.players), (0.1,) * len(shown.players), 0.1, ("7",), 9)
    mean, failed = replace(zero, baseline="mean", hidden=("7", "9")), replace(zero, baseline="blur", error="No.")
    blur = replace(zero, baseline="blur")
    told = "Compared with {}, one does not see that the answer rests on {}: choose “Bare soil” to see it."
    panel.baselines.show_comparison(replace(shown.answer, compared=(zero, failed)), "soil")
    text = panel.baselines.warning.text.text()
    assert text == f"Bare soil hides nothing. {told.format('“Zero”', 'superpixel 7')}"
    assert panel.baselines.table.item(1, 3).text() == "7"
    panel.baselines.show_comparison(replace(shown.answer, compared=(zero, mean, blur)), "soil")
    assert panel.baselines.warning.text.text() == " ".join(
        [
            "Bare soil hides nothing.",
            told.format("“Zero” and “Blurred image”", "superpixel 7"),
            told.format("“Mean of the scene”", "superpixels 7 and 9"),
        ]
    )


def test_what_if_answers_as_the_model_would_and_goes_back(presenter, panel, found, window):
    shown = explained(presenter, found)
    panel.what_if.setChecked(True)
    strongest = max(range(len(shown.players)), key=lambda index: shown.players[index].phi)
    f_x, text = switch(panel, presenter, strongest)
    assert f_x < shown.answer.f_x and f"Probability {shown.answer.probability:.2f} →" in text
    assert [bar.is_on for bar in bars(panel.waterfall) if bar.key == strongest] == [False]
    for player in range(len(shown.players)):
        if player != strongest:
            panel.waterfall.toggled.emit(player)
    wait_until(lambda: presenter._view._what_if._caller._newest is None)
    assert panel.waterfall._rows.rows[-1].end == pytest.approx(shown.answer.f_baseline, abs=1e-3)
    panel.all_on.click()
    assert all(bar.is_on for bar in bars(panel.waterfall)) and "Click superpixels" in panel.now.text()


def test_what_if_takes_clicks_on_the_map_until_it_is_left(presenter, panel, found, window):
    shown = explained(presenter, found)
    pan = QgsMapToolPan(window.canvas)
    window.canvas.setMapTool(pan)
    panel.what_if.setChecked(True)
    assert window.canvas.mapTool() is not pan
    window.canvas.mapTool().toggled.emit(0)
    assert presenter._view._what_if.off == {0}
    panel.what_if.setChecked(False)
    assert window.canvas.mapTool() is pan and not presenter._view._what_if.off
    assert shown is presenter.findings.superpixels


def test_another_map_tool_ends_what_if(presenter, panel, found, window):
    explained(presenter, found)
    panel.what_if.setChecked(True)
    presenter._map._buttons["pick"].click()
    assert not panel.what_if.isChecked() and panel.tools["pick"].isChecked()
    window.canvas.setMapTool(QgsMapToolPan(window.canvas))
    assert not panel.tools["pick"].isChecked() and not told(panel)


def test_what_is_hovered_in_the_chart_lights_up_on_the_map_and_the_other_way_round(presenter, panel, found, window):
    explained(presenter, found)
    panel.waterfall.hovered.emit(3)
    assert presenter._map.superpixels._chosen == 3
    presenter._map.hovered.emit(5)
    assert panel.waterfall._highlighted == 5


def test_superpixels_carry_their_numbers_where_there_is_room():
    taken = written(40, "12")
    assert taken and all(10 <= x < 50 and 10 <= y < 50 for x, y in taken)
    middle = sum(x for x, _ in taken) / len(taken), sum(y for _, y in taken) / len(taken)
    assert middle == pytest.approx((30, 30), abs=2.5)
    assert not written(6, "12")


def written(size, text):
    """The pixels that a number takes in a square of a size."""
    image = QImage(60, 60, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    square = QPainterPath()
    square.addRect(QRectF(30 - size / 2, 30 - size / 2, size, size))
    painter = QPainter(image)
    draw_labels(painter, QApplication.font(), [(text, QPointF(30, 30), square)])
    painter.end()
    return [(x, y) for x in range(60) for y in range(60) if image.pixelColor(x, y).alpha()]


def test_bands_are_asked_for_without_switching_anything_on(presenter, panel, found):
    explained(presenter, found)
    panel.what_if.setChecked(True)
    switch(panel, presenter, 0)
    panel.show_tab("bands")
    wait_until(lambda: presenter._running is None)
    assert presenter.findings.bands is not None and panel.what_if.isChecked()
    assert presenter._view._what_if.off == {0} and "→" in panel.now.text()


def test_a_what_if_without_its_scene_says_why_no_number_comes(presenter, panel, found):
    shown = explained(presenter, found)
    lost = {**presenter.findings.request, "scene": "/nowhere/scene.tif"}
    presenter._view._what_if.begin(lost, shown.answer.probability)
    panel.what_if.setChecked(True)
    panel.waterfall.toggled.emit(0)
    wait_until(lambda: told(panel))
    assert "/nowhere/scene.tif" in told(panel) and "No answer for this" in panel.now.text()


def test_the_map_goes_to_what_is_explained(presenter, panel, found, window):
    explained(presenter, found)
    window.canvas.setExtent(QgsRectangle(0, 0, 1e6, 1e6))
    panel.zoom.click()
    box = presenter.findings.subject.geometry().boundingBox()
    assert window.canvas.extent().contains(box) and window.canvas.extent().width() < 5 * max(box.width(), box.height())


@pytest.mark.parametrize(
    ("phi", "error", "text"),
    [(1.5, 0.1, "+1.50 ± 0.2"), (1.5, 1e-4, "+1.5"), (-0.0, 0.0, "+0"), (0.0, 0.1, "+0 ± 0.2")],
)
def test_intervals_are_told_where_digits_show_them(phi, error, text):
    player = {"phi": phi, "upper": phi + 1.96 * error, "standard_error": error}
    assert answers.value_text(player).replace("1.50", "1.5") == text.replace("1.50", "1.5")
    assert answers.is_exact(player) is (error < 1e-3)


# handing on


def test_the_answer_becomes_a_layer_in_the_group_of_its_question(presenter, panel, found, project):
    explained(presenter, found)
    panel.add_to_map.click()
    (layer,) = [known for known in project.mapLayers().values() if run_of(known).get("method") == "regionshap"]
    group = project.layerTreeRoot().findGroup(f"Why: detection {largest(found)['id']}")
    assert group.findLayer(layer.id()) is not None and layer.featureCount() >= 20
    assert layer.renderer().type() != "singleSymbol"
    group.findLayer(layer.id()).setItemVisibilityChecked(False)
    panel.add_to_map.click()
    assert [node.isVisible() for node in group.findLayers()] == [True], "the same layer, shown again"


def test_the_summary_tells_all_that_is_known(presenter, panel, found):
    shown = explained(presenter, found)
    panel.show_tab("bands")
    wait_until(lambda: presenter._running is None)
    panel.copy.click()
    text = QApplication.clipboard().text()
    for part in (largest(found)["id"], f"{shown.answer.probability:.2f}", "bare soil", "B04", "seed 1", "compact"):
        assert str(part) in text, part
    assert "clipboard" in told(panel)


@pytest.mark.parametrize("ending", ["gpkg", "tif", "html", "csv"])
def test_files_hold_what_is_shown(presenter, panel, found, tmp_path, monkeypatch, ending):
    shown = explained(presenter, found)
    target = str(tmp_path / f"why ü.{ending}")
    monkeypatch.setattr(handing_on.QFileDialog, "getSaveFileName", lambda *_: (target[: -len(ending) - 1], ""))
    presenter._handing_on._fill_export()
    names = list(handing_on.kinds())
    entry = panel.export.menu().actions()[names.index(ending)]
    assert entry.isEnabled()
    entry.trigger()
    assert os.path.getsize(target) > 500 and target in told(panel)
    if ending == "csv":
        with open(target, encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        assert [float(row["phi"]) for row in rows] == sorted(
            (player.phi for player in shown.players), key=abs, reverse=True
        )
        assert "mean_B04" in rows[0]


def test_a_file_that_cannot_be_written_is_told(presenter, panel, found, tmp_path, monkeypatch):
    explained(presenter, found)
    nowhere = str(tmp_path / "not there" / "a.csv")
    monkeypatch.setattr(handing_on.QFileDialog, "getSaveFileName", lambda *_: (nowhere, ""))
    presenter._handing_on._export("csv")
    assert "cannot be written" in told(panel) and "Choose another place" in told(panel)
