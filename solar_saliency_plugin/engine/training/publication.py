"""Writing a model folder: weights, their hash, the card."""

import hashlib
from pathlib import Path

from safetensors.torch import save

from ..models.card import Card
from ..models.registry import CARD, HASH, WEIGHTS
from ..models.unet import UNet


def write_model(folder: Path, network: UNet, card: Card) -> None:
    """Write ``network`` and ``card`` as a model folder that :func:`~..models.registry.load_model` reads."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = save({name: tensor.contiguous() for name, tensor in network.state_dict().items()})
    (folder / WEIGHTS).write_bytes(weights)
    (folder / HASH).write_text(f"{hashlib.sha256(weights).hexdigest()}  {WEIGHTS}\n", encoding="ascii")
    card.write(folder / CARD)
