"""Requests and results about models."""

from dataclasses import dataclass
from typing import Any, Dict, Tuple

from .options import Role, option
from .registry import method


@dataclass(frozen=True)
class ModelInfoResult:
    """What a model says of itself."""

    name: str
    sha256: str
    card: Dict[str, Any]
    receptive_field: int
    stride: int
    parameters: int
    warnings: Tuple[str, ...] = ()


@method("modelinfo", result=ModelInfoResult, runs="models.info:model_info")
@dataclass(frozen=True)
class ModelInfoRequest:
    """Show a model's card: what it was trained on, how good it is, and what it needs.

    The receptive field and stride are measured on the network itself, not read from the card.
    """

    model: str = option("The model: the name of an installed one, or a model folder.", "default", role=Role.MODEL)
