"""Where the engine's environment is, when it is ready, and what set-up would do: without doing any of it."""

import json
import os
import stat
import sys
from pathlib import Path

import pytest
from qgis.core import QgsSettings

from solar_saliency.solar_saliency_plugin.bridge import environment, interpreters, setup_plan
from solar_saliency.solar_saliency_plugin.bridge.interpreters import Interpreter, find_interpreters
from solar_saliency.solar_saliency_plugin.bridge.pip_failures import explain
from solar_saliency.solar_saliency_plugin.contract.errors import RequestError, SetupFailedError

PYTHON = Interpreter(Path(sys.executable), (3, 11, 2))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An engine folder of the test's own; not there yet."""
    chosen = tmp_path / "engine"
    monkeypatch.setenv(environment.FOLDER_VARIABLE, str(chosen))
    return chosen


def make_environment(folder, packages=()):
    python = environment.python_of(folder)
    python.parent.mkdir(parents=True)
    python.touch()
    for package in packages:
        written = package.replace("-", "_")  # as pip does
        (folder / "lib" / "python3.11" / "site-packages" / f"{written}-1.0.dist-info").mkdir(parents=True)


def write_marker(folder, requirements):
    (folder / environment.MARKER).write_text(json.dumps({"requirements": requirements}), encoding="utf-8")


