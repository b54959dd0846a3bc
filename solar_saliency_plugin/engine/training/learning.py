"""What training and fine-tuning share: data → places kept out → fit → calibration → threshold → model folder."""

import json
import platform
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...contract.errors import (
    CancelledError,
    DiskFullError,
    LabelsUnsuitableError,
    RequestError,
    SolarSaliencyError,
)
from ...contract.training import FinetuneRequest, LearnedResult, TrainRequest
from ...contract.version import PLUGIN_VERSION
from ..imagery.bands import MODEL_BANDS
from ..imagery.outputs import translate_os_error
from ..job import Job
from ..models import receptive_field
from ..models.card import Card
from ..models.registry import read_files
from ..models.unet import UNet
from ..versions import package_versions
from ..windowed.sole_writer import sole_writer
from . import checkpoint
from .calibration import Calibration, calibrated
from .crops import GroundWindow
from .curves import draw_curve
from .farms import FarmView
from .fit import fit
from .fitting import FitOptions, Fitted
from .kept_out import UNSURE, KeptOut, Measured
from .model_folder import CURVE, PROBLEMS, check_model_output, whole_folder
from .problems import write_problems
from .publication import write_model
from .sites import LabelledData, labelled_data
from .splits import kept_out_places, parted_ground
from .synthesis import Recipe, Synthesis, can_be_set, placeable

#: Shares of the job that reading and learning take; the rest is measuring and writing.
READING, LEARNING = 0.25, 0.95

#: The validation score is looked at about so often, and learning stops after so many looks without gain.
CHECKS = 25
PATIENCE = 10

#: A model whose intersection over union or average precision stays below this on places kept out is of no use.
USELESS = 0.3

#: A model that marks more of the ground without solar farms than this share is told of.
MUCH_FALSE = 0.005

CONDITIONS = (
    "Measured on the user's own places that were kept out of learning, every view by itself: all counted pixels of "
    "the farms' surroundings and of windows of ground pooled; a pixel is farm where half of it or more lies inside an "
    "outline. {chosen}They say nothing about other regions or seasons. calibration_error: how far a probability of "
    f"{UNSURE} or more is off, on average over the pixels that have one; null where none has. false_area_percent: "
    "share of the windows of ground that reaches the threshold; null where no ground could be kept out. All of "
    "these are of pixels; what is asked of a detection's core is as in the model that it started from."
)
CHOSEN = (
    "The threshold and the calibration were chosen on these same places, and the best of the checks, too, so that the "
    "figures are somewhat optimistic, the more so the fewer places there are. "
)

Request = TrainRequest | FinetuneRequest


@dataclass(frozen=True)
class Start:
    """The model that fine-tuning begins with; its network is one of the family."""

    card: Card
    network: UNet
    sha256: str


@dataclass(frozen=True)
class Course:
    """What differs between training and fine-tuning.

    start: the model to go on from. fewest: places that there must be. too_few: what to do where there are fewer.
    """

    method: str
    options: FitOptions
    recipe: Recipe
    start: Start | None
    fewest: int
    too_few: str


@dataclass(frozen=True)
class _Split:
    """The data, and the two sides of it."""

    data: LabelledData
    synthesis: Synthesis
    kept_out: KeptOut
    learned_places: int
    kept_out_places: int


@dataclass(frozen=True)
class _Outcome:
    """The network to write, and what is known of it."""

    network: UNet
    measured: Measured
    calibration: Calibration
    start: Measured | None
    keeps_start: bool


def learn(request: Request, course: Callable[[], Course], job: Job) -> LearnedResult:
    """Write the model folder of ``request``; an interrupted run of the same request is continued.

    ``course`` is asked once the output is known to be writable. Raises :class:`SolarSaliencyError`.
    """
    output = check_model_output(request.output)
    device = usable_device(request.device)
    plan = course()
    journal = output.with_name(output.name + ".journal")
    try:
        with sole_writer(output):
            if request.restart:
                _remove(journal)
            _check_space(output, plan)
            split = _split(request, plan, device, job.part(0, READING))
            fitted = _fitted(request, plan, split, journal, device, job.part(READING, LEARNING))
            try:
                result = _finished(request, plan, split, fitted, output, job)
            except CancelledError as error:
                raise CancelledError(
                    f"The job was cancelled after {fitted.steps} steps of learning, before the model was written.",
                    "Run it again with the same settings and data: nothing is learned twice.",
                ) from error
            _remove(journal)
    except OSError as error:
        raise _told(translate_os_error(error), journal) from error
    job.finish("Model written")
    return result


