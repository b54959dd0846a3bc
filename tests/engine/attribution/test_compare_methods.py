"""Several explanations of one target: every map is the one that its method gives, and agreement is told honestly."""

import csv
import json
import math
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from solar_saliency_plugin.contract.attribution import AttributeRequest
from solar_saliency_plugin.contract.attribution_methods import ATTRIBUTION_METHODS
from solar_saliency_plugin.contract.compare_methods import CompareMethodsRequest, CompareMethodsResult
from solar_saliency_plugin.contract.errors import CancelledError, DiskFullError, OutputUnwritableError, RequestError
from solar_saliency_plugin.contract.messages import Progress
from solar_saliency_plugin.contract.options import options
from solar_saliency_plugin.engine.attribution.attribute import attribute
from solar_saliency_plugin.engine.attribution.compare_methods import compare_methods
from solar_saliency_plugin.engine.attribution.compare_report import SENSITIVITIES
from solar_saliency_plugin.engine.dispatch import run_method
from solar_saliency_plugin.engine.job import Job, SilentListener
from solar_saliency_plugin.engine.provenance import read_run

#: A square in the middle of the scene, explained with all of its pixels.
TARGET = "POLYGON((300150 2999850, 300250 2999850, 300250 2999770, 300150 2999770, 300150 2999850))"


