"""Prepare Scene: any form of Sentinel-2 data in, one tidy scene out."""

from typing import Any, ClassVar, Dict, List

from ..solar_saliency_plugin.bridge.layers import Presentation
from ..solar_saliency_plugin.bridge.styles import show_natural_colour
from .base import EngineAlgorithm


class PrepareScene(EngineAlgorithm):
    """One file at 10 m in UTM with named bands, from a product, loose band files or a file that Detect refuses."""

    METHOD = "preparescene"
    DISPLAY_NAME = "Prepare Scene"
    GROUP = "Imagery"
    LABELS: ClassVar[Dict[str, str]] = {"output": "Tidy scene"}

    def presentations(self, request: Dict[str, Any], result: Dict[str, Any]) -> Dict[str, Presentation]:
        return {result["output"]: Presentation("Scene, natural colour", show_natural_colour)}

    def summary(self, result: Dict[str, Any]) -> List[str]:
        return [
            f"Scene of {result['date'] or 'an unknown date'}, level {result['level']}: {result['width']} × "
            f"{result['height']} pixels in {result['crs']}, bands {', '.join(result['bands'])}.",
            f"{100 * result['valid_share']:.1f} % of the pixels hold data.",
        ]
