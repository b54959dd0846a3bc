"""A simulated Sentinel-2 scene with known solar farms, written like a real product.

The scene is made of districts of at most 1024 × 1024 pixels, each computed and written on its own, so that memory does
not grow with the scene. Every random stream is seeded with (seed, row, column) of its district.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyogrio.raw
import rasterio
import shapely
from rasterio.transform import from_origin
from rasterio.windows import Window
from shapely import affinity
from shapely.geometry import Polygon, box

from ...contract.errors import OutputUnwritableError
from ...contract.imagery import SampleSceneRequest, SampleSceneResult
from ..imagery.bands import BANDS, MODEL_BANDS
from ..job import Job
from .landscape import SPACING, lay_out
from .reflectances import COVERS
from .sensor import expose

CRS = "EPSG:32643"
#: Upper left corner of tile T43RDJ, in Rajasthan.
CORNER = (399960.0, 2900040.0)
TILE, DATE, LEVEL = "T43RDJ", "2021-03-15", "L2A"
DISTRICT = 1024
#: What a district's edge leaves of a solar farm counts as one from this area on, in hectares.
SMALLEST_REST = 0.3

README = """\
SIMULATED Sentinel-2 scene, made by Solar Saliency. Nothing in it was ever photographed.

It is computed from published reflectances of land covers (see reflectances.py in the plugin for the sources), laid out
at random (seed {seed}), blurred, averaged to 10 m and 20 m pixels, and made noisy like Sentinel-2 images.
Its snow patch is impossible at this place and was put in on purpose.

SIMULATED_T43RDJ_20210315_B??_10m.tif, _20m.tif   surface reflectance × 10000, unsigned 16 bit, 0 = no data
SIMULATED_T43RDJ_20210315_SCL_20m.tif             scene classification: 4 vegetation, 5 bare, 6 water, 11 snow
SIMULATED_truth.gpkg                              the true outlines of the solar farms
"""


@dataclass(frozen=True)
class TrueFarm:
    """A solar farm of the scene, in the scene's CRS."""

    outline: Polygon
    panel_share: float


def sample_scene(request: SampleSceneRequest, job: Job) -> SampleSceneResult:
    """Write a simulated scene of ``request.size`` × ``request.size`` pixels into the folder ``request.output``.

    Every file is written under a temporary folder and moved in place when all are finished; other files in the folder
    are left alone. Raises :class:`OutputUnwritableError` where the folder cannot be made or written.
    """
    output = Path(request.output)
    try:
        output.mkdir(parents=True, exist_ok=True)
        workshop = Path(tempfile.mkdtemp(prefix=".simulated-", dir=output))
    except OSError as error:
        raise OutputUnwritableError(
            f"The folder {output} cannot be written: {error.strerror}.", "Choose a folder that you may write to."
        ) from error
    try:
        farms = _write_bands(workshop, request, job)
        _write_truth(workshop / "SIMULATED_truth.gpkg", farms)
        (workshop / "SIMULATED_README.txt").write_text(README.format(seed=request.seed), encoding="utf-8")
        for path in sorted(workshop.iterdir()):
            os.replace(path, output / path.name)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
    job.finish("Simulated scene written")
    return SampleSceneResult(
        scene=str(output),
        truth=str(output / "SIMULATED_truth.gpkg"),
        farms=len(farms),
        width=request.size,
        height=request.size,
        crs=CRS,
        seconds=job.seconds,
        warnings=("This scene is simulated: nothing in it was ever photographed.", *job.warnings),
    )


@dataclass(frozen=True)
class District:
    """A square part of the scene: its place among the districts, and its side in 10 m pixels."""

    row: int
    column: int
    side: int

    @property
    def corner(self) -> tuple[float, float]:
        """Upper left corner in the scene's CRS."""
        return CORNER[0] + self.column * self.side * 10.0, CORNER[1] - self.row * self.side * 10.0


