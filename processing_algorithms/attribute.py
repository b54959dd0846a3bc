"""Explain Detection: a scene and a target in, a map out of what raised or lowered the model's answer."""

from typing import Any, ClassVar, Dict, List, Mapping

from qgis.core import QgsProcessingContext, QgsProcessingFeedback

from ..solar_saliency_plugin.bridge.layers import Presentation
from ..solar_saliency_plugin.contract.attribution import surroundings_in_words, tells_slope
from ..solar_saliency_plugin.contract.attribution_methods import ATTRIBUTION_METHODS
from ..solar_saliency_plugin.contract.band_words import band_text
from .explaining import ExplainingAlgorithm, map_presentation
from .text_chart import SPACE, text_chart
from .wording import share_text

#: Where the attribution lies, by the result's members.
PLACES = {
    "inside": "inside the target",
    "within_50_m": "up to 50 m around it",
    "within_100_m": "50–100 m",
    "within_200_m": "100–200 m",
    "beyond_200_m": "farther away",
}


class Attribute(ExplainingAlgorithm):
    """How much each pixel, in each band, raised or lowered the model's answer for a target."""

    METHOD = "attribute"
    DISPLAY_NAME = "Explain Detection"
    LABELS: ClassVar[Dict[str, str]] = {**ExplainingAlgorithm.LABELS, "output": "Attribution"}

    def presentations(self, request: Dict[str, Any], result: Dict[str, Any]) -> Dict[str, Presentation]:
        asked = {"attribution_method": result["attribution_method"], **request}
        return {result["output"]: map_presentation(asked, result)}

    def deliver(
        self,
        request: Dict[str, Any],
        result: Dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> Dict[str, Any]:
        outputs = super().deliver(request, result, context, feedback)
        if result["bands"]:
            feedback.pushInfo(f"{_measured(result, request)}, for each band, added up over all pixels:")
            named = {band_text(band): value for band, value in result["bands"].items()}
            feedback.pushConsoleInfo(text_chart(named))
        return outputs

    def summary(self, result: Dict[str, Any]) -> List[str]:
        lines = [*_answer(result, self._request), *_exactness(result), *_where(result)]
        seconds, evaluations = result["seconds"], result["evaluations"]
        times = "once" if evaluations == 1 else f"{evaluations:,.0f} times".replace(",", SPACE)
        lines.append(f"The model was asked {times}, on {result['device']}, in {seconds:.1f} s.")
        return lines


def _answer(result: Mapping[str, Any], request: Mapping[str, Any]) -> List[str]:
    """The probability, which everybody knows, and then the number that is explained."""
    count, lines = result["target_pixels"], []
    if result["probability"] is not None:
        mean = f"on average over its {count} pixels" if count > 1 else "in its one pixel"
        lines.append(f"The model gives the target a probability of {result['probability']:.3f} {mean}.")
    explained, against = f"What is explained: {_explained(result, request)} {result['f_x']:.3g}", result["f_baseline"]
    return [*lines, f"{explained}." if against is None else f"{explained}, for the baseline {against:.3g}."]


def _explained(result: Mapping[str, Any], request: Mapping[str, Any]) -> str:
    """The number that is taken of the target's pixels."""
    of = "probability" if request.get("quantity") == "probability" else "logit"
    if result["target_pixels"] == 1:
        return of
    return f"sum of the {of}" if request.get("total") == "sum" else f"mean {of}"


def _measured(result: Mapping[str, Any], request: Mapping[str, Any]) -> str:
    """What the map's values are: contributions, or slopes, which neither raised nor lowered anything."""
    method = ATTRIBUTION_METHODS.get(result["attribution_method"])
    if method is None or not tells_slope(method, result["settings"]):
        return "The attribution"
    slope = f"change of the {_explained(result, request)} per unit of reflectance"
    return f"The {slope}" if method.signed else f"Squares of the {slope}"


def _exactness(result: Mapping[str, Any]) -> List[str]:
    error, total = result["error"], result["attribution_sum"]
    if error is None or total is None:
        return []
    method = ATTRIBUTION_METHODS.get(result["attribution_method"])
    to_answer = method is not None and method.sums_to == "answer"
    compared = "the answer" if to_answer else "the difference between the two"
    return [f"The attributions add up to {total:.3f}, {share_text(error)} off {compared}."]


def _where(result: Mapping[str, Any]) -> List[str]:
    shares = [f"{share_text(result[name])} {place}" for name, place in PLACES.items() if result[name] is not None]
    if not shares:
        return []
    method = ATTRIBUTION_METHODS.get(result["attribution_method"])
    outside = surroundings_in_words(result["inside"], method, result["settings"]) if method is not None else ""
    return [f"Of the attribution, whatever its sign, lie: {', '.join(shares)}.", *([outside] if outside else [])]
