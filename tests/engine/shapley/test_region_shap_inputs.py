"""Layers, odd regions and bad input: what can be explained is, the rest is refused with its reason."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import shapely

from solar_saliency_plugin.contract.errors import (
    ExtentOutsideError,
    LongRunError,
    MethodUnsuitableError,
    RequestError,
    TargetEmptyError,
)
from solar_saliency_plugin.contract.region_shap import RegionShapResult
from solar_saliency_plugin.engine.attribution import explained
from solar_saliency_plugin.engine.shapley import asking
from tests.engine.shapley.playing import AROUND, COLS_LEFT, FARM, LEFT, ROWS, TOP, Ear, outline, phi, write_layer

Explain = Callable[..., RegionShapResult]


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
        ({"target": FARM, "region": outline(slice(0, 8), slice(0, 8))}, RequestError, "depends on nothing|no data"),
        ({"target": FARM, "region": outline(slice(80, 90), slice(80, 90))}, RequestError, "depends on nothing"),
        ({"region": "POINT(300400 2999500)"}, RequestError, "The region is a point"),
        ({"region": "here"}, RequestError, "no polygon or point"),
        ({"region": AROUND, "target_crs": "EPSG:999999"}, RequestError, "that the region could be in"),
        ({"region": AROUND, "polygons": "layer.gpkg"}, RequestError, "a layer of polygons that has regions"),
        ({"target": FARM, "polygons": "layer.gpkg"}, RequestError, "two targets"),
        ({"evaluations": 10}, RequestError, "need at least .* evaluations"),
        ({"estimator": "exact", "superpixels": 60}, RequestError, "Exact values of"),
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
    assert any("are 25 superpixels, not 5000" in warning for warning in ear.warnings)


def test_only_a_run_that_would_take_long_asks_for_consent(explain: Explain, monkeypatch: pytest.MonkeyPatch) -> None:
    explain(evaluations=120)
    monkeypatch.setattr(asking, "LONG", 0.001)
    with pytest.raises(LongRunError, match="expected to take"):
        explain(evaluations=4000)
    explain(evaluations=120)  # all of it is known
    assert explain(evaluations=200, long=True).regions[0].evaluations == 200


def test_the_users_own_polygons_are_the_superpixels(explain: Explain, tmp_path: Path) -> None:
    halves = [outline(slice(30, 70), slice(20, 43)), outline(slice(30, 70), slice(43, 58))]
    fields = write_layer(tmp_path / "fields.gpkg", halves)
    answer = explain(cut="polygons", segments=fields, rest="present").regions[0]
    assert [player.pixels > 0 for player in answer.players] == [True, True, True], "and what they leave"
    assert answer.players[0].pixels > answer.players[1].pixels
    with pytest.raises(RequestError, match="No polygon of the layer"):
        far = write_layer(tmp_path / "far.gpkg", [outline(slice(80, 90), slice(80, 90))])
        explain(cut="polygons", segments=far)
