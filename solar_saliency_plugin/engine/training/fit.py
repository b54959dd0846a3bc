"""Fitting a network of the family to drawn patches: where it stands is kept, so that nothing learned is lost.

On one thread of a processor the same synthesis, options and seed give the same weights, byte for byte, and so does a
run that was interrupted and continued: it goes on from a checkpoint that was taken at the start of a step, with the
state of the random generator.
"""

import copy
import dataclasses
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from ...contract.errors import CancelledError, LearningFailedError, OutOfMemoryError
from ..job import Job
from ..models.runtime import is_out_of_memory
from ..models.unet import UNet
from ..versions import package_versions
from .checkpoint import Checkpoint, fingerprint
from .synthesis import Patch

#: A checkpoint is taken in memory at every so many steps, and brought to disk at most every so many seconds.
STEPS_PER_CHECKPOINT = 10
SECONDS_PER_CHECKPOINT = 10.0

#: Writing checkpoints may take this share of the time at most.
WRITING_SHARE = 0.02

#: The curve has about so many points.
POINTS = 200

#: How often a fit whose loss is no number any more goes on with half the learning rate.
RECOVERIES = 3

#: Patches that the bands' means and standard deviations are computed from.
STATISTICS = 400

#: Mixed precision is chosen where a step takes less than this share of the time.
WORTH_MIXING = 0.9

#: Steps that each precision is timed on.
TIMED_STEPS = 4


class Patches(Protocol):
    """A dataclass that draws patches: the same fields and state of ``random`` give the same ones."""

    random: np.random.Generator

    def patch(self) -> Patch:
        """The next patch."""


@dataclass(frozen=True)
class FitOptions:
    """How long and how fast; the learning rate rises for a tenth of the steps and then falls along a cosine.

    averaging: share that the averaged weights keep at each step. dice: share of soft Dice in the loss; the rest is
    weighted cross-entropy. precision: "float32", "mixed" (bfloat16 where that is safe), or "auto" (the faster one).
    check_every: steps between two looks at the validation score, 0 for none. patience: so many of them without gain
    end the fit, 0 for never.
    """

    steps: int = 4000
    batch: int = 32
    learning_rate: float = 4e-3
    weight_decay: float = 1e-3
    averaging: float = 0.995
    dice: float = 0.0
    precision: str = "float32"
    check_every: int = 0
    patience: int = 0
    architecture: dict[str, Any] = field(
        default_factory=lambda: {"stem": (48, 32), "width": 24, "depth": 0, "convolutions": 4}
    )


@dataclass(frozen=True)
class Point:
    """Mean loss since the point before (None at step 0), and the validation score where it was measured."""

    step: int
    loss: float | None
    score: float | None


@dataclass(frozen=True)
class Fitted:
    """The averaged network, on the CPU and in evaluation mode: of the best check, or of the last step without checks.

    best_step: where its weights are from. stopped_early: validation no longer gained, or learning failed.
    """

    network: UNet
    steps: int
    best_step: int
    stopped_early: bool
    curve: tuple[Point, ...]
    batch: int
    device: str
    precision: str


def fit(
    patches: Patches,
    options: FitOptions,
    seed: int,
    *,
    start: UNet | None = None,
    validate: Callable[[UNet], float] | None = None,
    journal: Path | None = None,
    device: str = "cpu",
    job: Job | None = None,
) -> Fitted:
    """A network fitted to ``patches``, its weights averaged over the last steps.

    start: the network to go on from (it is not changed); its own architecture and normalisation then hold, and it is
    check 0: nothing worse is given back. validate: the score of a network in evaluation mode on the CPU, the higher
    the better; asked every ``options.check_every`` steps and after the last one. journal: a folder in which an
    interrupted run is continued; a finished one is given back at once, and deleting the folder is the caller's.
    device: "cpu" or "cuda".

    Raises :class:`CancelledError` (the journal is kept), :class:`OutOfMemoryError` where even one patch is too much,
    and :class:`LearningFailedError` where the loss was no number from the start.
    """
    job = job or Job.silent()
    with _repeatable(device):
        return _Fit(patches, options, seed, start, validate, journal, device, job).run()


@dataclass
class _Standing:
    """What a fit knows of itself beside its weights; plain values."""

    batch: int
    precision: str
    mean: list[float]
    std: list[float]
    step: int = 0
    rate: float = 1.0
    recoveries: int = 0
    loss_sum: float = 0.0
    loss_count: int = 0
    best_score: float | None = None
    best_step: int = 0
    without_gain: int = 0
    finished: bool = False
    stopped_early: bool = False
    curve: list[tuple[int, float | None, float | None]] = field(default_factory=list)


