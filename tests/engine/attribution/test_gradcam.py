"""GradCAM is its formula, and lies where the layer's cells lie."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from solar_saliency_plugin.contract.errors import CancelledError, RequestError
from solar_saliency_plugin.engine.attribution.gradcam import (
    channel_gradients,
    gradcam,
    guided_gradcam,
    settle_layer,
)
from solar_saliency_plugin.engine.attribution.layers import layers_of, on_pixels
from solar_saliency_plugin.engine.attribution.modified_backprop import guided_backprop
from solar_saliency_plugin.engine.attribution.precision import in_double
from solar_saliency_plugin.engine.attribution.view import View
from solar_saliency_plugin.engine.models.registry import Model
from solar_saliency_plugin.engine.models.unet import UNet

ViewOf = Callable[..., View]

#: wide_model's layers, from fine to coarse, by the pixels that a cell is wide.
LAYERS = {1: "encoder.0.1.2", 2: "encoder.1.1.2", 4: "encoder.2.1.2"}
EVERY_GRID = pytest.mark.parametrize(("cell", "layer"), LAYERS.items())


@pytest.fixture(scope="session")
def sees_one_place(shipped_model: Model) -> Model:
    """A model with two poolings that passes the first band on unchanged: a bright pixel is bright in every layer."""
    card = replace(shipped_model.card, mean=(0.0,) * 10, std=(1.0,) * 10)
    network = UNet(card.mean, card.std, stem=(1,), width=1, depth=2, convolutions=1).eval().requires_grad_(False)
    for name, part in network.named_modules():
        if isinstance(part, nn.Conv2d):
            part.weight.zero_()
            part.weight[0, 0, part.kernel_size[0] // 2, part.kernel_size[1] // 2] = 1
            if name.startswith("decoder"):  # it gets the skip first, then what comes from below
                part.weight[0, part.in_channels // 2, 1, 1] = 1
    network.head.bias.zero_()
    return replace(shipped_model, card=card, network=network, sha256="sees one place")


@EVERY_GRID
def test_guided_gradcam_is_gradcam_times_guided_backpropagation(
    view_of: ViewOf, wide_model: Model, cell: int, layer: str
) -> None:
    view = replace(view_of(wide_model), weights=-view_of(wide_model).weights)
    found = guided_gradcam(view, {"layer": layer})
    product = gradcam(view, {"layer": layer}).values * guided_backprop(view, {}).values
    torch.testing.assert_close(found.values, product)
    assert found.evaluations == 2


@settings(max_examples=60, deadline=None)
@given(cell=st.sampled_from([1, 2, 4, 8]), rows=st.integers(1, 40), cols=st.integers(1, 40), data=st.data())
def test_a_single_hot_cell_is_centred_on_its_pixels(cell: int, rows: int, cols: int, data: st.DataObject) -> None:
    cells = torch.zeros(-(-rows // cell), -(-cols // cell), dtype=torch.float64)
    place = [data.draw(st.integers(0, count - 1)) for count in cells.shape]
    cells[tuple(place)] = 1
    drawn = on_pixels(cells, cell, (rows, cols))
    assert drawn.shape == (rows, cols)
    for axis, (index, length) in enumerate(zip(place, (rows, cols), strict=True)):
        start, stop = index * cell, min((index + 1) * cell, length)
        profile = drawn.sum(dim=1 - axis)
        assert float(profile.max()) == pytest.approx(float(profile[start:stop].max()))
        if start >= cell and (index + 2) * cell <= length:  # a whole neighbour on both sides
            centre = float((profile * torch.arange(length)).sum() / profile.sum())
            assert centre == pytest.approx((start + stop - 1) / 2)


@settings(max_examples=25, deadline=None)
@given(cell=st.sampled_from([2, 4]), rows=st.integers(8, 40), cols=st.integers(8, 40))
def test_a_window_cut_from_the_grid_is_drawn_as_the_whole(cell: int, rows: int, cols: int) -> None:
    """Cells that the edge cuts off move nothing: a longer image begins with the shorter one's pixels."""
    cells = torch.rand(20, 20, dtype=torch.float64)
    whole = on_pixels(cells, cell, (20 * cell, 20 * cell))
    part = on_pixels(cells[: -(-rows // cell), : -(-cols // cell)], cell, (rows, cols))
    inside = slice(0, rows // cell * cell - cell), slice(0, cols // cell * cell - cell)
    torch.testing.assert_close(part[inside], whole[inside])


@pytest.mark.parametrize("size", [(40, 44), (41, 43), (42, 39)])
@pytest.mark.parametrize(("cell", "layer"), [(1, "encoder.0.0.2"), (2, "encoder.1.0.2"), (4, "encoder.2.0.2")])
def test_what_the_model_looks_at_is_where_the_map_is(
    view_of: ViewOf, sees_one_place: Model, size: tuple[int, int], cell: int, layer: str
) -> None:
    row, col = 17, 26
    view = view_of(sees_one_place, *size, target=(slice(None), slice(None)))
    image = torch.zeros_like(view.reflectance)
    image[0, 0, row, col] = 1
    drawn = gradcam(replace(view, reflectance=image), {"layer": layer}).values[0].double()
    for axis, place in enumerate((row, col)):
        profile = drawn.sum(dim=1 - axis)
        centre = float((profile * torch.arange(len(profile))).sum() / profile.sum())
        assert centre == pytest.approx(place // cell * cell + (cell - 1) / 2)


def test_channel_weights_are_the_mean_gradient_over_all_cells(view_of: ViewOf, wide_model: Model) -> None:
    """At the last layer ∂S/∂A is the head's weight times the pixel's: the mean of these is known."""
    view = in_double(view_of(wide_model))
    last = settle_layer(view, {"layer": None})["layer"]
    gathered = channel_gradients(view, {"layer": last})
    head = view.network.module.head.weight.flatten().double()
    torch.testing.assert_close(gathered[:-1], head, rtol=1e-5, atol=1e-7)  # the pixels' weights add up to 1
    assert gathered[-1] == 24 * 28
    logits = view.answers(view.reflectance)[0] - view.network.module.head.bias
    torch.testing.assert_close(gradcam(view, {"layer": last}).values[0], torch.relu(logits) / (24 * 28))


@EVERY_GRID
def test_cores_that_partition_the_window_count_each_cell_once(
    view_of: ViewOf, wide_model: Model, cell: int, layer: str
) -> None:
    view, chosen = view_of(wide_model, 45, 51), {"layer": layer}
    edges = [(0, 13), (13, 30), (30, 45)], [(0, 22), (22, 51)]
    parts = [channel_gradients(view, chosen, (slice(*r), slice(*c))) for r in edges[0] for c in edges[1]]
    whole = channel_gradients(view, chosen)
    torch.testing.assert_close(torch.stack(parts).sum(dim=0), whole)
    assert whole[-1] == -(-45 // cell) * -(-51 // cell)


def test_what_was_gathered_elsewhere_is_used(view_of: ViewOf, wide_model: Model) -> None:
    view, chosen = view_of(wide_model), {"layer": LAYERS[2]}
    own = channel_gradients(view, chosen)
    torch.testing.assert_close(gradcam(replace(view, gathered=own), chosen).values, gradcam(view, chosen).values)
    larger = own.clone()
    larger[-1] *= 4  # a scene with four times the cells
    torch.testing.assert_close(gradcam(replace(view, gathered=larger), chosen).values, gradcam(view, chosen).values / 4)


def test_the_default_is_the_last_activation_before_the_head(
    view_of: ViewOf, wide_model: Model, shipped_model: Model, linear_model: Model
) -> None:
    names = {wide_model.sha256: "decoder.0.1.2", shipped_model.sha256: "encoder.0.3.2"}
    for model in (wide_model, shipped_model):
        assert settle_layer(view_of(model), {"layer": None}) == {"layer": names[model.sha256]}
    assert settle_layer(view_of(linear_model), {})["layer"] == "stem.0.2"
    facts = gradcam(view_of(wide_model), {"layer": None}).facts
    assert facts == {"layer": "decoder.0.1.2 (8 channels)"}


def test_layers_are_the_same_whatever_the_window(view_of: ViewOf, wide_model: Model) -> None:
    layers = {size: list(layers_of(view_of(wide_model, *size))) for size in ((24, 28), (45, 51), (5, 3))}
    assert layers[24, 28] == layers[45, 51] == layers[5, 3]
    assert set(LAYERS.values()) <= set(layers[24, 28]) and "" not in layers[24, 28]


@pytest.mark.parametrize("name", ["nothing", "encoder", "stem.0.1", "decoder.0.1.2 "])
def test_an_unknown_layer_is_refused_with_those_that_there_are(view_of: ViewOf, wide_model: Model, name: str) -> None:
    for refusing in (settle_layer, channel_gradients, gradcam, guided_gradcam):
        with pytest.raises(RequestError, match=f"no layer “{name}”") as raised:
            refusing(view_of(wide_model), {"layer": name})
        assert LAYERS[4] in raised.value.hint


def test_a_map_that_is_zero_everywhere_is_told(view_of: ViewOf, wide_model: Model) -> None:
    """What speaks against the answer is not drawn, and that may be all."""
    view, chosen = view_of(wide_model), {"layer": LAYERS[4]}
    assert (gradcam(replace(view, whole=False), chosen).values == 0).all() and not view.job.warnings
    assert (gradcam(view, chosen).values == 0).all()
    assert "another layer" in view.job.warnings[0]


def test_a_target_without_a_pixel_in_the_window_gives_zero(view_of: ViewOf, wide_model: Model) -> None:
    view = view_of(wide_model)
    found = gradcam(replace(view, weights=torch.zeros_like(view.weights)), {"layer": LAYERS[4]})
    assert (found.values == 0).all()


def test_a_cancelled_run_stops_and_leaves_no_hook(view_of: ViewOf, wide_model: Model) -> None:
    view = view_of(wide_model)
    for allowed in (3, 60):
        asked = iter(range(1000))
        view.network.should_stop = lambda asked=asked, allowed=allowed: next(asked) > allowed
        with pytest.raises(CancelledError):
            guided_gradcam(view, {"layer": LAYERS[4]})
    assert all(len(m._forward_hooks) == 0 for m in view.network.module.modules())
