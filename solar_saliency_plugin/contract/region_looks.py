"""How values of regions look: one rule for the panel, the map, layers and pages, so that none says more than another.

Colours are the fuller the larger a value is; hatching stands for “nothing can be said of the sign”.
"""

from itertools import chain
from typing import Iterable

from .region_shap import Player, RegionAnswer

#: Share of what the model answers below which values are next to nothing, and look so.
_NEXT_TO_NOTHING = 0.01


def full_colour(answers: Iterable[RegionAnswer]) -> float:
    """The |φ| that is shown in full colour, and in charts as long as there is room: the largest of all players.

    That of what surrounds a region counts, too, though it has no place on the map: where it has nearly all of the
    effect, full colours inside would claim that the region has. So do the values of baselines that were compared: of
    one from which the image hardly differs they would else look as large as those of the others. And full colour is
    never less than a hundredth of what the model answers; 1 where nothing moved the answers.
    """
    shown = list(answers)
    values = chain(
        (player.phi for answer in shown for player in answer.players),
        (phi for answer in shown for other in answer.compared for phi in other.phi),
    )
    largest = max((abs(phi) for phi in values if abs(phi) > 0), default=0.0)  # which NaN is not
    told = (abs(score) for answer in shown for score in (answer.f_x, answer.f_baseline))
    least = _NEXT_TO_NOTHING * max((score for score in told if score > 0), default=0.0)
    return max(largest, least) if largest else 1.0


def is_certain(standard_error: float, lower: float, upper: float) -> bool:
    """Whether a value is exact, or its interval does not hold zero; not so where no error is known (NaN)."""
    return standard_error == 0 or lower > 0 or upper < 0


def is_unclear(player: Player) -> bool:
    """Whether a player is hatched: its error is known, and the interval holds zero."""
    return player.standard_error > 0 and not player.certain
