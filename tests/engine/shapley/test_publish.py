"""What a run over regions writes: polygons that are exactly the pixels, values that add up, all whole or nothing."""

import csv
import json
import math
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from rasterio.crs import CRS
from rasterio.features import rasterize
from rasterio.transform import from_origin

from solar_saliency_plugin.contract.errors import OutputIsInputError, OutputUnwritableError
from solar_saliency_plugin.contract.provenance import RUN_TAG
from solar_saliency_plugin.contract.region_shap import (
    BandShapRequest,
    BandShapResult,
    RegionAnswer,
    RegionShapRequest,
    RegionShapResult,
)
from solar_saliency_plugin.engine.attribution.explained import Explained, open_explained
from solar_saliency_plugin.engine.imagery.grid import Grid
from solar_saliency_plugin.engine.job import Job
from solar_saliency_plugin.engine.shapley import publish
from solar_saliency_plugin.engine.shapley.drawing import Drawing
from solar_saliency_plugin.engine.shapley.outlines import outlines, region_outline
from solar_saliency_plugin.engine.shapley.publish import Outputs, check_outputs, write_bands, write_regions, writing
from tests.engine.shapley.answers import BANDS, answer_of, compared, of_all_bands, superpixels

TARGET = "POLYGON((300100 2999900, 300200 2999900, 300200 2999800, 300100 2999800, 300100 2999900))"

#: Of coordinates that are no round numbers, as after a reprojection.
ODD = Grid(CRS.from_epsg(32643), from_origin(300007.3, 2999991.7, 9.97, 9.97), 60, 60)

cuts = arrays.arrays(np.int64, st.tuples(st.integers(2, 12), st.integers(2, 12)), elements=st.integers(-1, 4)).filter(
    lambda labels: bool((labels >= 0).any())
)


@given(labels=cuts, row=st.integers(0, 40), col=st.integers(0, 40))
@settings(max_examples=150, deadline=None)
def test_superpixels_are_exactly_their_pixels(labels: np.ndarray, row: int, col: int) -> None:
    drawn = superpixels(labels, row, col)
    found = outlines(drawn, ODD)
    placed = [outline for outline in found if outline is not None]
    numbers = [int(place) for place in drawn.players.places if place >= 0]
    assert len(placed) == len(numbers) == len(np.unique(labels[labels >= 0]))
    assert all(outline.is_valid for outline in placed)
    burnt = rasterize(
        list(zip(placed, numbers, strict=True)), (60, 60), fill=-1, transform=ODD.transform, dtype="int32"
    )
    expected = np.full((60, 60), -1)
    expected[row : row + labels.shape[0], col : col + labels.shape[1]] = labels
    np.testing.assert_array_equal(burnt, expected[:60, :60])
    # No gaps and no overlaps: the parts are as large as the whole, which is as large as its pixels.
    square, whole = 9.97 * 9.97, shapely.union_all(placed)
    assert sum(outline.area for outline in placed) == pytest.approx((labels >= 0).sum() * square, rel=1e-9)
    assert whole.area == pytest.approx((labels >= 0).sum() * square, rel=1e-9)
    assert region_outline(drawn, ODD).symmetric_difference(whole).area < 1e-6 * square
    corners = shapely.get_coordinates(placed)
    cols, rows = ~ODD.transform * corners.T
    np.testing.assert_allclose(cols, np.round(cols), atol=1e-6)
    np.testing.assert_allclose(rows, np.round(rows), atol=1e-6)


def test_groups_of_bands_lie_on_the_same_pixels_and_the_rest_has_no_polygon() -> None:
    drawn = superpixels(np.array([[-1, 0, 0], [1, 1, 0], [-1, -1, -1]]), grouped=True)
    found = outlines(drawn, ODD)
    assert drawn.players.rest == 8 and found[8] is None
    assert all(found[place].equals(found[0]) for place in range(4))
    assert found[4].area == pytest.approx(2 * 9.97**2)


