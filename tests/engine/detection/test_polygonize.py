"""Polygons follow the pixels exactly, with areas that a planner can rely on."""

import json
import sqlite3

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pyproj import Geod, Transformer
from rasterio.features import rasterize
from rasterio.transform import from_origin

from solar_saliency_plugin.contract.detection import DetectRequest, PolygonizeRequest
from solar_saliency_plugin.contract.errors import (
    GridUnsuitableError,
    NotReflectanceError,
    OutputIsInputError,
    OutputUnwritableError,
    SceneNotFoundError,
    SceneUnreadableError,
)
from solar_saliency_plugin.contract.imagery import SampleSceneRequest
from solar_saliency_plugin.engine.detection.detect import detect
from solar_saliency_plugin.engine.detection.polygonize import polygonize
from solar_saliency_plugin.engine.job import Job
from solar_saliency_plugin.engine.models.registry import load_model
from solar_saliency_plugin.engine.training.simulation import sample_scene

TRANSFORM = from_origin(3e5, 3e6, 10, 10)

#: What a tag of ours holds.
TELLING = {
    "method": "detect",
    "request": {},
    "scene": {"date": "2021-03-15"},
    "model": {"name": "m"},
    "result": {"threshold": 0.7},
    "software": {},
    "warnings": [],
}


def write_probability(path, probability, crs="EPSG:32643", transform=TRANSFORM, **tags):
    height, width = probability.shape
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "nodata": np.nan, "width": width, "height": height}
    with rasterio.open(path, "w", **profile, crs=crs, transform=transform) as file:
        file.write(probability.astype(np.float32), 1)
        file.update_tags(**tags)
    return path


def run(source, output, **options):
    options.setdefault("minimum_area", 0.0)
    return polygonize(PolygonizeRequest(str(source), str(output), **options), Job.silent())


def read(path):
    meta, _, geometry, fields = pyogrio.raw.read(path, layer="detections")
    return shapely.from_wkb(geometry), dict(zip(meta["fields"], fields, strict=True)), meta


rasters = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 16), st.integers(1, 16)),
    elements=st.sampled_from([0.0, 0.4, 0.5, 1.0, np.nan]),
)


@given(probability=rasters)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_polygons_cover_exactly_the_pixels_that_reach_the_threshold(probability, tmp_path):
    source = write_probability(tmp_path / "p.tif", probability)
    result = run(source, tmp_path / "d.gpkg", threshold=0.5)
    geometries, fields, _ = read(tmp_path / "d.gpkg")
    assert all(shapely.is_valid(geometries)) and result.detections == len(geometries)
    detected = probability >= 0.5
    assert sum(shapely.area(geometries)) == pytest.approx(detected.sum() * 100)
    burnt = np.zeros(probability.shape, np.uint8)
    if len(geometries):
        burnt = rasterize(geometries, out_shape=probability.shape, transform=TRANSFORM)
    np.testing.assert_array_equal(burnt, detected)
    assert fields["pixels"].sum() == detected.sum()
    assert len(set(fields["id"])) == len(geometries)


def test_areas_are_geodesic_hectares(tmp_path):
    probability = np.zeros((300, 300))
    probability[10:110, 20:220] = 0.9
    # Far from the central meridian, where a hectare of the map is not a hectare of the ground.
    transform = from_origin(830000, 3e6, 10, 10)
    run(write_probability(tmp_path / "p.tif", probability, transform=transform), tmp_path / "d.gpkg", threshold=0.5)
    (geometry,), fields, _ = read(tmp_path / "d.gpkg")
    degrees = shapely.transform(
        geometry, Transformer.from_crs("EPSG:32643", "EPSG:4326", always_xy=True).transform, interleaved=False
    )
    expected = abs(Geod(ellps="WGS84").geometry_area_perimeter(degrees)[0]) / 1e4
    assert fields["area_ha"][0] == pytest.approx(expected, rel=1e-9)
    assert abs(fields["area_ha"][0] - 200) > 0.1


