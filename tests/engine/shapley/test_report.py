"""The page of a run over regions says what the answers say, in words, pictures and numbers, and stays bounded."""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solar_saliency_plugin.contract.band_words import band_text
from solar_saliency_plugin.contract.region_shap import (
    BandShapRequest,
    BandShapResult,
    RegionAnswer,
    RegionShapRequest,
    RegionShapResult,
)
from solar_saliency_plugin.engine.attribution.explained import Explained, open_explained
from solar_saliency_plugin.engine.job import Job
from solar_saliency_plugin.engine.shapley import report as module
from solar_saliency_plugin.engine.shapley.drawing import Drawing
from solar_saliency_plugin.engine.shapley.picture import region_picture
from solar_saliency_plugin.engine.shapley.report import report
from solar_saliency_plugin.engine.shapley.telling import headline, hiding, names_of
from solar_saliency_plugin.engine.shapley.waterfall import STEPS, steps_of, waterfall
from tests.engine.shapley.answers import BANDS, answer_of, compared, of_all_bands, superpixels

LABELS = np.array([[-1, -1, -1, -1, -1], [-1, 0, 0, 1, 1], [-1, 0, 2, 2, 1], [-1, 3, 2, 2, 1], [-1, 3, 3, -1, -1]])
TARGET = "POLYGON((300100 2999900, 300200 2999900, 300200 2999800, 300100 2999800, 300100 2999900))"

Tell = Callable[..., str]


@pytest.fixture(scope="module")
def explained(
    write_scene: Callable[..., Path], landscape: Callable[..., np.ndarray], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Explained]:
    scene = write_scene(tmp_path_factory.mktemp("report") / "scene.tif", landscape(60, 64, 3))
    request = RegionShapRequest(scene=str(scene), target=TARGET, output="s.gpkg", device="cpu")
    with open_explained(request, Job.silent()) as opened:
        yield opened


@pytest.fixture
def tell(explained: Explained) -> Tell:
    """A function that makes the page of answers and drawings, its marks left out of the text."""

    def run(answers: Sequence[RegionAnswer], drawings: Sequence[Drawing], **changes: Any) -> str:
        bands = all(drawn.players.places.max() < 0 for drawn in drawings)
        known: dict[str, Any] = {
            "output": "s.gpkg",
            "layer": "",
            "report": "s.html",
            "regions": tuple(answers),
            "refused": (),
            "explained": len(answers),
            "players": 5,
            "evaluations": 250,
            "seed": 7,
            "crs": "EPSG:32643",
            "device": "cpu",
            "model": "m",
            "model_sha256": "0",
            "simulated": False,
            "seconds": 1.0,
            **changes,
        }
        if bands:
            request = BandShapRequest(scene=explained.request.scene, output="s.gpkg")
            return report(explained, request, BandShapResult(**known, table=""), drawings)
        told = RegionShapResult(**known, raster="")
        return report(explained, RegionShapRequest(scene=explained.request.scene, output="s.gpkg"), told, drawings)

    return run


