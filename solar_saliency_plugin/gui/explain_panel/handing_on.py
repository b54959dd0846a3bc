"""Handing an answer on: to the map as a layer, to the clipboard, to files."""

import csv
import html
import os
import shutil
from dataclasses import fields
from functools import partial
from typing import Any, Callable, Dict, List

from qgis.core import QgsProcessingContext, QgsProcessingFeedback, QgsProject, QgsSettings, QgsVectorLayer
from qgis.PyQt.QtCore import QCoreApplication, QObject, pyqtSignal
from qgis.PyQt.QtWidgets import QApplication, QFileDialog, QMenu, QWidget

from ...bridge.layers import ShownResult, layers_of
from ...contract.options import to_json
from ...contract.region_shap import Player
from . import summary
from .answer import PanelAnswer
from .answer_view import AnswerView
from .findings import Findings
from .on_map import OnMap
from .panel import BANDS_TAB, SUPERPIXELS_TAB, ExplainPanel
from .runs import BAND_SHAP, FILES, REGION_SHAP, Outcome, presentation

translate = QCoreApplication.translate

#: The folder that was last exported to.
FOLDER_SETTING = "solar_saliency/export_folder"

#: What is made of the answer itself; all else was written by the run.
TABLE = "csv"


#: Does something with the files of a run: takes its method, its baseline, and how it ended.
Use = Callable[[str, str, Outcome], None]


class HandingOn(QObject):
    """What the buttons below an answer do."""

    #: A method is to be run again as it was, with that baseline, and what is to be done then, a function.
    again = pyqtSignal(str, str, object)

    def __init__(self, panel: ExplainPanel, on_map: OnMap, view: AnswerView) -> None:
        super().__init__(panel)
        self._panel = panel
        self._map = on_map
        self._view = view
        panel.add_to_map.clicked.connect(self._add_to_map)
        panel.copy.clicked.connect(self._copy)
        panel.zoom.clicked.connect(self._zoom)
        panel.export.menu().aboutToShow.connect(self._fill_export)

    @property
    def _findings(self) -> Findings:
        return self._view.findings

    def _zoom(self) -> None:
        if self._findings.subject is not None:
            self._map.zoom_to(self._findings.subject)

    def _copy(self) -> None:
        subject, superpixels = self._findings.subject, self._view.superpixels
        if subject is None or superpixels is None:
            return
        text = summary.as_text(subject.name, superpixels, self._findings.bands, superpixels.made, subject.is_searched)
        QApplication.clipboard().setText(text)
        self._panel.message.hint(translate("ExplainPanel", "The summary is in the clipboard."))

    def _add_to_map(self) -> None:
        self._with_files(self._add_layer)

    def _add_layer(self, method: str, baseline: str, outcome: Outcome) -> None:
        layer = add_to_map(method, outcome)
        if method == REGION_SHAP:
            self._view.leave_colours_to(layer, baseline)

    def _fill_export(self) -> None:
        fill(self._panel.export.menu(), self._view.of_tab()[0], self._export)

    def _export(self, ending: str) -> None:
        method, _, shown = self._view.of_tab()
        if ending != TABLE:
            self._with_files(partial(self._export_file, ending))
        elif shown is not None:
            self._export_to(ending, method, partial(write_table, shown))

    def _export_file(self, ending: str, method: str, _: str, outcome: Outcome) -> None:
        self._export_to(ending, method, partial(shutil.copyfile, outcome.files[ending]))

    def _export_to(self, ending: str, method: str, write: Callable[[str], Any]) -> None:
        subject, message = self._findings.subject, self._panel.message
        if subject is None:
            return
        of = BANDS_TAB if method == BAND_SHAP else SUPERPIXELS_TAB
        path = ask_path(self._panel, f"{subject.name} {of}", ending)
        if not path:
            return
        try:
            write(path)
        except OSError as error:
            told = translate("ExplainPanel", "{path} cannot be written: {reason}. Choose another place.")
            message.fail(html.escape(told.format(path=path, reason=error.strerror or error)))
            return
        message.hint(html.escape(translate("ExplainPanel", "Written: {path}").format(path=path)))

    def _with_files(self, use: Use) -> None:
        """Do something with the files of the answer that is shown; where there are none, make them before."""
        method, baseline, _ = self._view.of_tab()
        self._with_files_of(method, baseline, use)

    def _with_files_of(self, method: str, baseline: str, use: Use) -> None:
        """The same of a baseline. The engine knows the values of another one than the run's own: they take no time."""
        findings, own = self._findings, self._findings.choices.baseline
        outcome = findings.outcome(method, baseline)
        then = partial(self._with_files_of, method, baseline, use)
        if outcome is not None and all(os.path.isfile(path) for path in outcome.files.values()):
            use(method, baseline, outcome)
        elif baseline != own and method in findings.outcomes:
            self.again.emit(method, baseline, then)
        else:
            self._panel.message.ask(
                self._told_of_making(method),
                translate("ExplainPanel", "Explain Again"),
                partial(self.again.emit, method, own, partial(self._turn_to, baseline, then)),
            )

    def _turn_to(self, baseline: str, then: Callable[[], None]) -> None:
        """Show again what was shown, once the run's own values have been found anew."""
        self._view.show_baseline(baseline)
        then()

    def _told_of_making(self, method: str) -> str:
        told = translate(
            "ExplainPanel",
            "The files of this answer are gone: they last as long as the session of QGIS that made them. Explaining "
            "again makes them anew, and takes about as long as it did.",
        )
        if method == REGION_SHAP and self._panel.what_if.isChecked():
            told += " " + translate("ExplainPanel", "It ends What If: all superpixels are on then.")
        return told