def usable_device(asked: str) -> str:
    """ "cpu" or "cuda"; raises :class:`RequestError` where a graphics card was asked for and there is none."""
    if asked == "cuda" and not torch.cuda.is_available():
        raise RequestError(
            "PyTorch finds no usable graphics card.",
            "Choose the device “cpu” or “auto”, or check the card's driver.",
        )
    return "cuda" if asked != "cpu" and torch.cuda.is_available() else "cpu"


def _remove(journal: Path) -> None:
    """Delete a journal, and nothing that somebody else has put beside it."""
    with suppress(OSError):
        for name in (checkpoint.FILE, checkpoint.PART):  # of which a killed run leaves the second, too
            (journal / name).unlink(missing_ok=True)
        journal.rmdir()


def _told(error: SolarSaliencyError, journal: Path) -> SolarSaliencyError:
    """The error of a full disk, with what is not lost."""
    if isinstance(error, DiskFullError) and (journal / checkpoint.FILE).is_file():
        return DiskFullError(
            "The disk is full: the model could not be written.",
            "Free some space and run it again with the same settings: it goes on from what it has learned.",
        )
    return error


def _check_space(output: Path, course: Course) -> None:
    """The journal holds the weights five times, and is written beside the one before; then there is the model."""
    with torch.device("meta"):
        network = UNet((0.0,) * 10, (1.0,) * 10, **course.options.architecture)
    needed = 12 * 4 * sum(parameter.numel() for parameter in network.parameters()) + 8_000_000
    free = shutil.disk_usage(output.parent).free
    if free < needed:
        raise DiskFullError(
            f"The disk of {output.parent} has {free / 1e6:.0f} MB free; learning needs {needed / 1e6:.0f} MB.",
            "Free some space or choose another folder.",
        )


def _split(request: Request, course: Course, device: str, job: Job) -> _Split:
    data = labelled_data(request, job)
    if data.summary["simulated_images"]:
        job.warn("Scenes are simulated: their farms do not exist, and the model knows nothing of real ones.")
    pixels = data.farm_pixels()
    if len(pixels) < course.fewest:
        raise LabelsUnsuitableError(_too_few(len(pixels), course.fewest, data), course.too_few)
    away = kept_out_places(pixels, request.seed)
    learned, held = data.of_places(pixels.keys() - away), data.of_places(away)
    ground, ground_away = parted_ground(data.backgrounds, request.seed)
    kept_out = KeptOut(held, ground_away, device, job)
    if not kept_out.farm_pixels:
        raise LabelsUnsuitableError(
            "Nothing of the farms that were kept out to measure the model is left beside the strip along outlines.",
            "Set the option “edge” to less, or draw larger farms.",
        )
    if not ground_away:
        job.warn(
            "There is too little ground away from solar farms to keep some of it out of learning: how much ground the "
            "model marks by mistake is not measured. Give larger scenes, or backgrounds."
        )
    shapes = placeable(data.outlines_geojson, request.seed, job.check)
    recipe, ground = _recipe(course.recipe, learned, ground, bool(shapes), job)
    synthesis = Synthesis(learned, ground, shapes, np.random.default_rng(request.seed), recipe)
    job.info(
        f"{len(pixels) - len(away)} places to learn from ({len(learned)} views) and {len(away)} kept out to measure "
        f"({len(held)} views); {len(ground)} and {len(ground_away)} windows of ground."
    )
    return _Split(data, synthesis, kept_out, len(pixels) - len(away), len(away))


def _recipe(
    recipe: Recipe, views: Sequence[FarmView], ground: Sequence[GroundWindow], has_shapes: bool, job: Job
) -> tuple[Recipe, list[GroundWindow]]:
    """The recipe as far as the data allow it, and the ground that is large enough for its patches."""
    largest = max((min(background.valid.shape) for background in ground), default=recipe.patch)
    recipe = replace(recipe, patch=min(recipe.patch, largest - largest % 2))
    fitting = [background for background in ground if min(background.valid.shape) >= recipe.patch]
    if not fitting:
        job.warn(
            "The scenes hold no ground away from solar farms to learn from: the model may see farms where there are "
            "none. Give larger scenes, or backgrounds."
        )
        return replace(recipe, chips=1.0, farms_set=0.0), fitting
    if not has_shapes:
        job.warn(
            "The outlines are too small, or too narrow, to set anything of their shape into other ground: farms are "
            "learned where they stand only, and ground as it is."
        )
        return replace(recipe, farms_set=0.0, pieces_set=0.0), fitting
    if not any(can_be_set(view) for view in views):
        job.warn("No outline is large enough to be set into other ground: farms are learned where they stand only.")
        return replace(recipe, farms_set=0.0, near_misses=0.0), fitting
    return recipe, fitting


