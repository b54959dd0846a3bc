"""Processing parameters made from the fields of the engine's requests, and back again.

The contract says each option's name, type, unit, default, help and role once; here stands only how a Processing
dialog shows such a role, and what the dialog calls it.
"""

import os
from dataclasses import dataclass
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
from ..solar_saliency_plugin.qgis_compat import ADVANCED, POLYGONS, RASTERS

#: What dialogs call an option whose name alone does not say it.
LABELS = {
    "scene": "Sentinel-2 scene",
    "scenes": "Sentinel-2 scenes",
    "polygons": "Outlines of solar farms",
    "since_field": "Field that says since when a farm stands",
    "edge": "Strip left out along outlines",
    "backgrounds": "Scenes without any solar farm",
    "keep_doubtful": "Learn from doubtful outlines, too",
    "precision": "Precision of numbers",
    "batch": "Patches at a time",
    "context": "How far the model looks",
    "steps": "Longest learning",
    "probability": "Probability raster",
    "bands": "Band names in file order",
    "scale": "Scale of the stored values",
    "offset": "Offset of the stored values",
    "level": "Processing level",
    "date": "Acquisition date",
    "mask": "Leave out",
    "device": "Compute on",
    "window": "Window size",
    "restart": "Start anew instead of continuing an interrupted run",
    "size": "Width and height",
}

#: What dialogs call a choice that is a code word.
CHOICES = {
    "auto": "Automatic",
    "cpu": "Processor (CPU)",
    "cuda": "Graphics card (CUDA)",
    "none": "Nothing",
    "clouds": "Clouds and their shadows",
    "clouds_and_snow": "Clouds, their shadows and snow",
    "near": "Near: 40 m",
    "wide": "Wide: over 500 m",
    "float32": "32 bits",
    "mixed": "Mixed with 16 bits",
    "logits": "Logits",
    "probabilities": "Probabilities",
}

#: How many decimals dialogs show; six otherwise, as everywhere in Processing.
DECIMALS = {"ha": 2, "probability": 3}

#: Widgets of our own for dialogs. Named, not imported: gui stands above.
_GUI = f"{__package__.rpartition('.')[0]}.solar_saliency_plugin.gui"
SCENE_WIDGET = f"{_GUI}.scene_widget.SceneWidget"
SCENES_WIDGET = f"{_GUI}.scene_widget.ScenesWidget"
MODEL_WIDGET = f"{_GUI}.model_widget.ModelWidget"

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
    return "INPUT" if option.role in (Role.SCENE, Role.RASTER) else option.name.upper()


def label(option: Option, labels: Mapping[str, str]) -> str:
    """The option's name in a dialog, with its unit."""
    text = labels.get(option.name) or LABELS.get(option.name) or words(option.name)
    return f"{text} ({option.unit})" if option.unit else text


def words(name: str) -> str:
    """A name of the contract as people write it: total_ha becomes “Total (ha)”."""
    text = name.replace("_", " ").capitalize().replace("Crs", "CRS").replace("sha256", "SHA-256")
    return f"{text[:-3]} (ha)" if text.endswith(" ha") else text


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
        if option.role is Role.EXTENT:
            crs = algorithm.parameterAsExtentCrs(parameters, name, context)
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
        if option.role is Role.EXTENT and sent.get(f"{option.name}_crs"):
            value += f" [{sent[option.name + '_crs']}]"
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
    if option.choices:
        return Kind(_define_choice, lambda a, p, n, c: option.choices[a.parameterAsEnum(p, n, c)], _restore_choice)
    types = get_args(option.type) or (option.type,)
    return next(kind for base, kind in _TYPES.items() if base in types)


def _may_be_empty(option: Option) -> bool:
    return not option.required and option.default in (None, "", ())


def _define_choice(option: Option, name: str, label: str) -> QgsProcessingParameterDefinition:
    texts = [CHOICES.get(choice, choice) for choice in option.choices]
    return QgsProcessingParameterEnum(name, label, texts, defaultValue=option.choices.index(option.default))


def _restore_choice(option: Option, value: Any) -> int:
    return option.choices.index(value)


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
    return _with_widget(QgsProcessingParameterRasterLayer(name, label), SCENE_WIDGET)


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
