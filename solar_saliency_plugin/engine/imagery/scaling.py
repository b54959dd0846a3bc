"""From stored numbers to reflectance: scale and offset, where they come from, and whether the result can be true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...contract.errors import ScaleUnclearError
from ...contract.imagery import SceneOptions
from ..job import Job
from .product import Layer, Product

#: What Sentinel-2 products are stored with (ESA product specification).
USUAL_SCALE = 1e-4
#: Processing baselines from this one on store reflectance + 0.1 (ESA, January 2022).
OFFSET_BASELINE = "04.00"
BASELINE_OFFSET = -0.1
#: Scales found in the wild, offered where the usual one does not fit.
_KNOWN_SCALES = (1e-4, 1e-3, 1 / 65535, 1.0, 1e-2)
#: A scene whose every band stays above this is suspected of an offset that nobody removed: water and shadow are darker.
_SUSPICIOUS_MINIMUM = 0.095


@dataclass(frozen=True)
class Scaling:
    """reflectance = number × scale + offset, for each band; ``assumed`` where no file and no user said the scale."""

    scale: np.ndarray
    offset: np.ndarray
    assumed: bool

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Turn numbers (bands, rows, columns) or (bands, pixels) into reflectance, in place."""
        shape = (-1,) + (1,) * (values.ndim - 1)
        values *= self.scale.reshape(shape)
        values += self.offset.reshape(shape)
        return values


@dataclass(frozen=True)
class TaggedScale:
    """GDAL's scale and offset of a band; None where the file does not set them (1 and 0)."""

    scale: float | None
    offset: float | None


def decide(
    product: Product,
    layers: Sequence[Layer],
    tags: Sequence[TaggedScale],
    numbers: np.ndarray,
    is_float: bool,
    options: SceneOptions,
    job: Job,
) -> Scaling:
    """Scale and offset of every layer: the user's, else the metadata's, else the file's tags, else the usual ones.

    ``numbers`` (bands, pixels) is a sample of valid stored numbers. Raises :class:`ScaleUnclearError` where the scale
    had to be assumed and the result cannot be reflectance.
    """
    scales = [_first(options.scale, layer.scale, tag.scale) for layer, tag in zip(layers, tags, strict=True)]
    offsets = [_first(options.offset, layer.offset, tag.offset) for layer, tag in zip(layers, tags, strict=True)]
    assumed = any(scale is None for scale in scales)
    usual = _usual_scale(numbers) if is_float else USUAL_SCALE
    fallback = 0.0
    if any(offset is None for offset in offsets) and product.baseline >= OFFSET_BASELINE:
        fallback = BASELINE_OFFSET
        job.warn(
            f"{product.name} is of processing baseline {product.baseline}, whose numbers hold reflectance + 0.1, and "
            "nothing says that this was removed, so 0.1 was subtracted. If it had been, set the option “offset” to 0."
        )
    scaling = Scaling(
        np.array([usual if scale is None else scale for scale in scales], np.float32),
        np.array([fallback if offset is None else offset for offset in offsets], np.float32),
        assumed,
    )
    reflectance = scaling.apply(numbers.astype(np.float32))
    if not is_plausible(reflectance):
        _refuse_or_doubt(product, scaling, numbers, job)
    if all(offset is None for offset in offsets) and not fallback:
        _warn_of_likely_offset(product, reflectance, job)
    elif np.any(scaling.offset):
        _warn_of_offset_removed_twice(product, reflectance, job)
    return scaling


def is_plausible(reflectance: np.ndarray) -> bool:
    """Whether a sample (bands, pixels; B02, B03 first) can be reflectance of land, water, snow or cloud.

    Too dark: not even the brightest band of the brightest pixels reaches 0.12, and green, which water scatters back
    too, stays below 0.015. Too bright: pixels that are not white, as clouds and snow are, reflect more than they get.
    """
    brightest = reflectance.max(axis=0)
    green = reflectance[min(1, len(reflectance) - 1)]
    if np.percentile(brightest, 98) < 0.12 and np.median(green) < 0.015:
        return False
    typical = float(np.median(brightest))
    return typical <= 1.3 or (typical <= 2.5 and float(np.median(reflectance[0])) >= 0.5 * typical)


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


def _usual_scale(numbers: np.ndarray) -> float:
    """Floating-point numbers are reflectance, or the usual integers decoded: only one of the two is plausible."""
    return 1.0 if is_plausible(numbers) else USUAL_SCALE


def _refuse_or_doubt(product: Product, scaling: Scaling, numbers: np.ndarray, job: Job) -> None:
    brightness = float(np.median(scaling.apply(numbers.astype(np.float32)).max(axis=0)))
    message = (
        f"The values of {product.name} do not look like reflectance at the scale {float(scaling.scale[0]):.6g}: "
        f"a typical pixel's brightest band would be {brightness:.3g}; land has 0.1 to 0.6."
    )
    if not scaling.assumed:
        job.warn(message)
        return
    fitting = [
        scale for scale in _KNOWN_SCALES if is_plausible(numbers.astype(np.float32) * scale + scaling.offset[:, None])
    ]
    hint = "Set the option “scale” to what one unit is worth in reflectance"
    if fitting:
        hint = f"Set the option “scale” to {fitting[0]:.9g}, which would fit"
    raise ScaleUnclearError(message, f"{hint}; check it with whoever made the file.")


def _warn_of_likely_offset(product: Product, reflectance: np.ndarray, job: Job) -> None:
    if float(np.percentile(reflectance, 0.1, axis=1).min()) >= _SUSPICIOUS_MINIMUM:
        job.warn(
            f"Nowhere does any band of {product.name} fall below {_SUSPICIOUS_MINIMUM:g}: its numbers probably still "
            "hold the offset of newer products. If so, set the option “offset” to -0.1."
        )


def _warn_of_offset_removed_twice(product: Product, reflectance: np.ndarray, job: Job) -> None:
    if float(np.median(reflectance[:3])) < -0.02:
        job.warn(
            f"With the offset, most visible reflectances of {product.name} are negative: it was probably removed "
            "before. If so, set the option “offset” to 0."
        )
