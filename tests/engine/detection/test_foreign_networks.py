"""Detection with networks of the user's own: from the saved file to the raster, as anybody would do it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from torch import nn

from solar_saliency_plugin.contract.detection import DetectRequest
from solar_saliency_plugin.contract.model import InstallModelRequest
from solar_saliency_plugin.contract.places import MODELS_VARIABLE
from solar_saliency_plugin.engine.detection.detect import detect
from solar_saliency_plugin.engine.job import Job
from solar_saliency_plugin.engine.models.install import install_model
from solar_saliency_plugin.engine.models.registry import load_model

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


class Network(nn.Module):
    """Two convolutions; with ``context``, also the mean of the whole window."""

    def __init__(self, context: bool) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.context = context
        self.first, self.second = nn.Conv2d(10, 6, 3, padding=1), nn.Conv2d(6, 6, 5, padding=2)
        self.head = nn.Conv2d(6, 1, 1)
        nn.init.normal_(self.head.weight, 0, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = torch.relu(self.second(torch.relu(self.first(x))))
        if self.context:
            features = features - features.mean(dim=(2, 3), keepdim=True)
        return self.head(features)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A function that saves a network for windows of 256 × 256 pixels and installs it as “own”."""
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))

    def install(context: bool) -> nn.Module:
        network = Network(context).eval()
        torch.export.save(torch.export.export(network, (torch.rand(1, 10, 256, 256),)), tmp_path / "own.pt2")
        install_model(InstallModelRequest(source=str(tmp_path / "own.pt2"), trust=True), Job.silent())
        return network

    return install


def detected(scene, output, **options):
    result = detect(DetectRequest(scene=str(scene), output=str(output), model="own", **options), Job.silent())
    with rasterio.open(output) as file:
        return file.read(1), result


@pytest.mark.parametrize("window", [None, 100])
def test_a_network_of_one_size_gives_the_whole_scene_what_it_would_give_untiled(
    window, own, tmp_path, write_scene, landscape
):
    network = own(context=False)
    reflectance = landscape(300, 1000)
    probability, result = detected(write_scene(tmp_path / "scene.tif", reflectance), tmp_path / "p.tif", window=window)
    stored = (np.clip(np.round(reflectance * 10000), 1, 20000) / 10000).astype(np.float32)
    with torch.no_grad():
        expected = torch.sigmoid(network(torch.from_numpy(stored)[None]))[0, 0].numpy()
    assert load_model("own").card.receptive_field == 3
    np.testing.assert_allclose(probability, expected, atol=1e-4)
    assert any("256 × 256" in warning and "3 pixels" in warning for warning in result.warnings)


def test_a_network_that_looks_at_whole_windows_leaves_no_gaps_and_tells_its_margins(
    own, tmp_path, write_scene, landscape
):
    own(context=True)
    probability, result = detected(write_scene(tmp_path / "scene.tif", landscape(300, 1000)), tmp_path / "p.tif")
    assert np.isfinite(probability).all() and result.valid_share == 1
    margin = load_model("own").card.architecture["margin"]
    assert margin >= 16
    assert any("seams may show" in w and f"{margin} pixels" in w for w in result.warnings)
    with rasterio.open(tmp_path / "p.tif") as file:
        run = next(json.loads(value) for value in file.tags().values() if "seams may show" in value)
    assert run["model"]["name"] == "own"


def test_whole_windows_see_the_scene_and_no_filling_where_there_is_scene(own, tmp_path, write_scene, landscape):
    network = own(context=True)
    reflectance = landscape(256, 1050)
    probability, _ = detected(write_scene(tmp_path / "scene.tif", reflectance), tmp_path / "p.tif")
    stored = (np.clip(np.round(reflectance * 10000), 1, 20000) / 10000).astype(np.float32)
    with torch.no_grad():
        last = torch.sigmoid(network(torch.from_numpy(stored[:, :, -256:].copy())[None]))[0, 0].numpy()
    np.testing.assert_allclose(probability[:, -32:], last[:, -32:], atol=1e-4)


def test_same_request_gives_the_same_bytes(own, tmp_path, write_scene, landscape):
    own(context=True)
    scene = write_scene(tmp_path / "scene.tif", landscape(300, 400))
    first, _ = detected(scene, tmp_path / "p.tif")
    second, _ = detected(scene, tmp_path / "p.tif")
    assert first.tobytes() == second.tobytes()


def test_from_the_saved_file_to_the_raster_on_the_command_line(tmp_path, monkeypatch, write_scene, landscape):
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    torch.jit.script(Network(context=False).eval()).save(str(tmp_path / "my net.pt"))
    scene = write_scene(tmp_path / "scene.tif", landscape(60, 70))

    def engine(*arguments: object) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "solar_saliency_plugin.engine", *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    refused = engine("installmodel", "--source", tmp_path / "my net.pt")
    assert refused.returncode == 3 and "trust" in refused.stderr
    installed = engine("installmodel", "--source", tmp_path / "my net.pt", "--trust", "--network-threshold", "0.4")
    assert installed.returncode == 0, installed.stderr
    assert json.loads(installed.stdout.splitlines()[-1])["name"] == "my-net"
    done = engine("detect", "--scene", scene, "--output", tmp_path / "p.tif", "--model", "my-net")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["model"] == "my-net" and result["threshold"] == 0.4
    assert "my-net" in engine("listmodels").stdout
    assert engine("removemodel", "--name", "my-net").returncode == 0
    assert engine("detect", "--scene", scene, "--output", tmp_path / "p.tif", "--model", "my-net").returncode == 3