def test_holes_stay_holes_and_probabilities_are_those_of_the_pixels(tmp_path):
    probability = np.zeros((20, 20))
    probability[5:15, 5:15] = 0.8
    probability[7:9, 7:9] = 0.1
    probability[12, 12] = 0.95
    run(write_probability(tmp_path / "p.tif", probability), tmp_path / "d.gpkg", threshold=0.5)
    (geometry,), fields, _ = read(tmp_path / "d.gpkg")
    assert len(geometry.geoms[0].interiors) == 1
    assert fields["mean_probability"][0] == pytest.approx((95 * 0.8 + 0.95) / 96, rel=1e-6)
    assert fields["max_probability"][0] == pytest.approx(0.95)


def test_detections_below_the_minimum_area_are_left_out_and_counted(tmp_path):
    probability = np.zeros((40, 40))
    probability[0:2, 0:2] = probability[10:20, 10:20] = 0.9
    result = run(
        write_probability(tmp_path / "p.tif", probability), tmp_path / "d.gpkg", minimum_area=0.5, threshold=0.5
    )
    assert (result.detections, result.dropped_small) == (1, 1)


def _two_farms():
    """A hundred pixels each: one with five sure ones, one with four."""
    probability = np.zeros((40, 40))
    probability[2:12, 2:12] = probability[20:30, 20:30] = 0.6
    probability[5, 4:9] = probability[25, 22:26] = 0.9
    return probability


@pytest.mark.parametrize(("core", "kept"), [(0.0, 2), (0.6, 2), (0.9, 1), (0.95, 0)])
def test_detections_without_a_core_are_left_out_and_counted(tmp_path, core, kept):
    source = write_probability(tmp_path / "p.tif", _two_farms())
    result = run(source, tmp_path / "d.gpkg", threshold=0.5, core=core)
    assert (result.detections, result.dropped_small, result.dropped_unsure) == (kept, 0, 2 - kept)
    assert len(read(tmp_path / "d.gpkg")[0]) == kept and result.core == core
    told = [warning for warning in result.warnings if "core" in warning]
    assert len(told) == (kept == 0) and all("2 places" in warning and "0.95" in warning for warning in told)


def test_the_core_that_a_raster_was_made_with_is_asked_for_unless_another_is_given(tmp_path):
    telling = json.dumps({**TELLING, "result": {"threshold": 0.5, "core": 0.9}})
    source = write_probability(tmp_path / "p.tif", _two_farms(), SOLAR_SALIENCY_RUN=telling)
    result = run(source, tmp_path / "d.gpkg")
    assert result.detections == 1 and not result.warnings
    assert run(source, tmp_path / "d.gpkg", core=0.0).detections == 2


@pytest.mark.parametrize("told", [{}, *({"core": core} for core in ("high", None, 7, -1, {}, True))])
def test_where_a_raster_does_not_say_what_core_to_ask_for_none_is_and_that_is_told(tmp_path, told):
    telling = json.dumps({**TELLING, "result": {"threshold": 0.5, **told}})
    source = write_probability(tmp_path / "p.tif", _two_farms(), SOLAR_SALIENCY_RUN=telling)
    result = run(source, tmp_path / "d.gpkg")
    assert result.detections == 2
    assert any("does not say what its model asks of a detection's core" in warning for warning in result.warnings)


def test_the_core_of_a_models_card_reaches_the_polygons(tmp_path, monkeypatch):
    """Card, result, the raster's tag, polygons, their tag: one number."""
    scene, raster, polygons = (tmp_path / name for name in ("scene", "p.tif", "d.gpkg"))
    sample_scene(SampleSceneRequest(output=str(scene), size=512, seed=5), Job.silent())
    detected = detect(DetectRequest(scene=str(scene), output=str(raster)), Job.silent())
    assert detected.core == load_model("default").card.core > detected.threshold
    result = polygonize(PolygonizeRequest(str(raster), str(polygons)), Job.silent())
    assert result.core == detected.core and result.dropped_unsure >= 1
    without = polygonize(PolygonizeRequest(str(raster), str(tmp_path / "all.gpkg"), core=0.0), Job.silent())
    assert without.detections == result.detections + result.dropped_unsure
    metadata = pyogrio.read_info(polygons, layer="detections")["layer_metadata"]
    tag = json.loads(metadata["SOLAR_SALIENCY_RUN"])["result"]
    assert (tag["core"], tag["without_core"]) == (result.core, result.dropped_unsure)


