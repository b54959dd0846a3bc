"""Superpixels of networks of the user's own: values add up, and are those of the network itself."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
import torch

from solar_saliency_plugin.contract.model import InstallModelRequest
from solar_saliency_plugin.contract.places import MODELS_VARIABLE
from solar_saliency_plugin.contract.region_shap import RegionShapRequest
from solar_saliency_plugin.engine.job import Job
from solar_saliency_plugin.engine.models.install import install_model
from solar_saliency_plugin.engine.shapley.region_shap import region_shap
from tests.engine.attribution.test_foreign_networks import Network, own
from tests.engine.shapley.playing import LEFT, TOP

__all__ = ["own"]

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def test_values_are_those_of_the_network_itself(
    own: Any,
    tmp_path: Path,
    closed_games: None,
    write_scene: Any,
    landscape: Any,
) -> None:
    reflectance = landscape(90, 110)
    request = RegionShapRequest(
        scene=str(write_scene(tmp_path / "scene.tif", reflectance)),
        output=str(tmp_path / "values.gpkg"),
        model="own",
        target=f"POINT ({LEFT + 405} {TOP - 305})",
        around=6,
        pixels="all",
        region=shapely.box(LEFT + 330, TOP - 380, LEFT + 490, TOP - 230).wkt,
        superpixels=5,
        baseline="zero",
        rest="present",
    )
    (answer,) = region_shap(request, Job.silent()).regions
    stored = (np.clip(np.round(reflectance * 10000), 1, 20000) / 10000).astype(np.float32)
    with torch.inference_mode():
        image = own(torch.from_numpy(stored)[None])[0, 0]
        stored[:, 23:38, 33:49] = 0
        without = own(torch.from_numpy(stored)[None])[0, 0]
    assert answer.f_x == pytest.approx(float(image[28:34, 38:44].mean()), abs=1e-4)
    assert answer.f_baseline == pytest.approx(float(without[28:34, 38:44].mean()), abs=1e-4)
    assert answer.estimator == "exact" and abs(answer.difference) < 1e-6 and len(answer.players) == 5


class Logarithmic(Network):
    """A network that has no answer to black."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.first(torch.log(x))))


def test_a_baseline_that_it_has_no_answer_to_is_told_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed_games: None, write_scene: Any, landscape: Any
) -> None:
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    torch.jit.script(Logarithmic().eval()).save(str(tmp_path / "own.pt"))
    install_model(InstallModelRequest(source=str(tmp_path / "own.pt"), trust=True), Job.silent())
    request = RegionShapRequest(
        scene=str(write_scene(tmp_path / "scene.tif", landscape(90, 110))),
        output=str(tmp_path / "values.gpkg"),
        model="own",
        target=f"POINT ({LEFT + 405} {TOP - 305})",
        pixels="all",
        superpixels=5,
        compare=("zero", "mean"),
    )
    (answer,) = region_shap(request, Job.silent()).regions
    zero, mean = answer.compared
    assert "no number" in zero.error and not mean.error and len(mean.phi) == len(answer.players)
