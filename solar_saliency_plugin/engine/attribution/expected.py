"""Gradients at random points between the image and baselines drawn from a distribution."""

from __future__ import annotations

import torch

from .gradients import seen
from .keyed import uniform
from .noise import noisy
from .view import Attribution, Settings, View

#: Fewer baselines are hardly a distribution.
FEW_BASELINES = 5

#: Keys of draws that belong to no sample of the noise.
_ALPHA, _ROTATION = 1 << 40, 1 << 41


def gradient_shap(view: View, settings: Settings) -> Attribution:
    """E[(x − x′) ⊙ ∂S/∂x(x′ + α(x − x′))], α from U(0, 1), x′ from the baselines (Lundberg, Lee 2017; Erion et al.).

    captum's GradientShap draws α and x′ of each sample by themselves. Here α of sample k of n is drawn from the k-th of
    n equal parts of [0, 1], and baselines take turns, beginning with a random one: the same expectation with less
    chance in it. Both depend on seed and sample only, not on the window. ``noise`` is added to x as SmoothGrad does.
    """
    samples, baselines = settings["samples"], view.baselines
    if len(baselines) < FEW_BASELINES:
        view.job.info(
            f"GradientSHAP was given {len(baselines)} baseline(s): only the points on the path are drawn. "
            "The baseline “surroundings” gives it a distribution."
        )
    alphas, turns = drawn(view.seed, samples, len(baselines))
    total = torch.zeros(view.reflectance.shape[1:], dtype=torch.float64, device=view.reflectance.device)
    for start in range(0, samples, view.at_a_time):
        stop = min(samples, start + view.at_a_time)
        images = noisy(view, settings["noise"], start, stop) if settings["noise"] else view.reflectance
        chosen = baselines[turns[start:stop]]
        shares = torch.tensor(alphas[start:stop], dtype=images.dtype, device=images.device)[:, None, None, None]
        gradients = view.gradient(chosen + shares * (images - chosen))
        total += ((images - chosen).double() * gradients).sum(dim=0)
        view.job.progress(stop / samples, f"{stop} of {samples} points")
    return Attribution(seen(view, total / samples), samples)


def drawn(seed: int, samples: int, baselines: int) -> tuple[list[float], list[int]]:
    """Each sample's α and the number of its baseline.

    Any α is as likely with any baseline: the rotation is drawn from all of them.
    """
    rotation = int(uniform(seed, _ROTATION) * baselines)
    alphas = [(sample + uniform(seed, _ALPHA + sample)) / samples for sample in range(samples)]
    return alphas, [(sample + rotation) % baselines for sample in range(samples)]
