"""regionshap as users run it: seconds from the request to the layer, and what a larger budget costs."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine_runs import Worker
from measure import Measure
from shapley import questions

SUPERPIXELS, EVALUATIONS = 25, 200


def region_shap(folder: Path) -> list[Measure]:
    """A worker explains one farm after the other; the first one waits for PyTorch, too."""
    worker, seconds, asked = Worker(), [], []
    try:
        for request in _requests(folder):
            seconds.append(_told(worker, request)[0])
            if len(seconds) > 1:  # the same farm once more, with twice the budget
                asked.append(_told(worker, {**request, "evaluations": 2 * EVALUATIONS})[1])
            if len(seconds) == 4:
                break
    finally:
        worker.stop()
    title = f"regionshap, {SUPERPIXELS} superpixels, {EVALUATIONS} evaluations, one farm"
    return [
        Measure(f"{title}: first of a worker", seconds[0], "s"),
        Measure(f"{title}: slowest of later ones", max(seconds[1:]), "s", 5),
        Measure(f"{EVALUATIONS} → {2 * EVALUATIONS} evaluations: asked anew", max(asked), "", 1.1 * EVALUATIONS),
    ]


def _told(worker: Worker, request: dict[str, Any]) -> tuple[float, int]:
    """Seconds until the layer is there, and how many coalitions the model was asked for."""
    seconds = worker.call("regionshap", **request)
    return seconds, int(worker.result["regions"][0]["asked"])


def _requests(folder: Path) -> Iterator[dict[str, Any]]:
    """Farms to explain, by all that the model sees around them; sampled, though exact values may be cheap."""
    for question in questions(folder):
        yield {
            **{name: value for name, value in asdict(question).items() if value not in (None, "")},
            "pixels": "all",
            "output": str(folder / "superpixels.gpkg"),
            "superpixels": SUPERPIXELS,
            "evaluations": EVALUATIONS,
            "estimator": "crossfit",
        }
