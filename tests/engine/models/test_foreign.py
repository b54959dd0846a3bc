"""Networks of the user's own: opened with consent only, tried before they are taken, and run as they are."""

import hashlib
import json
import os
import pickle
import shutil
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from solar_saliency_plugin.contract.errors import (
    CancelledError,
    ModelInvalidError,
    ModelNotTrustedError,
    ModelTamperedError,
    RequestError,
    SolarSaliencyError,
)
from solar_saliency_plugin.contract.model import (
    InstallModelRequest,
    InstallModelResult,
    ModelInfoRequest,
    RemoveModelRequest,
)
from solar_saliency_plugin.contract.places import MODELS_VARIABLE
from solar_saliency_plugin.engine.job import Job, SilentListener
from solar_saliency_plugin.engine.models import receptive_field
from solar_saliency_plugin.engine.models.foreign import ForeignNetwork
from solar_saliency_plugin.engine.models.info import model_info
from solar_saliency_plugin.engine.models.install import install_model, remove_model
from solar_saliency_plugin.engine.models.registry import CARD, TRUSTED, Model, installed_models, load_model
from solar_saliency_plugin.engine.models.runtime import Runtime

AUTO = torch.export.Dim.AUTO
BANDS = "B02,B04,B08"

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


class Plain(nn.Module):
    """Two 3×3 convolutions, a pooling and a skip connection: sees 4 pixels far, stride 2."""

    def __init__(self, bands: int = 3, outputs: int = 1) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(bands, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.second = nn.Conv2d(6, 6, 3, padding=1)
        self.head = nn.Conv2d(12, outputs, 1)
        self.relu = nn.ReLU()
        nn.init.normal_(self.norm.running_mean, 0, 0.5)
        nn.init.uniform_(self.norm.running_var, 0.5, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skip = self.relu(self.norm(self.first(x)))
        low = self.relu(self.second(nn.functional.max_pool2d(skip, 2)))
        risen = nn.functional.interpolate(low, scale_factor=2.0, mode="nearest")
        return self.head(torch.cat((skip, risen), 1))


class Even(Plain):
    """Takes any size: nothing is pooled."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skip = self.relu(self.norm(self.first(x)))
        return self.head(torch.cat((skip, self.relu(self.second(skip))), 1))


class Global(Plain):
    """Adds the mean of its whole window."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = self.relu(self.first(x))
        return self.head(torch.cat((features, features.mean(dim=(2, 3), keepdim=True).expand_as(features)), 1))


class Then(nn.Module):
    """A network and something done to its answer."""

    def __init__(self, network: nn.Module, then: Callable[[torch.Tensor], object]) -> None:
        super().__init__()
        self.network, self.then = network, then

    def forward(self, x: torch.Tensor) -> object:
        return self.then(self.network(x))


def exported(path: Path, network: nn.Module, size: tuple[int, int] | None = None, bands: int = 3) -> Path:
    """Save as torch.export does it: for one size, or for any."""
    shapes = None if size else {0: AUTO, 2: AUTO, 3: AUTO}
    example = torch.rand(1 if size else 2, bands, *(size or (64, 96)))
    program = torch.export.export(network.eval(), (example,), dynamic_shapes=shapes and (shapes,))
    torch.export.save(program, path)
    return path


def scripted(path: Path, network: nn.Module) -> Path:
    torch.jit.script(network.eval()).save(str(path))
    return path


def install(path: Path, job: Job | None = None, **options: object) -> InstallModelResult:
    settings: dict = {"source": str(path), "trust": True, "name": "own", "network_bands": BANDS, **options}
    return install_model(InstallModelRequest(**settings), job or Job.silent())


def direct(network: nn.Module, window: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return network.eval()(torch.from_numpy(window)[None])[0, 0].numpy()


def window_of(height: int, width: int, bands: int = 3) -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 0.6, (bands, height, width)).astype(np.float32)


def run(model: Model, window: np.ndarray) -> tuple[np.ndarray, list[str]]:
    told: list[str] = []
    runtime = Runtime(model, device="cpu", warn=told.append)
    return runtime.probability(window, np.ones(window.shape[1:], bool)), told


@pytest.fixture(scope="module")
def plain_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that takes any even size."""
    return exported(tmp_path_factory.mktemp("plain") / "own.pt2", Plain())


@pytest.fixture(scope="module")
def plain_installed(plain_file: Path) -> Path:
    """A folder of installed models with that network, for copying."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MODELS_VARIABLE, str(plain_file.parent / "installed"))
        install(plain_file)
    return plain_file.parent / "installed"


@pytest.fixture
def own(models: Path, plain_installed: Path) -> Path:
    """The network of ``plain_file``, installed under the name “own”."""
    shutil.copytree(plain_installed, models)
    return models / "own"


# Consent


class Bomb:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple:
        return (Path.touch, (self.target,))


def test_without_consent_not_a_byte_is_deserialised(
    models: Path, plain_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.export, "load", lambda *_: pytest.fail("opened"))
    monkeypatch.setattr(torch.jit, "load", lambda *_, **__: pytest.fail("opened"))
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("read"))
    with pytest.raises(ModelNotTrustedError) as caught:
        install(plain_file, trust=False)
    assert "runs it" in caught.value.message and "trust" in caught.value.hint
    assert not models.exists()


def test_a_model_folder_with_a_program_needs_consent_too(own: Path, models: Path, tmp_path: Path) -> None:
    (models / "own").rename(tmp_path / "from somebody")
    with pytest.raises(ModelNotTrustedError):
        install(tmp_path / "from somebody", name="again", trust=False)
    with pytest.raises(ModelNotTrustedError):
        load_model(str(tmp_path / "from somebody"))
    assert install(tmp_path / "from somebody", name="again").name == "again"
    assert load_model("again").card.bands == ("B02", "B04", "B08")


def test_a_program_put_among_the_installed_models_is_not_opened(own: Path, models: Path, tmp_path: Path) -> None:
    (models / TRUSTED / "own").unlink()
    (entry,) = [entry for entry in installed_models() if not entry.shipped]
    assert entry.problem
    with pytest.raises(ModelInvalidError):
        load_model("own")
    with pytest.raises(ModelNotTrustedError):
        load_model(str(models / "own"))


@pytest.mark.parametrize("with_hash", [False, True])
def test_a_network_changed_after_consent_is_not_opened(
    own: Path, models: Path, tmp_path: Path, with_hash: bool
) -> None:
    exploded = tmp_path / "exploded"
    changed = pickle.dumps(Bomb(exploded))
    (own / "network.pt2").write_bytes(changed)
    if with_hash:  # whoever changes the network can change the hash beside it
        line = f"{hashlib.sha256(changed).hexdigest()}  network.pt2\n"
        (own / "network.pt2.sha256").write_text(line, encoding="ascii")
    with pytest.raises(ModelTamperedError):
        load_model("own")
    assert not exploded.exists()


def test_consent_is_forgotten_with_the_model(own: Path, models: Path, tmp_path: Path) -> None:
    remove_model(RemoveModelRequest(name="own"), Job.silent())
    assert list((models / TRUSTED).iterdir()) == []


def test_loading_an_installed_network_asks_no_more(own: Path, models: Path, tmp_path: Path) -> None:
    assert isinstance(load_model("own").network, ForeignNetwork)


# What is refused


@pytest.mark.parametrize("content", ["pickle", "weights", "text", "empty", "zip", "compiled", "cut"])
def test_what_is_no_network_is_refused_unopened(content: str, models: Path, tmp_path: Path, plain_file: Path) -> None:
    path, exploded = tmp_path / "own.pt2", tmp_path / "exploded"
    if content == "weights":
        torch.save({"bomb": Bomb(exploded)}, path)
    elif content in ("zip", "compiled"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data/aotinductor/model/x.so" if content == "compiled" else "x", b"x")
    elif content == "cut":
        path.write_bytes(plain_file.read_bytes()[:-500])
    else:
        path.write_bytes({"pickle": pickle.dumps(Bomb(exploded)), "text": b"hello", "empty": b""}[content])
    with pytest.raises(ModelInvalidError) as caught:
        install(path)
    assert caught.value.hint and not exploded.exists()
    assert not models.exists()


def test_a_damaged_network_is_refused(models: Path, tmp_path: Path, plain_file: Path) -> None:
    with zipfile.ZipFile(plain_file) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    path = tmp_path / "own.pt2"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, b"{}" if name.endswith("model.json") else content)
    with pytest.raises(ModelInvalidError, match="cannot open"):
        install(path)


@pytest.mark.parametrize(
    ("then", "reason"),
    [
        (lambda y: torch.cat((y, y), 1), r"\(1, 2, "),
        (lambda y: y[..., ::2, ::2], r"32"),
        (lambda y: y.mean(dim=(2, 3)), r"\(1, 1\)"),
        (lambda y: (y > 0).to(torch.uint8), "uint8"),
        (lambda y: {"out": y}, "dict"),
        (lambda y: (y, y), "tuple"),
        (lambda y: torch.log(y - 1e6), "not finite"),
        (lambda y: y / 0, "not finite"),
    ],
    ids=["two classes", "half size", "one value", "classes", "dict", "tuple", "nan", "infinite"],
)
def test_answers_that_are_no_probability_image_are_refused(
    then: Callable[[torch.Tensor], object], reason: str, models: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelInvalidError, match=reason) as caught:
        install(exported(tmp_path / "own.pt2", Then(Plain(), then), (64, 64)))
    assert caught.value.hint
    assert not models.exists()


def test_the_wrong_number_of_bands_is_told(models: Path, tmp_path: Path) -> None:
    for path in (exported(tmp_path / "a.pt2", Plain(4), bands=4), scripted(tmp_path / "a.pt", Plain(4))):
        with pytest.raises(ModelInvalidError, match="takes 4 bands; 3 were named"):
            install(path)


@pytest.mark.parametrize("bands", ["", "B02,B02,B03", "B02,B04,B99", "red, green, blue"])
def test_wrong_names_of_bands_are_refused(bands: str, models: Path, plain_file: Path) -> None:
    with pytest.raises(RequestError):
        install(plain_file, network_bands=bands)


def test_logits_called_probabilities_are_refused(models: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelInvalidError, match="no probabilities") as caught:
        install(exported(tmp_path / "own.pt2", Then(Plain(), lambda y: y * 3)), network_gives="probabilities")
    assert "logits" in caught.value.hint


def test_probabilities_called_logits_are_told(models: Path, tmp_path: Path) -> None:
    result = install(exported(tmp_path / "own.pt2", Then(Plain(), torch.sigmoid)))
    assert "probabilities" in result.warnings[0]


@pytest.mark.parametrize("what", ["batch norm", "dropout"])
def test_a_network_saved_while_it_is_trained_is_refused(what: str, models: Path, tmp_path: Path) -> None:
    network = Plain().train() if what == "batch norm" else Then(Plain().eval(), nn.Dropout(0.5))
    program = torch.export.export(network, (torch.rand(1, 3, 64, 64),))
    torch.export.save(program, tmp_path / "own.pt2")
    with pytest.raises(ModelInvalidError, match=what) as caught:
        install(tmp_path / "own.pt2")
    assert "eval()" in caught.value.hint


def test_nan_on_a_real_scene_is_told_not_stored(models: Path, tmp_path: Path) -> None:
    install(exported(tmp_path / "own.pt2", Then(Plain(), lambda y: torch.where(y.abs() > 40, torch.nan, y))))
    window = window_of(32, 32)
    window[:, 3, 3] = 1e6
    with pytest.raises(ModelInvalidError, match="not finite"):
        run(load_model("own"), window)


# What is taken


@pytest.mark.parametrize("save", [exported, scripted])
def test_probability_is_that_of_the_network_called_directly(
    save: Callable[[Path, nn.Module], Path], models: Path, tmp_path: Path
) -> None:
    network = Even()
    install(save(tmp_path / "own", network))
    for size in ((64, 48), (600, 300), (30, 2), (61, 47)):
        window = window_of(*size)
        probability, told = run(load_model("own"), window)
        np.testing.assert_allclose(probability, 1 / (1 + np.exp(-direct(network, window))), atol=1e-6)
        assert not told


@pytest.mark.parametrize("save", [exported, scripted])
def test_a_network_that_takes_even_sizes_only_is_filled_up(
    save: Callable[[Path, nn.Module], Path], models: Path, tmp_path: Path
) -> None:
    network = Plain()
    install(save(tmp_path / "own", network))
    model = load_model("own")
    assert (model.card.receptive_field, model.card.stride) == (4, 2)
    assert model.card.architecture["multiple"] == 2
    window = window_of(64, 48)
    expected = 1 / (1 + np.exp(-direct(network, window)))
    np.testing.assert_allclose(run(model, window)[0], expected, atol=1e-6)
    odd, _ = run(model, window[:, :63, :47])
    np.testing.assert_allclose(odd[:-6, :-6], expected[:-7, :-7], atol=1e-6)
    assert np.isfinite(odd).all()


def test_probabilities_and_scale_are_those_of_the_network(models: Path, tmp_path: Path) -> None:
    network = Then(Even(), lambda y: torch.sigmoid(y / 10000))
    install(exported(tmp_path / "own.pt2", network), network_scale=10000.0, network_gives="probabilities")
    model, window = load_model("own"), window_of(40, 40)
    expected = direct(network, window * 10000)
    np.testing.assert_array_equal(run(model, window)[0], expected)
    logits = direct(model.network, window)
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), expected, atol=2e-6)


