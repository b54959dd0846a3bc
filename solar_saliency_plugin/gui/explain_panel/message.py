"""What the panel has to say: a hint, a warning, an error, with what can be done about it."""

from typing import Callable, List, Optional

from qgis.PyQt.QtCore import QCoreApplication, Qt, pyqtSignal
from qgis.PyQt.QtGui import QTextDocumentFragment
from qgis.PyQt.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QStyle, QToolButton, QVBoxLayout, QWidget

translate = QCoreApplication.translate


class Message(QFrame):
    """A framed text with an icon, at most one button, and a cross to put it away. Hidden while it has nothing to say.

    Texts are rich texts. Colours are the theme's own: the icon tells how grave it is. A screen reader is told so by the
    accessible name, whose change Qt announces: its alerts cannot be sent from Python.
    """

    #: The user has read it, and does not want to see it any more.
    put_away = pyqtSignal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._icon = QLabel()
        self.text = QLabel()
        self.text.setObjectName(f"{name}_text")
        self.text.setWordWrap(True)
        self.text.setTextFormat(Qt.TextFormat.RichText)
        flag = Qt.TextInteractionFlag
        self.text.setTextInteractionFlags(flag.TextBrowserInteraction)
        self.text.setOpenExternalLinks(True)
        self.button = QPushButton()
        self.button.setObjectName(f"{name}_button")
        self.button.clicked.connect(self._answer)
        self._close = QToolButton()
        self._close.setAutoRaise(True)
        self._close.setToolTip(translate("ExplainPanel", "Put this message away"))
        self._close.setAccessibleName(self._close.toolTip())
        self._close.setIcon(self.style().standardIcon(QStyle.StandardPixmap.SP_TitleBarCloseButton))
        self._close.clicked.connect(self.clear)
        self._close.clicked.connect(self.put_away)
        self._answered: Optional[Callable[[], None]] = None
        self._told, self.is_hint = "", False
        column = QVBoxLayout()
        column.addWidget(self.text)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignLeft)
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 6, 6, 6)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(column, 1)
        row.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        self.hide()

    def hint(self, text: str) -> None:
        """Say what can be done."""
        self._say(translate("ExplainPanel", "Hint"), text, QStyle.StandardPixmap.SP_MessageBoxInformation)
        self.is_hint = True

    def warn(self, text: str) -> None:
        """Say what should not be overlooked."""
        self._say(translate("ExplainPanel", "Warning"), text, QStyle.StandardPixmap.SP_MessageBoxWarning)

    def fail(self, text: str) -> None:
        """Say why there is no answer."""
        self._say(translate("ExplainPanel", "Error"), text, QStyle.StandardPixmap.SP_MessageBoxCritical)

    def ask(self, text: str, answer: str, then: Callable[[], None]) -> None:
        """Ask something that may be left unanswered."""
        self._say(translate("ExplainPanel", "Question"), text, QStyle.StandardPixmap.SP_MessageBoxQuestion)
        self.button.setText(answer)
        self._answered = then
        self.button.show()

    def says(self, text: str) -> bool:
        """Whether that is what is said now."""
        return self._told == text

    def clear(self) -> None:
        """Have nothing to say."""
        self._answered, self._told, self.is_hint = None, "", False
        self.hide()

    def buttons(self) -> List[QWidget]:
        """What the keyboard reaches."""
        return [self.button, self._close]

    def _say(self, kind: str, text: str, icon: QStyle.StandardPixmap) -> None:
        self._answered, self._told, self.is_hint = None, text, False
        self.button.hide()
        size = self.style().pixelMetric(QStyle.PixelMetric.PM_SmallIconSize)
        self._icon.setPixmap(self.style().standardIcon(icon).pixmap(size, size))
        self.text.setText(text)
        self.show()
        read = QTextDocumentFragment.fromHtml(text).toPlainText()
        self.setAccessibleName(f"{kind}: {read}")

    def _answer(self) -> None:
        then, self._answered = self._answered, None
        self.clear()
        if then is not None:
            then()
