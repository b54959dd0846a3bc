"""Look Into the Network: what its layers and channels contributed, or what one channel looks at."""

import html
from typing import Any, ClassVar, Dict, Iterable, List

from ..solar_saliency_plugin.bridge.layers import Presentation
from ..solar_saliency_plugin.contract.attribution_methods import AttributionMethod
from ..solar_saliency_plugin.contract.layer_attribution import LAYER_METHODS
from .explaining import ExplainingAlgorithm, group_of, is_inexact, warned
from .wording import share_text

#: Channels that the log lists.
LISTED = 10


class LayerAttribution(ExplainingAlgorithm):
    """What a layer's channels contributed to the answer, or what one channel looks at."""

    METHOD = "layerattribution"
    DISPLAY_NAME = "Look Into the Network"
    ORDER = (
        *("scene", "target", "polygons", "pixels", "attribution_method"),
        *("model", "layer", "channel", "top_channels", "per_band", "baseline", "baseline_scene"),
    )
    LABELS: ClassVar[Dict[str, str]] = {
        **ExplainingAlgorithm.LABELS,
        "output": "Layer attribution",
        "channel": "Channel",
        "top_channels": "Maps of the channels that did most",
        "samples": "Random points",
    }

    def explained_methods(self) -> Iterable[AttributionMethod]:
        return LAYER_METHODS.values()

    def presentations(self, request: Dict[str, Any], result: Dict[str, Any]) -> Dict[str, Presentation]:
        method = LAYER_METHODS[result["attribution_method"]]
        name = f"{method.title}: {result['layer']}"
        if result["channel"] >= 0:
            name += f", channel {result['channel']}"
        return {result["output"]: Presentation(warned(name, is_inexact(result)), group=group_of(request))}

    def summary(self, result: Dict[str, Any]) -> List[str]:
        of = "probability" if self._request.get("quantity") == "probability" else "logit"
        what = f"The {'sum of the' if self._request.get('total') == 'sum' else 'mean'} {of} of the target's pixels"
        return [line for line in (_answer(result, what), *_channels(result), _sum(result), _cost(result)) if line]

    def in_help(self, method: AttributionMethod) -> str:
        parts = {
            "": method.tells,
            "It cannot tell": method.cannot_tell,
            "Known to fail": method.known_to_fail,
            "Paper": method.paper,
        }
        told = (f"<p>{f'<b>{head}</b>: ' if head else ''}{html.escape(text)}</p>" for head, text in parts.items())
        return f"<h3>{html.escape(method.title)}</h3>{''.join(told)}"


def _answer(result: Dict[str, Any], what: str) -> str:
    if result["neuron_x"] is not None:
        line = f"At the target, channel {result['channel']} of “{result['layer']}” shows {result['neuron_x']:.3g}"
        compared = result["neuron_baseline"]
    else:
        line, compared = f"{what} is {result['f_x']:.3g}", result["f_baseline"]
    return f"{line}." if compared is None else f"{line}; for the baseline it is {compared:.3g}."


def _channels(result: Dict[str, Any]) -> List[str]:
    lines = [
        f"Channel {row['channel']}: {row['sum']:+.3g}, {share_text(row['share'])} of all contributions"
        for row in result["channels"][:LISTED]
        if row["share"] is not None
    ]
    return ["The channels that did most, whatever the sign of it:", *lines] if lines else []


def _sum(result: Dict[str, Any]) -> str:
    total, error = result["attribution_sum"], result["error"]
    if error is not None:
        return f"The contributions add up to {total:.3g}, {share_text(error)} off what they should."
    round_it = ". Part of the answer goes round this layer" if result["goes_round"] else ""
    return f"The contributions add up to {total:.3g}{round_it}."


def _cost(result: Dict[str, Any]) -> str:
    return f"The model was asked {result['evaluations']} times, on {result['device']}, in {result['seconds']:.1f} s."
