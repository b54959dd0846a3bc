"""What is said of a scene as a whole: each band's mean and spread, taken once and used in all windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...contract.errors import SceneEmptyError
from ..imagery.grid import Window
from ..imagery.scene import Scene
from ..job import Job

#: Scenes of up to so many pixels are looked at whole; of larger ones, a grid of places is.
_WHOLE_PIXELS = 1024 * 1024
_PLACES, _SIDE = 10, 128


@dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation of each band over a scene's valid pixels, (bands,), float64; and of how many."""

    mean: np.ndarray
    spread: np.ndarray
    pixels: int


def statistics(scene: Scene, job: Job) -> Statistics:
    """The statistics of a scene: of all its valid pixels, or of 100 evenly spread places where it is large."""
    count, total, squares = 0, np.zeros(len(scene.bands)), np.zeros(len(scene.bands))
    for window in places(scene.grid.whole):
        job.check()
        reflectance, valid = scene.read(window)
        pixels = reflectance[:, valid].astype(np.float64)
        count += pixels.shape[1]
        total += pixels.sum(axis=1)
        squares += (pixels**2).sum(axis=1)
    if not count:
        raise SceneEmptyError("The scene holds no valid pixel.", "Choose another date or product.")
    mean = total / count
    return Statistics(mean, np.sqrt(np.maximum(squares / count - mean**2, 0)), count)


def places(whole: Window) -> list[Window]:
    """Windows that a scene is known by: all of it where it is small, else 100 evenly spread ones."""
    if whole.height * whole.width <= _WHOLE_PIXELS:
        return [Window(row, 0, min(256, whole.height - row), whole.width) for row in range(0, whole.height, 256)]
    height, width = min(_SIDE, whole.height), min(_SIDE, whole.width)
    rows, cols = (
        sorted({round(k * (length - side) / (_PLACES - 1)) for k in range(_PLACES)})
        for length, side in ((whole.height, height), (whole.width, width))
    )
    return [Window(row, col, height, width) for row in rows for col in cols]
