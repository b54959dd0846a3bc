"""The layers of the plugin's own networks (``engine/models/unet.py``), as a card tells them: names, sizes, words.

Dialogs list them without torch; a test holds the list against the networks themselves.
"""

from dataclasses import dataclass
from typing import Any, Iterator, Mapping, Tuple

#: What a convolution and the activation after it are called in their block. Batch norm, between them, is folded into
#: the convolution, as normalisation is into the first one: neither is a layer of the network that is explained.
_CONVOLVED, _ACTIVE = 0, 2


@dataclass(frozen=True)
class NetworkLayer:
    """A layer that computes something of its own: its channels, its cells' width in pixels, and what it does."""

    name: str
    channels: int
    cell: int
    does: str

    @property
    def text(self) -> str:
        """What it does, and its size, in words."""
        cells = f", cells of {self.cell} × {self.cell} pixels" if self.cell > 1 else ""
        return f"{self.does} ({self.channels} channel{'s' if self.channels > 1 else ''}{cells})"


def unet_layers(card: Mapping[str, Any]) -> Tuple[NetworkLayer, ...]:
    """The layers in the order in which the network computes them; none of a network of another family.

    ``card``: the values of a model's card; whatever it holds that is no card gives none.
    """
    try:
        architecture = card["architecture"]
        if architecture["family"] != "unet":
            return ()
        stem = [int(width) for width in architecture["stem"]]
        width, depth, convolutions = (int(architecture[name]) for name in ("width", "depth", "convolutions"))
        return tuple(_layers(stem, width, depth, convolutions))
    except (KeyError, TypeError, ValueError):
        return ()


def _layers(stem: "list[int]", width: int, depth: int, convolutions: int) -> Iterator[NetworkLayer]:
    for step, channels in enumerate(stem):
        yield from _block(f"stem.{step}", channels, 1, f"each pixel by itself, step {step + 1} of {len(stem)}")
    for level in range(depth + 1):
        yield from _level("encoder", level, width, convolutions, "pixels with what surrounds them")
        if level < depth:
            yield NetworkLayer(f"pools.{level}", width * 2**level, 2 ** (level + 1), "the largest of four cells")
    for level in reversed(range(depth)):
        channels, cell = width * 2**level, 2**level
        yield NetworkLayer(f"rises.{level}.0", 2 * channels, cell, "coarser cells, repeated on finer ones")
        yield from _block(f"rises.{level}", channels, cell, "coarser cells, smoothed on finer ones", first=1)
        yield from _level("decoder", level, width, convolutions, "coarse and fine together")
    yield NetworkLayer("head", 1, 1, "the answer, a logit")


def _level(part: str, level: int, width: int, convolutions: int, does: str) -> Iterator[NetworkLayer]:
    for step in range(convolutions):
        told = f"{does}, step {step + 1} of {convolutions}"
        yield from _block(f"{part}.{level}.{step}", width * 2**level, 2**level, told)


def _block(name: str, channels: int, cell: int, does: str, first: int = 0) -> Iterator[NetworkLayer]:
    """A block's convolution and its activation; ``first``: which of the block's modules is the convolution."""
    yield NetworkLayer(f"{name}.{first + _CONVOLVED}", channels, cell, f"{does}, before the activation")
    yield NetworkLayer(f"{name}.{first + _ACTIVE}", channels, cell, does)
