"""The raster of a run over regions: of each pixel what its superpixel contributed, and the standard error of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np

from ...contract.region_shap import RegionAnswer
from ..imagery.grid import Grid, Window
from ..imagery.outputs import build_cog
from ..job import Job
from ..windowed.raster import WindowedRaster
from .drawing import Drawing


class Surface:
    """A working raster beside the output, of the rectangle of the scene's grid that holds all regions.

    Two bands for each group of bands that plays by itself: values and standard errors; pixels of no superpixel are
    nodata, those that two regions hold are the later one's. One region is in memory at a time.
    """

    def __init__(self, output: Path, answers: Sequence[RegionAnswer], drawings: Sequence[Drawing], grid: Grid) -> None:
        self._window = around([drawing.window for drawing in drawings])
        self._raster = WindowedRaster(
            output.with_name(output.name + ".part"),
            grid.crop(self._window),
            "float32",
            float("nan"),
            titles(answers[0], drawings[0]),
        )
        self.overlaps = False

    def __enter__(self) -> Surface:
        self._raster.create()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._raster.remove()

    def draw(self, answer: RegionAnswer, drawing: Drawing) -> None:
        """Add a region."""
        place = drawing.window.relative_to(self._window)
        values, before = painted(answer, drawing), self._raster.read(place)
        mine = np.isfinite(values).any(axis=0)
        self.overlaps = self.overlaps or bool(np.isfinite(before[:, mine]).any())
        self._raster.write(np.where(mine, values, before), place)

    def finish(self, folder: Path, tags: Mapping[str, str], job: Job) -> Path:
        """The whole raster, cloud-optimised, in a scratch ``folder``."""
        self._raster.flush()
        return build_cog(self._raster.path, folder, tags=tags, categorical=True, job=job)


def painted(answer: RegionAnswer, drawing: Drawing) -> np.ndarray:
    """Value and standard error of each pixel in each group of bands, (2 · groups, H, W), float32; NaN for none."""
    has_place = drawing.players.places >= 0
    columns = [[p.phi for p in answer.players], [p.standard_error for p in answer.players]]
    # What belongs to no player has the numbers −1 and −2: the two at the end.
    both = [np.append(np.where(has_place, column, np.nan), [np.nan, np.nan]) for column in columns]
    layers = [values[labels] for labels in drawing.players.labels for values in both]
    return np.stack(layers).astype(np.float32)


def titles(answer: RegionAnswer, drawing: Drawing) -> tuple[str, ...]:
    """What the bands are called."""
    names = {int(g): p.bands for g, p in zip(drawing.players.groups, answer.players, strict=True) if g >= 0}
    ends = [f", {names[group]}" for group in sorted(names)] or [""]
    what = ("contribution of the superpixel", "standard error of the contribution")
    return tuple(title + end for end in ends for title in what)


def around(windows: Sequence[Window]) -> Window:
    """The smallest window that holds them all."""
    row, col = min(w.row for w in windows), min(w.col for w in windows)
    return Window(row, col, max(w.rows.stop for w in windows) - row, max(w.cols.stop for w in windows) - col)
