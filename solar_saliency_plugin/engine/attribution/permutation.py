"""Feature permutation: what the answer loses when a band's values are exchanged with those of other places.

Breiman: Random Forests. Machine Learning 45 (2001); Fisher, Rudin, Dominici, JMLR 20 (2019). captum's
FeaturePermutation exchanges whole images of a batch; here the pixels are the batch: each pixel gets, in one band, the
value of a pixel drawn at random from all that are explained. Drawing follows from seed, sample, band, and absolute row
and column, and the values are those of all windows, so the same pixel gets the same value in any window.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import ndtr

from . import keyed
from .ablation import losses_of_answers
from .view import Attribution, Settings, View

#: Values are counted in steps of 0.0001, as Sentinel-2 stores them, from lowest to highest.
_LOWEST, _STEP, _STEPS = -0.2, 1e-4, 22_001


def gather_values(view: View, settings: Settings, *, core: tuple[slice, slice]) -> torch.Tensor:
    """How often each value occurs in each band among the core's valid pixels: (bands, steps), float64."""
    rows, cols = core
    valid = view.valid[rows, cols]
    pixels = view.reflectance[0][:, rows, cols][:, valid].double()
    steps = ((pixels - _LOWEST) / _STEP).round().long().clamp(0, _STEPS - 1)
    return torch.stack([torch.bincount(band, minlength=_STEPS) for band in steps]).double()


def feature_permutation(view: View, settings: Settings) -> Attribution:
    """What S loses, in the mean over ``samples`` exchanges, when a band's values are exchanged: (bands, H, W).

    Like ablation of bands it is drawn where the answers changed: a band's map adds up to the band's number. Where not
    valid nothing is exchanged.
    """
    whole = slice(0, view.shape[0]), slice(0, view.shape[1])
    counts = view.gathered if view.gathered is not None else gather_values(view, settings, core=whole)
    up_to = np.cumsum(counts.cpu().numpy(), axis=1)
    bands, samples = view.reflectance.shape[1], settings["samples"]

    def exchanged(number: int, image: torch.Tensor, seen: View) -> torch.Tensor:
        sample, band = divmod(number, bands)
        drawn = _drawn(seen, sample, band, up_to[band]).to(image.device)
        image[band] = torch.where(seen.valid, drawn, image[band])
        return image

    values = losses_of_answers(view, samples * bands, exchanged, "Exchanging bands' values", groups=bands)
    return Attribution(values / samples, 1 + samples * bands)


def _drawn(view: View, sample: int, band: int, up_to: np.ndarray) -> torch.Tensor:
    """(H, W), float32: values drawn from those counted (``up_to`` each step), for the pixels of the view."""
    if not up_to[-1]:
        return view.reflectance[0, band]
    # A stream of its own for each sample and band; a normal number's place in its distribution is a uniform one.
    places = ndtr(
        keyed.normal(view.seed, sample * view.reflectance.shape[1] + band, (1, *view.shape), view.row, view.col)
    )
    steps = np.searchsorted(up_to, places[0].astype(np.float64) * up_to[-1], side="right")
    return torch.from_numpy((_LOWEST + np.minimum(steps, _STEPS - 1) * _STEP).astype(np.float32))
