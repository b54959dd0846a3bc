"""What the panel has on the map: its tools, the outline of what is explained, and the superpixels."""

from functools import partial
from typing import Any, Dict, Optional

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsGeometry,
    QgsProject,
)
from qgis.gui import QgsMapCanvas, QgsMapTool
from qgis.PyQt.QtCore import QObject, pyqtSignal
from qgis.PyQt.QtWidgets import QToolButton

from ..outline import Outline
from . import aside
from .answer import PanelAnswer
from .highlights import Superpixels
from .map_tools import FreehandTool, Hover, PickTool, PolygonTool, RectangleTool, SwitchTool, put_down, take_up
from .subject import Subject
from .summary import label

#: How much of the map is shown around what is explained.
_ROOM = 1.3


class OnMap(QObject):
    """Everything on the canvas that is the panel's; :meth:`remove` takes all of it away."""

    #: The Detection that was clicked; the QgsGeometry that was drawn, in the map's CRS.
    picked = pyqtSignal(object)
    drawn = pyqtSignal(object)
    #: What can be done with a tool; empty once no tool of ours is in use.
    hinted = pyqtSignal(str)
    #: The key of the superpixel under the mouse, or NONE; and the one that was clicked to be switched.
    hovered = pyqtSignal(int)
    toggled = pyqtSignal(int)
    #: The user has left the tool that switches.
    switching_ended = pyqtSignal()

    def __init__(self, canvas: QgsMapCanvas, buttons: Dict[str, QToolButton]) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._buttons = buttons
        self._is_hidden = False
        self._outline = Outline(canvas)
        self.superpixels = Superpixels(canvas)
        self._hover = Hover(canvas, self.superpixels.key_at)
        self._hover.hovered.connect(self.hovered)
        self._switch = SwitchTool(canvas, self.superpixels.key_at)
        self._switch.toggled.connect(self.toggled)
        self._switch.left.connect(self.switching_ended)
        pick = PickTool(canvas)
        pick.picked.connect(lambda _: put_down(pick))  # one is enough
        pick.picked.connect(self.picked)
        kinds = {"rectangle": RectangleTool, "polygon": PolygonTool, "freehand": FreehandTool}
        drawing = {name: kind(canvas) for name, kind in kinds.items()}
        for tool in drawing.values():
            tool.drawn.connect(self.drawn)
        self._tools = {"pick": pick, **drawing}
        for tool in self._tools.values():
            tool.hinted.connect(self.hinted)
        for name, button in buttons.items():
            button.clicked.connect(partial(self._use, name))
        canvas.mapToolSet.connect(self._show_tool)

    @property
    def canvas(self) -> QgsMapCanvas:
        """The map."""
        return self._canvas

    def show_subject(self, subject: Subject) -> None:
        """Show the outline of what is explained."""
        if not self._is_hidden:
            self._outline.show(subject.geometry(), subject.reference())

    def show_shapes(self, shown: PanelAnswer) -> None:
        """Show the superpixels of an answer, yet without values."""
        if self._is_hidden:
            return
        aside.put_aside()
        shapes = {key: outline for key, outline in enumerate(shown.outlines) if outline and shown.players[key].number}
        self.superpixels.set_shapes(shapes, QgsCoordinateReferenceSystem(shown.crs))
        self.superpixels.set_labels({key: label(shown.players[key]) for key in shapes})

    def clear(self) -> None:
        """Show nothing, and put the tools down."""
        self.put_down()
        self._outline.remove()
        self.superpixels.remove()

    def set_hidden(self, hidden: bool) -> None:
        """Show nothing from now on, or again what comes."""
        self._is_hidden = hidden
        if hidden:
            self.clear()
            aside.bring_back()

    def bring_layers_back(self) -> None:
        """Nothing is shown any more that the rasters of results would cover."""
        aside.bring_back()

    def zoom_to(self, subject: Subject) -> None:
        """Show what is explained, as large as there is room."""
        there = QgsGeometry(subject.geometry())
        crs = self._canvas.mapSettings().destinationCrs()
        try:
            there.transform(QgsCoordinateTransform(subject.reference(), crs, QgsProject.instance()))
        except QgsCsException:
            return
        extent = there.boundingBox()
        extent.scale(_ROOM)
        self._canvas.setExtent(extent)
        self._canvas.refresh()

    def put_down(self) -> None:
        """Give the map its own tool back."""
        for tool in self._tools.values():
            put_down(tool)
        self._switch.end()

    def switch_by_clicks(self, wanted: bool) -> None:
        """Whether clicks on the map switch superpixels."""
        if wanted:
            self._switch.begin()
        else:
            self._switch.end()

    def switch_again(self) -> bool:
        """Let clicks on the map switch superpixels again, if another tool has them for now; whether that was so."""
        return self._switch.resume()

    def remove(self) -> None:
        """Leave nothing on the canvas."""
        self.clear()
        aside.bring_back()
        self._canvas.mapToolSet.disconnect(self._show_tool)
        self._hover.stop()
        self.superpixels.delete()
        for tool in (*self._tools.values(), self._switch):
            tool.deleteLater()
        self.deleteLater()

    def _use(self, name: str, checked: bool) -> None:
        (take_up if checked else put_down)(self._tools[name])

    def _show_tool(self, current: Optional[QgsMapTool], *_: Any) -> None:
        """The buttons tell which tool is in use: the user may have taken another one."""
        for name, tool in self._tools.items():
            self._buttons[name].setChecked(current is tool)
        if current not in (*self._tools.values(), self._switch):
            self.hinted.emit("")
