"""Charts of Shapley values, drawn with Qt alone: a waterfall of superpixels, and bars of bands."""

from typing import Hashable, List, Optional, Sequence, Tuple

from qgis.PyQt.QtCore import QCoreApplication, QEvent, QPoint, QRectF, QSize, Qt, pyqtSignal
from qgis.PyQt.QtGui import (
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QMoveEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QTextOption,
)
from qgis.PyQt.QtWidgets import QScrollArea, QSizePolicy, QToolTip, QWidget

from .chart_keys import moved
from .chart_painting import ChartPainter, Layout, Look, layout, row_height
from .rows import NONE, Bar, Kind, Row, Rows, bar_rows, waterfall_rows

__all__ = ["NONE", "Bar", "BarChart", "Chart", "WaterfallChart"]

translate = QCoreApplication.translate

#: Pixels: as wide as a chart wants to be, and the least that it can be read at.
_WIDTH, _LEAST = 340, 220

#: Rows that a chart without bars is high.
_EMPTY = 6

#: How many rows around the middle of one are brought into view with it: the axis covers one, and neighbours are not cut
#: in half.
_AROUND = 2.5

#: What changes how charts look.
_LOOKS = (QEvent.Type.PaletteChange, QEvent.Type.FontChange, QEvent.Type.StyleChange, QEvent.Type.LayoutDirectionChange)


