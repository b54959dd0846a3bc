"""Large layers of polygons: read some at a time, which shows in nothing but how soon cancelling ends it."""

import threading
import time
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely

from solar_saliency_plugin.contract.errors import CancelledError
from solar_saliency_plugin.engine.imagery import polygons
from solar_saliency_plugin.engine.imagery.polygons import read_polygons
from solar_saliency_plugin.engine.job import Job, SilentListener


def _layer(path: Path, count: int) -> str:
    """Discs in UTM; every seventh is a bow-tie, every ninth empty, every eleventh two discs in one feature."""
    random = np.random.default_rng(1)
    places = np.column_stack((random.uniform(4e5, 6e5, count), random.uniform(5e6, 5.2e6, count)))
    shapes = shapely.buffer(shapely.points(places), 40, quad_segs=3)
    for index in range(0, count, 7):
        x, y = places[index]
        shapes[index] = shapely.Polygon([(x, y), (x + 50, y + 50), (x + 50, y), (x, y + 50)])
    shapes[::9] = shapely.Polygon()
    for index in range(4, count, 11):
        shapes[index] = shapely.MultiPolygon(
            [shapely.buffer(shapely.Point(places[index] + (k, 0)), 40) for k in (0, 200)]
        )
    pyogrio.raw.write(
        path,
        shapely.to_wkb(shapes),
        field_data=[np.arange(count)],
        fields=["number"],
        geometry_type="Unknown",
        crs="EPSG:32633",
    )
    return str(path)


def test_blocks_show_in_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _layer(tmp_path / "many.gpkg", 300)
    jobs = [Job.silent(), Job.silent()]
    whole = read_polygons(path, jobs[0], "number")
    monkeypatch.setattr(polygons, "_BLOCK", 37)
    parts = read_polygons(path, jobs[1], "number")
    assert shapely.equals(whole.polygons, parts.polygons).all()
    np.testing.assert_array_equal(whole.features, parts.features)
    np.testing.assert_array_equal(whole.values, parts.values)
    assert jobs[0].warnings == jobs[1].warnings and len(jobs[0].warnings) == 2


def test_reading_a_large_layer_is_cancelled_within_a_second(tmp_path: Path) -> None:
    path = _layer(tmp_path / "large.gpkg", 100_000)
    cancelled = threading.Event()
    ended: list[float] = []

    def cancel() -> None:
        cancelled.set()
        ended.append(time.monotonic())

    timer = threading.Timer(0.3, cancel)
    timer.start()
    with pytest.raises(CancelledError):
        read_polygons(path, Job(SilentListener(), cancelled))
    assert time.monotonic() - ended[0] < 1
