"""Measuring a model end to end: against the map that detection writes, on simulated and on real scenes."""

import csv
import json
import math
import re
import shutil
import threading
import tracemalloc
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyogrio.raw
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from rasterio.crs import CRS
from rasterio.transform import from_origin
from rasterio.warp import transform
from scipy import ndimage

from solar_saliency_plugin.contract.errors import (
    CancelledError,
    OutputIsInputError,
    OutputUnwritableError,
    RequestError,
    SceneEmptyError,
    SceneNotFoundError,
)
from solar_saliency_plugin.contract.imagery import SampleSceneRequest, SceneOptions
from solar_saliency_plugin.contract.training import EvaluateRequest, EvaluateResult
from solar_saliency_plugin.engine.detection.components import CORE_PIXELS
from solar_saliency_plugin.engine.dispatch import run_method
from solar_saliency_plugin.engine.imagery.bands import MODEL_BANDS
from solar_saliency_plugin.engine.imagery.grid import Grid, Window
from solar_saliency_plugin.engine.imagery.scene import open_scene
from solar_saliency_plugin.engine.job import Job, SilentListener
from solar_saliency_plugin.engine.models.registry import CARD, load_model
from solar_saliency_plugin.engine.training.evaluate import evaluate
from solar_saliency_plugin.engine.training.findings import find
from solar_saliency_plugin.engine.training.image_warnings import ImageWarnings
from solar_saliency_plugin.engine.training.labels import Outlines, read_outlines
from solar_saliency_plugin.engine.training.measurement import CELL, Series, Shown, Truth
from solar_saliency_plugin.engine.training.objects import MINIMUM_HA, ObjectTally, match_objects
from solar_saliency_plugin.engine.training.scores import Ground, Tally
from solar_saliency_plugin.engine.training.simulation import sample_scene

