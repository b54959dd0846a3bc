"""Numbers that say how far an attribution can be trusted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

#: Where the answer changes by less than this share of Σ|φ|, contributions cancel out, and the change is no yardstick.
SMALL_CHANGE = 0.01


def completeness_error(total: float, difference: float, absolute: float) -> float:
    """How far the attributions' sum is from the change of the answer that they should add up to, as a share.

    total: Σφ. difference: S(x) − S(x′), or S(x) for relevance that is conserved. absolute: Σ|φ|. The share is of
    |difference|; where that is less than 1 % of Σ|φ|, of Σ|φ|. NaN where there is nothing to compare.
    """
    scale = abs(difference) if abs(difference) >= SMALL_CHANGE * absolute else absolute
    return abs(total - difference) / scale if scale > 0 and math.isfinite(scale) else math.nan


def absorbed(facts: Mapping[str, Any]) -> float:
    """What was kept on the way and is not in the map, by a method's facts: it counts where sums are compared."""
    return math.fsum(value for name, value in facts.items() if name.startswith("absorbed_by_"))
