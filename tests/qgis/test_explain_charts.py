"""The charts of the Explain panel: the rows add up, mouse and keyboard reach every bar, and it can be seen."""

import math
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QEvent, QPoint, QPointF, QRect, Qt
from qgis.PyQt.QtGui import QColor, QFontMetrics, QHelpEvent, QMouseEvent, QPalette
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QScrollArea, QTabWidget, QToolTip, QVBoxLayout, QWidget

from solar_saliency.solar_saliency_plugin.contract.band_words import band_text
from solar_saliency.solar_saliency_plugin.gui.explain_panel import colours
from solar_saliency.solar_saliency_plugin.gui.explain_panel.axis import Numbers, stretch, tick_text, ticks
from solar_saliency.solar_saliency_plugin.gui.explain_panel.chart_painting import fitting
from solar_saliency.solar_saliency_plugin.gui.explain_panel.charts import NONE, Bar, BarChart, WaterfallChart
from solar_saliency.solar_saliency_plugin.gui.explain_panel.rows import MOST_ROWS, Kind, bar_rows, waterfall_rows

F_BASELINE = -4.0

values = st.floats(-1e9, 1e9, allow_nan=False)
several = st.lists(values, min_size=1, max_size=3 * MOST_ROWS)


def bars_of(numbers, error=0.1):
    return [
        Bar(key, f"superpixel {key + 1}", value, value - error, value + error, abs(value) > error)
        for key, value in enumerate(numbers)
    ]


def random_bars(count, seed=0):
    rng = random.Random(seed)
    return bars_of([rng.gauss(0.2, 1.0) * 0.9**index for index in range(count)])


def shown_waterfall(bars, width=400, **settings):
    chart = WaterfallChart()
    chart.set_bars(bars, F_BASELINE, F_BASELINE + math.fsum(bar.value for bar in bars))
    return shown(chart, width)


def shown(chart, width=400):
    chart.resize(width, chart.sizeHint().height())
    chart.show()
    QTest.qWaitForWindowExposed(chart)
    return chart


def told_by(signal):
    told = []
    signal.connect(told.append)
    return told


