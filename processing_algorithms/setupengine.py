"""Make or repair the engine's private environment."""

from typing import Any, Dict, Optional

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputFolder,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFile,
    QgsProcessingParameterString,
)

from ..solar_saliency_plugin.bridge import environment
from ..solar_saliency_plugin.bridge.installation import install
from ..solar_saliency_plugin.bridge.interpreters import find_interpreters
from ..solar_saliency_plugin.bridge.setup_plan import configured_index, setup_plan
from ..solar_saliency_plugin.contract.errors import CancelledError, SolarSaliencyError
from .base import PluginAlgorithm


class SetUpEngine(PluginAlgorithm):
    """The algorithm ``setupengine``. To run it is to consent: what it does it says first, but it does not ask."""

    METHOD = "setupengine"
    DISPLAY_NAME = "Set Up Engine"
    GROUP = "Set-up"

    PYTHON = "PYTHON"
    INDEX = "INDEX"
    REINSTALL = "REINSTALL"
    FOLDER = "FOLDER"

    def shortHelpString(self) -> str:
        return (
            "<p>Makes the private Python environment that Solar Saliency computes in, or repairs it. QGIS's own Python "
            "stays as it is: nothing is installed into it.</p>"
            "<p>Packages are downloaded from the package index that pip is configured for. The log says first which "
            "commands run, which folder they fill, and how much that is. If something fails or is cancelled, what was "
            "there before stays and nothing else does.</p>"
            "<p><b>Python interpreter</b>: a Python 3.10 to 3.13 of your own. Empty: the best one that is found.</p>"
            "<p><b>Package index for PyTorch</b>: the address of an index. Empty: the one of the settings, else as pip "
            "is configured. On Linux the usual index brings PyTorch with several gigabytes for graphics cards; the "
            "address of the small build for processors is on PyTorch's page on installation.</p>"
            "<p><b>Reinstall</b>: make the environment anew even though it is ready.</p>"
        )

    def initAlgorithm(self, configuration: Optional[Dict[str, Any]] = None) -> None:
        python = QgsProcessingParameterFile(
            self.PYTHON, "Python interpreter (empty: the best one found)", optional=True
        )
        index = QgsProcessingParameterString(
            self.INDEX, "Package index for PyTorch (empty: as pip is configured)", "", optional=True
        )
        self.addParameter(python)
        self.addParameter(index)
        self.addParameter(QgsProcessingParameterBoolean(self.REINSTALL, "Reinstall even if the engine is ready", False))
        self.addOutput(QgsProcessingOutputFolder(self.FOLDER, "Folder of the engine"))

    def processAlgorithm(
        self, parameters: Dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Dict[str, Any]:
        state = environment.state()
        if state.ready and not self.parameterAsBool(parameters, self.REINSTALL, context):
            feedback.pushInfo(f"The engine is ready, in {state.folder}. Nothing to do.")
            return {self.FOLDER: str(state.folder)}
        python = self.parameterAsString(parameters, self.PYTHON, context)
        index = self.parameterAsString(parameters, self.INDEX, context) or configured_index()
        try:
            plan = setup_plan(find_interpreters(python).best(), index)
            for line in plan.lines():
                feedback.pushInfo(line)
            install(plan, feedback)
        except CancelledError as error:
            feedback.pushInfo(str(error))
            return {}
        except SolarSaliencyError as error:
            raise QgsProcessingException(str(error)) from error
        feedback.setProgress(100)
        feedback.pushInfo(f"The engine is ready, in {plan.folder}.")
        return {self.FOLDER: str(plan.folder)}
