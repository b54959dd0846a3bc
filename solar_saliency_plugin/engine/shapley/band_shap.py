"""Explain regions by their bands: a scene and regions in, exact Shapley values of each band out."""

from __future__ import annotations

from ...contract.region_shap import BandShapRequest, BandShapResult
from ..job import Job
from .cutting import bands_of
from .publish import REGIONS, check_outputs, write_bands, writing
from .question import items_of, open_question
from .region_shap import COMPUTED, FOUND
from .runs import run


def band_shap(request: BandShapRequest, job: Job) -> BandShapResult:
    """Write regions with the values of their bands, and the table and page where they are asked for.

    What is found is told by ``job.partial``. Raises :class:`SolarSaliencyError`; nothing is written before all values
    are found.
    """
    with open_question(request, job) as explained:
        outputs = check_outputs(request, explained.inputs)
        items = items_of(request, explained.scene.grid, explained.scene.area, job)
        with writing(outputs):
            ran = run(request, explained, items, bands_of, job.part(FOUND, COMPUTED))
            result = BandShapResult(
                output=str(outputs.polygons),
                layer=REGIONS,
                table=str(outputs.table or ""),
                report=str(outputs.report or ""),
                **ran.told(request, explained, job),
            )
            result = write_bands(explained, request, result, ran.drawings, outputs, job.part(COMPUTED, 1))
    job.finish("Done")
    return result
