"""The engine as users run it: a process of its own, timed and weighed from outside."""

import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
#: The engine's own Python, as users run it: who measures may have more packages.
PYTHON = str(ROOT / ".venv" / "engine" / "bin" / "python")
MODULE = "solar_saliency_plugin.engine"
#: As bridge/worker.py starts it.
START = (
    "import sys,runpy; sys.path.insert(0, sys.argv.pop(1)); "
    f"runpy.run_module('{MODULE}', run_name='__main__', alter_sys=True)"
)


@dataclass(frozen=True)
class Run:
    """One finished command: wall seconds, largest memory in bytes, result."""

    seconds: float
    peak_bytes: int
    result: dict[str, Any]


def command(method: str, **options: Any) -> Run:
    """Run one engine command to its end."""
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    started = time.perf_counter()
    process = subprocess.Popen(
        [PYTHON, "-m", MODULE, method, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    lines = process.stdout.read().splitlines()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        raise RuntimeError(f"{method} ended with status {os.waitstatus_to_exitcode(status)}")
    return Run(seconds, usage.ru_maxrss * 1024, json.loads(lines[-1]))


class Worker:
    """A worker, as the plugin talks to it. result: of the last call."""

    def __init__(self) -> None:
        self.result: dict[str, Any] = {}
        started = time.perf_counter()
        self._process = subprocess.Popen(
            [PYTHON, "-I", "-u", "-X", "utf8", "-c", START, str(ROOT), "serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()
        self.hello_seconds = time.perf_counter() - started

    def call(self, method: str, **params: Any) -> float:
        """Seconds until the answer."""
        assert self._process.stdin is not None and self._process.stdout is not None
        started = time.perf_counter()
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            answer = json.loads(line)
            if answer.get("id") == 1:
                if "error" in answer:
                    raise RuntimeError(answer["error"]["message"])
                self.result = answer["result"]
                break
        return time.perf_counter() - started

    def stop(self) -> None:
        """End it by closing its stdin, as a plugin that goes away does."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
