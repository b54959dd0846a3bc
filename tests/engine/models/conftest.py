"""Small random networks and model folders for the tests of models."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from solar_saliency_plugin.contract.places import MODELS_VARIABLE
from solar_saliency_plugin.engine.models import receptive_field
from solar_saliency_plugin.engine.models.card import Card
from solar_saliency_plugin.engine.models.unet import UNet
from solar_saliency_plugin.engine.training.publication import write_model

MEAN = (0.05, 0.08, 0.3)
STD = (0.02, 0.04, 0.1)


def _network(
    seed: int = 0, stem: tuple[int, ...] = (6,), width: int = 4, depth: int = 1, convolutions: int = 1
) -> UNet:
    torch.manual_seed(seed)
    network = UNet(MEAN, STD, stem=stem, width=width, depth=depth, convolutions=convolutions)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, 0, 0.5)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
            torch.nn.init.uniform_(module.weight, 0.5, 2)
            torch.nn.init.normal_(module.bias, 0, 0.5)
    return network.eval().requires_grad_(False)


def _card(network: UNet, stem: tuple[int, ...], width: int, depth: int, convolutions: int) -> Card:
    reach, stride = receptive_field.measure(network, len(MEAN))
    return Card(
        name="tiny",
        title="Tiny",
        summary="For tests.",
        bands=("B02", "B04", "B08"),
        units="reflectance",
        level="L2A",
        resampling="nearest",
        pixel_size=10.0,
        mean=MEAN,
        std=STD,
        architecture={"family": "unet", "stem": stem, "width": width, "depth": depth, "convolutions": convolutions},
        receptive_field=reach,
        stride=stride,
        threshold=0.5,
        training={"steps": 0},
        quality={},
    )


@pytest.fixture(scope="session")
def network_of() -> Callable[..., UNet]:
    """Makes a small network for three bands; its batch norms have seen data, it is in evaluation mode."""
    return _network


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    """A valid model folder of a tiny network."""
    parameters = {"stem": (6,), "width": 4, "depth": 1, "convolutions": 1}
    network = _network(**parameters)
    write_model(tmp_path / "tiny", network, _card(network, **parameters))
    return tmp_path / "tiny"


@pytest.fixture
def other_model_folder(tmp_path: Path) -> Path:
    """A valid model folder of another tiny network of the same name."""
    parameters = {"stem": (5,), "width": 4, "depth": 0, "convolutions": 1}
    network = _network(seed=1, **parameters)
    write_model(tmp_path / "other", network, _card(network, **parameters))
    return tmp_path / "other"


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of installed models: the test's own, not made yet."""
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "installed"))
    return tmp_path / "installed"
