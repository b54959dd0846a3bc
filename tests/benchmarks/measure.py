"""One measured figure and its target."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """A figure, and what it should be: at least (``at_least``) or at most the target; None: told only."""

    name: str
    value: float
    unit: str
    target: float | None = None
    at_least: bool = False

    @property
    def verdict(self) -> str:
        """Whether the target is met, in a word."""
        if self.target is None:
            return ""
        met = self.value >= self.target if self.at_least else self.value <= self.target
        return "met" if met else "MISSED"
