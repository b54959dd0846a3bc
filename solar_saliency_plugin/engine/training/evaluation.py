"""How good a network is: on farms that it has not seen, and on scenes where there is nothing to find.

Intersection over union (IoU) and average precision (AP) are over single dates: all clear pixels of all clear views of
the sites are pooled, each view computed by itself. A pixel is a farm where half of it or more lies inside a
polygon; no ring around the polygons is left out. Views under snow are scored apart.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..models.unet import UNet
from .backgrounds import Background
from .farms import SNOW_LIMIT, FarmView
from .synthesis import endless_farm

#: Inner pixels that a farm must have to be made larger.
INNER_PIXELS = 40

#: Pixels along the border of such a place that are left out: the network's padding reaches them.
MARGIN = 8

#: False area that a threshold may leave on the validation scenes, as a share.
FALSE_AREA = 0.00015


@dataclass(frozen=True)
class Scored:
    """One view's probabilities and labels at its clear pixels, both (pixels,)."""

    view: FarmView
    probability: np.ndarray
    label: np.ndarray


def probability(network: UNet, reflectance: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Probability (H, W) of reflectance (bands, H, W); invalid pixels are shown as the normalisation's mean."""
    mean = network.normalisation.mean[0].numpy()
    with torch.inference_mode():
        logits = network(torch.from_numpy(np.where(valid, reflectance, mean))[None])
        return np.asarray(torch.sigmoid(logits)[0, 0].numpy())


def scored(network: UNet, views: Sequence[FarmView]) -> list[Scored]:
    """The views that hold panels, each computed by itself."""
    return [
        Scored(view, probability(network, view.reflectance, view.valid)[view.valid], view.coverage[view.valid] >= 0.5)
        for view in views
        if view.coverage.any()
    ]


def pooled(parts: Sequence[Scored]) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and labels of all parts in one row each."""
    return np.concatenate([part.probability for part in parts]), np.concatenate([part.label for part in parts])


def intersection_over_union(probabilities: np.ndarray, labels: np.ndarray, threshold: float) -> float:
    """Pixels that are farm and found, over those that are either."""
    found = probabilities >= threshold
    return float((found & labels).sum() / max(1, (found | labels).sum()))


def average_precision(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean precision at each farm pixel when pixels are ranked by probability (area under precision and recall)."""
    ranked = labels[np.argsort(-probabilities, kind="stable")]
    precision = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    return float(precision[ranked].mean())


def false_areas(network: UNet, backgrounds: Sequence[Background], threshold: float) -> dict[str, float]:
    """Percent of each farm-free scene's valid pixels that reach the threshold, by the scene's name."""
    return {
        scene.name: round(100 * float((_valid_probabilities(network, scene) >= threshold).mean()), 4)
        for scene in backgrounds
    }


def _valid_probabilities(network: UNet, scene: Background) -> np.ndarray:
    return probability(network, scene.reflectance, scene.valid)[scene.valid]


def choose_threshold(network: UNet, views: Sequence[FarmView], backgrounds: Sequence[Background]) -> float:
    """The threshold of best IoU on validation views among those that keep to :data:`FALSE_AREA` on validation scenes.

    Where none keeps to it, the highest one.
    """
    probabilities, labels = pooled([part for part in scored(network, views) if part.view.snow <= SNOW_LIMIT])
    quiet = np.concatenate([_valid_probabilities(network, scene) for scene in backgrounds])
    candidates = [step / 100 for step in range(20, 91, 2)]
    allowed = [t for t in candidates if (quiet >= t).mean() <= FALSE_AREA] or candidates[-1:]
    return max(allowed, key=lambda threshold: intersection_over_union(probabilities, labels, threshold))


def found_inside_large_farms(network: UNet, views: Sequence[FarmView], threshold: float) -> float:
    """Share of pixels found that lie so far inside a farm that no edge of it can be seen.

    The data hold small farms only, so that the inner pixels of each view are spread and mirrored over a larger place.
    """
    found = []
    for view in views:
        if view.snow <= SNOW_LIMIT and ((view.coverage == 1) & view.valid).sum() >= INNER_PIXELS:
            farm = endless_farm(view)
            inside = probability(network, farm, np.ones(farm.shape[1:], bool))[MARGIN:-MARGIN, MARGIN:-MARGIN]
            found.append(inside >= threshold)
    return round(float(np.concatenate([share.ravel() for share in found]).mean()), 4)


def farm_quality(network: UNet, views: Sequence[FarmView], threshold: float) -> dict[str, Any]:
    """IoU and AP of ``views``: over all, by site and by month; and under snow. Plain values for a card."""
    parts = scored(network, views)
    clear = [part for part in parts if part.view.snow <= SNOW_LIMIT]
    snowy = [part for part in parts if part.view.snow > SNOW_LIMIT]
    values = {
        "iou": _iou(clear, threshold),
        "ap": round(average_precision(*pooled(clear)), 4),
        "views": len(clear),
        "by_site": _by(lambda part: part.view.site, clear, threshold),
        "inside_large_farms": found_inside_large_farms(network, views, threshold),
        "by_month": _by(lambda part: part.view.month, clear, threshold),
    }
    if snowy:
        values["under_snow"] = {"iou": _iou(snowy, threshold), "views": len(snowy)}
    return values


def _iou(parts: Sequence[Scored], threshold: float) -> float:
    return round(intersection_over_union(*pooled(parts), threshold), 4)


def _by(key: Callable[[Scored], int], parts: Sequence[Scored], threshold: float) -> dict[str, float]:
    """IoU of each kind of view. Keys are text, as JSON has them."""
    return {str(kind): _iou([p for p in parts if key(p) == kind], threshold) for kind in sorted(set(map(key, parts)))}
