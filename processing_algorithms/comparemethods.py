"""Compare Explanations: several methods and baselines on one target, their maps, and how far they agree."""

from typing import Any, ClassVar, Dict, List

from ..solar_saliency_plugin.bridge.layers import Presentation
from .explaining import ExplainingAlgorithm


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

    def presentations(self, request: Dict[str, Any], result: Dict[str, Any]) -> Dict[str, Presentation]:
        name = f"Mean of {len(result['maps'])} explanations"
        return {result["output"]: Presentation(name, group=f"Why: {request.get('name') or 'target'}")}

    def summary(self, result: Dict[str, Any]) -> List[str]:
        lines = [f"{len(result['maps'])} maps: {', '.join(one['title'] for one in result['maps'])}."]
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
