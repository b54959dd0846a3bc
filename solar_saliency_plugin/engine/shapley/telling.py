"""What came out for a region, in plain sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...contract.band_words import band_text
from ...contract.region_looks import is_unclear
from ...contract.region_shap import Compared, Player, RegionAnswer
from ...contract.shapley_words import own_name
from ..attribution.telling import baseline_name
from ..reporting.page import number, percent, signed
from .answer import ROUNDING
from .tables import rest_of

#: Share of all that moved the answer that the strongest players are counted up to.
MOST = 0.8

#: Players that are named in one sentence, at most.
_NAMED = 6


def title_of_player(player: Player) -> str:
    """What a player is called where it stands alone: the user's polygons and bands by name, superpixels by number."""
    called = own_name(player.name, player.number, player.bands)
    if called:
        return f"{called} ({player.bands})" if player.bands else called
    if player.number:
        return f"superpixel {_numbered(player)}"
    return band_text(player.name) if player.bands else "what surrounds the region"


def names_of(answer: RegionAnswer, names: Sequence[str]) -> str:
    """Players, by their names, as they are called in a sentence."""
    nameless = [player for player in answer.players if not own_name(player.name, player.number, player.bands)]
    numbered = {player.name: _numbered(player) for player in nameless if player.number}
    placed = [numbered[name] for name in names if name in numbered]
    others = ["what surrounds the region" if _is_rest(answer, name) else name for name in names if name not in numbered]
    listed = placed[:_NAMED] + ([f"{len(placed) - _NAMED} more"] if len(placed) > _NAMED else [])
    one = "superpixel" if len(placed) == 1 else "superpixels"
    return _listed([f"{one} {_listed(listed)}"] * bool(placed) + others)


def headline(answer: RegionAnswer) -> str:
    """Who raised the answer most, who lowered it most, and how few make up most of it."""
    by_rank = sorted(answer.players, key=lambda player: player.rank)
    if not by_rank[0].phi:
        return "Nothing in the region moves the answer: image and baseline get the same, whatever is taken away."
    told, rounding = [], ROUNDING * max(abs(answer.f_x), abs(answer.f_baseline))
    for way, verb, least in ((1, "raised", "raised it"), (-1, "lowered", "lowered it")):
        strongest = next((p for p in by_rank if p.phi * way > rounding), None)
        if strongest is None:
            told.append(f"Nothing {least}.")
        elif not is_unclear(strongest):
            told.append(f"{_capital(title_of_player(strongest))} {verb} the answer most: {value_of(strongest)}.")
        else:
            told.append(f"That anything {least} is not certain.")
    return " ".join([*told, _concentration(by_rank)])


def value_of(player: Player) -> str:
    """A player's value, its error, and its share."""
    text = signed(player.phi)
    if not math.isnan(player.standard_error) and player.standard_error:
        text += f" ± {(player.upper - player.lower) / 2:.2g}"
    return f"{text}, {percent(player.share)} of all that moved it"


def moved(value: float, decimals: int) -> str:
    """How much the answer was moved, with its sign; the same decimals in all rows of a table."""
    return "–" if math.isnan(value) else f"{value:+.{decimals}f}".replace("-", "−")


def _concentration(by_rank: Sequence[Player]) -> str:
    total, count = 0.0, 0
    while total < MOST and count < len(by_rank):
        total += by_rank[count].share
        count += 1
    if count == len(by_rank):
        return ""
    return f"{count} of {len(by_rank)} parts make up {percent(total)} of it."


def hiding(answer: RegionAnswer) -> list[str]:
    """What baselines hide that others show, a sentence for each that hides anything."""
    told = []
    who = names_of(answer, answer.hidden)
    if answer.hidden and all(other.error for other in answer.compared):
        told.append(f"The baseline {answer.baseline_text} looks nearly like {who}: what rests on it hardly shows.")
    elif answer.hidden:
        told.append(f"The baseline {answer.baseline_text} hides {who}: another one shows that the answer rests on it.")
    for other in answer.compared:
        if other.hidden:
            them = "them" if len(other.hidden) > 1 else "it"
            told.append(
                f"Compared with {other.baseline_text}, {names_of(answer, other.hidden)} would go unnoticed: this "
                f"baseline hides {them}."
            )
    return told


def agreement(answer: RegionAnswer, other: Compared) -> str:
    """How far another baseline says the same."""
    if other.error:
        return f"{_capital(baseline_name(other.baseline))}: {other.error}"
    same = "–" if math.isnan(other.rank_correlation) else number(other.rank_correlation)
    answered = number(other.f_baseline, 3)
    return f"{_capital(other.baseline_text)}, for which the answer is {answered}: rank correlation {same}."


def surroundings(answer: RegionAnswer) -> str:
    """How much lies outside of the region, where that played."""
    rest = rest_of(answer)
    if rest is None or rest.share < 0.01:
        return ""
    return (
        f"What the model sees around the region moved the answer by {value_of(rest)}. It has no place on the map; the "
        "layer “regions” has its value."
    )


def _numbered(player: Player) -> str:
    return f"{player.number} ({player.bands})" if player.bands else str(player.number)


def _is_rest(answer: RegionAnswer, name: str) -> bool:
    rest = rest_of(answer)
    return rest is not None and rest.name == name


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
