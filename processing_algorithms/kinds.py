"""How each sort of option appears in Processing: one table by role, one by type."""

import re
from dataclasses import dataclass
from functools import partial
from typing import Any, Callable, Dict, List, Optional, get_args, get_origin

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterGeometry,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsProcessingParameterVectorDestination,
)

from ..solar_saliency_plugin.contract.options import Option, Role
from ..solar_saliency_plugin.qgis_compat import POINT_GEOMETRY, POLYGON_GEOMETRY, POLYGONS, RASTERS
from .choices import define_choice, define_several, entries, read_choice, read_several
from .file_inputs import read_file, read_files, read_vector

#: How many decimals dialogs show; six otherwise, as everywhere in Processing.
DECIMALS = {"ha": 2, "probability": 3, "m": 1}

#: Widgets of our own for dialogs. Named, not imported: gui stands above.
_GUI = f"{__package__.rpartition('.')[0]}.solar_saliency_plugin.gui"
SCENE_WIDGET = f"{_GUI}.scene_widget.SceneWidget"
SCENES_WIDGET = f"{_GUI}.scene_widget.ScenesWidget"
MODEL_WIDGET = f"{_GUI}.model_widget.ModelWidget"
LAYER_WIDGET = f"{_GUI}.layer_widget.LayerWidget"
TARGET_WIDGET = f"{_GUI}.target_widget.TargetWidget"

#: The parameter with the layer whose fields a FIELD is chosen from.
FIELDS_OF = "POLYGONS"


#: What well-known text looks like.
WKT_OF = {"polygon": "POLYGON((16.3 48.2, 16.4 48.2, 16.4 48.3, 16.3 48.2))", "polygon or point": "POINT(16.3 48.2)"}

#: Geometries that no point can stand for.
ONLY_POLYGONS = ("region",)


@dataclass(frozen=True)
class Kind:
    """How one sort of option appears in Processing.

    ``define(option, name, label)`` makes the parameter, ``read(algorithm, parameters, name, context)`` the value that
    is sent (None: not sent), ``restore(option, value)`` the parameter's value from one that was sent.
    """

    define: Callable[[Option, str, str], QgsProcessingParameterDefinition]
    read: Callable[[QgsProcessingAlgorithm, Dict[str, Any], str, QgsProcessingContext], Any]
    restore: Callable[[Option, Any], Any] = lambda option, value: value


def kind_of(option: Option) -> Kind:
    """How an option appears in Processing."""
    if option.role in _ROLES:
        return _ROLES[option.role]
    if option.role is Role.CHOICES:
        return Kind(define_several, partial(read_several, option), lambda o, v: [o.choices.index(c) for c in v])
    if option.choices:
        return Kind(define_choice, partial(read_choice, option), lambda o, v: entries(o).index(v))
    if get_origin(option.type) is tuple:
        return _WORDS
    types = get_args(option.type) or (option.type,)
    return next(kind for base, kind in _TYPES.items() if base in types)


def _may_be_empty(option: Option) -> bool:
    return not option.required and option.default in (None, "", ())


def _number(number_type: QgsProcessingParameterNumber.Type) -> Callable[..., QgsProcessingParameterDefinition]:
    def define(option: Option, name: str, label: str) -> QgsProcessingParameterDefinition:
        parameter = QgsProcessingParameterNumber(name, label, number_type, option.default, _may_be_empty(option))
        if option.minimum is not None:
            parameter.setMinimum(option.minimum)
        if option.maximum is not None:
            parameter.setMaximum(option.maximum)
        if option.unit in DECIMALS:
            parameter.setMetadata({"widget_wrapper": {"decimals": DECIMALS[option.unit]}})
        return parameter

    return define


def _define_scene(option: Option, name: str, label: str) -> QgsProcessingParameterDefinition:
    return _with_widget(QgsProcessingParameterRasterLayer(name, label, None, not option.required), SCENE_WIDGET)


def _define_scenes(option: Option, name: str, label: str) -> QgsProcessingParameterDefinition:
    several = QgsProcessingParameterMultipleLayers(name, label, RASTERS, None, not option.required)
    several.setMinimumNumberInputs(1 if option.required else 0)
    return _with_widget(several, SCENES_WIDGET)


