"""Dates of a series that were seen through haze or thin cloud which the scene classification took for clear sky."""

from collections.abc import Iterable
from datetime import date

import numpy as np

from .farms import SNOW_LIMIT, FarmView

#: How much more blue light than on the dates next to it a place sends without having changed, reflectance.
RISE = 0.03

#: Dates next to one that it is compared with.
NEIGHBOURS = 7


def seen_through_haze(views: Iterable[FarmView]) -> frozenset[tuple[int, str]]:
    """Site and date of the views without snow that are brighter in blue, over the whole chip, than those next to them.

    Ground changes slowly and hardly in blue, and haze comes and goes: O. Hagolle et al. (2010), "A multi-temporal
    method for cloud detection", https://doi.org/10.1016/j.rse.2010.03.002, here with the median of the nearest dates
    as what is expected. Neither outlines nor any network are asked. A date without another to compare with is clear.
    """
    blue: dict[int, list[tuple[date, float, str]]] = {}
    for view in views:
        if view.snow <= SNOW_LIMIT:
            level = float(np.median(view.reflectance[0][view.valid]))
            blue.setdefault(view.site, []).append((date.fromisoformat(view.date), level, view.date))
    return frozenset(
        (site, name)
        for site, dates in blue.items()
        for day, level, name in dates
        if level - _expected(day, dates) >= RISE
    )


def _expected(day: date, dates: Iterable[tuple[date, float, str]]) -> float:
    """Median level of the dates next to ``day``; without any, nothing is too bright."""
    others = sorted((abs((other - day).days), level) for other, level, _ in dates if other != day)
    return float(np.median([level for _, level in others[:NEIGHBOURS]])) if others else np.inf
