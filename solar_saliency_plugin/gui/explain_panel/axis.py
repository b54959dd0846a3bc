"""Numbers on charts: which stretch is shown, where its ticks are, and how values are written."""

import math
from typing import Iterable, List, NamedTuple

#: How far error bars may widen what is shown, as share of what the values themselves take: early ones are huge.
_WIDENED = 0.5

#: Room at both ends, as share of what is shown.
_MARGIN = 0.04

#: What cannot be told from zero, since computing with it loses its digits.
_NOTHING = 1e-290

#: From which exponents on numbers are written with a power of ten.
_LARGE, _SMALL = 6, -4


class Stretch(NamedTuple):
    """What part of the number line is shown."""

    low: float
    high: float

    def share(self, value: float) -> float:
        """Where a value lies: 0 at the low end, 1 at the high one; what lies beyond is put there."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))


def stretch(values: Iterable[float], whiskers: Iterable[float] = (), least: float = 0.0) -> Stretch:
    """The stretch that holds all values, and the ends of error bars unless they reach too far.

    ``least``: how long it is at least, so that what is next to nothing looks like it.
    """
    known = list(values) or [0.0]
    low, high = min(known), max(known)
    size = high - low
    if size <= max(1e-9 * max(abs(low), abs(high)), _NOTHING):  # one value, however often
        size = abs(high) if abs(high) > _NOTHING else 1.0
        low, high = low - size / 2, high + size / 2
    if high - low < least:
        low, high = (low + high - least) / 2, (low + high + least) / 2
    size = high - low
    reached = list(whiskers)
    wide_low = max(min([low, *reached]), low - _WIDENED * size)
    wide_high = min(max([high, *reached]), high + _WIDENED * size)
    room = _MARGIN * (wide_high - wide_low)
    return Stretch(wide_low - room, wide_high + room)


def ticks(shown: Stretch, most: int) -> List[float]:
    """Round numbers within a stretch: at most so many, 1, 2 or 5 times a power of ten apart."""
    size = shown.high - shown.low
    power = 10.0 ** math.floor(math.log10(size / max(1, most)))
    for times in (1, 2, 5, 10, 20):
        step = times * power
        first, last = math.ceil(shown.low / step), math.floor(shown.high / step)
        if last - first < most:
            break
    return [index * step for index in range(first, last + 1)]


def decimals(step: float) -> int:
    """How many decimals tell multiples of a step apart."""
    return max(0, -math.floor(math.log10(step) + 1e-9))


class Numbers:
    """Writes values that belong together with the same decimals: three digits of the largest."""

    def __init__(self, values: Iterable[float]) -> None:
        largest = max((abs(value) for value in values), default=0.0)
        self._exponent = math.floor(math.log10(largest)) if largest > 0 else 0
        self._decimals = min(6, max(0, 2 - self._exponent))

    def plain(self, value: float) -> str:
        """The value; minus is the true minus sign."""
        is_handy = _SMALL <= self._exponent < _LARGE
        text = f"{value:.{self._decimals}f}" if is_handy else _with_power(value, 3)
        if not any(digit in text for digit in "123456789"):
            text = text.lstrip("-")  # no “−0.00”
        return text.replace("-", "−")

    def signed(self, value: float) -> str:
        """The value with its sign, as what is added or taken away."""
        text = self.plain(value)
        return text if text.startswith("−") or not any(digit in text for digit in "123456789") else f"+{text}"


def tick_text(value: float, step: float) -> str:
    """A tick's number."""
    if abs(value) < step / 2:
        return "0"
    if step >= 10.0**_SMALL and abs(value) < 10.0**_LARGE:
        text = f"{value:.{decimals(step)}f}"
    else:
        text = _with_power(value, math.floor(math.log10(abs(value))) - math.floor(math.log10(step) + 1e-9) + 1)
    return text.replace("-", "−")


def _with_power(value: float, digits: int) -> str:
    """A very large or very small number, such as 1.23e7."""
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa}e{int(exponent)}" if value else "0"
