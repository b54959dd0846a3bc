"""The models that are installed, as dialogs list them: a look at their cards, which the engine checks in earnest."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List

from ..contract.places import SHIPPED_DEFAULT, SHIPPED_MODELS, chosen_default, models_folder

CARD = "card.json"

#: What stands for the default model, as the engine has it.
DEFAULT = "default"

#: The network in a model folder, beside it a file with its hash: weights, or one of the programs, by format.
WEIGHTS = "weights.safetensors"
PROGRAMS = {"torch.export": "network.pt2", "torchscript": "network.pt"}

#: Largest card that is read here, in bytes, as the engine has it.
MAXIMUM_SIZE = 1_000_000


@dataclass(frozen=True)
class InstalledModel:
    """A model as its card tells of it; ``problem`` says why it cannot be used (empty if it can)."""

    name: str
    title: str
    folder: Path
    shipped: bool
    card: Dict[str, Any]
    problem: str


def installed_models() -> List[InstalledModel]:
    """The models that come with the plugin, then those of the user, each by name.

    One of the user's with a shipped one's name is listed, too, with a problem: so that it can be removed.
    """
    return [*_models(SHIPPED_MODELS, shipped=True), *_models(models_folder(), shipped=False)]


def default_model() -> str:
    """The name of the model that “default” stands for."""
    chosen = chosen_default()
    usable = (model.name for model in installed_models() if not model.problem)
    return chosen if chosen in usable else SHIPPED_DEFAULT


def card_of(model: str) -> Dict[str, Any]:
    """The values of the card of an installed model, by name or “default”, or of a folder; empty where there is none."""
    if os.path.isdir(model):
        return read_card(Path(model))[0]
    name = default_model() if model == DEFAULT else model
    return next((known.card for known in installed_models() if known.name == name and not known.problem), {})


def read_card(folder: Path) -> "tuple[Dict[str, Any], str]":
    """The values of the card in a model folder, and what is wrong with it; whatever the file holds."""
    path = folder / CARD
    try:
        if path.stat().st_size > MAXIMUM_SIZE:
            return {}, "Its card is far too long to be one."
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        return {}, "It has no card."
    except (ValueError, RecursionError):
        return {}, "Its card is damaged."
    return (values, "") if isinstance(values, dict) else ({}, "Its card is damaged.")


def free_name(name: str) -> str:
    """The name, or where a model has it already, the name with the next free number."""
    taken = {model.name for model in installed_models()}
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    return found


def _models(home: Path, shipped: bool) -> Iterator[InstalledModel]:
    try:
        folders = sorted(folder for folder in home.iterdir() if folder.is_dir() and not folder.name.startswith("."))
    except OSError:
        return
    for folder in folders:
        card, problem = read_card(folder)
        problem = problem or _obstacle(card, folder, shipped)
        yield InstalledModel(folder.name, _text(card.get("title")) or folder.name, folder, shipped, card, problem)


def _obstacle(card: Dict[str, Any], folder: Path, shipped: bool) -> str:
    """Why a model cannot be used, as far as that can be seen without the engine; empty if nothing is seen."""
    architecture = card.get("architecture")
    kind = architecture.get("format") if isinstance(architecture, dict) else None
    network = PROGRAMS.get(kind, WEIGHTS) if isinstance(kind, str) else WEIGHTS
    missing = [name for name in (network, f"{network}.sha256") if not os.path.isfile(folder / name)]
    if missing:
        return f"{missing[0]} is missing."
    if shipped:
        return ""
    if os.path.isfile(SHIPPED_MODELS / folder.name / CARD):
        return "A model of this name comes with the plugin. Remove this one, or install it under another name."
    if card.get("name") != folder.name:
        return f"Its card calls it “{_text(card.get('name'))}”. Remove it, and install it with Install Model."
    return ""


def _text(value: Any) -> str:
    return " ".join(value.split())[:120] if isinstance(value, str) else ""
