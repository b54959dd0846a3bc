"""Polygons from a vector layer, whatever it holds: valid, and placed on Earth."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyproj
import shapely
from rasterio.crs import CRS

from ...contract.errors import LabelsUnreadableError, LabelsUnsuitableError, RequestError
from ..job import Job
from .coordinates import put_right, somewhere, without_traces

#: The CRS of the polygons: degrees, longitude first, WGS 84.
DEGREES = "EPSG:4326"

#: A layer of more features holds something else than solar farms, such as all buildings of a country.
_MOST_FEATURES = 1_000_000

_OPEN_ERRORS = (
    pyogrio.errors.DataSourceError,
    pyogrio.errors.DataLayerError,
    pyogrio.errors.FeatureError,
    pyogrio.errors.GeometryError,
    pyogrio.errors.FieldError,
    pyogrio.errors.CRSError,
    ValueError,
    OSError,
    RuntimeError,
)

#: Features that are looked at between two looks at whether the job was cancelled: about a second.
_BLOCK = 20_000

#: Files that only say where data lie, which may be on the network.
_POINTERS = re.compile(rb'<OGR\w+DataSource|"type"\s*:\s*"gdal', re.IGNORECASE)


@dataclass(frozen=True)
class PolygonLayer:
    """What a vector layer holds.

    name: the file's, for messages. polygons: valid, in :data:`DEGREES`, (n,) of shapely polygons; a feature of several
    polygons gives each of them. features: number of the feature that each comes from, (n,). values: the field that was
    asked for, of every feature; none where no field was. named: of other fields that were looked for, those that are
    there.
    """

    name: str
    polygons: np.ndarray
    features: np.ndarray
    values: np.ndarray
    named: Mapping[str, np.ndarray]


def read_polygons(path: str, job: Job, field: str = "", looked_for: Sequence[str] = ()) -> PolygonLayer:
    """The polygons of a vector file, which may be named as QGIS does: ``file.gpkg|layername=farms``.

    Raises :class:`LabelsUnreadableError`, :class:`LabelsUnsuitableError` or, for a ``field`` that is not there,
    :class:`RequestError`. Fields that are ``looked_for`` may be missing. What is repaired or left out is told through
    ``job``.
    """
    file, layer = _located(path)
    name = f"“{Path(file).name}”"
    try:
        layer = _layer(file, layer, name)
        info = pyogrio.read_info(file, layer=layer)
        _check(info, field, name)
        there = [name for name in looked_for if name in info["fields"]]
        columns = [field, *there] if field else there
        meta, _, stored, values = pyogrio.raw.read(file, layer=layer, columns=columns, force_2d=True)
    except _OPEN_ERRORS as error:
        raise LabelsUnreadableError(
            f"{name} cannot be read as a vector layer: {_first_line(error)}",
            "Open it in QGIS and export it as a GeoPackage; then use that.",
        ) from error
    if not len(stored):
        raise LabelsUnsuitableError(f"{name} holds no outlines: the layer is empty.", _DRAW)
    polygons, features = _polygons(stored, name, job)
    polygons, inside = _placed(polygons, meta["crs"], name, job)
    found = dict(zip(meta["fields"], values, strict=True))
    named = {name: found[name] for name in there}
    return PolygonLayer(name, polygons, features[inside], found[field] if field else np.empty(0), named)


def in_crs(geometries: np.ndarray, crs: CRS) -> np.ndarray:
    """Geometries in degrees, carried over into ``crs``."""
    return shapely.transform(geometries, _from_degrees(crs).transform, interleaved=False)


def place_name(longitude: float, latitude: float) -> str:
    """A place as a name, to about a metre: 26.21095N 74.06132E."""
    north, east = "N" if latitude >= 0 else "S", "E" if longitude >= 0 else "W"
    return f"{abs(latitude):.5f}{north} {abs(longitude):.5f}{east}"


_DRAW = "Choose the layer with the outlines of solar farms, as polygons."


def _located(path: str) -> tuple[str, str]:
    """The file, and what follows ``|`` in QGIS's name for a layer of it."""
    text = path.strip()
    if not text:
        raise RequestError("No outlines were given.", _DRAW)
    layer = ""
    if not os.path.exists(text):
        text, _, layer = text.partition("|")
    text = os.path.expanduser(text)
    if not os.path.exists(text):  # which takes names that no file can have; what is on the network is not there either
        raise LabelsUnreadableError(f"There is no file {text}.", "Check the path; was it moved or renamed?")
    if os.path.isfile(text):
        with open(text, "rb") as file:
            if _POINTERS.search(file.read(4096)):
                raise LabelsUnreadableError(
                    f"“{Path(text).name}” holds no outlines; it says where they are.",
                    "Open it in QGIS and export it as a GeoPackage; then use that.",
                )
    return text, layer


