"""Superpixels as players: LIME, KernelSHAP and Shapley value sampling, by captum, on random coalitions of them.

captum draws coalitions and asks; the surrogate is fitted here, since captum leaves that to scikit-learn. Where a
superpixel is absent, its pixels take the baseline's values. What the target's answers do not depend on is no player.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from .changes import around_target, part
from .precision import TRIED, WORTH_A_TRIAL, Precision, chosen
from .superpixels import segments, spread_evenly
from .view import Attribution, Settings, View

#: Superpixels are made larger, where their size is not asked for, until there are no more than this.
MOST = 60

#: Width of LIME's kernel over the cosine distance between a coalition and all players, as in its authors' code.
KERNEL_WIDTH = 0.25


def lime(view: View, settings: Settings) -> Attribution:
    """Coefficients of a linear model of S over coalitions, near ones weighing more: Ribeiro, Singh, Guestrin. KDD 2016.

    (1, H, W), each superpixel's coefficient shared out evenly among its pixels. Facts: surrogate_r2, the weighted share
    of the variance of S that the linear model explains; 1 where S does not vary.
    """
    from captum.attr import Lime

    def explained(game: _Game) -> tuple[np.ndarray, dict[str, Any]]:
        surrogate = _Surrogate()
        method = Lime(game.answer, interpretable_model=surrogate, similarity_func=_nearness)
        found = method.attribute(
            game.image,
            baselines=game.baseline,
            feature_mask=game.players,
            n_samples=settings["evaluations"],
            perturbations_per_eval=game.at_a_time,
            return_input_shape=False,
        )
        return found.numpy(force=True).ravel(), {"surrogate_r2": surrogate.r2}

    return _played(view, settings, explained, "LIME")


def kernel_shap(view: View, settings: Settings) -> Attribution:
    """Shapley values by regression: Lundberg, Lee: A Unified Approach to Interpreting Model Predictions. NeurIPS 2017.

    (1, H, W), each superpixel's value shared out evenly among its pixels; they add up to S(x) − S(x′).
    """
    from captum.attr import KernelShap

    def explained(game: _Game) -> tuple[np.ndarray, dict[str, Any]]:
        if game.count == 1:  # captum divides by the number of players less one
            present, absent = game.answer(torch.cat((game.image, game.baseline)))
            return (present - absent).numpy(force=True).reshape(1), {}
        method = KernelShap(game.answer)
        method.interpretable_model = _Surrogate()
        found = method.attribute(
            game.image,
            baselines=game.baseline,
            feature_mask=game.players,
            n_samples=settings["evaluations"],
            perturbations_per_eval=game.at_a_time,
            return_input_shape=False,
        )
        return found.numpy(force=True).ravel(), {}

    return _played(view, settings, explained, "KernelSHAP")


def shapley_sampling(view: View, settings: Settings) -> Attribution:
    """Shapley values by random orders of joining: Castro, Gómez, Tejada. Computers & Operations Research 36 (2009).

    (1, H, W), each superpixel's value shared out evenly among its pixels; they add up to S(x) − S(x′). Facts: orders.
    """
    from captum.attr import ShapleyValueSampling

    def explained(game: _Game) -> tuple[np.ndarray, dict[str, Any]]:
        orders = max(1, (settings["evaluations"] - 1) // game.count)
        found = ShapleyValueSampling(game.answer).attribute(
            game.image,
            baselines=game.baseline,
            feature_mask=game.players,
            n_samples=orders,
            perturbations_per_eval=min(game.at_a_time, game.count),
        )
        values = np.zeros(game.count)
        # captum gives each pixel its player's value.
        values[game.players.numpy(force=True).ravel()] = found[0, 0].numpy(force=True).ravel()
        return values, {"orders": orders}

    return _played(view, settings, explained, "Shapley value sampling")


class _Answer(nn.Module):
    """S of images (N, bands, H, W) → (N,), counted and told as progress."""

    def __init__(self, view: View, expected: int, message: str) -> None:
        super().__init__()
        self.network = view.network.module
        self.asked = 0
        self._view, self._expected, self._message = view, expected, message

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scores = self._view.score(images)
        self.asked += len(images)
        self._view.job.progress(min(1.0, self.asked / self._expected), self._message)
        return scores


@dataclass(frozen=True)
class _Game:
    """What captum needs: image and baseline (1, bands, H, W), each pixel's player (1, 1, H, W), and who answers."""

    image: torch.Tensor
    baseline: torch.Tensor
    players: torch.Tensor
    count: int
    answer: _Answer
    at_a_time: int


