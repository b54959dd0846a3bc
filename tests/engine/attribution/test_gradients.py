"""Gradient, input × gradient and integrated gradients are what their formulas say."""

import math
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from solar_saliency_plugin.contract.errors import CancelledError
from solar_saliency_plugin.contract.messages import Progress
from solar_saliency_plugin.engine.attribution import gradients
from solar_saliency_plugin.engine.attribution.gradients import (
    gradient,
    input_x_gradient,
    integrated_gradients,
    path_chart,
    settle_steps,
)
from solar_saliency_plugin.engine.attribution.quality import completeness_error
from solar_saliency_plugin.engine.attribution.view import View
from solar_saliency_plugin.engine.job import Job, SilentListener
from solar_saliency_plugin.engine.models.registry import Model
from solar_saliency_plugin.engine.training.farms import farm_views

REFINED = {"steps": None, "rule": "midpoint"}
#: The linear model's weights, one for each band (conftest).
WEIGHTS = torch.linspace(0.2, 2.0, 10)[:, None, None]

ViewOf = Callable[..., View]


def fixed(steps: int, rule: str = "midpoint") -> dict[str, Any]:
    return {"steps": steps, "rule": rule}


def change(view: View) -> float:
    return float(view.score(view.reflectance) - view.score(view.baselines[:1]))


def error(view: View, values: torch.Tensor) -> float:
    return completeness_error(float(values.sum()), change(view), float(values.abs().sum()))


