"""A model made ready to be explained: in 32 bits, batch norm folded, every activation a module that changes nothing."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from ...contract.errors import CancelledError, MethodUnsuitableError, RequestError
from ..imagery.grid import Window
from ..models.foreign import ForeignNetwork, copied
from ..models.receptive_field import measure_model
from ..models.registry import Model
from ..models.runtime import folded


class Explainable:
    """One model on one device, asked for logits and gradients.

    module: reflectance (N, bands, H, W) → logits (N, 1, H, W); hooks may be put on its modules. halo, stride: the
    network's own, pixels. is_ours: a network of our family. has_activations: its activations are modules.
    """

    def __init__(self, model: Model, device: str = "auto") -> None:
        if device == "cuda" and not torch.cuda.is_available():
            raise RequestError(
                "PyTorch finds no usable graphics card.",
                "Choose the device “cpu” or “auto”, or check the card's driver.",
            )
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        self.device = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
        self.model = model
        self.should_stop: Callable[[], bool] = lambda: False
        self.is_ours = not isinstance(model.network, ForeignNetwork)
        if isinstance(model.network, ForeignNetwork):
            self.halo, self.stride = model.network.margin, model.card.stride
            self.has_activations = model.card.architecture["activations"] == "modules"
            self.module: nn.Module = copied(model.network)
        else:
            self.halo, self.stride = measure_model(model)
            self.has_activations = True
            self.module = folded(model.network, in_place=False)
        self.module.to(self.device)
        self.make_fast()
        for module in self.module.modules():
            if not list(module.children()) and not isinstance(module, torch.jit.ScriptModule):
                module.register_forward_pre_hook(self._stop_if_asked)

    def make_fast(self) -> None:
        """Lay the network out with channels last."""
        self._lay_out(torch.channels_last)

    def make_seamless(self) -> None:
        """Have a pixel's value rounded in the same way whatever the size of the window that it lies in.

        With channels last, PyTorch's convolutions round differently at some widths; a rounding of 1e-7 can turn a ReLU
        over, and that shows. Channels first has one way for all (seen on 1 and 2 threads), and takes 1.3 to 2.4 times
        as long.
        """
        self._lay_out(torch.contiguous_format)

    def laid_out(self, images: torch.Tensor) -> torch.Tensor:
        """Images (N, bands, H, W) on the network's device, in the order of memory that it is fast or seamless with."""
        return images.to(self.device).contiguous(memory_format=self.layout)

    def _lay_out(self, layout: torch.memory_format) -> None:
        self.layout = layout
        if self.is_ours:
            self.module.to(memory_format=layout)  # type: ignore[call-overload]  # torch's stub lacks it

    def logits(self, reflectance: torch.Tensor) -> torch.Tensor:
        """Logits (N, H, W) of reflectance (N, bands, H, W), float32."""
        logits: torch.Tensor = self.module(reflectance)[:, 0]
        return logits

    def window_around(self, area: Window, scene: Window) -> Window | None:
        """The window that shows a network of the user's own what lies around ``area``; None: any window will do.

        Its margins, which detection does not use, lie outside ``area``. It reaches beyond the scene only where that is
        smaller, so that the network sees as much of it as it can. Raises :class:`MethodUnsuitableError` where
        ``area`` is too large for that.
        """
        network = self.model.network
        if not isinstance(network, ForeignNetwork):
            return None
        spans = []
        axes = ((area.row, area.height, scene.height), (area.col, area.width, scene.width))
        for axis, (start, length, limit) in enumerate(axes):
            needed = length + 2 * network.margin
            side = network.size[axis] if network.size else -(-max(needed, network.minimum) // network.multiple)
            side = side if network.size else side * network.multiple
            if needed > side or side > network.maximum:
                raise MethodUnsuitableError(
                    f"The target is too large: the network takes {network.taken()}, of which {network.margin} pixels "
                    "along each edge are not used.",
                    "Choose a smaller target.",
                )
            centred = start - (side - length) // 2
            spans.append((max(0, min(centred, limit - side)) // self.stride * self.stride, side))
        (row, height), (col, width) = spans
        return Window(row, col, height, width)

    def why_not(self, needs: str) -> str:
        """Why a method that needs this (see the list of methods) cannot explain this network; empty where it can."""
        if self.is_ours or needs == "answers":
            return ""
        if not self._has_gradient():
            return "its answer has no gradient"
        if needs == "family":
            return "it has rules for the layers of the plugin's own networks only"
        if needs == "activations" and not self.has_activations:
            return "the network's activations lie inside a program, where the method cannot reach them"
        return ""

    def _has_gradient(self) -> bool:
        """Whether a gradient flows through the network; one of the user's own is tried on a small image."""
        network = self.model.network
        if not isinstance(network, ForeignNetwork):
            return True
        side = -(-max(network.minimum, 16) // network.multiple) * network.multiple
        height, width = network.size or (side, side)
        image = torch.full((1, len(self.model.card.bands), height, width), 0.2, device=self.device, requires_grad=True)
        try:
            with torch.enable_grad():
                (gradient,) = torch.autograd.grad(self.module(image).sum(), image)
        except RuntimeError:  # nothing in it asks for a gradient
            return False
        return gradient is not None

    def _stop_if_asked(self, module: nn.Module, inputs: object) -> None:
        if self.should_stop():
            raise CancelledError("The job was cancelled.", "Nothing was changed.")