class Chart(QWidget):
    """What both charts share: rows, hovering, keyboard, tool tips. Put it into a QScrollArea (widgetResizable)."""

    #: The key of the bar under the mouse, or of the row chosen with the arrow keys; NONE: of no bar.
    hovered = pyqtSignal(int)

    #: The key of the bar that was clicked, or on which Space was pressed. Only where the chart is switchable. The chart
    #: changes nothing by itself: give it bars with other ``is_on``.
    toggled = pyqtSignal(int)

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._rows = Rows()
        self._empty_text = ""
        self._switchable = False
        self._mouse: Optional[QPoint] = None
        self._pressed = NONE
        self._current: Optional[Tuple[Kind, Hashable]] = None
        self._highlighted = NONE
        self._told = NONE
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self.setBackgroundRole(QPalette.ColorRole.Base)
        self.setAutoFillBackground(True)

    def clear(self, text: str = "") -> None:
        """Show no bars, but a text in their place, such as what can be done."""
        self._empty_text = text
        self._show(Rows())

    def set_switchable(self, switchable: bool) -> None:
        """Whether clicks and Space switch bars off and on (``toggled``). At first they do not."""
        self._switchable = switchable
        self._point()

    def highlight(self, key: int) -> None:
        """Show which bar the mouse is over on the map; NONE: none. Emits nothing."""
        if key != self._highlighted:
            self._highlighted = key
            self._bring_into_view(self._index(key))
            self.update()

    # What is shown

    def _show(self, rows: Rows) -> None:
        taller = len(rows.rows) != len(self._rows.rows)
        self._rows = rows
        if taller:
            self.updateGeometry()
        self._point()
        self._describe()
        self.update()

    def _keys(self) -> List[int]:
        return [row.bar.key for row in self._rows.rows if row.bar is not None]

    def _index(self, key: int) -> Optional[int]:
        """The row that a key's bar is in, or is part of."""
        return next((index for index, row in enumerate(self._rows.rows) if key in row.keys), None)

    def _layout(self) -> Layout:
        return layout(self._rows, self.width(), self.font(), self.layoutDirection())

    def _current_index(self) -> Optional[int]:
        """The row that the keyboard is at; rows may have moved, or gone."""
        return next((index for index, row in enumerate(self._rows.rows) if row.identity == self._current), None)

    def _scrolled(self) -> int:
        """How many pixels of the chart are scrolled out above: the axis is below them, over the rows."""
        return max(0, -self.y())

    def moveEvent(self, event: QMoveEvent) -> None:
        """What is scrolled leaves the axis where it is."""
        super().moveEvent(event)
        self.update()
        self._point()

    def _row_at(self, place: QPoint) -> Optional[Row]:
        if place.y() < self._scrolled() + row_height(self.fontMetrics()):
            return None  # the axis is there
        index = self._layout().row_at(place.y())
        return self._rows.rows[index] if 0 <= index < len(self._rows.rows) else None

    def _key_at(self, place: Optional[QPoint]) -> int:
        row = self._row_at(place) if place is not None and self.rect().contains(place) else None
        return row.bar.key if row is not None and row.bar is not None else NONE

    def sizeHint(self) -> QSize:
        """As high as all rows are."""
        height = row_height(self.fontMetrics())
        return QSize(_WIDTH, height * ((len(self._rows.rows) or _EMPTY) + 1) + height // 2)

    def minimumSizeHint(self) -> QSize:
        """As high as all rows are, since a scroll area shows the part that there is room for."""
        return QSize(_LEAST, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        painter = QPainter(self)
        if not self._rows.rows:
            painter.setPen(self._colours().color(QPalette.ColorRole.Text))
            margin = row_height(self.fontMetrics())
            place = QRectF(self.rect().adjusted(margin, 0, -margin, 0))
            painter.drawText(place, self._empty_text, QTextOption(Qt.AlignmentFlag.AlignCenter))
            return
        lit = self._told if self._told != NONE else self._highlighted
        focused = self._current_index() if self.hasFocus() else None
        look = Look(self._colours(), self.font(), self._index(lit), focused, self.devicePixelRatioF())
        ChartPainter(painter, self._rows, self._layout(), look).draw(event.rect(), self._scrolled())

    def _colours(self) -> QPalette:
        """The palette of what is seen behind the chart: style sheets, such as of QGIS's themes, make widgets clear."""
        widget: QWidget = self
        while widget.palette().color(QPalette.ColorRole.Base).alpha() < 255 and widget.parentWidget() is not None:
            widget = widget.parentWidget()
        return widget.palette()

    def changeEvent(self, event: QEvent) -> None:  # noqa: D102
        super().changeEvent(event)
        if event.type() in _LOOKS:
            self.updateGeometry()
            self.update()

    # Mouse

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        self._mouse = event.pos()
        self._point()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: D102
        self._mouse = None
        self._tell(NONE)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        self._pressed = self._key_at(event.pos()) if event.button() == Qt.MouseButton.LeftButton else NONE

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        pressed, self._pressed = self._pressed, NONE
        if pressed != NONE and pressed == self._key_at(event.pos()):
            self._current = (Kind.PLAYER, pressed)
            self._describe()
            self.update()
            if self._switchable:
                self.toggled.emit(pressed)

    def _point(self) -> None:
        """Tell which bar the mouse is over, where that has changed: bars move under a mouse that does not."""
        key = self._key_at(self._mouse)
        hand = self._switchable and key != NONE
        self.setCursor(Qt.CursorShape.PointingHandCursor if hand else Qt.CursorShape.ArrowCursor)
        if self._mouse is not None or self._told not in self._keys():
            self._tell(key)

    def _tell(self, key: int) -> None:
        if key != self._told:
            self._told = key
            self.update()
            self.hovered.emit(key)

    def event(self, event: QEvent) -> bool:
        """Tool tips are those of the rows."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            row = self._row_at(event.pos())
            QToolTip.showText(event.globalPos(), row.tip if row is not None else "", self)
            return True
        return super().event(event)

    # Keyboard

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrow keys choose a row, Space switches its bar."""
        at = self._current_index()
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            bar = self._rows.rows[at].bar if at is not None else None
            if self._switchable and bar is not None:
                self.toggled.emit(bar.key)
                return
        elif self._rows.rows:
            to = moved(event.key(), -1 if at is None else at, len(self._rows.rows))
            if to is not None:
                self._choose(to)
                return
        super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: D102
        super().focusInEvent(event)
        by_key = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        if by_key and self._rows.rows:
            self._choose(self._current_index() or 0)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: D102
        super().focusOutEvent(event)
        self._tell(self._key_at(self._mouse))

    def _choose(self, index: int) -> None:
        row = self._rows.rows[index]
        self._current = row.identity
        self._bring_into_view(index)
        self._describe()
        self._tell(row.bar.key if row.bar is not None else NONE)
        self.update()

    def _describe(self) -> None:
        """Tell a screen reader what is chosen, in plain text. Qt sends it an event where that has changed."""
        index = self._current_index()
        nothing = "" if self._rows.rows else self._empty_text
        chosen = nothing if index is None else self._rows.rows[index].spoken
        if chosen != self.accessibleDescription():
            self.setAccessibleDescription(chosen)

    def _bring_into_view(self, index: Optional[int]) -> None:
        area = self.parentWidget()
        while area is not None and not isinstance(area, QScrollArea):
            area = area.parentWidget()
        if index is not None and area is not None:
            place = self.mapTo(
                area.widget(), QPoint(0, self._layout().top(index) + row_height(self.fontMetrics()) // 2)
            )
            area.ensureVisible(
                area.horizontalScrollBar().value(), place.y(), 0, round(_AROUND * row_height(self.fontMetrics()))
            )


class WaterfallChart(Chart):
    """From the answer for the baseline, at the top, to that for the image, at the bottom: a bar a superpixel."""

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._answer: Tuple[Sequence[Bar], float, float] = ((), 0.0, 0.0)
        self._least = 0.0
        self._now: Optional[float] = None
        self.setAccessibleName(translate("ExplainPanel", "Waterfall of superpixels"))

    def set_bars(self, bars: Sequence[Bar], f_baseline: float, f_x: float, least: float = 0.0) -> None:
        """Show bars, the largest |φ| first whatever their order; may be called many times a second.

        The smallest of very many are one bar, “n others”. What the values leave between their sum and ``f_x`` (such as
        L-Shapley's do) is a bar “not shared out”. ``least``: how much of the number line is shown at least, in units
        of the answer.
        """
        self._answer, self._least = (tuple(bars), f_baseline, f_x), least
        self._show(waterfall_rows(*self._answer, self._now, least))

    def set_now(self, f_now: Optional[float]) -> None:
        """Mark what the model answers now, with superpixels switched off; None: as it was."""
        self._now = f_now
        if self._rows.rows:
            self._show(waterfall_rows(*self._answer, f_now, self._least))


class BarChart(Chart):
    """Bars from a zero line, in the order given: such as of bands."""

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(translate("ExplainPanel", "Bars of bands"))

    def set_bars(self, bars: Sequence[Bar], least: float = 0.0) -> None:
        """Show bars; may be called many times a second. ``least``: how much of the number line is shown at least."""
        self._show(bar_rows(bars, least))
