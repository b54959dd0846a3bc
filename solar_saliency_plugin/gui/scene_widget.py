"""The inputs of scenes: QGIS's own layer boxes, and a button for folders, since a .SAFE product is one."""

from pathlib import Path
from typing import Any, List

from qgis.core import QgsMapLayer, QgsProcessingContext, QgsProject
from qgis.gui import (
    QgsMapLayerComboBox,
    QgsProcessingGui,
    QgsProcessingMapLayerComboBox,
    QgsProcessingMultipleInputDialog,
)
from qgis.PyQt import sip
from qgis.PyQt.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QToolButton, QWidget

from ..bridge.runs import is_result
from .native_widgets import OwnWidget


class SceneWidget(OwnWidget):
    """Chooses a raster layer, a file or a folder; in batch tables and the model designer QGIS's own widget does."""

    NATIVE_IN = (QgsProcessingGui.WidgetType.Batch, QgsProcessingGui.WidgetType.Modeler)

    def createWidget(self) -> QWidget:  # noqa: D102
        folder = QPushButton("Folder…")
        folder.setToolTip("Choose a .SAFE folder or a folder of band files")
        folder.clicked.connect(self._choose_folder)
        widget = QWidget()
        layout = QHBoxLayout(widget)
        layout.setContentsMargins(0, 0, 0, 0)
        self._box = QgsProcessingMapLayerComboBox(self.parameterDefinition())
        self._box.valueChanged.connect(lambda: self.widgetValueHasChanged.emit(self))
        layout.addWidget(self._box, 1)
        layout.addWidget(folder)
        return widget

    def setValue(self, value: Any) -> None:  # noqa: D102
        self._box.setValue(value, QgsProcessingContext())

    def value(self) -> Any:  # noqa: D102
        return self._box.value()

    def setWidgetContext(self, context: Any) -> None:  # noqa: D102
        super().setWidgetContext(context)
        self._leave_out_results()  # the box chooses the active layer by itself
        self._box.setWidgetContext(context)

    def _leave_out_results(self) -> None:
        """No map of ours is a scene."""
        box = self._box.findChild(QComboBox)
        if box is not None and box.metaObject().className() == "QgsMapLayerComboBox":
            results = [layer for layer in QgsProject.instance().mapLayers().values() if is_result(layer)]
            sip.cast(box, QgsMapLayerComboBox).setExceptedLayerList(results)

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self.widget, "Folder of the Scene")
        if folder:
            self.setValue(folder)


class ScenesWidget(OwnWidget):
    """Chooses several raster layers, files and folders; in the model designer QGIS's own widget does.

    QGIS's widget for several layers opens each of them, and forgets what it cannot open: a folder.
    """

    def createWidget(self) -> QWidget:  # noqa: D102
        self._scenes: List[Any] = []
        self._told = QLineEdit()
        self._told.setReadOnly(True)
        several = QToolButton()
        several.setText("…")
        several.setToolTip("Choose among the project's layers and files")
        several.clicked.connect(self._choose_several)
        folder = QPushButton("Folder…")
        folder.setToolTip(
            "Add a .SAFE folder, a folder of band files, or every Sentinel-2 product that lies in a folder"
        )
        folder.clicked.connect(self._choose_folder)
        widget = QWidget()
        layout = QHBoxLayout(widget)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._told, 1)
        layout.addWidget(several)
        layout.addWidget(folder)
        self._tell()
        return widget

    def setValue(self, value: Any) -> None:  # noqa: D102
        members = value if isinstance(value, (list, tuple)) else [value] if value else []
        self._scenes = [member.id() if isinstance(member, QgsMapLayer) else member for member in members]
        self._tell()
        self.widgetValueHasChanged.emit(self)

    def value(self) -> Any:  # noqa: D102
        return self._scenes or None

    def take_folder(self, folder: str) -> None:
        """Add the folder's scenes to those that are chosen."""
        self.setValue([*self._scenes, *(scene for scene in scenes_in(Path(folder)) if scene not in self._scenes)])

    def _tell(self) -> None:
        count = len(self._scenes)
        names = [_name(scene) for scene in self._scenes]
        self._told.setText(", ".join(names) if 0 < count < 3 else f"{count} scenes selected")
        self._told.setCursorPosition(0)
        self._told.setToolTip("\n".join(names))

    def _choose_several(self) -> None:
        dialog = QgsProcessingMultipleInputDialog(self.parameterDefinition(), self._scenes, [], None, self.widget)
        dialog.setProject(QgsProject.instance())
        dialog.setWindowTitle(self.parameterDefinition().description())
        if dialog.exec():
            self.setValue(dialog.selectedOptions())

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self.widget, "Folder of Scenes")
        if folder:
            self.take_folder(folder)


def _name(scene: Any) -> str:
    """What a scene is called: a layer by its name, a file or folder by its own."""
    layer = QgsProject.instance().mapLayer(str(scene))
    return layer.name() if layer is not None else Path(str(scene)).name


def scenes_in(folder: Path) -> List[str]:
    """The Sentinel-2 products that lie in a folder; the folder itself where it is one, or holds band files."""
    if _is_unpacked(folder):
        return [str(folder)]
    try:
        inside = sorted(folder.iterdir())
    except OSError:  # the engine says why
        inside = []
    unpacked = [path for path in inside if _is_unpacked(path)]
    names = {path.stem for path in unpacked}
    # A product that was unpacked beside its zip is one scene.
    zipped = [path for path in inside if _is_zipped(path) and path.name.split(".")[0] not in names]
    return [str(path) for path in (*unpacked, *zipped)] or [str(folder)]


def _is_unpacked(path: Path) -> bool:
    return path.suffix.upper() == ".SAFE"


def _is_zipped(path: Path) -> bool:
    return path.suffix.lower() == ".zip" and path.name.upper().startswith("S2")
