"""List Models: what is installed, and which one is the default."""

from typing import Any, ClassVar, Dict, List

from .base import EngineAlgorithm


class ListModels(EngineAlgorithm):
    """The installed models, for scripts; people have the page in QGIS's options."""

    METHOD = "listmodels"
    DISPLAY_NAME = "List Models"
    GROUP = "Model"
    IN_MENU = False
    LABELS: ClassVar[Dict[str, str]] = {"default": "Make this model the default (empty: leave it as it is)"}

    def summary(self, result: Dict[str, Any]) -> List[str]:
        return [_line(model, result["default"]) for model in result["models"]]


def _line(model: Dict[str, Any], default: str) -> str:
    told = f"{model['name']}: {model['title']}"
    if model["name"] == default:
        told += " (default)"
    return f"{told}. {model['problem'] or model['summary']}"
