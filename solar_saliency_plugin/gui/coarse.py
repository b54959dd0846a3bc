"""A first look at coarse settings, and how much longer the whole takes."""

from typing import Any, Dict, Mapping, Optional

from ..contract.attribution import ExplainOptions, MethodOptions
from ..contract.attribution_methods import AttributionMethod
from ..contract.options import option_of

#: Fewer of what costs time, larger pieces of what is taken away: by parameter, from the method's own value.
COARSER = {
    "steps": lambda own: 5,
    "samples": lambda own: max(4, own // 10),
    "evaluations": lambda own: max(60, own // 10),
    "stride": lambda own: 2 * own,
    "superpixel": lambda own: 4 * own,
}

#: The baseline that is not one image, but several.
SURROUNDINGS = "surroundings"

#: From how many evaluations on a first look is worth while, and how many times cheaper it must be.
WORTH, CHEAPER = 15, 2.5

_BANDS = 10


def cost(method: AttributionMethod, settings: Mapping[str, Any], baseline: str, pixels: int) -> float:
    """How often a method evaluates the network, with the settings that differ from its own."""
    several = settings.get("spectra") or option_of(ExplainOptions, "spectra").default
    own = {**method.defaults, **{name: value for name, value in settings.items() if name in method.defaults}}
    return method.cost(own, several if baseline == SURROUNDINGS else 1, _BANDS, pixels)


def preview(method: AttributionMethod, baseline: str, pixels: int) -> Optional[Dict[str, Any]]:
    """The settings of a first look; None where the whole is about as cheap."""
    settings: Dict[str, Any] = {}
    for name, coarser in COARSER.items():
        own = method.defaults.get(name)
        if name in method.defaults and (own is not None or name == "steps"):
            settings[name] = _within(name, coarser(own))
    if "stride" in settings:
        settings.pop("evaluations", None)  # there it is a limit, not how many there are
    if baseline == SURROUNDINGS and method.baseline == "one":
        settings["spectra"] = int(option_of(ExplainOptions, "spectra").minimum or 1)
    whole = cost(method, {}, baseline, pixels)
    worth_while = settings and whole >= WORTH and whole >= CHEAPER * cost(method, settings, baseline, pixels)
    return settings if worth_while else None


def _within(name: str, value: Any) -> Any:
    option = option_of(MethodOptions, name)
    low = value if option.minimum is None else max(value, option.minimum)
    limited = low if option.maximum is None else min(low, option.maximum)
    return float(limited) if isinstance(value, float) else int(limited)