def test_certain_probabilities_have_finite_logits(models: Path, tmp_path: Path) -> None:
    network = Then(Plain(), lambda y: (y > y.mean()).float())
    install(exported(tmp_path / "own.pt2", network, (64, 64)), network_gives="probabilities")
    logits = direct(load_model("own").network, window_of(64, 64))
    assert np.isfinite(logits).all() and np.abs(logits).max() > 10


@pytest.mark.parametrize("save", ["exported", "traced"])
def test_a_network_of_one_size_gives_what_it_would_give_untiled(save: str, models: Path, tmp_path: Path) -> None:
    network = Plain()
    if save == "exported":
        install(exported(tmp_path / "own.pt2", network, (64, 64)))
    else:
        # A baked-in size of the upsampling makes it one of 64 × 64 pixels.
        fixed = Then(network, lambda y: nn.functional.interpolate(y, size=(64, 64), mode="nearest"))
        torch.jit.trace(fixed.eval(), torch.rand(1, 3, 64, 64)).save(str(tmp_path / "own.pt"))
        install(tmp_path / "own.pt")
    model = load_model("own")
    assert model.card.architecture["size"] == (64, 64)
    assert model.card.architecture["local"] and model.card.receptive_field == 4
    window = window_of(150, 202)
    probability, told = run(model, window)
    np.testing.assert_allclose(probability, 1 / (1 + np.exp(-direct(network, window))), atol=1e-6)
    assert "64 × 64" in told[0] and "4 pixels" in told[0]
    with pytest.raises(ModelInvalidError, match="does not take"):
        direct(model.network, window)


