"""A bar chart in text, for the log of a dialog: which contributions raised and lowered an answer."""

from typing import Mapping, Optional

#: Signs in a line, so that it is not broken in a dialog that is as wide as QGIS makes it.
COLUMNS = 44

#: Signs for bars, at least, however long the names are.
LEAST = 8

#: A space that HTML does not shorten.
SPACE = "\N{NO-BREAK SPACE}"


def text_chart(values: Mapping[str, Optional[float]], columns: int = COLUMNS) -> str:
    """A bar for each value: to the right where it is positive, to the left where it is negative.

    What has no value counts as 0. The side on which there is no bar takes no room.
    """
    known = {name: value or 0.0 for name, value in values.items()}
    numbers = {name: f"{value:+.3g}".replace("-", "−") for name, value in known.items()}
    width = max(map(len, known), default=0)
    room = max(LEAST, columns - width - max(map(len, numbers.values()), default=0) - len("  │"))
    low, high = max([0.0, *(-value for value in known.values())]), max([0.0, *known.values()])
    scale = 2 * room / (low + high) if low + high else 0.0  # in halves of a sign
    left, right = -(-round(scale * low) // 2), -(-round(scale * high) // 2)
    lines = []
    for name, value in known.items():
        halves = round(scale * abs(value))
        bar, half = "█" * (halves // 2), halves % 2
        lower = ("▐" if half else "") + bar if value < 0 else ""
        higher = bar + ("▌" if half else "") if value > 0 else ""
        lines.append(f"{name:<{width}} {lower:>{left}}│{higher:<{right}} {numbers[name]}")
    return "\n".join(lines).replace(" ", SPACE)
