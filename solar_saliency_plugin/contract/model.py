"""Requests and results about models."""

from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple

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


@dataclass(frozen=True)
class InstallModelResult:
    """A model was installed."""

    name: str
    title: str
    folder: str
    sha256: str
    replaced: bool
    warnings: Tuple[str, ...] = ()


@method("installmodel", result=InstallModelResult, runs="models.install:install_model")
@dataclass(frozen=True)
class InstallModelRequest:
    """Install a model, so that dialogs offer it by name.

    A model folder (weights, their hash and a card) is checked and copied. A network of your own, saved by PyTorch's
    torch.export or as TorchScript, is a program: it is opened only if you say that you trust it. It is then tried on
    an image, and gets a card.
    """

    source: str = option(
        "A model folder as Train Model writes it, or a network of your own (.pt2 of torch.export, or TorchScript).",
        role=Role.FILE,
    )
    trust: bool = option(
        "I know who made this network and trust it: opening it runs it. Not needed for model folders.", False
    )
    name: str = option("The model's name, in small letters. Empty: the folder's or file's.", "")
    title: str = option("What dialogs call a network of your own. Empty: its name.", "")
    network_bands: str = option(
        "Bands of a network of your own, in the order of its input.",
        "B02,B03,B04,B05,B06,B07,B08,B8A,B11,B12",
        advanced=True,
    )
    network_scale: float = option(
        "What a network of your own wants to be given for a reflectance of 1; 10000 for stored numbers.",
        1.0,
        minimum=1e-3,
        maximum=1e5,
        advanced=True,
    )
    network_gives: str = option(
        "What a network of your own gives: logits, or probabilities.",
        "logits",
        choices=("logits", "probabilities"),
        advanced=True,
    )
    network_level: str = option(
        "Processing level that a network of your own was trained on.", "L2A", choices=("L2A", "L1C"), advanced=True
    )
    network_threshold: float = option(
        "Probability from which a pixel counts as solar farm, for a network of your own.",
        0.5,
        unit="probability",
        minimum=0.001,
        maximum=0.999,
        advanced=True,
    )
    replace: bool = option("Replace an installed model of the same name.", False, advanced=True)


@dataclass(frozen=True)
class RemoveModelResult:
    """A model was removed."""

    name: str
    folder: str
    default: str
    warnings: Tuple[str, ...] = ()


@method("removemodel", result=RemoveModelResult, runs="models.install:remove_model")
@dataclass(frozen=True)
class RemoveModelRequest:
    """Remove an installed model. The ones that come with the plugin stay."""

    name: str = option("The model's name.")


@dataclass(frozen=True)
class ListModelsResult:
    """The models that are installed: name, title, summary, shipped, folder, problem (empty if none) of each."""

    models: List[Dict[str, Any]]
    default: str
    warnings: Tuple[str, ...] = ()


@method("listmodels", result=ListModelsResult, runs="models.install:list_models")
@dataclass(frozen=True)
class ListModelsRequest:
    """List the installed models, and choose the one that “default” stands for."""

    default: Optional[str] = option("Make this model the default. Empty: leave it as it is.", None)
