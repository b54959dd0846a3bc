"""GeoPackages of our own: layers with their style and how they were made in them; the same content, the same bytes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyogrio
import shapely

from .outputs import translate_os_error

#: A GeoPackage carries the time of its last change; without this the same request would not give the same bytes.
_NO_TIME = "2000-01-01T00:00:00.000Z"


@dataclass(frozen=True)
class VectorLayer:
    """One layer of polygons.

    geometries: (n,) of polygons or multipolygons. fields: of each its values, (n,); NaN becomes NULL. style: as QGIS
    saves it (QML); description: of that style.
    """

    name: str
    geometries: Sequence[shapely.Geometry]
    fields: Mapping[str, np.ndarray]
    style: str
    description: str


def write_geopackage(path: Path, layers: Sequence[VectorLayer], crs: str, tags: Mapping[str, str]) -> None:
    """Write layers into the new file ``path``, each with ``tags`` as its metadata. crs: well-known text."""
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _NO_TIME})
    for place, layer in enumerate(layers):
        pyogrio.raw.write(
            path,
            geometry=shapely.to_wkb(list(layer.geometries)),
            field_data=list(layer.fields.values()),
            fields=list(layer.fields),
            layer=layer.name,
            driver="GPKG",
            geometry_type="MultiPolygon",
            crs=crs,
            append=place > 0,
            layer_metadata=dict(tags),
            # What QGIS 3.22's GDAL knows; it warns of files of later versions.
            dataset_options={"VERSION": "1.2"},
        )
    _add_styles(path, layers)


@contextmanager
def writing_geopackage() -> Iterator[None]:
    """What goes wrong while a GeoPackage is written, in plain words."""
    try:
        yield
    except (OSError, sqlite3.Error, pyogrio.errors.DataSourceError) as error:
        raise translate_os_error(error) from error


def _add_styles(geopackage: Path, layers: Sequence[VectorLayer]) -> None:
    """Store the styles the way QGIS does, as the layers' default ones (table ``layer_styles``)."""
    with closing(sqlite3.connect(geopackage)) as database, database:
        database.execute(
            "CREATE TABLE layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256), "
            "f_table_schema TEXT(256), f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), "
            "styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30), "
            "update_time DATETIME)"
        )
        database.executemany(
            "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, "
            "styleQML, styleSLD, useAsDefault, description, owner, ui, update_time) "
            "VALUES ('', '', ?, 'geom', 'Solar Saliency', ?, '', 1, ?, '', '', ?)",
            [(layer.name, layer.style, layer.description, _NO_TIME) for layer in layers],
        )
        database.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change, srs_id) "
            "VALUES ('layer_styles', 'attributes', 'layer_styles', '', ?, 0)",
            (_NO_TIME,),
        )
