"""Map tools of the Explain panel on a real canvas: what is drawn by mouse and keys comes out, and nothing else does."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qgis.core import QgsGeometry, QgsPointXY, QgsRectangle
from qgis.gui import QgsMapToolPan, QgsMapToolZoom
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QEvent, QPoint, QRect, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication

from solar_saliency.solar_saliency_plugin.gui import picking
from solar_saliency.solar_saliency_plugin.gui.explain_panel.drawing import enclosed
from solar_saliency.solar_saliency_plugin.gui.explain_panel.highlights import Superpixels
from solar_saliency.solar_saliency_plugin.gui.explain_panel.map_tools import (
    FreehandTool,
    Hover,
    PickTool,
    PolygonTool,
    RectangleTool,
    SwitchTool,
    put_down,
    take_up,
)
from solar_saliency.solar_saliency_plugin.gui.explain_panel.rows import NONE
from solar_saliency.solar_saliency_plugin.gui.outline import Outline
from tests.qgis.maps import (
    DEGREES,
    LEFT,
    RIGHT,
    UTM,
    box_of,
    circle,
    click,
    double_click,
    drag,
    items,
    move,
    on_map,
    opened_canvas,
    press,
    release,
    squares,
    yellow_in,
)


@pytest.fixture
def canvas():
    with opened_canvas() as opened:
        yield opened


@pytest.fixture
def told():
    """What tools have said: a list each of drawn regions, hints and toggles."""
    return {}


def listen(told, tool, *signals):
    for name in signals:
        told[name] = []
        getattr(tool, name).connect(told[name].append)
    return tool


def taken_up(told, kind, canvas):
    tool = listen(told, kind(canvas), "drawn", "hinted")
    take_up(tool)
    told["hinted"].clear()
    return tool


# drawing


@pytest.mark.parametrize("ends", [((50, 40), (200, 160)), ((200, 160), (50, 40)), ((200, 40), (50, 160))])
def test_a_dragged_rectangle_comes_out_in_map_coordinates_from_whichever_corner(canvas, told, ends):
    taken_up(told, RectangleTool, canvas)
    drag(canvas, ends[0], (100, 100), ends[1])
    (region,) = told["drawn"]
    expected = QgsGeometry.fromRect(box_of(canvas, 50, 40, 200, 160))
    assert region.isGeosValid() and region.symDifference(expected).area() < 1e-4 * expected.area()


def test_on_a_turned_map_the_rectangle_is_the_one_on_the_screen(canvas, told):
    canvas.setRotation(30)
    taken_up(told, RectangleTool, canvas)
    drag(canvas, (100, 100), (220, 190))
    (region,) = told["drawn"]
    assert region.area() == pytest.approx(120 * 90 * canvas.mapUnitsPerPixel() ** 2, rel=1e-4)
    assert region.boundingBox().width() * region.boundingBox().height() > 1.3 * region.area()


@pytest.mark.parametrize("ending", ["right click", "double click", "Enter"])
def test_a_polygon_is_ended_in_three_ways(canvas, told, ending):
    taken_up(told, PolygonTool, canvas)
    for place in ((50, 50), (250, 50), (250, 200)):
        click(canvas, *place)
    if ending == "right click":
        click(canvas, 50, 200)
        click(canvas, 10, 10, RIGHT)
    elif ending == "double click":
        double_click(canvas, 50, 200)
    else:
        click(canvas, 50, 200)
        QTest.keyClick(canvas, Qt.Key.Key_Return)
    (region,) = told["drawn"]
    assert region.area() == pytest.approx(box_of(canvas, 50, 50, 250, 200).area(), rel=1e-4)
    assert canvas.mapTool() is canvas.pan


def test_the_tool_that_comes_back_does_not_get_the_rest_of_the_double_click(canvas, told):
    taken_up(told, PolygonTool, canvas)
    before = canvas.extent()
    for place in ((250, 50), (250, 200)):
        click(canvas, *place)
    double_click(canvas, 50, 50)
    QApplication.processEvents()
    assert len(told["drawn"]) == 1 and canvas.extent() == before


def test_backspace_takes_the_last_corner_back_and_deletes_no_features(canvas, told):
    taken_up(told, PolygonTool, canvas)
    pressed = []
    canvas.keyPressed.connect(pressed.append)  # QGIS deletes what is selected where it hears of Backspace so
    for place in ((50, 50), (250, 50), (390, 290)):
        click(canvas, *place)
    QTest.keyClick(canvas, Qt.Key.Key_Backspace)
    for place in ((250, 200), (50, 200)):
        click(canvas, *place)
    QTest.keyClick(canvas, Qt.Key.Key_Enter)
    (region,) = told["drawn"]
    assert region.area() == pytest.approx(box_of(canvas, 50, 50, 250, 200).area(), rel=1e-4)
    assert pressed == []


def test_backspace_beyond_the_first_corner_does_no_harm(canvas, told):
    taken_up(told, PolygonTool, canvas)
    click(canvas, 50, 50)
    for _ in range(3):
        QTest.keyClick(canvas, Qt.Key.Key_Backspace)
    assert told["drawn"] == [] and told["hinted"] == []


def test_two_corners_are_told_to_be_too_few_and_kept(canvas, told):
    taken_up(told, PolygonTool, canvas)
    click(canvas, 50, 50)
    click(canvas, 250, 50)
    click(canvas, 250, 200, RIGHT)
    assert told["drawn"] == [] and "at least three corners" in told["hinted"][0]
    click(canvas, 250, 200)
    click(canvas, 1, 1, RIGHT)
    assert len(told["drawn"]) == 1


def test_a_freehand_loop_is_what_it_goes_around(canvas, told):
    taken_up(told, FreehandTool, canvas)
    drag(canvas, *circle(200, 150, 80))
    (region,) = told["drawn"]
    assert region.isGeosValid() and region.area() == pytest.approx(math.pi * 800**2, rel=0.03)


def test_a_loop_that_is_drawn_once_and_a_half_has_no_hole(canvas, told):
    taken_up(told, FreehandTool, canvas)
    places = [*circle(200, 150, 80), *circle(205, 152, 70, turns=0.5)]
    drag(canvas, *places)
    (region,) = told["drawn"]
    assert region.isGeosValid()
    assert region.contains(QgsGeometry.fromPointXY(on_map(canvas, 200, 150)))
    assert region.area() == pytest.approx(math.pi * 800**2, rel=0.08)


def test_a_freehand_figure_of_eight_is_both_its_halves(canvas, told):
    taken_up(told, FreehandTool, canvas)
    eight = [(round(200 + 100 * math.sin(a)), round(150 + 60 * math.sin(2 * a))) for a in (i / 20 for i in range(126))]
    drag(canvas, *eight)
    (region,) = told["drawn"]
    assert region.isGeosValid() and region.isMultipart()
    for x in (140, 260):
        assert region.contains(QgsGeometry.fromPointXY(on_map(canvas, x, 150)))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4)), min_size=3, max_size=40))
def test_whatever_is_drawn_is_a_valid_polygon_or_too_small(places):
    region = enclosed([QgsPointXY(*place) for place in places], 10.0)
    if region is not None:
        assert region.isGeosValid() and region.area() > 0
        assert region.type() == QgsGeometry.fromRect(QgsRectangle(0, 0, 1, 1)).type()
        hull = QgsGeometry.fromMultiPointXY([QgsPointXY(*place) for place in places]).convexHull()
        assert region.difference(hull.buffer(10, 4)).area() < 1e-6 * region.area()


@pytest.mark.parametrize("kind", [RectangleTool, FreehandTool])
@pytest.mark.parametrize("places", [((50, 50),), ((50, 50), (52, 51)), ((50, 50), (150, 50))])
def test_a_click_without_a_drag_gives_a_hint_and_another_try(canvas, told, kind, places):
    tool = taken_up(told, kind, canvas)
    drag(canvas, *places)
    assert told["drawn"] == [] and len(told["hinted"]) == 1 and "too small" in told["hinted"][0]
    assert canvas.mapTool() is tool and items(canvas) == []
    drag(canvas, *circle(200, 150, 50, turns=0.6))
    assert len(told["drawn"]) == 1


@pytest.mark.parametrize("kind", [RectangleTool, PolygonTool, FreehandTool])
def test_what_has_been_drawn_so_far_is_shown_and_goes_without_trace(canvas, told, kind):
    taken_up(told, kind, canvas)
    assert items(canvas) == []
    if kind is PolygonTool:
        for place in ((50, 50), (250, 50), (250, 200)):
            click(canvas, *place)
        move(canvas, 50, 200)
    else:
        press(canvas, 50, 50)
        for place in ((250, 50), (250, 200)):
            move(canvas, *place, LEFT)
    (band,) = items(canvas)
    assert band.asGeometry().boundingBox().width() > 1500
    assert yellow_in(canvas, QRect(40, 40, 220, 170)) > 100
    if kind is PolygonTool:
        click(canvas, 50, 200, RIGHT)
    else:
        release(canvas, 240, 210)
    assert items(canvas) == [] and len(told["drawn"]) == 1


# the canvas's tool


@pytest.mark.parametrize("kind", [RectangleTool, PolygonTool, FreehandTool])
def test_escape_cancels_before_and_while_one_draws(canvas, told, kind):
    tool = taken_up(told, kind, canvas)
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert canvas.mapTool() is canvas.pan
    take_up(tool)
    told["hinted"].clear()
    before = canvas.extent()
    press(canvas, 50, 50)
    move(canvas, 200, 200, LEFT)
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert items(canvas) == []
    release(canvas, 200, 200)
    if kind is PolygonTool:  # there the button is not what draws
        QTest.keyClick(canvas, Qt.Key.Key_Escape)
    QApplication.processEvents()
    assert told["drawn"] == [] and told["hinted"] == []
    assert canvas.extent() == before, "the tool that came back must not get the release"


def test_the_tool_before_comes_back_after_a_detour_over_several_of_ours(canvas, told):
    first, second = RectangleTool(canvas), listen(told, PolygonTool(canvas), "drawn")
    take_up(first)
    take_up(second)
    take_up(second)
    for place in ((50, 50), (250, 50), (250, 200)):
        click(canvas, *place)
    click(canvas, 1, 1, RIGHT)
    assert canvas.mapTool() is canvas.pan and len(told["drawn"]) == 1


def test_a_tool_that_the_user_takes_meanwhile_stays(canvas, told):
    tool = taken_up(told, PolygonTool, canvas)
    click(canvas, 50, 50)
    other = QgsMapToolPan(canvas)
    canvas.setMapTool(other)
    assert items(canvas) == []
    put_down(tool)
    assert canvas.mapTool() is other
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert canvas.mapTool() is other
    canvas.unsetMapTool(other)


def test_where_the_tool_before_is_gone_there_is_none(canvas, told):
    gone = QgsMapToolPan(canvas)
    canvas.setMapTool(gone)
    tool = RectangleTool(canvas)
    take_up(tool)
    sip.delete(gone)
    put_down(tool)
    assert canvas.mapTool() is None


def test_a_new_crs_of_the_map_begins_the_drawing_anew(canvas, told):
    taken_up(told, PolygonTool, canvas)
    click(canvas, 50, 50)
    click(canvas, 250, 50)
    canvas.setDestinationCrs(DEGREES)
    assert items(canvas) == []
    click(canvas, 250, 200)
    click(canvas, 1, 1, RIGHT)
    assert told["drawn"] == [] and "at least three" in told["hinted"][0]


def test_what_to_do_is_said_when_a_tool_is_taken_up(canvas, told):
    for kind, word in ((RectangleTool, "Drag"), (PolygonTool, "Backspace"), (FreehandTool, "held down")):
        take_up(listen(told, kind(canvas), "hinted"))
        assert word in told["hinted"][0] and "Esc" in told["hinted"][0]


def test_nothing_of_an_earlier_drawing_decides_about_the_next_one(canvas, told):
    tool = taken_up(told, PolygonTool, canvas)
    click(canvas, 50, 50)
    QTest.mouseDClick(canvas.viewport(), LEFT, pos=QPoint(50, 50))  # would end it when the button goes up
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    release(canvas, 50, 50)
    assert canvas.mapTool() is canvas.pan
    take_up(tool)
    told["hinted"].clear()
    for place in ((50, 50), (250, 50), (250, 200)):
        click(canvas, *place)
    assert told["hinted"] == [] and told["drawn"] == [] and canvas.mapTool() is tool
    click(canvas, 1, 1, RIGHT)
    assert len(told["drawn"]) == 1


@pytest.mark.parametrize("kind", [RectangleTool, PolygonTool, FreehandTool])
def test_a_button_that_goes_up_over_another_tool_is_not_taken_for_held_down(canvas, told, kind):
    tool = taken_up(told, kind, canvas)
    press(canvas, 50, 50)
    canvas.setMapTool(canvas.pan)  # by a shortcut
    release(canvas, 60, 60)
    take_up(tool)
    told["hinted"].clear()
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert canvas.mapTool() is canvas.pan and told["hinted"] == []


@pytest.mark.parametrize("kind", [RectangleTool, PolygonTool, FreehandTool])
def test_a_button_that_went_down_before_the_tool_was_taken_up_draws_nothing(canvas, told, kind):
    press(canvas, 50, 50)
    taken_up(told, kind, canvas)
    move(canvas, 200, 200, LEFT)
    release(canvas, 200, 200)
    move(canvas, 250, 200)
    assert items(canvas) == [] and told["drawn"] == [] and told["hinted"] == []


@pytest.mark.parametrize("kind", [RectangleTool, FreehandTool])
def test_a_drag_whose_release_never_comes_is_over(canvas, told, kind):
    tool = taken_up(told, kind, canvas)
    press(canvas, 50, 50)
    move(canvas, 200, 200, LEFT)
    move(canvas, 210, 210)  # a dialog got the release
    assert items(canvas) == [] and told["drawn"] == []
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert canvas.mapTool() is canvas.pan
    take_up(tool)
    drag(canvas, *circle(200, 150, 50, turns=0.6))
    assert len(told["drawn"]) == 1


@pytest.mark.parametrize("kind", [RectangleTool, PolygonTool])
def test_escape_while_the_button_is_down_waits_for_that_button(canvas, told, kind):
    tool = taken_up(told, kind, canvas)
    press(canvas, 50, 50)
    move(canvas, 200, 200, LEFT)
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    press(canvas, 200, 200, RIGHT)
    release(canvas, 200, 200, RIGHT)
    assert canvas.mapTool() is tool, "QGIS's tool would get the rest of the drag"
    release(canvas, 200, 200)
    assert canvas.mapTool() is canvas.pan and told["drawn"] == [] and told["hinted"] == []


def test_a_double_click_with_too_few_corners_is_told_and_goes_on(canvas, told):
    taken_up(told, PolygonTool, canvas)
    double_click(canvas, 50, 50)
    assert "at least three corners" in told["hinted"][0]
    for place in ((250, 50), (250, 200)):
        click(canvas, *place)
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    (region,) = told["drawn"]
    assert region.area() == pytest.approx(box_of(canvas, 50, 50, 250, 200).area() / 2, rel=1e-4)


def test_a_canvas_that_goes_in_the_middle_of_a_drawing_takes_all_along(told):
    with opened_canvas() as canvas:
        outline = Outline(canvas)
        outline.show(QgsGeometry.fromRect(box_of(canvas, 50, 50, 100, 100)), UTM)
        taken_up(told, RectangleTool, canvas)
        press(canvas, 50, 50)
        move(canvas, 200, 200, LEFT)
        canvas.unsetMapTool = canvas.close = lambda *_: None  # not by the helper
        sip.delete(canvas)
        outline.remove()
        QApplication.processEvents()


# picking


class Found:
    """What detection_at gives, without an engine's files: the test of a click has those."""

    def __init__(self, monkeypatch, where):
        self.asked = []
        monkeypatch.setattr(picking, "detection_at", lambda point, crs, layers, reach: self._at(point, where))

    def _at(self, point, where):
        self.asked.append(point)
        return self if where.contains(point) else None


