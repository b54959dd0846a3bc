"""A stand-in for the engine, which misbehaves on command, and calls made from threads, as Processing makes them."""

import threading
import time
from pathlib import Path

from qgis.core import QgsProcessingFeedback

STAND_IN = """
import json, os, signal, sys, threading, time

wishes = {}

def say(**message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\\n")
    sys.stdout.flush()

def refine(number, partials, pause, reaction=0.0, **_):
    for step in range(partials):
        say(method="$/partial", params={"id": number, "partial": {"step": step}})
        time.sleep(pause)
        if wishes[number]:
            break
    time.sleep(reaction)
    if "$/cancelRequest" in wishes[number]:
        return say(id=number, error={"code": -32800, "message": "Given up.", "data": {"kind": "cancelled"}})
    say(id=number, result={"last": step, "wishes": wishes[number]})

def answer(number, method, params):
    if method == "refine":
        return refine(number, **params)
    if method == "whatif":
        time.sleep(params["request"].get("seconds", 0))
        if "then say" in params["request"]:
            progress = {"id": number, "fraction": 0.5, "message": params["request"]["then say"], "remaining": None}
            say(method="$/progress", params=progress)
        if params["request"].get("fail"):
            os.kill(os.getpid(), signal.SIGKILL)
    if method == "sleep":
        time.sleep(params["seconds"])
    if method == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if method == "fail":
        sys.stderr.write("the reason stands here\\n")
        os._exit(3)
    if method == "chatter":
        print("a library prints what it likes", flush=True)
        sys.stdout.buffer.write(b"\\xff\\xfe\\n[1, 2]\\n{\\n")
        sys.stdout.flush()
    if method == "leave" and not os.path.exists(params["once"]):
        open(params["once"], "w").close()
        os._exit(0)
    if method == "always leave":
        os._exit(0)
    if method == "tell":
        progress = {"id": number, "fraction": 0.5, "message": "half", "elapsed": 1, "remaining": 130}
        say(method="$/progress", params=progress)
        say(method="window/logMessage", params={"type": 2, "message": "beware"})
        say(method="window/logMessage", params={"type": 3, "message": "by the way"})
    say(id=number, result=params)

if PROTOCOL is not None:
    say(method="hello", params={"protocol": PROTOCOL, "plugin": "0", "python": "3", "packages": {}, "pid": os.getpid()})
for line in sys.stdin:
    call = json.loads(line)
    if "id" not in call:
        wishes[call["params"]["id"]].append(call["method"])
    else:
        wishes[call["id"]] = []
        threading.Thread(target=answer, args=(call["id"], call["method"], call["params"]), daemon=True).start()
os._exit(0)
"""


class InThread(threading.Thread):
    """A call in another thread, as Processing's dialog makes it."""

    def __init__(self, called, method, params, feedback=None):
        super().__init__(daemon=True)
        self._call = (called, method, params, feedback or QgsProcessingFeedback(False))
        self.result = self.error = None
        self.start()

    def run(self):
        called, method, params, feedback = self._call
        try:
            self.result = called.call(method, params, feedback)
        except Exception as error:
            self.error = error

    def outcome(self, seconds=30.0):
        self.join(seconds)
        assert not self.is_alive(), "the call did not end"
        return self.error or self.result


def wait_until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def is_running(pid):
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"
