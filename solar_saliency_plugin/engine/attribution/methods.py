"""A method of the list, with its parameters settled and its functions at hand."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import torch

from ...contract.attribution import MethodOptions
from ...contract.attribution_methods import ATTRIBUTION_METHODS, AttributionMethod
from ...contract.errors import MethodUnsuitableError, ModelInvalidError, RequestError
from .network import Explainable
from .view import Attribution, Settings, View

#: Parameters that any method may be given, whether it draws random numbers or not.
_COMMON = ("seed",)


@dataclass(frozen=True)
class Method:
    """A method and the values of its parameters."""

    entry: AttributionMethod
    settings: Settings

    @property
    def needs_spread(self) -> bool:
        """Whether it uses each band's spread over the scene."""
        return self.settings.get("noise") is not None

    @property
    def uses_baseline(self) -> bool:
        """Whether its map depends on what the image is compared with."""
        return self.entry.baseline != "none" and self.settings.get("of") != "gradient"

    def reach(self, pixel_size: tuple[float, float]) -> int:
        """How far beyond two receptive fields its windows must reach, pixels."""
        return self.entry.reach(self.settings, min(pixel_size)) if self.entry.reach else 0

    def settled(self, view: View) -> Method:
        """With what it decides once, before the windows, by a look at one of them."""
        if not self.entry.settles:
            return self
        return replace(self, settings=function_named(self.entry.settles)(view, self.settings))

    @cached_property
    def gather(self) -> Callable[..., torch.Tensor] | None:
        """What it adds up over all windows before it draws any, (view, settings, core=…) → numbers; None: nothing."""
        return function_named(self.entry.gathers) if self.entry.gathers else None

    def run(self, view: View) -> Attribution:
        """The attribution of a window: the mean over the baselines for a method that takes one at a time."""
        function = function_named(self.entry.runs)
        count = len(view.baselines) if self.entry.baseline == "one" else 1
        if count == 1:
            return _checked(function(view, self.settings))
        parts = []
        for index in range(count):
            part = replace(view.of_baseline(index), job=view.job.part(index / count, (index + 1) / count))
            parts.append(_checked(function(part, self.settings)))
        values = sum(part.values.double() for part in parts[1:]) + parts[0].values.double()
        return Attribution(values / count, sum(part.evaluations for part in parts), _mean_facts(parts))

    def cost(self, view: View) -> float:
        """About how many evaluations of a window of this size it takes."""
        rows, cols = view.shape
        _, bands = view.baselines.shape[:2]
        return self.entry.cost(self.settings, len(view.baselines), bands, rows * cols)


def method_of(name: str, options: MethodOptions, network: Explainable) -> Method:
    """The method of that name, with the parameters that the request gives or its own.

    Raises :class:`RequestError` for a parameter that the method does not have, and :class:`MethodUnsuitableError`
    where it cannot explain the network.
    """
    entry = ATTRIBUTION_METHODS[name]
    given = {f.name: getattr(options, f.name) for f in fields(MethodOptions)}
    for parameter, value in given.items():
        if value is not None and parameter not in entry.defaults and parameter not in _COMMON:
            has = ", ".join(entry.defaults) or "none"
            raise RequestError(
                f"“{entry.title}” has no parameter “{parameter}”.", f"Leave it empty. Its own parameters: {has}."
            )
    reason = network.why_not(entry.needs)
    if reason:
        raise MethodUnsuitableError(
            f"“{entry.title}” cannot explain this model: {reason}.",
            "Choose a method that asks less of the model, such as integrated gradients or occlusion.",
        )
    own = {parameter: given[parameter] for parameter in entry.defaults if given[parameter] is not None}
    return Method(entry, {**entry.defaults, **own, "seed": options.seed})


def function_named(where: str) -> Callable[..., Any]:
    """The engine's function that ``module:function`` names; imported now."""
    module, function = where.split(":")
    package = __package__.rpartition(".")[0]
    return getattr(importlib.import_module(f"{package}.{module}"), function)


def _checked(found: Attribution) -> Attribution:
    if not torch.isfinite(found.values).all():
        raise ModelInvalidError(
            "The attribution holds values that are no numbers: the network's answer or gradient is not finite there.",
            "Try another method or baseline. If all fail, the network is at fault.",
        )
    return found


def _mean_facts(parts: list[Attribution]) -> dict[str, Any]:
    """Facts that all runs have: the mean where they are numbers; texts one after the other where they differ."""
    found: dict[str, Any] = {}
    for name, value in parts[0].facts.items():
        values = [part.facts[name] for part in parts if name in part.facts]
        if len(values) < len(parts):
            continue
        if isinstance(value, bool):
            found[name] = all(values)
        elif isinstance(value, (int, float)):
            found[name] = sum(values) / len(parts)
        else:
            found[name] = ", ".join(dict.fromkeys(values)) if isinstance(value, str) else value
    return found
