"""A folder of files with one band each, named by band: downloads of single bands, portal exports, patches."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
from rasterio.io import DatasetReader

from ...contract.errors import BandsUnclearError, DateUnclearError, SceneNotFoundError, SceneUnreadableError
from ...contract.imagery import SceneOptions
from .bands import BANDS, CLASSIFICATION, band_in_text, without_band
from .filetree import FileTree
from .naming import baseline_in_text, checked_date, date_in_text, level_in_text
from .product import Layer, Product, Source
from .raster import open_raster, reading
from .stac import StacItem, find_item
from .stacked import level_of_bands

RASTER_SUFFIXES = (".tif", ".tiff", ".jp2", ".vrt", ".img")
_RESOLUTION = re.compile(r"_\d\dm$")
_RESOLUTION_FOLDER = re.compile(r"/?R\d\dm$")


@dataclass(frozen=True)
class _Group:
    """The band files of one scene: what their names share, their folder, and the files by band."""

    shared: str
    folder: str
    files: dict[str, list[str]]

    @property
    def title(self) -> str:
        """What the group is called: what its file names share, after the folder where that does not say it already."""
        shared, folder = self.shared.strip(" _-."), PurePosixPath(self.folder).name
        return shared if folder in shared else f"{folder} {shared}".strip()


def has_band_files(tree: FileTree) -> bool:
    """Whether any file of the tree is named after a band."""
    return any(_band_of_file(name) for name in tree.names)


def raster_names(tree: FileTree) -> list[str]:
    """The rasters in the tree."""
    return [name for name in tree.names if PurePosixPath(name).suffix.lower() in RASTER_SUFFIXES]


def read_loose(tree: FileTree, member: str, options: SceneOptions) -> Product:
    """The scene whose band files lie in the tree; ``member`` is one of them, where the user pointed at one.

    Raises :class:`DateUnclearError` or :class:`SceneUnreadableError` where there are several scenes.
    """
    if options.bands.strip():
        raise BandsUnclearError(
            f"“{tree.root.name}” is a folder of band files, which are told apart by their names.",
            "Leave the option “bands” empty: it is for one file that holds all bands.",
        )
    group = _chosen(_groups(tree), tree, member, options)
    item = find_item(tree, group.folder)
    layers: dict[str, Layer] = {}
    notes: list[str] = []
    for band, names in group.files.items():
        layer = _layer(tree, band, names, notes)
        if layer:
            layers[band] = _with_item(layer, item)
    texts = (group.shared, PurePosixPath(group.folder).name, tree.root.name)
    used = [name for band in layers for name in group.files[band]]
    return Product(
        name=f"“{group.title or tree.root.name}”",
        id=(item.id if item else "") or group.shared.strip(" _-.") or group.title or tree.root.stem,
        layers=layers,
        inputs=tree.files(used),
        level=(item.level if item else "") or _first(level_in_text, texts) or level_of_bands(layers) or "unknown",
        date=(item.date if item else "") or _first(date_in_text, texts),
        baseline=item.baseline if item else _first(baseline_in_text, texts),
        sun_zenith=item.sun_zenith if item else None,
        notes=tuple(notes),
    )


def no_scene(tree: FileTree) -> SceneNotFoundError:
    """The refusal of a folder or zip without a scene, naming what it does hold."""
    rasters = [PurePosixPath(name).name for name in tree.names if PurePosixPath(name).suffix.lower() in _CHOICES]
    shown = ", ".join(rasters[:4]) + (" …" if len(rasters) > 4 else "")
    hint = f"Choose one of its files: {shown}" if rasters else "Choose a folder with a product's images."
    return SceneNotFoundError(f"“{tree.root.name}” holds no Sentinel-2 product and no files named after bands.", hint)


_CHOICES = (*RASTER_SUFFIXES, ".nc", ".zip")


def _band_of_file(name: str) -> str | None:
    path = PurePosixPath(name)
    if path.suffix.lower() not in RASTER_SUFFIXES:
        return None
    return band_in_text(_RESOLUTION.sub("", path.stem))


def _groups(tree: FileTree) -> list[_Group]:
    groups: dict[tuple[str, str], _Group] = {}
    for name in tree.names:
        band = _band_of_file(name)
        if not band:
            continue
        path = PurePosixPath(name)
        folder = "" if str(path.parent) == "." else _RESOLUTION_FOLDER.sub("", str(path.parent))
        shared = without_band(_RESOLUTION.sub("", path.stem))
        group = groups.setdefault((folder, shared), _Group(shared, folder, {}))
        group.files.setdefault(band, []).append(name)
    return list(groups.values())


def _chosen(groups: list[_Group], tree: FileTree, member: str, options: SceneOptions) -> _Group:
    if member:
        pointed = [group for group in groups if any(member in names for names in group.files.values())]
        inside = [group for group in groups if f"{group.folder}/".startswith(f"{member.rstrip('/')}/")]
        groups = pointed or inside or groups
    date = checked_date(options.date)
    dates = [date_in_text(group.shared) or date_in_text(group.folder) for group in groups]
    if len(groups) > 1 and date:
        groups = [group for group, its in zip(groups, dates, strict=True) if its == date]
        if not groups:
            raise DateUnclearError(f"“{tree.root.name}” holds no scene of {date}.", _list("Its dates: ", dates))
    if not groups:
        raise no_scene(tree)
    if len(groups) > 1:
        if not date and all(dates) and len(set(dates)) == len(groups):
            raise DateUnclearError(
                f"“{tree.root.name}” holds scenes of {len(groups)} dates.",
                _list("Set the option “date” to one of: ", dates),
                tuple(sorted(dates)),
            )
        titles = [group.title for group in groups]
        raise SceneUnreadableError(
            f"“{tree.root.name}” holds {len(groups)} scenes.", _list("Choose the folder or a file of one: ", titles)
        )
    return groups[0]


def _list(start: str, items: list[str]) -> str:
    shown = sorted(set(items))
    return start + (", ".join(shown) if len(shown) <= 12 else f"{shown[0]} … {shown[-1]} ({len(shown)} in all)") + "."


def _layer(tree: FileTree, band: str, names: list[str], notes: list[str]) -> Layer | None:
    """The band's finest file; None for a rendering that only bears a band's name."""
    found = []
    for name in names:
        source = tree.source(name)
        with open_raster(source) as dataset:
            data_mask = _data_mask(dataset, source)
            if dataset.count - bool(data_mask) != 1 or (band == CLASSIFICATION and not _holds_classes(dataset)):
                notes.append(f"{PurePosixPath(name).name} was left out: it is a picture, not a band.")
                continue
            found.append((abs(dataset.transform.determinant), name, Layer(source, data_mask=data_mask)))
    found.sort(key=lambda candidate: candidate[:2])
    if len(found) > 1 and found[0][0] == found[1][0]:
        raise BandsUnclearError(
            f"There are two files for band {band}: {found[0][1]} and {found[1][1]}.", "Leave only one of them."
        )
    return found[0][2] if found else None


def _data_mask(dataset: DatasetReader, source: Source) -> int:
    """2 where the file's second band is a 0/1 mask of the first, as portals write it; else 0."""
    if dataset.count != 2:
        return 0
    step = max(1, dataset.height // 64)
    with reading(source):
        rows = [dataset.read(2, window=((row, row + 1), (0, dataset.width))) for row in range(0, dataset.height, step)]
    values = set(np.unique(np.concatenate(rows)).tolist())
    return 2 if values <= {0, 1} or values <= {0, 255} or values <= {0, 65535} else 0


def _holds_classes(dataset: DatasetReader) -> bool:
    return np.issubdtype(np.dtype(dataset.dtypes[0]), np.integer)


def _with_item(layer: Layer, item: StacItem | None) -> Layer:
    """The layer with the scale and offset that a STAC item gives for its file."""
    asset = item.asset(Path(str(layer.source)).name) if item else None
    if asset and len(asset.bands) == 1 and asset.bands[0].name in (None, *BANDS):
        return replace(layer, scale=asset.bands[0].scale, offset=asset.bands[0].offset)
    return layer


def _first(find: Callable[[str], str], texts: tuple[str, ...]) -> str:
    return next((found for text in texts if (found := find(text))), "")
