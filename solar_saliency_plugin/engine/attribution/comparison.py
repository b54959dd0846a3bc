"""Maps of one target side by side: what they say together, and where they disagree."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from ...contract.compare_methods import CompareMethodsRequest, CompareMethodsResult
from ..job import Job
from .agreement import Layers, Pair, compared, layers, pair
from .explained import Explained
from .methods import Method
from .telling import baseline_name
from .view import View

#: Maps whose top tenths have less than this share in common, with the same sign, disagree strongly.
STRONG = 0.5


@dataclass(frozen=True)
class Map:
    """One map of the comparison.

    drawn: φ summed over bands, (H, W), float64. scaled: the same with Σ|φ| = 1. baseline: which one, empty where the
    method uses none. f_baseline, error, inside: as in the result.
    """

    title: str
    method: Method
    baseline: str
    drawn: np.ndarray
    scaled: np.ndarray
    f_baseline: float
    error: float
    total: float
    inside: float
    evaluations: float
    facts: dict[str, Any]

    @property
    def has_signs(self) -> bool:
        """Whether values may be negative."""
        return self.method.entry.signed


@dataclass(frozen=True)
class Comparison:
    """All maps of a target. pixels: the target's, (H, W), bool; where: the pixels that maps are compared on.

    together: what the maps say together; of_signed: by those that have signs, else by the sizes of all.
    """

    request: CompareMethodsRequest
    explained: Explained
    view: View
    pixels: np.ndarray
    maps: list[Map]
    where: np.ndarray
    together: Layers
    of_signed: bool
    pairs: list[tuple[Map, Map, Pair]]
    f_x: float
    probability: float


def together(
    request: CompareMethodsRequest,
    explained: Explained,
    view: View,
    pixels: np.ndarray,
    maps: list[Map],
    f_x: float,
    probability: float,
) -> Comparison:
    """Compare maps of the same target, with each other and pixel by pixel."""
    everything = np.stack([one.scaled for one in maps])
    where = compared(everything, view.valid.cpu().numpy())
    with_signs = [one.scaled for one in maps if one.has_signs and one.scaled.any()]
    of_signed = len(with_signs) > 1
    joined = np.stack(with_signs) if of_signed else np.abs(everything)
    pairs = [
        (one, other, pair(one.scaled[where], other.scaled[where], with_signs=one.has_signs and other.has_signs))
        for one, other in combinations(maps, 2)
    ]
    return Comparison(
        request,
        explained,
        view,
        pixels,
        maps,
        where,
        layers(joined, where),
        of_signed,
        pairs,
        f_x,
        probability,
    )


def strongly(found: Pair) -> bool:
    """Whether two maps disagree strongly."""
    shared = found.top_overlap if math.isnan(found.sign_agreement) else found.sign_agreement
    return shared < STRONG


def disagreements(comparison: Comparison) -> Iterator[str]:
    """Of methods whose maps hang on the baseline, in plain sentences: the two baselines that are furthest apart."""
    for method in dict.fromkeys(one.method.entry.name for one in comparison.maps):
        of_method = [
            (one, other, found)
            for one, other, found in comparison.pairs
            if one.method.entry.name == method == other.method.entry.name and strongly(found)
        ]
        if not of_method:
            continue
        one, other, found = min(of_method, key=lambda p: np.nan_to_num(p[2].sign_agreement, nan=p[2].top_overlap))
        signed = not math.isnan(found.sign_agreement)
        shared = found.sign_agreement if signed else found.top_overlap
        yield (
            f"What {one.method.entry.title} shows depends on the baseline: compared with {baseline_name(one.baseline)} "
            f"and with {baseline_name(other.baseline)}, only {100 * shared:.0f} % of the most important tenth of the "
            f"pixels are the same{', with the same sign' if signed else ''}. Say which baseline you mean, or show both."
        )


def band_titles(comparison: Comparison) -> tuple[str, ...]:
    """What the raster's bands are called."""
    kind = "scaled maps" if comparison.of_signed else "scaled sizes"
    first = (f"mean of {kind}", "agreement: share of maps that agree", f"spread of {kind}")
    return (*first, *(one.title for one in comparison.maps))


def bands_of(comparison: Comparison) -> np.ndarray:
    """The raster's bands, (3 + maps, H, W), float32, NaN where there is nothing to say."""
    together, valid = comparison.together, comparison.view.valid.cpu().numpy()
    maps = [np.where(valid, one.scaled, np.nan) for one in comparison.maps]
    return np.stack([together.mean, together.agreement, together.spread, *maps]).astype(np.float32)


def result_of(comparison: Comparison, outputs: tuple[Path, Path | None, Path | None], job: Job) -> CompareMethodsResult:
    """What the engine gives of a comparison; ``outputs``: raster, page and table."""
    explained, maps, pairs = comparison.explained, comparison.maps, comparison.pairs
    output, report, figures = (str(path or "") for path in outputs)
    told = [
        {
            "title": one.title,
            "method": one.method.entry.name,
            "baseline": one.baseline,
            "settings": dict(one.method.settings),
            "f_baseline": one.f_baseline,
            "error": one.error,
            "attribution_sum": one.total,
            "inside": one.inside,
            "evaluations": round(one.evaluations),
            "facts": one.facts,
        }
        for one in maps
    ]
    between = [{"maps": [one.title, other.title], **vars(found)} for one, other, found in pairs]
    return CompareMethodsResult(
        output=output,
        report=report,
        table=figures,
        maps=tuple(told),
        pairs=tuple(between),
        rank_correlation=_mean(pairs, "spearman"),
        rank_correlation_of_absolute=_mean(pairs, "spearman_absolute"),
        top_overlap=_mean(pairs, "top_overlap"),
        sign_agreement=_mean(pairs, "sign_agreement"),
        target_wkt=explained.target.wkt(explained.scene.grid),
        target_crs=explained.scene.grid.crs.to_string(),
        target_pixels=int(comparison.pixels.sum()),
        f_x=comparison.f_x,
        probability=comparison.probability,
        compared_pixels=int(comparison.where.sum()),
        evaluations=round(sum(one.evaluations for one in maps)),
        width=explained.region.width,
        height=explained.region.height,
        device=explained.network.device,
        model=explained.model.card.name,
        model_sha256=explained.model.sha256,
        seconds=job.seconds,
        warnings=tuple(job.warnings),
    )


def _mean(pairs: list[tuple[Map, Map, Pair]], measure: str) -> float:
    """The mean over pairs of what can be measured."""
    values = [getattr(found, measure) for _, _, found in pairs]
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan
