"""Explain Detection: a scene and a target in, a map out of what raised or lowered the model's answer."""

from typing import Any, ClassVar, Dict, List, Mapping, Optional

from qgis.core import QgsProcessingContext, QgsProcessingFeedback

from ..solar_saliency_plugin.bridge.layers import Presentation
from ..solar_saliency_plugin.contract.attribution_methods import ATTRIBUTION_METHODS
from .explaining import ExplainingAlgorithm, map_presentation

#: Where the attribution lies, by the result's members.
PLACES = {
    "inside": "inside the target",
    "within_50_m": "up to 50 m around it",
    "within_100_m": "50–100 m",
    "within_200_m": "100–200 m",
    "beyond_200_m": "farther away",
}

#: Half the width of the chart, in signs.
HALF = 16

#: A space that HTML does not shorten.
SPACE = "\N{NO-BREAK SPACE}"


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
            feedback.pushInfo("The attribution of each band, added up over all pixels:")
            feedback.pushConsoleInfo(band_chart(result["bands"]))
        return outputs

    def as_outputs(self, result: Dict[str, Any]) -> Dict[str, Any]:
        # The log would end with the corners of the target, and what matters would be out of sight.
        return super().as_outputs({**result, "target_wkt": None})

    def summary(self, result: Dict[str, Any]) -> List[str]:
        lines = [_answer(result, self._request), *_exactness(result), *_where(result)]
        seconds, evaluations = result["seconds"], result["evaluations"]
        times = "once" if evaluations == 1 else f"{evaluations:,.0f} times".replace(",", SPACE)
        lines.append(f"The model was asked {times}, on {result['device']}, in {seconds:.1f} s.")
        return lines


def _answer(result: Mapping[str, Any], request: Mapping[str, Any]) -> str:
    count, of = result["target_pixels"], "probability" if request.get("quantity") == "probability" else "logit"
    if count == 1:
        what = f"The {of} of the target's pixel"
    elif request.get("total") == "sum":
        what = f"The sum of the {of} over the target's {count} pixels"
    else:
        what = f"The mean {of} of the target's {count} pixels"
    line = f"{what} is {result['f_x']:.3f}"
    if of == "logit" and result["probability"] is not None:
        line += f" (a probability of {result['probability']:.3f})"
    against = result["f_baseline"]
    return f"{line}." if against is None else f"{line}; for the baseline it is {against:.3f}."


def _exactness(result: Mapping[str, Any]) -> List[str]:
    error, total = result["error"], result["attribution_sum"]
    if error is None or total is None:
        return []
    method = ATTRIBUTION_METHODS.get(result["attribution_method"])
    to_answer = method is not None and method.sums_to == "answer"
    compared = "the answer" if to_answer else "the difference between the two"
    return [f"The attributions add up to {total:.3f}, {_percent(error)} off {compared}."]


def _where(result: Mapping[str, Any]) -> List[str]:
    shares = [f"{_percent(result[name])} {place}" for name, place in PLACES.items() if result[name] is not None]
    return [f"Of the attribution, whatever its sign, lie: {', '.join(shares)}."] if shares else []


def _percent(share: float) -> str:
    percent = 100 * share
    if 0 < percent < 0.1:
        return "under 0.1 %"
    return f"{percent:.0f} %" if percent >= 9.5 else f"{percent:.2g} %"


def band_chart(bands: Mapping[str, Optional[float]], half: int = HALF) -> str:
    """A bar for each band, in text: to the right where it raised the answer, to the left where it lowered it."""
    sums = {band: value or 0.0 for band, value in bands.items()}
    longest = max((abs(value) for value in sums.values()), default=0.0)
    width = max(len(band) for band in sums)
    lines = []
    for band, value in sums.items():
        halves = round(2 * half * abs(value) / longest) if longest else 0
        bar = "█" * (halves // 2)
        left = ("▐" if halves % 2 else "") + bar if value < 0 else ""
        right = bar + ("▌" if halves % 2 else "") if value > 0 else ""
        lines.append(f"{band:<{width}} {left:>{half}}│{right:<{half}} {value:+.3g}".replace("-", "−"))
    return "\n".join(lines).replace(" ", SPACE)
