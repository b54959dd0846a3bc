"""Five networks, each fitted without a fifth of the sites and scenes that it is then measured on.

Sites and scenes are kept apart by place. Of each network's other four fifths, one is kept from fitting too: on it
probabilities are calibrated, and thresholds are chosen, for each fold without the places that it is tested on. The
model that is shipped is then fitted to everything.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import logit

from ..job import Job
from ..models.unet import UNet
from . import splits
from .backgrounds import MEASURED_ONLY, PARTS, Background, place
from .calibration import Calibration, calibrated, fit_calibration
from .evaluation import (
    EDGE,
    THRESHOLDS,
    Prediction,
    Thresholds,
    averaged_tallies,
    pooled,
    predictions,
    site_tallies,
)
from .false_area import FalseArea, false_area
from .farms import SNOW_LIMIT, FarmView, farm_views
from .fit import fit
from .marking import Marking
from .recipe import Stage
from .scores import Ground
from .synthesis import Recipe, Synthesis, outlines

#: Share of the ground without farms, as a mean over places, that false detections may take; and of a single place that
#: is called quiet. Not all can be: some ground looks like panels in ten bands.
FALSE_AREA = 0.0005

#: What is asked of a detection's core is chosen from these; nothing at all, if it need not be.
CORES = (0.0, *(step / 100 for step in range(60, 98)))


@dataclass(frozen=True)
class Data:
    """Everything that is learned from and measured on, read once.

    views: of all sites, the strip along outlines ignored; parts: the scenes of each fifth; measured_only: scenes that
    never train; shapes: outlines of farms.
    """

    views: list[FarmView]
    parts: list[list[Background]]
    measured_only: list[Background]
    shapes: list[dict[str, Any]]

    @classmethod
    def read(cls, folder: Path) -> "Data":
        """From the shared data in ``folder``."""
        return cls(
            views=farm_views(folder, (site for group in splits.groups() for site in group), EDGE),
            parts=[[source.load(folder) for source in part] for part in PARTS],
            measured_only=[source.load(folder) for source in MEASURED_ONLY],
            shapes=outlines(folder),
        )

    def sites(self, part: str, fold: int) -> list[FarmView]:
        """Views of a part of the sites in a fold."""
        chosen = set(splits.sites(part, fold))
        return [view for view in self.views if view.site in chosen]

    def scenes_of_all_parts(self) -> list[Background]:
        """Every scene, those that never train too."""
        return [*(scene for part in self.parts for scene in part), *self.measured_only]

    def scenes(self, part: str, fold: int) -> list[Background]:
        """Scenes of a part in a fold."""
        found = [s for number, scenes in enumerate(self.parts) if splits.part(number, fold) == part for s in scenes]
        return [*found, *self.measured_only] if part == "test" else found


@dataclass(frozen=True)
class Learned:
    """A fold's calibrated network."""

    fold: int
    network: UNet
    calibration: Calibration


def taught(views: Sequence[FarmView]) -> list[FarmView]:
    """The views as they are learned from: what the strip along outlines holds counts by how much of it is farm."""
    return [replace(view, ignored=np.zeros_like(view.ignored)) for view in views]


def learn(
    data: Data,
    fold: int,
    stages: Sequence[Stage],
    seed: int,
    job: Job,
    keep: Callable[[FarmView], bool] = lambda view: True,
) -> Learned:
    """Fit and calibrate the network of a fold; ``keep`` chooses among the views that it learns from."""
    network = fit_in_stages(lambda recipe: synthesis_of(data, fold, recipe, seed, keep), stages, seed, job)
    calibration = calibration_on(predictions(network, data.sites("validation", fold)))
    return Learned(fold, calibrated(network, calibration), calibration)


def fit_in_stages(drawn_by: Callable[[Recipe], Synthesis], stages: Sequence[Stage], seed: int, job: Job) -> UNet:
    """A network fitted in each stage to what its recipe draws, from where the stage before left it."""
    network = None
    for stage in stages:
        network = fit(drawn_by(stage.recipe), stage.options, seed, start=network, job=job).network
    if network is None:
        raise ValueError("there is no stage to learn in")
    return network


def synthesis_of(
    data: Data, fold: int, recipe: Recipe, seed: int, keep: Callable[[FarmView], bool] = lambda view: True
) -> Synthesis:
    """What a fold's network learns from."""
    views = [view for view in taught(data.sites("training", fold)) if keep(view)]
    return Synthesis(views, data.scenes("training", fold), data.shapes, np.random.default_rng(seed), recipe)


def calibration_on(predicted: Sequence[Prediction]) -> Calibration:
    """What makes these probabilities shares of farm, near farms and without snow."""
    clear = [one for one in predicted if one.view.snow <= SNOW_LIMIT]
    probabilities = np.concatenate([one.probability[one.view.valid] for one in clear]).astype(np.float64)
    labels = np.concatenate([one.view.coverage[one.view.valid] >= 0.5 for one in clear])
    return fit_calibration(logit(np.clip(probabilities, 1e-7, 1 - 1e-7)), labels)


