"""What is known of what the panel is asked about: the answers, and what was asked for them."""

from dataclasses import dataclass, field, replace
from typing import Any, Dict, Optional, Tuple

from .answer import PanelAnswer
from .choices import Choices
from .runs import BAND_SHAP, REGION_SHAP, Outcome
from .subject import Subject


@dataclass
class Findings:
    """What is known of one subject.

    choices, request: of the user and to the engine, which the superpixels answer; *what if* goes on with the request.
    outcomes: by method, of this session's runs. beside: by baseline, of those that made the files of values that a run
    with another baseline found beside its own. layers: by baseline, the ids of layers that show the superpixels.
    """

    subject: Optional[Subject] = None
    choices: Choices = field(default_factory=Choices)
    request: Optional[Dict[str, Any]] = None
    superpixels: Optional[PanelAnswer] = None
    bands: Optional[PanelAnswer] = None
    outcomes: Dict[str, Outcome] = field(default_factory=dict)
    beside: Dict[str, Outcome] = field(default_factory=dict)
    layers: Dict[str, str] = field(default_factory=dict)

    def outcome(self, method: str, baseline: str) -> Optional[Outcome]:
        """The run whose files hold the values of a method, compared with a baseline; none: there is none yet."""
        if method == REGION_SHAP and baseline != self.choices.baseline:
            return self.beside.get(baseline)
        return self.outcomes.get(method)

    def again(self, method: str, baseline: str) -> Tuple[Choices, Dict[str, Any]]:
        """What the answer's run was asked, with it or one of those that it was compared with as the baseline."""
        compare = (self.request or {}).get("compare")
        if not compare or method != REGION_SHAP:
            return self.choices, {}
        known = (self.choices.baseline, *compare)
        return replace(self.choices, baseline=baseline), {"compare": tuple(one for one in known if one != baseline)}

    def take(self, method: str, choices: Choices, outcome: Outcome, beside: bool = False) -> None:
        """Take over how a run ended. ``beside``: it made the files of what another one found beside its own values."""
        if beside:
            self.beside[choices.baseline] = outcome
            return
        self.outcomes[method] = outcome
        if method == BAND_SHAP:
            self.bands = outcome.shown
            return
        if choices.baseline != self.choices.baseline:
            self.bands = None
            self.outcomes.pop(BAND_SHAP, None)
        if not self._is_known(choices, outcome.shown):
            self.beside, self.layers = {}, {}
        self.superpixels, self.choices, self.request = outcome.shown, choices, outcome.request

    def _is_known(self, choices: Choices, shown: Optional[PanelAnswer]) -> bool:
        """Whether a run finds the values of the one before, but for a baseline that may be another one."""
        both = [answer for answer in (shown, self.superpixels) if answer is not None and not answer.answer.stopped]
        return len(both) == 2 and replace(choices, baseline=self.choices.baseline) == self.choices
