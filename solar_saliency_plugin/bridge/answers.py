"""What came out for a region, in words: for the log, and for Layer Properties ▸ Information.

An answer is a RegionAnswer of the contract as JSON has it: NaN is null. One that was read from a file may be damaged;
these functions then raise ArithmeticError, AttributeError, LookupError, TypeError or ValueError.
"""

import math
from typing import Any, Iterable, List, Mapping, Tuple

from qgis.PyQt.QtCore import QCoreApplication

from ..contract.attribution import INEXACT
from ..contract.band_words import BAND_WORDS
from ..contract.shapley_words import BASELINE_WORDS, ESTIMATOR_WORDS, own_name, sight_text
from .translation import word

translate = QCoreApplication.translate

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
        called = own_name(str(player["name"]), number, bands)
        called = called or translate("Answers", "superpixel {number}").format(number=number)
        return translate("Answers", "{bands} of {part}").format(bands=bands, part=called) if bands else called
    if player["name"] == "rest":
        return _surroundings()
    if bands in BAND_WORDS:
        return translate("Answers", "{colour} {band}").format(colour=word(BAND_WORDS[bands]), band=bands)
    return bands or str(player["name"])


def _surroundings() -> str:
    return translate("Answers", "what surrounds the region")


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
    raised, lowered = _movers(answer)
    if raised and lowered:
        told = translate("Answers", "The answer was raised by {raised}; lowered by {lowered}.")
    elif raised:
        told = translate("Answers", "The answer was raised by {raised}.")
    elif lowered:
        told = translate("Answers", "The answer was lowered by {lowered}.")
    else:
        return _unmoved(answer)
    return told.format(raised=raised, lowered=lowered)


def moved(answer: Mapping[str, Any]) -> str:
    """Which parts raised and lowered the answer most, to stand after a colon; empty where none is sure to have."""
    raised, lowered = _movers(answer)
    if raised and lowered:
        told = translate("Answers", "raised by {raised}; lowered by {lowered}")
    elif raised:
        told = translate("Answers", "raised by {raised}")
    else:
        told = translate("Answers", "lowered by {lowered}") if lowered else ""
    return told.format(raised=raised, lowered=lowered)


def _movers(answer: Mapping[str, Any]) -> Tuple[str, str]:
    """The parts that are sure to have raised, and to have lowered the answer, with their values."""
    players = sorted(answer["players"] or answer.get("strongest", ()), key=lambda player: -abs(player["phi"]))
    worth = [p for p in players if abs(p["phi"]) >= WORTH * abs(players[0]["phi"]) > 0 and not _is_unsure(p)]
    raised, lowered = (
        ", ".join([f"{player_text(p)} ({value_text(p)})" for p in worth if sign * p["phi"] > 0][:NAMED])
        for sign in (1, -1)
    )
    return raised, lowered


def _unmoved(answer: Mapping[str, Any]) -> str:
    if any(player["phi"] for player in answer["players"] or answer.get("strongest", ())):
        return translate("Answers", "Nothing is sure to have raised or lowered the answer: allow more evaluations.")
    return translate("Answers", "Nothing raised or lowered the answer: the baseline gives the same one.")


def sums(answer: Mapping[str, Any]) -> str:
    """The answers for image and baseline, and whether the values add up to what lies between."""
    if adds_up(answer):
        told = translate(
            "Answers",
            "The answer is {f_x} for the image and {f_baseline} for the baseline ({baseline}); the values add up to "
            "{sum}, which is the difference.",
        )
    else:
        told = translate(
            "Answers",
            "The answer is {f_x} for the image and {f_baseline} for the baseline ({baseline}); the values add up to "
            "{sum}, {gap} off the difference, {difference}.",
        )
    return told.format(
        f_x=number_text(answer["f_x"]),
        f_baseline=number_text(answer["f_baseline"]),
        baseline=answer["baseline_text"],
        sum=number_text(answer["phi_sum"]),
        gap=signed(answer["difference"]),
        difference=number_text(answer["f_x"] - answer["f_baseline"]),
    )


def _is_unsure(player: Mapping[str, Any]) -> bool:
    """Whether the interval holds zero; where there is none, nobody knows."""
    return bool(player["standard_error"]) and not player["certain"]


