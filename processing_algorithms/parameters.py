"""Processing parameters made from the fields of the engine's requests, and back again.

The contract says each option's name, type, unit, default, help and role once; here stands only how a Processing
dialog shows such a role; what the dialog calls it, stands in :mod:`.wording`.
"""

import os
from dataclasses import dataclass
from functools import partial
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, get_args

from qgis.core import (
    QgsMapLayer,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
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
    QgsProcessingUtils,
    QgsProperty,
)

from ..solar_saliency_plugin.bridge.layers import Features, file_of, source_of
from ..solar_saliency_plugin.contract.options import Option, Role
from ..solar_saliency_plugin.qgis_compat import ADVANCED, POINT_GEOMETRY, POLYGON_GEOMETRY, POLYGONS, RASTERS
from .wording import NOT_CHOSEN, choice_text, label

#: How many decimals dialogs show; six otherwise, as everywhere in Processing.
DECIMALS = {"ha": 2, "probability": 3, "m": 1}

#: Widgets of our own for dialogs. Named, not imported: gui stands above.
_GUI = f"{__package__.rpartition('.')[0]}.solar_saliency_plugin.gui"
SCENE_WIDGET = f"{_GUI}.scene_widget.SceneWidget"
SCENES_WIDGET = f"{_GUI}.scene_widget.ScenesWidget"
MODEL_WIDGET = f"{_GUI}.model_widget.ModelWidget"
TARGET_WIDGET = f"{_GUI}.target_widget.TargetWidget"

#: The parameter with the layer whose fields a FIELD is chosen from.
FIELDS_OF = "POLYGONS"


@dataclass(frozen=True)
class Kind:
    """How one sort of option appears in Processing.

    ``define(option, name, label)`` makes the parameter, ``read(algorithm, parameters, name, context)`` the value that
    is sent (None: not sent), ``restore(option, value)`` the parameter's value from one that was sent.
    """

    define: Callable[[Option, str, str], QgsProcessingParameterDefinition]
    read: Callable[[QgsProcessingAlgorithm, Dict[str, Any], str, QgsProcessingContext], Any]
    restore: Callable[[Option, Any], Any] = lambda option, value: value


def parameter_name(option: Option) -> str:
    """INPUT for what is computed from, as everywhere in Processing; else the option's name in capitals."""
    return "INPUT" if option.role in (Role.SCENE, Role.RASTER) and option.required else option.name.upper()


def definition(option: Option, labels: Mapping[str, str]) -> Optional[QgsProcessingParameterDefinition]:
    """The parameter of an option; None for a CRS, which comes with its extent."""
    if option.role is Role.CRS:
        return None
    parameter = _kind(option).define(option, parameter_name(option), label(option, labels))
    parameter.setHelp(option.help)
    if option.advanced:
        parameter.setFlags(parameter.flags() | ADVANCED)
    return parameter


def read(
    options: Iterable[Option],
    algorithm: QgsProcessingAlgorithm,
    parameters: Dict[str, Any],
    context: QgsProcessingContext,
) -> Dict[str, Any]:
    """What is sent to the engine for these options: what the user left empty is not, so the engine's default holds.

    Raises QgsProcessingException where an input cannot be a file that the engine could read.
    """
    values: Dict[str, Any] = {}
    for option in options:
        name = parameter_name(option)
        if option.role is Role.CRS or parameters.get(name) in (None, "", []):
            continue
        value = _kind(option, algorithm).read(algorithm, parameters, name, context)
        if value is None:
            continue
        values[option.name] = value
        if option.role in _WITH_CRS:
            crs = _WITH_CRS[option.role](algorithm, parameters, name, context)
            if crs.isValid():  # without one, it is the scene's
                values[f"{option.name}_crs"] = crs.authid() or crs.toWkt()
    return values


def restore(options: Iterable[Option], sent: Mapping[str, Any]) -> Dict[str, Any]:
    """The parameters of a dialog that would send these values again; where results go is left to the user."""
    parameters = {}
    for option in options:
        value = sent.get(option.name)
        if value in (None, "", [], ()) or option.role in _OUTPUTS or option.role is Role.CRS:
            continue
        value = _kind(option).restore(option, value)
        crs = sent.get(f"{option.name}_crs")
        if crs and option.role is Role.EXTENT:
            value += f" [{crs}]"
        if crs and option.role is Role.GEOMETRY:
            value = f"CRS={crs};{value}"
        parameters[parameter_name(option)] = value
    return parameters


def inputs(options: Iterable[Option]) -> List[Option]:
    """The options that are not where results go."""
    return [option for option in options if option.role not in _OUTPUTS]


def outputs(options: Iterable[Option]) -> List[Option]:
    """The options that are where results go."""
    return [option for option in options if option.role in _OUTPUTS]


def _kind(option: Option, algorithm: Optional[QgsProcessingAlgorithm] = None) -> Kind:
    if option.role in _ROLES:
        return _ROLES[option.role]
    if option.role is Role.CHOICES:
        return Kind(_define_several, partial(_read_several, option), lambda o, v: [o.choices.index(c) for c in v])
    if option.choices:
        return Kind(_define_choice, partial(_read_choice, option), lambda o, v: _choices(o).index(v))
    types = get_args(option.type) or (option.type,)
    return next(kind for base, kind in _TYPES.items() if base in types)


def _may_be_empty(option: Option) -> bool:
    return not option.required and option.default in (None, "", ())


