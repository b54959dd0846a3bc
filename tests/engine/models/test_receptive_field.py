"""The measured receptive field against brute force and against arithmetic."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from solar_saliency_plugin.contract.errors import ModelInvalidError
from solar_saliency_plugin.engine.models import receptive_field
from solar_saliency_plugin.engine.models.unet import UNet

NetworkOf = Callable[..., UNet]


def _by_brute_force(network: UNet, side: int) -> int:
    """Largest distance at which changing one input pixel, in float64, changes an output pixel; every pixel is tried.

    Weights are made positive, so that no change can hide behind a ReLU that is closed or two paths that cancel.
    """
    network = network.double()
    for parameter in network.parameters():
        parameter.copy_(parameter.abs() + 0.1)
    for name, buffer in network.named_buffers():
        if name.endswith("running_mean"):
            buffer.zero_()
    image = torch.rand(1, 3, side, side, dtype=torch.float64) + 1
    before = network(image)
    farthest = 0
    for row in range(side // 2, side // 2 + network.stride):
        for col in range(side // 2, side // 2 + network.stride):
            changed = image.clone()
            changed[..., row, col] += 1e6  # so large that it is the maximum in every pooling that it reaches
            rows, cols = torch.nonzero((network(changed) != before)[0, 0], as_tuple=True)
            farthest = max(farthest, int((rows - row).abs().max()), int((cols - col).abs().max()))
    return farthest


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=2).map(tuple),
    st.integers(1, 3),
    st.integers(0, 2),
    st.integers(1, 2),
)
def test_measured_reach_is_exactly_how_far_a_changed_pixel_is_felt(
    network_of: NetworkOf, stem: tuple[int, ...], width: int, depth: int, convolutions: int
) -> None:
    network = network_of(stem=stem, width=width, depth=depth, convolutions=convolutions)
    reach, stride = receptive_field.measure(network, 3)
    assert stride == 2**depth
    assert reach == _by_brute_force(network, side=4 * reach // 2 * 2 + 8 * stride)


@pytest.mark.parametrize("convolutions", range(6))
def test_without_pooling_each_convolution_adds_one_pixel(network_of: NetworkOf, convolutions: int) -> None:
    assert receptive_field.measure(network_of(depth=0, convolutions=convolutions), 3) == (convolutions, 1)


def test_with_one_pooling_it_is_what_arithmetic_gives(network_of: NetworkOf) -> None:
    # Full resolution: one convolution before, one after; half resolution: one, and one on the repeated pixels.
    # The worst phase: 1 (decoder) + 1 (rise) = 2 pixels, then the cell beside it (1 cell), then its far pixel, then 1.
    assert receptive_field.measure(network_of(depth=1, convolutions=1), 3) == (6, 2)


def test_weights_that_are_zero_or_cancel_do_not_shrink_it(network_of: NetworkOf) -> None:
    network = network_of(depth=1, convolutions=2)
    expected = receptive_field.measure(network, 3)
    for parameter in network.parameters():
        parameter.zero_()
    assert receptive_field.measure(network, 3) == expected


def test_measuring_leaves_the_network_as_it_was(network_of: NetworkOf) -> None:
    network = network_of()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    receptive_field.measure(network, 3)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_a_network_that_treats_places_differently_is_refused() -> None:
    class Graded(torch.nn.Module):
        def forward(self, reflectance: torch.Tensor) -> torch.Tensor:
            ramp = torch.arange(reflectance[0, 0].numel(), dtype=reflectance.dtype).reshape(reflectance.shape[2:])
            return (reflectance * ramp).sum(dim=1, keepdim=True)

    with pytest.raises(ModelInvalidError, match="place"):
        receptive_field.measure(Graded(), 3)
