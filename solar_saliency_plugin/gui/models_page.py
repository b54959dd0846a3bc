"""Settings ▸ Options ▸ Solar Saliency: the installed models, and what can be done with them."""

import html
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

from qgis.core import Qgis
from qgis.gui import QgsMessageBar, QgsOptionsPageWidget, QgsOptionsWidgetFactory
from qgis.PyQt import sip
from qgis.PyQt.QtCore import Qt, QUrl
from qgis.PyQt.QtGui import QDesktopServices, QIcon
from qgis.PyQt.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QSplitter,
    QTextBrowser,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ...processing_algorithms.base import ICONS, setup_link
from ...processing_algorithms.modelinfo import card_text
from ..bridge import environment
from ..bridge.models import PROGRAMS, InstalledModel, default_model, installed_models
from .background import Run
from .consent_dialog import ConsentDialog
from .foreign_text import as_it_is

#: The page's name, by which the options dialog opens at it.
PAGE = "SolarSaliencyOptions"

_INTRODUCTION = (
    "The models that dialogs offer. <b>Default</b> is the one that is used where none is chosen. What you change here "
    "holds at once."
)


class ModelsPageFactory(QgsOptionsWidgetFactory):
    """Puts the page into QGIS's options."""

    def __init__(self, iface: Any) -> None:
        super().__init__()
        self._iface = iface
        self.setTitle("Solar Saliency")
        iface.registerOptionsWidgetFactory(self)

    def icon(self) -> QIcon:
        """The page's icon in the list of pages."""
        return QIcon(str(ICONS / "solar_saliency.svg"))

    def createWidget(self, parent: Optional[QWidget] = None) -> QgsOptionsPageWidget:
        """The page."""
        return ModelsPage(parent)

    def remove(self) -> None:
        """Take the page out of QGIS's options."""
        self._iface.unregisterOptionsWidgetFactory(self)


