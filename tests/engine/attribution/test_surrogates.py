"""LIME, KernelSHAP and Shapley value sampling on superpixels: exact on additive games, repeatable, cheap to ask."""

import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from solar_saliency_plugin.contract.errors import MethodUnsuitableError, RequestError
from solar_saliency_plugin.engine.attribution.superpixels import segments
from solar_saliency_plugin.engine.attribution.surrogates import _Surrogate, kernel_shap, lime, shapley_sampling
from solar_saliency_plugin.engine.attribution.view import Attribution, View
from solar_saliency_plugin.engine.models.registry import Model

WEIGHTS = torch.linspace(0.2, 2.0, 10)
METHODS = [lime, kernel_shap, shapley_sampling]
every_method = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__name__)


def _settings(
    evaluations: int = 300, superpixel: float | None = None, precision: str | None = "float32"
) -> dict[str, Any]:
    return {"superpixel": superpixel, "evaluations": evaluations, "precision": precision}


def _of_superpixels(found: Attribution, labels: np.ndarray) -> np.ndarray:
    return np.array([found.values[0].numpy()[labels == name].sum() for name in range(labels.max() + 1)])


@every_method
def test_an_additive_answer_is_divided_exactly(
    view_of: Callable[..., View], linear_model: Model, method: Callable[..., Attribution]
) -> None:
    view = view_of(linear_model, target=(slice(3, 21), slice(3, 25)))
    found = method(view, _settings())
    labels = segments(view, None, 60)
    loss = (WEIGHTS[:, None, None] * (view.reflectance - view.baselines)[0]).sum(dim=0) * view.weights
    expected = [float(loss.numpy()[labels == name].sum()) for name in range(labels.max() + 1)]
    np.testing.assert_allclose(_of_superpixels(found, labels), expected, atol=1e-5)
    assert found.facts["superpixels"] == labels.max() + 1
    if method is lime:
        assert found.facts["surrogate_r2"] == pytest.approx(1, abs=1e-6)


def _exact(view: View, labels: np.ndarray) -> np.ndarray:
    """Shapley values by their definition, over all coalitions."""
    count = int(labels.max()) + 1
    coalitions = [frozenset(c) for size in range(count + 1) for c in combinations(range(count), size)]
    images = [
        torch.where(torch.from_numpy(np.isin(labels, [*c, -1])), view.reflectance[0], view.baselines[0])
        for c in coalitions
    ]
    answers = dict(
        zip(coalitions, view.scores(lambda a, b: torch.stack(images[a:b]), len(images), "").tolist(), strict=True)
    )
    return np.array(
        [
            sum(
                (answers[c | {player}] - answers[c]) / (count * comb(count - 1, len(c)))
                for c in coalitions
                if player not in c
            )
            for player in range(count)
        ]
    )


@pytest.mark.parametrize(("method", "evaluations"), [(kernel_shap, 1500), (shapley_sampling, 3000)])
def test_shapley_values_are_near_the_exact_ones(
    view_of: Callable[..., View], wide_model: Model, method: Callable[..., Attribution], evaluations: int
) -> None:
    view = view_of(wide_model, 24, 24)
    labels = segments(view, 0.9, 60)
    exact = _exact(view, labels)
    assert 5 <= len(exact) <= 9
    found = _of_superpixels(method(view, _settings(evaluations, 0.9)), labels)
    assert np.sqrt(((found - exact) ** 2).mean()) <= 0.05 * np.ptp(exact)