def program(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


# State


def test_nothing_installed_is_told_with_the_folder(folder):
    state = environment.state()
    assert not state.ready and state.python is None
    assert "not installed" in state.reason and str(folder) in state.reason


def test_an_environment_made_by_setup_for_these_requirements_is_ready(folder):
    make_environment(folder)
    write_marker(folder, environment.requirements_hash())
    state = environment.state()
    assert (state.ready, state.reason, state.python) == (True, "", environment.python_of(folder))


def test_an_environment_for_other_requirements_is_outdated(folder):
    make_environment(folder)
    write_marker(folder, "0" * 64)
    assert "another version of the plugin" in environment.state().reason


def test_a_damaged_marker_counts_as_none(folder):
    make_environment(folder)
    (folder / environment.MARKER).write_text("{half", encoding="utf-8")
    assert "lacks torch" in environment.state().reason


def test_an_environment_of_the_users_own_needs_all_packages(folder):
    make_environment(folder, [name for name in environment.required_packages() if name != "rasterio"])
    assert environment.state().reason.endswith("lacks rasterio.")
    (folder / "lib" / "python3.11" / "site-packages" / "Rasterio-1.4.4.dist-info").mkdir()
    assert environment.state().ready


def test_the_engine_of_the_tests_is_ready(engine):
    assert environment.state().ready


# Folder


def test_the_folder_is_short_local_and_named_by_the_requirements(monkeypatch):
    monkeypatch.delenv(environment.FOLDER_VARIABLE, raising=False)
    folder = environment.engine_folder()
    assert folder.parent == environment.data_folder() and folder.parent.name == "SolarSaliency"
    assert folder.name == "e-" + environment.requirements_hash()[:8]


def test_the_variable_wins_over_the_setting_and_the_setting_over_the_name(folder, tmp_path, monkeypatch):
    settings = QgsSettings()
    settings.setValue(environment.FOLDER_SETTING, str(tmp_path / "by setting"))
    try:
        assert environment.engine_folder() == folder
        monkeypatch.delenv(environment.FOLDER_VARIABLE)
        assert environment.engine_folder() == tmp_path / "by setting"
    finally:
        settings.remove(environment.FOLDER_SETTING)


def test_line_endings_do_not_change_the_hash(tmp_path, monkeypatch):
    before = environment.requirements_hash()
    windows = tmp_path / "requirements.txt"
    windows.write_bytes(environment.REQUIREMENTS.read_bytes().replace(b"\n", b"\r\n"))
    monkeypatch.setattr(environment, "REQUIREMENTS", windows)
    assert environment.requirements_hash() == before


def test_every_requirement_is_pinned_and_torch_comes_first():
    assert environment.requirements()[0].startswith("torch==")
    assert all("==" in line for line in environment.requirements())
    assert len(set(environment.required_packages())) == len(environment.required_packages())


# What processes inherit


def test_processes_inherit_nothing_that_bends_an_interpreter(monkeypatch):
    bent = (
        "PYTHONHOME PYTHONPATH GDAL_DATA GDAL_DRIVER_PATH PROJ_LIB PROJ_DATA LD_LIBRARY_PATH LD_PRELOAD QT_PLUGIN_PATH"
    )
    for name in [*bent.split(), "VIRTUAL_ENV", "CONDA_PREFIX", "PIP_TARGET", "PIP_USER", "QGIS_PREFIX_PATH"]:
        monkeypatch.setenv(name, "elsewhere")
    kept = ["HTTPS_PROXY", "PIP_INDEX_URL", "SSL_CERT_FILE", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "LANG", "HOME"]
    for name in kept:
        monkeypatch.setenv(name, "here")
    clean = environment.clean_environment()
    assert "elsewhere" not in clean.values()
    assert set(kept) <= set(clean)


# Interpreters


def test_an_interpreter_is_found_and_asked_for_its_version():
    found = find_interpreters().best()
    assert found.version[:2] in interpreters.SUPPORTED
    assert found.path.is_file()


def test_an_interpreter_with_two_names_is_found_once():
    places = [interpreter.path.resolve() for interpreter in find_interpreters().found]
    assert len(places) == len(set(places))


def test_an_interpreter_of_a_virtual_environment_stands_for_the_one_it_was_made_with():
    assert sys.prefix != sys.base_prefix, "the tests run in a virtual environment"
    assert not str(find_interpreters(sys.executable).best().path).startswith(sys.prefix)


def test_every_interpreter_in_vain_is_told_with_its_reason(tmp_path, monkeypatch):
    answers = {
        "python3.11": 'echo \'{"version": [3, 9, 1], "executable": "x", "bits": 64, "venv": true}\'',
        "python3.12": 'echo \'{"version": [3, 12, 1], "executable": "x", "bits": 32, "venv": true}\'',
        "python3.13": 'echo \'{"version": [3, 13, 1], "executable": "x", "bits": 64, "venv": false}\'',
        "python3": "echo no Python at all",
    }
    paths = [program(tmp_path / name, answer) for name, answer in answers.items()]
    monkeypatch.setattr(interpreters, "_candidates", lambda: iter([*paths, str(tmp_path / "gone")]))
    with pytest.raises(SetupFailedError) as caught:
        find_interpreters().best()
    for reason in ("Python 3.9", "32-bit", "python3-venv", "no working Python", "no such file"):
        assert reason in caught.value.message
    assert "by hand" in caught.value.hint


def test_an_interpreter_given_by_hand_is_the_only_one_asked(tmp_path):
    search = find_interpreters(str(tmp_path / "missing"))
    assert search.found == () and len(search.refused) == 1


def test_the_version_that_was_verified_is_preferred(tmp_path, monkeypatch):
    def answering(name, minor):
        answer = json.dumps({"version": [3, minor, 0], "executable": str(tmp_path / name), "bits": 64, "venv": True})
        return program(tmp_path / name, f"echo '{answer}'")

    paths = [answering("new", 13), answering("old", 10), answering("verified", 11)]
    monkeypatch.setattr(interpreters, "_candidates", lambda: iter(paths))
    assert [i.version[1] for i in find_interpreters().found] == [11, 13, 10]


# The plan


def test_the_plan_says_interpreter_folder_size_and_commands(folder):
    lines = setup_plan.setup_plan(PYTHON).lines()
    text = "\n".join(lines)
    assert str(PYTHON.path) in text and str(folder) in text
    assert "GB to download" in text and "GB on disk" in text and "GB are free" in text
    assert "-m venv" in text and "pip install --no-input" in text and "torch==" in text
    assert not folder.parent.joinpath("engine+").exists(), "a plan does nothing"


def test_torch_comes_first_and_alone_from_the_index_of_its_own(folder):
    steps = setup_plan.setup_plan(PYTHON, "https://example.org/whl/cpu").steps
    with_index = [step for step in steps if "--index-url" in step.command]
    assert len(with_index) == 1 and environment.requirements()[0] in with_index[0].command
    assert steps.index(with_index[0]) == 1


def test_an_empty_index_leaves_pip_as_it_is_configured(folder):
    assert not any("--index-url" in step.command for step in setup_plan.setup_plan(PYTHON).steps)


def test_nothing_is_built_from_source(folder):
    installs = [step for step in setup_plan.setup_plan(PYTHON).steps if "install" in step.command]
    assert installs and all("--only-binary" in step.command for step in installs)


def test_a_password_in_the_index_is_not_shown(folder):
    plan = setup_plan.setup_plan(PYTHON, "https://me:secret@example.org/simple")
    assert "secret" not in "\n".join(plan.lines()) and "example.org" in "\n".join(plan.lines())


@pytest.mark.parametrize("index", ["--extra", "example.org", "ftp://example.org"])
def test_what_is_no_address_is_refused(folder, index):
    with pytest.raises(RequestError, match="no address"):
        setup_plan.setup_plan(PYTHON, index)


# pip's failures


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("ERROR: No matching distribution found for torch==2.13.0", "no build"),
        ("ERROR: Could not find a version that satisfies … (from versions: none)", "offers nothing that fits"),
        ("WARNING: The repository located at x is not a trusted or secure host and is being ignored.", "not secure"),
        ("  Failed to establish a new connection: NewConnectionError('…')", "could not be reached"),
        ("ssl.SSLCertVerificationError: CERTIFICATE_VERIFY_FAILED", "certificate"),
        ("PermissionError: [WinError 5] Access is denied", "could not be written"),
        ("ERROR: Something new", "Something new"),
    ],
)
def test_what_pip_printed_is_told_in_plain_words_with_a_remedy(line, meaning):
    message, remedy = explain(["Collecting torch", line])
    assert meaning in message and remedy


