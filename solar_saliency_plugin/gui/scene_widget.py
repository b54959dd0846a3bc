"""The input of a scene: QGIS's own layer box, and a button for folders, since a .SAFE product is one."""

from typing import Any

from processing.gui.wrappers import WidgetWrapper, dialogTypes
from qgis.core import QgsProcessingContext, QgsProcessingParameterDefinition
from qgis.gui import QgsGui, QgsProcessingGui, QgsProcessingMapLayerComboBox
from qgis.PyQt.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QWidget


class SceneWidget(WidgetWrapper):
    """Chooses a raster layer, a file or a folder; in batch tables and the model designer QGIS's own widget does."""

    def __new__(
        cls, parameter: QgsProcessingParameterDefinition, dialog: QWidget, row: int = 0, column: int = 0
    ) -> Any:
        """Our widget in the algorithm's dialog, QGIS's everywhere else."""
        registry = QgsGui.processingGuiRegistry()
        name = type(dialog).__name__
        if name == "AlgorithmDialog":
            return super().__new__(cls, parameter, dialog, row, column)
        if name == "ModelerParametersDialog":
            return registry.createModelerParameterWidget(dialog.model, dialog.childId, parameter, dialog.context)
        native = registry.createParameterWidgetWrapper(parameter, dialogTypes.get(name, QgsProcessingGui.Standard))
        native.setDialog(dialog)
        return native

    def createWidget(self) -> QWidget:  # noqa: D102
        self._box = QgsProcessingMapLayerComboBox(self.parameterDefinition())
        self._box.valueChanged.connect(lambda: self.widgetValueHasChanged.emit(self))
        folder = QPushButton("Folder…")
        folder.setToolTip("Choose a .SAFE folder or a folder of band files")
        folder.clicked.connect(self._choose_folder)
        widget = QWidget()
        layout = QHBoxLayout(widget)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box, 1)
        layout.addWidget(folder)
        return widget

    def setValue(self, value: Any) -> None:  # noqa: D102
        self._box.setValue(value, QgsProcessingContext())

    def value(self) -> Any:  # noqa: D102
        return self._box.value()

    def setWidgetContext(self, context: Any) -> None:  # noqa: D102
        super().setWidgetContext(context)
        self._box.setWidgetContext(context)

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self.widget, "Folder of the Scene")
        if folder:
            self.setValue(folder)
