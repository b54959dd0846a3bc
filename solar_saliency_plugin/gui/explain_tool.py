"""One click on a detection shows why: a map tool, entries in menus, and the choice of method and baseline."""

from functools import partial
from typing import Any, Dict, List, Mapping, Optional

from qgis.core import QgsFeature, QgsMapLayer, QgsPointXY, QgsSettings
from qgis.gui import QgsGui, QgsMapLayerAction, QgsMapMouseEvent
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QMenu, QToolBar, QToolButton

from ...processing_algorithms.base import ICONS
from ...processing_algorithms.wording import choice_text
from ..bridge import environment
from ..bridge.targets import is_detections
from ..contract.attribution import BASELINES, AttributeRequest
from ..contract.attribution_methods import ATTRIBUTION_METHODS
from ..contract.options import option_of
from ..qgis_compat import VECTOR_LAYER, QAction, QActionGroup, single_feature
from .detections import Detection
from .explanation import Explanation
from .launch import set_up
from .picking import PickTool, detection_under
from .progress_bar import hint
from .tool_change import put_down, take_up

ICON = ICONS / "explain.svg"

#: Where the last used method and baseline are remembered.
METHOD_SETTING, BASELINE_SETTING = "solar_saliency/explain_method", "solar_saliency/explain_baseline"


def method_titles() -> Dict[str, str]:
    """The methods that can be chosen, by name."""
    return {name: method.title for name, method in ATTRIBUTION_METHODS.items()}


def clickable() -> Dict[str, str]:
    """What can be compared with by a click, by name: another date's scene would have to be chosen."""
    return {name: choice_text("baseline", name) for name in BASELINES if name != "scene"}


def last_used(setting: str, choices: Mapping[str, str], default: str) -> str:
    """What was chosen last, where that still exists."""
    chosen = str(QgsSettings().value(setting, default))
    return chosen if chosen in choices else default


class ExplainTool:
    """The button with its choices, the map tool, and the entries in the menus of the map and of features."""

    def __init__(self, iface: Any, toolbar: QToolBar) -> None:
        self._iface = iface
        self._running: List[Explanation] = []
        self.action = QAction(QIcon(str(ICON)), "Explain by a Click", iface.mainWindow())
        self.action.setObjectName("SolarSaliency_explain_click")
        self.action.setCheckable(True)
        self.action.triggered.connect(self._use)
        self.tool = PickTool(self._canvas)
        self.tool.setAction(self.action)
        self.tool.picked.connect(self.explain)
        self.tool.hinted.connect(partial(hint, iface))
        button = QToolButton(toolbar)
        button.setObjectName("SolarSaliency_explain_button")
        button.setDefaultAction(self.action)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        self._choices = QMenu(button)
        button.setMenu(self._choices)
        self._offer_choices()
        toolbar.addWidget(button)
        self._canvas.contextMenuAboutToShow.connect(self._offer)
        self._of_feature = OfFeature(iface.mainWindow(), QIcon(str(ICON)))
        self._of_feature.triggeredForFeature.connect(self._explain_feature)
        QgsGui.mapLayerActionRegistry().addMapLayerAction(self._of_feature)

    def remove(self) -> None:
        """Take everything away, and end what runs. The button goes with its toolbar, the action with the menu."""
        for explanation in list(self._running):
            explanation.stop()
        QgsGui.mapLayerActionRegistry().removeMapLayerAction(self._of_feature)
        self._of_feature.deleteLater()
        self._canvas.contextMenuAboutToShow.disconnect(self._offer)
        put_down(self.tool)
        self.tool.deleteLater()

    @property
    def _canvas(self) -> Any:
        return self._iface.mapCanvas()

    def detection_at(self, point: QgsPointXY) -> Optional[Detection]:
        """The detection at a point of the map."""
        return detection_under(self._canvas, point)

    def explain(self, detection: Detection) -> None:
        """Explain a detection by the method and baseline that were used last."""
        if not environment.state().ready:
            set_up(self._iface)
            if not environment.state().ready:
                return
        method = last_used(METHOD_SETTING, method_titles(), option_of(AttributeRequest, "attribution_method").default)
        baseline = last_used(BASELINE_SETTING, clickable(), option_of(AttributeRequest, "baseline").default)
        explanation = Explanation(self._iface, detection, method, baseline, self._ended)
        if any(other.what == explanation.what for other in self._running):
            return  # a double click
        self._running.append(explanation)
        explanation.start()

    def _ended(self, explanation: Explanation) -> None:
        if explanation in self._running:
            self._running.remove(explanation)

    def _use(self, wanted: bool) -> None:
        """The button is pressed, or let go."""
        (take_up if wanted else put_down)(self.tool)

    def _offer(self, menu: QMenu, event: QgsMapMouseEvent) -> None:
        """An entry in the map's context menu, where it is opened on a detection."""
        detection = self.detection_at(event.mapPoint())
        if detection is not None:
            menu.addSeparator()
            menu.addAction(QIcon(str(ICON)), "Explain This Detection", partial(self.explain, detection))

    def _explain_feature(self, layer: QgsMapLayer, feature: QgsFeature) -> None:
        self.explain(Detection(layer, QgsFeature(feature)))

    def _offer_choices(self) -> None:
        """The choices behind the button's arrow: each submenu's title says what is chosen."""
        self._choices.clear()
        defaults = AttributeRequest()
        for title, setting, choices, default in (
            ("Method", METHOD_SETTING, method_titles(), defaults.attribution_method),
            ("Compared with", BASELINE_SETTING, clickable(), defaults.baseline),
        ):
            chosen = last_used(setting, choices, default)
            submenu = self._choices.addMenu(f"{title}: {choices[chosen]}")
            group = QActionGroup(submenu)
            for name, text in choices.items():
                entry = submenu.addAction(text)
                entry.setCheckable(True)
                entry.setChecked(name == chosen)
                entry.setActionGroup(group)
                entry.triggered.connect(partial(self._choose, setting, name))
                if name in ATTRIBUTION_METHODS:
                    entry.setToolTip(ATTRIBUTION_METHODS[name].tells)
            submenu.setToolTipsVisible(True)

    def _choose(self, setting: str, name: str, checked: bool = True) -> None:
        QgsSettings().setValue(setting, name)
        self._offer_choices()


class OfFeature(QgsMapLayerAction):
    """“Explain This Detection” among the actions of a feature: in Identify Results, forms and attribute tables."""

    def __init__(self, parent: Any, icon: QIcon) -> None:
        super().__init__("Explain This Detection", parent, VECTOR_LAYER, single_feature(), icon)

    def canRunUsingLayer(self, layer: QgsMapLayer, *context: Any) -> bool:  # noqa: D102
        return is_detections(layer)
