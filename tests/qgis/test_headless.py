"""qgis_process, as servers and scripts call it: no window, a profile of its own."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = shutil.which("qgis_process.bin") or shutil.which("qgis_process")


@pytest.fixture(scope="module")
def qgis_process(tmp_path_factory, engine):
    """Calls qgis_process with the plugin enabled; gives (exit status, answer, everything else it printed)."""
    config = tmp_path_factory.mktemp("config")
    plugins = config / "profiles" / "default" / "python" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "solar_saliency").symlink_to(ROOT)
    environment = {**os.environ, "QGIS_CUSTOM_CONFIG_PATH": str(config), "QT_QPA_PLATFORM": "offscreen"}

    def call(*arguments, **changed):
        finished = subprocess.run(
            [PROGRAM, *arguments], env={**environment, **changed}, capture_output=True, text=True, timeout=120
        )
        return finished

    assert call("plugins", "enable", "solar_saliency").returncode == 0
    return call


def test_lists_the_algorithms(qgis_process):
    finished = qgis_process("--json", "list")
    listed = json.loads(finished.stdout)["providers"]["solarsaliency"]["algorithms"]
    assert {"solarsaliency:detect", "solarsaliency:polygonize"} <= set(listed)


def test_detects_and_says_what_it_found(qgis_process, sample, tmp_path):
    finished = qgis_process(
        "--json",
        "run",
        "solarsaliency:detect",
        f"--INPUT={sample['SCENE']}",
        f"--OUTPUT={tmp_path / 'p.tif'}",
        f"--POLYGONS={tmp_path / 'd.gpkg'}",
    )
    assert finished.returncode == 0, finished.stderr
    results = json.loads(finished.stdout)["results"]
    assert results["DETECTIONS"] >= 0
    assert (tmp_path / "p.qml").exists()
    assert (tmp_path / "d.gpkg").exists()


def test_evaluates_several_scenes_and_writes_the_report(qgis_process, sample, tmp_path):
    finished = qgis_process(
        "--json",
        "run",
        "solarsaliency:evaluate",
        f"--SCENES={sample['SCENE']}",
        f"--SCENES={sample['OUTPUT']}",
        f"--POLYGONS={sample['TRUTH']}",
        f"--REPORT={tmp_path / 'r.html'}",
    )
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout)["results"]["IMAGES"] == 2
    assert (tmp_path / "r.html").exists()


@pytest.mark.parametrize(("algorithm", "small"), [("regionshap", "--SUPERPIXELS=4"), ("bandshap", "--PLAYERS=1")])
def test_explains_regions_and_says_which_part_did_most(qgis_process, sample, tmp_path, algorithm, small):
    finished = qgis_process(
        "run",
        f"solarsaliency:{algorithm}",
        f"--INPUT={sample['SCENE']}",
        f"--POLYGONS={sample['TRUTH']}",
        "--MARGIN=50",
        small,
        f"--OUTPUT={tmp_path / 's.gpkg'}",
        f"--REPORT={tmp_path / 's.html'}",
    )
    assert finished.returncode == 0, finished.stderr
    assert "3 regions were explained." in finished.stdout and "): raised by " in finished.stdout
    assert (tmp_path / "s.gpkg").exists() and (tmp_path / "s.html").exists()


def test_without_an_engine_it_says_what_is_missing_and_what_to_do(qgis_process, sample, tmp_path):
    finished = qgis_process(
        "run",
        "solarsaliency:detect",
        f"--INPUT={sample['SCENE']}",
        f"--OUTPUT={tmp_path / 'p.tif'}",
        SOLAR_SALIENCY_ENGINE=str(tmp_path / "nothing"),
    )
    assert finished.returncode != 0
    assert "Set Up Engine" in finished.stdout + finished.stderr
    assert not (tmp_path / "p.tif").exists()


def test_a_missing_scene_is_named(qgis_process, tmp_path):
    finished = qgis_process(
        "run", "solarsaliency:detect", f"--INPUT={tmp_path / 'none.tif'}", f"--OUTPUT={tmp_path / 'p.tif'}"
    )
    assert finished.returncode != 0
    assert "none.tif" in finished.stdout + finished.stderr


def with_variable(value):
    """The processes that have this value in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if value.encode() in (folder / "environ").read_bytes():
                found.append(folder.name)
        except OSError:
            continue
    return found


def test_no_engine_process_is_left_behind(qgis_process, tmp_path):
    marker = f"{tmp_path.name}-{os.getpid()}"
    finished = qgis_process("run", "solarsaliency:modelinfo", MARKER_OF_TEST=marker)
    assert finished.returncode == 0, finished.stderr
    until = time.monotonic() + 5
    while with_variable(marker) and time.monotonic() < until:
        time.sleep(0.1)
    assert with_variable(marker) == []
