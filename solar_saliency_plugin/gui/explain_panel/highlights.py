"""The superpixels of the answer that the panel shows, on the map."""

from statistics import median
from typing import Any, Collection, Dict, List, Mapping, Optional, Tuple

from osgeo import ogr
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
    QgsSpatialIndex,
)
from qgis.gui import QgsMapCanvas, QgsMapCanvasItem
from qgis.PyQt.QtCore import QPointF, QRectF, Qt
from qgis.PyQt.QtGui import QBrush, QColor, QImage, QPainter, QPainterPath, QPen

from ..outline import CHOSEN, CHOSEN_WIDTH
from . import colours
from .labels import draw_labels
from .rows import NONE

#: Width of the dark rim of outlines, pixels.
_RIM = 4

#: Edges of superpixels, light with a dark rim: to be seen on soil and on snow. They are left out where superpixels are
#: smaller than so many pixels, and would fill the map.
_EDGE, _EDGE_RIM, _TOO_SMALL = QPen(QColor(255, 255, 255, 140), 1), QPen(QColor(0, 0, 0, 60), 3), 7.0

#: What lies over superpixels that are switched off.
_OFF, _OFF_LINES = QColor(255, 255, 255, 90), QColor(40, 40, 40, 200)


class Superpixels(QgsMapCanvasItem):
    """Paints all superpixels: red raised the answer, blue lowered it, the more the stronger.

    Made once for a panel; empty until it gets shapes. Where several players share a superpixel (its band groups), give
    one key for it and the sum of their values: shapes must not overlap.
    """

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._shapes: Dict[int, QgsGeometry] = {}
        self._crs = QgsCoordinateReferenceSystem()
        self._values: Mapping[int, Tuple[float, bool]] = {}
        self._limit = 1.0
        self._off: Collection[int] = frozenset()
        self._chosen = NONE
        self._paths: Dict[int, QPainterPath] = {}
        self._spots: Dict[int, QPointF] = {}
        self._labels: Mapping[int, str] = {}
        self._index = QgsSpatialIndex()
        #: Where shapes and the places of their labels are on the screen; None: they, or the map, have moved.
        self._on_screen: Optional[Tuple[Dict[int, QPainterPath], Dict[int, QPointF]]] = None
        self._picture: Optional[QImage] = None
        canvas.destinationCrsChanged.connect(self._place)
        self.setVisible(False)

    def set_shapes(self, shapes: Mapping[int, str], crs: QgsCoordinateReferenceSystem) -> None:
        """Show polygons (well-known text, in ``crs``) by key, yet without values, all switched on."""
        read = {key: _polygon(text) for key, text in shapes.items()}
        self._shapes = {key: geometry for key, geometry in read.items() if not geometry.isEmpty()}
        self._crs = crs
        self._values, self._off, self._chosen, self._labels = {}, frozenset(), NONE, {}
        self._place()

    def set_labels(self, labels: Mapping[int, str]) -> None:
        """Write texts into them, where there is room."""
        self._labels = dict(labels)
        self._repaint()

    def set_values(self, values: Mapping[int, Tuple[float, bool]], limit: float) -> None:
        """Colour them by φ, fully at ``limit``, and hatch those that are unclear: (φ, whether it is) for each."""
        self._values, self._limit = dict(values), limit
        self._repaint()

    def switch_off(self, keys: Collection[int]) -> None:
        """Cross out these, and none else."""
        self._off = frozenset(keys)
        self._repaint()

    def highlight(self, key: int) -> None:
        """Outline one; charts.NONE: none."""
        if key != self._chosen:
            self._chosen = key
            self.update()

    def key_at(self, point: QgsPointXY) -> int:
        """The key of the superpixel at a point of the map (in the map's CRS); charts.NONE: there is none."""
        near = self._index.intersects(QgsRectangle(point.x(), point.y(), point.x(), point.y()))
        place = QPointF(point.x(), point.y())
        return next((key for key in near if self._paths[key].contains(place)), NONE)

    def remove(self) -> None:
        """Take them away without trace. It can be given shapes again."""
        self.set_shapes({}, QgsCoordinateReferenceSystem())

    def delete(self) -> None:
        """Take the item from the canvas for good, when the plugin is unloaded."""
        self._canvas.destinationCrsChanged.disconnect(self._place)
        self._canvas.scene().removeItem(self)

    # Where it is

    def _place(self) -> None:
        """Bring the shapes into the map's CRS; those that it does not reach are not shown."""
        to_map = QgsCoordinateTransform(
            self._crs, self._canvas.mapSettings().destinationCrs(), QgsProject.instance().transformContext()
        )
        self._paths, self._spots, self._index = {}, {}, QgsSpatialIndex()
        for key, shape in self._shapes.items():
            there = QgsGeometry(shape)
            try:
                there.transform(to_map)
            except QgsCsException:
                continue
            self._paths[key] = there.constGet().asQPainterPath()
            self._spots[key] = there.pointOnSurface().asPoint().toQPointF()
            self._index.addFeature(key, there.boundingBox())
        self._on_screen = None
        self.setVisible(bool(self._paths))
        self._repaint()

    def updatePosition(self) -> None:
        """The map has moved. The item is as large as the canvas, and draws where the superpixels are now."""
        self.prepareGeometryChange()
        self._on_screen = None
        self._repaint()

    def boundingRect(self) -> QRectF:  # noqa: D102
        return QRectF(self._canvas.viewport().rect())

    def _repaint(self) -> None:
        self._picture = None
        self.update()

    # How it looks

    def paint(self, painter: QPainter, option: Any = None, widget: Any = None) -> None:
        """Draw the superpixels, which are kept as a picture until they or the map change, and what is chosen on top."""
        ratio = self._canvas.viewport().devicePixelRatioF()
        if self._picture is None or self._picture.devicePixelRatio() != ratio:
            self._picture = self._drawn(ratio)
        painter.drawImage(QPointF(0, 0), self._picture)
        path = self._paths.get(self._chosen)
        if path is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setBrush(QBrush())
            outline = self._to_pixels().map(path)
            for colour, width in ((QColor(0, 0, 0, 150), _RIM), (CHOSEN, CHOSEN_WIDTH)):
                painter.setPen(QPen(colour, width))
                painter.drawPath(outline)

    def _to_pixels(self) -> Any:
        return self._canvas.getCoordinateTransform().transform()

    def _drawn(self, ratio: float) -> QImage:
        size = self._canvas.viewport().size()
        picture = QImage(size * ratio, QImage.Format.Format_ARGB32_Premultiplied)
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        if self._on_screen is None:
            self._on_screen = self._seen(QRectF(0, 0, size.width(), size.height()))
        seen, spots = self._on_screen
        if seen:
            self._draw_fills(painter, seen, ratio)
            _draw_edges(painter, list(seen.values()))
            self._draw_crosses(painter, [path for key, path in seen.items() if key in self._off])
            labels = [(text, spots[key], seen[key]) for key, text in self._labels.items() if key in seen]
            draw_labels(painter, self._canvas.font(), labels)
        painter.end()
        return picture

    def _seen(self, view: QRectF) -> Tuple[Dict[int, QPainterPath], Dict[int, QPointF]]:
        """Where the shapes are, pixels, that reach into the view, and their labels."""
        to_pixels = self._to_pixels()
        mapped = {key: to_pixels.map(path) for key, path in self._paths.items()}
        seen = {key: path for key, path in mapped.items() if path.boundingRect().intersects(view)}
        return seen, {key: to_pixels.map(self._spots[key]) for key in seen}

    def _draw_fills(self, painter: QPainter, paths: Mapping[int, QPainterPath], ratio: float) -> None:
        hatchings = {raised: colours.hatching(colours.of_hatching(raised), ratio) for raised in (False, True)}
        for key, path in paths.items():
            value, unclear = self._values.get(key, (0.0, False))
            if key not in self._off:
                painter.fillPath(path, colours.on_map(value, self._limit))
                if unclear:
                    painter.fillPath(path, hatchings[value >= 0])

    def _draw_crosses(self, painter: QPainter, paths: List[QPainterPath]) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(_OFF_LINES, 1.5))
        for path in paths:
            painter.fillPath(path, _OFF)
            painter.save()
            painter.setClipPath(path)
            box = path.boundingRect()
            painter.drawLine(box.topLeft(), box.bottomRight())
            painter.drawLine(box.topRight(), box.bottomLeft())
            painter.restore()
            painter.strokePath(path, QPen(_OFF_LINES, 1))


def _polygon(text: str) -> QgsGeometry:
    """A polygon from well-known text, read by GDAL: QGIS takes a third of a second for 5000; empty where it is none."""
    polygon = QgsGeometry()
    try:
        read = ogr.CreateGeometryFromWkt(text)
    except RuntimeError:  # another plugin may have asked GDAL for exceptions
        read = None
    if read is not None:
        polygon.fromWkb(bytes(read.ExportToWkb()))
    return polygon


def _draw_edges(painter: QPainter, paths: List[QPainterPath]) -> None:
    if median(min(path.boundingRect().width(), path.boundingRect().height()) for path in paths) >= _TOO_SMALL:
        painter.setBrush(QBrush())
        for pen in (_EDGE_RIM, _EDGE):
            painter.setPen(pen)
            for path in paths:
                painter.drawPath(path)
