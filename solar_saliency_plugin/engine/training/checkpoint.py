"""Where a fit stands: all that going on needs, in memory and as one file.

A file is written under another name and then moved in place, so that a killed run or a full disk leaves the last whole
one. Plain facts and numbers only: it is read as safetensors and JSON, whoever put it there.
"""

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

FILE = "state.safetensors"

#: What is being written; a killed run leaves it.
PART = FILE + ".part"

#: The tensor that holds the facts, as the bytes of their JSON.
_FACTS = "facts"


@dataclass(frozen=True)
class Checkpoint:
    """Facts (plain values) and tensors by name; nothing changes them any more."""

    facts: dict[str, Any]
    tensors: dict[str, torch.Tensor]

    def write(self, folder: Path, key: str) -> None:
        """Put the checkpoint of the run ``key`` into ``folder``; OSError where that cannot be, the last one kept."""
        facts = json.dumps({"key": key, **self.facts}).encode("utf-8")
        tensors = {name: tensor.cpu().contiguous() for name, tensor in self.tensors.items()}
        whole = save({**tensors, _FACTS: torch.frombuffer(bytearray(facts), dtype=torch.uint8)})
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / PART
        try:
            with open(part, "wb") as file:
                file.write(whole)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, folder / FILE)
        except OSError:
            part.unlink(missing_ok=True)
            raise

    @classmethod
    def read(cls, folder: Path, key: str) -> "Checkpoint | None":
        """The checkpoint in ``folder``; None where there is none, a damaged one, or that of another run."""
        try:
            tensors = load((folder / FILE).read_bytes())
            facts = json.loads(tensors.pop(_FACTS).numpy().tobytes())
            return cls(facts, tensors) if facts.pop("key") == key else None
        except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def part(self, name: str) -> dict[str, torch.Tensor]:
        """The tensors under ``name``, by the rest of their names."""
        start = f"{name}."
        return {key[len(start) :]: tensor for key, tensor in self.tensors.items() if key.startswith(start)}


def fingerprint(*values: Any) -> str:
    """A hash that changes with any number or word in ``values``.

    They may be arrays, tensors, dataclasses, random generators, mappings, sequences and plain values.
    """
    digest = hashlib.sha256()
    for part in _bytes(values):
        digest.update(part)
    return digest.hexdigest()


def _bytes(value: Any) -> Iterable[bytes | memoryview]:
    """What tells ``value`` from others, piece by piece."""
    yield type(value).__name__.encode()
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray):
        yield f"{value.shape}{value.dtype}".encode()
        yield np.ascontiguousarray(value).reshape(-1).view(np.uint8).data
    elif isinstance(value, np.random.Generator):
        yield from _bytes(value.bit_generator.state)
    elif dataclasses.is_dataclass(value):
        yield from _bytes({field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
    elif isinstance(value, Mapping):
        yield from _bytes(list(value.items()))
    elif isinstance(value, (list, tuple)):
        yield f"{len(value)}".encode()
        for item in value:
            yield from _bytes(item)
    elif isinstance(value, (str, int, float, bool, np.generic, type(None))):
        yield repr(value).encode()
    else:
        raise TypeError(f"no fingerprint of a {type(value).__name__}")
