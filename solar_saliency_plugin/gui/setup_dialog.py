"""The dialog that offers to set up the engine: it shows what it would do, and does it only when told to."""

from typing import Any, Dict, Optional

from qgis.core import (
    QgsApplication,
    QgsSettings,
    QgsTask,
)
from qgis.PyQt.QtCore import Qt, QUrl
from qgis.PyQt.QtGui import QDesktopServices, QFontDatabase
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ..bridge import environment
from ..bridge.interpreters import Interpreter, Search, find_interpreters
from ..bridge.setup_plan import INDEX_SETTING, SetupPlan, configured_index, setup_plan
from ..contract.errors import SolarSaliencyError
from .background import Run

_INTRODUCTION = (
    "Solar Saliency computes in a program of its own, the engine, so that QGIS's own Python stays as it is. The engine "
    "needs a private Python environment on this computer. Nothing is downloaded or written before you click "
    "<b>{button}</b>."
)


class SetUpDialog(QDialog):
    """Asks, then runs the algorithm ``setupengine`` in the background and shows how it goes."""

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.setObjectName("SolarSaliencySetUpDialog")
        self.setWindowTitle("Set Up Engine")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(580, 560)
        self._was_ready = environment.state().ready
        self._plan: Optional[SetupPlan] = None
        self._search: Optional[QgsTask] = None
        self._run: Optional[Run] = None
        self._build()
        self._look_for_interpreters("")

    @property
    def running(self) -> bool:
        """Whether set-up is under way."""
        return self._run is not None

    def reject(self) -> None:
        """Close; while set-up runs, cancel it and stay open to say how that went."""
        if self._run is not None:
            self._state.setText("Cancelling …")
            self._run.cancel()
        else:
            super().reject()

    def done(self, result: int) -> None:
        """Close."""
        self._search = None
        super().done(result)

    def _build(self) -> None:
        action = "Reinstall" if self._was_ready else "Install"
        introduction = QLabel(_INTRODUCTION.format(button=action))
        introduction.setWordWrap(True)
        self._state = QLabel(environment.state().reason or "The engine is ready.")
        self._state.setObjectName("state")
        self._state.setWordWrap(True)
        self._state.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        self._text = QPlainTextEdit()
        self._text.setObjectName("log")
        self._text.setReadOnly(True)
        self._text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self._bar = QProgressBar()
        self._bar.setVisible(False)
        self._build_buttons(action)
        layout = QVBoxLayout(self)
        layout.addWidget(introduction)
        layout.addLayout(self._build_form())
        layout.addWidget(QLabel("Commands and log"))
        layout.addWidget(self._text, 1)
        layout.addWidget(self._state)
        layout.addWidget(self._bar)
        layout.addWidget(self._buttons)

    def _build_form(self) -> QFormLayout:
        self._interpreters = QComboBox()
        # Long paths must not widen the dialog beyond small screens.
        self._interpreters.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._interpreters.setMinimumContentsLength(20)
        self._browse = QPushButton("Browse…")
        self._browse.clicked.connect(self._browse_interpreter)
        self._index = QLineEdit(configured_index())
        self._index.setPlaceholderText("As pip is configured")
        self._index.setToolTip(
            "The address that PyTorch is fetched from. On Linux the usual index brings several gigabytes for graphics "
            "cards; the address of the small build for processors is on PyTorch's page on installation."
        )
        self._folder, self._size = QLabel(), QLabel()
        for label in (self._folder, self._size):
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row = QHBoxLayout()
        row.addWidget(self._interpreters, 1)
        row.addWidget(self._browse)
        form = QFormLayout()
        form.addRow("Python interpreter", row)
        form.addRow("Package index for PyTorch", self._index)
        form.addRow("Folder", self._folder)
        form.addRow("Size", self._size)
        self._interpreters.currentIndexChanged.connect(self._show_plan)
        self._index.textChanged.connect(self._show_plan)
        return form

    def _build_buttons(self, action: str) -> None:
        self._buttons = QDialogButtonBox()
        self._install = self._buttons.addButton(action, QDialogButtonBox.ButtonRole.AcceptRole)
        self._close = self._buttons.addButton("Not Now", QDialogButtonBox.ButtonRole.RejectRole)
        self._logs = self._buttons.addButton("Open Log Folder", QDialogButtonBox.ButtonRole.HelpRole)
        self._install.setEnabled(False)
        self._install.clicked.connect(self._start)
        self._close.clicked.connect(self.reject)
        self._logs.clicked.connect(_open_logs)

    def _look_for_interpreters(self, by_hand: str) -> None:
        """Ask the interpreters in the background: some take a second to answer."""

        def look(task: QgsTask) -> Search:
            return find_interpreters(by_hand)

        def found(error: Optional[Exception], search: Optional[Search] = None) -> None:
            if self._search is task and search is not None:
                self._show_interpreters(search)

        task = self._search = QgsTask.fromFunction("Looking for Python", look, on_finished=found)
        QgsApplication.taskManager().addTask(task)

    def _show_interpreters(self, search: Search) -> None:
        try:
            search.best()
        except SolarSaliencyError as error:
            self._state.setText(str(error))
            return
        for interpreter in search.found:
            self._interpreters.addItem(str(interpreter), interpreter)
        self._interpreters.setCurrentText(str(search.found[0]))

    def _browse_interpreter(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Python Interpreter")
        if path:
            self._look_for_interpreters(path)

    def _show_plan(self) -> None:
        interpreter: Optional[Interpreter] = self._interpreters.currentData()
        self._plan = None
        if interpreter is not None:
            try:
                self._plan = setup_plan(interpreter, self._index.text().strip())
            except SolarSaliencyError as error:
                self._state.setText(str(error))
        self._install.setEnabled(self._plan is not None)
        if self._plan is not None:
            self._folder.setText(str(self._plan.folder))
            self._size.setText(self._plan.size)
            self._text.setPlainText("\n".join(f"$ {command}" for command in self._plan.commands))
            self._state.setText(environment.state().reason or "The engine is ready.")

    def _start(self) -> None:
        index = self._index.text().strip()
        QgsSettings().setValue(INDEX_SETTING, index)
        self._set_asking(False)
        self._text.clear()
        self._run = Run("setupengine", {"PYTHON": str(self._plan.interpreter.path), "INDEX": index, "REINSTALL": True})
        self._run.said.connect(self._text.appendPlainText)
        self._run.stage.connect(self._state.setText)
        self._run.progressChanged.connect(self._show_progress)
        self._run.start(self._finish)

    def _show_progress(self, percent: float) -> None:
        self._bar.setValue(round(percent))

    def _finish(self, successful: bool, results: Dict[str, Any]) -> None:
        run, self._run = self._run, None
        self._set_asking(True)
        if successful and results:
            self._state.setText("The engine is ready.")
            self._install.setVisible(False)
            self._close.setText("Close")
        elif run.isCanceled():
            self._state.setText("Set-up was cancelled. Nothing was changed.")
        else:
            self._state.setText(run.error)
            self._install.setText("Try Again")

    def _set_asking(self, asking: bool) -> None:
        for widget in (self._interpreters, self._browse, self._index):
            widget.setEnabled(asking)
        self._install.setEnabled(asking)
        self._close.setText("Not Now" if asking else "Cancel")
        self._bar.setVisible(not asking)


def _open_logs() -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(environment.log_folder())))
