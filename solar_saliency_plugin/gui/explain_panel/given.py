"""An answer that was given, and what one can ask of it: other baselines' values, what if, a layer, a text, files."""

import html
from dataclasses import dataclass, field
from typing import Any, Dict, Optional, Tuple

from qgis.PyQt.QtCore import QCoreApplication, QObject
from qgis.PyQt.QtWidgets import QApplication

from . import handing_on, summary
from .answer import Shown, with_baseline
from .display import Display
from .on_map import OnMap
from .panel import BANDS, SUPERPIXELS, ExplainPanel
from .runs import BANDS as BAND_SHAP
from .runs import SUPERPIXELS as REGION_SHAP
from .runs import Outcome
from .state import Choices
from .subject import Subject
from .what_if import WhatIf

translate = QCoreApplication.translate


@dataclass
class Given:
    """What is known of one subject. asked, request: what the superpixels answer; outcomes: of this session's runs."""

    subject: Optional[Subject] = None
    asked: Choices = field(default_factory=Choices)
    request: Optional[Dict[str, Any]] = None
    superpixels: Optional[Shown] = None
    bands: Optional[Shown] = None
    outcomes: Dict[str, Outcome] = field(default_factory=dict)

    def take(self, method: str, choices: Choices, outcome: Outcome) -> None:
        """Take over how a run ended."""
        self.outcomes[method] = outcome
        if method == BAND_SHAP:
            self.bands = outcome.shown
            return
        if choices.baseline != self.asked.baseline:
            self.bands = None
            self.outcomes.pop(BAND_SHAP, None)
        self.superpixels, self.asked, self.request = outcome.shown, choices, outcome.request


