"""The colours of charts and of superpixels on the map: those of resources/styles/attribution.qml.

Red against blue is told apart by colour-blind people, too; hatching stands for “nothing can be said of the sign”.
"""

from qgis.PyQt.QtGui import QBrush, QColor, QPainter, QPalette, QPen, QPixmap, QTransform

#: For each sign the colour of the largest values and that of values near zero.
RAISED, RAISED_A_LITTLE = QColor("#b30015"), QColor("#ff7a4d")
LOWERED, LOWERED_A_LITTLE = QColor("#0039b3"), QColor("#4da3ff")

#: Opacity of the largest values on the map, of 255: the image shows through.
MOST_OPAQUE = 190

#: Opacity of hatching on the map, of 255.
_HATCHED = 150

#: Side of the tile that hatching repeats, and width of its lines, pixels.
_TILE, _LINE = 8, 2


def on_chart(value: float, palette: QPalette) -> QColor:
    """The colour of a bar: dark on light themes and light on dark ones, so that it stands out."""
    dark = palette.color(QPalette.ColorRole.Base).lightness() < 128
    if value >= 0:
        return RAISED_A_LITTLE if dark else RAISED
    return LOWERED_A_LITTLE if dark else LOWERED


def on_map(value: float, limit: float) -> QColor:
    """The colour of a superpixel: clear at zero, a quarter clear from ``limit`` on."""
    share = min(1.0, abs(value) / limit) if limit > 0 else 0.0
    weak, strong = (RAISED_A_LITTLE, RAISED) if value >= 0 else (LOWERED_A_LITTLE, LOWERED)
    return QColor(
        round(weak.red() + share * (strong.red() - weak.red())),
        round(weak.green() + share * (strong.green() - weak.green())),
        round(weak.blue() + share * (strong.blue() - weak.blue())),
        round(share * MOST_OPAQUE),
    )


def of_hatching(raised: bool) -> QColor:
    """The colour of hatching on the map: doubtful values are small, and would be too clear to be seen otherwise."""
    colour = QColor(RAISED_A_LITTLE if raised else LOWERED_A_LITTLE)
    colour.setAlpha(_HATCHED)
    return colour


def hatching(colour: QColor, ratio: float = 1.0) -> QBrush:
    """Slanting lines. ``ratio``: the screen's pixels for each of Qt's; Qt's own patterns vanish on dense screens."""
    side = round(_TILE * ratio)
    tile = QPixmap(side, side)
    tile.fill(QColor(0, 0, 0, 0))
    painter = QPainter(tile)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colour, _LINE * ratio))
    for shift in (-side, 0, side):  # the neighbours' lines reach over the corners
        painter.drawLine(shift, side, shift + side, 0)
    painter.end()
    brush = QBrush(tile)
    brush.setTransform(QTransform.fromScale(1 / ratio, 1 / ratio))
    return brush
