"""Superpixels on the map: coloured by their values, found under the mouse wherever they lie, gone without trace."""

import random
import time

import pytest
from qgis.core import QgsCoordinateTransform, QgsGeometry, QgsProject, QgsRectangle
from qgis.PyQt.QtCore import QRect
from qgis.PyQt.QtGui import QColor, QFont, QFontInfo

from solar_saliency.solar_saliency_plugin.gui.explain_panel import colours
from solar_saliency.solar_saliency_plugin.gui.explain_panel.highlights import Superpixels
from solar_saliency.solar_saliency_plugin.gui.explain_panel.rows import NONE
from solar_saliency.solar_saliency_plugin.gui.outline import Outline
from tests.qgis.maps import DEGREES, UTM, box_of, items, on_map, opened_canvas, squares, yellow_in


@pytest.fixture
def canvas():
    with opened_canvas() as opened:
        yield opened


@pytest.fixture
def superpixels(canvas):
    made = Superpixels(canvas)
    yield made
    made.delete()


def average(canvas, left, top, right, bottom):
    image = canvas.grab(QRect(left, top, right - left, bottom - top)).toImage()
    pixels = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    return [sum(part(c) for c in pixels) / len(pixels) for part in (lambda c: c.red(), lambda c: c.blue())]


def test_red_raised_blue_lowered_and_small_values_are_nearly_clear(canvas, superpixels):
    superpixels.set_shapes(squares(canvas, 4, 60), UTM)
    superpixels.set_values({0: (2.0, False), 1: (-2.0, False), 2: (0.1, False), 3: (0.0, False)}, 2.0)
    places = [(25, 25, 75, 75), (85, 25, 135, 75), (25, 85, 75, 135), (85, 85, 135, 135)]
    raised, lowered, small, none = (average(canvas, *place) for place in places)
    assert raised[0] > raised[1] + 80 and lowered[1] > lowered[0] + 80
    assert none == [255, 255] and 255 > small[1] > 235


def test_how_full_a_colour_is_goes_by_the_largest_of_all_though_that_has_no_place_on_the_map(canvas, superpixels):
    superpixels.set_shapes(squares(canvas, 1, 100), UTM)
    superpixels.set_values({0: (0.001, False)}, 9.47)
    assert min(average(canvas, 40, 40, 100, 100)) > 250


def test_doubtful_ones_are_hatched_and_those_off_crossed_out(canvas, superpixels):
    superpixels.set_shapes(squares(canvas, 4, 60), UTM)
    superpixels.set_values({0: (2.0, False), 1: (2.0, True), 2: (2.0, False), 3: (-1.0, False)}, 2.0)
    superpixels.switch_off({2})
    image = canvas.grab().toImage()

    def shades(left, top):
        return {image.pixelColor(x, y).name() for x in range(left, left + 40) for y in range(top, top + 40)}

    assert len(shades(30, 30)) == 1 and len(shades(90, 30)) > 3
    assert any(image.pixelColor(x, y).lightness() < 120 for x in range(45, 56) for y in [110]), "the cross"
    assert average(canvas, 25, 85, 75, 135)[1] > 200, "no colour where it is off"
    superpixels.switch_off(())
    assert average(canvas, 25, 85, 75, 135)[1] < 150


@pytest.mark.parametrize("ground", ["white", "black", "#b09070"])
def test_edges_are_seen_on_snow_water_and_soil(canvas, superpixels, ground):
    canvas.setCanvasColor(QColor(ground))
    superpixels.set_shapes(squares(canvas, 4, 60), UTM)
    image = canvas.grab(QRect(70, 40, 20, 20)).toImage()  # around the edge between two, at 80
    shades = [image.pixelColor(x, 10).lightness() for x in range(20)]
    assert max(abs(shade - QColor(ground).lightness()) for shade in shades) > 30, shades


