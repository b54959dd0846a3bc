"""Numbers of superpixels on the map: those by which charts and summaries call them."""

from typing import Iterable, Tuple

from qgis.PyQt.QtCore import QPointF, Qt
from qgis.PyQt.QtGui import QColor, QFont, QFontInfo, QFontMetricsF, QPainter, QPainterPath, QPen

#: White on a dark rim is read on any image and on any colour of ours.
_INK, _RIM = QColor(255, 255, 255), QPen(QColor(20, 20, 20, 190), 2.5)

#: A label's size, as a share of the interface's font.
_SIZE = 0.85


def draw_labels(painter: QPainter, font: QFont, labels: Iterable[Tuple[str, QPointF, QPainterPath]]) -> None:
    """Write each text at its place, pixels, unless its shape is too small to hold it."""
    small = QFont(font)
    small.setPointSizeF(max(6.0, QFontInfo(font).pointSizeF() * _SIZE))
    metrics = QFontMetricsF(small)
    ascent = metrics.ascent()
    _RIM.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for text, place, shape in labels:
        box = shape.boundingRect()
        if box.height() < ascent:  # first: there may be thousands that are too small
            continue
        width = metrics.horizontalAdvance(text)
        if box.width() < width:
            continue
        letters = QPainterPath()
        letters.addText(place.x() - width / 2, place.y() + metrics.capHeight() / 2, small, text)
        painter.strokePath(letters, _RIM)
        painter.fillPath(letters, _INK)