SIDE = 512
CORNER = (399960.0, 2900040.0)
UTM = CRS.from_epsg(32643)
to_degrees = Transformer.from_crs("EPSG:32643", "EPSG:4326", always_xy=True).transform


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated scene with the outlines of its farms."""
    folder = tmp_path_factory.mktemp("sample")
    sample_scene(SampleSceneRequest(output=str(folder), size=SIDE, seed=5), Job.silent())
    return folder


@pytest.fixture(scope="module")
def landscape(sample: Path) -> np.ndarray:
    """Its reflectance, (10, rows, cols)."""
    with open_scene(SceneOptions(scene=str(sample)), Job.silent()) as scene:
        return scene.read(scene.area)[0]


def write(path: Path, reflectance: np.ndarray, day: str = "2021-03-15", corner: tuple[float, float] = CORNER) -> Path:
    """A tidy scene; reflectance of NaN becomes nodata."""
    _, height, width = reflectance.shape
    numbers = np.where(np.isnan(reflectance), 0, np.clip(np.round(reflectance * 10000), 1, 20000)).astype(np.uint16)
    profile = {"driver": "GTiff", "dtype": "uint16", "count": 10, "width": width, "height": height, "nodata": 0}
    with rasterio.open(path, "w", **profile, crs=UTM, transform=from_origin(*corner, 10, 10)) as file:
        file.write(numbers)
        file.update_tags(PROCESSING_LEVEL="L2A", ACQUISITION_DATE=day)
        for index, band in enumerate(MODEL_BANDS, start=1):
            file.set_band_description(index, band)
    return path


def write_outlines(path: Path, outlines: list[shapely.Geometry], **fields: list[object]) -> Path:
    pyogrio.raw.write(
        path,
        geometry=shapely.to_wkb(outlines),
        field_data=[np.array(values, dtype=object) for values in fields.values()],
        fields=list(fields),
        geometry_type="Polygon",
        crs="EPSG:32643",
    )
    return path


def run(tmp_path: Path, scenes: list[Path], polygons: Path | None, **more) -> EvaluateResult:
    request = EvaluateRequest(
        scenes=tuple(map(str, scenes)),
        polygons=str(polygons or ""),
        report=str(tmp_path / "report.html"),
        table=str(tmp_path / "table.csv"),
        **more,
    )
    return evaluate(request, Job.silent())


@pytest.fixture(scope="module")
def measured(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[EvaluateResult, Path]:
    """The simulated scene scored in small windows, and where its report is."""
    folder = tmp_path_factory.mktemp("measured")
    return run(folder, [sample], sample / "SIMULATED_truth.gpkg", window=256, threshold=0.6), folder


def objects_counted(result: EvaluateResult) -> tuple[int, int]:
    """Farms and detections that were judged on single dates."""
    scores = result.scores["single dates"]["all"]
    return scores["object_recall"]["farms"], scores["object_precision"]["detections"]


def in_detections(probability: np.ndarray, threshold: float, core: float, least: float) -> np.ndarray:
    """Which pixels lie in detections of ``least`` pixels or more that have a core, (H, W) bool; the plain way."""
    labels, count = ndimage.label(probability >= threshold)
    kept = np.zeros(labels.shape, bool)
    for label in range(1, count + 1):
        own = labels == label
        if own.sum() >= least and (probability[own] >= core).sum() >= (CORE_PIXELS if core else 0):
            kept |= own
    return kept


def test_scores_are_those_of_the_whole_map_that_detection_writes(
    sample: Path, measured: tuple[EvaluateResult, Path], tmp_path: Path
) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    result, _ = measured
    run_method("detect", {"scene": str(sample), "output": str(tmp_path / "p.tif")}, Job.silent())
    with rasterio.open(tmp_path / "p.tif") as file:
        probability, grid = file.read(1), Grid(file.crs, file.transform, file.width, file.height)
    outlines = read_outlines(str(sample / "SIMULATED_truth.gpkg"), "", Job.silent())
    day = date(2021, 3, 15)
    coverage, ignored = outlines.coverage(probability.shape, grid.transform, grid.crs, day=day, edge=5.0)
    scored, farm, found = ~ignored, coverage >= 0.5, probability >= 0.6
    assert result.iou == (found & farm)[scored].sum() / (found | farm)[scored].sum()
    assert result.f1 == pytest.approx(metrics.f1_score(farm[scored], found[scored]))
    expected = metrics.average_precision_score(farm[scored], probability[scored])
    assert result.average_precision == pytest.approx(expected, abs=1e-3)
    width, height = grid.ground_pixel_size
    card = load_model("default").card
    core, seen = card.core or 0.0, np.ones_like(farm)
    own = run(tmp_path, [sample], sample / "SIMULATED_truth.gpkg", window=256)
    for evaluated, threshold in ((result, 0.6), (own, card.threshold)):
        whole = match_objects(probability, coverage, seen, threshold, width * height, ignored, core=core).tally()
        assert (evaluated.object_recall, evaluated.object_precision) == (whole.recall(), whole.precision())
        assert objects_counted(evaluated) == (whole.farms, whole.detections) and whole.farms >= 3
    coreless = match_objects(probability, coverage, seen, card.threshold, width * height, ignored).tally()
    assert coreless.detections > whole.detections, "at the model's own threshold, the core leaves something out"
    assert (result.images, result.threshold, result.model) == (1, 0.6, "compact")
    assert any("simulated" in warning for warning in result.warnings)


def test_windows_of_any_size_give_the_same_scores(
    sample: Path, measured: tuple[EvaluateResult, Path], tmp_path: Path
) -> None:
    whole = run(tmp_path, [sample], sample / "SIMULATED_truth.gpkg", window=SIDE, threshold=0.6)
    small, large = (json.dumps(r.scores) for r in (measured[0], whole))
    numbers = [np.array([float(n) for n in re.findall(r": (-?[\d.e-]+)", text)]) for text in (small, large)]
    assert np.allclose(*numbers, rtol=1e-9)


def test_without_outlines_only_false_area_is_measured(sample: Path, tmp_path: Path) -> None:
    result = run(tmp_path, [sample], None)
    assert all(
        math.isnan(value)
        for value in (result.iou, result.f1, result.average_precision, result.object_recall, result.object_precision)
    )
    run_method("detect", {"scene": str(sample), "output": str(tmp_path / "p.tif")}, Job.silent())
    with rasterio.open(tmp_path / "p.tif") as file:
        probability, grid = file.read(1), Grid(file.crs, file.transform, file.width, file.height)
    core, pixel_ha = load_model("default").card.core or 0.0, math.prod(grid.ground_pixel_size) / 1e4
    share = in_detections(probability, result.threshold, core, MINIMUM_HA / pixel_ha).mean()
    assert result.false_ha_per_100_km2 == pytest.approx(1e4 * share)
    coreless = in_detections(probability, result.threshold, 0.0, MINIMUM_HA / pixel_ha).mean()
    assert 0 < share < coreless < (probability >= result.threshold).mean(), "core and minimum area both matter here"
    assert result.sites == 0
    page = (tmp_path / "report.html").read_text()
    assert f"do not reach {core:g}" in page
    assert "free of solar farms" in page and "Solar farms found" not in page and "nan" not in page.lower()


def test_outlines_that_lie_elsewhere_are_told_and_count_as_none(sample: Path, tmp_path: Path) -> None:
    elsewhere = write_outlines(tmp_path / "elsewhere.gpkg", [shapely.box(7e5, 2e6, 7.01e5, 2.001e6)])
    result = run(tmp_path, [sample], elsewhere)
    assert any("None of the 1 outlines lies in the scenes" in warning for warning in result.warnings)
    assert math.isnan(result.iou) and result.false_ha_per_100_km2 > 0
    assert "None of the 1 outlines" in (tmp_path / "report.html").read_text()


def test_why_no_farm_could_be_judged_is_told_as_it_is(landscape: np.ndarray, tmp_path: Path) -> None:
    part = landscape[:, :64, :64].copy()
    whole, clouded = write(tmp_path / "scene.tif", part), part.copy()
    clouded[:, :32] = np.nan
    clouded = write(tmp_path / "clouded.tif", clouded)
    left, top = CORNER
    farm = shapely.box(left + 50, top - 200, left + 200, top - 50)
    row = shapely.box(left + 50, top - 70, left + 90, top - 50)

    def told(scene: Path, outline: shapely.Geometry, **more: object) -> str:
        layer = write_outlines(tmp_path / f"{len(list(tmp_path.iterdir()))}.gpkg", [outline], since=[2025])
        warnings = run(tmp_path, [scene], layer, **more).warnings
        assert not any("reference system" in warning for warning in warnings)
        return " ".join(warnings)

    assert "newer than the images" in told(whole, farm, since_field="since")
    assert "no farm of 0.2 ha or more" in told(whole, row)
    assert "None of the 1 farms in the scenes could be judged" in told(clouded, farm)
    assert not any(text in told(whole, farm) for text in ("newer than", "no farm of", "be judged"))


def test_scenes_without_a_classification_are_measured_unmasked_and_told_once(
    landscape: np.ndarray, tmp_path: Path
) -> None:
    part = landscape[:, :64, :64]
    scenes = [write(tmp_path / f"{name}.tif", part) for name in ("one", "other")]
    result = run(tmp_path, scenes, None, mask="clouds")
    assert result.images == 2
    (told,) = (warning for warning in result.warnings if "scene classification" in warning)
    assert "2 of 2 images" in told


def test_dates_of_a_place_are_averaged_pixel_by_pixel(landscape: np.ndarray, sample: Path, tmp_path: Path) -> None:
    """The second date is dim and half of it was not seen; a third image lies elsewhere and is in no average."""
    dim = landscape * 0.7
    dim[:, :, : SIDE // 2] = np.nan
    scenes = [write(tmp_path / "first.tif", landscape), write(tmp_path / "second.tif", dim, "2021-06-15")]
    scenes.append(write(tmp_path / "third.tif", landscape[:, :256, :256] * 0.8, "2021-06-15"))
    result = run(tmp_path, scenes, sample / "SIMULATED_truth.gpkg", threshold=0.5)
    maps = []
    for number, scene in enumerate(scenes[:2]):
        output = str(tmp_path / f"p{number}.tif")
        run_method("detect", {"scene": str(scene), "output": output}, Job.silent())
        with rasterio.open(output) as file:
            maps.append(file.read(1))
            transform = file.transform
    outlines = read_outlines(str(sample / "SIMULATED_truth.gpkg"), "", Job.silent())
    coverage, ignored = outlines.coverage((SIDE, SIDE), transform, UTM, day=None, edge=5.0)
    expected = Tally.of(np.nanmean(maps, axis=0)[~ignored], (coverage >= 0.5)[~ignored])
    averaged = result.scores["dates averaged"]["all"]
    assert averaged["iou"]["value"] == pytest.approx(expected.iou(0.5), abs=1e-4)
    assert averaged["average_precision"]["value"] == pytest.approx(expected.average_precision(), abs=1e-4)
    assert set(result.scores["single dates"]) >= {"month 03", "month 06"}
    assert result.scores["single dates"]["month 06"]["iou"]["images"] == 2
    page = (tmp_path / "report.html").read_text()
    assert "Dates averaged" in page and "in averages are not asked for a core" in page
    without_core = shipped_with(tmp_path / "model", core=None)
    run(tmp_path, scenes, sample / "SIMULATED_truth.gpkg", threshold=0.5, model=str(without_core))
    page = (tmp_path / "report.html").read_text()
    assert "Dates averaged" in page and "not asked for a core" not in page


def shipped_with(folder: Path, **changes: object) -> Path:
    """A copy of the default model with these entries of its card instead; those of ``quality`` come on top."""
    shipped = load_model("default")
    shutil.copytree(shipped.folder, folder)
    quality = {**shipped.card.quality, **changes.pop("quality", {})}
    replace(shipped.card, quality=quality, **changes).write(folder / CARD)
    return folder


@pytest.mark.parametrize(("asked", "expected"), [(None, 0.2), (0.5, 0.5)])
def test_averages_are_scored_at_the_threshold_that_the_card_has_for_them(
    landscape: np.ndarray, sample: Path, tmp_path: Path, asked: float | None, expected: float
) -> None:
    """Unless one was asked for: that holds for both."""
    model = shipped_with(tmp_path / "model", quality={"threshold_for_dates_averaged": 0.2})
    part = landscape[:, :256, :256]
    scenes = [write(tmp_path / "first.tif", part), write(tmp_path / "second.tif", part, "2021-06-15")]
    result = run(tmp_path, scenes, sample / "SIMULATED_truth.gpkg", threshold=asked, model=str(model))
    # Both dates are one image, so that their mean is that image, too.
    same = run(tmp_path, scenes[:1], sample / "SIMULATED_truth.gpkg", threshold=expected, model=str(model))
    assert result.scores["dates averaged"]["all"]["iou"] == pytest.approx(same.scores["single dates"]["all"]["iou"])
    assert result.threshold == (asked or load_model("default").card.threshold)


def test_a_farm_newer_than_the_image_is_neither_missed_nor_a_false_alarm(
    landscape: np.ndarray, sample: Path, tmp_path: Path
) -> None:
    _, _, stored, _ = pyogrio.raw.read(sample / "SIMULATED_truth.gpkg")
    outlines = list(shapely.from_wkb(stored))
    since = ["2022-05"] + ["2019"] * (len(outlines) - 1)
    layer = write_outlines(tmp_path / "dated.gpkg", outlines, since=since)
    scene = write(tmp_path / "scene.tif", landscape)
    told = run(tmp_path, [scene], layer, since_field="since").scores["single dates"]["all"]
    untold = run(tmp_path, [scene], layer).scores["single dates"]["all"]
    assert told["object_recall"]["farms"] == untold["object_recall"]["farms"] - 1
    assert told["object_precision"]["value"] == untold["object_precision"]["value"]
    assert told["precision"]["value"] > 0.85


def test_images_without_a_valid_pixel_are_left_out_and_told(landscape: np.ndarray, tmp_path: Path) -> None:
    part = landscape[:, :128, :128]
    scenes = [write(tmp_path / "good.tif", part), write(tmp_path / "empty.tif", np.full_like(part, np.nan))]
    glare = np.full_like(part, 1.9)
    glare[0] = 0.5
    scenes.append(write(tmp_path / "glare.tif", glare))
    result = run(tmp_path, scenes, None)
    assert result.images == 1
    assert any("2 of 3 images were left out" in warning for warning in result.warnings)
    with pytest.raises(SceneEmptyError):
        run(tmp_path, scenes[1:2], None)


class Sources(HTMLParser):
    """What a page would load, and which tags it holds."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.sources += [value or "" for name, value in attributes if name in ("src", "href")]


