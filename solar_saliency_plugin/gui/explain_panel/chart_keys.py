"""Where keys lead to among the rows of a chart."""

from typing import Optional

from qgis.PyQt.QtCore import Qt

#: Rows of a page.
_PAGE = 10


def moved(key: int, at: int, count: int) -> Optional[int]:
    """Where a key moves to from a row (−1: from none); None: it does not move."""
    to = {
        Qt.Key.Key_Down: at + 1,
        Qt.Key.Key_Up: at - 1,
        Qt.Key.Key_Home: 0,
        Qt.Key.Key_End: count - 1,
        Qt.Key.Key_PageDown: at + _PAGE,
        Qt.Key.Key_PageUp: at - _PAGE,
    }.get(key)
    return None if to is None else max(0, min(count - 1, to))
