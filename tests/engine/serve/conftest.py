"""A real worker process, spoken to over its pipes."""

import json
import queue
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


class Session:
    """One worker, its answers collected by a thread."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, "-u", *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.hello = self.next()

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(json.loads(line))

    def send(self, **message):
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.process.stdin.flush()

    def next(self, timeout=30):
        return self._lines.get(timeout=timeout)

    def until_answer(self, identifier, timeout=60):
        """All messages up to the answer to a call."""
        messages = [self.next(timeout)]
        while messages[-1].get("id") != identifier:
            messages.append(self.next(timeout))
        return messages

    def answer(self, identifier, timeout=60):
        return self.until_answer(identifier, timeout)[-1]


@pytest.fixture
def start():
    """Starts workers: with options, or of a program of the test's own, ``program=``."""
    started = []

    def session(*options, program=""):
        arguments = ("-c", program) if program else ("-m", "solar_saliency_plugin.engine", "serve", *options)
        started.append(Session(*arguments))
        return started[-1]

    yield session
    for each in started:
        each.process.kill()
        each.process.wait()


@pytest.fixture
def session(start):
    return start()