def test_the_report_needs_no_other_file_and_nothing_from_the_network(measured: tuple[EvaluateResult, Path]) -> None:
    text = (measured[1] / "report.html").read_text(encoding="utf-8")
    page = Sources(text)
    assert len(page.sources) >= 3 and all(s.startswith("data:image/png;base64,") for s in page.sources)
    assert not {"script", "link", "iframe"} & page.tags
    assert "http" not in text and "nan" not in re.sub(r'"data:[^"]*"', "", text).lower()


def test_names_from_outside_are_text_in_the_report_and_no_formula_in_the_table(
    landscape: np.ndarray, tmp_path: Path
) -> None:
    part = landscape[:, :64, :64]
    scenes = [write(tmp_path / name, part) for name in ("<script>alert(1)<.tif", "=1+1.tif")]
    run(tmp_path, scenes, None)
    assert "script" not in Sources((tmp_path / "report.html").read_text(encoding="utf-8")).tags
    with open(tmp_path / "table.csv", newline="", encoding="utf-8-sig") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not any(cell.startswith(("=", "+", "@")) for cell in cells)


def test_the_same_request_gives_the_same_report(
    sample: Path, measured: tuple[EvaluateResult, Path], tmp_path: Path
) -> None:
    run(tmp_path, [sample], sample / "SIMULATED_truth.gpkg", window=256, threshold=0.6)
    for name in ("report.html", "table.csv"):
        assert (tmp_path / name).read_bytes() == (measured[1] / name).read_bytes()


