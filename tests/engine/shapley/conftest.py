"""The views that attribution's tests explain; a scene with a farm, and runs over it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from solar_saliency_plugin.contract.region_shap import (
    BandShapRequest,
    BandShapResult,
    RegionShapRequest,
    RegionShapResult,
)
from solar_saliency_plugin.engine.job import Job
from solar_saliency_plugin.engine.shapley.band_shap import band_shap
from solar_saliency_plugin.engine.shapley.open_games import GAMES
from solar_saliency_plugin.engine.shapley.region_shap import region_shap
from tests.engine.attribution.conftest import linear_model, no_space_for, shipped_model, view_of
from tests.engine.shapley.playing import AROUND, reflectance

__all__ = ["linear_model", "no_space_for", "shipped_model", "view_of"]


@pytest.fixture(scope="session")
def farm(tmp_path_factory: pytest.TempPathFactory, write_scene: Callable[..., Path]) -> Path:
    """A scene with one farm, which the shipped model finds; a corner holds no data."""
    return write_scene(tmp_path_factory.mktemp("farm") / "scene.tif", reflectance())


@pytest.fixture
def closed_games() -> Iterator[None]:
    """No game is open from an earlier test."""
    GAMES.clear()
    yield
    GAMES.clear()


@pytest.fixture
def explain(farm: Path, tmp_path: Path, closed_games: None) -> Callable[..., RegionShapResult]:
    """A function that explains the region around the farm, or what else is asked."""

    def run(job: Job | None = None, **asked: Any) -> RegionShapResult:
        return region_shap(RegionShapRequest(**_asked(farm, tmp_path, asked)), job or Job.silent())

    return run


@pytest.fixture
def explain_bands(farm: Path, tmp_path: Path, closed_games: None) -> Callable[..., BandShapResult]:
    """The same by bands."""

    def run(job: Job | None = None, **asked: Any) -> BandShapResult:
        return band_shap(BandShapRequest(**_asked(farm, tmp_path, asked)), job or Job.silent())

    return run


def _asked(scene: Path, folder: Path, asked: dict[str, Any]) -> dict[str, Any]:
    region = {} if {"region", "target", "polygons"} & set(asked) else {"region": AROUND}
    return {"scene": str(scene), "output": str(folder / "values.gpkg"), **region, **asked}
