"""Opening an algorithm's dialog: every menu entry, button and layer action goes through here."""

from typing import Any, Dict, List, Optional

from qgis.core import QgsApplication, QgsProject
from qgis.PyQt import sip
from qgis.PyQt.QtWidgets import QDialog

from ...processing_algorithms.base import EngineAlgorithm
from ..bridge import environment
from ..bridge.layers import layers_of

#: The dialogs that we opened. Python alone would lose them at its next garbage collection, open or not: QGIS gives them
#: a parent window, but does not tell Python that it owns them now.
_dialogs: List[QDialog] = []


def launch(iface: Any, algorithm: str, parameters: Dict[str, Any]) -> Optional[QDialog]:
    """Open the dialog of an algorithm of ours, prefilled; without an engine, offer to set it up first.

    The dialog does not block the map. None: the algorithm needs the engine, and the user did not want it set up.
    """
    import processing  # takes a second to import, so not when QGIS starts

    found = QgsApplication.processingRegistry().algorithmById(f"solarsaliency:{algorithm}")
    if isinstance(found, EngineAlgorithm) and not environment.state().ready:
        set_up(iface)
        if not environment.state().ready:
            return None
    parameters = {**parameters, **_open_input(parameters)}
    # By its id: the dialog would crash on an algorithm object that has no provider.
    dialog = processing.createAlgorithmDialog(found.id(), parameters)
    _dialogs[:] = [known for known in _dialogs if not sip.isdeleted(known)]  # they delete themselves when closed
    _dialogs.append(dialog)
    dialog.show()
    return dialog


def _open_input(parameters: Dict[str, Any]) -> Dict[str, Any]:
    """The layer that shows the file which is computed from, if there is one: people know it by its name."""
    path = parameters.get("INPUT")
    shown = layers_of(QgsProject.instance(), [path]) if path and isinstance(path, str) else []
    return {"INPUT": shown[0]} if shown else {}


def close_dialogs() -> None:
    """Close every dialog that :func:`launch` opened; they would outlive the algorithms that they show."""
    for dialog in _dialogs:
        if not sip.isdeleted(dialog):
            dialog.close()
            dialog.deleteLater()
    _dialogs.clear()


def set_up(iface: Any) -> None:
    """Show the set-up dialog and wait until it is closed."""
    from .setup_dialog import SetUpDialog  # most days nobody needs it

    SetUpDialog(iface.mainWindow()).exec()