def test_a_drawing_is_no_larger_than_what_it_shows() -> None:
    labels = np.full((200, 300), -1)
    labels[90:100, 200:220] = 3
    drawn = superpixels(labels, 1000, 2000)
    assert drawn.window.width < 150 and drawn.ground is not None and drawn.ground.shape[:2] == drawn.valid.shape
    left, bottom, right, top = outlines(drawn, ODD)[0].bounds
    assert (left, top) == pytest.approx(ODD.transform * (2200, 1090))
    assert (right, bottom) == pytest.approx(ODD.transform * (2220, 1100))


# files


@pytest.fixture(scope="module")
def scene(
    write_scene: Callable[..., Path], landscape: Callable[..., np.ndarray], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return write_scene(tmp_path_factory.mktemp("publish") / "scene.tif", landscape(60, 64, 3))


@pytest.fixture
def outputs(tmp_path: Path) -> Outputs:
    return Outputs(tmp_path / "s.gpkg", tmp_path / "s.tif", None, tmp_path / "s.html")


@pytest.fixture
def write(scene: Path, outputs: Outputs) -> Iterator[Callable[..., RegionShapResult]]:
    """A function that writes answers and drawings, as a run over superpixels does."""
    with ExitStack() as stack:

        def run(answers: Sequence[RegionAnswer], drawings: Sequence[Drawing], **changes: Any) -> RegionShapResult:
            request = RegionShapRequest(
                scene=str(scene),
                target=TARGET,
                output=str(outputs.polygons),
                raster=str(outputs.raster),
                report=str(outputs.report),
                device="cpu",
            )
            job = Job.silent()
            explained = stack.enter_context(open_explained(request, job))
            result = RegionShapResult(**_result(explained, answers, outputs), raster="s.tif")
            with writing(outputs):
                return write_regions(explained, request, replace(result, **changes), drawings, outputs, job)

        yield run


def _result(explained: Explained, answers: Sequence[RegionAnswer], outputs: Outputs) -> dict[str, Any]:
    return {
        "output": str(outputs.polygons),
        "layer": "superpixels",
        "report": str(outputs.report),
        "regions": tuple(answers),
        "refused": (),
        "explained": len(answers),
        "players": sum(len(answer.players) for answer in answers),
        "evaluations": 250,
        "seed": 7,
        "crs": "EPSG:32643",
        "device": "cpu",
        "model": explained.model.card.name,
        "model_sha256": explained.model.sha256,
        "simulated": False,
        "seconds": 1.0,
    }


def read(path: Path, layer: str) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, Any]]:
    meta, _, geometry, fields = pyogrio.raw.read(path, layer=layer)
    return shapely.from_wkb(geometry), dict(zip(meta["fields"], fields, strict=True)), meta


LABELS = np.array([[0, 0, 1, 1], [0, 2, 2, 1], [3, 2, 2, 1], [3, 3, -1, -1]])


@pytest.fixture
def two() -> tuple[list[RegionAnswer], list[Drawing]]:
    """Two regions apart; the second has superpixels that are certain and ones that are not, and a second baseline."""
    drawings = [superpixels(LABELS, 5, 6), superpixels(LABELS, 20, 30)]
    answers = [
        answer_of(drawings[0], [1.0, -0.5, 0.25, 0.0, 0.1], name="one"),
        answer_of(
            drawings[1],
            [2.0, -1.0, 0.1, 0.05, 0.3],
            [0.1, 0.2, 0.2, math.nan, 0.1],
            name="two",
            compared=(compared("mean", [1, 2, 3, 4, 5], hidden=("3",)),),
            hidden=("1",),
            r2=0.8,
        ),
    ]
    return answers, drawings


