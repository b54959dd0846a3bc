"""Masks found by descent: the smallest that removes a detection, or the best of a given area.

d in [0, 1] says how much of each pixel is masked: replaced by the baseline where something is deleted, shown where
something is kept. m = 1 − d is the mask of Fong and Vedaldi (2017), who minimise λ₁‖1 − m‖₁ + E_τ f(Φ(x, m − τ)) +
λ₂ TV(m) with Φ = m x + (1 − m) x′. Here f is how far the target's pixels exceed the threshold, as a share of how far
they do so in the image: 1 there, 0 where none is detected; see :func:`excess_of`. Norm and variation are divided by the
target's number of pixels, so that they do not depend on how large the window is. Where an area is given, Fong, Patrick
and Vedaldi (2019) want the sorted mask to be so many ones and then zeros: λ ‖sort(d) − r‖², λ growing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from .keyed import uniform
from .layers import on_pixels
from .view import View

#: Step length of Adam at first, in units of the mask; it shrinks to 0, so that the end does not hang on the last draw.
STEP = 0.1

#: λ of a given area, at first and in the end, and the share of the iterations over which it grows.
LOOSE, TIGHT, GROWS = 0.03, 10.0, 0.7

#: Keys of draws that belong to no sample of noise.
_SHIFTS = 1 << 42

#: The search has settled where the last tenth of the iterations changed the loss by less than this share of its start.
STILL = 0.01


@dataclass(frozen=True)
class Wanted:
    """What mask is sought.

    keeps: the area is shown, and all else replaced; else it is replaced. level: the answer (logit or probability) from
    which a pixel counts as detected. area: pixels; None: as few as will do. area_weight, smoothness: λ₁ and λ₂. grain:
    side of the mask's cells, pixels. jitter: pixels. trials, iterations: numbers.
    """

    keeps: bool
    level: float
    area: float | None
    area_weight: float
    smoothness: float
    grain: int
    jitter: int
    trials: int
    iterations: int


@dataclass(frozen=True)
class Mask:
    """A mask (H, W), float32, and how it was found: loss and excess (f) after each iteration."""

    values: torch.Tensor
    curve: tuple[tuple[float, float], ...]
    evaluations: int

    @property
    def settled(self) -> bool:
        """Whether more iterations would hardly have changed the loss."""
        losses = [loss for loss, _ in self.curve]
        tenth = max(1, len(losses) // 10)
        if len(losses) < 3 * tenth:
            return False
        last, before = (sum(losses[at : at + tenth]) / tenth for at in (len(losses) - tenth, len(losses) - 2 * tenth))
        return abs(last - before) <= STILL * max(losses)


def find_mask(view: View, wanted: Wanted) -> Mask:
    """The mask, by Adam from half a mask everywhere; random numbers follow from the view's seed."""
    rows, cols = view.shape
    cells = torch.full((-(-rows // wanted.grain), -(-cols // wanted.grain)), 0.5, device=view.reflectance.device)
    cells.requires_grad_(True)
    adam = torch.optim.Adam([cells], lr=STEP)
    excess = excess_of(view, wanted)
    curve = []
    for iteration in range(wanted.iterations):
        adam.param_groups[0]["lr"] = STEP * (1 - iteration / wanted.iterations)
        adam.zero_grad()
        mask = on_pixels(cells, wanted.grain, view.shape)
        share = _mean_excess(view, wanted, mask, excess, iteration)
        loss = share + _cost(view, wanted, mask, iteration)
        loss.backward()  # type: ignore[no-untyped-call]  # torch's stub lacks it
        adam.step()
        with torch.no_grad():
            cells.clamp_(0, 1)
        curve.append((float(loss.detach()), float(share.detach())))
        view.job.progress((iteration + 1) / wanted.iterations, f"{iteration + 1} of {wanted.iterations} masks tried")
    with torch.no_grad():
        found = on_pixels(cells, wanted.grain, view.shape) * view.valid
    return Mask(found.detach(), tuple(curve), wanted.iterations * wanted.trials)


def masked(view: View, mask: torch.Tensor, keeps: bool, baselines: torch.Tensor) -> torch.Tensor:
    """Φ: the image with the mask (N or 1, H, W) on it, against N baselines; (N, bands, H, W)."""
    shown = (mask if keeps else 1 - mask)[:, None]
    return baselines + shown * (view.reflectance - baselines)


def excess_of(view: View, wanted: Wanted) -> Callable[[torch.Tensor], torch.Tensor]:
    """f: answers (N, H, W) → (N,), from 1 for what is to be left behind to 0 for what is sought.

    For the smallest mask: how far answers exceed the level, of how far the image's do. Where an area is given: how far
    they are from the baseline's, or, to keep, from the image's, of how far these two are apart; a level would be
    crossed too early there, by half a mask everywhere, and from then on nothing would tell good areas from bad ones.
    NaN where there is nothing between the two.
    """
    with torch.no_grad():
        image = view.answers(view.reflectance)
        if wanted.area is None:
            absent = torch.full_like(image, wanted.level)
        else:
            absent = torch.stack([view.answers(baseline[None])[0] for baseline in view.baselines]).mean(dim=0)[None]
        whole = ((image - absent).relu() * view.weights).sum()

    def excess(answers: torch.Tensor) -> torch.Tensor:
        over = image - answers if wanted.keeps else answers - absent
        return (over.relu() * view.weights).sum(dim=(1, 2)) / whole

    return excess


def _mean_excess(
    view: View, wanted: Wanted, mask: torch.Tensor, excess: Callable[[torch.Tensor], torch.Tensor], iteration: int
) -> torch.Tensor:
    """E_τ f(Φ(x, m − τ)), over the trials of one iteration; with gradient."""
    total = torch.zeros((), device=mask.device)
    first = iteration * wanted.trials
    for start in range(0, wanted.trials, view.at_a_time):
        numbers = range(first + start, first + min(wanted.trials, start + view.at_a_time))
        moved = torch.stack([_moved(mask, wanted.jitter, view.seed, number) for number in numbers])
        baselines = view.baselines[[number % len(view.baselines) for number in numbers]]
        total = total + excess(view.answers(masked(view, moved, wanted.keeps, baselines))).sum()
    return total / wanted.trials


def _moved(mask: torch.Tensor, jitter: int, seed: int, number: int) -> torch.Tensor:
    """The mask, moved by up to ``jitter`` pixels each way; at the edge it goes on as it ends."""
    if not jitter:
        return mask
    down, right = (int(uniform(seed, _SHIFTS + 2 * number + axis) * (2 * jitter + 1)) for axis in (0, 1))
    padded = nn.functional.pad(mask[None, None], (jitter,) * 4, mode="replicate")[0, 0]
    return padded[down : down + mask.shape[0], right : right + mask.shape[1]]


def _cost(view: View, wanted: Wanted, mask: torch.Tensor, iteration: int) -> torch.Tensor:
    """What the mask's area and edges cost."""
    pixels = float((view.weights > 0).sum())
    variation = (mask[1:] - mask[:-1]).abs().sum() + (mask[:, 1:] - mask[:, :-1]).abs().sum()
    cost = wanted.smoothness * variation / pixels
    if wanted.area is None:
        return cost + wanted.area_weight * mask.sum() / pixels
    done = min(1.0, iteration / (GROWS * wanted.iterations))
    weight = math.exp(math.log(LOOSE) + done * math.log(TIGHT / LOOSE))
    ones = (wanted.area - torch.arange(mask.numel(), device=mask.device)).clamp(0, 1)
    return cost + weight * (mask.flatten().sort(descending=True).values - ones).square().sum() / wanted.area
