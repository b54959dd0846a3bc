"""Options with choices: their boxes in dialogs, and what was chosen."""

from typing import Any, Dict, List, Optional

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
)

from ..solar_saliency_plugin.contract.options import Option
from .wording import NOT_CHOSEN, choice_text


def entries(option: Option) -> List[Optional[str]]:
    """The entries of an option's box: one that may be left empty has an entry for that."""
    return [*([None] if option.default is None and not option.required else []), *option.choices]


def define_choice(option: Option, name: str, label: str) -> QgsProcessingParameterDefinition:
    """A box with the choices."""
    offered = entries(option)
    texts = [NOT_CHOSEN if choice is None else choice_text(option.name, choice) for choice in offered]
    return QgsProcessingParameterEnum(name, label, texts, defaultValue=offered.index(option.default))


def read_choice(
    option: Option,
    algorithm: QgsProcessingAlgorithm,
    parameters: Dict[str, Any],
    name: str,
    context: QgsProcessingContext,
) -> Optional[str]:
    """The choice; scripts may give it by the engine's name, which stays when entries are added."""
    if named(option, parameters[name]):
        return parameters[name]
    return entries(option)[algorithm.parameterAsEnum(parameters, name, context)]


def define_several(option: Option, name: str, label: str) -> QgsProcessingParameterDefinition:
    """A list of the choices to tick."""
    texts = [choice_text(option.name, choice) for choice in option.choices]
    chosen = [option.choices.index(choice) for choice in option.default or ()]
    return QgsProcessingParameterEnum(name, label, texts, True, chosen, not option.required)


def read_several(
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
