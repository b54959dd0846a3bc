"""Which models there are, where they lie, and how one is loaded without trusting its files.

A model is a folder: the network, its hash (one line as ``sha256sum`` writes it) and ``card.json``. The network is
``weights.safetensors``, or a network of the user's own (``network.pt2`` or ``network.pt``). It is read once; its hash
is compared before a byte of it is parsed.

Safetensors holds numbers and nothing else. The other two formats are programs: opening one can run anything (see
:mod:`.foreign`). Therefore they are opened from the folder of installed models only, and there only if their hash is
the one that the user trusted when they installed them. Those hashes lie beside the models, not inside them, so that no
model folder can bring its own.
"""

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Union

from ...contract.errors import ModelInvalidError, ModelNotFoundError, ModelNotTrustedError, ModelTamperedError
from ...contract.places import SHIPPED_DEFAULT, SHIPPED_MODELS, chosen_default, models_folder
from .card import Card

if TYPE_CHECKING:
    import torch

    from .foreign import ForeignNetwork
    from .unet import UNet

WEIGHTS = "weights.safetensors"
HASH = f"{WEIGHTS}.sha256"
CARD = "card.json"

#: File names of networks of the user's own, by their format.
NETWORKS = {"torch.export": "network.pt2", "torchscript": "network.pt"}

#: In the folder of installed models: a folder with the hashes of the networks that the user trusts, a file a model.
TRUSTED = ".trusted"

#: Largest weights file that is read, in bytes.
MAXIMUM_SIZE = 512 * 2**20

_HINT = "Use a model folder as the training wrote it, or ask whoever made the model for a new copy."
_PICKLES = (".pth", ".pkl", ".pickle", ".ckpt", ".bin")
_FOREIGN = (".pt", ".pt2")


@dataclass(frozen=True)
class Model:
    """A loaded model; the network is in evaluation mode and asks for no gradient of its weights.

    sha256: what results, tags and journals record, :meth:`Card.identity`: of the network's file and of what the card
    says of how it is run. The file beside the network holds another one, of the network's file alone.
    """

    card: Card
    network: Union["UNet", "ForeignNetwork"]
    sha256: str
    folder: Path


@dataclass(frozen=True)
class InstalledModel:
    """A model as a list shows it; ``problem`` says in plain words why it cannot be used, and is empty if it can."""

    name: str
    title: str
    summary: str
    shipped: bool
    folder: Path
    problem: str


@dataclass(frozen=True)
class ModelFiles:
    """What lies in a model folder: the network's bytes are those that the hash beside them was made of.

    network_sha256: that hash, of the network's file alone. The model's own is :attr:`identity`.
    """

    card: Card
    network: bytes
    network_name: str
    network_sha256: str

    @property
    def identity(self) -> str:
        """The SHA-256 that the model is known by: see :class:`Model`."""
        return self.card.identity(self.network)


def installed_models() -> tuple[InstalledModel, ...]:
    """The models that come with the plugin, then the user's own, each sorted by name.

    A quick look: cards are read, networks are not, so that a changed network is found only when it is loaded.
    """
    shipped = [_entry(folder, True) for folder in sorted(SHIPPED_MODELS.glob("*")) if (folder / CARD).is_file()]
    try:
        folders = sorted(f for f in models_folder().iterdir() if f.is_dir() and not f.name.startswith("."))
    except OSError:  # there is none yet, or it cannot be read: then nothing in it can be used either
        folders = []
    return (*shipped, *(_entry(folder, False) for folder in folders))


def is_shipped(name: str) -> bool:
    """Whether a model of that name comes with the plugin."""
    return any(entry.name == name for entry in installed_models() if entry.shipped)


def default_model(warn: Callable[[str], None] = lambda message: None) -> str:
    """The name of the model that “default” stands for: the user's choice, as long as it can be used."""
    chosen = chosen_default()
    entry = next((entry for entry in installed_models() if entry.name == chosen and not entry.problem), None)
    if entry is None:
        warn(
            f"The model that you chose as default, “{chosen}”, is gone or damaged: “{SHIPPED_DEFAULT}” is used instead."
        )
        return SHIPPED_DEFAULT
    return chosen


