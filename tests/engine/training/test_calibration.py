"""Calibration: probabilities become frequencies, and nothing else about the network changes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from solar_saliency_plugin.engine.models.unet import UNet
from solar_saliency_plugin.engine.training.calibration import Calibration, calibrated, fit_calibration


@settings(max_examples=20, deadline=None)
@given(scale=st.floats(0.3, 3), shift=st.floats(-2, 2), seed=st.integers(0, 1000))
def test_the_stretch_and_shift_that_made_the_labels_are_found(scale: float, shift: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, 40_000)
    labels = random.random(40_000) < expit(scale * logits + shift)
    found = fit_calibration(logits, labels)
    assert found.scale == pytest.approx(scale, rel=0.1)
    assert found.shift == pytest.approx(shift, abs=0.1)


def test_counted_pixels_weigh_as_if_they_were_repeated() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, 500)
    labels = random.random(500) < expit(logits)
    counts = random.integers(1, 4, 500)
    repeated = fit_calibration(logits.repeat(counts), labels.repeat(counts))
    assert fit_calibration(logits, labels, counts) == repeated


def test_a_perfect_ranking_does_not_stretch_logits_without_end() -> None:
    found = fit_calibration(np.array([-1.0, -0.5, 0.5, 1.0]), np.array([False, False, True, True]))
    assert found.scale < 5


@pytest.mark.parametrize("label", [False, True])
def test_labels_that_are_all_alike_change_nothing(label: bool) -> None:
    assert fit_calibration(np.array([-1.0, 3.0]), np.array([label, label])) == Calibration(1.0, 0.0)


def test_a_calibrated_network_gives_the_stretched_and_shifted_logits() -> None:
    torch.manual_seed(0)
    network = UNet([0.1] * 10, [0.1] * 10, stem=(8,), width=8, depth=1, convolutions=1).eval()
    image = torch.rand(2, 10, 9, 12)
    with torch.no_grad():
        before = network(image)
        after = calibrated(network, Calibration(0.7, -1.5))(image)
        assert torch.equal(network(image), before)
    torch.testing.assert_close(after, 0.7 * before - 1.5, rtol=1e-5, atol=1e-5)