def test_a_click_on_a_detection_picks_it_and_one_beside_hints(canvas, told, monkeypatch):
    found = Found(monkeypatch, box_of(canvas, 100, 100, 200, 200))
    tool = listen(told, PickTool(canvas), "picked", "hinted")
    take_up(tool)
    told["hinted"].clear()
    click(canvas, 20, 20)
    assert told["picked"] == [] and len(told["hinted"]) == 1 and "detections" in told["hinted"][0]
    click(canvas, 150, 150, RIGHT)
    assert len(found.asked) == 1
    click(canvas, 150, 150)
    assert told["picked"] == [found] and canvas.mapTool() is tool, "the panel puts it down, the one-click tool stays"


def test_escape_gives_up_picking(canvas, told):
    take_up(PickTool(canvas))
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert canvas.mapTool() is canvas.pan


# hovering and switching


@pytest.fixture
def field(canvas):
    """Nine superpixels of 50 pixels, from (20, 20) on."""
    superpixels = Superpixels(canvas)
    superpixels.set_shapes(squares(canvas, 9, 50), UTM)
    yield superpixels
    superpixels.delete()


def test_what_the_mouse_is_over_is_told_whichever_tool_is_in_use(canvas, field, told):
    hover = listen(told, Hover(canvas, field.key_at), "hovered")
    for place in ((45, 45), (50, 50), (95, 45), (300, 45), (45, 95)):
        move(canvas, *place)
    QApplication.sendEvent(canvas.viewport(), QEvent(QEvent.Type.Leave))
    assert told["hovered"] == [0, 1, NONE, 3, NONE]
    hover.stop()
    move(canvas, 45, 45)
    assert len(told["hovered"]) == 5