@pytest.mark.parametrize("size", [None, (256, 256), (96, 128)])
def test_a_network_that_looks_at_its_whole_window_is_run_in_windows_and_told(
    size: tuple[int, int] | None, models: Path, tmp_path: Path
) -> None:
    install(exported(tmp_path / "own.pt2", Global(), size))
    model = load_model("own")
    assert not model.card.architecture["local"]
    rows, columns = model.card.architecture["size"]
    assert (rows, columns) == (size or (256, 256))
    assert "whole windows" in model.card.summary
    probability, told = run(model, window_of(500, 300))
    assert np.isfinite(probability).all()
    assert "seams may show" in told[0] and str(model.card.architecture["margin"]) in told[0]
    small, _ = run(model, window_of(20, 30))
    assert np.isfinite(small).all()


def test_the_middle_of_a_window_is_what_the_network_says_of_that_window(models: Path, tmp_path: Path) -> None:
    network = Global()
    install(exported(tmp_path / "own.pt2", network, (96, 96)))
    window = window_of(96, 200)
    expected = 1 / (1 + np.exp(-direct(network, window[:, :, :96].copy())))
    probability, _ = run(load_model("own"), window)
    margin = load_model("own").card.architecture["margin"]
    np.testing.assert_allclose(probability[:, : 96 - margin], expected[:, : 96 - margin], atol=1e-6)


