"""Drawn patches: what is set where, and what counts."""

from dataclasses import replace

import numpy as np
import pytest

from solar_saliency_plugin.engine.training.backgrounds import Background
from solar_saliency_plugin.engine.training.farms import FarmView
from solar_saliency_plugin.engine.training.synthesis import PATCH, Radiometry, Recipe, Synthesis

STILL = Radiometry(gain=0, band_gain=0, offset=0, hazy=0, haze=0, noise=0)
VARIED = Radiometry(gain=0.1, band_gain=0.1, offset=0.01, hazy=0.5, haze=0.1, noise=0.01)
NOISY = replace(STILL, noise=0.01)
FARM, AROUND, GROUND = 0.1, 0.3, 0.5


def _outline() -> dict:
    side = 0.002  # degrees: some 20 pixels
    corners = [(0, 0), (side, 0), (side, side), (0, side), (0, 0)]
    return {"type": "Polygon", "coordinates": [[(75 + x, 25 + y) for x, y in corners]]}


def _view(height: int = 20, width: int = 30) -> FarmView:
    coverage = np.zeros((height, width), np.float32)
    coverage[5:12, 6:20] = 1
    coverage[12, 6:20] = 0.25
    reflectance = np.where(coverage == 1, FARM, AROUND)[None].repeat(10, 0).astype(np.float32)
    valid = np.ones((height, width), bool)
    valid[0] = False
    return FarmView(7, "2022-06-01", reflectance, valid, coverage, 0.0)


def _ground() -> Background:
    valid = np.ones((90, 120), bool)
    valid[80:] = False
    return Background("ground", "Apache-2.0", "L2A", np.full((10, 90, 120), GROUND, np.float32), valid)


def _synthesis(view: FarmView, radiometry: Radiometry = STILL, **shares: float) -> Synthesis:
    shares = {"ground_exchanged": 0.0, "ground_exchanged_when_filled": 0.0, "filled": 0.0, **shares}
    recipe = Recipe(farms=radiometry, ground=radiometry, **shares)
    return Synthesis([view], [_ground()], [_outline()], np.random.default_rng(5), recipe)


@pytest.mark.parametrize("shape", [(20, 30), (61, 43), (60, 30), (20, 90)])
def test_chip_of_any_size_fits_and_only_its_own_clear_pixels_count(shape: tuple[int, int]) -> None:
    synthesis = _synthesis(_view(*shape), chips=1.0)
    for _ in range(20):
        patch = synthesis.patch()
        assert patch.reflectance.shape == (10, PATCH, PATCH)
        counted = patch.weight > 0
        assert 0 < counted.sum() <= (shape[0] - 1) * shape[1]
        np.testing.assert_allclose(patch.reflectance[0][counted & (patch.target == 1)], FARM)
        assert set(np.unique(patch.weight)) <= {0.0, 0.5, 1.0}


def test_farm_set_elsewhere_is_a_farm_on_other_ground() -> None:
    synthesis = _synthesis(_view(), chips=0.0, farms_set=1.0)
    for _ in range(20):
        patch = synthesis.patch()
        ten_metre_band = patch.reflectance[0]
        sure = patch.weight == 1
        np.testing.assert_allclose(ten_metre_band[sure & (patch.target == 1)], FARM, rtol=1e-5)
        np.testing.assert_allclose(ten_metre_band[sure & (patch.target == 0)], GROUND, rtol=1e-5)
        assert patch.target.any()


def test_a_farm_that_fills_its_patch_shows_no_edge() -> None:
    synthesis = _synthesis(_view(), chips=0.0, farms_set=1.0, filled=1.0)
    for _ in range(5):
        patch = synthesis.patch()
        assert patch.target.all()
        np.testing.assert_allclose(patch.reflectance[0], FARM, rtol=1e-5)


def test_ground_between_the_rows_is_exchanged() -> None:
    synthesis = _synthesis(_view(), chips=0.0, farms_set=1.0, ground_exchanged=0.6)
    seen = [
        patch.reflectance[0][(patch.weight == 1) & (patch.target == 1)]
        for patch in (synthesis.patch() for _ in range(30))
    ]
    values = np.concatenate(seen)
    assert FARM <= values.min() < FARM + 0.02 and FARM + 0.08 < values.max() <= FARM + 0.6 * (GROUND - AROUND) + 1e-6


def test_a_piece_of_ground_set_in_is_no_farm() -> None:
    synthesis = _synthesis(_view(), chips=0.0, farms_set=0.0, pieces_set=1.0)
    patches = [synthesis.patch() for _ in range(30)]
    assert not any(patch.target.any() for patch in patches)
    assert any(patch.reflectance.min() < 0.45 for patch in patches)


@pytest.mark.parametrize("kind", [{"farms_set": 1.0}, {"farms_set": 0.0}], ids=str)
def test_bands_with_20_m_pixels_are_mixed_in_20_m_pixels(kind: dict[str, float]) -> None:
    synthesis = _synthesis(_view(), NOISY, chips=0.0, **kind)
    for _ in range(10):
        blocks = synthesis.patch().reflectance[8].reshape(PATCH // 2, 2, PATCH // 2, 2)
        np.testing.assert_allclose(np.ptp(blocks, axis=(1, 3)), 0, atol=1e-6)


def test_the_same_seed_gives_the_same_patches() -> None:
    first, second = (_synthesis(_view(), VARIED) for _ in range(2))
    for _ in range(10):
        one, other = first.patch(), second.patch()
        assert np.array_equal(one.reflectance, other.reflectance) and np.array_equal(one.target, other.target)
