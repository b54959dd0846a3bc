"""Shapley values of real farms' superpixels: how far off after so many evaluations, beside captum and shapiq.

The truth is exact: who sees whom is known, so all coalitions that differ for anybody can be asked. "Blind" is
without that knowledge, as captum and shapiq work; they play the same games. Without real imagery beside the
repository, the farms are those of the simulated sample.
"""

import json
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyogrio
import shapely
import torch
from captum.attr import KernelShap
from measure import Measure
from scenes import sample
from shapiq import approximator as of

from solar_saliency_plugin.contract.attribution import Question
from solar_saliency_plugin.contract.errors import SolarSaliencyError
from solar_saliency_plugin.engine.attribution.changes import seen_by_target
from solar_saliency_plugin.engine.attribution.explained import open_explained
from solar_saliency_plugin.engine.attribution.surrogates import _Surrogate
from solar_saliency_plugin.engine.attribution.view import View
from solar_saliency_plugin.engine.dispatch import run_method
from solar_saliency_plugin.engine.job import Job
from solar_saliency_plugin.engine.shapley.estimators import estimate
from solar_saliency_plugin.engine.shapley.exact import exact, shapley_of
from solar_saliency_plugin.engine.shapley.game import Game, Known, every_coalition
from solar_saliency_plugin.engine.shapley.images import ImageGame
from solar_saliency_plugin.engine.shapley.players import of_regions
from solar_saliency_plugin.engine.shapley.regions import Image, cut
from solar_saliency_plugin.engine.training.farms import farm_views

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
SITES = (9, 31, 149, 159, 386, 391, 415, 539, 684, 739, 777, 787, 801, 813, 967, 1357, 1780)
#: Superpixels, evaluations, and the error that is to be reached, as a share of the range of the values.
SETTINGS = ((12, 200, 0.01), (30, 250, 0.03))
GAMES, SEEDS = 10, 3
#: captum is given so many times our evaluations, at most.
MULTIPLES = (1, 2, 4, 8, 16)
#: Sizes that a target may have, pixels.
PIXELS = (25, 400)


@dataclass(frozen=True)
class Played:
    """A game whose Shapley values are known."""

    game: Game
    truth: np.ndarray

    @property
    def range(self) -> float:
        return float(np.ptp(self.truth))

    @property
    def blind(self) -> Game:
        """The same without knowing who sees whom."""
        return Game(self.game.players, lambda coalitions, _: self.game.values(coalitions)[:, None])

    def error(self, values: np.ndarray) -> float:
        """Root of the mean squared error, as a share of the range."""
        return float(np.sqrt(np.mean(np.square(values - self.truth)))) / self.range


def shapley(folder: Path) -> list[Measure]:
    """Errors and coverage; what captum and shapiq need for the same."""
    measures = []
    for players, evaluations, target in SETTINGS:
        played = _games(folder, players)
        measures += _errors(played, players, evaluations, target)
        measures += _others(played, players, evaluations)
    return measures


def _errors(played: list[Played], players: int, evaluations: int, target: float) -> list[Measure]:
    title = f"n={players}, {evaluations} evaluations"
    own: dict[str, list[float]] = {"auto": [], "blind": [], "leverage": []}
    held: dict[str, list[np.ndarray]] = {name: [] for name in ("blind", "leverage", "permutations")}
    for one in played:
        for seed in range(SEEDS):
            own["auto"].append(one.error(estimate(one.game, "auto", evaluations, seed).phi))
            for name, estimator in (("blind", "crossfit"), ("leverage", "leverage"), ("permutations", "permutations")):
                found = estimate(one.blind, estimator, evaluations, seed)
                own.setdefault(name, []).append(one.error(found.phi))
                # What 32 bits leave is no error of the estimate.
                held[name].append(np.abs(found.phi - one.truth) <= 1.96 * found.standard_error + 2e-5 * one.range)
    coverage = [
        Measure(
            f"{title}: {name}, 95 % intervals that hold the truth", float(np.mean(held[name])), "", 0.92, at_least=True
        )
        for name in held
    ]
    return [
        Measure(f"{title}: games", len(played), "", 10, at_least=True),
        Measure(f"{title}: error ÷ range", float(np.mean(own["auto"])), "", target),
        Measure(f"{title}: largest of all runs", float(np.max(own["auto"])), ""),
        Measure(f"{title}: blind", float(np.mean(own["blind"])), "", target),
        Measure(f"{title}: leverage regression alone, blind", float(np.mean(own["leverage"])), ""),
        Measure(f"{title}: antithetic permutations, blind", float(np.mean(own["permutations"])), ""),
        *coverage,
    ]


