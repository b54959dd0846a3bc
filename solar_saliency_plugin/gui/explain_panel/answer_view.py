"""The answers that are known of a subject, as the panel shows them: other baselines' values and *what if*, too."""

import html
from typing import Optional, Tuple

from qgis.core import QgsProject
from qgis.PyQt.QtCore import QCoreApplication, QObject

from . import summary
from .answer import PanelAnswer, with_baseline
from .display import Display
from .findings import Findings
from .on_map import OnMap
from .panel import BANDS_TAB, ExplainPanel
from .runs import BAND_SHAP, REGION_SHAP
from .what_if import WhatIf

translate = QCoreApplication.translate


class AnswerView(QObject):
    """Shows what was found: the values, those of other baselines, and *what if*."""

    def __init__(self, panel: ExplainPanel, on_map: OnMap) -> None:
        super().__init__(panel)
        self._panel = panel
        self._map = on_map
        self._display = Display(panel, on_map)
        self._what_if = WhatIf()
        self.findings = Findings()
        on_map.toggled.connect(self._what_if.toggle)
        on_map.switching_ended.connect(lambda: panel.what_if.setChecked(False))
        panel.waterfall.toggled.connect(self._what_if.toggle)
        panel.baselines.chosen.connect(self._show_baseline)
        panel.what_if.toggled.connect(self._set_what_if)
        panel.all_on.clicked.connect(self._what_if.all_on)
        self._what_if.switched.connect(self._show_switched)
        self._what_if.answered.connect(self._show_what_if)
        self._what_if.failed.connect(self._fail_what_if)
        panel.tabs.currentChanged.connect(lambda _: self._show_doubts())
        QgsProject.instance().layersRemoved.connect(self._display.take_colours_back)
        self._set_what_if(False)

    def begin(self, findings: Findings) -> None:
        """Show another subject's answers, if there are any."""
        self._panel.what_if.setChecked(False)
        self.findings = findings
        self._what_if.begin({}, 0.0)
        self._display.clear()
        self._panel.baselines.clear()
        self._panel.bars.clear()
        self.show()

    @property
    def has_values(self) -> bool:
        """Whether values are shown, be they those of a run that failed half-way."""
        return self._display.has_values

    def show_earlier(self, method: str, but_this: bool) -> None:
        """Show what earlier runs found; ``but_this``: the half that one told that failed since is all there is."""
        if method == BAND_SHAP:
            self._panel.bars.clear()
            self.show(method)
        elif not but_this:
            self.begin(self.findings)

    def show(self, method: str = REGION_SHAP) -> None:
        """Show all that is known. ``method``: what has been asked anew; bands leave alone what is seen of the rest."""
        if self.findings.bands is not None:
            self._display.show_bands(self.findings.bands)
        if method == REGION_SHAP:
            self._show_superpixels(self.findings.superpixels)
        self._show_doubts()

    def _show_superpixels(self, shown: Optional[PanelAnswer]) -> None:
        self._show_headline(shown, self.findings.choices.baseline)
        if shown is None:
            return
        self._display.show_superpixels(shown)
        self._panel.baselines.show_comparison(shown.answer, self.findings.choices.baseline)
        self._what_if.begin(self.findings.request or {}, shown.answer.probability)
        if self.findings.bands is None:
            self._panel.bars.clear()

    def show_partial(self, method: str, baseline: str, shown: PanelAnswer) -> None:
        """Show as much as a run has told so far."""
        if method == BAND_SHAP:
            self._display.show_bands(shown)
            return
        self._display.show_superpixels(shown)
        self._show_headline(shown, baseline)
        self._show_doubts()

    def show_on_map_again(self) -> None:
        """The map was cleared meanwhile."""
        if self.findings.subject is not None:
            self._map.show_subject(self.findings.subject)
        self._display.show_on_map_again()

    def _show_doubts(self) -> None:
        """Say what one should know before one believes the answer of the tab, as long as it is shown."""
        _, shown = self.of_tab()
        doubts = summary.doubts(shown) if shown is not None and not self._display.is_partial else []
        if doubts:
            self._panel.doubts.warn("<br>".join(html.escape(text) for text in doubts))
        else:
            self._panel.doubts.clear()

    def _show_headline(self, shown: Optional[PanelAnswer], baseline: str) -> None:
        """Say whose answer it is, and what it is."""
        name = self.findings.subject.name if self.findings.subject is not None else ""
        if shown is None:
            self._panel.headline.setText(name[:1].upper() + name[1:])
            self._panel.told.setText("")
            return
        self._panel.headline.setText(
            summary.headline(name, shown, self.findings.subject is not None and self.findings.subject.is_searched)
        )
        lines = [summary.numbers(shown.answer, baseline)]
        if shown.whole:
            lines.append(summary.most_of_it(shown.players))
        self._panel.told.setText("\n".join(filter(None, lines)))

    def offer(self, running: bool) -> None:
        """Enable what can be done now."""
        panel, whole = self._panel, self.findings.superpixels is not None and not running
        for button in (panel.add_to_map, panel.copy, panel.export, panel.baselines.button):
            button.setEnabled(whole)
        panel.what_if.setEnabled(whole and bool(self.findings.request))
        panel.zoom.setEnabled(self.findings.subject is not None)

    def end(self) -> None:
        """Ask nothing more."""
        QgsProject.instance().layersRemoved.disconnect(self._display.take_colours_back)
        self._what_if.begin({}, 0.0)

    def of_tab(self) -> Tuple[str, Optional[PanelAnswer]]:
        """The answer of the tab that is shown, and its method."""
        if self._panel.tab() == BANDS_TAB and self.findings.bands is not None:
            return BAND_SHAP, self.findings.bands
        return REGION_SHAP, self.findings.superpixels

    def leave_colours_to(self, layer: str) -> None:
        """The superpixels' answer was added to the map as a layer of that id."""
        self._display.leave_colours_to(layer)

    def show_own_baseline(self) -> None:
        """Show the run's own answer, whatever baseline was looked at."""
        table = self._panel.baselines.table
        if table.rowCount():
            table.setCurrentCell(0, 0)

    # Other baselines

    def _show_baseline(self, row: int) -> None:
        shown = self.findings.superpixels
        if shown is None or (row and shown.answer.compared[row - 1].error):
            return
        baseline = shown.answer.compared[row - 1].baseline if row else self.findings.choices.baseline
        other = with_baseline(shown, row)
        self._display.show_superpixels(other)
        self._show_headline(other, baseline)
        self._what_if.begin({**(self.findings.request or {}), "baseline": baseline}, shown.answer.probability)

    # What if

    def _set_what_if(self, wanted: bool) -> None:
        self._panel.waterfall.set_switchable(wanted)
        self._panel.all_on.setVisible(wanted)
        self._panel.now.setVisible(wanted)
        self._map.switch_by_clicks(wanted)
        self._what_if.all_on()

    def _show_switched(self) -> None:
        self._display.switch_off(self._what_if.off)
        self._panel.all_on.setEnabled(bool(self._what_if.off))

    def _show_what_if(self, f_now: Optional[float], text: str) -> None:
        self._panel.waterfall.set_now(f_now)
        self._panel.now.setText(text or translate("ExplainPanel", "Click superpixels, here or on the map."))

    def _fail_what_if(self, text: str) -> None:
        self._panel.waterfall.set_now(None)
        self._panel.now.setText(translate("ExplainPanel", "No answer for this, see above. All On goes back."))
        self._panel.message.fail(html.escape(text))
