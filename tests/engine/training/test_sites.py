"""Views and ground from scenes and outlines: where they lie, what they say, what is left out and told."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from pyproj import Transformer
from rasterio.transform import from_origin
from scipy import ndimage

from solar_saliency_plugin.contract.errors import (
    CancelledError,
    DateUnclearError,
    GridUnsuitableError,
    LabelsUnsuitableError,
    RequestError,
)
from solar_saliency_plugin.contract.imagery import SceneOptions
from solar_saliency_plugin.contract.training import LabelOptions, TrainRequest
from solar_saliency_plugin.engine.imagery.bands import MODEL_BANDS
from solar_saliency_plugin.engine.imagery.scene import open_scene
from solar_saliency_plugin.engine.job import Job, SilentListener
from solar_saliency_plugin.engine.training import crops
from solar_saliency_plugin.engine.training.problems import Problem, write_problems
from solar_saliency_plugin.engine.training.sites import LabelledData, images, labelled_data

LEFT, TOP, SIDE = 500_000.0, 5_300_000.0, 560
#: Upper left corners of nine farms more than 2 km apart, and their size: rows, columns; in pixels.
FARMS = tuple((row, col) for row in (30, 265, 500) for col in (30, 265, 500))
SIZE = (20, 25)
#: Reflectance × 10000 of panels and ground, from blue to short-wave infrared.
PANELS = np.array([700, 750, 800, 900, 1100, 1200, 1250, 1300, 1900, 1500])
GROUND = np.array([500, 800, 700, 1200, 2600, 3100, 3300, 3400, 2200, 1300])


@dataclass(frozen=True)
class Region:
    """Scenes and outlines on disk."""

    folder: Path

    def scene(
        self,
        name: str = "scene",
        day: str = "2022-06-01",
        farms: tuple[tuple[int, int], ...] = FARMS,
        clouds: tuple[tuple[int, int, int, int], ...] = (),
        side: int = SIDE,
        crs: str | None = "EPSG:32633",
    ) -> str:
        """Write a scene with these farms; ``clouds`` are rows and columns, from and to."""
        random = np.random.default_rng(sum(map(ord, name)))
        fields = ndimage.zoom(random.uniform(0.75, 1.35, (10, side // 20, side // 20)), (1, 20, 20), order=0)
        numbers = GROUND[:, None, None] * fields
        for row, col in farms:
            cut = np.s_[:, row : row + SIZE[0], col : col + SIZE[1]]
            numbers[cut] = PANELS[:, None, None] + 0.15 * numbers[cut]
        numbers = numbers * random.normal(1, 0.03, numbers.shape)
        classes = np.full((side, side), 4)
        for top, bottom, left, right in clouds:
            numbers[:, top:bottom, left:right] = 7000
            classes[top:bottom, left:right] = 9
        path = self.folder / f"{name}.tif"
        with rasterio.open(
            path, "w", driver="GTiff", width=side, height=side, count=11, dtype="uint16", crs=crs, nodata=0, tiled=True,
            blockxsize=128, blockysize=128, transform=from_origin(LEFT, TOP, 10, 10),
        ) as file:  # fmt: skip
            file.write(np.concatenate([np.maximum(numbers, 1), classes[None]]).astype(np.uint16))
            file.descriptions = (*MODEL_BANDS, "SCL")
            file.update_tags(ACQUISITION_DATE=day, PROCESSING_LEVEL="L2A")
        return str(path)

    def outlines(self, *shapes: shapely.Geometry, name: str = "farms", **fields: object) -> str:
        """Write outlines, in metres of the scene."""
        path = self.folder / f"{name}.gpkg"
        pyogrio.raw.write(
            path,
            geometry=shapely.to_wkb(np.array(shapes, object)),
            field_data=[np.array(values) for values in fields.values()],
            fields=list(fields),
            layer=name,
            geometry_type="Polygon",
            crs="EPSG:32633",
        )
        return str(path)


def outline(row: float, col: float, height: float = SIZE[0], width: float = SIZE[1]) -> shapely.Geometry:
    """What these pixels cover."""
    return shapely.box(LEFT + 10 * col, TOP - 10 * (row + height), LEFT + 10 * (col + width), TOP - 10 * row)


ALL = tuple(outline(*farm) for farm in FARMS)


@pytest.fixture
def region(tmp_path: Path) -> Region:
    """An empty region."""
    return Region(tmp_path)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Region, str, LabelledData]:
    """Nine farms as they are, in one scene."""
    region = Region(tmp_path_factory.mktemp("region"))
    scene = region.scene()
    return region, scene, labelled_data(LabelOptions(scenes=(scene,), polygons=region.outlines(*ALL)), Job.silent())


def request(region: Region, *scenes: str, polygons: str = "", **values: object) -> TrainRequest:
    return TrainRequest(scenes=scenes, polygons=polygons or region.outlines(*ALL), output="model", **values)


def by_kind(data: LabelledData) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for problem in data.problems:
        found.setdefault(problem.kind, []).append(problem.site)
    return found


def test_every_farm_gives_a_view_with_its_surroundings(plain: tuple[Region, str, LabelledData]) -> None:
    data = plain[2]
    assert [view.site for view in data.views] == list(range(1, 10)) and not data.problems
    for view in data.views:
        assert view.coverage.sum() == SIZE[0] * SIZE[1] and view.date == "2022-06-01"
        assert view.coverage.shape >= (40, 45)
        inside = view.reflectance[6][(view.coverage == 1) & view.counted]
        around = view.reflectance[6][(view.coverage == 0) & view.counted]
        assert np.percentile(inside, 99) < 0.21 < np.percentile(around, 1)


def test_views_are_what_the_scene_holds(plain: tuple[Region, str, LabelledData]) -> None:
    _, scene, data = plain
    with rasterio.open(scene) as file:
        stored = file.read()[:10] / 10_000
    for view in data.views:
        middle = view.reflectance[:, 25:35, 25:35].astype(np.float32)
        found = [
            (row, col)
            for row, col in FARMS
            for top, left in [(max(0, row - 20), max(0, col - 20))]
            if np.allclose(stored[:, top + 25 : top + 35, left + 25 : left + 35], middle, atol=1e-6)
        ]
        assert len(found) == 1


def test_ground_lies_far_from_any_farm_and_in_no_view(plain: tuple[Region, str, LabelledData]) -> None:
    data = plain[2]
    assert data.backgrounds
    for window in data.backgrounds:
        row, col = map(int, window.name.split()[-2:])
        height, width = window.valid.shape
        place = outline(row, col, height, width)
        assert min(place.distance(farm) for farm in ALL) >= 290
        assert window.reflectance[6].min() > 0.2


def test_farms_more_than_two_kilometres_apart_are_places_of_their_own(
    plain: tuple[Region, str, LabelledData],
) -> None:
    data = plain[2]
    assert len(set(data.place_of_site.values())) == 9
    assert data.of_places(list(data.place_of_site.values())[:2])[0].site == 1
    assert set(data.farm_pixels().values()) == {500.0}


def test_the_summary_says_what_was_learned_from(plain: tuple[Region, str, LabelledData]) -> None:
    summary = plain[2].summary
    assert summary["sites"] == summary["places"] == summary["views"] == 9
    assert summary["hectares"] == pytest.approx(45.0, abs=0.2)
    assert summary["views_by_month"] == {"6": 9} and summary["levels"] == {"L2A": 1}
    assert json.loads(json.dumps(summary)) == summary


def test_the_same_request_gives_the_same_data(region: Region) -> None:
    asked = request(region, region.scene())
    first, second = (labelled_data(asked, Job.silent()) for _ in range(2))
    assert [g.name for g in first.backgrounds] == [g.name for g in second.backgrounds]
    assert all(np.array_equal(a.reflectance, b.reflectance) for a, b in zip(first.views, second.views, strict=True))


def test_large_farms_are_read_in_parts(region: Region) -> None:
    polygons = region.outlines(outline(100, 100, 300, 150))
    data = labelled_data(LabelOptions(scenes=(region.scene(),), polygons=polygons), Job.silent())
    assert max(max(view.coverage.shape) for view in data.views) <= 128
    assert sum(view.coverage.sum() for view in data.views) == 300 * 150


def test_outlines_close_together_are_one_site_and_one_place(region: Region) -> None:
    polygons = region.outlines(outline(30, 30), outline(30, 60), outline(30, 130), outline(265, 265))
    scene = region.scene(farms=((30, 30), (30, 60), (30, 130), (265, 265)))
    data = labelled_data(LabelOptions(scenes=(scene,), polygons=polygons, edge=0.0), Job.silent())
    assert data.place_of_site[1] == data.place_of_site[2] != data.place_of_site[3]
    assert {view.coverage.sum() for view in data.views if view.site == 1} == {1000.0}


def test_clouded_dates_give_no_view_and_a_farm_that_is_always_clouded_is_told(region: Region) -> None:
    over_first, over_second = (0, 100, 0, 100), (0, 100, 250, 320)
    scenes = (
        region.scene("may", "2022-05-01", clouds=(over_first, over_second)),
        region.scene("june", "2022-06-01", clouds=(over_first,)),
    )
    data = labelled_data(request(region, *scenes), Job.silent())
    assert by_kind(data) == {"clouded": [1]}
    assert [view.date for view in data.views if view.site == 2] == ["2022-06-01"]
    assert all(not window.valid.size or window.reflectance.max() < 0.6 for window in data.backgrounds)


def test_clouds_are_masked_where_scenes_say_where_they_are_and_other_scenes_are_read_all_the_same(
    region: Region,
) -> None:
    may, june = region.scene("may", "2022-05-01"), region.scene("june", "2022-06-01")
    with rasterio.open(june, "r+") as file:
        file.descriptions = (*MODEL_BANDS, "other")
    job = Job(SilentListener())
    data = labelled_data(request(region, may, june, mask="clouds"), job)
    assert {view.date for view in data.views} == {"2022-05-01", "2022-06-01"}
    assert [warning for warning in job.warnings if "scene classification" in warning] == [
        "“june.tif” has no scene classification (SCL): clouds were not left out of it."
    ]
    with pytest.raises(RequestError, match="scene classification"):
        open_scene(SceneOptions(scene=june, mask="clouds"), Job.silent())


def test_a_farm_newer_than_an_image_is_left_out_of_it(region: Region) -> None:
    scenes = (region.scene("may", "2022-05-01"), region.scene("june", "2022-06-01"))
    built = ["2022-05-20", *["2019"] * 8]
    polygons = region.outlines(*ALL, built=np.array(built, object))
    data = labelled_data(request(region, *scenes, polygons=polygons, since_field="built"), Job.silent())
    assert [view.date for view in data.views if view.site == 1] == ["2022-06-01"]
    assert len(data.views) == 17
    (problem,) = data.problems
    assert (problem.kind, problem.image, problem.day) == ("newer_than_image", "may.tif", "2022-05-01")


def test_outlines_where_nothing_is_are_found_and_their_pixels_count_neither_way(region: Region) -> None:
    polygons = region.outlines(*ALL, outline(75, 60))
    data = labelled_data(request(region, region.scene(), polygons=polygons), Job.silent())
    assert by_kind(data) == {"nothing_visible": [10]}
    assert data.problems[0].left_out and 10 not in data.place_of_site
    kept = labelled_data(request(region, region.scene(), polygons=polygons, keep_doubtful=True), Job.silent())
    assert by_kind(kept) == {"nothing_visible": [10]} and not kept.problems[0].left_out
    assert any(view.site == 10 for view in kept.views)


def test_what_is_left_out_is_ignored_in_its_neighbours_views(region: Region) -> None:
    polygons = region.outlines(*ALL, outline(30, 67, 15, 15))
    data = labelled_data(request(region, region.scene(), polygons=polygons), Job.silent())
    assert by_kind(data) == {"nothing_visible": [10]}
    first = next(view for view in data.views if view.site == 1)
    assert first.coverage.sum() == 500
    assert first.ignored[20:35, -8:].all()


def test_displaced_outlines_are_found_with_where_they_belong(region: Region) -> None:
    moved = shapely.transform(ALL[4], lambda points: points + np.array([-30, 0]))
    polygons = region.outlines(*ALL[:4], moved, *ALL[5:])
    data = labelled_data(request(region, region.scene(), polygons=polygons), Job.silent())
    assert by_kind(data) == {"displaced": [5]}
    assert "30 m east of where it is" in data.problems[0].text
    to_metres = Transformer.from_crs("EPSG:4326", "EPSG:32633", always_xy=True)
    point = shapely.Point(to_metres.transform(data.problems[0].longitude, data.problems[0].latitude))
    assert moved.contains(point)


def test_a_farm_that_appears_is_learned_from_its_first_date_on(region: Region) -> None:
    days = ("2022-03-01", "2022-04-01", "2022-05-01", "2022-06-01", "2022-07-01")
    scenes = [region.scene(day, day, farms=FARMS[1:] if number < 3 else FARMS) for number, day in enumerate(days)]
    data = labelled_data(request(region, *scenes), Job.silent())
    (problem,) = data.problems
    assert (problem.kind, problem.site, problem.day) == ("not_there_yet", 1, "2022-06-01")
    assert [view.date for view in data.views if view.site == 1] == ["2022-06-01", "2022-07-01"]


def test_outlines_outside_and_tiny_ones_are_told(region: Region) -> None:
    polygons = region.outlines(*ALL, outline(2000, 2000), outline(150, 150, 2, 2))
    data = labelled_data(request(region, region.scene(), polygons=polygons), Job.silent())
    assert by_kind(data) == {"outside": [10], "too_small": [11]}


def test_outlines_of_another_region_are_refused(region: Region) -> None:
    with pytest.raises(LabelsUnsuitableError, match="None of the 1 outlines lies in any"):
        labelled_data(request(region, region.scene(), polygons=region.outlines(outline(5000, 5000))), Job.silent())


def test_a_polygon_of_the_whole_globe_is_no_farm(region: Region) -> None:
    path = region.folder / "globe.gpkg"
    geometry = shapely.to_wkb([shapely.box(-180, -90, 180, 90)])
    pyogrio.raw.write(path, geometry, field_data=[], fields=[], geometry_type="Polygon", crs="EPSG:4326")
    with pytest.raises(LabelsUnsuitableError, match="larger than any solar farm"):
        labelled_data(request(region, region.scene(), polygons=str(path)), Job.silent())


def test_the_remedy_is_one_that_can_help(region: Region) -> None:
    polygons = region.outlines(*ALL, since=["2023"] * len(ALL))
    with pytest.raises(LabelsUnsuitableError, match="newer than image") as caught:
        labelled_data(request(region, region.scene(), polygons=polygons, since_field="since"), Job.silent())
    assert "later dates" in caught.value.hint and "keep_doubtful" not in caught.value.hint


def test_scenes_of_nothing_but_farm_are_refused(region: Region) -> None:
    polygons = region.outlines(outline(-10, -10, 200, 200))
    with pytest.raises(LabelsUnsuitableError, match="nothing but solar farms"):
        labelled_data(request(region, region.scene(side=100, farms=()), polygons=polygons), Job.silent())


def test_an_edge_that_leaves_nothing_of_the_farms_is_refused(region: Region) -> None:
    with pytest.raises(LabelsUnsuitableError, match="strip along the outlines"):
        labelled_data(request(region, region.scene(), edge=100.0), Job.silent())


@pytest.mark.parametrize("crs", [None, "EPSG:4326"])
def test_a_scene_without_metres_is_refused(region: Region, crs: str | None) -> None:
    with pytest.raises(GridUnsuitableError):
        labelled_data(request(region, region.scene(crs=crs, side=100)), Job.silent())


def test_backgrounds_of_their_own_are_read_too(region: Region) -> None:
    scene, other = region.scene(side=100), region.scene("other", side=300, farms=())
    polygons = region.outlines(outline(*FARMS[0]))
    alone = labelled_data(request(region, scene, polygons=polygons), Job.silent())
    both = labelled_data(request(region, scene, polygons=polygons, backgrounds=(other,)), Job.silent())
    assert not alone.backgrounds
    assert both.backgrounds and all(window.name.startswith("other.tif") for window in both.backgrounds)


def test_views_that_do_not_fit_into_memory_are_thinned_over_the_dates(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenes = [region.scene(f"scene {month}", f"2022-0{month}-01") for month in (4, 5, 6, 7)]
    whole = labelled_data(request(region, *scenes), Job.silent())
    monkeypatch.setattr(crops, "_MEMORY", sum(view.reflectance.nbytes for view in whole.views) * 2 // 3)
    job = Job(SilentListener())
    thinned = labelled_data(request(region, *scenes), job)
    assert len(thinned.views) == len(whole.views) // 2
    assert {view.site for view in thinned.views} == set(range(1, 10))
    assert job.warnings == ["The views would not fit into memory; one of 2 was kept."]


def test_images_are_told_once_each(region: Region) -> None:
    one, other = region.scene("one", "2022-05-01"), region.scene("other")
    asked = LabelOptions(scenes=(one, other, one), polygons="", mask="clouds", scale=1e-4)
    found = list(images(asked, Job.silent()))
    assert [image.scene for image in found] == [one, other]
    assert {(image.mask, image.scale, image.date) for image in found} == {("clouds", 1e-4, "")}


def test_a_cancelled_job_stops(region: Region) -> None:
    class Cancelled(Job):
        is_cancelled = True  # type: ignore[assignment]

    with pytest.raises(CancelledError):
        labelled_data(request(region, region.scene()), Cancelled(SilentListener()))


def test_problems_are_points_on_a_map(tmp_path: Path) -> None:
    problems = [
        Problem(3, "", "", "displaced", "It lies elsewhere.", 15.1, 48.2, True),
        Problem(4, "a.tif", "2022-06-01", "newer_than_image", "Too new.", 15.2, 48.3, False),
    ]
    path = tmp_path / "problems.gpkg"
    for some in (problems, []):
        write_problems(some, path)
        meta, _, geometry, values = pyogrio.raw.read(path, layer="problems")
        assert meta["crs"] == "EPSG:4326"
        assert [(p.x, p.y) for p in shapely.from_wkb(geometry)] == [(p.longitude, p.latitude) for p in some]
        assert dict(zip(meta["fields"], map(list, values), strict=True))["kind"] == [p.kind for p in some]
    assert [file.name for file in tmp_path.iterdir()] == ["problems.gpkg"]


@pytest.fixture
def austria(shared_data: Path) -> Callable[..., TrainRequest]:
    """A request for some of the Austrian sites."""

    def asked(*sites: int) -> TrainRequest:
        folder = shared_data / "austria-pv-2022"
        scenes = tuple(str(folder / f"s2/S2_2022_{site}.nc") for site in sites)
        return TrainRequest(scenes=scenes, polygons=str(folder / "farm_polygons.geojson"), output="model")

    return asked


def test_every_clear_date_of_a_time_series_is_a_view(austria: Callable[..., TrainRequest]) -> None:
    job = Job(SilentListener())
    asked = austria(739, 777, 1913)
    assert len(list(images(asked, job))) == 31 + 32 + 28
    data = labelled_data(asked, job)
    problems = [problem for problem in data.problems if problem.kind != "outside"]
    assert [(p.kind, p.text) for p in problems] == [("nothing_visible", "There is open water inside the outline.")]
    assert data.summary["views"] > 35 and data.summary["places"] == 2 and not data.backgrounds
    assert len({view.month for view in data.views}) >= 9
    # Some dates are empty, and some show nothing but cloud, which must not fill the log with doubts of their scale.
    assert all("offset" not in warning for warning in job.warnings)
    assert any("hold no valid pixel" in warning for warning in job.warnings)


def test_a_file_of_several_dates_says_which_they_are(austria: Callable[..., TrainRequest]) -> None:
    asked = austria(739)
    with pytest.raises(DateUnclearError) as refused:
        open_scene(SceneOptions(scene=asked.scenes[0]), Job.silent())
    assert len(refused.value.dates) == 31


def test_a_layer_of_a_whole_country_is_no_problem(region: Region) -> None:
    elsewhere = [outline(row, col) for row in range(1000, 9000, 400) for col in range(-4000, 4000, 400)]
    # They lie so densely that a chain of them would lead from any farm to any other.
    between = [outline(row, 570) for row in range(-100, 700, 60)]
    polygons = region.outlines(*ALL, *elsewhere, *between)
    data = labelled_data(request(region, region.scene(), polygons=polygons), Job.silent())
    assert not data.problems and data.summary["sites"] == data.summary["places"] == 9
