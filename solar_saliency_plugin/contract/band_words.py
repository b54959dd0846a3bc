"""Sentinel-2's bands as people call them."""

from typing import Callable

from .marking import QT_TRANSLATE_NOOP

#: What people call Sentinel-2's bands.
BAND_WORDS = {
    "B01": QT_TRANSLATE_NOOP("Words", "coastal aerosol"),
    "B02": QT_TRANSLATE_NOOP("Words", "blue"),
    "B03": QT_TRANSLATE_NOOP("Words", "green"),
    "B04": QT_TRANSLATE_NOOP("Words", "red"),
    "B05": QT_TRANSLATE_NOOP("Words", "red edge"),
    "B06": QT_TRANSLATE_NOOP("Words", "red edge"),
    "B07": QT_TRANSLATE_NOOP("Words", "red edge"),
    "B08": QT_TRANSLATE_NOOP("Words", "near infrared"),
    "B8A": QT_TRANSLATE_NOOP("Words", "narrow near infrared"),
    "B09": QT_TRANSLATE_NOOP("Words", "water vapour"),
    "B10": QT_TRANSLATE_NOOP("Words", "cirrus"),
    "B11": QT_TRANSLATE_NOOP("Words", "short-wave infrared"),
    "B12": QT_TRANSLATE_NOOP("Words", "short-wave infrared"),
}


def band_text(band: str, word: Callable[[str], str] = str) -> str:
    """A band's name with what people call it: B04 becomes “B04 (red)”. word: translates a text that is marked."""
    return f"{band} ({word(BAND_WORDS[band])})" if band in BAND_WORDS else band