def _too_few(found: int, fewest: int, data: LabelledData) -> str:
    kinds = sorted({problem.kind.replace("_", " ") for problem in data.problems if problem.left_out})
    left_out = f" Others were left out: {', '.join(kinds)}." if kinds else ""
    where = "no place" if not found else "one place" if found == 1 else f"{found} places"
    return f"There are usable outlines of solar farms at {where}, and {fewest} are needed.{left_out}"


def _fitted(request: Request, course: Course, split: _Split, journal: Path, device: str, job: Job) -> Fitted:
    return fit(
        split.synthesis,
        course.options,
        request.seed,
        start=course.start.network if course.start is not None else None,
        validate=split.kept_out.average_precision,
        journal=journal,
        device=device,
        job=job,
    )


def _finished(request: Request, course: Course, split: _Split, fitted: Fitted, output: Path, job: Job) -> LearnedResult:
    """Measure what was learned, and write the folder."""
    job.progress(LEARNING, "Measuring on the places kept out")
    outcome = _judged(course, split.kept_out, fitted, job)
    _warn_of(outcome.measured, job)
    validation = {
        **outcome.measured.facts(),
        "places": split.kept_out_places,
        "views": len(split.kept_out.views),
        "ground_windows": len(split.kept_out.ground),
    }
    if outcome.start is not None:
        validation |= {"start": outcome.start.facts(), "keeps_start": outcome.keeps_start}
    card = _card(request, course, split, fitted, outcome, validation, output.name)
    job.progress(0.98, "Writing the model")
    problems = split.data.problems
    with whole_folder(output) as folder:
        write_model(folder, outcome.network, card)
        draw_curve(folder / CURVE, fitted, card.title)
        if problems:
            write_problems(problems, folder / PROBLEMS)
    return LearnedResult(
        output=str(output),
        name=card.name,
        sha256=read_files(output).identity,
        steps=fitted.steps,
        stopped_early=fitted.stopped_early,
        sites=len({view.site for view in split.data.views}),
        views=len(split.data.views),
        problems=len(problems),
        threshold=card.threshold,
        validation=validation,
        curve=str(output / CURVE),
        problems_output=str(output / PROBLEMS) if problems else "",
        device=fitted.device,
        precision=fitted.precision,
        seconds=job.seconds,
        warnings=tuple(job.warnings),
    )


def _judged(course: Course, kept_out: KeptOut, fitted: Fitted, job: Job) -> _Outcome:
    """The learned network, calibrated; or the one that it started from, where that is as good on places kept out."""
    calibration = kept_out.calibration(fitted.network)
    network = calibrated(fitted.network, calibration)
    measured = kept_out.measured(network)
    if course.start is None:
        return _Outcome(network, measured, calibration, None, False)
    # The start is what is written where learning does not help: its figures are those at its own threshold. But it is
    # beaten only by what beats it at its best threshold, too: choosing a threshold is no learning.
    start = kept_out.measured(course.start.network, course.start.card.threshold)
    best = max(start, kept_out.measured(course.start.network), key=lambda scores: scores.iou)
    precisions = f"average precision {start.average_precision:.3f} → {measured.average_precision:.3f}"
    better = measured.average_precision >= start.average_precision and measured.iou >= best.iou
    if better and fitted.best_step > 0:
        job.info(f"Fine-tuning helped: {precisions}, IoU {start.iou:.3f} → {measured.iou:.3f} on the places kept out.")
        return _Outcome(network, measured, calibration, start, False)
    job.warn(
        f"Fine-tuning did not help ({precisions}, IoU {best.iou:.3f} → {measured.iou:.3f}, each at its best threshold "
        "on the places kept out): the new model has the weights and the threshold of the one that it started from. "
        f"At that threshold, {start.threshold:g}, its IoU is {start.iou:.3f}."
    )
    return _Outcome(course.start.network, start, Calibration(1.0, 0.0), start, True)


