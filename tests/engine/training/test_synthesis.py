"""Drawn patches: what is set where, and what counts."""

from dataclasses import replace

import numpy as np
import pytest

from solar_saliency_plugin.contract.errors import LabelsUnsuitableError
from solar_saliency_plugin.engine.training.backgrounds import Background
from solar_saliency_plugin.engine.training.farms import FarmView
from solar_saliency_plugin.engine.training.synthesis import Radiometry, Recipe, Synthesis, can_be_set, placeable

PATCH = Recipe().patch
STILL = Radiometry(gain=0, band_gain=0, offset=0, hazy=0, haze=0, noise=0)
VARIED = Radiometry(gain=0.1, band_gain=0.1, offset=0.01, hazy=0.5, haze=0.1, noise=0.01)
NOISY = replace(STILL, noise=0.01)
FARM, AROUND, GROUND = 0.1, 0.3, 0.5


def _outline(side: float = 0.002) -> dict:  # degrees: some 20 pixels
    corners = [(0, 0), (side, 0), (side, side), (0, side), (0, 0)]
    return {"type": "Polygon", "coordinates": [[(75 + x, 25 + y) for x, y in corners]]}


def _view(height: int = 20, width: int = 30) -> FarmView:
    coverage = np.zeros((height, width), np.float32)
    coverage[5:12, 6:20] = 1
    coverage[12, 6:20] = 0.25
    reflectance = np.where(coverage == 1, FARM, AROUND)[None].repeat(10, 0).astype(np.float32)
    valid = np.ones((height, width), bool)
    valid[0] = False
    return FarmView(7, "2022-06-01", reflectance, valid, coverage, 0.0, np.zeros_like(valid))


def _ground() -> Background:
    valid = np.ones((90, 120), bool)
    valid[80:] = False
    return Background("ground", "Apache-2.0", "L2A", np.full((10, 90, 120), GROUND, np.float32), valid)


def _synthesis(view: FarmView, radiometry: Radiometry = STILL, **shares: float) -> Synthesis:
    shares = {
        "tilt": 0.0,
        "painted": 0.0,
        "ground_exchanged": 0.0,
        "ground_exchanged_when_filled": 0.0,
        "filled": 0.0,
        **shares,
    }
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


@pytest.mark.parametrize("side", [32, 64, 130])
def test_patches_of_any_even_side_are_drawn_from_chips_and_scenes_smaller_than_they_are(side: int) -> None:
    for kind in ({"chips": 1.0}, {"chips": 0.0, "farms_set": 1.0}, {"chips": 0.0, "farms_set": 0.0}):
        patch = _synthesis(_view(), VARIED, patch=side, **kind).patch()
        assert patch.reflectance.shape == (10, side, side) and patch.weight.shape == patch.target.shape == (side, side)
        assert patch.weight.any()


def test_painted_pieces_are_ground_with_the_spectrum_of_a_material() -> None:
    synthesis = _synthesis(_view(), chips=0.0, farms_set=0.0, pieces_set=1.0, shadows=0.0, painted=1.0)
    patches = [synthesis.patch() for _ in range(40)]
    assert not any(patch.target.any() for patch in patches)
    # The flat ground has no slope between the bands; most materials have one.
    slopes = [np.abs(patch.reflectance[8] - patch.reflectance[0]).max() for patch in patches]
    assert np.mean(np.array(slopes) > 0.02) > 0.7


def test_near_misses_have_a_farms_texture_and_another_spectrum_and_are_no_farms() -> None:
    synthesis = _synthesis(_view(), chips=0.0, farms_set=0.0, pieces_set=1.0, shadows=0.0, near_misses=1.0)
    spectra = []
    for _ in range(60):
        patch = synthesis.patch()
        assert not patch.target.any()
        spectra.append(patch.reflectance[:, np.abs(patch.reflectance[0] - GROUND) > 0.001])
    factors = np.log(np.concatenate([s[:, :1] for s in spectra if s.size], axis=1) / FARM)
    assert np.std(factors) > 0.2, "each band by itself"


def test_brightness_of_farms_set_elsewhere_varies_with_tilt() -> None:
    synthesis = _synthesis(_view(), chips=0.0, farms_set=1.0, filled=1.0, tilt=0.2)
    values = [synthesis.patch().reflectance[0].mean() for _ in range(200)]
    assert np.std(np.log(values)) == pytest.approx(0.2, rel=0.2)


def test_panels_under_snow_are_not_learned_from() -> None:
    view = _view()
    snow = np.array([0.9, 0.9, 0.9, 0.9, 0.88, 0.86, 0.85, 0.83, 0.09, 0.07], np.float32)
    reflectance = view.reflectance.copy()
    reflectance[:, :8] = snow[:, None, None]
    snowy = replace(view, reflectance=reflectance, snow=0.4)
    for ignored in (True, False):
        patch = _synthesis(snowy, chips=1.0, snow_ignored=ignored).patch()
        white_panels = (patch.target == 1) & (patch.reflectance[0] > 0.8)
        assert white_panels.any() and patch.weight[white_panels].any() != ignored
        assert patch.weight[(patch.target == 0) & (patch.reflectance[0] > 0.8)].any(), "snow beside panels is ground"
        assert patch.weight[(patch.target == 1) & (patch.reflectance[0] < 0.2)].any(), "bare panels are farm"


def test_the_same_seed_gives_the_same_patches() -> None:
    first, second = (_synthesis(_view(), VARIED) for _ in range(2))
    for _ in range(10):
        one, other = first.patch(), second.patch()
        assert np.array_equal(one.reflectance, other.reflectance) and np.array_equal(one.target, other.target)


def test_outlines_that_are_too_small_are_sorted_out_and_never_searched_for_ever() -> None:
    fitting, tiny = _outline(), _outline(0.0001)
    assert placeable([tiny, fitting, tiny], 1) == [fitting]
    synthesis = _synthesis(_view(), chips=0.0, farms_set=1.0)
    synthesis.outlines = [tiny]
    with pytest.raises(LabelsUnsuitableError, match="too small, or too narrow"):
        synthesis.patch()


def test_panel_blocks_that_are_too_small_alone_serve_together() -> None:
    corners = np.array([(0, 0), (0.0002, 0), (0.0002, 0.0002), (0, 0.0002), (0, 0)])
    blocks = [
        [np.add(corners, (75 + 0.0003 * col, 25 + 0.0003 * row)).tolist()] for row in range(6) for col in range(6)
    ]
    farm = {"type": "MultiPolygon", "coordinates": blocks}
    assert placeable([farm], 1) == [farm]
    assert placeable([{"type": "Polygon", "coordinates": block} for block in blocks[:3]], 1) == []


def test_ground_that_is_hardly_seen_is_an_error() -> None:
    synthesis = _synthesis(_view(), chips=0.0, farms_set=0.0)
    synthesis.backgrounds = [replace(_ground(), valid=np.zeros((90, 120), bool))]
    with pytest.raises(LabelsUnsuitableError, match="Hardly any ground"):
        synthesis.patch()


def test_a_farm_that_is_small_or_hidden_is_not_set_elsewhere() -> None:
    view = _view()
    assert can_be_set(view)
    assert not can_be_set(replace(view, valid=view.coverage < 1))
    assert not can_be_set(replace(view, coverage=np.minimum(view.coverage, 0.9)))
