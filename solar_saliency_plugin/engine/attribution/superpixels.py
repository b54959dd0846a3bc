"""Superpixels: connected patches of similar reflectance, the players of methods that take pieces of the image away."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt

from ...contract.errors import MethodUnsuitableError, RequestError
from .changes import seen_by_target
from .view import View

#: Size where none is asked for, hectares: 10 pixels of 10 m. Six real farms of 0.05 to 2.9 ha, with what the default
#: model sees around them, then have about 11 to 85.
USUAL_SIZE = 0.1

#: How much nearness counts against likeness, where all bands' values lie between 0 and 1 (SLIC's compactness). On five
#: of six real farms 0.2 left the least variance within superpixels, or hardly more; with less there are fewer of them
#: than asked for.
COMPACTNESS = 0.2

#: Up to so many pixels × superpixels, SLIC's first centres are spread by k-means over what is valid, so that there are
#: as many as asked for; beyond, that takes minutes, and they lie on a grid.
_SPREAD_WORK = 20_000_000

#: Standardised values end here, so that one glint does not make all else alike.
_LIMIT = 3.0


def superpixels(
    reflectance: np.ndarray,
    valid: np.ndarray,
    size_ha: float,
    pixel_size: tuple[float, float],
    compactness: float = COMPACTNESS,
) -> np.ndarray:
    """Labels (H, W), int32, from 0 without gaps, of about ``size_ha`` hectares each; −1 where not valid.

    reflectance: (bands, H, W); each band counts by its spread among the valid pixels. valid: (H, W), bool. pixel_size:
    metres. The same input gives the same labels. SLIC, with a mask: Achanta et al., IEEE TPAMI 34 (2012); Irving,
    arXiv:1606.09518 (2016).
    """
    from skimage.segmentation import slic

    labels = np.full(valid.shape, -1, np.int32)
    pixels = int(valid.sum())
    count = min(pixels, round(pixels * pixel_size[0] * pixel_size[1] / 1e4 / size_ha))
    if count < 2:
        labels[valid] = 0
        return labels
    found = slic(
        _standardised(reflectance, valid),
        n_segments=count,
        compactness=compactness,
        mask=valid if pixels * count <= _SPREAD_WORK else None,
        channel_axis=-1,
        convert2lab=False,
        start_label=1,  # 0 is what belongs to none
    )
    return _without_gaps(found, valid)


def _standardised(reflectance: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """(H, W, bands), float64: each band minus its mean, over its spread, over √bands; 0 where not valid."""
    image = np.where(valid, reflectance, 0).astype(np.float64)
    pixels = image[:, valid]
    mean, spread = pixels.mean(axis=1), pixels.std(axis=1)
    spread[spread <= 1e-12] = 1.0
    image = np.clip((image - mean[:, None, None]) / spread[:, None, None], -_LIMIT, _LIMIT)
    scaled: np.ndarray = np.where(valid, image, 0) / np.sqrt(len(image))
    return np.ascontiguousarray(np.moveaxis(scaled, 0, -1))


def _without_gaps(found: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Labels counted from 0; a valid pixel that SLIC left out belongs to the nearest superpixel."""
    found = np.where(valid, found, 0)
    if not found.any():
        found = valid.astype(found.dtype)
    nearest = distance_transform_edt(found == 0, return_distances=False, return_indices=True)
    found = np.where(valid, found[tuple(nearest)], 0)
    _, labels = np.unique(found[valid], return_inverse=True)
    result = np.full(valid.shape, -1, np.int32)
    result[valid] = labels
    return result


def segments(view: View, size_ha: float | None, most: int) -> np.ndarray:
    """The superpixels of the pixels that the target's answers depend on: labels (H, W), int32; −1 elsewhere.

    size_ha: None takes :data:`USUAL_SIZE`, or more where there would be over ``most``; a size that was asked for is
    kept, and too many are refused. They are made of the whole of what is explained: windows of it cannot have them.
    """
    if not view.whole:
        raise MethodUnsuitableError(
            "Superpixels are made of all that is explained at once, which is too large here.",
            "Explain one detection or a smaller extent, or choose a method that works window by window.",
        )
    mask = (view.valid & seen_by_target(view)).cpu().numpy()
    reflectance = view.reflectance[0].cpu().numpy()
    hectares = float(mask.sum()) * view.pixel_size[0] * view.pixel_size[1] / 1e4
    size = size_ha or max(USUAL_SIZE, hectares / most)
    while True:
        view.job.check()
        expected = round(hectares / size)
        if expected <= 1.5 * most:  # more are counted only, since making them takes long
            labels = superpixels(reflectance, mask, size, view.pixel_size)
            expected = int(labels.max()) + 1
            if expected <= most:
                return labels
        if size_ha:
            raise RequestError(
                f"Superpixels of {size_ha:g} ha are about {expected} here; {most} are the most that can be told apart.",
                "Choose larger superpixels, leave their size empty, or allow more evaluations.",
            )
        size *= 1.1


def spread_evenly(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(…, H, W), float64: each superpixel's value, of values (…, n), shared out evenly among its pixels.

    So the sum over a superpixel's pixels is its value. 0 where there is no superpixel.
    """
    counts = np.bincount(labels[labels >= 0], minlength=values.shape[-1])
    shares = np.append(values / np.maximum(counts, 1), np.zeros((*values.shape[:-1], 1)), axis=-1)
    shared: np.ndarray = shares[..., labels]  # −1 is the last one
    return shared
