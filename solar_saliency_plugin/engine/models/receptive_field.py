"""How far a network sees, measured on the network itself.

The windows' halo comes from here. Too small, and seams appear; too large, and every window and every attribution pays.
"""

import copy
from collections.abc import Callable, Iterator

import torch
from torch import nn

from ...contract.errors import ModelInvalidError
from .foreign import ForeignNetwork, copied
from .registry import Model
from .unet import UNet

#: Strides up to half of this are recognised.
PHASES = 64

#: Longest line that is tried, pixels; a network that sees further is refused.
MAXIMUM_LENGTH = 8192


#: Windows that a network of the user's own is measured on, pixels; one that sees further is run window by window.
SIDES = (128, 256, 384, 512)

#: Largest stride of a network of the user's own.
MAXIMUM_STRIDE = 32

#: Two answers are the same that differ by less than this share of how much answers differ (float32, many layers).
_ALIKE = 1e-3

#: What :func:`measure_model` found in this process, by the weights' hash.
_measured: dict[str, tuple[int, int]] = {}


def measure_model(model: Model) -> tuple[int, int]:
    """One-sided receptive field and stride of a loaded model, measured once a process for the same weights.

    Those of a network of the user's own were measured when it was installed, which takes longer: they come from its
    card. :func:`measure_foreign` measures them again.
    """
    if not isinstance(model.network, UNet):
        return model.card.receptive_field, model.card.stride
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


def measure_foreign(
    network: ForeignNetwork, bands: int, check: Callable[[], None] = lambda: None
) -> tuple[int, int] | None:
    """One-sided receptive field and stride of a network of the user's own, in pixels; None where it has no such.

    That is so where it looks at its whole window (global pooling, attention, or just many layers), treats pixels by
    their place in it, or has no gradient. The receptive field is exact for stride 1, otherwise at most one stride too
    large.

    What such a network is made of is not known, so this is a union of what is seen: gradients of the network as it is,
    on two images; and of copies with random positive weights, on rising and falling images. There nothing cancels and
    no activation is closed, and pooling chooses its cell's last, or first, pixel. ``check`` is called now and then: it
    may raise, to stop.
    """
    for side in SIDES:
        height, width = network.size or 2 * (-(-side // network.multiple) * network.multiple,)
        if not network.takes(height, width):
            continue
        cell = next(c for c in (MAXIMUM_STRIDE, 16, 8, 4, 2, 1) if 4 * c <= min(height, width) or c == 1)
        try:
            box = _seen(network, bands, height, width, cell, check)
        except RuntimeError:  # nothing in it can be differentiated
            return None
        room = min(box[0], height - 1 - box[1], box[2], width - 1 - box[3])
        if room >= cell or (room > 0 and network.size):
            check()
            stride = _stride_by_shifting(network, bands, height, width, cell, min(room, cell))
            if stride is None:
                return None
            box = _seen(network, bands, height, width, stride, check)
            return _reach_of_cell(box, height, width, stride), stride
        if network.size:
            break
    return None


def _seen(
    network: ForeignNetwork, bands: int, height: int, width: int, side: int, check: Callable[[], None]
) -> tuple[int, int, int, int]:
    """First and last row, first and last column that a square of ``side`` pixels in a window's middle depends on."""
    top, left = _middle(height, side), _middle(width, side)
    box = top, top + side - 1, left, left + side - 1
    seen = torch.zeros(height, width, dtype=torch.bool)
    for program, given in _views(network, bands, height, width):
        check()
        given.requires_grad_(True)
        with torch.enable_grad():
            answer = program(given).reshape(height, width)[top : top + side, left : left + side]
            # Weighted at random, so that what the pixels see does not cancel.
            weights = torch.rand(answer.shape, generator=torch.Generator().manual_seed(2)) + 0.5
            (gradient,) = torch.autograd.grad((answer * weights).sum(), given)
        seen |= (gradient[0] != 0).any(dim=0)  # what is not a number differs from 0, too
        rows, columns = seen.any(dim=1).nonzero(), seen.any(dim=0).nonzero()
        if len(rows):  # else all that was shown so far gave a constant
            box = int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])
        if box[0] == box[2] == 0 and (box[1], box[3]) == (height - 1, width - 1):
            break  # further views can add nothing
    return box


def _middle(length: int, side: int) -> int:
    """Where a square of ``side`` pixels in the middle of ``length`` begins: on a multiple of its side."""
    return (length - side) // 2 // side * side


def _views(network: ForeignNetwork, bands: int, height: int, width: int) -> Iterator[tuple[nn.Module, torch.Tensor]]:
    """The network as saved and with every path open, each with images that it is shown."""
    random = torch.Generator().manual_seed(1)
    for _ in range(2):
        yield network.program, network.scale * 0.5 * torch.rand(1, bands, height, width, generator=random)
    opened = _with_positive_weights(network.program, random)
    ramp = torch.arange(height)[:, None] / height + torch.arange(width) / width
    factors = torch.rand(bands, 1, 1, generator=random) + 0.5
    for scale in {1.0, network.scale}:
        for rising in (ramp, 2 - ramp):
            yield opened, scale * (factors * (0.1 + rising))[None]


def _with_positive_weights(program: nn.Module, random: torch.Generator) -> nn.Module:
    """A copy whose linear layers take random weighted means, and whose norms pass their input."""
    program = copied(program)
    for name, parameter in program.named_parameters():
        if parameter.ndim > 1:
            positive = torch.rand(parameter.shape, generator=random) + 0.5
            parameter.copy_(positive / parameter[0].numel())
        else:
            parameter.fill_(0 if name.endswith("bias") else 1)
    for name, statistic in program.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            statistic.fill_(0 if name.endswith("mean") else 1)
    return program


def _stride_by_shifting(
    network: ForeignNetwork, bands: int, height: int, width: int, cell: int, limit: int
) -> int | None:
    """Smallest shift of an image, up to ``limit``, that only shifts the answer; None if there is none.

    If a power of two does, that. Looked at in a square of ``cell`` pixels in the middle, where the image's edges are
    not seen.
    """
    random = torch.Generator().manual_seed(3)
    scene = 0.5 * torch.rand(1, bands, height, width, generator=random)
    opened = _with_positive_weights(network.program, random)
    top, left = _middle(height, cell), _middle(width, cell)

    def answer(program: nn.Module, scale: float, shift: int) -> torch.Tensor:
        with torch.no_grad():
            whole = program(scale * scene.roll((shift, shift), dims=(2, 3))).reshape(height, width)
        return whole[top + shift : top + shift + cell, left + shift : left + shift + cell]

    def is_alike(program: nn.Module, scale: float, still: torch.Tensor, shift: int) -> bool:
        difference = (answer(program, scale, shift) - still).abs().max()
        return bool(difference <= _ALIKE * still.std(correction=0) + 1e-5 * still.abs().max())

    views = [(network.program, network.scale), *((opened, scale) for scale in {1.0, network.scale})]
    stills = [answer(program, scale, 0) for program, scale in views]
    # Nearly all strides are powers of two, and each trial runs the network.
    for shift in sorted(range(1, limit + 1), key=lambda shift: (shift.bit_count() > 1, shift)):
        if all(is_alike(*view, still, shift) for view, still in zip(views, stills, strict=True)):
            return shift
    return None


def _reach_of_cell(box: tuple[int, int, int, int], height: int, width: int, side: int) -> int:
    """How far the pixels of a cell of ``side`` × ``side`` pixels see, at most."""
    top, left = _middle(height, side), _middle(width, side)
    return max(top + side - 1 - box[0], box[1] - top, left + side - 1 - box[2], box[3] - left)
