"""Superpixels: every valid pixel in exactly one, the same each time, of about the size asked for."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.ndimage import label

from solar_saliency_plugin.contract.errors import MethodUnsuitableError, RequestError
from solar_saliency_plugin.engine.attribution.changes import seen_by_target
from solar_saliency_plugin.engine.attribution.superpixels import segments, spread_evenly, superpixels
from solar_saliency_plugin.engine.attribution.view import View
from solar_saliency_plugin.engine.models.registry import Model

METRES = (10.0, 10.0)


@settings(max_examples=60, deadline=None)
@given(
    valid=arrays.arrays(bool, st.tuples(st.integers(1, 30), st.integers(1, 30))),
    size=st.sampled_from([0.01, 0.1, 0.25, 5.0]),
    seed=st.integers(0, 9),
)
def test_labels_count_from_0_without_gaps_on_valid_pixels_only(valid: np.ndarray, size: float, seed: int) -> None:
    reflectance = np.random.default_rng(seed).uniform(0, 1, (3, *valid.shape)).astype(np.float32)
    labels = superpixels(reflectance, valid, size, METRES)
    assert labels.dtype == np.int32 and labels.shape == valid.shape
    assert (labels[~valid] == -1).all()
    assert sorted(set(labels[valid])) == list(range(labels.max() + 1))


def test_the_same_image_has_the_same_superpixels(landscape: Callable[..., np.ndarray]) -> None:
    image, valid = landscape(50, 40), np.ones((50, 40), bool)
    valid[10:15, 10:30] = False
    assert np.array_equal(superpixels(image, valid, 0.25, METRES), superpixels(image.copy(), valid, 0.25, METRES))


def test_superpixels_do_not_depend_on_a_bands_unit(landscape: Callable[..., np.ndarray]) -> None:
    image, valid = landscape(50, 40).astype(np.float64), np.ones((50, 40), bool)
    other = image * np.linspace(0.5, 20, 10)[:, None, None] + 3
    assert np.array_equal(superpixels(image, valid, 0.25, METRES), superpixels(other, valid, 0.25, METRES))


def test_what_is_not_valid_does_not_shape_superpixels(landscape: Callable[..., np.ndarray]) -> None:
    image, valid = landscape(50, 40), np.ones((50, 40), bool)
    valid[20:30, 5:25] = False
    other = np.where(valid, image, np.nan).astype(np.float32)
    assert np.array_equal(superpixels(image, valid, 0.25, METRES), superpixels(other, valid, 0.25, METRES))


@pytest.mark.parametrize("size", [0.16, 0.25, 1.0])
@pytest.mark.parametrize("metres", [METRES, (20.0, 10.0)])
def test_superpixels_have_about_the_size_asked_for(
    landscape: Callable[..., np.ndarray], size: float, metres: tuple[float, float]
) -> None:
    labels = superpixels(landscape(64, 64), np.ones((64, 64), bool), size, metres)
    assert 64 * 64 * metres[0] * metres[1] / 1e4 / (labels.max() + 1) == pytest.approx(size, rel=0.3)


def test_superpixels_are_connected(landscape: Callable[..., np.ndarray]) -> None:
    labels = superpixels(landscape(64, 64), np.ones((64, 64), bool), 0.25, METRES)
    assert all(label(labels == name)[1] == 1 for name in range(labels.max() + 1))


def test_superpixels_follow_what_is_there() -> None:
    image, valid = np.full((4, 32, 32), 0.1, np.float32), np.ones((32, 32), bool)
    image[:, 7:21, 9:25] = 0.4
    labels = superpixels(image, valid, 0.25, METRES)
    inside = image[0] > 0.2
    assert not set(labels[inside]) & set(labels[~inside])


@settings(max_examples=40, deadline=None)
@given(
    labels=arrays.arrays(np.int32, (7, 5), elements=st.integers(-1, 3)),
    values=arrays.arrays(np.float64, (2, 4), elements=st.floats(-5, 5)),
)
def test_values_are_shared_out_evenly_and_keep_their_sum(labels: np.ndarray, values: np.ndarray) -> None:
    shared = spread_evenly(labels, values)
    assert shared.shape == (2, 7, 5) and not shared[:, labels < 0].any()
    for name in set(labels[labels >= 0]):
        np.testing.assert_allclose(shared[:, labels == name].sum(axis=1), values[:, name], atol=1e-12)
        assert np.ptp(shared[:, labels == name], axis=1).max() == 0


def test_only_what_the_target_sees_gets_superpixels(view_of: Callable[..., View], shipped_model: Model) -> None:
    view = view_of(shipped_model, 60, 60)
    valid = view.valid.clone()
    valid[28:31, 28:33] = False
    labels = segments(replace(view, valid=valid), 0.25, 100)
    assert np.array_equal(labels >= 0, (valid & seen_by_target(view)).numpy())


def test_superpixels_grow_until_there_are_not_too_many(view_of: Callable[..., View], shipped_model: Model) -> None:
    view = view_of(shipped_model, 60, 60, target=(slice(5, 55), slice(5, 55)))
    assert segments(view, None, 500).max() + 1 > 90
    assert 5 <= segments(view, None, 10).max() + 1 <= 10


def test_a_size_that_was_asked_for_is_kept_or_refused(view_of: Callable[..., View], shipped_model: Model) -> None:
    view = view_of(shipped_model, 60, 60, target=(slice(5, 55), slice(5, 55)))
    assert segments(view, 0.25, 500).max() + 1 > 90
    with pytest.raises(RequestError, match=r"0\.25 ha"):
        segments(view, 0.25, 50)
    with pytest.raises(RequestError, match="evaluations"):
        segments(view, 0.01, 50)


def test_windows_cannot_have_superpixels(view_of: Callable[..., View], shipped_model: Model) -> None:
    with pytest.raises(MethodUnsuitableError, match="at once"):
        segments(replace(view_of(shipped_model), whole=False), None, 50)
