"""Explain Regions by Bands: what it asks, its words, its layer; on the sample, and on a real farm."""

import pytest
from qgis.core import QgsProcessingContext

from solar_saliency.solar_saliency_plugin.contract.region_shap import BandShapResult
from tests.qgis.regions import SQUARE, answer, player, result

BANDS = [player("B04", -0.5, 0.0), player("B8A", 1.5, 0.0), player("B11", 2.0, 0.0), player("rest", 0.1, 0.0)]


@pytest.fixture
def algorithm(provider):
    return provider.algorithm("bandshap").create()


def test_it_asks_for_bands_or_groups_of_them_and_for_no_estimator(algorithm):
    names = {definition.name() for definition in algorithm.parameterDefinitions()}
    assert "PLAYERS" in names and not names & {"ESTIMATOR", "EVALUATIONS", "SUPERPIXELS", "CUT"}
    assert algorithm.parameterDefinition("PLAYERS").options() == ["Bands", "Groups of bands"]
    assert algorithm.parameterDefinition("REPORT").createByDefault()


def test_nothing_to_explain_is_refused_before_the_run(algorithm, engine):
    asked = {"INPUT": "scene.tif", "OUTPUT": "TEMPORARY_OUTPUT"}
    accepted, told = algorithm.checkParameterValues(asked, QgsProcessingContext())
    assert not accepted and "Nothing is to be explained yet" in told


def test_the_log_names_the_bands_that_did_most(algorithm):
    lines = algorithm.summary(result([answer(BANDS, estimator="exact", r2=None)], BandShapResult))
    assert lines[0].startswith(
        "The answer was raised by short-wave infrared B11 (+2), narrow near infrared B8A (+1.5), what surrounds the"
    )
    assert any("Found by: Exactly, from all coalitions (250 evaluations)." in line for line in lines)


@pytest.mark.parametrize(
    ("players", "count", "name"),
    [("bands", 3, "detection 12: 3 bands (zero)"), ("band_groups", 1, "detection 12: 1 group of bands (zero)")],
)
def test_the_layer_says_which_region_and_how_many_bands(algorithm, listener, players, count, name):
    algorithm.prepareAlgorithm({"REGION": SQUARE, "PLAYERS": players}, QgsProcessingContext(), listener)
    found = result([answer(BANDS[-count - 1 :], estimator="exact", r2=None)], BandShapResult)
    shown = algorithm.presentations({"name": "detection 12", "baseline": "zero"}, found)["/s.gpkg"]
    assert (shown.name, shown.layer, shown.group) == (name, "regions", "Why: detection 12")
