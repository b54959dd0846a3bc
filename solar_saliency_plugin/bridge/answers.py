"""What came out for a region, in words: for the log, and for Layer Properties ▸ Information.

An answer is a RegionAnswer of the contract as JSON has it: NaN is null. One that was read from a file may be damaged;
these functions then raise ArithmeticError, AttributeError, LookupError, TypeError or ValueError.
"""

import math
from typing import Any, Iterable, List, Mapping

from ..contract.attribution import INEXACT
from ..contract.band_words import BAND_WORDS
from ..contract.shapley_words import ESTIMATOR_WORDS, own_name, sight_text

#: How many parts a line names of those that raised, and of those that lowered the answer.
NAMED = 3

#: Values that are less than this share of the largest one are not named.
WORTH = 0.02

#: How many pairs of parts that only count together are named.
PAIRS = 5

#: An estimate is rough where the largest standard error is more than this share of the largest value.
ROUGH = 0.1


def player_text(player: Mapping[str, Any]) -> str:
    """What a part is called: by its number on the map, its bands, or both: superpixel 3; red B04."""
    number, bands = int(player["number"]), str(player["bands"])
    if number:
        called = own_name(str(player["name"]), number, bands) or f"superpixel {number}"
        return f"{bands} of {called}" if bands else called
    if player["name"] == "rest":
        return "what surrounds the region"
    return f"{BAND_WORDS[bands]} {bands}" if bands in BAND_WORDS else bands or str(player["name"])


def value_text(player: Mapping[str, Any]) -> str:
    """A part's value with half of its 95 % interval: +1.23 ± 0.1; the interval only where the digits show it."""
    reach = _reach(player)
    return signed(player["phi"]) + (f" ± {reach:.2g}" if reach > _last_digit(player["phi"]) / 2 else "")


def is_exact(player: Mapping[str, Any]) -> bool:
    """Whether a part's interval is narrower than its value's digits tell."""
    known = player["standard_error"] is not None and player["phi"] is not None
    return bool(known and _reach(player) <= _last_digit(player["phi"]) / 2)


def _reach(player: Mapping[str, Any]) -> float:
    return 0.0 if player["upper"] is None else float(player["upper"]) - float(player["phi"])


def _last_digit(value: float) -> float:
    """What the last digit of a value is worth, where three are written."""
    return float(10.0 ** (math.floor(math.log10(abs(value))) - 2)) if value else 0.0


def signed(value: float) -> str:
    """A number with its sign, as people write it."""
    return f"{value or 0.0:+.3g}".replace("-", "−")  # no “−0”


def number_text(value: float) -> str:
    """A number with three digits."""
    return f"{value or 0.0:.3g}".replace("-", "−")


def is_rough(answer: Mapping[str, Any]) -> bool:
    """Whether the values are not exact enough to go by their order."""
    largest = max((abs(player["phi"]) for player in answer["players"]), default=0.0)
    errors = [player["standard_error"] for player in answer["players"]]
    return any(error is not None and error > ROUGH * largest for error in errors) or not adds_up(answer)


def adds_up(answer: Mapping[str, Any]) -> bool:
    """Whether the values add up to the difference between image and baseline, as far as matters."""
    return abs(answer["difference"]) <= INEXACT * max(abs(answer["f_x"] - answer["f_baseline"]), 1e-6)


def headline(answer: Mapping[str, Any]) -> str:
    """Which parts raised and lowered the answer most."""
    found = moved(answer)
    return f"The answer was {found}." if found else _unmoved(answer)


def moved(answer: Mapping[str, Any]) -> str:
    """Which parts raised and lowered the answer most, as a part of a sentence; empty where none is sure to have."""
    players = sorted(answer["players"] or answer.get("strongest", ()), key=lambda player: -abs(player["phi"]))
    worth = [p for p in players if abs(p["phi"]) >= WORTH * abs(players[0]["phi"]) > 0 and not _is_unsure(p)]
    told = []
    for did, sign in (("raised", 1), ("lowered", -1)):
        named = [f"{player_text(p)} ({value_text(p)})" for p in worth if sign * p["phi"] > 0][:NAMED]
        if named:
            told.append(f"{did} by {', '.join(named)}")
    return "; ".join(told)


def _unmoved(answer: Mapping[str, Any]) -> str:
    if any(player["phi"] for player in answer["players"] or answer.get("strongest", ())):
        return "Nothing is sure to have raised or lowered the answer: allow more evaluations."
    return "Nothing raised or lowered the answer: the baseline gives the same one."


