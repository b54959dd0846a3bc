"""Networks of the user's own: saved by ``torch.export`` (``.pt2``) or as TorchScript, opened and made to fit.

What is safe and what is not, as read in PyTorch 2.13:

* ``torch.export.load`` is not safe. It has no ``weights_only``. Weights and constants are raw bytes as a rule, but an
  entry of the file can mark its own as pickled, which is then loaded with ``weights_only=False``; the sample inputs are
  tried with ``weights_only=True`` and, where that fails, without; "opaque" constants go through ``pickle.loads``.
  Symbolic expressions are parsed by evaluation, guards become Python source that is executed, and compiled parts
  (``data/aotinductor``) are shared libraries.
* ``torch.jit.load`` is not safe either. Its unpickler takes no Python classes, but the file is a program for
  TorchScript's interpreter, which can read and write files, and the interpreter was not made against hostile programs.
* Looking at the names in the zip archive (:func:`format_of`) and hashing the bytes is safe: that is all that happens
  before the user's consent is known.

Hence consent at installation, bound to the hash, and nothing is opened outside the engine's process.
"""

import copy
import io
import warnings
import zipfile
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import nn

from ...contract.errors import ModelInvalidError
from .activations import with_activation_modules
from .card import Card

#: Probabilities are kept so far from 0 and 1 before they become logits; the logits are then within ±13.8.
_CLAMP = 1e-6

_EXPORT_HINT = (
    "Save the network in evaluation mode with torch.export.save(torch.export.export(network.eval(), (image,)), "
    "“network.pt2”), on the processor."
)


class ForeignNetwork(nn.Module):
    """A network of the user's own that behaves like one of ours: reflectance (N, bands, H, W) → logits (N, 1, H, W).

    program: the network as it was saved. The other parameters are those of the card's architecture. Raises
    :class:`ModelInvalidError` for windows that the network does not take, and for answers that are no image.
    """

    def __init__(self, program: nn.Module, architecture: dict[str, Any]) -> None:
        super().__init__()
        self.program = program
        self.scale: float = architecture["scale"]
        self.gives_probabilities: bool = architecture["gives"] == "probabilities"
        self.size: tuple[int, ...] = tuple(architecture["size"])
        self.multiple: int = architecture["multiple"]
        self.minimum: int = architecture["minimum"]
        self.maximum: int = architecture["maximum"]
        self.one_by_one: bool = architecture["one_by_one"]
        self.local: bool = architecture["local"]
        self.margin: int = architecture["margin"]

    def forward(self, reflectance: torch.Tensor) -> torch.Tensor:
        """Logits (N, 1, H, W) of reflectance (N, bands, H, W)."""
        answers = self.answers(reflectance)
        return torch.logit(answers, eps=_CLAMP) if self.gives_probabilities else answers

    def answers(self, reflectance: torch.Tensor) -> torch.Tensor:
        """What the network itself gives, probabilities or logits, (N, 1, H, W), float32."""
        height, width = reflectance.shape[-2:]
        if not self.takes(height, width):
            raise ModelInvalidError(
                f"The network does not take windows of {height} × {width} pixels.", f"It takes {self.taken()}."
            )
        given = reflectance * self.scale if self.scale != 1 else reflectance
        with same_every_time():
            if not self.one_by_one:
                return image(self.program(given), given)
            ones = (given[index : index + 1] for index in range(len(given)))
            return torch.cat([image(self.program(one), one) for one in ones])

    def takes(self, height: int, width: int) -> bool:
        """Whether the network can be run on a window of that size."""
        if self.size:
            return (height, width) == self.size
        return all(self.minimum <= side <= self.maximum and side % self.multiple == 0 for side in (height, width))

    def taken(self) -> str:
        """The sizes of windows that it takes, in words."""
        if self.size:
            return f"{self.size[0]} × {self.size[1]} pixels only"
        multiple = f", multiples of {self.multiple}" if self.multiple > 1 else ""
        return f"sides of {self.minimum} to {self.maximum} pixels{multiple}"


def open_network(network: bytes, card: Card) -> ForeignNetwork:
    """The network of an installed model. Opening it runs it: only for bytes that the user trusts.

    Its activations are modules of their own where the card says that this could be done.
    """
    program = plain(open_program(network, card.architecture["format"]))
    if card.architecture["activations"] == "modules":
        program, _ = with_activation_modules(program)
    return ForeignNetwork(program, card.architecture).eval().requires_grad_(False)


