"""GradientSHAP's draws are spread evenly: its expectation with less chance in it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import GradientShap
from hypothesis import given
from hypothesis import strategies as st

from solar_saliency_plugin.engine.attribution.expected import drawn, gradient_shap
from solar_saliency_plugin.engine.attribution.gradients import integrated_gradients
from solar_saliency_plugin.engine.attribution.quality import completeness_error
from solar_saliency_plugin.engine.attribution.view import View
from solar_saliency_plugin.engine.job import Job, SilentListener
from solar_saliency_plugin.engine.models.registry import Model

ViewOf = Callable[..., View]
WEIGHTS = torch.linspace(0.2, 2.0, 10)[:, None, None]


def asked(samples: int = 200, noise: float | None = None) -> dict[str, Any]:
    return {"samples": samples, "noise": noise}


def apart(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(torch.linalg.vector_norm(one.double() - other.double()) / torch.linalg.vector_norm(other.double()))


def spectra(view: View, count: int) -> torch.Tensor:
    """Constant images (count, bands, H, W), each of one pixel's spectrum."""
    pixels = view.reflectance[0].flatten(1)[:, :: view.weights.numel() // count][:, :count]
    return pixels.T[:, :, None, None].expand(count, *view.reflectance.shape[1:]).contiguous()


class TestDraws:
    @given(st.integers(0, 2**31 - 1), st.integers(1, 500), st.integers(1, 50))
    def test_each_part_of_the_path_and_each_baseline_has_its_share(
        self, seed: int, samples: int, baselines: int
    ) -> None:
        alphas, turns = drawn(seed, samples, baselines)
        assert [int(alpha * samples * (1 + 1e-12)) for alpha in alphas] == list(range(samples))
        counts = np.bincount(turns, minlength=baselines)
        assert len(counts) == baselines and counts.max() - counts.min() <= 1
        assert drawn(seed, samples, baselines) == (alphas, turns)

    def test_any_baseline_is_as_likely_at_any_point(self) -> None:
        first = np.array([drawn(seed, 8, 4)[1][0] for seed in range(4000)])
        assert np.bincount(first, minlength=4).min() > 900
        points = np.array([drawn(seed, 8, 4)[0] for seed in range(4000)])
        assert np.allclose(points.mean(axis=0), (np.arange(8) + 0.5) / 8, atol=0.003)


class TestLinearModel:
    @pytest.mark.parametrize("count", [1, 5, 8])
    def test_it_is_weights_times_the_difference_from_the_baselines_mean(
        self, view_of: ViewOf, linear_model: Model, count: int
    ) -> None:
        view = view_of(linear_model)
        view = replace(view, baselines=spectra(view, count))
        found = gradient_shap(view, asked(5 * count))
        expected = WEIGHTS * (view.reflectance[0] - view.baselines.mean(dim=0)) * view.weights
        assert torch.allclose(found.values, expected.double(), atol=1e-5, rtol=0)
        assert found.evaluations == 5 * count

    def test_noise_is_added_to_the_image(self, view_of: ViewOf, linear_model: Model) -> None:
        view = view_of(linear_model)
        values = [gradient_shap(view, asked(400, noise)).values for noise in (None, 0.1)]
        assert not torch.equal(*values) and apart(*values) < 0.02


def test_it_is_nearer_to_the_expectation_than_independent_draws(view_of: ViewOf, shipped_model: Model) -> None:
    view = view_of(shipped_model)
    view = replace(view, baselines=spectra(view, 8))
    truth = torch.stack(
        [integrated_gradients(view.of_baseline(k), {"steps": 180, "rule": "midpoint"}).values for k in range(8)]
    ).mean(dim=0)
    np.random.seed(1)
    theirs = GradientShap(view.scorer()).attribute(view.reflectance, view.baselines, n_samples=200)[0].detach()
    ours = gradient_shap(view, asked(200)).values
    assert apart(ours, truth) < 0.5 * apart(theirs, truth)


@pytest.mark.parametrize("count", [1, 5, 8])
def test_contributions_to_the_shipped_model_add_up_but_for_chance(
    view_of: ViewOf, shipped_model: Model, count: int
) -> None:
    view = view_of(shipped_model)
    view = replace(view, baselines=spectra(view, count))
    change = float(view.score(view.reflectance) - view.score(view.baselines).mean())
    for seed in range(5):
        values = gradient_shap(replace(view, seed=seed), asked(200)).values
        assert completeness_error(float(values.sum()), change, float(values.abs().sum())) < 0.05


def test_seed_is_all_the_chance_there_is(view_of: ViewOf, wide_model: Model) -> None:
    view = view_of(wide_model, 16, 16)
    view = replace(view, baselines=spectra(view, 5))
    once = gradient_shap(view, asked(20, 0.1)).values
    torch.manual_seed(99)
    np.random.seed(99)
    assert torch.equal(gradient_shap(view, asked(20, 0.1)).values, once)
    assert not torch.equal(gradient_shap(replace(view, seed=2), asked(20, 0.1)).values, once)


@pytest.mark.parametrize(("count", "says"), [(1, True), (4, True), (5, False)])
def test_few_baselines_work_and_the_log_says_what_that_means(
    view_of: ViewOf, shipped_model: Model, count: int, says: bool
) -> None:
    lines: list[str] = []

    class Log(SilentListener):
        def informed(self, message: str) -> None:
            lines.append(message)

    view = view_of(shipped_model, 12, 12, job=Job(Log()))
    assert gradient_shap(replace(view, baselines=spectra(view, count)), asked(10)).values.any()
    assert any("surroundings" in line for line in lines) == says
