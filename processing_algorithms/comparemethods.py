"""Compare Explanations: several methods and baselines on one target, their maps, and how far they agree."""

from typing import Any, ClassVar, Dict, List, Optional

from ..solar_saliency_plugin.bridge.layers import Presentation
from .explaining import ExplainingAlgorithm, group_of, warned

#: Two maps that have less than this share of their most important pixels in common disagree strongly.
STRONG = 0.5


class CompareMethods(ExplainingAlgorithm):
    """Whether other methods and baselines tell the same story of a target."""

    METHOD = "comparemethods"
    DISPLAY_NAME = "Compare Explanations"
    LABELS: ClassVar[Dict[str, str]] = {
        **ExplainingAlgorithm.LABELS,
        "methods": "Methods",
        "baselines": "Compared with",
        "output": "Comparison",
        "table": "Table of agreement",
    }

    def initAlgorithm(self, configuration: Optional[Dict[str, Any]] = None) -> None:
        super().initAlgorithm(configuration)
        self.parameterDefinition("REPORT").setCreateByDefault(True)  # the raster alone says little

    def presentations(self, request: Dict[str, Any], result: Dict[str, Any]) -> Dict[str, Presentation]:
        name = f"Mean of {len(result['maps'])} explanations"
        disagree = _apart(result) * 2 >= max(1, len(result["pairs"]))
        return {result["output"]: Presentation(warned(name, disagree), group=group_of(request))}

    def summary(self, result: Dict[str, Any]) -> List[str]:
        lines = [_verdict(result), f"{len(result['maps'])} maps: {', '.join(one['title'] for one in result['maps'])}."]
        shared, signs = result["sign_agreement"], ", with the same sign"
        if shared is None:
            shared, signs = result["top_overlap"], ""
        if shared is not None:
            lines.append(
                f"Two of them have on average {100 * shared:.0f} % of their most important tenth of the pixels in "
                f"common{signs}."
            )
        correlation, of_sizes = result["rank_correlation"], result["rank_correlation_of_absolute"]
        told = [f"{correlation:.2f} of contributions"] if correlation is not None else []
        told += [f"{of_sizes:.2f} of their sizes"] if of_sizes is not None else []
        if told:
            lines.append(f"Mean rank correlation: {', '.join(told)}.")
        lines.append("The first band is the mean of the maps, the second their agreement, the third the spread.")
        return lines


def _apart(result: Dict[str, Any]) -> int:
    """How many pairs of maps disagree strongly."""
    shared = [
        found["top_overlap"] if found["sign_agreement"] is None else found["sign_agreement"]
        for found in result["pairs"]
    ]
    return sum(share is not None and share < STRONG for share in shared)


def _verdict(result: Dict[str, Any]) -> str:
    apart, pairs = _apart(result), len(result["pairs"])
    if not apart:
        return "They agree: what the maps show does not hang on the choice among them."
    if apart * 2 >= pairs:
        return "They disagree: do not show one map as the reason."
    return f"They agree in part: {apart} of {pairs} pairs disagree strongly. Say which method and baseline a map is of."
