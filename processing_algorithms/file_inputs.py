"""Parameters that stand for files which the engine opens: rasters, and layers of polygons."""

import os
from typing import Any, Dict, List, Optional

from qgis.core import (
    QgsMapLayer,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingUtils,
    QgsProperty,
)

from ..solar_saliency_plugin.bridge.features import Features
from ..solar_saliency_plugin.bridge.runs import file_of, source_of


def read_file(
    algorithm: QgsProcessingAlgorithm, parameters: Dict[str, Any], name: str, context: QgsProcessingContext
) -> str:
    """The file that a parameter stands for, without opening it."""
    value = parameters[name]
    if not isinstance(value, (str, QgsMapLayer, QgsProcessingOutputLayerDefinition)):
        value = algorithm.parameterAsString(parameters, name, context)
    return _file(value, context)


def read_files(
    algorithm: QgsProcessingAlgorithm, parameters: Dict[str, Any], name: str, context: QgsProcessingContext
) -> List[str]:
    """The files that a parameter for several stands for: a list, or one text with semicolons between paths."""
    value = parameters[name]
    if isinstance(value, QgsProperty):
        value = value.valueAsString(context.expressionContext())[0]
    if isinstance(value, str) and not os.path.exists(value):
        value = value.split(";")
    members = value if isinstance(value, (list, tuple)) else [value]
    found = [_file(member.strip() if isinstance(member, str) else member, context) for member in members if member]
    return list(dict.fromkeys(found))


def _file(value: Any, context: QgsProcessingContext) -> str:
    """The file that a layer, a layer's id or name, or a path stands for, without opening it."""
    if isinstance(value, QgsProcessingOutputLayerDefinition):
        value = value.sink.staticValue()
    if not isinstance(value, QgsMapLayer):
        layer = QgsProcessingUtils.mapLayerFromString(value, context, False)
        if layer is None:
            return os.path.abspath(value) if os.path.exists(value) else value
        value = layer
    path = file_of(value)
    if not path:
        raise QgsProcessingException(
            f"“{value.name()}” is not a raster file: its pixels come from “{value.providerType()}”. "
            "Choose a Sentinel-2 scene that lies on a disk."
        )
    return path


def features(value: Any, context: QgsProcessingContext) -> Optional[Features]:
    """The features that a vector parameter's value stands for; None where it is the path of a file that is not open."""
    part: Dict[str, Any] = {}
    if isinstance(value, QgsProcessingFeatureSourceDefinition):
        part = {
            "selected_only": value.selectedFeaturesOnly,
            "limit": value.featureLimit,
            "expression": getattr(value, "filterExpression", ""),  # QGIS 3.32 and later
        }
    if not isinstance(value, QgsMapLayer):
        in_part = part.get("limit", -1) >= 0 or bool(part.get("expression"))
        value = QgsProcessingUtils.mapLayerFromString(_source(value, context), context, in_part)
    return Features(value, **part) if value is not None else None


def _source(value: Any, context: QgsProcessingContext) -> str:
    """A vector parameter's value as text: a layer's id or name, or a path."""
    if isinstance(value, QgsProcessingFeatureSourceDefinition):
        value = value.source
    if isinstance(value, QgsProcessingOutputLayerDefinition):
        value = value.sink
    return str(value.valueAsString(context.expressionContext())[0] if isinstance(value, QgsProperty) else value)


def read_vector(
    algorithm: QgsProcessingAlgorithm, parameters: Dict[str, Any], name: str, context: QgsProcessingContext
) -> str:
    """The file with the layer in it, without opening it; a layer that lies in no file stays what QGIS calls it."""
    found = features(parameters[name], context)
    if found is None:
        return _source(parameters[name], context)
    return source_of(found.layer) or found.layer.source()
