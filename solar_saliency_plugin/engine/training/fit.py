"""Fitting a network of the family to drawn patches: where it stands is kept, so that nothing learned is lost.

On one thread of a processor the same synthesis, options and seed give the same weights, byte for byte, and so does a
run that was interrupted and continued: it goes on from a checkpoint that was taken at the start of a step, with the
state of the random generator.
"""

import copy
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from ...contract.errors import CancelledError, LearningFailedError, OutOfMemoryError
from ..job import Job
from ..models.runtime import is_out_of_memory
from ..models.unet import UNet
from ..versions import package_versions
from .checkpoint import Checkpoint, fingerprint
from .fitting import FitOptions, Fitted, Patches, Point
from .keeping import Keeping
from .normalisation import statistics
from .precision import settled
from .state import Standing, State
from .steps import Batch, are_numbers, average, batch_of, repeatable, set_pace, step
from .synthesis import Patch

#: A checkpoint is taken in memory at every so many steps.
STEPS_PER_CHECKPOINT = 10

#: The curve has about so many points.
POINTS = 200

#: How often a fit whose loss is no number any more goes on with half the learning rate.
RECOVERIES = 3

#: Patches that the bands' means and standard deviations are computed from.
STATISTICS = 400


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
    with repeatable(device):
        return _Fit(patches, options, seed, start, validate, journal, device, job).run()


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
        self._start, self._device, self._job = start, device, job
        key = ""
        if journal is not None:
            job.progress(0.0, "Looking for an interrupted run")
            begin = None if start is None else {**start.state_dict(), **dict(start.named_buffers())}
            key = fingerprint(patches, options, seed, begin, validate is None, device, package_versions())
        self._keeping = Keeping(journal, key, job)
        torch.manual_seed(seed)
        saved = self._keeping.read()
        if saved is not None and self._continues(saved):
            self._good = saved
            if not self._state.standing.finished:
                job.info(f"Going on with an interrupted run at step {self._state.standing.step} of {options.steps}.")
        else:
            self._begin()
            self._good = self._checkpoint()

    def run(self) -> Fitted:
        """Learn to the end, from wherever the run stands."""
        try:
            if self._start is not None and self._validate is not None and not self._state.standing.curve:
                self._check(self._validate, None)
                self._good = self._checkpoint()
            while not self._state.standing.finished:
                self._learn()
        except CancelledError as error:
            self._keeping.write(self._good)
            if not self._keeping.is_kept:
                raise
            raise CancelledError(
                f"Learning was cancelled at step {self._good.facts['step']} of {self._options.steps}.",
                "Run it again with the same settings and data to go on from there.",
            ) from error
        self._good = self._checkpoint()
        self._keeping.write(self._good)
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
                if self._keeping.is_time:
                    self._keeping.write(self._good)
            self._after_step(loss)
            done, steps = self._state.standing.step, self._options.steps
            self._job.progress(done / steps, f"Step {done} of {steps}: {self._figures(loss)}")
            if self._state.standing.finished:
                return

    def _begin(self) -> None:
        """A new network, or a copy of the one to start from."""
        options = self._options
        if self._start is None:
            mean, std = statistics(patch.reflectance for patch in self._drawn(STATISTICS))
        else:
            norm = self._start.normalisation
            mean, std = tuple(norm.mean.flatten().tolist()), tuple(norm.std.flatten().tolist())
        self._build(Standing(options.batch, options.precision, list(mean), list(std)))
        self._state.standing.precision = settled(options, self._state.averaged, self._alike, self._device, self._job)

    def _build(self, standing: Standing) -> None:
        if self._start is None:
            network = UNet(standing.mean, standing.std, **self._options.architecture)
        else:
            network = copy.deepcopy(self._start).requires_grad_(True)
        self._state = State(network, standing, self._options, self._device, self._job.check)

    def _alike(self) -> Batch:
        """A batch of one patch over and over; the next one that is drawn is the same."""
        random = self._patches.random.bit_generator.state
        patch = self._patches.patch()
        self._patches.random.bit_generator.state = random
        return batch_of([patch] * self._state.standing.batch, self._device)

    def _step(self) -> float | None:
        """One step; its loss, or None where that or the weights are no numbers any more."""
        options, state = self._options, self._state
        standing = state.standing
        batch = batch_of(list(self._drawn(standing.batch)), self._device)
        set_pace(state.optimizer, standing.step, options.steps, options.learning_rate * standing.rate)
        loss = step(state.network, state.optimizer, *batch, options.dice, standing.precision)
        if not math.isfinite(loss) or not are_numbers(state.network):
            return None
        average(state.averaged, state.network, min(options.averaging, standing.step / (standing.step + 10)))
        return loss

    def _drawn(self, count: int) -> Iterator[Patch]:
        for _ in range(count):
            self._job.check()
            yield self._patches.patch()

    def _after_step(self, loss: float) -> None:
        """Count the step, note its loss, look at the validation score where it is time to."""
        standing, options = self._state.standing, self._options
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
        standing = self._state.standing
        standing.curve.append((standing.step, loss, score))
        standing.loss_sum, standing.loss_count = 0.0, 0

    def _check(self, validate: Callable[[UNet], float], loss: float | None) -> None:
        """Measure the averaged network on validation; stop where that has not gained for long enough."""
        standing, options = self._state.standing, self._options
        score = float(validate(self._state.on_cpu(self._state.averaged.state_dict())))
        if standing.best_score is None or score > standing.best_score:
            self._state.keep_best(score)
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
        scores = [score for _, _, score in self._state.standing.curve if score is not None]
        parts = [] if loss is None else [f"loss {loss:.4f}"]
        if scores:
            parts.append(f"validation {scores[-1]:.4f} (best {self._state.standing.best_score:.4f})")
        return ", ".join(parts)

    def _recover(self) -> None:
        """Go back to the last good weights, with half the learning rate; stop where that was done often enough."""
        recoveries, rate = self._state.standing.recoveries + 1, self._state.standing.rate / 2
        self._state.restore(self._good)  # but not its random state: those patches led there
        standing = self._state.standing
        standing.recoveries, standing.rate = recoveries, rate
        if recoveries <= RECOVERIES:
            self._job.warn(
                f"The loss was no number any more after step {standing.step}: the last good weights are taken up "
                f"again, with half the learning rate ({recoveries} of {RECOVERIES} times)."
            )
            return
        if standing.step == 0 and self._state.best is None:
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
        batch = self._state.standing.batch // 2
        if batch < 1:
            raise OutOfMemoryError(
                "There is not enough memory to learn from a single patch.",
                "Close other programs, learn on the processor, or choose a model of less context.",
            ) from error
        self._state.optimizer.zero_grad(set_to_none=True)
        if self._device != "cpu":
            torch.cuda.empty_cache()
        self._restore(checkpoint)
        self._state.standing.batch = batch
        done = self._state.standing.step
        self._job.warn(f"The memory was not enough: from step {done} on, batches have {batch} patches.")

    def _checkpoint(self) -> Checkpoint:
        """Where the fit stands now."""
        return self._state.checkpoint(self._patches.random.bit_generator.state)

    def _restore(self, checkpoint: Checkpoint) -> None:
        """Stand where the fit stood at ``checkpoint``, and draw the patches that it drew from there."""
        self._patches.random.bit_generator.state = self._state.restore(checkpoint)

    def _continues(self, saved: Checkpoint) -> bool:
        """Take up the run that left ``saved``; false where it is none of this one's."""
        try:
            facts = {name: value for name, value in saved.facts.items() if name != "random"}
            self._build(Standing(**facts))
            self._restore(saved)
            return True
        except (KeyError, TypeError, ValueError, RuntimeError):
            return False

    def _fitted(self) -> Fitted:
        state, standing = self._state, self._state.standing
        return Fitted(
            network=state.on_cpu(state.best or state.averaged.state_dict()),
            steps=standing.step,
            best_step=standing.step if state.best is None else standing.best_step,
            stopped_early=standing.stopped_early,
            curve=tuple(Point(*point) for point in standing.curve),
            batch=standing.batch,
            device=self._device,
            precision=standing.precision,
        )
