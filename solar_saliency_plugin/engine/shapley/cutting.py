"""From what was asked to who plays: superpixels of a region, or its bands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import shapely

from ...contract.errors import OutOfSightError, RequestError
from ...contract.region_shap import BandShapRequest, RegionShapRequest
from ..attribution.changes import seen_by_target, sees_nearby_only, sight_of
from ..attribution.explained import Explained
from ..attribution.target import placed
from ..attribution.view import View
from ..job import Job
from .players import Group, Players, band_groups, of_bands, of_regions, single_bands
from .question import Item, named_polygons
from .regions import Image, cut, of_polygons

#: Regions that are played with at most: the request's own limit.
_MOST = 5000

#: What is called that lies in none of the polygons which cut a region.
_BETWEEN = "between the polygons"


def superpixels_of(request: RegionShapRequest, item: Item, explained: Explained, view: View, job: Job) -> Players:
    """The region's superpixels, in all bands or in each group of bands, and the rest.

    Raises :class:`RequestError` where nothing is there to cut.
    """
    seen, inside = _seen(view), _inside(item, explained, view)
    groups: tuple[Group, ...] = ()
    if request.players == "superpixels_of_band_groups":
        groups = band_groups(explained.scene.bands)
    job.progress(0.0, "Cutting the region")
    called: tuple[str, ...] = ()
    if request.cut == "polygons":
        labels, called = _of_layer(request, explained, inside & seen, job)
    else:
        labels = _labels(request, explained, view, inside & seen, job)
    return of_regions(labels, seen, len(explained.scene.bands), request.rest, groups, called)


def bands_of(request: BandShapRequest, item: Item, explained: Explained, view: View, job: Job) -> Players:
    """The region's bands, or groups of them, and the rest."""
    names = explained.scene.bands
    groups = single_bands(names) if request.players == "bands" else band_groups(names)
    return of_bands(_inside(item, explained, view), _seen(view), groups, len(names), request.rest)


def layer_file(name: str) -> tuple[Path, ...]:
    """The file of a layer, as QGIS names it; none where there is none."""
    path = Path(name.partition("|")[0].strip()).expanduser()
    return (path,) if path.is_file() else ()


def _seen(view: View) -> np.ndarray:
    """Valid pixels that the target's answers depend on, (H, W), bool."""
    found: np.ndarray = (view.valid & seen_by_target(view)).cpu().numpy()
    return found


def _inside(item: Item, explained: Explained, view: View) -> np.ndarray:
    """The region's pixels that hold data, (H, W), bool: the target sees one at least."""
    inside = item.region.inside(explained.region, explained.scene.grid)
    valid = view.valid.cpu().numpy()
    if inside.any() and not (inside & valid).any():
        raise RequestError(
            "The scene holds no data in the region, or clouds that were left out.", "Choose another place or date."
        )
    if not (inside & _seen(view)).any():
        raise OutOfSightError(
            f"The model's answer depends on nothing in the region: {_too_far(item, explained, view)}",
            "Draw it over the target or right beside it.",
        )
    return inside & valid


def _too_far(item: Item, explained: Explained, view: View) -> str:
    """How far the model sees, and how far off the region lies."""
    if not sees_nearby_only(view):
        return "the model looks at a part of the scene around the target, outside of which it lies."
    grid = explained.scene.grid
    target, region = (shapely.from_wkt(one.wkt(grid)) for one in (item.target, item.region))
    metres = shapely.distance(target, region) * grid.pixel_size[0] / grid.transform.a  # of the CRS, which may be feet
    return (
        f"the model sees only {sight_of(view):,.0f} m around each pixel that is explained, and the region lies "
        f"{metres:,.0f} m away from the target."
    )


def _labels(request: RegionShapRequest, explained: Explained, view: View, mask: np.ndarray, job: Job) -> np.ndarray:
    """Regions of the mask's pixels, (H, W), int32; −1 elsewhere."""
    if request.segments.strip():
        raise RequestError(
            "A layer to cut the region by was given, but the region is cut in another way.",
            "Choose the cut by polygons, or leave the layer empty.",
        )
    image = Image(_likeness(request, explained, view), mask, view.pixel_size, request.components, job.check)
    count = request.superpixels
    if request.superpixel is not None:
        count = max(1, round(image.hectares / request.superpixel))
    if count > _MOST:
        raise RequestError(
            f"Superpixels of {request.superpixel:g} ha are {count:,} here; {_MOST:,} are the most.",
            "Choose larger superpixels, or a smaller region.",
        )
    return cut(image, request.cut, count)


def _likeness(request: RegionShapRequest, explained: Explained, view: View) -> np.ndarray:
    """Reflectance (bands, H, W) of the bands that likeness is judged by."""
    names, reflectance = explained.scene.bands, view.reflectance[0].cpu().numpy()
    if not request.cut_bands:
        return reflectance
    unknown = [name for name in request.cut_bands if name not in names]
    if unknown:
        raise RequestError(
            f"The model has no band {unknown[0]}, which likeness is to be judged by.", f"It has: {', '.join(names)}."
        )
    return reflectance[[names.index(name) for name in dict.fromkeys(request.cut_bands)]]


def _of_layer(
    request: RegionShapRequest, explained: Explained, mask: np.ndarray, job: Job
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Each feature of the user's layer that holds one of the mask's pixels; what none holds is one region more.

    Gives the labels (H, W), int32, and what the layer calls them, by their numbers: nothing where it has no names.
    """
    if not request.segments.strip():
        raise RequestError(
            "The region is to be cut by polygons, but no layer of them was given.",
            "Choose the layer, or another way to cut.",
        )
    layer, names = named_polygons(request.segments, job)
    grid = explained.scene.grid.crop(explained.region)
    shapes = placed(layer.polygons, explained.scene.grid, explained.region)
    near = np.flatnonzero(~shapely.is_empty(shapes))
    found = of_polygons(list(shapes[near]), grid, mask, job.check)
    if not (found >= 0).any():
        raise RequestError(
            "No polygon of the layer that is to cut the region lies in it, or none holds the centre of a pixel.",
            "Choose another layer, or another way to cut.",
        )
    labels = np.where(found >= 0, layer.features[near][found], -1)
    if (mask & (labels < 0)).any():
        labels[mask & (labels < 0)] = layer.features.max() + 1
    used = np.unique(labels[labels >= 0])
    if len(used) > _MOST:
        raise RequestError(
            f"{len(used):,} polygons of the layer lie in the region; {_MOST:,} are the most.", "Draw a smaller region."
        )
    called = tuple(_called(names.get(int(feature), _BETWEEN)) for feature in used) if names else ()
    return np.where(labels >= 0, np.searchsorted(used, labels), -1).astype(np.int32), called


def _called(name: str) -> str:
    """A feature's name as a player's: what is a number, or stands for what surrounds the region, is none."""
    return f"polygon {name}" if name[:1].isdigit() or name == "rest" else name
