"""Every difference between QGIS 3.22 and QGIS 4 that the plugin meets, in one place."""

from typing import Any

from qgis.core import Qgis, QgsProcessing, QgsProcessingParameterDefinition

try:  # Qt 6 moved them there
    from qgis.PyQt.QtGui import QAction, QActionGroup
except ImportError:
    from qgis.PyQt.QtWidgets import QAction, QActionGroup

if hasattr(Qgis, "LayerType"):  # QGIS 3.30 and later
    RASTER_LAYER = Qgis.LayerType.Raster
    VECTOR_LAYER = Qgis.LayerType.Vector
else:
    from qgis.core import QgsMapLayerType

    RASTER_LAYER = QgsMapLayerType.RasterLayer
    VECTOR_LAYER = QgsMapLayerType.VectorLayer

if hasattr(Qgis, "GeometryType"):  # QGIS 3.30 and later
    POINT_GEOMETRY = Qgis.GeometryType.Point
    POLYGON_GEOMETRY = Qgis.GeometryType.Polygon
else:
    from qgis.core import QgsWkbTypes

    POINT_GEOMETRY = QgsWkbTypes.GeometryType.PointGeometry
    POLYGON_GEOMETRY = QgsWkbTypes.GeometryType.PolygonGeometry

if hasattr(Qgis, "CrsWktVariant"):  # QGIS 3.36 and later
    WKT_PREFERRED = Qgis.CrsWktVariant.Preferred
else:
    from qgis.core import QgsCoordinateReferenceSystem

    WKT_PREFERRED = QgsCoordinateReferenceSystem.WktVariant.WKT_PREFERRED

if hasattr(Qgis, "ProcessingSourceType"):  # QGIS 3.36 and later
    POLYGONS = Qgis.ProcessingSourceType.VectorPolygon
    RASTERS = Qgis.ProcessingSourceType.Raster
    ADVANCED = Qgis.ProcessingParameterFlag.Advanced
else:
    POLYGONS = QgsProcessing.SourceType.TypeVectorPolygon
    RASTERS = QgsProcessing.SourceType.TypeRaster
    ADVANCED = QgsProcessingParameterDefinition.Flag.FlagAdvanced

__all__ = [
    "ADVANCED",
    "POINT_GEOMETRY",
    "POLYGONS",
    "POLYGON_GEOMETRY",
    "RASTERS",
    "RASTER_LAYER",
    "VECTOR_LAYER",
    "WKT_PREFERRED",
    "QAction",
    "QActionGroup",
    "single_feature",
]


def single_feature() -> Any:
    """The target of actions that take one feature; only where there is a window is it worth to load QGIS's widgets."""
    if hasattr(Qgis, "MapLayerActionTarget"):  # QGIS 3.30 and later
        return Qgis.MapLayerActionTarget.SingleFeature
    from qgis.gui import QgsMapLayerAction

    return QgsMapLayerAction.Target.SingleFeature
