"""Make Sample Scene: a simulated scene to try everything on, with the true farms."""

import os
from typing import Any, ClassVar, Dict, List

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputRasterLayer,
    QgsProcessingOutputVectorLayer,
)

from ..solar_saliency_plugin.bridge.layers import Presentation
from ..solar_saliency_plugin.bridge.runs import run_of_raster
from ..solar_saliency_plugin.bridge.styles import show_natural_colour, show_outline
from ..solar_saliency_plugin.bridge.worker import worker
from .base import EngineAlgorithm
from .feedback import Stage
from .preparescene import PrepareScene

#: Share of the progress bar that the simulation takes; the rest is for the tidy scene.
SIMULATING = 85.0

#: The tidy scene, beside the band files that it is made of.
SCENE_FILE = "SIMULATED_scene.tif"


class SampleScene(EngineAlgorithm):
    """A simulated product in a folder, one tidy scene of it, and the outlines of the farms that are in it."""

    METHOD = "samplescene"
    DISPLAY_NAME = "Make Sample Scene"
    GROUP = "Imagery"
    LABELS: ClassVar[Dict[str, str]] = {"output": "Folder of the sample"}

    SCENE = "SCENE"
    TRUTH = "TRUTH"

    def initAlgorithm(self, configuration: Any = None) -> None:
        self.addOutput(QgsProcessingOutputRasterLayer(self.SCENE, "Simulated scene"))
        self.addOutput(QgsProcessingOutputVectorLayer(self.TRUTH, "True solar farms"))
        super().initAlgorithm(configuration)

    def compute(
        self, parameters: Dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Dict[str, Any]:
        outputs = super().compute(parameters, context, Stage(feedback, 0, SIMULATING))
        scene = os.path.join(outputs["OUTPUT"], SCENE_FILE)
        request = {"scene": outputs[self.SCENE], "output": scene}
        worker().call(PrepareScene.METHOD, request, Stage(feedback, SIMULATING, 100))
        scene_id = run_of_raster(scene)["scene"]["id"]
        shown = {
            outputs[self.TRUTH]: Presentation("True solar farms", show_outline, scene_id, simulated=True),
            scene: Presentation("Scene, natural colour", show_natural_colour, scene_id, simulated=True),
        }
        for path, presentation in shown.items():
            details = QgsProcessingContext.LayerDetails(presentation.name, context.project(), presentation.name)
            context.addLayerToLoadOnCompletion(path, details)
        self.present(shown, context)
        return {**outputs, self.SCENE: scene}

    def as_outputs(self, result: Dict[str, Any]) -> Dict[str, Any]:
        return {**super().as_outputs(result), "OUTPUT": result["scene"]}

    def summary(self, result: Dict[str, Any]) -> List[str]:
        return [
            f"Simulated scene of {result['width']} × {result['height']} pixels with {result['farms']} solar farms. "
            "Nothing in it was ever photographed."
        ]
