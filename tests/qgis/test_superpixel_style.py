"""What superpixels and regions look like in QGIS: coloured as the raster is, hatched where nothing is certain."""

import subprocess
from pathlib import Path

import pytest
from osgeo import gdal
from qgis.core import (
    QgsExpression,
    QgsExpressionContext,
    QgsExpressionContextUtils,
    QgsMapRendererSequentialJob,
    QgsMapSettings,
    QgsPointXY,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor

ROOT = Path(__file__).resolve().parents[2]
STYLES = ROOT / "resources" / "styles"

#: Squares of 100 m: values from one end to the other, then one whose sign nobody knows.
PHI = [-4.0, -2.0, -1.0, -0.25, 0.0, 0.25, 1.0, 2.0, 4.0, 1.0]
ERRORS = [0.01] * 4 + [0.0] + [0.01] * 4 + [2.0]
LIMIT = 2.0

_WRITE = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import numpy as np
from rasterio.crs import CRS
from rasterio.transform import from_origin
from solar_saliency_plugin.engine.imagery.geopackage import VectorLayer, write_geopackage
from solar_saliency_plugin.engine.imagery.grid import Grid
from solar_saliency_plugin.engine.shapley.outlines import outlines, region_outline
from solar_saliency_plugin.engine.shapley.styles import regions_style, strongest_style, superpixels_style
from solar_saliency_plugin.engine.shapley.tables import band_fields, region_fields, superpixel_fields
from tests.engine.shapley.answers import BANDS, answer_of, of_all_bands, superpixels

phi, errors, limit = eval(sys.argv[3]), eval(sys.argv[4]), float(sys.argv[5])
grid = Grid(CRS.from_epsg(32643), from_origin(300000, 3000000, 10, 10), 200, 200)
folder, crs = Path(sys.argv[2]), grid.crs.to_wkt()
labels = np.repeat(np.repeat(np.arange(len(phi))[None], 10, axis=0), 10, axis=1)
for name, grouped in (("single", False), ("grouped", True)):
    drawn = superpixels(labels, grouped=grouped)
    each = 4 if grouped else 1
    answer = answer_of(drawn, np.repeat(phi, each) * np.tile([1, 1, 2, 1][:each], len(phi)), np.repeat(errors, each))
    outlined = [one for one in outlines(drawn, grid) if one is not None]
    layers = [
        VectorLayer(
            "superpixels", outlined, superpixel_fields([answer], BANDS), superpixels_style([answer], limit), ""
        ),
        VectorLayer("regions", [region_outline(drawn, grid)], region_fields([answer], 1), regions_style(), ""),
    ]
    write_geopackage(folder / f"{name}.gpkg", layers, crs, {"A": "b"})
inside = np.ones((10, 10), bool)
places, answers = [of_all_bands(inside, 0, 20 * place) for place in range(3)], []
for place, strongest in zip(places, (3.0, -3.0, 0.0), strict=True):
    answers.append(answer_of(place, [0.0] * 8 + [strongest, 0.0]))
fields = region_fields(answers, 1) | band_fields(answers)
style = strongest_style(answers, list(band_fields(answers)))
outlined = [region_outline(place, grid) for place in places]
write_geopackage(folder / "bands.gpkg", [VectorLayer("regions", outlined, fields, style, "")], crs, {"A": "b"})
"""


@pytest.fixture(scope="module")
def folder(engine, tmp_path_factory):
    """The engine's own layers, of values that somebody made up."""
    from solar_saliency.solar_saliency_plugin.bridge import environment

    made = tmp_path_factory.mktemp("superpixels")
    arguments = [str(environment.state().python), "-c", _WRITE, str(ROOT), str(made), str(PHI), str(ERRORS), str(LIMIT)]
    subprocess.run(arguments, check=True, timeout=120)
    return made


def layer_of(path, name):
    layer = QgsVectorLayer(f"{path}|layername={name}", name, "ogr")
    assert layer.isValid() and layer.loadDefaultStyle()[1]
    return layer


def picture(layer, pixels=10):
    """A function that gives the colour at a place, in a picture of a layer on nothing; ``pixels``: for 10 m."""
    layer.setLabelsEnabled(False)  # numbers stand in the way of colours
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(layer.crs())
    extent = layer.extent().buffered(20)
    settings.setExtent(extent)
    size = extent.width() / 10 * pixels, extent.height() / 10 * pixels
    settings.setOutputSize(QSize(round(size[0]), round(size[1])))
    settings.setBackgroundColor(QColor(0, 0, 0, 0))
    job = QgsMapRendererSequentialJob(settings)
    job.start()
    job.waitForFinished()
    image = job.renderedImage()

    def colour(x, y):
        place = settings.mapToPixel().transform(QgsPointXY(x, y))
        return image.pixelColor(round(place.x()), round(place.y())).getRgb()

    return colour


def inner(place):
    """Places inside the square of that number, away from its borders."""
    return [(300000 + 100 * place + dx, 2999900 + dy) for dx in range(20, 81, 2) for dy in range(20, 81, 2)]


def test_the_style_is_stored_with_the_layer_and_its_numbers_are_shown(folder):
    layer = layer_of(folder / "single.gpkg", "superpixels")
    assert layer.featureCount() == 10 and layer.labelsEnabled()
    assert "number" in layer.labeling().settings().fieldName
    labels = [rule.label() for rule in layer.renderer().rootRule().children()]
    assert labels[0] == "superpixel" and labels[1].startswith("raised the answer (full colour from +2")
    assert labels[2] == "lowered the answer" and "the interval holds zero" in labels[3]


@pytest.mark.parametrize(("millimetres", "readable"), [(1.3, False), (4.5, True), (40.0, True)])
def test_numbers_are_shown_as_soon_as_one_zooms_in_so_far_that_they_fit(folder, millimetres, readable):
    """However small a superpixel is: its number waits until its side is some millimetres long."""
    layer = layer_of(folder / "single.gpkg", "superpixels")
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(layer.crs())
    settings.setOutputDpi(96)
    settings.setOutputSize(QSize(round(12 * millimetres * 96 / 25.4), round(3 * millimetres * 96 / 25.4)))
    settings.setExtent(layer.extent().buffered(100))
    settings.setBackgroundColor(QColor(0, 0, 0))
    job = QgsMapRendererSequentialJob(settings)
    job.start()
    job.waitForFinished()
    shown = {int(label.labelText) for label in job.takeLabelingResults().allLabels()}
    assert shown == (set(range(1, 11)) if readable else set())
    image = job.renderedImage()
    pixels = (image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height()))
    assert (sum(pixel.lightness() > 230 for pixel in pixels) > 30) == readable, "light figures are to be seen"


