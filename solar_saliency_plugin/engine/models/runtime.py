"""How a network runs: folded, channels last, in blocks, on the chosen device, in 32-bit floating point, and stoppable.

Channels last was faster than channels first for every member of the family that was measured on a CPU (by 1.2 to 2.4
times; folding alone by 1.0 to 2.3), so there is no choice to make at run time. A window is computed in blocks, one for
each thread at a time: on two cores that was twice as fast as the whole window at once. Nothing here changes what the
network says: batch norm and normalisation are folded into the convolutions beside them, which is equal up to rounding,
and TF32 and half precision stay off so that two devices agree.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, pairwise

import numpy as np
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ...contract.errors import CancelledError, OutOfMemoryError, RequestError
from ..imagery.grid import Window
from ..imagery.windows import Tile, tiles
from .receptive_field import measure_model
from .registry import Model
from .unet import UNet

#: Side of the blocks that a CPU computes a window in, in pixels: what lies between two layers then stays in its cache.
BLOCK = 256

#: Blocks are at least so many halos wide, so that no more than a quarter is computed twice.
HALOS_PER_BLOCK = 16

#: PyTorch has no class of its own for a failed allocation on the CPU.
_CPU_OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "bad allocation")


class Runtime:
    """One model on one device, used by one thread at a time. ``halo`` and ``stride``, in pixels, are the network's own.

    device: "auto" (a graphics card if there is a usable one), "cpu" or "cuda". threads: CPU threads of PyTorch; None
    leaves them as they are. warn: told when the graphics card's memory was not enough and the CPU went on.
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
        self.halo, self.stride = measure_model(model)
        self._mean = np.asarray(model.card.mean, dtype=np.float32)[:, None, None]
        self._should_stop: Callable[[], bool] = lambda: False
        self._network = folded(model.network).to(self.device)
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
        for module in self._network.modules():
            if not list(module.children()):
                module.register_forward_pre_hook(self._stop_if_asked)

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
        if self.device == "cpu":
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
        skips = [m.out_channels for m in self._network.rises.modules() if isinstance(m, nn.Conv2d)]
        held = sum(3 * channels // 4**level for level, channels in enumerate(skips))
        # The window itself twice, as read and as filled; channels last needs no reordered copies.
        return 4 * (2 * bands + held + largest // side**2)

    def _run(self, reflectance: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Probability of a window, whatever it holds where ``valid`` is false: on a CPU in blocks, some at a time."""
        height, width = valid.shape
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
        with torch.inference_mode():
            try:
                batch = torch.from_numpy(filled).to(self.device, memory_format=torch.channels_last)
                logits = self._network(batch)
                return np.array(torch.sigmoid_(logits)[:, 0].cpu().numpy())
            except torch.OutOfMemoryError:
                raise
            except (RuntimeError, MemoryError) as error:
                if isinstance(error, MemoryError) or any(text in str(error) for text in _CPU_OUT_OF_MEMORY):
                    raise OutOfMemoryError(
                        f"There is not enough memory for a window of {filled.shape[-1]} × {filled.shape[-2]} pixels.",
                        "Choose a smaller window, or close other programs.",
                    ) from error
                raise

    def _move_to_cpu(self) -> None:
        self._network = self._network.to("cpu")
        self.device = "cpu"
        torch.cuda.empty_cache()
        self._warn("The graphics card's memory was not enough for the window: the CPU goes on.")

    def _stop_if_asked(self, module: nn.Module, inputs: object) -> None:
        if self._should_stop():
            raise CancelledError("The job was cancelled.", "Nothing was changed.")


def _batches(blocks: Sequence[Tile], count: int) -> Iterator[Sequence[Tile]]:
    """The blocks, at most ``count`` at a time, each time of one size: one for every thread."""

    def size(block: Tile) -> tuple[int, int]:
        return block.read.height, block.read.width

    for _, alike in groupby(sorted(blocks, key=size), key=size):
        group = list(alike)
        for start in range(0, len(group), count):
            yield group[start : start + count]


def folded(network: UNet) -> UNet:
    """A copy of ``network`` in evaluation mode with batch norm and normalisation folded into the convolutions.

    For running only: its ReLUs write into their input, and it cannot be trained on.
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
            module.inplace = True
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
