"""The model that comes with the plugin is what its card says."""

from pathlib import Path

import pytest

from solar_saliency_plugin.engine.imagery.bands import MODEL_BANDS
from solar_saliency_plugin.engine.models import receptive_field
from solar_saliency_plugin.engine.models.registry import WEIGHTS, Model, installed_models, load_model
from solar_saliency_plugin.engine.training import backgrounds, evaluation, splits
from solar_saliency_plugin.engine.training.farms import farm_views


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model("default")


@pytest.mark.parametrize("name", installed_models())
def test_every_installed_model_loads_under_its_own_name(name: str) -> None:
    model = load_model(name)
    assert model.card.name == name
    assert (model.folder / WEIGHTS).stat().st_size <= 8_000_000
    measured = receptive_field.measure(model.network, len(model.card.bands))
    assert measured == (model.card.receptive_field, model.card.stride)


def test_card_names_bands_data_and_licences(model: Model) -> None:
    assert model.card.bands == MODEL_BANDS
    training = model.card.training
    assert training["farms"]["licence"] and training["outlines"]["licence"]
    used = [scene["licence"] for part in ("training", "validation") for scene in training["scenes"][part]]
    assert used and "unknown" not in used
    assert training["seed"] >= 0 and training["software"]["torch"]


def test_sites_and_scenes_of_the_card_are_those_of_the_split(model: Model) -> None:
    sites = model.card.training["farms"]["sites"]
    assert {part: tuple(sites[part]) for part in sites} == {part: splits.sites(part) for part in sites}
    measured_on = {source.name for source in backgrounds.TEST}
    assert set(model.card.quality["false_area_percent"]["test"]) == measured_on


def test_quality_in_the_card_meets_what_is_promised(model: Model) -> None:
    quality = model.card.quality
    assert quality["test"]["iou"] >= 0.60
    assert max(quality["false_area_percent"]["test"].values()) <= 1.0


def test_quality_on_sites_kept_out_of_training_is_what_the_card_says(model: Model, shared_data: Path) -> None:
    views = farm_views(shared_data, splits.sites("test"))
    measured = evaluation.farm_quality(model.network, views, model.card.threshold)
    stated = model.card.quality["test"]
    assert measured["views"] == stated["views"]
    assert measured["iou"] == pytest.approx(stated["iou"], abs=0.002)
    assert measured["ap"] == pytest.approx(stated["ap"], abs=0.002)
    assert measured["by_site"] == pytest.approx(stated["by_site"], abs=0.005)


def test_false_area_on_scenes_kept_out_of_training_is_what_the_card_says(model: Model, shared_data: Path) -> None:
    scenes = [source.load(shared_data) for source in backgrounds.TEST]
    measured = evaluation.false_areas(model.network, scenes, model.card.threshold)
    assert measured == pytest.approx(model.card.quality["false_area_percent"]["test"], abs=0.02)
