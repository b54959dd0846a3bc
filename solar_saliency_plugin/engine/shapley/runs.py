"""A run over items, one after the other: what cannot be explained is refused, and long runs need consent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...contract.errors import InputError, LongRunError, RequestError, TargetEmptyError
from ...contract.region_shap import BandShapRequest, RegionAnswer, RegionShapRequest
from ..attribution.explained import Explained
from ..job import Job
from ..provenance import is_simulated
from .asking import require_consent
from .drawing import Drawing
from .explaining import Explaining
from .opening import Cutter
from .question import Item


@dataclass(frozen=True)
class Ran:
    """What a run found: answers with their drawings, and what could not be explained."""

    answers: tuple[RegionAnswer, ...]
    drawings: tuple[Drawing, ...]
    refused: tuple[dict[str, str], ...]

    @property
    def evaluations(self) -> int:
        """Coalitions that all values rest on, those of other baselines counted."""
        return sum(answer.evaluations + sum(other.evaluations for other in answer.compared) for answer in self.answers)

    def told(self, request: RegionShapRequest | BandShapRequest, explained: Explained, job: Job) -> dict[str, Any]:
        """What the results of both methods say of a run."""
        return {
            "regions": self.answers,
            "refused": self.refused,
            "explained": len(self.answers),
            "players": sum(len(answer.players) for answer in self.answers),
            "evaluations": self.evaluations,
            "seed": request.seed,
            "crs": explained.scene.grid.crs.to_string(),
            "device": explained.network.device,
            "model": explained.model.card.name,
            "model_sha256": explained.model.sha256,
            "simulated": is_simulated(explained.scene.id),
            "seconds": job.seconds,
            "warnings": tuple(job.warnings),
        }


def run(
    request: RegionShapRequest | BandShapRequest, explained: Explained, items: Sequence[Item], cutter: Cutter, job: Job
) -> Ran:
    """Explain each item. Raises the error of a single one; of several, those that fail are refused, unless all do."""
    if "mean" in (request.baseline, *request.compare):
        _ = explained.of_scene  # once, for all items
    answers: list[RegionAnswer] = []
    drawings: list[Drawing] = []
    refused: list[dict[str, str]] = []
    agreed = request.long
    for index, item in enumerate(items):
        if job.is_stopped and answers:
            refused.append({"name": item.name, "reason": "The run was stopped before its turn."})
            continue
        part = job.part(index / len(items), (index + 1) / len(items))
        prefix = f"{item.name}: " if len(items) > 1 else ""
        try:
            one = Explaining(request, explained.of_target(item.target, part), item, index, cutter, prefix)
            if not agreed:  # the first one that can be explained tells for all
                first, *sizes = (_pixels(explained, later) for later in items[index:])
                seconds = one.seconds_left([size / first for size in sizes])
                require_consent(seconds, one.budget, 1 + len(sizes), 1 + len(one.others))
                agreed = True
            drawn = one.drawing()
            answers.append(one.answer(drawn))
            drawings.append(drawn)
        except (InputError, RequestError) as error:
            if len(items) == 1 or isinstance(error, LongRunError):
                raise
            refused.append({"name": item.name, "reason": error.message})
    if not answers:
        raise TargetEmptyError(
            f"None of the {len(items)} polygons can be explained. “{refused[0]['name']}”: {refused[0]['reason']}",
            "Choose another layer or scene, or a lower threshold.",
        )
    return Ran(tuple(answers), tuple(drawings), tuple(refused))


def _pixels(explained: Explained, item: Item) -> int:
    """How many pixels are computed for each evaluation of an item, about: the target's rectangle and the halo.

    Networks of the user's own mostly take windows of one size: one counts as another.
    """
    if not explained.network.is_ours:
        return 1
    area = item.target.area.grown(explained.network.halo)
    return area.height * area.width
