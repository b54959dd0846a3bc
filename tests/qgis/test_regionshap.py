"""Explain Regions: its dialog there and back, what it refuses, its words, its layers; alone, in batches and models."""

import dataclasses
import json
import re

import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsGeometry,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingParameterDefinition,
    QgsProject,
    QgsReferencedGeometry,
    QgsVectorLayer,
)
from qgis.gui import QgsGui, QgsProcessingGui
from qgis.PyQt.QtWidgets import QWidget

from solar_saliency.processing_algorithms.parameters import inputs, read, restore
from solar_saliency.solar_saliency_plugin.bridge.description import description
from solar_saliency.solar_saliency_plugin.contract import METHODS
from solar_saliency.solar_saliency_plugin.contract.errors import LongRunError
from solar_saliency.solar_saliency_plugin.contract.options import options
from tests.qgis.regions import SQUARE, answer, other_baseline, player, result

DEGREES = "EPSG:4326"


@pytest.fixture
def algorithm(provider):
    return provider.algorithm("regionshap").create()


def sent(algorithm, values):
    return read(inputs(algorithm.engine_options()), algorithm, values, QgsProcessingContext())


def moved(wkt, source, target):
    geometry = QgsGeometry.fromWkt(wkt)
    systems = (QgsCoordinateReferenceSystem(name) for name in (source, target))
    geometry.transform(QgsCoordinateTransform(*systems, QgsProject.instance()))
    return geometry


# the dialog


def test_it_asks_first_what_is_explained_then_with_what_then_how_it_is_cut(algorithm):
    advanced = QgsProcessingParameterDefinition.Flag.FlagAdvanced
    first = [d.name() for d in algorithm.parameterDefinitions() if not d.flags() & advanced]
    assert first[:10] == [
        *("INPUT", "TARGET", "POLYGONS", "REGION", "MARGIN", "PIXELS", "BASELINE", "COMPARE", "BASELINE_SCENE"),
        "CUT",
    ]
    folded = [d.name() for d in algorithm.parameterDefinitions() if d.flags() & advanced]
    assert folded[:2] == ["PLAYERS", "ESTIMATOR"] and folded.index("LONG") < folded.index("SCALE")


def test_no_choice_is_shown_as_a_code_word(algorithm):
    for definition in algorithm.parameterDefinitions():
        if definition.type() == "enum":
            assert not any("_" in text or text.islower() for text in definition.options()), definition.name()


def test_a_region_is_a_polygon_and_the_box_takes_selected_ones_only(algorithm, engine, tmp_path):
    from solar_saliency.solar_saliency_plugin.gui.target_widget import TargetWidget

    widget = TargetWidget(algorithm.parameterDefinition("REGION"), AlgorithmDialog())
    assert "POLYGON" in widget._line.placeholderText()
    values = {"INPUT": "scene.tif", "REGION": "POINT(1 2)", "OUTPUT": str(tmp_path / "s.gpkg")}
    assert not algorithm.checkParameterValues(values, QgsProcessingContext())[0]
    with pytest.raises(QgsProcessingException, match="is no polygon"):
        sent(algorithm, {"REGION": "over there"})


class AlgorithmDialog(QWidget):
    """Stands for QGIS's dialog, which wrappers ask for its class's name."""


# the CRS of target and region


def test_a_region_alone_says_the_crs(algorithm):
    found = sent(algorithm, {"REGION": f"CRS=EPSG:32643;{SQUARE}"})
    assert found["target_crs"] == "EPSG:32643" and "region_crs" not in found
    assert "target_crs" not in sent(algorithm, {"REGION": SQUARE}), "it is the scene's"


