"""Games that stay open in the engine's process: a larger budget asks only what is new, and what-if answers at once."""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from ...contract.options import to_json
from ...contract.region_shap import RegionQuestion
from ..attribution.explained import Explained
from ..attribution.view import View
from ..imagery.grid import Window
from ..models.registry import default_model
from .cutting import layer_file
from .estimate import Estimate
from .game import Known
from .images import ImageGame
from .players import Players

#: Games that are kept open, and what they may take up together, bytes.
MOST_OPEN, MOST_BYTES = 4, 512 * 2**20

#: What the coalitions of games that were closed may take up together, bytes.
MOST_KNOWN = 64 * 2**20

#: Members of requests that v(S) does not depend on.
_NOT_OF_THE_GAME = (
    "output",
    "raster",
    "report",
    "table",
    "estimator",
    "evaluations",
    "error",
    "neighbours",
    "outside",
    "interactions",
    "compare",
    "long",
    "name",
    "window",
)

#: A file, when its content and when anything of it was last changed (ns; copies may keep the first), and its size; all
#: −1: it is not there.
Stamp = tuple[str, int, int, int]


@dataclass(frozen=True)
class OpenGame:
    """A game, and what has to be known of it to tell and to draw it.

    view: of ``window`` of the scene's grid. target: (H, W), bool, the pixels that are explained. threshold: probability
    from which a pixel counts as detected. baseline_text: the baseline in words. finished: estimates that were not
    ended early, by how they were asked for.
    """

    game: ImageGame
    players: Players
    view: View
    window: Window
    target: np.ndarray
    threshold: float
    baseline_text: str
    finished: dict[Hashable, Estimate] = field(default_factory=dict)

    @property
    def footprint(self) -> int:
        """What it takes up in memory by itself, about, bytes: the network may be that of other games, too."""
        return (
            self.players.labels.nbytes
            + sum(map(_size, (self.view.reflectance, self.view.baselines)))
            + (self.game.footprint)
        )


@dataclass(frozen=True)
class Key:
    """Everything that a game's worths depend on: the request's members, and the files that were read."""

    asked: str
    stamps: tuple[Stamp, ...]

    @property
    def is_current(self) -> bool:
        """Whether the files are still those that were read."""
        return stamps(path for path, *_ in self.stamps) == self.stamps


def asked(request: RegionQuestion, item: int, baseline: str) -> str:
    """What a request says of the game of one of its items with one baseline; files may change all the same."""
    said: dict[str, Any] = {name: value for name, value in to_json(request).items() if name not in _NOT_OF_THE_GAME}
    if baseline != "surroundings":  # the spectra of which are drawn
        said.pop("seed")
    model = default_model() if request.model == "default" else request.model
    return json.dumps({**said, "baseline": baseline, "model": model, "item": item, "of": type(request).__name__})


def key_of(request: RegionQuestion, item: int, baseline: str, explained: Explained) -> Key:
    """The key of a game whose scene and model are open."""
    model = [file for file in explained.model.folder.iterdir() if file.is_file()]
    files = [*explained.inputs, *sorted(model), *layer_file(getattr(request, "segments", ""))]
    return Key(asked(request, item, baseline), stamps(str(file) for file in dict.fromkeys(files)))


def stamps(paths: Iterable[str]) -> tuple[Stamp, ...]:
    """When files were last changed, and how long they are."""
    return tuple(_stamp(path) for path in paths)


def _stamp(path: str) -> Stamp:
    """Of a GeoPackage that is open elsewhere, the newest changes lie beside it, in a file of the same name and more."""
    latest, touched, size = -1, -1, -1
    for file in (path, f"{path}-wal"):
        try:
            found = os.stat(file)
        except OSError:
            continue
        latest, touched = max(latest, found.st_mtime_ns), max(touched, found.st_ctime_ns)
        size += found.st_size
    return path, latest, touched, size


class OpenGames:
    """The games that were used last, and the coalitions of those that were closed."""

    def __init__(self) -> None:
        self._open: OrderedDict[Key, OpenGame] = OrderedDict()
        self._known: OrderedDict[Key, Known] = OrderedDict()

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)

    def __iter__(self) -> Iterator[OpenGame]:
        """The open ones; the one that was used last comes last."""
        return iter(list(self._open.values()))

    def get(self, key: Key) -> OpenGame | None:
        """The game, if it is open; it becomes the one that was used last."""
        found = self._open.get(key)
        if found is not None:
            self._open.move_to_end(key)
        return found

    def find(self, what: str) -> OpenGame | None:
        """The game of which this was asked, if it is open and its files are what they were."""
        for key in list(reversed(self._open)):
            if key.asked == what:
                if key.is_current:
                    return self.get(key)
                del self._open[key]
        return None

    def keep(self, key: Key, opened: OpenGame) -> None:
        """Keep a game open; what was asked of it before it was closed, it knows again."""
        if key in self._known:
            opened.game.learn(self._known.pop(key))
        self._open[key] = opened
        self._open.move_to_end(key)
        self._make_room()

    def _make_room(self) -> None:
        """Close games that were not used for longest, until the rest are few and small enough.

        The last one stays whatever it takes: it was in memory just now, and what-if asks it.
        """
        while len(self._open) > MOST_OPEN or (len(self._open) > 1 and footprint(self) > MOST_BYTES):
            key, closed = self._open.popitem(last=False)
            self._known[key] = closed.game.known()
        while self._known and sum(_bytes(known) for known in self._known.values()) > MOST_KNOWN:
            self._known.popitem(last=False)

    def clear(self) -> None:
        """Forget all."""
        self._open.clear()
        self._known.clear()


def footprint(games: Iterable[OpenGame]) -> int:
    """What games take up together, about, bytes; weights that they share count once."""
    whole = list(games)
    weights = {one.data_ptr(): _size(one) for game in whole for one in game.view.network.module.parameters()}
    return sum(weights.values()) + sum(game.footprint for game in whole)


def _size(tensor: torch.Tensor) -> int:
    return tensor.element_size() * tensor.nelement()


def _bytes(known: Known) -> int:
    return known.masks.nbytes + known.parts.nbytes


#: Those of this process.
GAMES = OpenGames()
