"""Explain Detection: its parameters there and back, its help, its layer: name, place, style, and run again."""

import colorsys
import dataclasses
import re

import processing
import pytest
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsReferencedGeometry,
    QgsVectorLayer,
)
from qgis.PyQt.QtWidgets import QWidget

from solar_saliency.processing_algorithms import parameters
from solar_saliency.processing_algorithms.attribute import _measured
from solar_saliency.processing_algorithms.base import ICONS
from solar_saliency.processing_algorithms.explaining import METHODS_PAGE
from solar_saliency.processing_algorithms.parameters import inputs, read, restore
from solar_saliency.processing_algorithms.text_chart import COLUMNS, text_chart
from solar_saliency.processing_algorithms.wording import NOT_CHOSEN, share_text
from solar_saliency.solar_saliency_plugin.bridge import layers
from solar_saliency.solar_saliency_plugin.contract import METHODS
from solar_saliency.solar_saliency_plugin.contract.attribution_methods import ATTRIBUTION_METHODS
from solar_saliency.solar_saliency_plugin.contract.options import Option, Role, options

SQUARE = "Polygon ((0.1 0, 10 0, 10 10, 0.1 10, 0.1 0))"


def sent(algorithm, values):
    return read(inputs(algorithm.engine_options()), algorithm, values, QgsProcessingContext())


@pytest.fixture
def explain(provider):
    return provider.algorithm("attribute")


# parameters


@pytest.mark.parametrize(
    ("value", "wkt", "crs"),
    [
        (f"CRS=EPSG:32643;{SQUARE}", SQUARE, "EPSG:32643"),
        ("POINT(16.25 48.5)", "Point (16.25 48.5)", None),
        (
            QgsReferencedGeometry(QgsGeometry.fromWkt("Point(1 2)"), QgsCoordinateReferenceSystem("EPSG:4326")),
            "Point (1 2)",
            "EPSG:4326",
        ),
    ],
)
def test_a_target_is_sent_as_text_with_its_crs(explain, value, wkt, crs):
    found = sent(explain, {"TARGET": value})
    assert QgsGeometry.fromWkt(found["target"]).equals(QgsGeometry.fromWkt(wkt))
    assert found.get("target_crs") == crs


def test_what_is_no_polygon_or_point_is_refused_in_words(explain):
    with pytest.raises(QgsProcessingException, match="is no polygon or point"):
        sent(explain, {"TARGET": "somewhere over there"})


@pytest.mark.parametrize("line", ["LineString(0 0, 1 1)", "rubbish"])
def test_a_dialog_does_not_take_a_line_for_a_target(explain, engine, line, tmp_path):
    values = {"INPUT": "scene.tif", "TARGET": line, "OUTPUT": str(tmp_path / "a.tif")}
    assert not explain.checkParameterValues(values, QgsProcessingContext())[0]


def test_every_option_survives_the_way_to_the_engine_and_back(explain):
    request = {
        "scene": "/somewhere/S2A.SAFE",
        "target": "MultiPolygon (((399999.125 0, 10 0, 10 10, 399999.125 0)))",
        "target_crs": "EPSG:32643",
        "polygons": "/somewhere/d.gpkg|layername=detections",
        "pixels": "all",
        "around": 3,
        "threshold": 0.25,
        "quantity": "probability",
        "total": "sum",
        "name": "detection 12",
        "baseline": "scene",
        "baseline_scene": "/somewhere/S2B.SAFE",
        "blur": 50.0,
        "spectra": 5,
        "steps": 20,
        "rule": "right",
        "samples": 10,
        "noise": 0.2,
        "of": "gradient",
        "relevance": "alpha_beta",
        "features": "superpixels",
        "superpixel": 0.5,
        "patch": 50.0,
        "stride": 3,
        "evaluations": 100,
        "layer": "encoder.0",
        "seed": 7,
        "attribution_method": "gradient",
        "per_band": True,
        "restart": True,
    }
    assert sent(explain, restore(options(METHODS["attribute"].request), request)) == request


