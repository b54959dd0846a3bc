"""Fields of requests: name, type, unit, default and help are said once, here, in the dataclass.

The command line's options, the worker's validation and the dialogs' defaults all come from these fields.
"""

import math
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from enum import Enum
from typing import Any, Dict, List, Mapping, Optional, Tuple, Type, TypeVar, Union, get_args, get_origin, get_type_hints

from .errors import RequestError

RequestType = TypeVar("RequestType")

Extent = Tuple[float, float, float, float]


class Role(str, Enum):
    """What a value stands for; decides which widget a dialog gives it."""

    VALUE = "value"
    SCENE = "scene"
    SCENES = "scenes"
    RASTER = "raster"
    VECTOR = "vector"
    FIELD = "field"
    MODEL = "model"
    NETWORK_LAYER = "network_layer"
    FOLDER = "folder"
    FILE = "file"
    EXTENT = "extent"
    CRS = "crs"
    GEOMETRY = "geometry"
    CHOICES = "choices"
    RASTER_OUTPUT = "raster_output"
    VECTOR_OUTPUT = "vector_output"
    FOLDER_OUTPUT = "folder_output"
    PAGE_OUTPUT = "page_output"
    TABLE_OUTPUT = "table_output"


@dataclass(frozen=True)
class Option:
    """One field of a request, as its users see it."""

    name: str
    type: Any
    required: bool
    default: Any
    help: str
    unit: str
    minimum: Optional[float]
    maximum: Optional[float]
    choices: Tuple[str, ...]
    role: Role
    advanced: bool

    @property
    def flag(self) -> str:
        """The command line's spelling."""
        return "--" + self.name.replace("_", "-")


def option(
    help: str,
    default: Any = MISSING,
    *,
    unit: str = "",
    minimum: Optional[float] = None,
    maximum: Optional[float] = None,
    choices: Tuple[str, ...] = (),
    role: Role = Role.VALUE,
    advanced: bool = False,
) -> Any:
    """A dataclass field with what its users need to know; without a default it must be given.

    A required field still gets ``None`` in the dataclass, since fields of a base class that have
    defaults may not be followed by ones that have none (``kw_only`` needs Python 3.10).
    """
    required = default is MISSING
    return field(
        default=None if required else default,
        metadata={
            "required": required,
            "help": help,
            "unit": unit,
            "minimum": minimum,
            "maximum": maximum,
            "choices": tuple(choices),
            "role": role,
            "advanced": advanced,
        },
    )


def options(request: Type[Any]) -> List[Option]:
    """The options of a request class: what must be given first, otherwise in the order of its fields."""
    types = get_type_hints(request)
    found = [Option(name=f.name, type=types[f.name], default=f.default, **f.metadata) for f in fields(request)]
    return sorted(found, key=lambda o: not o.required)


def option_of(request: Type[Any], name: str) -> Option:
    """One option of a request class, by name."""
    return next(o for o in options(request) if o.name == name)


def parse(request: Type[RequestType], values: Mapping[str, Any]) -> RequestType:
    """A checked request from plain values, as they come from JSON or a command line.

    Raises :class:`RequestError` that names the first option that is unknown, missing or unfit.
    """
    known = {o.name: o for o in options(request)}
    for name in values:
        if name not in known:
            raise RequestError(f"There is no option “{name}”.", f"Known options: {', '.join(known)}.")
    parsed: Dict[str, Any] = {}
    for name, o in known.items():
        value = values.get(name)
        if value is None or (o.required and value in ([], ())):
            if o.required:
                raise RequestError(f"The option “{name}” is missing.", o.help)
            continue
        parsed[name] = _checked(o, value)
    return request(**parsed)


def to_json(value: Any) -> Dict[str, Any]:
    """A request or result as plain JSON values; NaN and infinity, which JSON lacks, become null."""
    return {f.name: plain(getattr(value, f.name)) for f in fields(value)}


def plain(value: Any) -> Any:
    """A value, and all that it holds, as JSON has it; NaN and infinity, which JSON lacks, become null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, (tuple, list)):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return to_json(value) if is_dataclass(value) else value


def _checked(o: Option, value: Any) -> Any:
    value = _converted(o, o.type, value)
    for chosen in value if isinstance(value, tuple) else (value,):
        if o.choices and chosen not in o.choices:
            raise RequestError(f"“{chosen}” is no choice for “{o.name}”.", f"Choose one of: {', '.join(o.choices)}.")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        unit = f" {o.unit}" if o.unit else ""
        if o.minimum is not None and value < o.minimum:
            raise RequestError(f"“{o.name}” is {value:g}{unit}.", f"The smallest value is {o.minimum:g}{unit}.")
        if o.maximum is not None and value > o.maximum:
            raise RequestError(f"“{o.name}” is {value:g}{unit}.", f"The largest value is {o.maximum:g}{unit}.")
    return value


def _converted(o: Option, wanted: Any, value: Any) -> Any:
    if get_origin(wanted) is Union:  # Optional[X]: None never gets here
        wanted = next(t for t in get_args(wanted) if t is not type(None))
    if get_origin(wanted) is tuple:
        members = get_args(wanted)
        if isinstance(value, (list, tuple)):
            if members[-1] is Ellipsis:
                return tuple(_converted(o, members[0], v) for v in value)
            if len(value) == len(members):
                return tuple(_converted(o, t, v) for t, v in zip(members, value))
        raise RequestError(f"“{o.name}” must be a list of {_tuple_length(members)} values, not {value!r}.", o.help)
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, wanted) or (wanted is not bool and isinstance(value, bool)):
        raise RequestError(f"“{o.name}” must be {_NAMES[wanted]}, not {value!r}.", o.help)
    if wanted is float and not math.isfinite(value):
        raise RequestError(f"“{o.name}” must be a finite number, not {value!r}.", o.help)
    return value


def _tuple_length(members: Tuple[Any, ...]) -> str:
    return "any number of" if members[-1] is Ellipsis else str(len(members))


_NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
