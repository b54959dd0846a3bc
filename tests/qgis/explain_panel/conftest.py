"""The Explain panel on a real map, with the real engine and the simulated sample."""

import pytest
from qgis.core import (
    QgsApplication,
    QgsRasterLayer,
)

from solar_saliency.solar_saliency_plugin.gui.detections import detection_at
from solar_saliency.solar_saliency_plugin.gui.explain_panel.entry import PanelEntry
from tests.qgis.explain_panel.steps import UTM, Window, wait_until


@pytest.fixture
def window(found, sample, project):
    made = Window()
    scene = QgsRasterLayer(sample["SCENE"], "Scene")
    project.addMapLayer(scene)
    made.canvas.setLayers([found, scene])
    made.canvas.zoomToFullExtent()
    made.window.show()
    yield made
    made.window.hide()  # it would lie over the windows of other tests


@pytest.fixture
def entry(window, provider, engine):
    made = PanelEntry(window, lambda point: detection_at(point, UTM, window.canvas.layers(), 1.0))
    made.action.setChecked(True)
    yield made
    if made.panel is not None:
        made.remove()
    wait_until(lambda: not QgsApplication.taskManager().activeTasks())


@pytest.fixture
def panel(entry):
    return entry.panel


@pytest.fixture
def presenter(entry):
    return entry._presenter
