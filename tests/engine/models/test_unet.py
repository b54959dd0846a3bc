"""The family's promises to attribution methods and to windows."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from solar_saliency_plugin.engine.models import receptive_field
from solar_saliency_plugin.engine.models.unet import UNet

ARCHITECTURES = st.fixed_dictionaries(
    {
        "stem": st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple),
        "width": st.integers(1, 4),
        "depth": st.integers(0, 2),
        "convolutions": st.integers(1, 2),
    }
)

NetworkOf = Callable[..., UNet]


@settings(max_examples=30, deadline=None)
@given(ARCHITECTURES, st.integers(1, 37), st.integers(1, 37))
def test_logits_have_the_size_of_any_image(network_of: NetworkOf, architecture: dict, height: int, width: int) -> None:
    logits = network_of(**architecture)(torch.rand(2, 3, height, width))
    assert logits.shape == (2, 1, height, width)
    assert logits.isfinite().all()


@settings(max_examples=15, deadline=None)
@given(ARCHITECTURES, st.integers(40, 70), st.integers(40, 70), st.integers(0, 2**31), st.data())
def test_window_equals_image_where_it_is_aligned_and_has_its_halo(
    network_of: NetworkOf, architecture: dict, height: int, width: int, seed: int, data: st.DataObject
) -> None:
    network = network_of(seed, **architecture)
    halo, stride = receptive_field.measure(network, 3)
    image = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))
    row, col = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    top, left = (max(0, place - halo) // stride * stride for place in (row, col))
    low, right = (-(-(place + halo + 1) // stride) * stride for place in (row, col))
    window = network(image[..., top:low, left:right])
    torch.testing.assert_close(window[0, 0, row - top, col - left], network(image)[0, 0, row, col], rtol=0, atol=1e-5)


def test_window_off_the_stride_grid_differs(network_of: NetworkOf) -> None:
    network = network_of(depth=2)
    image = torch.rand(1, 3, 96, 96)
    halo, _ = receptive_field.measure(network, 3)
    whole, shifted = network(image)[..., 1:, 1:], network(image[..., 1:, 1:])
    inside = slice(halo, -halo)
    assert (whole - shifted)[..., inside, inside].abs().max() > 1e-3


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_every_relu_is_a_module_of_its_own_and_runs_once(network_of: NetworkOf, depth: int) -> None:
    network = network_of(depth=depth, convolutions=2)
    graph = torch.fx.symbolic_trace(network).graph
    modules = dict(network.named_modules())
    targets = [node.target for node in graph.nodes if node.op == "call_module"]
    assert len(targets) == len(set(targets))
    activations = [target for target in targets if isinstance(modules[target], nn.ReLU)]
    assert len(activations) == sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    others = {node.target for node in graph.nodes if node.op in ("call_function", "call_method")}
    assert not any("relu" in str(target) for target in others)
    assert not any(isinstance(module, nn.ConvTranspose2d) for module in network.modules())


def test_pooling_never_reads_the_tensor_that_the_skip_holds(network_of: NetworkOf) -> None:
    graph = torch.fx.symbolic_trace(network_of(depth=2)).graph
    pools = [node for node in graph.nodes if str(node.target).startswith("pools")]
    assert len(pools) == 2
    for pool in pools:
        (read,) = pool.all_input_nodes
        assert read.target == "clone" and list(read.users) == [pool]


def test_deep_lift_is_complete_with_a_baseline_that_is_not_constant(network_of: NetworkOf) -> None:
    deep_lift = pytest.importorskip("captum.attr").DeepLift
    network = network_of(depth=2, convolutions=2)

    class Total(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, reflectance: torch.Tensor) -> torch.Tensor:
            return self.network(reflectance).sum(dim=(1, 2, 3))

    generator = torch.Generator().manual_seed(3)
    image, other = torch.rand(2, 1, 3, 21, 18, generator=generator).unbind()
    total = Total()
    attribution = deep_lift(total).attribute(image.requires_grad_(), other)
    change = total(image) - total(other)
    torch.testing.assert_close(attribution.sum()[None], change, rtol=1e-4, atol=1e-4)


def test_a_network_without_stem_is_refused() -> None:
    with pytest.raises(ValueError, match="stem"):
        UNet((0.1,), (0.1,), stem=(), width=4, depth=0, convolutions=1)