def _districts(size: int) -> Iterator[District]:
    side = min(DISTRICT, size + size % 2)  # 20 m pixels need an even number of 10 m ones
    count = -(-size // side)
    return (District(row, column, side) for row in range(count) for column in range(count))


def _write_bands(folder: Path, request: SampleSceneRequest, job: Job) -> list[TrueFarm]:
    scene = box(CORNER[0], CORNER[1] - 10.0 * request.size, CORNER[0] + 10.0 * request.size, CORNER[1])
    districts = list(_districts(request.size))
    farms: list[TrueFarm] = []
    with ExitStack() as stack:
        files = {name: stack.enter_context(_create(folder, name, request.size)) for name in (*MODEL_BANDS, "SCL")}
        for number, district in enumerate(districts):
            part = job.part(number / len(districts), (number + 1) / len(districts))
            for farm in _write_district(files, district, request.seed, part):
                visible = farm.outline.intersection(scene)
                if visible.area >= SMALLEST_REST * 1e4:
                    farms.append(TrueFarm(visible, farm.panel_share))
    return farms


def _write_district(
    files: dict[str, rasterio.io.DatasetWriter], district: District, seed: int, job: Job
) -> Iterator[TrueFarm]:
    """Compute one district, write its bands, and give its solar farms."""
    layout, *noise = np.random.SeedSequence([seed, district.row, district.column]).spawn(1 + len(MODEL_BANDS))
    points = round(10.0 / SPACING)
    drafting = job.part(0, 1 / (2 + len(MODEL_BANDS)))
    landscape = lay_out(points * district.side, np.random.Generator(np.random.PCG64(layout)), drafting)
    for number, (name, stream) in enumerate(zip(MODEL_BANDS, noise, strict=True)):
        job.progress((1 + number) / (2 + len(MODEL_BANDS)), f"Simulating band {name}")
        reflectance = expose(landscape, number, name, np.random.Generator(np.random.PCG64(stream)))
        # 0 means "no data", so the darkest pixel is 1.
        _write(files[name], np.clip(np.rint(reflectance * 10000), 1, 65535).astype(np.uint16), district)
    classes = np.array([cover.classification for cover in COVERS], np.uint8)
    _write(files["SCL"], classes[landscape.cover[points :: 2 * points, points :: 2 * points]], district)
    left, top = district.corner
    for farm in landscape.farms:
        yield TrueFarm(affinity.affine_transform(farm.outline, (1, 0, 0, -1, left, top)), farm.panel_share)


def _resolution(name: str) -> int:
    return 20 if name == "SCL" else round(BANDS[name].native_resolution)


def _create(folder: Path, name: str, size: int) -> rasterio.io.DatasetWriter:
    pixel = _resolution(name)
    side = -(-size * 10 // pixel)
    file = rasterio.open(
        folder / f"SIMULATED_{TILE}_{DATE.replace('-', '')}_{name}_{pixel}m.tif",
        "w",
        driver="GTiff",
        width=side,
        height=side,
        count=1,
        dtype="uint8" if name == "SCL" else "uint16",
        nodata=0,
        crs=CRS,
        transform=from_origin(*CORNER, pixel, pixel),
        tiled=True,
        blockxsize=256,
        blockysize=256,
        compress="deflate",
        predictor=2,
        bigtiff="if_safer",
    )
    file.update_tags(SIMULATED="yes", ACQUISITION_DATE=DATE, PROCESSING_LEVEL=LEVEL)
    file.set_band_description(1, name)
    return file


def _write(file: rasterio.io.DatasetWriter, pixels: np.ndarray, district: District) -> None:
    """Write a district's pixels; what lies beyond the scene's edge is cut off."""
    side = pixels.shape[0]
    row, column = district.row * side, district.column * side
    pixels = pixels[: file.height - row, : file.width - column]
    file.write(pixels, 1, window=Window(column, row, pixels.shape[1], pixels.shape[0]))


def _write_truth(path: Path, farms: list[TrueFarm]) -> None:
    pyogrio.raw.write(
        path,
        geometry=shapely.to_wkb([farm.outline for farm in farms]),
        field_data=[
            np.arange(1, len(farms) + 1, dtype=np.int32),
            np.array([farm.outline.area / 1e4 for farm in farms]),
            np.array([farm.panel_share for farm in farms]),
        ],
        fields=["farm", "area_ha", "panel_share"],
        layer="truth",
        driver="GPKG",
        geometry_type="Unknown",
        crs=CRS,
        layer_metadata={"SIMULATED": "yes"},
        dataset_options={"VERSION": "1.3"},  # the newest that GDAL 3.4 to 3.6 knows, which QGIS 3.22 brings
    )
