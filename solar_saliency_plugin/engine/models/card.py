"""The model card: what a model needs, what it was trained on, how good it was found to be.

No model is used without one. A card may come from anywhere, so every field is checked before it is believed.
"""

import hashlib
import json
import re
import sys
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ...contract.errors import ModelInvalidError

#: Longest card that is read or written, in bytes; the shipped ones have some ten thousand.
MAXIMUM_SIZE = 1_000_000

#: How deep objects and lists may lie in each other in a card, so that nothing that walks through it runs out of stack.
MAXIMUM_NESTING = 20

#: Largest architecture that is built, so that a card cannot ask for more memory than any machine has.
MAXIMUM_CHANNELS = 512
MAXIMUM_DEPTH = 5
MAXIMUM_CONVOLUTIONS = 8

#: Longest side of the windows that a network of the user's own is run in, in pixels.
MAXIMUM_SIDE = 4096

#: Formats of a network of the user's own, as architectures name them.
FORMATS = ("torch.export", "torchscript")

#: What a card says of how a result is computed from an image; the rest tells people what to think of it.
_INFERENCE = ("bands", "units", "level", "resampling", "pixel_size", "mean", "std", "stride", "architecture")

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_BAND = re.compile(r"B(0[1-9]|1[0-2]|8A)")
_HINT = "Use a model folder as the training wrote it, or ask whoever made the model for a new copy."


@dataclass(frozen=True)
class Card:
    """What a model says of itself.

    bands: names in the order of the network's input. units: always "reflectance" (0–1). level: "L2A" or "L1C", what the
    model saw in training. resampling: how 20 m bands came to 10 m. pixel_size: metres. mean, std: normalisation,
    reflectance, one value a band. architecture: family and its parameters. receptive_field: one-sided, pixels, over all
    stride phases. threshold: probability, chosen on validation sites. training, quality: figures and their
    conditions, free in form. core: the higher probability that the core of a detection must reach; None: nothing more
    than the threshold is asked, and a card may leave it out.

    Families: "unet" (:class:`~.unet.UNet`) with stem, width, depth and convolutions, and "exported", a network of the
    user's own (:class:`~.foreign.ForeignNetwork`), with format ("torch.export" or "torchscript"), gives ("logits" or
    "probabilities"), scale (what it is given for a reflectance of 1), size (rows and columns of the only windows that
    it is run in; empty: any from minimum to maximum that is a multiple of ``multiple``), one_by_one (it takes no batch
    of several windows), local (false: it looks at its whole window), margin (pixels along the windows' edges whose
    answers are not used) and activations ("modules": of their own; "inside": not to be reached).
    """

    name: str
    title: str
    summary: str
    bands: tuple[str, ...]
    units: str
    level: str
    resampling: str
    pixel_size: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    architecture: dict[str, Any]
    receptive_field: int
    stride: int
    threshold: float
    training: dict[str, Any]
    quality: dict[str, Any]
    core: float | None = None

    @classmethod
    def read(cls, path: Path) -> "Card":
        """The card in a JSON file; :class:`ModelInvalidError` says what is wrong with it."""
        if not path.is_file():
            raise ModelInvalidError(f"The model in “{path.parent}” has no card ({path.name}).", _HINT)
        if path.stat().st_size > MAXIMUM_SIZE:
            raise ModelInvalidError(f"The model card “{path}” is far too long to be one.", _HINT)
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            _encoded(values)
        except (OSError, ValueError, RecursionError) as error:
            raise ModelInvalidError(f"The model card “{path}” is damaged: {error}.", _HINT) from error
        problem = _problem(values)
        if problem:
            raise ModelInvalidError(f"The model card “{path}” is wrong: {problem}.", _HINT)
        for name in ("stem", "size"):
            if name in values["architecture"]:
                values["architecture"][name] = tuple(values["architecture"][name])
        return cls(**{**values, **{name: tuple(values[name]) for name in ("bands", "mean", "std")}})

    def write(self, path: Path) -> None:
        """Write the card as JSON that people can read and compare: by lines, unless it is too long so.

        Raises :class:`ModelInvalidError` for a card that could not be read again.
        """
        try:
            written = next(text for text in (_encoded(asdict(self), 2), _encoded(asdict(self))) if _is_short(text))
        except (ValueError, StopIteration) as error:
            raise ModelInvalidError(f"The card of “{self.name}” is too long, or no text.", _HINT) from error
        path.write_bytes(written)

    def identity(self, network: bytes) -> str:
        """SHA-256 that the network with this card is known by, in results, tags and journals.

        Of the bytes of the network's file, and of what the card says of how a result is computed (canonical JSON):
        the same weights with another normalisation are another model. Names, titles and figures do not count.
        """
        values = {name: getattr(self, name) for name in _INFERENCE}
        text = json.dumps(_plain(values), sort_keys=True, separators=(",", ":"), allow_nan=False)
        digest = hashlib.sha256(network)
        digest.update(text.encode("ascii"))
        return digest.hexdigest()


