"""Occlusion: what the answer loses while a square of the image is hidden, for squares all over it.

Zeiler, Fergus: Visualizing and Understanding Convolutional Networks. ECCV 2014. A pixel's value is the mean, over all
squares that cover it, of S(x) − S(x with the square replaced by the baseline), as in captum's Occlusion. Squares lie on
the scene's absolute grid, so that all windows hide the same ones, and reach over the window's edge: captum begins its
first row and column of squares at the edge, so values within a square of the edge differ from captum's where squares
overlap.
"""

from __future__ import annotations

import numpy as np
import torch

from ...contract.errors import RequestError
from ..imagery.grid import Window
from .changes import Changes
from .view import Attribution, Settings, View


def settle_squares(view: View, settings: Settings) -> Settings:
    """The settings with a stride that the evaluations allowed suffice for, and ``images``, how many will be asked for.

    A stride over the square's side would leave pixels uncovered; it is refused, as are too many squares at the largest
    stride.
    """
    side, stride = min(_sides(view, settings)), settings["stride"]
    if stride > side:
        raise RequestError(
            f"Squares of {side} pixels that move by {stride} leave pixels uncovered.",
            f"Choose a stride of at most {side} pixels, or larger squares.",
        )
    while (asked := _changes(view, {**settings, "stride": stride})[1].asked) > settings[
        "evaluations"
    ] and stride < side:
        # At least as far as the number of squares, which falls with the stride's square, asks for.
        stride = min(side, max(stride + 1, int(stride * (asked / settings["evaluations"]) ** 0.5)))
    if asked > settings["evaluations"]:
        raise RequestError(
            f"Occlusion would hide {asked} squares here; {settings['evaluations']} evaluations are allowed.",
            "Choose larger squares or a smaller extent, or allow more evaluations.",
        )
    if stride != settings["stride"]:
        view.job.warn(f"The square moves {stride} pixels each time, not {settings['stride']}: that is {asked} squares.")
    return {**settings, "stride": stride, "images": asked}


def occlusion(view: View, settings: Settings) -> Attribution:
    """The mean loss of S over the squares that cover a pixel: (1, H, W); 0 where not valid."""
    if "images" not in settings:
        settings = settle_squares(view, settings)
    boxes, changes = _changes(view, settings)

    def mask(index: int, crop: Window) -> torch.Tensor:
        hidden = torch.zeros(1, crop.height, crop.width, dtype=torch.bool, device=view.reflectance.device)
        box = boxes[index].intersection(crop)
        top, left = box.row - crop.row, box.col - crop.col
        hidden[:, top : top + box.height, left : left + box.width] = True
        return hidden

    found = changes.differences(mask, f"Hiding {changes.asked} squares")
    total, covered = np.zeros(view.shape), np.zeros(view.shape)
    for box, value in zip(boxes, found.values, strict=True):
        total[box.rows, box.cols] += value
        covered[box.rows, box.cols] += 1
    values = torch.from_numpy(total / covered).to(view.reflectance.device)[None]
    facts = {"squares": found.asked, "passes": found.passes}
    return Attribution(torch.where(view.valid, values, 0.0), 1 + found.asked, facts)


def _changes(view: View, settings: Settings) -> tuple[list[Window], Changes]:
    """The squares that touch the window, clipped to it, and the changes that hiding them makes."""
    (height, width), stride = _sides(view, settings), settings["stride"]
    whole = Window(0, 0, *view.shape)
    boxes = [
        Window(row, col, height, width).intersection(whole)
        for row in _starts(view.row, view.shape[0], height, stride)
        for col in _starts(view.col, view.shape[1], width, stride)
    ]
    return boxes, Changes(view, boxes)


def _starts(first: int, length: int, side: int, stride: int) -> range:
    """Where the squares begin that touch a window, from its first pixel; in the scene, on multiples of the stride."""
    begin = ((first - side) // stride + 1) * stride
    return range(begin - first, length, stride)


def _sides(view: View, settings: Settings) -> tuple[int, int]:
    """Rows and columns of a square."""
    width, height = view.pixel_size
    return max(1, round(settings["patch"] / height)), max(1, round(settings["patch"] / width))
