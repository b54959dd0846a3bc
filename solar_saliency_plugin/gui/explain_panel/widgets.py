"""The small parts that the panel is laid out from."""

from pathlib import Path
from typing import Callable, Tuple

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QCoreApplication, QSize, Qt, QUrl
from qgis.PyQt.QtGui import QDesktopServices, QKeySequence
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QFrame,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ....processing_algorithms.wording import choice_text
from ...bridge.translation import word
from ...contract.options import option_of
from ...contract.region_shap import RegionShapRequest

translate = QCoreApplication.translate

#: The guide; with it come the pages of methods and formulas.
GUIDE = Path(__file__).parents[3] / "resources" / "help" / "index.html"

#: The lowest that the dock gets, pixels.
LOW = 240

#: The narrowest that a button gets, pixels: some of its margin may go.
LEAST = 60


def tool(name: str, text: str, hint: str, icon: str, with_text: bool = False) -> QToolButton:
    """A button that takes up a map tool; the keyboard reaches it, and its mnemonic works without text, too."""
    button = QToolButton()
    button.setObjectName(name)
    button.setText(text)
    button.setIcon(QgsApplication.getThemeIcon(icon))
    button.setCheckable(True)
    button.setToolTip(hint)
    button.setAccessibleName(text.replace("&", ""))
    style = Qt.ToolButtonStyle
    button.setToolButtonStyle(style.ToolButtonTextBesideIcon if with_text else style.ToolButtonIconOnly)
    button.setIconSize(QSize(20, 20))
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return button


def button(name: str, text: str) -> QPushButton:
    """A button with a text."""
    made = QPushButton(text)
    made.setObjectName(name)
    return made


class RunButton(QPushButton):
    """A button that runs, stops or cancels, as its text says: always with the key of its first text’s mnemonic.

    The letters of “Stop” and “Cancel” open menus of QGIS or are those of other parts of the panel.
    """

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.setObjectName(name)
        self._key = self.shortcut()
        if not self._key.isEmpty():  # macOS has no mnemonics
            self.setToolTip(self._key.toString(QKeySequence.SequenceFormat.NativeText))

    def setText(self, text: str) -> None:
        """Say what a click does now."""
        super().setText(text)
        self.setShortcut(self._key)


class ToolSwitch(QPushButton):
    """A button that turns something on and off that has a map tool of its own.

    Another tool may have taken that one's place for a while: then a press takes it up again, and it stays on.
    """

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.setObjectName(name)
        self.setCheckable(True)
        #: Takes the tool up again where that is needed; whether it was.
        self.take_up_again: Callable[[], bool] = lambda: False

    def nextCheckState(self) -> None:
        """What a press does, be it by mouse or key."""
        if not (self.isChecked() and self.take_up_again()):
            super().nextCheckState()


def narrow_button(name: str, text: str) -> QToolButton:
    """A button with a text that takes no more room than that."""
    made = QToolButton()
    made.setMinimumWidth(LEAST)
    made.setObjectName(name)
    made.setText(text)
    made.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return made


def choice(name: str, choices: Tuple[str, ...], first: int = 0) -> QComboBox:
    """A box for one of an option's choices; ``first``: so many stand above a line."""
    box = QComboBox()
    box.setObjectName(name)
    for choice in choices:
        if box.count() == first > 0:
            box.insertSeparator(box.count())
        box.addItem(choice_text(name, choice), choice)
    box.setToolTip(_tip(name))
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(8)
    return box


def number(name: str) -> QSpinBox:
    """A box for an option's number."""
    limits = option_of(RegionShapRequest, name)
    box = QSpinBox()
    box.setObjectName(name)
    box.setRange(int(limits.minimum or 1), int(limits.maximum or 1))
    box.setToolTip(_tip(name))
    return box


def _tip(name: str) -> str:
    """An option's help, as rich text so that it is broken into lines."""
    return f"<p>{word(option_of(RegionShapRequest, name).help)}</p>"


def progress() -> QProgressBar:
    """A bar without text, which has a label of its own."""
    bar = QProgressBar()
    bar.setObjectName("progress")
    bar.setTextVisible(False)
    bar.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return bar


def wrapped(name: str, text: str = "", is_plain: bool = False) -> QLabel:
    """A label of several lines, whose text can be copied. is_plain: what looks like markup is the users' own."""
    label = QLabel(text)
    label.setObjectName(name)
    if is_plain:
        label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    flag = Qt.TextInteractionFlag
    label.setTextInteractionFlags(flag.TextSelectableByMouse | flag.LinksAccessibleByMouse)
    label.setOpenExternalLinks(True)
    return label


def keep_room(widget: QWidget) -> None:
    """Keep a widget's place free while it is hidden, so that nothing jumps."""
    policy = widget.sizePolicy()
    policy.setRetainSizeWhenHidden(True)
    widget.setSizePolicy(policy)


def help_button() -> QToolButton:
    """A button that opens the guide in the browser."""
    button = QToolButton()
    button.setObjectName("help")
    button.setText("?")
    button.setAutoRaise(True)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    button.setToolTip(translate("ExplainPanel", "Open the guide"))
    button.setAccessibleName(button.toolTip())
    guide = QUrl.fromLocalFile(str(GUIDE))
    guide.setFragment("explain-panel")
    button.clicked.connect(lambda: QDesktopServices.openUrl(guide))
    return button


class Scrolled(QScrollArea):
    """The whole panel: it scrolls where the dock is low, and is never narrower than what is in it."""

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(content)

    def minimumSizeHint(self) -> QSize:  # noqa: D102
        width = self.widget().minimumSizeHint().width() + self.verticalScrollBar().sizeHint().width()
        return QSize(width, LOW)


def scrolled(chart: QWidget) -> QScrollArea:
    """A chart or a page, of which there is as much to be seen as there is room for."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(chart)
    return area


def column(widget: QWidget) -> QVBoxLayout:
    """Rows, one below the other, without a margin."""
    column = QVBoxLayout(widget)
    column.setContentsMargins(0, 0, 0, 0)
    return column
