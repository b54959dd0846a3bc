"""Models of the user's own: installed, listed, chosen and removed, and nothing outside their folder is touched."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solar_saliency_plugin.contract.errors import (
    ModelInvalidError,
    ModelNotFoundError,
    ModelTamperedError,
    RequestError,
    SolarSaliencyError,
)
from solar_saliency_plugin.contract.model import InstallModelRequest, ListModelsRequest, RemoveModelRequest
from solar_saliency_plugin.contract.options import to_json
from solar_saliency_plugin.contract.places import DEFAULT_FILE, SHIPPED_DEFAULT
from solar_saliency_plugin.engine.job import Job
from solar_saliency_plugin.engine.models.card import MAXIMUM_SIZE, Card
from solar_saliency_plugin.engine.models.install import install_model, list_models, remove_model
from solar_saliency_plugin.engine.models.registry import CARD, WEIGHTS, default_model, installed_models, load_model

#: An architecture that cards of networks of the user's own may have.
EXPORTED = {
    "family": "exported",
    "format": "torch.export",
    "gives": "logits",
    "scale": 1.0,
    "size": [],
    "multiple": 1,
    "minimum": 1,
    "maximum": 512,
    "one_by_one": False,
    "local": True,
    "margin": 4,
    "activations": "inside",
}


def install(source: Path, **options: object) -> object:
    return install_model(InstallModelRequest(source=str(source), **options), Job.silent())


def remove(name: str) -> object:
    return remove_model(RemoveModelRequest(name=name), Job.silent())


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_installed_model_is_listed_and_loads_by_name(model_folder: Path, models: Path) -> None:
    result = install(model_folder, name="mine", title="My model")
    assert result.folder == str(models / "mine") and not result.replaced
    listed = {entry["name"]: entry for entry in list_models(ListModelsRequest(), Job.silent()).models}
    assert listed["mine"]["title"] == "My model" and not listed["mine"]["shipped"] and not listed["mine"]["problem"]
    model = load_model("mine")
    assert model.card.name == "mine" and model.sha256 == result.sha256 == load_model(str(model_folder)).sha256


def test_without_a_name_it_is_called_like_its_folder(model_folder: Path, models: Path) -> None:
    model_folder.rename(model_folder.with_name("Upper Austria (2022)"))
    assert install(model_folder.with_name("Upper Austria (2022)")).name == "upper-austria-2022"


def test_only_the_checked_files_are_copied_and_nothing_is_left_behind(model_folder: Path, models: Path) -> None:
    (model_folder / "surprise.py").write_text("import os", encoding="utf-8")
    install(model_folder, name="mine")
    assert names(models) == ["mine"]
    assert names(models / "mine") == sorted([CARD, WEIGHTS, f"{WEIGHTS}.sha256"])
    assert (models / "mine" / WEIGHTS).read_bytes() == (model_folder / WEIGHTS).read_bytes()


HOSTILE = ["../evil", "..", ".", "a/b", "a\\b", "/tmp/x", "Upper", "a b", "ä", "a\0b", "a\n", "-a", ".hidden", "x."]
RESERVED = ["default", "default.txt", "con", "nul.x", "lpt1"]


@pytest.mark.parametrize("name", [*HOSTILE, *RESERVED, "x" * 65, " "])
def test_hostile_names_are_refused_and_write_nothing(name: str, model_folder: Path, models: Path) -> None:
    before = names(models.parent)
    with pytest.raises(RequestError) as caught:
        install(model_folder, name=name)
    assert caught.value.hint
    assert names(models.parent) == before
    with pytest.raises(SolarSaliencyError):
        remove(name)
    assert names(models.parent) == before


def test_shipped_models_are_neither_replaced_nor_removed(model_folder: Path, models: Path) -> None:
    with pytest.raises(RequestError, match="comes with the plugin"):
        install(model_folder, name=SHIPPED_DEFAULT, replace=True)
    with pytest.raises(RequestError, match="comes with the plugin"):
        remove(SHIPPED_DEFAULT)
    assert load_model(SHIPPED_DEFAULT)


def test_an_installed_model_is_replaced_only_if_asked(
    model_folder: Path, models: Path, other_model_folder: Path
) -> None:
    first = install(model_folder, name="mine")
    with pytest.raises(RequestError, match="already"):
        install(other_model_folder, name="mine")
    assert load_model("mine").sha256 == first.sha256
    second = install(other_model_folder, name="mine", replace=True)
    assert second.replaced and load_model("mine").sha256 == second.sha256 != first.sha256
    assert names(models) == ["mine"]


@pytest.mark.parametrize("failing", [1, 2])
def test_a_failure_while_replacing_keeps_the_old_model(
    failing: int, model_folder: Path, models: Path, other_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = install(model_folder, name="mine")
    calls: list[int] = []
    rename = os.rename

    def fail(source: Path, target: Path) -> None:
        calls.append(1)
        if len(calls) == failing:
            raise OSError(28, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(SolarSaliencyError, match="disk is full"):
        install(other_model_folder, name="mine", replace=True)
    assert load_model("mine").sha256 == first.sha256
    assert names(models) == ["mine"]


@pytest.mark.parametrize("change", ["weights", "card", "hash"])
def test_what_would_not_load_is_not_installed(change: str, model_folder: Path, models: Path) -> None:
    path = model_folder / {"weights": WEIGHTS, "card": CARD, "hash": f"{WEIGHTS}.sha256"}[change]
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises((ModelTamperedError, ModelInvalidError)):
        install(model_folder, name="mine")
    assert not models.exists() or names(models) == []


def test_removing_a_link_leaves_what_it_points_to(model_folder: Path, models: Path) -> None:
    models.mkdir()
    (models / "tiny").symlink_to(model_folder, target_is_directory=True)
    assert load_model("tiny").card.name == "tiny"
    remove("tiny")
    assert names(models) == [] and load_model(str(model_folder))


def test_replacing_a_link_leaves_what_it_points_to(model_folder: Path, models: Path, other_model_folder: Path) -> None:
    models.mkdir()
    (models / "tiny").symlink_to(model_folder, target_is_directory=True)
    before = (model_folder / WEIGHTS).read_bytes()
    assert install(other_model_folder, name="tiny", replace=True).replaced
    assert not (models / "tiny").is_symlink() and (model_folder / WEIGHTS).read_bytes() == before


def test_a_removed_model_is_gone(model_folder: Path, models: Path) -> None:
    install(model_folder, name="mine")
    assert remove("mine").default == SHIPPED_DEFAULT
    with pytest.raises(ModelNotFoundError):
        load_model("mine")
    with pytest.raises(ModelNotFoundError):
        remove("mine")


def test_the_default_is_chosen_kept_and_given_back(model_folder: Path, models: Path) -> None:
    install(model_folder, name="mine")
    assert list_models(ListModelsRequest(), Job.silent()).default == SHIPPED_DEFAULT
    assert list_models(ListModelsRequest(default="mine"), Job.silent()).default == "mine"
    assert list_models(ListModelsRequest(), Job.silent()).default == "mine"
    assert load_model("default").card.name == "mine"
    result = remove("mine")
    assert result.default == SHIPPED_DEFAULT and "default" in result.warnings[0]
    assert not (models / DEFAULT_FILE).exists()


def test_a_default_that_is_gone_is_told_and_the_shipped_one_is_used(models: Path) -> None:
    models.mkdir()
    for content in ("gone\n", "../../etc", "\0", "x" * 5000):
        (models / DEFAULT_FILE).write_text(content, encoding="utf-8")
        told: list[str] = []
        assert load_model("default", told.append).card.name == SHIPPED_DEFAULT
        assert len(told) == 1 and "default" in told[0]


def test_what_cannot_be_used_cannot_be_the_default(model_folder: Path, models: Path) -> None:
    install(model_folder, name="mine")
    (models / "mine" / CARD).write_text("{", encoding="utf-8")
    with pytest.raises(ModelInvalidError, match="cannot be the default"):
        list_models(ListModelsRequest(default="mine"), Job.silent())
    with pytest.raises(ModelNotFoundError):
        list_models(ListModelsRequest(default="nonsense"), Job.silent())


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda folder: (folder / CARD).write_text("{", encoding="utf-8"), "damaged"),
        (lambda folder: (folder / WEIGHTS).unlink(), WEIGHTS),
        (lambda folder: folder.rename(folder.with_name("another")), "calls it"),
        (lambda folder: folder.rename(folder.with_name(SHIPPED_DEFAULT)), "comes with the plugin"),
    ],
)
def test_the_list_says_what_is_wrong_with_a_model(
    spoil: Callable[[Path], object], problem: str, model_folder: Path, models: Path
) -> None:
    install(model_folder, name="mine")
    spoil(models / "mine")
    (entry,) = [entry for entry in installed_models() if not entry.shipped]
    assert problem in entry.problem
    assert load_model(SHIPPED_DEFAULT).folder != entry.folder
    result = list_models(ListModelsRequest(), Job.silent())
    assert json.dumps(to_json(result))
    assert remove(entry.name).folder == str(entry.folder)


#: Anything that JSON can say, as Python writes and reads it: huge and endless numbers, halves of characters.
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**400), 10**4200])
    | st.floats()
    | st.text(st.characters()),
    lambda members: st.lists(members, max_size=4) | st.dictionaries(st.text(max_size=5), members, max_size=4),
    max_leaves=10,
)
PLACES = [(name.name,) for name in fields(Card)] + [
    ("architecture", name)
    for name in ("family", "stem", "width", "depth", "convolutions", "format", "scale", "size", "margin", "minimum")
]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.dictionaries(st.sampled_from(PLACES), JSON, min_size=1, max_size=3),
    family=st.sampled_from(["unet", "exported"]),
)
def test_no_card_takes_the_list_away_or_the_other_models(
    changes: dict, family: str, model_folder: Path, models: Path
) -> None:
    odd = models / "odd"
    shutil.rmtree(odd, ignore_errors=True)
    shutil.copytree(model_folder, odd)
    values = json.loads((odd / CARD).read_text(encoding="utf-8"))
    values["name"] = "odd"
    if family == "exported":
        values["architecture"] = {**EXPORTED}
    for (outer, *inner), value in changes.items():
        if not inner:
            values[outer] = value
        elif isinstance(values[outer], dict):
            values[outer][inner[0]] = value
    (odd / CARD).write_text(json.dumps(values), encoding="utf-8")
    entry = next(entry for entry in installed_models() if entry.name == "odd" and not entry.shipped)
    assert default_model() == SHIPPED_DEFAULT
    result = list_models(ListModelsRequest(), Job.silent())
    assert json.dumps(to_json(result), ensure_ascii=False, allow_nan=False).encode("utf-8")
    if not entry.problem:  # what was believed can be written and read again
        card = Card.read(odd / CARD)
        card.write(odd / CARD)
        assert Card.read(odd / CARD) == card and len(card.identity(b"")) == 64


def test_whatever_reading_a_card_raises_is_a_problem_of_that_model_alone(
    model_folder: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(model_folder, name="mine")
    read = Card.read

    def fail(path: Path) -> Card:
        if path.parent.name == "mine":
            raise OverflowError("int too large to convert to float")
        return read(path)

    monkeypatch.setattr(Card, "read", fail)
    entries = {entry.name: entry for entry in installed_models()}
    assert "OverflowError" in entries["mine"].problem and not entries[SHIPPED_DEFAULT].problem


def test_a_card_that_grows_when_it_is_written_by_lines_is_installed(model_folder: Path, models: Path) -> None:
    values = json.loads((model_folder / CARD).read_text(encoding="utf-8"))
    values["training"] = {"trials": [[[list(range(10))]]] * 20_000}
    (model_folder / CARD).write_text(json.dumps(values), encoding="utf-8")
    assert (model_folder / CARD).stat().st_size < MAXIMUM_SIZE
    install(model_folder, name="mine")
    assert load_model("mine").card.training == values["training"]


def test_a_title_that_no_card_can_hold_is_refused_and_leaves_nothing(model_folder: Path, models: Path) -> None:
    for title in ("x" * MAXIMUM_SIZE, "\ud800"):
        with pytest.raises(ModelInvalidError):
            install(model_folder, name="mine", title=title)
        assert names(models) == []


def test_a_model_that_came_meanwhile_is_not_replaced_unasked(
    model_folder: Path, models: Path, other_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from solar_saliency_plugin.engine.models import install as module

    build = module.build_unet

    def meanwhile(*arguments: object) -> object:
        (models / "mine").mkdir(parents=True)
        return build(*arguments)

    monkeypatch.setattr(module, "build_unet", meanwhile)
    with pytest.raises(RequestError, match="already"):
        install(model_folder, name="mine")
    assert names(models) == ["mine"] and names(models / "mine") == []


def test_stray_files_in_the_folder_are_no_models(models: Path) -> None:
    models.mkdir()
    (models / "notes.txt").write_text("x", encoding="utf-8")
    (models / ".scratch-old").mkdir()
    assert all(entry.shipped for entry in installed_models())


def test_a_source_that_is_not_there_is_told(models: Path, tmp_path: Path) -> None:
    for source in (tmp_path / "nothing", tmp_path):
        with pytest.raises(SolarSaliencyError) as caught:
            install(source, name="mine")
        assert caught.value.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_told(model_folder: Path, models: Path) -> None:
    models.mkdir(mode=0o500)
    with pytest.raises(SolarSaliencyError, match="cannot be written"):
        install(model_folder, name="mine")
