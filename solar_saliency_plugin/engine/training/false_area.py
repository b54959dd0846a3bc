"""What a network marks where no farm is known."""

from dataclasses import dataclass, field

import numpy as np

from ..models.unet import UNet
from .backgrounds import Background
from .evaluation import probability, rounded
from .marking import Marked, Marking
from .scores import Ground, Tally


@dataclass(frozen=True)
class FalseArea:
    """What is marked in a scene without farms: its probability (H, W), 0 where nothing was seen.

    pixels: valid ones; tally: of all of them.
    """

    values: np.ndarray
    pixels: int
    tally: Tally
    _marked: dict[float, Marked] = field(default_factory=dict)

    def detected(self, marking: Marking) -> int:
        """Pixels in detections, those that polygonizing drops left out."""
        if marking.threshold not in self._marked:  # many cores are tried with one threshold
            self._marked[marking.threshold] = Marked(self.values, marking.threshold)
        return self._marked[marking.threshold].pixels(marking.core)

    def ground(self, marking: Marking) -> Ground:
        """Hectares seen and falsely detected."""
        return Ground(self.pixels / 100, self.detected(marking) / 100)

    def percent(self, marking: Marking) -> dict[str, float | None]:
        """Plain values for a card."""
        return {
            "pixels": rounded(100 * self.tally.share_above(marking.threshold)),
            "detections": rounded(100 * self.detected(marking) / self.pixels),
        }


def false_area(network: UNet, scene: Background) -> FalseArea:
    """What ``network`` marks in a scene without farms."""
    values = np.where(scene.valid, probability(network, scene.reflectance, scene.valid), 0)
    everywhere = values[scene.valid]
    return FalseArea(values, everywhere.size, Tally.of(everywhere, np.zeros(everywhere.shape, bool)))
