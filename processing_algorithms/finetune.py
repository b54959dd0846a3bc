"""Fine-Tune Model: an existing model and some outlines in, a model adapted to them out."""

from typing import ClassVar, Dict

from .learning import LearningAlgorithm


class Finetune(LearningAlgorithm):
    """A copy of a model that has learned from the user's own region."""

    METHOD = "finetune"
    DISPLAY_NAME = "Fine-Tune Model"
    LABELS: ClassVar[Dict[str, str]] = {**LearningAlgorithm.LABELS, "model": "Model to start from"}