@pytest.fixture(scope="module")
def scene(
    write_scene: Callable[..., Path], landscape: Callable[..., np.ndarray], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return write_scene(tmp_path_factory.mktemp("compare") / "scene.tif", landscape(40, 44, 3))


def ask(scene: Path, folder: Path, **changes: Any) -> CompareMethodsRequest:
    asked: dict[str, Any] = {
        "scene": str(scene),
        "target": TARGET,
        "pixels": "all",
        "methods": ("integrated_gradients", "deeplift"),
        "baselines": ("soil", "zero"),
        "output": str(folder / "maps.tif"),
        "report": str(folder / "report.html"),
        "table": str(folder / "table.csv"),
        "device": "cpu",
        **changes,
    }
    return CompareMethodsRequest(**asked)


@pytest.fixture(scope="module")
def compared(scene: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[CompareMethodsResult, Path]:
    folder = tmp_path_factory.mktemp("compared")
    methods = ("integrated_gradients", "deeplift", "gradient", "gradcam")
    result = compare_methods(ask(scene, folder, methods=methods, name="farm <7>"), Job.silent())
    return result, folder


def bands(path: Path) -> dict[str, np.ndarray]:
    with rasterio.open(path) as file:
        return dict(zip(file.descriptions, file.read(), strict=True))


def test_there_is_a_map_for_each_method_with_each_baseline_and_one_for_methods_that_use_none(
    compared: tuple[CompareMethodsResult, Path],
) -> None:
    result, folder = compared
    titles = [one["title"] for one in result.maps]
    assert titles == [
        "Integrated gradients · bare soil",
        "Integrated gradients · zero (black)",
        "DeepLIFT · bare soil",
        "DeepLIFT · zero (black)",
        "Gradient",
        "GradCAM",
    ]
    found = bands(folder / "maps.tif")
    assert list(found)[3:] == titles
    assert list(found)[:3] == ["mean of scaled maps", "agreement: share of maps that agree", "spread of scaled maps"]
    assert len(result.pairs) == 15


@pytest.mark.parametrize(
    ("method", "baseline", "title"),
    [
        ("integrated_gradients", "zero", "Integrated gradients · zero (black)"),
        ("deeplift", "soil", "DeepLIFT · bare soil"),
        ("gradient", "soil", "Gradient"),
        ("gradcam", "soil", "GradCAM"),
    ],
)
def test_each_map_is_the_one_that_the_method_alone_gives_scaled_to_one(
    compared: tuple[CompareMethodsResult, Path], scene: Path, tmp_path: Path, method: str, baseline: str, title: str
) -> None:
    asked = AttributeRequest(
        scene=str(scene), target=TARGET, pixels="all", attribution_method=method, baseline=baseline, device="cpu",
        output=str(tmp_path / "alone.tif"),
    )  # fmt: skip
    result = attribute(asked, Job.silent())
    with rasterio.open(tmp_path / "alone.tif") as alone, rasterio.open(compared[1] / "maps.tif") as several:
        assert (alone.transform, alone.crs, alone.shape) == (several.transform, several.crs, several.shape)
        expected = alone.read(1)
    together = bands(compared[1] / "maps.tif")[title]
    np.testing.assert_allclose(together, expected / np.abs(expected).sum(), rtol=1e-4, atol=1e-9)
    told = next(one for one in compared[0].maps if one["title"] == title)
    assert told["inside"] == pytest.approx(result.inside)
    if not math.isnan(result.error):
        assert told["error"] == pytest.approx(result.error, abs=1e-6)
        assert told["f_baseline"] == pytest.approx(result.f_baseline, rel=1e-5)
    assert compared[0].f_x == pytest.approx(result.f_x, rel=1e-5)
    assert compared[0].target_pixels == result.target_pixels


@pytest.mark.parametrize("rule", ["epsilon", "z_plus"])
def test_of_relevance_what_was_kept_counts_as_it_does_for_one_map(
    write_scene: Callable[..., Path], landscape: Callable[..., np.ndarray], tmp_path: Path, rule: str
) -> None:
    reflectance = landscape(40, 44, 3)
    reflectance[:, 14:17, 10:20] = np.nan  # into the target
    scene = write_scene(tmp_path / "scene.tif", reflectance)
    result = compare_methods(ask(scene, tmp_path, methods=("lrp", "gradient"), relevance=rule), Job.silent())
    asked = AttributeRequest(
        scene=str(scene), target=TARGET, pixels="all", attribution_method="lrp", relevance=rule, device="cpu",
        output=str(tmp_path / "alone.tif"), report=str(tmp_path / "alone.html"),
    )  # fmt: skip
    alone = attribute(asked, Job.silent())
    told = result.maps[0]
    assert told["error"] < 1e-6 and alone.error < 1e-6 and not result.warnings and not alone.warnings
    assert told["attribution_sum"] == pytest.approx(alone.attribution_sum, rel=1e-6)
    assert abs(told["attribution_sum"] - result.f_x) > 0.01 * abs(result.f_x), "the map's own sum"
    assert told["facts"] == pytest.approx(alone.facts, rel=1e-6)
    for page in ("report.html", "alone.html"):
        assert "without data kept" in (tmp_path / page).read_text(encoding="utf-8")


def test_a_page_that_cannot_be_written_leaves_nothing_half_done(
    scene: Path, tmp_path: Path, no_space_for: Callable[..., None]
) -> None:
    asked = ask(scene, tmp_path, methods=("gradient", "input_x_gradient"))
    for name in ("report.html", "table.csv"):
        no_space_for(name)
        with pytest.raises(DiskFullError):
            compare_methods(asked, Job.silent())
        assert not list(tmp_path.iterdir())


def test_the_first_bands_say_what_the_maps_with_signs_say_together(
    compared: tuple[CompareMethodsResult, Path],
) -> None:
    found = bands(compared[1] / "maps.tif")
    signed = np.stack([found[one["title"]] for one in compared[0].maps if one["title"] != "GradCAM"])
    mean, agreement, spread = list(found.values())[:3]
    known = np.isfinite(mean)
    assert known.sum() == compared[0].compared_pixels
    np.testing.assert_allclose(mean[known], signed.mean(axis=0)[known], rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(spread[known], signed.std(axis=0)[known], rtol=1e-4, atol=1e-8)
    assert set(np.round(agreement[known] * len(signed), 4)) <= set(range(len(signed) + 1))


def test_a_map_without_signs_is_compared_by_size_only(compared: tuple[CompareMethodsResult, Path]) -> None:
    with_gradcam = [found for found in compared[0].pairs if "GradCAM" in found["maps"]]
    assert len(with_gradcam) == 5
    assert all(math.isnan(found["spearman"]) and math.isnan(found["sign_agreement"]) for found in with_gradcam)
    assert not any(math.isnan(found["spearman_absolute"]) for found in with_gradcam)


def test_of_a_linear_model_all_exact_methods_agree_fully(
    linear_model: Any, scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from solar_saliency_plugin.engine.attribution import explained

    monkeypatch.setattr(explained, "load_model", lambda *_: linear_model)
    methods = ("integrated_gradients", "deeplift", "deeplift_shap")
    result = compare_methods(ask(scene, tmp_path, methods=methods, baselines=("zero",)), Job.silent())
    assert (result.top_overlap, result.sign_agreement) == (1, 1)
    assert result.rank_correlation == pytest.approx(1, abs=1e-4)
    agreement = bands(tmp_path / "maps.tif")["agreement: share of maps that agree"]
    assert set(agreement[np.isfinite(agreement)]) == {0, 1}


def test_baselines_that_tell_different_stories_are_said_in_a_plain_sentence(
    linear_model: Any, write_scene: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from solar_saliency_plugin.engine.attribution import explained

    monkeypatch.setattr(explained, "load_model", lambda *_: linear_model)
    random = np.random.default_rng(0)
    ground = random.uniform(0.30, 0.31, (1, 40, 44)) * np.ones((10, 1, 1))
    ground[:, random.uniform(size=(40, 44)) < 0.1] = 0.1
    scene = write_scene(tmp_path / "scene.tif", ground)
    # Compared with black the brightest pixels raised wᵀx most; compared with the mean the dark ones lowered it most.
    asked = ask(scene, tmp_path, methods=("integrated_gradients",), baselines=("zero", "mean"))
    result = compare_methods(asked, Job.silent())
    sentence = next(warning for warning in result.warnings if "depends on the baseline" in warning)
    assert "zero (black)" in sentence and "the scene's mean" in sentence
    assert "depends on the baseline" in (tmp_path / "report.html").read_text(encoding="utf-8")


class Page(HTMLParser):
    """Tags of a page and where its pictures come from."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.sources: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.sources += [value or "" for name, value in attributes if name in ("src", "href")]


def test_the_page_needs_no_other_file_and_takes_names_as_text(compared: tuple[CompareMethodsResult, Path]) -> None:
    text = (compared[1] / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert len(page.sources) == 2 and all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert not {"script", "link", "iframe", "7"} & page.tags and "farm &lt;7&gt;" in text
    assert "http" not in text and "nan" not in re.sub(r'"data:[^"]*"', "", text).lower()
    for one in compared[0].maps:
        assert one["title"] in text
        assert ATTRIBUTION_METHODS[one["method"]].title in text
    assert "distance" in text and "2202.01602" in text


def test_the_table_has_every_pair(compared: tuple[CompareMethodsResult, Path]) -> None:
    with open(compared[1] / "table.csv", newline="", encoding="utf-8-sig") as file:
        rows = {(row["map"], row["compared_with"], row["measure"]): row["value"] for row in csv.DictReader(file)}
    for found in compared[0].pairs:
        value = found["top_overlap"]
        assert float(rows[(*found["maps"], "top_overlap")]) == pytest.approx(value, rel=1e-5)


def test_the_raster_tells_how_it_was_made_and_the_same_request_gives_the_same_files(
    compared: tuple[CompareMethodsResult, Path], scene: Path, tmp_path: Path
) -> None:
    result, folder = compared
    with rasterio.open(folder / "maps.tif") as file:
        run = read_run(file.tags())
    assert run["method"] == "comparemethods"
    assert run["request"]["baselines"] == ["soil", "zero"] and run["request"]["methods"][0] == "integrated_gradients"
    assert set(run["request"]) == {option.name for option in options(CompareMethodsRequest)}
    methods = tuple(dict.fromkeys(one["method"] for one in result.maps))
    compare_methods(ask(scene, tmp_path, methods=methods, name="farm <7>"), Job.silent())
    assert (tmp_path / "table.csv").read_bytes() == (folder / "table.csv").read_bytes()
    pictures = [re.findall('"data:[^"]*"', (f / "report.html").read_text("utf-8")) for f in (tmp_path, folder)]
    assert pictures[0] == pictures[1]
    for title, values in bands(folder / "maps.tif").items():
        np.testing.assert_array_equal(bands(tmp_path / "maps.tif")[title], values)


def test_parameters_go_to_the_methods_that_have_them(scene: Path, tmp_path: Path) -> None:
    asked = ask(scene, tmp_path, methods=("integrated_gradients", "gradient"), baselines=("soil",), steps=7)
    result = compare_methods(asked, Job.silent())
    assert [one["settings"].get("steps") for one in result.maps] == [7, None]
    with pytest.raises(RequestError, match="None of the methods has a parameter “patch”"):
        compare_methods(replace(asked, patch=50.0), Job.silent())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"methods": ("gradient",)}, "fewer than two maps"),
        ({"methods": ("integrated_gradients",), "baselines": ("soil", "soil")}, "fewer than two maps"),
        ({"baselines": ()}, "No baseline"),
        ({"baseline_scene": "other.tif"}, "is none of the baselines"),
        ({"baselines": ("soil", "scene")}, "no second scene"),
    ],
)
def test_a_comparison_of_nothing_is_refused_in_words(
    scene: Path, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(RequestError, match=words):
        compare_methods(ask(scene, tmp_path, **changes), Job.silent())
    assert not list(tmp_path.iterdir())


def test_unknown_methods_and_bad_outputs_are_refused_before_anything_is_computed(scene: Path, tmp_path: Path) -> None:
    plain = {"scene": str(scene), "output": str(tmp_path / "maps.tif")}
    with pytest.raises(RequestError, match="“guess” is no choice for “methods”"):
        run_method("comparemethods", {**plain, "methods": ["gradient", "guess"]}, Job.silent())
    with pytest.raises(OutputUnwritableError, match=r"\.html"):
        compare_methods(ask(scene, tmp_path, report=str(tmp_path / "report.txt")), Job.silent())


def test_a_cancelled_comparison_leaves_nothing(scene: Path, tmp_path: Path) -> None:
    cancelled = threading.Event()

    class Impatient(SilentListener):
        def progressed(self, progress: Progress) -> None:
            if progress.fraction > 0.3:
                cancelled.set()

    with pytest.raises(CancelledError):
        compare_methods(ask(scene, tmp_path, steps=2000), Job(Impatient(), cancelled))
    assert not list(tmp_path.iterdir())


def test_a_result_is_plain_json(scene: Path, tmp_path: Path) -> None:
    asked = ask(scene, tmp_path, methods=("gradient", "vargrad"), baselines=("soil",), samples=3)
    plain = {"report": "", "table": "", "name": "x"}
    request = {o.name: getattr(asked, o.name) for o in options(CompareMethodsRequest)} | plain
    result = run_method("comparemethods", request, Job.silent())
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert result["sign_agreement"] is None and result["top_overlap"] is not None
    assert next(iter(bands(tmp_path / "maps.tif"))) == "mean of scaled sizes"
    assert {path.name for path in tmp_path.iterdir()} == {"maps.tif", "maps.qml"}


def test_what_counts_as_sensitivity_is_in_the_list_of_methods() -> None:
    assert set(ATTRIBUTION_METHODS) >= SENSITIVITIES
    assert not any(ATTRIBUTION_METHODS[name].sums_to for name in SENSITIVITIES)


@pytest.fixture
def of_real_farm(shared_data: Path, tmp_path: Path) -> Callable[[int], CompareMethodsResult]:
    def run(site: int) -> CompareMethodsResult:
        data = shared_data / "austria-pv-2022"
        request = CompareMethodsRequest(
            scene=str(data / "s2" / f"S2_2022_{site}.nc"),
            date="2022-07-19",
            polygons=str(data / "farm_polygons.geojson"),
            methods=("integrated_gradients", "deeplift"),
            output=str(tmp_path / "maps.tif"),
            report=str(tmp_path / "report.html"),
        )
        return compare_methods(request, Job.silent())

    return run


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_on_a_real_farm_in_fields_methods_and_baselines_agree(
    of_real_farm: Callable[[int], CompareMethodsResult],
) -> None:
    result = of_real_farm(777)
    assert len(result.maps) == 6 and result.target_pixels > 50
    assert all(one["inside"] > 0.5 and one["error"] < 0.01 for one in result.maps)
    assert result.sign_agreement > 0.8 and not any("depends on the baseline" in w for w in result.warnings)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_on_a_real_farm_that_fills_its_image_baselines_made_of_the_farm_are_exposed(
    of_real_farm: Callable[[int], CompareMethodsResult],
) -> None:
    result = of_real_farm(739)
    assert sum("takes the baseline itself" in warning for warning in result.warnings) == 2  # mean and blur
    assert any("depends on the baseline" in w and "the blurred image" in w for w in result.warnings)
    answers = {one["baseline"]: one["f_baseline"] for one in result.maps}
    assert answers["soil"] < 0 < min(answers["mean"], answers["blur"])
