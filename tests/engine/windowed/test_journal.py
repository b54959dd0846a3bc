"""An interrupted run is recognised, and only a run of the very same kind."""

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS
from rasterio.transform import from_origin

from solar_saliency_plugin.engine.detection.detect import WindowCount
from solar_saliency_plugin.engine.imagery.grid import Grid, Window
from solar_saliency_plugin.engine.windowed.journal import Journal, run_key
from solar_saliency_plugin.engine.windowed.raster import WindowedRaster

COUNTS = [WindowCount(0, 10, 2, 1), WindowCount(3, 5, 0, 0)]


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "p.tif.journal", "key", WindowCount)
    journal.start()
    journal.add(COUNTS[:1])
    journal.add(COUNTS[1:])
    return journal


def test_finished_windows_are_remembered(journal, tmp_path):
    assert Journal(tmp_path / "p.tif.journal", "key", WindowCount).finished() == COUNTS


def test_windows_of_another_run_are_not_taken_over(journal, tmp_path):
    assert Journal(tmp_path / "p.tif.journal", "another key", WindowCount).finished() == []


@pytest.mark.parametrize("damage", [b"", b"\xff\x00", b"[]\n", b'{"key": "key"', b'"key"\n'])
def test_a_damaged_journal_means_starting_anew(tmp_path, damage):
    path = tmp_path / "p.tif.journal"
    path.write_bytes(damage)
    assert Journal(path, "key", WindowCount).finished() == []


def test_a_line_cut_off_by_a_kill_is_not_a_finished_window(journal, tmp_path):
    path = tmp_path / "p.tif.journal"
    path.write_bytes(path.read_bytes()[:-9])
    assert Journal(path, "key", WindowCount).finished() == COUNTS[:1]


def test_the_key_changes_with_request_and_with_the_input_file(tmp_path):
    scene = tmp_path / "scene.tif"
    scene.write_bytes(b"one")
    key = run_key({"threshold": 0.5}, [scene])
    assert run_key({"threshold": 0.5}, [scene]) == key
    assert run_key({"threshold": 0.6}, [scene]) != key
    scene.write_bytes(b"other")
    assert run_key({"threshold": 0.5}, [scene]) != key


def test_the_working_raster_never_changes_its_structure_once_created(tmp_path):
    grid = Grid(CRS.from_epsg(32643), from_origin(0, 0, 10, 10), 700, 300)
    raster = WindowedRaster(tmp_path / "p.part", grid, "float32", float("nan"), ("probability",))
    raster.create()
    size = raster.path.stat().st_size
    with rasterio.open(raster.path) as file:
        assert np.isnan(file.read(1)).all()
    for col in (512, 0, 256):
        width = min(256, 700 - col)
        raster.write(np.full((1, 256, width), col, np.float32), Window(0, col, 256, width))
        raster.flush()
        assert raster.path.stat().st_size == size
    with rasterio.open(raster.path) as file:
        values = file.read(1)
    assert (values[:256, 512:] == 512).all() and (values[:256, :256] == 0).all() and np.isnan(values[256:]).all()
