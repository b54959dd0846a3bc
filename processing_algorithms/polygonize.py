"""Detections to Polygons: a probability raster in, polygons out."""

from typing import Any, ClassVar, Dict, List

from ..solar_saliency_plugin.bridge.layers import Presentation
from .base import EngineAlgorithm


class Polygonize(EngineAlgorithm):
    """The detections of a probability raster as polygons, at a threshold and minimum area of the user's."""

    METHOD = "polygonize"
    DISPLAY_NAME = "Detections to Polygons"
    GROUP = "Detection"
    LABELS: ClassVar[Dict[str, str]] = {"output": "Detections"}

    def presentations(self, request: Dict[str, Any], result: Dict[str, Any]) -> Dict[str, Presentation]:
        return {result["output"]: Presentation("Solar farm detections")}

    def summary(self, result: Dict[str, Any]) -> List[str]:
        return [found_in_words(result)]


def found_in_words(result: Dict[str, Any]) -> str:
    """How many detections there are, and what was left out."""
    count, small, unsure = result["detections"], result["dropped_small"], result["dropped_unsure"]
    found = f"{count} detection{'' if count == 1 else 's'}, {result['total_ha']:.1f} ha in all."
    if small:
        found += f" {small} smaller than the minimum area left out."
    if unsure:
        found += (
            f" {unsure} left out because the probability nowhere reaches {result['core']:g} on five pixels; "
            "Detections to Polygons keeps them with a core of 0."
        )
    return found
