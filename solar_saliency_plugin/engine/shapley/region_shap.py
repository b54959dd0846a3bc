"""Explain regions by their superpixels: a scene and regions in, superpixels with Shapley values out."""

from __future__ import annotations

from ...contract.region_shap import RegionShapRequest, RegionShapResult
from ..job import Job
from .cutting import layer_file, superpixels_of
from .publish import SUPERPIXELS, check_outputs, write_regions, writing
from .question import items_of, open_question
from .runs import run

#: Where the run is when the scene is open, and when all values are found.
FOUND, COMPUTED = 0.1, 0.95


def region_shap(request: RegionShapRequest, job: Job) -> RegionShapResult:
    """Write superpixels with their values, and the raster and page where they are asked for.

    What is found is told by ``job.partial`` as it gets better. Raises :class:`SolarSaliencyError`; nothing is written
    before all values are found.
    """
    with open_question(request, job) as explained:
        outputs = check_outputs(request, (*explained.inputs, *layer_file(request.segments)))
        items = items_of(request, explained.scene.grid, explained.scene.area, job)
        with writing(outputs):
            ran = run(request, explained, items, superpixels_of, job.part(FOUND, COMPUTED))
            result = RegionShapResult(
                output=str(outputs.polygons),
                layer=SUPERPIXELS,
                raster=str(outputs.raster or ""),
                report=str(outputs.report or ""),
                **ran.told(request, explained, job),
            )
            result = write_regions(explained, request, result, ran.drawings, outputs, job.part(COMPUTED, 1))
    job.finish("Done")
    return result
