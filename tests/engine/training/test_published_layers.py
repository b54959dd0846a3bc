"""Layers of outlines that others published, taken as labels as they are.

The outlines of Austria and Germany come from OpenStreetMap, but their publisher dropped its tags: here they are put
back, in the form that an export of OpenStreetMap has. Imagery is there for 33 farms of Austria; no scene shows any of
the German or Indian farms, so that of those only the reading can be tested.
"""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyproj
import pytest
import rasterio
import shapely

from solar_saliency_plugin.contract.errors import LabelsUnsuitableError
from solar_saliency_plugin.contract.training import LabelOptions, TrainRequest
from solar_saliency_plugin.engine.job import Job
from solar_saliency_plugin.engine.training.farms import SNOW_LIMIT, FarmView
from solar_saliency_plugin.engine.training.labels import read_outlines
from solar_saliency_plugin.engine.training.sites import labelled_data

AUSTRIA, GERMANY = "austria-pv-2022", "pv-labels-extra/germany_photovoltaic.shp"
INDIA = "india-pv-2021/solar_farms_india_2021_merged_simplified.geojson"

#: Sites whose outlines follow the panels; and one that was built in the year of its images, and when, by these.
SHARP = (31, 739, 777, 967)
BUILT, SINCE = 2011, "2022-08"

_EQUAL_AREA = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:6933", always_xy=True).transform


def _feature(kind: str, number: int, geometry: dict[str, Any], **tags: str) -> dict[str, Any]:
    properties = {"@id": f"{kind}/{number}", **tags}
    return {"type": "Feature", "id": properties["@id"], "properties": properties, "geometry": geometry}


@pytest.fixture
def openstreetmap(shared_data: Path, tmp_path: Path) -> str:
    """The Austrian outlines as OpenStreetMap's ways and relations, among what else an export of solar power holds."""
    features = []
    stored = json.loads((shared_data / AUSTRIA / "farm_polygons.geojson").read_text(encoding="utf-8"))
    for feature in stored["features"]:
        number, geometry = feature["properties"]["nc_id"], feature["geometry"]
        tags = {"start_date": SINCE} if number == BUILT else {}
        if number % 2:
            tags.update({"power": "plant", "plant:source": "solar"})
            parts = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
            features.append(_feature("relation", number, {"type": "MultiPolygon", "coordinates": parts}, **tags))
        else:
            tags.update({"power": "generator", "generator:source": "solar", "generator:method": "photovoltaic"})
            features.append(_feature("way", number, geometry, **tags))
    longitude, latitude = 15.0, 48.0
    solar = {"power": "generator", "generator:source": "solar"}
    features.append(_feature("node", 1, {"type": "Point", "coordinates": [longitude, latitude]}, **solar))
    row = [[longitude, latitude], [longitude + 0.001, latitude]]
    features.append(_feature("way", 9999, {"type": "LineString", "coordinates": row}, **solar))
    path = tmp_path / "export.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return str(path)


@pytest.fixture
def views_of(shared_data: Path, openstreetmap: str) -> Callable[..., list[FarmView]]:
    """The views that the reader makes of a site's images and the whole layer."""

    def views(site: int, **options: object) -> list[FarmView]:
        scene = str(shared_data / AUSTRIA / f"s2/S2_2022_{site}.nc")
        asked = TrainRequest(scenes=(scene,), polygons=openstreetmap, output="model", **options)
        data = labelled_data(asked, Job.silent())
        assert data.summary["sites"] == 1
        return data.views

    return views


def test_of_an_openstreetmap_export_every_polygon_is_an_outline(openstreetmap: str) -> None:
    job = Job.silent()
    found = read_outlines(openstreetmap, "start_date", job)
    assert len(found) == 2122
    assert [since for since in found.since if since] == [date(2022, 8, 31)]
    left_out = "2 of 2124 features of “export.geojson” hold no polygon that has an area; they were left out."
    assert left_out in job.warnings


