"""What is said of Shapley values and baselines in the same words by dialogs, logs and pages."""

from typing import Any, Callable, Mapping

from .marking import QT_TRANSLATE_NOOP

#: What baselines are called within a sentence.
BASELINE_WORDS = {
    "soil": QT_TRANSLATE_NOOP("Words", "bare soil"),
    "zero": QT_TRANSLATE_NOOP("Words", "zero"),
    "mean": QT_TRANSLATE_NOOP("Words", "mean of the scene"),
    "blur": QT_TRANSLATE_NOOP("Words", "blurred image"),
    "surroundings": QT_TRANSLATE_NOOP("Words", "surroundings"),
    "scene": QT_TRANSLATE_NOOP("Words", "another date"),
}

#: What people call the ways to find the values.
ESTIMATOR_WORDS = {
    "exact": QT_TRANSLATE_NOOP("Words", "Exactly, from all coalitions"),
    "crossfit": QT_TRANSLATE_NOOP("Words", "Regression on a Gaussian process"),
    "leverage": QT_TRANSLATE_NOOP("Words", "KernelSHAP, paired leverage scores"),
    "permutations": QT_TRANSLATE_NOOP("Words", "Permutations in pairs"),
    "sampling": QT_TRANSLATE_NOOP("Words", "Shapley value sampling"),
    "l_shapley": QT_TRANSLATE_NOOP("Words", "L-Shapley: neighbours only"),
    "lime": QT_TRANSLATE_NOOP("Words", "LIME, for comparison: no Shapley values"),
}

#: What they are, and when they are used.
ESTIMATOR_HELP = QT_TRANSLATE_NOOP(
    "Words",
    "How the values are found. auto: exactly where that is cheap, else by regression on a Gaussian process, which was "
    "the best of all on solar farms; where one pixel sees more than a hundred superpixels, by showing them one after "
    "the other in random orders. LIME's values are no Shapley values and do not add up; nor do those of L-Shapley.",
)

#: How far the model sees, where a part of the region lies farther away.
SIGHT = QT_TRANSLATE_NOOP(
    "Words",
    "The model sees {metres} m around each pixel: what lies farther away from those that are explained cannot matter "
    "and was left out.",
)


def sight_text(facts: Mapping[str, Any], word: Callable[[str], str] = str) -> str:
    """How far the model sees, where a part of the region lies farther away; empty where none does.

    facts: of a region's answer, in which ``sight``, metres, is told then. word: translates a text that is marked.
    """
    return word(SIGHT).format(metres=f"{facts['sight']:,.0f}") if facts.get("sight") else ""


def own_name(name: str, number: int, bands: str) -> str:
    """What a superpixel's polygon is called in the user's layer; empty for one that only has a number, or none.

    name, number, bands: a player's.
    """
    plain = name[: -len(f", {bands}")] if bands and name.endswith(f", {bands}") else name
    return plain if number and plain != str(number) else ""