def test_the_table_holds_the_figures_of_the_result(measured: tuple[EvaluateResult, Path]) -> None:
    result, folder = measured
    with open(folder / "table.csv", newline="", encoding="utf-8-sig") as file:
        rows = {(r["series"], r["group"], r["measure"]): r for r in csv.DictReader(file)}
    for group, measures in result.scores["single dates"].items():
        for measure, values in measures.items():
            row = rows["single dates", group, measure]
            for column, name in (("value", "value"), ("low_95", "low"), ("high_95", "high")):
                expected = values[name]
                assert (
                    row[column] == "" if math.isnan(expected) else float(row[column]) == pytest.approx(expected, 1e-4)
                )


def test_a_result_is_plain_json_in_which_what_is_unknown_is_null(landscape: np.ndarray, tmp_path: Path) -> None:
    scene = write(tmp_path / "scene.tif", landscape[:, :64, :64])
    params = {"scenes": [str(scene)], "report": str(tmp_path / "r.html")}
    result = json.loads(json.dumps(run_method("evaluate", params, Job.silent()), allow_nan=False))
    assert result["iou"] is None and result["table"] == ""


def test_a_scene_that_cannot_be_used_is_told_before_anything_is_computed(landscape: np.ndarray, tmp_path: Path) -> None:
    scenes = [write(tmp_path / "good.tif", landscape[:, :64, :64]), tmp_path / "missing.tif"]
    told: list[str] = []

    class Listens(SilentListener):
        def progressed(self, progress) -> None:
            told.append(progress.message)

    request = EvaluateRequest(scenes=tuple(map(str, scenes)), report=str(tmp_path / "r.html"))
    with pytest.raises(SceneNotFoundError):
        evaluate(request, Job(Listens()))
    assert not any(message.startswith("Image") for message in told)
    with pytest.raises(RequestError):
        evaluate(EvaluateRequest(scenes=(), report=str(tmp_path / "r.html")), Job.silent())


