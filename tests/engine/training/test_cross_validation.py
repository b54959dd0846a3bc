"""No network is measured on what it has learned from."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from solar_saliency_plugin.engine.detection.components import CORE_PIXELS, find_components
from solar_saliency_plugin.engine.job import Job
from solar_saliency_plugin.engine.models.unet import UNet
from solar_saliency_plugin.engine.training import backgrounds, cross_validation, splits
from solar_saliency_plugin.engine.training.calibration import Calibration
from solar_saliency_plugin.engine.training.cross_validation import (
    CORES,
    Data,
    Learned,
    choose_marking,
    choose_thresholds,
    fit_in_stages,
    learn,
    mean_false_share,
    predicted,
    quiet_places,
)
from solar_saliency_plugin.engine.training.evaluation import Prediction
from solar_saliency_plugin.engine.training.false_area import FalseArea, false_area
from solar_saliency_plugin.engine.training.farms import FarmView
from solar_saliency_plugin.engine.training.fitting import FitOptions
from solar_saliency_plugin.engine.training.marking import Marking
from solar_saliency_plugin.engine.training.recipe import OPTIONS, RECIPE, STAGES, Stage
from solar_saliency_plugin.engine.training.scores import Ground, Tally

PARTS = ("training", "validation", "test")


def _scene(name: str) -> backgrounds.Background:
    return backgrounds.Background(name, "", "L2A", np.zeros((10, 1, 1), np.float32), np.ones((1, 1), bool))


@pytest.fixture
def scenes() -> Data:
    parts = [[_scene(source.name) for source in part] for part in backgrounds.PARTS]
    return Data([], parts, [_scene(source.name) for source in backgrounds.MEASURED_ONLY], [])


@pytest.mark.parametrize("fold", range(splits.FOLDS))
def test_no_scene_is_in_two_parts_of_a_fold_and_none_is_lost(scenes: Data, fold: int) -> None:
    names = [scene.name for part in PARTS for scene in scenes.scenes(part, fold)]
    everything = [source.name for part in backgrounds.PARTS for source in part]
    assert sorted(names) == sorted(everything + [source.name for source in backgrounds.MEASURED_ONLY])


def test_every_scene_is_tested_in_one_fold_and_scenes_without_licence_in_all(scenes: Data) -> None:
    tested = [scene.name for fold in range(splits.FOLDS) for scene in scenes.scenes("test", fold)]
    for part in backgrounds.PARTS:
        assert all(tested.count(source.name) == 1 for source in part)
    assert all(tested.count(source.name) == splits.FOLDS for source in backgrounds.MEASURED_ONLY)


def test_scenes_without_a_known_licence_never_teach(scenes: Data) -> None:
    assert {source.licence for part in backgrounds.PARTS for source in part}.isdisjoint({"unknown", ""})
    unknown = {source.name for source in backgrounds.MEASURED_ONLY}
    for fold in range(splits.FOLDS):
        assert unknown.isdisjoint(scene.name for part in PARTS[:2] for scene in scenes.scenes(part, fold))


def test_one_place_at_two_levels_or_dates_is_on_one_side() -> None:
    for place in ("282D", "433D", "609U", "637U", "bouconne"):
        assert sum(any(place in source.name for source in part) for part in backgrounds.PARTS) == 1


def _prediction(share_found: float) -> Prediction:
    coverage = np.zeros((10, 10), np.float32)
    coverage[:5] = 1
    view = FarmView(1, "2022-06-01", np.zeros((10, 10, 10), np.float32), coverage >= 0, coverage, 0.0, coverage < 0)
    probability = np.where(coverage == 1, 0.6, 0.3).astype(np.float32)
    probability[0, : round(10 * share_found)] = 0.95
    return Prediction(view, probability)


def _ground(marked: int, probability: float) -> FalseArea:
    """10 000 pixels, of which a row of ``marked`` has this probability."""
    values = np.full((10, 1000), 0.01, np.float32)
    values[0, :marked] = probability

    class Says(UNet):
        def forward(self, reflectance: torch.Tensor) -> torch.Tensor:
            return torch.logit(torch.from_numpy(values))[None, None]

    network = Says((0.2,) * 10, (0.1,) * 10, stem=(4,), width=4, depth=0, convolutions=1)
    scene = backgrounds.Background("", "", "L2A", np.zeros((10, 10, 1000), np.float32), np.ones((10, 1000), bool))
    return false_area(network, scene)


def test_threshold_is_the_best_for_farms_and_core_the_least_that_keeps_ground_free() -> None:
    assert choose_marking([_prediction(0.5)], lambda marking: 0.0005).core == 0.0
    for enough in (0.6, 0.8):
        marking = choose_marking([_prediction(0.5)], lambda marking, enough=enough: float(marking.core < enough))
        assert 0.3 < marking.threshold <= 0.6 and marking.core == enough
    assert choose_marking([_prediction(0.5)], lambda marking: 1.0).core == CORES[-1]


def test_each_place_counts_alike_in_what_is_falsely_detected(scenes: Data) -> None:
    dates = {f"bouconne {day}": Ground(100.0, 7.0) for day in ("2018-04-29", "2018-05-13")}
    ground = {**dates, "aber 2021-05-27": Ground(1e6, 0.0)}
    assert mean_false_share(scenes, ground) == pytest.approx(0.035), "both dates are one place"
    top = replace(_scene("terramind 637U_59R_1_3 L1C"), level="L1C")
    uncorrected = {**ground, top.name: Ground(100.0, 100.0)}
    data = replace(scenes, parts=[[top], *([s for s in part if s.name != top.name] for part in scenes.parts)])
    assert mean_false_share(data, uncorrected) == pytest.approx(0.035), "another level is no measure of the model"


def test_a_place_is_quiet_where_false_detections_take_little_of_it(scenes: Data) -> None:
    names = [scene.name for scene in scenes.scenes_of_all_parts()]
    quiet = {name: Ground(100.0, 0.01) for name in names}
    assert quiet_places(scenes, quiet) == 1.0
    assert 0.9 < quiet_places(scenes, {**quiet, "aber 2021-05-27": Ground(100.0, 1.0)}) < 1.0
    dates = {name: ground for name, ground in quiet.items() if name.startswith("bouconne")}
    assert quiet_places(scenes, {**dates, "bouconne 2018-04-29": Ground(100.0, 0.2)}) == 1.0, "dates are one place"
    assert quiet_places(scenes, {**dates, "bouconne 2018-04-29": Ground(100.0, 9.0)}) == 0.0


def test_thresholds_and_cores_of_a_fold_are_chosen_without_its_test_part(
    scenes: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(clear: list[Prediction], false_share: Callable[[Marking], float]) -> Marking:
        chosen_on.append({one.view.site for one in clear})
        false_share(Marking(0.5))
        return Marking(0.5)

    def seen(data: Data, ground: dict[str, Ground]) -> float:
        ground_asked.append(set(ground))
        return 0.0

    def areas(data: Data, learned: list[Learned], part: str) -> dict[int, dict[str, FalseArea]]:
        return {one.fold: {scene.name: area for scene in data.scenes(part, one.fold)} for one in learned}

    area, chosen_on, ground_asked = _ground(20, 0.7), list[set[int]](), list[set[str]]()
    monkeypatch.setattr(cross_validation, "choose_marking", asked)
    monkeypatch.setattr(cross_validation, "mean_false_share", seen)
    monkeypatch.setattr(cross_validation, "false_areas", areas)
    base = _prediction(0.5).view
    data = replace(scenes, views=[replace(base, site=site) for group in splits.groups() for site in group])
    network = UNet((0.2,) * 10, (0.1,) * 10, stem=(4,), width=4, depth=0, convolutions=1).eval()
    folds = [Learned(fold, network, Calibration(1.0, 0.0)) for fold in range(splits.FOLDS)]
    chosen = choose_thresholds(data, folds)
    everything, *without = chosen_on
    assert everything == {site for fold in range(splits.FOLDS) for site in splits.sites("validation", fold)}
    for fold, sites in enumerate(without):
        assert sites.isdisjoint(splits.sites("test", fold)) and sites
    for fold, names in enumerate(ground_asked[1:]):
        tested = {scene.name for scene in data.scenes("test", fold)}
        assert names and names.isdisjoint(tested), "nor by what is only ever measured on"
    assert set(chosen.by_site().single) == {site for fold in range(splits.FOLDS) for site in splits.sites("test", fold)}


def test_false_detections_too_small_to_be_kept_do_not_count() -> None:
    assert _ground(19, 0.7).percent(Marking(0.5)) == {"pixels": 0.19, "detections": 0.0}
    assert _ground(20, 0.7).percent(Marking(0.5)) == {"pixels": 0.2, "detections": 0.2}


def test_false_detections_without_a_core_do_not_count() -> None:
    area = _ground(20, 0.7)
    assert area.percent(Marking(0.5, 0.7)) == {"pixels": 0.2, "detections": 0.2}
    assert area.percent(Marking(0.5, 0.71)) == {"pixels": 0.2, "detections": 0.0}
    assert area.ground(Marking(0.5, 0.71)) == Ground(100.0, 0.0)


@given(arrays(np.float32, (30, 40), elements=st.floats(0, 1, width=32)), st.integers(1, 9), st.integers(0, 19))
@settings(max_examples=60, deadline=None)
def test_false_area_is_what_polygonizing_would_mark(noise: np.ndarray, tenths: int, core: int) -> None:
    """Noise made smooth, so that its detections are large enough to be kept."""
    probability = ndimage.zoom(noise[:6, :8], 5, order=1)
    marking = Marking(tenths / 10, core / 20)
    found = find_components(
        lambda window: probability[window.rows, window.cols],
        *probability.shape,
        marking.threshold,
        lambda share: None,
        marking.core,
    )
    kept = [one.pixels for one in found if one.pixels >= 20 and (not marking.core or one.sure >= CORE_PIXELS)]
    area = FalseArea(probability, probability.size, Tally())
    assert area.detected(marking) == sum(kept)


def test_a_fold_is_learned_from_real_data_and_measured_on_its_own_test_sites(shared_data: Path) -> None:
    torch.set_num_threads(1)
    data = Data.read(shared_data)
    options = replace(OPTIONS, steps=5, precision="float32")
    learned = learn(data, 2, [Stage(options, RECIPE)], 1, Job.silent())
    found = predicted(data, [learned], "test")
    assert {one.view.site for one in found} == set(splits.sites("test", 2))
    assert all(np.isfinite(one.probability).all() for one in found)
    assert any(view.ignored.any() for view in data.views), "the strip along outlines is known to the scores"


def test_a_stage_goes_on_from_where_the_one_before_left_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def record(drawn: object, options: FitOptions, seed: int, *, start: object, job: Job) -> SimpleNamespace:
        said.append((drawn, options.steps, start))
        return SimpleNamespace(network=f"network after {options.steps} steps")

    said: list[tuple[object, int, object]] = []
    monkeypatch.setattr(cross_validation, "fit", record)
    stages = [Stage(replace(OPTIONS, steps=steps), replace(RECIPE, patch=side)) for steps, side in ((7, 32), (3, 256))]
    network = fit_in_stages(lambda recipe: f"patches of {recipe.patch}", stages, 1, Job.silent())
    assert said == [("patches of 32", 7, None), ("patches of 256", 3, "network after 7 steps")]
    assert network == "network after 3 steps"


@pytest.mark.parametrize("model", STAGES)
def test_all_stages_of_a_model_have_its_architecture(model: str) -> None:
    first, *others = STAGES[model]
    assert all(stage.options.architecture == first.options.architecture for stage in others)
