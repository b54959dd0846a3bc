"""Processing's history: what a click of ours ran can be found there, and be run again."""

from typing import Any, Dict

from qgis.core import QgsProcessingAlgorithm, QgsProcessingContext
from qgis.gui import QgsGui


def remember(algorithm: QgsProcessingAlgorithm, parameters: Dict[str, Any], context: QgsProcessingContext) -> None:
    """Add a run to the history: a task of QGIS's does not do so by itself."""
    command = algorithm.asPythonCommand(parameters, context)
    if hasattr(QgsGui, "historyProviderRegistry"):  # QGIS 3.24 and later
        entry = {"python_command": command, "algorithm_id": algorithm.id(), "parameters": parameters}
        if hasattr(algorithm, "asMap"):
            entry["parameters"] = algorithm.asMap(parameters, context)
        QgsGui.historyProviderRegistry().addEntry("processing", entry)
        return
    from processing.core.ProcessingLog import ProcessingLog

    ProcessingLog.addToLog(command)
