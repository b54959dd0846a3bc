"""Where models are found, and how one is loaded without trusting its files.

A model is a folder: ``weights.safetensors``, ``weights.safetensors.sha256`` (one line as ``sha256sum`` writes it) and
``card.json``. Weights are read once; their hash is compared before a byte of them is parsed, and only safetensors is
parsed: a pickle could run any program.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...contract.errors import ModelInvalidError, ModelNotFoundError, ModelTamperedError
from .card import Card

if TYPE_CHECKING:
    import torch

    from .unet import UNet

WEIGHTS = "weights.safetensors"
HASH = f"{WEIGHTS}.sha256"
CARD = "card.json"

#: The folder of the models that come with the plugin.
INSTALLED = Path(__file__).resolve().parents[3] / "resources" / "models"

#: The model that the name "default" stands for.
DEFAULT = "compact"

#: Largest weights file that is read, in bytes.
MAXIMUM_SIZE = 512 * 2**20

_HINT = "Use a model folder as the training wrote it, or ask whoever made the model for a new copy."
_PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin")


@dataclass(frozen=True)
class Model:
    """A loaded model; the network is in evaluation mode and asks for no gradient of its weights."""

    card: Card
    network: "UNet"
    sha256: str
    folder: Path


def installed_models() -> tuple[str, ...]:
    """Names of the models that come with the plugin, sorted."""
    return tuple(sorted(folder.name for folder in INSTALLED.glob("*") if (folder / CARD).is_file()))


def load_model(name_or_folder: str) -> Model:
    """The model of that name, "default", or in that folder.

    Raises :class:`ModelNotFoundError` where there is none, :class:`ModelTamperedError` where the weights are not those
    that the hash was made of, and :class:`ModelInvalidError` for everything else that is wrong with it.
    """
    folder = _folder(name_or_folder)
    weights, sha256 = _verified_weights(folder)
    card = Card.read(folder / CARD)
    return Model(card, _network(card, weights, folder), sha256, folder)


def _folder(name_or_folder: str) -> Path:
    name = DEFAULT if name_or_folder == "default" else name_or_folder
    installed = installed_models()
    if name in installed:
        return INSTALLED / name
    path = Path(name)
    if path.suffix.lower() in _PICKLES:
        raise ModelInvalidError(
            f"“{path.name}” looks like a pickled PyTorch file, which can run any program when it is opened.",
            "Ask for the model as a folder with safetensors weights and a card.",
        )
    if path.is_dir() and name.strip():
        return path
    if path.is_file():
        raise ModelInvalidError(f"“{name}” is a file, not a model folder.", _HINT)
    raise ModelNotFoundError(
        f"There is no model “{name_or_folder}”.",
        f"Give the folder of a model, or one of the installed models: {', '.join(('default', *installed))}.",
    )


def _verified_weights(folder: Path) -> tuple[bytes, str]:
    """The bytes of the weights file and their SHA-256, which is the one beside them."""
    path, stated = folder / WEIGHTS, folder / HASH
    for needed in (path, stated):
        if not needed.is_file():
            raise ModelInvalidError(f"“{folder}” is not a model folder: {needed.name} is missing.", _HINT)
    if path.stat().st_size > MAXIMUM_SIZE or stated.stat().st_size > 1000:
        raise ModelInvalidError(f"The files in “{folder}” are too large to be a model.", _HINT)
    try:
        weights, line = path.read_bytes(), stated.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise ModelInvalidError(f"The model in “{folder}” cannot be read: {error.strerror}.", _HINT) from error
    match = re.fullmatch(rf"([0-9a-f]{{64}}) [ *]{re.escape(WEIGHTS)}\s*", line)
    if not match:
        raise ModelInvalidError(f"“{stated}” holds no SHA-256 of the weights.", _HINT)
    sha256 = hashlib.sha256(weights).hexdigest()
    if sha256 != match[1]:
        raise ModelTamperedError(
            f"The weights in “{folder}” are not the ones that the model was published with.",
            "The file is damaged or was changed. Do not use it: install the plugin or the model again.",
        )
    return weights, sha256


def _network(card: Card, weights: bytes, folder: Path) -> "UNet":
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


def _misfit(expected: dict[str, "torch.Tensor"], tensors: dict[str, "torch.Tensor"]) -> str:
    if expected.keys() != tensors.keys():
        return f"{sorted(expected.keys() ^ tensors.keys())[0]} is missing or unknown"
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape or tensor.dtype != expected[name].dtype:
            return f"{name} has another shape or type"
        if not tensor.isfinite().all():
            return f"{name} holds numbers that are not finite"
    return ""
