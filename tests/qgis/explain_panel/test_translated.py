"""All that the Explain panel shows can be translated, but for names, numbers and what the engine says."""

from dataclasses import replace

import pytest
from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QCoreApplication, Qt
from qgis.PyQt.QtWidgets import QApplication, QComboBox, QTableWidget, QTabWidget, QWidget

from solar_saliency.solar_saliency_plugin.bridge import translation
from solar_saliency.solar_saliency_plugin.contract.band_words import BAND_WORDS
from solar_saliency.solar_saliency_plugin.contract.region_shap import Compared
from solar_saliency.solar_saliency_plugin.gui.detections import Detection
from solar_saliency.solar_saliency_plugin.gui.explain_panel.charts import Chart
from tests.qgis.explain_panel.steps import explained, largest, long_run, switch, told, wait_until
from tests.qgis.languages import CODE, letters_of, write_language

#: Widgets within widgets whose texts Qt translates.
QTS_OWN = ("ScrollLeftButton", "ScrollRightButton")

#: What stays as it is: R² and its like, names of users' polygons, and what the engine says here.
SIGNS = ("R²", "The engine’s own words.", "Field", "field")


@pytest.fixture(autouse=True)
def language(tmp_path, monkeypatch):
    """QGIS speaks a language without letters, from before the panel is there until it has gone."""
    monkeypatch.setattr(translation, "FOLDER", tmp_path)
    write_language(tmp_path)
    QgsApplication.setTranslation(CODE)
    translator = translation.install()
    yield
    QCoreApplication.removeTranslator(translator)
    QgsApplication.setTranslation("")


def shown_by(panel):
    """Every text of the panel, whether it is in sight or not, with where it stands; the stage tells the engine's."""
    for widget in [panel, *panel.findChildren(QWidget)]:
        name = widget.objectName() or type(widget).__name__
        if name == "stage" or name in QTS_OWN or name.startswith("qt_"):
            continue
        for of in ("text", "toolTip", "accessibleName", "accessibleDescription", "windowTitle", "suffix", "prefix"):
            if callable(getattr(widget, of, None)):
                yield f"{name}.{of}", getattr(widget, of)()
        yield from ((name, text) for text in more_of(widget))
    for action in panel.export.menu().actions():
        yield "export", action.text()


def more_of(widget):
    """Texts of boxes, tabs, tables and charts."""
    if isinstance(widget, QComboBox):
        yield from (widget.itemText(index) for index in range(widget.count()))
    elif isinstance(widget, QTabWidget):
        yield from (widget.tabText(index) for index in range(widget.count()))
    elif isinstance(widget, QTableWidget):
        items = [widget.horizontalHeaderItem(column) for column in range(widget.columnCount())]
        items += widget.findItems("*", Qt.MatchFlag.MatchWildcard)
        yield from (text for item in items for text in (item.text(), item.toolTip()))
    elif isinstance(widget, Chart):
        yield widget._empty_text
        yield from (text for row in widget._rows.rows for text in (row.label, row.text, row.tip))


def names_of(presenter):
    """What the shown answers tell that no translator knows."""
    findings = presenter.findings
    name = findings.subject.name
    names = [*SIGNS, *BAND_WORDS, name, name[:1].upper() + name[1:]]
    for shown in filter(None, (findings.superpixels, findings.bands)):
        names += [shown.answer.baseline_text, *(other.baseline_text for other in shown.answer.compared)]
        names += [caution.text for caution in shown.answer.cautions] + list(shown.warnings)
        names += [str(value) for value in shown.made.values()] + [str(shown.made["model_sha256"])[:12]]
    return names


def untranslated(presenter, panel):
    """Where there is text in letters, and which."""
    names = names_of(presenter) if presenter.findings.subject is not None else SIGNS
    found = [(where, letters_of(text, names), text) for where, text in shown_by(panel)]
    return [(where, text) for where, letters, text in found if letters]


def test_nothing_is_found_where_everything_is_translated_and_what_is_not_is_found(presenter, panel):
    assert untranslated(presenter, panel) == []
    assert any("⟦" in text for _, text in shown_by(panel))
    panel.welcome.setText("Pick a detection")
    panel.copy.setToolTip("Copy")
    assert untranslated(presenter, panel) == [("welcome.text", "Pick a detection"), ("copy.toolTip", "Copy")]