def test_colours_are_those_of_the_raster_and_the_image_shows_through(folder, tmp_path):
    colour = picture(layer_of(folder / "single.gpkg", "superpixels"))
    shade = shade_of_raster(tmp_path)
    for place, phi in enumerate(PHI[:-1]):
        wanted, found = shade(phi), {colour(x, y) for x, y in inner(place)}
        assert len(found) == 1, "one colour each"
        red, green, blue, alpha = found.pop()
        assert abs(alpha - wanted[3]) <= 2
        if alpha > 20:  # of a colour that is nearly clear little is left to compare
            assert max(abs(one - two) for one, two in zip((red, green, blue), wanted)) <= 8
    assert colour(*inner(4)[0])[3] == 0, "clear at zero"


def shade_of_raster(tmp_path):
    """What the raster's style shows for a value."""
    path = tmp_path / "a.tif"
    gdal.GetDriverByName("GTiff").Create(str(path), 4, 4, 2, gdal.GDT_Float32)
    text = (STYLES / "attribution.qml").read_text(encoding="utf-8").replace("$range", str(LIMIT))
    path.with_suffix(".qml").write_text(text.replace("$low", "less").replace("$high", "more"), encoding="utf-8")
    layer = QgsRasterLayer(str(path), "a")
    return lambda value, layer=layer: layer.renderer().shader().rasterShaderFunction().shade(value)[1:]


def test_superpixels_whose_interval_holds_zero_are_hatched_and_no_others(folder):
    colour = picture(layer_of(folder / "single.gpkg", "superpixels"))
    for place in range(10):
        dark = sum(colour(x, y)[3] > 110 and max(colour(x, y)[:3]) < 90 for x, y in inner(place)) / len(inner(place))
        assert (0.03 < dark < 0.4) if place == 9 else dark == 0, (place, dark, {colour(x, y) for x, y in inner(place)})


def test_borders_show_where_nothing_is_coloured(folder):
    colour = picture(layer_of(folder / "single.gpkg", "superpixels"))
    assert max(colour(300500 + dx, 2999950)[3] for dx in (-1, 0, 1)) > 60


def test_the_map_tip_tells_value_error_and_share(folder):
    layer = layer_of(folder / "single.gpkg", "superpixels")
    told = {feature["number"]: tip(layer, feature) for feature in layer.getFeatures()}
    assert "<b>farm, superpixel 10</b>" in told[10] and "+1.00 ± 3.92: its sign is not clear" in told[10]
    assert "−4.00 ± 0.02<br>" in told[1] and "1.00 ha" in told[1] and "rank 1" in told[1]
    assert f"{100 * 4 / 15.5:.1f} % of all that moved the answer" in told[1]


def tip(layer, feature):
    scopes = QgsExpressionContextUtils.globalProjectLayerScopes(layer)
    context = QgsExpressionContext(scopes)
    context.setFeature(feature)
    return QgsExpression.replaceExpressionText(layer.mapTipTemplate(), context)


def test_of_several_groups_of_bands_the_strongest_is_shown_at_first(folder):
    layer = layer_of(folder / "grouped.gpkg", "superpixels")
    rules = layer.renderer().rootRule().children()
    assert [rule.label() for rule in rules] == ["visible", "red edge", "near infrared", "short-wave infrared"]
    assert [rule.active() for rule in rules] == [False, False, True, False]
    colour = picture(layer)
    assert colour(*inner(6)[0]) == colour(*inner(7)[0]), "1 in other groups is 2 in the near infrared: full colour"


def test_regions_are_outlines_that_leave_superpixels_in_view(folder):
    layer = layer_of(folder / "single.gpkg", "regions")
    colour = picture(layer)
    assert (
        layer.featureCount() == 1
        and colour(300050, 2999950)[3] == 0
        and max(colour(300500, 3000000 + dy)[3] for dy in range(-3, 4)) > 200
    )
    (feature,) = layer.getFeatures()
    assert "<b>farm</b>" in tip(layer, feature) and "of the baseline -2.000" in tip(layer, feature)


def test_regions_whose_bands_played_tell_the_strongest(folder):
    layer = layer_of(folder / "bands.gpkg", "regions")
    assert layer.labelsEnabled()
    labels = QgsExpression(layer.labeling().settings().fieldName)
    context = QgsExpressionContext(QgsExpressionContextUtils.globalProjectLayerScopes(layer))
    told = []
    for feature in layer.getFeatures():
        context.setFeature(feature)
        told.append(labels.evaluate(context))
    assert told[:2] == ["B11 +3.00", "B11 −3.00"]
    assert "B11: −3.00" in tip(layer, list(layer.getFeatures())[1])
    symbols = layer.renderer().rootRule().children()
    assert [rule.symbol().symbolLayer(1).color().name() for rule in symbols] == ["#b30015", "#0039b3", "#1a1a1a"]
