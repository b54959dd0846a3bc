"""The runtime says what the network says, and stops when asked."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from solar_saliency_plugin.contract.errors import CancelledError, OutOfMemoryError, RequestError
from solar_saliency_plugin.engine.models.registry import load_model
from solar_saliency_plugin.engine.models.runtime import Runtime, folded
from solar_saliency_plugin.engine.models.unet import UNet


@pytest.fixture
def runtime(model_folder: Path) -> Runtime:
    return Runtime(load_model(str(model_folder)), device="cpu")


def _window(height: int = 23, width: int = 17) -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 0.6, (3, height, width)).astype(np.float32)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2), st.integers(1, 2), st.integers(0, 2**31))
def test_folded_network_equals_the_network(
    network_of: Callable[..., UNet], depth: int, convolutions: int, seed: int
) -> None:
    network = network_of(seed, stem=(5, 4), depth=depth, convolutions=convolutions)
    image = torch.rand(1, 3, 21, 18, generator=torch.Generator().manual_seed(seed))
    light = folded(network)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in light.modules())
    torch.testing.assert_close(torch.sigmoid(light(image)), torch.sigmoid(network(image)), rtol=0, atol=1e-5)


def test_probability_is_the_networks(runtime: Runtime, model_folder: Path) -> None:
    window = _window()
    expected = torch.sigmoid(load_model(str(model_folder)).network(torch.from_numpy(window)[None]))[0, 0]
    probability = runtime.probability(window, np.ones((23, 17), bool))
    assert probability.dtype == np.float32
    np.testing.assert_allclose(probability, expected, atol=1e-5)


def test_same_window_gives_the_same_bytes(runtime: Runtime) -> None:
    window, valid = _window(), np.ones((23, 17), bool)
    assert runtime.probability(window, valid).tobytes() == runtime.probability(window, valid).tobytes()


def test_invalid_pixels_are_nan_and_what_they_hold_is_not_seen(runtime: Runtime) -> None:
    window, valid = _window(), np.random.default_rng(2).random((23, 17)) < 0.7
    spoiled = np.where(valid, window, np.nan).astype(np.float32)
    probability = runtime.probability(spoiled, valid)
    np.testing.assert_array_equal(np.isnan(probability), ~valid)
    np.testing.assert_array_equal(probability, runtime.probability(np.where(valid, window, 7), valid))


def test_window_given_is_not_changed(runtime: Runtime) -> None:
    window, valid = _window(), np.zeros((23, 17), bool)
    before = window.copy()
    runtime.probability(window, valid)
    np.testing.assert_array_equal(window, before)


def test_cancelling_is_noticed_between_any_two_layers(runtime: Runtime) -> None:
    window, valid = _window(), np.ones((23, 17), bool)
    asked: list[bool] = []
    runtime.probability(window, valid, lambda: bool(asked.append(True)))
    assert len(asked) > 8
    for last in range(len(asked)):
        answers = iter([False] * last + [True])
        with pytest.raises(CancelledError):
            runtime.probability(window, valid, lambda answers=answers: next(answers))


def test_a_cancelled_runtime_can_be_used_again(runtime: Runtime) -> None:
    window, valid = _window(), np.ones((23, 17), bool)
    before = runtime.probability(window, valid)
    with pytest.raises(CancelledError):
        runtime.probability(window, valid, lambda: True)
    np.testing.assert_array_equal(runtime.probability(window, valid), before)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a graphics card")
def test_a_missing_graphics_card_is_told() -> None:
    with pytest.raises(RequestError, match="graphics card"):
        Runtime(load_model("default"), device="cuda")
    assert Runtime(load_model("default"), device="auto").device == "cpu"


def test_threads_are_the_ones_asked_for(model_folder: Path) -> None:
    before = torch.get_num_threads()
    try:
        Runtime(load_model(str(model_folder)), device="cpu", threads=1)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    "failure",
    [RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), MemoryError()],
)
def test_too_little_memory_names_the_remedy(runtime: Runtime, failure: Exception) -> None:
    def fail() -> bool:
        raise failure

    with pytest.raises(OutOfMemoryError) as caught:
        runtime.probability(_window(), np.ones((23, 17), bool), fail)
    assert "window" in caught.value.hint


def test_graphics_card_without_memory_lets_the_cpu_go_on(model_folder: Path) -> None:
    told: list[str] = []
    runtime = Runtime(load_model(str(model_folder)), device="cpu", warn=told.append)
    window, valid = _window(), np.ones((23, 17), bool)
    expected = runtime.probability(window, valid)
    runtime.device = "cuda"
    failures = [torch.OutOfMemoryError("CUDA out of memory")]

    def fail_once() -> bool:
        if failures:
            raise failures.pop()
        return False

    # The failure comes from inside the network; the weights are on the CPU here, which is where they are moved.
    runtime._network.to = lambda device: runtime._network
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            torch.Tensor, "to", lambda tensor, *_, memory_format: tensor.contiguous(memory_format=memory_format)
        )
        probability = runtime.probability(window, valid, fail_once)
    np.testing.assert_array_equal(probability, expected)
    assert runtime.device == "cpu" and len(told) == 1


def test_other_failures_are_not_called_lack_of_memory(runtime: Runtime) -> None:
    with pytest.raises(RuntimeError, match="channels"):
        runtime._network(torch.zeros(1, 2, 8, 8))


@pytest.mark.parametrize(("height", "width"), [(600, 520), (513, 40), (300, 900)])
def test_blocks_leave_no_seams(runtime: Runtime, model_folder: Path, height: int, width: int) -> None:
    window = _window(height, width)
    expected = torch.sigmoid(load_model(str(model_folder)).network(torch.from_numpy(window)[None]))[0, 0]
    valid = np.ones((height, width), bool)
    np.testing.assert_allclose(runtime.probability(window, valid), expected, atol=1e-5)


def test_blocks_without_a_valid_pixel_are_not_computed(runtime: Runtime) -> None:
    window, valid = _window(600, 600), np.zeros((600, 600), bool)
    asked: list[bool] = []
    runtime.probability(window, valid, lambda: bool(asked.append(True)))
    assert not asked
    valid[0, 0] = True
    assert np.isfinite(runtime.probability(window, valid)).sum() == 1


def test_memory_estimate_covers_what_a_window_really_takes() -> None:
    profiler = pytest.importorskip("torch.profiler")
    runtime = Runtime(load_model("default"), device="cpu")
    side = 1024
    window = np.full((10, side, side), 0.2, np.float32)
    with profiler.profile(profile_memory=True) as profile:
        runtime.probability(window, np.ones((side, side), bool))
    allocated, peak = 0, 0
    for event in profile.profiler.kineto_results.events():
        if event.name() == "[memory]":
            allocated += event.nbytes()
            peak = max(peak, allocated)
    assert peak / side**2 <= runtime.memory_per_pixel()