def test_what_is_left_to_the_method_is_not_sent(explain):
    own = explain.parameterDefinition("RULE")
    assert own.options()[own.defaultValue()] == NOT_CHOSEN
    assert sent(explain, {"RULE": own.defaultValue(), "STEPS": None, "BASELINE_SCENE": None, "TARGET": ""}) == {}


class Told(QgsProcessingFeedback):
    def __init__(self):
        super().__init__(False)
        self.texts = []

    def pushInfo(self, info):  # noqa: N802
        self.texts.append(info)

    def pushWarning(self, warning):  # noqa: N802
        self.texts.append(warning)


@pytest.mark.parametrize(
    ("algorithm", "values", "sent_too", "words"),
    [
        ("attribute", {"TARGET": SQUARE, "POLYGONS": "/d.gpkg"}, {"target"}, ["layer of polygons is not"]),
        ("attribute", {"POLYGONS": "/d.gpkg"}, {"polygons"}, []),
        ("attribute", {"BASELINE": "soil", "BASELINE_DATE": "2024-05-01"}, {"baseline"}, ["“Another date”"]),
        (
            "deletionmask",
            {"BASELINE_SCENE": "/b.tif", "BASELINE_DATE": "2024-05-01"},
            set(),
            ["“Scene of another date” is not used", "“Baseline date” is not used"],
        ),
        ("layerattribution", {"BASELINE": "scene", "BASELINE_SCENE": "/b.tif"}, {"baseline", "baseline_scene"}, []),
        ("comparemethods", {"BASELINES": ["soil"], "BASELINE_SCENE": "/b.tif"}, {"baselines"}, ["is not used"]),
        ("comparemethods", {"BASELINES": ["scene"], "BASELINE_SCENE": "/b.tif"}, {"baselines", "baseline_scene"}, []),
    ],
)
def test_what_another_input_makes_useless_is_not_sent_and_that_is_said(provider, algorithm, values, sent_too, words):
    run, told = provider.algorithm(algorithm).create(), Told()
    assert run.prepareAlgorithm(values, QgsProcessingContext(), told)
    assert set(run._request) - {"target_crs"} == sent_too
    assert len(told.texts) == len(words) and all(word in text for word, text in zip(words, told.texts))


def test_scripts_may_name_choices_as_the_engine_does(explain, engine, tmp_path):
    values = {"INPUT": "scene.tif", "OUTPUT": str(tmp_path / "a.tif"), "ATTRIBUTION_METHOD": "gradient"}
    assert explain.checkParameterValues(values, QgsProcessingContext()) == (True, "")
    assert sent(explain, values)["attribution_method"] == "gradient"
    unknown = {**values, "ATTRIBUTION_METHOD": "tea leaves"}
    assert not explain.checkParameterValues(unknown, QgsProcessingContext())[0]


def test_several_choices_are_sent_as_a_list_and_restored(explain):
    several = Option(
        name="methods",
        type=str,
        required=False,
        default=("gradient", "vargrad"),
        help="",
        unit="",
        minimum=None,
        maximum=None,
        choices=("integrated_gradients", "gradient", "vargrad"),
        role=Role.CHOICES,
        advanced=False,
    )
    parameter = parameters.definition(several, {})
    assert parameter.allowMultiple() and parameter.defaultValue() == [1, 2]
    assert parameter.options()[0] == "Integrated gradients"
    explain.addParameter(parameter)
    for value in ([0, 2], "0,2", ["integrated_gradients", "vargrad"]):
        found = read([several], explain, {"METHODS": value}, QgsProcessingContext())
        assert found == {"methods": ["integrated_gradients", "vargrad"]}
    assert restore([several], found) == {"METHODS": [0, 2]}
    assert parameters.definition(dataclasses.replace(several, default=()), {}).defaultValue() == []


