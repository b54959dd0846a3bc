"""The layers that dialogs list without the network are the network's own."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from solar_saliency_plugin.contract.errors import RequestError
from solar_saliency_plugin.contract.unet_layers import unet_layers
from solar_saliency_plugin.engine.attribution.layers import Layer, Watch, chosen_layer, layers_of
from solar_saliency_plugin.engine.attribution.view import View
from solar_saliency_plugin.engine.models.registry import Model, load_model
from solar_saliency_plugin.engine.models.unet import UNet

ARCHITECTURES = st.fixed_dictionaries(
    {
        "stem": st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple),
        "width": st.integers(1, 3),
        "depth": st.integers(0, 3),
        "convolutions": st.integers(1, 3),
    }
) | st.fixed_dictionaries({"stem": st.just((2,)), "width": st.just(3), "depth": st.just(0), "convolutions": st.just(0)})


def of_card(model: Model) -> Mapping[str, Any]:
    return {"architecture": model.card.architecture}


def require_same(listed: Mapping[str, tuple[int, int]], layers: Mapping[str, Layer], view: View) -> None:
    """All listed layers are the network's, in its order; every other one gives what a listed one gives."""
    assert [name for name in layers if name in listed] == list(listed)
    assert {name: (layers[name].channels, layers[name].cell) for name in listed} == listed
    with torch.inference_mode(), Watch({name: layer.module for name, layer in layers.items()}) as seen:
        view.network.logits(view.reflectance)
    for name in layers.keys() - listed.keys():
        assert any(torch.equal(seen[name], seen[other]) for other in listed if seen[other].shape == seen[name].shape)


@pytest.mark.parametrize("name", ["compact", "wide"])
def test_the_layers_of_shipped_models_are_listed(view_of: Callable[..., View], name: str) -> None:
    model = load_model(name)
    view = view_of(model)
    listed = {layer.name: (layer.channels, layer.cell) for layer in unet_layers(of_card(model))}
    require_same(listed, layers_of(view), view)
    assert chosen_layer(view, {})[0] in listed


@settings(max_examples=20, deadline=None)
@given(ARCHITECTURES)
def test_the_layers_of_any_network_of_the_family_are_listed(
    view_of: Callable[..., View], shipped_model: Model, architecture: dict[str, Any]
) -> None:
    card = replace(shipped_model.card, architecture={"family": "unet", **architecture})
    torch.manual_seed(1)
    network = UNet(card.mean, card.std, **architecture).eval().requires_grad_(False)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.bias.fill_(0.1)  # or small networks give nothing but zeros
    model = replace(shipped_model, card=card, network=network, sha256=str(architecture))
    view = view_of(model, rows=16, cols=16)
    listed = {layer.name: (layer.channels, layer.cell) for layer in unet_layers(of_card(model))}
    require_same(listed, layers_of(view), view)


def test_no_layers_are_listed_of_other_families_and_of_what_is_no_card() -> None:
    exported = {"architecture": {"family": "exported", "format": "torchscript"}}
    for card in (exported, {}, {"architecture": 3}, {"architecture": {"family": "unet"}}):
        assert unet_layers(card) == ()


def test_each_layer_says_what_it_does_in_words_that_tell_it_from_others(shipped_model: Model) -> None:
    for name in ("compact", "wide"):
        layers = unet_layers(of_card(load_model(name)))
        assert len({(layer.text, layer.cell) for layer in layers}) == len(layers)
    assert unet_layers(of_card(shipped_model))[-1].text == "the answer, a logit (1 channel)"


def test_an_unknown_layer_is_refused_with_the_list_of_those_that_exist(
    view_of: Callable[..., View], shipped_model: Model
) -> None:
    view = view_of(shipped_model)
    with pytest.raises(RequestError, match="no layer “conv99”") as refused:
        chosen_layer(view, {"layer": "conv99"})
    assert all(layer.name in refused.value.hint for layer in unet_layers(of_card(shipped_model)))
