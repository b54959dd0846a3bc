"""How a network runs: folded, channels last, in blocks, on the chosen device, in 32-bit floating point, and stoppable.

Channels last was faster than channels first for every member of the family that was measured on a CPU (by 1.2 to 2.4
times; folding alone by 1.0 to 2.3), so there is no choice to make at run time. A window is computed in blocks, one for
each thread at a time: on two cores that was twice as fast as the whole window at once. Nothing here changes what the
network says: batch norm and normalisation are folded into the convolutions beside them, which is equal up to rounding,
and TF32 and half precision stay off so that two devices agree.

A network of the user's own runs as it was saved, one block at a time: nothing is known of what it is made of. Where it
takes windows of one size only, or looks at its whole window, its blocks have that size, and their margins are not used.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby, pairwise

import numpy as np
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ...contract.errors import CancelledError, ModelInvalidError, OutOfMemoryError, RequestError
from ..imagery.grid import Window
from ..imagery.windows import Tile, tiles
from .foreign import ForeignNetwork, copied, in_a_line
from .receptive_field import measure_model
from .registry import Model
from .unet import UNet

#: Side of the blocks that a CPU computes a window in, in pixels: what lies between two layers then stays in its cache.
BLOCK = 256

#: Blocks are at least so many halos wide, so that no more than a quarter is computed twice.
HALOS_PER_BLOCK = 16

#: The same for a network of the user's own, which may have any number of channels: less is held at a time.
HALOS_PER_FOREIGN_BLOCK = 4

#: Detection's windows for a network that takes one size only, in pixels: four cores of 192 of the usual 256 pixels.
USUAL_WINDOW = 768

#: Probabilities are stored in steps of 2⁻¹⁴ (an error of at most 3.1e-5): the last bits of a float are noise that
#: would make the file four times as large.
PROBABILITY_STEPS = 16384

#: PyTorch has no class of its own for a failed allocation on the CPU.
_CPU_OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "bad allocation")

#: Probabilities of a network of the user's own may lie outside 0–1 by this much: rounding.
_TOLERANCE = 1e-5


class Runtime:
    """One model on one device, used by one thread at a time. ``halo`` and ``stride``, in pixels, are the network's own.

    ``window`` is the side, in pixels and without halo, of the windows that a network needs whose answers depend on
    where windows lie; None where they do not. ``least`` is how long such windows should be with halo, where the scene
    is: what lies beyond the window given is filled up, and seen.

    device: "auto" (a graphics card if there is a usable one), "cpu" or "cuda". threads: CPU threads of PyTorch; None
    leaves them as they are. warn: told when the graphics card's memory was not enough and the CPU went on, and of what
    the windows of a network of the user's own mean for the result.
    """

    def __init__(
        self,
        model: Model,
        device: str = "auto",
        threads: int | None = None,
        warn: Callable[[str], None] = lambda message: None,
    ) -> None:
        if device == "cuda" and not torch.cuda.is_available():
            raise RequestError(
                "PyTorch finds no usable graphics card.",
                "Choose the device “cpu” or “auto”, or check the card's driver.",
            )
        if threads is not None:
            torch.set_num_threads(threads)
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        self.device = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
        self._warn = warn
        self.window: int | None = None
        self.least = 0
        self._mean = np.asarray(model.card.mean, dtype=np.float32)[:, None, None]
        self._should_stop: Callable[[], bool] = lambda: False
        self._foreign = model.network if isinstance(model.network, ForeignNetwork) else None
        if isinstance(model.network, ForeignNetwork):
            self.halo, self.stride = model.network.margin, model.card.stride
            self._set_up_foreign(model.network)
        else:
            self.halo, self.stride = measure_model(model)
            self._network: nn.Module = folded(model.network).to(self.device)
            self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
        for module in self._network.modules():
            if not list(module.children()) and not isinstance(module, torch.jit.ScriptModule):
                module.register_forward_pre_hook(self._stop_if_asked)

    def _set_up_foreign(self, network: ForeignNetwork) -> None:
        if network.size:
            rows, columns = network.size
            # A multiple of the blocks in which detection's working raster lies on disk.
            self.window = -(-max(USUAL_WINDOW, min(rows, columns) - 2 * network.margin) // BLOCK) * BLOCK
            self.least = max(rows, columns)
            size = f"windows of {rows} × {columns} pixels"
            margins = f"{network.margin} pixels along their edges are not used"
            self._warn(
                f"The network takes {size} only; {margins}, which is as far as it sees."
                if network.local
                else f"The network looks at whole {size}: what it says of a pixel depends on where the window lies. "
                f"Windows overlap, and {margins}, but seams may show."
            )
        self._network = copied(network)
        if self.device == "cpu":
            return
        side = network.size or 2 * (-(-max(network.minimum, 64) // network.multiple) * network.multiple,)
        try:
            self._network.to(self.device)
            with torch.inference_mode():
                self._network(torch.zeros(1, len(self._mean), *side, device=self.device))
        except RuntimeError as error:  # the device was written into the network when it was saved
            self._network = copied(network)
            self.device = "cpu"
            self._warn(f"The network does not run on the graphics card ({in_a_line(error)}): the CPU is used.")

    def probability(
        self, reflectance: np.ndarray, valid: np.ndarray, should_stop: Callable[[], bool] = lambda: False
    ) -> np.ndarray:
        """Probability (H, W), float32, of reflectance (bands, H, W), float32; NaN where ``valid`` (H, W) is false.

        Invalid pixels are shown to the network as the card's mean, so that they say nothing about their neighbours.
        ``should_stop`` is asked before every layer. Raises :class:`CancelledError` and :class:`OutOfMemoryError`.
        """
        self._should_stop = should_stop
        try:
            probability = self._run(reflectance, valid)
        except torch.OutOfMemoryError:
            self._move_to_cpu()
            probability = self._run(reflectance, valid)
        probability[~valid] = np.nan
        return probability

    def memory_per_pixel(self) -> int:
        """About how many bytes :meth:`probability` needs at its peak for each pixel of a window."""
        bands = len(self._mean)
        if self.device == "cpu" or self._foreign is not None:
            # The window as stored and as read, and the answer; what a block takes does not grow with the window.
            return 4 * (2 * bands + 2)
        largest = 0
        side = 32

        def watch(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
            nonlocal largest
            largest = max(largest, inputs[0].numel() + output.numel())

        leaves = [module for module in self._network.modules() if not list(module.children())]
        handles = [leaf.register_forward_hook(watch) for leaf in leaves]
        self.probability(np.zeros((bands, side, side), np.float32), np.ones((side, side), bool))
        for handle in handles:
            handle.remove()
        # Each skip is held, and cloned for its pooling, and once more inside the concatenation.
        skips = [m.out_channels for m in self._network.get_submodule("rises").modules() if isinstance(m, nn.Conv2d)]
        held = sum(3 * channels // 4**level for level, channels in enumerate(skips))
        # The window itself twice, as read and as filled; channels last needs no reordered copies.
        return 4 * (2 * bands + held + largest // side**2)

    def _run(self, reflectance: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Probability of a window, whatever it holds where ``valid`` is false: on a CPU in blocks, some at a time."""
        height, width = valid.shape
        if self._foreign is not None:
            return self._run_foreign(self._foreign, reflectance, valid)
        if self.device != "cpu":
            return self._forward([reflectance], [valid])[0]
        probability = np.zeros((height, width), np.float32)
        side = max(BLOCK, HALOS_PER_BLOCK * self.halo)
        blocks = tiles(Window(0, 0, height, width), height, width, side, self.halo, self.stride)
        for batch in _batches([b for b in blocks if valid[b.core.rows, b.core.cols].any()], torch.get_num_threads()):
            reads = [block.read for block in batch]
            answers = self._forward(
                [reflectance[:, read.rows, read.cols] for read in reads],
                [valid[read.rows, read.cols] for read in reads],
            )
            for block, answer in zip(batch, answers, strict=True):
                core, top, left = block.core, block.core.row - block.read.row, block.core.col - block.read.col
                probability[core.rows, core.cols] = answer[top : top + core.height, left : left + core.width]
        return probability

    def _forward(self, reflectance: Sequence[np.ndarray], valid: Sequence[np.ndarray]) -> np.ndarray:
        """Probability (N, H, W) of N windows of one size."""
        filled = np.stack([np.where(v, r, self._mean) for r, v in zip(reflectance, valid, strict=True)])
        with torch.inference_mode(), memory_failures(filled.shape):
            batch = torch.from_numpy(filled).to(self.device, memory_format=torch.channels_last)
            logits = self._network(batch)
            return np.array(torch.sigmoid_(logits)[:, 0].cpu().numpy())

    def _run_foreign(self, network: ForeignNetwork, reflectance: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """:meth:`_run` block by block, filled up with the card's mean where the network needs larger ones."""
        probability = np.zeros(valid.shape, np.float32)
        for block in _foreign_blocks(network, len(valid), len(valid[0]), self.halo, self.stride):
            core, read = block.core, block.read
            if not valid[core.rows, core.cols].any():
                continue
            if self._should_stop():
                raise CancelledError("The job was cancelled.", "Nothing was changed.")
            seen = valid[read.rows, read.cols]
            given = np.broadcast_to(self._mean, (len(self._mean), read.height, read.width)).copy()
            given[:, : seen.shape[0], : seen.shape[1]] = np.where(
                seen, reflectance[:, read.rows, read.cols], self._mean
            )
            top, left = core.row - read.row, core.col - read.col
            answer = self._answer(network, given)[top : top + core.height, left : left + core.width]
            if not np.isfinite(answer[valid[core.rows, core.cols]]).all():
                raise ModelInvalidError(
                    "The network gave values that are not finite (NaN or infinity) for pixels of the scene.",
                    "Use another model, or mend the network.",
                )
            probability[core.rows, core.cols] = answer
        return probability

    def _answer(self, network: ForeignNetwork, given: np.ndarray) -> np.ndarray:
        """Probability (H, W) of reflectance (bands, H, W): the network's own where it gives probabilities."""
        with torch.inference_mode(), memory_failures(given.shape):
            answers = self._network.answers(torch.from_numpy(given)[None].to(self.device))  # type: ignore[operator]
            if not network.gives_probabilities:
                answers = torch.sigmoid(answers)
            elif answers.min() < -_TOLERANCE or answers.max() > 1 + _TOLERANCE:
                raise ModelInvalidError(
                    f"The network gave {answers.min():.3g} to {answers.max():.3g}, which are no probabilities.",
                    "If it gives logits, install it again and say so.",
                )
            return np.array(answers[0, 0].clamp(0, 1).cpu().numpy())

    def _move_to_cpu(self) -> None:
        self._network = self._network.to("cpu")
        self.device = "cpu"
        torch.cuda.empty_cache()
        self._warn("The graphics card's memory was not enough for the window: the CPU goes on.")

    def _stop_if_asked(self, module: nn.Module, inputs: object) -> None:
        if self._should_stop():
            raise CancelledError("The job was cancelled.", "Nothing was changed.")


def as_stored(probability: np.ndarray) -> np.ndarray:
    """Probabilities, float32, in the steps that rasters of them have (NaN stays)."""
    return np.round(probability * PROBABILITY_STEPS) / np.float32(PROBABILITY_STEPS)


def is_out_of_memory(error: Exception) -> bool:
    """Whether PyTorch failed for want of memory, the processor's or the graphics card's."""
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(
        text in str(error) for text in _CPU_OUT_OF_MEMORY
    )


@contextmanager
def memory_failures(shape: Sequence[int]) -> Iterator[None]:
    """Says in plain words that the processor's memory was not enough; the graphics card's passes as it is."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            raise OutOfMemoryError(
                f"There is not enough memory for a window of {shape[-1]} × {shape[-2]} pixels.",
                "Choose a smaller window, or close other programs.",
            ) from error
        raise


def _foreign_blocks(network: ForeignNetwork, height: int, width: int, halo: int, stride: int) -> Sequence[Tile]:
    """Blocks whose cores partition a window; each ``read`` has a size that the network takes.

    Reads may reach beyond the window's end. Those of one size are moved inwards there, as far as ``stride`` allows, so
    that the network sees as much of the scene as it can.
    """
    if network.size:
        rows, columns = (
            _spans_of_one_size(length, size, halo, stride)
            for length, size in zip((height, width), network.size, strict=True)
        )
        return [
            Tile(Window(top, left, bottom - top, right - left), Window(read_row, read_col, *network.size))
            for top, bottom, read_row in rows
            for left, right, read_col in columns
        ]
    side = min(max(BLOCK, HALOS_PER_FOREIGN_BLOCK * halo), network.maximum - 2 * (halo + stride))
    side = max(side // stride, 1) * stride
    return [
        Tile(
            tile.core,
            Window(
                tile.read.row,
                tile.read.col,
                _taken_length(network, tile.read.height),
                _taken_length(network, tile.read.width),
            ),
        )
        for tile in tiles(Window(0, 0, height, width), height, width, side, halo, stride)
    ]


def _taken_length(network: ForeignNetwork, length: int) -> int:
    return max(-(-length // network.multiple) * network.multiple, network.minimum)


def _spans_of_one_size(length: int, size: int, margin: int, stride: int) -> list[tuple[int, int, int]]:
    """Start and stop of the cores along one axis, and where each one's read of ``size`` pixels begins."""
    last = max(0, -(-(length - size) // stride) * stride)
    step = max(1, (size - 2 * margin) // stride) * stride
    reads = [*range(0, last, step), last]
    starts = [0, *(read + margin for read in reads[1:])]
    return list(zip(starts, [*starts[1:], length], reads, strict=True))


def _batches(blocks: Sequence[Tile], count: int) -> Iterator[Sequence[Tile]]:
    """The blocks, at most ``count`` at a time, each time of one size: one for every thread."""

    def size(block: Tile) -> tuple[int, int]:
        return block.read.height, block.read.width

    for _, alike in groupby(sorted(blocks, key=size), key=size):
        group = list(alike)
        for start in range(0, len(group), count):
            yield group[start : start + count]


def folded(network: UNet, in_place: bool = True) -> UNet:
    """A copy of ``network`` in evaluation mode with batch norm and normalisation folded into the convolutions.

    in_place: its ReLUs write into their input, which is faster; nothing may look at that input then.
    """
    network = copy.deepcopy(network).eval().requires_grad_(False)
    for block in list(network.modules()):
        for first, second in pairwise(dict(block.named_children())):
            convolution, norm = getattr(block, first), getattr(block, second)
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(block, first, fuse_conv_bn_eval(convolution, norm))
                setattr(block, second, nn.Identity())
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = in_place
    _fold_normalisation(network)
    return network


def _fold_normalisation(network: UNet) -> None:
    """(x − mean) / std then W, b is W / std, b − W · mean / std; exact since the stem's convolutions pad nothing."""
    norm = network.normalisation
    first = next(module for module in network.stem.modules() if isinstance(module, nn.Conv2d))
    weight = first.weight / norm.std
    bias = torch.zeros(first.out_channels) if first.bias is None else first.bias
    first.bias = nn.Parameter(bias - (weight * norm.mean).sum(dim=(1, 2, 3)), requires_grad=False)
    first.weight = nn.Parameter(weight, requires_grad=False)
    network.add_module("normalisation", nn.Identity())
