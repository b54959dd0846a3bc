"""The texts in QGIS's language: the file that has them, and those that are only marked where they are written."""

from typing import Optional

from qgis.core import QgsApplication, QgsSettings
from qgis.PyQt.QtCore import QCoreApplication, QLocale, QTranslator

from .environment import ROOT

#: Where the translations are: solar_saliency_de.qm, solar_saliency_pt_BR.qm.
FOLDER = ROOT / "resources" / "i18n"


def word(text: str) -> str:
    """The translation of a text that is marked by QT_TRANSLATE_NOOP("Words", …): in the contract, or in a table."""
    return QCoreApplication.translate("Words", text)


def install() -> Optional[QTranslator]:
    """Translate from now on, until Qt is told to remove what is returned; None where there is no file to do it with.

    Without one of its own a country gets its language's.
    """
    translator = QTranslator()
    if not translator.load(f"solar_saliency_{language()}", str(FOLDER)):
        return None
    QCoreApplication.installTranslator(translator)
    return translator


def language() -> str:
    """The code of the language that QGIS speaks, such as de_DE, with or without the country.

    It knows since it has set up its windows (``--lang`` has its say there). Without any, under qgis_process, it is the
    one of the settings, if the user told that it should take precedence, or else the system's.
    """
    application = QgsApplication.instance()
    spoken = application.translation() if isinstance(application, QgsApplication) else ""
    settings = QgsSettings()
    if not spoken and settings.value("locale/overrideFlag", False, type=bool):
        spoken = settings.value("locale/userLocale", "", type=str)
    return str(spoken or QLocale().name())
