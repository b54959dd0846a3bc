"""What is asked: one item, or one for each polygon of a layer, each with its target and the region that plays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import shapely

from ...contract.errors import ExtentOutsideError, RequestError
from ...contract.region_shap import RegionQuestion
from ..attribution.explained import Explained, open_explained
from ..attribution.target import Target, placed, read_geometry, read_target, target_of
from ..attribution.telling import place_of
from ..imagery.grid import Grid, Window
from ..imagery.polygons import PolygonLayer, read_polygons
from ..job import Job

#: Fields that name the features of a layer, the first one that there is.
NAMING = ("id", "name")


@dataclass(frozen=True)
class Item:
    """What is explained together. target: the pixels whose answer it is. region: what of the map plays."""

    name: str
    target: Target
    region: Target


@contextmanager
def open_question(request: RegionQuestion, job: Job) -> Iterator[Explained]:
    """Open the scene and the model once for all items; see :meth:`Explained.of_target` for each of them.

    Raises :class:`SolarSaliencyError`.
    """
    _require_fitting(request)
    with open_explained(replace(request, target="", polygons=""), job) as whole:
        whole.network.make_fast()  # items are explained in one piece: there are no seams
        yield replace(whole, request=request)


def items_of(request: RegionQuestion, grid: Grid, area: Window, job: Job) -> tuple[Item, ...]:
    """What a request asks to explain in ``area`` of a scene. Raises :class:`RequestError` and those of its layers."""
    if request.polygons.strip():
        return _of_layer(request, grid, area, job)
    region = _region(request, grid, area) if request.region.strip() else None
    if request.target.strip():
        target = read_target(request, grid, area, job)
        name = request.name.strip() or place_of(target, grid)
        return (Item(name, target, region or _around(target, request.margin, grid, area)),)
    if region is None:
        raise RequestError(
            "Nothing says what is to be explained.", "Draw a region, or choose a detection or a layer of polygons."
        )
    name = request.name.strip() or place_of(region, grid)
    return (Item(name, replace(region, only_detected=request.pixels == "detected"), region),)


def _require_fitting(request: RegionQuestion) -> None:
    if request.polygons.strip() and request.region.strip():
        raise RequestError(
            "There is a region, and a layer of polygons that has regions of its own.", "Give one of them only."
        )
    if request.polygons.strip() and request.target.strip():
        raise RequestError("There are two targets: one as text, and a layer of polygons.", "Give one of them only.")


def _region(request: RegionQuestion, grid: Grid, area: Window) -> Target:
    geometry = read_geometry(request.region, request.target_crs, grid, area, "region")
    if geometry.geom_type == "Point":
        raise RequestError("The region is a point.", "Draw a polygon, or choose a target and a margin around it.")
    return target_of(geometry, grid, area, False, what="region")


def _around(target: Target, margin: float, grid: Grid, area: Window) -> Target:
    """The target's outline and so many metres around it."""
    shape = shapely.box(*grid.crop(target.area).bounds) if target.geometry is None else target.geometry
    units = grid.transform.a / grid.pixel_size[0]  # of the CRS in a metre; scenes in degrees were refused before
    grown = shapely.buffer(shape, margin * units) if margin else shape
    return target_of(grown, grid, area, False, what="region")


def _of_layer(request: RegionQuestion, grid: Grid, area: Window, job: Job) -> tuple[Item, ...]:
    """An item for each feature of the layer of polygons that lies in ``area``; others are told of."""
    layer, names = named_polygons(request.polygons, job)
    shapes = placed(layer.polygons, grid, area)
    prefix = f"{request.name.strip()} " if request.name.strip() else ""
    found, outside = [], 0
    order = np.argsort(layer.features, kind="stable")
    numbers, starts = np.unique(layer.features[order], return_index=True)
    alone = request.name.strip() if len(numbers) == 1 else ""
    for feature, own in zip(numbers, np.split(order, starts[1:]), strict=True):
        job.check()
        name = alone or prefix + names.get(int(feature), f"{feature + 1}")
        try:
            outline = shapely.union_all(shapes[own])
            target = target_of(outline, grid, area, request.pixels == "detected")
        except ExtentOutsideError:
            outside += 1
            continue
        found.append(Item(name, target, _around(target, request.margin, grid, area)))
    if not found:
        raise ExtentOutsideError(
            "All polygons of the layer lie outside the scene, or outside the extent that was asked for.",
            "Choose another layer, or the scene that shows them.",
        )
    if outside:
        job.warn(f"{outside:,} of the layer's polygons lie outside the scene or the extent; they were left out.")
    return tuple(found)


def named_polygons(path: str, job: Job) -> tuple[PolygonLayer, dict[int, str]]:
    """The layer's polygons, and the names of its features, by their numbers, where a field tells them apart."""
    layer = read_polygons(path, job, looked_for=NAMING)
    numbers = np.unique(layer.features).tolist()
    for field in (field for field in NAMING if field in layer.named):
        values = {number: layer.named[field][number] for number in numbers}
        names = {number: _name(value) for number, value in values.items() if value is not None}
        if len(set(names.values()) - {"", "nan"}) == len(values):
            return layer, names
    return layer, {}


def _name(value: object) -> str:
    """A field's value as a name; whole numbers of a field of decimals without those."""
    return str(int(value)) if isinstance(value, (float, np.floating)) and value.is_integer() else str(value).strip()
