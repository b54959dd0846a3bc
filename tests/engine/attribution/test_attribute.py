"""Explaining a target from end to end: what is asked, what is written, what is refused."""

import json
import re
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyproj
import pytest
import rasterio
import shapely

from solar_saliency_plugin.contract.attribution import AttributeRequest, AttributeResult
from solar_saliency_plugin.contract.errors import (
    CancelledError,
    ExtentOutsideError,
    GridUnsuitableError,
    MethodUnsuitableError,
    OutputIsInputError,
    RequestError,
    TargetEmptyError,
)
from solar_saliency_plugin.contract.provenance import RUN_TAG
from solar_saliency_plugin.engine.attribution import attribute as module
from solar_saliency_plugin.engine.attribution import explained
from solar_saliency_plugin.engine.attribution.attribute import attribute
from solar_saliency_plugin.engine.job import Job, SilentListener

#: Reflectance of panels, from blue to short-wave infrared, as the shipped model knows them.
PANELS = np.array([0.07, 0.075, 0.08, 0.09, 0.11, 0.12, 0.125, 0.13, 0.19, 0.15], np.float32)
GROUND = np.array([0.05, 0.08, 0.07, 0.12, 0.26, 0.31, 0.33, 0.34, 0.22, 0.13], np.float32)
ROWS, COLS = slice(40, 60), slice(30, 56)
LEFT, TOP = 3e5, 3e6


def box(rows: slice, cols: slice) -> str:
    """The polygon of a window of the scene, as well-known text."""
    return shapely.box(LEFT + 10 * cols.start, TOP - 10 * rows.stop, LEFT + 10 * cols.stop, TOP - 10 * rows.start).wkt


FARM = box(ROWS, COLS)


@pytest.fixture(scope="session")
def farm(tmp_path_factory: pytest.TempPathFactory, write_scene: Any) -> Path:
    """A scene with one farm, which the shipped model finds; a corner holds no data."""
    random = np.random.default_rng(5)
    reflectance = np.broadcast_to(GROUND[:, None, None], (10, 97, 113)).copy()
    reflectance[:, ROWS, COLS] = PANELS[:, None, None]
    reflectance += random.normal(0, 0.004, reflectance.shape).astype(np.float32)
    reflectance[:, :12, :12] = np.nan
    return write_scene(tmp_path_factory.mktemp("farm") / "scene.tif", reflectance)


@pytest.fixture
def explain(farm: Path, tmp_path: Path) -> Any:
    """A function that explains the farm, or what else is asked, and gives result, values and tags."""

    def run(job: Job | None = None, **asked: Any) -> tuple[AttributeResult, np.ndarray, dict[str, Any]]:
        output = tmp_path / "map.tif"
        request = AttributeRequest(**{"scene": str(farm), "output": str(output), "target": FARM, **asked})
        result = attribute(request, job or Job.silent())
        with rasterio.open(output) as file:
            return result, file.read(), json.loads(file.tags()[RUN_TAG])

    return run


def test_a_map_says_all_that_is_needed_to_trust_and_repeat_it(explain: Any) -> None:
    result, values, told = explain(name="detection 1")
    assert result.probability > 0.5 and result.f_x > 0 > result.f_baseline
    assert result.error <= 0.01
    assert result.attribution_sum == pytest.approx(result.f_x - result.f_baseline, rel=0.01)
    assert result.attribution_sum == pytest.approx(np.nansum(values[0]), rel=1e-5)
    assert sum(result.bands.values()) == pytest.approx(result.attribution_sum)
    shares = (result.inside, result.within_50_m, result.within_100_m, result.within_200_m, result.beyond_200_m)
    assert sum(shares) == pytest.approx(1) and result.inside > 0.8
    assert told["method"] == "attribute" and told["request"]["name"] == "detection 1"
    assert told["model"]["sha256"] == result.model_sha256
    for name in ("target_wkt", "target_pixels", "f_x", "f_baseline", "error", "evaluations", "settings"):
        assert told["result"][name] == getattr(result, name)
    assert "seconds" not in told["result"]


