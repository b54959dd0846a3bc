"""What the panel does: from a click on the map to a run, to its answer; and what the project remembers of it."""

import html
from functools import partial
from typing import Any, Callable, Dict, Optional

from qgis.core import QgsGeometry, QgsProject
from qgis.PyQt.QtCore import QCoreApplication, QObject

from ....processing_algorithms.base import setup_link
from ...bridge import environment
from ...contract.errors import SolarSaliencyError
from ..detections import Detection
from ..picking import SELECT, guide
from . import failures, state
from .answer_view import AnswerView
from .baselines import others
from .choices import Choices
from .findings import Findings
from .handing_on import HandingOn
from .on_map import OnMap
from .panel import BANDS_TAB, ExplainPanel
from .runs import BAND_SHAP, REGION_SHAP, Explaining, Outcome, Then
from .selected import Selected
from .subject import Subject, of_detection, of_region

translate = QCoreApplication.translate


class Presenter(QObject):
    """Runs the panel. :meth:`remove` ends everything that is under way and leaves nothing behind."""

    def __init__(self, iface: Any, panel: ExplainPanel) -> None:
        super().__init__(panel)
        self._iface = iface
        self._panel = panel
        self._map = OnMap(iface.mapCanvas(), panel.tools)
        self._view = AnswerView(panel, self._map)
        self._handing_on = HandingOn(panel, self._map, self._view)
        self._selected = Selected(iface, panel, lambda: self.findings.subject)
        self._running: Optional[Explaining] = None
        self._former = Findings()  # the newest that had an answer, in case that the next question gets none
        self._bands_failed = False
        self._is_open = True
        self._connect()
        self.restore()

    def remove(self) -> None:
        """End everything, and leave nothing on the map."""
        project = QgsProject.instance()
        project.cleared.disconnect(self.reset)
        project.readProject.disconnect(self.restore)
        project.writeProject.disconnect(self._remember)
        self._abandon()
        self._selected.remove()
        self._view.end()
        self._map.remove()

    def _connect(self) -> None:
        panel, project = self._panel, QgsProject.instance()
        self._map.picked.connect(self.explain_detection)
        self._map.drawn.connect(self.explain_region)
        self._map.hinted.connect(self._hint)
        panel.what_if.take_up_again = self._map.switch_again
        panel.explain.clicked.connect(self._explain_or_stop)
        panel.tabs.currentChanged.connect(lambda: self._on_tab())
        panel.baselines.wanted.connect(self.compare_baselines)
        self._handing_on.again.connect(self._explain_again)
        panel.opened.connect(self._on_opened)
        for changed in (panel.method.activated, panel.baseline.activated, panel.superpixels.editingFinished):
            changed.connect(lambda *_: self._on_choice())
        panel.superpixels.lineEdit().returnPressed.connect(self._on_return)
        project.cleared.connect(self.reset)
        project.readProject.connect(self.restore)
        project.writeProject.connect(self._remember)

    @property
    def findings(self) -> Findings:
        """What is known of the subject."""
        return self._view.findings

    # What is asked

    def explain_detection(self, detection: Detection) -> None:
        """Explain a detection."""
        self._ask(lambda: of_detection(detection))

    def explain_region(self, region: QgsGeometry) -> None:
        """Explain a region that was drawn, in the map's CRS."""
        crs, picked = self._map.canvas.mapSettings().destinationCrs(), self.findings.subject
        self._ask(lambda: of_region(region, crs, self._map.canvas.layers(), self._iface.activeLayer(), picked))

    def _explain_itself(self, subject: Subject, elsewhere: bool) -> None:
        """Explain a region whatever is detected there. elsewhere: the scene that was asked does not reach it."""
        place, shown, active = (subject.geometry(), subject.reference()), self._map.canvas.layers(), self._iface
        self._ask(lambda: (of_region(*place, shown, active.activeLayer(), None) if elsewhere else subject).itself())

    def compare_baselines(self) -> None:
        """Run once more, with all other baselines beside the first; the first one's answers are known."""
        self._start(REGION_SHAP, self.findings.choices, {"compare": others(self.findings.choices.baseline)})

    def _ask(self, subject: Callable[[], Subject]) -> None:
        self._abandon()
        self._selected.settle()
        try:
            found = subject()
        except SolarSaliencyError as error:
            self._bring_former_back()
            self._idle()
            self._panel.message.fail(html.escape(str(error)))
            return
        self._turn_to(Findings(found))
        self._panel.show_tab("superpixels")
        self._start(REGION_SHAP, self._panel.choices(), {})

    def _turn_to(self, findings: Findings) -> None:
        if self.findings.superpixels is not None:
            self._former = self.findings
        self._bands_failed = False
        self._view.begin(findings)
        if findings.subject is not None:
            self._map.show_subject(findings.subject)

    def _bring_former_back(self) -> bool:
        """Where nothing came of the newest question, go back to what had an answer before it."""
        if self.findings.superpixels is not None or self._view.has_values or self._former.subject is None:
            return False
        self._turn_to(self._former)
        return True

    def _explain_again(self, method: str, baseline: str, then: Then) -> None:
        """Run as for the answer that is shown, or beside it for the files of a compared baseline; and go on then."""
        choices, more = self.findings.again(method, baseline)
        self._start(method, choices, more, then, choices != self.findings.choices)

    def _explain_or_stop(self) -> None:
        detection = self._selected.detection() if self._running is None else None
        if detection is not None:
            self.explain_detection(detection)
        elif self.findings.subject is None:
            self._hint(guide(SELECT))
        elif self._running is None:
            self._bands_failed = False
            self._start(REGION_SHAP, self._panel.choices(), {})
        elif self._running.stopping or self._running.beside:
            self._running.cancel()
        else:
            self._running.stop()
            self._panel.explain.setText(translate("ExplainPanel", "Cancel"))
            self._panel.stage.setText(translate("ExplainPanel", "Putting together what there is …"))

    def _start(
        self, method: str, choices: Choices, more: Dict[str, Any], then: Then = lambda: None, beside: bool = False
    ) -> None:
        """Run a method with the user's choices, and ``more`` values of options; ``then``: what an answer is for."""
        subject = self.findings.subject
        if subject is None:
            return
        self._abandon()
        self._panel.message.clear()
        engine = environment.state()
        if not engine.ready:
            self._bring_former_back()
            self._idle()
            self._panel.message.fail(f"{html.escape(engine.reason)} {setup_link()}")
            return
        if method == REGION_SHAP and not beside:
            self._panel.what_if.setChecked(False)  # what is switched off are superpixels of the answer before
        run = self._running = Explaining(method, subject, {**choices.values(), **more}, self, beside)
        run.progressed.connect(lambda percent: self._panel.progress.setValue(int(percent)))
        run.stage.connect(self._panel.stage.setText)
        if not beside:
            run.shown.connect(partial(self._view.show_partial, method, choices.baseline))
        consented = partial(self._start_long, self.findings, method, choices, {**more, "long": True}, then, beside)
        run.ended.connect(partial(self._end, choices, consented, then))
        self._busy()
        run.start()
        if subject.note and method == REGION_SHAP and self._running is run:
            self._panel.message.hint(html.escape(subject.note))

    def _start_long(self, findings: Findings, *asked: Any) -> None:
        """Run after all what takes long, of what it was asked about."""
        if findings is not self.findings:
            self._turn_to(findings)
        self._start(*asked)

    def _abandon(self) -> None:
        run, self._running = self._running, None
        if run is not None:
            run.abandon()

    # What comes of it

    def _end(self, choices: Choices, consented: Then, then: Then, outcome: Outcome) -> None:
        run, self._running = self._running, None
        if run is None:
            return
        if outcome.shown is None:
            self._bands_failed = self._bands_failed or run.method == BAND_SHAP
            if not run.beside and not self._bring_former_back():
                is_all = bool(outcome.error) and self.findings.superpixels is None and self._view.has_values
                self._view.show_earlier(run.method, but_this=is_all)
            self._idle()
            failures.tell(self._panel.message, outcome, run.subject, consented, self._explain_itself)
            return
        self.findings.take(run.method, choices, outcome, run.beside)
        if not run.beside:
            self._view.show(run.method)
        self._idle()
        QgsProject.instance().setDirty(True)  # it remembers the answer
        self._on_tab()
        then()

    def _on_tab(self) -> None:
        """The bands are asked for when one wants to see them."""
        wanted = self._panel.tab() == BANDS_TAB and self.findings.superpixels is not None
        if wanted and self.findings.bands is None and self._running is None and not self._bands_failed:
            self._panel.bars.clear(translate("ExplainPanel", "Asking the model without each combination of bands …"))
            self._start(BAND_SHAP, self.findings.choices, {})

    # What the panel offers

    def _busy(self) -> None:
        panel = self._panel
        panel.show_running(True)
        panel.show_answer(True)
        self._view.offer(True)
        self._selected.pause(True)

    def _idle(self) -> None:
        panel, has_any = self._panel, self.findings.superpixels is not None or self._view.has_values
        panel.show_running(False)
        panel.show_answer(has_any)
        if not has_any:
            self._map.bring_layers_back()
        self._view.offer(False)
        self._selected.pause(False)

    def _hint(self, text: str) -> None:
        if text:
            self._panel.message.hint(html.escape(text))
        elif self._panel.message.is_hint:
            self._panel.message.clear()

    def _on_opened(self, opened: bool) -> None:
        """A closed panel leaves the map as it was; what runs goes on."""
        if opened == self._is_open:
            return
        self._is_open = opened
        if not opened:
            self._panel.what_if.setChecked(False)
        self._map.set_hidden(not opened)
        if opened:
            self._view.show_on_map_again()

    # What is remembered

    def _on_choice(self) -> None:
        """Say how to see another choice, until that is taken back."""
        if self.findings.superpixels is None or self._running is not None or self._selected.detection() is not None:
            return
        message, press = self._panel.message, translate("ExplainPanel", "Press “Explain” to see it with these choices.")
        if self._panel.choices() != self.findings.choices:
            message.hint(press)
        elif message.says(press):
            message.clear()

    def _on_return(self) -> None:
        """Return in the box of a number is meant as “Explain”."""
        if self._running is None and self._panel.choices() != self.findings.choices:
            self._explain_or_stop()

    def _remember(self, *_: Any) -> None:
        state.save(QgsProject.instance(), self._panel.choices(), self.findings)

    def reset(self) -> None:
        """The project was closed: there is nothing to explain any more."""
        self._forget()
        self._idle()

    def _forget(self) -> None:
        self._abandon()
        self._bands_failed, self._former = False, Findings()
        self._map.clear()
        self._view.begin(Findings())
        self._selected.settle()
        self._panel.message.clear()
        self._panel.show_choices(Choices())

    def restore(self, *_: Any) -> None:
        """Show what a project remembers."""
        self._forget()
        known = state.load(QgsProject.instance())
        self._panel.show_choices(known.choices)
        if known.findings.subject is not None:
            self._view.begin(known.findings)
            self._map.show_subject(known.findings.subject)
        self._idle()
        if known.is_damaged:
            failures.tell_of_damage(self._panel.message)
