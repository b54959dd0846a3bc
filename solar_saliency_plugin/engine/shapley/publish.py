"""What a run over regions leaves: polygons, raster, table and page.

All of them are whole before the first one takes its place. They take it one after the other: where a file cannot be
replaced, such as one that another program holds open, those before it are there already.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.errors import RasterioError

from ...contract.options import to_json
from ...contract.region_looks import full_colour
from ...contract.region_shap import BandShapRequest, BandShapResult, RegionAnswer, RegionShapRequest, RegionShapResult
from ..attribution.explained import Explained
from ..attribution.publish import LEGENDS
from ..imagery.geopackage import VectorLayer, write_geopackage, writing_geopackage
from ..imagery.grid import Grid
from ..imagery.outputs import RASTER_SUFFIXES, check_output, put_in_place, scratch_folder, translate_os_error
from ..imagery.style import is_users_own, write_style
from ..job import Job
from ..provenance import run_tag, scene_facts
from ..reporting.page import PAGE_SUFFIXES, written_beside
from ..windowed.sole_writer import sole_writer
from .drawing import Drawing
from .outlines import outlines, region_outline
from .report import report
from .styles import regions_style, strongest_style, superpixels_style
from .surface import Surface
from .tables import band_fields, region_fields, superpixel_fields, table_of

#: Names of the layers in the GeoPackages: superpixels (regionshap), and the regions that they are parts of (both).
SUPERPIXELS, REGIONS = "superpixels", "regions"

#: Regions that the tag of a run tells the numbers of; the layer has them all.
TOLD = 30

Request = RegionShapRequest | BandShapRequest

#: Members of a result that differ from run to run, that the layers hold, or that the tag tells elsewhere.
_NOT_TOLD = ("seconds", "warnings", "regions", "simulated")
_NOT_TOLD_OF_REGION = (
    *("seconds", "asked", "players", "compared", "facts", "interactions", "region_wkt", "target_wkt"),
    "cautions",  # among the warnings
)

#: How many players of a region the tag tells of, and what.
STRONGEST = 6
_TOLD_OF_PLAYER = ("name", "number", "bands", "phi", "standard_error", "upper", "certain")


@dataclass(frozen=True)
class Outputs:
    """The files that a run writes, absolute; None: not asked for."""

    polygons: Path
    raster: Path | None = None
    table: Path | None = None
    report: Path | None = None

    @property
    def all(self) -> list[Path]:
        """Those that are asked for."""
        return [path for path in (self.polygons, self.raster, self.table, self.report) if path is not None]


def check_outputs(request: Request, inputs: Sequence[Path]) -> Outputs:
    """The request's outputs, each of which can be written and is neither an input nor another output.

    Raises :class:`SolarSaliencyError`. Call it before the work begins.
    """
    found: dict[str, Path] = {"polygons": check_output(request.output, inputs, (".gpkg",))}
    for name, suffixes in (("raster", RASTER_SUFFIXES), ("table", (".csv",)), ("report", PAGE_SUFFIXES)):
        asked = getattr(request, name, "").strip()
        if asked:
            found[name] = check_output(asked, (*inputs, *found.values()), suffixes)
    return Outputs(**found)


@contextmanager
def writing(outputs: Outputs) -> Iterator[None]:
    """While it is entered no other run writes these outputs; failures of disk are told in plain words.

    Enter it before the work begins, and call ``write_regions`` or ``write_bands`` inside.
    """
    try:
        with writing_geopackage(), ExitStack() as locks:
            for path in outputs.all:
                locks.enter_context(sole_writer(path))
            yield
    except RasterioError as error:
        raise translate_os_error(error) from error


def write_regions(
    explained: Explained,
    request: RegionShapRequest,
    result: RegionShapResult,
    drawings: Sequence[Drawing],
    outputs: Outputs,
    job: Job,
) -> RegionShapResult:
    """Write all that was asked for; ``drawings`` belong to ``result.regions``, in the same order: one at least.

    explained: any of the regions': its scene and model are told. Gives the result with the warnings that writing adds.
    """
    answers, grid = result.regions, explained.scene.grid
    limit = full_colour(answers)
    with ExitStack() as stack:
        surface = None
        if outputs.raster is not None:
            surface = stack.enter_context(Surface(outputs.raster, answers, drawings, grid))
            for answer, drawing in zip(answers, drawings, strict=True):
                job.check()
                surface.draw(answer, drawing)
            result = _warned(result, surface, outputs.raster, job)
        outlined = [outline for drawing in drawings for outline in outlines(drawing, grid) if outline is not None]
        superpixels = VectorLayer(
            SUPERPIXELS,
            outlined,
            superpixel_fields(answers, explained.scene.bands),
            superpixels_style(answers, limit),
            "Solar Saliency superpixels",
        )
        fields = region_fields(answers, result.seed)
        regions = _regions_layer(drawings, grid, fields, regions_style())
        tags = _tags("regionshap", explained, request, result)
        texts = _page(explained, request, result, drawings, outputs)
        _put_in_place([superpixels, regions], grid, tags, outputs, texts, surface, job)
    if outputs.raster is not None and not is_users_own(outputs.raster.with_suffix(".qml")):
        template, low, high = LEGENDS["contribution"]
        beside = outputs.raster.with_suffix(".qml")
        write_style(template, beside, range=f"{limit:.6g}", low=low, high=high.format(value=limit, percent=100 * limit))
    return result


def write_bands(
    explained: Explained,
    request: BandShapRequest,
    result: BandShapResult,
    drawings: Sequence[Drawing],
    outputs: Outputs,
    job: Job,
) -> BandShapResult:
    """The same for bands: a polygon for each region, with the values of its bands, and a table."""
    answers, grid = result.regions, explained.scene.grid
    by_band = band_fields(answers)
    fields = region_fields(answers, result.seed) | by_band
    regions = _regions_layer(drawings, grid, fields, strongest_style(answers, list(by_band)))
    texts = _page(explained, request, result, drawings, outputs)
    if outputs.table is not None:
        texts.append((table_of(answers), outputs.table))
    _put_in_place([regions], grid, _tags("bandshap", explained, request, result), outputs, texts, None, job)
    return result


def _put_in_place(
    layers: Sequence[VectorLayer],
    grid: Grid,
    tags: dict[str, str],
    outputs: Outputs,
    texts: Sequence[tuple[str, Path]],
    surface: Surface | None,
    job: Job,
) -> None:
    """Make every file whole before the first one takes its place: the raster, the polygons, then the texts."""
    with ExitStack() as stack:
        for text, path in texts:
            stack.enter_context(written_beside(text, path))
        job.progress(0.2, f"Writing {outputs.polygons.name}")
        geopackage = stack.enter_context(scratch_folder(outputs.polygons)) / outputs.polygons.name
        write_geopackage(geopackage, layers, grid.crs.to_wkt(), tags)
        job.check()
        if surface is not None and outputs.raster is not None:
            job.progress(0.6, f"Writing {outputs.raster.name}")
            raster = surface.finish(stack.enter_context(scratch_folder(outputs.raster)), tags, job)
            put_in_place(raster, outputs.raster)
        put_in_place(geopackage, outputs.polygons)


def _page(
    explained: Explained, request: Request, result: Any, drawings: Sequence[Drawing], outputs: Outputs
) -> list[tuple[str, Path]]:
    """The page, if it was asked for, and where it goes."""
    return [] if outputs.report is None else [(report(explained, request, result, drawings), outputs.report)]


def _regions_layer(drawings: Sequence[Drawing], grid: Grid, fields: dict[str, np.ndarray], style: str) -> VectorLayer:
    """The regions, each as the outline of the pixels that played, with their area after their name."""
    square = grid.pixel_size[0] * grid.pixel_size[1] / 1e4
    area = np.array([drawing.region.sum() * square for drawing in drawings], np.float64)
    first = dict(list(fields.items())[:1])
    outlined = [region_outline(drawing, grid) for drawing in drawings]
    return VectorLayer(REGIONS, outlined, first | {"area_ha": area} | fields, style, "Solar Saliency regions")


def _warned(result: RegionShapResult, surface: Surface, raster: Path, job: Job) -> RegionShapResult:
    """The result, with what the raster cannot show, or may not look like, among its warnings."""
    told = []
    if surface.overlaps:
        told.append(
            "Regions overlap. There the raster shows the later one; the layer of superpixels holds all of them."
        )
    beside = raster.with_suffix(".qml")
    if is_users_own(beside):
        told.append(f"“{beside.name}” holds a style of your own; it is kept, and may not fit the new result.")
    for warning in told:
        job.warn(warning)
    return replace(result, warnings=(*result.warnings, *told))


def _sums_of(answer: RegionAnswer) -> dict[str, Any]:
    """What the tag tells of a region: its sums, and the players that moved the answer most."""
    whole = to_json(answer)
    strongest = sorted(whole["players"], key=lambda player: player["rank"])[:STRONGEST]
    told = {name: value for name, value in whole.items() if name not in _NOT_TOLD_OF_REGION}
    return told | {"strongest": [{name: player[name] for name in _TOLD_OF_PLAYER} for player in strongest]}


def _tags(method: str, explained: Explained, request: Request, result: Any) -> dict[str, str]:
    """How the result was made. The layers hold what came out; of the first regions, the tag has the sums, too."""
    told = {name: value for name, value in to_json(result).items() if name not in _NOT_TOLD}
    told["regions"] = [_sums_of(answer) for answer in result.regions[:TOLD]]
    return run_tag(
        method,
        request,
        scene=scene_facts(explained.scene),
        result=told,
        model={"name": explained.model.card.name, "sha256": explained.model.sha256},
        warnings=result.warnings,
    )