def _encoded(values: Any, indent: int | None = None) -> bytes:
    """Values as JSON in UTF-8; ValueError for numbers and characters that neither of them has."""
    return (json.dumps(values, indent=indent, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")


def _is_short(text: bytes) -> bool:
    return len(text) <= MAXIMUM_SIZE


def _plain(value: Any) -> Any:
    """Values in which a number is written in one way only: 10 and 10.0 are the same."""
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(member) for member in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _problem(values: Any) -> str:
    """What is wrong with a card's values; empty when nothing is."""
    if not isinstance(values, dict):
        return "it is no JSON object"
    if _is_deep(values, MAXIMUM_NESTING):
        return "its objects lie too deep in each other"
    names = {f.name for f in fields(Card)}
    missing, unknown = sorted(names - values.keys() - {"core"}), sorted(values.keys() - names)
    if missing or unknown:
        return "; ".join(
            f"{what} {', '.join(which[:10])}" for what, which in (("missing", missing), ("unknown", unknown)) if which
        )
    checks = {
        "name is not a plain lower-case name": isinstance(values["name"], str) and _NAME.fullmatch(values["name"]),
        "title or summary is not text": all(isinstance(values[name], str) for name in ("title", "summary")),
        "bands are not distinct Sentinel-2 band names": _are_bands(values["bands"]),
        "units are not “reflectance”": values["units"] == "reflectance",
        "level is neither L1C nor L2A": values["level"] in ("L1C", "L2A"),
        "resampling is not “nearest”": values["resampling"] == "nearest",
        "pixel_size is not 10 m": values["pixel_size"] == 10,
        "receptive_field is out of range": _is_whole(values["receptive_field"], 0, 4096),
        "stride is out of range": _is_whole(values["stride"], 1, 2**MAXIMUM_DEPTH),
        "threshold is not between 0 and 1": _is_number(values["threshold"]) and 0 < values["threshold"] < 1,
        "core is not between 0 and 1": values.get("core") is None
        or (_is_number(values["core"]) and 0 < values["core"] < 1),
        "training or quality is no object": all(isinstance(values[name], dict) for name in ("training", "quality")),
    }
    problem = next((what for what, passed in checks.items() if not passed), "")
    return problem or _normalisation_problem(values) or _architecture_problem(values["architecture"])


def _normalisation_problem(values: dict[str, Any]) -> str:
    count = len(values["bands"])
    for name in ("mean", "std"):
        if not (isinstance(values[name], list) and len(values[name]) == count and all(map(_is_number, values[name]))):
            return f"{name} is not one number for each of the {count} bands"
    return "" if min(values["std"]) > 0 else "std must be above 0"


def _architecture_problem(architecture: Any) -> str:
    family = architecture.get("family") if isinstance(architecture, dict) else None
    if family == "unet":
        return _unet_problem(architecture)
    if family == "exported":
        return _exported_problem(architecture)
    return "the architecture's family is unknown; this version knows “unet” and “exported”"


def _unet_problem(architecture: dict[str, Any]) -> str:
    if architecture.keys() != {"family", "stem", "width", "depth", "convolutions"}:
        return "the architecture's parameters are not stem, width, depth and convolutions"
    stem, depth, convolutions = architecture["stem"], architecture["depth"], architecture["convolutions"]
    if not (
        isinstance(stem, list)
        and 1 <= len(stem) <= MAXIMUM_CONVOLUTIONS
        and all(_is_whole(width, 1, MAXIMUM_CHANNELS) for width in stem)
        and _is_whole(depth, 0, MAXIMUM_DEPTH)
        and _is_whole(architecture["width"], 1, MAXIMUM_CHANNELS // 2**depth)
        and _is_whole(convolutions, 1 if depth else 0, MAXIMUM_CONVOLUTIONS)
    ):
        return "an architecture parameter is out of range"
    return ""


def _exported_problem(architecture: dict[str, Any]) -> str:
    names = {"family", "format", "gives", "scale", "size", "multiple", "minimum", "maximum"}
    names |= {"one_by_one", "local", "margin", "activations"}
    if architecture.keys() != names:
        return f"the architecture's parameters are not {', '.join(sorted(names - {'family'}))}"
    size = architecture["size"]
    checks = {
        "format": architecture["format"] in FORMATS,
        "gives": architecture["gives"] in ("logits", "probabilities"),
        "scale": _is_number(architecture["scale"]) and 0 < architecture["scale"] <= 1e6,
        "size": isinstance(size, list)
        and len(size) in (0, 2)
        and all(_is_whole(side, 1, MAXIMUM_SIDE) for side in size),
        "multiple": _is_whole(architecture["multiple"], 1, 2**MAXIMUM_DEPTH),
        "minimum": _is_whole(architecture["minimum"], 1, MAXIMUM_SIDE),
        "maximum": _is_whole(architecture["maximum"], 1, MAXIMUM_SIDE),
        "one_by_one": isinstance(architecture["one_by_one"], bool),
        "local": isinstance(architecture["local"], bool),
        "activations": architecture["activations"] in ("modules", "inside"),
    }
    wrong = next((name for name, passed in checks.items() if not passed), "")
    if not wrong and not architecture["minimum"] <= architecture["maximum"]:
        wrong = "maximum"
    # Something of every window must be left to use.
    if not wrong and not _is_whole(architecture["margin"], 0, (min(size or [architecture["maximum"]]) - 1) // 2):
        wrong = "margin"
    return f"the architecture's {wrong} is out of range" if wrong else ""


def _are_bands(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) > 0
        and all(isinstance(band, str) and _BAND.fullmatch(band) for band in value)
        and len(set(value)) == len(value)
    )


def _is_number(value: Any) -> bool:
    # Compared, not converted: JSON has whole numbers that no float can hold. Nothing that is not finite passes.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _is_deep(value: Any, levels: int) -> bool:
    """Whether objects and lists lie in each other in more levels than that."""
    if not isinstance(value, (dict, list)):
        return False
    members = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deep(member, levels - 1) for member in members)


def _is_whole(value: Any, minimum: int, maximum: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and minimum <= value <= maximum
