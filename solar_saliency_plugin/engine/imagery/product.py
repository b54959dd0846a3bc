"""What a scene's files say of themselves, whatever form they come in: every reader ends in a :class:`Product`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

#: A file, or the name that GDAL knows a data set inside a file by.
Source = Path | str


@dataclass(frozen=True)
class Layer:
    """One band: where its numbers are, and what they are worth as far as its metadata say.

    reflectance = number × ``scale`` + ``offset``; None where nothing says. ``data_mask`` is the number of a band in
    the same source that is 0 where there are no data; 0 where there is no such band. ``nodata`` is the number that
    stands for no data by the product's specification, where the file itself does not say.
    """

    source: Source
    index: int = 1
    scale: float | None = None
    offset: float | None = None
    data_mask: int = 0
    nodata: float | None = None


@dataclass(frozen=True)
class Product:
    """One scene at one date.

    ``layers`` by band name (``B02`` …, ``SCL``); ``level`` is L1C, L2A or unknown; ``date`` YYYY-MM-DD or empty;
    ``baseline`` the processing baseline such as 05.00, or empty; ``inputs`` every file that belongs to it;
    ``sun_zenith`` degrees between sun and zenith, or None. ``notes`` are for the log, ``warnings`` for the user, such
    as those that a tidy scene was made with.
    """

    name: str
    id: str
    layers: Mapping[str, Layer]
    inputs: tuple[Path, ...]
    level: str = "unknown"
    date: str = ""
    baseline: str = ""
    sun_zenith: float | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
