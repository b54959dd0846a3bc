"""What a network marks where no farm is known."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..models.unet import UNet
from .backgrounds import Background
from .evaluation import PIXEL_AREA, THRESHOLDS, probability, rounded
from .objects import MINIMUM_HA
from .scores import Ground, Tally


@dataclass(frozen=True)
class FalseArea:
    """What is marked in a scene without farms.

    pixels: valid ones; tally: of all of them; detected: pixels in detections at each of :data:`THRESHOLDS`, those as
    small as polygonizing drops left out.
    """

    pixels: int
    tally: Tally
    detected: np.ndarray

    def __add__(self, other: "FalseArea") -> "FalseArea":
        """Both together."""
        return FalseArea(self.pixels + other.pixels, self.tally + other.tally, self.detected + other.detected)

    def share_detected(self, threshold: float) -> float:
        """Share of the valid pixels that lie in detections; ``threshold`` is one of :data:`THRESHOLDS`."""
        return float(self.detected[THRESHOLDS.index(threshold)]) / self.pixels

    def ground(self, threshold: float) -> Ground:
        """Hectares seen and falsely detected."""
        return Ground(self.pixels / 100, float(self.detected[THRESHOLDS.index(threshold)]) / 100)

    def percent(self, threshold: float) -> dict[str, float | None]:
        """Plain values for a card."""
        return {
            "pixels": rounded(100 * self.tally.share_above(threshold)),
            "detections": rounded(100 * self.share_detected(threshold)),
        }


def false_area(network: UNet, scene: Background) -> FalseArea:
    """What ``network`` marks in a scene without farms."""
    values = np.where(scene.valid, probability(network, scene.reflectance, scene.valid), 0)
    everywhere = values[scene.valid]
    detected = np.array([_in_detections(values >= np.float32(threshold)) for threshold in THRESHOLDS])
    return FalseArea(everywhere.size, Tally.of(everywhere, np.zeros(everywhere.shape, bool)), detected)


def _in_detections(marked: np.ndarray) -> int:
    """Pixels of those components that are no smaller than what polygonizing keeps."""
    labels, _ = ndimage.label(marked)
    sizes = np.bincount(labels.ravel())[1:]
    return int(sizes[sizes * PIXEL_AREA >= MINIMUM_HA * 1e4].sum())