def test_outputs_are_refused_before_anything_is_computed(sample: Path, tmp_path: Path) -> None:
    polygons = tmp_path / "outlines.csv"
    polygons.write_text("WKT\n")
    request = {"scenes": (str(sample),), "polygons": str(polygons), "report": str(tmp_path / "r.html")}
    with pytest.raises(OutputIsInputError):
        evaluate(EvaluateRequest(**request, table=str(polygons)), Job.silent())
    with pytest.raises(OutputUnwritableError):
        evaluate(EvaluateRequest(**{**request, "report": str(tmp_path / "r.pdf")}), Job.silent())
    assert polygons.read_text() == "WKT\n"


def test_a_cancelled_evaluation_leaves_an_older_report_and_nothing_else(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("older")
    cancelled = threading.Event()

    class CancelsInTheMiddle(SilentListener):
        def progressed(self, progress) -> None:
            if progress.fraction > 0.3:
                cancelled.set()

    request = EvaluateRequest(scenes=(str(sample),), report=str(tmp_path / "report.html"), window=256)
    with pytest.raises(CancelledError):
        evaluate(request, Job(CancelsInTheMiddle(), cancelled))
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text() == "older"


def test_memory_does_not_grow_with_the_scene(landscape: np.ndarray, tmp_path: Path) -> None:
    peaks = []
    for repeats in (4, 4, 12):  # the first run holds whatever is loaded once
        scene = write(tmp_path / "scene.tif", np.tile(landscape[:, :256, :256], (1, 1, repeats)))
        tracemalloc.start()
        run(tmp_path, [scene], None, window=256)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 1.25 * peaks[1]


def a_grid(height: int, width: int, corner: tuple[float, float]) -> Grid:
    return Grid(UTM, from_origin(*corner, 10, 10), width, height)


def count(series: Series, corner: tuple[float, float], coverage: np.ndarray, probability: np.ndarray) -> None:
    counter = series.image("image", "2021-03-15", a_grid(*coverage.shape, corner))
    nothing = np.zeros(coverage.shape, bool)
    counter.add(Window(0, 0, *coverage.shape), probability, Truth(coverage, nothing, coverage == 0))
    counter.finish()


def test_a_farm_across_the_border_of_cells_is_one_place_with_both_and_others_stay_apart() -> None:
    border = 40 * CELL
    coverage = np.zeros((20, 600), np.float32)
    coverage[5:15, 295:305] = 1
    series = Series(0.5, 0.2)
    count(series, (border - 3000, 1000 * CELL - 10), coverage, coverage)
    assert len(series.tallies) == 4  # 6 km, which four cells share
    assert len(series.by_place(series.tallies)) == 3
    assert sum(t.pixels for t in series.by_place(series.tallies).values()) == coverage.size


def test_detections_without_the_core_that_the_model_asks_for_do_not_count() -> None:
    coverage = np.zeros((20, 60), np.float32)
    coverage[5:15, 5:15] = coverage[5:15, 40:50] = 1
    probability = 0.6 * coverage
    probability[5, 5:10] = 0.9
    for core, found in ((0.0, 2), (0.9, 1), (0.95, 0)):
        series = Series(0.5, 0.2, core)
        count(series, (40 * CELL + 2000, 1000 * CELL - 10), coverage, probability)
        objects = sum(series.objects.values(), ObjectTally())
        assert objects.recall() == found / 2 and objects.detections == found


def test_cells_of_neighbouring_farms_are_one_place_as_in_training() -> None:
    """Two farms 1.9 km apart, in two cells; a third one 2.1 km further on, in a third cell."""
    left, top = 40 * CELL + 2000, 1000 * CELL - 10
    farms = [shapely.box(x, top - 150, x + 100, top - 50) for x in (left + 100, left + 2100, left + 4300)]
    outlines = Outlines(shapely.transform(np.array(farms), to_degrees, interleaved=False), (None,) * 3)
    shown, series = Shown(outlines), Series(0.5, 0.2)
    coverage = np.zeros((20, 500), np.float32)
    for col in (10, 210, 430):
        coverage[5:15, col : col + 10] = 1
    count(series, (left, top), coverage, coverage)
    assert len(series.by_place(series.tallies)) == 3
    for cells in [*shown.add(a_grid(20, 500, (left, top)), None), *shown.places()]:
        series.join(cells)
    places = series.by_place(series.tallies)
    assert sorted(tally.farm_pixels for tally in places.values()) == [100, 200]
    assert outlines.clusters().tolist() == [0, 0, 1]


def test_one_farm_in_images_of_two_zones_is_one_place() -> None:
    outlines = Outlines(np.array([shapely.box(78.0, 26.2, 78.001, 26.201)]), (None,))
    shown, series = Shown(outlines), Series(0.5, 0.2)
    coverage = np.ones((50, 50), np.float32)
    for code in (32643, 32644):
        crs = CRS.from_epsg(code)
        (west,), (north,) = transform("EPSG:4326", crs, [77.999], [26.203])
        grid = Grid(crs, from_origin(west, north, 10, 10), 50, 50)
        counter = series.image("image", "", grid)
        counter.add(Window(0, 0, 50, 50), coverage, Truth(coverage, coverage < 0, coverage < 0))
        for cells in shown.add(grid, None):
            series.join(cells)
        counter.finish()
    assert len({cell.crs for cell in series.tallies}) == 2
    assert len({cell for cell in series.by_place(series.tallies)}) == 1


def test_sure_ground_does_not_flatter_the_calibration_error() -> None:
    coverage, probability = np.zeros((100, 100), np.float32), np.zeros((100, 100), np.float32)
    coverage[:5, :10], probability[:10, :10] = 1, 0.9
    series = Series(0.5, 0.2)
    count(series, (5e5, 3e6), coverage, probability)
    found = find("single dates", series)
    assert found.interval("all", "calibration_error").value == pytest.approx(0.4, abs=1e-3)
    assert found.interval("all", "calibration_error_of_all_pixels").value == pytest.approx(0.004, abs=1e-4)


def test_two_images_of_a_place_share_its_units() -> None:
    coverage = np.zeros((50, 50), np.float32)
    coverage[10:30, 10:30] = 1
    series = Series(0.5, 0.2)
    for _ in range(3):
        count(series, (40 * CELL + 500, 1000 * CELL - 500), coverage, coverage * 0.9)
    assert len(series.tallies) == 1
    (farm,) = series.farms.values()
    assert (farm.judged, farm.found) == (3, 3)


def test_false_area_is_measured_in_hectares_on_ground_far_from_farms() -> None:
    probability = np.zeros((100, 100), np.float32)
    probability[:10, :20] = 0.9
    series = Series(0.5, 0.2)
    count(series, (5e5, 3e6), np.zeros((100, 100), np.float32), probability)
    ground = next(iter(series.by_place(series.ground).values()))
    assert ground.false_ha_per_100_km2() == pytest.approx(200.0)
    assert ground.false == pytest.approx(2.0, rel=2e-3)
    (false,) = series.false_detections()
    assert false.hectares == pytest.approx(2.0, rel=2e-3)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.sampled_from((0.0, 0.7)), st.sampled_from((0.0, 0.085)))
