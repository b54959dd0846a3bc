"""The bands of Sentinel-2, and how they are recognised: by name, wavelength, file name or the user's own list.

A band is never taken by its position: files come in many orders.
Wavelengths and resolutions: ESA, Sentinel-2 MSI spectral response functions (means of the satellites' centres).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ...contract.errors import BandsUnclearError, RequestError


@dataclass(frozen=True)
class Band:
    """One band: centre wavelength in nanometres, native pixel size in metres."""

    name: str
    wavelength_nm: float
    native_resolution: int


BANDS = {
    band.name: band
    for band in (
        Band("B01", 443.0, 60),
        Band("B02", 492.0, 10),
        Band("B03", 560.0, 10),
        Band("B04", 665.0, 10),
        Band("B05", 704.0, 20),
        Band("B06", 740.0, 20),
        Band("B07", 782.0, 20),
        Band("B08", 833.0, 10),
        Band("B8A", 865.0, 20),
        Band("B09", 945.0, 60),
        Band("B10", 1374.0, 60),
        Band("B11", 1613.0, 20),
        Band("B12", 2198.0, 20),
    )
}
#: What the models of this plugin look at, in their order.
MODEL_BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
#: The scene classification of L2A products: class numbers, not reflectance.
CLASSIFICATION = "SCL"

#: Orders in which exports commonly stand, by number of bands; offered to the user, never assumed.
USUAL_ORDERS = {
    10: MODEL_BANDS,
    12: tuple(name for name in BANDS if name != "B10"),
    13: tuple(BANDS),
}

_WORDS = {
    "B01": ("coastal", "coastal aerosol", "aerosol"),
    "B02": ("blue",),
    "B03": ("green",),
    "B04": ("red",),
    "B05": ("red edge 1", "rededge1", "rededge 1", "re1", "vre1", "vegetation red edge 1"),
    "B06": ("red edge 2", "rededge2", "rededge 2", "re2", "vre2", "vegetation red edge 2"),
    "B07": ("red edge 3", "rededge3", "rededge 3", "re3", "vre3", "vegetation red edge 3"),
    "B08": ("nir", "near infrared", "nir broad", "broad nir", "near infra red"),
    "B8A": ("nir08", "nir narrow", "narrow nir", "red edge 4", "rededge4", "rededge 4", "re4", "narrow near infrared"),
    "B09": ("nir09", "water vapour", "water vapor"),
    "B10": ("cirrus",),
    "B11": ("swir1", "swir 1", "swir16", "swir 16"),
    "B12": ("swir2", "swir 2", "swir22", "swir 22"),
    CLASSIFICATION: ("scl", "scene classification", "scene classification layer"),
}
_BY_WORD = {word: band for band, words in _WORDS.items() for word in words}
#: “B8A”, “B08”, “b8”, “Band 8A”; not “Band 8”, which is what programs call the eighth band of anything.
_TOKEN = re.compile(r"(?<![A-Za-z0-9])(?:B(?:and[ _]?)?0?(8A)|B(0?[1-9]|1[0-2])|(SCL))(?![A-Za-z0-9])", re.IGNORECASE)
_SKIP = re.compile(r"-(?:\*(\d+))?")


def band_in_text(text: str) -> str | None:
    """The one band that a description or a file's name speaks of; None where there is none, or more than one."""
    found = {_token_name(match) for match in _TOKEN.finditer(text)}
    if not found:
        return _BY_WORD.get(re.sub(r"[\s_\-]+", " ", text).strip().lower())
    return found.pop() if len(found) == 1 else None


def without_band(text: str) -> str:
    """A file's name with the band taken out: the same for all files of one scene."""
    return _TOKEN.sub("", text) if _TOKEN.search(text) else ("" if band_in_text(text) else text)


def band_of_wavelength(nanometres: float) -> str | None:
    """The band whose centre is near; None where none is near enough to tell it from its neighbours."""
    nearest = min(BANDS.values(), key=lambda band: abs(band.wavelength_nm - nanometres))
    tolerance = 30.0 if nearest.wavelength_nm > 1000 else 15.0
    return nearest.name if abs(nearest.wavelength_nm - nanometres) <= tolerance else None


def parse_mapping(text: str, count: int) -> tuple[str | None, ...]:
    """The user's own list of band names in file order: ``B02,B03,-,B08``.

    ``-`` skips a band and ``-*6`` skips six. Raises :class:`RequestError` unless all ``count`` bands of the file are
    spoken of, each name known and given once.
    """
    names: list[str | None] = []
    for item in (part.strip() for part in text.split(",")):
        skip = _SKIP.fullmatch(item)
        if skip:
            names += [None] * int(skip.group(1) or 1)
            continue
        name = band_in_text(item)
        if name is None:
            known = ", ".join((*BANDS, CLASSIFICATION))
            raise RequestError(f"“{item}” is no Sentinel-2 band.", f"Known bands: {known}; - skips one.")
        if name in names:
            raise RequestError(f"The option “bands” names {name} twice.", "Put a dash where a band is to be skipped.")
        names.append(name)
    if len(names) != count:
        raise RequestError(
            f"The option “bands” speaks of {len(names)} bands, but the file has {count}.",
            "Name every band of the file in its order; - skips one, -*6 skips six.",
        )
    return tuple(names)


def require_bands(found: Sequence[str], wanted: Sequence[str], what: str) -> None:
    """Raise :class:`BandsUnclearError` where ``found`` lacks one of the ``wanted`` bands."""
    missing = [name for name in wanted if name not in found]
    if missing:
        has = f"It has {', '.join(sorted(found))}." if found else "No band was recognised."
        raise BandsUnclearError(
            f"{what} lacks {'the bands' if len(missing) > 1 else 'the band'} {', '.join(missing)}.",
            f"{has} The model needs {', '.join(wanted)}.",
        )


def unnamed_bands(what: str, count: int) -> BandsUnclearError:
    """The refusal of a file that does not say which band is which, with a value for the option to try."""
    message = (
        f"Nothing says which of the {count} bands of {what} is which."
        if count > 1
        else (f"Nothing says which band {what} holds.")
    )
    if count in USUAL_ORDERS:
        hint = (
            "Give the option “bands” in file order. Files of this size are often in the order "
            f"{','.join(USUAL_ORDERS[count])}; check it with whoever made the file."
        )
    elif count > 13 and count % 10 == 0:
        hint = (
            f"{count} bands may be {count // 10} dates of ten bands. Name the ten bands of the date you want in file "
            f"order in the option “bands” and skip the others: {','.join(MODEL_BANDS)},-*{count - 10} for the first "
            "date, if its bands stand in that order; check it with whoever made the file."
        )
    else:
        hint = (
            "Give the option “bands”: the names in file order, a dash for each band to skip. "
            f"The model needs {', '.join(MODEL_BANDS)}."
        )
    return BandsUnclearError(message, hint)


def _token_name(match: re.Match[str]) -> str:
    if match.group(1):
        return "B8A"
    if match.group(3):
        return CLASSIFICATION
    return f"B{int(match.group(2)):02d}"