def _layer(file: str, chosen: str, name: str) -> str:
    """The name of the layer that was chosen, or of the only one that can hold polygons."""
    layers = pyogrio.list_layers(file)
    names = [str(row[0]) for row in layers]
    asked = dict(part.partition("=")[::2] for part in chosen.split("|") if part)
    if "subset" in asked:
        raise LabelsUnreadableError(
            f"{name} is meant with a filter, which only QGIS can apply.", "Export the filtered layer; then use that."
        )
    if "layername" in asked:
        if asked["layername"] not in names:
            raise LabelsUnreadableError(
                f"{name} has no layer “{asked['layername']}”.", f"Its layers: {', '.join(names[:12])}."
            )
        return asked["layername"]
    if asked.get("layerid", "").isdigit() and int(asked["layerid"]) < len(names):
        return names[int(asked["layerid"])]
    spatial = [str(row[0]) for row in layers if row[1] is not None]
    usable = [str(row[0]) for row in layers if row[1] is not None and not _POINTS_OR_LINES.match(str(row[1]))]
    usable = usable or spatial[:1]
    if not usable:
        raise LabelsUnreadableError(f"{name} holds no vector layer.", _DRAW)
    if len(usable) > 1:
        raise LabelsUnreadableError(
            f"{name} holds {len(usable)} layers: {', '.join(usable[:12])}.",
            f"Say which one, such as {Path(file).name}|layername={usable[0]}.",
        )
    return usable[0]


_POINTS_OR_LINES = re.compile(r"(Multi)?(Point|LineString|Curve)", re.IGNORECASE)


def _check(info: dict[str, Any], field: str, name: str) -> None:
    """Raise for a layer that need not be read to be refused."""
    if info["features"] > _MOST_FEATURES:
        raise LabelsUnsuitableError(f"{name} holds {info['features']:,} features; these are hardly solar farms.", _DRAW)
    if field and field not in info["fields"]:
        raise RequestError(
            f"{name} has no field “{field}”.",
            f"Its fields: {', '.join(map(str, info['fields'][:20])) or 'none'}.",
        )
    if info["features"] and not info["crs"]:
        raise LabelsUnsuitableError(
            f"{name} has no coordinate reference system, so nobody knows where its outlines lie.",
            "Set it in QGIS (layer's properties ▸ Source) and export the layer.",
        )


def _polygons(stored: np.ndarray, name: str, job: Job) -> tuple[np.ndarray, np.ndarray]:
    """Valid polygons of geometries stored as WKB, and the number of the feature that each comes from."""
    found = [_flat(stored[block]) for block in _blocks(len(stored), job)]
    if not any(one.present for one in found):
        raise LabelsUnsuitableError(f"{name} holds no outlines: all of its geometries are empty.", _DRAW)
    starts = range(0, len(stored), _BLOCK)
    parts = np.concatenate([one.parts for one in found])
    features = np.concatenate([one.features + start for one, start in zip(found, starts, strict=True)])
    polygons = (shapely.get_type_id(parts) == 3) & (shapely.area(parts) > 0)
    if not polygons.any():
        kind = {0: "points", 1: "lines"}.get(
            int(shapely.get_type_id(parts).max(initial=-1)), "polygons without an area"
        )
        raise LabelsUnsuitableError(f"{name} holds no outlines, but {kind}.", _DRAW)
    lost, crossed = len(stored) - len(np.unique(features[polygons])), sum(one.crossed for one in found)
    if lost:
        job.warn(f"{lost} of {len(stored)} features of {name} hold no polygon that has an area; they were left out.")
    if crossed:
        job.warn(f"{crossed} outlines of {name} crossed or touched themselves and were repaired.")
    return parts[polygons], features[polygons]