def test_false_area_is_that_of_far_pixels_in_detections_that_are_kept_however_windows_cut_them(
    seed: int, side: int, core: float, least: float
) -> None:
    """The image lies in four cells; the first one that detections may begin in shows no far ground."""
    random, shape = np.random.default_rng(seed), (30, 40)
    probability = 0.5 + 0.5 * ndimage.gaussian_filter(random.standard_normal(shape), 1.0)
    probability = np.clip(probability, 0, 1).astype(np.float32)
    probability[random.random(shape) < 0.05] = np.nan
    far, ignored = random.random(shape) < 0.6, random.random(shape) < 0.1
    far[12:, :15] = False
    ignored &= ~far
    coverage = np.where(far, 0, random.random(shape)).astype(np.float32)
    corner = (40 * CELL - 150, 1000 * CELL + 120)
    grid = a_grid(*shape, corner)
    pixel_ha = math.prod(grid.ground_pixel_size) / 1e4
    kept = in_detections(probability, 0.5, core, least / pixel_ha)
    for step in (max(shape), side):
        series = Series(0.5, least, core)
        counter = series.image("image", "2021-03-15", grid)
        for row in range(0, shape[0], step):
            for col in range(0, shape[1], step):
                window = Window(row, col, min(step, shape[0] - row), min(step, shape[1] - col))
                cut = (window.rows, window.cols)
                counter.add(window, probability[cut], Truth(coverage[cut], ignored[cut], far[cut]))
        counter.finish()
        for ground in (sum(series.ground.values(), Ground()), series.images[0].ground):
            assert ground.false == pytest.approx(pixel_ha * (far & kept).sum())
            assert ground.seen == pytest.approx(pixel_ha * (far & ~np.isnan(probability)).sum())
        assert len(series.ground) == 3 and all(ground.seen for ground in series.ground.values())


