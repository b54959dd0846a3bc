"""Prepare Scene: from any form of Sentinel-2 data to one tidy file that opens without any option."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import RasterioError

from ...contract.errors import SceneEmptyError
from ...contract.imagery import PrepareSceneRequest, PrepareSceneResult
from ..job import Job
from ..provenance import run_tag, scene_facts
from .bands import BANDS, CLASSIFICATION
from .grid import Grid, Window
from .outputs import check_output, scratch_folder, translate_os_error, write_cog
from .scene import Scene, open_scene
from .utm import is_tidy_grid, utm_grid, warped_windows
from .windows import tiles

#: One stored unit in reflectance, as in ESA's products; reflectances from −3.27 to 3.27 fit into 16 bits.
SCALE = 1e-4
NODATA = -32768
_LARGEST = 32767
#: Side of the windows that the scene is copied in: a multiple of the file's blocks.
_WINDOW = 1024
_BLOCK = 512
#: From this pixel size on, in metres, resampling to 10 m invents detail that the scene has not.
_COARSE = 12.0


@dataclass(frozen=True)
class _Count:
    """Pixels seen so far."""

    valid: int = 0
    masked: int = 0
    all: int = 0

    def with_window(self, observed: np.ndarray, clouded: np.ndarray) -> _Count:
        valid = int(np.count_nonzero(observed & ~clouded))
        return _Count(
            self.valid + valid, self.masked + int(np.count_nonzero(observed & clouded)), self.all + observed.size
        )


def prepare_scene(request: PrepareSceneRequest, job: Job) -> PrepareSceneResult:
    """Write the tidy scene: COG at 10 m in UTM, named bands, wavelengths, scale, nodata, scene id, level and date.

    A scene that lies on a 10 m UTM grid keeps its pixels; any other is resampled, reflectance bilinearly and the
    scene classification by nearest neighbour. Raises what :func:`open_scene` and :func:`check_output` raise, and
    :class:`SceneEmptyError` where the cloud mask leaves nothing.
    """
    with open_scene(request, job) as scene:
        output = check_output(request.output, scene.inputs)
        own = scene.grid.crop(scene.area)
        target = own if is_tidy_grid(own) else utm_grid(own)
        _warn_of_resampling(own, target, job)
        names = scene.bands + ((CLASSIFICATION,) if scene.has_classification else ())
        try:
            with scratch_folder(output) as folder:
                tidy = folder / "own_grid.tif"
                count = _write_own_grid(scene, tidy, names, job.part(0.0, 0.5 if target == own else 0.35))
                if not count.valid:
                    raise SceneEmptyError("The cloud mask leaves no valid pixel.", "Choose another date or mask.")
                if target != own:
                    tidy = _write_warped(tidy, folder / "utm.tif", target, names, job.part(0.35, 0.6))
                result = _result(request, scene, output, names, target, count, job)
                tags = _tags(request, scene, result)
                categorical = scene.has_classification
                write_cog(tidy, output, tags=tags, categorical=categorical, job=job.part(0.6, 1.0))
        except (OSError, RasterioError) as error:
            raise translate_os_error(error) from error
    return replace(result, seconds=round(job.seconds, 3), warnings=tuple(job.warnings))


def _write_own_grid(scene: Scene, path: Path, names: tuple[str, ...], job: Job) -> _Count:
    """Copy the scene's area to ``path`` window by window, on its own grid."""
    count = _Count()
    area = scene.area
    windows = tiles(area, scene.grid.height, scene.grid.width, core=_WINDOW, halo=0, stride=1)
    with rasterio.open(path, "w", **_profile(scene.grid.crop(area), len(names))) as target:
        _describe(target, names)
        for done, tile in enumerate(windows):
            job.progress(done / len(windows), "Reading the scene …")
            reflectance, observed, clouded = scene.read_parts(tile.core)
            count = count.with_window(observed, clouded)
            numbers = _stored(reflectance, observed & ~clouded)
            if scene.has_classification:
                numbers = np.concatenate([numbers, scene.classification(tile.core)[None].astype(np.int16)])
            place = Window(tile.core.row - area.row, tile.core.col - area.col, tile.core.height, tile.core.width)
            target.write(numbers, window=place.to_rasterio())
    return count


