"""Installed models: listed cheaply and whatever lies there, chosen in dialogs, managed in QGIS's options."""

import json
import shutil
import time

import pytest
from qgis.PyQt.QtCore import QCoreApplication, QEventLoop, Qt
from qgis.PyQt.QtGui import QTextDocument
from qgis.PyQt.QtWidgets import QDialog, QFileDialog, QLineEdit, QMessageBox, QWidget

from solar_saliency.processing_algorithms.modelinfo import card_text
from solar_saliency.solar_saliency_plugin.bridge import models
from solar_saliency.solar_saliency_plugin.contract.places import SHIPPED_MODELS
from solar_saliency.solar_saliency_plugin.gui import model_widget, models_page
from solar_saliency.solar_saliency_plugin.gui.consent_dialog import ConsentDialog


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The folder of installed models, empty."""
    from solar_saliency.solar_saliency_plugin.bridge.worker import worker

    worker().stop()  # it has the folder from when it started
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("SOLAR_SALIENCY_MODELS", str(folder))
    yield folder
    worker().stop()


def model_in(folder, title="Mine"):
    """A sound model in a folder, under the folder's name."""
    shutil.copytree(SHIPPED_MODELS / "compact", folder)
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    (folder / "card.json").write_text(json.dumps({**card, "name": folder.name, "title": title}), encoding="utf-8")
    return folder


def listed():
    return {model.name: model for model in models.installed_models()}


def test_shipped_models_come_first_then_those_of_the_user(home):
    model_in(home / "a-first")
    names = list(listed())
    assert names[-1] == "a-first" and "compact" in names[:-1]
    assert listed()["compact"].shipped and not listed()["a-first"].shipped


def test_no_folder_of_models_is_no_problem(home):
    home.rmdir()
    assert "compact" in listed()
    assert models.default_model() == "compact"


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"\xff\xfe\x00",
        b"[1, 2]",
        b'"text"',
        b"[" * 100_000,
        b'{"title": ["x"], "quality": 3}',
        b'{"title": ""}',
    ],
)
def test_whatever_lies_in_the_place_of_a_card_is_listed_and_described(home, content):
    (home / "odd").mkdir()
    if content is not None:
        (home / "odd" / "card.json").write_bytes(content)
    found = listed()["odd"]
    assert found.title == "odd"
    assert found.problem or isinstance(found.card, dict)
    page = models_page.ModelsPage()
    page.show_models("odd")
    assert "odd" in page._card.toPlainText()


def test_a_card_cannot_bring_markup_into_the_page(home):
    model_in(home / "hostile", title="<img src='https://example.org/x.png'>")
    page = models_page.ModelsPage()
    page.show_models("hostile")
    assert "<img" in page._card.toPlainText()


def test_a_card_as_long_as_a_book_is_not_read(home):
    (home / "long").mkdir()
    (home / "long" / "card.json").write_text(json.dumps({"title": "x" * 2_000_000}), encoding="utf-8")
    assert "too long" in listed()["long"].problem


def test_a_card_cannot_bring_markup_into_tooltips_messages_and_questions(home, provider, monkeypatch):
    hostile = "<img src='https://example.org/x.png'>"
    folder = model_in(home / "hostile", title=hostile)
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    (folder / "card.json").write_text(json.dumps({**card, "summary": hostile}), encoding="utf-8")
    asked = []
    monkeypatch.setattr(
        QMessageBox, "question", lambda *arguments: asked.append(arguments[2]) or QMessageBox.StandardButton.No
    )
    page = models_page.ModelsPage()
    page.show_models("hostile")
    page._remove()
    page._installed({"NAME": "hostile", "TITLE": hostile})
    widget = widget_of(provider)
    widget.setValue("hostile")
    tips = [widget._box.itemData(i, Qt.ItemDataRole.ToolTipRole) for i in range(widget._box.count())]
    texts = [*asked, *told(page), *tips, widget._box.toolTip()]
    assert sum("&lt;img" in text for text in texts) >= 4
    for text in texts:
        document = QTextDocument()
        document.setHtml(text)
        assert "<img" not in text and "\ufffc" not in document.toPlainText()


