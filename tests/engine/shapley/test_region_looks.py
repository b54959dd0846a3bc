"""Colours and hatching follow one rule: in layers, on pages, and in what the panel is told."""

import math
from dataclasses import replace

import numpy as np
import pytest

from solar_saliency_plugin.contract.region_looks import full_colour, is_certain, is_unclear
from solar_saliency_plugin.contract.region_shap import Compared
from solar_saliency_plugin.engine.shapley.picture import region_picture
from solar_saliency_plugin.engine.shapley.styles import decimals, superpixels_style
from solar_saliency_plugin.engine.shapley.tables import sign_of
from solar_saliency_plugin.engine.shapley.telling import headline
from tests.engine.shapley.answers import answer_of, superpixels

LABELS = np.full((30, 30), -1)
LABELS[5:15, 5:25], LABELS[15:25, 5:25] = 0, 1


def test_full_colour_is_the_largest_value_of_all_though_it_lies_around_the_region() -> None:
    drawn = superpixels(LABELS)
    answers = [answer_of(drawn, [0.001, -0.0005, 9.47]), answer_of(drawn, [0.5, -0.25, 3.0])]
    limit = full_colour(answers)
    assert limit == 9.47 and full_colour(answers[1:]) == 3.0
    assert full_colour([answer_of(drawn, [0.0, 0.0, -0.0])]) == 1.0
    style = superpixels_style(answers, limit)
    assert "full colour from +9.5 on" in style and "0, 9.47, 0, 190" in style
    assert decimals(answers[:1]) >= 5, "the small values are still told"
    picture = np.asarray(region_picture(answers[0], drawn, limit, (10.0, 10.0)).axes[1].images[0].get_array())
    full = np.asarray(region_picture(answers[0], drawn, 0.001, (10.0, 10.0)).axes[1].images[0].get_array())
    place = int(0.3 * picture.shape[0]), int(0.5 * picture.shape[1])
    redness = [np.ptp(shown[place]) for shown in (picture, full)]
    assert redness[1] - redness[0] > 0.2


@pytest.mark.parametrize(
    ("phi", "error", "certain", "unclear", "sign"),
    [
        (1e-9, 0.0, True, False, "raised"),
        (-2.0, 0.0, True, False, "lowered"),
        (0.0, 0.0, True, False, "none"),
        (1.0, 0.2, True, False, "raised"),
        (0.1, 0.2, False, True, "unclear"),
        (0.0, 0.2, False, True, "unclear"),
        (-0.1, math.nan, False, False, "lowered"),
    ],
)
def test_hatched_is_whose_known_error_leaves_its_sign_open(
    phi: float, error: float, certain: bool, unclear: bool, sign: str
) -> None:
    assert is_certain(error, phi - 2 * error, phi + 2 * error) is certain
    player = answer_of(superpixels(LABELS), [phi, 1.0, 2.0], [error, 0.0, 0.0]).players[0]
    assert (player.certain, is_unclear(player), sign_of(player)) == (certain, unclear, sign)


def test_the_headline_takes_no_rounding_for_a_part_that_lowered_the_answer() -> None:
    assert "Nothing lowered it." in headline(answer_of(superpixels(LABELS), [1.0, -1e-9, 2.0]))


def test_values_next_to_nothing_never_have_full_colour() -> None:
    drawn = superpixels(LABELS)
    small = replace(answer_of(drawn, [1e-6, -2e-6, 1e-6]), f_x=3.0, f_baseline=2.0)
    assert full_colour([small]) == pytest.approx(0.03), "a hundredth of what the model answers"
    other = Compared("zero", "zero", -4.0, (4.0, -1.0, math.nan), (0.1,) * 3, 0.5, (), 9)
    failed = Compared("mean", "mean", math.nan, (), (), math.nan, (), 0, error="No.")
    assert full_colour([replace(small, compared=(failed, other))]) == 4.0, "another baseline shows what is large"
    assert full_colour([replace(small, f_x=math.nan, f_baseline=math.nan)]) == 2e-6
