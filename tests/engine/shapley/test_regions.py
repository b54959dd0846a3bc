"""Regions: as many as asked for, in one piece, on pixel borders, the same each time; polygons keep their numbers."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from scipy.ndimage import label

from solar_saliency_plugin.contract.errors import CancelledError, RequestError
from solar_saliency_plugin.contract.region_shap import CUTS
from solar_saliency_plugin.engine.imagery.grid import Grid
from solar_saliency_plugin.engine.shapley.neighbours import touching
from solar_saliency_plugin.engine.shapley.regions import Image, cut, of_polygons, principal

METRES = (10.0, 10.0)
WAYS = [way for way in CUTS if way != "polygons"]
every_way = pytest.mark.parametrize("way", WAYS)


@pytest.fixture
def image(landscape: Callable[..., np.ndarray]) -> Image:
    mask = np.ones((40, 50), bool)
    mask[5:12, 10:30] = False
    return Image(landscape(40, 50), mask, METRES)


@every_way
@pytest.mark.parametrize("count", [1, 2, 7, 30])
def test_there_are_as_many_as_asked_for(image: Image, way: str, count: int) -> None:
    labels = cut(image, way, count)
    assert labels.dtype == np.int32 and ((labels >= 0) == image.mask).all()
    assert set(np.unique(labels[image.mask])) == set(range(count))


@every_way
@pytest.mark.parametrize("count", [25, 400])
def test_large_and_noisy_places_are_not_cut_into_thousands(way: str, count: int) -> None:
    noise = np.random.default_rng(0).normal(0.2, 0.05, (10, 200, 200)).astype(np.float32)
    labels = cut(Image(noise, np.ones((200, 200), bool), METRES), way, count)
    assert len(np.unique(labels)) == count


@pytest.mark.parametrize("way", ["felzenszwalb", "spectra", "slic"])
def test_cutting_ends_when_it_is_cancelled(image: Image, way: str) -> None:
    def check() -> None:
        raise CancelledError("")

    with pytest.raises(CancelledError):
        cut(replace(image, check=check), way, 7)


def test_thousands_of_clusters_are_found_in_steps_that_can_be_cancelled() -> None:
    noise = np.random.default_rng(0).normal(0.2, 0.05, (10, 150, 150)).astype(np.float32)
    steps: list[None] = []

    def check() -> None:
        steps.append(None)
        if len(steps) > 6:
            raise CancelledError("")

    with pytest.raises(CancelledError):
        cut(Image(noise, np.ones((150, 150), bool), METRES, check=check), "spectra", 5000)
    assert len(steps) == 7, "in the first of the rounds"


@pytest.mark.parametrize("way", [way for way in WAYS if way != "spectra"])
def test_regions_are_in_one_piece(landscape: Callable[..., np.ndarray], way: str) -> None:
    image = Image(landscape(40, 50), np.ones((40, 50), bool), METRES)
    labels = cut(image, way, 20)
    assert all(label(labels == number)[1] == 1 for number in range(20))


@every_way
def test_the_same_image_is_cut_the_same(image: Image, way: str) -> None:
    assert np.array_equal(cut(image, way, 12), cut(image, way, 12))


@every_way
@settings(max_examples=15, deadline=None)
@given(rows=st.integers(1, 12), cols=st.integers(1, 12), count=st.integers(1, 40), seed=st.integers(0, 99))
def test_small_and_holey_places_are_filled_too(way: str, rows: int, cols: int, count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    mask = random.random((rows, cols)) < 0.7
    image = Image(random.random((4, rows, cols)).astype(np.float32), mask, METRES)
    if not mask.any():
        with pytest.raises(RequestError, match="nothing to cut"):
            cut(image, way, count)
        return
    labels = cut(image, way, count)
    assert ((labels >= 0) == mask).all()
    assert sorted(set(labels[mask])) == list(range(labels.max() + 1)) and labels.max() < count


@every_way
def test_an_image_of_one_colour_is_cut_too(way: str) -> None:
    image = Image(np.full((3, 20, 20), 0.2, np.float32), np.ones((20, 20), bool), METRES)
    labels = cut(image, way, 6)
    assert (labels >= 0).all() and labels.max() < 6


@pytest.mark.parametrize("way", ["slic", "felzenszwalb", "spectra"])
@pytest.mark.parametrize("components", [False, True])
def test_regions_follow_what_is_alike(way: str, components: bool) -> None:
    reflectance = np.full((4, 30, 30), 0.1, np.float32)
    reflectance[:, 9:21, 12:18] = 0.4
    reflectance += np.random.default_rng(0).normal(0, 0.005, reflectance.shape).astype(np.float32)
    labels = cut(Image(reflectance, np.ones((30, 30), bool), METRES, components), way, 8)
    inside = reflectance[0] > 0.25
    assert not set(labels[inside]) & set(labels[~inside])


def test_a_principal_component_is_where_the_spread_is() -> None:
    random = np.random.default_rng(1)
    common = random.normal(0, 1, (20, 20))
    bands = np.stack([common * factor + random.normal(0, 0.01, (20, 20)) for factor in (1.0, 2.0, 0.5)])
    first = principal(bands.astype(np.float32), np.ones((20, 20), bool), 1)[0]
    assert np.corrcoef(first.ravel(), common.ravel())[0, 1] > 0.999


def test_polygons_keep_their_numbers_and_their_pixels() -> None:
    grid = Grid(CRS.from_epsg(32633), Affine(10, 0, 500000, 0, -10, 5300000), 10, 8)
    left, right = shapely.box(500000, 5299920, 500040, 5300000), shapely.box(500040, 5299960, 500100, 5300000)
    outside = shapely.box(0, 0, 10, 10)
    mask = np.ones((8, 10), bool)
    mask[0] = False
    labels = of_polygons([left, outside, right], grid, mask)
    expected = np.full((8, 10), -1)
    expected[1:, :4], expected[1:4, 4:] = 0, 2
    np.testing.assert_array_equal(labels, expected)


def test_regions_touch_along_edges_not_corners() -> None:
    labels = np.array([[0, 0, 1], [2, 2, 1], [3, 4, -1]])
    touch = touching(labels, 5)
    assert (touch == touch.T).all() and not touch.diagonal().any()
    assert {(a, b) for a, b in zip(*np.nonzero(touch), strict=True) if a < b} == {
        (0, 1),
        (0, 2),
        (1, 2),
        (2, 3),
        (2, 4),
        (3, 4),
    }