def test_what_is_marked_on_far_ground_without_a_core_or_in_small_pieces_is_not_false_area() -> None:
    """Three detections: 0.5 ha with a core, as large without one, and 0.18 ha that are sure."""
    probability = np.zeros((40, 60), np.float32)
    probability[2:7, 2:12] = probability[2:7, 20:30] = 0.6
    probability[2, 2:7], probability[2, 20:24] = 0.9, 0.9
    probability[20:23, 2:8] = 0.95
    nothing = np.zeros(probability.shape, np.float32)
    for core, least, pixels in ((0.9, 0.2, 50), (0.0, 0.2, 100), (0.9, 0.1, 68), (0.0, 0.1, 118), (0.96, 0.1, 0)):
        series = Series(0.5, least, core)
        count(series, (5e5, 3e6), nothing, probability)
        whole = sum(series.ground.values(), Ground())
        assert whole.false == pytest.approx(pixels / 100, rel=2e-3) and whole.seen == pytest.approx(24, rel=2e-3)
        assert whole.false == pytest.approx(sum(d.hectares for d in series.false_detections()))
        assert series.images[0].ground == whole


def test_what_many_images_tell_alike_is_told_once() -> None:
    told, job = ImageWarnings(), Job.silent()
    for number in range(5):
        image = SceneOptions(scene="A", date=f"2022-01-0{number + 1}")
        told.part(job, 0, 1, image).warn(f"“A_{number}.tif” of {image.date} is {number}.5 % odd.")
    told.part(job, 0, 1, SceneOptions(scene="B")).warn("“B.tif” has no date.")
    told.tell(job, {"A": 8, "B": 1})
    assert job.warnings == [
        "“A_0.tif” of 2022-01-01 is 0.5 % odd. (The same holds for 5 of 9 images.)",
        "“B.tif” has no date.",
    ]


