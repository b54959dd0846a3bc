"""What is refused before anything starts, in words, where QGIS would say too little or the engine only later."""

from pathlib import Path
from typing import Any, Iterable, Mapping

from qgis.core import QgsProcessing, QgsProcessingContext, QgsProcessingOutputLayerDefinition, QgsProperty

from ..solar_saliency_plugin.contract.errors import OutputUnwritableError, RequestError
from ..solar_saliency_plugin.contract.options import Option
from .wording import label


def check_numbers(options: Iterable[Option], values: Mapping[str, Any], labels: Mapping[str, str]) -> None:
    """Raise RequestError for the first number outside its option's range: QGIS would not say what the range is."""
    for option in options:
        value = values.get(option.name)
        if not isinstance(value, (int, float)):
            continue
        said = f"“{label(option, labels)}” is {value:g}."
        if option.minimum is not None and value < option.minimum:
            raise RequestError(said, f"The smallest value is {option.minimum:g}.")
        if option.maximum is not None and value > option.maximum:
            raise RequestError(said, f"The largest value is {option.maximum:g}.")


def check_geopackage(target: Any, context: QgsProcessingContext) -> None:
    """Raise OutputUnwritableError where polygons cannot be written to the value of their parameter.

    The engine would refuse it too, but Detect Solar Farms asks it for polygons only after hours of computing.
    """
    # Not by parameterAsOutputLayer: it would note the file to be loaded, and make up a new name for a temporary one.
    if isinstance(target, QgsProcessingOutputLayerDefinition):
        target = target.sink
    if isinstance(target, QgsProperty):
        target = target.valueAsString(context.expressionContext())[0]
    if not target or target == QgsProcessing.TEMPORARY_OUTPUT:
        return
    if target.startswith(("ogr:", "postgis:", "postgres:", "memory:")):
        raise OutputUnwritableError(
            "Polygons are written to a GeoPackage file of their own, not into a table of a database.",
            "Choose “Save to File…” and a name that ends in .gpkg.",
        )
    path = Path(target).expanduser().absolute()
    if path.suffix.lower() != ".gpkg":
        raise OutputUnwritableError(f"The output “{path.name}” must end in .gpkg.", f"Call it “{path.stem}.gpkg”.")
    if not path.parent.is_dir():
        raise OutputUnwritableError(f"There is no folder {path.parent}.", "Create it, or choose another place.")
    if path.is_dir():
        raise OutputUnwritableError(f"{path} is a folder.", "Give the name of a file.")