def _warn_of(measured: Measured, job: Job) -> None:
    """Say where the model that will be written is not to be relied on."""
    if measured.average_precision < USELESS or measured.iou < USELESS:
        job.warn(
            f"This model is hardly of use: on the places kept out, what it marks and what is solar farm agree to "
            f"{measured.iou:.0%} only (IoU; average precision {measured.average_precision:.2f}). Check the outlines "
            "and the scenes' dates, draw more outlines, or start from a model that is there."
        )
    if measured.false_area is not None and measured.false_area > MUCH_FALSE:
        job.warn(
            f"The model marks {measured.false_area:.1%} of the ground without solar farms. Give it more ground to "
            "learn from: larger scenes, or backgrounds."
        )


def _card(
    request: Request,
    course: Course,
    split: _Split,
    fitted: Fitted,
    outcome: _Outcome,
    validation: dict[str, Any],
    name: str,
) -> Card:
    network = outcome.network.cpu()
    reach, stride = receptive_field.measure(network, len(MODEL_BANDS))
    measured = outcome.measured
    training: dict[str, Any] = {
        "method": course.method,
        "data": {
            **split.data.summary,
            "licence": "the user's own",
            "places": {"learned": split.learned_places, "kept_out": split.kept_out_places},
            "views": {"learned": len(split.synthesis.views), "kept_out": len(split.kept_out.views)},
            "ground_windows": {"learned": len(split.synthesis.backgrounds), "kept_out": len(split.kept_out.ground)},
        },
        "recipe": asdict(split.synthesis.recipe),
        "fit": {key: value for key, value in asdict(course.options).items() if key != "architecture"},
        "seed": request.seed,
        "steps": fitted.steps,
        "best_step": fitted.best_step,
        "batch": fitted.batch,
        "device": fitted.device,
        "precision": fitted.precision,
        "calibration": asdict(outcome.calibration),
        "software": {
            "plugin": PLUGIN_VERSION,
            "python": platform.python_version(),
            "processor": platform.machine(),
            **package_versions(),
        },
    }
    places = f"outlines of solar farms at {split.learned_places} places of the user's own"
    taught = f"Trained on {places}; on"
    if course.start is not None:
        card = course.start.card
        training["start"] = {
            "name": card.name,
            "title": card.title,
            "sha256": course.start.sha256,
            "training": {key: value for key, value in card.training.items() if key != "trials"},
        }
        taught = f"“{card.title}”, fine-tuned on {places}; on"
        if outcome.keeps_start:
            taught = f"“{card.title}” with its weights unchanged, since {places} did not improve it; on"
    simulated = "SIMULATED scenes, of no use on real ones. " if split.data.summary["simulated_images"] else ""
    return Card(
        name=name,
        title=request.title.strip() or name,
        summary=(
            f"{simulated}{taught} {split.kept_out_places} other places of these data its average precision is "
            f"{measured.average_precision:.2f} and its IoU {measured.iou:.2f}. What it says of a pixel depends on "
            f"nothing that is more than {reach} pixels ({reach * 10} m) away."
        ),
        bands=MODEL_BANDS,
        units="reflectance",
        level=_level(split.data, course.start),
        resampling="nearest",
        pixel_size=10.0,
        mean=tuple(round(value, 5) for value in network.normalisation.mean.flatten().tolist()),
        std=tuple(round(value, 5) for value in network.normalisation.std.flatten().tolist()),
        architecture={"family": "unet", **course.options.architecture},
        receptive_field=reach,
        stride=stride,
        threshold=measured.threshold,
        training=json.loads(json.dumps(training, allow_nan=False)),
        quality={
            "conditions": CONDITIONS.format(chosen="" if outcome.keeps_start else CHOSEN),
            "validation": validation,
        },
        # Calibrated as its start is, it means the same by a probability that a core must reach.
        core=course.start.card.core if course.start is not None else None,
    )


def _level(data: LabelledData, start: Start | None) -> str:
    """The processing level that the card states: that of most images that say theirs."""
    levels = {level: count for level, count in data.summary["levels"].items() if level in ("L1C", "L2A")}
    if levels:
        return max(levels, key=lambda level: levels[level])
    return start.card.level if start is not None else "L2A"