def test_logs_do_not_pile_up():
    from solar_saliency.solar_saliency_plugin.bridge.engine_process import new_log

    made = [new_log("trial") for _ in range(30)]
    kept = set(environment.log_folder().glob("trial-*.log"))
    assert len(kept) == 10 and made[-1] in kept
    assert os.stat(made[-1]).st_mode & 0o077 == 0


@pytest.mark.parametrize("failing", ["stat", "unlink"])
def test_logs_that_another_qgis_removes_or_holds_are_no_obstacle(failing, monkeypatch):
    from solar_saliency.solar_saliency_plugin.bridge import engine_process

    for _ in range(12):
        engine_process.new_log("raced")
    real = getattr(Path, failing)

    def fail(path, *arguments, **named):
        if path.name.startswith("raced-") and (failing == "unlink" or path in old):
            raise FileNotFoundError(path)
        return real(path, *arguments, **named)

    old = set(environment.log_folder().glob("raced-*.log"))
    monkeypatch.setattr(os.path, "getmtime", lambda path: fail(Path(path)).st_mtime)
    monkeypatch.setattr(Path, failing, fail)
    assert engine_process.new_log("raced").is_file()


def test_a_data_folder_that_cannot_be_written_is_named_with_what_to_do(tmp_path, monkeypatch):
    from solar_saliency.solar_saliency_plugin.bridge import engine_process
    from solar_saliency.solar_saliency_plugin.contract.errors import OutputUnwritableError

    (tmp_path / "file").write_text("", encoding="utf-8")
    for module in (environment, engine_process):
        monkeypatch.setattr(module, "data_folder", lambda: tmp_path / "file")
    with pytest.raises(OutputUnwritableError) as caught:
        engine_process.new_log("trial")
    assert str(tmp_path / "file") in caught.value.message
    assert "writable" in caught.value.hint