def test_a_click_switches_the_superpixel_under_it_and_only_that(canvas, field, told):
    tool = listen(told, SwitchTool(canvas, field.key_at), "toggled")
    tool.begin()
    click(canvas, 95, 95)
    click(canvas, 350, 250)
    click(canvas, 95, 95, RIGHT)
    assert told["toggled"] == [4] and canvas.mapTool() is tool
    tool.end()
    assert canvas.mapTool() is canvas.pan


def test_dragging_moves_the_map_and_switches_nothing(canvas, field, told):
    listen(told, SwitchTool(canvas, field.key_at), "toggled").begin()
    before = canvas.extent()
    drag(canvas, (95, 95), (120, 95), (145, 95))
    assert told["toggled"] == []
    assert before.xMinimum() - canvas.extent().xMinimum() == pytest.approx(50 * canvas.mapUnitsPerPixel(), rel=0.05)


def test_a_hand_that_trembles_still_clicks(canvas, field, told):
    listen(told, SwitchTool(canvas, field.key_at), "toggled").begin()
    drag(canvas, (95, 95), (97, 96))
    assert told["toggled"] == [4]


def test_escape_leaves_switching_as_it_leaves_drawing(canvas, field, told):
    left = []
    tool = SwitchTool(canvas, field.key_at)
    tool.left.connect(lambda: left.append(canvas.mapTool()))
    tool.begin()
    click(canvas, 95, 95)
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert left == [canvas.pan] and canvas.mapTool() is canvas.pan
    drag(canvas, (95, 95), (120, 95), (145, 95))
    settle()
    assert canvas.mapTool() is canvas.pan, "it does not come back"


