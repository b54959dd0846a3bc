"""Results that refine while one waits, Stop, and questions of what if, as QGIS makes them."""

import os
import signal
import threading
import time

import pytest
from qgis.core import QgsProcessingFeedback
from qgis.PyQt.QtCore import QCoreApplication, QThread

from solar_saliency.solar_saliency_plugin.bridge import worker as worker_module
from solar_saliency.solar_saliency_plugin.bridge.what_if import WhatIfCaller
from solar_saliency.solar_saliency_plugin.contract.errors import CancelledError, EngineCrashedError
from tests.qgis.engines import InThread, wait_until


class Panel(QgsProcessingFeedback):
    """A feedback that wants partial results, and may have seen enough."""

    def __init__(self):
        super().__init__(False)
        self.steps = []
        self.texts = []
        self.enough = False

    def pushPartial(self, values):  # noqa: N802
        self.steps.append(values["step"])

    def isStopped(self):  # noqa: N802
        return self.enough

    def setProgressText(self, text):  # noqa: N802
        self.texts.append(text)


@pytest.fixture
def panel():
    return Panel()


ENDLESS = {"partials": 10_000, "pause": 0.01}


def what_if(called, name, feedback=None, **request):
    """A what-if in a thread; answered with what it was asked."""
    return InThread(called, "whatif", {"request": request, "absent": [name]}, feedback)


def test_partial_results_arrive_in_order_and_before_the_result(stand_in, panel):
    result = stand_in().call("refine", {"partials": 200, "pause": 0.0}, panel)
    assert panel.steps == list(range(200))
    assert result["last"] == 199


def test_a_feedback_that_wants_no_partial_results_gets_the_result_alone(stand_in, listener):
    assert stand_in().call("refine", {"partials": 50, "pause": 0.0}, listener)["last"] == 49
    assert [t for t in listener.texts if t != "Starting the engine …"] == [] and listener.warnings == []


def test_stop_is_said_once_and_delivers_a_result(stand_in, panel):
    call = InThread(stand_in(), "refine", {**ENDLESS, "reaction": 0.5}, panel)
    wait_until(lambda: len(panel.steps) > 5)
    panel.enough = True
    result = call.outcome(3.0)
    assert result["last"] < 5000 and result["wishes"] == ["$/stop"]


def test_a_job_that_was_stopped_can_still_be_cancelled(stand_in, panel):
    call = InThread(stand_in(), "refine", {**ENDLESS, "reaction": 1.0}, panel)
    wait_until(lambda: panel.steps)
    panel.enough = True
    time.sleep(0.3)
    panel.cancel()
    assert isinstance(call.outcome(3.0), CancelledError)


def test_engine_killed_while_partial_results_come_says_why_and_the_next_call_goes_on(stand_in, panel):
    own = stand_in()
    call = InThread(own, "refine", ENDLESS, panel)
    wait_until(lambda: len(panel.steps) > 5)
    os.kill(own.hello["pid"], signal.SIGKILL)
    error = call.outcome(3.0)
    assert isinstance(error, EngineCrashedError) and "was killed" in error.message and "refine" in error.message
    assert panel.steps == list(range(len(panel.steps))), "what was there is not lost"
    assert own.call("refine", {"partials": 2, "pause": 0.0}, Panel())["last"] == 1


def test_unloading_the_plugin_while_partial_results_come_ends_the_call(stand_in, panel):
    own = stand_in()
    call = InThread(own, "refine", ENDLESS, panel)
    wait_until(lambda: len(panel.steps) > 5)
    waiting = what_if(own, "a")
    own.stop()
    assert isinstance(call.outcome(3.0), CancelledError)
    assert isinstance(waiting.outcome(3.0), CancelledError)


def test_a_window_that_fails_at_a_partial_result_ends_its_own_job_and_no_other(stand_in, panel):
    class Gone(Panel):
        def pushPartial(self, values):  # noqa: N802
            raise RuntimeError("wrapped C/C++ object has been deleted")

    own = stand_in()
    assert isinstance(InThread(own, "refine", {**ENDLESS, "reaction": 0.2}, Gone()).outcome(3.0), RuntimeError)
    assert own.call("refine", {"partials": 30, "pause": 0.02}, panel)["last"] == 29
    assert panel.steps == list(range(30)), "nothing of the job that was given up"


# What if


