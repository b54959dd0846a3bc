"""The recipes of the default model and of a wide one to compare it with; :mod:`study` says what they are worth."""

from dataclasses import dataclass, replace

from .fitting import FitOptions
from .synthesis import Recipe

SEED = 1


@dataclass(frozen=True)
class Stage:
    """A part of learning: what is drawn, and how long and fast it is learned from."""

    options: FitOptions
    recipe: Recipe


#: The default model looks 4 pixels far: what it says of a pixel cannot hang on anything that is more than 40 m away.
OPTIONS = FitOptions(
    steps=1500,
    dice=0.3,
    precision="mixed",
    architecture={"stem": (48, 32), "width": 24, "depth": 0, "convolutions": 4},
)
RECIPE = Recipe()

#: The wide one sees most of its patch, as networks in the literature do; for comparison. A large patch shows one small
#: farm and much ground, so that it learns what panels are on small ones first.
WIDE_OPTIONS = FitOptions(
    steps=1200,
    dice=0.3,
    precision="mixed",
    architecture={"stem": (48, 32), "width": 12, "depth": 4, "convolutions": 2},
)
WIDE_RECIPE = Recipe(patch=256)

#: What each model learns, one stage after the other.
STAGES = {
    "compact": (Stage(OPTIONS, RECIPE),),
    "wide": (
        Stage(WIDE_OPTIONS, RECIPE),
        Stage(replace(WIDE_OPTIONS, steps=150, batch=4, learning_rate=5e-4), WIDE_RECIPE),
    ),
}