@dataclass(frozen=True)
class _Flat:
    """Geometries taken apart: single ones, the number of the feature of each; how many were there, and repaired."""

    parts: np.ndarray
    features: np.ndarray
    present: int
    crossed: int


def _flat(stored: np.ndarray) -> _Flat:
    with np.errstate(invalid="ignore"):  # it wonders at what is no number
        geometries = shapely.from_wkb(stored, on_invalid="ignore")
    present = np.array([g is not None and not g.is_empty for g in geometries], bool)
    finite = present & somewhere(geometries)
    geometries = without_traces(geometries)
    crossed = np.zeros(len(geometries), bool)
    crossed[finite] = shapely.get_dimensions(geometries[finite]) == 2
    crossed[crossed] = ~shapely.is_valid(geometries[crossed])
    geometries[crossed] = put_right(geometries[crossed])
    parts, features = geometries[finite], np.flatnonzero(finite)
    while (shapely.get_type_id(parts) > 3).any():  # collections may hold collections
        parts, owners = shapely.get_parts(parts, return_index=True)
        features = features[owners]
    return _Flat(parts, features, int(present.sum()), int(crossed.sum()))


def _blocks(count: int, job: Job) -> Iterator[slice]:
    """So many things, some at a time; raises :class:`CancelledError` in between."""
    for start in range(0, count, _BLOCK):
        job.check()
        yield slice(start, start + _BLOCK)


def _placed(polygons: np.ndarray, crs: str, name: str, job: Job) -> tuple[np.ndarray, np.ndarray]:
    """The polygons that lie on Earth, in degrees, and which of all they are (bool)."""
    try:
        to_degrees = pyproj.Transformer.from_crs(crs, DEGREES, always_xy=True)
        found = [_on_earth(polygons[block], to_degrees) for block in _blocks(len(polygons), job)]
    except pyproj.exceptions.ProjError as error:
        raise LabelsUnsuitableError(
            f"The coordinate reference system of {name} leads to no place on Earth: {_first_line(error)}",
            "Export the layer in another one, such as EPSG:4326.",
        ) from error
    placed, inside = (np.concatenate(members) for members in zip(*found, strict=True))
    if not inside.any():
        raise LabelsUnsuitableError(
            f"The outlines of {name} do not lie where its coordinate reference system says that they could.",
            "Assign the right one in QGIS (layer's properties ▸ Source) and export the layer.",
        )
    if not inside.all():
        job.warn(f"{(~inside).sum()} outlines of {name} lie nowhere on Earth; they were left out.")
    inside &= ~shapely.is_empty(placed)
    return placed[inside], inside


def _on_earth(polygons: np.ndarray, to_degrees: pyproj.Transformer) -> tuple[np.ndarray, np.ndarray]:
    """The polygons in degrees, and which of them lie on Earth (bool)."""
    placed = shapely.transform(polygons, to_degrees.transform, interleaved=False)
    west, south, east, north = shapely.bounds(placed).T
    inside = np.isfinite([west, south, east, north]).all(axis=0)
    inside &= (west >= -180.001) & (east <= 180.001) & (south >= -90) & (north <= 90)
    broken = inside & ~shapely.is_valid(placed)  # two vertices that were apart may fall on one
    placed[broken] = shapely.buffer(placed[broken], 0)
    return placed, inside


def to_degrees(crs: CRS) -> pyproj.Transformer:
    """From ``crs`` to degrees."""
    return _transformer(crs.to_wkt(), DEGREES)


def _from_degrees(crs: CRS) -> pyproj.Transformer:
    return _transformer(DEGREES, crs.to_wkt())


@lru_cache(maxsize=64)
def _transformer(source: str, target: str) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason was given"])[0]
