"""Adapt a model to a region with a few outlines of solar farms."""

from dataclasses import replace

from ...contract.errors import ModelInvalidError, OutputIsInputError
from ...contract.training import FinetuneRequest, LearnedResult
from ..imagery.bands import MODEL_BANDS
from ..job import Job
from ..models.registry import load_model
from ..models.unet import UNet
from .learning import CHECKS, PATIENCE, Course, Start, learn
from .model_folder import check_model_output
from .recipe import OPTIONS, RECIPE, WIDE_RECIPE
from .train import WIDE_PATCH

#: A tenth of what a new network learns with: it knows nearly everything already.
LEARNING_RATE = 4e-4

#: A network that looks this far at most, in pixels, learns from patches as small as the default model's.
NEAR = 8

#: One place to learn from, and one to measure on.
FEWEST_PLACES = 2


def finetune(request: FinetuneRequest, job: Job) -> LearnedResult:
    """Write a model folder whose network is the start's, or a better one. Raises :class:`SolarSaliencyError`."""

    def course() -> Course:
        start = _start(request, job)
        options = replace(
            OPTIONS,
            steps=request.steps,
            batch=request.batch,
            learning_rate=LEARNING_RATE,
            averaging=0.98,
            precision=request.precision,
            check_every=max(5, request.steps // CHECKS),
            patience=PATIENCE,
            architecture={name: value for name, value in start.card.architecture.items() if name != "family"},
        )
        recipe = RECIPE if start.card.receptive_field <= NEAR else replace(WIDE_RECIPE, patch=WIDE_PATCH)
        return Course(
            "finetune", options, recipe, start, FEWEST_PLACES, "Draw outlines at another place, 2 km away or more."
        )

    return learn(request, course, job)


def _start(request: FinetuneRequest, job: Job) -> Start:
    """The model to start from, if it can be learned further."""
    model = load_model(request.model, job.warn)
    if not isinstance(model.network, UNet):
        raise ModelInvalidError(
            f"“{model.card.title}” is a network of your own, which can be used but not learned further here.",
            "Choose a model that the plugin has trained.",
        )
    if model.card.bands != MODEL_BANDS:
        raise ModelInvalidError(
            f"“{model.card.title}” looks at {', '.join(model.card.bands)}; only models of the ten bands "
            f"{', '.join(MODEL_BANDS)} are fine-tuned.",
            "Choose another model.",
        )
    if model.folder.resolve() == check_model_output(request.output).resolve():
        raise OutputIsInputError(
            "The new model would replace the one that it starts from.", "Choose another folder: keep the old model."
        )
    return Start(model.card, model.network, model.sha256)