def test_ids_stay_when_the_threshold_moves_and_when_the_run_is_repeated(tmp_path):
    rng = np.random.default_rng(0)
    probability = np.zeros((60, 60))
    for row, col in ((5, 5), (30, 8), (20, 40)):
        probability[row : row + 12, col : col + 12] = rng.uniform(0.6, 0.8, (12, 12))
        probability[row + 6, col + 6] = 0.99
    source = write_probability(tmp_path / "p.tif", probability)
    ids = []
    for threshold in (0.3, 0.5, 0.5):
        run(source, tmp_path / "d.gpkg", threshold=threshold)
        ids.append(list(read(tmp_path / "d.gpkg")[1]["id"]))
    assert ids[0] == ids[1] == ids[2] and len(ids[0]) == 3


def test_the_same_request_gives_the_same_bytes(tmp_path):
    source = write_probability(tmp_path / "p.tif", np.full((9, 9), 0.9))
    contents = []
    for _ in range(2):
        run(source, tmp_path / "d.gpkg", threshold=0.5)
        contents.append((tmp_path / "d.gpkg").read_bytes())
    assert contents[0] == contents[1]


def test_no_detection_gives_an_empty_layer_and_a_warning(tmp_path):
    result = run(write_probability(tmp_path / "p.tif", np.zeros((9, 9))), tmp_path / "d.gpkg", threshold=0.5)
    geometries, fields, meta = read(tmp_path / "d.gpkg")
    assert len(geometries) == 0 and "area_ha" in fields and meta["geometry_type"] == "MultiPolygon"
    assert any("No detection" in warning for warning in result.warnings)


def test_the_layer_brings_its_style_and_says_how_it_was_made(tmp_path):
    run(write_probability(tmp_path / "p.tif", np.full((9, 9), 0.9)), tmp_path / "d.gpkg", threshold=0.5)
    with sqlite3.connect(tmp_path / "d.gpkg") as database:
        ((qml, default),) = database.execute(
            "SELECT styleQML, useAsDefault FROM layer_styles WHERE f_table_name = 'detections' "
            "AND f_geometry_column = (SELECT column_name FROM gpkg_geometry_columns)"
        )
    assert default == 1 and "singleSymbol" in qml
    metadata = pyogrio.read_info(tmp_path / "d.gpkg", layer="detections")["layer_metadata"]
    assert json.loads(metadata["SOLAR_SALIENCY_RUN"])["method"] == "polygonize"


def test_threshold_date_and_model_come_with_the_raster(tmp_path, write_scene, landscape):
    scene = write_scene(tmp_path / "S2A_MSIL2A_20210315.tif", landscape(60, 60))
    made = detect(
        DetectRequest(scene=str(scene), output=str(tmp_path / "p.tif"), threshold=0.001, level="L1C"), Job.silent()
    )
    result = run(tmp_path / "p.tif", tmp_path / "d.gpkg")
    _, fields, _ = read(tmp_path / "d.gpkg")
    assert result.threshold == 0.001
    assert set(fields["date"]) == {"2021-03-15"} and set(fields["model"]) == {made.model}
    assert fields["pixels"].sum() == round(made.detected_share * 60 * 60)
    assert set(made.warnings) <= set(result.warnings)  # what was doubtful about the raster stays with the polygons