@pytest.mark.parametrize("site", SHARP)
def test_a_pixel_of_a_real_scene_is_farm_by_the_share_of_it_that_lies_in_outlines(
    shared_data: Path, views_of: Callable[..., list[FarmView]], site: int
) -> None:
    with rasterio.open(f"netcdf:{shared_data / AUSTRIA}/s2/S2_2022_{site}.nc:B08") as file:
        shape, transform, crs = file.shape, file.transform, file.crs
    _, _, stored, _ = pyogrio.raw.read(shared_data / AUSTRIA / "farm_polygons.geojson")
    to_scene = pyproj.Transformer.from_crs("EPSG:4326", crs.to_epsg(), always_xy=True).transform
    farms = shapely.union_all(shapely.transform(shapely.from_wkb(stored), to_scene, interleaved=False))
    rows, cols = np.indices(shape)
    left, top = transform * (cols, rows)
    right, bottom = transform * (cols + 1, rows + 1)
    exact = shapely.area(shapely.intersection(shapely.box(left, bottom, right, top), farms)) / 100
    assert exact.max() == pytest.approx(1)
    for view in views_of(site, edge=0.0):
        assert view.coverage.shape == shape, "the whole image"
        # Subpixels are 2 m wide.
        assert abs(view.coverage - exact).max() < 0.2 and abs(view.coverage - exact).mean() < 0.01


def _apart(view: FarmView, down: int, right: int) -> float:
    """How far panels and ground are apart in the ten bands, were the labels moved by so many pixels."""
    coverage = np.roll(view.coverage, (down, right), (0, 1))
    seen = np.zeros_like(view.valid)
    seen[3:-3, 3:-3] = view.valid[3:-3, 3:-3]
    inside, outside = (view.reflectance[:, seen & (coverage == value)] for value in (1, 0))
    return float(((inside.mean(1) - outside.mean(1)) ** 2 / (inside.var(1) + outside.var(1))).sum())


@pytest.mark.parametrize("site", SHARP)
def test_labels_lie_on_what_the_image_shows(views_of: Callable[..., list[FarmView]], site: int) -> None:
    clear = [view for view in views_of(site) if view.snow <= SNOW_LIMIT]
    assert len(clear) >= 10
    here, *moved = (np.mean([_apart(view, *by) for view in clear]) for by in ((0, 0), (3, 0), (-3, 0), (0, 3), (0, -3)))
    assert here > max(moved)


def test_before_its_start_date_a_real_farm_is_neither_farm_nor_ground(
    views_of: Callable[..., list[FarmView]],
) -> None:
    views = views_of(BUILT, since_field="start_date", keep_doubtful=True)
    before = [view for view in views if view.date < "2022-08-31"]
    after = [view for view in views if view.date >= "2022-08-31"]
    assert after and all(view.coverage.max() == 1 for view in after)
    for view in before:
        assert not view.coverage.any() and (view.ignored & (after[0].coverage > 0.5)).any()


def test_outlines_of_another_country_are_refused_and_the_reason_told(shared_data: Path) -> None:
    scene = str(shared_data / AUSTRIA / "s2/S2_2022_31.nc")
    with pytest.raises(LabelsUnsuitableError, match="None of the 4458 outlines lies in any of the scenes") as refused:
        labelled_data(LabelOptions(scenes=(scene,), polygons=str(shared_data / GERMANY)), Job.silent())
    assert "same region" in refused.value.hint


def test_the_outlines_of_india_are_read_whole_where_they_lie(shared_data: Path) -> None:
    job = Job.silent()
    found = read_outlines(str(shared_data / INDIA), "", job)
    stored = shapely.from_wkb(pyogrio.raw.read(shared_data / INDIA)[2])
    assert len(stored) == 1363 and all(shapely.is_valid(found.geometries))
    crossed = "78 outlines of “solar_farms_india_2021_merged_simplified.geojson” crossed or touched themselves"
    assert [warning.startswith(crossed) for warning in job.warnings] == [True]
    west, south, east, north = shapely.bounds(found.geometries).T
    assert west.min() > 68 and east.max() < 97.5 and south.min() > 6.5 and north.max() < 35.7, "on Indian ground"
    # The layer's own field "Area" is no measure of its outlines: it adds up to 3.6 times as much.
    equal_area = shapely.area(shapely.transform(shapely.make_valid(stored), _EQUAL_AREA, interleaved=False)) / 1e4
    assert found.hectares().sum() == pytest.approx(equal_area.sum(), rel=1e-4)
    assert 1000 < found.hectares().max() < 1200 and 1 < np.median(found.hectares()) < 5


def test_the_outlines_of_germany_are_read_whole_where_they_lie(shared_data: Path) -> None:
    job = Job.silent()
    found = read_outlines(str(shared_data / GERMANY), "", job)
    assert len(found) == 4458 and not job.warnings
    west, south, east, north = shapely.bounds(found.geometries).T
    assert west.min() > 5.8 and east.max() < 15.1 and south.min() > 47.2 and north.max() < 55.1
