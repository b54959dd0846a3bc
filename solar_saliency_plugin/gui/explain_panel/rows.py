"""What charts show, line by line: the bars in their places on the number line, and the sums between them."""

import math
from dataclasses import dataclass, field
from enum import Enum
from typing import Callable, FrozenSet, Hashable, List, Optional, Sequence, Tuple

from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtGui import QTextDocumentFragment

from .axis import Numbers, Stretch, stretch

translate = QCoreApplication.translate

#: The key that stands for no bar.
NONE = -1

#: So many rows are told apart; what lies beyond is one row, “n others”.
MOST_ROWS = 40

#: From which share of what is shown on a row says what the values do not share out.
_LEFT_OVER = 0.005


@dataclass(frozen=True)
class Bar:
    """One player's bar.

    key: what signals call it, such as the index of the player; ≥ 0. value: φ, in units of the answer (logits). low,
    high: of the 95 % interval of φ; None or NaN where there is none. certain: whether the interval leaves out zero.
    tip: tells what the tool tip says, as rich text; only bars that are seen are asked, since there may be thousands.
    None: label, value and interval. is_on: false where what-if has switched it off.
    """

    key: int
    label: str
    value: float
    low: Optional[float] = None
    high: Optional[float] = None
    certain: bool = True
    tip: Optional[Callable[[], str]] = None
    is_on: bool = True

    @property
    def interval(self) -> Optional[Tuple[float, float]]:
        """The interval, where there is one."""
        if self.low is None or self.high is None or not (math.isfinite(self.low) and math.isfinite(self.high)):
            return None
        return self.low, self.high

    @property
    def is_doubtful(self) -> bool:
        """Whether nothing can be said of the sign; without an interval one cannot say that either."""
        return not self.certain and self.interval is not None


class Kind(Enum):
    """What a row stands for."""

    PLAYER = "a bar of its own"
    OTHERS = "several bars in one"
    LEFT_OVER = "what the values do not share out"
    ANSWER = "an answer of the model: a mark, no bar"
    NOW = "the answer with bars switched off"


@dataclass(frozen=True)
class Row:
    """One line of a chart. It reaches from ``start`` to ``end`` on the number line; keys: of the bars it stands for."""

    kind: Kind
    label: str
    start: float
    end: float
    text: str
    tip: str
    bar: Optional[Bar] = None
    keys: FrozenSet[int] = frozenset()

    @property
    def identity(self) -> Tuple[Kind, Hashable]:
        """What tells a row from the others, and finds it again among newer ones."""
        return self.kind, self.label if self.bar is None else self.bar.key

    @property
    def spoken(self) -> str:
        """The tool tip as a screen reader says it: plain text, and whether the bar is switched off."""
        if self.bar is None or self.bar.tip is None:
            return self.tip
        lines = QTextDocumentFragment.fromHtml(self.tip).toPlainText().splitlines()
        off = [] if self.bar.is_on else [translate("ExplainPanel", "switched off")]
        return ". ".join([line.rstrip(".") for line in lines] + off)

    @property
    def whiskers(self) -> Tuple[float, ...]:
        """The ends of the error bar on the number line; empty: there is none."""
        interval = self.bar.interval if self.bar is not None else None
        return () if interval is None else (self.start + interval[0], self.start + interval[1])


@dataclass(frozen=True)
class Rows:
    """All lines of a chart, the stretch of the number line that holds them, and its zero line, if it has one."""

    rows: Tuple[Row, ...] = ()
    shown: Stretch = field(default_factory=lambda: Stretch(0.0, 1.0))
    zero: Optional[float] = None


def bar_rows(bars: Sequence[Bar], least: float = 0.0) -> Rows:
    """Bars from a zero line, in the order given; see ``BarChart.set_bars``."""
    numbers = Numbers(bar.value for bar in bars)
    rows = tuple(_of_bar(bar, 0.0, numbers) for bar in bars)
    return Rows(rows, _stretch_of(rows, [0.0], least), zero=0.0)


