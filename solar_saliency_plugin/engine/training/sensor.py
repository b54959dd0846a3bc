"""What Sentinel-2's instrument makes of a landscape: blur, area averaging to 10 m or 20 m, noise."""

import numpy as np

from ..imagery.bands import BANDS
from .landscape import SPACING, Landscape
from .reflectances import COVERS

#: Blur besides the averaging over a pixel: deviation of a Gaussian, in pixels. With the average it gives a modulation
#: of 0.28 at the Nyquist frequency, within the 0.15–0.30 that ESA's Sentinel-2 MSI technical guide requires.
BLUR = 0.41

#: Noise: a floor and a part of the signal; a signal-to-noise ratio of 100–170 at the reference radiances, as specified.
NOISE_FLOOR, NOISE_PART = 0.0012, 0.004


def expose(landscape: Landscape, band: int, name: str, rng: np.random.Generator) -> np.ndarray:
    """Reflectance of a landscape in one band, float32, at the band's native pixel size.

    ``band`` is the band's position in the spectra, ``name`` its name. The landscape's side must be a multiple of the
    band's pixel.
    """
    spectra = np.array([cover.spectra[:, band] for cover in COVERS], np.float32)
    second = spectra[landscape.cover, 1]
    truth = second + (spectra[landscape.cover, 0] - second) * landscape.share
    pixel = round(BANDS[name].native_resolution / SPACING)
    image = averaged(blurred(truth, BLUR * pixel), pixel)
    noise = rng.standard_normal(image.shape, dtype=np.float32) * (NOISE_FLOOR + NOISE_PART * image)
    return image + noise


def blurred(image: np.ndarray, deviation: float) -> np.ndarray:
    """A Gaussian blur, ``deviation`` in points; the edge is repeated outward."""
    reach = int(np.ceil(3 * deviation))
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (offsets / deviation) ** 2)
    weights = (weights / weights.sum()).astype(np.float32)
    height, width = image.shape
    padded = np.pad(image, ((reach, reach), (0, 0)), mode="edge")
    image = sum((weight * padded[i : i + height] for i, weight in enumerate(weights)), np.zeros_like(image))
    padded = np.pad(image, ((0, 0), (reach, reach)), mode="edge")
    image = sum((weight * padded[:, i : i + width] for i, weight in enumerate(weights)), np.zeros_like(image))
    return image


def averaged(image: np.ndarray, factor: int) -> np.ndarray:
    """The mean of every ``factor`` × ``factor`` block."""
    height, width = image.shape
    blocks = image.reshape(height // factor, factor, width // factor, factor)
    return blocks.mean(axis=(1, 3), dtype=np.float32)