def test_layers_are_sum_mean_and_largest_over_bands_and_then_the_bands(explain: Any, tmp_path: Path) -> None:
    _, values, _ = explain(per_band=True)
    bands = values[3:]
    assert np.allclose(values[0], bands.sum(axis=0), atol=1e-6, equal_nan=True)
    assert np.allclose(values[1], np.abs(bands).mean(axis=0), atol=1e-6, equal_nan=True)
    assert np.allclose(values[2], np.abs(bands).max(axis=0), atol=1e-6, equal_nan=True)
    with rasterio.open(tmp_path / "map.tif") as file:
        assert file.descriptions[3:] == ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")


def test_the_map_is_the_target_and_what_the_model_can_see_around_it(explain: Any, tmp_path: Path) -> None:
    explain()
    with rasterio.open(tmp_path / "map.tif") as file:
        assert (file.width, file.height) == (26 + 8, 20 + 8)
        assert file.transform.c == LEFT + 10 * 26 and file.transform.f == TOP - 10 * 36
        assert np.isnan(file.nodata)


def test_the_style_keeps_zero_in_the_middle_and_shows_the_image_through(explain: Any, tmp_path: Path) -> None:
    explain()
    style = (tmp_path / "map.qml").read_text()
    lowest, highest = (float(style.split(f'{name}="')[1].split('"')[0]) for name in ("minimumValue", "maximumValue"))
    assert lowest == -highest < 0
    items = re.findall(r'<item value="([^"]+)".* alpha="(\d+)"', style)
    alphas = {float(value): int(alpha) for value, alpha in items}
    assert [alpha for value, alpha in sorted(alphas.items())] == [190, 0, 0, 190]
    assert max(abs(value) for value, alpha in alphas.items() if not alpha) < 1e-9


@pytest.mark.parametrize(("method", "words"), [("integrated_gradients", "raised the answer"), ("gradient", "brighter")])
def test_the_legend_says_what_the_values_mean(explain: Any, tmp_path: Path, method: str, words: str) -> None:
    explain(attribution_method=method)
    style = (tmp_path / "map.qml").read_text()
    assert words in style and "$" not in style


def test_a_point_explains_its_pixel_and_a_square_around_it(explain: Any) -> None:
    point = f"POINT ({LEFT + 10 * 40 + 3} {TOP - 10 * 50 - 4})"
    assert explain(target=point)[0].target_pixels == 1
    result, _, _ = explain(target=point, around=7, pixels="all")
    assert result.target_pixels == 49 and shapely.from_wkt(result.target_wkt).area == 4900


def test_a_whole_patch_is_explained(explain: Any) -> None:
    result, _, _ = explain(target=f"POINT ({LEFT + 500} {TOP - 500})", around=256, pixels="all")
    assert result.target_pixels == 97 * 113 - 144


def test_all_detections_of_the_extent_are_explained_where_no_target_is_given(explain: Any) -> None:
    everything, values, _ = explain(target="")
    assert values.shape[1:] == (97, 113)
    # Outlines differ by what the model marks beside the farm.
    assert everything.target_pixels == pytest.approx(20 * 26, rel=0.2)
    half, _, _ = explain(target="", extent=(LEFT, TOP - 500, LEFT + 1130, TOP))
    assert 0 < half.target_pixels < everything.target_pixels


def test_a_target_in_degrees_and_one_from_a_layer_give_the_same_map(explain: Any, tmp_path: Path) -> None:
    mover = pyproj.Transformer.from_crs("EPSG:32643", "EPSG:4326", always_xy=True)
    polygon = shapely.transform(shapely.from_wkt(FARM), mover.transform, interleaved=False)
    _, expected, _ = explain()
    _, by_text, _ = explain(target=polygon.wkt, target_crs="EPSG:4326")
    layer = tmp_path / "farm.gpkg"
    pyogrio.raw.write(
        layer, np.array([polygon.wkb], object), [np.array([1])], ["number"], crs="EPSG:4326", geometry_type="Polygon"
    )
    _, by_layer, _ = explain(target="", polygons=str(layer))
    assert np.array_equal(expected, by_text, equal_nan=True)
    assert np.array_equal(expected, by_layer, equal_nan=True)


