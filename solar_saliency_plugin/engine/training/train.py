"""Train a new model from scenes and outlines of solar farms."""

from dataclasses import replace

from ...contract.training import LearnedResult, TrainRequest
from ..job import Job
from .learning import CHECKS, PATIENCE, Course, learn
from .recipe import OPTIONS, RECIPE, WIDE_OPTIONS, WIDE_RECIPE

#: Side of the patches of a wide network, in pixels: the windows of ground that are read around a user's farms are no
#: larger.
WIDE_PATCH = 128

FEWEST_PLACES = 5


def train(request: TrainRequest, job: Job) -> LearnedResult:
    """Write a new model folder. Raises :class:`SolarSaliencyError`."""
    near = request.context == "near"
    options = replace(
        OPTIONS if near else WIDE_OPTIONS,
        steps=request.steps,
        batch=request.batch,
        precision=request.precision,
        check_every=max(5, request.steps // CHECKS),
        patience=PATIENCE,
    )
    recipe = RECIPE if near else replace(WIDE_RECIPE, patch=WIDE_PATCH)
    too_few = "Draw outlines at more places, or fine-tune a model that is there, which two places are enough for."
    return learn(request, lambda: Course("train", options, recipe, None, FEWEST_PLACES, too_few), job)
