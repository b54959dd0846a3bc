"""Fitting: it learns, and it does the same again."""

import numpy as np
import pytest
import torch

from solar_saliency_plugin.engine.training.backgrounds import Background
from solar_saliency_plugin.engine.training.farms import FarmView
from solar_saliency_plugin.engine.training.fit import FitOptions, fit, statistics
from solar_saliency_plugin.engine.training.synthesis import Synthesis

OPTIONS = FitOptions(steps=30, batch=4, architecture={"stem": (8,), "width": 4, "depth": 1, "convolutions": 1})
SQUARE = {"type": "Polygon", "coordinates": [[(75, 25), (75.002, 25), (75.002, 25.002), (75, 25.002), (75, 25)]]}


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _synthesis(seed: int) -> Synthesis:
    random = np.random.default_rng(3)
    coverage = np.zeros((20, 20), np.float32)
    coverage[4:15, 5:16] = 1
    dark, bright = (random.uniform(low, low + 0.1, (10, 20, 20)) for low in (0.05, 0.3))
    view = FarmView(
        7, "2022-06-01", np.where(coverage == 1, dark, bright).astype(np.float32), coverage >= 0, coverage, 0
    )
    ground = random.uniform(0.2, 0.5, (10, 100, 100)).astype(np.float32)
    background = Background("ground", "Apache-2.0", "L2A", ground, np.ones((100, 100), bool))
    return Synthesis([view], [background], [SQUARE], np.random.default_rng(seed))


def _fitted(seed: int) -> tuple[dict[str, torch.Tensor], list[float]]:
    losses: list[float] = []
    network = fit(_synthesis(seed), OPTIONS, seed, lambda step, loss, network: losses.append(loss))
    return network.state_dict(), losses


def test_thirty_steps_lower_the_loss(one_thread: None) -> None:
    _, losses = _fitted(1)
    assert len(losses) == 30
    assert np.mean(losses[-5:]) < 0.75 * np.mean(losses[:5])


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(one_thread: None) -> None:
    first, second, other = (_fitted(seed)[0] for seed in (1, 1, 2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])


def test_statistics_are_those_of_each_band() -> None:
    patches = [
        np.full((2, 4, 4), value, np.float32) * np.array([1, 2], np.float32)[:, None, None] for value in (0.1, 0.3)
    ]
    mean, std = statistics(patches)
    assert mean == pytest.approx((0.2, 0.4)) and std == pytest.approx((0.1, 0.2))
