"""Detections found strip by strip are those of the whole raster."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from solar_saliency_plugin.engine.detection import components
from solar_saliency_plugin.engine.detection.components import find_components


def found(probability, threshold=0.5, core=0.0):
    def read(window):
        return probability[window.rows, window.cols]

    return find_components(read, *probability.shape, threshold, lambda share: None, core)


@pytest.fixture(autouse=True, params=[1, 3, 7])
def strip(request, monkeypatch):
    monkeypatch.setattr(components, "STRIP", request.param)


rasters = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 24), st.integers(1, 24)),
    elements=st.sampled_from([0.0, 0.3, 0.5, 0.9, np.nan]),
)


@given(probability=rasters)
@settings(deadline=None)
def test_components_equal_those_of_the_whole_raster(probability):
    labels, count = ndimage.label(probability >= 0.5)
    expected = []
    for label in range(1, count + 1):
        rows, cols = np.nonzero(labels == label)
        values = probability[rows, cols]
        peak = values.argmax()
        expected.append((rows.min(), cols.min(), np.ptp(rows) + 1, np.ptp(cols) + 1, len(rows), rows[peak], cols[peak]))
    got = [(c.window.row, c.window.col, c.window.height, c.window.width, c.pixels, *c.peak) for c in found(probability)]
    assert sorted(got) == sorted(expected)


@given(probability=rasters)
@settings(deadline=None)
def test_mean_and_peak_are_those_of_the_components_pixels(probability):
    labels, _ = ndimage.label(probability >= 0.5)
    got = found(probability)
    assert sum(c.probability_sum for c in got) == pytest.approx(np.nansum(probability[probability >= 0.5]), rel=1e-6)
    for component in got:
        values = probability[labels == labels[component.peak]]
        assert component.mean_probability == pytest.approx(values.mean(), rel=1e-6)
        assert component.peak_probability == values.max()


@given(probability=rasters, core=st.sampled_from([0.0, 0.5, 0.9]))
@settings(deadline=None)
def test_sure_pixels_are_those_of_the_component_that_reach_the_core(probability, core):
    labels, _ = ndimage.label(probability >= 0.5)
    for component in found(probability, core=core):
        assert component.sure == (probability[labels == labels[component.peak]] >= core).sum()


def test_components_come_in_reading_order():
    probability = np.zeros((9, 9), np.float32)
    probability[0:9, 8] = 0.9
    probability[1, 0] = probability[7, 2] = 0.6
    assert [c.pixels for c in found(probability)] == [9, 1, 1]


def test_a_spiral_across_all_strips_is_one_component():
    spiral = np.array(
        [
            [1, 1, 1, 1, 1, 1, 1],
            [0, 0, 0, 0, 0, 0, 1],
            [1, 1, 1, 1, 1, 0, 1],
            [1, 0, 0, 0, 1, 0, 1],
            [1, 0, 1, 1, 1, 0, 1],
            [1, 0, 0, 0, 0, 0, 1],
            [1, 1, 1, 1, 1, 1, 1],
        ],
        np.float32,
    )
    (component,) = found(spiral)
    assert component.pixels == spiral.sum()


def test_pixels_that_touch_by_a_corner_only_are_apart():
    assert len(found(np.eye(5, dtype=np.float32))) == 5
