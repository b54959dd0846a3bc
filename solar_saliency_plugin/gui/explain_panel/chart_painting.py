"""How rows of a chart are drawn: a column of labels, bars along a number line, a column of values."""

from dataclasses import dataclass
from typing import List, Optional, Tuple

from qgis.PyQt.QtCore import QPointF, QRect, QRectF, Qt
from qgis.PyQt.QtGui import QBrush, QColor, QFont, QFontMetrics, QPainter, QPalette, QPen
from qgis.PyQt.QtWidgets import QStyle

from . import colours
from .axis import tick_text, ticks
from .rows import Kind, Row, Rows

#: Room in pixels: around columns, above and below a row's text, above and below a bar, of an error bar's caps.
_GAP, _PAD, _BAR_PAD, _CAP = 6, 1, 3, 3

#: The narrowest that the bars' column gets, pixels.
_PLOT = 50

#: The widest that the column of labels may get, as share of the chart.
_LABELS = 0.5

#: Signs of what people call a band that must be read at least, else its name stands alone: “B11” tells more than
#: “B11 (sh…”.
_WORD = 5

#: Most ticks of an axis: few round ones read better.
_TICKS = 6


@dataclass(frozen=True)
class Layout:
    """Where things are, in pixels. Columns change places where one reads from the right; the number line does not."""

    width: int
    row_height: int
    label_width: int
    value_width: int
    direction: Qt.LayoutDirection

    @property
    def bounds(self) -> QRect:
        """A row's place, at the top."""
        return QRect(0, 0, self.width, self.row_height)

    def column(self, left: int, width: int, top: int) -> QRect:
        """A column's part of a row."""
        place = QRect(left, 0, width, self.row_height)
        return QStyle.visualRect(self.direction, self.bounds, place).translated(0, top)

    def labels(self, top: int) -> QRect:
        """Where a row's label is."""
        return self.column(_GAP, self.label_width, top)

    def values(self, top: int) -> QRect:
        """Where a row's value is."""
        return self.column(self.width - _GAP - self.value_width, self.value_width, top)

    def plot(self, top: int) -> QRect:
        """Where a row's bar is."""
        left = 2 * _GAP + self.label_width
        return self.column(left, self.width - left - 2 * _GAP - self.value_width, top)

    def top(self, index: int) -> int:
        """Where a row begins; the axis is above the first one."""
        return self.row_height * (index + 1)

    def row_at(self, y: int) -> int:
        """The row at a height; it may be one that there is not."""
        return y // self.row_height - 1


def row_height(metrics: QFontMetrics) -> int:
    """How high rows are with a font."""
    return metrics.height() + 2 * _PAD


def layout(rows: Rows, width: int, font: QFont, direction: Qt.LayoutDirection) -> Layout:
    """Place the columns: labels get what they need up to a share of the chart, values what they need."""
    metrics, bold = QFontMetrics(font), QFontMetrics(_bold(font))
    labels = max((bold.horizontalAdvance(row.label) for row in rows.rows), default=0) + 2
    values = max((bold.horizontalAdvance(row.text) for row in rows.rows), default=0) + 2
    left_over = max(_GAP, width - values - _PLOT - 4 * _GAP)
    return Layout(width, row_height(metrics), min(labels, round(_LABELS * width), left_over), values, direction)


@dataclass(frozen=True)
class Look:
    """What rows look like at the moment: which is lit, which has the keyboard's focus, and colours."""

    palette: QPalette
    font: QFont
    lit: Optional[int]
    focused: Optional[int]
    ratio: float

    @property
    def text(self) -> QColor:
        """Of what is written and of error bars."""
        return self.palette.color(QPalette.ColorRole.Text)

    def faint(self, opacity: int) -> QColor:
        """The text's colour, nearly clear: of lines that lie behind."""
        colour = QColor(self.text)
        colour.setAlpha(opacity)
        return colour


