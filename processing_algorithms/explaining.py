"""What the algorithms that explain share: their place in the toolbox, their words, and what each method can tell."""

import html
from pathlib import Path
from typing import Any, ClassVar, Dict, Iterable, List, Mapping, Tuple

from qgis.core import QgsProcessingContext, QgsProcessingFeedback, QgsProject

from ..solar_saliency_plugin.bridge.features import Features
from ..solar_saliency_plugin.bridge.layers import Presentation
from ..solar_saliency_plugin.bridge.processes import on_gui_thread
from ..solar_saliency_plugin.bridge.targets import outlined_detection, sole_detection
from ..solar_saliency_plugin.contract.attribution import INEXACT, BaselineOptions
from ..solar_saliency_plugin.contract.attribution_methods import ATTRIBUTION_METHODS, AttributionMethod
from ..solar_saliency_plugin.contract.options import Option, option_of
from .base import EngineAlgorithm
from .file_inputs import features
from .wording import LABELS, choice_in_sentence, choice_text, words

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

#: The baseline that dialogs do not send, since it is the engine's own choice.
BASELINE = str(option_of(BaselineOptions, "baseline").default)

#: The page that tells of every method in full.
METHODS_PAGE = Path(__file__).parents[1] / "resources" / "help" / "methods.html"

#: Goes first in the name of a layer that should not be taken at its word: names are cut at their end.
WARNING = "⚠ "


class ExplainingAlgorithm(EngineAlgorithm):
    """An algorithm that explains what the model says of a target."""

    GROUP = "Explanation"
    ICON = "explain.svg"
    LABELS: ClassVar[Dict[str, str]] = {
        "polygons": "Or polygons, explained together",
        "steps": "Points from baseline to image",
        "name": "Name of the target",
        "report": "Report",
    }
    ORDER: ClassVar[Tuple[str, ...]] = FIRST

    #: How several polygons of a layer are explained, as the log says it.
    EACH = " together"

    def engine_options(self) -> List[Option]:
        order = self.ORDER
        return sorted(super().engine_options(), key=lambda o: order.index(o.name) if o.name in order else len(order))

    def checked_inputs(self, parameters: Dict[str, Any], context: QgsProcessingContext) -> Dict[str, Any]:
        values = super().checked_inputs(parameters, context)
        useless = self.left_over(values)
        return {name: value for name, value in values.items() if name not in useless}

    def prepareAlgorithm(
        self, parameters: Dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        for name, reason in self.left_over(self.read_inputs(parameters, context)).items():
            # What is explained is not what a layer that was chosen lets one expect.
            (feedback.pushWarning if name == "polygons" else feedback.pushInfo)(reason)
        prepared = super().prepareAlgorithm(parameters, context, feedback)
        found = features(parameters["POLYGONS"], context) if self._request.get("polygons") else None
        if found is not None and found.count() >= 0:
            feedback.pushInfo(self._told_of_targets(found))
        # A name of the user's own comes first; what has none is called as a click on it would call it.
        name = self._request.get("name") or self._detection(parameters, context)
        if name:
            self._request["name"] = name
        return prepared

    def _told_of_targets(self, found: Features) -> str:
        """How many polygons of a layer are explained: all of them may be far more than one had in mind."""
        count = found.count()
        if count == 1:
            return "1 polygon is explained."
        told = f"{count:,} polygons are explained{self.EACH}."
        if not found.selected_only:
            told += " To explain fewer, select them and tick “Selected features only”."
        return told

    def _detection(self, parameters: Dict[str, Any], context: QgsProcessingContext) -> str:
        """The name of the detection that is explained; empty where it is not one, or not one of the project's."""
        if not on_gui_thread():  # a step of a model: the project's layers are out of reach
            return ""
        asked = self._request
        outline = asked.get("target") or asked.get("region")
        if outline:
            return outlined_detection(QgsProject.instance(), outline, asked.get("target_crs", ""))
        found = features(parameters["POLYGONS"], context) if asked.get("polygons") else None
        return sole_detection(found) if found is not None else ""

    def left_over(self, values: Mapping[str, Any]) -> Dict[str, str]:
        """Inputs that other ones make useless, such as those that a dialog fills in, each with the reason in words."""
        return left_over(values)

    def as_outputs(self, result: Dict[str, Any]) -> Dict[str, Any]:
        # The log would end with the corners of the target, and what matters would be out of sight.
        return super().as_outputs({**result, "target_wkt": None})

    def explained_methods(self) -> Iterable[AttributionMethod]:
        """The attribution methods that the help tells of."""
        return ATTRIBUTION_METHODS.values()

    def shortHelpString(self) -> str:
        told = "".join(self.in_help(method) for method in self.explained_methods())
        more = f'<p><a href="{METHODS_PAGE.as_uri()}">What each can and cannot tell, formulas, papers</a></p>'
        return super().shortHelpString() + (f"<h2>What each method can tell</h2>{told}{more}" if told else "")

    def in_help(self, method: AttributionMethod) -> str:
        """What the help says of a method, as HTML: a sentence."""
        told = method.tells.split(". ")[0].rstrip(".")
        return f"<p><b>{html.escape(method.title)}</b>: {html.escape(told)}.</p>"


def left_over(values: Mapping[str, Any]) -> Dict[str, str]:
    """What targets and baselines that are not used leave over, in every explanation."""
    found = {}
    if values.get("target") and values.get("polygons"):
        found["polygons"] = "A target is given: it is explained, and the layer of polygons is not."
    chosen = values.get("baselines") or [values.get("baseline")]
    for name in ("baseline_scene", "baseline_date"):
        if values.get(name) and "scene" not in chosen:
            found[name] = (
                f"“{LABELS.get(name) or words(name)}” is not used: the image is not compared with "
                f"“{choice_text('baseline', 'scene')}”."
            )
    return found


def map_name(request: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """What the layer of an attribution is called: its method, and what the image was compared with."""
    method = ATTRIBUTION_METHODS.get(str(request.get("attribution_method", "")))
    name = method.title if method is not None else words(str(request.get("attribution_method") or "attribution"))
    if method is not None and _compares(method, request):
        name += f" ({compared_with(request)})"
    return warned(name, is_inexact(result))


def compared_with(request: Mapping[str, Any]) -> str:
    """What the image was compared with, as names of layers have it."""
    return choice_in_sentence("baseline", str(request.get("baseline") or BASELINE))


def is_inexact(result: Mapping[str, Any]) -> bool:
    """Whether the contributions do not add up to what they should."""
    error = result.get("error")
    return isinstance(error, (int, float)) and error > INEXACT


def warned(name: str, warn: bool) -> str:
    """A layer's name, with a sign of warning where there is something to be warned of."""
    return WARNING + name if warn else name


def group_of(request: Mapping[str, Any]) -> str:
    """The group of all answers to the same question."""
    return f"Why: {request.get('name') or 'target'}"


def _compares(method: AttributionMethod, request: Mapping[str, Any]) -> bool:
    """Whether the baseline has a say in it: of noisy gradients it has none."""
    of = request.get("of") or method.defaults.get("of")
    return method.baseline != "none" and of != "gradient"


def map_presentation(request: Mapping[str, Any], result: Mapping[str, Any]) -> Presentation:
    """How an attribution is shown: in a group with all other answers to the same question."""
    return Presentation(map_name(request, result), group=group_of(request))
