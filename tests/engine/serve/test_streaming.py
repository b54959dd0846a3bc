"""Results that refine while one waits, and questions of what if: over the worker's pipes, methods being stand-ins.

And the command line, with the real method.
"""

import json
import math
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from solar_saliency_plugin.engine.job import Job, SilentListener

ROOT = Path(__file__).resolve().parents[3]

#: A worker whose only method tells ``partials`` partial results of ``size`` numbers, a pause (s) after each.
REFINING = """if True:
    import sys, time, types
    from solar_saliency_plugin.engine import serve

    def refine(name, params, job):
        part = job.part(0.2, 0.8)
        for step in range(params["partials"]):
            part.partial({"step": step, "phi": [float("nan")] + [0.5] * params.get("size", 0)})
            if part.is_stopped:
                break
            part.check()
            time.sleep(params.get("pause", 0.0))
        return {"last": step, "stopped": job.is_stopped}

    def what_if(params, job):
        if params.get("fail"):
            raise ZeroDivisionError("of a defect")
        return {"f_x": float("inf"), "detected": bool(params["absent"])}

    serve.run_method = refine
    name = "solar_saliency_plugin.engine.shapley.what_if"
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].what_if = what_if
    serve.serve(None, 0)
"""


@pytest.fixture
def refining(start):
    return start(program=REFINING)


def partials(messages):
    return [m["params"] for m in messages if m.get("method") == "$/partial"]


def test_every_partial_result_arrives_in_order_and_before_the_result(refining):
    refining.send(id="a", method="refine", params={"partials": 300})
    messages = refining.until_answer("a")
    told = partials(messages)
    assert [p["partial"]["step"] for p in told] == list(range(300))
    assert {p["id"] for p in told} == {"a"}
    assert messages[-1]["result"] == {"last": 299, "stopped": False}


def test_numbers_that_json_lacks_are_null_in_partial_results(refining):
    refining.send(id=1, method="refine", params={"partials": 1, "size": 1})
    assert partials(refining.until_answer(1))[0]["partial"]["phi"] == [None, 0.5]


def test_a_partial_result_of_megabytes_arrives_whole(refining):
    refining.send(id=1, method="refine", params={"partials": 2, "size": 2_000_000})
    assert [len(p["partial"]["phi"]) for p in partials(refining.until_answer(1))] == [2_000_001] * 2


def test_stop_is_answered_with_the_result_of_what_there_is(refining):
    refining.send(id=1, method="refine", params={"partials": 10_000, "pause": 0.01})
    refining.next()
    asked = time.monotonic()
    refining.send(method="$/stop", params={"id": 1})
    result = refining.answer(1)["result"]
    assert result["stopped"] and result["last"] < 1000
    assert time.monotonic() - asked < 1.0


def test_a_job_that_is_stopped_while_it_waits_delivers_the_least_that_it_can(refining):
    refining.send(id=1, method="refine", params={"partials": 10_000, "pause": 0.01})
    refining.send(id=2, method="refine", params={"partials": 10_000, "pause": 0.01})
    refining.send(method="$/stop", params={"id": 2})
    refining.send(method="$/stop", params={"id": 1})
    assert refining.answer(1)["result"]["stopped"]
    assert refining.answer(2)["result"] == {"last": 0, "stopped": True}


def test_a_job_that_refines_can_still_be_given_up(refining):
    refining.send(id=1, method="refine", params={"partials": 10_000, "pause": 0.01})
    refining.next()
    refining.send(method="$/cancelRequest", params={"id": 1})
    assert refining.answer(1)["error"]["data"]["kind"] == "cancelled"


def test_stop_and_cancel_of_a_call_that_is_long_answered_change_nothing(refining):
    refining.send(id=1, method="refine", params={"partials": 1})
    refining.answer(1)
    for method in ("$/stop", "$/cancelRequest"):
        refining.send(method=method, params={"id": 1})
        refining.send(method=method)
    refining.send(id=1, method="refine", params={"partials": 3})
    assert refining.answer(1)["result"] == {"last": 2, "stopped": False}


def test_what_if_is_answered_after_the_job_that_runs(refining):
    refining.send(id=1, method="refine", params={"partials": 30, "pause": 0.01})
    refining.send(id=2, method="whatif", params={"request": {}, "absent": [3]})
    assert "result" in refining.answer(1)
    assert refining.answer(2)["result"] == {"f_x": None, "detected": True}


def test_what_if_can_be_given_up_while_it_waits(refining):
    refining.send(id=1, method="refine", params={"partials": 30, "pause": 0.01})
    refining.send(id=2, method="whatif", params={"request": {}, "absent": [3]})
    refining.send(method="$/cancelRequest", params={"id": 2})
    assert refining.answer(2)["error"]["data"]["kind"] == "cancelled"


def test_a_defect_under_what_if_is_answered_as_such_and_survived(refining):
    refining.send(id=1, method="whatif", params={"fail": True})
    assert "ZeroDivisionError" in refining.answer(1)["error"]["message"]
    refining.send(id=2, method="whatif", params={"request": {}, "absent": []})
    assert refining.answer(2)["result"]["detected"] is False


def test_a_part_of_a_job_hears_stop_and_tells_partial_results_as_the_whole_does():
    class Heard(SilentListener):
        def partial(self, values):
            told.append(values)

    told = []
    stopped = threading.Event()
    job = Job(Heard(), stopped=stopped)
    part = job.part(0.0, 0.5).part(0.5, 1.0)
    part.partial({"phi": [math.pi]})
    assert told == [{"phi": [math.pi]}] and not part.is_stopped
    stopped.set()
    assert part.is_stopped and job.part(0.5, 1.0).is_stopped
    part.check()  # stopped is not given up


# The command line


def started(*arguments):
    command = [sys.executable, "-m", "solar_saliency_plugin.engine", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def farms(tmp_path_factory):
    """The options that name a small simulated sample and its farms."""
    folder = tmp_path_factory.mktemp("sample")
    started("samplescene", "--output", str(folder), "--size", "320").communicate()
    return "--scene", str(folder), "--polygons", str(folder / "SIMULATED_truth.gpkg")


def test_the_command_line_prints_the_result_and_nothing_that_is_partial(farms, tmp_path):
    few = "--superpixels", "4", "--evaluations", "40", "--output", str(tmp_path / "s.gpkg")
    output, told = started("regionshap", *farms, *few).communicate()
    assert len(output.splitlines()) == 1 and json.loads(output)["explained"] >= 1
    assert "phi" not in told


def test_interruption_while_values_refine_exits_with_130_and_leaves_nothing(farms, tmp_path):
    endless = "--estimator", "permutations", "--evaluations", "1000000", "--long"
    process = started("regionshap", *farms, *endless, "--output", str(tmp_path / "s.gpkg"))
    try:
        assert any("one after the other" in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
    finally:
        process.kill()
    assert process.returncode == 130 and list(tmp_path.iterdir()) == []
