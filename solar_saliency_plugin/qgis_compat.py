"""Every difference between QGIS 3.22 and QGIS 4 that the plugin meets, in one place."""

from qgis.core import Qgis, QgsProcessing, QgsProcessingParameterDefinition

try:  # Qt 6 moved it there
    from qgis.PyQt.QtGui import QAction
except ImportError:
    from qgis.PyQt.QtWidgets import QAction

if hasattr(Qgis, "LayerType"):  # QGIS 3.30 and later
    RASTER_LAYER = Qgis.LayerType.Raster
    VECTOR_LAYER = Qgis.LayerType.Vector
else:
    from qgis.core import QgsMapLayerType

    RASTER_LAYER = QgsMapLayerType.RasterLayer
    VECTOR_LAYER = QgsMapLayerType.VectorLayer

if hasattr(Qgis, "GeometryType"):  # QGIS 3.30 and later
    POLYGON_GEOMETRY = Qgis.GeometryType.Polygon
else:
    from qgis.core import QgsWkbTypes

    POLYGON_GEOMETRY = QgsWkbTypes.GeometryType.PolygonGeometry

if hasattr(Qgis, "ProcessingSourceType"):  # QGIS 3.36 and later
    POLYGONS = Qgis.ProcessingSourceType.VectorPolygon
    RASTERS = Qgis.ProcessingSourceType.Raster
    ADVANCED = Qgis.ProcessingParameterFlag.Advanced
else:
    POLYGONS = QgsProcessing.SourceType.TypeVectorPolygon
    RASTERS = QgsProcessing.SourceType.TypeRaster
    ADVANCED = QgsProcessingParameterDefinition.Flag.FlagAdvanced

__all__ = ["ADVANCED", "POLYGONS", "POLYGON_GEOMETRY", "RASTERS", "RASTER_LAYER", "VECTOR_LAYER", "QAction"]
