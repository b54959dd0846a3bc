"""A screen, a window manager and a real QGIS for each scenario."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PICTURES = ROOT / "build" / "screenshots"
QGIS = shutil.which("qgis.bin") or shutil.which("qgis")

#: Plugin on; no tips, no update check, no question about the CRS of layers that have none.
SETTINGS = """\
[PythonPlugins]
solar_saliency=true

[app]
projections\\unknownCrsBehavior=NoAction

[locale]
overrideFlag=true
userLocale=en_US

[qgis]
checkVersion=false
showTips=false
"""


@pytest.fixture(scope="session")
def screen():
    """The name of a display of our own, with a window manager: without one no window gets the keyboard."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1400x900x24", "-nolisten", "tcp"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as numbers:
        display = f":{numbers.readline().strip()}"
    assert display != ":", "Xvfb did not start"
    manager = subprocess.Popen(["openbox"], env={**os.environ, "DISPLAY": display}, stderr=subprocess.DEVNULL)
    yield display
    for process in (manager, server):
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def engine():
    """The engine's environment; the suite fails where there is none."""
    folder = os.environ.get("SOLAR_SALIENCY_ENGINE", "")
    assert folder and Path(folder, "bin", "python").exists(), "Set SOLAR_SALIENCY_ENGINE to the engine's environment."
    return folder


@pytest.fixture
def play(screen, engine, tmp_path):
    """Plays a scenario, “module.function” or one of scenarios.py, in a QGIS of its own; fails with what went wrong."""
    profile = tmp_path / "profiles" / "default"
    (profile / "python" / "plugins").mkdir(parents=True)
    (profile / "python" / "plugins" / "solar_saliency").symlink_to(ROOT)
    (profile / "QGIS").mkdir()
    (profile / "QGIS" / "QGIS3.ini").write_text(SETTINGS, encoding="utf-8")
    PICTURES.mkdir(parents=True, exist_ok=True)

    def run(scenario, seconds=90, **changed):
        report = tmp_path / "report.txt"
        environment = {
            **os.environ,
            "DISPLAY": screen,
            "SOLAR_SALIENCY_MODELS": str(tmp_path / "models"),
            "QT_QPA_PLATFORM": "xcb",
            "XDG_DATA_HOME": str(tmp_path / "data"),
            "XDG_RUNTIME_DIR": str(tmp_path),
            "SOLAR_SALIENCY_ENGINE": engine,
            "GUI_SCENARIO": scenario,
            "GUI_TESTS": str(HERE),
            "GUI_REPORT": str(report),
            "GUI_PICTURES": str(PICTURES),
            "GUI_WORK": str(tmp_path),
            **changed,
        }
        command = [QGIS, "--nologo", "--noversioncheck", "--profiles-path", str(tmp_path), "--code", HERE / "drive.py"]
        with open(tmp_path / "qgis.log", "w") as log:
            qgis = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
            try:
                status = qgis.wait(seconds)
            except subprocess.TimeoutExpired:
                qgis.kill()
                status = f"no end after {seconds} s"
        told = report.read_text(encoding="utf-8") if report.exists() else "no report"
        if status != 0:
            pytest.fail(f"{scenario}: {status}\n{told}\n{(tmp_path / 'qgis.log').read_text(errors='replace')[-3000:]}")
        return told

    return run