def _others(played: list[Played], players: int, evaluations: int) -> list[Measure]:
    """captum's error at multiples of the evaluations, and the least of shapiq's estimators."""
    title = f"n={players}, {evaluations} evaluations"
    blind = np.mean(
        [one.error(estimate(one.blind, "crossfit", evaluations, seed).phi) for one in played for seed in range(SEEDS)]
    )
    measures, needed = [], float("inf")
    for multiple in MULTIPLES:
        error = np.mean([one.error(_captum(one.game, multiple * evaluations, 1)) for one in played])
        measures.append(Measure(f"{title}: captum's KernelShap × {multiple}", float(error), ""))
        if error <= blind:
            needed = min(needed, multiple)
    needed = needed if np.isfinite(needed) else 2 * MULTIPLES[-1]
    measures.append(Measure(f"{title}: captum's evaluations ÷ ours, at least", needed, "", 8, at_least=True))
    best = {name: _shapiq(played, evaluations, make) for name, make in _shapiqs(players).items()}
    name = min(best, key=lambda key: best[key])
    measures.append(Measure(f"{title}: shapiq's best ({name})", best[name], ""))
    measures.append(Measure(f"{title}: shapiq's best ÷ ours, blind", best[name] / blind, "", 1, at_least=True))
    return measures