def apart(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(torch.linalg.vector_norm(one.double() - other.double()) / torch.linalg.vector_norm(other.double()))


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """The images of which a gradient was taken."""
    images: list[torch.Tensor] = []
    original = View.gradient

    def counting(self: View, reflectance: torch.Tensor) -> torch.Tensor:
        found = original(self, reflectance)
        images.extend(reflectance)
        return found

    monkeypatch.setattr(View, "gradient", counting)
    return images


class TestLinearModel:
    """S = Σ over the target of its share × (wᵀx + b)."""

    def test_gradient_is_the_weights_on_the_target(self, view_of: ViewOf, linear_model: Model) -> None:
        view = view_of(linear_model)
        assert torch.allclose(gradient(view, {}).values, WEIGHTS * view.weights, atol=1e-5, rtol=0)
        assert float(view.weights.max()) == pytest.approx(1 / 36)

    def test_input_x_gradient_is_weights_times_reflectance(self, view_of: ViewOf, linear_model: Model) -> None:
        view = view_of(linear_model)
        expected = WEIGHTS * view.reflectance[0] * view.weights
        assert torch.allclose(input_x_gradient(view, {}).values, expected, atol=1e-5, rtol=0)

    @pytest.mark.parametrize("asked", [REFINED, fixed(1), fixed(7), fixed(1, "right"), fixed(50, "right")])
    def test_integrated_gradients_are_weights_times_difference(
        self, view_of: ViewOf, linear_model: Model, asked: dict[str, Any]
    ) -> None:
        view = view_of(linear_model)
        values = integrated_gradients(view, asked).values
        expected = WEIGHTS * (view.reflectance - view.baselines)[0] * view.weights
        assert torch.allclose(values, expected.double(), atol=1e-5, rtol=0)


class TestIntegratedGradients:
    @pytest.mark.parametrize("level", [0.0, 0.1, 0.3])
    def test_refined_maps_of_the_shipped_model_add_up(
        self, view_of: ViewOf, shipped_model: Model, level: float
    ) -> None:
        view = view_of(shipped_model)
        view = replace(view, baselines=torch.full_like(view.reflectance, level))
        found = integrated_gradients(view, REFINED)
        assert found.facts["refined"] and found.facts["map_change"] <= 0.05
        assert found.facts["completeness_error"] <= 0.01
        assert found.facts["completeness_error"] == pytest.approx(error(view, found.values), abs=1e-4)
        reference = integrated_gradients(view, fixed(1620)).values
        assert apart(found.values, reference) <= 0.05

    def test_refinement_computes_no_point_twice(
        self, view_of: ViewOf, wide_model: Model, counted: list[torch.Tensor], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(gradients, "STILL", 0.0)  # until the budget ends
        monkeypatch.setattr(gradients, "MOST_STEPS", 540)
        view = view_of(wide_model, 12, 12)
        found = integrated_gradients(view, REFINED)
        assert found.facts["steps"] == 540 and not found.facts["refined"]
        assert len(counted) == 540 and found.evaluations == 542
        shares = torch.stack(counted).double() - view.baselines.double()
        shares = (shares / (view.reflectance - view.baselines).double()).flatten(1).median(dim=1).values
        assert np.allclose(np.sort(shares.numpy()), gradients.midpoints(540), atol=1e-5)
        counted.clear()
        assert apart(found.values, integrated_gradients(view, fixed(540)).values) < 1e-6
        assert len(counted) == 540

    @pytest.mark.parametrize("rule", ["midpoint", "right"])
    @pytest.mark.parametrize("steps", [1, 13])
    def test_steps_that_are_given_are_taken_exactly(
        self, view_of: ViewOf, shipped_model: Model, counted: list[torch.Tensor], rule: str, steps: int
    ) -> None:
        found = integrated_gradients(view_of(shipped_model), fixed(steps, rule))
        assert len(counted) == found.evaluations == found.facts["steps"] == steps

    def test_right_ends_have_a_hundred_steps_unless_told(self, view_of: ViewOf, shipped_model: Model) -> None:
        asked = {"steps": None, "rule": "right"}
        assert integrated_gradients(view_of(shipped_model, 8, 8), asked).evaluations == 100
        assert settle_steps(view_of(shipped_model, 8, 8), asked)["steps"] == 100

    def test_midpoints_are_nearer_than_right_ends(self, view_of: ViewOf, shipped_model: Model) -> None:
        view = view_of(shipped_model)
        reference = integrated_gradients(view, fixed(1620)).values
        middle, right = (
            apart(integrated_gradients(view, fixed(20, r)).values, reference) for r in ("midpoint", "right")
        )
        assert middle < 0.7 * right

    def test_a_baseline_like_the_image_gives_nothing_and_says_that_nothing_was_compared(
        self, view_of: ViewOf, shipped_model: Model
    ) -> None:
        view = view_of(shipped_model, 10, 10)
        found = integrated_gradients(replace(view, baselines=view.reflectance.clone()), REFINED)
        assert not found.values.any()
        assert math.isnan(found.facts["completeness_error"]) and found.facts["map_change"] == 0.0

    def test_what_is_not_valid_gets_nothing(self, view_of: ViewOf, wide_model: Model) -> None:
        view = view_of(wide_model)
        valid = view.valid.clone()
        valid[8:14, 9:12] = False
        view = replace(view, valid=valid, baselines=torch.where(valid, view.baselines, view.reflectance))
        for values in (
            gradient(view, {}).values,
            input_x_gradient(view, {}).values,
            integrated_gradients(view, fixed(9)).values,
        ):
            assert not values[:, ~valid].any() and values[:, valid].any()

    def test_a_cancelled_job_stops_after_the_batch(
        self, view_of: ViewOf, wide_model: Model, counted: list[torch.Tensor]
    ) -> None:
        cancelled = threading.Event()

        class Impatient(SilentListener):
            def progressed(self, progress: Progress) -> None:
                cancelled.set()

        view = view_of(wide_model, 160, 160, job=Job(Impatient(), cancelled))
        with pytest.raises(CancelledError):
            integrated_gradients(view, REFINED)
        assert len(counted) == view.at_a_time == 5


@pytest.mark.parametrize("site", [159, 748, 1780])
def test_refined_maps_of_real_farms_add_up(view_of: ViewOf, shipped_model: Model, shared_data: Path, site: int) -> None:
    farm = next(v for v in farm_views(shared_data, [site]) if v.month == 7 and v.snow == 0 and v.valid.all())
    reflectance = torch.from_numpy(np.ascontiguousarray(farm.reflectance))[None]
    weights = torch.from_numpy((farm.coverage > 0.5).astype(np.float32))
    view = view_of(shipped_model, *weights.shape, weights=weights / weights.sum(), reflectance=reflectance)
    for level in (0.0, 0.15):
        compared = replace(view, baselines=torch.full_like(reflectance, level))
        found = integrated_gradients(compared, REFINED)
        assert found.facts["refined"] and error(compared, found.values) <= 0.01
        assert apart(found.values, integrated_gradients(compared, fixed(1620)).values) <= 0.05


class TestWindows:
    def test_settled_steps_are_those_of_refinement(self, view_of: ViewOf, shipped_model: Model) -> None:
        view = view_of(shipped_model)
        settled = settle_steps(view, REFINED)
        found = integrated_gradients(view, REFINED)
        assert settled == {"rule": "midpoint", "steps": found.facts["steps"], "refined": True}
        assert torch.allclose(integrated_gradients(view, settled).values, found.values, atol=1e-7)
        assert settle_steps(view, fixed(7)) == fixed(7)

    def test_several_baselines_get_the_steps_that_the_worst_needs(
        self, view_of: ViewOf, shipped_model: Model, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        view = view_of(shipped_model, 12, 12)
        same = view.reflectance.clone()
        monkeypatch.setattr(gradients, "STILL", 0.002)  # nothing changes for a baseline like the image
        both = replace(view, baselines=torch.cat([same, torch.zeros_like(same)]))
        settled = settle_steps(both, REFINED)
        assert settled["steps"] == integrated_gradients(both.of_baseline(1), REFINED).facts["steps"] > 60
        assert integrated_gradients(both.of_baseline(0), REFINED).facts["steps"] == 60

    def test_windows_tell_that_the_budget_was_not_enough(
        self, view_of: ViewOf, shipped_model: Model, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(gradients, "MOST_STEPS", 20)
        lines: list[str] = []

        class Log(SilentListener):
            def informed(self, message: str) -> None:
                lines.append(message)

        view = view_of(shipped_model, 12, 12, whole=False, job=Job(Log()))
        settled = settle_steps(view, REFINED)
        assert settled == {"rule": "midpoint", "steps": 20, "refined": False}
        assert integrated_gradients(view, settled).facts == {"refined": False}
        assert any(line.startswith("20 points on the path") and "%" in line for line in lines)

    def test_windows_refuse_to_refine_by_themselves(self, view_of: ViewOf, shipped_model: Model) -> None:
        with pytest.raises(ValueError, match="settled"):
            integrated_gradients(view_of(shipped_model, whole=False), REFINED)
        assert integrated_gradients(view_of(shipped_model, whole=False), fixed(5)).facts == {}


class TestPathChart:
    def test_the_chart_leads_from_the_baselines_answer_to_the_images(
        self, view_of: ViewOf, shipped_model: Model
    ) -> None:
        view = view_of(shipped_model)
        alphas, answers = path_chart(view, 50)
        assert alphas.shape == answers.shape == (51,) and alphas[0] == 0 and alphas[-1] == 1
        assert answers[0] == pytest.approx(float(view.score(view.baselines)), abs=1e-5)
        assert answers[-1] == pytest.approx(float(view.score(view.reflectance)), abs=1e-5)
        middle = view.baselines + 0.5 * (view.reflectance - view.baselines)
        assert answers[25] == pytest.approx(float(view.score(middle)), abs=1e-5)

    def test_a_linear_models_chart_is_a_straight_line(self, view_of: ViewOf, linear_model: Model) -> None:
        alphas, answers = path_chart(view_of(linear_model), 10)
        assert np.allclose(answers, answers[0] + alphas * (answers[-1] - answers[0]), atol=1e-5)
