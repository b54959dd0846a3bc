"""Probabilities that mean what they say: of the pixels that the map gives 80 %, 80 % are farm.

Platt scaling (Platt 1999, "Probabilistic outputs for support vector machines"): the logit is stretched and shifted so
that the log-likelihood of labels that the network was not fitted to is largest. Both numbers are folded into the
network's last convolution, so that probabilities, thresholds and attributions all speak of the same, calibrated logit.
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.special import expit

from ..models.unet import UNet

#: Stretches outside this range mean that there was nothing to calibrate on: labels all alike, or scores without rank.
_SLOPES = (0.05, 20.0)


@dataclass(frozen=True)
class Calibration:
    """Calibrated logit = scale · logit + shift."""

    scale: float
    shift: float


def fit_calibration(logits: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None) -> Calibration:
    """Stretch and shift of greatest likelihood for logits (N,) of pixels with labels (N,) bool.

    ``weights`` (N,) counts pixels, one each where it is None. Labels that are all alike leave the logits as they are:
    there is nothing to learn from them.
    """
    logits, farm = np.asarray(logits, np.float64), np.asarray(labels, np.float64)
    counts = np.ones_like(logits) if weights is None else np.asarray(weights, np.float64)
    farms, pixels = float((counts * farm).sum()), float(counts.sum())
    if not 0 < farms < pixels:
        return Calibration(1.0, 0.0)
    # Platt's own targets, a little inside 0 and 1: where ranks are perfect, nothing else would bound the stretch.
    farm = np.where(farm == 1, (farms + 1) / (farms + 2), 1 / (pixels - farms + 2))

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        stretched = values[0] * logits + values[1]
        wrong = counts * (expit(stretched) - farm)
        likelihood = counts * (np.logaddexp(0, stretched) - farm * stretched)
        return likelihood.sum() / counts.sum(), np.array([(wrong * logits).sum(), wrong.sum()]) / counts.sum()

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=(_SLOPES, (-20.0, 20.0)))
    return Calibration(round(float(found.x[0]), 4), round(float(found.x[1]), 4))


def calibrated(network: UNet, calibration: Calibration) -> UNet:
    """A copy of ``network`` whose logits are calibrated."""
    network = copy.deepcopy(network)
    with torch.no_grad():
        head = network.head
        if head.bias is None:
            raise ValueError("the head needs a bias to hold the shift")
        head.weight.mul_(calibration.scale)
        head.bias.mul_(calibration.scale).add_(calibration.shift)
    return network
