"""An item's games, opened: its pixels, its players, and one game for each baseline; open ones are taken up again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...contract.region_shap import RegionQuestion
from ..attribution.explained import Explained
from ..attribution.view import View
from ..imagery.windows import Tile
from ..job import Job
from ..models.runtime import memory_failures
from .images import ImageGame
from .open_games import GAMES, Key, OpenGame, key_of
from .players import Players
from .question import Item

#: Who plays: (request, item, explained, view, job) → players.
Cutter = Callable[[Any, Item, Explained, View, Job], Players]

_WHY_WHOLE = "Its parts are taken away together, which windows of it cannot show."


class Opening:
    """Opens the games of one item, the ``index``-th of its request; ``explained`` is of the item's target."""

    def __init__(self, request: RegionQuestion, explained: Explained, item: Item, index: int, cutter: Cutter) -> None:
        self._request, self._explained, self._item, self._index = request, explained, item, index
        self._cutter = cutter
        self._first: OpenGame | None = None
        self._opened_here: dict[Key, OpenGame] = {}

    def game(self, baseline: str, job: Job) -> OpenGame:
        """The game with a baseline. The first one that is opened says who plays in those after it.

        Raises :class:`SolarSaliencyError`, such as where nothing is detected or the target is too large.
        """
        explained = self._explained
        explained.require_whole("values of its parts", _WHY_WHOLE)
        key = key_of(self._request, self._index, baseline, explained)
        opened = GAMES.get(key)
        if opened is None:
            region = explained.region
            with memory_failures((region.height, region.width)):
                opened = self._opened(baseline, job)
            GAMES.keep(key, opened)
        self._opened_here[key] = opened
        opened.game.work_for(job)
        self._first = self._first or opened
        return opened

    def keep(self) -> None:
        """Keep what all games were asked; the first one, which what-if is about, is the last to be closed."""
        for key, opened in reversed(self._opened_here.items()):
            GAMES.keep(key, opened)

    def _opened(self, baseline: str, job: Job) -> OpenGame:
        one = self._explained
        if baseline != self._request.baseline:
            one = one.compared_with(baseline)
        try:
            view, target = self._view(one, job)
            text = one.baseline.text
        finally:
            if "baseline" in vars(one):
                one.baseline.close()
        players = self._first.players if self._first else self._cutter(self._request, self._item, one, view, job)
        return OpenGame(ImageGame(view, players), players, view, one.region, target, one.threshold, text)

    def _view(self, one: Explained, job: Job) -> tuple[View, np.ndarray]:
        if self._first is None:
            return one.whole_view(job)
        target = self._first.target
        weight = 1.0 / float(target.sum()) if self._request.total == "mean" else 1.0
        return one.view(Tile(one.region, one.region), target, weight, job, False), target
