"""A language that no letters are written in: what is read with letters, while QGIS speaks it, was never translated."""

import html
import re
import shutil
import subprocess
from xml.etree import ElementTree

from tests.translations import template

#: What stands for QGIS's language.
CODE = "qaa"

_KEPT = re.compile(r"{\w+}|<[^>]+>|&(?!\w+;)\w?")


def in_no_letters(number, text):
    """A translation by which a text is known: its number, its placeholders and its tags."""
    return f"⟦{number} {' '.join(kept for kept in _KEPT.findall(text) if not kept.startswith('&'))}⟧"


def write_language(folder):
    """Translate every text of the template, and release it as translators would."""
    root = ElementTree.fromstring(template.document(template.collect()).encode())
    root.set("language", CODE)
    told = {}
    for number, ((context, source), translation) in enumerate(template.translations(root).items()):
        told[context, source] = in_no_letters(number, source)
        del translation.attrib["type"]
        forms = list(translation.iter("numerusform"))
        for form in forms or [translation]:
            form.text = told[context, source]
    file = folder / f"solar_saliency_{CODE}.ts"
    ElementTree.ElementTree(root).write(file, encoding="utf-8", xml_declaration=True)
    release = shutil.which("lrelease")
    assert release is not None, "lrelease is missing, which python3-qgis brings (package qttools5-dev-tools)"
    subprocess.run([release, "-silent", str(file)], check=True)
    return told


def letters_of(text, names=()):
    """What of a text is in letters: without tags, names, numbers, and what is translated."""
    text = html.unescape(re.sub(r"<[^>]+>", " ", text))
    for name in sorted(filter(None, names), key=len, reverse=True):
        text = text.replace(name, " ")
    text = re.sub(r"\d[\d.,]*(e[+−-]?\d+)?", " ", text)
    return " ".join(re.findall(r"[^\W\d_]+", text))