def said(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


def test_the_page_tells_the_answer_and_how_to_repeat_it(tell: Tell, explained: Explained) -> None:
    drawn = superpixels(LABELS)
    answer = answer_of(
        drawn,
        [2.0, -1.0, 0.1, 0.0, 0.4],
        [0.1, 0.1, 0.1, 0.0, 0.01],
        name="farm 7",
        r2=0.97,
        facts={"noise": 0.5, "orders": 12},
    )
    page = tell([answer], [drawn])
    text = said(page)
    assert "Why: farm 7" in text and "Superpixel 1 raised the answer most: +2 ± 0.2" in text
    assert "Superpixel 2 lowered the answer most: −1 ± 0.2" in text and "What the model sees around the region" in text
    for fact in (
        "−0.500",
        "−2.0000 (bare soil)",
        "1.5000; v(N) − v(∅) is 1.5000",
        "250",
        "0.970",
        "7",
        "Gaussian process",
    ):
        assert fact in text, fact
    assert "Random orders 12" in text and "Noise" not in text
    for word in ("player", "coalition", "v(N)", "σ"):
        assert word not in text[: text.index("For specialists")].lower(), word
    assert "engine regionshap" in text and explained.model.sha256 in text and "It cannot tell" in text
    assert page.count("data:image/png") == 1 and page.count("<svg") == 1 and 'src="http' not in page
    assert tell([answer], [drawn]) == page


def test_names_are_shown_as_they_are_and_run_nothing(tell: Tell) -> None:
    drawn = superpixels(LABELS)
    page = tell([answer_of(drawn, [1, 2, 3, 4, 5], name="<script>alert(1)</script>")], [drawn])
    assert "<script" not in page and "<script>alert(1)</script>" in unescape(page)


def test_other_baselines_stand_beside_and_what_they_hide_is_named(tell: Tell) -> None:
    drawn = superpixels(LABELS)
    others = (
        compared("mean", [0.0, -1.0, 0.1, 0.0, 0.4], hidden=("1",)),
        compared("blur", [], error="There is nothing to blur."),
    )
    answer = answer_of(drawn, [2.0, -1.0, 0.1, 0.0, 0.4], compared=others, hidden=("2", "3", "rest"))
    text = said(tell([answer], [drawn]))
    assert "The baseline bare soil hides superpixels 2 and 3 and what surrounds the region" in text
    assert "Compared with the mean, superpixel 1 would go unnoticed" in text
    assert "The blurred image: There is nothing to blur." in text and "(+0.00)" in text and "(−1.00)" in text
    assert hiding(answer_of(drawn, [1] * 5)) == []
    failed = answer_of(drawn, [1] * 5, compared=others[1:], hidden=("2",))
    assert hiding(failed) == ["The baseline bare soil looks nearly like superpixel 2: what rests on it hardly shows."]


def test_many_names_are_counted(tell: Tell) -> None:
    drawn = superpixels(np.arange(16).reshape(4, 4))
    answer = answer_of(drawn, range(16))
    told = names_of(answer, [str(number) for number in range(1, 11)])
    assert told == "superpixels 1, 2, 3, 4, 5, 6 and 4 more"


@pytest.mark.parametrize(
    ("phi", "error", "expected"),
    [
        ([0.0] * 5, 0.0, "Nothing in the region moves the answer"),
        ([1.0, 0.5, 0.2, 0.1, 0.1], 0.0, "Nothing lowered it."),
        ([-1.0, -0.5, -0.2, -0.1, -0.1], 0.0, "Nothing raised it."),
        ([1.0, -0.1, 0.2, 0.1, 0.1], 0.2, "That anything lowered it is not certain."),
        ([1.0, -0.4, 0.2, 0.1, 0.1], math.nan, "Superpixel 2 lowered the answer most: −0.4, 22.2 % of"),
    ],
)
def test_the_headline_claims_no_more_than_is_certain(phi: list[float], error: float, expected: str) -> None:
    assert expected in headline(answer_of(superpixels(LABELS), phi, error))


def test_bands_are_called_by_their_names(tell: Tell) -> None:
    inside = np.zeros((12, 12), bool)
    inside[4:8, 4:8] = True
    drawn = of_all_bands(inside)
    page = tell([answer_of(drawn, [0.1, 3.0, *range(-8, 0), 0.2])], [drawn])
    text = said(page)
    assert "B03 (green) raised the answer most: +3" in text and "B04 (red) lowered the answer most: −8" in text
    assert "engine bandshap" in text and "exact" in text and "Area (ha)" not in text
    assert all(page.count(f">{band_text(band)}<") >= 2 for band in BANDS), "in the chart and in the table"


def test_of_many_regions_the_first_are_told_in_full_and_the_others_in_a_table(
    tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IN_FULL", 2)
    drawings = [superpixels(LABELS, 10 * n, 0) for n in range(4)]
    answers = [answer_of(drawn, [n, 2, 3, 4, 5], name=f"farm {n}") for n, drawn in enumerate(drawings)]
    page = tell(answers, drawings, refused=({"name": "farm 9", "reason": "Nothing is detected there."},))
    text = said(page)
    assert "Why: 4 regions" in text and page.count("data:image/png") == 2 and page.count("<h2>farm") == 2
    assert "farm 3" in text and "farm 9: Nothing is detected there." in text and "first 2 are told in full" in text


def test_thousands_of_superpixels_make_no_endless_page(tell: Tell) -> None:
    drawn = superpixels(np.arange(2500).reshape(50, 50))
    page = tell([answer_of(drawn, np.linspace(-1, 1, 2500), 0.01)], [drawn])
    assert len(page) < 400_000 and "And 2475 parts more" in said(page).replace(",", "")


def test_pairs_that_count_together_are_told(tell: Tell) -> None:
    drawn = superpixels(LABELS)
    answer = answer_of(drawn, [1, 2, 3, 4, 5], interactions=(("1", "3", 0.5), ("2", "rest", -0.25)))
    text = said(tell([answer], [drawn]))
    assert "superpixel 1 and superpixel 3 +0.50" in text and "superpixel 2 and what surrounds the region −0.25" in text


# the waterfall


@given(
    phi=st.lists(st.floats(-10, 10), min_size=2, max_size=40),
    missed=st.sampled_from([0.0, 0.7]),
    error=st.sampled_from([0.0, 0.3, math.nan]),
)
@settings(max_examples=60, deadline=None)
def test_the_waterfall_leads_from_the_baseline_to_the_image_without_a_gap(
    phi: list[float], missed: float, error: float
) -> None:
    drawn = superpixels(np.arange(len(phi))[None])
    total = sum(phi)
    answer = answer_of(drawn, phi, error, f_x=total - 2 - missed, difference=missed)
    steps = steps_of(answer)
    assert len(steps) <= STEPS + 2
    ends = [answer.f_baseline, *(step.end for step in steps)]
    np.testing.assert_allclose([step.start for step in steps], ends[:-1], atol=1e-9)
    if any(step.label == "not explained" for step in steps) or not missed:
        assert steps[-1].end == pytest.approx(answer.f_x, abs=1e-9)
    sizes = [abs(step.end - step.start) for step in steps if step.label.startswith("superpixel")]
    assert sizes == sorted(sizes, reverse=True) or np.allclose(sizes, sorted(sizes, reverse=True))
    chart = waterfall(answer, "chart", 2)
    widths = [float(width) for width in re.findall(r'<rect x="[\d.]+" y="\d+" width="([\d.]+)"', chart)]
    lefts = [float(left) for left in re.findall(r'(?:x|x1|x2)="([-\d.]+)"', chart)]
    assert min(lefts) >= 0 and max(lefts) <= 780 and len(widths) >= len(steps)


def test_bars_whose_sign_is_not_clear_are_hatched_and_certain_ones_are_not() -> None:
    drawn = superpixels(LABELS)
    unclear = waterfall(answer_of(drawn, [1.0, 0.1, 2.0, 3.0, 4.0], 0.2), "chart", 2)
    assert unclear.count("url(#unclear)") == 1
    assert "url(#unclear)" not in waterfall(answer_of(drawn, [1.0, 0.1, 2.0, 3.0, 4.0], math.nan), "chart", 2)


# the picture


def test_the_picture_colours_what_raised_red_and_what_lowered_blue() -> None:
    labels = np.full((30, 30), -1)
    labels[5:15, 5:25], labels[15:25, 5:25] = 0, 1
    drawn = superpixels(labels)
    figure = region_picture(answer_of(drawn, [1.0, -1.0, 0.0]), drawn, 1.0, (10.0, 10.0))
    shown = np.asarray(figure.axes[1].images[0].get_array())
    height, width, _ = shown.shape
    above, below = shown[int(0.3 * height), int(0.2 * width)], shown[int(0.6 * height), int(0.2 * width)]
    assert above[0] > 0.6 > above[2] + 0.3 and below[2] > 0.6 > below[0] + 0.3
    assert [text.get_text() for text in figure.axes[1].texts] == ["1", "2"]


def test_the_picture_hatches_what_is_not_clear() -> None:
    labels = np.full((30, 30), -1)
    labels[5:15, 5:25], labels[15:25, 5:25] = 0, 1
    drawn = superpixels(labels)
    figure = region_picture(answer_of(drawn, [1.0, 0.01, 0.0], [0.0, 1.0, 0.0]), drawn, 1.0, (10.0, 10.0))
    shown = np.asarray(figure.axes[1].images[0].get_array())
    height, width, _ = shown.shape
    dark = (shown == 0.15).all(axis=2)
    rows = slice(int(0.55 * height), int(0.7 * height))
    assert 0.05 < dark[rows, int(0.3 * width) : int(0.7 * width)].mean() < 0.3
    assert not dark[int(0.3 * height) : int(0.45 * height)].any()


def test_bars_of_values_next_to_nothing_are_next_to_nothing_on_the_page() -> None:
    drawn = superpixels(LABELS)
    answer = replace(answer_of(drawn, [1e-5, -2e-5, 1e-5, 1e-5, 1e-5]), f_x=3.0, f_baseline=3.0, difference=0.0)
    wide = [
        float(width) for width in re.findall(r'width="([0-9.]+)" height="16" fill="#(?!1a)', waterfall(answer, "", 6))
    ]
    assert len(wide) == 5 and max(wide) < 1
