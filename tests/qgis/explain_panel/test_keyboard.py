"""The Explain panel without a mouse: every row is reached, the same key runs and stops, Esc leaves."""

import pytest
from qgis.core import QgsProject
from qgis.gui import QgsMapToolPan, QgsMapToolZoom
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtGui import QFont, QKeySequence
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication

from solar_saliency.solar_saliency_plugin.gui.detections import Detection
from solar_saliency.solar_saliency_plugin.gui.explain_panel.baselines import BaselinesPage
from solar_saliency.solar_saliency_plugin.gui.explain_panel.display import bars_of
from solar_saliency.solar_saliency_plugin.gui.explain_panel.panel import ExplainPanel
from tests.qgis.explain_panel.made_up import compared, estimated, told_first, whole
from tests.qgis.explain_panel.steps import Window, bars, explained, switch, told, wait_until

KEY = Qt.Key
ALT = Qt.KeyboardModifier.AltModifier


@pytest.fixture
def alone():
    """The panel without what it does."""
    window = Window()
    made = ExplainPanel(window.window)
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, made)
    made.explain.setEnabled(True)
    window.window.show()
    window.window.activateWindow()
    QTest.qWaitForWindowActive(window.window)
    yield made
    window.window.hide()


def test_the_same_key_explains_stops_and_cancels(alone):
    clicked = []
    alone.explain.clicked.connect(lambda: clicked.append(alone.explain.text()))
    for text in ("Expla&in", "Stop", "Cancel", "Expla&in"):
        alone.explain.setText(text)
        before = len(clicked)
        QTest.keyClick(alone.superpixels, KEY.Key_I, ALT)
        wait_until(lambda before=before: len(clicked) > before, 5)  # Qt shows the button pressed for a moment
    assert clicked == ["Expla&in", "Stop", "Cancel", "Expla&in"]
    assert alone.explain.toolTip() == QKeySequence("Alt+I").toString(QKeySequence.SequenceFormat.NativeText)


def pressed(page, *keys):
    """The rows that the panel was asked to show."""
    shown = []
    page.chosen.connect(shown.append)
    page.table.setFocus()
    for key in keys:
        QTest.keyClick(page.table, key)
    page.chosen.disconnect(shown.append)
    return shown


@pytest.fixture
def page():
    made = BaselinesPage()
    answer = compared(whole(estimated(told_first([""] * 5))), "", "There are no clouds.", "").answer
    made.show_comparison(answer, "soil")
    made.resize(400, 400)
    made.show()
    made.activateWindow()
    QTest.qWaitForWindowActive(made)
    yield made
    made.hide()


def test_arrow_keys_show_each_baselines_values_once(page):
    assert pressed(page, KEY.Key_Down, KEY.Key_Right, KEY.Key_Right, KEY.Key_Left, KEY.Key_Up) == [1, 0]
    assert {index.row() for index in page.table.selectedIndexes()} == {0}


def test_the_keyboard_reaches_what_went_wrong_with_a_baseline(page):
    pressed(page, KEY.Key_Down, KEY.Key_Down)
    assert page.table.currentRow() == 2 and page.table.item(2, 3).text() == "There are no clouds."
    assert not page.table.selectedIndexes(), "there are no values to be shown"
    assert pressed(page, KEY.Key_Down) == [3]
    assert {index.row() for index in page.table.selectedIndexes()} == {3}


def test_a_font_that_is_set_in_pixels_makes_a_larger_headline_too(alone):
    font = QFont(alone.font())
    font.setPixelSize(20)
    alone.setFont(font)
    headline = alone.headline.fontInfo()
    assert headline.bold() and headline.pixelSize() == pytest.approx(1.2 * 20, abs=1.5)


def test_what_a_screen_reader_says_of_a_superpixel_has_its_value_and_no_markup(alone):
    shown = whole(estimated(told_first([""] * 30)))
    alone.show_answer(True)
    alone.waterfall.set_bars(bars_of(shown, {shown.players.index(strongest(shown))}), -4.0, 3.0)
    alone.waterfall.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(alone.waterfall, KEY.Key_Down)
    said = alone.waterfall.accessibleDescription()
    assert said.startswith(f"Superpixel {strongest(shown).name}. ") and "the answer: " in said, said
    assert "<" not in said and said.endswith("switched off")
    QTest.keyClick(alone.waterfall, KEY.Key_Up)
    assert alone.waterfall.accessibleDescription().endswith(": −4.00")


def strongest(shown):
    return max(shown.players, key=lambda player: abs(player.phi))


def test_escape_on_the_map_leaves_what_if(presenter, panel, found, window):
    explained(presenter, found)
    pan = QgsMapToolPan(window.canvas)
    window.canvas.setMapTool(pan)
    panel.what_if.click()
    switch(panel, presenter, 0)
    QTest.keyClick(window.canvas, KEY.Key_Escape)
    assert not panel.what_if.isChecked() and window.canvas.mapTool() is pan
    assert all(bar.is_on for bar in bars(panel.waterfall))


def zoomed_in_between(panel, presenter, window):
    """*What if* with a superpixel off and QGIS's tool that zooms taken up; the tool that switches, and that one."""
    panel.what_if.click()
    switch(panel, presenter, 0)
    tool = window.canvas.mapTool()
    zoom = QgsMapToolZoom(window.canvas, False)
    window.canvas.setMapTool(zoom)
    assert panel.what_if.isChecked() and window.canvas.mapTool() is zoom
    return tool, zoom


