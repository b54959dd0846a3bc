"""The lines that the two sides exchange: JSON-RPC 2.0, one message a line, UTF-8.

Names that JSON-RPC lacks are those of the Language Server Protocol.
"""

import json
from dataclasses import dataclass
from typing import Any, Dict, Optional

from .errors import SolarSaliencyError

HELLO = "hello"
PROGRESS = "$/progress"
CANCEL = "$/cancelRequest"
LOG_MESSAGE = "window/logMessage"

#: A part of a result that is still computed, or a better one; all of a call's come before its answer.
PARTIAL = "$/partial"
#: Enough: what is there by now is to be the result. Unlike :data:`CANCEL`, the call is answered with one.
STOP = "$/stop"

#: Session methods: they belong to the worker, not to the toolbox.
DEVICES = "devices"
SHUTDOWN = "shutdown"
#: What a model would answer without some players of a region that was explained: ``request`` (that of the method
#: ``regionshap``), ``absent`` (indices of players) → f_x, probability, detected, target_pixels.
WHAT_IF = "whatif"

#: ``type`` of a log message, as in the Language Server Protocol.
LOG_WARNING = 2
LOG_INFO = 3


@dataclass(frozen=True)
class Progress:
    """How far a job is. ``remaining`` is unknown (None) until enough was done to tell."""

    fraction: float
    message: str
    elapsed: float
    remaining: Optional[float]


def encode(message: Dict[str, Any]) -> bytes:
    """One message as one line."""
    return json.dumps({"jsonrpc": "2.0", **message}, ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n"


def decode(line: bytes) -> Dict[str, Any]:
    """The message of a line; ValueError where the line is none."""
    message = json.loads(line.decode("utf-8"))
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise ValueError("not a JSON-RPC 2.0 message")
    return message


def request(identifier: int, method: str, params: Dict[str, Any]) -> Dict[str, Any]:
    """A call that wants an answer."""
    return {"id": identifier, "method": method, "params": params}


def notification(method: str, params: Dict[str, Any]) -> Dict[str, Any]:
    """A message that wants no answer."""
    return {"method": method, "params": params}


def result(identifier: Optional[int], value: Dict[str, Any]) -> Dict[str, Any]:
    """The answer to a call that went well."""
    return {"id": identifier, "result": value}


def failure(identifier: Optional[int], error: SolarSaliencyError) -> Dict[str, Any]:
    """The answer to a call that failed."""
    return {"id": identifier, "error": error.to_json()}
