"""How values of regions look: one rule for the panel, the map, layers and pages, so that none says more than another.

Colours are the fuller the larger a value is; hatching stands for “nothing can be said of the sign”.
"""

from typing import Iterable

from .region_shap import Player, RegionAnswer


def full_colour(answers: Iterable[RegionAnswer]) -> float:
    """The |φ| that is shown in full colour, the largest of all players; 1 where nothing moved the answers.

    That of what surrounds a region counts, too, though it has no place on the map: where it has nearly all of the
    effect, full colours inside would claim that the region has.
    """
    sizes = [abs(player.phi) for answer in answers for player in answer.players]
    return max((size for size in sizes if size > 0), default=1.0)  # which NaN is not


def is_certain(standard_error: float, lower: float, upper: float) -> bool:
    """Whether a value is exact, or its interval does not hold zero; not so where no error is known (NaN)."""
    return standard_error == 0 or lower > 0 or upper < 0


def is_unclear(player: Player) -> bool:
    """Whether a player is hatched: its error is known, and the interval holds zero."""
    return player.standard_error > 0 and not player.certain
