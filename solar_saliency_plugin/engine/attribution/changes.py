"""What changing some pixels does to the answer, computed only where it can do anything.

A change inside a box moves only answers within the receptive field's R pixels of it, and those depend only on what
lies within R of them. So a change costs one pass over the target's pixels within R of its box, plus R around them,
instead of one over the whole window; and nothing where no target pixel is that near. The answers are those of the whole
window, up to the rounding of 32-bit floating point.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import lcm

import numpy as np
import torch

from ..imagery.grid import Window
from ..models.foreign import ForeignNetwork
from .view import PIXELS_AT_A_TIME, View

#: Sides of crops are multiples of this, so that many have one size and can be computed together.
_QUANTUM = 8

#: PyTorch computes a single small image by another convolution than several, with other roundings. Up to this many
#: pixels a network of the family may meet that in one of its layers.
_SMALL = 256 * 256

#: The same holds from 16 images on, on one thread; measured with up to 15, on one and on two threads, nothing differs.
_TOGETHER = 8

#: (bands or 1, height, width), bool, of a change's number and a crop: what the change replaces there.
Mask = Callable[[int, Window], torch.Tensor]


@dataclass(frozen=True)
class Differences:
    """What changes did.

    values: S(x) − S(x changed) of each, (n,), float64. asked: how many changed images the network was asked for.
    passes: how many passes over the whole window their crops amount to.
    """

    values: np.ndarray
    asked: int
    passes: float


class Changes:
    """Changes of a view's image by replacing it with the (first) baseline, each within a box of pixels.

    boxes: where in the window each change lies. Those that no answer of the target sees, and those where image and
    baseline do not differ, are not computed.
    """

    def __init__(self, view: View, boxes: Sequence[Window]) -> None:
        self._view = view
        self._whole = Window(0, 0, *view.shape)
        self._differs = _Counts((view.baselines[0] != view.reflectance[0]).any(dim=0).cpu().numpy())
        self._target = _Counts((view.weights != 0).cpu().numpy())
        self._boxes = boxes
        self._seen = {index: box for index, box in enumerate(self._answers_moved(b) for b in boxes) if box is not None}

    @property
    def asked(self) -> int:
        """How many changed images the network will be asked for."""
        return len(self._seen)

    def differences(self, mask: Mask, message: str) -> Differences:
        """What each change does to S. ``mask`` says what is replaced."""
        view, values, done, pixels = self._view, np.zeros(len(self._boxes)), 0, 0
        with torch.no_grad():
            answers = answers_of(view, view.reflectance)[0] if self._seen else torch.zeros(view.shape)
            for indices, crops in self._batches():
                changed = torch.stack([self._changed(i, c, mask) for i, c in zip(indices, crops, strict=True)])
                new = answers_of(view, changed)
                for index, crop, answer in zip(indices, crops, new, strict=True):
                    values[index] = self._difference(answers, answer, crop, self._seen[index])
                done += len(indices)
                pixels += len(indices) * crops[0].height * crops[0].width
                view.job.progress(done / len(self._seen), message)
        return Differences(values, done, pixels / (view.shape[0] * view.shape[1]))

    def _answers_moved(self, box: Window) -> Window | None:
        """The smallest rectangle that holds the target's pixels whose answers a change in ``box`` can move, if any."""
        self._view.job.check()
        if not self._differs.any(box):
            return None
        if not sees_nearby_only(self._view):
            return self._target.around(self._whole)
        halo = self._view.network.halo
        return self._target.around(_grown(box, halo).intersection(self._whole))

    def _batches(self) -> Iterator[tuple[list[int], list[Window]]]:
        """The changes with their crops, in batches of crops of one size."""
        by_size: dict[tuple[int, int], list[tuple[int, Window]]] = defaultdict(list)
        for index, seen in self._seen.items():
            crop = crop_around(self._view, seen)
            by_size[crop.height, crop.width].append((index, crop))
        for (height, width), members in by_size.items():
            together = max(1, PIXELS_AT_A_TIME // (height * width))
            for start in range(0, len(members), together):
                batch = members[start : start + together]
                yield [index for index, _ in batch], [crop for _, crop in batch]

    def _changed(self, index: int, crop: Window, mask: Mask) -> torch.Tensor:
        image, baseline = (i[0, :, crop.rows, crop.cols] for i in (self._view.reflectance, self._view.baselines))
        return torch.where(mask(index, crop), baseline, image)

    def _difference(self, answers: torch.Tensor, new: torch.Tensor, crop: Window, seen: Window) -> float:
        """Σ of weight · (answer − new answer) over pixels that can have moved; answers at a crop's edge are wrong."""
        moved = (answers[seen.rows, seen.cols] - new[seen.within(crop)]).double()
        return float((moved * self._view.weights[seen.rows, seen.cols]).sum())


def share_computed(view: View, side: float) -> float:
    """Which share of the window a change of ``side`` × ``side`` pixels costs, at most."""
    if not sees_nearby_only(view):
        return 1.0
    wide = side + 4 * view.network.halo + _QUANTUM
    rows, cols = view.shape
    return min(1.0, wide / rows) * min(1.0, wide / cols)


def answers_of(view: View, images: torch.Tensor) -> torch.Tensor:
    """Like :meth:`View.answers`, and the same to the bit however many images there are.

    Differences of answers are small against answers: another rounding of either shows in them, and as seams. So a small
    image by itself is asked twice, and of many a few are asked at a time.
    """
    found = []
    for some in torch.split(images, _TOGETHER):
        alone = len(some) == 1 and some.shape[-2] * some.shape[-1] <= _SMALL
        found.append(view.answers(some.expand(2, -1, -1, -1))[:1] if alone else view.answers(some))
    return torch.cat(found)


def sees_nearby_only(view: View) -> bool:
    """Whether an answer depends on what lies within the network's halo only, wherever the window lies."""
    module = view.network.module
    return module.local and not module.size if isinstance(module, ForeignNetwork) else True


def sight_of(view: View) -> float:
    """How far around a pixel its answer can depend on, metres, where it depends on what is nearby only."""
    return view.network.halo * max(view.pixel_size)


def seen_by_target(view: View) -> torch.Tensor:
    """(H, W), bool: the pixels that an answer of the target can depend on."""
    target = view.weights != 0
    if not sees_nearby_only(view):
        return torch.full_like(target, bool(target.any()))
    rows = _spread_along(target, view.network.halo, 0)
    return _spread_along(rows, view.network.halo, 1)


def _spread_along(mask: torch.Tensor, halo: int, dim: int) -> torch.Tensor:
    """What lies within ``halo`` pixels of a true one along a dimension."""
    counts = mask.long().cumsum(dim)
    length = mask.shape[dim]
    places = torch.arange(length, device=mask.device)
    last = counts.index_select(dim, (places + halo).clamp(max=length - 1))
    before = counts.index_select(dim, (places - halo - 1).clamp(min=0))
    missing = (places - halo - 1 < 0).reshape((-1, 1) if dim == 0 else (1, -1))
    return last > before.masked_fill(missing, 0)


def around_target(view: View) -> Window:
    """The part of the window that gives the target's answers exactly: its rectangle and the halo around it."""
    target = _Counts((view.weights != 0).cpu().numpy()).around(Window(0, 0, *view.shape))
    return Window(0, 0, *view.shape) if target is None else crop_around(view, target)


def part(view: View, crop: Window) -> View:
    """The view of a part of the window."""
    return replace(
        view,
        reflectance=view.reflectance[:, :, crop.rows, crop.cols],
        baselines=view.baselines[:, :, crop.rows, crop.cols],
        valid=view.valid[crop.rows, crop.cols],
        weights=view.weights[crop.rows, crop.cols],
        row=view.row + crop.row,
        col=view.col + crop.col,
    )


def crop_around(view: View, answers: Window) -> Window:
    """The part of the window that has to be computed for these answers: R more on each side, aligned to the stride."""
    whole, module = Window(0, 0, *view.shape), view.network.module
    if not sees_nearby_only(view):
        return whole
    multiple = module.multiple if isinstance(module, ForeignNetwork) else 1
    stride, wanted = view.network.stride, _grown(answers, view.network.halo)
    row, height = _aligned(wanted.row, wanted.height, whole.height, stride, lcm(stride, multiple, _QUANTUM))
    col, width = _aligned(wanted.col, wanted.width, whole.width, stride, lcm(stride, multiple, _QUANTUM))
    if isinstance(module, ForeignNetwork) and not module.takes(height, width):
        return whole
    return Window(row, col, height, width)


def _aligned(start: int, length: int, limit: int, stride: int, quantum: int) -> tuple[int, int]:
    """Start, on a multiple of ``stride``, and length that hold what is wanted, as far as it lies within ``limit``."""
    stop = min(limit, start + length)
    start = max(0, start) // stride * stride
    length = -(-(stop - start) // quantum) * quantum
    if start + length > limit:
        start = max(0, limit - length) // stride * stride
        length = limit - start
    return start, length


def _grown(box: Window, by: int) -> Window:
    return Window(box.row - by, box.col - by, box.height + 2 * by, box.width + 2 * by)


class _Counts:
    """How many pixels of a mask lie in rectangles, looked up in its integral image."""

    def __init__(self, mask: np.ndarray) -> None:
        self._mask = mask
        self._sums = np.pad(mask.astype(np.int64).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))

    def any(self, box: Window) -> bool:
        """Whether one of the rectangle's pixels is true."""
        top, bottom, left, right = box.row, box.rows.stop, box.col, box.cols.stop
        s = self._sums
        return bool(s[bottom, right] - s[top, right] - s[bottom, left] + s[top, left])

    def around(self, box: Window) -> Window | None:
        """The smallest rectangle that holds all true pixels of ``box``; None where there is none."""
        if not self.any(box):
            return None
        mask = self._mask[box.rows, box.cols]
        rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        return Window(
            box.row + int(rows[0]), box.col + int(cols[0]), int(rows[-1] - rows[0]) + 1, int(cols[-1] - cols[0]) + 1
        )
