"""One raster file that holds all bands of a scene: GeoTIFF, VRT, JPEG 2000 and whatever else GDAL reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from rasterio.enums import ColorInterp
from rasterio.io import DatasetReader

from ...contract.errors import BandsUnclearError, NotReflectanceError
from ...contract.imagery import SceneOptions
from ..provenance import read_run
from .bands import BANDS, CLASSIFICATION, band_in_text, band_of_wavelength, parse_mapping, unnamed_bands
from .naming import baseline_in_text, date_in_tags, date_in_text, level_in_tags, level_in_text
from .product import Layer, Product, Source
from .raster import bare_arrays, display_name, open_raster, reading
from .stac import StacBand, StacItem

#: Fewer different values than this in a sample of a raster are classes, not measurements.
_MOST_CLASSES = 32
_SAMPLE_SIDE = 256


def read_stacked(source: Source, options: SceneOptions, item: StacItem | None = None) -> Product:
    """The product in one raster file; ``item`` is the STAC item that lists it, if there is one.

    Raises :class:`NotReflectanceError` for pictures, class maps and indices, :class:`BandsUnclearError` where
    neither the file nor the option ``bands`` says which band is which.
    """
    with open_raster(source) as dataset:
        refuse_pictures(dataset, source)
        stac = _stac_bands(item, source, dataset.count)
        names = band_names(dataset, source, options, tuple(band.name for band in stac))
        tags = dataset.tags()
        files = tuple(Path(name) for name in dataset.files if Path(name).exists())
    layers = {
        name: Layer(source, index, band.scale, band.offset)
        for index, (name, band) in enumerate(zip(names, stac, strict=True), 1)
        if name
    }
    stem = Path(str(source)).stem
    context = f"{stem} {Path(str(source)).parent.name}"
    level = level_in_tags(tags) or level_in_text(stem) or level_in_text(context) or level_of_bands(layers)
    date = date_in_tags(tags) or date_in_text(stem) or date_in_text(tags.get("TIFFTAG_DATETIME", ""))
    return Product(
        name=display_name(source),
        id=(item.id if item else "") or tags.get("SCENE_ID") or tags.get("PRODUCT_URI") or stem,
        layers=layers,
        inputs=files,
        level=(item.level if item else "") or level or "unknown",
        date=(item.date if item else "") or date,
        baseline=item.baseline if item else tags.get("PROCESSING_BASELINE") or baseline_in_text(stem),
        sun_zenith=item.sun_zenith if item else None,
        warnings=tuple(read_run(tags).get("warnings", ())),
    )


def level_of_bands(layers: Mapping[str, object]) -> str:
    """L1C products alone hold B10, L2A products alone a scene classification; else empty."""
    return "L1C" if "B10" in layers else "L2A" if CLASSIFICATION in layers else ""


def _stac_bands(item: StacItem | None, source: Source, count: int) -> tuple[StacBand, ...]:
    asset = item.asset(Path(str(source)).name) if item else None
    return asset.bands if asset and len(asset.bands) == count else (StacBand(None, None, None),) * count


def band_names(
    dataset: DatasetReader, source: Source, options: SceneOptions, listed: tuple[str | None, ...]
) -> tuple[str | None, ...]:
    """The name of every band of the file, None for those that are no Sentinel-2 band.

    The user's list goes before the names ``listed`` in a STAC item, those before the file's own descriptions and tags.
    """
    if options.bands.strip():
        return parse_mapping(options.bands, dataset.count)
    names = listed if any(listed) else tuple(_band_name(dataset, index) for index in dataset.indexes)
    known = [name for name in names if name]
    twice = sorted({name for name in known if known.count(name) > 1})
    if twice:
        raise BandsUnclearError(
            f"Several bands of {display_name(source)} are called {', '.join(twice)}.",
            "Give the option “bands”: the names in file order, a dash for each band to skip.",
        )
    if not known:
        raise unnamed_bands(display_name(source), dataset.count)
    return names


def _band_name(dataset: DatasetReader, index: int) -> str | None:
    name = band_in_text(dataset.descriptions[index - 1] or "")
    return name or band_of_tags({**dataset.tags(index), **dataset.tags(index, ns="IMAGERY")})


def band_of_tags(tags: Mapping[str, str]) -> str | None:
    """The band that a band's metadata name, by name or by wavelength (in nm or µm)."""
    lower = {key.lower(): value for key, value in tags.items()}
    for key in ("bandname", "band_name", "netcdf_varname", "long_name", "standard_name", "common_name"):
        if name := band_in_text(lower.get(key, "")):
            return name
    for key in ("wavelength", "central_wavelength", "central_wavelength_um", "center_wavelength"):
        try:
            value = float(lower[key].split()[0])
        except (KeyError, ValueError, IndexError):
            continue
        return band_of_wavelength(value * 1000 if value < 100 else value)
    return None


def refuse_pictures(dataset: DatasetReader, source: Source) -> None:
    """Raise :class:`NotReflectanceError` for 8-bit pictures, colour renderings, class maps, masks and index rasters."""
    name = display_name(source)
    kinds = set(dataset.dtypes)
    if dataset.count == 0:
        raise bare_arrays(source)
    if dataset.count == 1 and band_in_text(dataset.descriptions[0] or "") in BANDS and "uint8" not in kinds:
        return
    if kinds == {"uint8"} and (dataset.count > 1 or not _few_values(dataset, source)):
        raise NotReflectanceError(
            f"{name} is an 8-bit picture: made to look at, its values are not reflectance.",
            "Use the product it was made from, with 10 bands of 16-bit integers or floating-point numbers.",
        )
    if dataset.count == 1:
        _refuse_single_band(dataset, source, name)
    colours = {ColorInterp.red, ColorInterp.green, ColorInterp.blue} <= set(dataset.colorinterp)
    if dataset.count in (3, 4) and not any(dataset.descriptions) and (colours or _few_values(dataset, source)):
        raise NotReflectanceError(
            f"{name} is a colour picture: made to look at, its values are not reflectance.",
            "Use the product it was made from, with ten Sentinel-2 bands.",
        )


def _refuse_single_band(dataset: DatasetReader, source: Source, name: str) -> None:
    hint = "Choose a scene with ten Sentinel-2 bands."
    if dataset.colorinterp[0] == ColorInterp.palette or _few_values(dataset, source):
        raise NotReflectanceError(f"{name} is a class map or a mask: its values are not reflectance.", hint)
    if np.issubdtype(np.dtype(dataset.dtypes[0]), np.floating):
        raise NotReflectanceError(f"{name} is an index or another single measure, not a multispectral scene.", hint)


def _few_values(dataset: DatasetReader, source: Source) -> bool:
    """Whether the middle of an integer raster holds so few different values that they must be classes."""
    if not np.issubdtype(np.dtype(dataset.dtypes[0]), np.integer):
        return False
    height, width = min(dataset.height, _SAMPLE_SIDE), min(dataset.width, _SAMPLE_SIDE)
    top, left = (dataset.height - height) // 2, (dataset.width - width) // 2
    with reading(source):
        values = dataset.read(window=((top, top + height), (left, left + width)))
    pixels = values.reshape(dataset.count, -1)
    return values.size > 1 and np.unique(pixels, axis=1).shape[1] <= min(_MOST_CLASSES, pixels.shape[1] // 2)
