"""What Train Model and Fine-Tune Model share: a new model, its curve, and what was wrong with outlines."""

import html
import os
import re
from pathlib import Path
from typing import Any, ClassVar, Dict, List, Optional

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputFile,
    QgsProcessingOutputString,
    QgsProcessingOutputVectorLayer,
    QgsProcessingParameterBoolean,
    QgsProcessingUtils,
)
from qgis.PyQt.QtCore import Qt, QUrl
from qgis.PyQt.QtGui import QImage
from qgis.PyQt.QtWidgets import QDialog, QTextEdit, QWidget

from ..solar_saliency_plugin.bridge.layers import Presentation
from ..solar_saliency_plugin.bridge.models import free_name, read_card
from ..solar_saliency_plugin.bridge.styles import show_problems
from ..solar_saliency_plugin.bridge.worker import worker
from ..solar_saliency_plugin.contract.errors import CancelledError, SolarSaliencyError
from .base import EngineAlgorithm
from .feedback import Stage, link_to
from .modelinfo import card_text, page

#: Share of the progress bar that learning takes; the rest is for installing what was learned.
LEARNING = 98.0

#: What is told of how good the new model is.
FIGURES = {
    "average_precision": "average precision",
    "iou": "intersection over union",
    "false_area_percent": "false area on ground (%)",
}

#: Width of the curve, in pixels, where there is room for it.
WIDTH = 640

#: What QGIS calls every temporary output folder of ours; a model would be named so.
TEMPORARY = "OUTPUT"


