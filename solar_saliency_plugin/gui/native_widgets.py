"""QGIS's own widgets for parameters, for the places where ours would be in the way."""

from typing import Any

from processing.gui.wrappers import dialogTypes
from qgis.core import QgsProcessingParameterDefinition
from qgis.gui import QgsGui, QgsProcessingGui
from qgis.PyQt.QtWidgets import QWidget


def dialog_kind(dialog: QWidget) -> Any:
    """Whether a dialog is an algorithm's, a batch table or the model designer, as QgsProcessingGui calls it."""
    return dialogTypes.get(type(dialog).__name__, QgsProcessingGui.WidgetType.Standard)


def native_widget(parameter: QgsProcessingParameterDefinition, dialog: QWidget) -> Any:
    """The widget that QGIS gives a parameter in a dialog."""
    registry = QgsGui.processingGuiRegistry()
    kind = dialog_kind(dialog)
    if kind == QgsProcessingGui.WidgetType.Modeler:
        return registry.createModelerParameterWidget(dialog.model, dialog.childId, parameter, dialog.context)
    native = registry.createParameterWidgetWrapper(parameter, kind)
    native.setDialog(dialog)
    return native