def _text_in(widget: str) -> Callable[..., QgsProcessingParameterDefinition]:
    def define(option: Option, name: str, label: str) -> QgsProcessingParameterDefinition:
        text = QgsProcessingParameterString(name, label, option.default, False, _may_be_empty(option))
        return _with_widget(text, widget)

    return define


def _with_widget(parameter: QgsProcessingParameterDefinition, widget: str) -> QgsProcessingParameterDefinition:
    parameter.setMetadata({"widget_wrapper": {"class": widget}})
    return parameter


def _define_field(option: Option, name: str, label: str) -> QgsProcessingParameterDefinition:
    return QgsProcessingParameterField(name, label, option.default, FIELDS_OF, optional=not option.required)


def _chosen(behavior: QgsProcessingParameterFile.Behavior) -> Callable[..., QgsProcessingParameterDefinition]:
    def define(option: Option, name: str, label: str) -> QgsProcessingParameterDefinition:
        return QgsProcessingParameterFile(name, label, behavior, "", option.default, not option.required)

    return define


def _written_to(kinds: str) -> Callable[..., QgsProcessingParameterDefinition]:
    def define(option: Option, name: str, label: str) -> QgsProcessingParameterDefinition:
        return QgsProcessingParameterFileDestination(name, label, kinds, None, not option.required, option.required)

    return define


def _define_raster_output(option: Option, name: str, label: str) -> QgsProcessingParameterDefinition:
    return QgsProcessingParameterRasterDestination(name, label, None, not option.required, option.required)


def _define_vector_output(option: Option, name: str, label: str) -> QgsProcessingParameterDefinition:
    return QgsProcessingParameterVectorDestination(name, label, POLYGONS, None, not option.required, option.required)


def _read_written(
    algorithm: QgsProcessingAlgorithm, parameters: Dict[str, Any], name: str, context: QgsProcessingContext
) -> Optional[str]:
    return algorithm.parameterAsFileOutput(parameters, name, context) or None


def _read_extent(
    algorithm: QgsProcessingAlgorithm, parameters: Dict[str, Any], name: str, context: QgsProcessingContext
) -> Optional[List[float]]:
    extent = algorithm.parameterAsExtent(parameters, name, context)
    if extent.isNull():  # QGIS holds 0,0,0,0 for no extent at all, too
        if isinstance(parameters[name], str):
            raise QgsProcessingException(
                f"“{parameters[name]}” is no extent. Leave it empty to use the whole scene, or draw one on the map."
            )
        return None
    return [extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum()]


def _define_geometry(option: Option, name: str, label: str) -> QgsProcessingParameterDefinition:
    kinds = [POLYGON_GEOMETRY] if option.name in ONLY_POLYGONS else [POINT_GEOMETRY, POLYGON_GEOMETRY]
    return _with_widget(QgsProcessingParameterGeometry(name, label, None, not option.required, kinds), TARGET_WIDGET)


def _read_geometry(
    algorithm: QgsProcessingAlgorithm, parameters: Dict[str, Any], name: str, context: QgsProcessingContext
) -> Optional[str]:
    geometry = algorithm.parameterAsGeometry(parameters, name, context)
    if geometry.isNull() and isinstance(parameters[name], str):
        kind = "polygon" if name.lower() in ONLY_POLYGONS else "polygon or point"
        raise QgsProcessingException(
            f"“{parameters[name][:60]}” is no {kind}. Write it as well-known text, such as {WKT_OF[kind]}."
        )
    return None if geometry.isNull() else geometry.asWkt()


def _read_words(
    algorithm: QgsProcessingAlgorithm, parameters: Dict[str, Any], name: str, context: QgsProcessingContext
) -> List[str]:
    """Several words: a list, or one text with blanks, commas or semicolons between them."""
    value = parameters[name]
    if not isinstance(value, (list, tuple)):
        value = re.split(r"[\s,;]+", algorithm.parameterAsString(parameters, name, context))
    return [str(word) for word in value if word]


def _restore_extent(option: Option, value: Any) -> str:
    xmin, ymin, xmax, ymax = value
    return f"{xmin!r},{xmax!r},{ymin!r},{ymax!r}"