def test_sum_and_mean_differ_by_the_number_of_pixels(explain: Any) -> None:
    mean, one, _ = explain(steps=10)
    total, other, _ = explain(steps=10, total="sum")
    assert total.f_x == pytest.approx(mean.f_x * mean.target_pixels)
    assert np.allclose(np.nan_to_num(other), np.nan_to_num(one) * mean.target_pixels, rtol=1e-4, atol=1e-5)


def test_probability_can_be_explained_instead_of_the_logit(explain: Any) -> None:
    result, _, _ = explain(quantity="probability")
    assert result.f_x == pytest.approx(result.probability, abs=1e-6) and 0 <= result.f_baseline < 0.5


@pytest.mark.parametrize("baseline", ["zero", "mean", "blur", "surroundings"])
def test_every_baseline_gives_a_complete_map(explain: Any, baseline: str) -> None:
    result, values, _ = explain(baseline=baseline)
    assert result.error <= 0.01 and np.nanmax(np.abs(values)) > 0
    assert result.baseline_text


def test_another_date_as_baseline_must_lie_on_the_same_pixels(explain: Any, tmp_path: Path, write_scene: Any) -> None:
    ground = np.broadcast_to(GROUND[:, None, None], (10, 60, 80)).copy()
    same = write_scene(tmp_path / "same.tif", ground, corner=(LEFT + 200, TOP - 250))
    result, _, _ = explain(baseline="scene", baseline_scene=str(same))
    assert result.error <= 0.01 and "2021-03-15" in result.baseline_text
    moved = write_scene(tmp_path / "moved.tif", ground, corner=(LEFT + 203, TOP - 250))
    with pytest.raises(GridUnsuitableError, match="same pixels"):
        explain(baseline="scene", baseline_scene=str(moved))
    with pytest.raises(RequestError, match="no second scene"):
        explain(baseline="scene")
    result, _, _ = explain(baseline="scene", baseline_date="2021-03-16")
    assert any("equals the image" in warning for warning in result.warnings), "the same file, called another date"
    with pytest.raises(RequestError, match="not “another date”"):
        explain(baseline_scene=str(same))


def test_a_baseline_equal_to_the_image_is_said_to_show_nothing(explain: Any, farm: Path) -> None:
    result, values, _ = explain(baseline="scene", baseline_scene=str(farm))
    assert np.nanmax(np.abs(values)) == 0
    assert any("equals the image" in warning for warning in result.warnings)


def test_too_few_steps_deliver_the_map_with_its_error_and_a_warning(explain: Any) -> None:
    result, _, told = explain(steps=1, rule="right")
    assert result.error > 0.01
    assert any("miss the difference" in warning for warning in told["warnings"])