def _choices(option: Option) -> List[Optional[str]]:
    """The entries of an option's box: one that may be left empty has an entry for that."""
    return [*([None] if option.default is None and not option.required else []), *option.choices]


def _define_choice(option: Option, name: str, label: str) -> QgsProcessingParameterDefinition:
    choices = _choices(option)
    texts = [NOT_CHOSEN if choice is None else choice_text(option.name, choice) for choice in choices]
    return QgsProcessingParameterEnum(name, label, texts, defaultValue=choices.index(option.default))


def _read_choice(
    option: Option,
    algorithm: QgsProcessingAlgorithm,
    parameters: Dict[str, Any],
    name: str,
    context: QgsProcessingContext,
) -> Optional[str]:
    """The choice; scripts may give it by the engine's name, which stays when entries are added."""
    if named(option, parameters[name]):
        return parameters[name]
    return _choices(option)[algorithm.parameterAsEnum(parameters, name, context)]


def _define_several(option: Option, name: str, label: str) -> QgsProcessingParameterDefinition:
    texts = [choice_text(option.name, choice) for choice in option.choices]
    chosen = [option.choices.index(choice) for choice in option.default or ()]
    return QgsProcessingParameterEnum(name, label, texts, True, chosen, not option.required)


def _read_several(
    option: Option,
    algorithm: QgsProcessingAlgorithm,
    parameters: Dict[str, Any],
    name: str,
    context: QgsProcessingContext,
) -> List[str]:
    """The choices; scripts may give them by the engine's names."""
    if named(option, parameters[name]):
        return list(parameters[name])
    return [option.choices[index] for index in algorithm.parameterAsEnums(parameters, name, context)]


def named(option: Option, value: Any) -> bool:
    """Whether a parameter's value gives choices by the engine's names, which QGIS would not accept."""
    members = value if isinstance(value, (list, tuple)) else [value]
    return bool(option.choices and members) and all(member in option.choices for member in members)


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


def _define_model(option: Option, name: str, label: str) -> QgsProcessingParameterDefinition:
    text = QgsProcessingParameterString(name, label, option.default, False, _may_be_empty(option))
    return _with_widget(text, MODEL_WIDGET)


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
    kinds = [POINT_GEOMETRY, POLYGON_GEOMETRY]
    return _with_widget(QgsProcessingParameterGeometry(name, label, None, not option.required, kinds), TARGET_WIDGET)


def _read_geometry(
    algorithm: QgsProcessingAlgorithm, parameters: Dict[str, Any], name: str, context: QgsProcessingContext
) -> Optional[str]:
    geometry = algorithm.parameterAsGeometry(parameters, name, context)
    if geometry.isNull() and isinstance(parameters[name], str):
        raise QgsProcessingException(
            f"“{parameters[name][:60]}” is no polygon or point. Write it as well-known text, such as POINT(16.3 48.2)."
        )
    return None if geometry.isNull() else geometry.asWkt()


def _restore_extent(option: Option, value: Any) -> str:
    xmin, ymin, xmax, ymax = value
    return f"{xmin!r},{xmax!r},{ymin!r},{ymax!r}"


def _read_file(
    algorithm: QgsProcessingAlgorithm, parameters: Dict[str, Any], name: str, context: QgsProcessingContext
) -> str:
    """The file that a parameter stands for, without opening it."""
    value = parameters[name]
    if not isinstance(value, (str, QgsMapLayer, QgsProcessingOutputLayerDefinition)):
        value = algorithm.parameterAsString(parameters, name, context)
    return _file(value, context)


def _read_files(
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


def _read_vector(
    algorithm: QgsProcessingAlgorithm, parameters: Dict[str, Any], name: str, context: QgsProcessingContext
) -> str:
    """The file with the layer in it, without opening it; a layer that lies in no file stays what QGIS calls it."""
    found = features(parameters[name], context)
    if found is None:
        return _source(parameters[name], context)
    return source_of(found.layer) or found.layer.source()


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


_OUTPUTS = (Role.RASTER_OUTPUT, Role.VECTOR_OUTPUT, Role.FOLDER_OUTPUT, Role.PAGE_OUTPUT, Role.TABLE_OUTPUT)

#: How the CRS of a value is read, for the roles that have one.
_WITH_CRS: Dict[Role, Callable[..., Any]] = {
    Role.EXTENT: lambda a, p, n, c: a.parameterAsExtentCrs(p, n, c),
    Role.GEOMETRY: lambda a, p, n, c: a.parameterAsGeometryCrs(p, n, c),
}

_TEXT = Kind(
    lambda o, name, label: QgsProcessingParameterString(name, label, o.default, False, _may_be_empty(o)),
    lambda a, p, n, c: a.parameterAsString(p, n, c) or None,
)

_ROLES = {
    Role.SCENE: Kind(_define_scene, _read_file),
    Role.RASTER: Kind(lambda o, name, label: QgsProcessingParameterRasterLayer(name, label), _read_file),
    Role.SCENES: Kind(_define_scenes, _read_files, lambda option, value: list(value)),
    Role.VECTOR: Kind(
        lambda o, name, label: QgsProcessingParameterFeatureSource(name, label, [POLYGONS], None, not o.required),
        _read_vector,
    ),
    Role.FIELD: Kind(_define_field, _TEXT.read),
    Role.MODEL: Kind(_define_model, _TEXT.read),
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
