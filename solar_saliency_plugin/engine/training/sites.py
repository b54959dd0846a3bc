"""Labelled data of the user's own: views of solar farms and ground without any, from scenes and outlines.

Scenes are read window by window, only around the outlines and at places drawn for ground; none is held whole.
What looks wrong about an outline is listed, and left out unless the user says otherwise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import shapely

from ...contract.errors import LabelsUnsuitableError
from ...contract.imagery import SceneOptions
from ...contract.training import LabelOptions, LearningOptions
from ..imagery.locate import dates_in, find_place
from ..job import Job
from .crops import GROUNDS, SITE, Crops, GroundWindow, Sites, grounds
from .farms import SNOW_LIMIT, FarmView
from .labels import Outlines, read_outlines
from .problems import Problem, find_problems
from .series import opened

#: Kinds of problems whose sites are learned from all the same where the user says so.
DOUBTFUL = frozenset({"displaced", "nothing_visible", "not_there_yet", "too_small"})

#: Degrees from end to end: no solar farm is larger, but a country's border is.
_LARGEST = 1.0

#: For outlines that are left out: their farms never stand.
_NEVER = date.max


@dataclass(frozen=True)
class LabelledData:
    """What can be learned from: views of farms, ground without farms, and what was found wrong.

    place_of_site: sites of one place must stay on one side of a split. outlines_geojson: outlines of the sites that
    are learned from, those of a site together, GeoJSON in degrees. summary: what a card says of the data.
    """

    views: list[FarmView]
    backgrounds: list[GroundWindow]
    problems: list[Problem]
    place_of_site: dict[int, int]
    outlines_geojson: list[dict[str, Any]]
    summary: dict[str, Any]

    def of_places(self, places: Iterable[int]) -> list[FarmView]:
        """The views whose sites lie in ``places``."""
        chosen = set(places)
        return [view for view in self.views if self.place_of_site[view.site] in chosen]

    def farm_pixels(self) -> dict[int, float]:
        """Pixels of farm of each place that has views, as many as its largest view of each site shows."""
        largest: dict[int, float] = {}
        for view in self.views:
            largest[view.site] = max(largest.get(view.site, 0.0), float(view.coverage.sum()))
        pixels: Counter[int] = Counter()
        for site, its in largest.items():
            pixels[self.place_of_site[site]] += its  # type: ignore[assignment]  # a Counter holds any numbers
        return dict(pixels)


def images(request: LabelOptions, job: Job) -> Iterator[SceneOptions]:
    """What to open for each scene of ``request`` and each of its dates, in the order given; nothing twice."""
    yield from _images(request.scenes, request, job)


def labelled_data(request: LabelOptions, job: Job) -> LabelledData:
    """Read the views of every farm and windows of ground, and look for what is wrong with the outlines.

    Raises :class:`LabelsError` and other :class:`InputError` where there is nothing to learn from, and says why.
    """
    outlines = _sized(read_outlines(request.polygons, request.since_field, job), job)
    learning = request if isinstance(request, LearningOptions) else LearningOptions()
    sites = Sites(outlines, outlines.clusters(SITE) + 1)
    random = np.random.default_rng(learning.seed)
    shown = list(images(request, job))
    free = list(_images(learning.backgrounds, request, job))
    share = len(shown) / max(1, len(shown) + len(free))
    crops = Crops(sites, request.edge)
    windows = _read(shown, crops, outlines, random, job.part(0, share))
    windows += _read(free, None, outlines, random, job.part(share, 1))
    if crops.undated and request.since_field:
        job.warn(f"{crops.undated} of {crops.images} images have no date; in them all farms count as standing.")
    if crops.stride > 1:
        job.warn(f"The views would not fit into memory; one of {crops.stride} was kept.")
    if not crops.seen:
        raise LabelsUnsuitableError(
            f"None of the {len(outlines)} outlines lies in any of the scenes.",
            "Check that scenes and outlines are of the same region, and the outlines' coordinate reference system.",
        )
    places = sites.places(crops.seen)
    problems = find_problems(crops, places, learning.keep_doubtful)
    if elsewhere := len(sites.members) - len(crops.seen):
        job.info(f"{elsewhere} of {len(sites.members)} sites lie in none of the scenes, or where they hold no data.")
    views = _labelled(crops, _amended(sites, problems), request.edge)
    _require_learnable(views, windows, problems, len(crops.seen))
    _tell(problems, len(crops.seen), job)
    kept = {view.site for view in views}
    return LabelledData(
        views=views,
        backgrounds=windows,
        problems=problems,
        place_of_site={site: place for site, place in places.items() if site in kept},
        outlines_geojson=[
            shapely.geometry.mapping(shapely.union_all(sites.outlines_of(site).geometries)) for site in sorted(kept)
        ],
        summary=_summary(views, windows, problems, places, crops),
    )


def _sized(outlines: Outlines, job: Job) -> Outlines:
    """The outlines that can be solar farms by their size. Raises :class:`LabelsUnsuitableError` where none can."""
    west, south, east, north = shapely.bounds(outlines.geometries).T
    fitting = np.maximum(east - west, north - south) <= _LARGEST
    if not fitting.any():
        raise LabelsUnsuitableError(
            "The outlines are larger than any solar farm: each is over 100 km long.",
            "Choose the layer with the outlines of solar farms; a border or an extent is none.",
        )
    if not fitting.all():
        job.warn(f"{(~fitting).sum()} outlines are larger than any solar farm, over 100 km long; they were left out.")
    return outlines.take(fitting)


def _images(scenes: Sequence[str], request: LabelOptions, job: Job) -> Iterator[SceneOptions]:
    seen = set()
    for text in scenes:
        place = find_place(text)
        if place in seen:
            continue
        seen.add(place)
        options = SceneOptions(
            scene=text,
            bands=request.bands,
            scale=request.scale,
            offset=request.offset,
            level=request.level,
            mask=request.mask,
        )
        for day in dates_in(options, job) or ("",):
            yield replace(options, date=day)


def _read(
    shown: Sequence[SceneOptions], crops: Crops | None, outlines: Outlines, random: np.random.Generator, job: Job
) -> list[GroundWindow]:
    """Read every image: the farms' views into ``crops``, and windows of ground, evenly from all images."""
    windows: list[GroundWindow] = []
    for number, (options, scene) in enumerate(opened(shown, job)):
        name = find_place(options.scene).path.name
        job.progress(number / len(shown), f"Reading {name} {options.date}".strip())
        scene.grid.require_model_grid()
        if crops:
            crops.read(scene, name)
        due = GROUNDS * (number + 1) // len(shown) - len(windows)
        windows += grounds(scene, name, outlines, due, random, job)
    return windows


