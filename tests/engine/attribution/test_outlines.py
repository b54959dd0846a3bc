"""Outlines whose coordinates are no place, or next to nothing, are told in plain words, and soon."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS

from solar_saliency_plugin.contract.errors import LabelsUnsuitableError, RequestError, SolarSaliencyError
from solar_saliency_plugin.engine.attribution.target import read_geometry, target_of
from solar_saliency_plugin.engine.imagery.grid import Grid
from solar_saliency_plugin.engine.imagery.polygons import read_polygons
from solar_saliency_plugin.engine.job import Job

GRID = Grid(CRS.from_epsg(32643), Affine(10, 0, 3e5, 0, -10, 3e6), 113, 97)

#: GEOS puts it right forever: it was found by chance.
ENDLESS = (
    "MULTIPOLYGON(((2999030 -8.57e-280, 300000.00000000006 7.24e-113, 2998122.072635369 0, 1e-310 2998770.432914861, "
    "2999030 -8.57e-280)), ((-1.6066090909312082e-28 -7.268415690530021e-203, 49006.50747168938 300859.5481628819, "
    "1e-200 -5.830923983324805e-140, 3000925.148328454 301130, 300500.00000000006 2999452.2443751125, "
    "300000.00000000006 -3.867026860718177e-165, 3000238.5856961077 -6.187306089170947e-233, "
    "-6.141652521780023e-152 299188.1805180924, 7.0370865994215e-311 2998960.969626841, "
    "-1.6066090909312082e-28 -7.268415690530021e-203)), ((300000.00000000006 301130, 2998800.6266340674 "
    "2999500.0000000005, 301921.8317267207 -2.4543120887728e-310, 9.482506136253e-312 2.2e-308, "
    "-8.728768166433054e-59 3000646.7059770743, 300000.00000000006 301130)))"
)

#: GEOS fails on them: coordinates that are no place.
NOWHERE = (
    "POLYGON((300100 2999900, 1e308 2999800, 300200 1e200, 300100 2999900))",
    "POLYGON((300100 2999900, 300200 nan, 300200 2999800, 300150 2999950, 300100 2999900))",
    "POLYGON((0 1e154, 1.3e154 300000, 301269 -1e308, 2999030 1e100, 0 1e154))",
)

numbers = st.one_of(
    st.floats(2.9985e6, 3.001e6),
    st.floats(2.99e5, 3.02e5),
    st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=True),
    st.sampled_from([0.0, -0.0, 5e-324, -1e-310, 1e-200, 3e5, 3e5 + 6e-11, 3e6, 4e12, 1e154, 1e308]),
)
rings = st.lists(st.tuples(numbers, numbers), min_size=3, max_size=9).map(lambda points: [*points, points[0]])


def _text(polygon: Any) -> str:
    return "POLYGON(" + ", ".join("(" + ", ".join(f"{x!r} {y!r}" for x, y in ring) + ")" for ring in polygon) + ")"


@settings(max_examples=300, deadline=None)
@given(st.lists(rings, min_size=1, max_size=2).map(_text), st.sampled_from(["", "EPSG:4326", "EPSG:3857"]))
def test_any_numbers_make_a_target_or_a_plain_sentence(text: str, crs: str) -> None:
    try:
        found = target_of(read_geometry(text, crs, GRID, GRID.whole), GRID, GRID.whole, False)
    except SolarSaliencyError:
        return
    assert found.inside(GRID.whole, GRID).shape == (97, 113) and found.wkt(GRID).startswith(("POLYGON", "MULTI"))


@pytest.mark.parametrize("text", NOWHERE)
def test_coordinates_that_are_no_place_are_refused(text: str) -> None:
    with pytest.raises(RequestError, match="coordinates that are nowhere"):
        read_geometry(text, "", GRID, GRID.whole)


def test_an_outline_with_traces_of_numbers_does_not_take_forever() -> None:
    """In a process of its own, which can be ended."""
    program = (
        "import sys; from tests.engine.attribution.test_outlines import *\n"
        "print(read_geometry(ENDLESS, '', GRID, GRID.whole).geom_type)"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert told.stdout.strip() in ("Polygon", "MultiPolygon", "GeometryCollection")


def test_outlines_of_a_layer_that_are_no_place_are_left_out(tmp_path: Path) -> None:
    path, good = tmp_path / "layer.gpkg", "POLYGON((300100 2999900, 300200 2999900, 300200 2999800, 300100 2999900))"
    for name, shapes in (("some", [good, *NOWHERE]), ("none", NOWHERE)):
        stored = np.array([shapely.to_wkb(shapely.from_wkt(one)) for one in shapes], object)
        pyogrio.raw.write(
            path, stored, field_data=[], fields=[], layer=name, geometry_type="Polygon", crs="EPSG:32643", append=True
        )
    assert len(read_polygons(f"{path}|layername=some", Job.silent()).polygons) == 1
    with pytest.raises(LabelsUnsuitableError):
        read_polygons(f"{path}|layername=none", Job.silent())
