"""The page that compares baselines: what each answers, how alike the orders are, and what one of them hides."""

import html
import math
from typing import List

from qgis.PyQt.QtCore import QCoreApplication, QSize, Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ....processing_algorithms.wording import choice_text
from ...bridge import answers
from ...contract.region_shap import COMPARABLE, Compared, RegionAnswer
from .message import Message
from .summary import hides, labels, number

translate = QCoreApplication.translate

#: Rows of the table that there is always room for, below its header: all baselines.
ROWS = len(COMPARABLE)

#: Rank correlation below which it is said that two baselines order the superpixels differently.
ALIKE = 0.5


def others(baseline: str) -> List[str]:
    """The baselines that one can be compared with."""
    return [name for name in COMPARABLE if name != baseline]


class BaselinesPage(QWidget):
    """A button, the warning, and a table. A row that is chosen is the baseline whose values the panel shows."""

    #: Compare now.
    wanted = pyqtSignal()
    #: The row that was chosen: 0 is the run's own baseline, then those compared.
    chosen = pyqtSignal(int)

    def __init__(self) -> None:
        super().__init__()
        self._intro = QLabel(
            translate(
                "ExplainPanel",
                "A superpixel counts for what it adds to a baseline. What looks like the baseline cannot count: "
                "compare several before you believe that something does not matter.",
            )
        )
        self._intro.setWordWrap(True)
        self.button = QPushButton(translate("ExplainPanel", "Compare Baselines"))
        self.button.setObjectName("compare")
        self.button.clicked.connect(self.wanted)
        self.warning = Message("warning")
        self.table = _empty_table()
        self.table.currentCellChanged.connect(self._choose)
        self._hint = QLabel(translate("ExplainPanel", "Choose a row to see its values in the chart and on the map."))
        self._hint.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 6, 0, 0)
        column.addWidget(self._intro)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.warning)
        column.addWidget(self._hint)
        column.addWidget(self.table, 1)
        column.addStretch(0)
        self.clear()

    def clear(self) -> None:
        """Show that nothing has been compared."""
        self.table.blockSignals(True)
        self.table.setRowCount(0)
        self.table.blockSignals(False)
        for widget in (self.table, self._hint, self.warning):
            widget.hide()
        self._intro.show()
        self.button.show()

    def show_comparison(self, answer: RegionAnswer, baseline: str) -> None:
        """Show what came out; the first row is the run's own baseline."""
        self.clear()
        if not answer.compared:
            return
        self.table.blockSignals(True)
        self.table.setRowCount(1 + len(answer.compared))
        self._fill(0, [choice_text("baseline", baseline), number(answer.f_baseline), "", labels(answer.hidden)])
        for row, compared in enumerate(answer.compared, 1):
            self._fill(row, _cells(compared))
            self.table.item(row, 0).setToolTip(_rich(compared.error or compared.baseline_text))
            if compared.error:
                self._set_apart(row)
        self.table.setCurrentCell(0, 0)
        self.table.blockSignals(False)
        self.table.resizeRowsToContents()
        self.table.show()
        self._hint.show()
        self.button.hide()
        self._intro.hide()
        found = hides(answer, baseline)
        if answer.hidden:
            self.warning.warn(html.escape(" ".join(found)))
            return
        nothing = translate("ExplainPanel", "{baseline} hides nothing.").format(
            baseline=choice_text("baseline", baseline)
        )
        told = [nothing, *found] if found else [_none_hides(), *disagreement(answer)]
        self.warning.hint(html.escape(" ".join(told)))

    def reachable(self) -> List[QWidget]:
        """What the keyboard reaches, in order."""
        return [self.button, *self.warning.buttons(), self.table]

    def minimumSizeHint(self) -> QSize:
        """Never wider than the dock: the table scrolls."""
        return QSize(100, super().minimumSizeHint().height())

    def _choose(self, row: int, column: int, before: int, *_: int) -> None:
        if row >= 0 and row != before:
            self.chosen.emit(row)

    def _fill(self, row: int, texts: List[str]) -> None:
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            item.setToolTip(_rich(text))
            if column in (1, 2):
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.table.setItem(row, column, item)

    def _set_apart(self, row: int) -> None:
        """The keyboard reaches what went wrong, but there are no values to be chosen."""
        for column in range(self.table.columnCount()):
            item = self.table.item(row, column)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled)
            font = item.font()
            font.setItalic(True)
            item.setFont(font)


def _empty_table() -> QTableWidget:
    table = QTableWidget(0, 4)
    table.setObjectName("compared")
    table.setHorizontalHeaderLabels(
        [
            translate("ExplainPanel", "Baseline"),
            translate("ExplainPanel", "Answer"),
            translate("ExplainPanel", "Agrees"),
            translate("ExplainPanel", "Hides"),
        ]
    )
    table.horizontalHeaderItem(2).setToolTip(
        translate("ExplainPanel", "<p>Spearman’s rank correlation of the values: 1 is the same order</p>")
    )
    table.verticalHeader().hide()
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    table.horizontalHeader().setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setTabKeyNavigation(False)
    table.setWordWrap(True)
    row = table.fontMetrics().height() + 8  # with the grid and the padding of styles
    table.setMinimumHeight(ROWS * row + table.horizontalHeader().sizeHint().height())
    return table


def _rich(text: str) -> str:
    """A plain text as a tool tip, whose lines are broken."""
    return f"<p>{html.escape(text)}</p>" if text else ""


def _none_hides() -> str:
    return translate("ExplainPanel", "No baseline hides what another one shows.")


def disagreement(answer: RegionAnswer) -> List[str]:
    """A sentence that names the baselines with which superpixels come in quite another order; none: with no one."""
    others = [other for other in answer.compared if not other.error and other.rank_correlation < ALIKE]
    if not others:
        return []
    told = translate(
        "ExplainPanel",
        "But compared with {baselines}, the superpixels come in another order (agreement {values}): believe what "
        "several baselines agree on.",
    )
    names = [f"“{choice_text('baseline', other.baseline)}”" for other in others]
    values = ", ".join(agreement(other.rank_correlation) for other in others)
    return [told.format(baselines=answers.listed(names), values=values)]


def agreement(correlation: float) -> str:
    """A rank correlation with two digits."""
    return "–" if math.isnan(correlation) else f"{correlation:.2f}".replace("-", "−")


def _cells(compared: Compared) -> List[str]:
    name = choice_text("baseline", compared.baseline)
    if compared.error:
        return [name, "–", "–", compared.error]
    return [name, number(compared.f_baseline), agreement(compared.rank_correlation), labels(compared.hidden)]
