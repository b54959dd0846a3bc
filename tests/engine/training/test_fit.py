"""Fitting: it learns, it does the same again, and nothing learned is lost."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from solar_saliency_plugin.contract.errors import CancelledError, LearningFailedError, OutOfMemoryError
from solar_saliency_plugin.engine.job import Job, SilentListener
from solar_saliency_plugin.engine.models.unet import UNet
from solar_saliency_plugin.engine.training import checkpoint, precision
from solar_saliency_plugin.engine.training import fit as fits
from solar_saliency_plugin.engine.training.fit import fit
from solar_saliency_plugin.engine.training.fitting import FitOptions, Fitted
from solar_saliency_plugin.engine.training.normalisation import statistics
from solar_saliency_plugin.engine.training.steps import loss_of, pace
from solar_saliency_plugin.engine.training.synthesis import Patch

pytestmark = pytest.mark.usefixtures("one_thread")

SIDE = 16
TINY = {"stem": (8,), "width": 4, "depth": 1, "convolutions": 1}
OPTIONS = FitOptions(steps=45, batch=4, check_every=15, architecture=TINY)


@dataclass
class Squares:
    """Dark squares on bright ground: patches that a network can learn in a moment."""

    seed: int
    random: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def patch(self) -> Patch:
        target = np.zeros((SIDE, SIDE), np.float32)
        row, col = self.random.integers(0, SIDE - 6, 2)
        target[row : row + 6, col : col + 6] = 1
        reflectance = np.where(target == 1, 0.1, 0.35) + self.random.normal(0, 0.03, (3, SIDE, SIDE))
        return Patch(reflectance.astype(np.float32), target, np.ones_like(target))


class Log(SilentListener):
    """Keeps what was told; ``at`` calls back when a line holds these words."""

    def __init__(self, at: str = "", then: Callable[[], None] = lambda: None) -> None:
        self.lines: list[str] = []
        self._at, self._then = at, then

    def informed(self, message: str) -> None:
        self.lines.append(message)
        if self._at and self._at in message:
            self._then()


def _score(network: UNet) -> float:
    patch = Squares(99).patch()
    with torch.inference_mode():
        logits = network(torch.from_numpy(patch.reflectance)[None])[:, 0]
    return -float(loss_of(logits, torch.from_numpy(patch.target)[None], torch.from_numpy(patch.weight)[None], 0))


def _same(first: Fitted, second: Fitted) -> bool:
    one, other = first.network.state_dict(), second.network.state_dict()
    return first.curve == second.curve and all(torch.equal(one[name], other[name]) for name in one)


def _cancelled_fit(words: str, journal: Path, patches: Squares, **settings) -> CancelledError:
    """A fit that is cancelled when the log holds ``words``."""
    stop = threading.Event()
    with pytest.raises(CancelledError) as caught:
        fit(patches, job=Job(Log(words, stop.set), stop), journal=journal, **settings)
    return caught.value


def test_the_loss_falls() -> None:
    curve = fit(Squares(1), replace(OPTIONS, check_every=0), 1).curve
    losses = [point.loss for point in curve]
    assert [point.step for point in curve] == list(range(1, 46))
    assert np.mean(losses[-5:]) < 0.75 * np.mean(losses[:5])


@pytest.mark.parametrize("dice", [0.0, 0.5])
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(dice: float) -> None:
    options = replace(OPTIONS, dice=dice)
    first, second, other = (fit(Squares(seed), options, seed) for seed in (1, 1, 2))
    assert _same(first, second)
    assert not _same(first, other)


def test_the_learning_rate_and_momentum_are_those_of_the_one_cycle_policy() -> None:
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], 0.004)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.004, total_steps=80, pct_start=0.1)
    for step in range(80):
        rate, momentum = pace(step, 80)
        assert 0.004 * rate == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)
        assert momentum == pytest.approx(optimizer.param_groups[0]["betas"][0], rel=1e-9)
        optimizer.step()
        schedule.step()


@pytest.mark.parametrize("steps", [1, 2, 10, 11])
def test_even_the_shortest_fit_has_a_pace(steps: int) -> None:
    assert all(0 < rate <= 1 and 0.85 <= momentum <= 0.95 for rate, momentum in (pace(s, steps) for s in range(steps)))


def test_dice_is_nothing_where_all_is_right_and_one_where_all_is_wrong() -> None:
    target = torch.zeros(2, 8, 8)
    target[:, :4] = 1
    right = 60.0 * (2 * target - 1)
    assert float(loss_of(right, target, torch.ones_like(target), 1.0)) == pytest.approx(0, abs=1e-6)
    assert float(loss_of(-right, target, torch.ones_like(target), 1.0)) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("words", ["Step 15 of", "Step 30 of", "At the start"])
@pytest.mark.parametrize("started", [False, True])
def test_an_interrupted_fit_ends_like_an_uninterrupted_one_byte_for_byte(
    words: str, started: bool, tmp_path: Path
) -> None:
    if words == "At the start" and not started:
        return
    start = fit(Squares(8), replace(OPTIONS, steps=12), 8).network if started else None
    settings = {"options": OPTIONS, "seed": 1, "validate": _score, "start": start}
    whole = fit(Squares(1), **settings)
    caught = _cancelled_fit(words, tmp_path, Squares(1), **settings)
    assert "Run it again with the same settings" in caught.hint
    log = Log()
    resumed = fit(Squares(1), journal=tmp_path, job=Job(log), **settings)
    assert any("Going on with an interrupted run" in line for line in log.lines)
    assert _same(whole, resumed)


def test_a_fit_that_is_killed_is_continued_and_ends_the_same(tmp_path: Path) -> None:
    program = (
        "import sys; sys.path[:0] = sys.argv[1:3]; from pathlib import Path; import torch; torch.set_num_threads(1)\n"
        "import test_fit as t; from solar_saliency_plugin.engine.training import keeping\n"
        "keeping.SECONDS_PER_CHECKPOINT, keeping.WRITING_SHARE = 0, 1\n"
        "t.fit(t.Squares(1), t.replace(t.OPTIONS, steps=300, check_every=100), 1, validate=t._score,"
        " journal=Path(sys.argv[3]))"
    )
    root, here, state = Path(__file__).parents[3], Path(__file__).parent, tmp_path / checkpoint.FILE
    process = subprocess.Popen([sys.executable, "-c", program, str(root), str(here), str(tmp_path)])
    try:
        first = None
        while process.poll() is None:  # the first checkpoint is that of the beginning
            now = state.stat().st_mtime_ns if state.exists() else None
            if first is not None and now != first:
                break
            first = first or now
            time.sleep(0.005)
        assert process.poll() is None, "it ended before it could be killed"
    finally:
        process.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
        process.wait()
    options = replace(OPTIONS, steps=300, check_every=100)
    log = Log()
    resumed = fit(Squares(1), options, 1, validate=_score, journal=tmp_path, job=Job(log))
    assert any("Going on with an interrupted run" in line for line in log.lines)
    assert _same(fit(Squares(1), options, 1, validate=_score), resumed)


def test_a_finished_fit_is_given_back_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fit(Squares(1), OPTIONS, 1, validate=_score, journal=tmp_path)
    monkeypatch.setattr(Squares, "patch", None)
    assert _same(first, fit(Squares(1), OPTIONS, 1, validate=_score, journal=tmp_path))


@pytest.mark.parametrize(
    "other",
    [
        {"patches": Squares(2)},
        {"seed": 2},
        {"options": replace(OPTIONS, batch=5)},
        {"options": replace(OPTIONS, dice=0.5)},
        {"validate": None},
    ],
    ids=str,
)
def test_the_journal_of_another_run_is_not_continued(other: dict, tmp_path: Path) -> None:
    settings = {"patches": Squares(1), "options": OPTIONS, "seed": 1, "validate": _score}
    stop = threading.Event()
    with pytest.raises(CancelledError):
        fit(**settings, journal=tmp_path, job=Job(Log("Step 15 of", stop.set), stop))
    log = Log()
    fit(**{**settings, "patches": Squares(1), **other}, journal=tmp_path, job=Job(log))
    assert not any("Going on" in line for line in log.lines)


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"\xff" * 64, None])
def test_a_damaged_journal_is_not_continued(damage: bytes | None, tmp_path: Path) -> None:
    _cancelled_fit("Step 15 of", tmp_path, Squares(1), options=OPTIONS, seed=1, validate=_score)
    state = tmp_path / checkpoint.FILE
    state.write_bytes(state.read_bytes()[:-100] if damage is None else damage)
    log = Log()
    fit(Squares(1), OPTIONS, 1, validate=_score, journal=tmp_path, job=Job(log))
    assert not any("Going on" in line for line in log.lines)


def test_cancelling_takes_effect_within_a_second_even_in_one_long_step(tmp_path: Path) -> None:
    wide = FitOptions(steps=20, batch=600, architecture={"stem": (32,), "width": 16, "depth": 4, "convolutions": 2})
    stop = threading.Event()
    asked: list[float] = []

    def ask() -> None:
        asked.append(time.process_time())  # on a busy machine the clock on the wall tells of other programs
        stop.set()

    timer = threading.Timer(3.0, ask)
    timer.start()
    with pytest.raises(CancelledError):
        fit(Squares(1), wide, 1, job=Job(Log(), stop), journal=tmp_path)
    assert time.process_time() - asked[0] < 1.0


def test_the_best_check_is_given_back_and_patience_ends_the_fit() -> None:
    scores = iter([0.3, 0.9, 0.5, 0.6, 0.7, 0.99])
    seen: list[UNet] = []

    def validate(network: UNet) -> float:
        assert not network.training
        seen.append(network)
        return next(scores)

    fitted = fit(Squares(1), replace(OPTIONS, check_every=5, patience=3), 1, validate=validate)
    assert (fitted.steps, fitted.best_step, fitted.stopped_early) == (25, 10, True)
    assert [point.score for point in fitted.curve if point.score is not None] == [0.3, 0.9, 0.5, 0.6, 0.7]
    assert torch.equal(fitted.network.state_dict()["head.weight"], seen[1].state_dict()["head.weight"])


def test_what_it_started_from_is_given_back_where_nothing_is_better() -> None:
    start = fit(Squares(8), OPTIONS, 8).network
    before = {name: tensor.clone() for name, tensor in start.state_dict().items()}
    scores = iter([0.9, 0.1, 0.2, 0.3])
    fitted = fit(Squares(1), OPTIONS, 1, start=start, validate=lambda network: next(scores))
    assert fitted.best_step == 0 and fitted.curve[0].score == 0.9
    for name, tensor in fitted.network.state_dict().items():
        assert torch.equal(tensor, before[name]) and torch.equal(start.state_dict()[name], before[name])


def test_a_score_that_is_no_number_is_never_the_best() -> None:
    scores = iter([0.2, float("nan"), 0.1])
    assert fit(Squares(1), OPTIONS, 1, validate=lambda network: next(scores)).best_step == 15


@dataclass
class Poisoned(Squares):
    """Draws patches whose loss is no number, at these draws."""

    at: tuple[int, ...] = ()
    drawn: int = 0

    def patch(self) -> Patch:
        self.drawn += 1
        patch = super().patch()
        return replace(patch, reflectance=patch.reflectance * np.nan) if self.drawn in self.at else patch


def test_a_loss_that_is_no_number_costs_a_few_steps_and_half_the_learning_rate() -> None:
    patches = Poisoned(1, at=(fits.STATISTICS + 4 * 25,))
    job = Job(SilentListener())
    fitted = fit(patches, OPTIONS, 1, validate=_score, job=job)
    assert fitted.steps == 45 and not fitted.stopped_early
    assert job.warnings == [
        "The loss was no number any more after step 20: the last good weights are taken up again, with half the "
        "learning rate (1 of 3 times)."
    ]
    assert _score(fitted.network) > -0.5


def test_after_three_recoveries_the_best_weights_so_far_are_given_back() -> None:
    patches = Poisoned(1, at=tuple(range(fits.STATISTICS + 4 * 25, 10_000)))
    job = Job(SilentListener())
    fitted = fit(patches, OPTIONS, 1, validate=_score, job=job)
    assert (fitted.best_step, fitted.stopped_early) == (15, True)
    assert "the best weights so far are kept" in job.warnings[-1]
    assert all(tensor.isfinite().all() for tensor in fitted.network.state_dict().values())


def test_where_no_step_ever_succeeded_it_is_an_error() -> None:
    with pytest.raises(LearningFailedError, match="no number from the first steps"):
        fit(Poisoned(1, at=tuple(range(fits.STATISTICS + 1, 10_000))), OPTIONS, 1)


@pytest.mark.parametrize("rate", [1e4, 1e30])
def test_a_learning_rate_that_explodes_gives_finite_weights_or_an_error(rate: float) -> None:
    try:
        fitted = fit(Squares(1), replace(OPTIONS, learning_rate=rate), 1, validate=_score)
    except LearningFailedError:
        return
    assert all(tensor.isfinite().all() for tensor in fitted.network.state_dict().values())


def _short_of_memory(limit: int, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Make a forward pass of more than ``limit`` patches fail."""
    forward = UNet.forward

    def limited(network: UNet, reflectance: torch.Tensor) -> torch.Tensor:
        if network.training and len(reflectance) > limit:
            raise error
        return forward(network, reflectance)

    monkeypatch.setattr(UNet, "forward", limited)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes."),
        MemoryError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_running_out_of_memory_halves_the_batch_and_says_so(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    _short_of_memory(2, monkeypatch, error)
    job = Job(SilentListener())
    fitted = fit(Squares(1), replace(OPTIONS, batch=9), 1, job=job)
    assert (fitted.batch, fitted.steps) == (2, 45)
    assert [words in warning for words, warning in zip(("have 4", "have 2"), job.warnings, strict=True)] == [True] * 2


def test_not_enough_memory_for_one_patch_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    _short_of_memory(0, monkeypatch, MemoryError())
    with pytest.raises(OutOfMemoryError, match="a single patch"):
        fit(Squares(1), OPTIONS, 1)


def test_another_defect_is_not_taken_for_a_lack_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    _short_of_memory(0, monkeypatch, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes"):
        fit(Squares(1), OPTIONS, 1)


def test_a_disk_that_fills_up_is_told_of_and_the_last_state_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _cancelled_fit("Step 15 of", tmp_path, Squares(1), options=OPTIONS, seed=1, validate=_score)
    before = (tmp_path / checkpoint.FILE).read_bytes()

    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full)
    job = Job(SilentListener())
    fitted = fit(Squares(1), OPTIONS, 1, validate=_score, journal=tmp_path, job=job)
    assert fitted.steps == 45
    assert len(job.warnings) == 1 and "No space left on device" in job.warnings[0]
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.FILE]
    assert (tmp_path / checkpoint.FILE).read_bytes() == before


