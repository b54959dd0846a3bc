"""The import contracts of pyproject.toml catch what they forbid: a linter that passes everything is worse than none."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = ("solar_saliency_plugin", "processing_algorithms")
PLUGIN = "solar_saliency_plugin"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the plugin's code, loaded under the name that QGIS gives it."""
    plugin = tmp_path_factory.mktemp("walls") / "solar_saliency"
    for name in CODE:
        shutil.copytree(ROOT / name, plugin / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("__init__.py", "pyproject.toml"):
        shutil.copy(ROOT / name, plugin)
    return plugin


def lint_imports(plugin: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache", "--config", plugin / "pyproject.toml"],
        cwd=plugin,
        env={**os.environ, "PYTHONPATH": str(plugin.parent)},
        capture_output=True,
        text=True,
    )


def test_the_code_as_it_is_passes(house: Path) -> None:
    finished = lint_imports(house)
    assert finished.returncode == 0, finished.stdout
    assert "0 broken" in finished.stdout


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        (f"{PLUGIN}/contract/version.py", "import numpy", "standard library alone"),
        (f"{PLUGIN}/contract/version.py", "from ..engine import job", "standard library alone"),
        (f"{PLUGIN}/engine/job.py", "import qgis.core", "knows no QGIS"),
        (f"{PLUGIN}/engine/job.py", "from ..bridge import worker", "knows no QGIS"),
        (f"{PLUGIN}/bridge/worker.py", "from ..engine import job", "never imports the engine"),
        (f"{PLUGIN}/bridge/worker.py", "from ...processing_algorithms import provider", "QGIS side in layers"),
        ("processing_algorithms/detect.py", "import torch", "never imports the engine"),
        (
            "processing_algorithms/detect.py",
            "from ..solar_saliency_plugin.engine import job",
            "never imports the engine",
        ),
        (f"{PLUGIN}/engine/imagery/bands.py", "from ..models import registry", "engine in layers"),
        (f"{PLUGIN}/engine/serve.py", "import torch", "no torch before"),
    ],
)
def test_a_planted_violation_is_caught(house: Path, file: str, line: str, contract: str) -> None:
    path = house / file
    before = path.read_text(encoding="utf-8")
    path.write_text(before + f"\n{line}\n", encoding="utf-8")
    try:
        finished = lint_imports(house)
    finally:
        path.write_text(before, encoding="utf-8")
    assert finished.returncode != 0
    broken = [text for text in finished.stdout.splitlines() if "BROKEN" in text]
    assert any(contract in text for text in broken), finished.stdout


def test_contract_imports_nothing_beyond_the_standard_library() -> None:
    for path in (ROOT / PLUGIN / "contract").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [str(node.module)]
            else:
                continue
            assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names, path.name
