"""What detection finds on real scenes, through qgis_process, scene by scene: ``make survey``.

Prints a table and writes ``build/survey/survey.json``. Scenes come from the shared data, which are not part of the
repository. Farms are judged against OpenStreetMap outlines where the data have them; elsewhere no farm is known, so
that the area detected counts as false.
"""

import argparse
import json
import shutil
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import numpy as np
from osgeo import gdal

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "demo"))

from headless import HeadlessQgis, StepFailedError  # noqa: E402

gdal.UseExceptions()

#: Files without band names, in the order that the shared data's own notes give.
TEN = "B02,B03,B04,B05,B06,B07,B08,B8A,B11,B12"
TWELVE = "B01,B02,B03,B04,B05,B06,B07,B08,B8A,B09,B11,B12"
THIRTEEN = "B01,B02,B03,B04,B05,B06,B07,B08,B8A,B09,B10,B11,B12"
FIRST_OF_SEVEN_DATES = "B02,B03,B04,B08,B05,B06,B07,B8A,B11,B12,-*60"

#: Austrian farms with panels that show (the shared data's notes name those without).
FARMS = (9, 31, 149, 159, 282, 386, 398, 415, 454, 539, 684, 739, 748, 777, 787, 801)

#: Scene classes of clear ground: vegetation, bare, water, unclassified (dark panels are often the latter two).
CLEAR = (4, 5, 6, 7)


@dataclass(frozen=True)
class Case:
    """One scene, and what its files do not say of themselves."""

    name: str
    path: str
    options: Dict[str, str] = field(default_factory=dict)
    truth: bool = False


@dataclass(frozen=True)
class Row:
    """What came out. Areas in hectares; ``iou`` where there are outlines to compare with."""

    name: str
    outcome: str
    farms: int = 0
    detected_ha: float = 0.0
    valid_ha: float = 0.0
    iou: Optional[float] = None
    seconds: float = 0.0
    note: str = ""


def cases(data: Path) -> List[Case]:
    """The scenes, in the order of the table."""
    found = [
        Case("aber mosaic", "aber-s2-2021/sen2_20210527_aber_mosaic.tif", {"BANDS": TEN, "SCALE": "0.001"}),
        Case("aber mosaic, nothing said", "aber-s2-2021/sen2_20210527_aber_mosaic.tif"),
    ]
    for number in FARMS:
        path = f"austria-pv-2022/s2/S2_2022_{number}.nc"
        found.append(Case(f"austria {number}", path, {"DATE": clear_summer_date(data / path)}, truth=True))
    for chip in sorted(p.stem for p in (data / "terramind-chips" / "S2L2A").glob("*.tif")):
        offset = {"OFFSET": "-0.1"} if chip.startswith("433D") else {}
        found.append(Case(f"terramind {chip}", f"terramind-chips/S2L2A/{chip}.tif", {"BANDS": TWELVE, **offset}))
    found.append(Case("terramind L1C 637U", "terramind-chips/S2L1C/637U_59R_1_3.tif", {"BANDS": THIRTEEN}))
    for patch in sorted(p.name for p in (data / "bigearthnet-patches").iterdir() if p.is_dir()):
        found.append(Case(f"bigearthnet {patch[11:19]}{patch[26:]}", f"bigearthnet-patches/{patch}"))
    return [
        *found,
        Case("sundarbans", "sundarbans-s2-2020", {"SCALE": str(1 / 65535)}),
        Case("sen1floods11 Spain (L1C)", "sen1floods11-spain/Spain_7370579_S2Hand.tif"),
        Case("sen1floods11 label", "sen1floods11-spain/Spain_7370579_LabelHand.tif"),
        Case("bouconne, first date", "bouconne-s2-2018/2018_3A_Theia_Bouconne.tif", {"BANDS": FIRST_OF_SEVEN_DATES}),
        Case("wroclaw", "wroclaw-s2-2018/images/000000000699.tif", {"BANDS": TWELVE}),
        Case("aquileia", "aquileia-s2-2019", {"SCALE": str(1 / 65535)}),
        Case("pilbara 2018", "pilbara-s2-2018/2018-12-01", {"SCALE": str(1 / 65535)}),
        Case("pilbara 2019 (burnt)", "pilbara-s2-2018/2019-01-05", {"SCALE": str(1 / 65535)}),
    ]


def clear_summer_date(path: Path) -> str:
    """The date nearest to midsummer on which all of the chip is clear, by its scene classification."""
    classes = gdal.Open(f'NETCDF:"{path}":SCL')
    days = [int(v) for v in classes.GetMetadataItem("NETCDF_DIM_t_VALUES").strip("{}").split(",")]
    start = np.datetime64(classes.GetMetadataItem("t#units").split("since ")[1].split(" ")[0])
    dates = [start + day for day in days]
    clear = [np.isin(classes.GetRasterBand(i + 1).ReadAsArray(), CLEAR).mean() > 0.98 for i in range(len(dates))]
    midsummer = np.datetime64("2022-07-01")
    return str(min((abs(date - midsummer), date) for date, fine in zip(dates, clear) if fine)[1])


