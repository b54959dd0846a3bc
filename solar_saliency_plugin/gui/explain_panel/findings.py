"""What is known of what the panel is asked about: the answers, and what was asked for them."""

from dataclasses import dataclass, field
from typing import Any, Dict, Optional

from .answer import PanelAnswer
from .choices import Choices
from .runs import BAND_SHAP, Outcome
from .subject import Subject


@dataclass
class Findings:
    """What is known of one subject.

    choices, request: of the user and to the engine, which the superpixels answer; *what if* goes on with the request.
    outcomes: by method, of this session's runs.
    """

    subject: Optional[Subject] = None
    choices: Choices = field(default_factory=Choices)
    request: Optional[Dict[str, Any]] = None
    superpixels: Optional[PanelAnswer] = None
    bands: Optional[PanelAnswer] = None
    outcomes: Dict[str, Outcome] = field(default_factory=dict)

    def take(self, method: str, choices: Choices, outcome: Outcome) -> None:
        """Take over how a run ended."""
        self.outcomes[method] = outcome
        if method == BAND_SHAP:
            self.bands = outcome.shown
            return
        if choices.baseline != self.choices.baseline:
            self.bands = None
            self.outcomes.pop(BAND_SHAP, None)
        self.superpixels, self.choices, self.request = outcome.shown, choices, outcome.request
