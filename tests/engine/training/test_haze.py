"""Haze that comes and goes over a site is told from ground that is bright or changes slowly."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solar_saliency_plugin.engine.training.farms import FarmView, farm_views
from solar_saliency_plugin.engine.training.haze import RISE, seen_through_haze

_FIRST = date(2022, 4, 1)


def _view(day: int, blue: float, site: int = 9, snow: float = 0.0) -> FarmView:
    shape = (6, 8)
    valid, nothing = np.ones(shape, bool), np.zeros(shape, np.float32)
    when = (_FIRST + timedelta(days=day)).isoformat()
    return FarmView(site, when, np.full((10, *shape), blue, np.float32), valid, nothing, snow, ~valid)


@given(st.lists(st.floats(0.02, 0.2), min_size=3, max_size=20), st.randoms())
def test_dates_may_come_in_any_order(levels: list[float], random: object) -> None:
    views = [_view(5 * number, level) for number, level in enumerate(levels)]
    shuffled = list(views)
    random.shuffle(shuffled)
    assert seen_through_haze(shuffled) == seen_through_haze(views)


@given(st.floats(0, 0.15), st.floats(-0.0005, 0.0005), st.integers(2, 30))
def test_bright_ground_and_slow_change_are_no_haze(level: float, per_day: float, dates: int) -> None:
    assert not seen_through_haze(_view(5 * number, level + per_day * 5 * number) for number in range(dates))


@pytest.mark.parametrize(("rise", "found"), [(RISE + 0.002, True), (RISE - 0.002, False), (-0.05, False)])
def test_one_date_much_brighter_in_blue_than_those_next_to_it_is_hazy(rise: float, found: bool) -> None:
    views = [_view(5 * number, 0.05 + (rise if number == 4 else 0)) for number in range(9)]
    assert seen_through_haze(views) == ({(9, views[4].date)} if found else set())


def test_sites_do_not_judge_each_other_and_a_single_date_is_clear() -> None:
    assert not seen_through_haze([_view(0, 0.05, site=9), _view(0, 0.3, site=31)])


def test_snow_is_neither_haze_nor_what_haze_is_told_by() -> None:
    white = [_view(5 * number, 0.8, snow=0.9) for number in range(6)]
    assert not seen_through_haze([*white, _view(40, 0.05), _view(45, 0.06)])


def test_pixels_under_clouds_say_nothing() -> None:
    views = [_view(5 * number, 0.05) for number in range(6)]
    views[3].reflectance[:, :2], views[3].valid[:2] = 0.9, False
    assert not seen_through_haze(views)


def test_of_the_real_series_a_few_dates_are_hazy_whatever_their_outlines_say(shared_data: Path) -> None:
    views = farm_views(shared_data, [31, 398, 415])
    found = seen_through_haze(views)
    assert {(31, "2022-02-16"), (398, "2022-02-16")} <= found, "neighbours saw the same haze on the same day"
    assert len(found) < 0.1 * len(views)
