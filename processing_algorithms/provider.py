"""The Processing provider: the list of all algorithms."""

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from ..solar_saliency_plugin.bridge.worker import know_as
from .attribute import Attribute
from .bandshap import BandShap
from .base import ICONS
from .checkengine import CheckEngine
from .comparemethods import CompareMethods
from .deletionmask import DeletionMask
from .detect import Detect
from .evaluate import Evaluate
from .finetune import Finetune
from .installmodel import InstallModel
from .layerattribution import LayerAttribution
from .listmodels import ListModels
from .modelinfo import ModelInfo
from .polygonize import Polygonize
from .preparescene import PrepareScene
from .regionshap import RegionShap
from .removemodel import RemoveModel
from .samplescene import SampleScene
from .setupengine import SetUpEngine
from .train import Train

#: Every algorithm of the plugin: a new one is a file of its own, and one line here.
ALGORITHMS = (
    Detect,
    Polygonize,
    Evaluate,
    Attribute,
    RegionShap,
    BandShap,
    CompareMethods,
    LayerAttribution,
    DeletionMask,
    PrepareScene,
    SampleScene,
    Train,
    Finetune,
    ModelInfo,
    InstallModel,
    RemoveModel,
    ListModels,
    CheckEngine,
    SetUpEngine,
)


class SolarSaliencyProvider(QgsProcessingProvider):
    """Makes the algorithms known to QGIS."""

    def id(self) -> str:
        return "solarsaliency"

    def name(self) -> str:
        return "Solar Saliency"

    def icon(self) -> QIcon:
        return QIcon(str(ICONS / "solar_saliency.svg"))

    def loadAlgorithms(self) -> None:
        for kind in ALGORITHMS:
            algorithm = kind()
            know_as(algorithm.name(), algorithm.displayName())
            self.addAlgorithm(algorithm)

    def supportsNonFileBasedOutput(self) -> bool:
        return False  # the engine writes files; a memory layer would be lost to it

    def supportedOutputRasterLayerExtensions(self) -> "list[str]":
        return ["tif"]

    def supportedOutputVectorLayerExtensions(self) -> "list[str]":
        return ["gpkg"]

    def defaultRasterFileExtension(self) -> str:
        return "tif"

    def defaultVectorFileExtension(self, hasGeometry: bool = True) -> str:  # noqa: N803
        return "gpkg"
