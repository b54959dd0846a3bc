"""Say whether the engine is ready, and with what."""

import html
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputBoolean,
    QgsProcessingOutputFile,
    QgsProcessingOutputFolder,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingUtils,
)

from ..solar_saliency_plugin.bridge import environment
from ..solar_saliency_plugin.bridge.worker import worker
from ..solar_saliency_plugin.contract.errors import CancelledError, SolarSaliencyError
from ..solar_saliency_plugin.contract.messages import DEVICES
from .base import PluginAlgorithm


class CheckEngine(PluginAlgorithm):
    """The algorithm ``checkengine``. That the engine is not ready is its result, not its failure."""

    METHOD = "checkengine"
    DISPLAY_NAME = "Check Engine"
    GROUP = "Set-up"

    START = "START"
    READY = "READY"
    FOLDER = "FOLDER"
    VERSIONS = "VERSIONS"
    DEVICES = "DEVICES"
    REPORT = "REPORT"

    def shortHelpString(self) -> str:
        return (
            "<p>Says whether the engine, the program that Solar Saliency computes with, is ready; where it is, which "
            "versions it is made of, and whether it can use the graphics card, or why not.</p>"
            "<p><b>Start the engine and try it</b>: otherwise only its files are looked at.</p>"
        )

    def initAlgorithm(self, configuration: Optional[Dict[str, Any]] = None) -> None:
        self.addParameter(QgsProcessingParameterBoolean(self.START, "Start the engine and try it", True))
        self.addOutput(QgsProcessingOutputBoolean(self.READY, "Ready"))
        self.addOutput(QgsProcessingOutputFolder(self.FOLDER, "Folder"))
        self.addOutput(QgsProcessingOutputString(self.VERSIONS, "Versions"))
        self.addOutput(QgsProcessingOutputString(self.DEVICES, "Devices"))
        self.addOutput(QgsProcessingOutputFile(self.REPORT, "State of the engine"))

    def processAlgorithm(
        self, parameters: Dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Dict[str, Any]:
        state = environment.state()
        reason, versions, devices = state.reason, "", ""
        if state.ready and self.parameterAsBool(parameters, self.START, context):
            try:
                versions, devices = _try_engine(feedback)
            except CancelledError:
                return {}
            except SolarSaliencyError as error:
                reason = str(error)
        rows = [("State", reason or "The engine is ready."), ("Folder", str(state.folder))]
        rows += [(name, text) for name, text in (("Versions", versions), ("Devices", devices)) if text]
        for name, text in rows:
            feedback.pushInfo(f"{name}: {text}")
        return {
            self.READY: not reason,
            self.FOLDER: str(state.folder),
            self.VERSIONS: versions,
            self.DEVICES: devices,
            self.REPORT: _write_report(rows),
        }


def _try_engine(feedback: QgsProcessingFeedback) -> Tuple[str, str]:
    """Versions and devices in words, from the engine itself."""
    found = worker().call(DEVICES, {}, feedback)
    hello = worker().hello
    versions = {"Python": hello["python"], **hello["packages"]}
    return ", ".join(f"{name} {version}" for name, version in versions.items()), "; ".join(
        [_device(device) for device in found["devices"]] + [f"{found['threads']} threads"]
    )


def _device(device: Dict[str, Any]) -> str:
    memory = f", {device['memory_bytes'] / 2**30:.0f} GiB" if device["memory_bytes"] else ""
    use = "usable" if device["usable"] else f"not usable: {device['reason']}"
    return f"{device['name']} ({device['kind']}{memory}, {use})"


def _write_report(rows: List[Tuple[str, str]]) -> str:
    cells = "".join(f"<tr><th align=left>{name}</th><td>{html.escape(text)}</td></tr>" for name, text in rows)
    path = Path(QgsProcessingUtils.generateTempFilename("engine.html"))
    path.write_text(f"<html><meta charset=utf-8><table cellpadding=4>{cells}</table></html>", encoding="utf-8")
    return str(path)