def test_the_second_scene_is_optional_and_has_a_name_of_its_own(explain):
    second = explain.parameterDefinition("BASELINE_SCENE")
    assert second.flags() & second.Flag.FlagOptional
    assert not explain.parameterDefinition("INPUT").flags() & second.Flag.FlagOptional


class AlgorithmDialog(QWidget):
    """Stands for QGIS's dialog, which wrappers ask for its class's name."""


def test_the_box_of_a_target_keeps_its_crs_and_takes_what_is_selected(explain, project):
    from solar_saliency.solar_saliency_plugin.gui.target_widget import TargetWidget, selected_geometry

    widget = TargetWidget(explain.parameterDefinition("TARGET"), AlgorithmDialog())
    for value, text in (
        (f"CRS=EPSG:32643;{SQUARE}", f"CRS=EPSG:32643;{SQUARE}"),
        (
            QgsReferencedGeometry(QgsGeometry.fromWkt("Point(1 2)"), QgsCoordinateReferenceSystem("EPSG:4326")),
            "CRS=EPSG:4326;Point (1 2)",
        ),
        (None, None),
    ):
        widget.setValue(value)
        assert widget.value() == text
    drawn = QgsVectorLayer("Polygon?crs=EPSG:32643", "drawn", "memory")
    parts = []
    for shift in (0, 100):
        feature = QgsFeature()
        feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(shift, 0, shift + 10, 10)))
        parts.append(feature)
    drawn.dataProvider().addFeatures(parts)
    project.addMapLayer(drawn)
    assert selected_geometry() is None
    drawn.selectAll()
    widget._take_selected()
    assert widget.value().startswith("CRS=EPSG:32643;MultiPolygon")
    assert sent(explain, {"TARGET": widget.value()})["target_crs"] == "EPSG:32643"


# help


@pytest.mark.parametrize("name", list(ATTRIBUTION_METHODS))
def test_the_help_says_what_each_method_tells_and_where_the_rest_stands(explain, name):
    told = re.sub(r"<[^>]+>", "", explain.shortHelpString()).replace("&#x27;", "'").replace("&quot;", '"')
    told = told.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")
    method = ATTRIBUTION_METHODS[name]
    assert f"{method.title}: {method.tells.split('. ')[0]}" in told
    page = METHODS_PAGE.read_text(encoding="utf-8")
    assert f'id="{name}"' in page and METHODS_PAGE.as_uri() in explain.shortHelpString()


def test_the_help_is_short_enough_to_be_read(explain):
    assert len(re.sub(r"<[^>]+>", "", explain.shortHelpString())) < 13_000


def test_the_box_of_methods_shows_their_titles(explain):
    shown = explain.parameterDefinition("ATTRIBUTION_METHOD").options()
    assert shown == [method.title for method in ATTRIBUTION_METHODS.values()]


# the log


def test_bars_go_left_where_a_band_lowered_the_answer():
    assert drawn({"B02 (blue)": -0.5, "B11": 1.0, "B8A": 0.0}, columns=29) == [
        "B02 (blue) ████│         −0.5",
        "B11            │████████ +1",
        "B8A            │         +0",
    ]


def drawn(values, columns=COLUMNS):
    return text_chart(values, columns).replace("\N{NO-BREAK SPACE}", " ").split("\n")


@pytest.mark.parametrize("values", [(5.37, 1.71, 0.0394, -0.00553), (1.0, 0.99), (-3.0, -1.5), (2.0, -2.0, 1.0)])
def test_no_line_of_a_chart_is_broken_and_bars_are_as_long_as_values(values):
    lines = drawn({f"superpixel {number}": value for number, value in enumerate(values)})
    assert max(map(len, lines)) <= COLUMNS + 1
    halves = [2 * line.count("█") + line.count("▌") + line.count("▐") for line in lines]
    largest = max(map(abs, values))
    assert all(abs(one / max(halves) - abs(value) / largest) < 0.05 for one, value in zip(halves, values))
    assert all("│" in line for line in lines) and (min(values) < 0 or all("│" in line[:16] for line in lines))