def test_a_raster_without_a_threshold_says_which_one_was_taken(tmp_path):
    result = run(write_probability(tmp_path / "p.tif", np.full((5, 5), 0.9)), tmp_path / "d.gpkg")
    assert result.threshold == 0.5 and any("threshold" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    "tag",
    ["no json", "[]", "null", '{"method": [1]}', "[" * 100_000]
    + [
        json.dumps({**TELLING, **damage})
        for damage in ({"result": None}, {"scene": []}, {"model": 1}, {"warnings": 5}, {"warnings": [1]})
    ],
)
def test_a_damaged_tag_is_not_believed_and_does_no_harm(tmp_path, tag):
    source = write_probability(tmp_path / "p.tif", np.full((5, 5), 0.9), SOLAR_SALIENCY_RUN=tag)
    result = run(source, tmp_path / "d.gpkg")
    assert result.detections == 1 and any("does not say which threshold" in warning for warning in result.warnings)


@pytest.mark.parametrize("threshold", ["abc", None, 7, [0.5]])
def test_a_threshold_in_the_tag_that_is_none_is_not_believed(tmp_path, threshold):
    tag = json.dumps({**TELLING, "result": {"threshold": threshold}})
    result = run(
        write_probability(tmp_path / "p.tif", np.full((5, 5), 0.9), SOLAR_SALIENCY_RUN=tag), tmp_path / "d.gpkg"
    )
    assert result.threshold == 0.5


class TestBadInput:
    """Refused in words; a previous output stays."""

    @pytest.fixture(autouse=True)
    def previous(self, tmp_path):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "d.gpkg").write_bytes(b"previous")
        yield
        assert [p.read_bytes() for p in (tmp_path / "out").iterdir()] == [b"previous"]

    def assert_refused(self, error, source, output):
        with pytest.raises(error) as caught:
            run(source, output, threshold=0.5)
        assert caught.value.message and caught.value.hint

    def test_no_file(self, tmp_path):
        self.assert_refused(SceneNotFoundError, tmp_path / "none.tif", tmp_path / "out" / "d.gpkg")

    def test_no_raster(self, tmp_path):
        (tmp_path / "text.tif").write_text("no raster")
        self.assert_refused(SceneUnreadableError, tmp_path / "text.tif", tmp_path / "out" / "d.gpkg")

    def test_truncated(self, tmp_path):
        source = write_probability(tmp_path / "p.tif", np.random.default_rng(0).random((400, 400)))
        source.write_bytes(source.read_bytes()[:100_000])
        self.assert_refused(SceneUnreadableError, source, tmp_path / "out" / "d.gpkg")

    def test_a_scene_instead_of_a_probability(self, tmp_path, write_scene, landscape):
        scene = write_scene(tmp_path / "scene.tif", landscape(9, 9))
        self.assert_refused(NotReflectanceError, scene, tmp_path / "out" / "d.gpkg")

    def test_heights_instead_of_probabilities(self, tmp_path):
        source = write_probability(tmp_path / "p.tif", np.full((5, 5), 548.0))
        self.assert_refused(NotReflectanceError, source, tmp_path / "out" / "d.gpkg")

    def test_no_crs(self, tmp_path):
        source = write_probability(tmp_path / "p.tif", np.full((5, 5), 0.9), crs=None)
        self.assert_refused(GridUnsuitableError, source, tmp_path / "out" / "d.gpkg")

    def test_another_format(self, tmp_path):
        source = write_probability(tmp_path / "p.tif", np.full((5, 5), 0.9))
        self.assert_refused(OutputUnwritableError, source, tmp_path / "out" / "d.shp")

    def test_output_is_the_scene_that_the_probability_was_made_from(self, tmp_path):
        scene = tmp_path / "out" / "d.gpkg"
        tag = json.dumps({**TELLING, "request": {"scene": str(scene)}})
        source = write_probability(tmp_path / "p.tif", np.full((5, 5), 0.9), SOLAR_SALIENCY_RUN=tag)
        self.assert_refused(OutputIsInputError, source, scene)

    def test_output_is_input(self, tmp_path):
        source = write_probability(tmp_path / "p.tif", np.full((5, 5), 0.9))
        twin = tmp_path / "twin.gpkg"
        twin.hardlink_to(source)
        self.assert_refused(OutputIsInputError, source, twin)