def waterfall_rows(
    bars: Sequence[Bar], f_baseline: float, f_x: float, f_now: Optional[float] = None, least: float = 0.0
) -> Rows:
    """From one answer to the other, the largest |φ| first; see ``WaterfallChart.set_bars``."""
    ordered = sorted(bars, key=lambda bar: -abs(bar.value))
    alone = ordered if len(ordered) <= MOST_ROWS else ordered[: MOST_ROWS - 1]
    answers = Numbers([f_baseline, f_x])
    numbers = Numbers(bar.value for bar in bars)
    tip = translate("ExplainPanel", "The model’s answer where everything is replaced by the baseline")
    rows = [_of_answer(Kind.ANSWER, translate("ExplainPanel", "Baseline"), f_baseline, tip, answers)]
    reached = f_baseline
    for bar in alone:
        rows.append(_of_bar(bar, reached, numbers))
        reached += bar.value
    if len(alone) < len(ordered):
        rows.append(_of_others(ordered[len(alone) :], reached, numbers))
        reached = rows[-1].end
    size = max(abs(row.end - row.start) for row in rows) if bars else 0.0
    if bars and abs(f_x - reached) > _LEFT_OVER * max(size, abs(f_x - f_baseline)):
        rows.append(_of_left_over(reached, f_x, numbers))
    rows.append(
        _of_answer(
            Kind.ANSWER,
            translate("ExplainPanel", "Image"),
            f_x,
            translate("ExplainPanel", "The model’s answer for the image"),
            answers,
        )
    )
    if f_now is not None:
        tip = translate("ExplainPanel", "The model’s answer without the superpixels that are switched off")
        rows.append(_of_answer(Kind.NOW, translate("ExplainPanel", "As switched"), f_now, tip, answers))
    return Rows(tuple(rows), _stretch_of(rows, [], least))


def _stretch_of(rows: Sequence[Row], more: List[float], least: float) -> Stretch:
    ends = [end for row in rows for end in (row.start, row.end)]
    return stretch(ends + more, [end for row in rows for end in row.whiskers], least)


def _of_bar(bar: Bar, start: float, numbers: Numbers) -> Row:
    text, tip = numbers.signed(bar.value), bar.tip() if bar.tip is not None else _tip(bar, numbers)
    return Row(Kind.PLAYER, bar.label, start, start + bar.value, text, tip, bar, frozenset([bar.key]))


def _tip(bar: Bar, numbers: Numbers) -> str:
    parts = [f"{bar.label}: {numbers.signed(bar.value)}"]
    if bar.interval is not None:
        low, high = (numbers.signed(end) for end in bar.interval)
        parts.append(translate("ExplainPanel", "95 % interval {low} … {high}").format(low=low, high=high))
    if bar.is_doubtful:
        parts.append(translate("ExplainPanel", "nothing can be said of its sign"))
    if not bar.is_on:
        parts.append(translate("ExplainPanel", "switched off"))
    return ", ".join(parts)


def _of_others(bars: Sequence[Bar], start: float, numbers: Numbers) -> Row:
    total = math.fsum(bar.value for bar in bars)
    label = translate("ExplainPanel", "{n} others", None, len(bars)).format(n=len(bars))
    tip = translate("ExplainPanel", "{n} superpixels with the smallest values: {total} together", None, len(bars))
    tip = tip.format(n=len(bars), total=numbers.signed(total))
    keys = frozenset(bar.key for bar in bars)
    return Row(Kind.OTHERS, label, start, start + total, numbers.signed(total), tip, keys=keys)


def _of_left_over(start: float, end: float, numbers: Numbers) -> Row:
    tip = translate(
        "ExplainPanel",
        "What the values do not share out: this way to estimate them does not add up to the whole difference.",
    )
    return Row(
        Kind.LEFT_OVER, translate("ExplainPanel", "Not shared out"), start, end, numbers.signed(end - start), tip
    )


def _of_answer(kind: Kind, label: str, answer: float, tip: str, numbers: Numbers) -> Row:
    text = numbers.plain(answer)
    return Row(kind, label, answer, answer, text, f"{tip}: {text}")
