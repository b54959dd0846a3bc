"""Evaluate Model: scenes and true outlines in, a report of scores out."""

from typing import Any, ClassVar, Dict, List

from .base import EngineAlgorithm


class Evaluate(EngineAlgorithm):
    """How good a model is on places where the truth is known, as a report to read and a table to go on with."""

    METHOD = "evaluate"
    DISPLAY_NAME = "Evaluate Model"
    GROUP = "Detection"
    LABELS: ClassVar[Dict[str, str]] = {"report": "Report", "table": "Table of scores"}

    def summary(self, result: Dict[str, Any]) -> List[str]:
        lines = [f"{result['sites']} sites in {result['images']} images, at a threshold of {result['threshold']:g}."]
        pixels = {
            "average precision": result["average_precision"],
            "intersection over union": result["iou"],
            "F1": result["f1"],
            "calibration error": result["calibration_error"],
        }
        lines += _told("Pixels", [f"{name} {value:.3f}" for name, value in pixels.items() if value is not None])
        farms = {"found": result["object_recall"], "true among detections": result["object_precision"]}
        lines += _told("Solar farms", [f"{100 * v:.0f} % {name}" for name, v in farms.items() if v is not None])
        false = result["false_ha_per_100_km2"]
        lines += _told("False detections", [] if false is None else [f"{false:.2f} ha per 100 km²"])
        return lines


def _told(what: str, figures: List[str]) -> List[str]:
    return [f"{what}: {', '.join(figures)}."] if figures else []
