"""From a method's name and plain values to its result: the one way in, for worker and command line alike."""

import contextlib
import importlib
from typing import Any, Dict, Iterator, Mapping

from ..contract import METHODS
from ..contract.errors import (
    DiskFullError,
    EngineMissingError,
    OutOfMemoryError,
    SolarSaliencyError,
    UnknownMethodError,
)
from ..contract.options import parse, to_json
from .job import Job


def run_method(name: str, params: Mapping[str, Any], job: Job) -> Dict[str, Any]:
    """Run method ``name`` and return its result as plain JSON values.

    Raises :class:`SolarSaliencyError`, whatever went wrong inside: foreseen failures as their own class,
    running out of memory or disk as such, anything else as the root class with the exception's own words.
    """
    if name not in METHODS:
        raise UnknownMethodError(f"The engine has no method “{name}”.", f"It has: {', '.join(METHODS)}.")
    method = METHODS[name]
    request = parse(method.request, params)
    module, function = method.runs.split(":")
    with foreseen():
        implementation = getattr(importlib.import_module(f".{module}", __package__), function)
        return to_json(implementation(request, job))


@contextlib.contextmanager
def foreseen() -> Iterator[None]:
    """Whatever goes wrong inside is raised as a :class:`SolarSaliencyError`."""
    try:
        yield
    except SolarSaliencyError:
        raise
    except ModuleNotFoundError as error:
        remedy = "Set it up again: Raster ▸ Solar Saliency ▸ Set Up Engine…"
        raise EngineMissingError(f"The engine's environment lacks a package: {error.name}.", remedy) from error
    except MemoryError as error:
        raise OutOfMemoryError(
            "The machine ran out of memory.", "Close other programs, choose a smaller extent, or a smaller window."
        ) from error
    except OSError as error:
        if error.errno == 28:  # ENOSPC
            raise DiskFullError(f"The disk is full: {error}.", "Free some space or choose another folder.") from error
        raise unforeseen(error) from error
    except Exception as error:
        raise unforeseen(error) from error


def unforeseen(error: BaseException) -> SolarSaliencyError:
    """An error that the code did not foresee, for the user: it is a defect, and the log has its trace."""
    return SolarSaliencyError(
        f"The engine failed unexpectedly: {type(error).__name__}: {error}",
        "This is a defect. Please report it with the log file.",
    )
