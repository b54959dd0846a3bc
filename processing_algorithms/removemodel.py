"""Remove Model: an installed model goes."""

from typing import Any, Dict, List

from .base import EngineAlgorithm


class RemoveModel(EngineAlgorithm):
    """Only models that were installed by the user can go."""

    METHOD = "removemodel"
    DISPLAY_NAME = "Remove Model"
    GROUP = "Model"
    IN_MENU = False

    def summary(self, result: Dict[str, Any]) -> List[str]:
        return [f"Removed: {result['name']}. The default model is {result['default']}."]
