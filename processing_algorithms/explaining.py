"""What the algorithms that explain share: their place in the toolbox, their words, and what each method can tell."""

import html
from typing import Any, ClassVar, Dict, Iterable, List, Mapping

from ..solar_saliency_plugin.bridge.layers import Presentation
from ..solar_saliency_plugin.contract.attribution import MethodOptions
from ..solar_saliency_plugin.contract.attribution_methods import ATTRIBUTION_METHODS, AttributionMethod
from ..solar_saliency_plugin.contract.options import Option, options
from .base import EngineAlgorithm
from .wording import choice_text, label, words

#: What a dialog asks first; the rest follows in the contract's order.
FIRST = (
    "scene",
    "target",
    "polygons",
    "pixels",
    "attribution_method",
    "methods",
    "baseline",
    "baselines",
    "baseline_scene",
    "model",
)

#: Where the contributions add up to less exactly than this share, the layer's name has a sign of warning.
INEXACT = 0.01


class ExplainingAlgorithm(EngineAlgorithm):
    """An algorithm that explains what the model says of a target."""

    GROUP = "Explanation"
    ICON = "explain.svg"
    LABELS: ClassVar[Dict[str, str]] = {
        "polygons": "Or polygons that are explained together",
        "steps": "Points from baseline to image",
        "name": "Name of the target",
        "report": "Report",
    }

    def engine_options(self) -> List[Option]:
        asked = super().engine_options()
        return sorted(asked, key=lambda o: FIRST.index(o.name) if o.name in FIRST else len(FIRST))

    def explained_methods(self) -> Iterable[AttributionMethod]:
        """The attribution methods that the help tells of."""
        return ATTRIBUTION_METHODS.values()

    def shortHelpString(self) -> str:
        told = "".join(in_help(method, self.LABELS) for method in self.explained_methods())
        return super().shortHelpString() + (f"<h2>What each method can tell</h2>{told}" if told else "")


def in_help(method: AttributionMethod, labels: Mapping[str, str]) -> str:
    """What a method can and cannot tell, and who found it, as HTML."""
    asked = {option.name: option for option in options(MethodOptions)}
    parameters = [f"{label(asked[name], labels)}: {_default(name, v)}" for name, v in method.defaults.items()]
    lines = {
        "": method.tells,
        "It cannot tell": method.cannot_tell,
        "Known to fail": method.known_to_fail,
        "Its parameters": "; ".join(parameters),
        "Large targets": "" if method.windows else f"It needs the target in one piece. {method.why_whole}",
        "Formula": method.formula,
        "Times the model is asked": method.cost_formula,
        "Paper": method.paper,
    }
    told = [f"<p>{f'<b>{head}</b>: ' if head else ''}{html.escape(text)}</p>" for head, text in lines.items() if text]
    return f"<h3>{html.escape(method.title)}</h3>{''.join(told)}"


def _default(name: str, value: Any) -> str:
    if value is None:
        return "found by itself"
    return choice_text(name, value).lower() if isinstance(value, str) else f"{value:g}"


def map_name(request: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """What the layer of an attribution is called: its method, and what the image was compared with."""
    method = ATTRIBUTION_METHODS.get(str(request.get("attribution_method", "")))
    name = method.title if method is not None else words(str(request.get("attribution_method") or "attribution"))
    if method is not None and _compares(method, request):
        baseline = choice_text("baseline", str(request.get("baseline") or "soil"))
        name += f" ({baseline[0].lower()}{baseline[1:]})"
    error = result.get("error")
    return f"{name} ⚠" if isinstance(error, (int, float)) and error > INEXACT else name


def _compares(method: AttributionMethod, request: Mapping[str, Any]) -> bool:
    """Whether the baseline has a say in it: of noisy gradients it has none."""
    of = request.get("of") or method.defaults.get("of")
    return method.baseline != "none" and of != "gradient"


def map_presentation(request: Mapping[str, Any], result: Mapping[str, Any]) -> Presentation:
    """How an attribution is shown: in a group with all other answers to the same question."""
    return Presentation(map_name(request, result), group=f"Why: {request.get('name') or 'target'}")