def middle_of(chart, key):
    """The middle of the row of a bar, in the chart's pixels."""
    index = chart._index(key)
    place = chart._layout()
    return QPoint(chart.width() // 2, place.top(index) + place.row_height // 2)


def coloured(image, colour, box=None):
    """How many pixels of an image have a colour, about."""
    box = box or image.rect()
    return sum(
        all(abs(a - b) < 12 for a, b in zip(image.pixelColor(x, y).getRgb()[:3], colour.getRgb()[:3]))
        for x in range(box.left(), box.right() + 1)
        for y in range(box.top(), box.bottom() + 1)
    )


def palette(dark):
    roles, made = QPalette.ColorRole, QPalette()
    for role in (roles.Base, roles.Window):
        made.setColor(role, QColor("#1e1e1e" if dark else "#ffffff"))
    for role in (roles.Text, roles.WindowText):
        made.setColor(role, QColor("#e0e0e0" if dark else "#000000"))
    return made


# rows


@given(several)
def test_a_waterfall_leads_from_one_answer_to_the_other_without_a_gap(numbers):
    f_x = F_BASELINE + math.fsum(numbers)
    rows = waterfall_rows(bars_of(numbers), F_BASELINE, f_x).rows
    assert rows[0].end == F_BASELINE and rows[-1].end == f_x
    steps = [row for row in rows if row.kind in (Kind.PLAYER, Kind.OTHERS, Kind.LEFT_OVER)]
    assert all(after.start == before.end for before, after in zip([rows[0], *steps], steps))
    assert steps[-1].end == pytest.approx(f_x, rel=1e-6, abs=1e-3 * max(abs(n) for n in numbers) + 1e-9)


@given(several)
def test_every_bar_is_in_exactly_one_row_and_the_largest_come_first(numbers):
    rows = waterfall_rows(bars_of(numbers), 0.0, math.fsum(numbers)).rows
    keys = [key for row in rows for key in row.keys]
    assert sorted(keys) == list(range(len(numbers)))
    own = [abs(row.bar.value) for row in rows if row.bar is not None]
    assert own == sorted(own, reverse=True)
    assert len([row for row in rows if row.keys]) == min(len(numbers), MOST_ROWS)
    folded = [abs(numbers[key]) for row in rows if row.kind is Kind.OTHERS for key in row.keys]
    assert not folded or max(folded) <= own[-1]


@given(several, st.floats(-1e3, 1e3))
def test_all_that_is_drawn_lies_on_the_axis(numbers, f_baseline):
    rows = waterfall_rows(bars_of(numbers), f_baseline, f_baseline + math.fsum(numbers))
    for row in rows.rows:
        assert rows.shown.low < min(row.start, row.end) and max(row.start, row.end) < rows.shown.high


def test_what_the_values_do_not_share_out_is_a_row_of_its_own():
    kinds = [row.kind for row in waterfall_rows(bars_of([1.0, 0.5]), 0.0, 2.5).rows]
    assert kinds == [Kind.ANSWER, Kind.PLAYER, Kind.PLAYER, Kind.LEFT_OVER, Kind.ANSWER]
    kinds = [row.kind for row in waterfall_rows(bars_of([1.0, 0.5]), 0.0, 1.5 + 1e-6).rows]
    assert Kind.LEFT_OVER not in kinds, "rounding is no gap"


def test_bars_of_bands_keep_the_order_of_the_spectrum_and_stand_on_zero():
    rows = bar_rows(bars_of([0.1, -3.0, 2.0]))
    assert [row.bar.key for row in rows.rows] == [0, 1, 2]
    assert {row.start for row in rows.rows} == {0.0} and rows.zero == 0.0
    assert rows.shown.low < 0 < rows.shown.high


def test_an_interval_that_is_not_a_number_is_none_and_leaves_no_doubt_to_tell():
    bar = Bar(0, "a", 1.0, math.nan, math.nan, certain=False)
    assert bar.interval is None and not bar.is_doubtful
    assert Bar(0, "a", 1.0, -1.0, 3.0, certain=False).is_doubtful
    assert bar_rows([bar]).rows[0].whiskers == ()


def test_the_tip_says_value_interval_and_doubt():
    (row,) = bar_rows([Bar(0, "B08", 0.5, -0.25, 1.25, certain=False, is_on=False)]).rows
    assert row.tip == "B08: +0.500, 95 % interval −0.250 … +1.250, nothing can be said of its sign, switched off"
    (row,) = bar_rows([Bar(0, "B08", 0.5, tip=lambda: "my own")]).rows
    assert row.tip == "my own"


def test_values_next_to_nothing_are_drawn_as_next_to_nothing():
    bars = bars_of([1e-4, -2e-4, 1e-4], error=1e-6)
    for chart, set_bars in (
        (WaterfallChart(), lambda chart: chart.set_bars(bars, 3.0, 3.0, 5.0)),
        (BarChart(), lambda chart: chart.set_bars(bars, 5.0)),
    ):
        set_bars(chart)
        shown(chart)
        plot, rows = chart._layout().plot(0).width(), chart._rows
        lengths = [abs(rows.shown.share(row.end) - rows.shown.share(row.start)) * plot for row in rows.rows]
        assert max(lengths) < 1 and rows.shown.high - rows.shown.low >= 5.0
    chart = WaterfallChart()
    chart.set_bars(bars, 3.0, 3.0, 5.0)
    chart.set_now(3.1)
    assert chart._rows.shown.high - chart._rows.shown.low >= 5.0, "with superpixels switched off, too"


def test_early_error_bars_do_not_squeeze_the_bars():
    rows = waterfall_rows([Bar(0, "a", 1.0, -1000.0, 1000.0, False)], 0.0, 1.0)
    assert rows.shown.high - rows.shown.low < 2.5


# numbers


@given(values, st.floats(1e-9, 1e9), st.integers(1, 6))
def test_ticks_are_few_round_and_on_the_axis(low, size, most):
    shown_part = stretch([low, low + size])
    found = ticks(shown_part, most)
    assert len(found) <= most
    assert all(shown_part.low <= tick + 1e-6 * size and tick - 1e-6 * size <= shown_part.high for tick in found)
    if len(found) > 1:
        step = found[1] - found[0]
        mantissa = step / 10.0 ** math.floor(math.log10(step) + 1e-6)
        assert any(mantissa == pytest.approx(times, rel=1e-2) for times in (1, 2, 5))


@given(st.floats(1e-12, 1e12), st.floats(-0.5, 0.5))
def test_neighbouring_ticks_are_told_apart(size, shift):
    found = ticks(stretch([shift * size, (1 + shift) * size]), 5)
    texts = [tick_text(tick, found[1] - found[0]) for tick in found]
    assert len(found) >= 2 and len(set(texts)) == len(texts), texts


@pytest.mark.parametrize(
    ("numbers", "value", "text"),
    [
        ([4.31], 0.2, "+0.20"),
        ([4.31], -0.001, "0.00"),
        ([123.4], -5.0, "−5"),
        ([0.0123], 0.0123, "+0.0123"),
        ([1.44e6], -6.8e5, "−6.80e5"),
        ([1.44e-6], 1.44e-6, "+1.44e-6"),
        ([], 0.0, "0.00"),
    ],
)
def test_values_are_written_with_three_digits_of_the_largest(numbers, value, text):
    assert Numbers(numbers).signed(value).replace("e−", "e-") == text


@given(st.lists(st.sampled_from([0.0, 1.5, -2.25]), max_size=4))
def test_there_is_an_axis_for_whatever_values(numbers):
    shown_part = stretch(numbers)
    assert shown_part.low < shown_part.high


# mouse


def test_the_bar_under_the_mouse_is_told_once_and_its_leaving_too():
    chart = shown_waterfall(random_bars(6))
    told = told_by(chart.hovered)
    QTest.mouseMove(chart, middle_of(chart, 3))
    QTest.mouseMove(chart, middle_of(chart, 3) + QPoint(20, 2))
    QTest.mouseMove(chart, middle_of(chart, 4))
    QApplication.sendEvent(chart, QEvent(QEvent.Type.Leave))
    assert told == [3, 4, NONE]


def test_the_rows_of_the_answers_are_no_bars():
    chart = shown_waterfall(random_bars(6))
    told = told_by(chart.hovered)
    QTest.mouseMove(chart, QPoint(100, chart._layout().top(0) + 5))
    QTest.mouseMove(chart, QPoint(100, 3))
    assert told == []


def test_new_bars_under_a_mouse_at_rest_are_told():
    chart = shown_waterfall(bars_of([3.0, 2.0]))
    told = told_by(chart.hovered)
    QTest.mouseMove(chart, middle_of(chart, 0))
    chart.set_bars(bars_of([2.0, 3.0]), F_BASELINE, F_BASELINE + 5)
    chart.clear("nothing")
    assert told == [0, 1, NONE]


def test_a_click_switches_only_where_that_can_be():
    chart = shown_waterfall(random_bars(6))
    told = told_by(chart.toggled)
    QTest.mouseClick(chart, Qt.MouseButton.LeftButton, pos=middle_of(chart, 2))
    assert told == []
    chart.set_switchable(True)
    QTest.mouseClick(chart, Qt.MouseButton.LeftButton, pos=middle_of(chart, 2))
    QTest.mouseClick(chart, Qt.MouseButton.RightButton, pos=middle_of(chart, 2))
    assert told == [2]


def test_a_press_that_is_dragged_to_another_bar_switches_none():
    chart = shown_waterfall(random_bars(6))
    chart.set_switchable(True)
    told = told_by(chart.toggled)
    QTest.mousePress(chart, Qt.MouseButton.LeftButton, pos=middle_of(chart, 2))
    QTest.mouseRelease(chart, Qt.MouseButton.LeftButton, pos=middle_of(chart, 3))
    assert told == []


def test_the_hand_shows_what_can_be_clicked():
    chart = shown_waterfall(random_bars(6))
    chart.set_switchable(True)
    QTest.mouseMove(chart, middle_of(chart, 2))
    assert chart.cursor().shape() == Qt.CursorShape.PointingHandCursor
    QTest.mouseMove(chart, QPoint(5, 3))
    assert chart.cursor().shape() == Qt.CursorShape.ArrowCursor


def test_the_tool_tip_is_the_rows():
    chart = shown_waterfall(bars_of([1.0]))
    place = middle_of(chart, 0)
    QApplication.sendEvent(chart, QHelpEvent(QEvent.Type.ToolTip, place, chart.mapToGlobal(place)))
    assert QToolTip.text().startswith("superpixel 1: +1.00, 95 % interval")


# keyboard


@pytest.fixture
def reached():
    """A chart in a scroll area lower than the chart, reached by Tab."""
    window = QWidget()
    area, before = QScrollArea(), QWidget()
    before.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    area.setWidgetResizable(True)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    chart = WaterfallChart()
    area.setWidget(chart)
    column = QVBoxLayout(window)
    column.addWidget(before)
    column.addWidget(area)
    bars = bars_of([4.0 - 0.1 * index for index in range(25)])
    chart.set_bars(bars, F_BASELINE, F_BASELINE + math.fsum(bar.value for bar in bars))
    window.resize(320, 250)
    window.show()
    window.activateWindow()
    QTest.qWaitForWindowActive(window)
    before.setFocus()
    yield chart, area, before
    window.close()


def test_tab_arrows_and_space_reach_every_row_and_switch_every_bar(reached):
    chart, _, before = reached
    chart.set_switchable(True)
    hovered, toggled = told_by(chart.hovered), told_by(chart.toggled)
    QTest.keyClick(before, Qt.Key.Key_Tab)
    assert chart.hasFocus() and chart.accessibleDescription().startswith("The model’s answer where everything")
    for _ in range(30):
        QTest.keyClick(chart, Qt.Key.Key_Space)
        QTest.keyClick(chart, Qt.Key.Key_Down)
    assert hovered == [*range(25), NONE]
    assert toggled == list(range(25)), "the answers cannot be switched"
    rows = [NONE, *range(25), NONE]
    for key, expected in ((Qt.Key.Key_Home, 0), (Qt.Key.Key_PageDown, 10), (Qt.Key.Key_Up, 9), (Qt.Key.Key_End, 26)):
        QTest.keyClick(chart, key)
        assert chart._current_index() == expected and chart._told == rows[expected]


def test_rows_without_a_bar_of_their_own_are_reached_lit_and_spoken(reached):
    chart, area, before = reached
    chart.set_bars(random_bars(MOST_ROWS + 10), F_BASELINE, F_BASELINE + 20)
    chart.set_now(-1.0)
    QApplication.processEvents()  # the chart grows
    QTest.keyClick(before, Qt.Key.Key_Tab)
    QTest.keyClick(chart, Qt.Key.Key_End)
    spoken, pictures = [chart.accessibleDescription()], []
    for _ in range(3):
        pictures.append(chart.grab().toImage())
        QTest.keyClick(chart, Qt.Key.Key_Up)
        spoken.append(chart.accessibleDescription())
        place = QPoint(5, chart._layout().top(chart._current_index()) + 5)
        assert area.viewport().rect().contains(chart.mapTo(area.viewport(), place))
    kinds = [row.kind for row in chart._rows.rows[:-5:-1]]
    assert kinds == [Kind.NOW, Kind.ANSWER, Kind.LEFT_OVER, Kind.OTHERS]
    words = ("switched off: −1.0", "for the image: ", "do not share out", "11 superpixels with the smallest values")
    assert all(word in text for word, text in zip(words, spoken)), spoken
    assert all(one != other for one, other in zip(pictures, pictures[1:])), "one sees where one is"


def test_what_is_spoken_is_plain_text_and_says_what_is_switched_off():
    chart = BarChart()
    for is_on, spoken in ((True, "B08 & co. raised it"), (False, "B08 & co. raised it. switched off")):
        chart.set_bars([Bar(0, "B08", 0.5, tip=lambda: "<b>B08 &amp; co.</b><br>raised it.", is_on=is_on)])
        shown(chart)
        QTest.keyClick(chart, Qt.Key.Key_Down)
        assert chart.accessibleDescription() == spoken


def test_only_the_bars_that_are_seen_are_asked_for_their_tips():
    asked = []
    bars = [Bar(bar.key, bar.label, bar.value, tip=lambda: asked.append(1) or "tip") for bar in random_bars(5000)]
    waterfall_rows(bars, 0.0, 1.0)
    assert len(asked) == MOST_ROWS - 1


def test_what_is_chosen_is_described_and_scrolled_into_view(reached):
    chart, area, before = reached
    QTest.keyClick(before, Qt.Key.Key_Tab)
    QTest.keyClick(chart, Qt.Key.Key_Down)
    assert chart.accessibleName() == "Waterfall of superpixels"
    assert chart.accessibleDescription().startswith("superpixel 1: +4.00")
    QTest.keyClick(chart, Qt.Key.Key_End)
    QTest.keyClick(chart, Qt.Key.Key_Up)
    assert chart.accessibleDescription().startswith("superpixel 25: +1.60")
    place = chart.mapTo(area.viewport(), middle_of(chart, 24))
    assert area.viewport().rect().contains(place)
    chart.highlight(0)
    assert area.viewport().rect().contains(chart.mapTo(area.viewport(), middle_of(chart, 0)))


def test_losing_the_focus_leaves_nothing_lit(reached):
    chart, _, before = reached
    hovered = told_by(chart.hovered)
    QTest.keyClick(before, Qt.Key.Key_Tab)
    QTest.keyClick(chart, Qt.Key.Key_Down)
    QTest.keyClick(chart, Qt.Key.Key_Tab, Qt.KeyboardModifier.ShiftModifier)
    assert hovered == [0, NONE]


def test_the_choice_follows_its_bar_when_estimates_change_the_order(reached):
    chart, _, before = reached
    chart.set_switchable(True)
    toggled = told_by(chart.toggled)
    QTest.keyClick(before, Qt.Key.Key_Tab)
    QTest.keyClick(chart, Qt.Key.Key_Down)
    chart.set_bars(bars_of([0.5 * index for index in range(5)]), F_BASELINE, F_BASELINE + 5)
    QTest.keyClick(chart, Qt.Key.Key_Space)
    assert toggled == [0]


# what is seen


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_red_raised_and_blue_lowered_on_light_and_dark_themes(dark):
    chart = BarChart()
    chart.setPalette(palette(dark))
    chart.set_bars([Bar(0, "B02", 2.0), Bar(1, "B03", -2.0)])
    image = shown(chart).grab().toImage()
    place = chart._layout()
    for index, value in enumerate((2.0, -2.0)):
        colour = colours.on_chart(value, palette(dark))
        own, other = place.bounds.translated(0, place.top(index)), place.bounds.translated(0, place.top(1 - index))
        assert coloured(image, colour, own) > 300 and coloured(image, colour, other) == 0
        contrast = abs(colour.lightness() - palette(dark).color(QPalette.ColorRole.Base).lightness())
        assert contrast > 80


@pytest.mark.parametrize("theme", ["default", "Night Mapping", "Blend of Gray"])
def test_what_is_written_can_be_read_on_every_theme_of_qgis(theme):
    QgsApplication.setUITheme(theme)
    try:
        window, area, chart = QTabWidget(), QScrollArea(), BarChart()
        area.setWidget(chart)
        area.setWidgetResizable(True)
        window.addTab(area, "Bands")
        chart.set_bars([Bar(0, "MMMMMMMM", 2.0), Bar(1, "B03", -1.0)])
        window.resize(400, 200)
        window.show()
        QTest.qWaitForWindowExposed(window)
        place = chart._layout().labels(chart._layout().top(0))
        image = window.grab(QRect(chart.mapTo(window, place.topLeft()), place.size())).toImage()
        shades = [image.pixelColor(x, y).lightness() for x in range(image.width()) for y in range(image.height())]
        ground = max(set(shades), key=shades.count)
        assert max(abs(shade - ground) for shade in shades) > 80
        for value in (1.0, -1.0):
            assert abs(colours.on_chart(value, chart._colours()).lightness() - ground) > 35
    finally:
        QgsApplication.setUITheme("default")


def test_doubtful_bars_are_hatched_and_those_switched_off_empty():
    chart = BarChart()
    chart.setPalette(palette(False))
    chart.set_bars([Bar(0, "sure", 1.0), Bar(1, "doubtful", 1.0, 0.99, 1.01, False), Bar(2, "off", 1.0, is_on=False)])
    image = shown(chart).grab().toImage()
    place = chart._layout()
    full, hatched, empty = (
        coloured(image, colours.RAISED, place.bounds.translated(0, place.top(index))) for index in range(3)
    )
    assert 0.1 * full < hatched < 0.7 * full
    assert empty < 0.15 * full


@pytest.mark.parametrize("width", [220, 300, 600])
@pytest.mark.parametrize("count", [1, 3, 25, 200])
@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_nothing_is_written_over_anything_else(width, count, scale):
    bars = [Bar(bar.key, bar.label, bar.value * scale) for bar in random_bars(count)]
    chart = shown(WaterfallChart(), width)
    chart.set_bars(bars, -scale, math.fsum(bar.value for bar in bars) - scale)
    place = chart._layout()
    assert not place.labels(0).intersects(place.plot(0)) and not place.plot(0).intersects(place.values(0))
    assert chart.rect().contains(place.values(0)) and place.plot(0).width() >= 20
    chart.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    place = chart._layout()
    assert place.values(0).right() < place.plot(0).left() < place.plot(0).right() < place.labels(0).left()
    assert not chart.grab().isNull()


@pytest.mark.parametrize("width", [340, 400, 600])
def test_every_band_of_the_model_has_its_word_in_the_chart(width):
    names = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
    chart = BarChart()
    chart.set_bars([Bar(key, band_text(name), 0.1 * (-1) ** key) for key, name in enumerate(names)])
    shown(chart, width)
    place, metrics = chart._layout(), QFontMetrics(chart.font())
    for name in names:
        written = fitting(band_text(name), metrics, place.labels(0).width())
        assert written.startswith(band_text(name)[: len(name) + 2 + 5]), "as much of the word as can be understood"
    assert fitting("B11 (short-wave infrared)", metrics, metrics.horizontalAdvance("B11 (sh…")) == "B11"
    assert place.plot(0).width() >= 50


def test_a_bar_that_the_map_points_at_is_lit_even_where_it_is_folded():
    chart = shown_waterfall(random_bars(100))
    told = told_by(chart.hovered)
    plain = chart.grab().toImage()
    folded = next(key for row in chart._rows.rows if row.kind is Kind.OTHERS for key in row.keys)
    chart.highlight(folded)
    assert chart.grab().toImage() != plain and told == []
    chart.highlight(NONE)
    assert chart.grab().toImage() == plain


def test_an_empty_chart_says_what_can_be_done():
    chart = shown(WaterfallChart())
    blank = chart.grab().toImage()
    chart.clear("Draw a region.")
    assert chart.grab().toImage() != blank and chart.accessibleDescription() == "Draw a region."
    told = told_by(chart.toggled)
    chart.set_switchable(True)
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Space, Qt.Key.Key_Home):
        QTest.keyClick(chart, key)
    QTest.mouseClick(chart, Qt.MouseButton.LeftButton)
    assert told == []


