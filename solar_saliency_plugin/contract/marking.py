"""Marks texts for translators: the contract knows no Qt, and the QGIS side translates where it shows them."""


def QT_TRANSLATE_NOOP(context: str, text: str) -> str:  # noqa: N802
    """The text as it is. Tools that collect texts know this name of Qt's; both arguments are written out for them."""
    return text
