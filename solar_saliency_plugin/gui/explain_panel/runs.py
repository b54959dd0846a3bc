"""What the panel computes: each time one run of a registered algorithm, in Processing's history, told as it goes."""

import time
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Mapping, Optional

from qgis.core import QgsApplication, QgsProcessingUtils
from qgis.PyQt.QtCore import QCoreApplication, QObject, pyqtSignal

from ...bridge.layers import Presentation
from ...bridge.narration import time_left
from ...contract.errors import ErrorKind, SolarSaliencyError
from ..background import Run
from ..history import remember
from .answer import PanelAnswer, begun, finished, refined
from .subject import Subject

translate = QCoreApplication.translate

REGION_SHAP, BAND_SHAP = "regionshap", "bandshap"

#: What each method writes beside its layer, by parameter: asked for at once, so that an export is what one sees.
FILES = {
    REGION_SHAP: {"OUTPUT": "gpkg", "RASTER": "tif", "REPORT": "html"},
    BAND_SHAP: {"OUTPUT": "gpkg", "REPORT": "html"},
}

#: What is done once a run has ended well.
Then = Callable[[], None]

#: Seconds that are not worth to be told of.
SHORT = 2.0


@dataclass(frozen=True)
class Outcome:
    """How a run ended: with an answer, with an error, or with neither where it was cancelled.

    request, result: what the engine was asked, and said. files: what it wrote, by ending. kind: of the error.
    """

    shown: Optional[PanelAnswer] = None
    request: Dict[str, Any] = field(default_factory=dict)
    result: Dict[str, Any] = field(default_factory=dict)
    files: Dict[str, str] = field(default_factory=dict)
    error: str = ""
    kind: Optional[ErrorKind] = None


class Explaining(QObject):
    """One run for one subject. The signals come on the thread of the windows; after ``ended`` there are no more.

    Once it has ended, or was abandoned, it deletes itself: what waited for Python's collector of garbage could be
    deleted on whatever thread that runs in.
    """

    progressed = pyqtSignal(float)
    stage = pyqtSignal(str)
    #: A PanelAnswer: first the players, then estimates of their values.
    shown = pyqtSignal(object)
    #: An Outcome.
    ended = pyqtSignal(object)

    def __init__(
        self, method: str, subject: Subject, choices: Mapping[str, Any], parent: QObject, beside: bool = False
    ) -> None:
        super().__init__(parent)
        self.method = method
        self.beside = beside  # it makes files of what is shown, and shows nothing
        self.subject = subject
        self.choices = dict(choices)
        self._partial: Optional[PanelAnswer] = None
        self._begun = 0.0
        stem = QgsProcessingUtils.generateTempFilename(method)
        self._files = {ending: f"{stem}.{ending}" for ending in FILES[method].values()}
        outputs = {name: self._files[ending] for name, ending in FILES[method].items()}
        self._parameters = {**subject.parameters(method, choices), **outputs}
        self._run: Optional[_Run] = None
        self.stopping = False

    def start(self) -> None:
        """Begin, and note it in the history."""
        run = self._run = _Run(self.method, self._parameters)
        run.progressChanged.connect(self.progressed)
        run.stage.connect(self.stage)
        run.partial.connect(self._take_partial)
        remember(run.algorithm, self._parameters, run.context)
        run.start(self._finish)  # no function that would hold this alive

    def stop(self) -> None:
        """Deliver what is there."""
        self.stopping = True
        if self._run is not None:
            self._run.stop()

    def cancel(self) -> None:
        """Give it up; ``ended`` comes when the task has ended."""
        if self._run is not None:
            self._run.cancel()

    def abandon(self) -> None:
        """Give it up, and say nothing more."""
        run, self._run = self._run, None
        self.blockSignals(True)
        if run is not None:
            run.cancel()
        self.deleteLater()

    def _take_partial(self, partial: Dict[str, Any]) -> None:
        if self._run is None or partial.get("region"):  # one question, one region
            return
        if "players" in partial:
            self._partial, self._begun = begun(partial), time.monotonic()
        elif self._partial is not None and "phi" in partial:
            self._partial = refined(self._partial, partial)
            self.stage.emit(self._how_far(self._partial))
        if self._partial is not None:
            self.shown.emit(self._partial)

    def _how_far(self, shown: PanelAnswer) -> str:
        """How many evaluations there were, and how long the others will take."""
        count, budget = shown.answer.evaluations, shown.budget
        told = translate("ExplainPanel", "{count} of {budget} evaluations", None, budget)
        told = told.format(count=count, budget=budget)
        left = (time.monotonic() - self._begun) * (budget - count) / max(count, 1)
        return f"{told}, {time_left(left)}" if left > SHORT else told

    def _finish(self, successful: bool, _: Dict[str, Any]) -> None:
        run, self._run = self._run, None
        if run is not None:
            self.ended.emit(self._outcome(run, successful))
            self.deleteLater()

    def _outcome(self, run: "_Run", successful: bool) -> Outcome:
        if (run.isCanceled() and not run.error) or (run.failure and run.failure.kind is ErrorKind.CANCELLED):
            return Outcome()
        regions = run.result.get("regions") or []
        if successful and regions:
            shown = finished(self._partial, run.request, run.result)
            return Outcome(shown, run.request, run.result, self._files)
        if run.failure is not None:
            return Outcome(error=self._told(run.failure), kind=run.failure.kind)
        nothing = translate("ExplainPanel", "It failed; View ▸ Panels ▸ Log Messages tells why.")
        return Outcome(error=run.error or nothing)

    def _told(self, failure: SolarSaliencyError) -> str:
        """An error in words. What the algorithm advises is meant for its own dialog, where that has other choices."""
        if failure.kind is ErrorKind.LONG_RUN:
            return failure.message
        if failure.kind is ErrorKind.TARGET_EMPTY and self.subject.is_searched:
            advice = translate(
                "ExplainPanel",
                "Draw over a detection, together with what may have led to it, such as snow beside it. Or have the "
                "region itself explained: the mean of all its pixels.",
            )
            return f"{failure.message} {advice}"
        return str(failure)


class _Run(Run):
    """A run that keeps what Processing does not hand on: all of the engine's answer, and the sort of its error."""

    def __init__(self, algorithm: str, parameters: Dict[str, Any]) -> None:
        self.request: Dict[str, Any] = {}
        self.result: Dict[str, Any] = {}
        self.failure: Optional[SolarSaliencyError] = None
        super().__init__(algorithm, parameters)

    def takeResult(self, request: Dict[str, Any], result: Dict[str, Any]) -> None:
        """The engine's answer."""
        self.request, self.result = request, result

    def takeError(self, error: SolarSaliencyError) -> None:
        """Why there is none."""
        self.failure = error


def presentation(method: str, outcome: Outcome) -> Presentation:
    """How the layer of a run is shown on the map: as the algorithm's own dialog would."""
    algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"solarsaliency:{method}")
    return algorithm.presentations(outcome.request, outcome.result)[outcome.files["gpkg"]]