class Answered(QObject):
    """Shows what was given, and does what its buttons say."""

    def __init__(self, panel: ExplainPanel, on_map: OnMap) -> None:
        super().__init__(panel)
        self._panel = panel
        self._map = on_map
        self._display = Display(panel, on_map)
        self._what_if = WhatIf()
        self.given = Given()
        on_map.toggled.connect(self._what_if.toggle)
        on_map.switching_ended.connect(lambda: panel.what_if.setChecked(False))
        panel.waterfall.toggled.connect(self._what_if.toggle)
        panel.baselines.chosen.connect(self._show_baseline)
        panel.what_if.toggled.connect(self._set_what_if)
        panel.all_on.clicked.connect(self._what_if.all_on)
        self._what_if.switched.connect(self._show_switched)
        self._what_if.answered.connect(self._show_what_if)
        self._what_if.failed.connect(self._fail_what_if)
        panel.add_to_map.clicked.connect(self._add_to_map)
        panel.copy.clicked.connect(self._copy)
        panel.zoom.clicked.connect(self._zoom)
        panel.export.menu().aboutToShow.connect(self._fill_export)
        self._set_what_if(False)

    def begin(self, given: Given) -> None:
        """Show another subject's answers, if there are any."""
        self._panel.what_if.setChecked(False)
        self.given = given
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
            self.begin(self.given)

    def show(self, method: str = REGION_SHAP) -> None:
        """Show all that is known. ``method``: what has been asked anew; bands leave alone what is seen of the rest."""
        if method == BAND_SHAP:
            if self.given.bands is not None:
                self._display.show_bands(self.given.bands)
            return
        self._show_headline(self.given.superpixels, self.given.asked.baseline)
        shown = self.given.superpixels
        if shown is None:
            return
        self._display.show_superpixels(shown)
        self._panel.baselines.show_comparison(shown.answer, self.given.asked.baseline)
        self._what_if.begin(self.given.request or {}, shown.answer.probability)
        if self.given.bands is not None:
            self._display.show_bands(self.given.bands)
        else:
            self._panel.bars.clear()

    def show_partial(self, method: str, baseline: str, shown: Shown) -> None:
        """Show as much as a run has told so far."""
        if method == BAND_SHAP:
            self._display.show_bands(shown)
            return
        self._display.show_superpixels(shown)
        self._show_headline(shown, baseline)

    def show_on_map_again(self) -> None:
        """The map was cleared meanwhile."""
        if self.given.subject is not None:
            self._map.show_subject(self.given.subject)
        self._display.show_on_map_again()

    def _show_headline(self, shown: Optional[Shown], baseline: str) -> None:
        """Say whose answer it is, and what it is."""
        name = self.given.subject.name if self.given.subject is not None else ""
        if shown is None:
            self._panel.headline.setText(name[:1].upper() + name[1:])
            self._panel.told.setText("")
            return
        self._panel.headline.setText(
            summary.headline(name, shown, self.given.subject is not None and self.given.subject.drawn)
        )
        lines = [summary.numbers(shown.answer, baseline)]
        if shown.whole:
            lines.append(summary.most_of_it(shown.players))
        self._panel.told.setText("\n".join(filter(None, lines)))

    def offer(self, running: bool) -> None:
        """Enable what can be done now."""
        panel, whole = self._panel, self.given.superpixels is not None and not running
        for button in (panel.copy, panel.export, panel.baselines.button):
            button.setEnabled(whole)
        panel.what_if.setEnabled(whole and bool(self.given.request))
        panel.add_to_map.setEnabled(bool(self.given.outcomes) and not running)
        panel.zoom.setEnabled(self.given.subject is not None)
        kept = translate(
            "ExplainPanel", "<p>Adds a temporary layer; to keep it, choose Export ▸ Layer (GeoPackage)…</p>"
        )
        gone = translate("ExplainPanel", "Press “Explain” first: the layer went with the session that made it")
        panel.add_to_map.setToolTip(gone if whole and not self.given.outcomes else kept)

    def end(self) -> None:
        """Ask nothing more."""
        self._what_if.begin({}, 0.0)

    # Other baselines

    def _show_baseline(self, row: int) -> None:
        shown = self.given.superpixels
        if shown is None or (row and shown.answer.compared[row - 1].error):
            return
        baseline = shown.answer.compared[row - 1].baseline if row else self.given.asked.baseline
        other = with_baseline(shown, row)
        self._display.show_superpixels(other)
        self._show_headline(other, baseline)
        self._what_if.begin({**(self.given.request or {}), "baseline": baseline}, shown.answer.probability)

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
        self._fail(text)

    def _fail(self, text: str) -> None:
        self._panel.message.fail(html.escape(text))

    # Handing on

    def _of_tab(self) -> Tuple[str, Optional[Shown]]:
        """The answer of the tab that is shown."""
        if self._panel.tab() == BANDS and self.given.bands is not None:
            return BAND_SHAP, self.given.bands
        return REGION_SHAP, self.given.superpixels

    def _show_own_baseline(self) -> None:
        """What is handed on is the run's own answer: show it, whatever baseline was looked at."""
        table = self._panel.baselines.table
        if table.rowCount():
            table.setCurrentCell(0, 0)

    def _add_to_map(self) -> None:
        method, _ = self._of_tab()
        if method not in self.given.outcomes:
            return
        self._show_own_baseline()
        handing_on.add_to_map(method, self.given.outcomes[method])
        if method == REGION_SHAP:
            self._display.leave_colours_to_a_layer()

    def _zoom(self) -> None:
        if self.given.subject is not None:
            self._map.zoom_to(self.given.subject)

    def _copy(self) -> None:
        given = self.given
        if given.subject is None or given.superpixels is None:
            return
        self._show_own_baseline()
        made = given.superpixels.made
        name, drawn = given.subject.name, given.subject.drawn
        text = summary.as_text(name, given.superpixels, given.bands, made, drawn)
        QApplication.clipboard().setText(text)
        self._panel.message.hint(translate("ExplainPanel", "The summary is in the clipboard."))

    def _files(self, method: str) -> Dict[str, str]:
        return self.given.outcomes[method].files if method in self.given.outcomes else {}

    def _fill_export(self) -> None:
        method, shown = self._of_tab()
        handing_on.fill(self._panel.export.menu(), self._files(method), shown is not None, self._export)

    def _export(self, ending: str) -> None:
        method, shown = self._of_tab()
        if shown is None or self.given.subject is None:
            return
        self._show_own_baseline()
        of = BANDS if method == BAND_SHAP else SUPERPIXELS
        path = handing_on.ask_path(self._panel, f"{self.given.subject.name} {of}", ending)
        if not path:
            return
        try:
            handing_on.write(path, ending, self._files(method), shown)
        except OSError as error:
            told = translate("ExplainPanel", "{path} cannot be written: {reason}. Choose another place.")
            self._fail(told.format(path=path, reason=error.strerror or error))
            return
        self._panel.message.hint(html.escape(translate("ExplainPanel", "Written: {path}").format(path=path)))