@pytest.mark.parametrize("moving", ["pan", "zoom"])
def test_switching_comes_back_after_the_map_was_moved_with_a_tool_of_qgis(canvas, field, told, moving):
    tool = listen(told, SwitchTool(canvas, field.key_at), "toggled")
    left, mover = told_by(tool.left), canvas.pan if moving == "pan" else QgsMapToolZoom(canvas, False)
    tool.begin()
    before = canvas.extent()
    canvas.setMapTool(mover)
    settle()
    assert canvas.mapTool() is mover, "not before it was used"
    drag(canvas, (60, 60), (100, 95), (160, 160))
    settle()
    assert canvas.extent() != before and canvas.mapTool() is tool and not left
    places = ((x, y) for x in range(5, 400, 5) for y in range(5, 300, 5))
    click(canvas, *next(place for place in places if field.key_at(on_map(canvas, *place)) == 4))
    assert told["toggled"] == [4]
    tool.end()
    assert canvas.mapTool() is mover and not left


def test_a_tool_for_something_else_ends_switching(canvas, field):
    tool = SwitchTool(canvas, field.key_at)
    left = told_by(tool.left)
    tool.begin()
    canvas.setMapTool(PickTool(canvas))
    assert len(left) == 1
    canvas.setMapTool(canvas.pan)
    drag(canvas, (60, 60), (100, 95))
    settle()
    assert canvas.mapTool() is canvas.pan


def test_qgis_does_not_bring_switching_back_once_it_has_ended(canvas, field):
    tool, zoom = SwitchTool(canvas, field.key_at), QgsMapToolZoom(canvas, False)
    tool.begin()
    canvas.setMapTool(zoom)
    tool.end()
    release(canvas, 95, 95, RIGHT)  # QGIS takes up again the tool before the one that zooms
    settle()
    assert canvas.mapTool() is zoom


def settle():
    for _ in range(3):
        QApplication.processEvents()


def told_by(signal):
    told = []
    signal.connect(lambda: told.append(1))
    return told
