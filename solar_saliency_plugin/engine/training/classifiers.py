"""Per-pixel classifiers beside the networks, on the same folds: what looking around a pixel is worth."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import splits
from .backgrounds import Background
from .cross_validation import false_areas, predicted
from .evaluation import Prediction, counts_at, pooled, rounded, site_tallies, total
from .farms import SNOW_LIMIT, FarmView
from .kept_networks import Networks
from .recipe import SEED
from .scores import Tally

#: Pixels of each view that the per-pixel classifiers learn from.
PIXELS_PER_VIEW = 300

#: Pixels of each scene without farms that they learn from, or are measured on.
PIXELS_PER_SCENE = 10_000


def baselines(kept: Networks) -> dict[str, Any]:
    """Per-pixel classifiers on the same folds; needs scikit-learn, which only developers have."""
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

    kinds: dict[str, Callable[[], Any]] = {
        "gradient boosting": lambda: HistGradientBoostingClassifier(
            max_iter=300, learning_rate=0.08, random_state=SEED
        ),
        "random forest": lambda: RandomForestClassifier(200, min_samples_leaf=5, max_samples=0.3, random_state=SEED),
    }
    network = _compared(kept)
    marked = network["ground_marked_percent"] / 100
    return {"network": network} | {
        f"{name}, {what}": _baseline(kept, make, with_ground, marked)
        for name, make in kinds.items()
        for what, with_ground in (("farms only", False), ("farms and ground", True))
    }


def _compared(kept: Networks) -> dict[str, Any]:
    """The network's figures that classifiers are compared with: at the folds' thresholds, and at a single one.

    The single one is sought as theirs is: where the network marks no more ground than at the folds' thresholds. Of
    the ground each scene counts by as many pixels as the classifiers are measured on.
    """
    networks, chosen = kept.of(), kept.chosen()
    areas = [
        (chosen.test[fold].threshold, area)
        for fold, scenes in false_areas(kept.data, networks, "test").items()
        for area in scenes.values()
    ]
    pixels = [min(area.pixels, PIXELS_PER_SCENE) for _, area in areas]
    marked = float(np.average([area.tally.share_above(its) for its, area in areas], weights=pixels))
    quiet = next(
        step / 1000
        for step in range(1001)
        if np.average([area.tally.share_above(step / 1000) for _, area in areas], weights=pixels) <= marked
    )
    clear = [one for one in predicted(kept.data, networks, "test") if one.view.snow <= SNOW_LIMIT]
    scored = {}
    for name, strip in (("all_pixels", False), ("without_outlines_strip", True)):
        tallies = site_tallies(clear, strip)
        scored[name] = {
            "average_precision": rounded(pooled(tallies).average_precision()),
            "iou": rounded(total(counts_at(tallies, chosen.by_site().single).values()).iou()),
            "iou_where_it_marks_as_little_ground": rounded(pooled(tallies).iou(quiet)),
        }
    return {**scored, "ground_marked_percent": rounded(100 * marked)}


def _baseline(kept: Networks, make: Callable[[], Any], with_ground: bool, marked: float) -> dict[str, Any]:
    """Figures of a classifier at its own best threshold, and where it marks no more ground than the network does.

    with_ground: it learns from the folds' scenes without farms, too, as the network does. marked: share of the
    ground that the network marks. The threshold for that is sought on the very ground that is measured, which is
    an advantage over the network, whose thresholds were chosen elsewhere.
    """
    random = np.random.default_rng(SEED)
    parts: dict[str, list[Prediction]] = {"validation": [], "test": []}
    ground = Tally()
    for fold in range(splits.FOLDS):
        values, labels = _pixels(kept.data.sites("training", fold), random)
        if with_ground:
            some = np.concatenate([_some(scene, random) for scene in kept.data.scenes("training", fold)])
            values, labels = np.concatenate([values, some]), np.concatenate([labels, np.zeros(len(some), bool)])
        classifier = make().fit(values, labels)
        for part, found in parts.items():
            found.extend(_classified(classifier, kept.data.sites(part, fold)))
        for scene in kept.data.scenes("test", fold):
            farm = classifier.predict_proba(_some(scene, random))[:, 1].astype(np.float32)
            ground.add(farm, np.zeros(len(farm), bool))
    clear = {part: [one for one in found if one.view.snow <= SNOW_LIMIT] for part, found in parts.items()}
    own = pooled(site_tallies(clear["validation"], strip=False)).best_threshold()
    quiet = next(step / 1000 for step in range(1001) if ground.share_above(step / 1000) <= marked)
    scored = {}
    for name, strip in (("all_pixels", False), ("without_outlines_strip", True)):
        tally = pooled(site_tallies(clear["test"], strip))
        scored[name] = {
            "average_precision": rounded(tally.average_precision()),
            "iou": rounded(tally.iou(own)),
            "iou_where_it_marks_as_little_ground": rounded(tally.iou(quiet)),
        }
    return {"threshold": round(own, 3), **scored, "ground_marked_percent": rounded(100 * ground.share_above(own))}


def _pixels(views: Sequence[FarmView], random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Reflectance (N, bands) and whether it is farm (N,), some pixels of every view without snow."""
    values, labels = [], []
    for view in views:
        if view.snow <= SNOW_LIMIT:
            chosen = random.permutation(np.argwhere(view.valid))[:PIXELS_PER_VIEW]
            rows, cols = chosen.T
            values.append(view.reflectance[:, rows, cols].T)
            labels.append(view.coverage[rows, cols] >= 0.5)
    return np.concatenate(values), np.concatenate(labels)


def _some(scene: Background, random: np.random.Generator) -> np.ndarray:
    """Reflectance (N, bands) of some valid pixels of a scene."""
    rows, cols = random.permutation(np.argwhere(scene.valid))[:PIXELS_PER_SCENE].T
    return scene.reflectance[:, rows, cols].T


def _classified(classifier: Any, views: Sequence[FarmView]) -> list[Prediction]:
    found = []
    for view in views:
        if view.coverage.any():
            values = np.zeros(view.valid.shape, np.float32)
            values[view.valid] = classifier.predict_proba(view.reflectance[:, view.valid].T)[:, 1]
            found.append(Prediction(view, values))
    return found
