"""Cards survive a round trip, and nothing in a foreign one is believed."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from solar_saliency_plugin.contract.errors import ModelInvalidError
from solar_saliency_plugin.engine.models.card import MAXIMUM_SIZE, Card
from solar_saliency_plugin.engine.models.registry import CARD


def test_card_is_the_same_after_writing_and_reading(model_folder: Path, tmp_path: Path) -> None:
    card = Card.read(model_folder / CARD)
    card.write(tmp_path / "again.json")
    assert Card.read(tmp_path / "again.json") == card
    assert (tmp_path / "again.json").read_bytes() == (model_folder / CARD).read_bytes()


def _changed(path: Path, change: dict) -> None:
    values = json.loads(path.read_text(encoding="utf-8"))
    for key, value in change.items():
        outer, _, inner = key.partition(".")
        if inner:
            values[outer][inner] = value
        else:
            values[outer] = value
    path.write_text(json.dumps(values), encoding="utf-8")


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../escape"},
        {"name": 7},
        {"title": None},
        {"bands": ["B02", "B04", "B04"]},
        {"bands": ["B02", "B04", "B77"]},
        {"bands": "B02"},
        {"bands": []},
        {"units": "DN"},
        {"level": "L3"},
        {"resampling": "cubic"},
        {"pixel_size": 30},
        {"mean": [0.1]},
        {"mean": [0.1, 0.1, "0.1"]},
        {"mean": [0.1, 0.1, float("nan")]},
        {"std": [0.1, 0.1, 0.0]},
        {"std": [0.1, 0.1, True]},
        {"receptive_field": -1},
        {"receptive_field": 2.5},
        {"stride": 0},
        {"threshold": 0},
        {"core": 0},
        {"core": 1},
        {"core": "0.9"},
        {"core": True},
        {"threshold": 1.5},
        {"threshold": "0.5"},
        {"threshold": 10**400},
        {"mean": [10**400, 0, 0]},
        {"std": [1, 10**400, 1]},
        {"stride": 10**400},
        {"title": "half a character \ud800"},
        {"training": {"loss": float("nan")}},
        {"quality": {"iou": float("inf")}},
        {"training": json.loads("[" * 50 + "]" * 50)},
        {"training": {"deep": json.loads('{"a":' * 300 + "1" + "}" * 300)}},
        {"training": []},
        {"extra": 1},
        {"architecture": "unet"},
        {"architecture.family": "transformer"},
        {"architecture.stem": []},
        {"architecture.stem": [10**9]},
        {"architecture.width": 10**9},
        {"architecture.depth": 40},
        {"architecture.depth": -1},
        {"architecture.convolutions": 0},
        {"architecture.convolutions": 10**6},
        {"architecture.code": "import os"},
    ],
    ids=str,
)
def test_wrong_field_is_refused(model_folder: Path, change: dict) -> None:
    _changed(model_folder / CARD, change)
    with pytest.raises(ModelInvalidError, match="card") as caught:
        Card.read(model_folder / CARD)
    assert caught.value.hint


@pytest.mark.parametrize(
    "content", [b"", b"[1]", b"{", b"\xff\xfe\x00", b"[" * 100_000, b"1" * 10_000, b" " * 2_000_000]
)
def test_file_that_is_no_card_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / CARD).write_bytes(content)
    with pytest.raises(ModelInvalidError):
        Card.read(tmp_path / CARD)


def test_a_card_that_is_too_long_by_lines_is_written_without_them(model_folder: Path, tmp_path: Path) -> None:
    card = replace(Card.read(model_folder / CARD), training={"trials": [[[list(range(10))]]] * 20_000})
    card.write(tmp_path / CARD)
    assert (tmp_path / CARD).stat().st_size <= MAXIMUM_SIZE
    assert Card.read(tmp_path / CARD) == card


@pytest.mark.parametrize("change", [{"summary": "x" * MAXIMUM_SIZE}, {"title": "\ud800"}, {"quality": {"iou": np.inf}}])
def test_a_card_that_could_not_be_read_again_is_not_written(model_folder: Path, tmp_path: Path, change: dict) -> None:
    with pytest.raises(ModelInvalidError):
        replace(Card.read(model_folder / CARD), **change).write(tmp_path / CARD)
    assert not (tmp_path / CARD).exists()


def test_a_card_of_a_model_that_asks_for_no_core_may_leave_it_out(model_folder: Path) -> None:
    values = json.loads((model_folder / CARD).read_text(encoding="utf-8"))
    values.pop("core")
    (model_folder / CARD).write_text(json.dumps(values), encoding="utf-8")
    assert Card.read(model_folder / CARD).core is None


def test_missing_field_is_named(model_folder: Path) -> None:
    values = json.loads((model_folder / CARD).read_text(encoding="utf-8"))
    del values["threshold"]
    (model_folder / CARD).write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(ModelInvalidError, match="missing threshold"):
        Card.read(model_folder / CARD)