def found_by(answer: Mapping[str, Any]) -> str:
    """How the values were found, and how exact they are."""
    method = ESTIMATOR_WORDS.get(answer["estimator"])
    count, known = answer["evaluations"], answer["evaluations"] - answer["asked"]
    counted = translate("Answers", "{count} evaluations", None, count)
    if known > 0:
        counted = translate("Answers", "{count} evaluations, {known} of them known from before", None, count)
    parts = [counted.format(count=f"{count:,}", known=f"{known:,}")]
    if answer["r2"] is not None:
        parts.append(f"R² {answer['r2']:.3f}")
    errors = [player["standard_error"] for player in answer["players"]]
    if errors and None not in errors and answer["estimator"] != "exact":
        parts.append(translate("Answers", "largest standard error {error}").format(error=f"{max(errors):.2g}"))
    if errors and None in errors:
        parts.append(translate("Answers", "no error is known"))
    told = translate("Answers", "Found by: {method} ({facts}).")
    if answer["stopped"]:
        told = translate("Answers", "Found by: {method} ({facts}). Stopped before all were used.")
    return told.format(method=word(method) if method else answer["estimator"], facts="; ".join(parts))


def doubts(answer: Mapping[str, Any]) -> List[str]:
    """What one should not take the values for."""
    lines = []
    unsure = [str(player["name"]) for player in answer["players"] if _is_unsure(player)]
    if unsure:
        told = translate("Answers", "Hatched, as even their sign is not sure: {names}.")
        lines.append(told.format(names=names_text(unsure)))
    if answer["hidden"] and len(answer["hidden"]) < len(answer["players"]):  # all: the headline says it
        told = translate("Answers", "⚠ Hidden by the baseline: {names}.")
        lines.append(told.format(names=names_text(answer["hidden"])))
    return lines


def compared(answer: Mapping[str, Any]) -> List[str]:
    """What other baselines say."""
    return [_compared(other) for other in answer["compared"]]


def _compared(other: Mapping[str, Any]) -> str:
    if other["error"]:
        told = translate("Answers", "Compared with {baseline}: {error}")
        baseline = other["baseline_text"] or word(BASELINE_WORDS.get(other["baseline"], other["baseline"]))
        return told.format(baseline=baseline, error=other["error"])
    agrees = other["rank_correlation"]
    told = translate("Answers", "Compared with {baseline}, for which the answer is {f_baseline}.")
    if agrees is not None:
        told = translate(
            "Answers",
            "Compared with {baseline}, for which the answer is {f_baseline}: rank correlation of the values {agrees}.",
        )
    line = told.format(
        baseline=other["baseline_text"],
        f_baseline=number_text(other["f_baseline"]),
        agrees=None if agrees is None else f"{agrees:.2f}".replace("-", "−"),
    )
    if not other["hidden"]:
        return line
    return f"{line} {translate('Answers', '⚠ It hides {names}.').format(names=names_text(other['hidden']))}"


def pairs(answer: Mapping[str, Any]) -> List[str]:
    """Which parts count together beyond what each counts alone."""
    named = [f"{names_text((one, other))} ({signed(value)})" for one, other, value in answer["interactions"][:PAIRS]]
    told = translate("Answers", "Together more (+) or less (−) than each alone: {pairs}.")
    return [told.format(pairs="; ".join(named))] if named else []


def told(answer: Mapping[str, Any]) -> List[str]:
    """All that there is to say of a region, what matters most first. What a file leaves out of it, is not told."""
    answer = {"players": (), "compared": (), "interactions": (), "asked": answer["evaluations"], **answer}
    return [
        *([headline(answer)] if answer["players"] or answer.get("strongest") else []),
        *doubts(answer),
        sums(answer),
        *compared(answer),
        *pairs(answer),
        *filter(None, [sight_text(answer.get("facts") or {}, word)]),
        found_by(answer),
    ]


def names_text(names: Iterable[str]) -> str:
    """Parts by their names, as text: numbers are superpixels'."""
    known = [str(name) for name in names]
    numbered = [name.replace(", ", " (") + ")" * (", " in name) for name in known if name[:1].isdigit()]
    others = [_surroundings() if name == "rest" else name for name in known if not name[:1].isdigit()]
    if not numbered:
        return listed(others)
    if len(numbered) == 1:
        text = translate("Answers", "superpixel {number}").format(number=numbered[0])
    else:
        text = translate("Answers", "superpixels {numbers}", None, len(numbered)).format(numbers=listed(numbered))
    return listed([text, listed(others)]) if others else text


def listed(names: "List[str]", most: int = 8) -> str:
    """Names with commas and an “and”; of many, the first ones."""
    if len(names) > most:
        more = len(names) - most
        told = translate("Answers", "{names} and {count} more", None, more)
        return told.format(names=", ".join(names[:most]), count=more)
    if len(names) < 2:
        return "".join(names)
    return translate("Answers", "{names} and {last}").format(names=", ".join(names[:-1]), last=names[-1])
