"""Explaining networks of the user's own: what can be explained is right, what cannot be is refused with its reason."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import torch
from torch import nn

from solar_saliency_plugin.contract.attribution import AttributeRequest
from solar_saliency_plugin.contract.attribution_methods import ATTRIBUTION_METHODS
from solar_saliency_plugin.contract.errors import MethodUnsuitableError
from solar_saliency_plugin.contract.model import InstallModelRequest
from solar_saliency_plugin.contract.places import MODELS_VARIABLE
from solar_saliency_plugin.engine.attribution.attribute import attribute
from solar_saliency_plugin.engine.job import Job
from solar_saliency_plugin.engine.models.install import install_model

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

LEFT, TOP = 3e5, 3e6


class Network(nn.Module):
    """Two convolutions with activations that are function calls, as in many networks."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.first, self.second = nn.Conv2d(10, 6, 3, padding=1), nn.Conv2d(6, 6, 5, padding=2)
        self.head = nn.Conv2d(6, 1, 1)
        nn.init.normal_(self.head.weight, 0, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.second(torch.relu(self.first(x)))))


@pytest.fixture(params=["torch.export", "torchscript"])
def own(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """A network, installed as “own” from a file of either format; the exported one takes 64 × 64 pixels only."""
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    network = Network().eval()
    if request.param == "torch.export":
        path = tmp_path / "own.pt2"
        torch.export.save(torch.export.export(network, (torch.rand(1, 10, 64, 64),)), path)
    else:
        path = tmp_path / "own.pt"
        torch.jit.script(network).save(str(path))
    install_model(InstallModelRequest(source=str(path), trust=True), Job.silent())
    network.from_export = request.param == "torch.export"
    return network


def _explained(scene: Path, output: Path, method: str, **asked: Any) -> tuple[Any, np.ndarray, Any]:
    request = AttributeRequest(
        scene=str(scene),
        output=str(output),
        model="own",
        attribution_method=method,
        target=f"POINT ({LEFT + 405} {TOP - 305})",
        pixels="all",
        **{"around": 6, "per_band": ATTRIBUTION_METHODS[method].bands, **asked},
    )
    result = attribute(request, Job.silent())
    with rasterio.open(output) as file:
        return result, file.read(), file.transform


def test_the_gradient_is_that_of_the_network_itself(own: Any, tmp_path: Path, write_scene: Any, landscape: Any) -> None:
    reflectance = landscape(90, 110)
    scene = write_scene(tmp_path / "scene.tif", reflectance)
    result, values, transform = _explained(scene, tmp_path / "map.tif", "gradient")
    stored = (np.clip(np.round(reflectance * 10000), 1, 20000) / 10000).astype(np.float32)
    image = torch.from_numpy(stored)[None].requires_grad_(True)
    logits = own(image)[0, 0]
    (expected,) = torch.autograd.grad(logits[28:34, 38:44].mean(), image)
    row, col = round((TOP - transform.f) / 10), round((transform.c - LEFT) / 10)
    found = np.zeros_like(stored)
    height, width = values.shape[1:]
    found[:, row : row + height, col : col + width] = np.nan_to_num(values[3:])
    np.testing.assert_allclose(found, expected[0].numpy(), atol=1e-5 * float(expected.abs().max()))
    assert result.f_x == pytest.approx(float(logits[28:34, 38:44].mean()), abs=1e-4)


@pytest.mark.parametrize("method", ATTRIBUTION_METHODS)
def test_every_method_explains_it_or_refuses_with_a_reason(
    method: str, own: Any, tmp_path: Path, write_scene: Any, landscape: Any
) -> None:
    entry = ATTRIBUTION_METHODS[method]
    scene = write_scene(tmp_path / "scene.tif", landscape(90, 110))
    few = {name: value for name, value in {"samples": 5, "evaluations": 60}.items() if name in entry.defaults}
    if "patch" in entry.defaults:
        few.update(patch=100.0, stride=10, evaluations=500)
    refused = entry.needs == "family" or (entry.needs == "activations" and not own.from_export)
    # Exported for one image: it takes no batch, and DeepLIFT needs image and baseline in one.
    if refused or method.startswith("deeplift"):
        with pytest.raises(MethodUnsuitableError, match=r"cannot explain this model|one image at a time"):
            _explained(scene, tmp_path / "map.tif", method, **few)
        assert not (tmp_path / "map.tif").exists()
        return
    result, values, _ = _explained(scene, tmp_path / "map.tif", method, **few)
    assert np.nanmax(np.abs(values)) > 0
    if entry.sums_to == "difference" and "samples" not in entry.defaults:
        assert result.error <= 0.01


def test_its_surroundings_are_found_in_windows_that_it_takes(
    own: Any, tmp_path: Path, write_scene: Any, landscape: Any
) -> None:
    scene = write_scene(tmp_path / "scene.tif", landscape(90, 110))
    result, _, _ = _explained(scene, tmp_path / "map.tif", "occlusion", baseline="surroundings", threshold=0.9999)
    assert "drawn around it" in result.baseline_text and result.f_baseline != result.f_x


def test_a_target_larger_than_the_networks_window_is_refused(
    own: Any, tmp_path: Path, write_scene: Any, landscape: Any
) -> None:
    scene = write_scene(tmp_path / "scene.tif", landscape(90, 110))
    if own.from_export:
        with pytest.raises(MethodUnsuitableError, match="too large"):
            _explained(scene, tmp_path / "map.tif", "gradient", around=64)
    else:
        assert _explained(scene, tmp_path / "map.tif", "gradient", around=64)[0].target_pixels == 64 * 63


def test_at_the_scenes_edge_the_window_is_filled_up_and_nothing_is_attributed_to_the_filling(
    own: Any, tmp_path: Path, write_scene: Any, landscape: Any
) -> None:
    scene = write_scene(tmp_path / "scene.tif", landscape(40, 50))
    _, values, transform = _explained(scene, tmp_path / "map.tif", "integrated_gradients", baseline="zero")
    rows = round((TOP - transform.f) / 10) + np.flatnonzero(np.isfinite(values[0]).any(axis=1))
    assert rows.min() >= 0 and rows.max() <= 39, "rows beyond the scene hold no data"


class Thresholded(Network):
    """A network whose answer lets no gradient through."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (super().forward(x) > 0).float().detach() * 4 - 2


def test_a_network_without_gradient_is_explained_by_taking_pieces_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_scene: Any, landscape: Any
) -> None:
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    path = tmp_path / "own.pt"
    torch.jit.trace(Thresholded().eval(), torch.rand(1, 10, 32, 32)).save(str(path))
    install_model(InstallModelRequest(source=str(path), trust=True), Job.silent())
    scene = write_scene(tmp_path / "scene.tif", landscape(90, 110))
    with pytest.raises(MethodUnsuitableError, match="no gradient"):
        _explained(scene, tmp_path / "map.tif", "gradient")
    result, values, _ = _explained(scene, tmp_path / "map.tif", "occlusion", patch=100.0, stride=10, evaluations=500)
    assert np.isfinite(values).any() and abs(result.f_x) <= 2
