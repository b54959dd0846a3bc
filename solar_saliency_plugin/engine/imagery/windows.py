"""Cutting a scene into windows that a network can be run on one by one, with the same result as on the whole."""

from __future__ import annotations

from dataclasses import dataclass

from .grid import Window


@dataclass(frozen=True)
class Tile:
    """What to keep (``core``) and what to read for it (``read``, which holds ``core``)."""

    core: Window
    read: Window


def tiles(area: Window, height: int, width: int, core: int, halo: int, stride: int, least: int = 0) -> list[Tile]:
    """Tiles whose cores partition ``area``, in row order.

    ``height`` and ``width`` are the scene's, ``core`` the longest side of a core, ``halo`` the network's one-sided
    receptive field and ``stride`` its total stride, all in pixels. Reads start at multiples of ``stride``, and end at
    one too unless the scene ends there, so that every pooling cell holds the same pixels as on the whole scene. They
    are clipped to the scene and never padded: at the scene's edge the network pads as it would on the whole. They are
    at least ``least`` pixels long where the scene is.
    """
    return [
        Tile(
            Window(row, col, row_stop - row, col_stop - col),
            Window(read_row, read_col, read_row_stop - read_row, read_col_stop - read_col),
        )
        for (row, row_stop), (read_row, read_row_stop) in _spans(area.rows, height, core, halo, stride, least)
        for (col, col_stop), (read_col, read_col_stop) in _spans(area.cols, width, core, halo, stride, least)
    ]


def _spans(
    area: slice, length: int, core: int, halo: int, stride: int, least: int
) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    spans = []
    for start in range(area.start, area.stop, core):
        stop = min(start + core, area.stop)
        read_start = max(0, min(start - halo, length - least)) // stride * stride
        read_stop = min(length, -(-max(stop + halo, read_start + least) // stride) * stride)
        spans.append(((start, stop), (read_start, read_stop)))
    return spans
