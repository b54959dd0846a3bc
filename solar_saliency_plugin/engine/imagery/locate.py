"""From what the user, or a QGIS layer, calls the scene to the product it belongs to."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

from ...contract.errors import (
    DateUnclearError,
    NotReflectanceError,
    RequestError,
    SceneNotFoundError,
    SceneUnreadableError,
)
from ...contract.imagery import SceneOptions
from ..job import Job
from .bands import band_in_text
from .filetree import FileTree
from .loose import RASTER_SUFFIXES, has_band_files, no_scene, raster_names, read_loose
from .netcdf import read_netcdf
from .product import Product
from .raster import open_raster
from .safe import PRODUCT_METADATA, product_metadata, read_safe
from .stac import find_item, read_item
from .stacked import read_stacked

#: SENTINEL2_L2A:/…/MTD_MSIL2A.xml:10m:EPSG_32632, as GDAL calls the parts of a product.
_SENTINEL2 = re.compile(r"SENTINEL2_\w+:(.+?)(?::(?:10m|20m|60m|TCI|PREVIEW))?(?::EPSG_\d+)?", re.IGNORECASE)
#: NETCDF:"/…/scene.nc":B02 and HDF5:"/…/scene.h5"://B02.
_VARIABLE = re.compile(r'(?:NETCDF|HDF5):(?:"([^"]+)"|(.+?\.\w+))(?::.*)?', re.IGNORECASE)
_ZIP = re.compile(r"/vsizip/(?:\{(?P<braced>[^}]+)\}|(?P<plain>.+?\.zip))(?:/(?P<member>.*))?", re.IGNORECASE)
_NETWORK = re.compile(r"(?:https?|ftp|s3|gs)://|/vsi(?:curl|s3|gs|az|swift)", re.IGNORECASE)
#: How far below its product's folder an image lies at most.
_DEEPEST = 6
_NETCDF_SUFFIXES = (".nc", ".nc4", ".cdf")


@dataclass(frozen=True)
class Place:
    """A file or folder on disk, and what is meant inside it (of a zip, a .SAFE folder); empty for all of it."""

    path: Path
    member: str = ""


def find_place(scene: str) -> Place:
    """Where a scene lies that is given as a path, a file: address or the source of a QGIS raster layer.

    Raises :class:`SceneNotFoundError`, :class:`RequestError` or, for web maps, :class:`NotReflectanceError`.
    """
    text = scene.strip()
    if not text:
        raise RequestError("No scene was given.", "Choose a Sentinel-2 scene.")
    if "url=" in text and not os.path.exists(text):
        raise NotReflectanceError("The layer is a web map: a picture, not reflectance.", "Use a Sentinel-2 product.")
    if _NETWORK.match(text):
        raise SceneNotFoundError("The scene is on the network.", "Download it first, and open the local copy.")
    if text.startswith("file:"):
        text = url2pathname(urlparse(text).path)
    if not os.path.exists(text):
        text = text.partition("|")[0]
    for pattern in (_SENTINEL2, _VARIABLE):
        if match := pattern.fullmatch(text):
            text = next(group for group in match.groups() if group).strip('"')
    if match := _ZIP.fullmatch(text):
        return Place(_existing(match["braced"] or match["plain"]), (match["member"] or "").strip("/"))
    return _inside_product(_existing(text))


def read_product(options: SceneOptions, job: Job) -> Product:
    """The product that ``options.scene`` leads to, whatever form it comes in."""
    place = find_place(options.scene)
    path, suffix = place.path, place.path.suffix.lower()
    if path.is_dir() or suffix == ".zip":
        return _in_tree(FileTree.of(path), place.member, options, job)
    if suffix in _NETCDF_SUFFIXES:
        return read_netcdf(path, options)
    if suffix in (".json", ".geojson") and read_item(_siblings(path), path.name):
        return _beside_item(path, options)
    if suffix in RASTER_SUFFIXES and band_in_text(path.stem) and not options.bands and _is_one_band(path):
        job.info(f"{path.name} holds one band; the others are read from the files beside it.")
        return read_loose(_siblings(path), path.name, options)
    return read_stacked(path, options, find_item(_siblings(path), "", path.name))


def dates_in(options: SceneOptions, job: Job) -> tuple[str, ...]:
    """The dates (YYYY-MM-DD) that ``options.scene`` holds, where one of them must be chosen; else none."""
    try:
        read_product(replace(options, date=""), job)
    except DateUnclearError as error:
        if error.dates:
            return error.dates
        raise
    return ()


def _existing(text: str) -> Path:
    path = Path(os.path.expanduser(text)).absolute()
    if not os.path.exists(path):  # which, unlike Path.exists, takes names that no file can have
        raise SceneNotFoundError(f"There is no file or folder {path}.", "Check the path; was it moved or renamed?")
    return path


def _inside_product(path: Path) -> Place:
    """The product's folder, for its metadata file, one of its images or a folder in it; else the path itself."""
    if path.is_file() and path.suffix.lower() not in (".xml", ".jp2"):
        return Place(path)
    for folder in (path, *path.parents[:_DEEPEST]):
        if folder.is_dir() and _is_product(folder):
            return Place(folder, path.relative_to(folder).as_posix() if path != folder else "")
    if path.name.startswith("MTD_TL"):  # a granule's metadata, without the product around it
        return Place(path.parent)
    return Place(path)


