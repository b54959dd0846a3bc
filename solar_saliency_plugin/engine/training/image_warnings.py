"""What is told of hundreds of images in one job is passed on once, with how many of them it holds for."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ...contract.imagery import SceneOptions
from ..job import Job, JobPart

#: What differs between two images of which the same is told: names in quotes with what follows of a date, and numbers.
_OWN = re.compile(r"“[^”]*”(?: of \d{4}-\d\d-\d\d)?|\d+(?:\.\d+)?")


class ImageWarnings:
    """Warnings of the images of one job, collected until :meth:`tell`."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
        self._images: dict[str, dict[str, set[SceneOptions]]] = {}

    def part(self, job: Job, start: float, end: float, image: SceneOptions) -> Job:
        """The stretch of ``job`` in which an image is read; what it warns of is kept back."""
        return _ImageJob(job, start, end, image, self)

    def add(self, message: str, image: SceneOptions) -> None:
        """Keep what is told of an image."""
        kind = _OWN.sub("…", message)
        self._first.setdefault(kind, message)
        self._images.setdefault(kind, {}).setdefault(image.scene, set()).add(image)

    def tell(self, job: Job, read: Mapping[str, int]) -> None:
        """Warn of each kind once; ``read`` says how many images of each scene were read.

        Among the dates of a scene some show nothing but cloud, and what they seem to be wrong about is not: a warning
        counts where half of a scene's dates or more have it.
        """
        for kind, message in self._first.items():
            counts = {scene: len(images) for scene, images in self._images[kind].items()}
            count = sum(found for scene, found in counts.items() if 2 * found >= read.get(scene, 0))
            if count:
                total = sum(read.values())
                job.warn(message if count == 1 else f"{message} (The same holds for {count} of {total} images.)")
        self._first.clear()


class _ImageJob(JobPart):
    def __init__(self, whole: Job, start: float, end: float, image: SceneOptions, kept: ImageWarnings) -> None:
        super().__init__(whole, start, end)
        self._image, self._kept = image, kept

    def warn(self, message: str) -> None:
        """Keep it for later."""
        self._kept.add(message, self._image)

    def info(self, message: str) -> None:
        """Nothing: what is told of every image would fill the log."""