def test_the_same_request_gives_the_same_bytes(explain: Any, tmp_path: Path) -> None:
    explain(attribution_method="smoothgrad", samples=5)
    first = (tmp_path / "map.tif").read_bytes()
    explain(attribution_method="smoothgrad", samples=5)
    assert (tmp_path / "map.tif").read_bytes() == first


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ({"target": box(slice(70, 80), slice(80, 90))}, TargetEmptyError, "reaches the threshold"),
        ({"target": box(slice(1, 10), slice(1, 10)), "pixels": "all"}, TargetEmptyError, "no data"),
        ({"target": box(slice(500, 510), slice(1, 10))}, ExtentOutsideError, "outside the scene"),
        ({"target": FARM, "target_crs": "EPSG:4326"}, ExtentOutsideError, "outside the scene"),
        ({"target": "POLYGON ((0 0, 1"}, RequestError, "well-known text"),
        ({"target": "LINESTRING (0 0, 1 1)"}, RequestError, "LINESTRING"),
        ({"target": "CURVEPOLYGON (CIRCULARSTRING (0 0, 1 1, 0 0))"}, RequestError, "CURVEPOLYGON"),
        ({"target": "POLYGON " + "(" * 100_000}, RequestError, "nested too deep"),
        ({"target": "GEOMETRYCOLLECTION (" * 100_000}, RequestError, "no polygon or point"),
        ({"target": FARM, "target_crs": 'LOCAL_CS["x"]'}, RequestError, "coordinate reference system"),
        ({"target": "POLYGON EMPTY"}, RequestError, "empty"),
        ({"target": FARM, "target_crs": "EPSG:nonsense"}, RequestError, "coordinate reference system"),
        ({"polygons": "farms.gpkg"}, RequestError, "two targets"),
        ({"samples": 5}, RequestError, "no parameter “samples”"),
        ({"output": "map.png"}, Exception, "must end in"),
    ],
)
def test_what_cannot_be_explained_is_refused_in_plain_words(
    explain: Any, tmp_path: Path, asked: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        explain(**asked)
    assert list(tmp_path.iterdir()) == [], "nothing half written is left"


def test_a_polygon_that_crosses_itself_keeps_what_its_parts_enclose(explain: Any) -> None:
    bow_tie = f"POLYGON (({LEFT + 320} {TOP - 420}, {LEFT + 520} {TOP - 580}, {LEFT + 520} {TOP - 420}, " + (
        f"{LEFT + 320} {TOP - 580}, {LEFT + 320} {TOP - 420}))"
    )
    assert 100 < explain(target=bow_tie)[0].target_pixels < 16 * 20


def test_a_polygon_between_the_pixels_centres_explains_the_pixels_that_it_touches(explain: Any) -> None:
    small = shapely.Point(LEFT + 401, TOP - 501).buffer(0.5).wkt
    assert explain(target=small)[0].target_pixels == 1


def test_a_method_that_needs_one_piece_refuses_a_target_that_is_too_large(
    explain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explained, "WHOLE_PIXELS", 100)
    with pytest.raises(MethodUnsuitableError, match="too many"):
        explain(attribution_method="lime")


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explained, "WHOLE_PIXELS", 0)
    monkeypatch.setattr(explained, "CORE", 32)
    monkeypatch.setattr(explained, "HALOS_PER_CORE", 0)