def test_a_card_that_calls_the_model_otherwise_brings_no_markup_either(home):
    folder = model_in(home / "hostile")
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    (folder / "card.json").write_text(json.dumps({**card, "name": "<img src='x.png'>"}), encoding="utf-8")
    page = models_page.ModelsPage()
    page.show_models("hostile")
    assert "<img" in page._card.toPlainText()
    assert "<img" not in page._list.currentItem().toolTip(0)


def test_a_model_in_the_way_of_a_shipped_one_is_shown_and_can_be_removed(page, home, monkeypatch):
    model_in(home / "compact", title="Impostor")
    shipped, impostor = [model for model in models.installed_models() if model.name == "compact"]
    assert shipped.shipped and not shipped.problem
    assert not impostor.shipped and "comes with the plugin" in impostor.problem
    page.show_models()
    assert page._current().shipped
    assert ("Impostor", "", "Cannot be used") in rows(page)
    page._list.setCurrentItem(page._list.topLevelItem(page._models.index(impostor)))
    assert "comes with the plugin" in page._card.toPlainText()
    assert enabled(page) == {"install", "own", "remove"}
    monkeypatch.setattr(QMessageBox, "question", lambda *arguments: QMessageBox.StandardButton.Yes)
    page._buttons["remove"].click()
    finish(page)
    assert [model.shipped for model in models.installed_models() if model.name == "compact"] == [True]


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda folder: (folder / "weights.safetensors").unlink(), "weights.safetensors is missing"),
        (lambda folder: (folder / "weights.safetensors.sha256").unlink(), "sha256 is missing"),
        (lambda folder: folder.rename(folder.with_name("other")), "calls it “mine”"),
    ],
)
def test_a_model_that_the_engine_would_refuse_is_shown_with_its_problem(home, provider, engine, spoil, problem):
    from solar_saliency.solar_saliency_plugin.bridge.worker import worker

    spoil(model_in(home / "mine"))
    (found,) = [model for model in models.installed_models() if not model.shipped]
    assert problem in found.problem
    assert found.title not in [text for text, _, _ in model_widget.choices()]
    (entry,) = [entry for entry in worker().call("listmodels", {})["models"] if not entry["shipped"]]
    assert entry["problem"] == found.problem


QUALITY = {
    "in_short": {
        "intersection_over_union": 0.7123,
        "average_precision": 0.93,
        "farms_of_1_ha_or_more_found": 0.91,
        "calibration_error": 0.01,
        "false_ha_per_100_km2": 12.5,
    },
    "all_pixels": {
        "iou": {"value": 0.71, "low": 0.66, "high": 0.75},
        "reliability": [{"probability": i / 15, "farm_share": i / 15, "pixels": 7777} for i in range(15)],
    },
}


def test_what_the_card_says_in_short_comes_first_and_long_tables_are_left_to_model_info(home):
    trials = [{"name": f"trial {i}", "iou": 0.5} for i in range(90)]
    card = {"title": "T", "quality": QUALITY, "bands": ["B02"] * 10, "training": {"trials": trials}}
    shown = {}
    for brief in (True, False):
        document = QTextDocument()
        document.setHtml(card_text(card, brief=brief))
        shown[brief] = document.toPlainText()
    for text in shown.values():
        words = ("Measured quality", "Intersection over union", "Farms of 1 ha or more", "ha per 100 km²", "in detail")
        places = [text.index(word) for word in words]
        assert places == sorted(places)
        assert "In short" not in text and "0.71 (0.66 to 0.75)" in text and ", ".join(["B02"] * 10) in text
    assert "trial 89" in shown[False] and "7777" in shown[False]
    assert "90 entries: Model Info shows them" in shown[True] and "7777" not in shown[True]
    assert len(shown[True].splitlines()) < 60


@pytest.mark.parametrize("chosen", ["gone", "", "../..", "odd"])
def test_a_default_that_cannot_be_used_is_not_the_default(home, chosen):
    (home / "odd").mkdir()
    (home / "default.txt").write_text(chosen, encoding="utf-8")
    assert models.default_model() == "compact"


