"""Remove a Detection: the smallest part of the image without which the model no longer detects the target."""

from typing import Any, ClassVar, Dict, List

from ..solar_saliency_plugin.bridge.layers import Presentation
from .explaining import ExplainingAlgorithm

#: What the mask's layer is called, by the form.
NAMES = {"smallest": "Deletion mask", "area_deleted": "Area needed most", "area_kept": "Area that keeps it"}


class DeletionMask(ExplainingAlgorithm):
    """The mask without which, or with only which, a detection goes or stays."""

    METHOD = "deletionmask"
    DISPLAY_NAME = "Remove Detection by a Mask"
    LABELS: ClassVar[Dict[str, str]] = {
        **ExplainingAlgorithm.LABELS,
        "output": "Mask",
        "form": "What is sought",
        "area": "Area, as a share of the target's",
        "area_weight": "Weight of the area (λ₁)",
        "smoothness": "Weight of edges (λ₂)",
        "grain": "Cells of the mask",
        "jitter": "Moved by chance by up to",
        "trials": "Trials in each iteration",
        "iterations": "Iterations",
    }

    def explained_methods(self) -> "tuple[()]":
        return ()  # it is the method

    def presentations(self, request: Dict[str, Any], result: Dict[str, Any]) -> Dict[str, Presentation]:
        name = NAMES[result["form"]] + ("" if result["settled"] else " ⚠")
        return {result["output"]: Presentation(name, group=f"Why: {request.get('name') or 'target'}")}

    def summary(self, result: Dict[str, Any]) -> List[str]:
        verb = "Kept" if result["form"] == "area_kept" else "Masked"
        return [
            f"{verb}: {result['area_ha']:.2f} ha, {100 * result['area_share']:.0f} % of the target's area.",
            f"The mean probability goes from {result['probability']:.3f} to {result['probability_masked']:.3f}; "
            f"{result['detected_masked']} of {result['target_pixels']} pixels are detected then.",
            f"As a sharp mask, of {result['sharp_area_ha']:.2f} ha, {result['detected_sharp']} are.",
            f"The model was asked {result['evaluations']} times, on {result['device']}, in {result['seconds']:.1f} s.",
        ]
