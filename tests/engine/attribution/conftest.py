"""Views to explain: small networks, small windows, a target in the middle."""

import errno
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from solar_saliency_plugin.engine.attribution.network import Explainable
from solar_saliency_plugin.engine.attribution.view import View
from solar_saliency_plugin.engine.job import Job
from solar_saliency_plugin.engine.models.registry import Model, load_model
from solar_saliency_plugin.engine.models.unet import UNet
from solar_saliency_plugin.engine.reporting import page


@pytest.fixture(scope="session")
def shipped_model() -> Model:
    """The default model."""
    return load_model("default")


@pytest.fixture(scope="session")
def linear_model(shipped_model: Model) -> Model:
    """A model whose logit is wᵀx + b at every pixel: one ReLU passes wᵀx, which is positive, a second one nothing."""
    card = replace(shipped_model.card, mean=(0.0,) * 10, std=(1.0,) * 10)
    network = UNet(card.mean, card.std, stem=(2,), width=4, depth=0, convolutions=0)
    convolution, norm, _ = network.stem[0]
    weights = torch.linspace(0.2, 2.0, 10)
    with torch.no_grad():
        convolution.weight.copy_(torch.stack([weights, -weights])[:, :, None, None])
        norm.eps = 0.0
        network.head.weight.copy_(torch.tensor([[[[1.0]], [[-3.0]]]]))
        network.head.bias.fill_(-1.0)
    return replace(shipped_model, card=card, network=network.eval().requires_grad_(False), sha256="linear")


@pytest.fixture(scope="session")
def view_of(landscape: Callable[..., np.ndarray]) -> Callable[..., View]:
    """A function that makes a view of a model: a square target in the middle, one baseline of constant reflectance."""

    def make(
        model: Model,
        rows: int = 24,
        cols: int = 28,
        *,
        baselines: torch.Tensor | None = None,
        target: tuple[slice, slice] | None = None,
        seed: int = 0,
        **members: Any,
    ) -> View:
        reflectance = torch.from_numpy(landscape(rows, cols, seed))[None]
        if baselines is None:
            baselines = torch.full_like(reflectance, 0.1)
        weights = torch.zeros(rows, cols)
        weights[target or (slice(rows // 2 - 3, rows // 2 + 3), slice(cols // 2 - 2, cols // 2 + 4))] = 1
        view = View(
            network=Explainable(model, "cpu"),
            reflectance=reflectance,
            valid=torch.ones(rows, cols, dtype=torch.bool),
            baselines=baselines,
            weights=weights / weights.sum(),
            quantity="logit",
            row=0,
            col=0,
            spread=reflectance[0].flatten(1).std(dim=1),
            pixel_size=(10.0, 10.0),
            seed=1,
            job=Job.silent(),
        )
        return replace(view, **members)

    return make


@pytest.fixture
def no_space_for(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function that makes the disk full as soon as a page or table of one of the names is written."""

    def fill(*names: str) -> None:
        def write(path: Path, *arguments: Any, **more: Any) -> Any:
            if path.name in names:
                raise OSError(errno.ENOSPC, "No space left on device")
            return open(path, *arguments, **more)

        monkeypatch.setattr(page, "open", write, raising=False)

    return fill
