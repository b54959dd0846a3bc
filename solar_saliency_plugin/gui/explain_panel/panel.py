"""The dock's layout: what it is made of, and nothing of what it does (see :mod:`.presenter`)."""

from typing import Dict, List

from qgis.gui import QgsDockWidget
from qgis.PyQt.QtCore import QCoreApplication, QEvent, Qt, pyqtSignal
from qgis.PyQt.QtGui import QFontInfo
from qgis.PyQt.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QMenu,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ...contract.region_shap import COMPARABLE, ESTIMATORS
from .baselines import BaselinesPage
from .charts import BarChart, WaterfallChart
from .choices import Choices
from .message import Message
from .widgets import (
    RunButton,
    Scrolled,
    ToolSwitch,
    button,
    choice,
    column,
    help_button,
    keep_room,
    narrow_button,
    number,
    progress,
    scrolled,
    tool,
    wrapped,
)

translate = QCoreApplication.translate

#: The tabs, by the name under which the project remembers them.
SUPERPIXELS_TAB, BANDS_TAB, BASELINES_TAB = "superpixels", "bands", "baselines"

#: How much larger the headline is than the rest.
LARGE = 1.2


class ExplainPanel(QgsDockWidget):
    """The Explain panel. Every widget that matters has an object name, a mnemonic or a place in the tab order."""

    #: It is shown or hidden: by the user, not by a tab of docks before it.
    opened = pyqtSignal(bool)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(translate("ExplainPanel", "Explain"), parent)
        self.setObjectName("SolarSaliencyExplainPanel")
        self.tools = self._tools()
        self.method = choice("estimator", ESTIMATORS, first=2)
        self.baseline = choice("baseline", COMPARABLE)
        self.superpixels = number("superpixels")
        self.explain = RunButton("explain", translate("ExplainPanel", "Expla&in"))
        self.progress = progress()
        self.stage = wrapped("stage", is_plain=True)
        self.message = Message("message")
        self.welcome = wrapped("welcome", self._welcome())
        self.headline = wrapped("headline", is_plain=True)
        self.told = wrapped("told", is_plain=True)
        self.doubts = Message("doubts")
        self.waterfall, self.bars = WaterfallChart(), BarChart()
        self.what_if = ToolSwitch("what_if", translate("ExplainPanel", "What I&f"))
        self.what_if.setToolTip(translate("ExplainPanel", "Switch superpixels off and on, and see what the model says"))
        self.all_on = button("all_on", translate("ExplainPanel", "All On"))
        self.now = wrapped("now")
        self.now.setTextFormat(Qt.TextFormat.RichText)
        for each in (self.all_on, self.now):
            keep_room(each)
        self.baselines = BaselinesPage()
        self.tabs = self._tabs()
        self.add_to_map = narrow_button("add_to_map", translate("ExplainPanel", "&Add to Map"))
        self.add_to_map.setToolTip(
            translate("ExplainPanel", "<p>Adds a temporary layer; to keep it, choose Export ▸ Layer (GeoPackage)…</p>")
        )
        self.copy = narrow_button("copy", translate("ExplainPanel", "Cop&y"))
        self.copy.setToolTip(translate("ExplainPanel", "Copy a summary of all that is known, as text"))
        self.export = narrow_button("export", translate("ExplainPanel", "E&xport"))
        self.export.setMenu(QMenu(self.export))
        self.zoom = self._zoom()
        self.limits = wrapped("limits", self._limits())
        self.help = help_button()
        self._answer = self._answers()
        self.setWidget(Scrolled(self._whole()))
        self._order_tabs()
        self._enlarge()
        self.show_running(False)
        self.show_answer(False)
        self.visibilityChanged.connect(lambda: self.opened.emit(not self.isHidden()))

    def _welcome(self) -> str:
        return translate(
            "ExplainPanel",
            "Pick a detection on the map, or draw a region around one. A few seconds later the map shows which parts "
            "of the place raised the model’s answer (red), and which ones lowered it (blue).",
        )

    def _zoom(self) -> QToolButton:
        made = tool(
            "zoom",
            translate("ExplainPanel", "Zoom to It"),
            translate("ExplainPanel", "Show the explained place as large as there is room"),
            "/mActionZoomToSelected.svg",
        )
        made.setCheckable(False)
        return made

    def _limits(self) -> str:
        return translate("ExplainPanel", "This shows what the model reacts to, not whether a solar farm is there.")

    def show_answer(self, shown: bool) -> None:
        """Show what belongs to an answer, or what one can do to get one."""
        self._answer.setVisible(shown)
        self.welcome.setVisible(not shown)

    def show_running(self, running: bool) -> None:
        """Show progress, which has yet to begin, or what came out."""
        self.explain.setText(translate("ExplainPanel", "Stop") if running else translate("ExplainPanel", "Expla&in"))
        self.progress.setValue(0)
        self.stage.setText(translate("ExplainPanel", "Starting …"))
        self.progress.setVisible(running)
        self.stage.setVisible(running)

    def choices(self) -> Choices:
        """What the user chose."""
        return Choices(self.method.currentData(), self.baseline.currentData(), self.superpixels.value())

    def show_choices(self, choices: Choices) -> None:
        """Show what was chosen."""
        self.method.setCurrentIndex(self.method.findData(choices.estimator))
        self.baseline.setCurrentIndex(self.baseline.findData(choices.baseline))
        self.superpixels.setValue(choices.superpixels)

    def tab(self) -> str:
        """The name of the tab that is shown."""
        return str(self.tabs.currentWidget().objectName())

    def show_tab(self, name: str) -> None:
        """Show the tab of that name, where there is one."""
        for index in range(self.tabs.count()):
            if self.tabs.widget(index).objectName() == name:
                self.tabs.setCurrentIndex(index)

    def changeEvent(self, event: QEvent) -> None:  # noqa: D102
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._enlarge()

    def _enlarge(self) -> None:
        font = self.font()
        font.setPointSizeF(QFontInfo(font).pointSizeF() * LARGE)  # style sheets set fonts in pixels: without points
        font.setBold(True)
        self.headline.setFont(font)

    def _tools(self) -> Dict[str, QToolButton]:
        return {
            "pick": tool(
                "pick",
                translate("ExplainPanel", "Pic&k"),
                translate("ExplainPanel", "Click a detection on the map to see why it is there"),
                "/mActionIdentify.svg",
                with_text=True,
            ),
            "rectangle": tool(
                "rectangle",
                translate("ExplainPanel", "Draw a Rectan&gle"),
                translate("ExplainPanel", "Drag a rectangle on the map: what is detected in it is explained"),
                "/mActionAddBasicRectangle.svg",
            ),
            "polygon": tool(
                "polygon",
                translate("ExplainPanel", "Draw a Polygo&n"),
                translate("ExplainPanel", "Click the corners of a region on the map; a right click ends"),
                "/mActionCapturePolygon.svg",
            ),
            "freehand": tool(
                "freehand",
                translate("ExplainPanel", "Draw Freehand"),
                translate("ExplainPanel", "Drag around a region on the map"),
                "/mActionStreamingDigitize.svg",
            ),
        }

    def _tabs(self) -> QTabWidget:
        tabs = QTabWidget()
        tabs.setObjectName("tabs")
        page = QWidget()
        page.setObjectName(SUPERPIXELS_TAB)
        rows = column(page)
        rows.addWidget(scrolled(self.waterfall), 1)
        row = QHBoxLayout()
        row.addWidget(self.what_if)
        row.addWidget(self.all_on)
        row.addStretch(1)
        rows.addLayout(row)
        rows.addWidget(self.now)
        tabs.addTab(page, translate("ExplainPanel", "Superpixels"))
        page = QWidget()
        page.setObjectName(BANDS_TAB)
        column(page).addWidget(scrolled(self.bars), 1)
        tabs.addTab(page, translate("ExplainPanel", "Bands"))
        self.baselines.setObjectName(BASELINES_TAB)
        tabs.addTab(self.baselines, translate("ExplainPanel", "Baselines"))
        return tabs

    def _answers(self) -> QWidget:
        """What is shown of an answer: the numbers, the charts, and what one can do with it."""
        widget = QWidget()
        rows = column(widget)
        row = QHBoxLayout()
        row.addWidget(self.headline, 1)
        row.addWidget(self.zoom, 0, Qt.AlignmentFlag.AlignTop)
        rows.addLayout(row)
        rows.addWidget(self.told)
        rows.addWidget(self.doubts)
        rows.addWidget(self.tabs, 1)
        row = QHBoxLayout()
        for each in (self.add_to_map, self.copy, self.export):
            row.addWidget(each)
        rows.addLayout(row)
        row = QHBoxLayout()
        row.addWidget(self.limits, 1)
        row.addWidget(self.help, 0, Qt.AlignmentFlag.AlignBottom)
        rows.addLayout(row)
        return widget

    def _whole(self) -> QWidget:
        widget = QWidget()
        rows = QVBoxLayout(widget)
        rows.setContentsMargins(6, 6, 6, 6)
        row = QHBoxLayout()
        for each in self.tools.values():
            row.addWidget(each)
        row.addStretch(1)
        rows.addLayout(row)
        rows.addLayout(self._form())
        row = QHBoxLayout()
        row.addWidget(self.explain)
        row.addWidget(self.progress, 1)
        row.addStretch(0)
        rows.addLayout(row)
        rows.addWidget(self.stage)
        rows.addWidget(self.message)
        rows.addWidget(self.welcome)
        rows.addWidget(self._answer, 1)
        rows.addStretch(0)
        return widget

    def _form(self) -> QFormLayout:
        form = QFormLayout()
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(translate("ExplainPanel", "Me&thod"), self.method)
        form.addRow(translate("ExplainPanel", "Compared with (&baseline)"), self.baseline)
        form.addRow(translate("ExplainPanel", "N&umber of superpixels"), self.superpixels)
        return form

    def _order_tabs(self) -> None:
        order: List[QWidget] = [*self.tools.values(), self.method, self.baseline, self.superpixels, self.explain]
        order += [
            *self.message.buttons(),
            self.zoom,
            *self.doubts.buttons(),
            self.tabs.tabBar(),
            self.waterfall,
            self.what_if,
            self.all_on,
            self.bars,
        ]
        order += [*self.baselines.reachable(), self.add_to_map, self.copy, self.export, self.help]
        for before, after in zip(order, order[1:]):
            QWidget.setTabOrder(before, after)
