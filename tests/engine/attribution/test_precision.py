"""Views in 64 and in 16 bits say the same, as far as they should, and stop when the original is asked to."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
import torch

from solar_saliency_plugin.contract.errors import CancelledError, MethodUnsuitableError
from solar_saliency_plugin.engine.attribution import precision
from solar_saliency_plugin.engine.attribution.precision import Precision, chosen, in_double, in_half
from solar_saliency_plugin.engine.attribution.view import View
from solar_saliency_plugin.engine.models.registry import Model

ViewOf = Callable[..., View]


def test_the_answer_is_the_same_up_to_rounding(view_of: ViewOf, wide_model: Model) -> None:
    view = view_of(wide_model)
    double = in_double(view)
    exact = double.score(double.reflectance)
    assert exact.dtype == torch.float64 and view.score(view.reflectance).dtype == torch.float32
    torch.testing.assert_close(view.score(view.reflectance).double(), exact, rtol=1e-4, atol=1e-5)
    assert in_double(double).score(double.reflectance) == exact


def test_it_stops_when_the_original_is_asked_to(view_of: ViewOf, wide_model: Model) -> None:
    view = view_of(wide_model)
    double = in_double(view)
    view.network.should_stop = lambda: True
    with pytest.raises(CancelledError):
        double.network.logits(double.reflectance)


def test_a_network_of_the_users_own_stays_as_it_is(view_of: ViewOf, wide_model: Model) -> None:
    view = view_of(wide_model)
    view.network.is_ours = False
    assert in_double(view) is view
    assert in_double(replace(view, whole=False)).reflectance.dtype == torch.float32


@pytest.mark.parametrize(("name", "most"), [("shipped_model", 0.01), ("wide_model", 0.05)])  # the latter: untrained
def test_16_bits_hardly_change_how_answers_differ(
    view_of: ViewOf, request: pytest.FixtureRequest, name: str, most: float
) -> None:
    view = view_of(request.getfixturevalue(name), 40, 40)
    there = torch.rand((24, 1, 8, 8), generator=torch.Generator().manual_seed(1)) < 0.5
    images = torch.where(torch.kron(there, torch.ones(5, 5)) > 0, view.reflectance, view.baselines)
    with torch.inference_mode():
        exact, rounded = view.score(images), in_half(view).score(images)
    assert rounded.dtype == torch.float32 and torch.equal(view.score(images), exact), "the view itself stays as it is"
    assert 0 < float((rounded - exact).std()) < most * float(exact.std())


def test_16_bits_stop_when_the_original_is_asked_to(view_of: ViewOf, wide_model: Model) -> None:
    view = view_of(wide_model)
    half = in_half(view)
    view.network.should_stop = lambda: True
    with pytest.raises(CancelledError):
        half.network.logits(half.reflectance)


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> Callable[[float, float], Callable[[View], np.ndarray]]:
    """A trial in which 16 bits take ``ratio`` of the time, and are ``off`` by that share of how much answers vary."""

    def trial(ratio: float, off: float) -> Callable[[View], np.ndarray]:
        turn, now = count(), [0.0]
        monkeypatch.setattr(precision.time, "perf_counter", lambda: now[0])
        exact = np.array([-1.0, 1.0, -1.0, 1.0])

        def answers(view: View) -> np.ndarray:
            half = next(turn) >= 2
            now[0] += ratio if half else 1.0
            return exact * (1 + off) if half else exact

        return answers

    return trial


@pytest.mark.parametrize(
    ("ratio", "off", "taken"),
    [(0.5, 0.001, "bfloat16"), (0.95, 0.001, "float32"), (0.5, 0.01, "float32"), (1.5, 0.0, "float32")],
)
def test_16_bits_are_taken_only_where_they_are_faster_and_hardly_differ(
    view_of: ViewOf, shipped_model: Model, pretended: Callable[..., object], ratio: float, off: float, taken: str
) -> None:
    view = view_of(shipped_model)
    found, told = chosen(view, "auto", pretended(ratio, off))  # type: ignore[arg-type]
    assert told.name == taken and (found is view) == (taken == "float32")
    assert told.ratio == pytest.approx(ratio) and told.off == pytest.approx(off)
    assert f"{100 * ratio:.0f} % of the time" in told.told and told.facts["precision"] == taken


def test_nothing_is_tried_where_a_map_must_have_no_seams_or_precision_was_asked_for(
    view_of: ViewOf, shipped_model: Model
) -> None:
    def never(view: View) -> np.ndarray:
        raise AssertionError("tried")

    view = view_of(shipped_model)
    assert chosen(view, "float32", never) == (view, Precision())
    assert chosen(replace(view, whole=False), "auto", never)[1] == Precision()
    assert chosen(view, "bfloat16", never)[1] == Precision("bfloat16")
    view.network.make_seamless()
    assert chosen(view, "auto", never) == (view, Precision())
    assert not Precision().told and Precision().facts == {"precision": "float32"}


def test_answers_that_never_vary_are_computed_in_32_bits(view_of: ViewOf, shipped_model: Model) -> None:
    view = view_of(shipped_model)
    found, told = chosen(view, "auto", lambda one: np.ones(4))
    assert found is view and told.name == "float32"


def test_16_bits_are_refused_for_a_network_of_the_users_own(view_of: ViewOf, shipped_model: Model) -> None:
    view = view_of(shipped_model)
    view.network.module = torch.nn.Conv2d(10, 1, 1)
    with pytest.raises(MethodUnsuitableError, match="32 bits only"):
        in_half(view)
    assert chosen(view, "auto", lambda one: np.arange(4.0)) == (view, Precision())
