"""The page of an explanation says what the result says, shows the map, and is written whole or not at all."""

import json
import re
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from pyproj import Transformer

from solar_saliency_plugin.contract.attribution import AttributeRequest, AttributeResult
from solar_saliency_plugin.contract.attribution_methods import ATTRIBUTION_METHODS
from solar_saliency_plugin.contract.band_words import band_text
from solar_saliency_plugin.contract.errors import OutputIsInputError, OutputUnwritableError
from solar_saliency_plugin.engine.attribution import attribute as module
from solar_saliency_plugin.engine.attribution import explained, publish
from solar_saliency_plugin.engine.attribution.attribute import attribute
from solar_saliency_plugin.engine.attribution.pictures import natural_colour, over_ground, panels, shades
from solar_saliency_plugin.engine.job import Job
from solar_saliency_plugin.engine.reporting.page import number

TARGET = "POLYGON((300150 2999850, 300250 2999850, 300250 2999770, 300150 2999770, 300150 2999850))"

Explain = Callable[..., tuple[AttributeResult, str]]


@pytest.fixture(scope="module")
def scene(
    write_scene: Callable[..., Path], landscape: Callable[..., np.ndarray], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return write_scene(tmp_path_factory.mktemp("report") / "scene.tif", landscape(40, 44, 3))


@pytest.fixture
def explain(scene: Path, tmp_path: Path) -> Explain:
    def run(**changes: Any) -> tuple[AttributeResult, str]:
        asked: dict[str, Any] = {
            "scene": str(scene),
            "target": TARGET,
            "pixels": "all",
            "output": str(tmp_path / "map.tif"),
            "report": str(tmp_path / "page.html"),
            "device": "cpu",
            **changes,
        }
        result = attribute(AttributeRequest(**asked), Job.silent())
        return result, (tmp_path / "page.html").read_text(encoding="utf-8")

    return run


class Page(HTMLParser):
    """Tags of a page, where its pictures come from, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.sources: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.sources += [value or "" for name, value in attributes if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_page_says_what_the_result_says(explain: Explain) -> None:
    result, text = explain(name="detection 12")
    entry = ATTRIBUTION_METHODS["integrated_gradients"]
    said = " ".join(Page(text).texts)
    assert "Why: detection 12" in said and result.target_wkt in said and result.target_crs in said
    for value in (result.f_x, result.f_baseline, result.attribution_sum):
        assert number(value, 3) in said
    for told in (entry.title, entry.formula, entry.tells, entry.cannot_tell, entry.known_to_fail, entry.paper):
        assert told in said
    assert f"{100 * result.inside:.1f} %" in said and "bare soil" in said and result.model_sha256 in said
    assert all(f">{band_text(band)}<" in text for band in result.bands) and "B04 (red)" in text
    assert "exact enough to rely on sums" in said


def test_a_target_without_a_name_is_called_by_its_place(explain: Explain) -> None:
    result, text = explain()
    west, south, east, north = shapely.from_wkt(result.target_wkt).bounds
    to_degrees = Transformer.from_crs(result.target_crs, "EPSG:4326", always_xy=True)
    longitude, latitude = to_degrees.transform((west + east) / 2, (south + north) / 2)
    assert f"<h1>Why: {latitude:.5f}N {longitude:.5f}E</h1>" in text
    _, text = explain(target="")
    assert "<h1>Why: all detections</h1>" in text


def test_a_methods_own_facts_are_told_in_words(explain: Explain) -> None:
    _, text = explain()
    said = " ".join(Page(text).texts)
    assert "The sum misses" in said and "Exact enough yes: with more points" in said and "Refined" not in said
    _, text = explain(attribution_method="kernel_shap", evaluations=400)
    assert "16 bits, in a trial, were off by" in " ".join(Page(text).texts)


def test_the_page_needs_no_other_file_and_takes_names_as_text(explain: Explain) -> None:
    _, text = explain(name="<script>alert(1)</script>")
    page = Page(text)
    assert page.sources and all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert not {"script", "link", "iframe"} & page.tags
    assert "nan" not in re.sub(r'"data:[^"]*"', "", text).lower()


def test_the_request_on_the_page_gives_the_same_page(explain: Explain, scene: Path, tmp_path: Path) -> None:
    _, text = explain(steps=30, baseline="zero")
    request = json.loads(unescape(re.search(r"<pre><code>(\{.*?\})</code></pre>", text, re.DOTALL)[1]))
    assert request["steps"] == 30 and request["baseline"] == "zero" and "threshold" not in request
    attribute(AttributeRequest(**request), Job.silent())
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == text


@pytest.mark.parametrize("method", ["gradient", "gradcam", "lrp", "vargrad", "occlusion", "feature_permutation"])
def test_methods_without_bands_signs_sums_or_baselines_have_a_page_too(explain: Explain, method: str) -> None:
    result, text = explain(attribution_method=method)
    said = " ".join(Page(text).texts)
    entry = ATTRIBUTION_METHODS[method]
    assert ("The bands" in said) == entry.bands
    assert ("Red raised the answer" in said) == (entry.signed and method != "gradient")
    assert ("lowered it most" in said or "raised the answer most" in said) == (
        entry.bands and method not in ("gradient", "vargrad")
    )
    assert ("change of the logit per unit of reflectance" in said) == (method in ("gradient", "vargrad"))
    assert ("They add up to nothing that is known" in said) == (not entry.sums_to)
    assert ("is compared with" in said) == bool(result.baseline_text)
    assert "nan" not in re.sub(r'"data:[^"]*"', "", text).lower()


def test_an_inexact_map_says_that_its_sums_cannot_be_relied_on(explain: Explain) -> None:
    result, text = explain(steps=1, rule="right")
    said = " ".join(Page(text).texts)
    assert result.error > 0.05
    assert "Do not rely on sums" in said and result.warnings[0] in said


def test_a_map_that_was_computed_in_windows_is_shown_smaller(explain: Explain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explained, "WHOLE_PIXELS", 10)
    monkeypatch.setattr(explained, "CORE", 16)
    result, text = explain(target="", steps=5)
    assert result.windows > 1
    assert "Means over squares of" in text and "outline of the pixels" not in text


def test_without_a_page_asked_for_none_is_drawn(
    explain: Explain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> str:
        raise AssertionError

    monkeypatch.setattr(module, "report", fail)
    with pytest.raises(FileNotFoundError):
        explain(report="")
    assert (tmp_path / "map.tif").exists()


def test_a_page_that_cannot_be_written_is_refused_before_anything_is_computed(
    explain: Explain, scene: Path, tmp_path: Path
) -> None:
    with pytest.raises(OutputUnwritableError, match=r"\.html"):
        explain(report=str(tmp_path / "page.txt"))
    with pytest.raises(OutputUnwritableError, match="no folder"):
        explain(report=str(tmp_path / "none" / "page.html"))
    with pytest.raises((OutputIsInputError, OutputUnwritableError)):
        explain(report=str(scene))
    assert not list(tmp_path.iterdir())


def test_where_the_map_cannot_be_put_in_place_an_older_page_stays(
    explain: Explain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "page.html").write_text("older", encoding="utf-8")

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(publish, "put_in_place", fail)
    with pytest.raises(Exception, match="disk is full"):
        explain()
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == "older"


def test_pictures_show_red_where_raised_blue_where_lowered_and_ground_where_nothing() -> None:
    ground = np.full((2, 3, 3), 0.5)
    values = np.array([[1.0, -1.0, 0.0], [np.nan, 0.5, -0.5]])
    drawn = over_ground(values, ground, limit=1.0)
    red, blue, none = drawn[0, 0], drawn[0, 1], drawn[0, 2]
    assert red[0] > 0.6 > red[2] and blue[2] > 0.6 > blue[0]
    assert none[0] == none[1] == none[2] == drawn[1, 0, 0]
    assert none[0] > drawn[1, 1, 1] > red[1]  # half as strong: between ground and full colour


def test_a_scene_is_drawn_in_its_own_colours_and_white_where_it_holds_nothing() -> None:
    reflectance = np.zeros((4, 2, 2), np.float32)
    reflectance[2, 0, 0] = 0.3  # B04
    valid = np.array([[True, True], [True, False]])
    drawn = natural_colour(("B02", "B03", "B04", "B08"), reflectance, valid)
    assert drawn[0, 0, 0] > 0.9 and drawn[0, 0, 1] == drawn[0, 0, 2] == 0
    assert (drawn[1, 1] == 1).all()
    grey = natural_colour(("B08", "B11", "B12", "B8A"), reflectance, valid)
    assert grey[0, 0, 0] == grey[0, 0, 1] == grey[0, 0, 2] > 0


def test_shades_grow_darker_and_nothing_is_not_white() -> None:
    drawn = shades(np.array([[0.0, 0.5, 1.0, np.nan]]))
    assert (drawn[0, 0] == 1).all() and (drawn[0, 2] == 0).all() and 0.4 < drawn[0, 1, 0] < 0.6
    assert drawn[0, 3, 2] > drawn[0, 3, 0]


def test_the_outline_follows_the_edges_of_pixels() -> None:
    target = np.zeros((5, 6), bool)
    target[1:3, 2:5] = True
    figure = panels([("a", np.ones((5, 6, 3)))], target, (10.0, 10.0), columns=1)
    lines = [segment for line in figure.axes[0].collections for segment in line.get_segments()]
    assert len(lines) == 2 * 2 * (2 + 3)  # drawn twice, white below black
    assert {(x, y) for segment in lines for x, y in segment} <= {(c + 0.5, r + 0.5) for r in range(5) for c in range(6)}
    assert figure.axes[0].get_xlim() == (-0.5, 5.5) and figure.axes[0].get_ylim() == (4.5, -0.5)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_real_farm_has_a_page(shared_data: Path, tmp_path: Path) -> None:
    data = shared_data / "austria-pv-2022"
    request = AttributeRequest(
        scene=str(data / "s2" / "S2_2022_777.nc"),
        date="2022-07-19",
        polygons=str(data / "farm_polygons.geojson"),
        output=str(tmp_path / "map.tif"),
        report=str(tmp_path / "page.html"),
    )
    result = attribute(request, Job.silent())
    said = " ".join(Page((tmp_path / "page.html").read_text(encoding="utf-8")).texts)
    assert "2022-07-19" in said and number(result.f_x, 3) in said and "exact enough to rely on sums" in said
