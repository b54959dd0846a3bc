"""Links of the form ``solarsaliency:…`` in messages: one click leads to what fixes the problem."""

from typing import Any

from qgis.PyQt.QtCore import QObject, QUrl, pyqtSlot
from qgis.PyQt.QtGui import QDesktopServices

from .launch import set_up

SCHEME = "solarsaliency"


class Links(QObject):
    """Follows our links, wherever in QGIS they are clicked."""

    def __init__(self, iface: Any) -> None:
        super().__init__(iface.mainWindow())
        self._iface = iface
        QDesktopServices.setUrlHandler(SCHEME, self.follow)

    @pyqtSlot(QUrl)
    def follow(self, url: QUrl) -> None:
        """Open what the link names."""
        if url.path() == "setup":
            set_up(self._iface)

    def remove(self) -> None:
        """Follow no links any more."""
        QDesktopServices.unsetUrlHandler(SCHEME)
        self.deleteLater()