def load_model(name_or_folder: str, warn: Callable[[str], None] = lambda message: None) -> Model:
    """The model of that name, "default", or in that folder; ``warn`` is told where the chosen default is gone.

    Raises :class:`ModelNotFoundError` where there is none, :class:`ModelTamperedError` where the network is not the one
    that the hash was made of, :class:`ModelNotTrustedError` for a network of the user's own that they have not
    installed, and :class:`ModelInvalidError` for everything else that is wrong with it.
    """
    folder = _folder(default_model(warn) if name_or_folder == "default" else name_or_folder)
    files = read_files(folder)
    if files.network_name == WEIGHTS:
        return Model(files.card, build_unet(files.card, files.network, folder), files.identity, folder)
    _require_trust(files, folder)
    from .foreign import open_network

    return Model(files.card, open_network(files.network, files.card), files.identity, folder)


def read_files(folder: Path) -> ModelFiles:
    """The card and the network's bytes in a model folder; nothing of the network is parsed.

    Raises :class:`ModelInvalidError` and :class:`ModelTamperedError`.
    """
    name = next((name for name in (WEIGHTS, *NETWORKS.values()) if os.path.lexists(folder / name)), WEIGHTS)
    network, sha256 = _verified(folder, name)
    card = Card.read(folder / CARD)
    expected = NETWORKS[card.architecture["format"]] if card.architecture["family"] == "exported" else WEIGHTS
    if name != expected:
        raise ModelInvalidError(f"The card in “{folder}” tells of {expected}, but there is {name}.", _HINT)
    return ModelFiles(card, network, name, sha256)


def trust_record(name: str) -> Path:
    """The file that holds the hash of the network that the user trusts under that name."""
    return models_folder() / TRUSTED / name


