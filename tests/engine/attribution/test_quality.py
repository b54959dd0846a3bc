"""Completeness is related to what it can be compared with."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solar_saliency_plugin.engine.attribution.quality import completeness_error

numbers = st.floats(-1e6, 1e6)


def test_error_is_a_share_of_the_change_of_the_answer() -> None:
    assert completeness_error(9.0, 10.0, 30.0) == pytest.approx(0.1)
    assert completeness_error(-9.0, -10.0, 30.0) == pytest.approx(0.1)


def test_error_is_a_share_of_the_absolute_attributions_where_the_answer_hardly_changes() -> None:
    assert completeness_error(0.5, 0.0, 100.0) == pytest.approx(0.005)
    assert completeness_error(1.5, 0.9, 100.0) == pytest.approx(0.006)
    assert completeness_error(1.5, 1.0, 100.0) == pytest.approx(0.5)


def test_nothing_to_compare_is_not_a_number() -> None:
    assert math.isnan(completeness_error(0.0, 0.0, 0.0))
    assert math.isnan(completeness_error(1.0, math.nan, 1.0))


@given(numbers, numbers, st.floats(0, 1e6), st.floats(0.01, 100))
def test_error_has_no_unit_and_no_sign(total: float, difference: float, absolute: float, scale: float) -> None:
    error = completeness_error(total, difference, absolute)
    assert math.isnan(error) or error >= 0
    # Not where rounding decides which of the two yardsticks is taken.
    if abs(abs(difference) - 0.01 * absolute) > 1e-9 * absolute and min(abs(difference), absolute) > 1e-100:
        scaled = completeness_error(scale * total, scale * difference, scale * absolute)
        assert scaled == pytest.approx(error, rel=1e-9)
        assert completeness_error(-total, -difference, absolute) == error