def test_a_network_that_treats_places_differently_is_run_in_windows(models: Path, tmp_path: Path) -> None:
    class Placed(Plain):
        def __init__(self) -> None:
            super().__init__()
            self.places = nn.Parameter(torch.rand(1, 3, 64, 64))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x + self.places)

    install(exported(tmp_path / "own.pt2", Placed(), (64, 64)))
    assert not load_model("own").card.architecture["local"]


@pytest.mark.parametrize(("depth", "convolutions"), [(0, 2), (1, 1), (2, 1)])
def test_our_own_family_exported_sees_as_far_as_was_measured_on_it(
    network_of: Callable[..., nn.Module], depth: int, convolutions: int, models: Path, tmp_path: Path
) -> None:
    network = network_of(depth=depth, convolutions=convolutions)
    reach, stride = receptive_field.measure(network, 3)
    install(exported(tmp_path / "own.pt2", network, (128, 128)))
    card = load_model("own").card
    assert card.stride == stride
    assert reach <= card.receptive_field < reach + stride
    window = window_of(260, 200)
    np.testing.assert_allclose(run(load_model("own"), window)[0], 1 / (1 + np.exp(-direct(network, window))), atol=1e-5)


class Transposed(nn.Module):
    """Pools twice, and rises by transposed convolutions."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.down = nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(4), nn.Conv2d(4, 8, 3, padding=1)
        )
        self.up = nn.Sequential(nn.GELU(), nn.ConvTranspose2d(8, 4, 3, 2, 1, 1), nn.ConvTranspose2d(4, 1, 2, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.up(self.down(x))


class Reflecting(nn.Module):
    """Dilated convolutions of an index, with reflection at the edges: needs windows of some size."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.near = nn.Conv2d(1, 4, 3, padding=2, dilation=2, padding_mode="reflect")
        self.far = nn.Conv2d(4, 1, 3, padding=5, dilation=5, padding_mode="reflect")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        index = (x[:, 2:] - x[:, 1:2]) / (x[:, 2:] + x[:, 1:2] + 1e-6)
        return self.far(nn.functional.silu(self.near(index)))


