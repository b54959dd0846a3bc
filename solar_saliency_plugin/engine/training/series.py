"""Opening many images one after the other, and telling once what is the same for all dates of a scene."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from ...contract.errors import ScaleUnclearError, SceneEmptyError
from ...contract.imagery import SceneOptions
from ..imagery.scene import Scene, open_scene
from ..job import Job
from .image_warnings import ImageWarnings


def opened(images: Sequence[SceneOptions], job: Job) -> Iterator[tuple[SceneOptions, Scene]]:
    """Each image, open until the next one is asked for; those without a valid pixel are skipped, and counted.

    Clouds are masked where a scene says where they are; scenes that do not are told. Dates whose values cannot be
    reflectance, as where all is cloud, are skipped where others' of the scene can.
    """
    empty = 0
    told, read = ImageWarnings(), Counter[str]()
    for name, dates in groupby(images, key=lambda image: image.scene):
        its = list(dates)
        refused: list[ScaleUnclearError] = []
        for image in its:
            try:
                scene = open_scene(image, told.part(job, 0.0, 1.0, image), require_mask=False)
            except SceneEmptyError:
                empty += 1
                continue
            except ScaleUnclearError as error:
                refused.append(error)
                continue
            with scene:
                yield image, scene
            read[name] += 1
        if refused and not read[name]:
            raise refused[0]
        if refused:
            job.info(f"{len(refused)} of {len(its)} dates were skipped: {refused[0].message}")
    told.tell(job, read)
    if empty:
        job.warn(f"{empty} of {len(images)} images hold no valid pixel; they were skipped.")
