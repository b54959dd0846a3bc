"""ESA's own form: the .SAFE product, as a folder or a zip, in the naming of before and after December 2016.

Metadata: ESA, Sentinel-2 Products Specification Document (S2-PDGS-TAS-DI-PSD). From processing baseline 04.00 on,
reflectance = (number + ADD_OFFSET of the band) / QUANTIFICATION_VALUE, and 0 stands for no data in every single band;
before, a dark pixel may have 0 in one band.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree  # nosec B405
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from xml.etree.ElementTree import Element  # nosec B405

from ...contract.errors import SceneUnreadableError
from .bands import BANDS, CLASSIFICATION, band_in_text
from .filetree import FileTree
from .naming import baseline_in_text, date_in_text, level_in_text
from .product import Layer, Product
from .scaling import OFFSET_BASELINE

PRODUCT_METADATA = re.compile(r"(?:^|/)(?:MTD_MSIL(?:1C|2A)|S2[A-D]_\w+_MTD_SAFL(?:1C|2A)_[^/]*)\.xml$")
_IMAGE = re.compile(r"(?:^|/)GRANULE/(?P<granule>[^/]+)/IMG_DATA/(?:.*/)?(?P<stem>[^/]+)\.jp2$")
_GRANULE_METADATA = re.compile(r"(?:^|/)GRANULE/(?P<granule>[^/]+)/(?:MTD_TL|S2[A-D]_\w+_L(?:1C|2A)_TL_[^/]*)\.xml$")
_RESOLUTION = re.compile(r"_(\d\d)m$")
_TILE = re.compile(r"_T?(\d\d[A-Z]{3})(?:_|$)")
_QUANTIFICATION = ("BOA_QUANTIFICATION_VALUE", "L2A_BOA_QUANTIFICATION_VALUE", "QUANTIFICATION_VALUE")
_OFFSET = ("BOA_ADD_OFFSET", "RADIO_ADD_OFFSET")


def product_metadata(tree: FileTree) -> tuple[str, ...]:
    """The product metadata files in the tree: one for each product."""
    return tuple(name for name in tree.names if PRODUCT_METADATA.search(name))


def read_safe(tree: FileTree, metadata: str, member: str = "") -> Product:
    """The product that the metadata file ``metadata`` of ``tree`` describes.

    ``member`` is the file or folder in the tree that the user pointed at; inside a granule, it chooses that granule.
    """
    root = str(PurePosixPath(metadata).parent)
    prefix = "" if root == "." else root + "/"
    folder = PurePosixPath(root).name or tree.root.name
    document = _parse(tree, metadata)
    name = f"“{folder}”"
    images = _images(tree, prefix, member, name)
    uri = _text(document, "PRODUCT_URI") or _text(document, "PRODUCT_URI_2A") or _text(document, "PRODUCT_URI_1C")
    level = level_in_text(_text(document, "PROCESSING_LEVEL")) or level_in_text(metadata)
    baseline = _text(document, "PROCESSING_BASELINE") or baseline_in_text(folder)
    scale, offsets = _radiometry(document, baseline)
    nodata = 0.0 if baseline >= OFFSET_BASELINE else None
    layers = {
        band: Layer(tree.source(image))
        if band == CLASSIFICATION
        else Layer(tree.source(image), scale=scale, offset=offsets.get(band), nodata=nodata)
        for band, image in images.items()
    }
    return Product(
        name=name,
        id=re.sub(r"\.(SAFE|zip)$", "", uri or folder),
        layers=layers,
        inputs=tree.files((metadata, *images.values())),
        level=level or "unknown",
        date=date_in_text(_text(document, "PRODUCT_START_TIME")) or date_in_text(folder),
        baseline=baseline,
        sun_zenith=_sun_zenith(tree, images),
    )


def _sun_zenith(tree: FileTree, images: Mapping[str, str]) -> float | None:
    """The mean over the granule that the images are of, as its own metadata have it."""
    granule = next(match["granule"] for image in images.values() if (match := _IMAGE.search(image)))
    for name in tree.names:
        if (match := _GRANULE_METADATA.search(name)) and match["granule"] == granule:
            try:
                angles = next(_elements(_parse(tree, name), "Mean_Sun_Angle"), None)
            except SceneUnreadableError:  # it is of use, and not needed
                return None
            return _number(_text(angles, "ZENITH_ANGLE")) if angles is not None else None
    return None


def _parse(tree: FileTree, metadata: str) -> Element:
    text = tree.text(metadata)
    # Entities are what makes parsing XML from strangers dangerous; ESA's metadata have none.
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise SceneUnreadableError(
            f"The metadata of “{tree.root.name}” hold definitions that no Sentinel-2 product has.",
            "Get the product from its publisher.",
        )
    try:
        return ElementTree.fromstring(text)  # nosec B314
    except ElementTree.ParseError as error:
        raise SceneUnreadableError(
            f"The metadata file “{PurePosixPath(metadata).name}” is damaged: {error}.", "Download the product again."
        ) from error


def _images(tree: FileTree, prefix: str, member: str, name: str) -> dict[str, str]:
    """The finest image of every band of the one granule: file names by band."""
    found = [(match, image) for image in tree.names if image.startswith(prefix) and (match := _IMAGE.search(image))]
    granules = sorted({match["granule"] for match, _ in found})
    chosen = [granule for granule in granules if f"/GRANULE/{granule}/" in f"/{member}/"]
    if not granules:
        raise SceneUnreadableError(f"{name} holds no images.", "The download may be incomplete: get it again.")
    if len(granules) > 1 and not chosen:
        tiles = [match.group(1) if (match := _TILE.search(granule)) else granule for granule in granules]
        raise SceneUnreadableError(
            f"{name} holds {len(granules)} tiles: {', '.join(tiles)}.",
            f"Choose the folder of one, such as GRANULE/{granules[0]}.",
        )
    granule = (chosen or granules)[0]
    finest: dict[str, tuple[int, str]] = {}
    for match, image in found:
        resolution = _RESOLUTION.search(match["stem"])
        band = band_in_text(match["stem"])
        if match["granule"] != granule or band is None:
            continue
        candidate = (int(resolution.group(1)) if resolution else 0, image)
        finest[band] = min(candidate, finest.get(band, candidate))
    return {band: image for band, (_, image) in finest.items()}


def _radiometry(document: Element, baseline: str) -> tuple[float, dict[str, float]]:
    """Scale and, by band, offset in reflectance; no offsets where the product should have them and has not."""
    quantification = next((value for tag in _QUANTIFICATION if (value := _number(_text(document, tag)))), 10_000.0)
    listed = next((found for tag in _OFFSET if (found := list(_elements(document, tag)))), [])
    offsets = {
        band: number / quantification
        for element in listed
        if (band := _band_of_id(document, element.get("band_id", "")))
        and (number := _number(element.text or "")) is not None
    }
    if not offsets and baseline < OFFSET_BASELINE:
        offsets = dict.fromkeys(BANDS, 0.0)
    return 1.0 / quantification, offsets


def _band_of_id(document: Element, band_id: str) -> str | None:
    for element in _elements(document, "Spectral_Information"):
        if element.get("bandId") == band_id:
            return band_in_text(element.get("physicalBand", ""))
    return tuple(BANDS)[int(band_id)] if band_id.isdigit() and int(band_id) < len(BANDS) else None


def _elements(document: Element, tag: str) -> Iterator[Element]:
    return (element for element in document.iter() if element.tag.rpartition("}")[2] == tag)


def _text(document: Element, tag: str) -> str:
    return next(((element.text or "").strip() for element in _elements(document, tag)), "")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