def format_of(network: bytes, name: str) -> str:
    """ "torch.export" or "torchscript", by the names in the archive; nothing is deserialised.

    ``name`` is for messages. Raises :class:`ModelInvalidError` for anything else.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(network)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise ModelInvalidError(f"“{name}” is no network saved by PyTorch: {error}.", _EXPORT_HINT) from error
    # In the archive everything lies in one folder of any name; torch.export's first version had none.
    inner = {entry.split("/", 1)[-1] for entry in names}
    if any(entry.startswith("data/aotinductor/") for entry in inner):
        raise ModelInvalidError(f"“{name}” holds a compiled network, which nothing can look into.", _EXPORT_HINT)
    if "models/model.json" in inner or "serialized_exported_program.json" in names:
        return "torch.export"
    if "constants.pkl" in inner and any(entry.startswith("code/") for entry in inner):
        return "torchscript"
    if "data.pkl" in inner:
        raise ModelInvalidError(
            f"“{name}” is a pickle of weights or of Python objects, not a network that can be run without its source.",
            _EXPORT_HINT,
        )
    raise ModelInvalidError(f"“{name}” is no network saved by torch.export or as TorchScript.", _EXPORT_HINT)


def open_program(network: bytes, format: str) -> nn.Module:
    """The saved network. Opening it runs it: only for bytes that the user trusts.

    What torch.export saved checks its input (its guards are kept) until it is made :func:`plain`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the format's age: nothing that the user could act on
            program: nn.Module
            if format == "torch.export":
                program = torch.export.load(io.BytesIO(network)).module()
            else:
                program = torch.jit.load(io.BytesIO(network), map_location="cpu")  # type: ignore[no-untyped-call]
                program.eval()
            for parameter in program.parameters():
                parameter.requires_grad_(False)
            return program
    except Exception as error:  # a foreign program can raise anything
        raise ModelInvalidError(
            f"PyTorch {torch.__version__} cannot open the network: {in_a_line(error)}.", _EXPORT_HINT
        ) from error


def plain(program: nn.Module) -> nn.Module:
    """``program`` without the guards of torch.export: a graph like any other, whose constants move with it.

    TorchScript is returned as it is.
    """
    if not isinstance(program, torch.fx.GraphModule):
        return program
    graph = torch.fx.Graph()
    graph.output(graph.graph_copy(program.graph, {}), type_expr=None)
    graph.set_codegen(program.graph._codegen)
    for node in graph.find_nodes(op="call_module", target="_guards_fn"):
        graph.erase_node(node)
    copied = torch.fx.GraphModule(program, graph)
    for node in graph.find_nodes(op="get_attr"):
        # Constants are bare attributes, which no module moves to a graphics card.
        owner, _, attribute = node.target.rpartition(".")
        module = copied.get_submodule(owner)
        constant = getattr(module, attribute)
        if isinstance(constant, torch.Tensor) and attribute in vars(module):
            delattr(module, attribute)
            module.register_buffer(attribute, constant, persistent=False)
    return copied


def copied(network: nn.Module) -> nn.Module:
    """A deep copy."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # PyTorch's own, of how it copies a graph's signature
        return copy.deepcopy(network)


def same_every_time() -> AbstractContextManager[None]:
    """Within it TorchScript's interpreter does not rewrite its program, with other roundings, after two calls."""
    return torch.jit.optimized_execution(False)  # type: ignore[attr-defined]  # not exported by name


def image(answer: Any, given: torch.Tensor) -> torch.Tensor:
    """What a network answered to ``given`` (N, bands, H, W), as (N, 1, H, W), float32; (N, H, W) is taken, too.

    Raises :class:`ModelInvalidError` for anything else.
    """
    if not isinstance(answer, torch.Tensor):
        raise ModelInvalidError(
            f"The network gives a {type(answer).__name__}, not one image.", "Save a network that gives one tensor."
        )
    count, _, height, width = given.shape
    if answer.shape not in ((count, 1, height, width), (count, height, width)) or not answer.is_floating_point():
        raise ModelInvalidError(
            f"The network gives {tuple(answer.shape)} of type {str(answer.dtype).removeprefix('torch.')} for an image "
            f"of {tuple(given.shape)}.",
            f"One floating-point value for each pixel is needed: {(count, 1, height, width)}.",
        )
    return answer.reshape(count, 1, height, width).float()


def in_a_line(error: Exception) -> str:
    """What an exception of PyTorch says, in one line without a full stop."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    # TorchScript quotes its program first, and says what is wrong last.
    return lines[-1 if "TorchScript" in lines[0] else 0][:300].rstrip(".")
