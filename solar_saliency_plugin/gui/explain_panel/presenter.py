"""What the panel does: from a click on the map to a run, to its answer; and what the project remembers of it."""

import html
from functools import partial
from typing import Any, Callable, Dict, Optional

from qgis.core import QgsGeometry, QgsProject
from qgis.PyQt.QtCore import QCoreApplication, QObject

from ....processing_algorithms.base import SETUP_LINK
from ...bridge import environment
from ...contract.errors import ErrorKind, SolarSaliencyError
from ..detections import Detection
from . import state, summary
from .answer import Shown
from .baselines import others
from .given import Answered, Given
from .on_map import OnMap
from .panel import BANDS, ExplainPanel
from .runs import BANDS as BAND_SHAP
from .runs import SUPERPIXELS as REGION_SHAP
from .runs import Explaining, Outcome
from .state import Choices, State
from .subject import Subject, of_detection, of_region

translate = QCoreApplication.translate

#: The failures that are mended by setting the engine up.
MENDED_BY_SET_UP = (ErrorKind.ENGINE_MISSING, ErrorKind.ENGINE_OUTDATED)


class Presenter(QObject):
    """Runs the panel. :meth:`remove` ends everything that is under way and leaves nothing behind."""

    def __init__(self, iface: Any, panel: ExplainPanel) -> None:
        super().__init__(panel)
        self._iface = iface
        self._panel = panel
        self._map = OnMap(iface.mapCanvas(), panel.tools)
        self._answered = Answered(panel, self._map)
        self._running: Optional[Explaining] = None
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
        self._answered.end()
        self._map.remove()

    def _connect(self) -> None:
        panel, project = self._panel, QgsProject.instance()
        self._map.picked.connect(self.explain_detection)
        self._map.drawn.connect(self.explain_region)
        self._map.hinted.connect(self._hint)
        panel.explain.clicked.connect(self._explain_or_stop)
        panel.tabs.currentChanged.connect(lambda: self._on_tab())
        panel.baselines.wanted.connect(self.compare_baselines)
        panel.opened.connect(self._on_opened)
        for changed in (panel.method.activated, panel.baseline.activated, panel.superpixels.editingFinished):
            changed.connect(lambda *_: self._on_choice())
        panel.superpixels.lineEdit().returnPressed.connect(self._on_return)
        project.cleared.connect(self.reset)
        project.readProject.connect(self.restore)
        project.writeProject.connect(self._remember)

    @property
    def given(self) -> Given:
        """What is known of the subject."""
        return self._answered.given

    # What is asked

    def explain_detection(self, detection: Detection) -> None:
        """Explain a detection."""
        self._ask(lambda: of_detection(detection))

    def explain_region(self, region: QgsGeometry) -> None:
        """Explain a region that was drawn, in the map's CRS."""
        canvas = self._map.canvas
        crs = canvas.mapSettings().destinationCrs()
        self._ask(lambda: of_region(region, crs, canvas.layers(), self._iface.activeLayer()))

    def compare_baselines(self) -> None:
        """Run once more, with all other baselines beside the first; the first one's answers are known."""
        self._start(REGION_SHAP, self.given.asked, {"compare": others(self.given.asked.baseline)})

    def _ask(self, subject: Callable[[], Subject]) -> None:
        self._abandon()
        try:
            found = subject()
        except SolarSaliencyError as error:
            self._idle()
            self._panel.message.fail(html.escape(str(error)))
            return
        self._bands_failed = False
        self._answered.begin(Given(found))
        self._map.show_subject(found)
        self._panel.show_tab("superpixels")
        self._start(REGION_SHAP, self._choices(), {})

    def _explain_or_stop(self) -> None:
        if self._running is None:
            self._bands_failed = False
            self._start(REGION_SHAP, self._choices(), {})
        elif self._running.stopping:
            self._running.cancel()
        else:
            self._running.stop()
            self._panel.explain.setText(translate("ExplainPanel", "Cancel"))
            self._panel.stage.setText(translate("ExplainPanel", "Putting together what there is …"))

    def _start(self, method: str, choices: Choices, more: Dict[str, Any]) -> None:
        subject = self.given.subject
        if subject is None:
            return
        self._abandon()
        self._panel.message.clear()
        engine = environment.state()
        if not engine.ready:
            self._idle()
            self._panel.message.fail(f"{html.escape(engine.reason)} {SETUP_LINK}")
            return
        if method == REGION_SHAP:
            self._panel.what_if.setChecked(False)  # what is switched off are superpixels of the answer before
        run = self._running = Explaining(method, subject, {**choices.values(), **more})
        run.progressed.connect(lambda percent: self._panel.progress.setValue(int(percent)))
        run.stage.connect(self._panel.stage.setText)
        run.shown.connect(partial(self._answered.show_partial, method, choices.baseline))
        run.ended.connect(partial(self._end, run, choices, more))
        self._busy()
        run.start()

    def _abandon(self) -> None:
        run, self._running = self._running, None
        if run is not None:
            run.abandon()

    # What comes of it

    def _end(self, run: Explaining, choices: Choices, more: Dict[str, Any], outcome: Outcome) -> None:
        if run is not self._running:
            return
        self._running = None
        if outcome.shown is None:
            self._bands_failed = self._bands_failed or run.method == BAND_SHAP
            is_all = bool(outcome.error) and self.given.superpixels is None and self._answered.has_values
            self._answered.show_earlier(run.method, but_this=is_all)
            self._idle()
            self._tell_of_failure(run, choices, more, outcome)
            return
        self.given.take(run.method, choices, outcome)
        self._answered.show(run.method)
        self._idle()
        self._tell_doubts(outcome.shown)
        QgsProject.instance().setDirty(True)  # it remembers the answer
        self._on_tab()

    def _tell_of_failure(self, run: Explaining, choices: Choices, more: Dict[str, Any], outcome: Outcome) -> None:
        message = self._panel.message
        if outcome.kind is ErrorKind.LONG_RUN:
            again = partial(self._start, run.method, choices, {**more, "long": True})
            message.ask(html.escape(outcome.error), translate("ExplainPanel", "Compute Anyway"), again)
        elif outcome.kind in MENDED_BY_SET_UP:
            message.fail(f"{html.escape(outcome.error)} {SETUP_LINK}")
        elif outcome.error:
            message.fail(html.escape(outcome.error))
        else:
            message.hint(translate("ExplainPanel", "Cancelled."))

    def _tell_doubts(self, shown: Shown) -> None:
        doubts = summary.doubts(shown)
        if doubts:
            self._panel.message.warn("<br>".join(html.escape(text) for text in doubts))

    def _on_tab(self) -> None:
        """The bands are asked for when one wants to see them."""
        wanted = self._panel.tab() == BANDS and self.given.superpixels is not None
        if wanted and self.given.bands is None and self._running is None and not self._bands_failed:
            self._panel.bars.clear(translate("ExplainPanel", "Asking the model without each combination of bands …"))
            self._start(BAND_SHAP, self.given.asked, {})

    # What the panel offers

    def _busy(self) -> None:
        panel = self._panel
        panel.progress.setValue(0)
        panel.stage.setText(translate("ExplainPanel", "Starting …"))
        panel.explain.setText(translate("ExplainPanel", "Stop"))
        panel.explain.setEnabled(True)
        panel.show_running(True)
        panel.show_answer(True)
        self._answered.offer(True)

    def _idle(self) -> None:
        panel, has_any = self._panel, self.given.superpixels is not None or self._answered.has_values
        panel.show_running(False)
        panel.explain.setText(translate("ExplainPanel", "Expla&in"))
        panel.explain.setEnabled(self.given.subject is not None)
        panel.show_answer(has_any)
        if not has_any:
            self._map.bring_layers_back()
        self._answered.offer(False)

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
            self._answered.show_on_map_again()

    # What is remembered

    def _choices(self) -> Choices:
        panel = self._panel
        return Choices(panel.method.currentData(), panel.baseline.currentData(), panel.superpixels.value())

    def _on_choice(self) -> None:
        if self.given.superpixels is not None and self._running is None and self._choices() != self.given.asked:
            self._panel.message.hint(translate("ExplainPanel", "Press “Explain” to see it with these choices."))

    def _on_return(self) -> None:
        """Return in the box of a number is meant as “Explain”."""
        if self._running is None and self._choices() != self.given.asked:
            self._explain_or_stop()

    def _remember(self, *_: Any) -> None:
        given = self.given
        kept = State(self._choices(), given.subject, given.asked, given.request, given.superpixels, given.bands)
        state.save(QgsProject.instance(), kept)

    def reset(self) -> None:
        """The project was closed: there is nothing to explain any more."""
        self._forget()
        self._idle()

    def _forget(self) -> None:
        self._abandon()
        self._map.clear()
        self._answered.begin(Given())
        self._panel.message.clear()
        self._show_choices(Choices())

    def restore(self, *_: Any) -> None:
        """Show what a project remembers."""
        self._forget()
        known = state.load(QgsProject.instance())
        self._show_choices(known.choices)
        if known.subject is not None:
            self._answered.begin(Given(known.subject, known.asked, known.request, known.superpixels, known.bands))
            self._map.show_subject(known.subject)
        self._idle()

    def _show_choices(self, choices: Choices) -> None:
        panel = self._panel
        panel.method.setCurrentIndex(panel.method.findData(choices.estimator))
        panel.baseline.setCurrentIndex(panel.baseline.findData(choices.baseline))
        panel.superpixels.setValue(choices.superpixels)
