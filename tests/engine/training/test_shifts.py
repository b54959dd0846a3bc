"""What shifts do to an image."""

import numpy as np
import pytest

from solar_saliency_plugin.engine.imagery.bands import MODEL_BANDS
from solar_saliency_plugin.engine.training import shifts


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(3).uniform(0.02, 0.5, (10, 13, 18)).astype(np.float32)


def test_every_usual_shift_keeps_the_shape_and_changes_the_image(image: np.ndarray) -> None:
    pairs = [(image, 0.8 * image + 0.05)]
    usual = shifts.usual(pairs)
    assert len(usual) == 2 * len(MODEL_BANDS) + 8
    for name, shift in usual.items():
        before = image.copy()
        shifted = shift(image)
        assert shifted.shape == image.shape and np.isfinite(shifted).all(), name
        assert not np.allclose(shifted, image), name
        assert np.array_equal(image, before), f"{name} must not write into its input"


def test_one_band_is_gained_and_no_other(image: np.ndarray) -> None:
    shifted = shifts.gained(3, 1.1)(image)
    np.testing.assert_allclose(shifted[3], 1.1 * image[3], rtol=1e-6)
    assert np.array_equal(np.delete(shifted, 3, 0), np.delete(image, 3, 0))


def test_the_line_through_pairs_of_levels_is_found(image: np.ndarray) -> None:
    slope = np.linspace(0.7, 1.1, 10, dtype=np.float32)[:, None, None]
    air = np.linspace(0.1, 0.0, 10, dtype=np.float32)[:, None, None]
    shift = shifts.top_of_atmosphere([(image, slope * image + air)] * 3)
    np.testing.assert_allclose(shift(image), slope * image + air, atol=1e-4)


def test_the_correction_of_level_l1c_undoes_what_clean_air_adds_most_of(image: np.ndarray) -> None:
    air = np.zeros((10, 1, 1), np.float32)
    air[:3] = [[[0.08]], [[0.05]], [[0.03]]]
    before = image.copy()
    shifted = shifts.corrected(lambda reflectance: 0.8 * reflectance + air, 45.0)(image)
    assert np.array_equal(image, before) and shifted.dtype == np.float32
    assert np.abs(shifted - image)[:3].mean() < 0.5 * np.abs(0.8 * image + air - image)[:3].mean()


def test_coarse_pixels_are_means_of_two_by_two(image: np.ndarray) -> None:
    shifted = shifts.coarse(image)
    for row, col in ((0, 0), (4, 16)):
        mean = image[:, row : row + 2, col : col + 2].mean(axis=(1, 2))
        for part in (shifted[:, row, col], shifted[:, row + 1, col + 1]):
            np.testing.assert_allclose(part, mean, rtol=1e-5)


def test_moving_and_blurring_keep_a_flat_image_flat() -> None:
    flat = np.full((10, 9, 9), 0.3, np.float32)
    for shift in (shifts.moved(0.5), shifts.blurred(0.5), shifts.coarse):
        np.testing.assert_allclose(shift(flat), flat, rtol=1e-5)
