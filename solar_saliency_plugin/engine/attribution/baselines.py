"""What “absent” means: the images that the scene is compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter

from ...contract.attribution import Question
from ...contract.errors import GridUnsuitableError, RequestError
from ..imagery.grid import Grid, Window
from ..imagery.scene import Scene, open_scene
from ..job import Job
from .statistics import Statistics

#: Reflectance of dry, bare, medium-brown soil, in round numbers of our own: it rises steadily into the short-wave
#: infrared and falls a little beyond. What it is exactly matters less than that it is no farm.
SOIL = {
    "B01": 0.08,
    "B02": 0.09,
    "B03": 0.12,
    "B04": 0.16,
    "B05": 0.18,
    "B06": 0.20,
    "B07": 0.22,
    "B08": 0.24,
    "B8A": 0.25,
    "B09": 0.26,
    "B10": 0.01,
    "B11": 0.33,
    "B12": 0.28,
}

#: The Gaussian of a blur ends so many standard deviations away.
_TRUNCATE = 3.0

#: Spectra of the surroundings are drawn up to so many metres from the target.
SURROUNDINGS = 500.0


@dataclass(frozen=True)
class Baseline:
    """What a scene is compared with, window by window.

    of: (reflectance (bands, H, W), valid (H, W), window) → images (K, bands, H, W), float32. reach: how far around
    a pixel its baseline is made from, pixels. text: in words.
    """

    of: Callable[[np.ndarray, np.ndarray, Window], np.ndarray]
    reach: int
    text: str
    close: Callable[[], None] = lambda: None


def make_baseline(
    request: Question,
    scene: Scene,
    level: str,
    of_scene: Callable[[], Statistics],
    around: Callable[[], np.ndarray],
    job: Job,
) -> Baseline:
    """The baseline of a request, at the processing level that the model wants.

    of_scene gives the scene's statistics, around spectra (N, bands) from near the target; each is asked only where it
    is needed. Raises :class:`RequestError` and what opening a scene raises.
    """
    kind = request.baseline
    if kind != "scene" and (request.baseline_scene.strip() or request.baseline_date.strip()):
        raise RequestError(
            "A second scene or date was given, but the baseline is not “another date”.",
            "Choose that baseline (scene), or leave the second scene and its date empty.",
        )
    if kind == "scene":
        return _other_scene(request, scene, level, job)
    if kind == "blur":
        return _blur(request.blur, scene, job)
    if kind == "surroundings":
        return _constant(_drawn(around(), request.spectra, request.seed), f"{request.spectra} spectra drawn around it")
    if kind == "mean":
        return _constant(of_scene().mean[None], "the scene's mean of each band")
    spectrum = [SOIL[name] if kind == "soil" else 0.0 for name in scene.bands]
    return _constant(np.array([spectrum]), "bare soil" if kind == "soil" else "zero")


def _constant(spectra: np.ndarray, text: str) -> Baseline:
    """The same spectrum at every pixel; (K, bands) gives K images."""

    def of(reflectance: np.ndarray, valid: np.ndarray, window: Window) -> np.ndarray:
        shape = (len(spectra), *reflectance.shape)
        return np.broadcast_to(spectra[:, :, None, None].astype(np.float32), shape).copy()

    return Baseline(of, 0, text)


def _blur(sigma: float, scene: Scene, job: Job) -> Baseline:
    width, height = scene.grid.pixel_size
    sigmas = (sigma / height, sigma / width)

    def of(reflectance: np.ndarray, valid: np.ndarray, window: Window) -> np.ndarray:
        def blurred(values: np.ndarray) -> np.ndarray:
            job.check()
            return gaussian_filter(values.astype(np.float64), sigmas, mode="constant", truncate=_TRUNCATE)

        share = np.maximum(blurred(valid), 1e-12)  # of the Gaussian that lies on valid pixels
        return np.stack([blurred(band * valid) / share for band in reflectance]).astype(np.float32)[None]

    return Baseline(of, int(np.ceil(_TRUNCATE * max(sigmas))) + 1, f"the image, blurred by {sigma:g} m")


def _drawn(spectra: np.ndarray, count: int, seed: int) -> np.ndarray:
    if not len(spectra):
        raise RequestError(
            "There is no valid ground around the target to draw a baseline from.", "Choose another baseline."
        )
    chosen = np.random.default_rng(seed).choice(len(spectra), count, replace=len(spectra) < count)
    return spectra[chosen].astype(np.float64)


def _other_scene(request: Question, scene: Scene, level: str, job: Job) -> Baseline:
    path, date = request.baseline_scene.strip(), request.baseline_date.strip()
    if not path and not date:
        raise RequestError("The baseline is another date, but no second scene was given.", "Choose the second scene.")
    wanted = replace(request, scene=path or request.scene, date=date, extent=None, extent_crs="")
    other = open_scene(wanted, job, scene.bands, level=level)
    try:
        row, col = _offset(scene.grid, other.grid)
    except GridUnsuitableError:
        other.close()
        raise

    def of(reflectance: np.ndarray, valid: np.ndarray, window: Window) -> np.ndarray:
        found, present = reflectance.copy(), np.zeros(valid.shape, bool)
        there = Window(window.row + row, window.col + col, window.height, window.width)
        common = there.intersection(other.grid.whole)
        if common.height and common.width:
            values, seen = other.read(common)
            rows, cols = common.within(there)
            found[:, rows, cols] = np.where(seen, values, reflectance[:, rows, cols])
            present[rows, cols] = seen
        if not present[valid].all():
            job.warn("The second scene holds no data for some pixels: nothing is attributed to them.")
        return found[None]

    return Baseline(of, 0, f"the scene {other.id}" + (f" of {other.date}" if other.date else ""), other.close)


def _offset(own: Grid, other: Grid) -> tuple[int, int]:
    """Row and column, in the other grid, of the own grid's first pixel; the pixels must be the same ones."""
    col, row = ~other.transform * (own.transform.c, own.transform.f)
    same = (
        own.crs == other.crs
        and np.allclose(own.transform[:2] + own.transform[3:5], other.transform[:2] + other.transform[3:5], rtol=1e-6)
        and abs(row - round(row)) < 0.01
        and abs(col - round(col)) < 0.01
    )
    if not same:
        raise GridUnsuitableError(
            "The second scene does not lie on the same pixels as the first.",
            "Choose another date of the same tile, or write both with Prepare Scene for the same extent.",
        )
    return round(row), round(col)
