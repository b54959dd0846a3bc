"""Builders of small scenes whose every number is known, in the forms that real ones come in."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from solar_saliency_plugin.engine.imagery.bands import BANDS, MODEL_BANDS

ORIGIN = (600_000.0, 5_300_040.0)
#: A field's reflectance: what makes a made-up scene plausible.
SPECTRUM = {
    "B01": 0.04, "B02": 0.05, "B03": 0.08, "B04": 0.06, "B05": 0.12, "B06": 0.25, "B07": 0.30,
    "B08": 0.33, "B8A": 0.34, "B09": 0.33, "B10": 0.001, "B11": 0.22, "B12": 0.13,
}  # fmt: skip


def numbers_of(bands: Sequence[str], height: int, width: int, seed: int = 0) -> np.ndarray:
    """Stored numbers of a plausible scene, all different from each other's neighbours: (bands, height, width)."""
    rng = np.random.default_rng(seed)
    base = np.array([SPECTRUM.get(name, 0.0005) for name in bands])[:, None, None]
    return np.rint(base * rng.uniform(0.5, 1.5, (len(bands), height, width)) * 10_000).astype(np.int32)


@pytest.fixture
def write_scene(tmp_path: Path) -> Callable[..., Path]:
    """Writes one stacked file and gives its path; ``numbers`` (bands, height, width) go in as they are."""

    def write(
        numbers: np.ndarray,
        name: str = "scene.tif",
        *,
        descriptions: Sequence[str] | None = MODEL_BANDS,
        tags: dict[str, str] | None = None,
        scale: float | None = None,
        offset: float | None = None,
        **profile: object,
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        settings: dict[str, object] = {
            "driver": "GTiff",
            "crs": "EPSG:32633",
            "transform": from_origin(*ORIGIN, 10, 10),
            "dtype": "uint16",
            "count": len(numbers),
            "height": numbers.shape[1],
            "width": numbers.shape[2],
        }
        settings |= profile
        with rasterio.open(path, "w", **settings) as dataset:
            dataset.write(numbers.astype(settings["dtype"]))
            if descriptions:
                dataset.descriptions = tuple(descriptions)
            if tags:
                dataset.update_tags(**tags)
            if scale is not None:
                dataset.scales = (scale,) * len(numbers)
                dataset.offsets = (offset or 0.0,) * len(numbers)
        return path

    return write


@dataclass(frozen=True)
class SafeProduct:
    """A written product: where, its metadata file, and the stored numbers of every band at its own resolution."""

    path: Path
    metadata: Path
    numbers: dict[str, np.ndarray]

    def expected(self, band: str, offset: float = 0.0) -> np.ndarray:
        """The band's reflectance at 10 m, computed the plain way."""
        factor = BANDS[band].native_resolution // 10
        return np.kron(self.numbers[band], np.ones((factor, factor))) / 10_000 + offset


_MTD = """<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<n1:Level-{level}_User_Product xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-{level}.xsd">
  <n1:General_Info><Product_Info>
    <PRODUCT_START_TIME>2022-06-14T10:05:59.024Z</PRODUCT_START_TIME>
    <PRODUCT_URI>{uri}</PRODUCT_URI>
    <PROCESSING_LEVEL>Level-{level}</PROCESSING_LEVEL>
    <PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE>
  </Product_Info>
  <Product_Image_Characteristics>
    <QUANTIFICATION_VALUES_LIST>
      <{quantification} unit="none">10000</{quantification}>
    </QUANTIFICATION_VALUES_LIST>
    {offsets}
  </Product_Image_Characteristics></n1:General_Info>
</n1:Level-{level}_User_Product>
"""


_MTD_TL = """<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<n1:Level-{level}_Tile_ID xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/S2_PDI_Level-{level}_Tile_Metadata.xsd">
  <n1:Geometric_Info><Tile_Angles>
    <Sun_Angles_Grid><Zenith><COL_STEP unit="m">5000</COL_STEP></Zenith></Sun_Angles_Grid>
    <Mean_Sun_Angle>
      <ZENITH_ANGLE unit="deg">{zenith}</ZENITH_ANGLE>
      <AZIMUTH_ANGLE unit="deg">150.1</AZIMUTH_ANGLE>
    </Mean_Sun_Angle>
  </Tile_Angles></n1:Geometric_Info>
</n1:Level-{level}_Tile_ID>
"""


def _write_jp2(path: Path, numbers: np.ndarray, resolution: int) -> None:
    """One band as ESA stores it, without loss."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="JP2OpenJPEG", QUALITY="100", REVERSIBLE="YES", crs="EPSG:32633", count=1, dtype="uint16",
        transform=from_origin(*ORIGIN, resolution, resolution), height=numbers.shape[0], width=numbers.shape[1],
    ) as dataset:  # fmt: skip
        dataset.write(numbers.astype("uint16"), 1)


@pytest.fixture
def write_jp2() -> Callable[[Path, np.ndarray, int], None]:
    """Writes one band as ESA stores it."""
    return _write_jp2


@pytest.fixture
def write_safe(tmp_path: Path) -> Callable[..., SafeProduct]:
    """Writes a .SAFE folder, or its zip: 120 × 120 pixels at 10 m, bands at their own resolution."""

    def write(
        *,
        level: str = "2A",
        baseline: str = "05.00",
        offsets: dict[str, int] | None = None,
        zipped: bool = False,
        old_names: bool = False,
        tiles: Sequence[str] = ("T33UVP",),
        add: int = 0,
        sun_zenith: float | None = None,
    ) -> SafeProduct:
        name = f"S2A_MSIL{level}_20220614T100559_N{baseline.replace('.', '')}_R022_T33UVP_20220614T120000.SAFE"
        root = tmp_path / name
        names = [band for band in BANDS if level == "1C" or band != "B10"]
        numbers = {
            band: numbers_of([band], 1200 // BANDS[band].native_resolution, 1200 // BANDS[band].native_resolution, i)[0]
            + add
            for i, band in enumerate(names)
        }
        for tile in tiles:
            old_stem = f"S2A_OPER_MSI_L{level}_TL_EPA__20220614T100559_{tile}"
            granule = f"{old_stem}_N02.04" if old_names else f"L{level}_{tile}_A036424_20220614T100603"
            stem = old_stem if old_names else f"{tile}_20220614T100559"
            _write_granule(root / "GRANULE" / granule, stem, numbers, level)
            if sun_zenith is not None:
                (root / "GRANULE" / granule / "MTD_TL.xml").write_text(_MTD_TL.format(level=level, zenith=sun_zenith))
        metadata = root / (
            f"S2A_OPER_MTD_SAFL{level}_PDMC_20220614T120000_R022.xml" if old_names else f"MTD_MSIL{level}.xml"
        )
        tag = "BOA" if level == "2A" else "RADIO"
        listed = "".join(
            f'<{tag}_ADD_OFFSET band_id="{list(BANDS).index(band)}">{offset}</{tag}_ADD_OFFSET>'
            for band, offset in (offsets or {}).items()
        )
        quantification = "BOA_QUANTIFICATION_VALUE" if level == "2A" else "QUANTIFICATION_VALUE"
        metadata.write_text(
            _MTD.format(level=level, uri=name, baseline=baseline, offsets=listed, quantification=quantification)
        )
        if not zipped:
            return SafeProduct(root, metadata, numbers)
        archive = tmp_path / f"{name.removesuffix('.SAFE')}.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            for path in sorted(root.rglob("*")):
                if path.is_file():
                    file.write(path, f"{name}/{path.relative_to(root).as_posix()}")
        return SafeProduct(archive, metadata, numbers)

    return write


def _write_granule(granule: Path, stem: str, numbers: dict[str, np.ndarray], level: str) -> None:
    images = granule / "IMG_DATA"
    for band, values in numbers.items():
        resolution = BANDS[band].native_resolution
        if level == "1C":
            _write_jp2(images / f"{stem}_{band}.jp2", values, resolution)
            continue
        _write_jp2(images / f"R{resolution}m" / f"{stem}_{band}_{resolution}m.jp2", values, resolution)
        if resolution == 10:  # L2A products repeat finer bands at coarser resolutions
            _write_jp2(images / "R20m" / f"{stem}_{band}_20m.jp2", values[::2, ::2], 20)
    _write_jp2(granule / "QI_DATA" / "MSK_QUALIT_B02.jp2", np.zeros((12, 12)), 100)
    if level == "2A":
        classes = np.full((60, 60), 4)
        classes[:10] = 9
        classes[10:20] = 11
        _write_jp2(images / "R20m" / f"{stem}_SCL_20m.jp2", classes, 20)