class _Surrogate:
    """A linear model with intercept, fitted by weighted least squares in 64 bits; what captum calls a Model."""

    def __init__(self) -> None:
        self.r2 = 1.0
        self._coefficients = torch.zeros(0)

    def fit(self, data: Iterable[Sequence[torch.Tensor]]) -> None:
        """Fit it to coalitions (samples, players), answers (samples,) and weights (samples,), given in batches."""
        coalitions, answers, weights = (torch.cat(m).double().numpy(force=True) for m in zip(*data, strict=True))
        design = np.column_stack((coalitions, np.ones(len(answers))))
        root = np.sqrt(weights)
        solution = np.linalg.lstsq(design * root[:, None], answers * root, rcond=None)[0]
        varies = (weights * (answers - np.average(answers, weights=weights)) ** 2).sum()
        left = (weights * (answers - design @ solution) ** 2).sum()
        self.r2 = float(1 - left / varies) if varies > 0 else 1.0
        self._coefficients = torch.from_numpy(solution[:-1])

    def representation(self) -> torch.Tensor:
        """The coefficients, (players,)."""
        return self._coefficients


def _played(
    view: View, settings: Settings, explained: Callable[[_Game], tuple[np.ndarray, dict[str, Any]]], name: str
) -> Attribution:
    """Make the game, let captum play it with random numbers of its own, and share the values out."""
    evaluations, size = settings["evaluations"], settings["superpixel"]
    labels = segments(view, size, evaluations // 2 if size else max(1, min(MOST, evaluations // 4)))
    count = int(labels.max()) + 1
    if count == 0:
        return Attribution(torch.zeros(1, *view.shape), 0, {"superpixels": 0})
    game, precision = _game(view, labels, settings, f"{name} of {count} superpixels")
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # captum's, on what it does to its arguments
        torch.manual_seed(view.seed)
        values, facts = explained(game)
    spread = torch.from_numpy(spread_evenly(labels, values)).to(view.reflectance.device)
    return Attribution(spread[None], game.answer.asked, {"superpixels": count, **facts, **precision.facts})


def _game(view: View, labels: np.ndarray, settings: Settings, message: str) -> tuple[_Game, Precision]:
    crop, evaluations = around_target(view), settings["evaluations"]
    seen = part(view, crop)
    players = torch.from_numpy(labels[crop.rows, crop.cols]).long().to(view.reflectance.device)
    # captum knows no pixels that belong to nobody: they go to the first player, who has nothing to change in them.
    baseline = torch.where(players < 0, seen.reflectance, seen.baselines[:1])
    players, count = players.clamp(min=0), int(labels.max()) + 1

    def trial(one: View) -> np.ndarray:
        return _tried(one, players, count, baseline)

    asked = settings["precision"] or ("auto" if evaluations >= WORTH_A_TRIAL else "float32")
    seen, precision = chosen(seen, asked, trial)
    if precision.told:
        view.job.info(precision.told)
    answer = _Answer(seen, evaluations, message)
    return _Game(seen.reflectance, baseline, players[None, None], count, answer, seen.at_a_time), precision


def _tried(view: View, players: torch.Tensor, count: int, baseline: torch.Tensor) -> np.ndarray:
    """S of some random coalitions, each player there as often as not: (n,), float64."""
    present = torch.from_numpy(np.random.default_rng(view.seed).random((TRIED, count)) < 0.5).to(players.device)
    answers = []
    with torch.inference_mode():
        for some in torch.split(present, view.at_a_time):
            answers.append(view.score(torch.where(some[:, players][:, None], view.reflectance, baseline)))
    return torch.cat(answers).double().numpy(force=True)


def _nearness(image: object, changed: object, coalition: torch.Tensor, **members: object) -> float:
    """LIME's weight of a coalition (1, players): exp(−d² / 2w²), d its cosine distance from all players."""
    distance = 1 - math.sqrt(float(coalition.float().mean()))
    return math.exp(-(distance**2) / (2 * KERNEL_WIDTH**2))
