"""Model Info: what a model says of itself, and what was measured on it."""

import html
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from qgis.core import QgsProcessingContext, QgsProcessingFeedback, QgsProcessingParameterFileDestination

from ..solar_saliency_plugin.bridge.worker import worker
from .base import EngineAlgorithm
from .feedback import link_to

#: What cards abbreviate, or cannot write as people do.
ABBREVIATIONS = {
    "false_ha_per_100_km2": "False area on ground, ha per 100 km²",
    "false_area_percent": "False area on ground, %",
    "farms_of_1_ha_or_more_found": "Farms of 1 ha or more that are found",
    "recall_from_1_ha": "Farms of 1 ha or more that are found",
    "ap": "Average precision",
    "iou": "Intersection over union",
    "f1": "F1",
    "ece": "Calibration error",
    "iou_by_site": "Intersection over union by site",
    "iou_by_month": "Intersection over union by month",
    "iou_by_season": "Intersection over union by season",
    "sha256": "SHA-256",
}

#: In a brief text, what is longer or lies deeper is left to Model Info: rows of a table, values in a line, levels.
ROWS = 12
VALUES = 40
LEVELS = 4


class ModelInfo(EngineAlgorithm):
    """The model's card as a page to read."""

    METHOD = "modelinfo"
    DISPLAY_NAME = "Model Info"
    GROUP = "Model"

    OUTPUT = "OUTPUT"

    def initAlgorithm(self, configuration: Any = None) -> None:
        super().initAlgorithm(configuration)
        page = QgsProcessingParameterFileDestination(self.OUTPUT, "Model card", "HTML files (*.html)", optional=True)
        page.setHelp("The model's card as a page (HTML). The log says where it is.")
        self.add_page(page)

    def compute(
        self, parameters: Dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Dict[str, Any]:
        result = worker().call(self.METHOD, self._request, feedback)
        outputs = self.deliver(self._request, result, context, feedback)
        page = self.parameterAsFileOutput(parameters, self.OUTPUT, context)
        if page:
            Path(page).write_text(card_page(result), encoding="utf-8")
            outputs[self.OUTPUT] = page
            link_to(page, "Model card", feedback)
        return outputs

    def summary(self, result: Dict[str, Any]) -> List[str]:
        card = result["card"]
        return [
            f"{card['title']}: {card['summary']}",
            f"Bands: {', '.join(card['bands'])}. Level: {card['level']}. {_marking(card)}",
            f"Receptive field: {result['receptive_field']} pixels to each side; {result['parameters']} weights.",
        ]


def _marking(card: Dict[str, Any]) -> str:
    core = f", for the core of a detection {card['core']:g}" if card["core"] else ""
    return f"Threshold: {card['threshold']:g}{core}."


def card_page(result: Dict[str, Any]) -> str:
    """A model's card as a page."""
    measured = {name: value for name, value in result.items() if name not in ("card", "warnings", "name")}
    body = f"{card_text(result['card'])}<h3>Measured on the network</h3>{_table(measured)}"
    return page(body, result["card"]["title"])


def page(body: str, title: str) -> str:
    """HTML as a whole document."""
    head = f"<head><meta charset='utf-8'><title>{html.escape(title)}</title></head>"
    return f"<html>{head}<body>{body}</body></html>"


def card_text(card: Dict[str, Any], brief: bool = False) -> str:
    """What a card says, as HTML: how good the model is comes first, whatever else it may hold.

    ``brief``: long tables are left out, and it is said where they are.
    """
    levels = LEVELS if brief else None
    rest = {name: value for name, value in card.items() if name not in ("title", "summary", "quality")}
    title, summary = (html.escape(str(card.get(name, ""))) for name in ("title", "summary"))
    return f"<h2>{title}</h2><p>{summary}</p>{_quality(card.get('quality'), levels)}<h3>Card</h3>{_table(rest, levels)}"


def _quality(quality: Any, levels: Optional[int]) -> str:
    """How good the model is: what the card says in short has no heading of its own."""
    if not quality:
        return ""
    in_short = quality.get("in_short") if isinstance(quality, dict) else None
    if not isinstance(in_short, dict):
        shown = _table(quality, levels) if isinstance(quality, dict) else _cell(quality, levels)
        return f"<h3>Measured quality</h3>{shown}"
    rest = {name: value for name, value in quality.items() if name != "in_short"}
    details = f"<h3>Measured quality in detail</h3>{_table(rest, levels)}" if rest else ""
    return f"<h3>Measured quality</h3>{_table(in_short, levels)}{details}"


def _table(values: Dict[str, Any], levels: Optional[int] = None) -> str:
    """A row for each member; ``levels`` is how many levels of tables are shown in it, None: all."""
    rows = (
        f"<tr><th align='left' valign='top'>{html.escape(_words(name))}&nbsp;&nbsp;</th>"
        f"<td>{_cell(value, levels)}</td></tr>"
        for name, value in values.items()
    )
    return f"<table>{''.join(rows)}</table>"


def _cell(value: Any, levels: Optional[int] = None) -> str:
    if isinstance(value, dict) and value.keys() == {"value", "low", "high"}:
        found, low, high = (_cell(value[name], 0) for name in ("value", "low", "high"))
        return f"{found} ({low} to {high})"
    if isinstance(value, (dict, list, tuple)):
        simple = not isinstance(value, dict) and not any(isinstance(member, (dict, list, tuple)) for member in value)
        if levels is not None and (len(value) > (VALUES if simple else ROWS) or not (simple or levels)):
            return f"<i>{len(value)} entries: Model Info shows them</i>"
        below = None if levels is None else max(levels - 1, 0)
        if isinstance(value, dict):
            return _table(value, below)
        if not simple and _are_rows(value):
            return _columns(value, below)
        return (", " if simple else "<br>").join(_cell(member, below) for member in value)
    return html.escape(f"{value:g}" if isinstance(value, float) else str(value))


def _are_rows(values: Sequence[Any]) -> bool:
    """Whether they are objects with the same members: a table."""
    return all(isinstance(value, dict) and value and value.keys() == values[0].keys() for value in values)


def _columns(rows: Sequence[Dict[str, Any]], levels: Optional[int]) -> str:
    """Objects with the same members, one in a line under a common head."""
    head = "".join(f"<th align='left'>{html.escape(_words(name))}&nbsp;&nbsp;</th>" for name in rows[0])
    lines = ("".join(f"<td valign='top'>{_cell(row[name], levels)}</td>" for name in rows[0]) for row in rows)
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _words(name: str) -> str:
    return ABBREVIATIONS.get(name) or name.replace("_", " ").capitalize()
