"""Random numbers depend on seed, sample, band and place, and on nothing else."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from solar_saliency_plugin.engine.attribution.keyed import normal, uniform

places = st.integers(0, 60)
sizes = st.integers(1, 40)


@given(st.integers(0, 2**31 - 1), st.integers(0, 10_000), places, places, sizes, sizes, st.integers(1, 10))
def test_a_window_has_the_noise_of_the_whole_to_the_bit(
    seed: int, sample: int, row: int, col: int, rows: int, cols: int, bands: int
) -> None:
    whole = normal(seed, sample, (10, 100, 100))
    window = normal(seed, sample, (bands, rows, cols), row, col)
    assert np.array_equal(window, whole[:bands, row : row + rows, col : col + cols])


def test_noise_at_far_places_of_a_scene_is_keyed_too() -> None:
    far = normal(1, 2, (2, 50, 50), 10_900, 10_903)
    assert np.array_equal(far[:, 7:, 9:], normal(1, 2, (2, 43, 41), 10_907, 10_912))
    assert not np.array_equal(far, normal(1, 2, (2, 50, 50)))


def test_numbers_are_normal_to_what_a_million_can_show() -> None:
    numbers = normal(5, 0, (10, 320, 320)).ravel()
    assert kstest(numbers, "norm").pvalue > 1e-3
    assert abs(numbers.mean()) < 4e-3 and abs(numbers.std() - 1) < 3e-3
    assert 4 < np.abs(numbers).max() < 4.4


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"seed": 1}, {"seed": 2}),
        ({"sample": 0}, {"sample": 1}),
        ({"seed": 1, "sample": 1}, {"seed": 2, "sample": 0}),
        ({"row": 0}, {"row": 1}),
        ({"col": 0}, {"col": 1}),
        ({"col": 0}, {"col": 4}),
    ],
)
def test_other_keys_give_unrelated_numbers(first: dict[str, int], second: dict[str, int]) -> None:
    one, two = (
        normal(**{"seed": 1, "sample": 0, "shape": (10, 300, 300), **keys}).ravel()  # type: ignore[arg-type]
        for keys in (first, second)
    )
    limit = 4 / np.sqrt(one.size)
    assert abs(np.corrcoef(one, two)[0, 1]) < limit
    assert abs(np.corrcoef(np.abs(one), np.abs(two))[0, 1]) < limit


def test_bands_are_unrelated() -> None:
    numbers = normal(1, 0, (10, 300, 300)).reshape(10, -1)
    assert np.abs(np.corrcoef(numbers) - np.eye(10)).max() < 4.5 / np.sqrt(numbers.shape[1])


def test_uniform_numbers_fill_their_interval() -> None:
    assert kstest([uniform(3, sample) for sample in range(20_000)], "uniform").pvalue > 1e-3
    assert uniform(3, 4) == uniform(3, 4) != uniform(4, 3)


def test_another_process_draws_the_same_numbers() -> None:
    program = (
        "from solar_saliency_plugin.engine.attribution.keyed import normal, uniform\n"
        "print(normal(1, 2, (3, 20, 21), 5, 6).tobytes().hex(), uniform(1, 2))"
    )
    root = Path(__file__).parents[3]
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root).stdout
    assert said.split() == [normal(1, 2, (3, 20, 21), 5, 6).tobytes().hex(), str(uniform(1, 2))]


def test_noise_costs_little_beside_the_network() -> None:
    normal(1, 0, (10, 256, 256))
    fastest = np.inf
    for sample in range(10):
        started = time.perf_counter()
        normal(1, sample, (10, 256, 256), 3, 5)
        fastest = min(fastest, time.perf_counter() - started)
    assert 10 * 256 * 256 / fastest > 20e6
