"""How large the windows are that a scene is computed in."""

import psutil

from ..imagery.grid import Window
from ..models.runtime import Runtime
from ..windowed.raster import BLOCK

#: Share of the free memory that one window may take.
MEMORY_SHARE = 0.25

#: Largest window: beyond it the halo's cost is small already, and activations leave the processor's cache.
LARGEST = 1024


def choose_window(runtime: Runtime, area: Window) -> int:
    """The side of the windows, in pixels: as large as memory allows, not larger than the area needs.

    Where answers depend on how windows lie, it is the network's own choice: the same on every machine and every day.
    """
    if runtime.window is not None:
        return runtime.window
    side = LARGEST
    budget = MEMORY_SHARE * psutil.virtual_memory().available
    while side > BLOCK and runtime.memory_per_pixel() * (side + 2 * runtime.halo) ** 2 > budget:
        side -= BLOCK
    needed = -(-max(area.height, area.width) // BLOCK) * BLOCK
    return max(BLOCK, min(side, needed))
