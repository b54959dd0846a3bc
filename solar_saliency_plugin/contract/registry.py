"""The methods that the engine offers, each a request class, a result class and where it runs."""

from dataclasses import dataclass
from typing import Any, Callable, Dict, Type


@dataclass(frozen=True)
class Method:
    """One method of the engine.

    ``runs`` names the engine's function as ``module:function`` relative to the ``engine`` package; it is
    imported at the first call only, so that neither a dialog nor ``engine --help`` waits for torch.
    """

    name: str
    request: Type[Any]
    result: Type[Any]
    runs: str
    help: str


#: Every registered method, by name.
METHODS: Dict[str, Method] = {}


def method(name: str, *, result: Type[Any], runs: str) -> Callable[[Type[Any]], Type[Any]]:
    """Register a request dataclass as method ``name``; the class's docstring is the method's help."""

    def register(request: Type[Any]) -> Type[Any]:
        METHODS[name] = Method(name, request, result, runs, (request.__doc__ or "").strip())
        return request

    return register
