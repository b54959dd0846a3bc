"""What is said of Shapley values in the same words by dialogs, logs and pages."""

from typing import Any, Mapping

#: What people call the ways to find the values.
ESTIMATOR_WORDS = {
    "exact": "Exactly, from all coalitions",
    "crossfit": "Regression on a Gaussian process",
    "leverage": "KernelSHAP, paired leverage scores",
    "permutations": "Permutations in pairs",
    "sampling": "Shapley value sampling",
    "l_shapley": "L-Shapley: neighbours only",
    "lime": "LIME, for comparison: no Shapley values",
}


def sight_text(facts: Mapping[str, Any]) -> str:
    """How far the model sees, where a part of the region lies farther away; empty where none does.

    facts: of a region's answer, in which ``sight``, metres, is told then.
    """
    if not facts.get("sight"):
        return ""
    return (
        f"The model sees {facts['sight']:,.0f} m around each pixel: what lies farther away from those that are "
        "explained cannot matter and was left out."
    )


def own_name(name: str, number: int, bands: str) -> str:
    """What a superpixel's polygon is called in the user's layer; empty for one that only has a number, or none.

    name, number, bands: a player's.
    """
    plain = name[: -len(f", {bands}")] if bands and name.endswith(f", {bands}") else name
    return plain if number and plain != str(number) else ""
