"""Gradients of the answer, and what is built from them on the path between baseline and image."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from .quality import completeness_error
from .view import Attribution, Settings, View

#: Refinement: points on the path, tripled each time, because thirds of an interval keep its midpoint among theirs.
FIRST_STEPS, MOST_STEPS = 20, 1620

#: Refinement ends where the sum is off by no more than this share, and the map moved by no more than that (L2).
COMPLETE, STILL = 0.01, 0.05

#: Steps of the right Riemann sum where none are given: the middle of what textbooks advise, 50 to 200.
RIGHT_STEPS = 100


def gradient(view: View, settings: Settings) -> Attribution:
    """∂S/∂x (Simonyan, Vedaldi, Zisserman 2013), signed."""
    return Attribution(seen(view, view.gradient(view.reflectance)[0]), 1)


def input_x_gradient(view: View, settings: Settings) -> Attribution:
    """x ⊙ ∂S/∂x (Shrikumar, Greenside, Shcherbina, Kundaje 2016), signed; x is reflectance."""
    return Attribution(seen(view, view.reflectance[0] * view.gradient(view.reflectance)[0]), 1)


def integrated_gradients(view: View, settings: Settings) -> Attribution:
    """(x − x′) ⊙ ∫₀¹ ∂S/∂x(x′ + α(x − x′)) dα (Sundararajan, Taly, Yan 2017, eq. 1), of the first baseline.

    With ``steps``, exactly as many points: midpoints (k − ½)/m, or right ends k/m (eq. 3 there). Without, midpoints
    are tripled until sum and map are right; the facts tell "completeness_error", "map_change", "steps", "refined".
    """
    steps = settings["steps"] or (RIGHT_STEPS if settings["rule"] == "right" else None)
    if steps is None:
        if not view.whole:
            raise ValueError("the steps of windows that are put together are settled before")
        values, facts, evaluations = _refine(view)
        return Attribution(values, evaluations, facts)
    alphas = midpoints(steps) if settings["rule"] == "midpoint" else right_ends(steps)

    def tell(done: int) -> None:
        view.job.progress(done / steps, f"{done} of {steps} points on the path")

    image, baseline = view.reflectance, view.baselines[:1]
    values = seen(view, along_path(view, baseline, image, alphas, tell) * (image - baseline)[0].double() / steps)
    # Numbers that windows tell are added up, which a number of steps is not meant to be.
    facts = {"steps": steps} if view.whole else {}
    return Attribution(values, steps, facts | {"refined": settings["refined"]} if "refined" in settings else facts)


def settle_steps(view: View, settings: Settings) -> Settings:
    """The settings with the number of steps fixed that this view needs, for all windows alike.

    With several baselines, as many as the one that needs most. ``settings["refined"]`` says whether they were enough;
    the log, how right they make the map of this view.
    """
    if settings["steps"] is not None:
        return settings
    if settings["rule"] == "right":
        return {**settings, "steps": RIGHT_STEPS}
    found = [_refine(view.of_baseline(index))[1] for index in range(len(view.baselines))]
    worst = max(found, key=lambda facts: (facts["steps"], not facts["refined"]))
    view.job.info(
        f"{worst['steps']} points on the path: in the window with most of the target, the contributions' sum is off by "
        f"{worst['completeness_error']:.2%}, and the map moved by {worst['map_change']:.2%} from a third of the points."
    )
    return {**settings, "steps": worst["steps"], "refined": worst["refined"]}


def path_chart(view: View, steps: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """α from 0 to 1 and S(x′ + α(x − x′)), both (steps + 1,), float64, for the first baseline.

    The chart of Sturmfels, Lundberg, Lee: Visualizing the impact of feature attribution baselines. Distill 2020. Where
    the curve is flat the model is saturated, and gradients there say little.
    """
    alphas = np.linspace(0.0, 1.0, steps + 1)
    image, baseline = view.reflectance, view.baselines[:1]
    answers = view.scores(
        lambda start, stop: _on_path(baseline, image, alphas[start:stop]), len(alphas), "Following the path"
    )
    return alphas, answers.cpu().numpy()


def midpoints(steps: int) -> np.ndarray:
    """The middles of ``steps`` equal parts of [0, 1]."""
    return (np.arange(steps) + 0.5) / steps


def right_ends(steps: int) -> np.ndarray:
    """The right ends of ``steps`` equal parts of [0, 1]."""
    return np.arange(1, steps + 1) / steps


def along_path(
    view: View, baseline: torch.Tensor, image: torch.Tensor, alphas: np.ndarray, tell: Callable[[int], None]
) -> torch.Tensor:
    """Σ ∂S/∂x, (bands, H, W), float64, over the points x′ + α(x − x′) of the path from baseline to image.

    Both are (1, bands, H, W). ``tell`` hears after each batch how many points are done.
    """
    total = torch.zeros(image.shape[1:], dtype=torch.float64, device=image.device)
    for start in range(0, len(alphas), view.at_a_time):
        points = alphas[start : start + view.at_a_time]
        total += view.gradient(_on_path(baseline, image, points)).sum(dim=0, dtype=torch.float64)
        tell(start + len(points))
    return total


def seen(view: View, values: torch.Tensor) -> torch.Tensor:
    """The values (bands, H, W), 0 where the scene has no data: nothing there was seen."""
    return values * view.valid


def _on_path(baseline: torch.Tensor, image: torch.Tensor, alphas: np.ndarray) -> torch.Tensor:
    """The images x′ + α(x − x′), (N, bands, H, W), float32."""
    shares = torch.as_tensor(alphas, dtype=image.dtype, device=image.device)[:, None, None, None]
    return baseline + shares * (image - baseline)


def _refine(view: View) -> tuple[torch.Tensor, dict[str, Any], int]:
    """Integrated gradients by midpoints, tripled until they are right: φ, what is known of it, evaluations."""
    image, baseline = view.reflectance, view.baselines[:1]
    with torch.no_grad():
        difference = float(view.score(image).double() - view.score(baseline).double())
    total = torch.zeros(image.shape[1:], dtype=torch.float64, device=image.device)
    previous, steps, evaluated = None, FIRST_STEPS, 0

    def tell(done: int) -> None:
        done += evaluated  # most often three times the first steps are enough
        share = min(1.0, done / (3 * FIRST_STEPS))
        view.job.progress(0.8 * share + 0.2 * done / MOST_STEPS, f"{done} points on the path")

    while True:
        alphas = midpoints(steps)
        if previous is not None:
            alphas = alphas[np.arange(steps) % 3 != 1]  # the middle thirds' midpoints are computed already
        total += along_path(view, baseline, image, alphas, tell)
        evaluated += len(alphas)
        values = seen(view, total * (image - baseline)[0].double() / steps)
        error = completeness_error(float(values.sum()), difference, float(values.abs().sum()))
        change = math.nan if previous is None else _change(values, previous)
        good = change <= STILL and not error > COMPLETE  # NaN: nothing to compare
        if good or steps >= MOST_STEPS:
            break
        previous, steps = values, 3 * steps
    facts = {"steps": steps, "completeness_error": error, "map_change": change, "refined": good}
    return values, facts, evaluated + 2


def _change(values: torch.Tensor, previous: torch.Tensor) -> float:
    """How far the map moved, as a share of its length (L2)."""
    length = float(torch.linalg.vector_norm(values))
    return float(torch.linalg.vector_norm(values - previous)) / length if length else 0.0