def predicted(data: Data, learned: Sequence[Learned], part: str) -> list[Prediction]:
    """Every site of the folds' parts, each by the network of its fold."""
    return [one for fold in learned for one in predictions(fold.network, data.sites(part, fold.fold))]


def false_areas(data: Data, learned: Sequence[Learned], part: str) -> dict[int, dict[str, FalseArea]]:
    """The scenes of each fold's part, each by a network that it did not teach: by fold, then by the scene's name."""
    return {
        fold.fold: {scene.name: false_area(fold.network, scene) for scene in data.scenes(part, fold.fold)}
        for fold in learned
    }


def false_shares(data: Data, ground: Mapping[str, Ground]) -> dict[str, float]:
    """Share of each place without farms, at the model's own level, that is falsely detected.

    ``ground``: what was seen and falsely detected in each scene, by its name.
    """
    places: dict[str, Ground] = {}
    for scene in data.scenes_of_all_parts():
        if scene.level == "L2A" and scene.name in ground:
            name, seen = place(scene.name), ground[scene.name]
            places[name] = places[name] + seen if name in places else seen
    return {name: seen.false / seen.seen for name, seen in places.items()}


def quiet_places(data: Data, ground: Mapping[str, Ground]) -> float:
    """Share of these places that keep to :data:`FALSE_AREA`."""
    return float(np.mean([share <= FALSE_AREA for share in false_shares(data, ground).values()]))


def mean_false_share(data: Data, ground: Mapping[str, Ground]) -> float:
    """The mean of these places, each of which counts alike, however large its scene is."""
    return float(np.mean(list(false_shares(data, ground).values())))


@dataclass(frozen=True)
class Chosen:
    """What makes a detection.

    shipped: chosen on the parts of all folds; test: for each fold's test part, chosen on validation parts, without the
    fold that validates on these sites and scenes; and the thresholds for means over dates, chosen likewise.
    """

    shipped: Marking
    shipped_averaged: float
    test: dict[int, Marking]
    test_averaged: dict[int, float]

    def by_site(self) -> Thresholds:
        """For every site the thresholds of the fold that tests it."""
        folds = {site: fold for fold in self.test for site in splits.sites("test", fold)}
        return Thresholds(
            {site: self.test[fold].threshold for site, fold in folds.items()},
            {site: self.test_averaged[fold] for site, fold in folds.items()},
            {site: self.test[fold].core for site, fold in folds.items()},
        )


def choose_thresholds(data: Data, learned: Sequence[Learned]) -> Chosen:
    """What serves best: thresholds on validation parts, cores on ground that the networks did not learn from."""
    farms = {
        one.fold: [p for p in predictions(one.network, data.sites("validation", one.fold)) if p.view.snow <= SNOW_LIMIT]
        for one in learned
    }
    areas = {part: false_areas(data, learned, part) for part in ("validation", "test")}

    def choose(folds: Sequence[int], *parts: str) -> tuple[Marking, float]:
        clear = [prediction for fold in folds for prediction in farms[fold]]

        def false_share(marking: Marking) -> float:
            seen: dict[str, Ground] = {}
            for part in parts:
                for fold in folds:
                    for name, area in areas[part][fold].items():
                        seen[name] = seen.get(name, Ground()) + area.ground(marking)
            return mean_false_share(data, seen)

        averaged = pooled(averaged_tallies(clear, strip=False))
        return choose_marking(clear, false_share), round(averaged.best_threshold(), 3)

    folds = [one.fold for one in learned]
    # Nothing is tested by what is shipped: two networks that did not learn a place say more of it than one.
    shipped, shipped_averaged = choose(folds, "validation", "test")
    # Each fold's test part is the validation part of the fold before it.
    chosen = {fold: choose([f for f in folds if (f + 1) % splits.FOLDS != fold], "validation") for fold in folds}
    return Chosen(
        shipped,
        shipped_averaged,
        {fold: single for fold, (single, _) in chosen.items()},
        {fold: averaged for fold, (_, averaged) in chosen.items()},
    )


def choose_marking(clear: Sequence[Prediction], false_share: Callable[[Marking], float]) -> Marking:
    """The threshold of best IoU on views without snow, and the least core at which false detections keep within
    :data:`FALSE_AREA`; the highest of :data:`CORES` where none does.

    A threshold alone would have to be so high for that, that what it found would lack its rims.
    """
    threshold = max(THRESHOLDS, key=pooled(site_tallies(clear, strip=False)).iou)
    markings = [Marking(threshold, core) for core in CORES]
    return next((marking for marking in markings if false_share(marking) <= FALSE_AREA), markings[-1])
