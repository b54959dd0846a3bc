"""QGIS without a window: a profile of its own with the plugin linked into it, and qgis_process in it."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, Iterator


class StepFailedError(Exception):
    """An algorithm failed; the message is what it said."""


class HeadlessQgis:
    """One profile; ``run`` calls one algorithm of the plugin in a process of its own."""

    def __init__(self, plugin: Path, profile: Path) -> None:
        self._profile = profile
        self._plugins = profile / "profiles" / "default" / "python" / "plugins"
        self._plugins.mkdir(parents=True, exist_ok=True)
        link = self._plugins / "solar_saliency"
        if not link.is_symlink():
            link.symlink_to(plugin, target_is_directory=True)
        settings = profile / "profiles" / "default" / "QGIS" / "QGIS3.ini"
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text("[PythonPlugins]\nsolar_saliency=true\n", encoding="utf-8")
        os.environ["QGIS_CUSTOM_CONFIG_PATH"] = str(profile)
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        runtime = profile / "runtime"
        runtime.mkdir(mode=0o700, exist_ok=True)
        os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))

    def run(self, algorithm: str, **parameters: Any) -> Dict[str, Any]:
        """Run ``solarsaliency:<algorithm>`` and give its outputs; raises :class:`StepFailedError`."""
        # Debian's wrapper named qgis_process adds an option that the program refuses; the program itself ends in .bin.
        program = shutil.which("qgis_process.bin") or shutil.which("qgis_process")
        if program is None:
            raise StepFailedError("qgis_process was not found. Run: make qgis")
        command = [program, "--json", "run", f"solarsaliency:{algorithm}"]
        command += [f"--{name}={value}" for name, value in parameters.items()]
        print(f"{algorithm:14}", end="", flush=True)
        started = time.monotonic()
        finished = subprocess.run(command, capture_output=True, text=True)
        try:
            answer = json.loads(finished.stdout)
        except ValueError:
            answer = {}
        if finished.returncode or not answer.get("results"):
            raise StepFailedError(f"{algorithm} failed:\n{_words(finished.stdout + finished.stderr)}")
        print(f"{time.monotonic() - started:6.1f} s   {parameters['OUTPUT']}", flush=True)
        return dict(answer["results"])

    @contextlib.contextmanager
    def application(self) -> Iterator[None]:
        """QGIS's libraries in this process, with the plugin importable as ``solar_saliency``."""
        from qgis.core import QgsApplication

        sys.path.insert(0, str(self._plugins))
        application = QgsApplication([], False, str(self._profile / "profiles" / "default"))
        application.initQgis()
        try:
            yield
        finally:
            application.exitQgis()


def _words(printed: str) -> str:
    """What a program printed, each line once, without what Python's own modules say of themselves."""
    lines = dict.fromkeys(line.strip() for line in printed[-8000:].splitlines())
    return "\n".join(line for line in lines if line and "DeprecationWarning" not in line)
