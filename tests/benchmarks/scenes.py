"""Large scenes for benchmarks: the simulated sample, repeated."""

from pathlib import Path

import numpy as np
import rasterio
from rasterio.windows import Window

from solar_saliency_plugin.engine.dispatch import run_method
from solar_saliency_plugin.engine.job import Job


def sample(folder: Path) -> Path:
    """The simulated sample as one tidy scene."""
    scene = folder / "SIMULATED_scene.tif"
    if not scene.is_file():
        run_method("samplescene", {"output": str(folder / "sample")}, Job.silent())
        run_method("preparescene", {"scene": str(folder / "sample"), "output": str(scene)}, Job.silent())
    return scene


def repeated(folder: Path, side: int, nodata_share: float = 0.0) -> Path:
    """A scene of ``side`` × ``side`` pixels that repeats the sample; nodata from its left edge, cut like an orbit's."""
    path = folder / f"SIMULATED_{side}_{nodata_share:g}.tif"
    if path.is_file():
        return path
    with rasterio.open(sample(folder)) as source:
        block = source.read()
        profile = {**source.profile, "driver": "GTiff", "width": side, "height": side, "bigtiff": "yes"}
        profile.update(tiled=True, blockxsize=512, blockysize=512, compress="zstd", zstd_level=1, num_threads=2)
        tags, descriptions, scales, offsets = source.tags(), source.descriptions, source.scales, source.offsets
        band_tags = [source.tags(number) for number in source.indexes]
    profile.pop("overview_resampling", None)
    unfinished = path.with_suffix(".unfinished")
    with rasterio.open(unfinished, "w", **profile) as target:
        target.update_tags(**tags)
        target.descriptions, target.scales, target.offsets = descriptions, scales, offsets
        for number, values in enumerate(band_tags, start=1):
            target.update_tags(number, **values)
        for top in range(0, side, block.shape[1]):
            strip = np.tile(block, (1, 1, -(-side // block.shape[2])))[:, : side - top, :side]
            # The orbit's edge leans: 0.2 pixels to the right for each row down.
            edge = nodata_share * side + 0.2 * (np.arange(top, top + strip.shape[1]) - side / 2)
            if nodata_share:
                strip[:, np.arange(side)[None, :] < edge[:, None]] = 0
            target.write(strip, window=Window(0, top, side, strip.shape[1]))
    unfinished.replace(path)
    return path
