"""Attributions of many noisy copies of the image: their mean, their variance, the mean of their squares."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from .gradients import along_path, midpoints, seen
from .keyed import normal
from .view import Attribution, Settings, View

#: Points on the path of integrated gradients of each noisy image: their mean over many images needs no more.
INNER_STEPS = 20


def smoothgrad(view: View, settings: Settings) -> Attribution:
    """Mean over noisy images of their attribution (Smilkov, Thorat, Kim, Viégas, Wattenberg 2017), signed."""
    moments, evaluations = _measured(view, settings)
    return Attribution(seen(view, torch.stack([m.mean for m in moments]).mean(dim=0)), evaluations)


def vargrad(view: View, settings: Settings) -> Attribution:
    """Variance (of the population: the mean squared deviation) over noisy images (Adebayo et al. 2018), ≥ 0."""
    moments, evaluations = _measured(view, settings)
    return Attribution(seen(view, torch.stack([m.variance for m in moments]).mean(dim=0)), evaluations)


def smoothgrad_squared(view: View, settings: Settings) -> Attribution:
    """Mean over noisy images of their squared attribution (Hooker, Erhan, Kindermans, Kim 2019), ≥ 0."""
    moments, evaluations = _measured(view, settings)
    squares = torch.stack([m.mean.square() + m.variance for m in moments])
    return Attribution(seen(view, squares.mean(dim=0)), evaluations)


def noisy(view: View, share: float, start: int, stop: int) -> torch.Tensor:
    """The image with noise, once for each of the samples ``start`` … ``stop`` − 1, (N, bands, H, W), float32.

    The noise's standard deviation is ``share`` of each band's spread over the scene; what is not valid stays as it is.
    """
    bands = view.reflectance.shape[1]
    sigma = (share * view.spread[:, None, None]).to(view.reflectance) * view.valid
    drawn = [normal(view.seed, sample, (bands, *view.shape), view.row, view.col) for sample in range(start, stop)]
    return torch.cat([view.reflectance + sigma * torch.from_numpy(noise).to(sigma.device) for noise in drawn])


class _Moments:
    """Mean and variance of maps that come one batch after the other, without cancellation (Chan, Golub, LeVeque)."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = torch.zeros(())
        self._deviations = torch.zeros(())

    def add(self, maps: torch.Tensor) -> None:
        """Take in maps (N, bands, H, W)."""
        maps = maps.double()
        mean = maps.mean(dim=0)
        deviations = (maps - mean).square().sum(dim=0)
        if not self.count:
            self.count, self.mean, self._deviations = len(maps), mean, deviations
            return
        count = self.count + len(maps)
        apart = mean - self.mean
        self.mean = self.mean + apart * (len(maps) / count)
        self._deviations = self._deviations + deviations + apart.square() * (self.count * len(maps) / count)
        self.count = count

    @property
    def variance(self) -> torch.Tensor:
        """(bands, H, W), float64, of the population."""
        return self._deviations / self.count


def _measured(view: View, settings: Settings) -> tuple[list[_Moments], int]:
    """Moments over the noisy images: for integrated gradients one for each baseline; and the evaluations."""
    samples = settings["samples"]
    if settings["of"] == "gradient":
        moments = _Moments()
        for maps in _gradients(view, settings["noise"], samples):
            moments.add(maps)
        return [moments], samples
    found = []
    for index in range(len(view.baselines)):
        found.append(_Moments())
        for maps in _integrated_gradients(view, settings["noise"], samples, index):
            found[-1].add(maps)
    return found, samples * INNER_STEPS * len(view.baselines)


def _gradients(view: View, share: float, samples: int) -> Iterator[torch.Tensor]:
    for start in range(0, samples, view.at_a_time):
        stop = min(samples, start + view.at_a_time)
        yield view.gradient(noisy(view, share, start, stop))
        view.job.progress(stop / samples, f"{stop} of {samples} noisy images")


def _integrated_gradients(view: View, share: float, samples: int, index: int) -> Iterator[torch.Tensor]:
    baseline = view.baselines[index : index + 1]
    every = samples * len(view.baselines)
    for sample in range(samples):
        before = index * samples + sample

        def tell(done: int, before: int = before) -> None:
            view.job.progress((before + done / INNER_STEPS) / every, f"{before} of {every} noisy images")

        image = noisy(view, share, sample, sample + 1)
        total = along_path(view, baseline, image, midpoints(INNER_STEPS), tell)
        yield total[None] * (image - baseline).double() / INNER_STEPS