def test_what_a_few_clouded_dates_of_a_scene_seem_to_have_wrong_is_not_told() -> None:
    told, job = ImageWarnings(), Job.silent()
    for day in (1, 2, 3):
        told.part(job, 0, 1, SceneOptions(scene="A", date=f"2022-01-0{day}")).warn("It looks shifted.")
    told.tell(job, {"A": 8})
    assert not job.warnings


def test_real_farms_are_found_on_real_dates(shared_data: Path, tmp_path: Path) -> None:
    data = shared_data / "austria-pv-2022"
    scenes = [data / "s2" / "S2_2022_9.nc"]
    result = run(tmp_path, scenes, data / "farm_polygons.geojson", mask="clouds")
    assert 20 <= result.images <= 34 and result.sites == 1
    assert result.average_precision > 0.7 and result.object_recall > 0.7
    assert math.isnan(result.scores["single dates"]["all"]["iou"]["low"])  # one place tells nothing of others
    assert len([group for group in result.scores["single dates"] if group.startswith("month")]) >= 8
    assert "dates averaged" in result.scores


def test_real_ground_without_farms_has_little_false_area(shared_data: Path, tmp_path: Path) -> None:
    scene = shared_data / "aber-s2-2021" / "sen2_20210527_aber_subset.tif"
    bands = "B02,B03,B04,B05,B06,B07,B08,B8A,B11,B12"
    result = run(tmp_path, [scene], None, bands=bands, scale=0.001)
    assert result.false_ha_per_100_km2 < 50
    assert result.sites == 0 and math.isnan(result.average_precision)
