"""What an archive does to an image, and how much worse a network gets by it."""

from collections.abc import Callable, Mapping

import numpy as np
from scipy import ndimage

from ..imagery.atmosphere import Sun, correction
from ..imagery.bands import MODEL_BANDS

#: Reflectance (bands, H, W) to reflectance of the same shape.
Shift = Callable[[np.ndarray], np.ndarray]


def gained(band: int, factor: float) -> Shift:
    """One band's reflectance times ``factor``."""

    def shift(reflectance: np.ndarray) -> np.ndarray:
        shifted = reflectance.copy()
        shifted[band] *= factor
        return shifted

    return shift


def offset(by: float) -> Shift:
    """Every band's reflectance plus ``by``: an offset forgotten, or removed twice, in part."""
    return lambda reflectance: reflectance + np.float32(by)


def blurred(sigma: float) -> Shift:
    """A Gaussian of so many pixels: optics, and resampling."""
    return lambda reflectance: ndimage.gaussian_filter(reflectance, (0, sigma, sigma), mode="nearest")


def moved(pixels: float) -> Shift:
    """Moved by so many pixels along both axes, with bilinear resampling; labels stay where they are."""
    return lambda reflectance: ndimage.shift(reflectance, (0, pixels, pixels), order=1, mode="nearest")


def coarse(reflectance: np.ndarray) -> np.ndarray:
    """Every band at 20 m, repeated to 10 m."""
    _, height, width = reflectance.shape
    padded = np.pad(reflectance, ((0, 0), (0, height % 2), (0, width % 2)), mode="edge")
    blocks = padded.reshape(len(padded), padded.shape[1] // 2, 2, padded.shape[2] // 2, 2).mean(axis=(2, 4))
    return np.asarray(blocks.repeat(2, 1).repeat(2, 2)[:, :height, :width])


def top_of_atmosphere(pairs: list[tuple[np.ndarray, np.ndarray]]) -> Shift:
    """Surface reflectance as level L1C would show it: a line for each band through pairs of scenes at both levels.

    pairs: surface and top-of-atmosphere reflectance of one scene each, both (bands, H, W). Of each pair the line
    through its quartiles is taken, and of all pairs the median line: a robust stand-in for a model of the air.
    """
    lines = []
    for surface, top in pairs:
        low, high = (np.stack([np.percentile(image, q, axis=(1, 2)) for q in (25, 75)]) for image in (surface, top))
        slope = (high[1] - high[0]) / np.maximum(low[1] - low[0], 1e-4)
        lines.append(np.stack([slope, high[0] - slope * low[0]]))
    slope, air = np.median(lines, axis=0)[..., None, None].astype(np.float32)
    return lambda reflectance: np.asarray(slope * reflectance + air, np.float32)


def corrected(shift: Shift, zenith: float) -> Shift:
    """``shift``, and then the correction of level L1C that detection makes, under a sun so many degrees from zenith."""
    air = correction(MODEL_BANDS, Sun(zenith, "given"))
    return lambda reflectance: air.apply(np.array(shift(reflectance), np.float32))


def usual(pairs: list[tuple[np.ndarray, np.ndarray]]) -> Mapping[str, Shift]:
    """The shifts that are measured, by what they are called."""
    gains = {
        f"{band} {sign}10 %": gained(number, factor)
        for number, band in enumerate(MODEL_BANDS)
        for sign, factor in (("−", 0.9), ("+", 1.1))
    }
    return {
        **gains,
        "all bands −10 %": lambda reflectance: reflectance * np.float32(0.9),
        "all bands +10 %": lambda reflectance: reflectance * np.float32(1.1),
        "offset −0.02": offset(-0.02),
        "offset +0.02": offset(0.02),
        "level L1C instead of L2A": top_of_atmosphere(pairs),
        "blur of 0.5 pixels": blurred(0.5),
        "moved by half a pixel": moved(0.5),
        "20 m pixels in all bands": coarse,
    }