def read_output(
    algorithm: QgsProcessingAlgorithm, parameters: Dict[str, Any], name: str, context: QgsProcessingContext
) -> Optional[str]:
    """Where an output goes; None if it is not wanted. QGIS will load it, if the user wants that."""
    target = parameters.get(name)
    # Batch tables send a definition without a file for what is not wanted; asked for its path, QGIS would note
    # an empty one to be loaded.
    if isinstance(target, QgsProcessingOutputLayerDefinition):
        target = target.sink.valueAsString(context.expressionContext())[0]
    return algorithm.parameterAsOutputLayer(parameters, name, context) or None if target else None


OUTPUTS = (Role.RASTER_OUTPUT, Role.VECTOR_OUTPUT, Role.FOLDER_OUTPUT, Role.PAGE_OUTPUT, Role.TABLE_OUTPUT)

#: How the CRS of a value is read, for the roles that have one.
WITH_CRS: Dict[Role, Callable[..., Any]] = {
    Role.EXTENT: lambda a, p, n, c: a.parameterAsExtentCrs(p, n, c),
    Role.GEOMETRY: lambda a, p, n, c: a.parameterAsGeometryCrs(p, n, c),
}

_TEXT = Kind(
    lambda o, name, label: QgsProcessingParameterString(name, label, o.default, False, _may_be_empty(o)),
    lambda a, p, n, c: a.parameterAsString(p, n, c) or None,
)

_WORDS = Kind(
    lambda o, name, label: QgsProcessingParameterString(name, label, " ".join(o.default or ()), False, not o.required),
    _read_words,
    lambda option, value: " ".join(value),
)

_ROLES = {
    Role.SCENE: Kind(_define_scene, read_file),
    Role.RASTER: Kind(lambda o, name, label: QgsProcessingParameterRasterLayer(name, label), read_file),
    Role.SCENES: Kind(_define_scenes, read_files, lambda option, value: list(value)),
    Role.VECTOR: Kind(
        lambda o, name, label: QgsProcessingParameterFeatureSource(name, label, [POLYGONS], None, not o.required),
        read_vector,
    ),
    Role.FIELD: Kind(_define_field, _TEXT.read),
    Role.MODEL: Kind(_text_in(MODEL_WIDGET), _TEXT.read),
    Role.NETWORK_LAYER: Kind(_text_in(LAYER_WIDGET), _TEXT.read),
    Role.FOLDER: Kind(
        _chosen(QgsProcessingParameterFile.Behavior.Folder), lambda a, p, n, c: a.parameterAsFile(p, n, c) or None
    ),
    Role.FILE: Kind(
        _chosen(QgsProcessingParameterFile.Behavior.File), lambda a, p, n, c: a.parameterAsFile(p, n, c) or None
    ),
    Role.EXTENT: Kind(
        lambda o, name, label: QgsProcessingParameterExtent(name, label, None, not o.required),
        _read_extent,
        _restore_extent,
    ),
    Role.GEOMETRY: Kind(_define_geometry, _read_geometry),
    Role.RASTER_OUTPUT: Kind(_define_raster_output, read_output),
    Role.VECTOR_OUTPUT: Kind(_define_vector_output, read_output),
    Role.FOLDER_OUTPUT: Kind(
        lambda o, name, label: QgsProcessingParameterFolderDestination(name, label),
        lambda a, p, n, c: a.parameterAsString(p, n, c) or None,
    ),
    Role.PAGE_OUTPUT: Kind(_written_to("HTML files (*.html)"), _read_written),
    Role.TABLE_OUTPUT: Kind(_written_to("CSV files (*.csv)"), _read_written),
}

_TYPES = {
    bool: Kind(
        lambda o, name, label: QgsProcessingParameterBoolean(name, label, o.default),
        lambda a, p, n, c: a.parameterAsBool(p, n, c),
    ),
    int: Kind(_number(QgsProcessingParameterNumber.Type.Integer), lambda a, p, n, c: a.parameterAsInt(p, n, c)),
    float: Kind(_number(QgsProcessingParameterNumber.Type.Double), lambda a, p, n, c: a.parameterAsDouble(p, n, c)),
    str: _TEXT,
}
