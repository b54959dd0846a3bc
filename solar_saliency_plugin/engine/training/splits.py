"""Which sites and scenes train, which choose the threshold, and which are only ever measured on.

Sites are split by place: neighbours share their weather, soil and panels, so they stay on one side.
"""

from .farms import DOUBTFUL, WITHOUT_PANELS

#: Sites of the shared data that lie within 2 km of each other, or overlap.
NEIGHBOURS = ((31, 398), (539, 813), (801, 802, 967), (1913, 1933), (2004, 2129))

_SITES = (
    *(1, 9, 31, 102, 149, 159, 282, 386, 391, 398, 415, 454, 539, 684, 739, 748, 777, 787, 801, 802, 813, 819, 876),
    *(967, 1285, 1357, 1780, 1913, 1933, 2004, 2008, 2011, 2129),
)

FOLDS = 5


def groups() -> tuple[tuple[int, ...], ...]:
    """The usable sites, neighbours together, ordered by their smallest number."""
    grouped = {site for group in NEIGHBOURS for site in group}
    alone = [(site,) for site in _SITES if site not in grouped]
    return tuple(group for group in sorted((*NEIGHBOURS, *alone)) if not set(group) & DOUBTFUL)


def farm_groups() -> tuple[tuple[int, ...], ...]:
    """The groups that hold panels."""
    return tuple(group for group in groups() if not set(group) <= WITHOUT_PANELS)


def sites(part: str, fold: int = 0) -> tuple[int, ...]:
    """Sites of the "training", "validation" or "test" part.

    Every fifth group of farms is tested on and the ones after them choose the threshold; ``fold`` turns the choice.
    Sites without panels train as background.
    """
    parts: dict[str, list[int]] = {"training": [], "validation": [], "test": []}
    for index, group in enumerate(farm_groups()):
        parts[{0: "test", 1: "validation"}.get((index - fold) % FOLDS, "training")].extend(group)
    parts["training"].extend(site for group in groups() if set(group) <= WITHOUT_PANELS for site in group)
    return tuple(sorted(parts[part]))
