"""Making the activations of an exported network modules of their own, so that attribution methods can reach them.

DeepLIFT, guided backpropagation, LRP and their kin change how a gradient passes an activation: they hook modules. A
graph of ``torch.export`` has function calls instead, and often one module of the original stood for several of them.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import fx, nn

#: What stands for a call of an operator of that name, from its arguments by name.
_MODULES: dict[str, Callable[[dict[str, Any]], nn.Module]] = {
    "relu": lambda a: nn.ReLU(),
    "relu6": lambda a: nn.ReLU6(),
    "hardtanh": lambda a: nn.Hardtanh(a["min_val"], a["max_val"]),
    "leaky_relu": lambda a: nn.LeakyReLU(a["negative_slope"]),
    "elu": lambda a: nn.ELU(a["alpha"]),
    "gelu": lambda a: nn.GELU(a["approximate"]),
    "silu": lambda a: nn.SiLU(),
    "mish": lambda a: nn.Mish(),
    "hardswish": lambda a: nn.Hardswish(),
    "hardsigmoid": lambda a: nn.Hardsigmoid(),
    "sigmoid": lambda a: nn.Sigmoid(),
    "tanh": lambda a: nn.Tanh(),
    "softplus": lambda a: nn.Softplus(a["beta"], a["threshold"]),
    "softmax": lambda a: nn.Softmax(a["dim"]),
    "max_pool2d": lambda a: nn.MaxPool2d(
        a["kernel_size"], a["stride"] or None, a["padding"], a["dilation"], ceil_mode=a["ceil_mode"]
    ),
}

#: Operators that bend or choose, and for which there is no module above.
_OTHERS = {"prelu", "rrelu", "celu", "selu", "_softmax", "max", "amax", "adaptive_max_pool2d"}
_OTHERS |= {"max_pool2d_with_indices"}


def with_activation_modules(program: nn.Module) -> tuple[nn.Module, bool]:
    """``program`` with a module of its own for every activation and max pooling, and whether that reached all of them.

    The given program is not changed; it gives the same values as the new one. Only graphs (of ``torch.export``) can be
    rewritten: TorchScript comes back as it is.
    """
    if not isinstance(program, fx.GraphModule):
        return program, False
    graph = fx.Graph()
    graph.output(graph.graph_copy(program.graph, {}))
    graph.set_codegen(program.graph._codegen)
    rewritten = fx.GraphModule(program, graph)
    complete = True
    for node in list(graph.nodes):
        name = _operator(node)
        if name in _MODULES and _replace(rewritten, node, name):
            continue
        complete = complete and name not in _MODULES and name not in _OTHERS
    graph.lint()
    rewritten.recompile()
    return rewritten, complete


def _operator(node: fx.Node) -> str:
    """The name of the operator that a node calls, without the mark of the in-place variant; empty for other nodes."""
    if node.op != "call_function" or not isinstance(node.target, torch._ops.OpOverload):
        return ""
    if node.target.namespace != "aten":
        return ""
    return node.target._schema.name.removeprefix("aten::").removesuffix("_")


def _replace(program: fx.GraphModule, node: fx.Node, name: str) -> bool:
    """Put a module in the place of ``node``; False where its arguments do not allow that."""
    arguments = _arguments(node)
    given = arguments.pop("self")
    if not isinstance(given, fx.Node) or any(isinstance(value, fx.Node) for value in arguments.values()):
        return False
    # What the modules have no parameter for.
    if name == "elu" and (arguments["scale"], arguments["input_scale"]) != (1, 1):
        return False
    if name == "softmax" and arguments["dtype"] is not None:
        return False
    graph = program.graph
    target = f"activations.{node.name}"
    program.add_submodule(target, _MODULES[name](arguments))
    in_place = node.target._schema.name.endswith("_")  # type: ignore[union-attr]  # _operator() saw an overload
    with graph.inserting_before(node):
        if name == "max_pool2d" and len(given.users) > 1:
            # DeepLIFT's rule for max pooling is lost where a skip connection holds the same tensor.
            given = graph.call_function(torch.ops.aten.clone.default, (given,))
        called = graph.call_module(target, (given,))
    called.meta.update(node.meta)
    node.replace_all_uses_with(called)
    if in_place:
        # Who reads the input afterwards saw it changed.
        given.replace_all_uses_with(called, lambda user: node < user)
    graph.erase_node(node)
    return True


def _arguments(node: fx.Node) -> dict[str, Any]:
    """The arguments of a call by name, with the operator's defaults."""
    schema = node.target._schema  # type: ignore[union-attr]  # _operator() saw an overload
    values = {a.name: a.default_value for a in schema.arguments}
    values.update(zip((a.name for a in schema.arguments), node.args, strict=False))
    values.update(node.kwargs)
    return values
