"""Date, level and processing baseline, as they stand in names and metadata of Sentinel-2 files."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping

from ...contract.errors import RequestError

_DATE = re.compile(r"(?<!\d)(20\d\d)([-:_]?)(\d\d)\2(\d\d)(?!\d)")
_LEVEL = re.compile(r"(?<![A-Za-z0-9])(?:S2[ABC]?_?|MSI)?(?:Level-?|L)(1C|2A)(?![A-Za-z0-9])", re.IGNORECASE)
_BASELINE = re.compile(r"(?<![A-Za-z0-9])N(\d\d)(\d\d)(?![A-Za-z0-9])")

#: Metadata keys that hold a date, the surest first; TIFFTAG_DATETIME may be when the file was written.
_DATE_KEYS = (
    "ACQUISITION_DATE",
    "ACQUISITIONDATETIME",
    "SENSING_TIME",
    "DATATAKE_1_DATATAKE_SENSING_START",
    "PRODUCT_START_TIME",
    "DATETIME",
    "DATE",
)
_LEVEL_KEYS = ("PROCESSING_LEVEL", "LEVEL")


def date_in_text(text: str) -> str:
    """The first date in a name such as ``S2A_MSIL2A_20210101T…`` or ``2019-04-16_B04``, as YYYY-MM-DD; else empty."""
    for match in _DATE.finditer(text):
        year, _, month, day = match.groups()
        try:
            return datetime.date(int(year), int(month), int(day)).isoformat()
        except ValueError:
            continue
    return ""


def level_in_text(text: str) -> str:
    """``L1C`` or ``L2A`` as a name says it; else empty."""
    match = _LEVEL.search(text)
    return f"L{match.group(1).upper()}" if match else ""


def baseline_in_text(text: str) -> str:
    """The processing baseline of a name such as ``…_N0500_…``, as 05.00; else empty."""
    match = _BASELINE.search(text)
    return f"{match.group(1)}.{match.group(2)}" if match else ""


def date_in_tags(tags: Mapping[str, str]) -> str:
    """The acquisition date as metadata say it, as YYYY-MM-DD; else empty."""
    upper = {key.upper(): value for key, value in tags.items()}
    return next((date for key in _DATE_KEYS if (date := date_in_text(upper.get(key, "")))), "")


def level_in_tags(tags: Mapping[str, str]) -> str:
    """``L1C`` or ``L2A`` as metadata say it; else empty."""
    upper = {key.upper(): value for key, value in tags.items()}
    return next((level for key in _LEVEL_KEYS if (level := level_in_text(upper.get(key, "")))), "")


def checked_date(date: str) -> str:
    """The user's own date, checked; empty stays empty. Raises :class:`RequestError`."""
    if not date:
        return ""
    try:
        return datetime.date.fromisoformat(date.strip()).isoformat()
    except ValueError as error:
        raise RequestError(f"“{date}” is no date.", "Give it as YYYY-MM-DD, such as 2021-05-27.") from error
