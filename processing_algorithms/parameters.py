"""Processing parameters made from the fields of the engine's requests, and back again.

The contract says each option's name, type, unit, default, help and role once; how a Processing dialog shows such a
role, stands in :mod:`.kinds`; what the dialog calls it, in :mod:`.wording`.
"""

from typing import Any, Dict, Iterable, List, Mapping, Optional

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsGeometry,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingParameterDefinition,
)

from ..solar_saliency_plugin.bridge.coordinate_systems import crs_text
from ..solar_saliency_plugin.contract.options import Option, Role
from ..solar_saliency_plugin.qgis_compat import ADVANCED
from .kinds import OUTPUTS, WITH_CRS, kind_of
from .wording import label


def parameter_name(option: Option) -> str:
    """INPUT for what is computed from, as everywhere in Processing; else the option's name in capitals."""
    return "INPUT" if option.role in (Role.SCENE, Role.RASTER) and option.required else option.name.upper()


def definition(option: Option, labels: Mapping[str, str]) -> Optional[QgsProcessingParameterDefinition]:
    """The parameter of an option; None for a CRS, which comes with its extent."""
    if option.role is Role.CRS:
        return None
    parameter = kind_of(option).define(option, parameter_name(option), label(option, labels))
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
    asked = list(options)
    systems: Dict[str, QgsCoordinateReferenceSystem] = {}
    for option in asked:
        name = parameter_name(option)
        if option.role is Role.CRS or parameters.get(name) in (None, "", []):
            continue
        value = kind_of(option).read(algorithm, parameters, name, context)
        if value is None:
            continue
        values[option.name] = value
        if option.role in WITH_CRS:
            systems[option.name] = WITH_CRS[option.role](algorithm, parameters, name, context)
    _place(asked, values, systems, context)
    return values


def _place(
    options: List[Option],
    values: Dict[str, Any],
    systems: Mapping[str, QgsCoordinateReferenceSystem],
    context: QgsProcessingContext,
) -> None:
    """Add the CRS of extents and geometries; carry geometries over that share the CRS of another one.

    Raises QgsProcessingException where that cannot be done.
    """
    for name, crs in systems.items():
        sent_as = _crs_option(options, name)
        if not crs.isValid():  # without one, it is that of what it shares it with, or the scene's
            continue
        owner = sent_as[: -len("_crs")]
        if owner != name and owner in values:
            values[name] = _carried_over(values[name], crs, systems[owner], context)
        else:
            values[sent_as] = crs_text(crs)


def _crs_option(options: Iterable[Option], name: str) -> str:
    """The option that says the CRS of an extent or geometry: its own, or the one that all geometries share."""
    own = f"{name}_crs"
    known = [option.name for option in options if option.role is Role.CRS]
    return own if own in known else next(other for other in known if other != "extent_crs")


def _carried_over(
    wkt: str, crs: QgsCoordinateReferenceSystem, wanted: QgsCoordinateReferenceSystem, context: QgsProcessingContext
) -> str:
    """A geometry in the CRS of the target."""
    if crs == wanted:
        return wkt
    if not wanted.isValid():
        raise QgsProcessingException(
            f"The region is in {crs.authid() or crs.description()}, and the target does not say its CRS. Put it in "
            "front of the target, such as CRS=EPSG:4326;POINT(16.3 48.2)."
        )
    geometry = QgsGeometry.fromWkt(wkt)
    try:
        geometry.transform(QgsCoordinateTransform(crs, wanted, context.transformContext()))
        moved = geometry.boundingBox().isFinite()  # not all that fails is told
    except QgsCsException:
        moved = False
    if not moved:
        raise QgsProcessingException(
            f"The region lies where {wanted.authid() or wanted.description()}, the target's CRS, does not reach. Is it "
            f"really in {crs.authid() or crs.description()}?"
        )
    return geometry.asWkt()


def restore(options: Iterable[Option], sent: Mapping[str, Any]) -> Dict[str, Any]:
    """The parameters of a dialog that would send these values again; where results go is left to the user."""
    parameters, asked = {}, list(options)
    for option in asked:
        value = sent.get(option.name)
        if value in (None, "", [], ()) or option.role in OUTPUTS or option.role is Role.CRS:
            continue
        value = kind_of(option).restore(option, value)
        crs = sent.get(_crs_option(asked, option.name)) if option.role in WITH_CRS else None
        if crs and option.role is Role.EXTENT:
            value += f" [{crs}]"
        if crs and option.role is Role.GEOMETRY:
            value = f"CRS={crs};{value}"
        parameters[parameter_name(option)] = value
    return parameters


def inputs(options: Iterable[Option]) -> List[Option]:
    """The options that are not where results go."""
    return [option for option in options if option.role not in OUTPUTS]


def outputs(options: Iterable[Option]) -> List[Option]:
    """The options that are where results go."""
    return [option for option in options if option.role in OUTPUTS]