def _write_warped(source: Path, path: Path, grid: Grid, names: tuple[str, ...], job: Job) -> Path:
    """Resample the tidy file ``source`` to ``grid``, window by window."""
    windows = tiles(grid.whole, grid.height, grid.width, core=_WINDOW, halo=0, stride=1)
    with rasterio.open(path, "w", **_profile(grid, len(names))) as target:
        _describe(target, names)
        nearest = (names.index(CLASSIFICATION) + 1,) if CLASSIFICATION in names else ()
        for done, (window, numbers) in enumerate(warped_windows(source, grid, NODATA, nearest, windows)):
            job.progress(done / len(windows), "Resampling to UTM …")
            target.write(numbers, window=window.to_rasterio())
    return path


def _stored(reflectance: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Reflectance as 16-bit integers, rounded to the nearest; nodata where not valid."""
    numbers = np.clip(np.rint(reflectance / np.float32(SCALE)), -_LARGEST, _LARGEST).astype(np.int16)
    return np.where(valid, numbers, np.int16(NODATA))


def _profile(grid: Grid, count: int) -> dict[str, Any]:
    return {
        "driver": "GTiff",
        "crs": grid.crs or None,
        "transform": grid.transform,
        "width": grid.width,
        "height": grid.height,
        "count": count,
        "dtype": "int16",
        "nodata": NODATA,
        "tiled": True,
        "blockxsize": _BLOCK,
        "blockysize": _BLOCK,
        "interleave": "band",
        "compress": "deflate",
        "zlevel": 1,
        "predictor": 2,
        "bigtiff": "if_safer",
    }


def _describe(dataset: Any, names: tuple[str, ...]) -> None:
    """Names, wavelengths and scale of the bands; class numbers have no scale."""
    dataset.descriptions = names
    dataset.scales = tuple(SCALE if name in BANDS else 1.0 for name in names)
    for index, name in enumerate(names, 1):
        if name in BANDS:
            dataset.update_tags(index, wavelength=f"{BANDS[name].wavelength_nm:g}", wavelength_unit="nm")


def _warn_of_resampling(own: Grid, target: Grid, job: Job) -> None:
    if target == own:
        return
    x, y = own.ground_pixel_size
    job.info(f"The scene is resampled to 10 m in {target.crs.to_string()}.")
    if max(x, y) > _COARSE:
        job.warn(
            f"The scene's pixels are about {x:.1f} × {y:.1f} m. At 10 m they are smaller, not sharper: a model made "
            "for 10 m scenes will see less."
        )


def _result(
    request: PrepareSceneRequest,
    scene: Scene,
    output: Path,
    names: tuple[str, ...],
    target: Grid,
    count: _Count,
    job: Job,
) -> PrepareSceneResult:
    return PrepareSceneResult(
        output=str(output),
        bands=names,
        crs=target.crs.to_string(),
        width=target.width,
        height=target.height,
        level=scene.level,
        date=scene.date,
        valid_share=count.valid / count.all,
        masked_share=count.masked / count.all,
        seconds=0.0,
        warnings=tuple(job.warnings),
    )


def _tags(request: PrepareSceneRequest, scene: Scene, result: PrepareSceneResult) -> dict[str, str]:
    """What the file says of itself: read back by :func:`open_scene`, and how it was made."""
    tags = {"SCENE_ID": scene.id, "ACQUISITION_DATE": scene.date}
    if scene.level != "unknown":
        tags["PROCESSING_LEVEL"] = scene.level
    facts = {
        "bands": list(result.bands),
        "crs": result.crs,
        "valid_share": result.valid_share,
        "masked_share": result.masked_share,
    }
    run = run_tag("preparescene", request, scene=scene_facts(scene), result=facts, warnings=result.warnings)
    return {key: value for key, value in tags.items() if value} | run
