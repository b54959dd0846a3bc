"""What the panel remembers in the project file: the choices, the question and its answers."""

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Dict, Mapping, Optional

from qgis.core import QgsProject

from ...contract.options import option_of
from ...contract.region_shap import COMPARABLE, ESTIMATORS, RegionShapRequest
from .answer import PanelAnswer, built
from .choices import Choices
from .findings import Findings
from .subject import Subject

#: Where it stands in the project file.
SCOPE, KEY = "SolarSaliency", "ExplainPanel"

#: Answers of more players stay out of the project file: they are long, and quickly found again.
MOST_PLAYERS = 300


@dataclass(frozen=True)
class Remembered:
    """All that is remembered. choices: those that the panel shows, which may be others than those of the findings.

    is_damaged: whether there were findings that cannot be read.
    """

    choices: Choices = field(default_factory=Choices)
    findings: Findings = field(default_factory=Findings)
    is_damaged: bool = False


def save(project: QgsProject, choices: Choices, findings: Findings) -> None:
    """Remember; to be called when the project is written, or it would be taken for changed."""
    found = {
        "subject": asdict(findings.subject) if findings.subject else None,
        "choices": findings.choices.values(),
        "request": findings.request,
        "superpixels": _kept(findings.superpixels),
        "bands": _kept(findings.bands),
        "layers": findings.layers,
    }
    project.writeEntry(SCOPE, KEY, json.dumps({"choices": choices.values(), "findings": found}))


def _kept(shown: Optional[PanelAnswer]) -> Optional[Dict[str, Any]]:
    if shown is None or not shown.whole or len(shown.players) > MOST_PLAYERS:
        return None
    return shown.to_json()


def load(project: QgsProject) -> Remembered:
    """What a project remembers; what is of another version, or damaged, is left out."""
    text, _ = project.readEntry(SCOPE, KEY, "")
    try:
        plain = json.loads(text or "{}")
        choices, found = _choices(plain.get("choices")), plain.get("findings")
    except (AttributeError, ValueError, RecursionError):
        return Remembered(is_damaged=True)
    try:
        return Remembered(choices, _findings(found or {}))
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return Remembered(choices, is_damaged=True)


def _findings(plain: Mapping[str, Any]) -> Findings:
    """What is known of a subject; raises one of many errors where it is of another version, or damaged."""
    if plain.get("subject") is None:
        return Findings()
    request = plain["request"]
    return Findings(
        subject=built(Subject, plain["subject"]),
        choices=_choices(plain.get("choices")),
        request=request if isinstance(request, dict) else None,
        superpixels=PanelAnswer.from_json(plain["superpixels"]) if plain.get("superpixels") else None,
        bands=PanelAnswer.from_json(plain["bands"]) if plain.get("bands") else None,
        layers={str(baseline): str(layer) for baseline, layer in (plain.get("layers") or {}).items()},
    )


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
