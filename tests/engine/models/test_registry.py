"""Loading a model trusts none of its files."""

import hashlib
import json
import os
import pickle
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save

from solar_saliency_plugin.contract.errors import ModelInvalidError, ModelNotFoundError, ModelTamperedError
from solar_saliency_plugin.engine.models.registry import CARD, HASH, WEIGHTS, installed_models, load_model


def _replace_weights(folder: Path, weights: bytes) -> None:
    (folder / WEIGHTS).write_bytes(weights)
    (folder / HASH).write_text(f"{hashlib.sha256(weights).hexdigest()}  {WEIGHTS}\n", encoding="ascii")


def _change_card(folder: Path, change: dict) -> None:
    values = json.loads((folder / CARD).read_text(encoding="utf-8"))
    (folder / CARD).write_text(json.dumps({**values, **change}), encoding="utf-8")


def test_written_model_loads_and_says_the_same(model_folder: Path, network_of) -> None:
    model = load_model(str(model_folder))
    image = torch.rand(1, 3, 9, 7)
    assert torch.equal(model.network(image), network_of(convolutions=1)(image))
    assert not model.network.training
    assert not any(parameter.requires_grad for parameter in model.network.parameters())


@pytest.mark.parametrize(
    "change",
    [
        {"mean": [0.06, 0.08, 0.3]},
        {"std": [0.02, 0.04, 0.2]},
        {"bands": ["B02", "B08", "B04"]},
        {"level": "L1C"},
    ],
    ids=str,
)
def test_the_same_weights_with_another_card_are_another_model(model_folder: Path, change: dict) -> None:
    model, weights = load_model(str(model_folder)), (model_folder / HASH).read_bytes()
    _change_card(model_folder, change)
    changed = load_model(str(model_folder))
    assert changed.sha256 != model.sha256
    assert (model_folder / HASH).read_bytes() == weights


@pytest.mark.parametrize(
    "change", [{"title": "Another"}, {"quality": {"iou": 0.9}}, {"threshold": 0.4}, {"pixel_size": 10}], ids=str
)
def test_what_does_not_change_probabilities_does_not_change_the_model(model_folder: Path, change: dict) -> None:
    model = load_model(str(model_folder))
    _change_card(model_folder, change)
    assert load_model(str(model_folder)).sha256 == model.sha256


def test_the_hash_beside_the_weights_is_of_the_weights_file_alone(model_folder: Path) -> None:
    stated = (model_folder / HASH).read_text(encoding="ascii").split()[0]
    assert stated == hashlib.sha256((model_folder / WEIGHTS).read_bytes()).hexdigest()
    assert stated != load_model(str(model_folder)).sha256


def test_default_is_an_installed_model() -> None:
    assert load_model("default").card.name in [entry.name for entry in installed_models()]


@pytest.mark.parametrize("name", ["nonsense", "", " ", "../resources", "a\x00b", "no/such/folder"])
def test_unknown_name_lists_the_installed_models(name: str) -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        load_model(name)
    assert all(entry.name in caught.value.hint for entry in installed_models())


def test_one_changed_byte_is_tampering(model_folder: Path) -> None:
    weights = bytearray((model_folder / WEIGHTS).read_bytes())
    weights[-1] ^= 1
    (model_folder / WEIGHTS).write_bytes(weights)
    with pytest.raises(ModelTamperedError, match="published"):
        load_model(str(model_folder))


