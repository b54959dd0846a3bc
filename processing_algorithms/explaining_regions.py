"""What the algorithms share that explain regions by Shapley values: words, checks, layers, the log."""

from typing import Any, ClassVar, Dict, List, Mapping, Optional, Set

from qgis.core import QgsProcessingContext, QgsProcessingException, QgsProcessingFeedback

from ..solar_saliency_plugin.bridge import answers
from ..solar_saliency_plugin.bridge.groups import WHY
from ..solar_saliency_plugin.bridge.layers import Presentation
from ..solar_saliency_plugin.bridge.targets import place_name
from ..solar_saliency_plugin.contract.errors import LongRunError
from .explaining import BASELINE, ExplainingAlgorithm, compared_with, warned
from .parameters import inputs
from .text_chart import text_chart

#: How many regions the log tells of, each in a line of its own.
LINES = 100

#: How many bars the chart in the log has.
BARS = 15


#: What a dialog asks first, and then among its advanced parameters.
FIRST = (
    *("scene", "target", "polygons", "region", "margin", "pixels", "baseline", "compare", "baseline_scene"),
    *("cut", "segments", "superpixels", "players", "evaluations", "model"),
    *("estimator", "interactions", "error", "long", "superpixel", "cut_bands", "components", "rest"),
    *("neighbours", "outside", "name", "quantity", "total", "threshold", "around", "blur", "spectra"),
)