@pytest.mark.parametrize("press", ["mouse", "key"])
def test_a_press_takes_the_tool_of_what_if_up_again_and_keeps_what_is_off(presenter, panel, found, window, press):
    explained(presenter, found)
    tool, zoom = zoomed_in_between(panel, presenter, window)
    if press == "mouse":
        panel.what_if.click()
    else:
        QTest.keyClick(panel.what_if, KEY.Key_Space)
    assert panel.what_if.isChecked() and window.canvas.mapTool() is tool
    assert [bar.is_on for bar in bars(panel.waterfall) if bar.key == 0] == [False]
    panel.what_if.click()
    assert not panel.what_if.isChecked() and window.canvas.mapTool() is zoom
    assert all(bar.is_on for bar in bars(panel.waterfall))


def test_without_a_mouse_the_detection_that_is_selected_is_explained(presenter, panel, found, window):
    assert panel.explain.isEnabled()
    other = found.clone()
    QgsProject.instance().addMapLayer(other)
    window.canvas.setLayers([other, found])
    panel.explain.click()
    assert told(panel) == "Select one detection, or pick one on the map." and presenter._running is None
    first, second = sorted(found.getFeatures(), key=lambda feature: feature["area_ha"])[-2:]
    window.active = found
    found.selectByIds([first.id(), second.id()])
    panel.explain.click()
    assert told(panel) == "Select one detection, or pick one on the map." and presenter._running is None
    found.selectByIds([second.id()])
    other.selectByIds([first.id()])
    panel.explain.setFocus()
    QTest.keyClick(panel.explain, KEY.Key_Space)
    assert presenter.findings.subject.name == f"detection {second['id']}", "that of the active layer"
    wait_until(lambda: presenter._running is None)
    assert presenter.findings.superpixels is not None and not told(panel)
    presenter.reset()
    window.active = None
    panel.explain.click()
    assert presenter.findings.subject.name == f"detection {first['id']}", "that of the topmost layer"
    presenter.reset()


def selected(panel, found, feature):
    """Select a detection as a table does, and give what the panel says of it: in words, and to a screen reader."""
    found.selectByIds([feature.id()])
    return told(panel), panel.explain.accessibleName()


def test_without_a_mouse_one_goes_on_to_the_detection_that_is_selected_next(presenter, panel, found, window):
    first, second = sorted(found.getFeatures(), key=lambda feature: feature["area_ha"])[:2]
    panel.superpixels.setValue(6)
    found.selectByIds([first.id()])
    panel.explain.click()
    wait_until(lambda: presenter._running is None)
    assert (told(panel), panel.explain.accessibleName()) == ("", "")
    name = f"detection {second['id']}"
    offered = (f"“Explain” takes {name} now, which is selected.", f"Explain {name}")
    assert selected(panel, found, second) == offered
    assert selected(panel, found, first) == ("", ""), "that is what the panel shows"
    panel.superpixels.setValue(7)
    panel.superpixels.editingFinished.emit()
    assert "Press “Explain”" in told(panel)
    assert selected(panel, found, second) == offered
    panel.superpixels.editingFinished.emit()
    assert told(panel) == offered[0], "whose choices they are is known"
    panel.explain.setFocus()
    QTest.keyClick(panel.explain, KEY.Key_Space)
    assert presenter.findings.subject.name == name and panel.explain.accessibleName() == ""
    wait_until(lambda: presenter._running is None)
    assert presenter.findings.superpixels.answer.target_pixels == second["pixels"] and not told(panel)
    panel.explain.click()
    assert presenter.findings.subject.name == name, "nothing else was selected since"
    assert selected(panel, found, first) == ("", ""), "now the button stops"
    wait_until(lambda: presenter._running is None)
    assert panel.explain.accessibleName() == f"Explain detection {first['id']}"
    window.canvas.setLayers([])
    assert (told(panel), panel.explain.accessibleName()) == ("", "")


def test_what_was_selected_before_a_detection_was_picked_is_not_taken(presenter, panel, found):
    first, second = sorted(found.getFeatures(), key=lambda feature: feature["area_ha"])[:2]
    found.selectByIds([first.id()])
    presenter.explain_detection(Detection(found, second))
    wait_until(lambda: presenter._running is None)
    assert not panel.explain.accessibleName()
    panel.explain.click()
    assert presenter.findings.subject.name == f"detection {second['id']}"
    wait_until(lambda: presenter._running is None)


def test_without_detections_one_is_told_how_to_get_some(panel, found):
    QgsProject.instance().removeMapLayer(found.id())
    panel.explain.click()
    assert "Detect Solar Farms… makes them" in told(panel)


def test_what_if_goes_on_when_the_map_was_moved_with_a_tool_of_qgis(presenter, panel, found, window):
    explained(presenter, found)
    pan = QgsMapToolPan(window.canvas)
    panel.what_if.click()
    switch(panel, presenter, 0)
    tool = window.canvas.mapTool()
    window.canvas.setMapTool(pan)
    view = window.canvas.viewport()
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(50, 50))
    for _ in range(3):
        QApplication.processEvents()
    assert panel.what_if.isChecked() and window.canvas.mapTool() is tool
    assert [bar.is_on for bar in bars(panel.waterfall) if bar.key == 0] == [False]