def doubtful(shown):
    """An answer of which there is everything to be said."""
    first, second, *others = shown.players
    players = (
        replace(first, contrast=0.01, certain=False, standard_error=9.0, lower=-9.0, upper=9.0, pixels=1),
        replace(second, name=f"field {second.number}"),
        *others,
    )
    phi, errors = tuple(player.phi for player in players), tuple(player.standard_error for player in players)
    mean = Compared("mean", "the scene's mean", -3.0, phi, errors, -0.4, (first.name, "rest"), 9)
    failed = replace(mean, baseline="blur", baseline_text="", error="The engine’s own words.")
    answer = replace(
        shown.answer,
        players=players,
        stopped=True,
        phi_sum=shown.answer.phi_sum + 5,
        difference=5.0,
        hidden=(first.name,),
        compared=(mean, failed, replace(mean, baseline="zero", baseline_text="zero", hidden=())),
        interactions=((first.name, "rest", 0.5),),
        facts={"sight": 350.0},
        asked=1,
    )
    return replace(shown, answer=answer)


def test_an_answer_and_all_that_can_be_asked_of_it_are_translated(presenter, panel, found):
    explained(presenter, found)
    panel.show_tab("bands")
    wait_until(lambda: presenter._running is None)
    panel.show_tab("baselines")
    panel.baselines.button.click()
    wait_until(lambda: presenter._running is None)
    assert untranslated(presenter, panel) == []
    panel.what_if.setChecked(True)
    assert untranslated(presenter, panel) == []
    switch(panel, presenter, 0)
    assert untranslated(presenter, panel) == []
    presenter.findings.superpixels = doubtful(presenter.findings.superpixels)
    presenter._view.show()
    panel.export.menu().aboutToShow.emit()
    assert untranslated(presenter, panel) == []
    for row in (1, 3):
        panel.baselines.table.setCurrentCell(row, 0)
        assert untranslated(presenter, panel) == []
    panel.copy.click()
    lines = QApplication.clipboard().text().splitlines()
    assert [line for line in lines if letters_of(line, names_of(presenter))] == [] and len(lines) > 20


def test_what_is_said_before_during_and_after_a_run_is_translated(presenter, panel, found):
    for tool in ("pick", "rectangle", "polygon", "freehand"):
        panel.tools[tool].click()
        assert told(panel) and untranslated(presenter, panel) == []
    long_run(panel)
    presenter.explain_detection(Detection(found, largest(found)))
    assert letters_of(panel.stage.text()) == ""
    stages = []
    presenter._running.stage.connect(stages.append)
    wait_until(lambda: any("⟦" in stage for stage in stages) and presenter._view.has_values)
    assert untranslated(presenter, panel) == []
    panel.explain.click()
    assert letters_of(panel.stage.text()) == ""
    assert untranslated(presenter, panel) == []
    wait_until(lambda: presenter._running is None)
    assert presenter.findings.superpixels.answer.stopped and untranslated(presenter, panel) == []
    panel.baseline.setCurrentIndex(panel.baseline.findData("zero"))
    panel.baseline.activated.emit(panel.baseline.currentIndex())
    assert told(panel) and untranslated(presenter, panel) == []
    panel.explain.click()
    presenter._running.cancel()
    wait_until(lambda: presenter._running is None)
    assert told(panel) and untranslated(presenter, panel) == []


def test_why_there_is_no_answer_is_translated(presenter, panel, found, window, monkeypatch, tmp_path):
    window.active = None
    window.canvas.setLayers([])
    presenter.explain_region(found.getFeature(1).geometry())
    assert told(panel) and untranslated(presenter, panel) == []
    monkeypatch.setenv("SOLAR_SALIENCY_ENGINE", str(tmp_path / "0"))
    presenter.explain_detection(Detection(found, largest(found)))
    names = [*names_of(presenter), str(tmp_path)]
    assert "solarsaliency:setup" in told(panel) and letters_of(told(panel), names) == ""
