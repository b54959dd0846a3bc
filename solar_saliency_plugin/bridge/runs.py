"""Where a layer's data lie, and what they say of how they were made."""

from typing import Any, Callable, Dict, Optional

from osgeo import gdal
from qgis.core import QgsMapLayer, QgsProviderRegistry, QgsVectorLayer

from ..contract.provenance import RUN_TAG, parse_run
from ..qgis_compat import RASTER_LAYER

#: What made a raster that may be a scene: nobody knows, or the engine.
SCENES = ("", "preparescene", "samplescene")


def file_of(layer: QgsMapLayer) -> str:
    """The path (or GDAL name) of a layer's data; empty if it comes from no file, such as a web service."""
    provider = layer.providerType()
    if provider not in ("gdal", "ogr"):
        return ""
    parts = QgsProviderRegistry.instance().decodeUri(provider, layer.source())
    if parts.get("vsiPrefix"):
        return str(parts["vsiPrefix"]) + str(parts["path"]) + str(parts.get("vsiSuffix") or "")
    return str(parts.get("path") or "")


def source_of(layer: QgsVectorLayer) -> str:
    """The file of a vector layer with the layer's name in it, as ``file.gpkg|layername=x``; empty if in no file."""
    path = file_of(layer)
    name = QgsProviderRegistry.instance().decodeUri("ogr", layer.source()).get("layerName") if path else ""
    return f"{path}|layername={name}" if name else path


def run_of(layer: QgsMapLayer) -> Dict[str, Any]:
    """How the layer's data was made, as the engine wrote it; empty for any other layer."""
    path = file_of(layer)
    if layer.type() == RASTER_LAYER:
        return run_of_raster(path)
    return _parsed(_geopackage_tag, path, layer) if path.lower().endswith(".gpkg") else {}


def is_result(layer: QgsMapLayer) -> bool:
    """Whether the engine made the layer's data, other than as a scene to start from."""
    return run_of(layer).get("method", "") not in SCENES


def run_of_raster(path: str) -> Dict[str, Any]:
    """How a raster file was made, as the engine wrote it; empty for any other file."""
    return _parsed(_raster_tag, path) if path.lower().endswith((".tif", ".tiff")) else {}


def _parsed(read: Callable[..., Optional[str]], *arguments: Any) -> Dict[str, Any]:
    try:
        return parse_run(read(*arguments) or "")
    except (RuntimeError, UnicodeError):  # GDAL's, where its exceptions are on, and a tag's that is no text
        return {}


def _raster_tag(path: str) -> Optional[str]:
    dataset = gdal.OpenEx(path, gdal.OF_RASTER)
    return dataset.GetMetadataItem(RUN_TAG) if dataset else None


def _geopackage_tag(path: str, layer: QgsMapLayer) -> Optional[str]:
    name = QgsProviderRegistry.instance().decodeUri("ogr", layer.source()).get("layerName")
    dataset = gdal.OpenEx(path, gdal.OF_VECTOR)
    if dataset is None:
        return None
    found = dataset.GetLayerByName(name) if name else dataset.GetLayer(0)
    return found.GetMetadataItem(RUN_TAG) if found else None
