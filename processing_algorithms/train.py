"""Train Model: scenes and outlines in, a new model out."""

from .learning import LearningAlgorithm


class Train(LearningAlgorithm):
    """A new model, from nothing but the user's scenes and outlines."""

    METHOD = "train"
    DISPLAY_NAME = "Train Model"
