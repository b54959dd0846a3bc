"""From counts to figures: every score of a series of images, each with its interval and what it is based on."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from .measurement import Series
from .objects import SIZE_NAMES, SIZES, ObjectTally
from .scores import Ground, Interval, PixelCounts, Tally, bootstrap_all

#: Calibration is measured from this probability on: of nearly all of a scene's pixels the model is sure that they are
#: ground, and they would hide what is wrong with the others.
UNSURE = 0.05

#: The group of all farms of that size: what planners may rely on being found.
FROM_1_HA = "size ≥ 1 ha"

_NAN = math.nan


@dataclass(frozen=True)
class Score:
    """One figure: of which images (``series``), of which part of them (``group``), and how many ``of`` what it is from.

    Shares are 0–1; ``false_ha_per_100_km2`` is hectares.
    """

    series: str
    group: str
    measure: str
    interval: Interval
    count: int
    of: str


@dataclass(frozen=True)
class Findings:
    """The figures of one series, and the counts that its pictures are drawn from."""

    name: str
    series: Series
    tally: Tally
    objects: ObjectTally
    ground: Ground
    sites: int
    places: int
    scores: tuple[Score, ...]

    def interval(self, group: str, measure: str) -> Interval:
        """One figure; NaN where it could not be measured."""
        found = (s.interval for s in self.scores if (s.group, s.measure) == (group, measure))
        return next(found, Interval(_NAN, _NAN, _NAN))

    def nested(self) -> dict[str, dict[str, Any]]:
        """The figures as plain values: by group, then by measure; single images left out."""
        values: dict[str, dict[str, Any]] = {}
        for score in self.scores:
            if not score.group.startswith("image "):
                values.setdefault(score.group, {})[score.measure] = {**vars(score.interval), score.of: score.count}
        return values


def find(name: str, series: Series, check: Callable[[], None] = lambda: None) -> Findings:
    """All figures of a series that is complete; what cannot be measured on its images is not among them.

    ``check`` is called now and then, and may raise to stop.
    """
    tallies, objects = series.by_place(series.tallies), series.by_place(series.objects)
    ground = series.by_place(series.ground)
    sites = sum(tally.farm_pixels > 0 for tally in tallies.values())
    all_tallies = sum(tallies.values(), Tally())
    all_objects = sum(objects.values(), ObjectTally())
    scores = [
        *_pixels(name, series, tallies, all_tallies, check),
        *_objects(name, objects, all_objects, check),
        *_ground(name, ground),
        *_months(name, series),
        *_images(name, series),
    ]
    total = sum(ground.values(), Ground())
    known = tuple(score for score in scores if not math.isnan(score.interval.value))
    return Findings(name, series, all_tallies, all_objects, total, sites, len(tallies), known)


def month_group(month: int) -> str:
    """What the group of a month is called."""
    return f"month {month:02d}"


def size_group(size: int) -> str:
    """What the group of a size class is called."""
    return f"size {SIZE_NAMES[size]}"


def _pixels(
    name: str, series: Series, tallies: dict[Any, Tally], whole: Tally, check: Callable[[], None]
) -> list[Score]:
    threshold = series.threshold
    measures: dict[str, Callable[[Tally], float]] = {
        "average_precision": Tally.average_precision,
        "iou": lambda tally: tally.iou(threshold),
        "f1": lambda tally: tally.f1(threshold),
        "precision": lambda tally: tally.precision(threshold) if tally.farm_pixels else _NAN,
        "recall": lambda tally: tally.recall(threshold),
        "calibration_error": lambda tally: tally.calibration_error(above=UNSURE),
        "calibration_error_of_all_pixels": Tally.calibration_error,
    }
    intervals = bootstrap_all(tallies, measures, check=check)
    best = whole.best_threshold()
    intervals["best_threshold_here"] = Interval(best, _NAN, _NAN)
    intervals["iou_at_best_threshold_here"] = Interval(whole.iou(best) if whole.farm_pixels else _NAN, _NAN, _NAN)
    return [Score(name, "all", measure, interval, len(tallies), "places") for measure, interval in intervals.items()]


def _objects(name: str, objects: dict[Any, ObjectTally], whole: ObjectTally, check: Callable[[], None]) -> list[Score]:
    """Recall, precision and F1 of farms: of all, of those from 1 ha on, and by size class."""
    if not whole.farms:  # every detection is false, and that is told in hectares
        return []
    groups: dict[str, Callable[[ObjectTally], ObjectTally]] = {
        "all": lambda tally: tally,
        FROM_1_HA: lambda tally: tally.from_size(1.0),
    }
    groups |= {size_group(size): partial(ObjectTally.of_size, size=size) for size in range(len(SIZES))}
    kinds = {
        "object_recall": ObjectTally.recall,
        "object_precision": ObjectTally.precision,
        "object_f1": ObjectTally.f1,
    }
    measures = {
        (group, measure): partial(_of_part, part=part, score=score)
        for group, part in groups.items()
        for measure, score in kinds.items()
    }
    intervals = bootstrap_all(objects, measures, check=check)
    scores = []
    for (group, measure), interval in intervals.items():
        part = groups[group](whole)
        detections = measure == "object_precision"
        count, of = (part.detections, "detections") if detections else (part.farms, "farms")
        scores.append(Score(name, group, measure, interval, count, of))
    return scores


def _of_part(
    tally: ObjectTally, part: Callable[[ObjectTally], ObjectTally], score: Callable[[ObjectTally], float]
) -> float:
    return score(part(tally))


def _ground(name: str, ground: dict[Any, Ground]) -> list[Score]:
    if not ground:
        return []
    false = bootstrap_all(ground, {"false_ha_per_100_km2": Ground.false_ha_per_100_km2})
    seen = round(sum(g.seen for g in ground.values()))
    return [Score(name, "all", measure, interval, seen, "hectares") for measure, interval in false.items()]


def _months(name: str, series: Series) -> list[Score]:
    scores = []
    for month, by_cell in sorted(series.month_pixels.items()):
        measures = {"iou": PixelCounts.iou, "f1": PixelCounts.f1}
        found = bootstrap_all(series.by_place(by_cell), measures)
        found["average_precision"] = Interval(series.month_tallies[month].average_precision(), _NAN, _NAN)
        objects = series.month_objects.get(month, ObjectTally())
        found["object_recall"] = Interval(objects.recall(), _NAN, _NAN)
        images = series.month_images[month]
        scores += [
            Score(name, month_group(month), measure, value, images, "images") for measure, value in found.items()
        ]
    return scores


def _images(name: str, series: Series) -> list[Score]:
    scores = []
    for image in series.images:
        group = f"image {image.name}"
        values = {
            "iou": (image.pixels.iou(), image.pixels.farm, "farm pixels"),
            "object_recall": (image.objects.recall(), image.objects.farms, "farms"),
            "false_ha_per_100_km2": (image.ground.false_ha_per_100_km2(), round(image.ground.seen), "hectares"),
        }
        scores += [
            Score(name, group, measure, Interval(value, _NAN, _NAN), count, of)
            for measure, (value, count, of) in values.items()
        ]
    return scores
