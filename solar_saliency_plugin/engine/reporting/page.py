"""The parts of a page that people read: one HTML file with its pictures inside, which needs nothing else.

Nothing in it changes from run to run: the same results give the same page.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..imagery.outputs import put_in_place, scratch_folder

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: What a page's file is called.
PAGE_SUFFIXES = (".html", ".htm")

#: Colours that people tell apart however they see (Okabe & Ito 2008).
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#595959"

_STYLE = (
    "body{font-family:sans-serif;max-width:56em;margin:1.5em auto;padding:0 1em;color:#1a1a1a;line-height:1.45}"
    "h1{font-size:1.6em}h2{font-size:1.2em;margin-top:2em;border-bottom:1px solid #bbb;padding-bottom:.2em}"
    "table{border-collapse:collapse;margin:.8em 0}th,td{padding:.25em .8em;border-bottom:1px solid #ddd;"
    "text-align:left;vertical-align:top}td.n,th.n{text-align:right}td.n,.k{white-space:nowrap}"
    ".note{background:#fff4d6;border-left:4px solid #d55e00;padding:.5em .8em;margin:.6em 0}"
    ".small{color:#444;font-size:.9em}img{max-width:100%}code{word-break:break-all}"
)

#: What pages of explanations add: formulas and programs keep their lines, matrices stay small.
_MORE_STYLE = (
    "h3{font-size:1.05em;margin-top:1.6em}pre{background:#f4f4f4;padding:.6em .8em;overflow-x:auto;line-height:1.35}"
    "pre code{word-break:normal}.formula{font-family:serif;font-size:1.1em;margin:.4em 0 .4em 1.5em}"
    "table.matrix{font-size:.85em}table.matrix td{white-space:nowrap}dt{font-weight:bold;margin-top:.5em}"
    "dd{margin-left:1.2em}svg{max-width:100%}"
)


def document(title: str, parts: Iterable[str], *, explains: bool = False) -> str:
    """A whole page of parts (HTML). ``explains``: it holds formulas, programs or matrices."""
    style = _STYLE + (_MORE_STYLE if explains else "")
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{style}</style></head><body>\n" + "\n".join(part for part in parts if part) + "\n</body></html>\n"
    )


def write_text(text: str, output: Path) -> None:
    """Write a page or table, whole or not at all."""
    with written_beside(text, output):
        pass


@contextmanager
def written_beside(text: str, output: Path) -> Iterator[None]:
    """Write a page or table beside ``output``; at the end of the block it takes its place, unless the block fails.

    So a disk that is full is noticed before the results that the page belongs to are put in place.
    """
    # Spreadsheets take a CSV for UTF-8 only where it begins with this mark.
    encoding = "utf-8-sig" if output.suffix.lower() == ".csv" else "utf-8"
    with scratch_folder(output) as folder:
        whole = folder / output.name
        with open(whole, "w", encoding=encoding, newline="") as file:
            file.write(text)
        yield
        put_in_place(whole, output)


def paragraph(text: str) -> str:
    """Text, which is no HTML, as a paragraph; empty where there is none."""
    return f"<p>{escape(text)}</p>" if text else ""


def note(text: str) -> str:
    """HTML that is not to be overlooked."""
    return f'<p class="note">{text}</p>'


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose cells are HTML; all columns but the first are numbers."""
    head = "".join(f'<th class="n">{h}</th>' if place else f"<th>{h}</th>" for place, h in enumerate(heads))
    body = "".join(
        f'<tr><td class="k">{row[0]}</td>' + "".join(f'<td class="n">{cell}</td>' for cell in row[1:]) + "</tr>"
        for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """A table of what is said of things, two columns of HTML; without what is empty."""
    told = "".join(f'<tr><td class="k">{name}</td><td>{value}</td></tr>' for name, value in rows if value)
    return f"<table>{told}</table>" if told else ""


def image(figure: Figure, description: str, colours: int = 0) -> str:
    """A figure as part of the page; ``colours``: with no more than so many (256), which halves its size."""
    drawn = io.BytesIO()
    # Without the library's name in it, the same figure is the same file.
    figure.savefig(drawn, format="png", metadata={"Software": None})
    if colours:
        from PIL import Image

        with Image.open(drawn) as picture:
            reduced = picture.convert("RGB").quantize(colours, dither=Image.Dither.NONE)
        drawn = io.BytesIO()
        reduced.save(drawn, format="png", optimize=True)
    data = base64.b64encode(drawn.getvalue()).decode("ascii")
    width = round(figure.get_figwidth() * 96)
    return f'<p><img width="{width}" alt="{escape(description)}" src="data:image/png;base64,{data}"></p>'


def figure(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of so many inches with one pair of axes."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), dpi=144, layout="constrained")
    axes = made.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return made, axes


def signed_bars(values: Mapping[str, float], description: str, *, raised: str, lowered: str) -> str:
    """A bar for each value, to the right where it is positive, to the left where it is negative (SVG)."""
    longest = max((abs(v) for v in values.values() if math.isfinite(v)), default=0.0)
    row, half, number = 22, 200, 90
    label = max(60, 7 * max(map(len, values), default=0) + 8)  # no letter but W is wider, at this size
    width, height = label + 2 * (half + number), row * len(values) + 4
    middle = label + number + half
    bars = [f'<line x1="{middle}" y1="0" x2="{middle}" y2="{height}" stroke="{GREY}"/>']
    for place, (name, value) in enumerate(values.items()):
        length = half * abs(value) / longest if longest and math.isfinite(value) else 0.0
        left, colour = (middle, raised) if value >= 0 else (middle - length, lowered)
        y = place * row + 2
        bars.append(f'<text x="0" y="{y + 15}">{escape(name)}</text>')
        bars.append(f'<rect x="{left:.1f}" y="{y + 2}" width="{length:.1f}" height="{row - 6}" fill="{colour}"/>')
        x, anchor = (middle + length + 6, "start") if value >= 0 else (middle - length - 6, "end")
        bars.append(f'<text x="{x:.1f}" y="{y + 15}" text-anchor="{anchor}">{escape(signed(value))}</text>')
    return (
        f'<svg role="img" aria-label="{escape(description)}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">{"".join(bars)}</svg>'
    )


def csv_cell(value: Any) -> Any:
    """A value as spreadsheets take it: no NaN, and no text that begins like a formula."""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") and not _is_number(value):
        return f"'{value}"
    return value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def count(number: int, what: str) -> str:
    """So many of something."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def percent(share: float) -> str:
    """A share with one decimal; a dash for none."""
    return "–" if math.isnan(share) else f"{100 * share:.1f} %"


def signed(value: float, digits: int = 3) -> str:
    """A number with its sign, as people write it; a dash for none."""
    return "–" if math.isnan(value) else f"{value:+.{digits}g}".replace("-", "−")


def number(value: float, decimals: int = 2) -> str:
    """A number with so many decimals, as people write it; a dash for none."""
    return "–" if math.isnan(value) else f"{value:.{decimals}f}".replace("-", "−")
