"""What can be asked of the engine, and how: shared by the QGIS side and the engine.

Standard library only, Python 3.9 and later: QGIS brings its own interpreter.
Importing this package registers every method in :data:`METHODS`.
"""

from . import (
    attribution,
    compare_methods,
    deletion_mask,
    detection,
    imagery,
    layer_attribution,
    model,
    region_shap,
    training,
)
from .registry import METHODS, Method

__all__ = [
    "METHODS",
    "Method",
    "attribution",
    "compare_methods",
    "deletion_mask",
    "detection",
    "imagery",
    "layer_attribution",
    "model",
    "region_shap",
    "training",
]
