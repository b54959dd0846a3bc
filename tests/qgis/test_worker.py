"""The worker in real QGIS: against the real engine, and against a stand-in that misbehaves on command."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from qgis.core import QgsApplication, QgsProcessingFeedback
from qgis.PyQt.QtCore import QTimer

from solar_saliency.solar_saliency_plugin.bridge import engine_process, environment
from solar_saliency.solar_saliency_plugin.bridge import worker as worker_module
from solar_saliency.solar_saliency_plugin.bridge.narration import Narration, time_left
from solar_saliency.solar_saliency_plugin.bridge.worker import Worker, worker
from solar_saliency.solar_saliency_plugin.contract.errors import (
    CancelledError,
    EngineCrashedError,
    EngineMissingError,
    EngineOutdatedError,
    RequestError,
    UnknownMethodError,
)
from solar_saliency.solar_saliency_plugin.contract.version import PROTOCOL_VERSION
from tests.qgis.engines import InThread, is_running, wait_until


def long_job(tmp_path):
    """A request that keeps the real engine busy for longer than any test here waits."""
    return "samplescene", {"output": str(tmp_path / "large scene"), "size": 4000}


# The real engine


def test_hello_tells_versions_and_the_devices_call_tells_devices(real, listener):
    found = real.call("devices", {}, listener)
    assert found["threads"] >= 1
    assert {device["kind"] for device in found["devices"]} >= {"cpu"}
    assert real.hello["protocol"] == PROTOCOL_VERSION
    assert real.hello["packages"]["torch"].startswith("2.")


def test_an_error_of_the_engine_arrives_as_its_own_class_with_its_hint(real, listener):
    with pytest.raises(UnknownMethodError) as caught:
        real.call("no such method", {}, listener)
    assert "detect" in caught.value.hint


def test_engine_killed_under_a_running_call_says_why_and_the_next_call_starts_it_anew(real, provider, tmp_path):
    call = InThread(real, *long_job(tmp_path))
    wait_until(lambda: real.hello)
    time.sleep(0.5)
    first = real.hello["pid"]
    os.kill(first, signal.SIGKILL)
    error = call.outcome(5.0)
    assert isinstance(error, EngineCrashedError)
    assert "was killed, perhaps for lack of memory" in error.message and "Make Sample Scene" in error.message
    log = Path(error.hint.split("Log: ")[1])
    assert log.is_file() and log.read_text(encoding="utf-8")
    assert real.call("devices", {})["devices"]
    assert real.hello["pid"] != first


def test_cancel_ends_a_running_job_of_the_engine_within_a_second(real, sample, tmp_path, listener):
    request = {"scene": sample["OUTPUT"], "output": str(tmp_path / "probability.tif"), "window": 16}
    call = InThread(real, "detect", request, listener)
    wait_until(lambda: listener.progress() > 5)
    clicked = time.monotonic()
    listener.cancel()
    assert isinstance(call.outcome(5.0), CancelledError)
    assert time.monotonic() - clicked < 1.0
    assert real.hello, "the engine itself stays, ready for the next call"
    assert not (tmp_path / "probability.tif").exists()


def test_stop_ends_the_engine_and_the_call_that_runs(real, tmp_path):
    call = InThread(real, *long_job(tmp_path))
    wait_until(lambda: real.hello)
    pid = real.hello["pid"]
    real.stop()
    assert isinstance(call.outcome(5.0), CancelledError)
    assert not is_running(pid)


def test_the_engine_leaves_when_nobody_needs_it_and_comes_back_without_complaint(engine, listener):
    idle = Worker(idle_seconds=0.5)
    idle.call("devices", {}, listener)
    first = idle.hello["pid"]
    wait_until(lambda: not idle.hello, 5.0)
    idle.call("devices", {}, listener)
    assert idle.hello["pid"] != first
    assert listener.warnings == []
    idle.stop()


def test_kill_of_qgis_leaves_no_engine_behind(engine, tmp_path):
    program = """if True:
        import sys, time
        sys.path.insert(0, sys.argv[1])
        from qgis.core import QgsApplication
        application = QgsApplication([], False)
        application.initQgis()
        from solar_saliency.solar_saliency_plugin.bridge.worker import worker
        worker().call("devices", {})
        print(worker().hello["pid"], flush=True)
        time.sleep(60)
    """
    link = str(Path(sys.modules["solar_saliency"].__file__).parents[1])
    parent = subprocess.Popen([sys.executable, "-c", program, link], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    assert is_running(pid)
    parent.kill()
    parent.wait()
    wait_until(lambda: not is_running(pid), 2.0)


def test_there_is_one_worker_a_session():
    assert worker() is worker()


def test_a_missing_engine_is_told_with_what_to_do(no_engine, listener):
    with pytest.raises(EngineMissingError) as caught:
        Worker().call("devices", {}, listener)
    assert "not installed" in caught.value.message and "Set Up Engine" in caught.value.hint


# The stand-in: faults that the real engine does not have


def test_hello_of_another_protocol_is_refused_and_its_process_ended(stand_in, listener):
    other = stand_in(protocol=PROTOCOL_VERSION + 1)
    with pytest.raises(EngineOutdatedError, match=f"protocol {PROTOCOL_VERSION + 1}"):
        other.call("sleep", {"seconds": 0}, listener)
    assert not other.hello


def test_an_engine_that_never_says_hello_can_be_cancelled(stand_in, listener):
    call = InThread(stand_in(protocol=None), "sleep", {"seconds": 0}, listener)
    time.sleep(0.3)
    listener.cancel()
    assert isinstance(call.outcome(2.0), CancelledError)


def test_a_cancel_while_the_engine_starts_is_not_taken_for_a_crash_by_the_next_call(stand_in, listener):
    own = stand_in(protocol=None)
    cancelled = QgsProcessingFeedback(False)
    call = InThread(own, "sleep", {"seconds": 0}, cancelled)
    time.sleep(0.3)
    cancelled.cancel()
    assert isinstance(call.outcome(2.0), CancelledError)
    script = Path(engine_process.start_command(None)[-1])
    script.write_text(script.read_text(encoding="utf-8").replace("None", str(PROTOCOL_VERSION), 1), encoding="utf-8")
    assert own.call("sleep", {"seconds": 0}, listener) == {"seconds": 0}
    assert listener.warnings == []


def test_garbage_on_stdout_does_not_disturb_and_goes_to_the_log(stand_in, listener):
    own = stand_in()
    assert own.call("chatter", {"a": 1}, listener) == {"a": 1}
    log = max(environment.log_folder().glob("engine-*.log"), key=os.path.getmtime)
    assert "a library prints what it likes" in log.read_text(encoding="utf-8", errors="replace")


def test_the_last_lines_of_the_log_and_the_status_are_told_after_a_crash(stand_in, listener):
    with pytest.raises(EngineCrashedError) as caught:
        stand_in().call("fail", {}, listener)
    assert "ended with status 3, while it worked on “fail”" in caught.value.message
    assert "the reason stands here" in caught.value.hint


def test_an_engine_that_died_between_two_calls_is_started_anew_with_a_word_about_it(stand_in, listener):
    own = stand_in()
    own.call("sleep", {"seconds": 0}, listener)
    os.kill(own.hello["pid"], signal.SIGKILL)
    wait_until(lambda: not own.hello)
    assert own.call("sleep", {"seconds": 0}, listener) == {"seconds": 0}
    assert any("was killed" in warning for warning in listener.warnings)


def test_a_request_that_meets_an_engine_just_leaving_is_sent_again(stand_in, tmp_path, listener):
    params = {"once": str(tmp_path / "left")}
    assert stand_in().call("leave", params, listener) == params


def test_an_engine_that_leaves_whenever_it_is_asked_is_a_failure_and_no_empty_result(stand_in, listener):
    with pytest.raises(EngineCrashedError, match="ended twice"):
        stand_in().call("always leave", {}, listener)


def test_an_engine_that_cannot_start_says_so_and_points_to_the_repair(stand_in, monkeypatch, listener):
    own = stand_in()
    monkeypatch.setattr(engine_process, "start_command", lambda python: (sys.executable, "-c", "import no_such_thing"))
    with pytest.raises(EngineCrashedError) as caught:
        own.call("sleep", {"seconds": 0}, listener)
    assert "while it started" in caught.value.message
    assert "reinstall" in caught.value.hint and "no_such_thing" in caught.value.hint


def test_a_job_that_does_not_listen_is_killed_two_seconds_after_the_click(stand_in, listener):
    own = stand_in()
    call = InThread(own, "sleep", {"seconds": 60}, listener)
    wait_until(lambda: own.hello)
    clicked = time.monotonic()
    listener.cancel()
    assert isinstance(call.outcome(5.0), CancelledError)
    assert 1.5 < time.monotonic() - clicked < 3.0
    assert not own.hello


def test_two_calls_run_one_after_the_other_and_the_second_says_what_it_waits_for(stand_in, listener):
    own = stand_in()
    first = InThread(own, "sleep", {"seconds": 1})
    wait_until(lambda: own.hello)
    second = InThread(own, "tell", {}, listener)
    assert first.outcome() == {"seconds": 1}
    assert second.outcome() == {}
    assert "Waiting for “sleep” to finish …" in listener.texts


def test_jobs_go_by_their_titles_and_no_thread_asks_qgis_for_them(stand_in, provider, monkeypatch, listener):
    def asked():
        raise AssertionError("the registry belongs to the main thread")

    own = stand_in()
    monkeypatch.setattr(QgsApplication, "processingRegistry", asked)
    monkeypatch.setitem(worker_module._titles, "sleep", "Sleep Well")
    first = InThread(own, "sleep", {"seconds": 0.5})
    wait_until(lambda: own.hello)
    assert InThread(own, "tell", {}, listener).outcome() == {} and first.outcome() == {"seconds": 0.5}
    assert "Waiting for “Sleep Well” to finish …" in listener.texts
    assert worker_module._called("detect") == "“Detect Solar Farms”"


def test_a_call_that_waits_can_be_cancelled_without_harm_to_the_one_that_runs(stand_in, listener):
    own = stand_in()
    first = InThread(own, "sleep", {"seconds": 1})
    wait_until(lambda: own.hello)
    second = InThread(own, "sleep", {"seconds": 0}, listener)
    listener.cancel()
    assert isinstance(second.outcome(0.5), CancelledError)
    assert first.outcome() == {"seconds": 1}


def test_calls_are_answered_in_the_order_in_which_they_came(stand_in):
    own, done = stand_in(), []
    calls = []
    for number in range(6):
        feedback = QgsProcessingFeedback(False)
        feedback.progressChanged.connect(lambda _: None)
        calls.append(InThread(own, "sleep", {"seconds": 0.1, "number": number}, feedback))
        time.sleep(0.02)
    for call in calls:
        done.append((call.outcome()["number"], time.monotonic()))
    assert [number for number, _ in sorted(done, key=lambda d: d[1])] == list(range(6))


def test_qgis_stays_alive_while_a_call_holds_its_own_thread(stand_in, listener):
    ticks = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(time.monotonic()))
    timer.start(20)
    stand_in().call("sleep", {"seconds": 1.5}, listener)
    timer.stop()
    pauses = [after - before for before, after in zip(ticks, ticks[1:])]
    assert len(ticks) > 10 and max(pauses) < 0.2


def test_a_call_from_a_click_during_a_call_on_the_same_thread_does_not_wait_for_itself(stand_in, listener):
    own, refused = stand_in(), []

    def click():
        try:
            own.call("sleep", {"seconds": 0})
        except RequestError as error:
            refused.append(str(error))

    QTimer.singleShot(300, click)
    own.call("sleep", {"seconds": 1}, listener)
    assert len(refused) == 1 and "still at work on “sleep”" in refused[0]


def test_progress_warnings_and_messages_reach_the_dialog(stand_in, listener):
    stand_in().call("tell", {}, listener)
    assert listener.progress() == 50
    assert "half, about 2 min left" in listener.texts and "by the way" in listener.texts
    assert listener.warnings == ["beware"]


def test_progress_texts_do_not_flood_the_log(listener):
    narration = Narration(listener)
    for number in range(1000):
        narration.progress(number / 1000, f"window {number}", None)
    assert listener.texts == ["window 0"]
    assert listener.progress() == pytest.approx(99.9)


def test_time_left_is_said_as_people_say_it():
    said = [time_left(seconds) for seconds in (0, 12, 54, 56, 200, 3500, 7300)]
    assert said == [
        *("about 5 s left", "about 10 s left", "about 55 s left", "about 1 min left"),
        *("about 3 min left", "about 58 min left", "about 2 h 2 min left"),
    ]
