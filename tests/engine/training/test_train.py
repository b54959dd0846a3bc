"""Training from a user's scene and outlines: a model that works, written whole or not at all, and no run in vain."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from solar_saliency_plugin.contract.errors import (
    CancelledError,
    DiskFullError,
    LabelsUnsuitableError,
    OutputUnwritableError,
    RequestError,
)
from solar_saliency_plugin.contract.places import SHIPPED_MODELS, models_folder
from solar_saliency_plugin.contract.training import FinetuneRequest, LearnedResult, TrainRequest
from solar_saliency_plugin.engine.dispatch import run_method
from solar_saliency_plugin.engine.job import Job, SilentListener
from solar_saliency_plugin.engine.models.registry import load_model
from solar_saliency_plugin.engine.training import checkpoint, learning
from solar_saliency_plugin.engine.training.crops import GroundWindow
from solar_saliency_plugin.engine.training.farms import FarmView
from solar_saliency_plugin.engine.training.finetune import finetune
from solar_saliency_plugin.engine.training.kept_out import Measured
from solar_saliency_plugin.engine.training.scores import Tally
from solar_saliency_plugin.engine.training.train import train
from solar_saliency_plugin.engine.windowed.sole_writer import sole_writer

pytestmark = pytest.mark.usefixtures("one_thread", "few_statistics")

OUTPUTS = {"card.json", "curve.png", "weights.safetensors", "weights.safetensors.sha256"}


class Log(SilentListener):
    """Keeps what was told; calls back when a line holds these words."""

    def __init__(self, at: str = "", then: Callable[[], None] = lambda: None) -> None:
        self.lines: list[str] = []
        self._at, self._then = at, then

    def informed(self, message: str) -> None:
        self.lines.append(message)
        if self._at and self._at in message:
            self._then()


@pytest.fixture
def request_of(farm_scene: Path, farm_outlines: Callable[..., str], tmp_path: Path) -> Callable[..., TrainRequest]:
    """Makes a request of a few steps that can be learned in seconds."""

    def make(count: int = 9, **options) -> TrainRequest:
        settings = {"output": str(tmp_path / "mine"), "steps": 20, "batch": 4, "precision": "float32", **options}
        return TrainRequest(scenes=(str(farm_scene),), polygons=farm_outlines(count), **settings)

    return make


def _cancelled(request: TrainRequest, words: str) -> CancelledError:
    stop = threading.Event()
    with pytest.raises(CancelledError) as caught:
        train(request, Job(Log(words, stop.set), stop))
    return caught.value


def _bytes(folder: str | Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def _beside(request: TrainRequest) -> set[str]:
    return {path.name for path in Path(request.output).parent.iterdir() if not path.name.startswith("outlines")}


@pytest.fixture
def trained(request_of: Callable[..., TrainRequest]) -> LearnedResult:
    return train(request_of(steps=60), Job.silent())


def test_a_trained_model_can_be_used_and_says_what_it_was_made_of(trained: LearnedResult) -> None:
    assert _bytes(trained.output).keys() == OUTPUTS
    model = load_model(trained.output)
    assert (model.card.name, model.card.title, model.sha256) == ("mine", "mine", trained.sha256)
    assert model.card.level == "L2A" and model.card.receptive_field == 4
    assert model.card.threshold == trained.threshold
    told = model.card.training
    assert told["data"]["places"] == {"learned": 7, "kept_out": 2} and told["data"]["licence"] == "the user's own"
    assert told["seed"] == 1 and told["software"]["torch"]
    assert model.card.quality["validation"] == trained.validation
    assert (trained.sites, trained.views, trained.problems, trained.problems_output) == (9, 9, 0, "")
    assert Path(trained.curve).read_bytes().startswith(b"\x89PNG")
    assert not any(str(Path(trained.output).parent) in text for text in (json.dumps(told), model.card.summary))


def test_it_finds_the_places_that_it_has_not_seen(trained: LearnedResult, farm_scene: Path, tmp_path: Path) -> None:
    assert trained.validation["average_precision"] > 0.95
    output = str(tmp_path / "probability.tif")
    result = run_method("detect", {"scene": str(farm_scene), "output": output, "model": trained.output}, Job.silent())
    assert result["detected_ha"] == pytest.approx(9 * 3.24, rel=0.2)


def test_the_same_request_gives_the_same_model(request_of: Callable[..., TrainRequest], tmp_path: Path) -> None:
    first = train(request_of(), Job.silent())
    again = train(request_of(output=str(tmp_path / "again")), Job.silent())
    other = train(request_of(output=str(tmp_path / "other"), seed=2), Job.silent())
    assert first.sha256 == again.sha256 != other.sha256


def test_an_interrupted_training_goes_on_and_ends_the_same(request_of: Callable[..., TrainRequest]) -> None:
    request = request_of()
    error = _cancelled(request, "Step 15 of")
    assert "step 10 of 20" in error.message and "same settings" in error.hint
    assert _beside(request) == {"mine.journal"}
    log = Log()
    resumed = train(request, Job(log))
    assert "Going on with an interrupted run at step 10 of 20." in log.lines
    assert _beside(request) == {"mine"}
    again = train(request_of(output=f"{request.output}-2"), Job.silent())
    assert (resumed.sha256, resumed.threshold, resumed.validation) == (again.sha256, again.threshold, again.validation)


def test_restart_starts_anew(request_of: Callable[..., TrainRequest]) -> None:
    _cancelled(request_of(), "Step 15 of")
    log = Log()
    train(request_of(restart=True), Job(log))
    assert not any("Going on" in line for line in log.lines)


def test_a_training_that_was_killed_goes_on_and_ends_the_same(
    request_of: Callable[..., TrainRequest], few_statistics: int
) -> None:
    request = request_of(steps=60)
    state = Path(f"{request.output}.journal") / checkpoint.FILE
    program = (
        "import sys; from solar_saliency_plugin.engine import __main__ as engine; "
        "from solar_saliency_plugin.engine.training import fit, keeping; "
        "keeping.SECONDS_PER_CHECKPOINT, keeping.WRITING_SHARE = 0, 1; "
        f"fit.STATISTICS = {few_statistics}; "
        "sys.exit(engine.main())"
    )
    options = ["--scenes", *request.scenes, "--polygons", request.polygons, "--output", request.output]
    options += ["--steps", "60", "--batch", "4", "--precision", "float32"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    root = Path(__file__).parents[3]
    process = subprocess.Popen([sys.executable, "-c", program, "train", *options], cwd=root, env=environment)
    try:
        first = None
        while process.poll() is None:
            now = state.stat().st_mtime_ns if state.exists() else None
            if first is not None and now != first:
                break
            first = first or now
            time.sleep(0.005)
        assert process.poll() is None, "it ended before it could be killed"
    finally:
        process.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
        process.wait()
    assert not Path(request.output).exists()
    log = Log()
    resumed = train(request, Job(log))
    assert any("Going on with an interrupted run" in line for line in log.lines)
    assert resumed.sha256 == train(request_of(steps=60, output=f"{request.output}-2"), Job.silent()).sha256


def test_cancelling_takes_effect_within_a_second(request_of: Callable[..., TrainRequest]) -> None:
    stop, asked = threading.Event(), []

    def ask() -> None:
        asked.append(time.process_time())  # on a busy machine the clock on the wall tells of other programs
        stop.set()

    with pytest.raises(CancelledError):
        train(request_of(steps=10_000), Job(Log("places to learn from", threading.Timer(1.0, ask).start), stop))
    assert time.process_time() - asked[0] < 1.0


def test_an_old_model_is_replaced_whole(trained: LearnedResult, request_of: Callable[..., TrainRequest]) -> None:
    Path(trained.output, "problems.gpkg").write_bytes(b"of the old model")
    again = train(request_of(seed=2), Job.silent())
    assert again.output == trained.output and again.sha256 != trained.sha256
    assert _bytes(again.output).keys() == OUTPUTS
    assert load_model(again.output).sha256 == again.sha256


def test_a_disk_that_is_full_at_the_end_leaves_the_old_model_and_what_was_learned(
    trained: LearnedResult, request_of: Callable[..., TrainRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, request = _bytes(trained.output), request_of(seed=2)

    def full(*arguments) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(learning, "draw_curve", full)
        with pytest.raises(DiskFullError, match="goes on from what it has learned"):
            train(request, Job.silent())
    assert _bytes(trained.output) == before
    assert _beside(request) == {"mine", "mine.journal"}
    monkeypatch.setattr(learning.Synthesis, "patch", None)  # nothing is learned anew
    assert train(request, Job.silent()).sha256 != trained.sha256


def test_a_disk_without_room_is_found_before_anything_is_read(
    request_of: Callable[..., TrainRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 1_000_000})
    monkeypatch.setattr(learning.shutil, "disk_usage", lambda path: usage)
    monkeypatch.setattr(learning, "labelled_data", None)
    with pytest.raises(DiskFullError, match="1 MB free"):
        train(request_of(), Job.silent())


@pytest.mark.parametrize("inside", [{"thesis.odt": b"years of work"}, {"card.json": b"{}", "notes.txt": b""}], ids=str)
def test_a_folder_that_holds_something_else_is_refused_and_untouched(
    inside: dict[str, bytes], request_of: Callable[..., TrainRequest], tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, content in inside.items():
        (folder / name).write_bytes(content)
    with pytest.raises(OutputUnwritableError, match="something else than a model"):
        train(request_of(), Job.silent())
    assert _bytes(folder) == inside


def test_an_empty_folder_is_written_to(request_of: Callable[..., TrainRequest], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    assert _bytes(train(request_of(), Job.silent()).output).keys() == OUTPUTS


@pytest.mark.parametrize(
    ("output", "error", "words"),
    [
        ("", RequestError, "No output"),
        ("My Model", RequestError, "such as “my-model”"),
        ("nowhere/mine", OutputUnwritableError, "There is no folder"),
        (str(SHIPPED_MODELS / "compact"), OutputUnwritableError, "plugin's own models"),
    ],
)
def test_an_output_that_cannot_be_is_refused_before_anything_is_read(
    output: str,
    error: type[Exception],
    words: str,
    request_of: Callable[..., TrainRequest],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(learning, "labelled_data", None)
    with pytest.raises(error, match=words):
        train(request_of(output=str(tmp_path / output) if output else ""), Job.silent())


def test_an_output_that_is_a_file_is_refused(request_of: Callable[..., TrainRequest], tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"")
    with pytest.raises(OutputUnwritableError, match="is no folder"):
        train(request_of(), Job.silent())


def test_a_model_of_a_simulated_scene_says_so(tmp_path: Path) -> None:
    sample = str(tmp_path / "sample")
    run_method("samplescene", {"output": sample, "size": 700, "seed": 4}, Job.silent())
    polygons = f"{sample}/SIMULATED_truth.gpkg"
    request = FinetuneRequest(scenes=(sample,), polygons=polygons, output=str(tmp_path / "mine"), steps=10, batch=4)
    result = finetune(request, Job.silent())
    assert any("simulated" in warning for warning in result.warnings)
    assert load_model(result.output).card.summary.startswith("SIMULATED")


def test_two_trainings_of_one_model_at_a_time_are_refused(request_of: Callable[..., TrainRequest]) -> None:
    request = request_of()
    with sole_writer(Path(request.output)), pytest.raises(OutputUnwritableError, match="Another run"):
        train(request, Job.silent())


def test_fewer_than_five_places_are_refused(request_of: Callable[..., TrainRequest]) -> None:
    with pytest.raises(LabelsUnsuitableError, match=r"at 4 places, and 5 are needed.*fine-tune"):
        train(request_of(count=4), Job.silent())


def test_a_graphics_card_that_is_not_there_is_refused(
    request_of: Callable[..., TrainRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RequestError, match="no usable graphics card"):
        train(request_of(device="cuda"), Job.silent())


def test_without_ground_it_learns_from_the_farms_surroundings_and_warns(
    request_of: Callable[..., TrainRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = learning.labelled_data
    monkeypatch.setattr(learning, "labelled_data", lambda *a: learning.replace(read(*a), backgrounds=[]))
    result = train(request_of(), Job.silent())
    assert any("no ground away from solar farms" in warning for warning in result.warnings)
    assert load_model(result.output).card.training["recipe"]["chips"] == 1.0


def test_where_no_ground_is_kept_out_false_area_is_not_known_and_that_is_said() -> None:
    farms = Tally.of(np.array([0.9, 0.01]), np.array([True, False]))
    assert Measured(farms, Tally(), 0.5).facts()["false_area_percent"] is None
    assert Measured(farms, farms, 0.5).facts()["false_area_percent"] == 50


def test_calibration_is_told_of_pixels_that_the_model_is_not_sure_are_ground() -> None:
    probability = np.concatenate([np.full(10_000, 0.001), np.full(100, 0.9)])
    overconfident = Tally.of(probability, np.arange(10_100) >= 10_050)
    assert Measured(overconfident, Tally(), 0.5).facts()["calibration_error"] == pytest.approx(0.4, abs=0.001)
    silent = Tally.of(np.full(10, 0.001), np.arange(10) > 8)
    assert Measured(silent, Tally(), 0.5).facts()["calibration_error"] is None


def test_a_model_of_no_use_is_told_of() -> None:
    is_farm = np.arange(100) < 10
    for probability, told in ((np.where(is_farm, 0.9, 0.1), 0), (np.where(is_farm, 0.1, 0.9), 1)):
        job = Job.silent()
        learning._warn_of(Measured(Tally.of(probability, is_farm), Tally(), 0.5), job)
        assert sum("hardly of use" in warning for warning in job.warnings) == told


def test_farms_too_small_to_be_set_elsewhere_are_learned_where_they_stand() -> None:
    random, valid = np.random.default_rng(1), np.ones((48, 48), bool)
    coverage = np.zeros((48, 48), np.float32)
    coverage[20:23, 20:23] = 1
    picture = random.uniform(0.05, 0.4, (10, 48, 48)).astype(np.float32)
    view = FarmView(1, "2022-06-01", picture, valid, coverage, 0.0, ~valid)
    ground = GroundWindow("ground", "", "L2A", picture, valid, np.zeros((4, 2)), np.zeros((4, 2)))
    shape = {"type": "Polygon", "coordinates": [[(15, 48), (15.002, 48), (15.002, 48.002), (15, 48.002), (15, 48)]]}
    for shapes in ([shape], []):
        job = Job.silent()
        recipe, grounds = learning._recipe(learning.Recipe(), [view], [ground], bool(shapes), job)
        synthesis = learning.Synthesis([view], grounds, shapes, random, recipe)
        assert all(np.isfinite(synthesis.patch().reflectance).all() for _ in range(150))
        assert any("where they stand only" in warning for warning in job.warnings)


def test_an_installed_model_is_not_replaced(request_of: Callable[..., TrainRequest]) -> None:
    models_folder().mkdir(parents=True, exist_ok=True)
    with pytest.raises(OutputUnwritableError, match="Installed models") as caught:
        train(request_of(output=str(models_folder() / "mine")), Job.silent())
    assert "install the model" in caught.value.hint


def test_what_a_killed_run_leaves_goes_with_its_journal(tmp_path: Path) -> None:
    journal = tmp_path / "mine.journal"
    journal.mkdir()
    for name in (checkpoint.FILE, checkpoint.PART):
        (journal / name).write_bytes(b"")
    learning._remove(journal)
    assert not journal.exists()


def test_a_wide_model_looks_more_than_500_m_far(request_of: Callable[..., TrainRequest]) -> None:
    result = train(request_of(context="wide", steps=10, batch=1), Job.silent())
    card = load_model(result.output).card
    assert card.receptive_field > 50
    assert card.training["recipe"]["patch"] == 128
