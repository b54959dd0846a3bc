"""One explanation that a click asked for: a first look, the whole, and the layer that shows them."""

from functools import partial
from typing import Any, Callable, Dict, Optional

from qgis.core import QgsDataProvider, QgsProcessingContext, QgsProcessingUtils, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QTimer

from ...processing_algorithms.attribute import Attribute
from ...processing_algorithms.explaining import map_presentation
from ..bridge.layers import Presentation, ShownResult, dress
from ..bridge.runs import run_of_raster
from ..contract.attribution_methods import ATTRIBUTION_METHODS
from ..contract.errors import SolarSaliencyError
from ..contract.provenance import SIMULATED_WARNING
from .background import Run
from .coarse import cost, preview
from .detections import Detection, as_parameters, question
from .history import remember
from .outline import Outline
from .progress_bar import ProgressItem, hint, tell, warn

#: Seconds from which the user is asked before the whole is computed.
LONG = 30.0

#: How far a model looks, metres, and a pixel's area, square metres: for a first guess of how much is computed.
_LOOKS, _PIXEL = 600.0, 100.0


class Explanation:
    """Runs Explain Detection for one detection in the background, twice where a first look is worth while.

    ``ended(self)`` is called when nothing more will come.
    """

    def __init__(
        self,
        iface: Any,
        detection: Detection,
        method: str,
        baseline: str,
        ended: Callable[["Explanation"], None],
    ) -> None:
        self._iface = iface
        self._detection = detection
        self._method = ATTRIBUTION_METHODS[method]
        self._baseline = baseline
        self._ended = ended
        self._values: Dict[str, Any] = {}
        self._coarse: Optional[Dict[str, Any]] = None
        self._item = ProgressItem(iface)
        self._outline = Outline(iface.mapCanvas())
        self._run: Optional[Run] = None
        self._layer = ""

    @property
    def what(self) -> str:
        """What is asked, in words; the same for the same question."""
        return f"{self._method.title} of {self._detection.name}"

    def start(self) -> None:
        """Begin; what is missing is said in the message bar."""
        try:
            asked = {**question(self._detection.layer), **self._detection.target()}
        except SolarSaliencyError as error:
            warn(self._iface, str(error))
            self._ended(self)
            return
        self._values = {**asked, "attribution_method": self._method.name, "baseline": self._baseline}
        self._highlight()
        self._coarse = preview(self._method, self._baseline, self._guessed_pixels())
        self._compute(self._coarse or {}, " (first look)" if self._coarse else "")

    def stop(self) -> None:
        """End it and leave nothing of it on the window; layers stay."""
        run, self._run = self._run, None
        if run is not None:
            run.cancel()
        self._leave()

    def _highlight(self) -> None:
        self._outline.show(self._detection.feature.geometry(), self._detection.layer.crs())

    def _guessed_pixels(self) -> int:
        detection = self._detection
        box = detection.feature.geometry().boundingBox()
        metres = 111_000.0 if detection.layer.crs().isGeographic() else 1.0
        return int((box.width() * metres + 2 * _LOOKS) * (box.height() * metres + 2 * _LOOKS) / _PIXEL)

    def _compute(self, settings: Dict[str, Any], addition: str = "") -> None:
        # A file of its own for each: on Windows the one that a layer shows could not be replaced.
        output = QgsProcessingUtils.generateTempFilename(f"{self._method.name}.tif")
        parameters = {**as_parameters({**self._values, **settings}), "OUTPUT": output}
        run = self._run = Run(Attribute.METHOD, parameters)
        self._item.show_progress(f"{self.what}{addition}", run.cancel)
        run.progressChanged.connect(self._item.set_progress)
        remember(run.algorithm, parameters, run.context)
        run.start(lambda successful, results: self._finished(run, successful, results))

    def _finished(self, run: Run, successful: bool, results: Dict[str, Any]) -> None:
        if run is not self._run:  # stopped meanwhile
            return
        self._run = None
        if not successful or "OUTPUT" not in results:
            if run.isCanceled() and not run.error:
                self._tell_of_cancelling()
            else:
                warn(self._iface, f"{self.what}: {run.error or 'it failed; see the log of messages.'}")
            self._leave()
            return
        whole = self._coarse is None
        self._show(results["OUTPUT"], "" if whole else ", first look")
        if whole:
            self._tell(run, results)
            self._leave()
        else:
            self._go_on(results)

    def _tell_of_cancelling(self) -> None:
        """Say so after QGIS, which puts “Task failed” on the bar once the task's own signals are through."""
        stays = " The first look stays on the map." if QgsProject.instance().mapLayer(self._layer) else ""
        QTimer.singleShot(0, partial(hint, self._iface, f"Cancelled.{stays}"))

    def _go_on(self, results: Dict[str, Any]) -> None:
        """Compute the whole after a first look; ask before, where it takes long."""
        pixels = int(results["WIDTH"]) * int(results["HEIGHT"])
        looked = cost(self._method, self._coarse or {}, self._baseline, pixels)
        self._coarse = None
        seconds = (
            float(results["SECONDS_COMPUTING"]) * cost(self._method, {}, self._baseline, pixels) / max(looked, 1.0)
        )
        if seconds <= LONG:
            self._compute({})
            return
        self._item.ask(
            f"{self.what}: a first look is on the map. The whole takes {about(seconds)}.",
            {"Compute": lambda: self._compute({}), "Keep First Look": self._leave},
        )

    def _show(self, path: str, addition: str) -> None:
        run = run_of_raster(path)
        made = map_presentation(run.get("request") or self._values, run.get("result") or {})
        presentation = Presentation(made.name + addition, group=made.group)
        project = QgsProject.instance()
        known = project.mapLayer(self._layer)
        if known is not None:
            known.setDataSource(path, known.name(), "gdal", QgsDataProvider.ProviderOptions())
            dress(known, presentation, project)
        elif not self._layer:  # one that the user has removed stays away
            layer = QgsRasterLayer(path, presentation.name)
            self._layer = layer.id()
            project.addMapLayer(layer)
            context = QgsProcessingContext()
            context.setProject(project)
            ShownResult(presentation).postProcessLayer(layer, context, self._run)

    def _tell(self, run: Run, results: Dict[str, Any]) -> None:
        inside = results.get("INSIDE")
        lies = (
            "it is on the map" if inside is None else f"{100 * inside:.0f} % of what counts lies inside the detection"
        )
        text = f"{self.what}: {lies}."
        warnings = [warning for warning in run.warnings if warning != SIMULATED_WARNING]  # the name says it
        if warnings:
            text += f" {len(warnings)} warning{'' if len(warnings) == 1 else 's'}."
            warn(self._iface, text, "\n\n".join(warnings))
        else:
            tell(self._iface, text)

    def _leave(self) -> None:
        self._item.close()
        self._outline.remove()
        self._ended(self)


def about(seconds: float) -> str:
    """A time to come as people say it."""
    if seconds < 90:
        return f"about {10 * max(1, round(seconds / 10))} s"
    if seconds < 5400:
        return f"about {round(seconds / 60)} min"
    return f"about {seconds / 3600:.1f} h"