def test_hash_is_compared_before_anything_is_parsed(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(weights: bytes) -> dict:
        raise AssertionError("parsed")

    monkeypatch.setattr("safetensors.torch.load", parse)
    (model_folder / WEIGHTS).write_bytes(b"something else")
    (model_folder / CARD).write_bytes(b"no card either")
    with pytest.raises(ModelTamperedError):
        load_model(str(model_folder))


@pytest.mark.parametrize(
    "line", ["", "abc", "0" * 64, "g" * 64 + "  " + WEIGHTS, "0" * 64 + "  other.safetensors", "\u00e9" * 2000]
)
def test_hash_file_without_a_hash_is_refused(model_folder: Path, line: str) -> None:
    (model_folder / HASH).write_text(line, encoding="utf-8")
    with pytest.raises(ModelInvalidError) as caught:
        load_model(str(model_folder))
    assert caught.value.hint


@pytest.mark.parametrize("name", [WEIGHTS, HASH, CARD])
def test_missing_file_is_named(model_folder: Path, name: str) -> None:
    (model_folder / name).unlink()
    with pytest.raises(ModelInvalidError, match=name):
        load_model(str(model_folder))


@pytest.mark.parametrize("name", [WEIGHTS, HASH, CARD])
def test_a_file_that_is_a_pipe_does_not_hang(model_folder: Path, name: str) -> None:
    (model_folder / name).unlink()
    os.mkfifo(model_folder / name)
    with pytest.raises(ModelInvalidError, match=name):
        load_model(str(model_folder))


def test_pickle_is_never_opened(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple:
            return (Path.touch, (tmp_path / "exploded",))

    for name in ("model.pth", "model.pt", "model.pt2"):
        (tmp_path / name).write_bytes(pickle.dumps(Bomb()))
        with pytest.raises(ModelInvalidError, match="pickle"):
            load_model(str(tmp_path / name))
    assert not (tmp_path / "exploded").exists()


def test_pickle_in_place_of_weights_is_no_safetensors(model_folder: Path) -> None:
    _replace_weights(model_folder, pickle.dumps({"head.weight": [1.0]}))
    with pytest.raises(ModelInvalidError, match="safetensors"):
        load_model(str(model_folder))


def test_a_file_is_not_a_model_folder(model_folder: Path) -> None:
    with pytest.raises(ModelInvalidError, match="not a model folder"):
        load_model(str(model_folder / WEIGHTS))


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalidError, match="not a model folder"):
        load_model(str(tmp_path))


def _safetensors(header: bytes, length: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header


@pytest.mark.parametrize(
    "weights",
    [
        b"",
        b"\x00" * 7,
        _safetensors(b"{}", 2**63),
        _safetensors(b"{}", 99_000_000),
        _safetensors(b"not json"),
        _safetensors(json.dumps({"x": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}).encode()),
        _safetensors(json.dumps({"x": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}).encode()),
        _safetensors(json.dumps({"x": {"dtype": "NEW", "shape": [], "data_offsets": [0, 4]}}).encode()) + b"0000",
    ],
    ids=["empty", "short", "absurd header", "header beyond end", "no json", "beyond end", "negative", "unknown type"],
)
def test_damaged_safetensors_are_refused(model_folder: Path, weights: bytes) -> None:
    _replace_weights(model_folder, weights)
    with pytest.raises(ModelInvalidError, match="safetensors"):
        load_model(str(model_folder))


@pytest.mark.parametrize("cut", [1, 100, -1, -100])
def test_truncated_safetensors_are_refused(model_folder: Path, cut: int) -> None:
    _replace_weights(model_folder, (model_folder / WEIGHTS).read_bytes()[:cut])
    with pytest.raises(ModelInvalidError, match="safetensors"):
        load_model(str(model_folder))


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors: tensors.pop("head.bias"),
        lambda tensors: tensors.update(extra=torch.zeros(1)),
        lambda tensors: tensors.update({"head.bias": torch.zeros(2)}),
        lambda tensors: tensors.update({"head.bias": torch.zeros(1, dtype=torch.float64)}),
        lambda tensors: tensors.update({"head.bias": torch.tensor([float("nan")])}),
    ],
    ids=["missing", "unknown", "shape", "type", "nan"],
)
def test_weights_that_do_not_fit_the_card_are_refused(model_folder: Path, change) -> None:
    tensors = load((model_folder / WEIGHTS).read_bytes())
    change(tensors)
    _replace_weights(model_folder, save(tensors))
    with pytest.raises(ModelInvalidError, match="do not fit"):
        load_model(str(model_folder))


def test_card_that_asks_for_a_huge_network_gets_no_memory(model_folder: Path) -> None:
    values = json.loads((model_folder / CARD).read_text(encoding="utf-8"))
    values["architecture"].update(stem=[512] * 8, width=16, depth=5, convolutions=8)
    (model_folder / CARD).write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(ModelInvalidError, match="do not fit"):
        load_model(str(model_folder))


def test_card_with_a_stride_that_is_not_the_networks_is_refused(model_folder: Path) -> None:
    values = json.loads((model_folder / CARD).read_text(encoding="utf-8"))
    values["stride"] = 1
    (model_folder / CARD).write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(ModelInvalidError, match="stride"):
        load_model(str(model_folder))
