"""What of an image is marked as solar farm: the pixels of those components that polygonizing keeps."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..detection.components import CORE_PIXELS
from .objects import MINIMUM_HA

#: Square metres of a pixel.
PIXEL_AREA = 100.0


@dataclass(frozen=True)
class Marking:
    """What makes pixels a detection: probabilities that all of them and those of its core must reach."""

    threshold: float
    core: float = 0.0


class Marked:
    """Components (H, W) of the pixels that reach a threshold, whatever core will be asked for."""

    def __init__(self, probability: np.ndarray, threshold: float) -> None:
        """``probability`` (H, W) is 0 where nothing was seen."""
        self._labels, count = ndimage.label(probability >= np.float32(threshold))
        self._sizes = np.bincount(self._labels.ravel(), minlength=count + 1)
        self._sureness = np.full(count + 1, -1.0, np.float32)  # the highest core that each has; of small ones, none
        places = ndimage.find_objects(self._labels)
        for label in np.flatnonzero(self._sizes * PIXEL_AREA >= MINIMUM_HA * 1e4):
            if label:  # 0 is the background
                own = probability[places[label - 1]][self._labels[places[label - 1]] == label]
                self._sureness[label] = np.partition(own, -CORE_PIXELS)[-CORE_PIXELS]

    def pixels(self, core: float) -> int:
        """How many pixels lie in detections."""
        return int(self._sizes[self._sureness >= np.float32(core)].sum())

    def mask(self, core: float) -> np.ndarray:
        """Which pixels do, (H, W) bool."""
        return np.asarray((self._sureness >= np.float32(core))[self._labels])
