"""Which precision a fit computes with: what was asked for where it can be had, or the faster one, by measuring."""

import copy
import math
import time
from collections.abc import Callable

import torch

from ..job import Job
from ..models.unet import UNet
from .fitting import FitOptions
from .steps import Batch, heed, step

#: Mixed precision is chosen where a step takes less than this share of the time.
WORTH_MIXING = 0.9

#: Steps that each precision is timed on.
TIMED_STEPS = 4


def settled(options: FitOptions, network: UNet, batch: Callable[[], Batch], device: str, job: Job) -> str:
    """ "float32" or "mixed": what was asked for where it can be had, or the faster one on copies of ``network``.

    batch: gives one; it is asked only where there is something to measure.
    """
    if device != "cpu" and not torch.cuda.is_bf16_supported(including_emulation=False):
        if options.precision == "mixed":
            job.warn("This graphics card has no 16-bit numbers that suit training: 32-bit ones are used.")
        return "float32"
    if options.precision != "auto":
        return options.precision
    seconds = _seconds_per_step(network, batch(), options.dice, job)
    chosen = "mixed" if seconds["mixed"] < WORTH_MIXING * seconds["float32"] else "float32"
    job.info(
        f"Precision: {chosen}. A step takes {seconds['mixed']:.3f} s with mixed precision, "
        f"{seconds['float32']:.3f} s with 32-bit numbers."
    )
    return chosen


def _seconds_per_step(network: UNet, batch: Batch, dice: float, job: Job) -> dict[str, float]:
    """The shortest step with each precision, side by side, on a copy of the network."""
    network = copy.deepcopy(network).requires_grad_(True).train()
    heed(network, job.check)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-6)
    seconds = {"float32": math.inf, "mixed": math.inf}
    for _ in range(TIMED_STEPS):
        for precision in seconds:
            job.check()
            started = time.perf_counter()
            step(network, optimizer, *batch, dice, precision)  # waits for the loss
            seconds[precision] = min(seconds[precision], time.perf_counter() - started)
    return seconds
