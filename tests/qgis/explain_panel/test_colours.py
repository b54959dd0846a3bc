"""The map's colours and hatching in the panel are those of the layer: full at the largest value of all players."""

import math

import pytest
from qgis.core import QgsRectangle
from qgis.PyQt.QtWidgets import QApplication

from solar_saliency.solar_saliency_plugin.gui.explain_panel.answer import begun, refined
from solar_saliency.solar_saliency_plugin.gui.explain_panel.display import Display
from solar_saliency.solar_saliency_plugin.gui.explain_panel.on_map import OnMap
from solar_saliency.solar_saliency_plugin.gui.explain_panel.panel import ExplainPanel
from tests.qgis.explain_panel.steps import Window
from tests.qgis.maps import SOUTH, WEST, squares


@pytest.fixture
def shown_on():
    """What shows answers, and the map."""
    window = Window()
    panel = ExplainPanel(window.window)
    window.window.show()
    window.canvas.setExtent(QgsRectangle(WEST, SOUTH, WEST + 4000, SOUTH + 3000))
    QApplication.processEvents()
    on_map = OnMap(window.canvas, panel.tools)
    yield Display(panel, on_map), on_map.superpixels, window.canvas
    on_map.remove()
    window.window.hide()


def picture(shown_on, phi, errors):
    """What lies over the map where a superpixel and what surrounds the region have these values."""
    shows, superpixels, canvas = shown_on
    known = {"area_ha": 1.0, "pixels": 100, "contrast": 1.0}
    one = {"name": "1", "number": 1, "wkt": squares(canvas, 1, 100)[0], **known}
    rest = {"name": "rest", "number": 0, "wkt": "", **known}
    first = {"name": "made up", "probability": 0.9, "f_x": 3.0, "f_baseline": -4.0, "target_pixels": 100}
    shown = begun({**first, "crs": "EPSG:32643", "players": [one, rest]})
    shows.show_superpixels(refined(shown, {"phi": phi, "standard_error": errors, "estimator": "exact"}))
    superpixels.set_labels({})
    drawn = superpixels._drawn(1.0).copy(40, 40, 60, 60)
    return [drawn.pixelColor(x, y).alpha() for x in range(60) for y in range(60)]


def test_next_to_nothing_is_next_to_clear_where_the_effect_lies_around_the_region(shown_on):
    assert max(picture(shown_on, [0.001, 9.47], [0.0, 0.0])) < 10
    assert min(picture(shown_on, [9.47, 0.001], [0.0, 0.0])) > 180


@pytest.mark.parametrize(
    ("phi", "error", "hatched"),
    [(1e-9, 0.0, False), (0.0, 0.0, False), (0.1, 0.2, True), (0.5, 0.1, False), (0.1, math.nan, False)],
)
def test_only_a_known_error_whose_interval_holds_zero_is_hatched(shown_on, phi, error, hatched):
    alphas = picture(shown_on, [phi, 1.0], [error, 0.0])
    assert (len(set(alphas)) > 1) is hatched