def sums(answer: Mapping[str, Any]) -> str:
    """The answers for image and baseline, and whether the values add up to what lies between."""
    difference = answer["f_x"] - answer["f_baseline"]
    line = (
        f"The answer is {number_text(answer['f_x'])} for the image and {number_text(answer['f_baseline'])} for the "
        f"baseline ({answer['baseline_text']}); the values add up to {number_text(answer['phi_sum'])}"
    )
    if adds_up(answer):
        return f"{line}, which is the difference."
    return f"{line}, {signed(answer['difference'])} off the difference, {number_text(difference)}."


def _is_unsure(player: Mapping[str, Any]) -> bool:
    """Whether the interval holds zero; where there is none, nobody knows."""
    return bool(player["standard_error"]) and not player["certain"]


def found_by(answer: Mapping[str, Any]) -> str:
    """How the values were found, and how exact they are."""
    method = ESTIMATOR_WORDS.get(answer["estimator"], answer["estimator"])
    known = answer["evaluations"] - answer["asked"]
    parts = [f"{answer['evaluations']:,} evaluations" + (f", {known:,} of them known from before" if known > 0 else "")]
    if answer["r2"] is not None:
        parts.append(f"R² {answer['r2']:.3f}")
    errors = [player["standard_error"] for player in answer["players"]]
    if errors and None not in errors and answer["estimator"] != "exact":
        parts.append(f"largest standard error {max(errors):.2g}")
    if errors and None in errors:
        parts.append("no error is known")
    return f"Found by: {method} ({'; '.join(parts)})." + (" Stopped before all were used." if answer["stopped"] else "")


def doubts(answer: Mapping[str, Any]) -> List[str]:
    """What one should not take the values for."""
    lines = []
    unsure = [str(player["name"]) for player in answer["players"] if _is_unsure(player)]
    if unsure:
        lines.append(f"Hatched, as even their sign is not sure: {names_text(unsure)}.")
    if answer["hidden"] and len(answer["hidden"]) < len(answer["players"]):  # all: the headline says it
        lines.append(f"⚠ Hidden by the baseline: {names_text(answer['hidden'])}.")
    return lines


def compared(answer: Mapping[str, Any]) -> List[str]:
    """What other baselines say."""
    lines = []
    for other in answer["compared"]:
        if other["error"]:
            lines.append(f"Compared with {other['baseline_text'] or other['baseline']}: {other['error']}")
            continue
        agrees = other["rank_correlation"]
        line = f"Compared with {other['baseline_text']}, for which the answer is {number_text(other['f_baseline'])}"
        line += "." if agrees is None else f": rank correlation of the values {agrees:.2f}.".replace("-", "−")
        lines.append(line + (f" ⚠ It hides {names_text(other['hidden'])}." if other["hidden"] else ""))
    return lines


def pairs(answer: Mapping[str, Any]) -> List[str]:
    """Which parts count together beyond what each counts alone."""
    named = [f"{names_text((one, other))} ({signed(value)})" for one, other, value in answer["interactions"][:PAIRS]]
    return [f"Together more (+) or less (−) than each alone: {'; '.join(named)}."] if named else []


def told(answer: Mapping[str, Any]) -> List[str]:
    """All that there is to say of a region, what matters most first. What a file leaves out of it, is not told."""
    answer = {"players": (), "compared": (), "interactions": (), "asked": answer["evaluations"], **answer}
    return [
        *([headline(answer)] if answer["players"] or answer.get("strongest") else []),
        *doubts(answer),
        sums(answer),
        *compared(answer),
        *pairs(answer),
        *filter(None, [sight_text(answer.get("facts") or {})]),
        found_by(answer),
    ]


def names_text(names: Iterable[str]) -> str:
    """Parts by their names, as text: numbers are superpixels'."""
    known = [str(name) for name in names]
    numbered = [name.replace(", ", " (") + ")" * (", " in name) for name in known if name[:1].isdigit()]
    others = ["what surrounds the region" if name == "rest" else name for name in known if not name[:1].isdigit()]
    if not numbered:
        return listed(others)
    text = f"superpixel{'s' if len(numbered) > 1 else ''} {listed(numbered)}"
    return f"{text} and {listed(others)}" if others else text


def listed(names: "List[str]", most: int = 8) -> str:
    """Names with commas and an “and”; of many, the first ones."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
