"""Shows an answer in the charts and on the map, and keeps the two together: what is hovered here lights up there."""

import math
from functools import partial
from typing import Collection, List, Optional

from qgis.PyQt.QtCore import QCoreApplication

from .answer import PanelAnswer
from .charts import Bar
from .on_map import OnMap
from .panel import ExplainPanel
from .summary import label, tip

translate = QCoreApplication.translate


class Display:
    """The answers that are shown now."""

    def __init__(self, panel: ExplainPanel, on_map: OnMap) -> None:
        self._panel = panel
        self._map = on_map
        self._superpixels: Optional[PanelAnswer] = None
        self._shapes: Optional[PanelAnswer] = None
        self._off: Collection[int] = ()
        #: The answer that is a layer, too, and that layer's id: the colours would lie on top of each other.
        self._layer_of: Optional[PanelAnswer] = None
        self._layer = ""
        panel.waterfall.hovered.connect(on_map.superpixels.highlight)
        on_map.hovered.connect(panel.waterfall.highlight)

    @property
    def has_values(self) -> bool:
        """Whether there is anything to be seen."""
        return self._superpixels is not None and self._superpixels.estimated

    @property
    def is_partial(self) -> bool:
        """Whether the superpixels' values are those of a run that has not ended, or failed half-way."""
        return self._superpixels is not None and not self._superpixels.whole

    def clear(self) -> None:
        """Show no answer."""
        self._superpixels = self._shapes = None
        self._off, self._layer_of = (), None
        self._map.superpixels.remove()
        self._panel.waterfall.clear()
        self._panel.bars.clear()

    def show_superpixels(self, shown: PanelAnswer) -> None:
        """Show the superpixels' values; called again for each better estimate."""
        if self._shapes is None or self._shapes.outlines != shown.outlines:
            self._map.show_shapes(shown)
            self._shapes = shown
        self._superpixels = shown
        self._paint()

    def show_on_map_again(self) -> None:
        """The map was cleared meanwhile."""
        self._shapes = None
        if self._superpixels is not None:
            self.show_superpixels(self._superpixels)
            self._map.superpixels.switch_off(self._off)

    def show_bands(self, shown: PanelAnswer) -> None:
        """Show the bands' values."""
        if shown.estimated:
            self._panel.bars.set_bars(bars_of(shown, ()))

    def switch_off(self, players: Collection[int]) -> None:
        """Show which superpixels are switched off."""
        self._off = players
        self._map.superpixels.switch_off(players)
        if self._superpixels is not None:
            self._paint_bars(self._superpixels)

    def leave_colours_to(self, layer: str) -> None:
        """The answer was added to the map as a layer of that id."""
        self._layer_of, self._layer = self._superpixels, layer
        self._paint()

    def take_colours_back(self, removed: Collection[str]) -> None:
        """Layers of these ids are not there any more."""
        if self._layer_of is not None and self._layer in removed:
            self._layer_of = None
            self._paint()

    def _paint(self) -> None:
        shown = self._superpixels
        if shown is None:
            return
        if not shown.estimated:
            self._panel.waterfall.clear(translate("ExplainPanel", "The first values come in a moment …"))
            return
        self._paint_bars(shown)
        values = {
            key: (player.phi, player.certain or math.isnan(player.standard_error))
            for key, player in enumerate(shown.players)
            if player.number and shown is not self._layer_of  # the layer has the numbers, too
        }
        self._map.superpixels.set_values(values)
        self._map.superpixels.set_labels({key: label(shown.players[key]) for key in values})

    def _paint_bars(self, shown: PanelAnswer) -> None:
        if shown.estimated:
            self._panel.waterfall.set_bars(bars_of(shown, self._off), shown.answer.f_baseline, shown.answer.f_x)


def bars_of(shown: PanelAnswer, off: Collection[int]) -> List[Bar]:
    """A bar for each player."""
    return [
        Bar(
            key,
            label(player),
            player.phi,
            None if math.isnan(player.lower) else player.lower,
            None if math.isnan(player.upper) else player.upper,
            player.certain,
            partial(tip, player),
            key not in off,
        )
        for key, player in enumerate(shown.players)
    ]
