"""Relevance is conserved, and is what the rules' formulas say."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import LRP
from captum.attr._utils.lrp_rules import Alpha1_Beta0_Rule, EpsilonRule
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from solar_saliency_plugin.contract.errors import CancelledError
from solar_saliency_plugin.engine.attribution import lrp as module
from solar_saliency_plugin.engine.attribution.lrp import lrp
from solar_saliency_plugin.engine.attribution.precision import in_double
from solar_saliency_plugin.engine.attribution.quality import absorbed
from solar_saliency_plugin.engine.attribution.relevance_rules import AlphaBeta, Epsilon, Ledger
from solar_saliency_plugin.engine.attribution.view import View
from solar_saliency_plugin.engine.models.registry import Model
from solar_saliency_plugin.engine.models.unet import UNet
from solar_saliency_plugin.engine.training.farms import farm_views

ViewOf = Callable[..., View]

RULES = ("epsilon", "z_plus", "alpha_beta")
Z_PLUS = {"relevance": "z_plus"}


def answer(view: View) -> float:
    """S in 64 bits."""
    network = in_double(view).network.module
    logits = network(view.reflectance.double())[0, 0]
    return float(((torch.sigmoid(logits) if view.quantity == "probability" else logits) * view.weights).sum())


def conservation(view: View, rule: str) -> float:
    """Error of Σφ + absorbed = S, as a share of |S|."""
    found = lrp(view, {"relevance": rule})
    assert found.values.dtype == torch.float64 and found.values.isfinite().all()
    total = float(found.values.sum()) + absorbed(found.facts)
    return abs(total - answer(view)) / abs(answer(view))


def without_biases(model: Model) -> Model:
    """The model with nothing subtracted and nothing added: zero in, zero out."""
    card = replace(model.card, mean=(0.0,) * 10)
    architecture = {name: value for name, value in card.architecture.items() if name != "family"}
    network = UNet(card.mean, card.std, **architecture)
    network.load_state_dict(model.network.state_dict())
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.zero_()
        if getattr(part, "bias", None) is not None:
            nn.init.zeros_(part.bias)
    return replace(model, card=card, network=network.eval().requires_grad_(False), sha256=f"{model.sha256} no biases")


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("quantity", ["logit", "probability"])
@pytest.mark.parametrize("size", [(24, 28), (45, 51), (3, 2)])
def test_what_is_not_handed_down_is_known(
    view_of: ViewOf, wide_model: Model, shipped_model: Model, rule: str, quantity: str, size: tuple[int, int]
) -> None:
    everything = (slice(None), slice(None)) if size[0] == 3 else None
    for model in (wide_model, shipped_model):
        for seed in range(3):
            assert conservation(view_of(model, *size, seed=seed, quantity=quantity, target=everything), rule) < 1e-6


@pytest.mark.parametrize("rule", ["z_plus", "alpha_beta"])
def test_all_relevance_reaches_the_image(view_of: ViewOf, wide_model: Model, shipped_model: Model, rule: str) -> None:
    for model in (wide_model, shipped_model):
        for seed in range(3):
            view = view_of(model, seed=seed)
            assert float(lrp(view, {"relevance": rule}).values.sum()) == pytest.approx(answer(view), rel=1e-6)


@pytest.mark.parametrize("rule", RULES)
def test_what_falls_where_there_is_no_data_is_told_and_not_drawn(
    view_of: ViewOf, wide_model: Model, shipped_model: Model, rule: str
) -> None:
    for model in (wide_model, shipped_model):
        view = view_of(model)
        valid = view.valid.clone()
        valid[10:13, :14] = False
        everywhere = lrp(view, {"relevance": rule})
        view = replace(view, valid=valid)  # shown as it is shown elsewhere: the same relevance arrives
        found = lrp(view, {"relevance": rule})
        assert not found.values[:, ~valid].any()
        assert torch.equal(found.values[:, valid], everywhere.values[:, valid])
        lost = found.facts["absorbed_by_nodata"]
        assert lost == pytest.approx(float(everywhere.values[:, ~valid].sum())) and lost != 0
        assert everywhere.facts["absorbed_by_nodata"] == 0
        assert conservation(view, rule) < 1e-6


@pytest.mark.parametrize("site", [31, 9])
def test_relevance_is_conserved_on_real_farms(
    view_of: ViewOf, shipped_model: Model, wide_model: Model, shared_data: Path, site: int
) -> None:
    for farm in farm_views(shared_data, (site,))[:2]:
        mean = np.asarray(shipped_model.card.mean, np.float32)[:, None, None]
        image = torch.from_numpy(np.where(farm.valid, farm.reflectance, mean))[None]
        covered = torch.from_numpy(farm.coverage > 0.5)
        assert covered.any()
        for model in (shipped_model, wide_model):
            view = view_of(model, *covered.shape)
            view = replace(view, reflectance=image, weights=covered / covered.sum())
            assert conservation(view, "z_plus") < 1e-6
            total = float(lrp(view, Z_PLUS).values.sum())
            assert total == pytest.approx(answer(view), rel=1e-6)


@settings(max_examples=20, deadline=None)
@given(
    depth=st.integers(0, 2),
    rows=st.integers(1, 19),
    cols=st.integers(1, 19),
    seed=st.integers(0, 2**31),
    rule=st.sampled_from(RULES),
    lowest=st.sampled_from([-0.1, 0.0, 0.1]),
)
def test_relevance_is_conserved_by_any_network_of_the_family(
    view_of: ViewOf, shipped_model: Model, depth: int, rows: int, cols: int, seed: int, rule: str, lowest: float
) -> None:
    """Of any size, for reflectance below zero, too, and where some of it is exactly zero."""
    torch.manual_seed(seed)
    card = shipped_model.card
    network = UNet(card.mean, card.std, stem=(5,), width=4, depth=depth, convolutions=1).eval().requires_grad_(False)
    for part in network.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight)
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.bias)
    model = replace(shipped_model, network=network, sha256=f"depth {depth}")
    view = view_of(model, rows, cols, target=(slice(None), slice(None)))
    view = replace(view, reflectance=(view.reflectance - 0.2).clamp(min=lowest))
    error = conservation(view, rule)
    # Where what is handed down cancels, S is small beside it.
    size = float(lrp(view, {"relevance": rule}).values.abs().sum()) / abs(answer(view))
    assert error < 1e-12 * max(1e6, size)


def test_tiny_epsilon_is_input_times_gradient(
    view_of: ViewOf, wide_model: Model, shipped_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On networks of ReLUs; with biases, too, as long as they keep their share (Ancona et al. 2018)."""
    monkeypatch.setattr(module, "EPSILON", 1e-12)
    for model in (wide_model, shipped_model, without_biases(wide_model)):
        view = view_of(model, 33, 30)
        image = view.reflectance.double().requires_grad_(True)
        total = (in_double(view).network.module(image)[:, 0] * view.weights).sum()
        (gradient,) = torch.autograd.grad(total, image)
        expected = (gradient * image)[0].detach()
        found = lrp(view, {"relevance": "epsilon"}).values
        assert torch.linalg.vector_norm(found - expected) < 1e-6 * torch.linalg.vector_norm(expected)


