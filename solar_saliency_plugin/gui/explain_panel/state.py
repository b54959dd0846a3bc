"""What the panel remembers in the project file: the choices, the question and its answers."""

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Dict, Mapping, Optional

from qgis.core import QgsProject

from ...contract.options import option_of
from ...contract.region_shap import COMPARABLE, ESTIMATORS, RegionShapRequest
from .answer import Shown, built
from .subject import Subject

#: Where it stands in the project file.
SCOPE, KEY = "SolarSaliency", "ExplainPanel"

#: Answers of more players stay out of the project file: they are long, and quickly found again.
MOST_PLAYERS = 300


@dataclass(frozen=True)
class Choices:
    """What the user chose: values of options of the method ``regionshap``."""

    estimator: str = option_of(RegionShapRequest, "estimator").default
    baseline: str = option_of(RegionShapRequest, "baseline").default
    superpixels: int = option_of(RegionShapRequest, "superpixels").default

    def values(self) -> Dict[str, Any]:
        """As values of options."""
        return asdict(self)


@dataclass(frozen=True)
class State:
    """All that is remembered. request: what the engine was asked for ``superpixels``; *what if* goes on with it."""

    choices: Choices = field(default_factory=Choices)
    subject: Optional[Subject] = None
    asked: Choices = field(default_factory=Choices)
    request: Optional[Dict[str, Any]] = None
    superpixels: Optional[Shown] = None
    bands: Optional[Shown] = None


def save(project: QgsProject, state: State) -> None:
    """Remember; to be called when the project is written, or it would be taken for changed."""
    plain = {
        "choices": state.choices.values(),
        "subject": asdict(state.subject) if state.subject else None,
        "asked": state.asked.values(),
        "request": state.request,
        "superpixels": _kept(state.superpixels),
        "bands": _kept(state.bands),
    }
    project.writeEntry(SCOPE, KEY, json.dumps(plain))


def _kept(shown: Optional[Shown]) -> Optional[Dict[str, Any]]:
    if shown is None or not shown.whole or len(shown.players) > MOST_PLAYERS:
        return None
    return shown.to_json()


def load(project: QgsProject) -> State:
    """What a project remembers; what is of another version, or damaged, is left out."""
    text, _ = project.readEntry(SCOPE, KEY, "")
    try:
        plain = json.loads(text or "{}")
        return _state(plain if isinstance(plain, dict) else {})
    except (ValueError, RecursionError):
        return State()


def _state(plain: Mapping[str, Any]) -> State:
    choices = _choices(plain.get("choices"))
    state = State(choices)
    try:
        subject = built(Subject, plain["subject"])
        request = plain["request"]
        return replace(
            state,
            subject=subject,
            asked=_choices(plain.get("asked")),
            request=request if isinstance(request, dict) else None,
            superpixels=Shown.from_json(plain["superpixels"]) if plain.get("superpixels") else None,
            bands=Shown.from_json(plain["bands"]) if plain.get("bands") else None,
        )
    except (KeyError, ValueError):
        return state


def _choices(plain: Any) -> Choices:
    """The choices that still exist; the default in place of others."""
    told = plain if isinstance(plain, dict) else {}
    choices = Choices()
    if told.get("estimator") in ESTIMATORS:
        choices = replace(choices, estimator=told["estimator"])
    if told.get("baseline") in COMPARABLE:
        choices = replace(choices, baseline=told["baseline"])
    limits = option_of(RegionShapRequest, "superpixels")
    number = told.get("superpixels")
    if isinstance(number, int) and limits.minimum <= number <= limits.maximum:
        choices = replace(choices, superpixels=number)
    return choices
