"""Regions explained while one watches, with the real engine: partial results, Stop, what if, and what goes wrong."""

import os
import signal
import time
from pathlib import Path

import pytest
from qgis.core import QgsProcessingFeedback, QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QCoreApplication, QThread

from solar_saliency.solar_saliency_plugin.bridge.what_if import WhatIfCaller
from solar_saliency.solar_saliency_plugin.bridge.worker import worker
from solar_saliency.solar_saliency_plugin.contract.errors import CancelledError, EngineCrashedError
from solar_saliency.solar_saliency_plugin.contract.region_shap import ESTIMATORS
from solar_saliency.solar_saliency_plugin.gui.background import Run
from tests.qgis.engines import InThread, wait_until

#: So many that nobody waits for the end, of an estimator that asks them all.
ENDLESS = {"superpixels": 40, "estimator": "permutations", "evaluations": 1_000_000, "long": True}


@pytest.fixture(scope="module")
def farm(sample):
    """The largest farm of the sample, as well-known text."""
    layer = QgsVectorLayer(sample["TRUTH"], "")
    return max((f.geometry() for f in layer.getFeatures()), key=lambda geometry: geometry.area()).asWkt()


@pytest.fixture
def request_(sample, farm, tmp_path):
    """What the engine is asked."""
    output = tmp_path / "superpixels.gpkg"
    return {"scene": sample["SCENE"], "target": farm, "output": str(output), "superpixels": 25, "evaluations": 200}


class Panel(QgsProcessingFeedback):
    """A feedback that keeps partial results, and may have seen enough."""

    def __init__(self):
        super().__init__(False)
        self.partials = []
        self.enough = False

    @property
    def estimates(self):
        return [values for values in self.partials if "phi" in values]

    def pushPartial(self, values):  # noqa: N802
        self.partials.append(values)

    def isStopped(self):  # noqa: N802
        return self.enough


@pytest.fixture
def panel():
    return Panel()


def refining(called, request, panel):
    """An endless run in a thread that has told its first values."""
    call = InThread(called, "regionshap", {**request, **ENDLESS}, panel)
    wait_until(lambda: len(panel.estimates) >= 2, 60.0)
    return call


def test_players_come_first_then_values_that_rest_on_more_and_more_and_at_last_the_result(real, request_, panel):
    answer = real.call("regionshap", {**request_, "estimator": "crossfit"}, panel)["regions"][0]
    first, *estimates = panel.partials
    assert [player["name"] for player in first["players"]] == [player["name"] for player in answer["players"]]
    evaluations = [values["evaluations"] for values in estimates]
    assert len(evaluations) >= 3 and evaluations == sorted(set(evaluations))
    assert estimates[-1]["phi"] == [player["phi"] for player in answer["players"]]


def test_stop_delivers_what_is_there_within_a_second_and_writes_it(real, request_, panel):
    call = refining(real, request_, panel)
    clicked = time.monotonic()
    panel.enough = True
    answer = call.outcome(10.0)["regions"][0]
    assert time.monotonic() - clicked < 2.0
    assert answer["stopped"] and answer["evaluations"] < ENDLESS["evaluations"]
    assert panel.estimates[-1]["phi"] == [player["phi"] for player in answer["players"]]
    assert QgsVectorLayer(f"{request_['output']}|layername=superpixels", "").isValid()


def test_cancel_while_values_refine_leaves_no_file_and_the_engine_ready(real, request_, panel):
    call = refining(real, request_, panel)
    panel.cancel()
    assert isinstance(call.outcome(3.0), CancelledError)
    assert real.hello and not Path(request_["output"]).exists()


def test_engine_killed_while_values_refine_says_so_and_the_next_run_goes_well(real, request_, panel):
    call = refining(real, request_, panel)
    os.kill(real.hello["pid"], signal.SIGKILL)
    error = call.outcome(3.0)
    assert isinstance(error, EngineCrashedError) and "was killed" in error.message
    assert not Path(request_["output"]).exists()
    assert real.call("regionshap", request_)["explained"] == 1


# What if, and runs as the panel makes them: the session's own worker


def until(condition, seconds=60.0):
    """Let QGIS live until something happened."""

    def looked():
        QCoreApplication.processEvents()
        return condition()

    wait_until(looked, seconds)


