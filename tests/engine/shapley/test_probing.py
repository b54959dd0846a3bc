"""Who hardly counts with a baseline does so together, too, however finely the region is cut."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solar_saliency_plugin.contract.cautions import MAY_HIDE
from solar_saliency_plugin.contract.region_shap import RegionShapResult
from solar_saliency_plugin.engine.shapley.probing import FEW, HARDLY, hardly_counting


@given(st.integers(1, 400), st.floats(0, 3), st.integers(0, 2**32 - 1))
def test_who_hardly_counts_hardly_does_together_and_less_than_others(count: int, spread: float, seed: int) -> None:
    values = np.random.default_rng(seed).lognormal(0, spread, count)
    hardly, total = hardly_counting(-values), values.sum()
    assert values[hardly].sum() <= FEW * total * (1 + 1e-9)
    assert (values[hardly] < HARDLY * total).all()
    if hardly.any() and not hardly.all():
        least = values[~hardly].min()
        assert values[hardly].max() <= least
        assert least >= HARDLY * total or values[hardly].sum() + least > FEW * total * (1 - 1e-9)


def test_of_many_who_all_count_little_only_a_few_are_tried() -> None:
    assert 0 < hardly_counting(np.ones(300)).sum() <= FEW * 300
    assert hardly_counting(np.array([1.0, 1.0, -1.0, 0.01, 0.0])).tolist() == [False, False, False, True, True]


@pytest.mark.parametrize("baseline", ["soil", "mean"])
def test_a_region_in_many_parts_gives_no_false_alarm(explain: Callable[..., RegionShapResult], baseline: str) -> None:
    (answer,) = explain(superpixels=150, baseline=baseline).regions
    sizes = np.abs([player.phi for player in answer.players])
    assert (sizes < HARDLY * sizes.sum()).mean() > 0.8
    assert MAY_HIDE not in [caution.kind for caution in answer.cautions]
