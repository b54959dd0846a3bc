"""Fine-tuning: what it started from is the least that comes out of it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from solar_saliency_plugin.contract.errors import LabelsUnsuitableError, ModelInvalidError, OutputIsInputError
from solar_saliency_plugin.contract.training import FinetuneRequest, LearnedResult
from solar_saliency_plugin.engine.job import Job
from solar_saliency_plugin.engine.models.registry import Model, load_model
from solar_saliency_plugin.engine.models.unet import UNet
from solar_saliency_plugin.engine.training import finetune as finetuning
from solar_saliency_plugin.engine.training import learning
from solar_saliency_plugin.engine.training.calibration import Calibration, calibrated
from solar_saliency_plugin.engine.training.finetune import finetune
from solar_saliency_plugin.engine.training.publication import write_model

pytestmark = pytest.mark.usefixtures("one_thread", "few_statistics")


@pytest.fixture
def request_of(farm_scene: Path, farm_outlines: Callable[..., str], tmp_path: Path) -> Callable[..., FinetuneRequest]:
    """Makes a request of a few steps that can be learned in seconds."""

    def make(count: int = 9, moved: int = 0, **options) -> FinetuneRequest:
        settings = {"output": str(tmp_path / "tuned"), "steps": 30, "batch": 8, "precision": "float32", **options}
        return FinetuneRequest(scenes=(str(farm_scene),), polygons=farm_outlines(count, moved), **settings)

    return make


@pytest.fixture
def untaught(tmp_path: Path) -> Path:
    """A model folder with the shipped model's card and random weights."""
    card = load_model("compact").card
    torch.manual_seed(3)
    architecture = {name: value for name, value in card.architecture.items() if name != "family"}
    network = UNet(card.mean, card.std, **architecture)
    write_model(tmp_path / "untaught", network.eval(), replace(card, name="untaught"))
    return tmp_path / "untaught"


def _is_no_worse(result: LearnedResult) -> bool:
    start = result.validation["start"]
    return all(result.validation[name] >= start[name] - 1e-9 for name in ("average_precision", "iou"))


def test_a_model_that_knows_nothing_learns(untaught: Path, request_of: Callable[..., FinetuneRequest]) -> None:
    result = finetune(request_of(model=str(untaught)), Job.silent())
    assert not result.validation["keeps_start"] and _is_no_worse(result)
    assert result.validation["average_precision"] > result.validation["start"]["average_precision"] + 0.1
    tuned, start = load_model(result.output), load_model(str(untaught))
    assert (tuned.card.mean, tuned.card.std, tuned.card.architecture) == (
        start.card.mean,
        start.card.std,
        start.card.architecture,
    )
    assert tuned.card.training["start"]["sha256"] == start.sha256 and tuned.card.core == start.card.core is not None
    assert "fine-tuned on" in tuned.card.summary


@pytest.mark.parametrize("moved", [0, 25])
def test_the_shipped_model_never_gets_worse_on_places_kept_out(
    moved: int, request_of: Callable[..., FinetuneRequest]
) -> None:
    result = finetune(request_of(moved=moved, keep_doubtful=True), Job.silent())
    start = load_model("default")
    if result.validation["keeps_start"]:
        assert result.sha256 == start.sha256 and result.threshold == start.card.threshold
        assert any("did not help" in warning for warning in result.warnings)
    else:
        assert _is_no_worse(result) and result.sha256 != start.sha256


def test_where_learning_does_not_help_the_old_weights_are_written(
    request_of: Callable[..., FinetuneRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finetuning, "LEARNING_RATE", 0.5)
    shipped = load_model("compact")
    result = finetune(request_of(model="compact", steps=10), Job.silent())
    assert result.validation["keeps_start"]
    written = load_model(result.output)
    assert written.sha256 == result.sha256 == shipped.sha256
    assert written.card.threshold == shipped.card.threshold
    assert written.card.core == shipped.card.core is not None
    assert "unchanged" in written.card.summary and "fine-tuned on" not in written.card.summary
    assert learning.CHOSEN not in written.card.quality["conditions"]
    figures = {name: result.validation[name] for name in result.validation["start"]}
    assert figures == result.validation["start"] and figures["threshold"] == shipped.card.threshold
    told = f"At that threshold, {shipped.card.threshold:g}, its IoU is {figures['iou']:.3f}."
    assert any("did not help" in warning and warning.endswith(told) for warning in result.warnings)
    # A network that learned at such a rate marks far more ground: what is told is of the network written.
    told = any("of the ground without" in warning for warning in result.warnings)
    assert told == (figures["false_area_percent"] > 100 * learning.MUCH_FALSE)


def test_two_places_are_enough(request_of: Callable[..., FinetuneRequest]) -> None:
    result = finetune(request_of(count=2, steps=10), Job.silent())
    assert load_model(result.output).card.training["data"]["places"] == {"learned": 1, "kept_out": 1}


def test_one_place_is_refused(request_of: Callable[..., FinetuneRequest]) -> None:
    with pytest.raises(LabelsUnsuitableError, match=r"at one place, and 2 are needed.*another place"):
        finetune(request_of(count=1), Job.silent())


def test_the_model_to_start_from_is_not_overwritten(untaught: Path, request_of: Callable[..., FinetuneRequest]) -> None:
    before = (untaught / "weights.safetensors").read_bytes()
    with pytest.raises(OutputIsInputError, match="keep the old model"):
        finetune(request_of(model=str(untaught), output=str(untaught)), Job.silent())
    assert (untaught / "weights.safetensors").read_bytes() == before


def test_a_network_of_the_users_own_is_refused(
    request_of: Callable[..., FinetuneRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    card = load_model("compact").card
    foreign = Model(card, torch.nn.Identity(), "", Path("foreign"))  # type: ignore[arg-type]
    monkeypatch.setattr(finetuning, "load_model", lambda *_: foreign)
    with pytest.raises(ModelInvalidError, match="network of your own"):
        finetune(request_of(), Job.silent())


def test_a_model_of_other_bands_is_refused(
    request_of: Callable[..., FinetuneRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = load_model("compact")
    fewer = replace(shipped, card=replace(shipped.card, bands=shipped.card.bands[:4]))
    monkeypatch.setattr(finetuning, "load_model", lambda *_: fewer)
    with pytest.raises(ModelInvalidError, match="ten bands"):
        finetune(request_of(), Job.silent())


def test_probabilities_on_places_kept_out_mean_what_they_say(
    untaught: Path, request_of: Callable[..., FinetuneRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    result = finetune(request_of(model=str(untaught), steps=60), Job.silent())
    assert result.validation["calibration_error"] <= 0.1
    monkeypatch.setattr(learning, "calibrated", lambda network, _: calibrated(network, Calibration(0.3, 0.0)))
    timid = finetune(request_of(model=str(untaught), steps=60, output=f"{result.output}-2"), Job.silent())
    assert timid.validation["calibration_error"] > 2 * result.validation["calibration_error"]
