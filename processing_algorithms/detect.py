"""Detect Solar Farms: a scene in, probability and detection polygons out."""

from typing import Any, ClassVar, Dict, List

from qgis.core import QgsProcessingContext, QgsProcessingFeedback, QgsProcessingParameterVectorDestination

from ..solar_saliency_plugin.bridge.layers import Presentation
from ..solar_saliency_plugin.bridge.worker import worker
from ..solar_saliency_plugin.contract.detection import PolygonizeRequest
from ..solar_saliency_plugin.contract.errors import CancelledError
from ..solar_saliency_plugin.contract.options import Option, option_of
from ..solar_saliency_plugin.qgis_compat import POLYGONS
from .base import EngineAlgorithm
from .feedback import Stage
from .kinds import read_output
from .polygonize import Polygonize, found_in_words

#: Share of the progress bar that the network takes; outlining what it found takes seconds.
DETECTING = 95.0


class Detect(EngineAlgorithm):
    """The probability of every pixel, and, unless the user does without, the detections as polygons."""

    METHOD = "detect"
    DISPLAY_NAME = "Detect Solar Farms"
    GROUP = "Detection"
    ICON = "detect.svg"
    LABELS: ClassVar[Dict[str, str]] = {"output": "Probability", "mask_output": "Mask"}

    POLYGONS = "POLYGONS"

    def initAlgorithm(self, configuration: Any = None) -> None:
        super().initAlgorithm(configuration)
        polygons = QgsProcessingParameterVectorDestination(
            self.POLYGONS, "Detections", POLYGONS, optional=True, createByDefault=True
        )
        polygons.setHelp("The detections as polygons (GeoPackage). Skip it to get the probability only.")
        self.addParameter(polygons)
        self.add_outputs(Polygonize.METHOD)

    def engine_options(self) -> List[Option]:
        return [*super().engine_options(), option_of(PolygonizeRequest, "minimum_area")]

    def compute(
        self, parameters: Dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Dict[str, Any]:
        minimum_area = self._request.pop("minimum_area", None)
        polygons = read_output(self, parameters, self.POLYGONS, context)
        if not polygons:
            return super().compute(parameters, context, feedback)
        request = {**self._request, **self.read_outputs(parameters, context)}
        result = worker().call(self.METHOD, request, Stage(feedback, 0, DETECTING))
        outputs = self.deliver(request, result, context, feedback)
        outlining = {"probability": result["output"], "output": polygons}
        if minimum_area is not None:
            outlining["minimum_area"] = minimum_area
        try:
            found = worker().call(Polygonize.METHOD, outlining, Stage(feedback, DETECTING, 100, result["warnings"]))
        except CancelledError:
            # QGIS would look for the polygons' file to show it.
            wanted = context.layersToLoadOnCompletion()
            wanted.pop(polygons, None)
            context.setLayersToLoadOnCompletion(wanted)
            feedback.pushInfo(
                f"The job was cancelled. The probability was written: {result['output']}. Its detections were not "
                "outlined: Detections to Polygons does that."
            )
            return outputs
        self.present({polygons: Presentation("Solar farm detections")}, context)
        feedback.pushInfo(found_in_words(found))
        del found["output"]
        return {**self.as_outputs(found), **outputs, self.POLYGONS: polygons}

    def presentations(self, request: Dict[str, Any], result: Dict[str, Any]) -> Dict[str, Presentation]:
        shown = {result["output"]: Presentation("Solar farm probability")}
        if result["mask_output"]:
            shown[result["mask_output"]] = Presentation("Solar farm mask")
        return shown

    def summary(self, result: Dict[str, Any]) -> List[str]:
        lines = [
            f"{result['detected_ha']:.1f} ha ({100 * result['detected_share']:.2f} % of the pixels computed) reach the "
            f"threshold of {result['threshold']:g}; detections need a core and a smallest area, too."
        ]
        if result["masked_share"]:
            lines.append(f"{100 * result['masked_share']:.1f} % of the pixels were left out as clouds or snow.")
        if result["valid_share"] < 0.9995:
            lines.append(f"{100 * result['valid_share']:.1f} % of the pixels hold data.")
        return lines
