"""The views that attribution's tests explain."""

from tests.engine.attribution.conftest import linear_model, shipped_model, view_of

__all__ = ["linear_model", "shipped_model", "view_of"]
