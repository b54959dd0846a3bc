"""Maps of the methods that change how a network passes its gradient, window by window, are those of the whole scene."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch

from solar_saliency_plugin.contract.attribution_methods import ATTRIBUTION_METHODS
from solar_saliency_plugin.engine.attribution import deeplift, gradcam, lrp, modified_backprop
from solar_saliency_plugin.engine.attribution.view import View
from solar_saliency_plugin.engine.imagery.grid import Window
from solar_saliency_plugin.engine.imagery.windows import Tile, tiles
from solar_saliency_plugin.engine.models.registry import Model

ViewOf = Callable[..., View]

ROWS, COLS, CORE = 181, 203, 64

COARSE, FINE = {"layer": "encoder.2.1.2"}, {"layer": "decoder.0.1.2"}

METHODS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "deeplift": (deeplift.deeplift, {}),
    "deeplift_shap": (deeplift.deeplift_shap, {}),
    "guided_backprop": (modified_backprop.guided_backprop, {}),
    "deconvolution": (modified_backprop.deconvolution, {}),
    "gradcam": (gradcam.gradcam, FINE),
    "gradcam on a coarse grid": (gradcam.gradcam, COARSE),
    "guided_gradcam": (gradcam.guided_gradcam, FINE),
    "guided_gradcam on a coarse grid": (gradcam.guided_gradcam, COARSE),
    "lrp": (lrp.lrp, {"relevance": "z_plus"}),
    "lrp by epsilon": (lrp.lrp, {"relevance": "epsilon"}),
    "lrp by alpha_beta": (lrp.lrp, {"relevance": "alpha_beta"}),
}


@dataclass(frozen=True)
class Part:
    """A window of the scene, and which part of it is kept, in its own rows and columns and in the scene's."""

    view: View
    core: tuple[slice, slice]
    place: tuple[slice, slice]


@pytest.fixture(scope="module")
def scene(view_of: ViewOf, wide_model: Model, landscape: Callable[..., Any]) -> View:
    """A scene of odd size with several targets, some across the borders of cores, and baselines that are scenes."""
    baselines = torch.stack([torch.from_numpy(landscape(ROWS, COLS, seed)) for seed in (5, 6)])
    view = view_of(wide_model, ROWS, COLS, baselines=baselines)
    weights = torch.zeros(ROWS, COLS)
    for row, col in ((3, 5), (60, 61), (100, 150), (125, 60), (172, 190)):
        weights[row : row + 9, col : col + 11] = 1
    # Some layers speak against the answer there; GradCAM shows what speaks for it.
    return replace(view, weights=-weights / weights.sum())


def cut(scene: View, tile: Tile, shift: int) -> Part:
    core, read = tile.core, tile.read
    top, left = read.row + (shift if read.row else 0), read.col + (shift if read.col else 0)
    place = (..., slice(top, read.row + read.height), slice(left, read.col + read.width))
    members = {name: getattr(scene, name)[place] for name in ("reflectance", "valid", "baselines", "weights")}
    inner = (
        slice(core.row - top, core.row - top + core.height),
        slice(core.col - left, core.col - left + core.width),
    )
    return Part(replace(scene, **members, row=top, col=left, whole=False), inner, (core.rows, core.cols))


def parts(scene: View, halos: float, shift: int) -> Iterator[Part]:
    """Windows with so many halos around their cores; shift: pixels that they begin too late."""
    network = scene.network
    halo = math.ceil(halos * network.halo)
    for tile in tiles(Window(0, 0, ROWS, COLS), ROWS, COLS, CORE, halo, network.stride):
        yield cut(scene, tile, shift)


def in_windows(name: str, scene: View, halos: float = 2, shift: int = 0) -> torch.Tensor:
    """The map, put together from the cores of windows."""
    method, asked = METHODS[name]
    cuts = list(parts(scene, halos, shift))
    gathered = None
    if "gradcam" in name:
        gathered = torch.stack([gradcam.channel_gradients(p.view, asked, core=p.core) for p in cuts]).sum(dim=0)
    rows = []
    found: torch.Tensor | None = None
    for part in cuts:
        values = method(replace(part.view, gathered=gathered), asked).values
        if found is None:
            found = torch.full((len(values), ROWS, COLS), torch.nan, dtype=torch.float64)
        found[(slice(None), *part.place)] = values[(slice(None), *part.core)].double()
        rows.append(part)
    assert found is not None and len(rows) > 4
    return found


def apart(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(torch.linalg.vector_norm(one - other) / torch.linalg.vector_norm(other))


def whole_map(name: str, scene: View) -> torch.Tensor:
    method, asked = METHODS[name]
    values: torch.Tensor = method(scene, asked).values.double()
    assert values.any()
    return values


@pytest.mark.parametrize("name", METHODS)
def test_cores_of_windows_make_the_whole_map(scene: View, name: str) -> None:
    assert apart(in_windows(name, scene), whole_map(name, scene)) <= 1e-6


@pytest.mark.parametrize("name", ["deeplift", "guided_backprop", "gradcam on a coarse grid", "lrp"])
def test_the_comparison_sees_windows_that_are_off_by_one_or_too_small(scene: View, name: str) -> None:
    whole = whole_map(name, scene)
    assert apart(in_windows(name, scene, shift=1), whole) > 1e-3
    assert apart(in_windows(name, scene, halos=0.4), whole) > 1e-5


@pytest.mark.parametrize("name", [name for name in METHODS if " " not in name])
@pytest.mark.parametrize("count", [1, 3])
def test_the_list_of_methods_tells_the_cost(
    view_of: ViewOf, wide_model: Model, landscape: Callable[..., Any], name: str, count: int
) -> None:
    entry = ATTRIBUTION_METHODS[name]
    baselines = torch.stack([torch.from_numpy(landscape(24, 28, seed)) for seed in range(count)])
    view = view_of(wide_model, baselines=baselines)
    views = [view.of_baseline(index) for index in range(count)] if entry.baseline == "one" else [view]
    evaluations = sum(METHODS[name][0](one, entry.defaults).evaluations for one in views)
    assert evaluations == entry.cost(entry.defaults, count, 10, 24 * 28)