def test_the_layer_has_a_polygon_for_each_superpixel_with_its_values(
    write: Callable[..., RegionShapResult], outputs: Outputs, two: tuple[list[RegionAnswer], list[Drawing]]
) -> None:
    result = write(*two)
    geometries, fields, meta = read(outputs.polygons, result.layer)
    assert result.layer == "superpixels" and meta["crs"] == "EPSG:32643" and meta["geometry_type"] == "MultiPolygon"
    assert list(fields["region"]) == ["one"] * 4 + ["two"] * 4
    assert list(fields["number"]) == [1, 2, 3, 4] * 2 and list(fields["name"]) == ["1", "2", "3", "4"] * 2
    np.testing.assert_allclose(fields["phi"], [1.0, -0.5, 0.25, 0.0, 2.0, -1.0, 0.1, 0.05])
    assert list(fields["sign"]) == ["raised", "lowered", "raised", "none", "raised", "lowered", "unclear", "raised"]
    assert list(fields["certain"]) == [True, True, True, True, True, True, False, False]
    assert list(fields["rank"][:4]) == [1, 2, 3, 5] and set(BANDS) <= set(fields)
    np.testing.assert_allclose(fields["phi_mean"][4:], [1, 2, 3, 4])
    np.testing.assert_allclose([g.area / 1e4 for g in geometries], fields["area_ha"])
    assert geometries[4].bounds == (300300, 2999780, 300320, 2999800)


def test_what_is_not_known_is_null(
    write: Callable[..., RegionShapResult], outputs: Outputs, two: tuple[list[RegionAnswer], list[Drawing]]
) -> None:
    write(*two)
    with sqlite3.connect(outputs.polygons) as database:
        found = database.execute("SELECT standard_error, lower, upper FROM superpixels WHERE number = 4").fetchall()
        assert found == [(0, 0, 0), (None, None, None)]
        assert database.execute("SELECT phi_mean FROM superpixels WHERE region = 'one'").fetchall() == [(None,)] * 4
        assert database.execute("SELECT region, r2 FROM regions").fetchall() == [("one", None), ("two", 0.8)]


def test_superpixels_and_the_rest_add_up_to_the_sum_of_their_region(
    write: Callable[..., RegionShapResult], outputs: Outputs, two: tuple[list[RegionAnswer], list[Drawing]]
) -> None:
    answers, drawings = two
    write(answers, drawings)
    outlined, regions, _ = read(outputs.polygons, "regions")
    superpixel, fields, _ = read(outputs.polygons, "superpixels")
    for place, name in enumerate(("one", "two")):
        own = fields["region"] == name
        assert fields["phi"][own].sum() + regions["rest_phi"][place] == pytest.approx(regions["phi_sum"][place])
        assert outlined[place].equals(shapely.union_all(superpixel[own]))
    assert regions["f_x"][0] - regions["f_baseline"][0] == pytest.approx(regions["phi_sum"][0])
    assert list(regions["strongest"]) == ["1", "1"] and list(regions["hidden_mean"]) == ["", "3"]
    assert list(regions["hidden"]) == ["", "1"] and list(regions["seed"]) == [7, 7]
    np.testing.assert_allclose(regions["area_ha"], 0.14)


def test_without_a_rest_its_fields_are_null(write: Callable[..., RegionShapResult], outputs: Outputs) -> None:
    drawn = superpixels(LABELS, 5, 6, rest="present")
    write([answer_of(drawn, [1, 2, 3, 4])], [drawn])
    _, regions, _ = read(outputs.polygons, "regions")
    assert math.isnan(regions["rest_phi"][0]) and regions["phi_sum"][0] == 10


def test_the_raster_holds_value_and_error_of_each_pixels_superpixel(
    write: Callable[..., RegionShapResult],
    outputs: Outputs,
    two: tuple[list[RegionAnswer], list[Drawing]],
    scene: Path,
) -> None:
    assert outputs.raster is not None
    write(*two)
    with rasterio.open(outputs.raster) as file, rasterio.open(scene) as whole:
        values, errors = file.read()
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG" and math.isnan(file.nodata)
        offset = ~whole.transform * (file.transform.c, file.transform.f)
        np.testing.assert_allclose(offset, np.round(offset), atol=1e-9)
        assert (file.transform.a, file.transform.e, file.crs) == (whole.transform.a, whole.transform.e, whole.crs)
        for row, col, phi, error in ((5, 6, 1.0, 0.0), (20, 30, 2.0, 0.1), (6, 7, 0.25, 0.0), (21, 33, -1.0, 0.2)):
            place = row - round(offset[1]), col - round(offset[0])
            assert values[place] == pytest.approx(phi) and errors[place] == pytest.approx(error)
        assert np.isfinite(values).sum() == 28
    assert "attribution" in outputs.raster.with_suffix(".qml").read_text(encoding="utf-8")


