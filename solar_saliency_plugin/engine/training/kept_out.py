"""Places that a network does not learn from: how good it is there, and from which probability on it should be believed.

Farms and ground are pooled, so that a network that paints ground as farm loses wherever that ground is.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import torch

from ..job import Job
from ..models.runtime import folded
from ..models.unet import UNet
from .backgrounds import Background
from .calibration import Calibration, fit_calibration
from .farms import FarmView
from .scores import Tally

#: So many dates of a site are measured at most, spread over all of them; and so many windows of ground.
DATES_PER_SITE = 8
GROUND_WINDOWS = 60

#: Calibration is told of pixels of this probability or more: of nearly all others the model is rightly sure.
UNSURE = 0.05

#: Share of the ground that may be marked as farm at a threshold, where any threshold keeps to it.
FALSE_AREA = 0.0005

THRESHOLDS = tuple(step / 100 for step in range(10, 96))

#: Windows of one size that are computed at a time: what lies between two layers should stay in a processor's cache.
_AT_A_TIME = {"cpu": 2, "cuda": 16}


@dataclass(frozen=True)
class Measured:
    """A network's scores on kept-out places; the threshold is the best one there, or the one that was asked for."""

    farms: Tally
    ground: Tally
    threshold: float

    @property
    def average_precision(self) -> float:
        """Over all pixels, farms' surroundings and ground together."""
        return (self.farms + self.ground).average_precision()

    @property
    def iou(self) -> float:
        """Intersection over union over all pixels."""
        return (self.farms + self.ground).iou(self.threshold)

    @property
    def false_area(self) -> float | None:
        """Share of the ground windows' pixels that are marked as farm; None where there are none."""
        return self.ground.share_above(self.threshold) if self.ground.pixels else None

    def facts(self) -> dict[str, Any]:
        """Plain values for a card or a result."""
        both = self.farms + self.ground
        error = both.calibration_error(above=UNSURE)
        return {
            "average_precision": round(self.average_precision, 4),
            "iou": round(self.iou, 4),
            "threshold": self.threshold,
            "calibration_error": None if math.isnan(error) else round(error, 4),
            "false_area_percent": None if self.false_area is None else round(100 * self.false_area, 4),
            "farm_pixels": both.farm_pixels,
            "ground_pixels": both.pixels - both.farm_pixels,
        }


@dataclass(frozen=True)
class _Window:
    reflectance: np.ndarray
    valid: np.ndarray
    counted: np.ndarray
    is_farm: np.ndarray
    is_view: bool


class KeptOut:
    """Views and ground that a network is measured on; ``device`` is where that is computed."""

    def __init__(self, views: Sequence[FarmView], ground: Sequence[Background], device: str, job: Job) -> None:
        self._device, self._job = device, job
        self.views = _spread(views)
        step = max(1, -(-len(ground) // GROUND_WINDOWS))
        self.ground = list(ground[::step])
        windows = [_Window(v.reflectance, v.valid, v.counted, v.coverage >= 0.5, True) for v in self.views]
        windows += [_Window(g.reflectance, g.valid, g.valid, np.zeros_like(g.valid), False) for g in self.ground]
        self._windows = sorted(windows, key=lambda window: window.valid.shape)

    @property
    def farm_pixels(self) -> int:
        """How many pixels of farm there are to be found."""
        return sum(int((window.is_farm & window.counted).sum()) for window in self._windows)

    def average_precision(self, network: UNet) -> float:
        """What tells a better network from a worse one."""
        farms, ground = self._tallies(network)
        return (farms + ground).average_precision()

    def measured(self, network: UNet, threshold: float | None = None) -> Measured:
        """The network's scores at ``threshold``, or at the one that serves best here."""
        farms, ground = self._tallies(network)
        return Measured(farms, ground, _best_threshold(farms, ground) if threshold is None else threshold)

    def calibration(self, network: UNet) -> Calibration:
        """What makes the network's probabilities shares of farm here."""
        parts = [(logits, window.is_farm[window.counted]) for window, logits in self._computed(network)]
        return fit_calibration(np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]))

    def _tallies(self, network: UNet) -> tuple[Tally, Tally]:
        farms, ground = Tally(), Tally()
        for window, logits in self._computed(network):
            tally = farms if window.is_view else ground
            tally.add(1 / (1 + np.exp(-logits.astype(np.float64))), window.is_farm[window.counted])
        return farms, ground

    def _computed(self, network: UNet) -> Iterator[tuple[_Window, np.ndarray]]:
        """Every window with the logits (n,) of its pixels that count."""
        mean = network.normalisation.mean[0].cpu().numpy()
        running = folded(network).to(self._device)
        running.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
        for _, alike in groupby(self._windows, key=lambda window: window.valid.shape):
            windows = list(alike)
            for start in range(0, len(windows), _AT_A_TIME[self._device]):
                self._job.check()
                batch = windows[start : start + _AT_A_TIME[self._device]]
                # Invalid pixels are shown as the mean, as the run time does.
                shown = np.stack([np.where(w.valid, w.reflectance, mean) for w in batch]).astype(np.float32)
                with torch.inference_mode():
                    tensor = torch.from_numpy(shown).to(self._device, memory_format=torch.channels_last)
                    logits = running(tensor)[:, 0].cpu().numpy()
                for window, answer in zip(batch, logits, strict=True):
                    yield window, answer[window.counted]


def _spread(views: Sequence[FarmView]) -> list[FarmView]:
    """At most :data:`DATES_PER_SITE` dates of each site, from the first to the last, with all their crops."""
    chosen = []
    for _, of_site in groupby(sorted(views, key=lambda view: (view.site, view.date)), key=lambda view: view.site):
        listed = list(of_site)
        dates = sorted({view.date for view in listed})
        kept = {dates[round(i)] for i in np.linspace(0, len(dates) - 1, min(len(dates), DATES_PER_SITE))}
        chosen += [view for view in listed if view.date in kept]
    return chosen


def _best_threshold(farms: Tally, ground: Tally) -> float:
    """The best IoU over all pixels among the thresholds that leave ground alone; the highest where none does."""
    both = farms + ground
    quiet = [t for t in THRESHOLDS if not ground.pixels or ground.share_above(t) <= FALSE_AREA] or THRESHOLDS[-1:]
    return max(quiet, key=both.iou)
