"""The plugin speaks QGIS's language, where it has been translated, from its start to its end."""

import pytest
from qgis.core import QgsApplication, QgsSettings
from qgis.PyQt.QtCore import QCoreApplication, QLocale

from solar_saliency.solar_saliency_plugin.bridge import translation
from solar_saliency.solar_saliency_plugin.plugin import SolarSaliencyPlugin
from tests.qgis.languages import CODE, write_language
from tests.qgis.test_plugin import Window, texts


@pytest.fixture
def told(tmp_path, monkeypatch):
    """The texts of a language that there is a file of."""
    monkeypatch.setattr(translation, "FOLDER", tmp_path)
    return write_language(tmp_path)


@pytest.fixture
def speak():
    """Has QGIS speak a language, as its main program tells it."""
    yield QgsApplication.setTranslation
    QgsApplication.setTranslation("")


@pytest.fixture
def settings():
    """The settings of languages, and the system's."""
    found, system = QgsSettings(), QLocale()
    yield found
    found.remove("locale")
    QLocale.setDefault(system)


def explain_panel():
    return QCoreApplication.translate("ExplainPanel", "Explain Panel")


@pytest.mark.parametrize("spoken", [CODE, f"{CODE}_XX"])
def test_what_is_built_at_the_start_is_built_in_qgis_language(told, speak, provider, spoken):
    speak(spoken)
    window = Window()
    plugin = SolarSaliencyPlugin(window)
    plugin.initProcessing = lambda: None  # the session's provider is there already
    try:
        plugin.initGui()
        assert told["ExplainPanel", "Explain Panel"] in texts(window)
    finally:
        plugin.unload()
    assert explain_panel() == "Explain Panel", "the translation goes with the plugin"


def test_a_language_that_there_is_no_file_of_is_left_in_english(told, speak):
    speak("xx_XX")
    assert translation.install() is None and explain_panel() == "Explain Panel"


@pytest.mark.parametrize(
    ("spoken", "overrides", "users", "system", "language"),
    [
        ("fr", True, "de", "en_GB", "fr"),
        ("", True, "pt_BR", "de_AT", "pt_BR"),
        ("", False, "pt_BR", "de_AT", "de_AT"),
        ("", True, "", "de_AT", "de_AT"),
    ],
)
def test_the_language_is_the_one_that_qgis_speaks(speak, settings, spoken, overrides, users, system, language):
    """Told to its windows with --lang, else by the user in the settings, else by the system."""
    speak(spoken)
    settings.setValue("locale/overrideFlag", overrides)
    settings.setValue("locale/userLocale", users)
    QLocale.setDefault(QLocale(system))
    assert translation.language() == language