def test_mixed_precision_learns_as_well() -> None:
    scores = {
        precision: _score(fit(Squares(1), replace(OPTIONS, precision=precision), 1).network)
        for precision in ("float32", "mixed")
    }
    assert scores["mixed"] == pytest.approx(scores["float32"], abs=0.05)


@pytest.mark.parametrize("faster", ["float32", "mixed"])
def test_the_faster_precision_is_chosen_by_measuring_and_told(faster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    step = precision.step

    def timed(*arguments) -> float:
        if arguments[-1] != faster:
            time.sleep(0.05)
        return step(*arguments)

    options = replace(OPTIONS, precision="auto", steps=10)
    with monkeypatch.context() as patched:
        patched.setattr(precision, "step", timed)
        log = Log()
        chosen = fit(Squares(1), options, 1, job=Job(log))
    assert chosen.precision == faster
    assert log.lines[0].startswith(f"Precision: {faster}.")
    assert _same(chosen, fit(Squares(1), replace(options, precision=faster), 1)), "measuring left its traces"


def test_statistics_are_those_of_each_band() -> None:
    patches = [
        np.full((2, 4, 4), value, np.float32) * np.array([1, 2], np.float32)[:, None, None] for value in (0.1, 0.3)
    ]
    mean, std = statistics(patches)
    assert mean == pytest.approx((0.2, 0.4)) and std == pytest.approx((0.1, 0.2))
