"""Every way in which a job can fail: one root exception, one class for each failure.

``kind`` is what programs compare, ``message`` says what is wrong and ``hint`` what the user can do about it.
"""

from enum import Enum
from typing import Any, Dict, Optional, Tuple, Type


class ErrorKind(str, Enum):
    """The failures, by name, as they stand in ``error.data.kind`` of an answer."""

    INTERNAL = "internal"
    BAD_REQUEST = "bad_request"
    UNKNOWN_METHOD = "unknown_method"
    SCENE_NOT_FOUND = "scene_not_found"
    SCENE_UNREADABLE = "scene_unreadable"
    BANDS_UNCLEAR = "bands_unclear"
    DATE_UNCLEAR = "date_unclear"
    SCALE_UNCLEAR = "scale_unclear"
    NOT_REFLECTANCE = "not_reflectance"
    GRID_UNSUITABLE = "grid_unsuitable"
    SCENE_EMPTY = "scene_empty"
    EXTENT_OUTSIDE = "extent_outside"
    OUT_OF_SIGHT = "out_of_sight"
    OUTPUT_UNWRITABLE = "output_unwritable"
    OUTPUT_IS_INPUT = "output_is_input"
    LABELS_UNREADABLE = "labels_unreadable"
    LABELS_UNSUITABLE = "labels_unsuitable"
    MODEL_NOT_FOUND = "model_not_found"
    MODEL_INVALID = "model_invalid"
    MODEL_TAMPERED = "model_tampered"
    MODEL_NOT_TRUSTED = "model_not_trusted"
    LEARNING_FAILED = "learning_failed"
    TARGET_EMPTY = "target_empty"
    METHOD_UNSUITABLE = "method_unsuitable"
    LONG_RUN = "long_run"
    OUT_OF_MEMORY = "out_of_memory"
    DISK_FULL = "disk_full"
    CANCELLED = "cancelled"
    ENGINE_MISSING = "engine_missing"
    ENGINE_OUTDATED = "engine_outdated"
    ENGINE_CRASHED = "engine_crashed"
    SETUP_FAILED = "setup_failed"


class SolarSaliencyError(Exception):
    """Something went wrong that the user can be told in plain words."""

    kind = ErrorKind.INTERNAL
    #: JSON-RPC error code; −32000 to −32099 is the range that the specification leaves to servers.
    code = -32000
    #: Exit status of the command line.
    exit_status = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def to_json(self) -> Dict[str, Any]:
        """The ``error`` member of a JSON-RPC answer."""
        return {"code": self.code, "message": self.message, "data": {"kind": self.kind.value, "hint": self.hint}}


class RequestError(SolarSaliencyError):
    """A parameter is missing, unknown, of the wrong type or out of range."""

    kind = ErrorKind.BAD_REQUEST
    code = -32602
    exit_status = 2


class UnknownMethodError(RequestError):
    """The engine has no method of that name."""

    kind = ErrorKind.UNKNOWN_METHOD
    code = -32601


class OutOfSightError(RequestError):
    """The model's answer for the target depends on nothing in the region."""

    kind = ErrorKind.OUT_OF_SIGHT


class InputError(SolarSaliencyError):
    """The data that a request names cannot be used."""

    code = -32001
    exit_status = 3


class SceneNotFoundError(InputError):
    """There is no file or folder at the scene's path."""

    kind = ErrorKind.SCENE_NOT_FOUND


class SceneUnreadableError(InputError):
    """The file is damaged, truncated, or no raster at all."""

    kind = ErrorKind.SCENE_UNREADABLE


class BandsUnclearError(InputError):
    """Bands are missing, or nothing says which band is which."""

    kind = ErrorKind.BANDS_UNCLEAR


class DateUnclearError(InputError):
    """The file holds several dates and none, or an unknown one, was chosen; ``dates`` are those to choose from."""

    kind = ErrorKind.DATE_UNCLEAR

    def __init__(self, message: str, hint: str = "", dates: Tuple[str, ...] = ()) -> None:
        super().__init__(message, hint)
        self.dates = dates


class ScaleUnclearError(InputError):
    """The values do not look like reflectance at the scale assumed."""

    kind = ErrorKind.SCALE_UNCLEAR


class NotReflectanceError(InputError):
    """The raster is a picture, a class map or an index, not reflectance."""

    kind = ErrorKind.NOT_REFLECTANCE


