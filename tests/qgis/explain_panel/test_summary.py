"""An answer in the panel's words: each thing is said once, and so that it can be said in other languages."""

import math
from dataclasses import replace
from typing import ClassVar

import pytest
from qgis.PyQt.QtCore import QCoreApplication, QTranslator

from solar_saliency.processing_algorithms.wording import choice_in_sentence, choice_text
from solar_saliency.solar_saliency_plugin.contract.cautions import (
    FEWER_PARTS,
    HIDDEN_BY_BASELINE,
    LIKE_BASELINE,
    Caution,
)
from solar_saliency.solar_saliency_plugin.contract.provenance import SIMULATED_WARNING
from solar_saliency.solar_saliency_plugin.gui.explain_panel import summary
from solar_saliency.solar_saliency_plugin.gui.explain_panel.answer import finished
from tests.qgis.regions import answer, player, result


def shown(cautions=(), **changed):
    """An answer as the engine sends it, with what it warns of."""
    warnings = (*(caution.text for caution in cautions), SIMULATED_WARNING)
    one = answer([player("1", 2.0), player("2", -0.5)], cautions=tuple(cautions), **changed)
    return finished(None, {}, result([one], warnings=warnings, simulated=True))


def test_what_the_page_of_baselines_tells_is_not_told_twice():
    found = shown([Caution(HIDDEN_BY_BASELINE, "Snow is not seen."), Caution(FEWER_PARTS, "Only 2 parts.")])
    assert summary.doubts(found) == ["Only 2 parts."]
    text = summary.as_text("farm", found, None, {})
    assert "Only 2 parts." in text and "Snow is not seen." not in text


def test_warnings_are_known_by_their_kind_whatever_their_words():
    found = shown([Caution(LIKE_BASELINE, "The baseline (soil) hides superpixel 1.")])
    assert summary.doubts(found) == ["The baseline (soil) hides superpixel 1."]


def test_that_a_scene_is_simulated_is_said_with_the_probability_and_told_to_others_in_full():
    found = shown()
    assert summary.doubts(found) == [] and "Probability 0.93 (simulated), mean of" in summary.headline("farm", found)
    assert SIMULATED_WARNING in summary.as_text("farm", found, None, {})
    assert "(simulated)" not in summary.headline("farm", replace(found, simulated=False))


@pytest.mark.parametrize(
    ("count", "drawn", "words"),
    [
        (1, False, "Probability 0.93 (simulated)"),
        (1, True, "Probability 0.93 (simulated), of 1 detected pixel"),
        (4, False, "Probability 0.93 (simulated), mean of 4 pixels"),
        (4, True, "Probability 0.93 (simulated), mean of 4 detected pixels"),
    ],
)
def test_whose_probability_it_is_is_said_in_one_or_in_many(count, drawn, words):
    assert summary.headline("farm", shown(target_pixels=count), drawn) == f"Farm\n{words}"


def test_a_superpixel_of_one_pixel_has_one_pixel():
    (one, _) = shown().players
    assert "0.01 ha, 1 pixel" in summary.tip(replace(one, area_ha=0.01, pixels=1)).split("<br>")
    assert "0.02 ha, 2 pixels" in summary.tip(replace(one, area_ha=0.02, pixels=2)).split("<br>")


class German(QTranslator):
    """A few words of German."""

    WORDS: ClassVar = {"surroundings": "Umgebung", "{names} and {last}": "{names} und {last}"}

    def translate(self, context, source, disambiguation=None, n=-1):
        return self.WORDS.get(source)


@pytest.fixture
def german():
    translator = German()
    QCoreApplication.installTranslator(translator)
    yield
    QCoreApplication.removeTranslator(translator)


def test_nouns_stay_large_within_sentences_where_a_language_writes_them_so(german):
    begun = replace(shown().answer, baseline_text="", f_baseline=math.nan)
    assert "compared with Umgebung: –" in summary.numbers(begun, "surroundings")
    assert "compared with bare soil: –" in summary.numbers(begun, "soil"), "what is not translated stays as it is"
    assert choice_text("baseline", "surroundings") == choice_in_sentence("baseline", "surroundings") == "Umgebung"
    assert choice_text("baseline", "soil") == "Bare soil"


def test_parts_outside_of_the_region_have_a_name_in_tables(german):
    assert summary.labels(["3", "7", "rest"]) == "3, 7 und outside"
