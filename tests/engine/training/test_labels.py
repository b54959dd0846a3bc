"""Outlines: what they say of pixels, how they are read, and what is refused."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.transform import Affine, from_origin

from solar_saliency_plugin.contract.errors import LabelsUnreadableError, LabelsUnsuitableError, RequestError
from solar_saliency_plugin.engine.imagery.polygons import in_crs
from solar_saliency_plugin.engine.job import Job
from solar_saliency_plugin.engine.training.labels import Outlines, read_outlines

UTM = CRS.from_epsg(32633)
LEFT, TOP = 500_000.0, 5_300_000.0
GRID = from_origin(LEFT, TOP, 10, 10)
SHAPE = (40, 50)


def in_degrees(geometries: list[shapely.Geometry]) -> np.ndarray:
    import pyproj

    to_degrees = pyproj.Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True)
    return shapely.transform(np.array(geometries, object), to_degrees.transform, interleaved=False)


def outlines(*geometries: shapely.Geometry, since: tuple[date | None, ...] = ()) -> Outlines:
    """Outlines given in UTM."""
    return Outlines(in_degrees(list(geometries)), since or (None,) * len(geometries))


def box(left: float, top: float, width: float, height: float) -> shapely.Geometry:
    """A rectangle, in metres from the image's corner."""
    return shapely.box(LEFT + left, TOP - top - height, LEFT + left + width, TOP - top)


boxes = st.builds(box, *(st.floats(low, high) for low, high in ((20, 300), (20, 200), (15, 180), (15, 180))))
polygons = st.builds(lambda shape, angle: shapely.affinity.rotate(shape, angle), boxes, st.floats(0, 90)) | st.builds(
    lambda shape, hole: shape.difference(hole), boxes, boxes
).filter(lambda shape: shape.area > 200)


