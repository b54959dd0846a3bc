"""The choice of a model: the installed ones by their titles, or a folder."""

import os
from typing import Any, List, Tuple

from qgis.core import QgsProcessingParameterDefinition
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QCompleter,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from ..bridge.models import DEFAULT, default_model, installed_models
from .foreign_text import as_it_is
from .native_widgets import OwnWidget


class ModelWidget(OwnWidget):
    """Chooses a model in dialogs and batch tables; in the model designer QGIS's own text does, with names to complete.

    In the designer a model may come from another step or an input, which only QGIS's own widget offers.
    """

    @classmethod
    def native(cls, parameter: QgsProcessingParameterDefinition, dialog: QWidget) -> Any:
        """QGIS's own text, which offers names."""
        native = super().native(parameter, dialog)
        for line in native.findChildren(QLineEdit):
            offer_names(line)
        return native

    def createWidget(self) -> QWidget:  # noqa: D102
        self._box = QComboBox()
        # Long titles must not widen the dialog beyond small screens.
        self._box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._box.setMinimumContentsLength(16)
        self._box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        for text, name, tooltip in choices():
            self._box.addItem(text, name)
            self._box.setItemData(self._box.count() - 1, as_it_is(tooltip), Qt.ItemDataRole.ToolTipRole)
        self._box.currentIndexChanged.connect(self._changed)
        folder = QPushButton("Folder…")
        folder.setToolTip("Choose the folder of a model that is not installed")
        folder.clicked.connect(self._choose_folder)
        widget = QWidget()
        layout = QHBoxLayout(widget)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box, 1)
        layout.addWidget(folder)
        return widget

    def setValue(self, value: Any) -> None:  # noqa: D102
        name = str(value or DEFAULT)
        if self._box.findData(name) < 0:
            known = os.path.isdir(name)
            self._box.addItem(f"{os.path.basename(name)} ({name})" if known else f"{name} (not installed)", name)
        self._box.setCurrentIndex(self._box.findData(name))

    def value(self) -> Any:  # noqa: D102
        return self._box.currentData()

    def _changed(self) -> None:
        told = self._box.currentData(Qt.ItemDataRole.ToolTipRole)
        self._box.setToolTip(str(told or as_it_is(str(self._box.currentData()))))
        self.widgetValueHasChanged.emit(self)

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self.widget, "Model Folder")
        if folder:
            self.setValue(folder)


def choices() -> List[Tuple[str, str, str]]:
    """What can be chosen: the text shown, the model's name, and what the card says of it."""
    usable = [model for model in installed_models() if not model.problem]
    default = default_model()
    titles = {model.name: model.title for model in usable}
    first = (f"Default: {titles.get(default, default)}", DEFAULT, "The model that the options make the default")
    return [first, *((_shown(model.title, model.name, titles), model.name, _told(model.card)) for model in usable)]


def offer_names(line: QLineEdit) -> None:
    """Have the names of the installed models offered while one types."""
    completer = QCompleter([name for _, name, _ in choices()], line)
    completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
    line.setCompleter(completer)
    line.setPlaceholderText("Name or folder of a model")


def _shown(title: str, name: str, titles: "dict[str, str]") -> str:
    """The title; with the name where several models have it."""
    return f"{title} ({name})" if list(titles.values()).count(title) > 1 else title


def _told(card: "dict[str, Any]") -> str:
    summary = card.get("summary")
    return summary if isinstance(summary, str) else ""
