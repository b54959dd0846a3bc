"""The model card: what a model needs, what it was trained on, how good it was found to be.

No model is used without one. A card may come from anywhere, so every field is checked before it is believed.
"""

import json
import math
import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ...contract.errors import ModelInvalidError

#: Longest card that is read, in bytes; the shipped ones have a few thousand.
MAXIMUM_SIZE = 1_000_000

#: Largest architecture that is built, so that a card cannot ask for more memory than any machine has.
MAXIMUM_CHANNELS = 512
MAXIMUM_DEPTH = 5
MAXIMUM_CONVOLUTIONS = 8

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
    conditions, free in form.
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

    @classmethod
    def read(cls, path: Path) -> "Card":
        """The card in a JSON file; :class:`ModelInvalidError` says what is wrong with it."""
        if not path.is_file():
            raise ModelInvalidError(f"The model in “{path.parent}” has no card ({path.name}).", _HINT)
        if path.stat().st_size > MAXIMUM_SIZE:
            raise ModelInvalidError(f"The model card “{path}” is far too long to be one.", _HINT)
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise ModelInvalidError(f"The model card “{path}” is damaged: {error}.", _HINT) from error
        problem = _problem(values)
        if problem:
            raise ModelInvalidError(f"The model card “{path}” is wrong: {problem}.", _HINT)
        values["architecture"]["stem"] = tuple(values["architecture"]["stem"])
        return cls(**{**values, **{name: tuple(values[name]) for name in ("bands", "mean", "std")}})

    def write(self, path: Path) -> None:
        """Write the card as JSON that people can read and compare."""
        path.write_text(
            json.dumps(asdict(self), indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
        )


def _problem(values: Any) -> str:
    """What is wrong with a card's values; empty when nothing is."""
    if not isinstance(values, dict):
        return "it is no JSON object"
    names = {f.name for f in fields(Card)}
    if values.keys() != names:
        missing, unknown = sorted(names - values.keys()), sorted(values.keys() - names)
        return "; ".join(
            f"{what} {', '.join(map(str, which))}"
            for what, which in (("missing", missing), ("unknown", unknown))
            if which
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
    if not isinstance(architecture, dict) or architecture.get("family") != "unet":
        return "the architecture's family is unknown; this version knows “unet”"
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


def _are_bands(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) > 0
        and all(isinstance(band, str) and _BAND.fullmatch(band) for band in value)
        and len(set(value)) == len(value)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any, minimum: int, maximum: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and minimum <= value <= maximum