def add_to_map(method: str, outcome: Outcome) -> str:
    """Show the polygons of a run as a layer, in the group of all answers to the same question; once. Its id."""
    shown = presentation(method, outcome)
    source = outcome.files["gpkg"] + (f"|layername={shown.layer}" if shown.layer else "")
    layer = QgsVectorLayer(source, shown.name)
    project = QgsProject.instance()
    known = [project.layerTreeRoot().findLayer(one.id()) for one in layers_of(project, [outcome.files["gpkg"]])]
    for node in filter(None, known):
        node.setItemVisibilityCheckedParentRecursive(True)
        return str(node.layerId())
    project.addMapLayer(layer)
    context = QgsProcessingContext()
    context.setProject(project)
    ShownResult(shown).postProcessLayer(layer, context, QgsProcessingFeedback())
    return str(layer.id())


def kinds() -> Dict[str, str]:
    """What can be exported, by ending."""
    return {
        "gpkg": translate("ExplainPanel", "Layer (GeoPackage)…"),
        "tif": translate("ExplainPanel", "Raster (GeoTIFF)…"),
        "html": translate("ExplainPanel", "Page with Figures (HTML)…"),
        TABLE: translate("ExplainPanel", "Table (CSV)…"),
    }


def fill(menu: QMenu, method: str, export: Callable[[str], None]) -> None:
    """Offer what a method's answers can be exported as."""
    menu.clear()
    for ending, text in kinds().items():
        entry = menu.addAction(text)
        entry.setEnabled(ending == TABLE or ending in FILES[method].values())
        entry.triggered.connect(partial(_call, export, ending))


def _call(export: Callable[[str], None], ending: str, checked: bool = False) -> None:
    export(ending)


def ask_path(parent: QWidget, name: str, ending: str) -> str:
    """Where to; empty: nowhere."""
    settings = QgsSettings()
    folder = str(settings.value(FOLDER_SETTING, "") or os.path.expanduser("~"))
    proper = "".join(sign if sign.isalnum() or sign in " .-_" else "_" for sign in name).strip()
    text = kinds()[ending].rstrip("…")
    path, _ = QFileDialog.getSaveFileName(
        parent, translate("ExplainPanel", "Export"), os.path.join(folder, f"{proper}.{ending}"), f"{text} (*.{ending})"
    )
    if not path:
        return ""
    settings.setValue(FOLDER_SETTING, os.path.dirname(path))
    return path if path.lower().endswith(f".{ending}") else f"{path}.{ending}"


def write_table(shown: PanelAnswer, path: str) -> None:
    """Write an answer as a table; raises OSError."""
    with open(path, "w", encoding="utf-8-sig", newline="") as file:  # with a mark, without which Excel spoils “±”
        csv.writer(file).writerows(table(shown))


def table(shown: PanelAnswer) -> List[List[Any]]:
    """The players, one a row, the largest first, under a row of names; spectra in a column a band."""
    names = [f.name for f in fields(Player) if f.name != "spectrum"]
    bands = list(shown.players[0].spectrum) if shown.players else []
    rows: List[List[Any]] = [[*names, *(f"mean_{band}" for band in bands)]]
    for player in sorted(shown.players, key=lambda known: known.rank):
        plain = to_json(player)
        values = [plain[name] for name in names]
        rows.append([*values, *(plain["spectrum"].get(band) for band in bands)])
    return rows