def build_unet(card: Card, weights: bytes, folder: Path) -> "UNet":
    """The network of a card with the weights in ``weights`` (safetensors); ``folder`` is for messages."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    from .unet import UNet

    try:
        tensors = load(weights)
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError, MemoryError) as error:
        raise ModelInvalidError(f"The weights in “{folder}” are no safetensors file: {error}.", _HINT) from error
    parameters = {name: value for name, value in card.architecture.items() if name != "family"}
    # On the meta device first: a card that asks for a huge network must not get the memory before it is compared.
    with torch.device("meta"):
        expected = UNet(card.mean, card.std, **parameters).state_dict()
    problem = _misfit(expected, tensors)
    if problem:
        raise ModelInvalidError(f"The weights in “{folder}” do not fit its card: {problem}.", _HINT)
    network = UNet(card.mean, card.std, **parameters)
    network.load_state_dict(tensors)
    if network.stride != card.stride:
        raise ModelInvalidError(f"The card in “{folder}” gives another stride than the network has.", _HINT)
    return network.eval().requires_grad_(False)


def _entry(folder: Path, shipped: bool) -> InstalledModel:
    name = folder.name
    try:
        card = Card.read(folder / CARD)
        return InstalledModel(name, card.title, card.summary, shipped, folder, _obstacle(card, folder, shipped))
    except ModelInvalidError as error:
        return InstalledModel(name, name, "", shipped, folder, error.message)
    except Exception as error:  # one folder must not take the list of all the others away, whatever lies in it
        return InstalledModel(name, name, "", shipped, folder, f"It cannot be read: {type(error).__name__}.")


def _obstacle(card: Card, folder: Path, shipped: bool) -> str:
    """Why a model with a sound card cannot be used; empty if it can."""
    name = folder.name
    network = NETWORKS[card.architecture["format"]] if card.architecture["family"] == "exported" else WEIGHTS
    missing = next((file for file in (network, f"{network}.sha256") if not (folder / file).is_file()), "")
    if missing:
        return f"{missing} is missing."
    if shipped:
        return ""
    if (SHIPPED_MODELS / name / CARD).is_file():
        return "A model of this name comes with the plugin. Remove this one, or install it under another name."
    if card.name != name:
        return f"Its card calls it “{card.name}”. Remove it, and install it with Install Model."
    if network != WEIGHTS and not trust_record(name).is_file():
        return "It is a program that was not installed with Install Model."
    return ""


def _folder(name_or_folder: str) -> Path:
    installed = installed_models()
    for entry in installed:
        if entry.name == name_or_folder:
            if entry.problem and not entry.shipped:
                raise ModelInvalidError(f"The model “{entry.name}” cannot be used: {entry.problem}", _HINT)
            return entry.folder
    path = Path(name_or_folder)
    if path.suffix.lower() in _PICKLES:
        raise ModelInvalidError(
            f"“{path.name}” looks like a pickled PyTorch file, which can run any program when it is opened.",
            "Ask for the model as a folder with safetensors weights and a card.",
        )
    if _is(Path.is_dir, path) and name_or_folder.strip():
        return path
    if path.suffix.lower() in _FOREIGN:
        raise ModelInvalidError(
            f"“{path.name}” is a network of your own, or a pickle: a program that runs when it is opened.",
            "If you trust whoever made it, install it with Install Model; then choose it by its name.",
        )
    if _is(Path.is_file, path):
        raise ModelInvalidError(f"“{name_or_folder}” is a file, not a model folder.", _HINT)
    names = ("default", *(entry.name for entry in installed if not entry.problem))
    raise ModelNotFoundError(
        f"There is no model “{name_or_folder}”.",
        f"Give the folder of a model, or one of the installed models: {', '.join(names)}.",
    )


def _is(kind: Callable[[Path], bool], path: Path) -> bool:
    try:
        return kind(path)
    except (OSError, ValueError):  # a name that no file can have
        return False


def _require_trust(files: ModelFiles, folder: Path) -> None:
    """Raise unless ``folder`` is an installed model, and its network the one that the user trusted."""
    hint = "If you trust whoever made it, install it with Install Model."
    if folder.absolute().parent != models_folder():
        raise ModelNotTrustedError(f"The network in “{folder}” is a program that runs when it is opened.", hint)
    try:
        trusted = trust_record(folder.name).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        trusted = ""
    if not trusted:
        raise ModelNotTrustedError(
            f"Nothing says that you trust the network “{folder.name}”, which is a program that runs when it is opened.",
            hint,
        )
    if trusted != files.network_sha256:
        raise ModelTamperedError(
            f"The network “{folder.name}” is not the one that you installed and trusted.",
            "The file was changed. Do not use it: remove the model, and install it again from where you got it.",
        )


def _verified(folder: Path, name: str) -> tuple[bytes, str]:
    """The bytes of the network's file and their SHA-256, which is the one beside them."""
    path, stated = folder / name, folder / f"{name}.sha256"
    for needed in (path, stated):
        if not needed.is_file():
            raise ModelInvalidError(f"“{folder}” is not a model folder: {needed.name} is missing.", _HINT)
    if path.stat().st_size > MAXIMUM_SIZE or stated.stat().st_size > 1000:
        raise ModelInvalidError(f"The files in “{folder}” are too large to be a model.", _HINT)
    try:
        network, line = path.read_bytes(), stated.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise ModelInvalidError(f"The model in “{folder}” cannot be read: {error.strerror}.", _HINT) from error
    match = re.fullmatch(rf"([0-9a-f]{{64}}) [ *]{re.escape(name)}\s*", line)
    if not match:
        raise ModelInvalidError(f"“{stated}” holds no SHA-256 of the network.", _HINT)
    sha256 = hashlib.sha256(network).hexdigest()
    if sha256 != match[1]:
        raise ModelTamperedError(
            f"The network in “{folder}” is not the one that the model was published with.",
            "The file is damaged or was changed. Do not use it: install the plugin or the model again.",
        )
    return network, sha256


def _misfit(expected: dict[str, "torch.Tensor"], tensors: dict[str, "torch.Tensor"]) -> str:
    if expected.keys() != tensors.keys():
        return f"{sorted(expected.keys() ^ tensors.keys())[0]} is missing or unknown"
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape or tensor.dtype != expected[name].dtype:
            return f"{name} has another shape or type"
        if not tensor.isfinite().all():
            return f"{name} holds numbers that are not finite"
    return ""