def ended(*calls):
    """The calls in the order of their end, their names by their results."""
    order, lock = [], threading.Lock()

    def note(call):
        call.join(20.0)
        with lock:
            order.append(call)

    threads = [threading.Thread(target=note, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return order


def test_what_if_waits_for_the_job_that_runs_and_overtakes_those_that_wait(stand_in, listener):
    own = stand_in()
    runs = InThread(own, "sleep", {"seconds": 0.6})
    wait_until(lambda: own.hello)
    waiting = [InThread(own, "sleep", {"seconds": 0.2}) for _ in range(2)]
    wait_until(lambda: len(own._turns) == 3)
    question = what_if(own, "a", listener)
    order = ended(runs, *waiting, question)
    assert order.index(runs) == 0 and order.index(question) == 1
    assert "Waiting for “sleep” to finish …" in listener.texts


def test_a_newer_what_if_takes_the_place_of_one_that_waits_but_not_of_one_that_runs(stand_in):
    own = stand_in()
    runs = what_if(own, "runs", seconds=0.6)
    wait_until(lambda: own.hello)
    job = InThread(own, "sleep", {"seconds": 0})
    older = what_if(own, "older")
    wait_until(lambda: len(own._turns) == 3)
    newest = what_if(own, "newest")
    error = older.outcome(0.4)
    assert isinstance(error, CancelledError) and "newer" in str(error)
    assert runs.outcome()["absent"] == ["runs"]
    assert newest.outcome()["absent"] == ["newest"]
    assert job.outcome() == {"seconds": 0}


def test_what_if_that_waits_can_be_given_up(stand_in, listener):
    own = stand_in()
    runs = InThread(own, "sleep", {"seconds": 0.6})
    wait_until(lambda: own.hello)
    question = what_if(own, "a", listener)
    listener.cancel()
    assert isinstance(question.outcome(0.4), CancelledError)
    assert runs.outcome() == {"seconds": 0.6}


class Window:
    """What a panel hears of its questions; ``threads`` are those that it heard it on."""

    def __init__(self):
        self.caller = WhatIfCaller()
        self.waits, self.answers, self.errors, self.threads = [], [], [], set()
        self.caller.waiting.connect(self.waits.append)

    def ask(self, name, **request):
        self.caller.ask(request, [name], self._then, self._failed)

    def _then(self, answer):
        self.threads.add(QThread.currentThread())
        self.answers.append(answer["absent"][0])

    def _failed(self, error):
        self.threads.add(QThread.currentThread())
        self.errors.append(error)

    def until(self, condition, seconds=20.0):
        def looked():
            QCoreApplication.processEvents()
            return condition()

        wait_until(looked, seconds)


@pytest.fixture
def window(stand_in, monkeypatch):
    """A window whose engine is the stand-in, which is warm."""
    own = stand_in()
    monkeypatch.setattr(worker_module, "_worker", own)
    own.call("sleep", {"seconds": 0})
    made = Window()
    made.engine = own
    yield made
    made.caller.forget()


def test_an_answer_comes_on_the_thread_of_the_windows(window):
    window.ask("a")
    window.until(lambda: window.answers)
    assert window.answers == ["a"] and window.threads == {QCoreApplication.instance().thread()}


def test_of_many_clicks_the_last_is_answered_and_no_older_one_after_it(window):
    for number in range(50):
        window.ask(number, seconds=0.02)
        QCoreApplication.processEvents()
    window.until(lambda: 49 in window.answers)
    window.until(lambda: not window.engine._turns)
    QCoreApplication.processEvents()
    assert window.answers[-1] == 49 and window.answers == sorted(window.answers)
    assert window.errors == [] and window.waits == []


def test_nobody_is_told_what_was_forgotten(window):
    window.ask("a", **{"seconds": 2.5, "then say": "Cutting the region"})
    wait_until(lambda: window.engine._turns)
    window.caller.forget()
    window.until(lambda: not window.engine._turns)
    QCoreApplication.processEvents()
    assert window.answers == [] and window.errors == [] and window.waits == []
    assert window.engine.hello, "what the engine has open is not lost to impatience"


def test_a_question_behind_a_running_job_says_so(window, panel):
    call = InThread(window.engine, "refine", ENDLESS, panel)
    wait_until(lambda: panel.steps)
    window.ask("a")
    window.until(lambda: window.waits)
    assert window.waits == ["Waiting for “refine” to finish …"]
    panel.enough = True
    window.until(lambda: window.answers)
    assert call.outcome()["wishes"] == ["$/stop"]


def test_a_question_that_takes_longer_says_what_is_done(window):
    window.ask("a", **{"then say": "Cutting the region"})
    window.until(lambda: window.answers)
    assert window.waits == ["Cutting the region"]


def test_an_engine_killed_under_a_question_is_told_and_the_next_question_answered(window):
    window.ask("a", fail=True)
    window.until(lambda: window.errors)
    assert "was killed" in window.errors[0] and window.answers == []
    window.ask("b")
    window.until(lambda: window.answers)
    assert window.answers == ["b"]


def test_the_way_to_the_engine_and_back_costs_a_question_next_to_nothing(window):
    def round_trip(number):
        asked = time.monotonic()
        window.ask(number)
        window.until(lambda: len(window.answers) > number)
        return time.monotonic() - asked

    assert sorted(round_trip(number) for number in range(30))[15] < 0.05
