"""How values are asked for: how many evaluations, by which estimator, and what happens when the user saw enough."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ...contract.errors import LongRunError
from ...contract.region_shap import BandShapRequest, RegionShapRequest
from ..job import Job, JobPart
from .estimate import Estimate
from .estimators import estimate, exact_cost, least, refining, sampled
from .game import Game
from .neighbours import cost, l_shapley
from .open_games import OpenGame

#: Evaluations where none are given: so many, or so many for each player, whatever is more.
USUAL, FOR_EACH = 200, 10

#: Exact values are taken for less than this, where nothing is said.
CHEAP = 1024

#: L-Shapley is not begun with more evaluations than the request could allow.
_MOST = 10_000_000

#: Estimators that make a regression.
REGRESSIONS = ("crossfit", "leverage", "lime")

#: Seconds of a regression, all estimates on the way counted, for each evaluation and each pair of players.
_REGRESSING = 1e-8

#: Seconds from which the user must agree.
LONG = 600.0


@dataclass(frozen=True)
class Way:
    """How values are found; members as those of the request."""

    estimator: str
    evaluations: int | None
    error: float
    neighbours: int
    outside: str
    seed: int


def way_of(request: RegionShapRequest | BandShapRequest) -> Way:
    """How a request wants its values found: bands always exactly."""
    if isinstance(request, BandShapRequest):
        return Way("exact", None, 0.0, 1, "both", request.seed)
    return Way(request.estimator, request.evaluations, request.error, request.neighbours, request.outside, request.seed)


def budget_of(way: Way, opened: OpenGame) -> int:
    """How many evaluations are allowed: those that were given, or what suits the game. Never depends on time."""
    if way.evaluations is not None:
        return way.evaluations
    game, usual = opened.game, max(USUAL, FOR_EACH * opened.players.count)
    if way.estimator == "l_shapley":
        return min(_MOST, cost(opened.players.touching(), way.neighbours, way.outside))
    needed = exact_cost(game) if way.estimator in ("auto", "exact") else None
    if needed is None:
        return usual
    if way.estimator == "exact":
        return needed
    look = least("auto", active_players(game))
    return max(usual, needed + look) if needed <= CHEAP else usual


def active_players(game: Game) -> int:
    """How many players can change anything."""
    return int(game.scopes.any(axis=0).sum())


def seconds_of_estimator(way: Way, game: Game, budget: int) -> float:
    """Seconds that the estimator itself takes, apart from asking the model: regressions of many players take long."""
    name = sampled(game, budget) if way.estimator == "auto" else way.estimator
    return _REGRESSING * budget * game.players**2 if name in REGRESSIONS else 0.0


def may_be_long(seconds: float) -> bool:
    """Whether a rough estimate is so near what needs consent that a better one is due."""
    return seconds > LONG / 4


def require_consent(seconds: float, evaluations: int, items: int, baselines: int) -> None:
    """Raise :class:`LongRunError` where a run is expected to take long."""
    if seconds <= LONG:
        return
    of = [f"{evaluations:,} evaluations of the model"]
    of += [f"for each of {items} regions"] if items > 1 else []
    of += [f"and {baselines} baselines"] if baselines > 1 else []
    raise LongRunError(
        f"This run is expected to take {_duration(seconds)}: it takes {' '.join(of)}.",
        "Choose fewer superpixels, evaluations or baselines, or agree to a long run (“long”).",
    )


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"about {minutes} minutes"
    return f"about {round(minutes / 60)} hours" if minutes < 60 * 48 else f"about {round(minutes / 60 / 24)} days"


class Attentive(JobPart):
    """A stretch of a job that can be left at once when the user has seen enough. prefix: of its messages."""

    def __init__(self, whole: Job, start: float, end: float, prefix: str = "") -> None:
        super().__init__(whole, start, end)
        self.can_be_left = False
        self._prefix = prefix

    def check(self) -> None:
        """Raise :class:`SeenEnough`, too, once the stretch can be left."""
        super().check()
        if self.can_be_left and self.is_stopped:
            raise SeenEnough

    def progress(self, fraction: float, message: str, remaining: float | None = None) -> None:
        """Tell how far this stretch is."""
        super().progress(fraction, self._prefix + message, remaining)


class SeenEnough(Exception):  # noqa: N818 – it is no error
    """The user wants what is there by now."""


@dataclass(frozen=True)
class Found:
    """The last estimate, and whether the user ended it."""

    estimate: Estimate
    stopped: bool


def ask(way: Way, opened: OpenGame, budget: int, job: Attentive, tell: Callable[[Estimate], None]) -> Found:
    """Find the values; each estimate on the way is told. Raises :class:`RequestError` and :class:`CancelledError`.

    A game that stayed open keeps what was found to the end: the same question is answered by it at once.
    When the user has seen enough the last estimate is taken. Where there is none yet, since exact values and those of
    L-Shapley come all at once, the least that another estimator needs is asked for instead.
    """
    game, last, stopped = opened.game, opened.finished.get((way, budget)), False
    if last is not None:
        tell(last)
        return Found(last, False)
    game.work_for(job)
    job.can_be_left = _comes_at_once(way, game, budget)
    try:
        for last in _estimates(way, opened, budget, job):
            tell(last)
            job.can_be_left = True
        stopped = job.is_stopped and last is not None and last.evaluations < budget and not last.is_exact
    except SeenEnough:
        stopped = True
    job.can_be_left = False
    if last is None:
        last = estimate(game, "auto", least("auto", active_players(game)), way.seed)
        tell(last)
    if not stopped:
        opened.finished[way, budget] = last
    return Found(last, stopped)


def _comes_at_once(way: Way, game: Game, budget: int) -> bool:
    """Whether the first estimate may be all there is, and take long."""
    if way.estimator == "auto":
        needed = exact_cost(game)
        return needed is not None and needed <= budget
    return way.estimator in ("exact", "l_shapley")


def _estimates(way: Way, opened: OpenGame, budget: int, job: Job) -> Iterator[Estimate]:
    if way.estimator == "l_shapley":
        job.info(f"L-Shapley asks {budget:,} coalitions of neighbours at most.")
        yield l_shapley(opened.game, budget, opened.players.touching(), way.neighbours, way.outside)
        return
    yield from refining(opened.game, way.estimator, budget, way.seed, way.error, lambda: job.is_stopped)
