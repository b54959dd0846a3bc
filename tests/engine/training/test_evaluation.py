"""Figures about farms, against predictions of which they are known."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from solar_saliency_plugin.engine.models.unet import UNet
from solar_saliency_plugin.engine.training import splits
from solar_saliency_plugin.engine.training.evaluation import (
    Prediction,
    Thresholds,
    averaged_tallies,
    farm_scores,
    found_inside_large_farms,
    pooled,
    site_tallies,
)
from solar_saliency_plugin.engine.training.farms import FarmView


class _Everywhere(dict):
    """Half, whatever the site."""

    def __missing__(self, site: int) -> float:
        return 0.5


class _Nothing(dict):
    """No core is asked for, whatever the site."""

    def __missing__(self, site: int) -> float:
        return 0.0


HALF = Thresholds(_Everywhere(), _Everywhere(), _Nothing())


def _view(site: int = 9, date: str = "2022-06-01", snow: float = 0.0) -> FarmView:
    coverage = np.zeros((20, 24), np.float32)
    coverage[4:16, 4:20] = 1
    strip = np.zeros_like(coverage, bool)
    strip[3:17, 3:21], strip[5:15, 5:19] = True, False
    reflectance = np.where(coverage == 1, 0.1, 0.4).astype(np.float32)
    return FarmView(
        site, date, np.repeat(reflectance[None], 10, 0), np.ones_like(coverage, bool), coverage, snow, strip
    )


def _right(view: FarmView) -> Prediction:
    return Prediction(view, np.where(view.coverage == 1, 0.9, 0.1).astype(np.float32))


def test_right_predictions_score_one_and_wrong_ones_nothing() -> None:
    views = [_view(site, date) for site in (9, 31, 398) for date in ("2022-01-10", "2022-07-10")]
    right = farm_scores([_right(view) for view in views], HALF)
    wrong = farm_scores([Prediction(v, 1 - _right(v).probability) for v in views], HALF)
    assert right["sites"] == 3 and right["views"] == 6
    assert right["places"] == 2, "31 and 398 are neighbours"
    assert right["all_pixels"]["single_dates"]["iou"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert right["all_pixels"]["iou_by_month"] == {"1": 1.0, "7": 1.0}
    assert right["all_pixels"]["iou_by_season"] == {"winter": 1.0, "summer": 1.0}
    assert right["objects"]["by_size"]["1–5 ha"] == {"farms": 6, "recall": 1.0, "precision": 1.0, "f1": 1.0}
    assert right["objects"]["recall_from_1_ha"]["value"] == 1.0
    assert wrong["all_pixels"]["single_dates"]["iou"]["value"] == 0.0
    assert wrong["objects"]["recall_from_1_ha"]["value"] == 0.0


def test_errors_along_outlines_count_in_one_set_of_figures_and_not_in_the_other() -> None:
    view = _view()
    probability = np.where(view.coverage == 1, 0.9, 0.1).astype(np.float32)
    probability[view.ignored] = 1 - probability[view.ignored]
    scores = farm_scores([Prediction(view, probability)], HALF)
    assert scores["all_pixels"]["single_dates"]["iou"]["value"] < 0.7
    assert scores["without_outlines_strip"]["single_dates"]["iou"]["value"] == 1.0


def test_each_site_is_scored_at_its_own_threshold() -> None:
    views = [_view(9), _view(149)]
    high = Thresholds({9: 0.5, 149: 0.95}, {9: 0.95, 149: 0.5}, {9: 0.0, 149: 0.0})
    scores = farm_scores([_right(view) for view in views], high)["all_pixels"]
    assert scores["iou_by_site"] == {"9": 1.0, "149": 0.0}
    assert scores["single_dates"]["iou"]["value"] == scores["dates_averaged"]["iou"]["value"] == 0.5


def test_farms_found_without_a_core_are_not_found_at_all() -> None:
    predicted = [_right(_view(9)), _right(_view(149))]
    sure = Thresholds(_Everywhere(), _Everywhere(), {9: 0.85, 149: 0.95})
    found = farm_scores(predicted, sure)["objects"]
    assert found["recall_from_1_ha"]["value"] == 0.5 and found["precision"]["value"] == 1.0
    assert found["iou_of_their_pixels"] == 0.5


def test_views_under_snow_are_scored_apart() -> None:
    clear, snowy = _view(), _view(date="2022-01-10", snow=0.5)
    scores = farm_scores([_right(clear), Prediction(snowy, np.zeros_like(snowy.coverage))], HALF)
    assert scores["views"] == 1 and scores["all_pixels"]["single_dates"]["iou"]["value"] == 1.0
    assert scores["all_pixels"]["under_snow"] == {
        "iou": 0.0,
        "average_precision": pytest.approx(float(snowy.coverage.mean()), abs=1e-3),
        "views": 1,
    }


def test_snow_on_panels_hides_them_and_snow_beside_them_does_not() -> None:
    bare = _view(date="2022-01-10", snow=0.5)
    half, whole = (_snowed(replace(bare, date=f"2022-01-{day}"), rows) for day, rows in ((11, 10), (12, 20)))
    found = [Prediction(view, np.where(_white(view), 0.1, _right(view).probability)) for view in (bare, half, whole)]
    scores = farm_scores([_right(_view()), *found], HALF)["all_pixels"]
    assert scores["under_snow"]["views"] == 3 and scores["under_snow"]["iou"] == 0.5
    assert scores["snow_between_panels"] == {"iou": 1.0, "average_precision": 1.0, "views": 2}


def test_what_is_falsely_found_in_snow_counts_between_panels_too() -> None:
    view = _snowed(_view(date="2022-01-10", snow=0.5), 10)
    everywhere = Prediction(view, np.full(view.coverage.shape, 0.9, np.float32))
    scores = farm_scores([_right(_view()), everywhere], HALF)["all_pixels"]
    ground, seen = (view.coverage == 0).sum(), ((view.coverage == 1) & ~_white(view)).sum()
    assert scores["snow_between_panels"]["iou"] == pytest.approx(seen / (seen + ground), abs=1e-4)


def _snowed(view: FarmView, rows: int) -> FarmView:
    """Snow on the first rows, on panels and ground alike."""
    reflectance = view.reflectance.copy()
    reflectance[:8, :rows], reflectance[8:, :rows] = 0.8, 0.1
    return replace(view, reflectance=reflectance)


def _white(view: FarmView) -> np.ndarray:
    return view.reflectance[0] == np.float32(0.8)


def test_dates_through_haze_are_scored_apart_and_count_everywhere_else() -> None:
    clear = [_view(date=f"2022-06-{day:02}") for day in range(1, 9)]
    hazy = replace(_view(date="2022-06-09"), reflectance=clear[0].reflectance + np.float32(0.05))
    wrong = Prediction(hazy, np.zeros_like(hazy.coverage))
    scores = farm_scores([*map(_right, clear), wrong], HALF)
    figures = scores["all_pixels"]
    assert scores["views"] == 9 and figures["single_dates"]["iou"]["value"] == pytest.approx(8 / 9, abs=1e-3)
    assert figures["through_haze"]["iou"] == 0.0 and figures["through_haze"]["views"] == 1
    assert figures["other_dates"] == {"iou": 1.0, "average_precision": 1.0, "views": 8}


def test_the_mean_of_folds_is_over_each_networks_own_sites() -> None:
    sites = [splits.sites("test", fold)[0] for fold in range(2)]
    right, wrong = (_view(site) for site in sites)
    scores = farm_scores([_right(right), Prediction(wrong, 1 - _right(wrong).probability)], HALF)["all_pixels"]
    assert scores["mean_of_folds"]["iou"] == 0.5
    # Two networks that rank their own sites without a fault, one of them with less confidence throughout.
    faint = Prediction(wrong, _right(wrong).probability / 10)
    scores = farm_scores([_right(right), faint], HALF)["all_pixels"]
    assert scores["mean_of_folds"]["average_precision"] == 1.0
    assert scores["single_dates"]["average_precision"]["value"] < 1.0


def test_dates_are_averaged_over_those_that_saw_the_pixel() -> None:
    view = _view()
    half = view.valid.copy()
    half[:10] = False
    clouded = replace(view, valid=half)
    high, low = np.full(half.shape, 0.8, np.float32), np.full(half.shape, 0.2, np.float32)
    tally = pooled(averaged_tallies([Prediction(view, high), Prediction(clouded, low)], strip=False))
    assert tally.share_above(0.79) == 0.5 and tally.share_above(0.49) == 1.0


def test_pixels_that_are_not_valid_do_not_count() -> None:
    view = _view()
    valid = view.valid.copy()
    valid[:, ::2] = False
    assert pooled(site_tallies([_right(replace(view, valid=valid))], strip=False)).pixels == valid.sum()


def test_what_lies_inside_a_large_farm_is_judged_far_from_any_edge() -> None:
    class SeesDark(UNet):
        """Finds what is dark; where a rim of ground came in, it would find less than everything."""

        def forward(self, reflectance: torch.Tensor) -> torch.Tensor:
            return torch.where(reflectance[:, :1] < 0.2, 5.0, -5.0)

    network = SeesDark((0.2,) * 10, (0.1,) * 10, stem=(4,), width=4, depth=0, convolutions=1)
    assert found_inside_large_farms(network, [_view()], 0.5) == 1.0
