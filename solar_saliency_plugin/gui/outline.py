"""Outlines on the map of what is meant: what is explained, or drawn."""

from typing import Optional

from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry
from qgis.gui import QgsMapCanvas, QgsRubberBand
from qgis.PyQt import sip
from qgis.PyQt.QtGui import QColor

from ..qgis_compat import POLYGON_GEOMETRY

#: Nothing in a natural-colour image looks like it.
CHOSEN = QColor(255, 233, 69)

#: Width of outlines, pixels.
CHOSEN_WIDTH = 2


class Outline:
    """The edge of a region or a target on the map, while it is explained."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        self._canvas = canvas
        self._band: Optional[QgsRubberBand] = None

    def show(self, geometry: QgsGeometry, crs: QgsCoordinateReferenceSystem) -> None:
        """Show a polygon in place of what was shown."""
        if self._band is None:
            self._band = rubber_band(self._canvas)
        self._band.setToGeometry(geometry, crs)

    def remove(self) -> None:
        """Take it away without trace; it can be shown again."""
        band, self._band = self._band, None
        if band is not None and not sip.isdeleted(band):
            self._canvas.scene().removeItem(band)


def rubber_band(canvas: QgsMapCanvas) -> QgsRubberBand:
    """A band for what is meant on the map: what is inside stays clear, since that is what one wants to see."""
    band = QgsRubberBand(canvas, POLYGON_GEOMETRY)
    band.setFillColor(QColor(0, 0, 0, 0))
    band.setStrokeColor(CHOSEN)
    band.setSecondaryStrokeColor(QColor(0, 0, 0, 120))
    band.setWidth(CHOSEN_WIDTH)
    return band