def survey(case: Case, data: Path, qgis: HeadlessQgis, folder: Path) -> List[Row]:
    """Detect on one scene; where its grid does not suit the model, say so and prepare it first."""
    scene = str(data / case.path)
    try:
        return [detected(case, scene, case.options, qgis, folder)]
    except StepFailedError as error:
        refused = Row(case.name, "refused", note=reason(error))
    if "Prepare Scene" not in refused.note:
        return [refused]
    prepared = folder / "scene.tif"
    try:
        qgis.run("preparescene", INPUT=scene, OUTPUT=prepared, **case.options)
        return [refused, detected(case, str(prepared), {}, qgis, folder, " (prepared)")]
    except StepFailedError as error:
        return [refused, Row(case.name, "refused", note=reason(error))]


def detected(
    case: Case, scene: str, options: Dict[str, str], qgis: HeadlessQgis, folder: Path, suffix: str = ""
) -> Row:
    """One row from one run of ``detect``."""
    started = time.monotonic()
    probability, polygons = folder / "probability.tif", folder / "detections.gpkg"
    result = qgis.run("detect", INPUT=scene, OUTPUT=probability, POLYGONS=polygons, **options)
    seconds = time.monotonic() - started
    detected_map, valid = thresholded(probability)
    iou = intersection_over_union(detected_map, valid, probability, data_outlines(scene)) if case.truth else None
    return Row(
        case.name + suffix,
        "detected",
        int(result["DETECTIONS"]),
        float(result["DETECTED_HA"]),
        valid.sum() * pixel_ha(probability),
        iou,
        seconds,
    )


def thresholded(probability: Path) -> Tuple[np.ndarray, np.ndarray]:
    """Where the probability reaches the threshold that the raster was made with, and where there is one."""
    raster = gdal.Open(str(probability))
    values = raster.ReadAsArray()
    threshold = json.loads(raster.GetMetadataItem("SOLAR_SALIENCY_RUN"))["result"]["threshold"]
    return np.nan_to_num(values) >= threshold, ~np.isnan(values)


def pixel_ha(raster: Path) -> float:
    """Area of a pixel, in hectares."""
    transform = gdal.Open(str(raster)).GetGeoTransform()
    return abs(transform[1] * transform[5]) / 1e4


def data_outlines(scene: str) -> Path:
    """The farm outlines that belong to an Austrian scene."""
    return Path(scene).parents[1] / "farm_polygons.geojson"


def intersection_over_union(detected_map: np.ndarray, valid: np.ndarray, like: Path, outlines: Path) -> float:
    """Pixel by pixel, over valid pixels; every outline in the chip counts."""
    grid = gdal.Open(str(like))
    in_grid = gdal.VectorTranslate(
        "/vsimem/outlines.gpkg", str(outlines), options=gdal.VectorTranslateOptions(dstSRS=grid.GetProjection())
    )
    truth = gdal.GetDriverByName("MEM").Create("", grid.RasterXSize, grid.RasterYSize, 1, gdal.GDT_Byte)
    truth.SetGeoTransform(grid.GetGeoTransform())
    truth.SetProjection(grid.GetProjection())
    gdal.RasterizeLayer(truth, [1], in_grid.GetLayer(0), burn_values=[1])
    farm = truth.ReadAsArray().astype(bool) & valid
    return float((farm & detected_map).sum() / max(1, ((farm | detected_map) & valid).sum()))


def reason(error: StepFailedError) -> str:
    """The line that a user would read."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if "Error" not in line and not line.startswith(("{", "}", '"', "detect failed"))]
    return (told or lines)[-1]


def show(rows: List[Row]) -> None:
    """The table, on stdout."""
    print(f"\n{'scene':34}{'farms':>6}{'ha':>9}{'of ha':>9}{'share':>9}{'IoU':>6}{'s':>7}")
    for row in rows:
        if row.outcome == "refused":
            print(f"{row.name:34}refused: {row.note}")
            continue
        iou = "" if row.iou is None else f"{row.iou:.2f}"
        share = row.detected_ha / row.valid_ha
        print(
            f"{row.name:34}{row.farms:6}{row.detected_ha:9.1f}{row.valid_ha:9.0f}{share:9.2%}{iou:>6}{row.seconds:7.1f}"
        )


def main() -> None:
    """Survey all scenes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--only", default="", help="only scenes with this in their name")
    arguments = parser.parse_args()
    folder = ROOT / "build" / "survey"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    qgis = HeadlessQgis(ROOT, folder / "profile")
    rows: List[Row] = []
    for number, case in enumerate(cases(arguments.data.resolve())):
        if arguments.only in case.name:
            place = folder / f"{number:02}"
            place.mkdir()
            rows += survey(case, arguments.data.resolve(), qgis, place)
    (folder / "survey.json").write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8")
    show(rows)


if __name__ == "__main__":
    main()
