"""Handing an answer on: to the map as a layer, to the clipboard, to files."""

import csv
import os
import shutil
from dataclasses import fields
from functools import partial
from typing import Any, Callable, Dict, List

from qgis.core import QgsProcessingContext, QgsProcessingFeedback, QgsProject, QgsSettings, QgsVectorLayer
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtWidgets import QFileDialog, QMenu, QWidget

from ...bridge.layers import ShownResult, layers_of
from ...contract.options import to_json
from ...contract.region_shap import Player
from .answer import Shown
from .runs import Outcome, presentation

translate = QCoreApplication.translate

#: The folder that was last exported to.
FOLDER_SETTING = "solar_saliency/export_folder"


def add_to_map(method: str, outcome: Outcome) -> None:
    """Show the polygons of a run as a layer, in the group of all answers to the same question; once."""
    shown = presentation(method, outcome)
    source = outcome.files["gpkg"] + (f"|layername={shown.layer}" if shown.layer else "")
    layer = QgsVectorLayer(source, shown.name)
    project = QgsProject.instance()
    known = [project.layerTreeRoot().findLayer(one.id()) for one in layers_of(project, [outcome.files["gpkg"]])]
    for node in filter(None, known):
        node.setItemVisibilityCheckedParentRecursive(True)
        return
    project.addMapLayer(layer)
    context = QgsProcessingContext()
    context.setProject(project)
    ShownResult(shown).postProcessLayer(layer, context, QgsProcessingFeedback())


def kinds() -> Dict[str, str]:
    """What can be exported, by ending."""
    return {
        "gpkg": translate("ExplainPanel", "Layer (GeoPackage)…"),
        "tif": translate("ExplainPanel", "Raster (GeoTIFF)…"),
        "html": translate("ExplainPanel", "Page with Figures (HTML)…"),
        "csv": translate("ExplainPanel", "Table (CSV)…"),
    }


def fill(menu: QMenu, files: Dict[str, str], has_answer: bool, export: Callable[[str], None]) -> None:
    """Offer what there is: files of a run go with the session, a table can always be made."""
    menu.clear()
    for ending, text in kinds().items():
        known = has_answer if ending == "csv" else os.path.isfile(files.get(ending, ""))
        entry = menu.addAction(text)
        entry.setEnabled(known)
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


def write(path: str, ending: str, files: Dict[str, str], shown: Shown) -> None:
    """Write a file; raises OSError."""
    if ending == "csv":
        with open(path, "w", encoding="utf-8-sig", newline="") as file:  # with a mark, without which Excel spoils “±”
            csv.writer(file).writerows(table(shown))
    else:
        shutil.copyfile(files[ending], path)


def table(shown: Shown) -> List[List[Any]]:
    """The players, one a row, the largest first, under a row of names; spectra in a column a band."""
    names = [f.name for f in fields(Player) if f.name != "spectrum"]
    bands = list(shown.players[0].spectrum) if shown.players else []
    rows: List[List[Any]] = [[*names, *(f"mean_{band}" for band in bands)]]
    for player in sorted(shown.players, key=lambda known: known.rank):
        plain = to_json(player)
        values = [plain[name] for name in names]
        rows.append([*values, *(plain["spectrum"].get(band) for band in bands)])
    return rows