class RegionAlgorithm(ExplainingAlgorithm):
    """An algorithm that explains regions, one by one, by what each of their parts contributes."""

    LABELS: ClassVar[Dict[str, str]] = {
        **ExplainingAlgorithm.LABELS,
        "polygons": "Or each polygon of a layer",
        "region": "Region to search for reasons",
        "margin": "Margin where there is no region",
        "compare": "Also compared with",
        "rest": "What lies outside of the region",
        "long": "Allow more than ten minutes",
        "players": "What is taken away at a time",
    }

    ORDER = FIRST
    EACH = ", each by itself"

    def explained_methods(self) -> "tuple[()]":
        return ()  # it is the method

    def initAlgorithm(self, configuration: Optional[Dict[str, Any]] = None) -> None:
        super().initAlgorithm(configuration)
        self.parameterDefinition("REPORT").setCreateByDefault(True)  # bars say more than polygons

    def checked_inputs(self, parameters: Dict[str, Any], context: QgsProcessingContext) -> Dict[str, Any]:
        values = super().checked_inputs(parameters, context)
        if not any(values.get(name) for name in ("target", "region", "polygons")):
            raise QgsProcessingException(
                "Nothing is to be explained yet. Select a detection, or a polygon that you drew, on the map and press "
                f"“Selected” beside “{self.shown('target')}” or “{self.shown('region')}”; or choose a layer of "
                "polygons."
            )
        first = values.get("baseline", BASELINE)
        if first in values.get("compare", ()):
            values["compare"] = [name for name in values["compare"] if name != first]
        return values

    def shown(self, name: str) -> str:
        """What the dialog calls an option."""
        return str(self.parameterDefinition(name.upper()).description())

    def left_over(self, values: Mapping[str, Any]) -> Dict[str, str]:
        found = super().left_over(values)
        if values.get("region") and values.get("polygons") and "polygons" not in found:
            found["polygons"] = "A region is given: it is explained, and the layer of polygons is not."
        if values.get("region") and "margin" in self.changed(values):
            found["margin"] = useless(self.shown("margin"), "a region is given.")
        return found

    def changed(self, values: Mapping[str, Any]) -> Set[str]:
        """The options that were set to something else than what dialogs send anyway."""
        return {
            option.name
            for option in inputs(self.engine_options())
            if option.name in values and _plain(values[option.name]) != option.default
        }

    def compute(
        self, parameters: Dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Dict[str, Any]:
        try:
            return super().compute(parameters, context, feedback)
        except LongRunError as error:
            remedy = f"Tick “{self.shown('long')}” among the advanced parameters to let it run, or ask for less."
            raise LongRunError(error.message, remedy) from error

    def presentations(self, request: Dict[str, Any], result: Dict[str, Any]) -> Dict[str, Presentation]:
        group = WHY + what_is_explained(request, result)
        name = self.layer_name(request, result)
        found = {result["output"]: Presentation(name, group=group, layer=result["layer"])}
        if result.get("raster"):
            found[result["raster"]] = Presentation(f"{name}, raster", group=group, behind=result["output"])
        return found

    def layer_name(self, request: Mapping[str, Any], result: Mapping[str, Any]) -> str:
        """What the layer of polygons is called: region, how many parts, baseline; with a sign where it has a flaw."""
        found = result["regions"]
        of = f"{len(found)} regions" if len(found) > 1 else what_is_explained(request, result)
        name = f"{of}: {self.parts(result)} ({compared_with(request)})"
        return warned(name, any(answer["hidden"] or answers.is_rough(answer) for answer in found))

    def parts(self, result: Mapping[str, Any]) -> str:
        """How many parts there are, in words."""
        raise NotImplementedError

    def deliver(
        self,
        request: Dict[str, Any],
        result: Dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> Dict[str, Any]:
        outputs = super().deliver(request, result, context, feedback)
        if len(result["regions"]) == 1:
            players = sorted(result["regions"][0]["players"], key=lambda player: player["rank"])[:BARS]
            feedback.pushInfo("What each raised (to the right) or lowered the answer by, the largest first:")
            feedback.pushConsoleInfo(text_chart({answers.player_text(player): player["phi"] for player in players}))
        return outputs

    def summary(self, result: Dict[str, Any]) -> List[str]:
        found = result["regions"]
        lines = self._of_one(found[0]) if len(found) == 1 else _of_many(found)
        lines += [f"⚠ “{refused['name']}” was left out: {refused['reason']}" for refused in result["refused"]]
        lines.append(
            f"{result['evaluations']:,} evaluations of the model in all, on {result['device']}, in "
            f"{result['seconds']:.1f} s. Seed of random numbers: {result['seed']}."
        )
        return lines

    def _of_one(self, answer: Mapping[str, Any]) -> List[str]:
        first, *rest = answers.told(answer)
        return [first, _probability(answer), f"What is explained is the {self._explained(answer)}.", *rest]

    def _explained(self, answer: Mapping[str, Any]) -> str:
        """The number that is taken of the target's pixels."""
        of = "probability" if self._request.get("quantity") == "probability" else "logit"
        if answer["target_pixels"] == 1:
            return f"{of} of that pixel"
        return f"sum of the {of}" if self._request.get("total") == "sum" else f"mean {of} of the target's pixels"


def what_is_explained(request: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """The name of the regions' group: that of the one region, or how many they are."""
    found = result["regions"]
    if len(found) != 1:
        return f"{len(found)} regions"
    answer = found[0]
    if request.get("polygons"):
        return str(answer["name"])
    if request.get("name"):
        return str(request["name"])
    return place_name(answer["target_wkt"], result["crs"])


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def useless(shown: str, because: str) -> str:
    """What the log says of an option that another one makes useless."""
    return f"“{shown}” is not used: {because}"


def _probability(answer: Mapping[str, Any]) -> str:
    count = answer["target_pixels"]
    mean = f"on average over its {count} pixels" if count > 1 else "in its one pixel"
    return f"The model gives the target a probability of {answer['probability']:.3f} {mean}."


def _of_many(found: "List[Dict[str, Any]]") -> List[str]:
    lines = [f"{len(found)} regions were explained."] if found else ["No region could be explained."]
    for answer in found[:LINES]:
        did = answers.moved(answer) or answers.headline(answer)
        lines.append(f"{answer['name']} (probability {answer['probability']:.2f}): {did}")
    if len(found) > LINES:
        lines.append(f"The layer tells of the other {len(found) - LINES}.")
    return lines