def test_the_answer_as_switched_is_marked_and_goes_again():
    chart = shown_waterfall(random_bars(5))
    before = len(chart._rows.rows)
    chart.set_now(-1.0)
    assert [row.kind for row in chart._rows.rows][-1] is Kind.NOW and chart._rows.rows[-1].end == -1.0
    chart.set_now(None)
    assert len(chart._rows.rows) == before


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_axis_stays_in_view_and_in_line_with_the_rows_that_are_scrolled(reached, dark):
    chart, area, _ = reached
    chart.setPalette(palette(dark))
    height, bar = chart._layout().row_height, area.verticalScrollBar()

    def seen():
        image = area.viewport().grab().toImage()
        return image.copy(0, 0, image.width(), height), image.copy(0, height, image.width(), 4 * height)

    axis, rows = seen()
    assert len({axis.pixel(x, y) for x in range(axis.width()) for y in range(height)}) > 1, "ticks have numbers"
    hovered = told_by(chart.hovered)
    for scrolled in (3 * height, bar.maximum(), 5 * height + 7):
        bar.setValue(scrolled)
        QApplication.processEvents()
        same, others = seen()
        assert same == axis and others != rows
        QTest.mouseMove(chart, QPoint(20, scrolled + height // 2))
        assert hovered == [], "what the axis covers is not pointed at"


def test_three_hundred_long_names_are_elided_and_scroll_at_the_speed_of_the_screen():
    name = "Feldstück Nr. {} hinter dem alten Umspannwerk an der Straße"
    chart, area = BarChart(), QScrollArea()
    chart.set_bars([Bar(bar.key, name.format(bar.key), bar.value, bar.low, bar.high) for bar in random_bars(300)])
    area.setWidgetResizable(True)
    area.setWidget(chart)
    area.resize(320, 600)
    area.show()
    QTest.qWaitForWindowExposed(area)
    bar, taken = area.verticalScrollBar(), []
    for place in range(0, bar.maximum(), 150):
        bar.setValue(place)
        QApplication.processEvents()
        since = time.thread_time()
        chart.repaint()
        taken.append(time.thread_time() - since)
    assert sorted(taken)[len(taken) // 2] < 0.016, f"{max(taken):.3f} s for a picture"
    place, image = chart._layout(), chart.grab().toImage()
    ground = chart._colours().color(QPalette.ColorRole.Base)
    gap = QRect(place.labels(0).right() + 1, place.top(0), 3, 300 * place.row_height)
    assert coloured(image, ground, gap) > 0.9 * gap.width() * gap.height(), "names do not run into the bars"


def test_a_stream_of_estimates_keeps_up_with_the_screen():
    chart = shown_waterfall(random_bars(200))
    since = time.thread_time()
    for seed in range(20):
        bars = random_bars(200, seed)
        chart.set_bars(bars, F_BASELINE, F_BASELINE + math.fsum(bar.value for bar in bars))
        chart.repaint()
    each = (time.thread_time() - since) / 20
    assert each < 0.05, f"{each:.3f} s for an estimate"
    hints = {chart.sizeHint().height()}
    chart.set_bars(random_bars(200, 99), F_BASELINE, 1.0)
    assert len({*hints, chart.sizeHint().height()}) <= 2


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-1e15, 1e15, allow_nan=False), max_size=60), st.floats(-1e15, 1e15), st.floats(-1e15, 1e15))
def test_any_numbers_can_be_drawn(numbers, f_baseline, f_x):
    chart = WaterfallChart()
    chart.resize(320, 400)
    chart.set_bars(bars_of(numbers), f_baseline, f_x)
    assert not chart.grab().isNull()


def test_charts_follow_the_font():
    chart = shown_waterfall(random_bars(5))
    before = chart.sizeHint().height()
    font = chart.font()
    font.setPointSizeF(2 * font.pointSizeF())
    chart.setFont(font)
    assert chart.sizeHint().height() > 1.5 * before


def test_mouse_events_of_dense_screens_hit_the_same_rows():
    chart = shown_waterfall(random_bars(6))
    told = told_by(chart.hovered)
    place = QPointF(middle_of(chart, 5)) + QPointF(0.5, 0.5)
    none = Qt.MouseButton.NoButton
    event = QMouseEvent(QEvent.Type.MouseMove, place, none, none, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(chart, event)
    assert told == [5]
