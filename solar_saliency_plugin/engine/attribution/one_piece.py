"""Rasters of what is explained in one piece: opened, written and put in place, or nothing left of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.errors import RasterioError

from ..imagery.outputs import translate_os_error
from ..job import Job
from ..models.runtime import memory_failures
from ..windowed.sole_writer import sole_writer
from .explained import Explained
from .publish import publish, working_raster
from .summary import SAME
from .view import View


@contextmanager
def writing(explained: Explained, output: Path) -> Iterator[None]:
    """While it is entered no other run writes ``output``; failures of disk and memory are told in plain words."""
    try:
        with sole_writer(output), memory_failures((explained.region.height, explained.region.width)):
            yield
    except (OSError, RasterioError) as error:
        raise translate_os_error(error) from error


def write_map(
    explained: Explained,
    method: str,
    result: Any,
    layers: np.ndarray,
    valid: np.ndarray,
    titles: Sequence[str],
    output: Path,
    style: str,
    job: Job,
) -> None:
    """Write layers (n, H, W) of the region that is explained, nodata where not ``valid``, (H, W), with style and tags.

    method, result, style: as :func:`.publish.publish` takes them.
    """
    raster = working_raster(explained, output, titles)
    try:
        raster.create()
        values = np.where(valid, layers, np.nan).astype(np.float32)
        raster.write(values, explained.region.relative_to(explained.region))
        publish(explained, method, result, raster, output, style, job)
    finally:
        raster.remove()


def equals_baseline(view: View) -> bool:
    """Whether the image and all it is compared with are the same."""
    return float((view.baselines - view.reflectance).abs().max()) < SAME
