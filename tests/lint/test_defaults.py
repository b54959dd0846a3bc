"""What an option is where nobody set it, the contract says; nobody else says it again."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from solar_saliency_plugin.contract import METHODS
from solar_saliency_plugin.contract.options import options

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("processing_algorithms", "solar_saliency_plugin/bridge", "solar_saliency_plugin/gui")
FILES = sorted(path for place in PLACES for path in (ROOT / place).rglob("*.py"))

#: The defaults of options with choices, by name.
DEFAULTS = {
    (option.name, option.default)
    for method in METHODS.values()
    for option in options(method.request)
    if option.choices and option.default
}


def written_out(source: str) -> Iterator[tuple[str, object]]:
    """Names and defaults of ``….get("name", "default")`` and of ``….get("name") or "default"``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            got, default = node, node.args[1] if len(node.args) == 2 else None
        elif isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            got, default = node.values[0], node.values[-1]
        else:
            continue
        asks = isinstance(got, ast.Call) and isinstance(got.func, ast.Attribute) and got.func.attr == "get"
        if asks and got.args and isinstance(got.args[0], ast.Constant) and isinstance(default, ast.Constant):
            yield got.args[0].value, default.value


def test_a_default_that_is_written_out_is_found() -> None:
    assert list(written_out('a.get("cut", "slic"); b.get("baseline") or "soil"; c.get("x")')) == [
        ("cut", "slic"),
        ("baseline", "soil"),
    ]
    assert {("cut", "slic"), ("baseline", "soil")} <= DEFAULTS


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_dialog_writes_out_a_default_of_the_contract(path: Path) -> None:
    assert not DEFAULTS & set(written_out(path.read_text(encoding="utf-8")))
