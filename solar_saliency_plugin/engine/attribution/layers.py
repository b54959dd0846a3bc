"""The layers of a network: which there are, what they give, and where on the image their cells lie.

A layer on a grid that is s times coarser has cell (i, j) over the pixels [i·s, (i+1)·s) × [j·s, (j+1)·s), the last ones
cut off by the image's edge. Between the cells' centres a map is interpolated linearly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from ...contract.errors import RequestError
from .view import Settings, View


@dataclass(frozen=True)
class Layer:
    """A layer as it was met in a run: its module, and how many pixels its cells are wide. It has ``channels``."""

    module: nn.Module
    cell: int
    channels: int

    @property
    def is_block(self) -> bool:
        """Whether it only holds other layers, or joins them: what it gives, one of them gives in most networks."""
        return any(True for _ in self.module.children())

    @property
    def text(self) -> str:
        """Its size in words."""
        cells = f", cells of {self.cell} × {self.cell} pixels" if self.cell > 1 else ""
        return f"{self.channels} channel{'s' if self.channels > 1 else ''}{cells}"


def on_pixels(cells: torch.Tensor, side: int, shape: tuple[int, int]) -> torch.Tensor:
    """Cells (h, w), each ``side`` pixels wide, as pixels of that shape.

    By the scale factor, not by the size: only so do cells that the edge cuts off move nothing.
    """
    drawn = cells[None, None]
    if side > 1:
        drawn = nn.functional.interpolate(drawn, scale_factor=float(side), mode="bilinear", align_corners=False)
    return drawn[0, 0, : shape[0], : shape[1]]


def chosen_layer(view: View, settings: Settings) -> tuple[str, Layer]:
    """Name and layer that the settings ask for, by default the last activation that is not the output."""
    layers = layers_of(view)
    wanted = settings.get("layer")
    if not wanted:
        inner = [name for name, layer in layers.items() if _is_activation(layer.module) and layer.channels > 1]
        wanted = (inner or list(layers) or [""])[-1]
    if wanted not in layers:
        raise RequestError(
            f"The network has no layer “{wanted}” that lies on the image's grid.",
            f"It has, in order: {described(layers)}." if layers else "Use a method that needs no layer.",
        )
    return wanted, layers[wanted]


def described(layers: dict[str, Layer]) -> str:
    """Layers by name, with their sizes, in words; then the names of blocks, which hold layers of their own."""
    told = "; ".join(f"{name} ({layer.text})" for name, layer in layers.items() if not layer.is_block)
    blocks = ", ".join(name for name, layer in layers.items() if layer.is_block)
    return "; ".join(filter(None, (told, f"and, as blocks of layers: {blocks}" if blocks else "")))


def layers_of(view: View) -> dict[str, Layer]:
    """The layers that give an image, by name, in the order in which they end. One small run finds them.

    A network of the user's own may take some sizes only, so it is shown the window; ours a square that is a multiple of
    the stride, so that the layers are the same whatever the window.
    """
    module = view.network.module
    side = 4 * view.network.stride
    shown = view.reflectance.new_zeros(1, view.reflectance.shape[1], side, side)
    if not view.network.is_ours:
        shown = view.reflectance
    named = {name: m for name, m in module.named_modules() if name and not isinstance(m, nn.Identity)}
    with torch.inference_mode(), Watch(named) as seen:
        view.network.logits(shown)
    found = {}
    for name, output in seen.items():
        cell = _cell(tuple(output.shape[-2:]), tuple(shown.shape[-2:]), view.network.stride)
        if cell:
            found[name] = Layer(named[name], cell, output.shape[1])
    return found


def _cell(size: tuple[int, ...], image: tuple[int, ...], stride: int) -> int:
    """How many pixels a cell is wide where a grid of that size covers the image; 0 where it does not."""
    sides = (side for side in range(1, stride + 1) if stride % side == 0)
    return next((side for side in sides if all(-(-n // side) == m for n, m in zip(image, size, strict=True))), 0)


def _is_activation(module: nn.Module) -> bool:
    return type(module).__module__ == nn.ReLU.__module__


class Watch(dict[str, torch.Tensor]):
    """While it is entered: what modules gave, by name, (1, channels, h, w), in the order in which they ended."""

    def __init__(self, modules: dict[str, nn.Module]) -> None:
        super().__init__()
        self._modules = modules
        self._handles: list[torch.utils.hooks.RemovableHandle] = []

    def __enter__(self) -> Watch:
        for name, module in self._modules.items():
            self._handles.append(module.register_forward_hook(partial(self._keep, name)))
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _keep(self, name: str, module: nn.Module, inputs: object, output: object) -> None:
        if isinstance(output, torch.Tensor) and output.ndim == 4:
            self[name] = output
