"""How far a network sees, measured on the network itself.

The windows' halo comes from here. Too small, and seams appear; too large, and every window and every attribution pays.
"""

import copy

import torch
from torch import nn

from ...contract.errors import ModelInvalidError
from .registry import Model

#: Strides up to half of this are recognised.
PHASES = 64

#: Longest line that is tried, pixels; a network that sees further is refused.
MAXIMUM_LENGTH = 8192


#: What :func:`measure_model` found in this process, by the weights' hash.
_measured: dict[str, tuple[int, int]] = {}


def measure_model(model: Model) -> tuple[int, int]:
    """:func:`measure` of a loaded model, done once a process for the same weights."""
    if model.sha256 not in _measured:
        _measured[model.sha256] = measure(model.network, len(model.card.bands))
    return _measured[model.sha256]


def measure(network: nn.Module, bands: int) -> tuple[int, int]:
    """One-sided receptive field and stride of ``network``, in pixels, exact over all stride phases.

    The network is copied with positive weights in float64, pooling averages instead of choosing, so that no path is
    closed or cancelled by the weights' values: a gradient is zero exactly where there is no path. Its support is
    looked at along a line of pixels, once as a row and once as a column. ``network`` maps (N, bands, H, W) to
    (N, 1, H, W).
    """
    open_network = _with_every_path_open(network)
    lines = [_measure_line(open_network, bands, vertical) for vertical in (False, True)]
    return max(reach for reach, _ in lines), max(stride for _, stride in lines)


def _with_every_path_open(network: nn.Module) -> nn.Module:
    network = copy.deepcopy(network).double().eval().requires_grad_(False)
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.MaxPool2d):
                pooling = nn.AvgPool2d(child.kernel_size, child.stride, child.padding, child.ceil_mode)
                setattr(module, name, pooling)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.fill_(1 / module.weight[0].numel())
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.weight.fill_(1)
        if isinstance(module, (nn.Conv2d, nn.BatchNorm2d)) and module.bias is not None:
            module.bias.zero_()
    for name, statistic in network.named_buffers():
        if name.endswith(("normalisation.mean", "normalisation.std")):
            statistic.fill_(0 if name.endswith("mean") else 1)
    return network


def _measure_line(network: nn.Module, bands: int, vertical: bool) -> tuple[int, int]:
    length = 4 * PHASES
    while length <= MAXIMUM_LENGTH:
        gradients = _gradients(network, bands, length, vertical)
        seen = gradients != 0
        if not (seen[:, 0].any() or seen[:, -1].any()):
            return _reach(seen), _stride(gradients)
        length *= 2
    raise ModelInvalidError(
        f"The network sees further than {MAXIMUM_LENGTH // 2} pixels.",
        "Use a model with less depth: windows need its halo.",
    )


def _gradients(network: nn.Module, bands: int, length: int, vertical: bool) -> torch.Tensor:
    """Gradient (PHASES, length) of PHASES neighbouring output pixels in the middle of a line of ``length`` pixels."""
    shape = (PHASES, bands, length, 1) if vertical else (PHASES, bands, 1, length)
    line = torch.ones(shape, dtype=torch.float64, requires_grad=True)
    with torch.enable_grad():
        logits = network(line).reshape(PHASES, length)
        # Line i of the batch asks for pixel middle + i only, so one backward pass gives all phases.
        total = logits[:, (length - PHASES) // 2 : (length + PHASES) // 2].diagonal().sum()
        (gradient,) = torch.autograd.grad(total, line)
    return gradient.reshape(PHASES, bands, length).sum(dim=1)


def _reach(seen: torch.Tensor) -> int:
    length = seen.shape[1]
    first = seen.int().argmax(dim=1)
    last = length - 1 - seen.flip(1).int().argmax(dim=1)
    pixel = (length - PHASES) // 2 + torch.arange(PHASES)
    return int(torch.maximum(pixel - first, last - pixel).max())


def _stride(gradients: torch.Tensor) -> int:
    """Smallest shift of the input that only shifts the output."""
    for stride in range(1, PHASES // 2 + 1):
        shifted = gradients[:-stride].roll(stride, dims=1)
        if torch.allclose(gradients[stride:], shifted, rtol=1e-9, atol=0):
            return stride
    raise ModelInvalidError(
        f"The network treats pixels differently by their place, beyond a stride of {PHASES // 2}.",
        "Use a model whose pooling halves the grid at most five times.",
    )