def test_bars_of_nothing_are_no_obstacle():
    assert drawn({"B02": 0.0, "B03": None}) == ["B02 │ +0", "B03 │ +0"]
    assert drawn({}) == [""]


@pytest.mark.parametrize(
    ("share", "text"), [(0.0, "0 %"), (6e-8, "under 0.1 %"), (0.0123, "1.2 %"), (0.095, "10 %"), (2.5, "250 %")]
)
def test_shares_are_percentages_that_people_can_read(share, text):
    assert share_text(share) == text


@pytest.mark.parametrize(
    ("name", "settings", "slope"),
    [
        ("gradient", {}, True),
        ("guided_backprop", {}, True),
        ("deconvolution", {}, True),
        ("smoothgrad", {"of": "gradient"}, True),
        ("smoothgrad", {"of": "integrated_gradients"}, False),
        ("integrated_gradients", {}, False),
        ("input_x_gradient", {}, False),
        ("occlusion", {}, False),
        ("lrp", {}, False),
    ],
)
def test_the_log_does_not_take_slopes_for_contributions(name, settings, slope):
    result = {"attribution_method": name, "settings": settings, "target_pixels": 5}
    told = _measured(result, {"attribution_method": name})
    assert (told == "The change of the mean logit per unit of reflectance") == slope
    assert slope or told == "The attribution"


# styles


def styled(tmp_path, name, minimum, maximum):
    """What a raster shows that the style of that name lies beside, for a range of 2: (red, green, blue, alpha)."""
    path = tmp_path / "a.tif"
    gdal.GetDriverByName("GTiff").Create(str(path), 4, 4, 3, gdal.GDT_Float32)
    text = (ICONS.parent / "styles" / f"{name}.qml").read_text(encoding="utf-8").replace("$range", "2")
    text = text.replace("$low", "less").replace("$high", "more")
    assert "$" not in text and "<!-- Solar Saliency: " in text
    path.with_suffix(".qml").write_text(text, encoding="utf-8")
    layer = QgsRasterLayer(str(path), "a")
    shader = layer.renderer().shader().rasterShaderFunction()
    assert (shader.minimumValue(), shader.maximumValue()) == (minimum, maximum)
    assert layer.renderer().usesBands() == [1]
    return lambda value, layer=layer: layer.renderer().shader().rasterShaderFunction().shade(value)[1:]


def test_a_signed_map_is_clear_at_zero_and_strongest_at_both_ends(tmp_path):
    shade = styled(tmp_path, "attribution", -2, 2)
    assert shade(0)[3] == 0
    for sign in (-1, 1):
        alphas = [shade(sign * value)[3] for value in (0, 0.2, 0.5, 1, 1.5, 2)]
        assert alphas == sorted(alphas) and alphas[-1] == 190, "the image shows through"
        assert 80 <= shade(sign)[3] <= 110
        assert shade(sign * 50)[3] == 190, "beyond the range it stays so"
    assert abs(shade(-1)[3] - shade(1)[3]) <= 1, "zero lies in the middle"
    hues = [colorsys.rgb_to_hsv(*(channel / 255 for channel in shade(value)[:3]))[0] * 360 for value in (-1, 1)]
    assert 200 <= hues[0] <= 240 and (hues[1] <= 25 or hues[1] >= 340), "blue lowered, red raised"


