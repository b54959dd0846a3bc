"""Several bands, from one file or many, read as one array on the finest grid among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from affine import Affine
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.io import DatasetReader

from ...contract.errors import SceneUnreadableError
from .grid import Grid, Window
from .product import Layer, Source
from .raster import display_name, grid_of, open_raster, reading


@dataclass
class _Part:
    """The layers that lie in one source: positions in the stack, band numbers, and how its pixels are found."""

    source: Source
    dataset: DatasetReader
    positions: list[int]
    layers: list[Layer]
    rows: np.ndarray
    cols: np.ndarray


class LayerStack:
    """Open layers. Use it from one thread at a time, and close it.

    ``grid`` is the finest grid among the layers, or the one given. Coarser layers are repeated by nearest
    neighbour: the source pixel of every row and column is fixed when the stack is opened, so a value never
    depends on the window that it is read in.
    """

    def __init__(self, layers: Sequence[Layer], grid: Grid | None = None) -> None:
        """Open the layers' files; ``grid`` is the one to read on, the layers' finest where none is given."""
        self._parts: list[_Part] = []
        self._count = len(layers)
        datasets: dict[Source, DatasetReader] = {}
        try:
            for layer in layers:
                if layer.source not in datasets:
                    datasets[layer.source] = open_raster(layer.source)
            grids = [grid_of(dataset) for dataset in datasets.values()]
            self.grid = grid or min(grids, key=lambda g: abs(g.transform.determinant))
            self._parts = [self._part(source, dataset, layers) for source, dataset in datasets.items()]
        except BaseException:
            for dataset in datasets.values():
                dataset.close()
            raise
        self.datasets = datasets

    def close(self) -> None:
        """Close all files."""
        for part in self._parts:
            part.dataset.close()

    def read(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """The stored numbers, float32 (layers, rows, columns), and where all layers hold data, bool (rows, columns).

        Nodata values, masks, alpha, NaN and places outside a layer's file hold none; nor does a pixel whose every
        layer is 0, since 0 is what writers of Sentinel-2 data fill gaps with.
        """
        values = np.zeros((self._count, window.height, window.width), np.float32)
        present = np.ones((window.height, window.width), bool)
        for part in self._parts:
            present &= _read_part(part, window, values)
        gaps = values[0] == 0
        if gaps.any():  # the other layers are looked at where the first is 0 only, which is hardly anywhere
            gaps[gaps] = ~values[:, gaps].any(axis=0)
            present &= ~gaps
        return values, present

    def _part(self, source: Source, dataset: DatasetReader, layers: Sequence[Layer]) -> _Part:
        positions = [i for i, layer in enumerate(layers) if layer.source == source]
        rows, cols = _nearest(self.grid, grid_of(dataset), source)
        return _Part(source, dataset, positions, [layers[i] for i in positions], rows, cols)


def _nearest(grid: Grid, own: Grid, source: Source) -> tuple[np.ndarray, np.ndarray]:
    """For every row and column of ``grid``, that of ``own`` below its centre; −1 where it has none."""
    to_own = ~own.transform * grid.transform if own.transform != grid.transform else Affine.identity()
    if own.crs != grid.crs or abs(to_own.b) > 1e-9 or abs(to_own.d) > 1e-9:
        raise SceneUnreadableError(
            f"The band file {display_name(source)} lies on another grid than the scene's other bands.",
            "Give files of one scene, all in the same coordinate reference system.",
        )

    def indices(scale: float, shift: float, count: int, own_count: int) -> np.ndarray:
        index = np.floor(scale * (np.arange(count) + 0.5) + shift).astype(np.int64)
        return np.where((index >= 0) & (index < own_count), index, -1)

    return indices(to_own.e, to_own.f, grid.height, own.height), indices(to_own.a, to_own.c, grid.width, own.width)


def _read_part(part: _Part, window: Window, values: np.ndarray) -> np.ndarray:
    """Write the part's layers into ``values`` (in place); gives where they hold data."""
    rows, cols = part.rows[window.rows], part.cols[window.cols]
    inside_rows, inside_cols = rows[rows >= 0], cols[cols >= 0]
    if not (inside_rows.size and inside_cols.size):
        return np.zeros((window.height, window.width), bool)
    box = _box(inside_rows, inside_cols)
    with reading(part.source):
        stored = part.dataset.read([layer.index for layer in part.layers], window=box.to_rasterio())
        present = _present(part, stored, box)
    if np.iscomplexobj(stored):
        raise SceneUnreadableError(f"{display_name(part.source)} holds complex numbers.", "Choose an optical image.")
    if not present.all():
        stored = np.where(present, stored, 0)
    pick_rows, pick_cols = rows - box.row, cols - box.col
    if not (np.array_equal(pick_rows, np.arange(box.height)) and np.array_equal(pick_cols, np.arange(box.width))):
        stored = stored[:, pick_rows][:, :, pick_cols]
        present = present[pick_rows][:, pick_cols] & (rows >= 0)[:, None] & (cols >= 0)
    values[part.positions] = stored
    return present


def _box(rows: np.ndarray, cols: np.ndarray) -> Window:
    top, left = int(rows.min()), int(cols.min())
    return Window(top, left, int(rows.max()) + 1 - top, int(cols.max()) + 1 - left)


def _present(part: _Part, stored: np.ndarray, box: Window) -> np.ndarray:
    """Where every one of the part's layers holds data."""
    dataset, present = part.dataset, np.ones(stored.shape[1:], bool)
    for layer, numbers in zip(part.layers, stored, strict=True):
        for nodata in (dataset.nodatavals[layer.index - 1], layer.nodata):
            if nodata is None or not np.isfinite(nodata):
                continue
            present &= numbers != np.asarray(nodata).astype(numbers.dtype)
        if np.issubdtype(numbers.dtype, np.floating):
            present &= np.isfinite(numbers)
    for index in _masked_bands(part):
        present &= dataset.read_masks(index, window=box.to_rasterio()) != 0
    for index in _data_masks(part):
        present &= dataset.read(index, window=box.to_rasterio()) != 0
    return present


def _data_masks(part: _Part) -> set[int]:
    """Bands that are 0 where there are no data: alpha bands, which GDAL heeds in pictures only, and portals' masks.

    A reflectance band that a program mistook for transparency is none.
    """
    alphas = {i for i, meaning in enumerate(part.dataset.colorinterp, 1) if meaning == ColorInterp.alpha}
    return alphas - _used(part) | {layer.data_mask for layer in part.layers if layer.data_mask}


def _masked_bands(part: _Part) -> list[int]:
    """Bands with a mask file or a mask inside the file; one is enough where all bands share it."""
    flags = {i: set(part.dataset.mask_flag_enums[i - 1]) for i in sorted(_used(part))}
    shared = [i for i in flags if MaskFlags.per_dataset in flags[i] and MaskFlags.alpha not in flags[i]]
    return shared[:1] + [i for i in flags if not flags[i]]


def _used(part: _Part) -> set[int]:
    return {layer.index for layer in part.layers}
