"""Collects every text of the QGIS side that is translated, and writes what translators work on: resources/i18n/*.ts.

Read by ast, as Python itself would: pylupdate5 passes over calls whose arguments end in a comma, as our formatter ends
them, and pylupdate6 over calls of a bare ``translate``. Run it after texts have changed: ``make translations``.
"""

import ast
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Optional, Tuple
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "resources" / "i18n"

#: The template; languages' files beside it are called solar_saliency_de.ts.
TEMPLATE = FOLDER / "solar_saliency.ts"

#: Where texts are: what runs inside QGIS, and what that shows of the contract.
PLACES = ("processing_algorithms", *(f"solar_saliency_plugin/{name}" for name in ("bridge", "contract", "gui")))

#: Functions whose first two arguments are a context and a text: one translates, one marks what is translated later.
TRANSLATES, MARKS = "translate", "QT_TRANSLATE_NOOP"

#: The one place that translates what is not written there: it is what marked texts go through.
TRANSLATES_MARKED = "solar_saliency_plugin/bridge/translation.py"


@dataclass(frozen=True)
class Text:
    """A text to translate. numerus: whether a number chooses between its forms; file: where it is written first."""

    context: str
    source: str
    numerus: bool
    file: str


def calls(root: Path = ROOT) -> Iterator[Tuple[str, ast.Call]]:
    """Every call that translates or marks a text, with the path of its file, in the order of the files."""
    for file in sorted(path for place in PLACES for path in (root / place).rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        found = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and len(node.args) > 1]
        for node in sorted(found, key=lambda call: (call.lineno, call.col_offset)):
            if _name(node.func) in (TRANSLATES, MARKS):
                yield file.relative_to(root).as_posix(), node


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def literals(call: ast.Call) -> Optional[Tuple[str, str]]:
    """The context and the text of a call; None where they are not written out."""
    values = [argument.value for argument in call.args[:2] if isinstance(argument, ast.Constant)]
    return (values[0], values[1]) if len(values) == 2 and all(isinstance(value, str) for value in values) else None


def collect(root: Path = ROOT) -> List[Text]:
    """Every text once, by context, else in the order of the code."""
    found: Dict[Tuple[str, str], Text] = {}
    for file, call in calls(root):
        known = literals(call)
        if known is not None:
            found.setdefault(known, Text(*known, len(call.args) > 3, file))
    return sorted(found.values(), key=lambda text: text.context)


def document(texts: Iterable[Text], known: Optional[ElementTree.Element] = None) -> str:
    """A file for translators; what is translated in ``known`` stays, what is new is unfinished."""
    root = ElementTree.Element("TS", {"version": "2.1", "sourcelanguage": "en"})
    done = {} if known is None else translations(known)
    if known is not None and known.get("language"):
        root.set("language", str(known.get("language")))
    for text in texts:
        context = next((one for one in root if one.findtext("name") == text.context), None)
        if context is None:
            context = ElementTree.SubElement(root, "context")
            ElementTree.SubElement(context, "name").text = text.context
        message = ElementTree.SubElement(context, "message", {"numerus": "yes"} if text.numerus else {})
        # Without lines: they would change with every change of the code.
        ElementTree.SubElement(message, "location", {"filename": f"../../{text.file}"})
        ElementTree.SubElement(message, "source").text = text.source
        message.append(done.get((text.context, text.source), _unfinished(text)))
    ElementTree.indent(root, "    ")
    return f'<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n{ElementTree.tostring(root, "unicode")}\n'


def _unfinished(text: Text) -> ElementTree.Element:
    translation = ElementTree.Element("translation", {"type": "unfinished"})
    if text.numerus:
        ElementTree.SubElement(translation, "numerusform")
    return translation


def translations(root: ElementTree.Element) -> Dict[Tuple[str, str], ElementTree.Element]:
    """The translations of a file, by context and text."""
    return {
        (context.findtext("name") or "", message.findtext("source") or ""): translation
        for context in root.iter("context")
        for message in context.iter("message")
        for translation in message.iter("translation")
    }


def misplaced(root: ElementTree.Element) -> List[str]:
    """Texts whose translation has other placeholders than they have: the plugin would fail on it."""
    wrong = []
    for (_, source), translation in translations(root).items():
        forms = [form.text or "" for form in translation.iter("numerusform")] or [translation.text or ""]
        if any(form.strip() and _placeholders(form) - _placeholders(source) for form in forms):
            wrong.append(source)
    return wrong


def _placeholders(text: str) -> "set[str]":
    return set(re.findall(r"[{}]+[^{}]*[{}]*", text))


def main() -> int:
    """Write the template, and bring the languages' files up to date."""
    texts = collect()
    TEMPLATE.write_text(document(texts), encoding="utf-8")
    failed = 0
    for file in sorted(FOLDER.glob(f"{TEMPLATE.stem}_*.ts")):
        known = ElementTree.parse(file).getroot()
        for source in misplaced(known):
            print(f"{file.name}: the placeholders of the translation are not those of “{source}”", file=sys.stderr)
            failed = 1
        file.write_text(document(texts, known), encoding="utf-8")
    return failed


if __name__ == "__main__":
    sys.exit(main())
