"""Set-up and check as users run them: algorithms and dialog, with real pip on a requirement that fits in a test."""

import os
import socket
import threading
import time
import zipfile
from pathlib import Path

import processing
import pytest
from qgis.core import QgsProcessingException
from qgis.PyQt.QtCore import QCoreApplication, Qt, QTimer
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QDialogButtonBox, QLabel, QPlainTextEdit, QPushButton

from solar_saliency.solar_saliency_plugin.bridge import environment, installation, setup_plan
from solar_saliency.solar_saliency_plugin.bridge.worker import worker
from solar_saliency.solar_saliency_plugin.gui.setup_dialog import SetUpDialog

pytestmark = pytest.mark.usefixtures("provider")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Where the engine goes in a test, empty at first; requirements are one tiny package, found without a network."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    info = {
        "METADATA": "Metadata-Version: 2.1\nName: tiny-thing\nVersion: 1.0\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "top_level.txt": "tiny_thing\n",
    }
    files = {"tiny_thing.py": "", **{f"tiny_thing-1.0.dist-info/{name}": text for name, text in info.items()}}
    files["tiny_thing-1.0.dist-info/RECORD"] = "".join(f"{name},,\n" for name in files)
    with zipfile.ZipFile(wheels / "tiny_thing-1.0-py3-none-any.whl", "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("tiny-thing==1.0\n", encoding="utf-8")
    monkeypatch.setattr(environment, "REQUIREMENTS", requirements)
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    folder = tmp_path / "home" / "engine"
    folder.parent.mkdir()
    monkeypatch.setenv(environment.FOLDER_VARIABLE, str(folder))
    yield folder
    worker().stop()


@pytest.fixture
def closed_index(monkeypatch):
    """pip without its wheels; the address of an index that refuses every connection."""
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/simple"


@pytest.fixture
def silent_index(monkeypatch):
    """pip without its wheels; an index that takes connections and never answers: its address, and when it was asked."""
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.delenv("PIP_NO_INDEX")
    asked = threading.Event()
    server = socket.create_server(("127.0.0.1", 0))

    def listen():
        kept = []
        while True:
            try:
                kept.append(server.accept())
            except OSError:
                return
            asked.set()

    threading.Thread(target=listen, daemon=True).start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}/simple", asked
    server.close()


def set_up(listener, **parameters):
    return processing.run("solarsaliency:setupengine", parameters, feedback=listener)


def left_behind(place):
    return sorted(path.name for path in place.parent.iterdir())


