"""The plugin as QGIS drives it: translation, provider, menu, toolbar and layer actions come and go with it."""

from typing import Any, List, Optional

from qgis.core import QgsApplication, QgsProcessingProvider
from qgis.PyQt.QtCore import QCoreApplication

from ..processing_algorithms.provider import SolarSaliencyProvider
from .bridge import translation
from .bridge.layers import forget_waiting
from .bridge.worker import worker


class SolarSaliencyPlugin:
    """Entry point. ``iface`` is None under qgis_process, which calls :meth:`initProcessing` only."""

    def __init__(self, iface: Optional[Any]) -> None:
        self._iface = iface
        self._translator = translation.install()  # first of all: what is built from now on is built with its texts
        self._provider: Optional[QgsProcessingProvider] = None
        self._parts: List[Any] = []

    def initProcessing(self) -> None:
        """Make the algorithms known."""
        self._provider = SolarSaliencyProvider()
        QgsApplication.processingRegistry().addProvider(self._provider)

    def initGui(self) -> None:
        """Make the algorithms known and put them where people look for them."""
        from .gui.layer_actions import LayerActions
        from .gui.links import Links
        from .gui.menu import Menu
        from .gui.models_page import ModelsPageFactory

        self.initProcessing()
        self._parts = [Part(self._iface) for Part in (Menu, LayerActions, Links, ModelsPageFactory)]

    def unload(self) -> None:
        """Leave QGIS as it was, and no process behind."""
        for part in self._parts:
            part.remove()
        self._parts = []
        worker().stop()
        forget_waiting()
        if self._provider is not None:
            QgsApplication.processingRegistry().removeProvider(self._provider)
            self._provider = None
        if self._translator is not None:
            QCoreApplication.removeTranslator(self._translator)
            self._translator = None
