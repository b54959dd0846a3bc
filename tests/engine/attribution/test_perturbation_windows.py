"""Maps of methods that change the image, computed window by window, are those of the whole scene."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from solar_saliency_plugin.contract.attribution_methods import ATTRIBUTION_METHODS
from solar_saliency_plugin.engine.attribution.ablation import feature_ablation
from solar_saliency_plugin.engine.attribution.occlusion import occlusion, settle_squares
from solar_saliency_plugin.engine.attribution.permutation import feature_permutation, gather_values
from solar_saliency_plugin.engine.attribution.view import View
from solar_saliency_plugin.engine.models.registry import Model

ROWS, COLS, CORE = 236, 220, 64
OCCLUSION = {"patch": 70.0, "stride": 5, "evaluations": 20_000}


@pytest.fixture(scope="module", params=["shipped_model", "wide_model"])
def scene(request: pytest.FixtureRequest, view_of: Callable[..., View], landscape: Callable[..., Any]) -> View:
    """A scene with several targets, some across the borders of windows; a part of it is not valid."""
    model: Model = request.getfixturevalue(request.param)
    view = view_of(model, ROWS, COLS, baselines=torch.from_numpy(landscape(ROWS, COLS, 5))[None])
    valid, weights = torch.ones(ROWS, COLS, dtype=torch.bool), torch.zeros(ROWS, COLS)
    valid[55:70, 100:140] = False
    for row, col in ((3, 5), (60, 61), (100, 150), (125, 60), (220, 205)):
        weights[row : row + 9, col : col + 11] = 1
    baselines = torch.where(valid, view.baselines, view.reflectance)
    return replace(view, valid=valid, baselines=baselines, weights=weights / weights.sum())


def _windows(scene: View, halo: int) -> Iterator[tuple[View, tuple[slice, slice], tuple[slice, slice]]]:
    """Each window with its core, counted in the window, and in the scene."""
    halo = -(-halo // scene.network.stride) * scene.network.stride
    for row in range(0, ROWS, CORE):
        for col in range(0, COLS, CORE):
            top, left, bottom, right = (
                max(0, row - halo),
                max(0, col - halo),
                min(ROWS, row + CORE),
                min(COLS, col + CORE),
            )
            place = (..., slice(top, min(ROWS, bottom + halo)), slice(left, min(COLS, right + halo)))
            members = {name: getattr(scene, name)[place] for name in ("reflectance", "valid", "baselines", "weights")}
            core = slice(row - top, bottom - top), slice(col - left, right - left)
            yield (
                replace(scene, **members, row=top, col=left, whole=False),
                core,
                (slice(row, bottom), slice(col, right)),
            )


def _apart(
    scene: View, method: Callable[[View], torch.Tensor], more: int = 0, gathered: torch.Tensor | None = None
) -> float:
    whole = method(replace(scene, gathered=gathered))
    found = torch.full_like(whole, torch.nan)
    for window, core, place in _windows(scene, 2 * scene.network.halo + more):
        found[:, place[0], place[1]] = method(replace(window, gathered=gathered))[:, core[0], core[1]]
    assert whole.any()
    return float((found - whole).norm() / whole.norm())


def test_bands_that_are_taken_away(scene: View) -> None:
    settings = {"features": "bands", "superpixel": None, "evaluations": 1000}
    assert _apart(scene, lambda view: feature_ablation(view, settings).values) <= 1e-6


def test_hidden_squares(scene: View) -> None:
    reach = ATTRIBUTION_METHODS["occlusion"].reach
    assert reach is not None
    settled = settle_squares(scene, OCCLUSION)
    assert _apart(scene, lambda view: occlusion(view, settled).values, reach(OCCLUSION, 10.0)) <= 1e-6


def test_hidden_squares_need_the_reach_that_the_entry_asks_for(scene: View) -> None:
    settled = settle_squares(scene, OCCLUSION)
    assert _apart(scene, lambda view: occlusion(view, settled).values, -2 * scene.network.halo) > 1e-3


def test_bands_that_are_exchanged(scene: View) -> None:
    settings = {"samples": 2}
    everywhere = slice(0, ROWS), slice(0, COLS)
    whole = gather_values(scene, settings, core=everywhere)
    parts = [gather_values(window, settings, core=core) for window, core, _ in _windows(scene, 2 * scene.network.halo)]
    assert torch.equal(sum(parts[1:], parts[0]), whole)
    assert whole.sum(dim=1).tolist() == [float(scene.valid.sum())] * 10
    assert _apart(scene, lambda view: feature_permutation(view, settings).values, gathered=whole) <= 1e-6


def test_exchanging_needs_no_gathering_where_there_is_one_window(scene: View) -> None:
    everywhere = slice(0, ROWS), slice(0, COLS)
    gathered = replace(scene, gathered=gather_values(scene, {}, core=everywhere))
    one, other = (feature_permutation(view, {"samples": 1}).values for view in (scene, gathered))
    assert torch.equal(one, other)
