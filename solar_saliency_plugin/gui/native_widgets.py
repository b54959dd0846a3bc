"""QGIS's own widgets for parameters, for the places where ours would be in the way."""

from typing import Any, ClassVar, Tuple

from processing.gui.wrappers import WidgetWrapper, dialogTypes
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


class OwnWidget(WidgetWrapper):
    """A widget of ours for a parameter; in some kinds of dialogs QGIS's own takes its place."""

    #: The kinds where it does: in the model designer a value may come from another step or an input.
    NATIVE_IN: ClassVar[Tuple[Any, ...]] = (QgsProcessingGui.WidgetType.Modeler,)

    def __new__(
        cls, parameter: QgsProcessingParameterDefinition, dialog: QWidget, row: int = 0, column: int = 0
    ) -> Any:
        """Our widget, or QGIS's."""
        if dialog_kind(dialog) in cls.NATIVE_IN:
            return cls.native(parameter, dialog)
        return super().__new__(cls, parameter, dialog, row, column)

    @classmethod
    def native(cls, parameter: QgsProcessingParameterDefinition, dialog: QWidget) -> Any:
        """The widget that takes the place of ours."""
        return native_widget(parameter, dialog)