def test_groups_of_bands_have_a_pair_of_bands_each(write: Callable[..., RegionShapResult], outputs: Outputs) -> None:
    drawn = superpixels(LABELS, 5, 6, grouped=True)
    assert outputs.raster is not None
    write([answer_of(drawn, np.arange(17) + 1.0, 0.5)], [drawn])
    with rasterio.open(outputs.raster) as file:
        assert file.descriptions[::2] == tuple(
            f"contribution of the superpixel, {group}"
            for group in ("visible", "red edge", "near infrared", "short-wave infrared")
        )
        corner = file.read()[:, 0, 0]
    np.testing.assert_allclose(corner[::2], [1, 2, 3, 4])
    np.testing.assert_allclose(corner[1::2], 0.5)
    _, fields, _ = read(outputs.polygons, "superpixels")
    assert list(fields["bands"][:2]) == ["visible", "red edge"] and list(fields["name"][:2]) == [
        "1, visible",
        "1, red edge",
    ]


def test_where_regions_overlap_the_later_one_shows_and_a_warning_says_so(
    write: Callable[..., RegionShapResult], outputs: Outputs
) -> None:
    drawings = [superpixels(LABELS, 5, 6), superpixels(LABELS, 7, 8)]
    answers = [answer_of(drawn, [n] * 5, name=str(n)) for n, drawn in enumerate(drawings, start=1)]
    assert outputs.raster is not None
    result = write(answers, drawings)
    assert any("overlap" in warning for warning in result.warnings)
    with rasterio.open(outputs.raster) as file:
        values = file.read(1)
        col, row = ~file.transform * (300080, 2999930)
    assert values[round(row), round(col)] == 2 and (values == 1).sum() == 14 - 2 and (values == 2).sum() == 14
    assert len(read(outputs.polygons, "superpixels")[0]) == 8


def test_the_run_can_be_read_from_every_layer_and_the_raster(
    write: Callable[..., RegionShapResult], outputs: Outputs, two: tuple[list[RegionAnswer], list[Drawing]]
) -> None:
    assert outputs.raster is not None
    write(*two, warnings=("mind this",))
    with rasterio.open(outputs.raster) as file:
        told = [file.tags()[RUN_TAG]]
    told += [
        pyogrio.read_info(outputs.polygons, layer=name)["layer_metadata"][RUN_TAG]
        for name in ("superpixels", "regions")
    ]
    assert told[0] == told[1] == told[2]
    run = json.loads(told[0])
    assert run["method"] == "regionshap" and run["request"]["target"] == TARGET and run["warnings"] == ["mind this"]
    assert run["model"]["sha256"] and run["result"]["seed"] == 7
    assert [region["f_x"] for region in run["result"]["regions"]] == [answer.f_x for answer in two[0]]
    assert "seconds" not in told[0] and "asked" not in told[0]


def test_the_same_answers_give_the_same_bytes(
    write: Callable[..., RegionShapResult], outputs: Outputs, two: tuple[list[RegionAnswer], list[Drawing]]
) -> None:
    answers, drawings = two
    write(answers, drawings)
    first = [path.read_bytes() for path in outputs.all]
    later = [replace(answer, seconds=9.0, asked=3) for answer in answers]
    write(later, drawings, seconds=20.0)
    assert [path.read_bytes() for path in outputs.all] == first


