"""How many places the learning curve asks for."""

import numpy as np
import pytest

from solar_saliency_plugin.engine.training.trend import AIMS, what_would_close_it


def _curve(slope: float) -> list[dict[str, float]]:
    return [
        {"places": places, "average_precision": 0.7 + slope * np.log2(places), "iou": 0.5 + 2 * slope * np.log2(places)}
        for places in (3, 6, 10, 14)
    ]


def test_a_straight_learning_curve_is_followed_to_the_aims() -> None:
    reached = {"average_precision": 0.90, "iou": 0.72}
    found = what_would_close_it(_curve(0.025), reached, 24)
    gains = found["gain_per_doubling_of_places"]
    assert [gains[name]["value"] for name in AIMS] == [0.025, 0.05]
    assert [gains[name]["standard_error"] for name in AIMS] == [0.0, 0.0], "the points lie on a line"
    needed = found["places_needed_if_the_line_goes_on"]
    assert needed == {"average_precision": pytest.approx(96, abs=1), "iou": pytest.approx(24 * 2**1.6, abs=1)}


def test_what_is_reached_needs_no_more_places() -> None:
    found = what_would_close_it(_curve(0.025), {name: aim + 0.01 for name, aim in AIMS.items()}, 24)
    assert set(found["places_needed_if_the_line_goes_on"].values()) == {24}


def test_a_curve_that_does_not_rise_promises_nothing() -> None:
    found = what_would_close_it(_curve(-0.01), {"average_precision": 0.9, "iou": 0.7}, 24)
    assert set(found["places_needed_if_the_line_goes_on"].values()) == {None}
