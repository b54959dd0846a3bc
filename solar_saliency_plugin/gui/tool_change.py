"""Map tools of ours are guests on the canvas: the tool that was there before comes back after them."""

from typing import Optional

from qgis.gui import QgsMapCanvas, QgsMapTool
from qgis.PyQt import sip
from qgis.PyQt.QtCore import pyqtSignal


class GuestTool(QgsMapTool):
    """A tool that remembers which one it has taken the place of."""

    #: What can be done with it, in words: when it is taken up, and when something could not be meant.
    hinted = pyqtSignal(str)

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self.before: Optional[QgsMapTool] = None


def take_up(tool: GuestTool) -> None:
    """Make a tool of ours the canvas's; ``put_down`` brings back the one before it."""
    canvas = tool.canvas()
    before = canvas.mapTool()
    if before is tool:
        return
    if isinstance(before, GuestTool):
        before = before.before
    canvas.setMapTool(tool)
    tool.before = before


def put_down(tool: GuestTool) -> None:
    """Bring back the tool that was there before ``take_up``; nothing if this one is not in use.

    Tools that draw or pick put themselves down when they are done or cancelled (Esc).
    """
    canvas, before = tool.canvas(), tool.before
    tool.before = None
    if canvas.mapTool() is not tool:
        return
    if before is not None and not sip.isdeleted(before):
        canvas.setMapTool(before)
    else:
        canvas.unsetMapTool(tool)
