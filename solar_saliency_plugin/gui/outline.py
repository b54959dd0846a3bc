"""Outlines on the map of what is meant: what is explained, or drawn."""

from typing import Optional

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsGeometry,
    QgsProject,
)
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
        self._shape, self._crs = QgsGeometry(), QgsCoordinateReferenceSystem()

    def show(self, geometry: QgsGeometry, crs: QgsCoordinateReferenceSystem) -> None:
        """Show a polygon in place of what was shown."""
        if self._band is None:
            self._band = rubber_band(self._canvas)
            self._canvas.destinationCrsChanged.connect(self._place)  # bands keep the coordinates that they had
        self._shape, self._crs = geometry, crs
        self._place()

    def remove(self) -> None:
        """Take it away without trace; it can be shown again."""
        band, self._band = self._band, None
        if band is not None and not sip.isdeleted(band):
            self._canvas.destinationCrsChanged.disconnect(self._place)
            self._canvas.scene().removeItem(band)

    def _place(self) -> None:
        """Bring it into the map's CRS; where that does not reach it, it is not shown."""
        there, to = QgsGeometry(self._shape), self._canvas.mapSettings().destinationCrs()
        try:
            there.transform(QgsCoordinateTransform(self._crs, to, QgsProject.instance()))
            reached = there.boundingBox().isFinite()  # PROJ does not always say that it failed
        except QgsCsException:
            reached = False
        if self._band is not None:
            self._band.setToGeometry(there if reached else QgsGeometry(), to)


def rubber_band(canvas: QgsMapCanvas) -> QgsRubberBand:
    """A band for what is meant on the map: what is inside stays clear, since that is what one wants to see."""
    band = QgsRubberBand(canvas, POLYGON_GEOMETRY)
    band.setFillColor(QColor(0, 0, 0, 0))
    band.setStrokeColor(CHOSEN)
    band.setSecondaryStrokeColor(QColor(0, 0, 0, 120))
    band.setWidth(CHOSEN_WIDTH)
    return band
