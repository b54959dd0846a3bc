"""One item explained: its games opened, values found and streamed, other baselines compared, and all of it told."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence

import numpy as np

from ...contract.cautions import NO_PAIRS, Caution
from ...contract.errors import InputError, RequestError
from ...contract.region_shap import BandShapRequest, Compared, RegionAnswer, RegionShapRequest
from ..attribution.explained import Explained
from ..attribution.telling import baseline_name
from .answer import (
    Described,
    Seen,
    beyond_doubt,
    compared_told,
    described,
    hidden_by,
    not_compared,
    players_told,
    probability_of,
    scale_of,
    sight,
)
from .asking import CHEAP, Attentive, Found, ask, budget_of, may_be_long, seconds_of_estimator, way_of
from .cautions import is_farm, of_answer, of_hidden, of_otherwise, of_region
from .drawing import Drawing, drawing
from .estimate import Estimate
from .interactions import interactions
from .open_games import OpenGame
from .opening import Cutter, Opening
from .partials import estimate_partial, players_partial
from .probing import otherwise
from .question import Item

#: Where an item's stretch of the run is when its first game is open, and when all values are found.
OPENED, FOUND = 0.05, 0.97

#: Pairs that only count together which are told at most.
MOST_PAIRS = 100


class Explaining:
    """The ``index``-th item of a request; ``explained`` is of its target. number: of its answer, among all answers."""

    def __init__(
        self,
        request: RegionShapRequest | BandShapRequest,
        explained: Explained,
        item: Item,
        index: int,
        cutter: Cutter,
        prefix: str,
    ) -> None:
        self._started = time.monotonic()
        self._cautions: list[Caution] = []
        self._request, self._explained, self._item, self._index = request, explained, item, index
        self._prefix = prefix
        self._way = way_of(request)
        self._opening = Opening(request, explained, item, index, cutter)
        self._job = explained.job
        self.first = self._opening.game(request.baseline, self._job.part(0, OPENED))
        self._known = self.first.game.evaluations
        self.budget = budget_of(self._way, self.first)

    def seconds_left(self, sizes: Sequence[float]) -> float:
        """Seconds that all baselines together will take, about, of this item and of those that follow.

        sizes: of those, as multiples of this one's. What is known of this one's first game already takes no time.
        """
        rough = self._seconds(self.first.game.seconds_each, sizes)
        return self._seconds(self.first.game.measured(), sizes) if may_be_long(rough) else rough

    def _seconds(self, each: float, sizes: Sequence[float]) -> float:
        """The same; each: of an evaluation of the first game."""
        request, game = self._request, self.first.game
        images = [request.spectra if name == "surroundings" else 1 for name in (request.baseline, *self.others)]
        known = len(game.known().masks)
        own = max(0, self.budget - known) * images[0] + self.budget * sum(images[1:])
        asking = each / images[0] * (own + self.budget * sum(images) * sum(sizes))
        return asking + (1 + len(sizes)) * len(images) * seconds_of_estimator(self._way, game, self.budget)

    @property
    def others(self) -> list[str]:
        """The baselines that it is compared with."""
        return [name for name in dict.fromkeys(self._request.compare) if name != self._request.baseline]

    def drawing(self) -> Drawing:
        """Where the players lie."""
        view, grounded = self.first.view, bool(self._request.report.strip())
        return drawing(
            self.first.players,
            self.first.window,
            view.valid.cpu().numpy(),
            self.first.target,
            self._explained.scene.bands,
            view.reflectance[0].cpu().numpy() if grounded else None,
        )

    def answer(self, drawn: Drawing) -> RegionAnswer:
        """Find the values, and tell them. Raises :class:`SolarSaliencyError`."""
        first, bands = self.first, self._explained.scene.bands
        about = described(first)
        grid = self._explained.scene.grid
        self._job.partial(players_partial(self._index, self._item.name, first, about, bands, drawn, grid))
        found = ask(self._way, first, self.budget, self._attentive(0), self._tell)
        compared, hidden = self._compared(found, about)
        pairs = self._pairs() if getattr(self._request, "interactions", False) and not found.stopped else ()
        self._opening.keep()
        first.game.work_for(self._job)
        estimate, game = found.estimate, first.game
        self._caution(*of_answer(self._request, first, estimate))
        if self._request.region.strip():
            self._caution(*of_region(self._item.region, first, self._explained.scene))
        total = math.fsum(estimate.phi)
        return RegionAnswer(
            name=self._item.name,
            region_wkt=self._item.region.wkt(grid),
            target_wkt=self._item.target.wkt(grid),
            target_pixels=int(first.target.sum()),
            probability=probability_of(first),
            f_x=game.present,
            f_baseline=game.absent,
            phi_sum=total,
            difference=total - game.contrast,
            players=players_told(first, about, estimate, bands),
            estimator=estimate.estimator,
            evaluations=estimate.evaluations,
            asked=game.evaluations - self._known,
            r2=math.nan if estimate.r2 is None else estimate.r2,
            precision=game.precision.name,
            baseline_text=first.baseline_text,
            hidden=hidden,
            compared=compared,
            interactions=pairs,
            facts={**estimate.facts, **sight(first, self._item.region, grid)},
            stopped=found.stopped,
            seconds=time.monotonic() - self._started,
            cautions=tuple(self._cautions),
        )

    def _caution(self, *cautions: Caution) -> None:
        """Tell of them at once, and with the answer."""
        for caution in cautions:
            self._cautions.append(caution)
            self._job.warn(self._prefix + caution.text)

    def _attentive(self, turn: int) -> Attentive:
        """The stretch of the job of one baseline after the other."""
        each = (FOUND - OPENED) / (1 + len(self.others))
        return Attentive(self._job, OPENED + turn * each, OPENED + (turn + 1) * each, self._prefix)

    def _tell(self, found: Estimate) -> None:
        self._job.partial(estimate_partial(self._index, found, self.budget))

    def _compared(self, found: Found, about: Described) -> tuple[tuple[Compared, ...], tuple[str, ...]]:
        """What the other baselines say, and the names of players that the first one hides."""
        games: list[tuple[str, OpenGame, Estimate]] = [(self._request.baseline, self.first, found.estimate)]
        failed: dict[str, Compared] = {}
        for turn, name in enumerate(self.others, start=1):
            job = self._attentive(turn)
            if job.is_stopped:
                failed[name] = not_compared(name, baseline_name(name), "The run was stopped before its turn.")
                continue
            try:
                other = self._opening.game(name, job)
                games.append((name, other, ask(self._way, other, self.budget, job, lambda _: None).estimate))
            except (InputError, RequestError) as error:
                failed[name] = not_compared(name, baseline_name(name), error.message)
        seen = [Seen(one.phi, beyond_doubt(one, scale_of(game)), described(game).contrast) for _, game, one in games]
        hidden = [
            tuple(name for name, is_hidden in zip(self.first.players.names, one, strict=True) if is_hidden)
            for one in hidden_by(seen, about.pixels, self.first.players.rest)
        ]
        self._caution(*self._of_hidden(hidden[0], found.estimate, alone=len(games) == 1))
        told = {
            name: compared_told(found.estimate, one, game, name, names)
            for (name, game, one), names in zip(games[1:], hidden[1:], strict=True)
        }
        return tuple({**told, **failed}[name] for name in self.others), hidden[0]

    def _of_hidden(self, names: tuple[str, ...], found: Estimate, alone: bool) -> Iterator[Caution]:
        """What the first baseline hides. What others hide is no reason to doubt these values: it is told with those."""
        first, request = self.first, self._request
        if not first.game.scopes.any():
            return
        probed = alone and isinstance(request, RegionShapRequest) and not is_farm(request, first)
        other = otherwise(first, request.baseline, found.phi, self._explained.scene.bands) if probed else None
        if other is not None:
            yield of_otherwise(first, other)
        elif names:
            yield of_hidden(first, names, alone)

    def _pairs(self) -> tuple[tuple[str, str, float], ...]:
        """The pairs of players that only count together, the largest first; a warning where that takes too much."""
        names = self.first.players.names
        self.first.game.work_for(self._job.part(FOUND, 1))
        try:
            pairs = interactions(self.first.game, max(self.budget, CHEAP)).pairs
        except RequestError as error:
            self._caution(Caution(NO_PAIRS, str(error)))
            return ()
        one, two = np.triu_indices(len(names), 1)
        values = pairs[one, two]
        order = np.argsort(-np.abs(values), kind="stable")[:MOST_PAIRS]
        return tuple((names[one[place]], names[two[place]], float(values[place])) for place in order if values[place])
