"""A waterfall: from the answer for the baseline to that for the image, a step for each player (SVG)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

from ...contract.region_looks import full_colour, is_unclear
from ...contract.region_shap import Player, RegionAnswer
from ..attribution.pictures import LOWERED, RAISED
from ..reporting.page import GREY, number
from .telling import moved, title_of_player

#: Players that have a step of their own; the others share one.
STEPS = 20

#: Signs of a label that there is room for.
_SIGNS = 26

_ROW, _LABEL, _WIDE, _VALUE = 22, 190, 460, 130


@dataclass(frozen=True)
class Step:
    """One row: from where to where the answer goes, and its 95 % interval's half; NaN: none."""

    label: str
    start: float
    end: float
    reach: float = math.nan
    unclear: bool = False


def steps_of(answer: RegionAnswer) -> list[Step]:
    """The rows between baseline and image, the strongest player first; what is missed by values that do not add up."""
    by_rank = sorted(answer.players, key=lambda player: player.rank)
    # With one more than there is room for, a step for the others would save nothing.
    shown = by_rank if len(by_rank) <= STEPS + 1 else by_rank[:STEPS]
    steps, at = [], answer.f_baseline
    for player in shown:
        steps.append(_step(player, at))
        at += player.phi
    if len(shown) < len(by_rank):
        others = sum(player.phi for player in by_rank[len(shown) :])
        steps.append(Step(f"{len(by_rank) - len(shown)} others", at, at + others))
        at += others
    if abs(answer.difference) > 1e-3 * max(abs(p.phi) for p in answer.players):
        steps.append(Step("not explained", at, answer.f_x))
    return steps


def waterfall(answer: RegionAnswer, description: str, decimals: int) -> str:
    """The whole chart. Bars show what each player added or took; whiskers are 95 % intervals."""
    steps = steps_of(answer)
    ends = [answer.f_baseline, answer.f_x]
    for step in steps:
        reach = 0.0 if math.isnan(step.reach) else step.reach
        ends += [step.start, step.end - reach, step.end + reach]
    # What is next to nothing is drawn as next to nothing.
    low, long = min(ends), max(ends) - min(ends)
    wide = max(long, full_colour([answer]))
    low, scale = low - (wide - long) / 2, _WIDE / wide
    rows = [_end(0, "baseline", answer.f_baseline, (answer.f_baseline - low) * scale)]
    for place, step in enumerate(steps, start=1):
        rows.append(_bar(place, step, low, scale, decimals))
    rows.append(_end(len(steps) + 1, "image", answer.f_x, (answer.f_x - low) * scale))
    width, height = _LABEL + _WIDE + _VALUE, _ROW * len(rows) + 4
    hatch = (
        '<defs><pattern id="unclear" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<line x1="0" y1="0" x2="0" y2="6" stroke="#ffffff" stroke-width="3"/></pattern></defs>'
    )
    return (
        f'<svg role="img" aria-label="{escape(description)}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">{hatch}{"".join(rows)}</svg>'
    )


def _step(player: Player, at: float) -> Step:
    reach = (player.upper - player.lower) / 2
    label = title_of_player(player)
    label = label if len(label) <= _SIGNS else f"{label[: _SIGNS - 1]}…"
    return Step(label, at, at + player.phi, reach, is_unclear(player))


def _end(place: int, label: str, value: float, x: float) -> str:
    """The row of a whole answer: a mark where it lies."""
    y = place * _ROW + 2
    return (
        f'<text x="0" y="{y + 15}" font-weight="bold">{label}</text>'
        f'<rect x="{_LABEL + x - 1.5:.1f}" y="{y + 2}" width="3" height="{_ROW - 6}" fill="#1a1a1a"/>'
        f'<text x="{_LABEL + x + 8:.1f}" y="{y + 15}" font-weight="bold">{number(value, 3)}</text>'
    )


def _bar(place: int, step: Step, low: float, scale: float, decimals: int) -> str:
    y, value = place * _ROW + 2, step.end - step.start
    start, end = (_LABEL + (at - low) * scale for at in (step.start, step.end))
    left, long = min(start, end), abs(end - start)
    box = f'x="{left:.1f}" y="{y + 2}" width="{max(long, 0.6):.1f}" height="{_ROW - 6}"'
    found = [
        f'<text x="0" y="{y + 15}">{escape(step.label)}</text>',
        # Down to the next row, so that the eye can follow where it goes on.
        f'<line x1="{end:.1f}" y1="{y + 2}" x2="{end:.1f}" y2="{y + _ROW + 2}" stroke="{GREY}" stroke-width="0.6"/>',
        f'<rect {box} fill="{RAISED if value >= 0 else LOWERED}"/>',
    ]
    right = max(start, end)
    if step.unclear:
        found.append(f'<rect {box} fill="url(#unclear)"/>')
    if step.reach * scale >= 0.5:
        first, last, middle = end - step.reach * scale, end + step.reach * scale, y + _ROW / 2 - 1
        right = max(right, last)
        for x1, x2, y1, y2 in (
            (first, last, middle, middle),
            (first, first, middle - 4, middle + 4),
            (last, last, middle - 4, middle + 4),
        ):
            found.append(
                f'<line x1="{x1:.1f}" y1="{y1:g}" x2="{x2:.1f}" y2="{y2:g}" stroke="#000000" stroke-width="1.4"/>'
            )
    found.append(f'<text x="{right + 6:.1f}" y="{y + 15}">{moved(value, decimals)}</text>')
    return "".join(found)
