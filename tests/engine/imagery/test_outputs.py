"""Outputs: refused before work starts, put in place in one step, never half-written."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil

from solar_saliency_plugin.contract.errors import (
    CancelledError,
    DiskFullError,
    OutputIsInputError,
    OutputUnwritableError,
)
from solar_saliency_plugin.engine.imagery.outputs import check_output, translate_os_error, write_cog
from solar_saliency_plugin.engine.job import Job, SilentListener


def make(write_scene: Callable, height: int = 700, width: int = 600, count: int = 1, **profile: object) -> Path:
    numbers = np.random.default_rng(0).integers(0, 3000, (count, height, width))
    return write_scene(numbers, "work/source.tif", descriptions=None, **profile)


def test_a_good_output_is_given_back_absolute_and_untouched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert check_output("result.tif", [tmp_path / "scene.tif"]) == tmp_path / "result.tif"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing/result.tif", "no folder"),
        ("file/result.tif", "no folder"),
        ("folder.tif", "is a folder"),
        ("result.jpg", "must end in .tif"),
        ("result", "must end in .tif"),
    ],
)
def test_an_output_that_cannot_be_is_refused(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.tif").mkdir()
    with pytest.raises(OutputUnwritableError, match=words):
        check_output(tmp_path / name, [])


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that not even root may write to")
def test_a_read_only_folder_is_refused() -> None:
    with pytest.raises(OutputUnwritableError, match="cannot be written to"):
        check_output("/proc/result.tif", [])


def test_an_output_that_is_an_input_is_refused_by_whatever_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = tmp_path / "scene.tif"
    scene.write_text("precious")
    (tmp_path / "symbolic.tif").symlink_to(scene)
    (tmp_path / "hard.tif").hardlink_to(scene)
    (tmp_path / "inner").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    for name in ("scene.tif", scene, "symbolic.tif", "hard.tif", "inner/../scene.tif", "linked/scene.tif"):
        with pytest.raises(OutputIsInputError):
            check_output(name, [scene])
    assert scene.read_text() == "precious"


@pytest.mark.parametrize(("height", "width", "count"), [(700, 600, 1), (2100, 1000, 2)])
def test_a_cog_holds_the_same_numbers_tags_and_overviews(
    write_scene: Callable, tmp_path: Path, height: int, width: int, count: int
) -> None:
    source = make(write_scene, height, width, count, scale=0.5, nodata=7)
    write_cog(source, tmp_path / "o.tif", tags={"RUN": '{"a": "ü"}'}, categorical=False, job=Job.silent())
    with rasterio.open(source) as before, rasterio.open(tmp_path / "o.tif") as after:
        assert np.array_equal(before.read(), after.read())
        assert after.tags()["RUN"] == '{"a": "ü"}'
        assert (after.scales, after.nodata, after.transform) == (before.scales, before.nodata, before.transform)
        assert after.overviews(1) and after.block_shapes[0] == (512, 512) and after.compression.name == "deflate"
        assert after.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["o.tif", "work"]


def test_overviews_of_classes_hold_no_new_classes(write_scene: Callable, tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).choice([0, 200], (1, 1100, 1100))
    source = write_scene(numbers, "work/source.tif", descriptions=None, dtype="uint8")
    for categorical in (True, False):
        output = tmp_path / f"{categorical}.tif"
        write_cog(source, output, tags={}, categorical=categorical, job=Job.silent())
        with rasterio.open(output, overview_level=0) as overview:
            assert (set(np.unique(overview.read())) == {0, 200}) == categorical


def test_the_old_output_and_what_was_noted_about_it_are_replaced(write_scene: Callable, tmp_path: Path) -> None:
    output = tmp_path / "o.tif"
    output.write_text("old")
    statistics = tmp_path / "o.tif.aux.xml"
    statistics.write_text("<old/>")
    write_cog(make(write_scene), output, tags={}, categorical=False, job=Job.silent())
    assert rasterio.open(output).count == 1 and not statistics.exists()


def test_a_failed_write_leaves_the_old_output_and_nothing_else(
    write_scene: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, output = make(write_scene), tmp_path / "o.tif"
    output.write_text("old")

    def fail(source: Path, whole: Path, **options: object) -> None:
        Path(whole).write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(rasterio.shutil, "copy", fail)
    with pytest.raises(DiskFullError):
        write_cog(source, output, tags={}, categorical=False, job=Job.silent())
    assert output.read_text() == "old" and sorted(p.name for p in tmp_path.iterdir()) == ["o.tif", "work"]


def test_a_damaged_source_fails_in_the_writers_own_process_too(write_scene: Callable, tmp_path: Path) -> None:
    source = make(write_scene, 2100, 2000)
    os.truncate(source, source.stat().st_size // 2)
    with pytest.raises(OutputUnwritableError, match="could not be written"):
        write_cog(source, tmp_path / "o.tif", tags={}, categorical=False, job=Job.silent())
    assert [p.name for p in tmp_path.iterdir()] == ["work"]


def test_a_cancelled_write_ends_soon_and_leaves_nothing(write_scene: Callable, tmp_path: Path) -> None:
    source, output = make(write_scene, 5000, 5000), tmp_path / "o.tif"
    output.write_text("old")
    cancelled = threading.Event()
    timer = threading.Timer(0.4, cancelled.set)
    timer.start()
    with pytest.raises(CancelledError):
        write_cog(source, output, tags={}, categorical=False, job=Job(SilentListener(), cancelled))
    started = time.monotonic()
    timer.join()
    assert time.monotonic() - started < 1.0
    assert output.read_text() == "old" and sorted(p.name for p in tmp_path.iterdir()) == ["o.tif", "work"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), DiskFullError),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), DiskFullError),
        (rasterio.errors.RasterioIOError("Free disk space available is 1 bytes, whereas 2 are needed"), DiskFullError),
        (PermissionError(errno.EACCES, "Permission denied"), OutputUnwritableError),
        (OSError(errno.EROFS, "Read-only file system"), OutputUnwritableError),
        (rasterio.errors.RasterioIOError("something else"), OutputUnwritableError),
    ],
)
def test_errors_while_writing_are_told_in_the_users_words(error: Exception, kind: type[Exception]) -> None:
    assert type(translate_os_error(error)) is kind