class LearningAlgorithm(EngineAlgorithm):
    """An algorithm that makes a model."""

    GROUP = "Model"
    LABELS: ClassVar[Dict[str, str]] = {"output": "Folder of the new model", "title": "Title of the new model"}

    INSTALL = "INSTALL"
    INSTALLED_AS = "INSTALLED_AS"
    CURVE = "CURVE"
    PROBLEMS = "PROBLEMS_OUTPUT"
    CARD = "CARD"

    def initAlgorithm(self, configuration: Any = None) -> None:
        self.addOutput(QgsProcessingOutputFile(self.CURVE, "Learning curve"))
        self.addOutput(QgsProcessingOutputVectorLayer(self.PROBLEMS, "Problems with outlines"))
        self.addOutput(QgsProcessingOutputFile(self.CARD, "Card of the new model"))
        self.addOutput(QgsProcessingOutputString(self.INSTALLED_AS, "Installed as"))
        super().initAlgorithm(configuration)
        install = QgsProcessingParameterBoolean(self.INSTALL, "Install the new model", True)
        install.setHelp("Keep a copy among the installed models, so that dialogs offer it by its title.")
        self.addParameter(install)

    def createCustomParametersWidget(self, parent: Optional[QWidget] = None) -> QDialog:
        # QGIS's own dialog, and at the end of its log the curve: until QGIS 3.36 a feedback takes no pictures.
        from processing.gui.AlgorithmDialog import AlgorithmDialog

        dialog = AlgorithmDialog(self.create(), False, parent)
        dialog.algorithmFinished.connect(lambda successful, results: _show_curve(dialog, results.get(self.CURVE)))
        return dialog

    def compute(
        self, parameters: Dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Dict[str, Any]:
        install = self.parameterAsBool(parameters, self.INSTALL, context)
        target = self.read_outputs(parameters, context)
        if self._is_temporary(target["output"]):
            target["output"] = _temporary_folder(self._request.get("title", ""))
            if not install:
                feedback.pushWarning(
                    "The new model goes into a temporary folder, which goes when QGIS ends, and is not installed."
                )
        request = {**self._request, **target}
        result = worker().call(self.METHOD, request, Stage(feedback, 0, LEARNING if install else 100))
        outputs = self.deliver(request, result, context, feedback)
        if install:
            outputs.update(self._install(result, Stage(feedback, LEARNING, 100, result["warnings"])))
        return outputs

    def deliver(
        self,
        request: Dict[str, Any],
        result: Dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> Dict[str, Any]:
        for path, presentation in self.presentations(request, result).items():
            details = QgsProcessingContext.LayerDetails(presentation.name, context.project(), presentation.name)
            context.addLayerToLoadOnCompletion(path, details)
        outputs = super().deliver(request, result, context, feedback)
        if not result["problems"]:
            outputs.pop(self.PROBLEMS, None)
        card = _write_card(result)
        link_to(card, "Card of the new model", feedback)
        return {**outputs, self.CARD: card}

    def presentations(self, request: Dict[str, Any], result: Dict[str, Any]) -> Dict[str, Presentation]:
        if not result["problems"]:
            return {}
        return {result["problems_output"]: Presentation("Problems with outlines", show_problems, result["name"])}

    def summary(self, result: Dict[str, Any]) -> List[str]:
        lines = [
            f"Learned from {result['sites']} sites in {result['views']} views, {result['steps']} steps"
            + (", stopped early: places kept out no longer gained." if result["stopped_early"] else ".")
        ]
        if result["problems"]:
            lines.append(f"Problems with outlines: {result['problems']}; the layer of that name says which and why.")
        measured = result["validation"]
        figures = [f"{text} {measured[name]:.3f}" for name, text in FIGURES.items() if measured.get(name) is not None]
        lines.append(f"On places kept out: {', '.join(figures)}, at a threshold of {result['threshold']:g}.")
        return lines

    def _is_temporary(self, folder: str) -> bool:
        temporary = os.path.realpath(QgsProcessingUtils.tempFolder())
        return os.path.basename(folder) == TEMPORARY and os.path.realpath(folder).startswith(temporary)

    def _install(self, result: Dict[str, Any], feedback: Any) -> Dict[str, Any]:
        """Install the model; that it cannot be installed does not make what was learned worthless."""
        name = free_name(result["name"])
        try:
            installed = worker().call("installmodel", {"source": result["output"], "name": name}, feedback)
        except CancelledError:
            feedback.pushInfo("The job was cancelled. The model was written, but not installed.")
            return {}
        except SolarSaliencyError as error:
            feedback.pushWarning(f"The model was written to {result['output']}, but not installed: {error}")
            return {}
        feedback.pushInfo(
            f"Installed as “{installed['title']}” ({installed['name']}): Detect Solar Farms offers it under Model. "
            "Settings ▸ Options ▸ Solar Saliency makes it the default, or removes it."
        )
        return {self.INSTALLED_AS: installed["name"]}


def _write_card(result: Dict[str, Any]) -> str:
    """The new model's card, with its curve, as a page."""
    card, _ = read_card(Path(result["output"]))
    path = Path(QgsProcessingUtils.generateTempFilename("card.html"))
    path.write_text(page(_picture(result["curve"], WIDTH) + card_text(card), result["name"]), encoding="utf-8")
    return str(path)


def _temporary_folder(title: str) -> str:
    """A folder that goes when QGIS ends; the same one for the same title, so that a cancelled run can be continued."""
    home = Path(QgsProcessingUtils.tempFolder()) / "learned"
    home.mkdir(exist_ok=True)
    return str(home / _name_of(title))


def _name_of(title: str) -> str:
    """A model's name made from its title: what a folder may be called on every system."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40] or "my-model"


def _picture(path: str, width: int) -> str:
    return f'<img src="{html.escape(QUrl.fromLocalFile(path).toString())}" width="{width}">'


def _show_curve(dialog: QDialog, path: Optional[str]) -> None:
    """Put the curve into a dialog's log, as wide as that is; the log itself would scale it without smoothing."""
    log = dialog.findChild(QTextEdit, "txtLog")
    curve = QImage(path or "")
    if log is None or curve.isNull():
        return
    width = min(WIDTH, log.viewport().width() - 20)
    shown = QgsProcessingUtils.generateTempFilename("curve.png")
    curve.scaledToWidth(width, Qt.TransformationMode.SmoothTransformation).save(shown)
    dialog.setInfo(f"{_picture(shown, width)}<br>Learning curve: {html.escape(path)}", False, False)
