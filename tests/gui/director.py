"""Inside QGIS: steps a scenario, a generator that yields what it waits for, while QGIS goes on living.

A timer steps it, in modal windows too. Whatever opens a modal window must therefore not be called by the scenario
itself, or it would wait for itself: :func:`later`, :func:`click` and
:func:`mouse` leave that to the event loop.
"""

import os
import subprocess
import time
import traceback

from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication

PATIENCE = 40.0

_playing = []


class Director:
    """Plays one scenario."""

    def __init__(self, scenario):
        self.scenario = scenario
        self.wanted = None
        self.since = time.monotonic()
        self.timer = QTimer()
        self.timer.timeout.connect(self.step)
        self.timer.start(50)

    def step(self):
        try:
            if self.wanted is not None and not self.wanted():
                patience = getattr(self.wanted, "patience", PATIENCE)
                if time.monotonic() - self.since > patience:
                    raise TimeoutError(f"waited {patience} s at line {self.line()}")
                return
            self.wanted = next(self.scenario)
            self.since = time.monotonic()
            self.report(f"It waited at line {self.line()}.")  # read where QGIS had to be ended from outside
        except StopIteration:
            self.end(0, "")
        except BaseException:
            picture(f"failed_{self.scenario.__name__}")
            self.end(1, traceback.format_exc())

    def line(self):
        """The line that waits, in the innermost of the generators."""
        inner = self.scenario
        while getattr(inner, "gi_yieldfrom", None) is not None:
            inner = inner.gi_yieldfrom
        return f"{inner.gi_frame.f_lineno} of {os.path.basename(inner.gi_code.co_filename)}"

    def end(self, status, told):
        self.report(told)
        os._exit(status)  # a true exit would ask about the unsaved project

    def report(self, told):
        with open(os.environ["GUI_REPORT"], "w", encoding="utf-8") as report:
            report.write(told)


def start(scenario):
    """Play a scenario, then end QGIS."""
    _playing.append(Director(scenario))


def picture(name):
    """Save what is on the screen."""
    QApplication.primaryScreen().grabWindow(0).save(os.path.join(os.environ["GUI_PICTURES"], f"{name}.png"))


def patient(condition, seconds=150.0):
    """The condition, for what takes its time."""

    def holds():
        return condition()

    holds.patience = seconds
    return holds


def later(function):
    """Call something as soon as the event loop runs again."""
    QTimer.singleShot(0, function)


def click(widget):
    """Press a button as soon as the event loop runs again."""
    later(lambda: QTest.mouseClick(widget, Qt.MouseButton.LeftButton))


def mouse(widget, place, button=1):
    """Move the real mouse to a place of a widget and press it."""
    point = widget.mapToGlobal(place)
    subprocess.Popen(["xdotool", "mousemove", str(point.x()), str(point.y()), "sleep", "0.1", "click", str(button)])


def hover(widget, place):
    """Move the real mouse to a place of a widget."""
    point = widget.mapToGlobal(place)
    subprocess.Popen(["xdotool", "mousemove", str(point.x()), str(point.y())])


def drag(widget, places):
    """Press the real mouse at the first of the places of a widget, move it over the others, and let it go."""
    points = [widget.mapToGlobal(place) for place in places]
    moves = [("mousemove", str(point.x()), str(point.y()), "sleep", "0.03") for point in points]
    rest = [word for move in moves[1:] for word in move]
    subprocess.Popen(["xdotool", *moves[0], "mousedown", "1", *rest, "mouseup", "1"])
