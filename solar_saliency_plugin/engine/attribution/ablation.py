"""Feature ablation: what the answer loses when a band, a superpixel, or one band of a superpixel is taken away.

φ = S(x) − S(x with the feature replaced by the baseline): Zeiler, Fergus: Visualizing and Understanding Convolutional
Networks. ECCV 2014; captum's FeatureAblation, which the tests compare it with.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy.ndimage import find_objects

from ..imagery.grid import Window
from .changes import Changes, answers_of, around_target, part
from .superpixels import segments, spread_evenly
from .view import Attribution, Settings, View

#: Superpixels at most: making more takes seconds in which nothing can be cancelled.
MOST = 1000


def settle_ablation(view: View, settings: Settings) -> Settings:
    """The settings with ``images``: how many changed images will be asked for."""
    if settings["features"] == "bands":
        return {**settings, "images": view.reflectance.shape[1]}
    _, changes = _superpixels(view, settings)
    return {**settings, "images": changes.asked}


def feature_ablation(view: View, settings: Settings) -> Attribution:
    """What S loses when one feature at a time takes the baseline's values.

    (bands, H, W). features "bands": φ of a band, drawn where the answers changed: the value at a pixel is its weight in
    S times what its own answer lost, so that the band's map adds up to φ. "bands_of_superpixels": φ of one band of a
    superpixel is shared out evenly among its pixels; "superpixels": among its pixels and all bands.
    """
    if settings["features"] == "bands":
        return _of_bands(view)
    labels, changes = _superpixels(view, settings)
    count, features, bands = int(labels.max()) + 1, _features(view, settings), view.reflectance.shape[1]
    names = torch.from_numpy(labels).to(view.reflectance.device)
    numbers = torch.arange(features, device=names.device)[:, None, None]

    def mask(index: int, crop: Window) -> torch.Tensor:
        inside = names[crop.rows, crop.cols] == index // features
        return inside & (numbers == index % features)

    found = changes.differences(mask, f"Taking away {count} superpixels")
    every = np.broadcast_to(found.values.reshape(count, features).T / (bands // features), (bands, count))
    values = spread_evenly(labels, every)
    facts = {"superpixels": count, "passes": found.passes}
    return Attribution(torch.from_numpy(values).to(names.device), 1 + found.asked, facts)


def _features(view: View, settings: Settings) -> int:
    return view.reflectance.shape[1] if settings["features"] == "bands_of_superpixels" else 1


def _superpixels(view: View, settings: Settings) -> tuple[np.ndarray, Changes]:
    """Labels (H, W), and the changes: superpixel by superpixel, and of each one band by band."""
    features = _features(view, settings)
    labels = segments(view, settings["superpixel"], max(1, min(MOST, settings["evaluations"] // features)))
    boxes = [
        Window(rows.start, cols.start, rows.stop - rows.start, cols.stop - cols.start)
        for rows, cols in find_objects(labels + 1)
    ]
    return labels, Changes(view, [box for box in boxes for _ in range(features)])


def _of_bands(view: View) -> Attribution:
    def without(band: int, image: torch.Tensor, seen: View) -> torch.Tensor:
        image[band] = seen.baselines[0, band]
        return image

    bands = view.reflectance.shape[1]
    values = losses_of_answers(view, bands, without, "Taking away bands")
    return Attribution(values, 1 + bands)


def losses_of_answers(
    view: View, count: int, change: Callable[[int, torch.Tensor, View], torch.Tensor], message: str, groups: int = 0
) -> torch.Tensor:
    """What each target pixel's answer loses by each change of the image, times its weight: (count, H, W), float64.

    change: from a change's number, a copy of the image (bands, h, w) and the view of the part that matters, the changed
    image. groups: where given, the changes number i, i + groups, i + 2 groups … are added up: (groups, H, W).
    """
    crop = around_target(view)
    seen = part(view, crop)
    groups = groups or count
    values = torch.zeros(groups, *view.shape, dtype=torch.float64, device=view.reflectance.device)
    with torch.no_grad():
        answers = answers_of(seen, seen.reflectance)[0]
        for start in range(0, count, seen.at_a_time):
            numbers = range(start, min(count, start + seen.at_a_time))
            images = torch.stack([change(i, seen.reflectance[0].clone(), seen) for i in numbers])
            lost = (answers - answers_of(seen, images)).double() * seen.weights
            for number, one in zip(numbers, lost, strict=True):
                values[number % groups, crop.rows, crop.cols] += one
            view.job.progress(numbers.stop / count, message)
    return values
