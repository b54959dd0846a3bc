"""The probability raster is that of the untiled network, whole or not there at all, and says how it was made."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solar_saliency_plugin.contract.detection import DetectRequest
from solar_saliency_plugin.contract.errors import (
    CancelledError,
    DiskFullError,
    ExtentOutsideError,
    GridUnsuitableError,
    ModelInvalidError,
    ModelTamperedError,
    OutputIsInputError,
    OutputUnwritableError,
    SceneEmptyError,
    SolarSaliencyError,
)
from solar_saliency_plugin.engine.detection import detect as detect_module
from solar_saliency_plugin.engine.detection.detect import detect
from solar_saliency_plugin.engine.job import Job, SilentListener
from solar_saliency_plugin.engine.models import runtime as runtime_module
from solar_saliency_plugin.engine.models.receptive_field import measure_model
from solar_saliency_plugin.engine.models.runtime import Runtime

ROOT = Path(__file__).resolve().parents[3]


def probability_of(path):
    with rasterio.open(path) as file:
        return file.read(1)


def run(scene, output, **options):
    return detect(DetectRequest(scene=str(scene), output=str(output), **options), Job.silent())


@given(
    height=st.integers(1, 150),
    width=st.integers(1, 150),
    window=st.integers(1, 160),
    nodata=st.booleans(),
    data=st.data(),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_probability_equals_the_untiled_network_at_every_window_and_image_size(
    height, width, window, nodata, data, tmp_path, write_scene, landscape, untiled, wide_model
):
    # Smaller windows than this only take longer: 150² pixels in windows of 1 would be 22 500 runs of the network.
    window = max(window, max(height, width) // 6, 1)
    reflectance = landscape(height, width, seed=height * width)
    if nodata and height * width > 1:
        # A swath's edge runs across the scene at some slope, and somewhere a block is missing.
        slope, missing = data.draw(st.floats(-2, 2), "slope"), data.draw(st.integers(0, height), "missing rows")
        rows, cols = np.indices((height, width))
        reflectance[:, rows - height / 2 > slope * cols] = np.nan
        reflectance[:, missing : missing + 9, : width // 2] = np.nan
        reflectance[:, -1, -1] = 0.1  # a scene without any data is refused
    extent = None
    if data.draw(st.booleans(), "part of the scene"):
        top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
        extent = (3e5 + left * 10, 3e6 - height * 10, 3e5 + width * 10, 3e6 - top * 10)
    scene = write_scene(tmp_path / "scene.tif", reflectance)
    expected = untiled(wide_model, reflectance)
    if extent:
        expected = expected[top:, left:]
    run(scene, tmp_path / "p.tif", model=str(wide_model.folder), window=window, extent=extent)
    np.testing.assert_allclose(probability_of(tmp_path / "p.tif"), expected, atol=1e-4)


def test_a_halo_one_pixel_too_small_would_be_noticed(
    tmp_path, write_scene, landscape, untiled, wide_model, monkeypatch
):
    reflectance = landscape(120, 120)
    scene = write_scene(tmp_path / "scene.tif", reflectance)
    halo, stride = measure_model(wide_model)
    monkeypatch.setattr(runtime_module, "measure_model", lambda model: (halo // 2, stride))
    run(scene, tmp_path / "p.tif", model=str(wide_model.folder), window=30)
    wrong = np.abs(probability_of(tmp_path / "p.tif") - untiled(wide_model, reflectance)).max()
    assert wrong > 1e-4


@pytest.fixture
def scene(tmp_path, write_scene, landscape):
    folder = tmp_path / "input"
    folder.mkdir()
    return write_scene(folder / "S2A_MSIL2A_20210315_T43RDJ.tif", landscape(300, 420))


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "output"
    folder.mkdir()
    return folder


def test_the_result_is_a_cloud_optimised_geotiff_on_the_scenes_grid(scene, out):
    result = run(scene, out / "p.tif")
    with rasterio.open(result.output) as file, rasterio.open(scene) as source:
        assert (file.crs, file.transform, file.shape) == (source.crs, source.transform, source.shape)
        assert file.dtypes == ("float32",) and np.isnan(file.nodata)
        assert file.descriptions == ("probability",)
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        values = file.read(1)
    assert values.min() >= 0 and values.max() <= 1
    assert sorted(p.name for p in out.iterdir()) == ["p.qml", "p.tif"]


def test_a_large_result_has_overviews(tmp_path, write_scene, landscape):
    scene = write_scene(tmp_path / "scene.tif", landscape(1100, 1100))
    run(scene, tmp_path / "p.tif")
    with rasterio.open(tmp_path / "p.tif") as file:
        assert file.overviews(1)


def test_the_raster_says_how_it_was_made(scene, out):
    result = run(scene, out / "p.tif", threshold=0.4)
    with rasterio.open(result.output) as file:
        told = json.loads(file.tags()["SOLAR_SALIENCY_RUN"])
    assert told["method"] == "detect" and told["request"]["threshold"] == 0.4
    assert told["model"]["sha256"] == result.model_sha256
    assert told["scene"]["level"] == "L2A" and told["scene"]["date"] == "2021-03-15"
    assert told["result"]["window"] == result.window and told["result"]["device"] == "cpu"
    assert {"torch", "rasterio", "solar_saliency"} <= told["software"].keys()


def test_the_same_request_gives_the_same_bytes(scene, out):
    for _ in range(2):
        run(scene, out / "p.tif")
        (out / "p.tif").rename(out / f"{len(list(out.glob('*.old')))}.old")
    first, second = (path.read_bytes() for path in sorted(out.glob("*.old")))
    assert first == second


def test_the_mask_is_one_where_the_probability_reaches_the_threshold(scene, out, write_scene, landscape):
    reflectance = landscape(60, 60)
    reflectance[:, :20] = np.nan
    scene = write_scene(scene.parent / "half.tif", reflectance)
    run(scene, out / "p.tif", mask_output=str(out / "m.tif"), threshold=0.05)
    probability, mask = probability_of(out / "p.tif"), probability_of(out / "m.tif")
    assert (mask[:20] == 255).all()
    np.testing.assert_array_equal(mask[20:], probability[20:] >= 0.05)


def test_the_threshold_is_the_models_own_unless_given(scene, out):
    from solar_saliency_plugin.engine.models.registry import load_model

    assert run(scene, out / "p.tif").threshold == load_model("default").card.threshold
    assert run(scene, out / "p.tif", threshold=0.9).threshold == 0.9


def test_figures_of_the_result_are_those_of_the_raster(scene, out):
    result = run(scene, out / "p.tif", threshold=0.01, window=128)
    detected = (probability_of(out / "p.tif") >= 0.01).sum()
    # A metre of UTM is up to 0.1 % longer or shorter on the ground.
    assert result.detected_ha == pytest.approx(detected / 100, rel=2e-3)
    assert result.detected_share == pytest.approx(detected / (300 * 420))
    assert result.windows_computed == 3 * 4 and result.valid_share == 1.0


def test_windows_without_data_are_not_computed(tmp_path, write_scene, landscape, monkeypatch):
    reflectance = landscape(128, 512)
    reflectance[:, :, 140:] = np.nan
    scene = write_scene(tmp_path / "scene.tif", reflectance)
    computed = []
    original = Runtime.probability

    def watched(self, reflectance, valid, should_stop):
        computed.append(valid.shape)
        return original(self, reflectance, valid, should_stop)

    monkeypatch.setattr(Runtime, "probability", watched)
    result = run(scene, tmp_path / "p.tif", window=128)
    assert len(computed) == result.windows_computed == 2 and result.windows_skipped == 2
    assert np.isnan(probability_of(tmp_path / "p.tif")[:, 140:]).all()


class Until(SilentListener):
    """Calls something once, when enough windows are done."""

    def __init__(self, windows, action):
        self._windows, self._action = windows, action

    def progressed(self, progress):
        if progress.message.startswith(f"Window {self._windows} "):
            self._action()


@pytest.fixture
def reported_at_once(monkeypatch):
    monkeypatch.setattr("solar_saliency_plugin.engine.job.REPORT_INTERVAL", 0)
    monkeypatch.setattr(detect_module, "SECONDS_PER_CHECKPOINT", 0)


def test_cancelling_leaves_nothing_behind_and_the_previous_output_untouched(scene, out, reported_at_once):
    import threading

    run(scene, out / "p.tif")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    cancelled = threading.Event()
    job = Job(Until(4, cancelled.set), cancelled)
    request = DetectRequest(scene=str(scene), output=str(out / "p.tif"), window=64, threshold=0.3)
    with pytest.raises(CancelledError):
        detect(request, job)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_an_interrupted_run_goes_on_where_it_stopped_with_the_same_result(scene, out, reported_at_once, monkeypatch):
    request = DetectRequest(scene=str(scene), output=str(out / "p.tif"), mask_output=str(out / "m.tif"), window=64)
    whole = detect(request, Job.silent())
    expected = [(out / name).read_bytes() for name in ("p.tif", "m.tif")]

    def lights_out():
        raise RuntimeError("lights out")

    with pytest.raises(RuntimeError, match="lights out"):
        detect(request, Job(Until(12, lights_out)))
    resumed = detect(request, Job.silent())
    assert 5 <= resumed.windows_resumed < 12
    assert resumed.windows_resumed + resumed.windows_computed == whole.windows_computed
    assert (resumed.detected_ha, resumed.detected_share) == (whole.detected_ha, whole.detected_share)
    assert [(out / name).read_bytes() for name in ("p.tif", "m.tif")] == expected
    assert sorted(p.name for p in out.iterdir()) == ["m.tif", "p.qml", "p.tif"]


def test_another_threshold_or_a_wish_to_restart_does_not_go_on(scene, out, reported_at_once):
    def lights_out():
        raise RuntimeError("lights out")

    for change in ({"threshold": 0.123}, {"restart": True}):
        request = DetectRequest(scene=str(scene), output=str(out / "p.tif"), window=64)
        with pytest.raises(RuntimeError):
            detect(request, Job(Until(12, lights_out)))
        assert run(scene, out / "p.tif", window=64, **change).windows_resumed == 0


def test_a_run_killed_with_signal_9_goes_on_where_it_stopped(tmp_path, write_scene, landscape):
    scene = write_scene(tmp_path / "scene.tif", landscape(1500, 1500))
    output = tmp_path / "p.tif"
    code = (
        "import sys; from solar_saliency_plugin.engine.detection import detect; detect.SECONDS_PER_CHECKPOINT = 0;"
        "from solar_saliency_plugin.engine.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    arguments = ["detect", "--scene", str(scene), "--output", str(output), "--window", "128"]
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], cwd=ROOT, stderr=subprocess.DEVNULL)
    journal = tmp_path / "p.tif.journal"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and (not journal.exists() or len(journal.read_text().splitlines()) < 20):
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not output.exists()
    resumed = run(scene, output, window=128)
    assert resumed.windows_resumed >= 19 and resumed.windows_computed > 0
    interrupted = probability_of(output)
    run(scene, output, window=128, restart=True)
    np.testing.assert_array_equal(interrupted, probability_of(output))


def test_a_run_killed_while_it_begins_leaves_no_journal_of_an_older_one(scene, out, reported_at_once, monkeypatch):
    def lights_out(*_):
        raise RuntimeError("lights out")

    request = DetectRequest(scene=str(scene), output=str(out / "p.tif"), window=64)
    with pytest.raises(RuntimeError):
        detect(request, Job(Until(12, lights_out)))
    with monkeypatch.context() as patch:
        patch.setattr(detect_module.Journal, "start", lights_out)
        with pytest.raises(RuntimeError):
            run(scene, out / "p.tif", window=64, threshold=0.123)
    resumed = detect(request, Job.silent())
    assert resumed.windows_resumed == 0
    assert np.isfinite(probability_of(out / "p.tif")).all()


def test_two_runs_never_write_the_same_output_at_once(scene, out, reported_at_once):
    refusals = []

    def another():
        with pytest.raises(OutputUnwritableError, match="Another run") as caught:
            run(scene, out / "p.tif", threshold=0.3)
        refusals.append(caught.value)

    result = detect(DetectRequest(scene=str(scene), output=str(out / "p.tif"), window=64), Job(Until(4, another)))
    assert len(refusals) == 1 and result.valid_share == 1.0
    assert np.isfinite(probability_of(out / "p.tif")).all()
    assert sorted(p.name for p in out.iterdir()) == ["p.qml", "p.tif"]


def test_cancelling_between_two_outputs_replaces_neither(scene, out, monkeypatch):
    import threading

    request = DetectRequest(scene=str(scene), output=str(out / "p.tif"), mask_output=str(out / "m.tif"))
    detect(request, Job.silent())
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    cancelled = threading.Event()
    original = detect_module.build_cog

    def cancel_after_the_first(source, folder, **options):
        whole = original(source, folder, **options)
        cancelled.set()
        return whole

    monkeypatch.setattr(detect_module, "build_cog", cancel_after_the_first)
    with pytest.raises(CancelledError):
        detect(replace(request, threshold=0.9), Job(SilentListener(), cancelled))
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_style_of_the_users_own_is_kept_and_the_user_told(scene, out):
    (out / "p.qml").write_text("<qgis>mine</qgis>")
    result = run(scene, out / "p.tif")
    assert (out / "p.qml").read_text() == "<qgis>mine</qgis>"
    assert any("p.qml" in warning for warning in result.warnings)


def test_a_model_trained_on_another_level_is_warned_of_on_the_layer(tmp_path, write_scene, landscape):
    scene = write_scene(tmp_path / "scene.tif", landscape(40, 40))
    result = run(scene, tmp_path / "p.tif", level="L1C")
    assert sum("L1C" in warning for warning in result.warnings) == 1
    with rasterio.open(tmp_path / "p.tif") as file:
        told = json.loads(file.tags()["SOLAR_SALIENCY_RUN"])
    assert told["warnings"] == list(result.warnings)
    assert "sun 52° above the horizon" in told["scene"]["correction"]
    assert run(scene, tmp_path / "as stored.tif", level="L2A").detected_ha != result.detected_ha


def test_a_scene_full_of_detections_is_warned_of(tmp_path, write_scene, landscape, monkeypatch):
    monkeypatch.setattr(detect_module, "SUSPICIOUS_FROM_PIXELS", 100)
    scene = write_scene(tmp_path / "scene.tif", landscape(40, 40))
    result = run(scene, tmp_path / "p.tif", threshold=0.0)
    assert any("100% of the scene" in warning for warning in result.warnings)


class TestBadInput:
    """Clear words, and previous outputs stay as they are."""

    @pytest.fixture(autouse=True)
    def previous(self, out):
        (out / "p.tif").write_bytes(b"previous")
        yield
        assert (out / "p.tif").read_bytes() == b"previous"
        assert [p.name for p in out.iterdir()] == ["p.tif"]

    def assert_refused(self, error, scene, out, **options):
        with pytest.raises(error) as caught:
            run(scene, options.pop("output", out / "p.tif"), **options)
        assert caught.value.message and caught.value.hint
        return caught.value

    def test_all_nodata(self, scene, out, write_scene):
        empty = write_scene(scene.parent / "empty.tif", np.full((10, 50, 50), np.nan))
        self.assert_refused(SceneEmptyError, empty, out)

    def test_degrees(self, scene, out):
        with rasterio.open(scene, "r+") as file:
            file.crs = "EPSG:4326"
            file.transform = rasterio.transform.from_origin(72, 27, 1e-4, 1e-4)
        assert "Prepare Scene" in self.assert_refused(GridUnsuitableError, scene, out).hint

    def test_output_is_input(self, scene, out):
        before = scene.read_bytes()
        self.assert_refused(OutputIsInputError, scene, out, output=scene)
        assert scene.read_bytes() == before

    def test_mask_is_probability(self, scene, out):
        self.assert_refused(OutputIsInputError, scene, out, mask_output=str(out / "p.tif"))

    def test_folder_of_the_output_is_missing(self, scene, out):
        self.assert_refused(OutputUnwritableError, scene, out, output=out / "nowhere" / "p.tif")

    def test_extent_outside_the_scene(self, scene, out):
        self.assert_refused(ExtentOutsideError, scene, out, extent=(0.0, 0.0, 10.0, 10.0))

    def test_truncated_file(self, scene, out):
        scene.write_bytes(scene.read_bytes()[:200_000])
        assert self.assert_refused(SolarSaliencyError, scene, out).exit_status == 3

    def test_no_space_left(self, scene, out, monkeypatch):
        monkeypatch.setattr(detect_module.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
        self.assert_refused(DiskFullError, scene, out)

    def test_a_model_that_is_none_or_was_tampered_with(self, scene, out, wide_model, tmp_path):
        self.assert_refused(ModelInvalidError, scene, out, model=str(scene))
        weights = wide_model.folder / "weights.safetensors"
        original = weights.read_bytes()
        weights.write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
        try:
            self.assert_refused(ModelTamperedError, scene, out, model=str(wide_model.folder))
        finally:
            weights.write_bytes(original)
