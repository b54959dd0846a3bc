"""Model Info: what a model says of itself, and what was measured on it."""

import html
from pathlib import Path
from typing import Any, Dict, List

from qgis.core import QgsProcessingContext, QgsProcessingFeedback, QgsProcessingParameterFileDestination

from ..solar_saliency_plugin.bridge.worker import worker
from .base import EngineAlgorithm


class ModelInfo(EngineAlgorithm):
    """The model's card as a page to read."""

    METHOD = "modelinfo"
    DISPLAY_NAME = "Model Info"
    GROUP = "Model"

    OUTPUT = "OUTPUT"

    def initAlgorithm(self, configuration: Any = None) -> None:
        super().initAlgorithm(configuration)
        page = QgsProcessingParameterFileDestination(self.OUTPUT, "Model card", "HTML files (*.html)", optional=True)
        page.setHelp("The model's card as a page (HTML), shown in the Results Viewer.")
        self.addParameter(page)

    def compute(
        self, parameters: Dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Dict[str, Any]:
        result = worker().call(self.METHOD, self._request, feedback)
        outputs = self.deliver(self._request, result, context, feedback)
        page = self.parameterAsFileOutput(parameters, self.OUTPUT, context)
        if page:
            Path(page).write_text(card_page(result), encoding="utf-8")
            outputs[self.OUTPUT] = page
        return outputs

    def summary(self, result: Dict[str, Any]) -> List[str]:
        card = result["card"]
        return [
            f"{card['title']}: {card['summary']}",
            f"Bands: {', '.join(card['bands'])}. Level: {card['level']}. Threshold: {card['threshold']:g}.",
            f"Receptive field: {result['receptive_field']} pixels to each side; {result['parameters']} weights.",
        ]


def card_page(result: Dict[str, Any]) -> str:
    """A model's card as HTML."""
    card = dict(result["card"])
    title, summary = html.escape(card.pop("title")), html.escape(card.pop("summary"))
    measured = {name: value for name, value in result.items() if name not in ("card", "warnings", "name")}
    return (
        f"<html><head><meta charset='utf-8'><title>{title}</title></head><body><h2>{title}</h2><p>{summary}</p>"
        f"{_table(card)}<h3>Measured on the network</h3>{_table(measured)}</body></html>"
    )


def _table(values: Dict[str, Any]) -> str:
    rows = (
        f"<tr><th align='left' valign='top'>{html.escape(_words(name))}&nbsp;&nbsp;</th><td>{_cell(value)}</td></tr>"
        for name, value in values.items()
    )
    return f"<table>{''.join(rows)}</table>"


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return _table(value)
    if isinstance(value, (list, tuple)):
        simple = not any(isinstance(member, (dict, list)) for member in value)
        return ", ".join(_cell(v) for v in value) if simple else "<br>".join(_cell(v) for v in value)
    return html.escape(f"{value:g}" if isinstance(value, float) else str(value))


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
