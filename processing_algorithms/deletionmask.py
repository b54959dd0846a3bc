"""What a Detection Rests On: what has to be taken out of the image for it to go, or to stay for it to stay."""

from typing import Any, ClassVar, Dict, List

from qgis.core import QgsProcessingContext, QgsProcessingException

from ..solar_saliency_plugin.bridge.layers import Presentation
from .explaining import ExplainingAlgorithm, group_of, warned
from .wording import choice_text, share_text

#: Share of the target's pixels from which on most of it is detected.
MOST = 0.5


class DeletionMask(ExplainingAlgorithm):
    """The mask without which, or with only which, a detection goes or stays."""

    METHOD = "deletionmask"
    DISPLAY_NAME = "What a Detection Rests On"
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
        return {result["output"]: Presentation(warned(_name(result), not result["settled"]), group=group_of(request))}

    def checked_inputs(self, parameters: Dict[str, Any], context: QgsProcessingContext) -> Dict[str, Any]:
        values = super().checked_inputs(parameters, context)
        form = self.chosen(values, "form")
        foreign = "area" if form == "smallest" else "area_weight"
        if foreign in values:
            raise QgsProcessingException(
                f"“{self.LABELS[foreign]}” was given, but “{self.LABELS['form']}” is: {choice_text('form', form)}. "
                "Leave the first one empty, or choose something else."
            )
        return values

    def summary(self, result: Dict[str, Any]) -> List[str]:
        return [
            *_outcome(result),
            f"With this mask, {_detected(result, 'detected_masked')} are detected, where {result['detected']} were; "
            f"the mean probability goes from {result['probability']:.3f} to {result['probability_masked']:.3f}.",
            f"The model was asked {result['evaluations']} times, on {result['device']}, in {result['seconds']:.1f} s.",
        ]


def _name(result: Dict[str, Any]) -> str:
    """What the mask's layer is called: what it does."""
    left = share_text(result["detected_masked"] / result["target_pixels"])
    if result["form"] == "area_kept":
        return f"Best {result['area_ha']:.2f} ha to keep ({left} stays detected)"
    if result["form"] == "area_deleted":
        return f"The {result['area_ha']:.2f} ha needed most ({left} stays detected without)"
    return f"What has to fade ({left} stays detected)"


def _outcome(result: Dict[str, Any]) -> List[str]:
    """What came out, in words; how soft a mask is decides whether a part of the target is the reason."""
    area = share_text(result["area_share"])
    if result["form"] == "area_kept":
        little = result["detected_masked"] < MOST * result["target_pixels"]
        kept = f"keeps only {_detected(result, 'detected_masked')} detected: choose a larger area."
        enough = f"keeps {_detected(result, 'detected_masked')} detected."
        return [f"The best {area} of the target's area {kept if little else enough}"]
    headline = f"Faded by {area} of the target's area (as much as {result['area_ha']:.2f} ha wholly replaced)."
    if not result["sharp_area_ha"]:
        return [headline, "No pixel is hidden by half: no small part decides."]
    decides = result["detected_sharp"] < MOST * result["target_pixels"]
    return [
        f"{headline} Cutting out only the {result['sharp_area_ha']:.2f} ha hidden most leaves "
        f"{_detected(result, 'detected_sharp')} detected{'.' if decides else ': no small part decides.'}"
    ]


def _detected(result: Dict[str, Any], which: str) -> str:
    return f"{result[which]} of {result['target_pixels']} pixels"