def _is_product(folder: Path) -> bool:
    try:
        return any(PRODUCT_METADATA.search(name) for name in os.listdir(folder))
    except OSError:  # a folder further up that the user may not look into
        return False


def _in_tree(tree: FileTree, member: str, options: SceneOptions, job: Job) -> Product:
    metadata = [name for name in product_metadata(tree) if _holds(name, member)] or list(product_metadata(tree))
    if len(metadata) > 1:
        raise SceneUnreadableError(
            f"“{tree.root.name}” holds {len(metadata)} products.",
            f"Choose the folder of one, such as {Path(metadata[0]).parent}.",
        )
    if metadata:
        if member.endswith(".jp2"):
            job.info(f"{Path(member).name} is part of a product; all of the product is read.")
        return read_safe(tree, metadata[0], member)
    if has_band_files(tree):
        return read_loose(tree, member, options)
    rasters = raster_names(tree)
    chosen = member if member in rasters else rasters[0] if len(rasters) == 1 else ""
    if not chosen:
        raise no_scene(tree)
    return read_stacked(tree.source(chosen), options)


def _holds(metadata: str, member: str) -> bool:
    """Whether ``member`` lies in the product of that metadata file, or is a folder around it."""
    root = metadata.rpartition("/")[0] + "/"
    return bool(member) and (f"{member}/".startswith(root) or metadata.startswith(f"{member}/"))


def _siblings(path: Path) -> FileTree:
    """The folder of a file, without the folders in it."""
    names = tuple(sorted(entry.name for entry in path.parent.iterdir() if entry.is_file()))
    return FileTree(path.parent, names, False)


def _beside_item(path: Path, options: SceneOptions) -> Product:
    """The scene that a STAC item lists, from the files beside the item."""
    tree = _siblings(path)
    item = read_item(tree, path.name)
    local = [asset.file_name for asset in item.assets if asset.file_name in tree.names] if item else []
    if not local:
        raise SceneNotFoundError(
            f"The images that “{path.name}” lists are not beside it.", "Download them into its folder first."
        )
    stacked = [name for name in local if item and len((item.asset(name) or item.assets[0]).bands) > 1]
    if stacked:
        return read_stacked(path.parent / stacked[0], options, item)
    return read_loose(FileTree(tree.root, (path.name, *sorted(local)), False), "", options)


def _is_one_band(path: Path) -> bool:
    with open_raster(path) as dataset:
        return dataset.count <= 2
