"""Gradients whose way back through a ReLU is changed: guided backpropagation and deconvolution.

Both are captum's, on the network whose ReLUs are modules of their own: with ``F.relu`` they would quietly equal the
gradient. Both hardly react to the weights of the deeper layers (Nie, Zhang, Patel 2018; Adebayo et al. 2018).
"""

from __future__ import annotations

import warnings

import torch
from captum.attr import Deconvolution, GuidedBackprop

from .view import Attribution, Settings, View


def guided_backprop(view: View, settings: Settings) -> Attribution:
    """∂S/∂x, where each ReLU passes back positive values only, and only where it was open (Springenberg 2015)."""
    return Attribution(_modified_gradient(view, GuidedBackprop, "Guided backpropagation"), 1)


def deconvolution(view: View, settings: Settings) -> Attribution:
    """∂S/∂x, where each ReLU passes back positive values only, open or not (Zeiler, Fergus 2014)."""
    return Attribution(_modified_gradient(view, Deconvolution, "Deconvolution"), 1)


def _modified_gradient(view: View, method: type[GuidedBackprop] | type[Deconvolution], title: str) -> torch.Tensor:
    """(bands, H, W), float32."""
    reflectance = view.reflectance.clone().requires_grad_(True)
    with warnings.catch_warnings(), torch.enable_grad():
        warnings.simplefilter("ignore")  # captum says that it sets hooks
        (gradient,) = method(view.scorer()).attribute(reflectance)
    view.job.progress(1.0, title)
    found: torch.Tensor = gradient.detach()
    return found