class GridUnsuitableError(InputError):
    """The scene's CRS, pixel size or rotation does not suit the model."""

    kind = ErrorKind.GRID_UNSUITABLE


class SceneEmptyError(InputError):
    """The scene, or the part asked for, holds no valid pixel."""

    kind = ErrorKind.SCENE_EMPTY


class ExtentOutsideError(InputError):
    """The extent asked for does not touch the scene."""

    kind = ErrorKind.EXTENT_OUTSIDE


class OutputUnwritableError(InputError):
    """The output's folder is missing or cannot be written."""

    kind = ErrorKind.OUTPUT_UNWRITABLE


class OutputIsInputError(InputError):
    """The output would overwrite an input."""

    kind = ErrorKind.OUTPUT_IS_INPUT


class LabelsError(InputError):
    """Outlines of solar farms cannot be used."""


class LabelsUnreadableError(LabelsError):
    """The outlines' file is missing or damaged, or holds no vector layer, or several."""

    kind = ErrorKind.LABELS_UNREADABLE


class LabelsUnsuitableError(LabelsError):
    """The layer holds no outlines that can be taught or measured against: no polygons, no CRS, too few of them …"""

    kind = ErrorKind.LABELS_UNSUITABLE


class ModelNotFoundError(InputError):
    """No model of that name or at that path."""

    kind = ErrorKind.MODEL_NOT_FOUND


class ModelInvalidError(InputError):
    """The folder is no model: weights or card are missing, damaged or do not fit each other."""

    kind = ErrorKind.MODEL_INVALID


class ModelTamperedError(ModelInvalidError):
    """The weights are not those that the model's hash was made of."""

    kind = ErrorKind.MODEL_TAMPERED


class ModelNotTrustedError(ModelInvalidError):
    """The network is a program, and the user has not said that they trust it."""

    kind = ErrorKind.MODEL_NOT_TRUSTED


class LearningFailedError(InputError):
    """A network learned nothing that could be kept: its loss was no number."""

    kind = ErrorKind.LEARNING_FAILED


class TargetEmptyError(InputError):
    """There is no pixel to explain: none is detected there, or none is valid."""

    kind = ErrorKind.TARGET_EMPTY


class MethodUnsuitableError(InputError):
    """The attribution method cannot explain this network, or a target of this size."""

    kind = ErrorKind.METHOD_UNSUITABLE


class LongRunError(InputError):
    """The run would take so long that the user should agree to it first."""

    kind = ErrorKind.LONG_RUN


class ResourceError(SolarSaliencyError):
    """The machine ran out of something."""

    code = -32002
    exit_status = 4


class OutOfMemoryError(ResourceError):
    """Not enough memory, even for the smallest window."""

    kind = ErrorKind.OUT_OF_MEMORY


class DiskFullError(ResourceError):
    """The disk is full."""

    kind = ErrorKind.DISK_FULL


class CancelledError(SolarSaliencyError):
    """The user cancelled the job."""

    kind = ErrorKind.CANCELLED
    code = -32800  # RequestCancelled in the Language Server Protocol
    exit_status = 130


class EngineMissingError(SolarSaliencyError):
    """The engine's private environment is not installed."""

    kind = ErrorKind.ENGINE_MISSING


class EngineOutdatedError(SolarSaliencyError):
    """The engine's environment was made for another version of the plugin."""

    kind = ErrorKind.ENGINE_OUTDATED


class EngineCrashedError(SolarSaliencyError):
    """The engine's process ended without an answer."""

    kind = ErrorKind.ENGINE_CRASHED


class SetupFailedError(SolarSaliencyError):
    """The engine's environment could not be made."""

    kind = ErrorKind.SETUP_FAILED


def _classes(root: Type[SolarSaliencyError]) -> Dict[str, Type[SolarSaliencyError]]:
    found = {root.kind.value: root} if "kind" in vars(root) else {}
    for child in root.__subclasses__():
        found.update(_classes(child))
    return found


def error_from_json(error: Dict[str, Any]) -> SolarSaliencyError:
    """The exception that an ``error`` member stands for; an unknown kind gives the root class."""
    data: Optional[Dict[str, Any]] = error.get("data")
    kind = (data or {}).get("kind", "")
    cls = _classes(SolarSaliencyError).get(kind, SolarSaliencyError)
    return cls(
        str(error.get("message", "The engine reported an error without a message.")), (data or {}).get("hint", "")
    )
