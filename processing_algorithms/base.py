"""What every algorithm that runs on the engine shares."""

import html
from pathlib import Path
from typing import Any, ClassVar, Dict, List, Mapping, Optional, Tuple, get_type_hints

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputFile,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterVectorDestination,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtGui import QIcon

from ..solar_saliency_plugin.bridge import environment
from ..solar_saliency_plugin.bridge.layers import Presentation, reload_layers, show_when_loaded
from ..solar_saliency_plugin.bridge.worker import worker
from ..solar_saliency_plugin.contract import METHODS
from ..solar_saliency_plugin.contract.errors import CancelledError, SolarSaliencyError
from ..solar_saliency_plugin.contract.options import Option, Role, option_of, options
from ..solar_saliency_plugin.qgis_compat import ADVANCED
from . import parameters as engine_parameters
from .checks import check_geopackage, check_numbers
from .choices import named
from .feedback import link_to
from .file_inputs import features
from .wording import label, words

ICONS = Path(__file__).parents[1] / "resources" / "icons"

translate = QCoreApplication.translate


def setup_link() -> str:
    """A link that the plugin's URL handler catches: one click leads to set-up."""
    return f'<a href="solarsaliency:setup">{translate("Engine", "Set up the engine…")}</a>'


class PluginAlgorithm(QgsProcessingAlgorithm):
    """What QGIS asks of every algorithm of the plugin: METHOD is its id."""

    METHOD = ""
    DISPLAY_NAME = ""
    GROUP = ""
    ICON = "solar_saliency.svg"
    #: Whether it has an entry of its own in the menu.
    IN_MENU = True

    def name(self) -> str:
        return self.METHOD

    def displayName(self) -> str:
        return self.DISPLAY_NAME

    def group(self) -> str:
        return self.GROUP

    def groupId(self) -> str:
        return self.GROUP.lower().replace(" ", "").replace("-", "")

    def icon(self) -> QIcon:
        return QIcon(str(ICONS / self.ICON))

    def createInstance(self) -> QgsProcessingAlgorithm:
        return type(self)()

    def add_page(self, parameter: QgsProcessingParameterDefinition) -> None:
        """Add the parameter of a page. It is an output as any file: at HTML, batch dialogs of QGIS never end.

        (Seen in 3.22, and later versions read alike: they fail to hand the page on to the Results Viewer.)
        """
        self.addParameter(parameter, False)
        self.addOutput(QgsProcessingOutputFile(parameter.name(), parameter.description()))


