"""The recipes of the default model and of a wide one to compare it with; :mod:`study` says what they are worth."""

from .fit import FitOptions
from .synthesis import Recipe

SEED = 1

#: The default model looks 4 pixels far: what it says of a pixel cannot hang on anything that is more than 40 m away.
OPTIONS = FitOptions(
    steps=1500,
    dice=0.3,
    precision="mixed",
    architecture={"stem": (48, 32), "width": 24, "depth": 0, "convolutions": 4},
)
RECIPE = Recipe()

#: The wide one sees most of its patch, as networks in the literature do; for comparison.
WIDE_OPTIONS = FitOptions(
    steps=800,
    batch=2,
    dice=0.3,
    precision="mixed",
    architecture={"stem": (32,), "width": 16, "depth": 4, "convolutions": 2},
)
WIDE_RECIPE = Recipe(patch=256)