def test_a_style_comes_with_each_layer_and_ones_own_beside_the_raster_is_kept(
    write: Callable[..., RegionShapResult], outputs: Outputs, two: tuple[list[RegionAnswer], list[Drawing]]
) -> None:
    assert outputs.raster is not None
    beside = outputs.raster.with_suffix(".qml")
    beside.write_text("<qgis/>")
    result = write(*two)
    assert beside.read_text() == "<qgis/>" and any("style of your own" in warning for warning in result.warnings)
    with sqlite3.connect(outputs.polygons) as database:
        styles = dict(database.execute("SELECT f_table_name, styleQML FROM layer_styles").fetchall())
    assert set(styles) == {"superpixels", "regions"} and "LinePatternFill" in styles["superpixels"]


@pytest.mark.parametrize("failing", ["report", "write_geopackage", "Surface.finish"])
def test_nothing_is_replaced_where_anything_fails(
    write: Callable[..., RegionShapResult],
    outputs: Outputs,
    two: tuple[list[RegionAnswer], list[Drawing]],
    failing: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for path in outputs.all:
        path.write_text("earlier")

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    owner = publish if "." not in failing else publish.Surface
    monkeypatch.setattr(owner, failing.rpartition(".")[2], fail)
    with pytest.raises(Exception, match="disk is full"):
        write(*two)
    assert {path.name: path.read_text() for path in outputs.polygons.parent.iterdir()} == {
        path.name: "earlier" for path in outputs.all
    }


def test_outputs_are_no_inputs_and_differ_from_each_other(scene: Path, tmp_path: Path) -> None:
    good = RegionShapRequest(scene=str(scene), output=str(tmp_path / "a.gpkg"), raster=str(tmp_path / "a.tif"))
    assert check_outputs(good, [scene]) == Outputs(tmp_path / "a.gpkg", tmp_path / "a.tif")
    with pytest.raises(OutputUnwritableError, match="must end in"):
        check_outputs(replace(good, output=str(tmp_path / "a.shp")), [scene])
    with pytest.raises(OutputIsInputError):
        check_outputs(replace(good, raster=str(scene)), [scene])
    twice = BandShapRequest(scene=str(scene), output=str(tmp_path / "a.gpkg"), table=str(tmp_path / "a.csv"))
    assert check_outputs(twice, [scene]).table == tmp_path / "a.csv"


def test_two_runs_do_not_write_the_same_file(outputs: Outputs) -> None:
    with writing(outputs), pytest.raises(OutputUnwritableError, match="Another run"), writing(outputs):
        pass


# bands


def test_bands_give_a_polygon_for_each_region_and_a_table(scene: Path, tmp_path: Path) -> None:
    outputs = Outputs(tmp_path / "b.gpkg", None, tmp_path / "b.csv")
    inside = np.zeros((20, 20), bool)
    inside[5:9, 5:10] = True
    drawn = of_all_bands(inside, 10, 10)
    phi = [0.1, -3.0, *range(1, 9), 0.5]
    answer = answer_of(drawn, phi, name="=farm", compared=(compared("blur", range(11)),))
    request = BandShapRequest(
        scene=str(scene), target=TARGET, output=str(outputs.polygons), table=str(outputs.table), device="cpu"
    )
    with open_explained(request, Job.silent()) as explained, writing(outputs):
        told = BandShapResult(
            **{**_result(explained, [answer], outputs), "table": str(outputs.table), "layer": "regions"}
        )
        result = write_bands(explained, request, told, [drawn], outputs, Job.silent())
    geometries, fields, _ = read(outputs.polygons, result.layer)
    assert result.layer == "regions" and geometries[0].area == 20 * 100
    assert [name for name in fields if name.startswith("phi_B")] == [f"phi_{band}" for band in BANDS]
    assert fields["phi_B03"][0] == -3 and fields["strongest"][0] == "B12" and fields["rest_phi"][0] == 0.5
    assert outputs.table is not None
    with open(outputs.table, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["player"] for row in rows] == [*BANDS, "rest"] and rows[0]["region"] == "'=farm"
    assert [float(row["phi"]) for row in rows] == phi and rows[1]["sign"] == "lowered"
    assert [float(row["phi_blur"]) for row in rows] == list(range(11))