def _captum(game: Game, evaluations: int, seed: int) -> np.ndarray:
    """KernelShap on the players themselves: 1 where one is there, 0 where not."""

    def forward(players: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(game.values(players.numpy() > 0.5))

    torch.manual_seed(seed)
    method = KernelShap(forward)
    method.interpretable_model = _Surrogate()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = method.attribute(
            torch.ones(1, game.players),
            torch.zeros(1, game.players),
            n_samples=evaluations,
            perturbations_per_eval=64,
        )
    values: np.ndarray = found[0].numpy()
    return values


def _shapiqs(players: int) -> dict[str, Callable[[int], object]]:
    """shapiq's estimators of Shapley values, each made for a seed."""
    even = np.r_[0.0, np.ones(players - 1), 0.0]
    return {
        "KernelSHAP": lambda seed: of.KernelSHAP(players, random_state=seed),
        "KernelSHAP, paired": lambda seed: of.KernelSHAP(players, pairing_trick=True, random_state=seed),
        "KernelSHAP, paired, leverage": lambda seed: of.KernelSHAP(
            players, pairing_trick=True, sampling_weights=even, random_state=seed
        ),
        "KernelSHAP-IQ": lambda seed: of.KernelSHAPIQ(
            players, index="SV", max_order=1, pairing_trick=True, random_state=seed
        ),
        "SVARM": lambda seed: of.SVARM(players, random_state=seed),
        "permutations": lambda seed: of.PermutationSamplingSV(players, random_state=seed),
        "stratified": lambda seed: of.StratifiedSamplingSV(players, random_state=seed),
        "unbiased KernelSHAP": lambda seed: of.UnbiasedKernelSHAP(players, random_state=seed),
    }


def _shapiq(played: list[Played], evaluations: int, make: Callable[[int], object]) -> float:
    errors = []
    for one in played:
        absent = one.game.absent
        for seed in range(SEEDS):
            found = make(seed).approximate(  # type: ignore[attr-defined]
                evaluations, lambda c, game=one.game, absent=absent: game.values(np.atleast_2d(c).astype(bool)) - absent
            )
            errors.append(one.error(np.array([found[(player,)] for player in range(one.game.players)])))
    return float(np.mean(errors))


def _games(folder: Path, players: int) -> list[Played]:
    """Games of farms whose exact values can be had; what they were asked is kept in the folder for the next time."""
    found: list[Played] = []
    for number, question in enumerate(questions(folder)):
        if len(found) == GAMES:
            break
        try:
            with open_explained(question, Job.silent()) as explained:
                view, pixels = explained.whole_view(Job.silent())
        except SolarSaliencyError:
            continue  # not detected on that day
        if not PIXELS[0] <= pixels.sum() <= PIXELS[1]:
            continue
        game, kept = _game(view, players), folder / f"shapley-{players}-{number}.npz"
        _remember(game, kept)
        truth = shapley_of(game.values(every_coalition(players))) if players <= 12 else exact(game)
        if truth is None or game.players != players:
            continue
        known = game.known()
        np.savez(kept, scopes=game.scopes, masks=known.masks, parts=known.parts)
        found.append(Played(game, truth))
    return found


def _remember(game: Game, kept: Path) -> None:
    """What the same game was asked the last time; another model or other superpixels make it another game."""
    if not kept.is_file():
        return
    with np.load(kept) as file:
        known = Known(file["masks"], file["parts"])
        if file["scopes"].shape != game.scopes.shape or (file["scopes"] != game.scopes).any():
            return
    unpacked = np.unpackbits(known.masks[-20:], axis=1)[:, : game.players].astype(bool)
    if np.allclose(game.parts(unpacked), known.parts[-20:], atol=1e-5):
        game.learn(known)


def _game(view: View, players: int) -> ImageGame:
    seen = (view.valid & seen_by_target(view)).numpy(force=True)
    labels = cut(Image(view.reflectance[0].numpy(force=True), seen, view.pixel_size), "slic", players)
    return ImageGame(view, of_regions(labels, seen, view.reflectance.shape[1]))


def questions(folder: Path) -> Iterator[Question]:
    """Farms to explain: real ones, on a clear day in summer, or those of the sample."""
    data = SHARED / "austria-pv-2022"
    if not data.is_dir():
        yield from _simulated(folder)
        return
    _, _, stored, values = pyogrio.raw.read(data / "farm_polygons.geojson", columns=["nc_id"])
    outlines = {int(number): shapely.from_wkb(shape) for number, shape in zip(values[0], stored, strict=True)}
    days = _days(folder)
    for site in SITES:
        if str(site) in days:
            yield Question(
                scene=str(data / "s2" / f"S2_2022_{site}.nc"),
                date=days[str(site)],
                target=shapely.to_wkt(outlines[site]),
                target_crs="EPSG:4326",
                device="cpu",
            )


def _days(folder: Path) -> dict[str, str]:
    """The clear day of each site that is nearest to the middle of July."""
    kept = folder / "shapley-days.json"
    if kept.is_file():
        found: dict[str, str] = json.loads(kept.read_text(encoding="utf-8"))
        return found
    days = {}
    for site in SITES:
        clear = [view.date for view in farm_views(SHARED, (site,)) if view.coverage.any() and view.valid.all()]
        if clear:
            days[str(site)] = min(clear, key=lambda day: abs(int(day[5:7]) * 30 + int(day[8:10]) - 225))
    kept.write_text(json.dumps(days), encoding="utf-8")
    return days


def _simulated(folder: Path) -> Iterator[Question]:
    scene, probability, polygons = sample(folder), folder / "probability.tif", folder / "detections.gpkg"
    run_method("detect", {"scene": str(scene), "output": str(probability), "device": "cpu"}, Job.silent())
    run_method("polygonize", {"probability": str(probability), "output": str(polygons)}, Job.silent())
    _, _, stored, _ = pyogrio.raw.read(polygons, layer="detections")
    for farm in shapely.from_wkb(stored):
        yield Question(scene=str(scene), target=shapely.to_wkt(farm), device="cpu")


if __name__ == "__main__":
    place = Path(sys.argv[1] if len(sys.argv) > 1 else "build/bench")
    place.mkdir(parents=True, exist_ok=True)
    for measure in shapley(place):
        print(f"{measure.name:72}{measure.value:10.5f} {measure.unit:3} {measure.verdict}", flush=True)