class ChartPainter:
    """Draws a chart, or the part of it that must be drawn anew."""

    def __init__(self, painter: QPainter, rows: Rows, place: Layout, look: Look) -> None:
        self._painter, self._rows, self._place, self._look = painter, rows, place, look
        painter.setFont(look.font)
        steps = [index for index, row in enumerate(rows.rows) if row.kind != Kind.NOW]
        self._last = steps[-1] if steps else 0

    def draw(self, part: QRect, scrolled: int = 0) -> None:
        """Draw what lies in a part of the chart. ``scrolled``: pixels above the axis; no row is seen behind it."""
        self._draw_axis(scrolled)
        below = scrolled + self._place.row_height
        self._painter.setClipRect(QRect(0, below, self._place.width, max(0, part.bottom() + 1 - below)))
        count = len(self._rows.rows)
        first = max(0, self._place.row_at(part.top()) - 1)  # the line from the row before
        for index in range(first, min(count, self._place.row_at(part.bottom()) + 1)):
            self._draw_row(index, self._rows.rows[index])
        self._draw_mark_of_now()

    def _x(self, value: float) -> float:
        plot = self._place.plot(0)
        return plot.left() + self._rows.shown.share(value) * plot.width()

    def _draw_axis(self, top: int) -> None:
        painter, place = self._painter, self._place
        metrics = QFontMetrics(self._look.font)
        marks, step = self._marks(metrics)
        bottom = place.top(len(self._rows.rows))
        for value in marks:
            x = self._x(value)
            is_zero = self._rows.zero is not None and abs(value) < step / 2
            painter.setPen(QPen(self._look.faint(150 if is_zero else 40), 1))
            painter.drawLine(QPointF(x, top + place.row_height), QPointF(x, bottom))
            text = tick_text(value, step)
            box = QRectF(x - 100, top, 200, place.row_height)
            box.moveLeft(min(box.left(), place.width - 100 - metrics.horizontalAdvance(text) / 2))
            painter.setPen(self._look.faint(190))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _marks(self, metrics: QFontMetrics) -> Tuple[List[float], float]:
        """The axis's ticks, as many as there is room for, and how far they are apart."""
        for most in range(_TICKS, 0, -1):
            found = ticks(self._rows.shown, most)
            step = found[1] - found[0] if len(found) > 1 else self._rows.shown.high - self._rows.shown.low
            widest = max((metrics.horizontalAdvance(tick_text(value, step)) for value in found), default=0)
            if len(found) < 2 or self._x(found[1]) - self._x(found[0]) >= widest + 2 * _GAP:
                break
        return found, step

    def _draw_row(self, index: int, row: Row) -> None:
        painter, look, top = self._painter, self._look, self._place.top(index)
        if index in (look.lit, look.focused):
            background = QColor(look.palette.color(QPalette.ColorRole.Highlight))
            background.setAlpha(70)
            painter.fillRect(self._place.bounds.translated(0, top), background)
        if index == look.focused:
            painter.setPen(QPen(look.palette.color(QPalette.ColorRole.Highlight), 1))
            painter.setBrush(QBrush())
            painter.drawRect(self._place.bounds.translated(0, top).adjusted(0, 0, -1, -1))
        self._write(row, top)
        if row.kind in (Kind.ANSWER, Kind.NOW):
            self._draw_answer(row, top)
        else:
            self._draw_bar(row, top)
        if self._rows.zero is None and index < self._last:
            painter.setPen(QPen(look.faint(120), 1))  # the sum so far goes on in the next row
            x = self._x(row.end)
            painter.drawLine(QPointF(x, top + _BAR_PAD), QPointF(x, top + 2 * self._place.row_height - _BAR_PAD))

    def _write(self, row: Row, top: int) -> None:
        painter, font = self._painter, QFont(self._look.font)
        font.setBold(row.kind in (Kind.ANSWER, Kind.NOW))
        is_off = row.bar is not None and not row.bar.is_on
        font.setStrikeOut(is_off)
        painter.setFont(font)
        painter.setPen(self._look.faint(130) if is_off else self._look.text)
        box = self._place.labels(top)
        leading = QStyle.visualAlignment(
            self._place.direction, Qt.AlignmentFlag.AlignLeading | Qt.AlignmentFlag.AlignVCenter
        )
        painter.drawText(box, leading, fitting(row.label, QFontMetrics(font), box.width()))
        font.setStrikeOut(False)
        painter.setFont(font)
        # Digits stand below digits, on whichever side the column is.
        painter.drawText(self._place.values(top), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, row.text)

    def _draw_answer(self, row: Row, top: int) -> None:
        painter, x = self._painter, self._x(row.end)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(QPen(self._look.text, 1.5))
        painter.setBrush(self._look.palette.color(QPalette.ColorRole.Base) if row.kind == Kind.NOW else self._look.text)
        middle, size = top + self._place.row_height / 2, self._place.row_height / 5
        painter.drawEllipse(QPointF(x, middle), size, size)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _draw_bar(self, row: Row, top: int) -> None:
        painter, look = self._painter, self._look
        ends = sorted((self._x(row.start), self._x(row.end)))
        box = QRectF(ends[0], top + _BAR_PAD, max(1.0, ends[1] - ends[0]), self._place.row_height - 2 * _BAR_PAD)
        colour = colours.on_chart(row.end - row.start, look.palette)
        is_own = row.kind != Kind.LEFT_OVER
        if row.bar is not None and not row.bar.is_on:
            painter.setPen(QPen(colour, 1, Qt.PenStyle.DotLine))
            painter.setBrush(QBrush())
            painter.drawRect(box)
            return
        painter.setPen(QPen(colour if is_own else look.faint(160), 1))
        painter.setBrush(QBrush(colour) if is_own else QBrush())
        if row.bar is not None and row.bar.is_doubtful:
            pale = QColor(colour)
            pale.setAlpha(50)
            painter.fillRect(box, pale)
            painter.setBrush(colours.hatching(colour, look.ratio))
        painter.drawRect(box)
        self._draw_whiskers(row, top)

    def _draw_whiskers(self, row: Row, top: int) -> None:
        """The error bar, on a rim that sets it off from its bar; an end that lies beyond the chart has no cap."""
        if not row.whiskers or self._x(row.whiskers[1]) - self._x(row.whiskers[0]) < 2:
            return
        painter, middle, shown = self._painter, top + self._place.row_height / 2, self._rows.shown
        low, high = (self._x(end) for end in row.whiskers)
        for colour, width in ((self._look.palette.color(QPalette.ColorRole.Base), 3), (self._look.text, 1)):
            painter.setPen(QPen(colour, width))
            painter.drawLine(QPointF(low, middle), QPointF(high, middle))
            for x, value in zip((low, high), row.whiskers):
                if shown.low <= value <= shown.high:
                    painter.drawLine(QPointF(x, middle - _CAP), QPointF(x, middle + _CAP))

    def _draw_mark_of_now(self) -> None:
        for row in self._rows.rows:
            if row.kind == Kind.NOW:
                self._painter.setPen(QPen(self._look.text, 1, Qt.PenStyle.DashLine))
                x, bottom = self._x(row.end), self._place.top(len(self._rows.rows)) - self._place.row_height
                self._painter.drawLine(QPointF(x, self._place.row_height), QPointF(x, bottom))


def fitting(label: str, metrics: QFontMetrics, width: int) -> str:
    """As much of a label as there is room for, pixels: of a band's, its word as long as it can be understood."""
    elided = metrics.elidedText(label, Qt.TextElideMode.ElideRight, width)
    name, bracket, _ = label.partition(" (")
    if elided == label or len(elided) > len(name + bracket) + _WORD:
        return elided
    return metrics.elidedText(name, Qt.TextElideMode.ElideRight, width)


def _bold(font: QFont) -> QFont:
    bold = QFont(font)
    bold.setBold(True)
    return bold
