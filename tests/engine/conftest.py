"""Real Sentinel-2 imagery; small scenes with known content; a network whose whole output can be computed at once."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from solar_saliency_plugin.contract.places import MODELS_VARIABLE
from solar_saliency_plugin.engine.models.registry import load_model
from tests.engine import scene_files

SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real imagery beside the repository; without it the test skips, or fails where it must be there."""
    if not SHARED_DATA.is_dir():
        message = f"there is no real imagery at {SHARED_DATA}"
        if os.environ.get("SOLAR_SALIENCY_REQUIRE_DATA"):
            pytest.fail(message)
        pytest.skip(message)
    return SHARED_DATA


@pytest.fixture(scope="session", autouse=True)
def no_models_of_the_users_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests see the shipped models only, and install none for the person who runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MODELS_VARIABLE, str(tmp_path_factory.mktemp("models")))
        yield


@pytest.fixture(scope="session")
def write_scene():
    """A function that writes reflectance (10, rows, cols) as a tidy scene; NaN becomes nodata."""
    return scene_files.write_scene


@pytest.fixture(scope="session")
def landscape():
    """A function that gives reflectance (10, rows, cols) with structure at several scales."""

    def make(height, width, seed=0):
        rng = np.random.default_rng(seed)
        coarse = rng.uniform(0.03, 0.45, (10, height // 8 + 2, width // 8 + 2))
        fields = np.repeat(np.repeat(coarse, 8, axis=1), 8, axis=2)[:, :height, :width]
        return np.clip(fields + rng.normal(0, 0.02, (10, height, width)), 0.01, 0.9).astype(np.float32)

    return make


@pytest.fixture(scope="session")
def untiled():
    """A function that gives the network's probability of a whole scene at once, NaN on nodata."""

    def probability(model, reflectance):
        invalid = np.isnan(reflectance).any(axis=0)
        stored = np.clip(np.round(reflectance * 10000), 1, 20000).astype(np.float32) / 10000
        filled = np.where(invalid, np.asarray(model.card.mean, np.float32)[:, None, None], stored)
        with torch.inference_mode():
            logits = model.network(torch.from_numpy(filled.astype(np.float32))[None])
        result = torch.sigmoid(logits)[0, 0].numpy()
        result[invalid] = np.nan
        return result

    return probability


@pytest.fixture(scope="session")
def wide_model(tmp_path_factory):
    """An untrained U-Net with pooling and a receptive field of some tens of pixels, as a model folder."""
    from dataclasses import replace
    from hashlib import sha256

    from solar_saliency_plugin.engine.models.receptive_field import measure
    from solar_saliency_plugin.engine.models.unet import UNet

    shipped = load_model("default").card
    architecture = {"family": "unet", "stem": (8,), "width": 8, "depth": 2, "convolutions": 2}
    parameters = {name: value for name, value in architecture.items() if name != "family"}
    torch.manual_seed(3)
    network = UNet(shipped.mean, shipped.std, **parameters)
    for module in network.modules():  # spread the logits, so that probabilities are not all alike
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
    halo, stride = measure(network.eval(), 10)
    folder = tmp_path_factory.mktemp("models") / "wide"
    folder.mkdir()
    save_file(network.state_dict(), folder / "weights.safetensors")
    digest = sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    (folder / "weights.safetensors.sha256").write_text(f"{digest}  weights.safetensors\n")
    card = replace(shipped, name="wide", architecture=architecture, receptive_field=halo, stride=stride)
    card.write(folder / "card.json")
    return load_model(str(folder))
