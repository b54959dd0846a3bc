"""STAC items that stand beside images: names, scales and offsets of their bands, date and processing baseline.

Earth Search notes by ``earthsearch:boa_offset_applied`` that the offset of newer baselines is out of the numbers
already, while ``raster:bands`` still lists it; the flag is believed (Element84/earth-search issue 66 and others).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlparse

from ...contract.errors import SceneUnreadableError
from .bands import band_in_text
from .filetree import FileTree
from .naming import baseline_in_text, date_in_text, level_in_text

#: An item stands beside few other documents; a folder of thousands of labels is not searched.
_MOST_DOCUMENTS = 32


@dataclass(frozen=True)
class StacBand:
    """One band of an asset; None where the item does not say."""

    name: str | None
    scale: float | None
    offset: float | None


@dataclass(frozen=True)
class StacAsset:
    """One file of an item: ``file_name`` without folder, ``href`` as the item has it."""

    file_name: str
    href: str
    bands: tuple[StacBand, ...]


@dataclass(frozen=True)
class StacItem:
    """What an item says of its scene; empty, or None, where it says nothing."""

    id: str
    date: str
    level: str
    baseline: str
    assets: tuple[StacAsset, ...]
    sun_zenith: float | None = None

    def asset(self, file_name: str) -> StacAsset | None:
        """The asset of that file name."""
        return next((asset for asset in self.assets if asset.file_name == file_name), None)


def find_item(tree: FileTree, folder: str, file_name: str = "") -> StacItem | None:
    """The item in ``folder`` of the tree; that has ``file_name`` as an asset, where one is given."""
    paths = [PurePosixPath(name) for name in tree.names]
    documents = [p for p in paths if p.suffix.lower() in (".json", ".geojson") and str(p.parent) == (folder or ".")]
    for path in documents[:_MOST_DOCUMENTS]:
        item = read_item(tree, path.as_posix())
        if item and (not file_name or item.asset(file_name)):
            return item
    return None


def read_item(tree: FileTree, name: str) -> StacItem | None:
    """The item in the JSON file ``name``; None where it holds something else."""
    try:
        document = json.loads(tree.text(name))
    except (ValueError, RecursionError, SceneUnreadableError):
        return None
    if not isinstance(document, dict) or "stac_version" not in document or document.get("type") != "Feature":
        return None
    properties = document.get("properties") or {}
    baseline = str(properties.get("s2:processing_baseline") or properties.get("processing:version") or "")
    uri = str(properties.get("s2:product_uri") or "")
    identity = str(document.get("id", ""))
    level = f"{properties.get('processing:level', '')} {properties.get('s2:product_type', '')}"
    applied = _offset_is_applied(properties)
    assets = document.get("assets") or {}
    elevation = _number(properties.get("view:sun_elevation"))
    return StacItem(
        id=uri.removesuffix(".SAFE") or identity,
        date=date_in_text(str(properties.get("datetime") or "")),
        level=level_in_text(uri) or level_in_text(identity) or level_in_text(level.replace("S2MSI", "L")),
        baseline="" if applied else baseline or baseline_in_text(uri),
        assets=tuple(_asset(key, asset, applied) for key, asset in assets.items() if isinstance(asset, dict)),
        sun_zenith=None if elevation is None else 90 - elevation,
    )


def _offset_is_applied(properties: Mapping[str, Any]) -> bool:
    keys = ("earthsearch:boa_offset_applied", "sentinel:boa_offset_applied")
    return any(properties.get(key) is True for key in keys)


def _asset(key: str, asset: Mapping[str, Any], applied: bool) -> StacAsset:
    href = str(asset.get("href", ""))
    file_name = PurePosixPath(unquote(urlparse(href).path)).name
    named = asset.get("bands") or asset.get("eo:bands") or [{}]
    valued = asset.get("bands") or asset.get("raster:bands") or []
    fallback = key if len(named) == 1 else ""
    bands = []
    for index, band in enumerate(named):
        values = valued[index] if index < len(valued) else {}
        texts = (str(band.get("name", "")), fallback, str(band.get("common_name") or band.get("eo:common_name") or ""))
        offset = _number(values.get("offset", values.get("raster:offset")))
        bands.append(
            StacBand(
                next((name for text in texts if (name := band_in_text(text))), None),
                _number(values.get("scale", values.get("raster:scale"))),
                0.0 if applied else offset,
            )
        )
    return StacAsset(file_name, href, tuple(bands))


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
