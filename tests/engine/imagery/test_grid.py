"""The grid: where pixels lie, which of them an extent touches, and which grids a model can take."""

import math

import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.warp import transform_bounds

from solar_saliency_plugin.contract.errors import ExtentOutsideError, GridUnsuitableError, RequestError
from solar_saliency_plugin.engine.imagery.grid import Grid, Window

UTM = CRS.from_epsg(32633)
GRID = Grid(UTM, Affine(10, 0, 600_000, 0, -10, 5_300_000), 300, 200)


def windows_in(height: int, width: int) -> st.SearchStrategy[Window]:
    rows = st.tuples(st.integers(0, height - 1), st.integers(1, height))
    cols = st.tuples(st.integers(0, width - 1), st.integers(1, width))
    return st.builds(
        lambda r, c: Window(r[0], c[0], min(r[1], height - r[0]), min(c[1], width - c[0])), rows, cols
    )  # fmt: skip


@given(windows_in(200, 300), st.sampled_from([0.0, 0.1, 1 / 3]))
def test_a_windows_own_bounds_give_that_window_back(window: Window, shift: float) -> None:
    grid = Grid(UTM, Affine(10, 0, 600_000 + shift, 0, -10, 5_300_000 + shift), 300, 200)
    assert grid.window(grid.crop(window).bounds) == window


@given(st.floats(0, 2999), st.floats(0, 1999), st.floats(0.01, 3000), st.floats(0.01, 2000))
def test_a_window_holds_the_extent_and_less_than_a_pixel_more(x: float, y: float, w: float, h: float) -> None:
    xmin, ymax = 600_000 + x, 5_300_000 - y
    extent = (xmin, ymax - h, xmin + w, ymax)
    left, bottom, right, top = GRID.crop(GRID.window(extent)).bounds
    slack = 10 * 1e-6 + 1e-6
    assert left <= max(xmin, 600_000) + slack and left > xmin - 10
    assert top >= min(ymax, 5_300_000) - slack and top < ymax + 10
    assert right >= min(xmin + w, 603_000) - slack and right < xmin + w + 10 + slack
    assert bottom <= max(ymax - h, 5_298_000) + slack and bottom > ymax - h - 10 - slack


def test_an_extent_in_another_crs_finds_the_same_place() -> None:
    window = Window(50, 60, 20, 30)
    degrees = transform_bounds(UTM, CRS.from_epsg(4326), *GRID.crop(window).bounds)
    found = GRID.window(degrees, "EPSG:4326")
    assert found.intersection(window) == window
    assert abs(found.height - 20) <= 2 and abs(found.width - 30) <= 2


def test_an_extent_that_reaches_out_is_clipped() -> None:
    assert GRID.window((0, 0, 1e7, 1e7)) == GRID.whole


@pytest.mark.parametrize("extent", [(0, 0, 10, 10), (603_000, 5_299_000, 604_000, 5_299_500)])
def test_an_extent_outside_is_refused_with_the_scenes_place(extent: tuple[float, float, float, float]) -> None:
    with pytest.raises(ExtentOutsideError) as refusal:
        GRID.window(extent)
    assert "EPSG:32633" in refusal.value.hint


def test_an_extent_on_the_other_side_of_the_earth_is_outside() -> None:
    with pytest.raises(ExtentOutsideError):
        GRID.window((-170, -40, -169, -39), "EPSG:4326")


@pytest.mark.parametrize(("extent", "crs"), [((10, 0, 0, 10), ""), ((0, 0, 1, 1), "EPSG:nonsense")])
def test_an_extent_or_crs_that_is_none_is_a_bad_request(extent: tuple[float, float, float, float], crs: str) -> None:
    with pytest.raises(RequestError):
        GRID.window(extent, crs)


def test_a_crop_keeps_every_pixels_place() -> None:
    crop = GRID.crop(Window(7, 11, 5, 6))
    assert crop.transform * (0, 0) == GRID.transform * (11, 7)
    assert (crop.height, crop.width) == (5, 6)


def test_windows_that_do_not_meet_intersect_in_nothing() -> None:
    meeting = Window(0, 0, 5, 5).intersection(Window(9, 9, 2, 2))
    assert meeting.height == 0 and meeting.width == 0


def test_pixel_size_is_in_metres_whatever_the_unit() -> None:
    feet = Grid(CRS.from_epsg(2263), Affine(32.8084, 0, 0, 0, -32.8084, 0), 10, 10)
    assert feet.pixel_size == pytest.approx((10, 10), abs=0.01)
    degrees = Grid(CRS.from_epsg(4326), Affine(1e-4, 0, 0, 0, -1e-4, 60), 10, 10)
    x, y = degrees.pixel_size
    assert y == pytest.approx(11.1, abs=0.1) and x == pytest.approx(y * math.cos(math.radians(60)), rel=0.01)


@pytest.mark.parametrize(
    ("crs", "transform", "words"),
    [
        (CRS(), Affine(10, 0, 0, 0, -10, 0), "no coordinate reference system"),
        (CRS.from_epsg(4326), Affine(1e-4, 0, 15, 0, -1e-4, 47), "degrees"),
        (UTM, Affine(10, 0.5, 500_000, 0.5, -10, 5_300_000), "rotated"),
        (UTM, Affine(10, 0, 500_000, 0, 10, 5_300_000), "north to south"),
        (UTM, Affine(10, 0, 500_000, 0, -12, 5_300_000), "not square"),
        (UTM, Affine(20, 0, 500_000, 0, -20, 5_300_000), "20.0 m wide"),
        (UTM, Affine(7.9, 0, 500_000, 0, -7.9, 5_300_000), "7.9 m wide"),
    ],
)
def test_a_grid_that_does_not_suit_a_model_is_refused_with_the_reason(crs: CRS, transform: Affine, words: str) -> None:
    with pytest.raises(GridUnsuitableError) as refusal:
        Grid(crs, transform, 10, 10).require_model_grid()
    assert words in refusal.value.message
    assert "Prepare Scene" in refusal.value.hint or not crs


@pytest.mark.parametrize("size", [8.1, 10.0, 11.9])
def test_a_grid_near_ten_metres_suits(size: float) -> None:
    Grid(UTM, Affine(size, 0, 500_000, 0, -size, 5_300_000), 10, 10).require_model_grid()


def test_feet_that_make_ten_metres_suit() -> None:
    Grid(CRS.from_epsg(2263), Affine(32.8084, 0, 1_000_000, 0, -32.8084, 200_000), 10, 10).require_model_grid()


def test_web_mercators_metres_are_measured_on_the_ground() -> None:
    def mercator(size: float) -> Grid:
        return Grid(CRS.from_epsg(3857), Affine(size, 0, 1_670_000, 0, -size, 8_399_738), 10, 10)  # 60° north

    mercator(20.0).require_model_grid()
    with pytest.raises(GridUnsuitableError, match=r"5\.0 m wide on the ground"):
        mercator(10.0).require_model_grid()