class ModelsPage(QgsOptionsPageWidget):
    """The models, the chosen one's card, and buttons, each of which runs an algorithm of ours in the background."""

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.setObjectName(PAGE)
        self._models: List[InstalledModel] = []
        self._run: Optional[Run] = None
        self._trouble = ""
        self._build()
        self.show_models()

    def apply(self) -> None:
        """Everything was done when its button was pressed."""

    @property
    def running(self) -> bool:
        """Whether something is being done."""
        return self._run is not None

    def show_models(self, chosen: str = "") -> None:
        """List the models anew, with one of them chosen; without a name, the one that was, else the default."""
        current = self._current()
        self._models, default = installed_models(), default_model()
        wanted = [model for model in self._models if chosen and model.name == chosen]
        wanted += [model for model in self._models if current and not chosen and model.folder == current.folder]
        wanted += [model for model in self._models if model.name == default]
        self._list.clear()
        for model in self._models:
            is_default = model.name == default and not model.problem
            item = QTreeWidgetItem([model.title, "Default" if is_default else "", _origin(model)])
            item.setToolTip(0, as_it_is(model.problem or str(model.folder)))
            if model.problem:
                item.setForeground(0, self.palette().brush(self.palette().ColorRole.Mid))
            self._list.addTopLevelItem(item)
        self._list.setCurrentItem(self._list.topLevelItem(self._models.index(wanted[0])) if wanted else None)
        self._show_chosen()

    def _build(self) -> None:
        introduction = QLabel(_INTRODUCTION)
        introduction.setWordWrap(True)
        self._messages = QgsMessageBar()
        self._list = QTreeWidget()
        self._list.setObjectName("models")
        self._list.setHeaderLabels(["Model", "Default", "Origin"])
        self._list.setRootIsDecorated(False)
        self._list.setAccessibleName("Installed models")
        self._list.header().resizeSection(0, 260)
        self._list.currentItemChanged.connect(self._show_chosen)
        self._card = QTextBrowser()
        self._card.setObjectName("card")
        self._card.setAccessibleName("Card of the chosen model")
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(self._list)
        split.addWidget(self._card)
        split.setSizes([140, 320])
        self._state = QLabel()
        self._state.setObjectName("state")
        self._state.setWordWrap(True)
        self._state.linkActivated.connect(self._follow)
        self._bar = QProgressBar()
        self._bar.setRange(0, 0)
        layout = QVBoxLayout(self)
        layout.addWidget(introduction)
        layout.addWidget(self._messages)
        layout.addWidget(split, 1)
        layout.addWidget(self._state)
        layout.addWidget(self._bar)
        layout.addLayout(self._build_buttons())

    def _build_buttons(self) -> QHBoxLayout:
        self._buttons: Dict[str, QPushButton] = {}
        row = QHBoxLayout()
        for name, text, tooltip, action in (
            (
                "install",
                "&Install Model Folder…",
                "Install a folder that Train Model or someone else made",
                self._folder,
            ),
            ("own", "Install &Network…", "Install a network of your own: torch.export or TorchScript", self._network),
            ("default", "Make &Default", "Use this model where none is chosen", self._make_default),
            ("remove", "&Remove…", "Delete this model; the ones that come with the plugin stay", self._remove),
        ):
            button = self._buttons[name] = QPushButton(text)
            button.setObjectName(name)
            button.setToolTip(tooltip)
            button.setAutoDefault(False)
            button.clicked.connect(action)
            row.addWidget(button)
            if name == "own":
                row.addStretch(1)
        return row

    def _current(self) -> Optional[InstalledModel]:
        index = self._list.indexOfTopLevelItem(self._list.currentItem()) if self._list.currentItem() else -1
        return self._models[index] if index >= 0 else None

    def _show_chosen(self, *_: Any) -> None:
        model = self._current()
        self._card.setHtml(_described(model) if model else "")
        self._enable()

    def _enable(self) -> None:
        model, engine = self._current(), environment.state()
        can_run = engine.ready and self._run is None
        self._bar.setVisible(self._run is not None)
        if self._run is None:
            self._state.setText(self._trouble if engine.ready else f"{html.escape(engine.reason)} {setup_link()}")
        self._state.setVisible(bool(self._state.text()))
        usable = model is not None and not model.problem
        for name, possible in (
            ("install", True),
            ("own", True),
            ("default", usable and model.name != default_model()),
            ("remove", model is not None and not model.shipped),
        ):
            self._buttons[name].setEnabled(can_run and possible)

    def _follow(self, link: str) -> None:
        QDesktopServices.openUrl(QUrl(link))
        self._enable()

    def _folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Model Folder")
        if not chosen:
            return
        source = Path(chosen)
        if any((source / program).exists() for program in PROGRAMS.values()):
            self._ask_consent(source)
        else:
            self._install({"SOURCE": chosen})

    def _network(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, "Network of Your Own", "", "Networks (*.pt2 *.pt);;All files (*)")
        if chosen:
            self._ask_consent(Path(chosen))

    def _ask_consent(self, source: Path) -> None:
        dialog = ConsentDialog(source, self)
        if dialog.exec():
            self._install(dialog.parameters())

    def _install(self, parameters: Dict[str, Any]) -> None:
        self._start("installmodel", parameters, "Installing …", lambda results: self._installed(results))

    def _installed(self, results: Dict[str, Any]) -> None:
        self.show_models(results["NAME"])
        self._messages.pushMessage("", as_it_is(f"“{results['TITLE']}” was installed."), Qgis.MessageLevel.Success)

    def _make_default(self) -> None:
        model = self._current()
        self._start("listmodels", {"DEFAULT": model.name}, "Changing the default …", lambda _: self.show_models())

    def _remove(self) -> None:
        model = self._current()
        answer = QMessageBox.question(
            self,
            "Remove Model",
            f"<p>Delete {as_it_is(f'“{model.title}”')} and its folder?</p><p>{as_it_is(str(model.folder))}</p>",
            QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No,
            QMessageBox.StandardButton.No,
        )
        if answer == QMessageBox.StandardButton.Yes:
            self._start("removemodel", {"NAME": model.name}, "Removing …", lambda _: self.show_models())

    def _start(self, algorithm: str, parameters: Dict[str, Any], text: str, then: Callable[..., None]) -> None:
        """Run an algorithm; ``then(results)`` is called if it went well."""
        self._messages.clearWidgets()
        self._trouble = ""
        self._run = Run(algorithm, parameters)
        self._run.stage.connect(self._tell)
        self._state.setText(text)
        self._enable()
        self._run.start(lambda successful, results: self._finish(successful, results, then))

    def _tell(self, text: str) -> None:
        self._state.setText(html.escape(text))

    def _finish(self, successful: bool, results: Dict[str, Any], then: Callable[..., None]) -> None:
        run, self._run = self._run, None
        if sip.isdeleted(self):  # the options were closed meanwhile
            return
        if successful and results:
            then(results)
        else:
            self._trouble = html.escape(run.error or "It was cancelled.")
        self._enable()


def _origin(model: InstalledModel) -> str:
    if model.problem:
        return "Cannot be used"
    return "Comes with the plugin" if model.shipped else "Installed by you"


def _described(model: InstalledModel) -> str:
    problem = f"<p><b>{html.escape(model.problem)}</b></p>" if model.problem else ""
    where = f"<p>Name: {html.escape(model.name)}<br>Folder: {html.escape(str(model.folder))}</p>"
    try:
        return problem + card_text({**model.card, "title": model.title}, brief=True) + where
    except RecursionError:  # a card may hold anything; the engine refuses such a one
        return problem + where
