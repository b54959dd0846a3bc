"""Masks that remove a detection, or keep it: found where the answer comes from, as small as will do, repeatable."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import torch

from solar_saliency_plugin.contract.deletion_mask import DeletionMaskRequest, DeletionMaskResult
from solar_saliency_plugin.contract.errors import (
    CancelledError,
    DiskFullError,
    MethodUnsuitableError,
    RequestError,
    TargetEmptyError,
)
from solar_saliency_plugin.contract.provenance import RUN_TAG
from solar_saliency_plugin.engine.attribution import explained
from solar_saliency_plugin.engine.attribution.deletion_mask import deletion_mask
from solar_saliency_plugin.engine.attribution.masks import Mask, Wanted, excess_of, find_mask, masked
from solar_saliency_plugin.engine.attribution.view import View
from solar_saliency_plugin.engine.job import Job, SilentListener
from solar_saliency_plugin.engine.models.registry import Model

ViewOf = Callable[..., View]

#: The square of a window of 40 × 44 pixels that a model of the tests looks at, and the target beside it.
SQUARE = (slice(8, 16), slice(10, 20))
TARGET = (slice(24, 32), slice(24, 32))

SMALLEST = Wanted(
    keeps=False, level=0, area=None, area_weight=0.1, smoothness=0.01, grain=2, jitter=1, trials=4, iterations=150
)


class OfSquare:
    """A network whose answer, at every pixel, is how bright B08 is in a square, and nothing else."""

    def logits(self, reflectance: torch.Tensor) -> torch.Tensor:
        bright = reflectance[:, 6][(slice(None), *SQUARE)].clamp(max=0.5).mean(dim=(1, 2), keepdim=True)
        return (20 * bright - 6).expand(-1, *reflectance.shape[-2:])


@pytest.fixture
def of_square(view_of: ViewOf, linear_model: Model) -> View:
    view = view_of(linear_model, 40, 44, target=TARGET)
    image = torch.full_like(view.reflectance, 0.5)
    return replace(view, network=OfSquare(), reflectance=image, baselines=torch.full_like(image, 0.1))


def square(view: View) -> torch.Tensor:
    inside = torch.zeros(view.shape, dtype=torch.bool)
    inside[SQUARE] = True
    return inside


def overlap(mask: Mask, wanted: torch.Tensor) -> float:
    """Intersection over union of the wanted pixels and those that are masked more than half as much as any."""
    found = mask.values > mask.values.max() / 2
    return float((found & wanted).sum()) / float((found | wanted).sum())


def logit(view: View, mask: torch.Tensor, keeps: bool = False) -> float:
    with torch.no_grad():
        return float(view.score(masked(view, mask[None], keeps, view.baselines)))


def test_the_smallest_mask_is_where_the_answer_comes_from_and_no_larger_than_it_must_be(of_square: View) -> None:
    assert overlap(find_mask(of_square, SMALLEST), square(of_square)) > 0.5, "what moves by a pixel is a pixel larger"
    mask = find_mask(of_square, replace(SMALLEST, jitter=0))
    assert logit(of_square, mask.values) <= 0.05 < 3.9 < logit(of_square, torch.zeros_like(mask.values))
    assert overlap(mask, square(of_square)) > 0.8
    assert logit(of_square, 0.8 * mask.values) > 0.3, "deleting less does not remove the detection"
    for half in (slice(0, 12), slice(12, 40)):
        less = mask.values.clone()
        less[half] = 0
        assert logit(of_square, less) > 1, "nor does deleting half of it"


@pytest.mark.parametrize("keeps", [False, True])
@pytest.mark.parametrize("share", [0.5, 1.0])
def test_a_mask_of_a_given_area_has_that_area_and_lies_where_the_answer_comes_from(
    of_square: View, keeps: bool, share: float
) -> None:
    area = 80 * share
    mask = find_mask(of_square, replace(SMALLEST, area=area, keeps=keeps))
    assert float(mask.values.sum()) == pytest.approx(area, rel=0.1)
    assert float(mask.values[square(of_square)].sum()) > 0.8 * area
    if share == 1:
        assert overlap(mask, square(of_square)) > 0.7
        assert (logit(of_square, mask.values, keeps) > 2) == keeps


def test_the_loss_falls_and_the_curve_tells_it(of_square: View) -> None:
    curve = find_mask(of_square, SMALLEST).curve
    losses = [loss for loss, _ in curve]
    assert len(curve) == 150 and np.mean(losses[-10:]) < 0.5 * losses[0]
    assert np.mean(losses[-10:]) <= min(np.mean(losses[i : i + 10]) for i in range(0, 140, 10)) * 1.02
    assert all(0 <= excess <= loss + 1e-6 for loss, excess in curve)


def test_too_few_iterations_are_known_to_be_too_few(of_square: View) -> None:
    assert find_mask(of_square, SMALLEST).settled
    assert not find_mask(of_square, replace(SMALLEST, iterations=8)).settled
    assert not find_mask(of_square, replace(SMALLEST, iterations=1)).settled


def test_the_seed_decides_and_nothing_else(of_square: View) -> None:
    first, again = find_mask(of_square, SMALLEST), find_mask(of_square, SMALLEST)
    assert torch.equal(first.values, again.values) and first.curve == again.curve
    other = find_mask(replace(of_square, seed=2), SMALLEST)
    assert not torch.equal(first.values, other.values)
    assert float((first.values - other.values).abs().mean()) < 0.03, "but hardly what is found"


def test_nothing_is_masked_where_there_is_no_data(of_square: View) -> None:
    valid = torch.ones(of_square.shape, dtype=torch.bool)
    valid[8:12, 10:20] = False
    baselines = torch.where(valid, of_square.baselines, of_square.reflectance)
    mask = find_mask(replace(of_square, valid=valid, baselines=baselines), SMALLEST)
    assert not mask.values[~valid].any() and mask.values[12:16, 10:20].mean() > 0.3


def test_the_excess_is_1_for_the_image_and_0_for_what_is_sought(view_of: ViewOf, wide_model: Model) -> None:
    view = view_of(wide_model)
    for wanted in (SMALLEST, replace(SMALLEST, area=9.0), replace(SMALLEST, area=9.0, keeps=True)):
        with torch.no_grad():
            low = view.answers(view.reflectance).min() - 1
            excess = excess_of(view, replace(wanted, level=float(low)))
            image, baseline = (float(excess(view.answers(i))) for i in (view.reflectance, view.baselines))
        if wanted.area is None:
            assert image == pytest.approx(1)
        else:
            assert (image, baseline) == ((0, 1) if wanted.keeps else (1, 0))


def test_jitter_moves_the_mask_and_of_several_baselines_all_take_part(of_square: View) -> None:
    still = find_mask(of_square, replace(SMALLEST, jitter=0))
    assert float(still.values.sum()) < float(find_mask(of_square, replace(SMALLEST, jitter=3)).values.sum())
    useless = replace(of_square, baselines=torch.cat([of_square.baselines, of_square.reflectance]))
    both = find_mask(useless, SMALLEST)
    assert both.curve[-1][1] > 0.4, "one baseline in two changes nothing, and removes nothing"


#: Reflectance of panels, from blue to short-wave infrared, as the shipped model knows them.
PANELS = np.array([0.07, 0.075, 0.08, 0.09, 0.11, 0.12, 0.125, 0.13, 0.19, 0.15], np.float32)
GROUND = np.array([0.05, 0.08, 0.07, 0.12, 0.26, 0.31, 0.33, 0.34, 0.22, 0.13], np.float32)
FARM = "POLYGON((300300 2999600, 300500 2999600, 300500 2999440, 300300 2999440, 300300 2999600))"

Delete = Callable[..., tuple[DeletionMaskResult, np.ndarray, dict[str, Any]]]


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory, write_scene: Any) -> Path:
    """A scene with one farm of 16 × 20 pixels, which the shipped model finds; a corner holds no data."""
    random = np.random.default_rng(5)
    reflectance = np.broadcast_to(GROUND[:, None, None], (10, 97, 83)).copy()
    reflectance[:, 40:56, 30:50] = PANELS[:, None, None]
    reflectance += random.normal(0, 0.004, reflectance.shape).astype(np.float32)
    reflectance[:, 36:38, 26:30] = np.nan
    return write_scene(tmp_path_factory.mktemp("farm") / "scene.tif", reflectance)


@pytest.fixture
def delete(farm: Path, tmp_path: Path) -> Delete:
    def run(job: Job | None = None, **asked: Any) -> tuple[DeletionMaskResult, np.ndarray, dict[str, Any]]:
        output = tmp_path / "mask.tif"
        first = {"scene": str(farm), "target": FARM, "output": str(output), "device": "cpu"}
        result = deletion_mask(DeletionMaskRequest(**{**first, **asked}), job or Job.silent())
        with rasterio.open(output) as file:
            return result, file.read(), json.loads(file.tags()[RUN_TAG])

    return run


def test_the_mask_of_a_farm_removes_its_detection_within_it(delete: Delete, tmp_path: Path) -> None:
    result, values, told = delete(report=str(tmp_path / "mask.html"), name="farm 1")
    assert result.detected == result.target_pixels and 300 < result.target_pixels <= 320
    assert result.detected_masked <= 0.01 * result.target_pixels
    assert result.probability > 0.8 and result.probability_masked < 0.5 and result.f_masked < 0 < result.f_x
    mask = np.nan_to_num(values[0])
    assert mask.min() >= 0 and mask.max() <= 1 and values.shape == (1, 16 + 8, 20 + 8)
    assert mask.sum() / 100 == pytest.approx(result.area_ha, rel=1e-4)
    assert result.area_share == pytest.approx(100 * result.area_ha / result.target_pixels)
    assert mask[4:-4, 4:-4].sum() > 0.8 * mask.sum()
    assert result.settled and result.evaluations == 600
    still = [warning for warning in result.warnings if "still detected" in warning]
    assert list(result.warnings) == still and len(still) == (result.detected_masked > 0)
    assert np.isnan(values[0, 0:2, 0:4]).all() and np.isfinite(values).sum() == values.size - 8
    assert told["result"]["curve"] == [list(row) for row in result.curve] and told["request"]["name"] == "farm 1"
    page = (tmp_path / "mask.html").read_text(encoding="utf-8")
    assert "farm 1" in page and f"{result.area_ha:.2f} ha" in page and page.count("data:image/png") == 2
    assert "cells of the mask: 20 m" in page and "level" not in page and "weight of the area (λ₁): 0.1" in page
    assert "deleted" in rasterio.open(tmp_path / "mask.tif").descriptions[0]
    assert (tmp_path / "mask.qml").is_file()


def test_a_larger_area_removes_and_keeps_more(delete: Delete) -> None:
    deleted = [delete(form="area_deleted", area=area)[0] for area in (0.2, 0.8)]
    kept = [delete(form="area_kept", area=area)[0] for area in (0.2, 0.8)]
    assert deleted[1].f_masked < deleted[0].f_masked < deleted[0].f_x
    assert kept[0].f_baseline < kept[0].f_masked < kept[1].f_masked
    for result, area in zip((*deleted, *kept), (0.2, 0.8, 0.2, 0.8), strict=True):
        assert result.area_share == pytest.approx(area, rel=0.1)


def test_the_page_of_what_is_kept_says_kept_with_areas_as_shares(delete: Delete, tmp_path: Path) -> None:
    result, _, _ = delete(form="area_kept", area=0.1, iterations=60, report=str(tmp_path / "mask.html"))
    page = (tmp_path / "mask.html").read_text(encoding="utf-8")
    assert "masked" not in page and "is kept by at least half" in page
    assert "area: 10.0 % of the target's" in page and "weight of the area" not in page
    little = 2 * result.detected_masked < result.target_pixels
    assert ("That is little: choose a larger area." in page) == little


def test_the_same_request_gives_the_same_bytes(delete: Delete, tmp_path: Path) -> None:
    page = str(tmp_path / "mask.html")
    delete(iterations=20, report=page)
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    delete(iterations=20, report=page)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first


def test_a_baseline_equal_to_the_image_is_said_to_change_nothing(delete: Delete, farm: Path, tmp_path: Path) -> None:
    result, values, _ = delete(baseline="scene", baseline_scene=str(farm), report=str(tmp_path / "mask.html"))
    assert np.nanmax(values) == 0 and result.evaluations == 0 and result.f_masked == result.f_x
    assert any("equals the image" in warning for warning in result.warnings)


def test_a_baseline_that_is_a_farm_itself_is_warned_of(delete: Delete) -> None:
    result, _, _ = delete(baseline="blur", blur=10.0, iterations=10)
    assert any("takes the baseline itself" in warning for warning in result.warnings)
    kept, values, _ = delete(baseline="blur", blur=10.0, iterations=10, form="area_kept", quantity="probability")
    assert any("the baseline" in warning for warning in kept.warnings) and np.isfinite(values).any()


def test_too_few_iterations_are_warned_of(delete: Delete) -> None:
    result, _, told = delete(iterations=2)
    assert not result.settled and any("still changing" in warning for warning in told["warnings"])


def test_probability_and_sum_can_be_asked_for_instead(delete: Delete) -> None:
    result, _, _ = delete(quantity="probability", total="sum")
    assert result.f_x == pytest.approx(result.target_pixels * result.probability, rel=1e-4)
    assert result.detected_masked < 0.2 * result.target_pixels


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ({"area": 0.3}, RequestError, "smallest mask is sought"),
        ({"threshold": 0.0}, RequestError, "threshold of 0 every pixel counts as detected"),
        ({"threshold": 0.0, "quantity": "probability"}, RequestError, "every pixel counts as detected"),
        ({"threshold": 1.0}, RequestError, "threshold of 1 no pixel counts as detected"),
        ({"form": "area_deleted", "area_weight": 0.3}, RequestError, "given area is sought"),
        ({"form": "area_deleted", "area": 5.0}, RequestError, "as large as nearly all"),
        (
            {"target": "POLYGON((300600 2999800, 300700 2999800, 300700 2999700, 300600 2999800))", "pixels": "all"},
            TargetEmptyError,
            "nothing is detected",
        ),
        ({"report": "page.txt"}, Exception, "must end in"),
    ],
)
def test_what_cannot_be_sought_is_refused_in_plain_words(
    delete: Delete, tmp_path: Path, asked: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        delete(**asked)
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_needs_windows_is_refused_with_the_reason(
    delete: Delete, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explained, "WHOLE_PIXELS", 100)
    with pytest.raises(MethodUnsuitableError, match="do not add up to one"):
        delete()


def test_a_page_that_cannot_be_written_leaves_nothing_half_done(
    delete: Delete, tmp_path: Path, no_space_for: Callable[..., None]
) -> None:
    no_space_for("mask.html")
    with pytest.raises(DiskFullError):
        delete(iterations=2, report=str(tmp_path / "mask.html"))
    assert list(tmp_path.iterdir()) == []


class Cancelling(SilentListener):
    """Cancels a job when the search is under way."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()
        self.when = 0.0

    def progressed(self, progress: Any) -> None:
        if "masks tried" in progress.message and not self.when:
            self.when = time.monotonic()
            self.cancelled.set()