@pytest.mark.parametrize("as_text", [True, False])
def test_a_region_is_carried_over_into_the_targets_crs(algorithm, as_text):
    drawn = moved(SQUARE, "EPSG:32643", DEGREES)
    region = QgsReferencedGeometry(drawn, QgsCoordinateReferenceSystem(DEGREES))
    found = sent(
        algorithm,
        {
            "TARGET": f"CRS=EPSG:32643;{SQUARE}",
            "REGION": f"CRS={DEGREES};{drawn.asWkt()}" if as_text else region,
        },
    )
    assert found["target_crs"] == "EPSG:32643"
    carried = QgsGeometry.fromWkt(found["region"])
    assert carried.hausdorffDistance(QgsGeometry.fromWkt(SQUARE)) < 0.01
    same = sent(algorithm, {"TARGET": f"CRS=EPSG:32643;{SQUARE}", "REGION": f"CRS=EPSG:32643;{SQUARE}"})
    assert QgsGeometry.fromWkt(same["region"]).equals(QgsGeometry.fromWkt(SQUARE))


def test_a_region_without_a_crs_is_in_the_targets(algorithm):
    found = sent(algorithm, {"TARGET": f"CRS=EPSG:32643;{SQUARE}", "REGION": SQUARE})
    assert found["target_crs"] == "EPSG:32643" and QgsGeometry.fromWkt(found["region"]).equals(
        QgsGeometry.fromWkt(SQUARE)
    )


def test_what_cannot_be_carried_over_is_refused_in_words(algorithm):
    with pytest.raises(QgsProcessingException, match="does not say its CRS"):
        sent(algorithm, {"TARGET": SQUARE, "REGION": f"CRS={DEGREES};{SQUARE}"})
    with pytest.raises(QgsProcessingException, match="does not reach"):
        sent(algorithm, {"TARGET": f"CRS=EPSG:32643;{SQUARE}", "REGION": f"CRS={DEGREES};{SQUARE}"})


def test_every_option_survives_the_way_to_the_engine_and_back(algorithm):
    request = {
        "scene": "/somewhere/S2A.SAFE",
        "target": "Point (400100 2899100)",
        "target_crs": "EPSG:32643",
        "region": QgsGeometry.fromWkt(SQUARE).asWkt(),
        "polygons": "/somewhere/d.gpkg|layername=detections",
        "pixels": "all",
        "margin": 250.0,
        "name": "detection 12",
        "baseline": "zero",
        "compare": ["soil", "mean"],
        "cut": "polygons",
        "segments": "/somewhere/fields.gpkg",
        "superpixels": 30,
        "superpixel": 0.5,
        "cut_bands": ["B04", "B08"],
        "components": True,
        "players": "superpixels_of_band_groups",
        "estimator": "l_shapley",
        "evaluations": 400,
        "error": 0.05,
        "neighbours": 2,
        "outside": "absent",
        "interactions": True,
        "rest": "present",
        "long": True,
        "seed": 7,
    }
    assert sent(algorithm, restore(options(METHODS["regionshap"].request), request)) == request


@pytest.mark.parametrize("value", ["B04, B08", "B04 B08", "B04;B08 ", ["B04", "B08"]])
def test_bands_to_cut_by_are_a_list_however_they_are_written(algorithm, value):
    assert sent(algorithm, {"CUT_BANDS": value})["cut_bands"] == ["B04", "B08"]


# what is refused, and what is left over


def problem(algorithm, **values):
    """Why the dialog does not run so."""
    asked = {"INPUT": "scene.tif", "OUTPUT": "TEMPORARY_OUTPUT", **values}
    return algorithm.checkParameterValues(asked, QgsProcessingContext())[1]


def test_nothing_to_explain_is_refused_before_the_run_with_the_way_out(algorithm, engine):
    told = problem(algorithm)
    assert "Nothing is to be explained yet" in told and "“Target: a polygon or point”" in told


def test_a_cut_by_polygons_without_a_layer_is_refused_before_the_run(algorithm, engine):
    told = problem(algorithm, REGION=SQUARE, CUT="polygons")
    assert "“The polygons of a layer”" in told and "“Layer of polygons to cut by”" in told