class _Fit:
    """One run of :func:`fit`."""

    def __init__(
        self,
        patches: Patches,
        options: FitOptions,
        seed: int,
        start: UNet | None,
        validate: Callable[[UNet], float] | None,
        journal: Path | None,
        device: str,
        job: Job,
    ) -> None:
        self._patches, self._options, self._validate = patches, options, validate
        self._journal, self._device, self._job = journal, device, job
        self._start = start
        self._written_at, self._writing_took, self._disk_failed = -math.inf, 0.0, False
        self._key = ""
        if journal is not None:
            job.progress(0.0, "Looking for an interrupted run")
            begin = None if start is None else {**start.state_dict(), **dict(start.named_buffers())}
            self._key = fingerprint(patches, options, seed, begin, validate is None, device, package_versions())
        torch.manual_seed(seed)
        saved = Checkpoint.read(journal, self._key) if journal is not None else None
        if saved is not None and self._continues(saved):
            self._good = saved
            if not self._standing.finished:
                job.info(f"Going on with an interrupted run at step {self._standing.step} of {options.steps}.")
        else:
            self._begin()
            self._good = self._checkpoint()

    def run(self) -> Fitted:
        """Learn to the end, from wherever the run stands."""
        try:
            if self._start is not None and self._validate is not None and not self._standing.curve:
                self._check(self._validate, None)
                self._good = self._checkpoint()
            while not self._standing.finished:
                self._learn()
        except CancelledError as error:
            self._write()
            if self._journal is None or self._disk_failed:
                raise
            raise CancelledError(
                f"Learning was cancelled at step {self._good.facts['step']} of {self._options.steps}.",
                "Run it again with the same settings and data to go on from there.",
            ) from error
        self._good = self._checkpoint()
        self._write()
        return self._fitted()

    def _learn(self) -> None:
        """Steps up to the next checkpoint, or back to the last one where something went wrong."""
        checkpoint = self._checkpoint()
        for _ in range(STEPS_PER_CHECKPOINT):
            try:
                loss = self._step()
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self._halve_batch(checkpoint, error)
                return
            if loss is None:
                self._recover()
                return
            if self._good is not checkpoint:
                # Only now: weights that are numbers may still lead to a loss that is none.
                self._good = checkpoint
                if self._is_time_to_write():
                    self._write()
            self._after_step(loss)
            step, steps = self._standing.step, self._options.steps
            self._job.progress(step / steps, f"Step {step} of {steps}: {self._figures(loss)}")
            if self._standing.finished:
                return

    def _begin(self) -> None:
        """A new network, or a copy of the one to start from."""
        options = self._options
        if self._start is None:
            mean, std = statistics(patch.reflectance for patch in self._drawn(STATISTICS))
        else:
            norm = self._start.normalisation
            mean, std = tuple(norm.mean.flatten().tolist()), tuple(norm.std.flatten().tolist())
        self._standing = _Standing(options.batch, options.precision, list(mean), list(std))
        self._build()
        if options.precision != "float32":
            self._standing.precision = self._settled_precision()

    def _build(self) -> None:
        standing, options = self._standing, self._options
        if self._start is None:
            network = UNet(standing.mean, standing.std, **options.architecture)
        else:
            network = copy.deepcopy(self._start).requires_grad_(True)
        # Channels last halves the time of a step on a CPU.
        network.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
        self._averaged = copy.deepcopy(network).requires_grad_(False)
        self._best: dict[str, torch.Tensor] | None = None
        self._network = network.train()
        self._watch(self._network)
        self._optimizer = torch.optim.AdamW(
            network.parameters(), options.learning_rate, weight_decay=options.weight_decay
        )

    def _watch(self, network: nn.Module) -> None:
        for module in network.modules():
            if not list(module.children()):
                module.register_forward_hook(self._stop_if_asked)

    def _stop_if_asked(self, module: nn.Module, inputs: object, output: torch.Tensor) -> None:
        """Asked at every layer, on the way back, too: a step of a wide network may take seconds."""
        self._job.check()
        if output.requires_grad:
            output.register_hook(lambda gradient: self._job.check())  # type: ignore[no-untyped-call]

    def _step(self) -> float | None:
        """One step; its loss, or None where that or the weights are no numbers any more."""
        options, standing = self._options, self._standing
        reflectance, target, weight = self._tensors(list(self._drawn(standing.batch)))
        rate, momentum = pace(standing.step, options.steps)
        for group in self._optimizer.param_groups:
            group["lr"] = options.learning_rate * rate * standing.rate
            group["betas"] = (momentum, group["betas"][1])
        loss = _step(self._network, self._optimizer, reflectance, target, weight, options.dice, standing.precision)
        if not math.isfinite(loss) or not _are_numbers(self._network):
            return None
        _average(self._averaged, self._network, min(options.averaging, standing.step / (standing.step + 10)))
        return loss

    def _drawn(self, count: int) -> Iterator[Patch]:
        for _ in range(count):
            self._job.check()
            yield self._patches.patch()

    def _tensors(self, drawn: Sequence[Patch]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Reflectance (N, bands, H, W), target and weight (N, H, W) where the network is."""
        reflectance, target, weight = (
            torch.from_numpy(np.stack([getattr(patch, name) for patch in drawn])).to(self._device)
            for name in ("reflectance", "target", "weight")
        )
        return reflectance, target, weight

    def _after_step(self, loss: float) -> None:
        """Count the step, note its loss, look at the validation score where it is time to."""
        standing, options = self._standing, self._options
        standing.step += 1
        standing.loss_sum += loss
        standing.loss_count += 1
        standing.finished = standing.step >= options.steps
        validate = self._validate if options.check_every else None
        mean = standing.loss_sum / standing.loss_count
        if validate is not None and (standing.finished or standing.step % options.check_every == 0):
            self._check(validate, mean)
        elif standing.finished or standing.step % max(1, options.steps // POINTS) == 0:
            self._note(mean, None)
            if validate is None and (standing.finished or len(standing.curve) % 10 == 0):
                self._job.info(f"Step {standing.step} of {options.steps}: {self._figures(mean)}")

    def _note(self, loss: float | None, score: float | None) -> None:
        standing = self._standing
        standing.curve.append((standing.step, loss, score))
        standing.loss_sum, standing.loss_count = 0.0, 0

    def _check(self, validate: Callable[[UNet], float], loss: float | None) -> None:
        """Measure the averaged network on validation; stop where that has not gained for long enough."""
        standing, options = self._standing, self._options
        score = float(validate(self._on_cpu(self._averaged.state_dict())))
        if standing.best_score is None or score > standing.best_score:
            standing.best_score, standing.best_step, standing.without_gain = score, standing.step, 0
            self._best = _cloned(self._averaged.state_dict())
        else:
            standing.without_gain += 1
        self._note(loss, score)
        told = self._figures(loss)
        self._job.info(f"Step {standing.step} of {options.steps}: {told}" if standing.step else f"At the start: {told}")
        if options.patience and standing.without_gain >= options.patience and not standing.finished:
            standing.finished = standing.stopped_early = True
            self._job.info(f"Stopping at step {standing.step}: no gain on validation since step {standing.best_step}.")

    def _figures(self, loss: float | None) -> str:
        """Loss and scores in a line."""
        scores = [score for _, _, score in self._standing.curve if score is not None]
        parts = [] if loss is None else [f"loss {loss:.4f}"]
        if scores:
            parts.append(f"validation {scores[-1]:.4f} (best {self._standing.best_score:.4f})")
        return ", ".join(parts)

    def _recover(self) -> None:
        """Go back to the last good weights, with half the learning rate; stop where that was done often enough."""
        recoveries, rate = self._standing.recoveries + 1, self._standing.rate / 2
        random = self._patches.random.bit_generator.state
        self._restore(self._good)
        # Not the patches that led there once more.
        self._patches.random.bit_generator.state = random
        standing = self._standing
        standing.recoveries, standing.rate = recoveries, rate
        if recoveries <= RECOVERIES:
            self._job.warn(
                f"The loss was no number any more after step {standing.step}: the last good weights are taken up "
                f"again, with half the learning rate ({recoveries} of {RECOVERIES} times)."
            )
            return
        if standing.step == 0 and self._best is None:
            raise LearningFailedError(
                "The network learned nothing: its loss was no number from the first steps on.",
                "Check the scenes' scale and offset, and that their values are reflectance.",
            )
        standing.finished = standing.stopped_early = True
        self._job.warn(
            f"The loss was no number any more after step {standing.step}, with a learning rate of an eighth, too. "
            "Learning stopped there; the best weights so far are kept."
        )

    def _halve_batch(self, checkpoint: Checkpoint, error: Exception) -> None:
        """Redo the last steps with half the patches at a time."""
        batch = self._standing.batch // 2
        if batch < 1:
            raise OutOfMemoryError(
                "There is not enough memory to learn from a single patch.",
                "Close other programs, learn on the processor, or choose a model of less context.",
            ) from error
        self._optimizer.zero_grad(set_to_none=True)
        if self._device != "cpu":
            torch.cuda.empty_cache()
        self._restore(checkpoint)
        self._standing.batch = batch
        self._job.warn(f"The memory was not enough: from step {self._standing.step} on, batches have {batch} patches.")

    def _settled_precision(self) -> str:
        """ "float32" or "mixed": what was asked for where it can be had, or the faster one."""
        asked = self._options.precision
        if self._device != "cpu" and not torch.cuda.is_bf16_supported(including_emulation=False):
            if asked == "mixed":
                self._job.warn("This graphics card has no 16-bit numbers that suit training: 32-bit ones are used.")
            return "float32"
        if asked == "mixed":
            return asked
        seconds = self._seconds_per_step()
        chosen = "mixed" if seconds["mixed"] < WORTH_MIXING * seconds["float32"] else "float32"
        self._job.info(
            f"Precision: {chosen}. A step takes {seconds['mixed']:.3f} s with mixed precision, "
            f"{seconds['float32']:.3f} s with 32-bit numbers."
        )
        return chosen

    def _seconds_per_step(self) -> dict[str, float]:
        """The shortest step with each precision, side by side, on a copy of the network."""
        random = self._patches.random.bit_generator.state
        patch = self._patches.patch()
        self._patches.random.bit_generator.state = random
        reflectance, target, weight = self._tensors([patch] * self._standing.batch)
        network = copy.deepcopy(self._averaged).requires_grad_(True).train()
        self._watch(network)
        optimizer = torch.optim.AdamW(network.parameters(), 1e-6)
        dice, seconds = self._options.dice, {"float32": math.inf, "mixed": math.inf}
        for _ in range(TIMED_STEPS):
            for precision in seconds:
                self._job.check()
                started = time.perf_counter()
                _step(network, optimizer, reflectance, target, weight, dice, precision)  # waits for the loss
                seconds[precision] = min(seconds[precision], time.perf_counter() - started)
        return seconds

    def _checkpoint(self) -> Checkpoint:
        """Where the fit stands now."""
        parts = {"network": self._network.state_dict(), "averaged": self._averaged.state_dict()}
        if self._best is not None:
            parts["best"] = self._best
        for index, parameter in enumerate(self._network.parameters()):
            parts[f"optimizer.{index}"] = self._optimizer.state.get(parameter, {})
        tensors = {f"{part}.{name}": tensor for part, state in parts.items() for name, tensor in state.items()}
        facts = {**dataclasses.asdict(self._standing), "random": self._patches.random.bit_generator.state}
        return Checkpoint(copy.deepcopy(facts), _cloned(tensors))

    def _restore(self, checkpoint: Checkpoint) -> None:
        """Stand where the fit stood at ``checkpoint``."""
        facts = copy.deepcopy(checkpoint.facts)
        self._patches.random.bit_generator.state = facts.pop("random")
        self._standing = _Standing(**facts)
        self._network.load_state_dict(checkpoint.part("network"))
        self._averaged.load_state_dict(checkpoint.part("averaged"))
        self._best = _cloned(checkpoint.part("best")) or None
        self._optimizer.state.clear()
        for index, parameter in enumerate(self._network.parameters()):
            state = checkpoint.part(f"optimizer.{index}")
            # In the parameter's own layout: the order of elements decides about the last bits.
            for name, tensor in state.items():
                like = parameter if tensor.shape == parameter.shape else tensor
                device = parameter.device if tensor.dim() else tensor.device
                state[name] = torch.empty_like(like, device=device, requires_grad=False).copy_(tensor)
            if state:
                self._optimizer.state[parameter] = state

    def _continues(self, saved: Checkpoint) -> bool:
        """Take up the run that left ``saved``; false where it is none of this one's."""
        try:
            facts = {name: value for name, value in saved.facts.items() if name != "random"}
            self._standing = _Standing(**facts)
            self._build()
            self._restore(saved)
            return True
        except (KeyError, TypeError, ValueError, RuntimeError):
            return False

    def _is_time_to_write(self) -> bool:
        pause = max(SECONDS_PER_CHECKPOINT, self._writing_took / WRITING_SHARE)
        return self._journal is not None and time.monotonic() - self._written_at >= pause

    def _write(self) -> None:
        """Bring the last good checkpoint to disk; a full disk is told of, and does not end the fit."""
        if self._journal is None:
            return
        started = time.monotonic()
        try:
            self._good.write(self._journal, self._key)
            self._disk_failed = False
        except OSError as error:
            self._disk_failed = True
            self._job.warn(
                f"What was learned so far could not be saved ({error.strerror or error}): learning goes on, but if it "
                "were interrupted now, it would have to go on from an earlier step, or start anew."
            )
        self._written_at = time.monotonic()
        self._writing_took = self._written_at - started

    def _on_cpu(self, state: Mapping[str, torch.Tensor]) -> UNet:
        """A network of its own with the weights of ``state``, in evaluation mode."""
        network = copy.deepcopy(self._averaged).cpu()
        network.load_state_dict(state)
        return network.eval()

    def _fitted(self) -> Fitted:
        standing = self._standing
        checked = self._best is not None
        return Fitted(
            network=self._on_cpu(self._best or self._averaged.state_dict()),
            steps=standing.step,
            best_step=standing.best_step if checked else standing.step,
            stopped_early=standing.stopped_early,
            curve=tuple(Point(*point) for point in standing.curve),
            batch=standing.batch,
            device=self._device,
            precision=standing.precision,
        )


def pace(step: int, steps: int) -> tuple[float, float]:
    """Share of the learning rate at ``step``, and the momentum, which moves against it (the one-cycle policy)."""
    top = max(0.1 * steps - 1, 1.0)
    if step <= top:
        return _between(1 / 25, 1.0, step / top), _between(0.95, 0.85, step / top)
    done = (step - top) / max(steps - 1 - top, 1.0)
    return _between(1.0, 1 / 25e4, done), _between(0.85, 0.95, done)


def _between(first: float, last: float, done: float) -> float:
    """Along half a cosine from ``first`` to ``last``."""
    return last + (first - last) / 2 * (1 + math.cos(math.pi * done))


def _step(
    network: UNet,
    optimizer: torch.optim.Optimizer,
    reflectance: torch.Tensor,
    target: torch.Tensor,
    weight: torch.Tensor,
    dice: float,
    precision: str,
) -> float:
    """One step of the optimizer; the loss before it."""
    with torch.autocast(reflectance.device.type, torch.bfloat16, enabled=precision == "mixed"):
        logits = network(reflectance.contiguous(memory_format=torch.channels_last))[:, 0]
    loss = loss_of(logits.float(), target, weight, dice)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return float(loss.detach())


def loss_of(logits: torch.Tensor, target: torch.Tensor, weight: torch.Tensor, dice: float) -> torch.Tensor:
    """Weighted cross-entropy and, with the share ``dice``, soft Dice over the whole batch; all (N, H, W).

    Soft Dice asks for overlap, so that few farm pixels count as much as many ground ones: V-Net,
    https://arxiv.org/abs/1606.04797.
    """
    entropy = (weight * binary_cross_entropy_with_logits(logits, target, reduction="none")).sum() / weight.sum()
    if not dice:
        return entropy
    probability = torch.sigmoid(logits)
    both = (weight * probability * target).sum()
    either = (weight * (probability + target)).sum()
    return (1 - dice) * entropy + dice * (1 - (2 * both + 1) / (either + 1))


@contextmanager
def _repeatable(device: str) -> Iterator[None]:
    """A graphics card chooses its algorithms by timing them unless it is told not to."""
    if device == "cpu":
        yield
        return
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True):
        yield


def _are_numbers(network: nn.Module) -> bool:
    return all(bool(tensor.isfinite().all()) for tensor in network.state_dict().values())


def _cloned(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Copies in the same layout."""
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


@torch.no_grad()
def _average(averaged: UNet, network: UNet, kept: float) -> None:
    """Move ``averaged`` towards ``network``, keeping the share ``kept`` of what it was."""
    for mean, value in zip(averaged.state_dict().values(), network.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(value, 1 - kept)
        else:
            mean.copy_(value)


def statistics(patches: Iterable[np.ndarray]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each band, reflectance, rounded to what a card should show.

    Patches (bands, side, side) are taken one by one: together, those of a wide network would fill the memory.
    """
    means, squares = [], []
    for patch in patches:
        means.append(patch.mean(axis=(1, 2), dtype=np.float64))
        squares.append(np.square(patch, dtype=np.float64).mean(axis=(1, 2)))
    mean = np.mean(means, axis=0)
    std = np.sqrt(np.mean(squares, axis=0) - mean**2)
    return tuple(round(float(value), 5) for value in mean), tuple(round(float(value), 5) for value in std)