def test_a_free_name_is_one_that_no_model_has(home):
    model_in(home / "mine")
    model_in(home / "mine-2")
    assert models.free_name("mine") == "mine-3"
    assert models.free_name("compact") == "compact-2"
    assert models.free_name("other") == "other"


def test_qgis_and_engine_list_the_same_models(home, provider, engine):
    import processing

    from solar_saliency.solar_saliency_plugin.bridge.worker import worker

    model_in(home / "mine")
    (home / "default.txt").write_text("mine", encoding="utf-8")
    told = worker().call("listmodels", {})
    mine = listed()
    assert [m["name"] for m in told["models"]] == list(mine)
    assert all(m["title"] == mine[m["name"]].title and m["shipped"] == mine[m["name"]].shipped for m in told["models"])
    assert told["default"] == models.default_model() == "mine"
    assert processing.run("solarsaliency:listmodels", {})["DEFAULT"] == "mine"


# The widget


def widget_of(provider, dialog=None):
    from processing.gui.wrappers import WidgetWrapperFactory

    parameter = provider.algorithm("detect").parameterDefinition("MODEL")
    return WidgetWrapperFactory.create_wrapper(parameter, dialog or QWidget())


def test_the_widget_offers_titles_and_gives_names(home, provider):
    model_in(home / "mine", title="Solar farms of Burgenland")
    (home / "damaged").mkdir()
    widget = widget_of(provider)
    texts = [widget._box.itemText(i) for i in range(widget._box.count())]
    assert texts[0].startswith("Default: ")
    assert "Solar farms of Burgenland" in texts
    assert not any("damaged" in text for text in texts)
    assert widget.parameterValue() == "default"
    widget._box.setCurrentText("Solar farms of Burgenland")
    assert widget.parameterValue() == "mine"


def test_models_of_the_same_title_are_told_apart_by_name(home, provider):
    model_in(home / "one", title="Same")
    model_in(home / "two", title="Same")
    texts = [text for text, _, _ in model_widget.choices()]
    assert "Same (one)" in texts and "Same (two)" in texts


def test_the_widget_keeps_folders_and_models_that_are_gone(home, provider, tmp_path):
    widget = widget_of(provider)
    for value, shown in ((str(tmp_path), f"{tmp_path.name} ({tmp_path})"), ("gone", "gone (not installed)")):
        widget.setValue(value)
        assert widget.parameterValue() == value
        assert widget._box.currentText() == shown


def test_a_model_folder_can_be_chosen(home, provider, tmp_path, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *arguments: str(tmp_path))
    widget = widget_of(provider)
    told = []
    widget.widgetValueHasChanged.connect(told.append)
    widget._choose_folder()
    assert widget.parameterValue() == str(tmp_path)
    assert told


def test_the_batch_table_has_the_widget_too(home, provider):
    class BatchAlgorithmDialog(QWidget):
        pass

    assert isinstance(widget_of(provider, BatchAlgorithmDialog()), model_widget.ModelWidget)


def test_names_are_completed_in_the_model_designer(home):
    model_in(home / "mine")
    line = QLineEdit()
    model_widget.offer_names(line)
    names = line.completer().model()
    assert {names.data(names.index(row, 0), Qt.ItemDataRole.DisplayRole) for row in range(names.rowCount())} >= {
        "default",
        "compact",
        "mine",
    }


# The page


@pytest.fixture
def page(home, provider, engine):
    return models_page.ModelsPage()


