"""The target's pixels, found once and then kept: in memory, or on disk where it is explained window by window."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import TracebackType

import numpy as np
import rasterio

from ..imagery.grid import Window
from ..imagery.windows import Tile
from ..job import Job
from ..windowed.raster import WindowedRaster
from .explained import Explained


class Frozen:
    """Which pixels are explained; a context manager.

    count: how many. densest: the tile with most of them. occupied: the tiles that any of them can reach. any_inside:
    whether the scene holds data there. sha256: of where all of them lie.
    """

    def __init__(self, explained: Explained, tiles: list[Tile], output: Path, job: Job) -> None:
        self._region = explained.region
        self._raster: WindowedRaster | None = None
        self._whole = np.zeros((0, 0), bool)
        self.count = 0
        self.any_inside = False
        self._digest = hashlib.sha256()
        if len(tiles) > 1:
            path = output.with_name(output.name + ".target.part")
            grid = explained.scene.grid.crop(self._region)
            self._raster = WindowedRaster(path, grid, "uint8", 255, ("target",))
            self._raster.create()
        counts = []
        try:
            for number, tile in enumerate(tiles):
                job.progress(number / len(tiles), "Finding the target's pixels")
                counts.append(self._found(explained, tile))
            if self._raster is not None:
                self._raster.flush()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self.densest = tiles[int(np.argmax(counts))]
        self.occupied = [tile for tile in tiles if len(tiles) == 1 or self.pixels(tile.read).any()]

    @property
    def sha256(self) -> str:
        """A hash of the target's pixels, in hexadecimal digits."""
        return self._digest.hexdigest()

    def _found(self, explained: Explained, tile: Tile) -> int:
        pixels, _, inside = explained.detected(tile.read)
        rows, cols = tile.core.within(tile.read)
        self.any_inside = self.any_inside or bool(inside[rows, cols].any())
        pixels = pixels[rows, cols]
        if self._raster is None:
            self._whole = pixels
        else:
            self._raster.write(pixels[None].astype(np.uint8), tile.core.relative_to(self._region))
        self._digest.update(np.packbits(pixels).tobytes())
        found = int(pixels.sum())
        self.count += found
        return found

    def pixels(self, window: Window) -> np.ndarray:
        """Where the target lies in any window of the scene's grid, (H, W), bool."""
        found = np.zeros((window.height, window.width), bool)
        common = window.intersection(self._region)
        if not common.height or not common.width:
            return found
        if self._raster is None:
            known = self._whole[common.within(self._region)]
        else:
            with rasterio.open(self._raster.path) as file:
                known = file.read(1, window=common.relative_to(self._region).to_rasterio()) == 1
        found[common.within(window)] = known
        return found

    def __enter__(self) -> Frozen:
        """The pixels themselves."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Delete what lies on disk."""
        if self._raster is not None:
            self._raster.remove()