@pytest.mark.parametrize(
    ("values", "dropped", "words"),
    [
        ({"MARGIN": 250.0}, {"margin"}, ["a region is given"]),
        ({"SEGMENTS": "/f.gpkg"}, {"segments"}, ["cut into “Compact parts that look alike (SLIC)”"]),
        ({"SUPERPIXEL": 0.5, "SUPERPIXELS": 30}, {"superpixels"}, ["their size is given"]),
        ({"CUT": "grid", "CUT_BANDS": "B04", "COMPONENTS": True}, {"cut_bands", "components"}, ["“Squares”"] * 2),
        ({"NEIGHBOURS": 2, "OUTSIDE": "absent"}, {"neighbours", "outside"}, ["“Automatic”"] * 2),
        ({"ESTIMATOR": "l_shapley", "NEIGHBOURS": 2, "ERROR": 0.1}, {"error"}, ["“L-Shapley: neighbours only”"]),
        ({"BASELINE_DATE": "2024-05-01"}, {"baseline_date"}, ["“Another date”"]),
        (
            {"CUT": "polygons", "SEGMENTS": "/f.gpkg", "SUPERPIXELS": 9, "SUPERPIXEL": 1.0},
            {"superpixels", "superpixel"},
            ["“The polygons of a layer”"] * 2,
        ),
    ],
)
def test_what_another_input_makes_useless_is_not_sent_and_that_is_said(algorithm, listener, values, dropped, words):
    asked = {"REGION": SQUARE, **values}
    assert algorithm.prepareAlgorithm(asked, QgsProcessingContext(), listener)
    assert not dropped & set(algorithm._request)
    assert set(sent(algorithm, asked)) - dropped == set(algorithm._request)
    assert len(listener.texts) == len(words) and all(word in told for word, told in zip(words, listener.texts))


@pytest.mark.parametrize("given", ["TARGET", "REGION"])
def test_a_layer_that_is_not_explained_is_warned_of(algorithm, listener, given):
    asked = {given: SQUARE, "POLYGONS": "/d.gpkg"}
    assert algorithm.prepareAlgorithm(asked, QgsProcessingContext(), listener)
    assert "polygons" not in algorithm._request
    assert listener.warnings == [f"A {given.lower()} is given: it is explained, and the layer of polygons is not."]


def test_in_a_dialog_target_and_layer_take_turns(algorithm, project):
    from solar_saliency.solar_saliency_plugin.gui.target_widget import TargetWidget

    drawn = QgsVectorLayer("Polygon?crs=EPSG:32643", "drawn", "memory")
    project.addMapLayer(drawn)
    dialog, context = AlgorithmDialog(), QgsProcessingContext()
    context.setProject(project)
    boxes = {name: TargetWidget(algorithm.parameterDefinition(name), dialog) for name in ("TARGET", "REGION")}
    kind = QgsProcessingGui.WidgetType.Standard
    layer = QgsGui.processingGuiRegistry().createParameterWidgetWrapper(algorithm.parameterDefinition("POLYGONS"), kind)
    combo = layer.createWrappedWidget(context)
    for box in boxes.values():
        box.postInitialize([*boxes.values(), layer])
    for box in boxes.values():
        box.setValue(SQUARE)
        assert layer.parameterValue() is None and box.value() == SQUARE
    layer.setParameterValue(drawn.id(), context)
    assert layer.parameterValue() and not boxes["TARGET"].value() and not boxes["REGION"].value()
    boxes["TARGET"].setValue(SQUARE)
    boxes["REGION"].setValue(SQUARE)
    assert layer.parameterValue() is None and boxes["TARGET"].value() == boxes["REGION"].value() == SQUARE
    combo.deleteLater()


def test_what_a_dialog_sends_anyway_is_not_worth_a_word(algorithm, listener):
    defaults = {d.name(): d.defaultValue() for d in algorithm.parameterDefinitions() if not d.isDestination()}
    assert algorithm.prepareAlgorithm({**defaults, "REGION": SQUARE}, QgsProcessingContext(), listener)
    assert listener.texts == []


def test_a_baseline_is_not_compared_with_itself(algorithm, listener):
    asked = {"REGION": SQUARE, "COMPARE": ["soil", "zero"]}
    assert algorithm.prepareAlgorithm(asked, QgsProcessingContext(), listener)
    assert algorithm._request["compare"] == ["zero"]


