"""The answers that are known of a subject, as the panel shows them: other baselines' values and *what if*, too."""

import html
from typing import Collection, Dict, Optional, Tuple

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
        self._baseline = self.findings.choices.baseline  # of the superpixels' values that are shown
        #: Of methods and baselines, the answer whose doubts the user has put away.
        self._put_away: Dict[Tuple[str, str], PanelAnswer] = {}
        on_map.toggled.connect(self._what_if.toggle)
        on_map.switching_ended.connect(lambda: panel.what_if.setChecked(False))
        panel.waterfall.toggled.connect(self._what_if.toggle)
        panel.baselines.chosen.connect(self._show_baseline)
        panel.what_if.toggled.connect(self._set_what_if)
        panel.all_on.clicked.connect(self._what_if.all_on)
        self._what_if.switched.connect(self._show_switched)
        self._what_if.answered.connect(self._show_what_if)
        self._what_if.failed.connect(self._fail_what_if)
        panel.tabs.currentChanged.connect(lambda _: self._tell())
        panel.doubts.put_away.connect(self._put_doubts_away)
        QgsProject.instance().layersRemoved.connect(self._take_colours_back)
        self._set_what_if(False)

    def begin(self, findings: Findings) -> None:
        """Show another subject's answers, if there are any."""
        self._panel.what_if.setChecked(False)
        if findings is not self.findings:
            self._put_away = {}
        self.findings = findings
        self._what_if.begin({}, 0.0)
        self._display.clear()
        self._baseline = findings.choices.baseline
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
        self._tell()

    def _show_superpixels(self, shown: Optional[PanelAnswer]) -> None:
        if shown is None:
            return
        self._show_values(shown, self.findings.choices.baseline)
        self._panel.baselines.show_comparison(shown.answer, self.findings.choices.baseline)
        self._what_if.begin(self.findings.request or {}, shown.answer.probability)
        if self.findings.bands is None:
            self._panel.bars.clear()

    def show_partial(self, method: str, baseline: str, shown: PanelAnswer) -> None:
        """Show as much as a run has told so far."""
        if method == BAND_SHAP:
            self._display.show_bands(shown)
            return
        self._show_values(shown, baseline)
        self._tell()

    def _show_values(self, shown: PanelAnswer, baseline: str) -> None:
        """Show superpixels' values, which are compared with a baseline."""
        self._baseline = baseline
        layer = QgsProject.instance().mapLayer(self.findings.layers.get(baseline, ""))
        self._display.show_superpixels(shown, shown.whole and layer is not None and layer.isValid())

    def show_on_map_again(self) -> None:
        """The map was cleared meanwhile."""
        if self.findings.subject is not None:
            self._map.show_subject(self.findings.subject)
        self._display.show_on_map_again()

    def _tell(self) -> None:
        """Say whose answer the tab shows, what it is, and what one should know before one believes it."""
        panel, subject = self._panel, self.findings.subject
        name = subject.name if subject is not None else ""
        method, baseline, shown = self.of_tab()
        if shown is None:
            panel.headline.setText(name[:1].upper() + name[1:])
            panel.told.setText("")
            panel.doubts.clear()
            return
        panel.headline.setText(summary.headline(name, shown, subject is not None and subject.is_searched))
        lines = [summary.numbers(shown.answer, baseline)]
        if shown.whole and (method == BAND_SHAP or panel.tab() != BANDS_TAB):
            lines.append(summary.most_of_it(shown.players))
        panel.told.setText("\n".join(filter(None, lines)))
        doubts = summary.doubts(shown) if shown.whole else []
        if doubts and self._put_away.get((method, baseline)) is not self._answer_of(method):
            panel.doubts.warn("<br>".join(html.escape(text) for text in doubts))
        else:
            panel.doubts.clear()

    def _put_doubts_away(self) -> None:
        """They stay away for as long as this answer is shown, and come with the next one."""
        method, baseline, _ = self.of_tab()
        answer = self._answer_of(method)
        if answer is not None:
            self._put_away[method, baseline] = answer

    def _answer_of(self, method: str) -> Optional[PanelAnswer]:
        """What a method's run found, which is told of every baseline that it compared."""
        return self.findings.bands if method == BAND_SHAP else self.findings.superpixels

    def offer(self, running: bool) -> None:
        """Enable what can be done now."""
        panel, whole = self._panel, self.findings.superpixels is not None and not running
        for button in (panel.add_to_map, panel.copy, panel.export, panel.baselines.button):
            button.setEnabled(whole)
        panel.what_if.setEnabled(whole and bool(self.findings.request))
        panel.zoom.setEnabled(self.findings.subject is not None)

    def end(self) -> None:
        """Ask nothing more."""
        QgsProject.instance().layersRemoved.disconnect(self._take_colours_back)
        self._what_if.begin({}, 0.0)

    @property
    def superpixels(self) -> Optional[PanelAnswer]:
        """The superpixels' values that are shown, be they those of another baseline."""
        return self._display.superpixels

    def of_tab(self) -> Tuple[str, str, Optional[PanelAnswer]]:
        """The answer that the tab shows: its method, the baseline that it is compared with, and itself."""
        found, own = self.findings, self.findings.choices.baseline
        if self._panel.tab() != BANDS_TAB or found.superpixels is None:
            return REGION_SHAP, self._baseline, self.superpixels
        if found.bands is None:
            return REGION_SHAP, own, found.superpixels  # the bands are asked with the same baseline
        return BAND_SHAP, own, found.bands

    # Layers that show the same

    def leave_colours_to(self, layer: str, baseline: str) -> None:
        """The superpixels' values of a baseline were added to the map as a layer of that id."""
        self.findings.layers[baseline] = layer
        if self.superpixels is not None and baseline == self._baseline:
            self._show_values(self.superpixels, baseline)

    def _take_colours_back(self, removed: Collection[str]) -> None:
        """Layers of these ids are not there any more."""
        if self.superpixels is not None and self.findings.layers.get(self._baseline) in removed:
            self._show_values(self.superpixels, self._baseline)

    # Other baselines

    def show_baseline(self, baseline: str) -> None:
        """Show the values of a baseline that was compared, if there are any."""
        compared = self.findings.superpixels.answer.compared if self.findings.superpixels is not None else ()
        for row, other in enumerate(compared, 1):
            if other.baseline == baseline:
                self._panel.baselines.table.setCurrentCell(row, 0)

    def _show_baseline(self, row: int) -> None:
        shown, own = self.findings.superpixels, self.findings.choices.baseline
        if shown is None or (row and shown.answer.compared[row - 1].error):
            return
        baseline = shown.answer.compared[row - 1].baseline if row else own
        self._show_values(with_baseline(shown, row, own), baseline)
        self._tell()
        self._what_if.turn_to({**(self.findings.request or {}), "baseline": baseline})

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