def test_the_two_ends_differ_for_colour_blind_people(tmp_path):
    shade = styled(tmp_path, "attribution", -2, 2)
    # Viénot, Brettel and Mollon (1999): what is left of (linear) red, green and blue.
    protan = ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0))
    deutan = ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0))
    for matrix in (protan, deutan):
        for value in (0.5, 1, 2):
            seen = []
            for side in (-value, value):
                linear = [(channel / 255) ** 2.2 for channel in shade(side)[:3]]
                left = [max(0.0, sum(m * c for m, c in zip(row, linear))) for row in matrix]
                seen.append([255 * channel ** (1 / 2.2) for channel in left])
            assert sum((a - b) ** 2 for a, b in zip(*seen)) ** 0.5 > 100


def test_a_map_without_signs_is_clear_at_zero_in_one_hue(tmp_path):
    shade = styled(tmp_path, "attribution_unsigned", 0, 2)
    assert shade(0)[3] == 0 and shade(2)[3] == 190 and shade(9)[3] == 190
    hues = [colorsys.rgb_to_hsv(*(c / 255 for c in shade(value)[:3]))[0] * 360 for value in (0.2, 1, 2)]
    assert max(hues) - min(hues) < 10


# layers


@pytest.fixture
def question(sample, tmp_path, context, listener):
    """The parameters that explain the largest detection of the sample."""
    files = {"OUTPUT": str(tmp_path / "p.tif"), "POLYGONS": str(tmp_path / "d.gpkg")}
    processing.runAndLoadResults(
        "solarsaliency:detect", {"INPUT": sample["SCENE"], **files}, feedback=listener, context=context
    )
    detections = QgsVectorLayer(files["POLYGONS"], "d")
    largest = max(detections.getFeatures(), key=lambda feature: feature["area_ha"])
    target = f"CRS={detections.crs().authid()};{largest.geometry().asWkt()}"
    return {"INPUT": sample["SCENE"], "TARGET": target, "NAME": "detection 12", "STEPS": 5}


def explained(question, output, listener, **changed):
    context = QgsProcessingContext()  # a used one would load older results again
    context.setProject(QgsProject.instance())
    processing.runAndLoadResults(
        "solarsaliency:attribute", {**question, "OUTPUT": str(output), **changed}, feedback=listener, context=context
    )
    assert not listener.errors
    (layer,) = layers.layers_of(QgsProject.instance(), [str(output)])
    return layer


def names(group):
    return [node.name() for node in group.children()]


def test_maps_of_a_target_lie_in_one_group_below_the_polygons(question, sample, tmp_path, listener):
    scene = QgsRasterLayer(sample["SCENE"], "scene")
    first = explained(question, tmp_path / "1.tif", listener)
    explained(question, tmp_path / "2.tif", listener, ATTRIBUTION_METHOD="gradient", STEPS=None)
    explained(question, tmp_path / "3.tif", listener, NAME="", ATTRIBUTION_METHOD="gradient", STEPS=None)
    QgsProject.instance().addMapLayer(scene)
    layers.move_to_group(QgsProject.instance(), scene, f"Solar Saliency: {layers.run_of(first)['scene']['id']}")
    root = QgsProject.instance().layerTreeRoot()
    (group,) = root.children()
    assert re.fullmatch(r"Why: detection 26\.\d{5}N 74\.\d{5}E", names(group)[1]), "it is one of the layer's"
    assert names(group) == [
        "Solar farm detections (simulated)",
        names(group)[1],
        "Why: detection 12",
        "Solar farm probability (simulated)",
        "scene",
    ]
    why = group.findGroup("Why: detection 12")
    shown = names(why)
    assert shown[0] == "Gradient (simulated)" and re.match(
        r"(⚠ )?Integrated gradients \(bare soil\) \(simulated\)", shown[1]
    )
    assert len(root.findLayers()) == 6
    assert [node.isVisible() for node in why.children()] == [False, False], "they would be seen through the newest"
    assert group.children()[1].children()[0].isVisible()


