"""Layers, odd regions and bad input: what can be explained is, the rest is refused with its reason."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyproj
import pytest
import shapely
from affine import Affine
from rasterio.crs import CRS

from solar_saliency_plugin.contract.errors import (
    ExtentOutsideError,
    LongRunError,
    MethodUnsuitableError,
    OutOfSightError,
    RequestError,
    TargetEmptyError,
)
from solar_saliency_plugin.contract.region_shap import RegionShapRequest, RegionShapResult
from solar_saliency_plugin.engine.attribution import explained
from solar_saliency_plugin.engine.imagery.grid import Grid, Window
from solar_saliency_plugin.engine.job import Job
from solar_saliency_plugin.engine.shapley import asking, question, runs
from solar_saliency_plugin.engine.shapley.images import ImageGame
from solar_saliency_plugin.engine.shapley.open_games import GAMES
from solar_saliency_plugin.engine.shapley.question import items_of
from solar_saliency_plugin.engine.shapley.telling import title_of_player
from tests.engine.shapley.playing import AROUND, COLS_LEFT, FARM, LEFT, ROWS, SHAPE, TOP, Ear, outline, phi, write_layer

Explain = Callable[..., RegionShapResult]

#: That of the scene with the farm.
GRID = Grid(CRS.from_epsg(32643), Affine(10, 0, LEFT, 0, -10, TOP), SHAPE[1], SHAPE[0])


def test_stopped_among_many_the_rest_is_refused(explain: Explain, tmp_path: Path) -> None:
    layer = write_layer(tmp_path / "three.gpkg", [FARM, outline(slice(40, 48), COLS_LEFT), FARM], id=["a", "b", "c"])
    ear = Ear(lambda told: "phi" in told)
    result = explain(job=ear.job, polygons=layer, evaluations=5000, estimator="crossfit", long=True)
    assert [answer.name for answer in result.regions] == ["a"] and result.regions[0].stopped
    assert [(one["name"], "stopped" in one["reason"]) for one in result.refused] == [("b", True), ("c", True)]


def test_each_polygon_of_a_layer_is_explained_and_those_that_cannot_be_are_named(
    explain: Explain, tmp_path: Path
) -> None:
    shapes = [FARM, outline(slice(70, 80), slice(70, 80)), outline(slice(0, 8), slice(0, 8)), outline(ROWS, COLS_LEFT)]
    far = shapely.transform(shapely.from_wkt(FARM), lambda xy: xy + 50_000).wkt
    layer = write_layer(tmp_path / "layer.gpkg", [*shapes, far], id=["farm", "ground", "nodata", "west", "far"])
    ear = Ear()
    result = explain(job=ear.job, polygons=layer, evaluations=120, superpixels=10)
    assert [answer.name for answer in result.regions] == ["farm", "west"] and result.explained == 2
    assert [one["name"] for one in result.refused] == ["ground", "nodata"]
    assert "nothing is detected" in result.refused[0]["reason"] and "holds no data" in result.refused[1]["reason"]
    assert any("1 of the layer's polygons lie outside" in warning for warning in result.warnings)
    west = result.regions[1]
    assert west.target_pixels < result.regions[0].target_pixels and abs(west.difference) < 1e-6
    alone = explain(target=shapes[3], evaluations=120, superpixels=10).regions[0]
    np.testing.assert_array_equal(phi(alone), phi(west))
    assert {one["region"] for one in ear.partials} == {0, 3}


def test_features_without_names_of_their_own_are_numbered(explain: Explain, tmp_path: Path) -> None:
    layer = write_layer(tmp_path / "layer.gpkg", [FARM, outline(ROWS, COLS_LEFT)], id=["same", "same"])
    result = explain(polygons=layer, evaluations=100, superpixels=5, name="plant")
    assert [answer.name for answer in result.regions] == ["plant 1", "plant 2"]


def test_the_only_feature_of_a_layer_is_called_by_the_name_that_was_given(explain: Explain, tmp_path: Path) -> None:
    layer = write_layer(tmp_path / "layer.gpkg", [FARM], id=["26.2N 74.0E"])
    result = explain(polygons=layer, evaluations=100, superpixels=5, name="detection 12")
    assert [answer.name for answer in result.regions] == ["detection 12"]


def test_a_layer_is_read_once_and_the_first_field_that_tells_all_apart_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = [outline(slice(row, row + 2), slice(2 * row, 2 * row + 2)) for row in range(20, 30)]
    names = [f"farm {number}" for number in range(10)]
    layer = write_layer(tmp_path / "layer.gpkg", shapes, name=names, id=["same"] * 10, area=[1.0] * 10)
    reads: list[str] = []
    read = pyogrio.raw.read
    monkeypatch.setattr(pyogrio.raw, "read", lambda path, **asked: (reads.append(path), read(path, **asked))[1])
    items = items_of(_about(polygons=layer), GRID, GRID.whole, Job.silent())
    assert [item.name for item in items] == names and len(reads) == 1
    for item, shape in zip(items, shapes, strict=True):
        assert item.target.geometry.symmetric_difference(shapely.from_wkt(shape)).area < 0.1


class _Counted(np.ndarray):
    """Numbers that count how many of them arithmetic and comparisons look at."""

    looked_at = 0

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **settings: Any) -> Any:
        plain = [value.view(np.ndarray) if isinstance(value, _Counted) else value for value in inputs]
        _Counted.looked_at += max(np.size(value) for value in plain)
        return getattr(ufunc, method)(*plain, **settings)


def test_a_layer_of_thousands_of_features_is_not_searched_for_each_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 2_000
    left, bottom = np.random.default_rng(1).integers(20, 900, (2, count)) + np.array([[LEFT], [TOP - 950]])
    shapes = shapely.to_wkt(shapely.box(left, bottom, left + 20, bottom + 20)).tolist()
    layer = write_layer(tmp_path / "many.gpkg", shapes, id=list(range(count)))
    read = question.read_polygons

    def counted(*args: Any, **named: Any) -> Any:
        found = read(*args, **named)
        return replace(found, features=found.features.view(_Counted))

    monkeypatch.setattr(question, "read_polygons", counted)
    assert len(items_of(_about(polygons=layer), GRID, GRID.whole, Job.silent())) == count
    assert _Counted.looked_at <= 10 * count


def test_what_has_no_name_is_called_by_its_place() -> None:
    (there,) = items_of(_about(target=FARM), GRID, GRID.whole, Job.silent())
    (drawn,) = items_of(_about(region=FARM), GRID, GRID.whole, Job.silent())
    (other,) = items_of(_about(target=outline(slice(70, 80), slice(70, 80))), GRID, GRID.whole, Job.silent())
    assert there.name == drawn.name != other.name and re.fullmatch(r"27\.\d{5}N 7\d\.\d{5}E", there.name)
    (named,) = items_of(_about(target=FARM, name=" farm 7 "), GRID, GRID.whole, Job.silent())
    assert named.name == "farm 7"


@pytest.mark.parametrize(("crs", "unit"), [("EPSG:32643", 1.0), ("EPSG:2263", 1200 / 3937)])
def test_the_margin_is_in_metres_whatever_the_unit_of_the_scene(crs: str, unit: float) -> None:
    side = 10 / unit
    grid = Grid(CRS.from_string(crs), Affine(side, 0, LEFT, 0, -side, 6e4), 100, 100)
    square = shapely.box(LEFT + 40 * side, 6e4 - 60 * side, LEFT + 60 * side, 6e4 - 40 * side)
    (item,) = items_of(_about(target=square.wkt, margin=100.0), grid, grid.whole, Job.silent())
    assert item.region.area == Window(30, 30, 40, 40)


def _about(**asked: Any) -> RegionShapRequest:
    return RegionShapRequest(scene="scene.tif", output="values.gpkg", pixels="all", **asked)


def test_a_region_that_reaches_out_of_the_scene_or_over_its_gaps_says_so(explain: Explain) -> None:
    lost = "Part of the region lies outside the scene (or holds no data) and was left out."
    asked = {"superpixels": 4, "evaluations": 40, "cut": "grid"}
    assert lost not in explain(region=outline(slice(30, 70), slice(30, 70)), **asked).warnings
    assert lost in explain(region=outline(slice(30, 70), slice(30, 200)), **asked).warnings
    assert lost in explain(region=outline(slice(0, 60), slice(0, 56)), **asked).warnings


def test_whole_numbers_of_a_field_of_decimals_are_names_without_decimals(explain: Explain, tmp_path: Path) -> None:
    layer = write_layer(tmp_path / "layer.gpkg", [FARM, outline(ROWS, COLS_LEFT)], id=[7.0, 7.5])
    result = explain(polygons=layer, evaluations=100, superpixels=5)
    assert [answer.name for answer in result.regions] == ["7", "7.5"]


def test_where_no_polygon_can_be_explained_the_first_reason_is_told(explain: Explain, tmp_path: Path) -> None:
    ground = [outline(slice(70, 80), slice(70, 80)), outline(slice(80, 90), slice(70, 80))]
    layer = write_layer(tmp_path / "layer.gpkg", ground, id=["a", "b"])
    with pytest.raises(TargetEmptyError, match=r"None of the 2 polygons.*“a”: No pixel of the target reaches"):
        explain(polygons=layer)


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ({"region": ""}, RequestError, "what is to be explained"),
        ({"region": "LINESTRING(0 0, 1 1)"}, RequestError, "no polygon or point.*Draw a polygon"),
        ({"region": "POLYGON EMPTY"}, RequestError, "The region is empty"),
        ({"region": outline(slice(70, 80), slice(70, 80))}, TargetEmptyError, "nothing is detected"),
        ({"region": "POLYGON((1 1, 200 1, 200 200, 1 200, 1 1))"}, ExtentOutsideError, "The region lies outside"),
        ({"region": outline(slice(0, 8), slice(0, 8))}, TargetEmptyError, "holds no data"),
        (
            {"target": FARM, "region": outline(slice(0, 8), slice(0, 8))},
            RequestError,
            "model sees only [0-9]+ m around .*lies 388 m away",
        ),
        (
            {"target": FARM, "region": outline(slice(60 + 30, 95), COLS_LEFT)},
            OutOfSightError,
            "depends on nothing in the region: the model sees only [0-9]+ m around .*lies 300 m away from the target.*"
            "right beside it",
        ),
        ({"region": "POINT(300400 2999500)"}, RequestError, "The region is a point"),
        ({"region": "here"}, RequestError, "no polygon or point"),
        ({"region": AROUND, "target_crs": "EPSG:999999"}, RequestError, "that the region could be in"),
        ({"region": AROUND, "polygons": "layer.gpkg"}, RequestError, "a layer of polygons that has regions"),
        ({"target": FARM, "polygons": "layer.gpkg"}, RequestError, "two targets"),
        ({"evaluations": 10}, RequestError, "need at least .* evaluations"),
        ({"estimator": "exact", "superpixels": 60, "evaluations": 100}, RequestError, "Exact values of"),
        ({"estimator": "l_shapley", "evaluations": 100}, RequestError, "L-Shapley .* needs"),
        ({"cut": "polygons"}, RequestError, "no layer of them was given"),
        ({"segments": "fields.gpkg"}, RequestError, "cut in another way"),
        ({"cut_bands": ("B99",)}, RequestError, "no band B99"),
        ({"superpixel": 0.0001}, RequestError, "are the most"),
        ({"report": "page.txt"}, Exception, "must end in"),
    ],
)
def test_what_cannot_be_explained_is_refused_in_plain_words(
    explain: Explain, tmp_path: Path, asked: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        explain(**asked)
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_needs_windows_is_refused_with_the_reason(
    explain: Explain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explained, "WHOLE_PIXELS", 100)
    with pytest.raises(MethodUnsuitableError, match="taken away together"):
        explain()


def test_a_region_in_another_crs_is_the_same_region(explain: Explain) -> None:
    move = pyproj.Transformer.from_crs("EPSG:32643", "EPSG:4326", always_xy=True)
    degrees = shapely.transform(shapely.from_wkt(AROUND), move.transform, interleaved=False).wkt
    own, other = (explain(evaluations=120, **asked).regions[0] for asked in ({}, _in_degrees(degrees)))
    np.testing.assert_allclose(phi(other), phi(own), atol=1e-9)


def _in_degrees(text: str) -> dict[str, str]:
    return {"region": text, "target_crs": "EPSG:4326"}


def test_a_region_that_crosses_itself_is_what_it_encloses(explain: Explain) -> None:
    x, y = LEFT + 430, TOP - 500
    bow = f"POLYGON(({x - 80} {y - 80}, {x + 80} {y + 80}, {x + 80} {y - 80}, {x - 80} {y + 80}, {x - 80} {y - 80}))"
    answer = explain(region=bow, evaluations=200, superpixels=6).regions[0]
    inside = sum(player.pixels for player in answer.players if player.number)
    assert 100 < inside < 0.55 * 16 * 16 and abs(answer.difference) < 1e-6


def test_a_region_smaller_than_a_pixel_is_the_pixel_that_it_lies_in(explain: Explain) -> None:
    x, y = LEFT + 433, TOP - 503
    answer = explain(region=shapely.box(x, y, x + 2, y + 2).wkt).regions[0]
    assert answer.target_pixels == 1 and [player.name for player in answer.players] == ["1", "rest"]
    assert answer.players[0].pixels == 1 and answer.estimator == "exact"


def test_a_region_across_nodata_leaves_it_out(explain: Explain) -> None:
    answer = explain(region=outline(slice(4, 20), slice(4, 20)), pixels="all", rest="present").regions[0]
    assert sum(player.pixels for player in answer.players) == 16 * 16 - 8 * 8 == answer.target_pixels


def test_one_superpixel_has_the_whole_difference_and_thousands_are_as_many_as_pixels(explain: Explain) -> None:
    one = explain(superpixels=1, rest="present").regions[0]
    assert len(one.players) == 1 and one.players[0].phi == pytest.approx(one.f_x - one.f_baseline)
    small = outline(slice(45, 50), slice(35, 40))
    ear = Ear()
    many = explain(job=ear.job, region=small, superpixels=5000).regions[0]
    assert len(many.players) == 26 and {player.pixels for player in many.players if player.number} == {1}
    assert any("Only 25 parts of this region can affect the answer, not 5,000" in warning for warning in ear.warnings)


def test_only_a_run_that_would_take_long_asks_for_consent(explain: Explain, monkeypatch: pytest.MonkeyPatch) -> None:
    explain(evaluations=120)
    monkeypatch.setattr(asking, "LONG", 0.001)
    with pytest.raises(LongRunError, match="expected to take"):
        explain(evaluations=4000)
    explain(evaluations=120)  # all of it is known
    assert explain(evaluations=200, long=True).regions[0].evaluations == 200


@pytest.mark.parametrize("measured", [1e-6, 1e3])
def test_a_network_that_is_not_warm_yet_is_not_taken_for_a_slow_one(
    explain: Explain, monkeypatch: pytest.MonkeyPatch, measured: float
) -> None:
    monkeypatch.setattr(ImageGame, "measured", lambda _: measured)
    said = []
    for rough in (50.0, 1.5):  # so much slower it seems in an engine that has just started
        GAMES.clear()
        monkeypatch.setattr(ImageGame, "seconds_each", rough)
        try:
            explain(evaluations=120)
            said.append("")
        except LongRunError as error:
            said.append(error.message)
    assert said[0] == said[1] and bool(said[0]) == (measured > 1)


def test_regions_take_as_long_as_they_are_large(
    explain: Explain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, large = outline(slice(44, 46), slice(34, 36)), outline(slice(20, 80), slice(20, 80))
    monkeypatch.setattr(ImageGame, "seconds_each", 0.001)
    told: list[float] = []
    monkeypatch.setattr(runs, "require_consent", lambda seconds, *_: told.append(seconds))
    for number, shapes in enumerate(([small], [small] * 3, [small, large], [large, small])):
        GAMES.clear()
        layer = write_layer(tmp_path / f"{number}.gpkg", shapes, id=list(range(len(shapes))))
        explain(polygons=layer, pixels="all", evaluations=120, superpixels=20, estimator="permutations")
    one, three, small_first, _ = told
    assert three == pytest.approx(3 * one, rel=0.05) and small_first > 20 * one


def test_the_users_own_polygons_are_the_superpixels(explain: Explain, tmp_path: Path) -> None:
    halves = [outline(slice(30, 70), slice(20, 43)), outline(slice(30, 70), slice(43, 58))]
    fields = write_layer(tmp_path / "fields.gpkg", halves)
    answer = explain(cut="polygons", segments=fields, rest="present").regions[0]
    assert [player.pixels > 0 for player in answer.players] == [True, True, True], "and what they leave"
    assert answer.players[0].pixels > answer.players[1].pixels
    assert [player.name for player in answer.players] == ["1", "2", "3"]
    with pytest.raises(RequestError, match="No polygon of the layer"):
        far = write_layer(tmp_path / "far.gpkg", [outline(slice(80, 90), slice(80, 90))])
        explain(cut="polygons", segments=far)


def test_the_users_own_polygons_keep_their_names(explain: Explain, tmp_path: Path) -> None:
    halves = [outline(slice(30, 70), slice(20, 43)), outline(slice(30, 70), slice(43, 58))]
    for column, values, names in (
        ("name", ["field 00", "Upper, left"], ["field 00", "Upper, left"]),
        ("id", [7, 12], ["polygon 7", "polygon 12"]),
        ("name", ["rest", "12 acres"], ["polygon rest", "polygon 12 acres"]),
    ):
        asked = {"segments": write_layer(tmp_path / "fields.gpkg", halves, **{column: values}), "cut": "polygons"}
        answer = explain(rest="present", **asked).regions[0]
        assert [player.name for player in answer.players] == [*names, "between the polygons"]
        _, _, _, (stored,) = pyogrio.raw.read(tmp_path / "values.gpkg", layer="superpixels", columns=["name"])
        assert list(stored) == [*names, "between the polygons"]
        assert title_of_player(answer.players[0]) == names[0]
        grouped = explain(rest="present", players="superpixels_of_band_groups", **asked).regions[0]
        assert grouped.players[4].name.startswith(f"{names[1]}, ") and grouped.players[4].bands == "visible"
        assert title_of_player(grouped.players[4]) == f"{names[1]} (visible)"