def _amended(sites: Sites, problems: Sequence[Problem]) -> Outlines:
    """The outlines with what was found out: a site that is left out never stands, another one stands since then."""
    since = list(sites.outlines.since)
    for problem in problems:
        if not problem.left_out or problem.kind == "newer_than_image":
            continue
        first = date.fromisoformat(problem.day) if problem.kind == "not_there_yet" and problem.day else _NEVER
        for number in sites.members[problem.site]:
            since[number] = max(first, since[number] or date.min)
    return replace(sites.outlines, since=tuple(since))


def _labelled(crops: Crops, outlines: Outlines, edge: float) -> list[FarmView]:
    """The views with their final labels, ordered by site and date; those in which no farm stands are gone."""
    views = []
    for _, crop in crops.kept:
        shape = crop.own.shape
        coverage, ignored = outlines.coverage(shape, crop.transform, crop.crs, day=crop.day, edge=edge)
        if (coverage * (crop.own > 0)).any():
            views.append(replace(crop.view, coverage=coverage, ignored=ignored))
    return sorted(views, key=lambda view: (view.site, view.date))


def _require_learnable(
    views: Sequence[FarmView], windows: Sequence[GroundWindow], problems: Sequence[Problem], sites: int
) -> None:
    """Raise where only one class, or none, is left."""
    if not views:
        kinds = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in _by_kind(problems).items())
        raise LabelsUnsuitableError(
            f"Nothing can be learned from any of the {sites} sites: {kinds}.",
            _remedy({problem.kind for problem in problems}),
        )
    if not any((view.counted & (view.coverage >= 0.5)).any() for view in views):
        raise LabelsUnsuitableError(
            "No pixel of a farm is left beside the strip along the outlines.", "Set the option “edge” to less."
        )
    if not windows and not any((view.counted & (view.coverage < 0.5)).any() for view in views):
        raise LabelsUnsuitableError(
            "The scenes show nothing but solar farms, so nothing can be learned of what is none.",
            "Give scenes that show the farms' surroundings, or backgrounds.",
        )


def _remedy(kinds: Collection[str]) -> str:
    """What to do where nothing is left to learn from, because of these kinds of problems."""
    remedies = []
    if DOUBTFUL & set(kinds):
        remedies.append(
            "Look at the outlines on top of the scenes. The option “keep_doubtful” learns from doubtful ones, too."
        )
    if "newer_than_image" in kinds:
        remedies.append("Give scenes of later dates, or check the field that says since when a farm stands.")
    if "clouded" in kinds:
        remedies.append("Give scenes of clearer dates.")
    return " ".join(remedies) or "Give scenes that show the farms."


def _by_kind(problems: Sequence[Problem]) -> dict[str, int]:
    return dict(sorted(Counter(problem.kind for problem in problems).items()))


def _tell(problems: Sequence[Problem], sites: int, job: Job) -> None:
    doubtful = [p for p in problems if p.kind in ("displaced", "nothing_visible", "not_there_yet")]
    if doubtful:
        kinds = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in _by_kind(doubtful).items())
        done = "left out (wholly, or on some dates)" if doubtful[0].left_out else "learned from all the same"
        job.warn(f"{len(doubtful)} of {sites} sites look wrong ({kinds}) and were {done}; see the layer of problems.")
    others = _by_kind([p for p in problems if p not in doubtful])
    for kind, count in others.items():
        job.info(f"{count} of {sites} sites: {kind.replace('_', ' ')}.")


def _summary(
    views: Sequence[FarmView],
    windows: Sequence[GroundWindow],
    problems: Sequence[Problem],
    places: Mapping[int, int],
    crops: Crops,
) -> dict[str, Any]:
    kept = {view.site for view in views}
    chosen = np.isin(crops.sites.of_outline, sorted(kept))
    dates = sorted({view.date for view in views if view.date})
    return {
        "images": crops.images,
        "sites": len(kept),
        "places": len({places[site] for site in kept}),
        "outlines": int(chosen.sum()),
        "hectares": round(float(crops.sites.outlines.take(chosen).hectares().sum()), 1),
        "views": len(views),
        "views_under_snow": sum(view.snow > SNOW_LIMIT for view in views),
        "views_by_month": {str(m): c for m, c in sorted(Counter(v.month for v in views if v.date).items())},
        "first_date": dates[0] if dates else "",
        "last_date": dates[-1] if dates else "",
        "levels": dict(sorted(crops.levels.items())),
        "simulated_images": crops.simulated,
        "ground_windows": len(windows),
        "problems": _by_kind(problems),
        "sites_left_out": len(crops.seen - kept),
    }
