"""The attribution raster, its style and its tags, put in place together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from ...contract.options import to_json
from ..imagery.outputs import build_cog, put_in_place, scratch_folder
from ..imagery.style import is_users_own, write_style
from ..job import Job
from ..provenance import run_tag, scene_facts
from ..windowed.raster import WindowedRaster
from .explained import Explained
from .maps import robust_range

#: Values that the style's range is found from, at most a side.
_LOOKED_AT = 1024

#: What a map's values mean: the style's template, and what its legend says of the lowest value and of where colours
#: are full.
LEGENDS = {
    "contribution": ("attribution", "lowered the answer", "raised the answer ({value:.2g})"),
    "slope": ("attribution", "would lower the answer if brighter", "would raise the answer if brighter ({value:.2g})"),
    "size": ("attribution_unsigned", "no effect", "strong effect ({value:.2g})"),
    "replaced": ("attribution_unsigned", "left as it is", "{percent:.0f} % replaced"),
    "kept": ("attribution_unsigned", "replaced", "{percent:.0f} % kept"),
}

#: Members of a result that differ from run to run.
_OF_THE_RUN = ("seconds", "seconds_computing", "warnings")


def working_raster(explained: Explained, output: Path, titles: Sequence[str]) -> WindowedRaster:
    """The raster beside ``output``, on the grid of the region that is explained, that becomes it; not made yet."""
    grid = explained.scene.grid.crop(explained.region)
    return WindowedRaster(output.with_name(output.name + ".part"), grid, "float32", float("nan"), titles)


def publish(
    explained: Explained,
    method: str,
    result: Any,
    raster: WindowedRaster,
    output: Path,
    style: str,
    job: Job,
    *,
    request: Any = None,
) -> None:
    """Turn the working raster into ``output``, with its provenance in it and its style beside it.

    method, result: the engine's method and what it gives. style: one of :data:`LEGENDS`. request: what was asked,
    if it is more than ``explained.request``.
    """
    raster.flush()
    told = to_json(result)
    for name in _OF_THE_RUN:
        told.pop(name, None)
    model = {"name": explained.model.card.name, "sha256": explained.model.sha256}
    tags = run_tag(
        method,
        explained.request if request is None else request,
        scene=scene_facts(explained.scene),
        result=told,
        model=model,
        warnings=result.warnings,
    )
    job.progress(0, f"Writing {output.name}")
    with scratch_folder(output) as folder:
        whole = build_cog(raster.path, folder, tags=tags, categorical=False, job=job)
        extent = _range(whole)
        put_in_place(whole, output)
    beside = output.with_suffix(".qml")
    if is_users_own(beside):
        job.warn(f"“{beside.name}” holds a style of your own; it is kept, and may not fit the new result.")
    else:
        template, low, high = LEGENDS[style]
        write_style(
            template, beside, range=f"{extent:.6g}", low=low, high=high.format(value=extent, percent=100 * extent)
        )


def _range(path: Path) -> float:
    with rasterio.open(path) as file:
        step = max(1, max(file.width, file.height) // _LOOKED_AT)
        values = file.read(1, out_shape=(max(1, file.height // step), max(1, file.width // step)))
    return robust_range(np.asarray(values))
