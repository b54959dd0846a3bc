"""The choice of a layer of the network: those of the chosen model, each with what it does, or any other name."""

from typing import Any, List

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QGuiApplication
from qgis.PyQt.QtWidgets import QComboBox, QCompleter, QSizePolicy, QWidget

from ..bridge.models import DEFAULT, card_of
from ..contract.unet_layers import unet_layers
from .native_widgets import OwnWidget

#: The parameter with the model whose layers are offered.
MODEL = "MODEL"

#: What tells the whole text of a row.
_TIP = Qt.ItemDataRole.ToolTipRole

#: What the engine takes where no layer is named.
NOT_NAMED = "The last activation before the output"


class LayerWidget(OwnWidget):
    """A box that can be typed into; in the model designer QGIS's own text does.

    QGIS's own box of hints (3.22) takes nothing but its hints, and a network of the user's own has names of its own.
    """

    def createWidget(self) -> QWidget:  # noqa: D102
        self._box = QComboBox()
        self._box.setEditable(True)
        self._box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        # Long words must not widen the dialog beyond small screens.
        self._box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._box.setMinimumContentsLength(20)
        self._box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._box.lineEdit().setPlaceholderText(NOT_NAMED)
        # Not in the middle: there are the words that tell layers apart.
        self._box.view().setTextElideMode(Qt.TextElideMode.ElideRight)
        completer = self._box.completer()
        completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        self._offer(DEFAULT)
        self._box.currentTextChanged.connect(self._changed)
        self._box.activated.connect(lambda: self._box.lineEdit().setCursorPosition(0))  # its name, not its size
        return self._box

    def postInitialize(self, wrappers: List[Any]) -> None:
        """Offer the layers of the model that is chosen beside it."""
        model = next((other for other in wrappers if other.parameterDefinition().name() == MODEL), None)
        if model is not None:
            model.widgetValueHasChanged.connect(lambda: self._offer(str(model.parameterValue() or DEFAULT)))
            self._offer(str(model.parameterValue() or DEFAULT))

    def setValue(self, value: Any) -> None:  # noqa: D102
        name = str(value or "")
        place = self._box.findData(name)
        if place >= 0:
            self._box.setCurrentIndex(place)
        else:
            self._box.setEditText(name)

    def value(self) -> Any:  # noqa: D102
        text = self._box.currentText().strip()
        place = self._box.findText(text, Qt.MatchFlag.MatchExactly)
        return self._box.itemData(place) if place >= 0 else text

    def _offer(self, model: str) -> None:
        chosen = self.value()
        self._box.blockSignals(True)
        self._box.clear()
        self._box.addItem(NOT_NAMED, "")
        for layer in unet_layers(card_of(model)):
            self._box.addItem(f"{layer.name}: {layer.text}", layer.name)
            self._box.setItemData(self._box.count() - 1, self._box.itemText(self._box.count() - 1), _TIP)
        self.setValue(chosen)
        self._box.blockSignals(False)
        self._widen_lists()

    def _widen_lists(self) -> None:
        """Have what is offered be as wide as its texts, as far as the screen is."""
        view = self._box.view()
        wanted = view.sizeHintForColumn(0) + view.verticalScrollBar().sizeHint().width() + 2 * view.frameWidth()
        for offered in (view, self._box.completer().popup()):
            offered.setMinimumWidth(min(wanted, QGuiApplication.primaryScreen().availableGeometry().width()))

    def _changed(self, text: str) -> None:
        self._box.setToolTip(text)
        self.widgetValueHasChanged.emit(self)