def test_a_long_run_names_the_option_that_lets_it_go_on(algorithm, listener, monkeypatch):
    from solar_saliency.processing_algorithms import base

    class Engine:
        def call(self, *arguments):
            raise LongRunError("This would take about 3 h.", "Set long.")

    monkeypatch.setattr(base, "worker", Engine)
    algorithm.prepareAlgorithm({"REGION": SQUARE}, QgsProcessingContext(), listener)
    with pytest.raises(QgsProcessingException) as told:
        algorithm.processAlgorithm({"REGION": SQUARE}, QgsProcessingContext(), listener)
    label = algorithm.parameterDefinition("LONG").description()
    assert "about 3 h" in str(told.value) and f"“{label}”" in str(told.value) and "Set long" not in str(told.value)


# words

PARTS = [player("1", 2.5, 0.1), player("2", 1.0), player("3", -0.4), player("4", 0.05, 0.06), player("rest", 0.2)]


def log(algorithm, found):
    return algorithm.summary(result([found] if not isinstance(found, list) else found))


def test_the_log_begins_with_what_raised_and_lowered_the_answer_most(algorithm):
    lines = log(algorithm, answer(PARTS))
    assert lines[0] == (
        "The answer was raised by superpixel 1 (+2.5 ± 0.2), superpixel 2 (+1 ± 0.098), what surrounds the region "
        "(+0.2 ± 0.098); lowered by superpixel 3 (−0.4 ± 0.098)."
    )
    text = "\n".join(lines)
    assert "probability of 0.932 on average over its 400 pixels" in text
    assert "Hatched, as even their sign is not sure: superpixel 4." in text
    assert "add up to 3.35, which is the difference" in text
    assert "250 evaluations; R² 0.987; largest standard error 0.1" in text and "Seed of random numbers: 1" in text


def test_values_that_do_not_add_up_say_by_how_much(algorithm):
    found = answer(PARTS, estimator="lime", difference=0.5, r2=None)
    assert any("+0.5 off the difference" in line for line in log(algorithm, found))


def test_words_fit_one_pixel_neighbours_and_groups_of_bands(algorithm):
    grouped = player("4, near infrared", 2.0)
    found = answer([grouped, player("4, visible", 0.5)], estimator="l_shapley", target_pixels=1, hidden=("4, visible",))
    lines = "\n".join(log(algorithm, found))
    assert "raised by near infrared of superpixel 4 (+2 ± 0.098), visible of superpixel 4" in lines
    assert "is the logit of that pixel." in lines and "Found by: L-Shapley: neighbours only" in lines
    assert "Hidden by the baseline: superpixel 4 (visible)." in lines


def test_the_users_own_polygons_are_told_by_name(algorithm):
    named = dataclasses.replace(player("4", 2.0), name="field 00")
    grouped = dataclasses.replace(player("4, visible", 0.5), name="field 00, visible")
    lines = "\n".join(log(algorithm, answer([named, grouped], hidden=("field 00",))))
    assert "raised by field 00 (+2 ± 0.098), visible of field 00" in lines
    assert "Hidden by the baseline: field 00." in lines


def test_what_a_baseline_hides_and_what_others_say_is_told(algorithm):
    more = (
        other_baseline(hidden=("2", "3, visible")),
        other_baseline(baseline="blur", error="The blur is as wide as the scene.", rank_correlation=float("nan")),
    )
    lines = "\n".join(log(algorithm, answer(PARTS, hidden=("5", "7", "9"), compared=more)))
    assert "⚠ Hidden by the baseline: superpixels 5, 7 and 9." in lines
    assert "rank correlation of the values 0.50. ⚠ It hides superpixels 2 and 3 (visible)." in lines
    assert "The blur is as wide as the scene." in lines


def test_pairs_a_stop_and_what_was_known_before_are_told(algorithm):
    found = answer(PARTS, interactions=(("1", "2", 0.75),), stopped=True, asked=50)
    lines = "\n".join(log(algorithm, found))
    assert "Together more (+) or less (−) than each alone: superpixels 1 and 2 (+0.75)" in lines
    assert "200 of them known from before" in lines and "Stopped before all were used" in lines


