"""Algorithms that windows of ours run in the background."""

from typing import Any, Callable, Dict, List, Set

from qgis.core import (
    QgsApplication,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProject,
)
from qgis.PyQt.QtCore import QTimer, pyqtSignal

#: The runs that are under way. A window may be closed before its run ends; the task would report to nobody.
_running: Set["Run"] = set()


class Run(QgsProcessingFeedback):
    """One run of an algorithm of ours in a task; what it says arrives as signals on the thread of the windows."""

    said = pyqtSignal(str)
    stage = pyqtSignal(str)
    partial = pyqtSignal(dict)

    def __init__(self, algorithm: str, parameters: Dict[str, Any]) -> None:
        super().__init__(False)
        self.error = ""
        self.warnings: List[str] = []
        self.context = QgsProcessingContext()
        self.context.setProject(QgsProject.instance())
        self.algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"solarsaliency:{algorithm}")
        self._stopped = False
        self._task = QgsProcessingAlgRunnerTask(self.algorithm, parameters, self.context, self)

    def start(self, finished: Callable[[bool, Dict[str, Any]], None]) -> None:
        """Run; ``finished(successful, results)`` is called at the end."""
        if self._task.isCanceled():  # the algorithm refused its parameters: QGIS never reports such a task
            QTimer.singleShot(0, lambda: finished(False, {}))
            return
        _running.add(self)
        self._task.executed.connect(lambda *_: _running.discard(self))
        self._task.executed.connect(finished)
        QgsApplication.taskManager().addTask(self._task)

    def stop(self) -> None:
        """Have the engine deliver what it has by now; :meth:`cancel` gives the run up."""
        self._stopped = True

    def isStopped(self) -> bool:
        """Whether the user has seen enough."""
        return self._stopped

    def pushPartial(self, values: Dict[str, Any]) -> None:
        """What is there before the run is done."""
        self.partial.emit(values)

    def pushInfo(self, info: str) -> None:
        """A line for the log."""
        self.said.emit(info)

    def pushConsoleInfo(self, info: str) -> None:
        """A line that a command printed."""
        self.said.emit(info)

    def pushWarning(self, warning: str) -> None:
        """A line that one should read."""
        self.warnings.append(warning)
        self.said.emit(warning)

    def setProgressText(self, text: str) -> None:
        """What is being done now."""
        self.stage.emit(text)

    def reportError(self, error: str, fatalError: bool = False) -> None:  # noqa: N803
        """Why it failed."""
        self.error = error
        self.said.emit(error)
