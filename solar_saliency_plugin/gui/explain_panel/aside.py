"""Rasters of results, such as the probability: superpixels are translucent, and their colours would mix with them."""

from typing import Iterator

from qgis.core import QgsLayerTreeLayer, QgsMapLayer, QgsProject

from ...bridge.runs import is_result
from ...qgis_compat import RASTER_LAYER

#: The property of a layer that was put aside. The project file keeps it: who opens a project that was saved with an
#: answer gets the layer back, too, once the answer is gone.
MARK = "solar_saliency/put_aside"


def put_aside() -> None:
    """Uncheck rasters of results, once each: one that the user has checked again stays."""
    for node in _nodes():
        layer = node.layer()
        if node.itemVisibilityChecked() and not layer.customProperty(MARK) and _covers(layer):
            layer.setCustomProperty(MARK, True)
            node.setItemVisibilityChecked(False)


def bring_back() -> None:
    """Check those that were put aside."""
    for node in _nodes():
        if node.layer().customProperty(MARK):
            node.layer().removeCustomProperty(MARK)
            node.setItemVisibilityChecked(True)


def _nodes() -> Iterator[QgsLayerTreeLayer]:
    return (node for node in QgsProject.instance().layerTreeRoot().findLayers() if node.layer() is not None)


def _covers(layer: QgsMapLayer) -> bool:
    return bool(layer.type() == RASTER_LAYER and is_result(layer))