def test_how_far_the_model_sees_is_told_where_the_region_reaches_farther(algorithm):
    far = "\n".join(log(algorithm, answer(PARTS, facts={"sight": 40.0, "unseen": 0.5})))
    assert "The model sees 40 m around each pixel: what lies farther away" in far
    assert "around each pixel" not in "\n".join(log(algorithm, answer(PARTS)))


def test_a_baseline_without_contrast_is_told_plainly(algorithm):
    found = answer([player("1", 0.0, 0.0), player("2", 0.0, 0.0)], estimator="exact", r2=None)
    assert log(algorithm, found)[0] == "Nothing raised or lowered the answer: the baseline gives the same one."
    found = answer([player("1", 0.1, 0.5), player("2", -0.1, 0.5)])
    assert log(algorithm, found)[0].startswith("Nothing is sure to have raised or lowered the answer")


def test_of_many_regions_each_has_a_line_and_those_refused_a_reason(algorithm):
    many = [answer(PARTS, name=f"farm {number}") for number in range(3)]
    refused = ({"name": "farm 9", "reason": "No pixel is detected there."},)
    lines = algorithm.summary(result(many, refused=refused))
    assert lines[0] == "3 regions were explained."
    assert sum(line.startswith(f"farm {n} (probability 0.93): raised by") for n in range(3) for line in lines) == 3
    assert "⚠ “farm 9” was left out: No pixel is detected there." in lines


# layers


@pytest.mark.parametrize(
    ("request_", "found", "name", "group"),
    [
        ({"name": "detection 12", "target": SQUARE}, [answer(PARTS)], "detection 12: 4 superpixels", "detection 12"),
        ({"region": SQUARE}, [answer(PARTS)], "26.20796N 74.00004E: 4 superpixels", "26.20796N 74.00004E"),
        ({"polygons": "/d.gpkg"}, [answer(PARTS, name="7")], "7: 4 superpixels", "7"),
        ({"polygons": "/d.gpkg"}, [answer(PARTS)] * 3, "3 regions: 12 superpixels", "3 regions"),
    ],
)
def test_layers_say_which_region_how_many_superpixels_and_what_it_was_compared_with(
    algorithm, request_, found, name, group
):
    shown = algorithm.presentations(request_, result(found, raster="/r.tif"))
    assert shown["/s.gpkg"].name == f"{name} (bare soil)" and shown["/s.gpkg"].layer == "superpixels"
    assert shown["/s.gpkg"].group == f"Why: {group}" == shown["/r.tif"].group
    assert shown["/r.tif"].behind == "/s.gpkg"


@pytest.mark.parametrize(
    ("found", "warns"),
    [
        (answer(PARTS), False),
        (answer(PARTS, hidden=("3",)), True),
        (answer([player("1", 1.0, 0.2), player("2", 0.5)]), True),
        (answer(PARTS, estimator="lime", difference=0.3), True),
        (answer([player("1", 1.0, 0.0)], estimator="exact", r2=None), False),
    ],
)
def test_a_layers_name_warns_where_a_part_is_hidden_or_the_estimate_is_rough(algorithm, found, warns):
    name = algorithm.presentations({"name": "x"}, result([found]))["/s.gpkg"].name
    assert name.startswith("⚠ ") == warns


def test_information_tells_a_region_in_lines_and_survives_damage():
    made = {"method": "regionshap", "result": result([answer(PARTS)])}
    lines = description(made)
    assert any(line.startswith("The answer was raised by superpixel 1") for line in lines)
    assert not any("{" in line or "POLYGON" in line for line in lines)
    many = result([answer(PARTS, name=f"farm {n}") for n in range(30)], refused=({"name": "a", "reason": "b"},))
    lines = description({"method": "regionshap", "result": many})
    assert sum(bool(re.match(r"farm \d+: The answer", line)) for line in lines) == 20
    assert "And 10 more regions." in lines and "Left out: a: b" in lines
    for damaged in ([1], [{}], [{"players": "x"}], "a", [{**many["regions"][0], "f_x": None}], [None]):
        assert description({"method": "regionshap", "result": {"regions": damaged, "refused": damaged}})
    broken = json.loads(json.dumps(many).replace("2.5", "1e999"))
    assert description({"method": "regionshap", "result": broken})