def test_a_map_that_was_added_into_the_group_finds_its_place_too(question, sample, tmp_path, listener):
    path = str(tmp_path / "1.tif")
    processing.run("solarsaliency:attribute", {**question, "OUTPUT": path}, feedback=listener)
    (group,) = QgsProject.instance().layerTreeRoot().children()
    layer = QgsRasterLayer(path, "a")
    QgsProject.instance().addMapLayer(layer, False)
    group.insertLayer(0, layer)  # as QGIS does where a layer of the group is the current one
    layers.move_to_group(QgsProject.instance(), layer, group.name(), "Why: detection 12")
    assert names(group)[:2] == ["Solar farm detections (simulated)", "Why: detection 12"]
    assert names(group.children()[1]) == ["a"]


def test_a_map_has_the_style_of_its_range_and_says_what_it_shows(question, tmp_path, listener):
    layer = explained(question, tmp_path / "1.tif", listener)
    shader = layer.renderer().shader().rasterShaderFunction()
    assert shader.minimumValue() == -shader.maximumValue() < 0
    assert shader.shade(0)[4] == 0
    abstract = layer.metadata().abstract()
    assert abstract.startswith("SIMULATED") and "Answer for the baseline: " in abstract
    told = [text for text in listener.texts if "probability of" in text or "mean logit" in text]
    assert re.match(r"The model gives the target a probability of 0\.\d+ on average over its \d+ pixels\.$", told[0])
    assert re.match(r"What is explained: mean logit [\d.]+, for the baseline -?[\d.]+\.$", told[1])
    assert any("inside the target" in text for text in listener.texts)
    assert any("The model was asked" in text for text in listener.texts)


def test_an_inexact_map_has_a_sign_of_warning_in_its_name():
    from solar_saliency.processing_algorithms.explaining import map_name

    asked = {"attribution_method": "integrated_gradients", "baseline": "zero"}
    assert map_name(asked, {"error": 0.2}) == "⚠ Integrated gradients (zero)"
    assert map_name(asked, {"error": 0.001}) == "Integrated gradients (zero)"
    assert map_name({"attribution_method": "smoothgrad", "baseline": "soil"}, {"error": None}) == "SmoothGrad"
    assert map_name({"attribution_method": "of tomorrow"}, {}) == "Of tomorrow"


def test_a_map_can_be_run_again_from_its_layer_to_the_same_pixels(question, tmp_path, context, listener):
    layer = explained(question, tmp_path / "1.tif", listener, BASELINE="zero")
    run = layers.run_of(layer)
    again = restore(options(METHODS["attribute"].request), run["request"])
    assert again["TARGET"].startswith("CRS=EPSG:32643;MultiPolygon")
    second = processing.run(
        "solarsaliency:attribute", {**again, "OUTPUT": str(tmp_path / "2.tif")}, context=context, feedback=listener
    )
    pixels = [gdal.Open(path).ReadAsArray().tobytes() for path in (str(tmp_path / "1.tif"), second["OUTPUT"])]
    assert pixels[0] == pixels[1]


def test_a_target_in_degrees_is_the_same_target(question, tmp_path, context, listener):
    from qgis.core import QgsCoordinateTransform

    wkt = question["TARGET"].split(";", 1)[1]
    geometry = QgsGeometry.fromWkt(wkt)
    degrees = QgsCoordinateReferenceSystem("EPSG:4326")
    geometry.transform(
        QgsCoordinateTransform(QgsCoordinateReferenceSystem("EPSG:32643"), degrees, QgsProject.instance())
    )
    results = [
        processing.run(
            "solarsaliency:attribute",
            {**question, "TARGET": target, "OUTPUT": str(tmp_path / f"{number}.tif")},
            context=context,
            feedback=listener,
        )
        for number, target in enumerate((question["TARGET"], f"CRS=EPSG:4326;{geometry.asWkt()}"))
    ]
    assert results[0]["TARGET_PIXELS"] == results[1]["TARGET_PIXELS"]
    assert results[0]["F_X"] == pytest.approx(results[1]["F_X"], rel=1e-6)