class Attending(nn.Module):
    """Attention within cells of 8 × 8 pixels, then a convolution."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.mix = nn.Conv2d(3, 4, 1), nn.Linear(4, 12)
        self.head = nn.Conv2d(4, 1, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = self.embed(x)
        count, channels, height, width = features.shape
        cells = features.reshape(count, channels, height // 8, 8, width // 8, 8).permute(0, 2, 4, 3, 5, 1)
        query, key, value = self.mix(cells.reshape(-1, 64, channels)).chunk(3, -1)
        mixed = torch.softmax(query @ key.transpose(1, 2), -1) @ value
        mixed = mixed.reshape(count, height // 8, width // 8, 8, 8, channels).permute(0, 5, 1, 3, 2, 4)
        return self.head(features + mixed.reshape(count, channels, height, width))


@pytest.mark.parametrize(
    ("network", "reach", "stride"), [(Transposed(), 11, 4), (Reflecting(), 7, 1), (Attending(), 8, 8)], ids=str
)
def test_whatever_a_network_is_made_of_its_windows_fit(
    network: nn.Module, reach: int, stride: int, models: Path, tmp_path: Path
) -> None:
    install(exported(tmp_path / "own.pt2", network))
    model, window = load_model("own"), window_of(600, 320)
    assert model.card.architecture["local"] and model.card.stride == stride
    assert reach <= model.card.receptive_field < reach + stride
    np.testing.assert_allclose(run(model, window)[0], 1 / (1 + np.exp(-direct(network, window))), atol=1e-5)


def test_a_sight_measured_too_small_would_be_noticed(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receptive_field, "measure_foreign", lambda *_: (6, 1))
    install(exported(tmp_path / "own.pt2", Reflecting()))
    assert not load_model("own").card.architecture["local"]


def test_a_network_that_takes_no_batches_gets_one_window_at_a_time(models: Path, tmp_path: Path) -> None:
    network = Plain()
    install(exported(tmp_path / "own.pt2", network, (64, 64)))
    model = load_model("own")
    assert model.card.architecture["one_by_one"]
    images = torch.rand(3, 3, 64, 64)
    torch.testing.assert_close(model.network(images), network.eval()(images))


def test_gradients_pass_through(own: Path, models: Path, tmp_path: Path) -> None:
    reflectance = torch.rand(1, 3, 32, 32, requires_grad=True)
    load_model("own").network(reflectance).sum().backward()
    assert reflectance.grad is not None and (reflectance.grad != 0).any()


def test_the_card_can_be_read_again_and_modelinfo_measures_it(models: Path, plain_file: Path) -> None:
    result = install(plain_file, title="My network", network_threshold=0.3)
    told = model_info(ModelInfoRequest(model="own"), Job.silent())
    assert told.card["title"] == "My network" == result.title and told.card["threshold"] == 0.3
    assert (told.receptive_field, told.stride) == (4, 2) and told.parameters > 0 and not told.warnings
    assert "never measured" in told.card["summary"]
    assert json.loads((models / "own" / CARD).read_text(encoding="utf-8"))["architecture"]["format"] == "torch.export"


@pytest.mark.parametrize(
    "change",
    [
        {"size": [64]},
        {"size": [64, 10**6]},
        {"margin": 600},
        {"multiple": 0},
        {"maximum": 0},
        {"scale": 0},
        {"scale": float("inf")},
        {"gives": "classes"},
        {"format": "pickle"},
        {"activations": "os"},
        {"code": "import os"},
        {"format": "torchscript"},
    ],
    ids=str,
)
def test_a_card_that_was_tampered_with_is_refused(change: dict, own: Path, models: Path, tmp_path: Path) -> None:
    values = json.loads((models / "own" / CARD).read_text(encoding="utf-8"))
    values["architecture"].update(change)
    (models / "own" / CARD).write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(ModelInvalidError):
        load_model("own")


def test_modelinfo_says_that_a_whole_window_matters(models: Path, tmp_path: Path) -> None:
    install(exported(tmp_path / "own.pt2", Global(), (64, 64)))
    told = model_info(ModelInfoRequest(model="own"), Job.silent())
    assert told.receptive_field == 63 and "whole windows of 64 × 64" in told.card["summary"] and not told.warnings


def test_the_card_of_torchscript_says_what_cannot_explain_it(models: Path, tmp_path: Path) -> None:
    install(scripted(tmp_path / "own.pt", Plain()))
    model = load_model("own")
    assert model.card.architecture["activations"] == "inside"
    assert all(method in model.card.summary for method in ("DeepLIFT", "LRP", "guided backpropagation"))


def test_the_activations_of_an_installed_network_are_modules(own: Path) -> None:
    relus = [module for module in load_model("own").network.modules() if isinstance(module, nn.ReLU)]
    assert len(relus) == 2 and load_model("own").card.architecture["activations"] == "modules"


def test_cancelling_stops_a_foreign_network(own: Path, models: Path, tmp_path: Path) -> None:
    runtime = Runtime(load_model("own"), device="cpu")
    with pytest.raises(CancelledError):
        runtime.probability(window_of(64, 64), np.ones((64, 64), bool), lambda: True)


def test_invalid_pixels_are_nan_and_not_seen(own: Path, models: Path, tmp_path: Path) -> None:
    runtime = Runtime(load_model("own"), device="cpu")
    window, valid = window_of(40, 40), np.random.default_rng(2).random((40, 40)) < 0.7
    spoiled = np.where(valid, window, np.nan).astype(np.float32)
    probability = runtime.probability(spoiled, valid)
    np.testing.assert_array_equal(np.isnan(probability), ~valid)
    np.testing.assert_array_equal(probability, runtime.probability(np.where(valid, window, 7), valid))


def test_the_same_window_gives_the_same_bytes_every_time(models: Path, tmp_path: Path) -> None:
    install(scripted(tmp_path / "own.pt", Plain()))
    runtime = Runtime(load_model("own"), device="cpu")
    window, valid = window_of(64, 64), np.ones((64, 64), bool)
    assert len({runtime.probability(window, valid).tobytes() for _ in range(4)}) == 1


def test_saved_bytes_are_what_is_installed(own: Path, plain_file: Path) -> None:
    assert (own / "network.pt2").read_bytes() == plain_file.read_bytes()


def test_a_network_that_does_not_run_on_the_graphics_card_runs_on_the_processor(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: nn.Module, device: str) -> nn.Module:
        raise RuntimeError("Expected all tensors to be on the same device")

    window = window_of(40, 40)
    expected, _ = run(load_model("own"), window)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(ForeignNetwork, "to", fail)
    told: list[str] = []
    runtime = Runtime(load_model("own"), device="auto", warn=told.append)
    assert runtime.device == "cpu" and "graphics card" in told[0]
    np.testing.assert_array_equal(runtime.probability(window, np.ones((40, 40), bool)), expected)


def test_detection_asks_for_no_more_memory_than_for_our_own(own: Path) -> None:
    assert Runtime(load_model("own"), device="cpu").memory_per_pixel() == 4 * (2 * 3 + 2)
    assert Runtime(load_model("own"), device="cpu").window is None


def test_installing_can_be_cancelled_and_leaves_nothing(models: Path, plain_file: Path) -> None:
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(CancelledError):
        install(plain_file, Job(SilentListener(), cancelled))
    assert not models.exists()


def test_a_consent_for_other_bytes_under_the_same_name_is_replaced(own: Path, models: Path, tmp_path: Path) -> None:
    first = load_model("own").sha256
    second = install(exported(tmp_path / "even.pt2", Even()), replace=True)
    assert second.replaced and second.sha256 != first
    assert load_model("own").sha256 == second.sha256
    network = (own / "network.pt2").read_bytes()
    assert (models / TRUSTED / "own").read_text().strip() == hashlib.sha256(network).hexdigest()


@pytest.mark.parametrize("failing", [1, 2])
def test_a_failure_while_replacing_keeps_the_old_network_and_the_consent_to_it(
    failing: int, own: Path, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, consent = load_model("own").sha256, (models / TRUSTED / "own").read_bytes()
    calls: list[int] = []
    rename = os.rename

    def fail(source: Path, target: Path) -> None:
        calls.append(1)
        if len(calls) == failing:
            raise OSError(28, "No space left on device")
        rename(source, target)

    other = exported(tmp_path / "even.pt2", Even())
    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(SolarSaliencyError, match="disk is full"):
        install(other, replace=True)
    assert (models / TRUSTED / "own").read_bytes() == consent
    assert load_model("own").sha256 == first


@pytest.mark.parametrize("change", [{"scale": 2.0}, {"gives": "probabilities"}, {"margin": 1}, {"maximum": 64}])
def test_the_same_network_run_in_another_way_is_another_model(own: Path, change: dict) -> None:
    first = load_model("own").sha256
    values = json.loads((own / CARD).read_text(encoding="utf-8"))
    values["architecture"].update(change)
    (own / CARD).write_text(json.dumps(values), encoding="utf-8")
    assert load_model("own").sha256 != first
