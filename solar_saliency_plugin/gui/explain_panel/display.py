"""Shows an answer in the charts and on the map, and keeps the two together: what is hovered here lights up there."""

import math
from functools import partial
from typing import Collection, List, Optional

from qgis.PyQt.QtCore import QCoreApplication

from ...contract.region_looks import full_colour, is_unclear
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
        #: Whether the values are on the map as a layer, too: the colours would lie on top of each other.
        self._is_layer = False
        panel.waterfall.hovered.connect(on_map.superpixels.highlight)
        on_map.hovered.connect(panel.waterfall.highlight)

    @property
    def superpixels(self) -> Optional[PanelAnswer]:
        """The superpixels' values that are shown now: a run's own or as far as it is, or those of another baseline."""
        return self._superpixels

    @property
    def has_values(self) -> bool:
        """Whether there is anything to be seen."""
        return self._superpixels is not None and self._superpixels.estimated

    def clear(self) -> None:
        """Show no answer."""
        self._superpixels = self._shapes = None
        self._off = ()
        self._map.superpixels.remove()
        self._panel.waterfall.clear()
        self._panel.bars.clear()

    def show_superpixels(self, shown: PanelAnswer, is_layer: bool = False) -> None:
        """Show the superpixels' values; called again for each better estimate. ``is_layer``: the map has them, too."""
        if self._shapes is None or self._shapes.outlines != shown.outlines:
            self._map.show_shapes(shown)
            self._shapes = shown
        self._superpixels, self._is_layer = shown, is_layer
        self._paint()

    def show_on_map_again(self) -> None:
        """The map was cleared meanwhile."""
        self._shapes = None
        if self._superpixels is not None:
            self.show_superpixels(self._superpixels, self._is_layer)
            self._map.superpixels.switch_off(self._off)

    def show_bands(self, shown: PanelAnswer) -> None:
        """Show the bands' values."""
        if shown.estimated:
            self._panel.bars.set_bars(bars_of(shown, ()), full_colour([shown.answer]))

    def switch_off(self, players: Collection[int]) -> None:
        """Show which superpixels are switched off."""
        self._off = players
        self._map.superpixels.switch_off(players)
        if self._superpixels is not None:
            self._paint_bars(self._superpixels)

    def _paint(self) -> None:
        shown = self._superpixels
        if shown is None:
            return
        if not shown.estimated:
            self._panel.waterfall.clear(translate("ExplainPanel", "The first values come in a moment …"))
            return
        self._paint_bars(shown)
        values = {
            key: (player.phi, is_unclear(player))
            for key, player in enumerate(shown.players)
            if player.number and not self._is_layer  # the layer has the numbers, too
        }
        self._map.superpixels.set_values(values, full_colour([shown.answer]))
        self._map.superpixels.set_labels({key: label(shown.players[key]) for key in values})

    def _paint_bars(self, shown: PanelAnswer) -> None:
        if shown.estimated:
            answer = shown.answer
            bars, limit = bars_of(shown, self._off), full_colour([answer])
            self._panel.waterfall.set_bars(bars, answer.f_baseline, answer.f_x, limit)


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