def test_a_superpixel_is_found_at_every_place_inside_it_and_none_outside(canvas, superpixels):
    superpixels.set_shapes(squares(canvas, 9, 50), UTM)
    for key in range(9):
        assert superpixels.key_at(on_map(canvas, 45 + 50 * (key % 3), 45 + 50 * (key // 3))) == key
    assert superpixels.key_at(on_map(canvas, 300, 45)) == NONE
    superpixels.remove()
    assert superpixels.key_at(on_map(canvas, 45, 45)) == NONE


def test_holes_and_parts_belong_to_whom_they_belong(canvas, superpixels):
    outer, inner = box_of(canvas, 50, 50, 200, 200), box_of(canvas, 100, 100, 150, 150)
    far = box_of(canvas, 300, 50, 350, 100)
    ring = QgsGeometry.fromRect(outer).difference(QgsGeometry.fromRect(inner))
    both = QgsGeometry.collectGeometry([ring, QgsGeometry.fromRect(far)])
    superpixels.set_shapes({7: both.asWkt(), 8: QgsGeometry.fromRect(inner).asWkt()}, UTM)
    found = [superpixels.key_at(on_map(canvas, *place)) for place in ((75, 75), (125, 125), (325, 75), (250, 75))]
    assert found == [7, 8, 7, NONE]


def test_superpixels_lie_where_they_are_whatever_the_maps_crs(canvas, superpixels):
    superpixels.set_shapes(squares(canvas, 4, 60), UTM)
    superpixels.set_values({0: (2.0, False)}, 2.0)
    centre = on_map(canvas, 50, 50)
    canvas.setDestinationCrs(DEGREES)
    to_degrees = QgsCoordinateTransform(UTM, DEGREES, QgsProject.instance())
    point = to_degrees.transform(centre)
    canvas.setExtent(QgsRectangle(point.x() - 0.02, point.y() - 0.02, point.x() + 0.02, point.y() + 0.02))
    assert superpixels.key_at(point) == 0
    pixel = canvas.getCoordinateTransform().transform(point)
    red, blue = average(canvas, int(pixel.x()) - 2, int(pixel.y()) - 2, int(pixel.x()) + 2, int(pixel.y()) + 2)
    assert red > blue + 80


def test_a_crs_that_does_not_reach_there_shows_none_and_does_not_fail(canvas, superpixels):
    superpixels.set_shapes({0: "Polygon((0 95, 1 95, 1 96, 0 95))"}, DEGREES)
    assert superpixels.key_at(on_map(canvas, 50, 50)) == NONE


@pytest.mark.parametrize("rotation", [0, 40])
def test_they_move_with_the_map(canvas, superpixels, rotation):
    superpixels.set_shapes(squares(canvas, 1, 100), UTM)
    superpixels.set_values({0: (1.0, False)}, 1.0)
    centre = on_map(canvas, 70, 70)
    canvas.setRotation(rotation)
    canvas.setCenter(on_map(canvas, 90, 80))
    canvas.zoomByFactor(0.7)
    pixel = canvas.getCoordinateTransform().transform(centre)
    x, y = int(pixel.x()), int(pixel.y())
    assert (x, y) != (70, 70)
    red, blue = average(canvas, x - 3, y - 3, x + 3, y + 3)
    assert red > blue + 80


def test_one_is_outlined_while_it_is_chosen(canvas, superpixels):
    superpixels.set_shapes(squares(canvas, 4, 60), UTM)
    around = QRect(75, 15, 70, 70)
    assert yellow_in(canvas, around) == 0
    superpixels.highlight(1)
    assert yellow_in(canvas, around) > 150
    superpixels.highlight(NONE)
    assert yellow_in(canvas, around) == 0


def test_numbers_are_as_large_where_the_font_is_set_in_pixels(canvas, superpixels):
    superpixels.set_shapes(squares(canvas, 1, 200), UTM)
    superpixels.set_labels({0: "8"})
    font, taken = QFont(canvas.font()), []
    font.setPointSizeF(24.0)
    for pixels in (0, QFontInfo(font).pixelSize()):
        if pixels:
            font.setPixelSize(pixels)
        canvas.setFont(font)
        superpixels.updatePosition()
        picture = superpixels._drawn(1.0).copy(40, 40, 160, 160)
        taken.append(sum(picture.pixelColor(x, y).alpha() > 100 for x in range(160) for y in range(160)))
    assert taken[0] > 100 and taken[1] == pytest.approx(taken[0], rel=0.1)


def test_nothing_is_left_of_them(canvas):
    before = canvas.grab().toImage()
    superpixels, outline = Superpixels(canvas), Outline(canvas)
    superpixels.set_shapes(squares(canvas, 9, 30), UTM)
    superpixels.set_values({key: (1.0, True) for key in range(9)}, 1.0)
    superpixels.highlight(3)
    outline.show(QgsGeometry.fromRect(box_of(canvas, 200, 20, 300, 100)), UTM)
    assert canvas.grab().toImage() != before and len(items(canvas)) == 2
    superpixels.remove()
    outline.remove()
    outline.remove()
    assert canvas.grab().toImage() == before and items(canvas) == []
    superpixels.delete()
    canvas.setDestinationCrs(DEGREES)


def test_the_outline_follows_the_maps_coordinate_system_and_goes_where_that_does_not_reach(canvas):
    box = box_of(canvas, 100, 50, 300, 250)
    outline = Outline(canvas)
    outline.show(QgsGeometry.fromRect(box), UTM)
    there = QgsCoordinateTransform(UTM, DEGREES, QgsProject.instance()).transformBoundingBox(box)
    canvas.setDestinationCrs(DEGREES)
    assert outline._band.asGeometry().boundingBox().center().distance(there.center()) < 1e-3
    canvas.setDestinationCrs(UTM)
    assert outline._band.asGeometry().boundingBox().center().distance(box.center()) < 1e-3
    outline.show(QgsGeometry.fromRect(QgsRectangle(0, 91, 10, 99)), DEGREES)
    assert outline._band.asGeometry().isEmpty()
    outline.remove()


def test_five_thousand_are_drawn_hovered_and_moved_without_delay(canvas, superpixels):
    rng = random.Random(1)
    values = {key: (rng.gauss(0, 1), rng.random() < 0.3) for key in range(5000)}

    def seconds(action, times=1):
        since = time.thread_time()
        for index in range(times):
            action(index)
        return (time.thread_time() - since) / times

    def paint(_):
        canvas.viewport().repaint()

    places = squares(canvas, 5000, 5)
    taken = {"shapes": seconds(lambda _: superpixels.set_shapes(places, UTM), 3)}
    superpixels.set_values(values, 3.0)
    taken["first"] = seconds(paint)
    taken["again"] = seconds(paint, 5)
    taken["hover"] = seconds(lambda i: superpixels.key_at(on_map(canvas, 25 + i, 30)), 200)
    taken["choose"] = seconds(lambda i: (superpixels.highlight(i), paint(i)), 20)
    taken["estimate"] = seconds(lambda i: (superpixels.set_values(values, 3.0), paint(i)), 3)
    print({name: f"{1000 * value:.1f} ms" for name, value in taken.items()})
    assert taken["hover"] < 0.005 and taken["choose"] < 0.05
    assert taken["shapes"] < 0.3 and taken["estimate"] < 0.3


def test_what_is_no_polygon_is_not_shown_and_does_not_fail(canvas, superpixels):
    superpixels.set_shapes({5: "no polygon", 6: "Polygon EMPTY", 7: squares(canvas, 1, 60)[0]}, UTM)
    assert list(superpixels._paths) == [7]


def test_the_map_and_the_charts_use_the_same_colours():
    for value in (1.0, -1.0):
        strong = colours.on_map(value, 1.0)
        strong.setAlpha(255)
        assert strong == (colours.RAISED if value > 0 else colours.LOWERED)
    assert colours.on_map(0.0, 0.0).alpha() == 0