def test_a_cancelled_run_leaves_nothing_and_the_previous_map_untouched(
    explain: Any, small_windows: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    explain(target="", steps=2)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    cancelled = threading.Event()
    compute = module._window

    def cancelling(run: Any, index: int, *rest: Any) -> Any:
        if index == 3:
            cancelled.set()
        return compute(run, index, *rest)

    monkeypatch.setattr(module, "_window", cancelling)
    with pytest.raises(CancelledError):
        explain(job=Job(SilentListener(), cancelled), target="", steps=3)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_killed_run_goes_on_where_it_stopped_and_gives_the_same_bytes(
    explain: Any, small_windows: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    explain(target="", steps=2)
    whole = (tmp_path / "map.tif").read_bytes()
    (tmp_path / "map.tif").unlink()
    compute = module._window
    computed: list[int] = []

    def dying(run: Any, index: int, *rest: Any) -> Any:
        if len(computed) == 3:
            raise KeyboardInterrupt
        computed.append(index)
        return compute(run, index, *rest)

    monkeypatch.setattr(module, "_window", dying)
    with pytest.raises(KeyboardInterrupt):
        explain(target="", steps=2)
    assert (tmp_path / "map.tif.journal").is_file()

    def counting(run: Any, index: int, *rest: Any) -> Any:
        computed.append(index)
        return compute(run, index, *rest)

    monkeypatch.setattr(module, "_window", counting)
    result, _, _ = explain(target="", steps=2)
    assert sorted(computed) == list(range(result.windows))
    assert (tmp_path / "map.tif").read_bytes() == whole
    assert {path.name for path in tmp_path.iterdir()} == {"map.tif", "map.qml"}


def test_the_second_scene_and_the_layer_of_polygons_are_never_overwritten(
    explain: Any, tmp_path: Path, write_scene: Any
) -> None:
    other = write_scene(tmp_path / "other.tif", np.broadcast_to(GROUND[:, None, None], (10, 97, 113)).copy())
    before = other.read_bytes()
    with pytest.raises(OutputIsInputError):
        explain(baseline="scene", baseline_scene=str(other), output=str(other))
    assert other.read_bytes() == before


def _interrupted(explain: Any, monkeypatch: pytest.MonkeyPatch, **asked: Any) -> None:
    """A run that is killed after its first window."""
    compute = module._window
    computed: list[int] = []

    def dying(run: Any, index: int, *rest: Any) -> Any:
        if computed:
            raise KeyboardInterrupt
        computed.append(index)
        return compute(run, index, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(module, "_window", dying)
        with pytest.raises(KeyboardInterrupt):
            explain(**asked)


def test_a_run_does_not_go_on_with_another_target_or_another_second_scene(
    explain: Any, small_windows: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, write_scene: Any
) -> None:
    layer = tmp_path / "drawn.gpkg"

    def draw(rows: slice) -> None:
        layer.unlink(missing_ok=True)
        polygon = shapely.from_wkt(box(rows, COLS))
        columns = [np.array([1])], ["number"]
        pyogrio.raw.write(layer, np.array([polygon.wkb], object), *columns, crs="EPSG:32643", geometry_type="Polygon")

    asked = {"target": "", "polygons": str(layer), "steps": 2}
    draw(slice(40, 58))
    _interrupted(explain, monkeypatch, **asked)
    draw(slice(42, 60))
    _, resumed, _ = explain(**asked)
    _, fresh, _ = explain(**asked, restart=True)
    assert np.array_equal(resumed, fresh, equal_nan=True)

    other = tmp_path / "other.tif"
    ground = np.broadcast_to(GROUND[:, None, None], (10, 97, 113)).copy()
    write_scene(other, ground)
    asked = {"target": "", "baseline": "scene", "baseline_scene": str(other), "steps": 2}
    _interrupted(explain, monkeypatch, **asked)
    write_scene(other, ground * 0.7)
    _, resumed, _ = explain(**asked)
    _, fresh, _ = explain(**asked, restart=True)
    assert np.array_equal(resumed, fresh, equal_nan=True)


@pytest.mark.parametrize("target", ["", FARM])
def test_surroundings_are_the_ground_that_is_not_detected(explain: Any, target: str) -> None:
    result, _, _ = explain(target=target, baseline="surroundings", spectra=5, attribution_method="deeplift_shap")
    assert result.f_baseline < 0 < result.f_x


def test_a_refused_parameter_leaves_nothing_beside_the_output(explain: Any, tmp_path: Path) -> None:
    with pytest.raises(RequestError):
        explain(attribution_method="occlusion", patch=10.0, stride=3)
    assert list(tmp_path.iterdir()) == []


def test_polygons_far_away_do_not_go_into_the_result(explain: Any, tmp_path: Path) -> None:
    layer = tmp_path / "many.gpkg"
    far = [shapely.box(1e6 + 20 * k, 3e6, 1e6 + 20 * k + 10, 3e6 + 10) for k in range(5000)]
    stored = np.array([g.wkb for g in [shapely.from_wkt(FARM), *far]], object)
    pyogrio.raw.write(layer, stored, [np.arange(len(stored))], ["number"], crs="EPSG:32643", geometry_type="Polygon")
    result, _, _ = explain(target="", polygons=str(layer))
    assert len(result.target_wkt) < 2000 and result.target_pixels == explain()[0].target_pixels
