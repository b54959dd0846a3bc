"""The real worker process, spoken to over its pipes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def large_scene(tmp_path_factory):
    """A tidy scene that takes long enough to be cancelled."""
    path = tmp_path_factory.mktemp("scene") / "large.tif"
    bands = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
    profile = {"driver": "GTiff", "dtype": "uint16", "count": 10, "width": 4096, "height": 4096, "crs": "EPSG:32643"}
    with rasterio.open(path, "w", **profile, transform=from_origin(300000, 3000000, 10, 10), tiled=True) as file:
        block = np.random.default_rng(1).integers(800, 3000, (10, 512, 4096), dtype=np.uint16)
        for row in range(0, 4096, 512):
            file.write(block, window=rasterio.windows.Window(0, row, 4096, 512))
        for index, band in enumerate(bands, start=1):
            file.set_band_description(index, band)
        file.update_tags(PROCESSING_LEVEL="L2A")
    return path


def test_the_first_line_is_a_hello_with_protocol_and_versions(session):
    assert session.hello["method"] == "hello"
    params = session.hello["params"]
    assert params["protocol"] == 1 and params["pid"] == session.process.pid
    assert {"torch", "rasterio", "numpy"} <= params["packages"].keys()


def test_hello_and_help_do_not_import_torch():
    code = (
        "import sys; from solar_saliency_plugin.engine import __main__, serve, dispatch; __main__._parser();"
        "sys.exit('torch' in sys.modules or 'numpy' in sys.modules or 'rasterio' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_devices_tell_where_the_network_could_run_and_why_not(session):
    session.send(id=1, method="devices", params={})
    devices = session.answer(1)["result"]["devices"]
    assert devices[0]["kind"] == "cpu" and devices[0]["usable"]
    assert all(d["usable"] or d["reason"] for d in devices)


def test_a_method_answers_with_its_result(session):
    session.send(id="a", method="modelinfo", params={"model": "default"})
    result = session.answer("a")["result"]
    assert len(result["sha256"]) == 64 and result["parameters"] > 0


@pytest.mark.parametrize(
    ("method", "params", "kind"),
    [
        ("nope", {}, "unknown_method"),
        ("detect", {}, "bad_request"),
        ("detect", {"scene": "/no/such/scene.tif", "output": "/tmp/x.tif"}, "scene_not_found"),
        ("modelinfo", {"model": "no such model"}, "model_not_found"),
    ],
)
def test_a_failure_is_answered_with_kind_message_and_hint(session, method, params, kind):
    session.send(id=7, method=method, params=params)
    error = session.answer(7)["error"]
    assert error["data"]["kind"] == kind and error["message"] and error["data"]["hint"]


def test_a_line_that_is_no_message_is_answered_and_survived(session):
    session.process.stdin.write(b"\x00\xff not json\n")
    session.process.stdin.flush()
    assert session.next()["error"]["data"]["kind"] == "bad_request"
    session.send(id=2, method="modelinfo", params={})
    assert "result" in session.answer(2)


def test_a_running_job_is_cancelled_within_a_second_and_the_worker_goes_on(session, large_scene, tmp_path):
    session.send(id=1, method="detect", params={"scene": str(large_scene), "output": str(tmp_path / "p.tif")})
    while session.next(60).get("params", {}).get("fraction", 0) <= 0.02:
        pass
    asked = time.monotonic()
    session.send(method="$/cancelRequest", params={"id": 1})
    error = session.answer(1)["error"]
    assert time.monotonic() - asked < 1.0
    assert error["data"]["kind"] == "cancelled" and error["code"] == -32800
    assert list(tmp_path.iterdir()) == []
    session.send(id=2, method="modelinfo", params={})
    assert "result" in session.answer(2)


def test_progress_tells_fraction_elapsed_and_time_left(session, large_scene, tmp_path):
    extent = [300000, 2980000, 320000, 3000000]
    params = {"scene": str(large_scene), "output": str(tmp_path / "p.tif"), "extent": extent, "window": 512}
    session.send(id=1, method="detect", params=params)
    told = []
    while "result" not in (message := session.next(120)):
        if message.get("method") == "$/progress":
            told.append(message["params"])
    fractions = [p["fraction"] for p in told]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    assert any(p["remaining"] is not None for p in told)
    assert all(p["id"] == 1 and p["message"] for p in told)


def test_a_waiting_job_can_be_cancelled_before_it_starts(session, large_scene, tmp_path):
    session.send(id=1, method="detect", params={"scene": str(large_scene), "output": str(tmp_path / "p.tif")})
    session.send(id=2, method="modelinfo", params={})
    session.send(method="$/cancelRequest", params={"id": 2})
    session.send(method="$/cancelRequest", params={"id": 1})
    assert session.answer(1)["error"]["data"]["kind"] == "cancelled"
    assert session.answer(2)["error"]["data"]["kind"] == "cancelled"


def test_the_worker_ends_when_its_parent_closes_the_pipe_even_in_the_middle_of_a_job(session, large_scene, tmp_path):
    session.send(id=1, method="detect", params={"scene": str(large_scene), "output": str(tmp_path / "p.tif")})
    session.next(60)
    session.process.stdin.close()
    assert session.process.wait(timeout=2) == 0


def test_the_worker_ends_itself_when_nobody_asks_anything(start):
    session = start("--idle", "0.5")
    assert session.process.wait(timeout=10) == 0


def test_shutdown_ends_the_worker_with_an_answer(session):
    session.send(id=9, method="shutdown", params={})
    assert session.answer(9)["result"] == {}
    assert session.process.wait(timeout=10) == 0


def test_what_libraries_print_goes_to_the_log_and_never_into_the_protocol(tmp_path):
    log = tmp_path / "deep" / "engine.log"
    code = (
        "import os, sys, io\n"
        "from solar_saliency_plugin.engine import dispatch, serve\n"
        "from pathlib import Path\n"
        "def noisy(name, params, job):\n"
        "    print('from python'); os.write(1, b'from C\\n'); return {'fine': True}\n"
        "serve.run_method = noisy\n"
        f"serve.serve(Path({str(log)!r}), 0)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(b'{"jsonrpc":"2.0","id":1,"method":"x"}\n{"jsonrpc":"2.0","id":2,"method":"shutdown"}\n')
    process.stdin.flush()
    lines = process.stdout.read().splitlines()
    assert [json.loads(line).get("id") for line in lines] == [None, 1, 2]
    text = log.read_text()
    assert "from C" in text
    if os.name == "posix":
        assert log.stat().st_mode & 0o077 == 0


class TestCommandLine:
    """The same methods, without a worker."""

    def run(self, *arguments):
        command = [sys.executable, "-m", "solar_saliency_plugin.engine", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    def test_the_last_line_of_stdout_is_the_result(self):
        done = self.run("modelinfo")
        assert done.returncode == 0
        assert json.loads(done.stdout.splitlines()[-1])["parameters"] > 0

    def test_a_bad_request_exits_with_2(self):
        assert self.run("detect", "--scene", "x").returncode == 2
        assert self.run("polygonize", "--probability", "x", "--output", "y", "--minimum-area", "-1").returncode == 2

    def test_bad_input_exits_with_3_and_says_what_to_do(self, tmp_path):
        done = self.run("detect", "--scene", str(tmp_path / "none.tif"), "--output", str(tmp_path / "p.tif"))
        assert done.returncode == 3
        assert "error: " in done.stderr and "hint: " in done.stderr and "Traceback" not in done.stderr

    def test_interruption_exits_with_130_and_leaves_nothing(self, large_scene, tmp_path):
        output = tmp_path / "p.tif"
        command = [sys.executable, "-m", "solar_saliency_plugin.engine", "detect", "--scene", str(large_scene)]
        process = subprocess.Popen([*command, "--output", str(output)], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for line in process.stderr:
            if "Window 2" in line or "Window 3" in line:
                break
        process.send_signal(signal.SIGINT)
        process.stderr.read()
        assert process.wait(timeout=10) == 130
        assert list(tmp_path.iterdir()) == []