def wait_until(condition, seconds=60):
    """Let QGIS live until a condition holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 50)


def finish(page):
    """Let what the page started come to its end."""
    wait_until(lambda: not page.running)


def rows(page):
    items = [page._list.topLevelItem(i) for i in range(page._list.topLevelItemCount())]
    return [tuple(item.text(column) for column in range(3)) for item in items]


def told(page):
    return [item.text() for item in page._messages.items()]


def enabled(page):
    return {name for name, button in page._buttons.items() if button.isEnabled()}


def test_the_page_shows_what_is_installed_which_is_default_and_its_card(page):
    titles = {model.name: model.title for model in models.installed_models()}
    assert (titles["compact"], "Default", "Comes with the plugin") in rows(page)
    assert page._current().name == "compact"
    assert "Measured quality" in page._card.toPlainText()
    assert enabled(page) == {"install", "own"}


def test_a_model_is_installed_made_the_default_and_removed(page, home, tmp_path, monkeypatch):
    source = model_in(tmp_path / "burgenland", title="Burgenland")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *arguments: str(source))
    page._buttons["install"].click()
    assert enabled(page) == set()
    finish(page)
    assert ("Burgenland", "", "Installed by you") in rows(page), told(page)
    assert page._current().name == "burgenland"
    assert enabled(page) == {"install", "own", "default", "remove"}

    page._buttons["default"].click()
    finish(page)
    assert ("Burgenland", "Default", "Installed by you") in rows(page), told(page)
    assert models.default_model() == "burgenland"

    answers = [QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes]
    monkeypatch.setattr(QMessageBox, "question", lambda *arguments: answers.pop(0))
    page._buttons["remove"].click()
    assert not page.running and "burgenland" in listed()
    page._buttons["remove"].click()
    finish(page)
    assert "burgenland" not in listed(), told(page)
    assert page._current().name == models.default_model() == "compact"


def test_a_folder_that_is_no_model_is_refused_in_words(page, tmp_path, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *arguments: str(tmp_path))
    before = rows(page)
    page._buttons["install"].click()
    finish(page)
    assert rows(page) == before
    assert "is not a model folder" in page._state.text() and page._state.isVisibleTo(page)


@pytest.mark.parametrize("chosen", ["mine.pt2", "folder"])
def test_a_network_is_not_installed_without_consent(page, home, tmp_path, monkeypatch, chosen):
    (tmp_path / "mine.pt2").write_bytes(b"x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "network.pt2").write_bytes(b"x")
    path = str(tmp_path / chosen)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *arguments: path)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *arguments: (path, ""))
    asked = []
    monkeypatch.setattr(ConsentDialog, "exec", lambda self: asked.append(self) or QDialog.DialogCode.Rejected)
    page._buttons["install" if chosen == "folder" else "own"].click()
    assert len(asked) == 1 and not page.running
    assert not list(home.iterdir())


def test_consent_is_a_box_that_is_ticked_by_hand(provider, tmp_path):
    from qgis.core import QgsProcessingContext

    from solar_saliency.processing_algorithms.parameters import inputs, read

    dialog = ConsentDialog(tmp_path / "mine.pt2")
    assert not dialog._install.isEnabled() and not dialog.parameters()["TRUST"]
    dialog._trust.setChecked(True)
    assert dialog._install.isEnabled()
    algorithm = provider.algorithm("installmodel")
    sent = read(inputs(algorithm.engine_options()), algorithm, dialog.parameters(), QgsProcessingContext())
    assert sent == {
        "source": str(tmp_path / "mine.pt2"),
        "trust": True,
        "title": "mine",
        "network_bands": "B02,B03,B04,B05,B06,B07,B08,B8A,B11,B12",
        "network_level": "L2A",
        "network_scale": 1.0,
        "network_gives": "logits",
        "network_threshold": 0.5,
    }


def test_without_an_engine_the_page_says_so_with_a_link(home, provider, no_engine):
    page = models_page.ModelsPage()
    assert enabled(page) == set()
    assert '<a href="solarsaliency:setup">' in page._state.text()


def test_a_page_that_is_closed_while_it_works_does_no_harm(page, tmp_path, monkeypatch):
    from qgis.PyQt import sip

    from solar_saliency.solar_saliency_plugin.gui import background

    source = model_in(tmp_path / "burgenland")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *arguments: str(source))
    page._buttons["install"].click()
    sip.delete(page)
    wait_until(lambda: not background._running)
    assert "burgenland" in listed()


def test_a_card_in_a_model_folder_stands_for_the_folder(home, provider, engine, tmp_path):
    import processing

    source = model_in(tmp_path / "burgenland", title="Burgenland")
    result = processing.run("solarsaliency:installmodel", {"SOURCE": str(source / "card.json")})
    assert (result["NAME"], result["TITLE"]) == ("burgenland", "Burgenland")
    assert processing.run("solarsaliency:removemodel", {"NAME": "burgenland"})["NAME"] == "burgenland"
    assert "burgenland" not in listed()