@given(st.lists(polygons, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_coverage_sums_to_the_area_of_all_outlines_together(shapes: list[shapely.Geometry]) -> None:
    coverage, _ = outlines(*shapes).coverage(SHAPE, GRID, UTM, day=None, edge=0)
    together = shapely.union_all(shapes).intersection(box(0, 0, 500, 400))
    # Subpixels are 2 m wide: an outline is off by 1 m at most.
    assert coverage.sum() * 100 == pytest.approx(together.area, abs=1.01 * together.length)
    assert coverage.min() >= 0 and coverage.max() <= 1


@pytest.mark.parametrize("same_way_round", [False, True])
def test_a_hole_is_taken_from_the_area_whichever_way_round_it_was_drawn(same_way_round: bool) -> None:
    outer, hole = box(50, 50, 300, 200), box(100, 100, 100, 100)
    farm = shapely.Polygon(outer.exterior, [hole.exterior if same_way_round else hole.exterior.reverse()])
    assert (farm.interiors[0].is_ccw == farm.exterior.is_ccw) is same_way_round
    assert outlines(farm).hectares() == pytest.approx([5.0], rel=2e-3)


@given(st.lists(boxes, min_size=1, max_size=4), st.integers(0, 30), st.integers(0, 20), st.floats(0, 30))
@settings(max_examples=40, deadline=None)
def test_a_window_says_what_the_whole_image_says(
    shapes: list[shapely.Geometry], row: int, col: int, edge: float
) -> None:
    its = outlines(*shapes)
    whole = its.coverage(SHAPE, GRID, UTM, day=None, edge=edge)
    window = its.coverage((10, 30), GRID * Affine.translation(col, row), UTM, day=None, edge=edge)
    for all_pixels, own in zip(whole, window, strict=True):
        np.testing.assert_array_equal(all_pixels[row : row + 10, col : col + 30], own)


@given(st.lists(polygons, min_size=1, max_size=3), st.floats(1, 40))
@settings(max_examples=40, deadline=None)
def test_the_ignored_strip_reaches_as_far_as_the_edge_to_each_side_of_where_farms_end(
    shapes: list[shapely.Geometry], edge: float
) -> None:
    _, ignored = outlines(*shapes).coverage(SHAPE, GRID, UTM, day=None, edge=edge)
    x, y = LEFT + 10 * np.arange(50) + 5, TOP - 10 * np.arange(40) - 5
    distance = shapely.distance(shapely.points(*np.meshgrid(x, y)), shapely.union_all(shapes).boundary)
    sure = abs(distance - edge) > 0.02 * edge + 0.05  # round corners are drawn as polygons
    np.testing.assert_array_equal(ignored[sure], (distance <= edge)[sure])


def test_without_an_edge_nothing_is_ignored() -> None:
    _, ignored = outlines(box(50, 50, 100, 100)).coverage(SHAPE, GRID, UTM, day=date(2022, 6, 1), edge=0)
    assert not ignored.any()


def test_farms_newer_than_the_image_are_ignored_and_not_covered() -> None:
    old, new = box(50, 50, 100, 100), box(250, 50, 100, 100)
    its = outlines(old, new, since=(date(2020, 1, 1), date(2022, 6, 2)))
    coverage, ignored = its.coverage(SHAPE, GRID, UTM, day=date(2022, 6, 1), edge=0)
    assert coverage[5:15, 5:15].all() and coverage.sum() == 100
    assert ignored[5:15, 25:35].all() and not ignored[:, :20].any()
    for day in (date(2022, 6, 2), None):
        coverage, ignored = its.coverage(SHAPE, GRID, UTM, day=day, edge=0)
        assert coverage.sum() == 200 and not ignored.any()


def test_a_part_built_later_does_not_hide_the_farm_that_stood_before() -> None:
    its = outlines(box(50, 50, 100, 100), box(50, 50, 200, 100), since=(None, date(2023, 1, 1)))
    coverage, ignored = its.coverage(SHAPE, GRID, UTM, day=date(2022, 1, 1), edge=5)
    assert coverage.sum() == 100 and not ignored[6:14, 6:14].any() and ignored[5:15, 16:25].all()


def test_an_outline_inside_another_one_ends_nothing() -> None:
    _, alone = outlines(box(50, 50, 200, 200)).coverage(SHAPE, GRID, UTM, day=None, edge=5)
    _, rows = outlines(box(50, 50, 200, 200), box(100, 100, 50, 10)).coverage(SHAPE, GRID, UTM, day=None, edge=5)
    np.testing.assert_array_equal(alone, rows)


def test_outlines_reach_an_image_in_any_crs() -> None:
    its = outlines(box(50, 50, 100, 100))
    zone_32 = CRS.from_epsg(32632)
    own = in_crs(its.geometries, zone_32)[0]
    west, _, _, north = own.bounds
    coverage, _ = its.coverage((30, 30), from_origin(west - 50, north + 50, 10, 10), zone_32, day=None, edge=0)
    assert coverage.sum() * 100 == pytest.approx(own.area, rel=0.03)
    assert not its.coverage((30, 30), from_origin(0, 0, 10, 10), zone_32, day=None, edge=5)[0].any()


@given(
    st.lists(st.tuples(st.floats(0, 20_000), st.floats(0, 20_000)), min_size=1, max_size=25),
    st.sampled_from([100.0, 2000.0]),
)
@settings(max_examples=60, deadline=None)
def test_outlines_are_in_one_cluster_exactly_where_a_chain_of_short_steps_leads(
    corners: list[tuple[float, float]], distance: float
) -> None:
    shapes = [box(left, top, 60, 40) for left, top in corners]
    apart = np.array([[one.distance(other) for other in shapes] for one in shapes])
    assume(not (abs(apart / distance - 1) < 0.01).any())
    reached = apart <= distance
    for _ in shapes:
        reached = (reached.astype(int) @ reached.astype(int)) > 0
    clusters = outlines(*shapes).clusters(distance)
    np.testing.assert_array_equal(clusters[:, None] == clusters, reached)


# Reading


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Writes a layer; gives its path."""

    def write(
        *geometries: shapely.Geometry | None, name: str = "farms.gpkg", crs: str | None = "EPSG:32633", **fields: Any
    ) -> str:
        path = tmp_path / name
        pyogrio.raw.write(
            path,
            geometry=np.array([None if g is None else shapely.to_wkb(g) for g in geometries], object),
            field_data=[np.asarray(values) for values in fields.values()],
            fields=list(fields),
            layer=path.stem,
            geometry_type="Unknown",
            crs=crs,
            append=False,
        )
        return str(path)

    return write


class Heard(Job):
    """A job whose warnings are looked at."""

    def __init__(self) -> None:
        super().__init__(Job.silent()._listener)


def read(path: str, field: str = "") -> tuple[Outlines, list[str]]:
    job = Heard()
    return read_outlines(path, field, job), job.warnings


SQUARE = box(50, 50, 100, 100)


@pytest.mark.parametrize("name", ["farms.gpkg", "farms.shp", "farms.fgb", "größe und platz.gpkg"])
def test_every_vector_format_gives_the_outlines(write: Callable[..., str], name: str) -> None:
    found, warnings = read(write(SQUARE, box(300, 50, 40, 40), name=name))
    assert len(found) == 2 and not warnings
    np.testing.assert_allclose(sorted(found.hectares()), [0.16, 1.0], rtol=2e-3)


def test_a_layer_is_found_as_qgis_names_it(write: Callable[..., str]) -> None:
    path = write(SQUARE)
    pyogrio.raw.write(
        path,
        geometry=shapely.to_wkb(np.array([SQUARE, SQUARE], object)),
        field_data=[],
        fields=[],
        layer="others",
        geometry_type="Polygon",
        crs="EPSG:32633",
        append=True,
    )
    assert len(read(f"{path}|layername=others")[0]) == 2
    assert len(read(f"{path}|layerid=0")[0]) == 1
    with pytest.raises(LabelsUnreadableError, match="2 layers: farms, others") as refused:
        read(path)
    assert "layername=farms" in refused.value.hint
    with pytest.raises(LabelsUnreadableError, match="no layer “roofs”"):
        read(f"{path}|layername=roofs")
    with pytest.raises(LabelsUnreadableError, match="filter"):
        read(f"{path}|layername=others|subset=a > 1")


def test_each_polygon_of_a_feature_is_an_outline(write: Callable[..., str]) -> None:
    two = shapely.MultiPolygon([SQUARE, box(300, 50, 40, 40)])
    nested = shapely.GeometryCollection(
        [two, shapely.Point(LEFT, TOP), shapely.GeometryCollection([box(0, 300, 9, 9)])]
    )
    found, _ = read(write(nested, SQUARE, built=np.array([2020, 2021])), "built")
    assert found.since == (date(2020, 12, 31),) * 3 + (date(2021, 12, 31),)


def test_crossed_outlines_are_repaired_and_that_is_told(write: Callable[..., str]) -> None:
    bow_tie = shapely.Polygon([(LEFT, TOP), (LEFT + 100, TOP - 100), (LEFT + 100, TOP), (LEFT, TOP - 100)])
    found, warnings = read(write(bow_tie, SQUARE))
    assert all(shapely.is_valid(found.geometries))
    assert found.hectares().sum() == pytest.approx(1.5, rel=2e-3)
    assert warnings == ["1 outlines of “farms.gpkg” crossed or touched themselves and were repaired."]


def test_what_is_no_polygon_is_left_out_and_that_is_told(write: Callable[..., str]) -> None:
    found, warnings = read(write(SQUARE, None, shapely.Polygon(), shapely.Point(LEFT, TOP)))
    assert len(found) == 1
    assert warnings == ["3 of 4 features of “farms.gpkg” hold no polygon that has an area; they were left out."]


@pytest.mark.parametrize(
    ("geometries", "words"),
    [
        ([], "layer is empty"),
        ([None, None], "all of its geometries are empty"),
        ([shapely.Point(LEFT, TOP)], "but points"),
        ([shapely.LineString([(LEFT, TOP), (LEFT + 9, TOP)])], "but lines"),
        ([shapely.Polygon([(LEFT, TOP), (LEFT + 9, TOP), (LEFT, TOP)])], "but"),
    ],
    ids=str,
)
def test_a_layer_without_outlines_is_refused(
    write: Callable[..., str], geometries: list[shapely.Geometry | None], words: str
) -> None:
    with pytest.raises(LabelsUnsuitableError, match=words):
        read(write(*geometries))


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_a_layer_without_crs_is_refused(write: Callable[..., str]) -> None:
    with pytest.raises(LabelsUnsuitableError, match="no coordinate reference system"):
        read(write(SQUARE, name="bare.shp", crs=None))


def test_metres_that_are_called_degrees_are_refused(write: Callable[..., str]) -> None:
    with pytest.raises(LabelsUnsuitableError, match="do not lie where"):
        read(write(SQUARE, crs="EPSG:4326"))


def test_coordinates_without_a_value_do_no_harm(tmp_path: Path) -> None:
    ring = [[15, 48], [15.01, 48], [15.01, 48.01], [15, 48]]
    endless = [[15, 48], [1e999, 48], [15.01, 48.01], [15, 48]]
    features = [
        {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [its]}}
        for its in (ring, endless)
    ]
    path = tmp_path / "farms.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    assert len(read(str(path))[0]) == 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([2020, 2021], [date(2020, 12, 31), date(2021, 12, 31)]),
        ([2020.0, np.nan], [date(2020, 12, 31), None]),
        (["2020-02", "2021-5"], [date(2020, 2, 29), date(2021, 5, 31)]),
        (["2020-02-03", "2021/05/06 10:00"], [date(2020, 2, 3), date(2021, 5, 6)]),
        (["20200203", "~2015"], [date(2020, 2, 3), None]),
        (["2020-13", "2021-02-30", "", "2022"], [None, None, None, date(2022, 12, 31)]),
        (np.array(["2020-02-03", "NaT"], "datetime64[D]"), [date(2020, 2, 3), None]),
        (np.array(["2020-02-03T10:11", "2021-01-01"], "datetime64[ms]"), [date(2020, 2, 3), date(2021, 1, 1)]),
    ],
    ids=str,
)
def test_a_farm_surely_stands_from_the_last_day_of_what_the_field_says(
    write: Callable[..., str], values: Any, expected: list[date | None]
) -> None:
    values = np.array(values, object) if isinstance(values[0], str) else np.asarray(values)
    found, warnings = read(write(*[SQUARE] * len(values), built=values), "built")
    assert list(found.since) == expected
    assert bool(warnings) == (None in expected)


@pytest.mark.parametrize("values", [[2019.5, 2020.0], ["2019.5", "2020"], ["2020-03", "2019.05"]], ids=str)
def test_a_year_with_a_fraction_is_refused_and_not_read_as_a_month(write: Callable[..., str], values: Any) -> None:
    values = np.array(values, object) if isinstance(values[0], str) else np.asarray(values)
    with pytest.raises(RequestError, match=r"no whole years, such as 2019\.0?5") as refused:
        read(write(SQUARE, SQUARE, built=values), "built")
    assert "YYYY-MM" in refused.value.hint


@pytest.mark.parametrize("values", [["2019.0", "2020"], [2019.0, np.inf], ["2019.0", "0.5"]], ids=str)
def test_whole_years_may_be_written_with_a_point(write: Callable[..., str], values: Any) -> None:
    values = np.array(values, object) if isinstance(values[0], str) else np.asarray(values)
    found, _ = read(write(SQUARE, SQUARE, built=values), "built")
    assert found.since[0] == date(2019, 12, 31)


def test_a_field_that_is_not_there_or_holds_no_dates_is_refused(write: Callable[..., str]) -> None:
    path = write(SQUARE, owner=np.array(["A. Müller"], object))
    with pytest.raises(RequestError, match="no field “built”") as refused:
        read(path, "built")
    assert "owner" in refused.value.hint
    with pytest.raises(RequestError, match="holds no dates, but “A"):
        read(path, "owner")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no vector data",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b'{"type": "FeatureCollection", "features": [{',
        b'{"type": "FeatureCollection", "features": {"a": [[[]]]}}',
        b"SQLite format 3\x00" + bytes(2000),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["farms.gpkg", "farms.geojson", "farms.shp", "farms"])
def test_a_file_that_is_no_vector_layer_is_refused(tmp_path: Path, content: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises((LabelsUnreadableError, LabelsUnsuitableError)):
        read(str(tmp_path / name))


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_a_damaged_file_is_refused_or_read_and_never_more(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    suffix = data.draw(st.sampled_from([".gpkg", ".shp", ".fgb", ".geojson"]))
    path = folder / f"farms{suffix}"
    pyogrio.raw.write(
        path, geometry=shapely.to_wkb(in_degrees([SQUARE] * 3)), field_data=[], fields=[], geometry_type="Polygon",
        crs="EPSG:4326", layer="farms",
    )  # fmt: skip
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 20))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        found, _ = read(str(path))
    except (LabelsUnreadableError, LabelsUnsuitableError):
        return
    assert len(found) and all(shapely.is_valid(found.geometries))


@pytest.mark.parametrize(
    "path", ["/no/such/file.gpkg", "https://example.org/farms.geojson", "/vsicurl/http://a/b", "\0"]
)
def test_what_is_not_on_disk_is_not_there(path: str) -> None:
    with pytest.raises(LabelsUnreadableError, match="no file"):
        read(path)


def test_no_path_is_a_bad_request() -> None:
    with pytest.raises(RequestError, match="No outlines"):
        read(" ")


def test_a_file_that_only_says_where_data_are_is_refused(tmp_path: Path) -> None:
    (tmp_path / "farms.vrt").write_text(
        '<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>http://a/b</SrcDataSource></OGRVRTLayer>'
        "</OGRVRTDataSource>"
    )
    with pytest.raises(LabelsUnreadableError, match="says where they are"):
        read(str(tmp_path / "farms.vrt"))


def test_neighbours_of_the_austrian_farms_are_found(shared_data: Path) -> None:
    path = shared_data / "austria-pv-2022/farm_polygons.geojson"
    found, _ = read(str(path))
    numbers = [f["properties"]["nc_id"] for f in json.loads(path.read_text(encoding="utf-8"))["features"]]
    places = dict(zip(numbers, found.clusters().tolist(), strict=True))
    for group in ((31, 398), (539, 813), (801, 802), (1913, 1933), (2004, 2129)):
        assert len({places[site] for site in group}) == 1
