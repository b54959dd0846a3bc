"""Every text that is translated gets to the translators, and what comes back cannot break what shows it."""

import ast
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.translations import template

CODE = '''
"""translate("A", "not a call")"""
def told(n, text):
    marked = {"a": QT_TRANSLATE_NOOP("Words", "a word")}
    translate("A", "one"), translate("B", "one")
    QCoreApplication.translate(
        "A",
        "of two "
        "lines – “{n}”",
    ).format(n=n)
    translate("A", "{n} others", None, n)
    translate("A", "one")
    translate("A", text), translate("A", f"{n} others"), "abc".translate({})
'''


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    folder = tmp_path / "processing_algorithms"
    folder.mkdir()
    (folder / "planted.py").write_text(CODE, encoding="utf-8")
    return tmp_path


def test_all_that_is_translated_is_collected_once_however_it_is_written(planted: Path) -> None:
    assert [(text.context, text.source, text.numerus) for text in template.collect(planted)] == [
        ("A", "one", False),
        ("A", "of two lines – “{n}”", False),
        ("A", "{n} others", True),
        ("B", "one", False),
        ("Words", "a word", False),
    ]


def test_what_is_not_written_out_is_found(planted: Path) -> None:
    lines = [call.lineno for _, call in template.calls(planted) if template.literals(call) is None]
    assert lines == [13, 13]


def test_every_text_is_written_out_where_it_is_translated() -> None:
    unread = [(file, ast.unparse(call)) for file, call in template.calls() if template.literals(call) is None]
    assert unread == [(template.TRANSLATES_MARKED, "QCoreApplication.translate('Words', text)")]


def test_what_is_only_marked_is_translated_by_the_function_for_it() -> None:
    """Another context than that function's would be collected, and never be looked up."""
    found = {literals[0] for file, call in template.calls() if is_mark(call) and (literals := template.literals(call))}
    assert found == {"Words"}


def is_mark(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == template.MARKS


def test_one_text_is_translated_with_a_number_everywhere_or_nowhere() -> None:
    """Qt looks up the same entry for both."""
    found: dict[object, set[bool]] = {}
    for _, call in template.calls():
        found.setdefault(template.literals(call), set()).add(len(call.args) > 3)
    assert [text for text, numbered in found.items() if len(numbered) > 1] == []


def test_the_template_is_up_to_date() -> None:
    known = template.translations(ElementTree.parse(template.TEMPLATE).getroot())
    texts = {(text.context, text.source) for text in template.collect()}
    assert texts - known.keys() == set() and known.keys() - texts == set(), "run make translations"
    assert template.TEMPLATE.read_text(encoding="utf-8") == template.document(template.collect())


def test_an_update_keeps_what_is_translated_and_drops_what_is_gone(planted: Path) -> None:
    texts = template.collect(planted)
    before = ElementTree.fromstring(
        template.document(texts).replace('version="2.1"', 'version="2.1" language="de"').encode()
    )
    one = template.translations(before)["A", "one"]
    one.text = "eins"
    del one.attrib["type"]
    (planted / "processing_algorithms" / "planted.py").write_text('translate("A", "new")\ntranslate("A", "one")')
    after = ElementTree.fromstring(template.document(template.collect(planted), before).encode())
    assert after.get("language") == "de"
    assert {key: (found.text, found.get("type")) for key, found in template.translations(after).items()} == {
        ("A", "new"): (None, "unfinished"),
        ("A", "one"): ("eins", None),
    }


@pytest.mark.parametrize(
    ("form", "fits"),
    [("noch {n}", True), ("noch einer", True), ("", True), ("noch {m}", False), ("{n", False), ("{n.real}", False)],
)
def test_a_translation_with_a_placeholder_that_the_text_does_not_have_is_found(
    planted: Path, form: str, fits: bool
) -> None:
    root = ElementTree.fromstring(template.document(template.collect(planted)).encode())
    next(root.iter("numerusform")).text = form
    assert template.misplaced(root) == ([] if fits else ["{n} others"])


def test_no_translation_has_a_placeholder_that_its_text_does_not_have() -> None:
    for file in template.FOLDER.glob("*.ts"):
        assert template.misplaced(ElementTree.parse(file).getroot()) == [], file.name
