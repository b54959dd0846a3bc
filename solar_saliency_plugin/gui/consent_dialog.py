"""The question whether a network, which is a program, is trusted; and what must be known of it."""

import html
from pathlib import Path
from typing import Any, Dict, Optional

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from ...processing_algorithms.wording import choice_text
from ..contract.model import InstallModelRequest
from ..contract.options import Option, option_of

_MEANING = (
    "<b>{file}</b> holds a network that was saved as a program (torch.export or TorchScript). Opening it runs it, with "
    "everything that you may do on this computer: it could read, change or send away your files. The engine cannot "
    "tell whether it does.<br><br>Install it only if you know who made it and trust them. Its hash is recorded: if "
    "the file changes later, it is not opened."
)

#: What a network's file does not say itself; a model folder's card does.
_ASKED = ("title", "network_bands", "network_level", "network_scale", "network_gives", "network_threshold")

_LABELS = {
    "title": "Title",
    "network_bands": "Bands, in the order of its input",
    "network_level": "Trained on level",
    "network_scale": "Input for a reflectance of 1",
    "network_gives": "Output",
    "network_threshold": "Threshold (probability)",
}


class ConsentDialog(QDialog):
    """Asks for consent; accepted only with the box ticked."""

    def __init__(self, source: Path, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.setObjectName("SolarSaliencyConsentDialog")
        self.setWindowTitle("Install Network of Your Own")
        self._source = source
        self._fields: Dict[str, QWidget] = {}
        meaning = QLabel(_MEANING.format(file=html.escape(source.name)))
        meaning.setTextFormat(Qt.TextFormat.RichText)
        meaning.setWordWrap(True)
        self._trust = QCheckBox("I know who made this network and &trust it")
        self._trust.setObjectName("trust")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._install = buttons.addButton("Install", QDialogButtonBox.ButtonRole.AcceptRole)
        self._install.setEnabled(False)
        self._trust.toggled.connect(self._install.setEnabled)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        buttons.button(QDialogButtonBox.StandardButton.Cancel).setDefault(True)
        layout = QVBoxLayout(self)
        layout.addWidget(meaning)
        if not source.is_dir():
            layout.addLayout(self._form())
        layout.addWidget(self._trust)
        layout.addWidget(buttons)
        self.resize(560, self.sizeHint().height())

    def parameters(self) -> Dict[str, Any]:
        """The parameters of Install Model, as they were set."""
        return {
            "SOURCE": str(self._source),
            "TRUST": self._trust.isChecked(),
            **{name.upper(): _value(field) for name, field in self._fields.items()},
        }

    def _form(self) -> QFormLayout:
        form = QFormLayout()
        for name in _ASKED:
            option = option_of(InstallModelRequest, name)
            field = self._fields[name] = _field(option)
            field.setObjectName(name)
            field.setToolTip(option.help)
            form.addRow(_LABELS[name], field)
        self._fields["title"].setText(self._source.stem)
        return form


def _field(option: Option) -> QWidget:
    if option.choices:
        box = QComboBox()
        box.addItems([choice_text(option.name, choice) for choice in option.choices])
        box.setCurrentIndex(option.choices.index(option.default))
        return box
    if option.type is float:
        number = QDoubleSpinBox()
        number.setDecimals(3)
        number.setRange(option.minimum, option.maximum)
        number.setValue(option.default)
        return number
    return QLineEdit(option.default)


def _value(field: QWidget) -> Any:
    if isinstance(field, QComboBox):
        return field.currentIndex()
    return field.value() if isinstance(field, QDoubleSpinBox) else field.text().strip()