class EngineAlgorithm(PluginAlgorithm):
    """An algorithm that is one engine method, or several.

    A subclass names its METHOD, which is its id too, and gets its parameters, outputs and help from the contract.
    What it adds: how its outputs are shown (:meth:`presentations`), a summary in words (:meth:`summary`), and
    where it needs more than one call, its own :meth:`compute`.
    """

    #: Dialog labels of this algorithm's own options, where the name does not say enough.
    LABELS: ClassVar[Dict[str, str]] = {}

    def __init__(self) -> None:
        super().__init__()
        self._request: Dict[str, Any] = {}
        self._written: List[str] = []

    def shortHelpString(self) -> str:
        paragraphs = [" ".join(part.split()) for part in METHODS[self.METHOD].help.split("\n\n")]
        shown = sorted((d for d in self.parameterDefinitions() if d.help()), key=lambda d: bool(d.flags() & ADVANCED))
        lines = [f"<p>{html.escape(paragraph)}</p>" for paragraph in paragraphs]
        lines += [f"<p><b>{html.escape(d.description())}</b>: {html.escape(d.help())}</p>" for d in shown]
        return "".join(lines)

    def engine_options(self) -> List[Option]:
        """The options of the engine's method that the dialog shows."""
        return options(METHODS[self.METHOD].request)

    def chosen(self, values: Mapping[str, Any], name: str) -> str:
        """The choice of an option: the one that is sent, or the engine's own."""
        return str(values.get(name, option_of(METHODS[self.METHOD].request, name).default))

    def initAlgorithm(self, configuration: Optional[Dict[str, Any]] = None) -> None:
        asked = self.engine_options()
        for option in engine_parameters.inputs(asked) + engine_parameters.outputs(asked):
            self.add_option(option)
        self.add_outputs(self.METHOD)

    def add_option(self, option: Option) -> None:
        """Add the parameter of an engine option."""
        parameter = engine_parameters.definition(option, self.LABELS)
        if parameter is None:
            return
        if option.role is Role.PAGE_OUTPUT:
            self.add_page(parameter)
        else:
            self.addParameter(parameter)

    def add_outputs(self, method: str) -> None:
        """Add the numbers and texts of a method's result, so that models can go on with them."""
        for name, member_type in get_type_hints(METHODS[method].result).items():
            output = name.upper()
            if self.outputDefinition(output) is not None:
                continue
            if member_type in (int, float):
                self.addOutput(QgsProcessingOutputNumber(output, words(name)))
            elif member_type is str:
                self.addOutput(QgsProcessingOutputString(output, words(name)))

    def canExecute(self) -> Tuple[bool, str]:
        state = environment.state()
        return (True, "") if state.ready else (False, f"<p>{html.escape(state.reason)}</p><p>{setup_link()}</p>")

    def checkParameterValues(self, parameters: Dict[str, Any], context: QgsProcessingContext) -> Tuple[bool, str]:
        state = environment.state()
        if not state.ready:
            return False, f"{state.reason} Choose Raster ▸ Solar Saliency ▸ Set Up Engine…"
        try:
            self.checked_inputs(parameters, context)
        except QgsProcessingException as error:
            return False, str(error)
        # QGIS would open a scene to check it, and refuse a .SAFE folder; the engine does it, and says more.
        stand_ins = {name: layer for name, layer in self.files_read().items() if parameters.get(name)}
        for option in self.engine_options():
            name = engine_parameters.parameter_name(option)
            if named(option, parameters.get(name)):
                stand_ins[name] = 0
        return super().checkParameterValues({**parameters, **stand_ins}, context)

    def files_read(self) -> Dict[str, Any]:
        """The parameters that stand for files that the engine opens, each with a value that QGIS accepts."""
        roles = {
            Role.SCENE: QgsRasterLayer(),
            Role.RASTER: QgsRasterLayer(),
            Role.SCENES: [QgsRasterLayer()],
            Role.VECTOR: QgsVectorLayer(),
        }
        return {engine_parameters.parameter_name(o): roles[o.role] for o in self.engine_options() if o.role in roles}

    def read_inputs(self, parameters: Dict[str, Any], context: QgsProcessingContext) -> Dict[str, Any]:
        """The engine's options as the user set them, but for where results go."""
        return engine_parameters.read(engine_parameters.inputs(self.engine_options()), self, parameters, context)

    def checked_inputs(self, parameters: Dict[str, Any], context: QgsProcessingContext) -> Dict[str, Any]:
        """The inputs, after a look at numbers and at where polygons go; raises QgsProcessingException."""
        values = self.read_inputs(parameters, context)
        try:
            check_numbers(self.engine_options(), values, self.LABELS)
            for definition in self.parameterDefinitions():
                if isinstance(definition, QgsProcessingParameterVectorDestination):
                    check_geopackage(parameters.get(definition.name()), context)
        except SolarSaliencyError as error:
            raise QgsProcessingException(str(error)) from error
        return values

    def prepareAlgorithm(
        self, parameters: Dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        # Here and not in processAlgorithm: the project's layers may be touched on its own thread only.
        # Models run their steps without checkParameterValues.
        self._request = self.checked_inputs(parameters, context)
        self._copy_layers(parameters, context, feedback)
        return True

    def _copy_layers(
        self, parameters: Dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> None:
        """Have the engine read what the user sees: layers in memory, selections, filters and unsaved changes, too."""
        for option in self.engine_options():
            if option.role is not Role.VECTOR or option.name not in self._request:
                continue
            value = parameters[engine_parameters.parameter_name(option)]
            counting = features(value, context)
            reason = counting.why_copied() if counting is not None else ""
            if not reason:
                continue
            try:
                copy = self._request[option.name] = counting.copy()
            except SolarSaliencyError as error:
                raise QgsProcessingException(str(error)) from error
            feedback.pushInfo(f"“{counting.layer.name()}” {reason}, so a copy of it is used: {copy}")

    def processAlgorithm(
        self, parameters: Dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Dict[str, Any]:
        try:
            return self.compute(parameters, context, feedback)
        except CancelledError as error:
            feedback.pushInfo(str(error))
            return {}
        except SolarSaliencyError as error:
            if hasattr(feedback, "takeError"):
                feedback.takeError(error)
            raise QgsProcessingException(str(error)) from error

    def compute(
        self, parameters: Dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Dict[str, Any]:
        """Call the engine's method and give the outputs of the algorithm."""
        request = {**self._request, **self.read_outputs(parameters, context)}
        return self.deliver(request, worker().call(self.METHOD, request, feedback), context, feedback)

    def deliver(
        self,
        request: Dict[str, Any],
        result: Dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> Dict[str, Any]:
        """Have the results shown, sum them up in words, and give them as outputs of the algorithm.

        A window of ours gets whole what Processing hands on in numbers and texts only: its feedback has
        ``takeResult(request, result)``, and for what is refused ``takeError(error)``.
        """
        if hasattr(feedback, "takeResult"):
            feedback.takeResult(request, result)
        self.present(self.presentations(request, result), context)
        for line in self.summary(result):
            feedback.pushInfo(line)
        for option in self.engine_options():
            if option.role is Role.PAGE_OUTPUT and result.get(option.name):
                link_to(result[option.name], label(option, self.LABELS), feedback)
        return self.as_outputs(result)

    def read_outputs(self, parameters: Dict[str, Any], context: QgsProcessingContext) -> Dict[str, Any]:
        """Where the user wants the results; has QGIS load them, too, if the user wants that."""
        return engine_parameters.read(engine_parameters.outputs(self.engine_options()), self, parameters, context)

    def present(self, presentations: Mapping[str, Presentation], context: QgsProcessingContext) -> None:
        """Have files shown so when they are loaded, and layers that still show an older content reloaded."""
        for path, presentation in presentations.items():
            self._written.append(path)
            show_when_loaded(context, path, presentation)

    def presentations(self, request: Dict[str, Any], result: Dict[str, Any]) -> Dict[str, Presentation]:
        """How the files that were written are shown on the map, by path."""
        return {}

    def summary(self, result: Dict[str, Any]) -> List[str]:
        """What came out, in words."""
        return []

    def as_outputs(self, result: Dict[str, Any]) -> Dict[str, Any]:
        """The result's members that are outputs of the algorithm, by their Processing names."""
        names = {definition.name() for definition in self.outputDefinitions()}
        found = {name.upper(): value for name, value in result.items()}
        return {name: value for name, value in found.items() if name in names and value not in (None, "")}

    def postProcessAlgorithm(self, context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> Dict[str, Any]:
        reload_layers(context.project() or QgsProject.instance(), self._written)
        return {}
