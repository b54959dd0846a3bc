"""What it would take to reach what the default model was aimed at, as far as its learning curve can say."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

#: What was aimed at on single dates, all pixels counted.
AIMS = {"average_precision": 0.95, "iou": 0.8}

#: What the remaining errors are about, and hence what data would mend them.
DATA = (
    "Farms at more places, and of other climates than Austria's, each with the dates of a whole year.",
    "Outlines drawn around the panels themselves, not around the ground that belongs to a farm, to 5 m or better: "
    "fitted_to_everything says how far a network that has learned from every one of these sites stays below the aims "
    "there where all pixels count, and where the strip along outlines does not.",
    "The date from which panels stand, and on dates with snow which of them are bare, at several mountain sites.",
    "Ground without farms that looks like panels, checked by eye: orchards and vineyards in rows, wet and dark bare "
    "fields, lagoons, roofs of sheds and halls, at more places than one each.",
    "Images of level L1C and L2A of the same farms on the same dates.",
)


def what_would_close_it(
    curve: Sequence[Mapping[str, float]], reached: Mapping[str, float], places: int
) -> dict[str, Any]:
    """Places that a straight line through the learning curve asks for, by figure, and which data they should hold.

    ``curve``: figures by "places" learned from. ``reached``: the figures of a cross-validation with ``places`` places,
    of which each of its networks learns from a part; the number needed is one of such a cross-validation, too.
    The line is one in the logarithm of the number of places, as learning curves are over short ranges; in the long run
    they level off. None where a figure does not grow with the number of places.
    """
    doublings = np.log2([point["places"] for point in curve])
    lines = {name: stats.linregress(doublings, [point[name] for point in curve]) for name in AIMS}
    return {
        "aims": AIMS,
        "gain_per_doubling_of_places": {
            name: {"value": round(float(line.slope), 4), "standard_error": round(float(line.stderr), 4)}
            for name, line in lines.items()
        },
        "places_now": places,
        "places_needed_if_the_line_goes_on": {
            name: math.ceil(places * 2 ** (max(aim - reached[name], 0.0) / lines[name].slope))
            if lines[name].slope > 0
            else None
            for name, aim in AIMS.items()
        },
        "data": list(DATA),
    }
