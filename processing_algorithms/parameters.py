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
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsProcessingParameterVectorDestination,
    QgsProcessingUtils,
)

from ..solar_saliency_plugin.bridge.layers import file_of
from ..solar_saliency_plugin.contract.options import Option, Role
from ..solar_saliency_plugin.qgis_compat import ADVANCED, POLYGONS

#: What dialogs call an option whose name alone does not say it.
LABELS = {
    "scene": "Sentinel-2 scene",
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
}

#: How many decimals dialogs show; six otherwise, as everywhere in Processing.
DECIMALS = {"ha": 2, "probability": 3}

#: The widget with a button for folders too, since a .SAFE product is one. Named, not imported: gui stands above.
SCENE_WIDGET = f"{__package__.rpartition('.')[0]}.solar_saliency_plugin.gui.scene_widget.SceneWidget"


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
        if option.role is Role.CRS or parameters.get(name) in (None, ""):
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
        if value in (None, "") or option.role in _OUTPUTS or option.role is Role.CRS:
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
    return not option.required and option.default in (None, "")


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
    parameter = QgsProcessingParameterRasterLayer(name, label)
    parameter.setMetadata({"widget_wrapper": {"class": SCENE_WIDGET}})
    return parameter


def _define_raster_output(option: Option, name: str, label: str) -> QgsProcessingParameterDefinition:
    return QgsProcessingParameterRasterDestination(name, label, None, not option.required, option.required)


def _define_vector_output(option: Option, name: str, label: str) -> QgsProcessingParameterDefinition:
    return QgsProcessingParameterVectorDestination(name, label, POLYGONS, None, not option.required, option.required)


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
    """The file that a layer, a layer's id or name, or a path stands for, without opening it."""
    value = parameters[name]
    if isinstance(value, QgsProcessingOutputLayerDefinition):
        value = value.sink.staticValue()
    if not isinstance(value, QgsMapLayer):
        value = value if isinstance(value, str) else algorithm.parameterAsString(parameters, name, context)
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


_OUTPUTS = (Role.RASTER_OUTPUT, Role.VECTOR_OUTPUT, Role.FOLDER_OUTPUT)

_TEXT = Kind(
    lambda o, name, label: QgsProcessingParameterString(name, label, o.default, False, _may_be_empty(o)),
    lambda a, p, n, c: a.parameterAsString(p, n, c) or None,
)

_ROLES = {
    Role.SCENE: Kind(_define_scene, _read_file),
    Role.RASTER: Kind(lambda o, name, label: QgsProcessingParameterRasterLayer(name, label), _read_file),
    Role.MODEL: _TEXT,
    Role.FOLDER: Kind(
        lambda o, name, label: QgsProcessingParameterFile(
            name, label, QgsProcessingParameterFile.Behavior.Folder, "", o.default, not o.required
        ),
        lambda a, p, n, c: a.parameterAsFile(p, n, c) or None,
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