@pytest.fixture
def question(request_):
    """Asks what if: ``question(absent)`` gives the answer and the seconds that it took."""
    caller = WhatIfCaller()

    def ask(*absent):
        answers, errors = [], []
        asked = time.monotonic()
        caller.ask(request_, absent, answers.append, errors.append)
        until(lambda: answers or errors)
        assert not errors, errors
        return answers[0], time.monotonic() - asked

    ask.caller = caller
    yield ask
    caller.forget()
    worker().stop()


def test_what_if_is_answered_within_150_ms_and_says_the_same_as_the_run(question, request_):
    answer = worker().call("regionshap", request_)["regions"][0]
    everybody, _ = question()
    assert everybody["probability"] == pytest.approx(answer["probability"], abs=1e-6)
    assert everybody["f_x"] == pytest.approx(answer["f_x"], abs=1e-4)
    nobody, _ = question(*range(len(answer["players"])))
    assert nobody["f_x"] == pytest.approx(answer["f_baseline"], abs=1e-4)
    seconds = sorted(question(player, (player + 1) % 25)[1] for player in range(25))
    print(f"what if: median {seconds[12] * 1000:.0f} ms, slowest {seconds[-1] * 1000:.0f} ms")
    assert seconds[12] <= 0.15


def test_what_if_after_the_engine_was_killed_is_answered_the_same_from_the_request_alone(question, request_):
    worker().call("regionshap", request_)
    before, _ = question(0, 3)
    os.kill(worker().hello["pid"], signal.SIGKILL)
    wait_until(lambda: not worker().hello)
    assert question(0, 3)[0] == pytest.approx(before, abs=1e-4)


def test_what_if_while_a_run_refines_says_so_and_is_answered_after_it(question, request_, panel):
    waits, answers = [], []
    question.caller.waiting.connect(waits.append)
    call = refining(worker(), request_, panel)
    question.caller.ask(request_, [1], answers.append, pytest.fail)
    until(lambda: waits)
    assert waits == ["Waiting for “Explain Regions” to finish …"] and not answers
    panel.enough = True
    until(lambda: answers)
    assert call.outcome()["explained"] == 1


class Watched:
    """An endless run of the algorithm, as the panel makes it, which has told its first values."""

    def __init__(self, request):
        self.partials, self.threads, self.ends = [], set(), []
        parameters = {
            **{"INPUT": request["scene"], "TARGET": request["target"], "OUTPUT": request["output"]},
            **{name.upper(): value for name, value in ENDLESS.items()},
            "ESTIMATOR": ESTIMATORS.index(ENDLESS["estimator"]),
        }
        self.run = Run("regionshap", parameters)
        self.run.partial.connect(self._told)
        self.run.start(lambda good, results: self.ends.append((good, results)))
        until(lambda: len(self.partials) >= 3)

    def _told(self, values):
        self.partials.append(values)
        self.threads.add(QThread.currentThread())


@pytest.fixture
def watched(provider, request_):
    made = Watched(request_)
    yield made
    made.run.cancel()
    until(lambda: made.ends)
    worker().stop()
    QgsProject.instance().clear()


def test_a_run_tells_partial_results_on_the_thread_of_the_windows_and_stops_with_an_output(watched, request_):
    assert watched.threads == {QCoreApplication.instance().thread()} and not watched.ends
    watched.run.stop()
    until(lambda: watched.ends, 5.0)
    assert watched.ends[0][0] and watched.ends[0][1]["OUTPUT"] == request_["output"]


def test_a_project_that_is_closed_while_a_run_refines_takes_nothing_with_it(watched, request_):
    QgsProject.instance().clear()
    QCoreApplication.processEvents()
    watched.run.stop()
    until(lambda: watched.ends, 5.0)
    assert watched.ends[0][0] and Path(request_["output"]).exists()


def test_a_plugin_that_is_unloaded_while_a_run_refines_ends_it(watched, request_):
    pid = worker().hello["pid"]
    worker().stop()
    until(lambda: watched.ends, 5.0)
    assert "OUTPUT" not in watched.ends[0][1] and not Path(request_["output"]).exists()
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), 5.0)


def test_an_engine_killed_under_a_run_is_told_as_its_error(watched):
    os.kill(worker().hello["pid"], signal.SIGKILL)
    until(lambda: watched.ends, 5.0)
    assert not watched.ends[0][0] and "was killed" in watched.run.error
