"""How the layers of a run over regions look, from the templates in ``resources/styles``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np

from ...contract.region_shap import RegionAnswer
from ..attribution.maps import robust_range
from ..imagery.style import style
from ..reporting.page import signed

#: Colours of the outlines of regions whose strongest band raised the answer, lowered it, or did neither.
_COLOURS = {"raised": "179,0,21", "lowered": "0,57,179", "neither": "26,26,26"}


def superpixels_style(answers: Sequence[RegionAnswer], limit: float) -> str:
    """Of superpixels; those of several groups of bands lie on each other, and the strongest group is shown at first."""
    groups: dict[str, float] = {}
    for player in (p for answer in answers for p in answer.players if p.number):
        groups[player.bands] = groups.get(player.bands, 0.0) + abs(player.phi)
    first = max(groups, key=lambda group: groups[group], default="")
    rules, symbols = [], []
    for place, group in enumerate(groups or {"": 0.0}):
        key = f"g{place}"
        own = style("parts/superpixels_rules", key=key, full=signed(limit, 2))
        if group:
            # Groups can be switched on and off in the legend.
            checked = "" if group == first else ' checkstate="0"'
            own = style("parts/superpixels_group", key=key, group=escape(group), checked=checked, rules=own)
        rules.append(own)
        symbols.append(style("parts/superpixels_symbols", key=key, range=f"{limit:.6g}"))
    return style("superpixels", rules="".join(rules), symbols="".join(symbols), digits=str(decimals(answers)))


def regions_style() -> str:
    """Of the regions that superpixels are parts of."""
    return style("regions")


def strongest_style(answers: Sequence[RegionAnswer], fields: Sequence[str]) -> str:
    """Of regions whose bands played; fields: those of φ, which the map tip lists."""
    places = decimals(answers)
    tip = "".join(
        f"&lt;br&gt;{escape(field.removeprefix('phi_').replace('_', ' '))}: "
        f"[% if(&quot;{field}&quot; &lt; 0, '−', '+') || format_number(abs(&quot;{field}&quot;), {places}) %]"
        for field in fields
    )
    symbols = "".join(style("parts/strongest_band_symbol", key=key, colour=rgb) for key, rgb in _COLOURS.items())
    return style("strongest_band", symbols=symbols, digits=str(places), values=tip)


def decimals(answers: Sequence[RegionAnswer]) -> int:
    """Decimals that tell the values of parts of the regions apart, however much more lies around the regions."""
    size = robust_range(np.array([p.phi for answer in answers for p in answer.players if p.number or p.bands]))
    return max(0, min(9, 2 - math.floor(math.log10(size))))