def test_without_biases_tiny_epsilon_keeps_nothing(
    view_of: ViewOf, wide_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EPSILON", 1e-12)
    view = view_of(without_biases(wide_model))
    found = lrp(view, {"relevance": "epsilon"})
    assert found.facts["absorbed_by_biases"] == 0
    assert float(found.values.sum()) == pytest.approx(answer(view), rel=1e-6)


def test_epsilon_is_the_models_and_not_the_windows(view_of: ViewOf, wide_model: Model) -> None:
    one, other = view_of(wide_model, seed=1), view_of(wide_model, 31, 47, seed=2)
    first, second = (module._epsilons(in_double(view).network.module, view) for view in (one, other))
    assert first == second and len(first) == len(module._convolutions(one.network.module))
    assert all(0 < rule.epsilon < 10 for rule in first.values())


def test_a_network_that_learned_nothing_is_no_division_by_zero(view_of: ViewOf, linear_model: Model) -> None:
    view = view_of(linear_model)
    for weight in view.network.module.parameters():
        weight.zero_()
    for rule in RULES:
        assert (lrp(view, {"relevance": rule}).values == 0).all()


class TestRules:
    """One output of two inputs, 1 and 2, with weights 6 and −1 and a bias: contributions 6 and −2."""

    given = torch.tensor([1.0, 2.0], dtype=torch.float64).reshape(1, 2, 1, 1)

    def handed(self, rule: Any, relevance: float, bias: float | None = None, weights: Any = (6.0, -1.0)) -> Any:
        convolution = nn.Conv2d(2, 1, 1, bias=bias is not None).double().requires_grad_(False)
        convolution.weight.copy_(torch.tensor(weights).reshape(1, 2, 1, 1))
        if bias is not None:
            convolution.bias.fill_(bias)
        ledger = Ledger()
        given = torch.full((1, 1, 1, 1), relevance, dtype=torch.float64)
        found = rule.hand_down(given, self.given, convolution, ledger).flatten().tolist()
        return [round(value, 9) for value in found], round(ledger.biases, 9), round(ledger.epsilon, 9)

    def test_epsilon(self) -> None:
        assert self.handed(Epsilon(0.0), 4) == ([6, -2], 0, 0)
        assert self.handed(Epsilon(1.0), 5) == ([6, -2], 0, 1)
        assert self.handed(Epsilon(1.0), 6, bias=1) == ([6, -2], 1, 1)
        # Below zero, ε makes the sum larger, not smaller: −2 − 2 − 1.
        assert self.handed(Epsilon(1.0), -5, bias=-8) == ([6, -2], -8, -1)

    def test_z_plus(self) -> None:
        assert self.handed(AlphaBeta(1), 4) == ([4, 0], 0, 0)
        assert self.handed(AlphaBeta(1), 4, weights=(6.0, 3.0)) == ([2, 2], 0, 0)
        assert self.handed(AlphaBeta(1), 4, bias=7) == ([4, 0], 0, 0)

    def test_alpha_beta(self) -> None:
        assert self.handed(AlphaBeta(2), 4) == ([8, -4], 0, 0)
        assert self.handed(AlphaBeta(2), -4) == ([-8, 4], 0, 0)

    def test_alpha_beta_without_a_negative_contribution_is_z_plus(self) -> None:
        assert self.handed(AlphaBeta(2), 4, weights=(6.0, 3.0)) == ([2, 2], 0, 0)

    @pytest.mark.parametrize("rule", [AlphaBeta(1), AlphaBeta(2)])
    def test_an_output_made_by_its_bias_alone_hands_nothing_down(self, rule: AlphaBeta) -> None:
        assert self.handed(rule, 4, bias=20, weights=(-6.0, -3.0)) == ([0, 0], 4, 0)
        assert self.handed(rule, 4, bias=20, weights=(0.0, 0.0)) == ([0, 0], 4, 0)

    def test_a_negative_answer_is_explained_by_what_made_it_negative(self) -> None:
        assert self.handed(AlphaBeta(1, is_answer=True), -4) == ([0, -4], 0, 0)
        assert self.handed(AlphaBeta(2, is_answer=True), -4) == ([4, -8], 0, 0)
        assert self.handed(AlphaBeta(1, is_answer=True), 4) == ([4, 0], 0, 0)

    def test_negative_inputs_contribute_by_the_sign_of_their_product(self) -> None:
        self.given = torch.tensor([1.0, -2.0], dtype=torch.float64).reshape(1, 2, 1, 1)
        assert self.handed(AlphaBeta(1), 4, weights=(6.0, -1.0)) == ([3, 1], 0, 0)
        assert self.handed(AlphaBeta(2), 4, weights=(6.0, 1.0)) == ([8, -4], 0, 0)


@pytest.mark.parametrize(("rule", "of_captum"), [("z_plus", Alpha1_Beta0_Rule), ("epsilon", EpsilonRule)])
def test_the_map_is_captums_where_captum_has_rules(
    view_of: ViewOf, shipped_model: Model, rule: str, of_captum: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without up-sampling and, since captum's z⁺ lets them take part, without biases; one target pixel."""
    monkeypatch.setattr(module, "EPSILON", 1e-12)
    view = view_of(without_biases(shipped_model), 13, 14, target=(slice(6, 7), slice(5, 6)))
    layers = [m for m in in_double(view).network.module.modules() if isinstance(m, (nn.Conv2d, nn.ReLU))]
    chain = nn.Sequential(*layers)
    image = view.reflectance.double()
    logit = float(chain(image)[0, 0, 6, 5])
    for layer in layers:
        layer.rule = of_captum(epsilon=1e-12) if of_captum is EpsilonRule else of_captum()
    expected = LRP(chain).attribute(image.clone().requires_grad_(True), target=(0, 6, 5))[0].detach()
    if logit < 0 and rule == "z_plus":
        pytest.fail("captum has no rule for negative answers; choose another image")
    found = lrp(view, {"relevance": rule}).values
    assert torch.linalg.vector_norm(found - expected) < 1e-6 * torch.linalg.vector_norm(expected)


def test_linear_model_divides_its_answer_by_weights_times_reflectance(
    view_of: ViewOf, linear_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """logit = wᵀx − 1: z⁺ hands down the whole logit by its positive parts, ε leaves the bias its −1."""
    monkeypatch.setattr(module, "EPSILON", 1e-12)
    view = view_of(linear_model)
    parts = torch.linspace(0.2, 2.0, 10, dtype=torch.float64)[:, None, None] * view.reflectance[0].double()
    logits = parts.sum(dim=0) - 1
    found = lrp(view, Z_PLUS).values
    positive = logits > 0
    assert (positive & (view.weights > 0)).any()
    expected = parts / parts.sum(dim=0) * logits * view.weights
    torch.testing.assert_close(found[:, positive], expected[:, positive], rtol=1e-6, atol=1e-12)
    epsilon = lrp(view, {"relevance": "epsilon"})
    torch.testing.assert_close(epsilon.values, parts * view.weights, rtol=1e-6, atol=1e-12)
    assert epsilon.facts["absorbed_by_biases"] == pytest.approx(-1)


def test_windows_leave_what_was_absorbed_to_others(view_of: ViewOf, wide_model: Model) -> None:
    """Windows overlap, so their sums would count it twice."""
    assert lrp(view_of(wide_model, whole=False), Z_PLUS).facts == {}


def test_the_network_stays_as_it_is_and_stops_when_asked(view_of: ViewOf, wide_model: Model) -> None:
    view = view_of(wide_model)
    before = view.gradient(view.reflectance)
    lrp(view, Z_PLUS)
    torch.testing.assert_close(view.gradient(view.reflectance), before, rtol=0, atol=0)
    assert next(view.network.module.parameters()).dtype == torch.float32
    asked = iter(range(100))
    view.network.should_stop = lambda: next(asked) > 3
    with pytest.raises(CancelledError):
        lrp(view, Z_PLUS)


def test_cancelling_stops_the_way_back(view_of: ViewOf, wide_model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    view = view_of(wide_model)

    def cancel(rule: AlphaBeta, relevance: torch.Tensor, given: torch.Tensor, *_: object) -> torch.Tensor:
        assert not view.job.is_cancelled
        view.job._cancelled.set()
        return torch.zeros_like(given)

    monkeypatch.setattr(AlphaBeta, "hand_down", cancel)
    with pytest.raises(CancelledError):
        lrp(view, Z_PLUS)