def processes_below(folder):
    """Running processes whose program is in a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder).encode() in entry.read_bytes():
                found.append(entry.parent.name)
        except OSError:
            continue
    return found


def wait_until(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        QCoreApplication.processEvents()
        time.sleep(0.02)


# setupengine


def test_setup_makes_the_environment_tries_it_and_repairs_it(place, listener):
    place.with_name("engine+").mkdir()  # of a set-up that was killed
    assert set_up(listener) == {"FOLDER": str(place)}
    state = environment.state()
    assert state.ready, state.reason
    marker = environment.read_marker(place)
    assert marker["requirements"] == environment.requirements_hash() and marker["python"]
    assert left_behind(place) == ["engine"] and not (place / "tmp").exists()
    plan = next(n for n, text in enumerate(listener.texts) if text.startswith("Commands:"))
    assert any(str(place) in text for text in listener.texts[:plan]), "said before it is done"

    # ready: a second run changes nothing, a reinstallation replaces it
    (place / "mine").touch()
    set_up(listener)
    assert (place / "mine").exists() and any("Nothing to do" in text for text in listener.texts)
    set_up(listener, REINSTALL=True)
    assert not (place / "mine").exists() and environment.state().ready
    assert left_behind(place) == ["engine"]


def test_an_index_out_of_reach_fails_with_a_remedy_and_leaves_nothing(place, closed_index, listener):
    with pytest.raises(QgsProcessingException) as caught:
        set_up(listener, INDEX=closed_index)
    assert "Installing PyTorch failed: the package index could not be reached." in str(caught.value)
    log = Path(str(caught.value).split("Log: ")[1])
    assert "pip install" in log.read_text(encoding="utf-8")
    assert left_behind(place) == []


def test_cancel_ends_pip_within_a_second_and_leaves_nothing(place, silent_index, listener):
    index, asked = silent_index
    clicked = []

    def click():
        if asked.is_set():
            clicked.append(time.monotonic())
            listener.cancel()
        else:
            QTimer.singleShot(50, click)

    QTimer.singleShot(50, click)
    assert set_up(listener, INDEX=index) == {}
    assert time.monotonic() - clicked[0] < 1.0
    assert left_behind(place) == [] and processes_below(place.parent) == []


def test_a_failed_repair_keeps_what_was_there(place, closed_index, listener, monkeypatch):
    place.mkdir()
    (place / environment.MARKER).write_text("{}", encoding="utf-8")
    with pytest.raises(QgsProcessingException):
        set_up(listener, INDEX=closed_index, REINSTALL=True)
    assert left_behind(place) == ["engine"] and (place / environment.MARKER).exists()


def test_a_folder_with_other_peoples_files_is_left_alone(place, listener):
    place.mkdir()
    (place / "thesis.odt").touch()
    with pytest.raises(QgsProcessingException, match="set-up did not put there"):
        set_up(listener)
    assert left_behind(place) == ["engine"] and (place / "thesis.odt").exists()


def test_too_little_space_is_told_before_anything_is_written(place, listener, monkeypatch):
    for module in (installation, setup_plan):
        monkeypatch.setattr(module, "free_bytes", lambda folder: 500_000_000)
    with pytest.raises(QgsProcessingException, match=r"0\.5 GB are free"):
        set_up(listener)
    assert left_behind(place) == []


def test_two_sessions_do_not_set_up_at_once(place, listener):
    with installation._sole_installer(place), pytest.raises(QgsProcessingException, match="set up already"):
        set_up(listener)
    assert left_behind(place) == []


def test_a_swap_that_fails_puts_the_old_environment_back(tmp_path, monkeypatch):
    target = tmp_path / "engine"
    target.mkdir()
    (target / "old").touch()
    with pytest.raises(OSError):
        installation._swap(tmp_path / "missing", target)
    assert (target / "old").exists() and left_behind(target) == ["engine"]


def test_no_python_is_told_with_what_was_tried(place, tmp_path, listener):
    with pytest.raises(QgsProcessingException, match=r"is no working Python.*by hand"):
        set_up(listener, PYTHON=str(tmp_path / "requirements.txt"))


# checkengine


def test_check_says_what_is_missing_and_does_not_fail(no_engine, listener):
    result = processing.run("solarsaliency:checkengine", {"START": True}, feedback=listener)
    assert result["READY"] is False
    assert any("not installed" in text for text in listener.texts)
    assert "not installed" in Path(result["REPORT"]).read_text(encoding="utf-8")


def test_check_tells_versions_devices_and_folder_of_a_ready_engine(engine, listener):
    result = processing.run("solarsaliency:checkengine", {}, feedback=listener)
    assert result["READY"] is True and result["FOLDER"] == str(engine)
    assert "torch 2." in result["VERSIONS"] and "Processor (cpu" in result["DEVICES"]
    worker().stop()


def test_check_without_start_only_looks_at_files(engine, listener):
    worker().stop()
    result = processing.run("solarsaliency:checkengine", {"START": False}, feedback=listener)
    assert result["READY"] is True and result["VERSIONS"] == "" and not worker().hello


def test_both_show_a_dialog_because_they_have_a_parameter(provider):
    for name in ("setupengine", "checkengine"):
        assert provider.algorithm(name).countVisibleParameters() >= 1
        assert provider.algorithm(name).canExecute()[0]


# The dialog


@pytest.fixture
def dialog(place):
    """The dialog, open, with its plan."""
    shown = SetUpDialog()
    shown.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    shown.show()
    wait_until(lambda: button(shown, "Install").isEnabled())
    yield shown
    wait_until(lambda: not shown.running)
    shown.close()


def button(dialog, text):
    return next(b for b in dialog.findChild(QDialogButtonBox).findChildren(QPushButton) if b.text() == text)


def click(dialog, text):
    QTest.mouseClick(button(dialog, text), Qt.MouseButton.LeftButton)


def state_of(dialog):
    return dialog.findChild(QLabel, "state").text()


def log_of(dialog):
    return dialog.findChild(QPlainTextEdit, "log").toPlainText()


def test_the_dialog_shows_command_folder_and_size_and_does_nothing_before_it_is_told_to(dialog, place):
    texts = [label.text() for label in dialog.findChildren(QLabel)]
    assert str(place) in texts and any("GB to download" in text for text in texts)
    assert "-m venv" in log_of(dialog) and "pip install" in log_of(dialog)
    assert "not installed" in state_of(dialog)
    assert left_behind(place) == []


def test_not_now_leaves_everything_as_it_was(dialog, place):
    click(dialog, "Not Now")
    assert not dialog.isVisible()
    assert left_behind(place) == [] and not environment.state().ready


def test_install_makes_the_engine_ready_and_keeps_qgis_alive(dialog, place):
    click(dialog, "Install")
    ticks = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(time.monotonic()))
    timer.start(20)
    wait_until(lambda: not dialog.running)
    assert state_of(dialog) == "The engine is ready." and environment.state().ready
    assert max(after - before for before, after in zip(ticks, ticks[1:])) < 0.5
    assert "tiny-thing" in log_of(dialog)
    assert not button(dialog, "Install").isVisible()
    click(dialog, "Close")
    assert not dialog.isVisible()


def test_cancel_in_the_dialog_stops_and_says_that_nothing_was_changed(dialog, place):
    click(dialog, "Install")
    wait_until(lambda: "$" in log_of(dialog) or place.with_name("engine+").exists())
    clicked = time.monotonic()
    click(dialog, "Cancel")
    wait_until(lambda: not dialog.running)
    assert time.monotonic() - clicked < 1.5
    assert state_of(dialog) == "Set-up was cancelled. Nothing was changed."
    assert left_behind(place) == [] and dialog.isVisible()


def test_a_failure_is_shown_in_the_dialog_and_can_be_tried_again(dialog, place, monkeypatch):
    monkeypatch.delenv("PIP_FIND_LINKS")
    click(dialog, "Install")
    wait_until(lambda: not dialog.running)
    assert "offers nothing that fits" in state_of(dialog) and "Log: " in state_of(dialog)
    assert button(dialog, "Try Again").isEnabled() and left_behind(place) == []


def test_without_a_suitable_python_the_dialog_says_what_was_tried(place, monkeypatch, tmp_path):
    from solar_saliency.solar_saliency_plugin.bridge import interpreters

    monkeypatch.setattr(interpreters, "_candidates", lambda: iter([str(tmp_path / "gone")]))
    shown = SetUpDialog()
    shown.show()
    wait_until(lambda: "No suitable Python" in state_of(shown))
    assert not button(shown, "Install").isEnabled()
    shown.close()
