"""Install Model: a model folder, or a network of one's own, becomes one of those that dialogs offer."""

from pathlib import Path
from typing import Any, ClassVar, Dict, List

from qgis.core import QgsProcessingContext

from ..solar_saliency_plugin.bridge.models import CARD
from .base import EngineAlgorithm


class InstallModel(EngineAlgorithm):
    """A file is chosen, so a model folder by the card in it."""

    METHOD = "installmodel"
    DISPLAY_NAME = "Install Model"
    GROUP = "Model"
    IN_MENU = False
    LABELS: ClassVar[Dict[str, str]] = {
        "source": "Model folder, its card.json, or a network of your own",
        "trust": "I trust this network",
        "title": "Title of a network of your own",
        "network_bands": "Bands of a network of your own",
        "network_scale": "What the network wants for a reflectance of 1",
        "network_gives": "What the network gives",
        "network_level": "Level that the network was trained on",
        "network_threshold": "Threshold of a network of your own",
        "replace": "Replace a model of the same name",
    }

    def read_inputs(self, parameters: Dict[str, Any], context: QgsProcessingContext) -> Dict[str, Any]:
        values = super().read_inputs(parameters, context)
        source = Path(values.get("source", ""))
        if source.name == CARD:
            values["source"] = str(source.parent)
        return values

    def summary(self, result: Dict[str, Any]) -> List[str]:
        done = "Replaced" if result["replaced"] else "Installed"
        return [f"{done}: “{result['title']}” ({result['name']}), in {result['folder']}."]
