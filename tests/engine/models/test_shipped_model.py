"""The model that comes with the plugin is what its card says."""

from pathlib import Path

import pytest

from solar_saliency_plugin.engine.imagery.bands import MODEL_BANDS
from solar_saliency_plugin.engine.models import receptive_field
from solar_saliency_plugin.engine.models.registry import WEIGHTS, Model, installed_models, load_model
from solar_saliency_plugin.engine.training import backgrounds, evaluation, splits
from solar_saliency_plugin.engine.training.false_area import false_area
from solar_saliency_plugin.engine.training.farms import SNOW_LIMIT, farm_views
from solar_saliency_plugin.engine.training.marking import Marking


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model("default")


@pytest.mark.parametrize("name", [entry.name for entry in installed_models() if entry.shipped])
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
    used = [scene["licence"] for scene in training["scenes"]]
    assert used and "unknown" not in used
    assert training["seed"] >= 0 and training["software"]["torch"]


def test_sites_and_scenes_of_the_card_are_those_of_the_code(model: Model) -> None:
    training = model.card.training
    assert tuple(training["farms"]["sites"]) == tuple(site for group in splits.groups() for site in group)
    assert [scene["name"] for scene in training["scenes"]] == [s.name for part in backgrounds.PARTS for s in part]
    measured = {scene["name"] for scene in training["scenes"] + training["measured_only"]}
    assert set(model.card.quality["false_area_percent"]) == measured


def test_card_says_what_was_measured_and_how(model: Model) -> None:
    quality = model.card.quality
    assert "cross-validation" in quality["conditions"]
    assert set(quality) >= {"baselines", "shift", "ingredients", "learning_curve", "label_noise"}
    single = quality["all_pixels"]["single_dates"]["iou"]
    assert single["low"] <= single["value"] <= single["high"]
    assert quality["without_outlines_strip"]["single_dates"]["iou"]["value"] >= single["value"]


def test_the_wide_model_says_what_it_is_for_and_how_it_compares() -> None:
    card = load_model("wide").card
    assert card.name != load_model("default").card.name and card.receptive_field > 64
    assert "for comparison" in card.summary
    own, default = card.quality["in_short"], card.quality["default_model_on_the_same_folds"]
    assert set(own) == set(default)
    for figures in (own, default):
        assert f"{figures['farms_of_1_ha_or_more_found']:.0%}" in card.summary
        assert f"{figures['average_precision']:.2f}" in card.summary
        assert f"{figures['false_ha_per_100_km2']:.0f} ha" in card.summary
    assert own["average_precision"] >= 0.85


@pytest.mark.parametrize("name", ["default", "wide"])
def test_shipped_weights_give_the_figures_of_the_card_on_real_data(name: str, shared_data: Path) -> None:
    model = load_model(name)
    stated = model.card.quality["fitted_to_everything"]
    views = [v for v in farm_views(shared_data, model.card.training["farms"]["sites"]) if v.snow <= SNOW_LIMIT]
    tally = evaluation.pooled(evaluation.site_tallies(evaluation.predictions(model.network, views), strip=False))
    assert tally.iou(model.card.threshold) == pytest.approx(stated["iou"], abs=0.002)
    assert tally.average_precision() == pytest.approx(stated["average_precision"], abs=0.002)


@pytest.mark.parametrize("name", ["default", "wide"])
def test_false_area_on_scenes_that_never_taught_is_what_the_card_says(name: str, shared_data: Path) -> None:
    model = load_model(name)
    stated = model.card.quality["fitted_to_everything"]["false_area_percent"]
    marking = Marking(model.card.threshold, model.card.core or 0.0)
    for source in backgrounds.MEASURED_ONLY:
        measured = false_area(model.network, source.load(shared_data)).percent(marking)
        assert measured == pytest.approx(stated[source.name], abs=0.02)