def test_a_cancelled_search_stops_within_a_second_and_leaves_nothing(delete: Delete, tmp_path: Path) -> None:
    listener = Cancelling()
    with pytest.raises(CancelledError):
        delete(job=Job(listener, listener.cancelled), iterations=10_000)
    assert listener.when and time.monotonic() - listener.when < 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("site", [159, 777])
def test_on_a_real_farm_the_mask_removes_the_detection_and_lies_on_the_farm(
    shared_data: Path, tmp_path: Path, site: int
) -> None:
    data = shared_data / "austria-pv-2022"
    request = DeletionMaskRequest(
        scene=str(data / "s2" / f"S2_2022_{site}.nc"),
        date="2022-07-19",
        polygons=str(data / "farm_polygons.geojson"),
        output=str(tmp_path / "mask.tif"),
    )
    result = deletion_mask(request, Job.silent())
    assert result.detected == result.target_pixels > 50 and result.detected_masked == 0
    assert result.area_share < 1 and result.settled and not result.warnings
    kept = deletion_mask(replace(request, form="area_kept", area=0.5), Job.silent())
    assert kept.f_baseline < kept.f_masked < kept.f_x and kept.area_share == pytest.approx(0.5, rel=0.1)
    assert kept.detected_masked > 0.2 * kept.detected
