"""What if some superpixels were the baseline? Answered from a game that is open, or opened from the request again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...contract.errors import RequestError
from ...contract.options import parse
from ...contract.region_shap import RegionShapRequest
from ..job import Job
from .answer import probabilities
from .cutting import superpixels_of
from .open_games import GAMES, OpenGame, asked
from .opening import Opening
from .question import items_of, open_question


def what_if(params: Mapping[str, Any], job: Job) -> dict[str, Any]:
    """The model's answer with some players absent.

    params: request, as ``regionshap`` takes it; absent, numbers of players from 0, in the order of its answer; region,
    the number of the item, where there are several (0). Gives f_x (v of those who are there), probability (the mean
    over the target's pixels), detected (how many of them reach the threshold) and target_pixels. Raises
    :class:`SolarSaliencyError`.
    """
    request = _request(params)
    index = _number(params.get("region", 0), "region")
    opened = GAMES.find(asked(request, index, request.baseline)) or _opened(request, index, job)
    opened.game.work_for(job)
    present = np.ones(opened.players.count, bool)
    present[_absent(params, opened.players.count)] = False
    answers = opened.game.shown(present)
    likely, weights = probabilities(opened, answers), opened.view.weights
    return {
        "f_x": float(answers @ weights[weights != 0].double().cpu().numpy()),
        "probability": float(likely.mean()),
        "detected": int((likely >= opened.threshold).sum()),
        "target_pixels": len(answers),
    }


def _opened(request: RegionShapRequest, index: int, job: Job) -> OpenGame:
    """The game of a request that is not open, or no more."""
    with open_question(request, job) as explained:
        items = items_of(request, explained.scene.grid, explained.scene.area, job)
        if index >= len(items):
            raise RequestError(f"There is no region {index + 1}: the request has {len(items)}.")
        item = items[index]
        opening = Opening(request, explained.of_target(item.target, job), item, index, superpixels_of)
        return opening.game(request.baseline, job)


def _request(params: Mapping[str, Any]) -> RegionShapRequest:
    request = params.get("request")
    if not isinstance(request, Mapping):
        raise RequestError("What if: the request that is asked about is missing.")
    found: RegionShapRequest = parse(RegionShapRequest, {"output": "-", **request})
    return found


def _absent(params: Mapping[str, Any], players: int) -> list[int]:
    """Numbers of the players that are absent."""
    given = params.get("absent", [])
    if not isinstance(given, (list, tuple)):
        raise RequestError("What if: the players that are absent must be a list of numbers.")
    numbers = [_number(one, "player") for one in given]
    if numbers and max(numbers) >= players:
        raise RequestError(f"What if: there is no player {max(numbers)}; there are {players}, counted from 0.")
    return numbers


def _number(value: object, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise RequestError(f"What if: “{value}” is no number of a {what}.")
    return value
