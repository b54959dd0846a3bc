"""SmoothGrad, VarGrad and SmoothGrad² are mean, variance and mean of squares of noisy images' attributions."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from solar_saliency_plugin.engine.attribution.gradients import gradient, integrated_gradients
from solar_saliency_plugin.engine.attribution.noise import _Moments, noisy, smoothgrad, smoothgrad_squared, vargrad
from solar_saliency_plugin.engine.attribution.view import View
from solar_saliency_plugin.engine.models.registry import Model

ViewOf = Callable[..., View]
FAMILY = {"smoothgrad": smoothgrad, "vargrad": vargrad, "smoothgrad_sq": smoothgrad_squared}
WEIGHTS = torch.linspace(0.2, 2.0, 10)[:, None, None]


def asked(samples: int = 12, noise: float = 0.1, of: str = "gradient") -> dict[str, Any]:
    return {"samples": samples, "noise": noise, "of": of}


def apart(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(torch.linalg.vector_norm(one.double() - other.double()) / torch.linalg.vector_norm(other.double()))


class TestNoise:
    def test_noise_is_a_share_of_each_bands_own_spread(self, view_of: ViewOf, shipped_model: Model) -> None:
        view = view_of(shipped_model, 40, 40, spread=torch.linspace(0.01, 0.1, 10))
        added = noisy(view, 0.2, 0, 20) - view.reflectance
        found = added.transpose(0, 1).flatten(1).std(dim=1)
        assert torch.allclose(found, 0.2 * view.spread, rtol=0.02)

    def test_what_is_not_valid_gets_no_noise(self, view_of: ViewOf, shipped_model: Model) -> None:
        view = view_of(shipped_model)
        valid = view.valid.clone()
        valid[3:9, 4:11] = False
        added = noisy(replace(view, valid=valid), 0.2, 0, 3) - view.reflectance
        assert not added[..., ~valid].any() and added[..., valid].all()

    def test_a_samples_noise_is_the_same_in_any_batch(self, view_of: ViewOf, shipped_model: Model) -> None:
        view = view_of(shipped_model)
        together = noisy(view, 0.1, 0, 7)
        assert torch.equal(together[4:6], noisy(view, 0.1, 4, 6))
        assert not torch.equal(together, noisy(replace(view, seed=2), 0.1, 0, 7))

    @settings(max_examples=20, deadline=None)
    @given(row=st.integers(0, 15), col=st.integers(0, 15), rows=st.integers(1, 9), cols=st.integers(1, 13))
    def test_a_windows_noisy_images_are_those_of_the_whole_to_the_bit(
        self, view_of: ViewOf, shipped_model: Model, row: int, col: int, rows: int, cols: int
    ) -> None:
        whole = view_of(shipped_model, row=100, col=201)
        place = (..., slice(row, row + rows), slice(col, col + cols))
        window = replace(
            whole,
            reflectance=whole.reflectance[place],
            valid=whole.valid[place],
            weights=whole.weights[place],
            row=100 + row,
            col=201 + col,
        )
        assert torch.equal(noisy(window, 0.1, 2, 5), noisy(whole, 0.1, 2, 5)[place])


class TestLinearModel:
    """Its gradient is the same everywhere: noise changes nothing."""

    def test_of_gradients(self, view_of: ViewOf, linear_model: Model) -> None:
        view = view_of(linear_model)
        expected = (WEIGHTS * view.weights).double()
        assert torch.allclose(smoothgrad(view, asked()).values, expected, atol=1e-5, rtol=0)
        assert torch.allclose(smoothgrad_squared(view, asked()).values, expected.square(), atol=1e-6, rtol=0)
        assert float(vargrad(view, asked()).values.max()) < 1e-12

    def test_of_integrated_gradients(self, view_of: ViewOf, linear_model: Model) -> None:
        view = view_of(linear_model)
        steps = noisy(view, 0.05, 0, 12).double() - view.baselines
        each = (WEIGHTS * view.weights).double() * steps
        wanted = asked(noise=0.05, of="integrated_gradients")
        assert torch.allclose(smoothgrad(view, wanted).values, each.mean(dim=0), atol=1e-5, rtol=0)
        assert torch.allclose(smoothgrad_squared(view, wanted).values, each.square().mean(dim=0), atol=1e-5, rtol=0)
        assert torch.allclose(vargrad(view, wanted).values, each.var(dim=0, correction=0), atol=1e-6, rtol=0)


class TestFamily:
    @settings(max_examples=10, deadline=None)
    @given(seed=st.integers(0, 1000), noise=st.floats(0.001, 1.0), samples=st.integers(1, 20))
    def test_variance_and_squares_are_never_negative_and_fit_together(
        self, view_of: ViewOf, wide_model: Model, seed: int, noise: float, samples: int
    ) -> None:
        view = replace(view_of(wide_model, 12, 12), seed=seed)
        mean, variance, squares = (
            f(view, asked(samples, noise)).values for f in (smoothgrad, vargrad, smoothgrad_squared)
        )
        assert float(variance.min()) >= 0 and float(squares.min()) >= 0
        assert torch.allclose(squares, mean.square() + variance, rtol=1e-12)
        if samples == 1:
            assert not variance.any()

    def test_batches_do_not_change_the_statistics(
        self, view_of: ViewOf, wide_model: Model, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        view = view_of(wide_model)
        for method in FAMILY.values():
            together = method(view, asked()).values
            with monkeypatch.context() as patch:
                patch.setattr(View, "at_a_time", 5)
                assert apart(method(view, asked()).values, together) < 1e-4

    def test_statistics_do_not_cancel_out_beside_a_large_mean(self) -> None:
        maps = 1e6 + torch.from_numpy(np.random.default_rng(0).normal(0, 1e-3, (50, 2, 3, 4)))
        moments = _Moments()
        for start in range(0, 50, 7):
            moments.add(maps[start : start + 7])
        assert moments.count == 50
        assert torch.allclose(moments.mean, maps.mean(dim=0), rtol=1e-12)
        assert torch.allclose(moments.variance, maps.var(dim=0, correction=0), rtol=1e-6)

    def test_hardly_any_noise_gives_the_plain_map(self, view_of: ViewOf, shipped_model: Model) -> None:
        view = view_of(shipped_model, spread=torch.full((10,), 1e-7))
        assert apart(smoothgrad(view, asked(3)).values, gradient(view, {}).values) < 1e-2
        plain = integrated_gradients(view, {"steps": 20, "rule": "midpoint"}).values
        assert apart(smoothgrad(view, asked(3, of="integrated_gradients")).values, plain) < 1e-2

    def test_several_baselines_give_the_mean_of_their_maps(self, view_of: ViewOf, shipped_model: Model) -> None:
        view = view_of(shipped_model, 12, 12)
        both = replace(view, baselines=torch.cat([view.baselines, 0 * view.baselines]))
        for method in FAMILY.values():
            wanted = asked(4, of="integrated_gradients")
            found = method(both, wanted)
            each = [method(both.of_baseline(index), wanted) for index in (0, 1)]
            assert torch.allclose(found.values, (each[0].values + each[1].values) / 2)
            assert found.evaluations == 2 * each[0].evaluations == 160
            assert method(both, asked(4)).evaluations == 4  # a gradient needs no baseline

    def test_noise_of_integrated_gradients_that_is_not_valid_gets_nothing(
        self, view_of: ViewOf, wide_model: Model
    ) -> None:
        view = view_of(wide_model, 16, 16)
        valid = view.valid.clone()
        valid[5:9, 5:8] = False
        view = replace(view, valid=valid, baselines=torch.where(valid, view.baselines, view.reflectance))
        for of in ("gradient", "integrated_gradients"):
            values = smoothgrad(view, asked(2, of=of)).values
            assert not values[:, ~valid].any() and values[:, valid].any()