@pytest.mark.parametrize("method", [kernel_shap, shapley_sampling], ids=lambda method: method.__name__)
@pytest.mark.parametrize("name", ["shipped_model", "wide_model"])
def test_shapley_values_add_up_to_the_difference(
    view_of: Callable[..., View], request: pytest.FixtureRequest, name: str, method: Callable[..., Attribution]
) -> None:
    view = view_of(request.getfixturevalue(name), 40, 44)
    difference = (view.score(view.reflectance) - view.score(view.baselines)).item()
    assert method(view, _settings(150)).values.sum().item() == pytest.approx(difference, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("method", [kernel_shap, shapley_sampling], ids=lambda method: method.__name__)
def test_one_superpixel_gets_all(
    view_of: Callable[..., View], shipped_model: Model, method: Callable[..., Attribution]
) -> None:
    view = view_of(shipped_model)
    difference = (view.score(view.reflectance) - view.score(view.baselines)).item()
    found = method(view, _settings(50, 1000.0))
    assert found.facts["superpixels"] == 1
    assert found.values.sum().item() == pytest.approx(difference, abs=1e-5)


@every_method
def test_the_same_seed_gives_the_same_values_and_leaves_other_random_numbers_alone(
    view_of: Callable[..., View], shipped_model: Model, method: Callable[..., Attribution]
) -> None:
    view = view_of(shipped_model)
    state = torch.get_rng_state()
    one, again = (method(view, _settings(60)).values for _ in range(2))
    assert torch.equal(one, again)
    assert not torch.equal(one, method(replace(view, seed=2), _settings(60)).values)
    assert torch.equal(torch.get_rng_state(), state)


@every_method
def test_it_asks_as_often_as_it_is_allowed_to(
    view_of: Callable[..., View], shipped_model: Model, method: Callable[..., Attribution]
) -> None:
    view = view_of(shipped_model, 40, 44, target=(slice(2, 38), slice(2, 42)))
    for evaluations in (10, 100, 500):
        found = method(view, _settings(evaluations))
        assert 0.8 * evaluations <= found.evaluations <= evaluations
        assert 4 * found.facts["superpixels"] <= max(evaluations, 8) and found.facts["superpixels"] <= 60


@every_method
def test_too_small_superpixels_and_windows_are_refused(
    view_of: Callable[..., View], shipped_model: Model, method: Callable[..., Attribution]
) -> None:
    view = view_of(shipped_model, 40, 44, target=(slice(2, 38), slice(2, 42)))
    with pytest.raises(RequestError, match="larger superpixels"):
        method(view, _settings(100, 0.1))
    with pytest.raises(MethodUnsuitableError):
        method(replace(view, whole=False), _settings())


@every_method
def test_what_is_not_valid_or_not_seen_gets_nothing(
    view_of: Callable[..., View], shipped_model: Model, method: Callable[..., Attribution]
) -> None:
    view = view_of(shipped_model, 40, 44)
    valid = view.valid.clone()
    valid[16:19] = False
    view = replace(view, valid=valid, baselines=torch.where(valid, view.baselines, view.reflectance))
    values = method(view, _settings(100)).values[0]
    assert not values[~valid].any() and not values[:10].any() and values.any()
    nothing = method(replace(view, valid=torch.zeros_like(valid)), _settings(100))
    assert nothing.evaluations == 0 and not nothing.values.any()


@every_method
def test_it_prints_nothing(
    view_of: Callable[..., View],
    shipped_model: Model,
    method: Callable[..., Attribution],
    capfd: pytest.CaptureFixture[str],
    recwarn: pytest.WarningsRecorder,
) -> None:
    method(view_of(shipped_model), _settings(50))
    sys.stdout.flush()
    assert capfd.readouterr() == ("", "") and not recwarn.list


@examples(max_examples=50, deadline=None)
@given(
    coefficients=arrays.arrays(np.float64, 4, elements=st.floats(-3, 3)),
    intercept=st.floats(-3, 3),
    weights=arrays.arrays(np.float64, 40, elements=st.floats(0.01, 10)),
    seed=st.integers(0, 99),
)
def test_the_surrogate_finds_a_linear_model(
    coefficients: np.ndarray, intercept: float, weights: np.ndarray, seed: int
) -> None:
    coalitions = np.random.default_rng(seed).integers(0, 2, (40, 4)).astype(np.float64)
    answers = coalitions @ coefficients + intercept
    surrogate = _Surrogate()
    parts = [
        tuple(torch.from_numpy(a[half]) for a in (coalitions, answers, weights)) for half in (slice(20), slice(20, 40))
    ]
    surrogate.fit(parts)
    np.testing.assert_allclose(surrogate.representation().numpy(), coefficients, atol=1e-8)
    assert surrogate.r2 <= 1


@every_method
def test_16_bits_change_a_map_by_less_than_a_hundredth_and_say_so(
    view_of: Callable[..., View], shipped_model: Model, method: Callable[..., Attribution]
) -> None:
    view = view_of(shipped_model, 40, 44)
    exact, rounded = (method(view, _settings(150, precision=name)) for name in ("float32", "bfloat16"))
    assert 0 < (rounded.values - exact.values).norm() <= 0.01 * exact.values.norm()
    assert (exact.facts["precision"], rounded.facts["precision"]) == ("float32", "bfloat16")


@every_method
def test_a_trial_is_made_where_it_pays_and_changes_no_random_number(
    view_of: Callable[..., View], shipped_model: Model, method: Callable[..., Attribution]
) -> None:
    view = view_of(shipped_model)
    few, many = (method(view, _settings(evaluations, precision=None)) for evaluations in (100, 400))
    assert few.facts["precision"] == "float32" and "off_in_16_bits" not in few.facts
    assert 0 < many.facts["off_in_16_bits"] < 0.1
    again = method(view, _settings(400, precision=many.facts["precision"]))
    assert torch.equal(again.values, many.values) and again.evaluations == many.evaluations
