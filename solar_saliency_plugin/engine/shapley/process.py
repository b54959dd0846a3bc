"""A Gaussian process on coalitions, whose Shapley values have a closed form.

With z = ±1 for players that are there or not, the kernel Π(1 + ρ_i z_i z'_i) holds interactions of all orders, each the
rarer the more players it takes; ρ_i says how much player i is party to them. A Shapley value depends only on the odd
part of a game, (v(z) − v(−z)) / 2, and so do pairs of complements: the odd part of the kernel is all that is needed,
sinh(Σ a_i z_i z'_i) up to a factor, ρ_i = tanh a_i. Here it is 1 for z = z'.

The kernel's Shapley values: φ_i[k(·, t)] ∝ ∫₀¹ 2 ρ_i t_i Π_{j≠i}(1 + ρ_j (2p − 1) t_j) dp, the multilinear extension
(Owen 1972) of a product, a polynomial that Gauss–Legendre integrates exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from .search import least

#: Bounds of the logarithms: of strengths, and of noise as a share of the kernel's variance. 32-bit answers and 64-bit
#: solving leave some noise always.
_STRENGTHS, _NOISE = (-10.0, 1.0), (-21.0, 0.0)

#: The strengths' sum at most: sinh of more is no number.
_LARGEST = 600.0

#: The pair of everybody and nobody is no sample: it is met exactly.
_NO_NOISE = 1e-11

#: How far a player's strength may be from the usual one: standard deviation of its logarithm.
_SPREAD = 1.0

#: Pairs that the strengths are found from at most, and steps of the search.
SEARCHED, _STEPS = 300, 25

#: Points of the integral at most: enough for any number of players, since the integrand is as smooth as exp.
_POINTS = 32


@dataclass(frozen=True)
class Prior:
    """What is thought of games before one is seen: strengths a (n,), and noise as a share of the variance."""

    strengths: np.ndarray
    noise: float


@dataclass(frozen=True)
class Posterior:
    """What a game's odd part looks like after its pairs were seen.

    values: Shapley values (n,), and their variance (n,) as the process sees it. left_out: at each pair, what it is more
    than all others say, (p,). The rest says what any pair is: the strengths, and pairs (q, n) with weights (q,) of the
    kernel at them.
    """

    values: np.ndarray
    variance: np.ndarray
    left_out: np.ndarray
    strengths: np.ndarray
    signs: np.ndarray
    weights: np.ndarray


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep PyTorch to one thread. Matrices here are small; with two threads on two busy cores they took up to forty
    times as long, waiting for each other.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def learned(
    signs: np.ndarray, odd: np.ndarray, start: Prior | None = None, check: Callable[[], None] = lambda: None
) -> Prior:
    """The prior under which pairs are likeliest: signs (p, n), ±1, of which the first are all +1; odd parts (p,).

    Of 300 pairs at most. Every strength is drawn towards the usual one, so that few pairs do not say too much.
    ``check`` raises where the user has cancelled.
    """
    signs, odd = signs[:SEARCHED], odd[:SEARCHED]
    players = signs.shape[1]
    if not np.any(odd):
        return Prior(np.full(players, np.exp(-5.0)), np.exp(_NOISE[0]))
    if start is None:
        guesses = [np.array([np.log(total / players), -9.0]) for total in (0.1, 1.0, 3.0)]
        best = min((_search(signs, odd, guess, check) for guess in guesses), key=lambda found: found[0])[1]
        begin = np.append(np.full(players, best[0]), best[1])
    else:
        begin = np.append(np.log(start.strengths), np.log(start.noise))
    found = _search(signs, odd, begin, check)[1]
    return Prior(np.exp(found[:-1]), float(np.exp(found[-1])))


def of_part(signs: np.ndarray, odd: np.ndarray, whole: Prior, check: Callable[[], None] = lambda: None) -> Prior:
    """The prior of a part of the answer, which may be unlike the whole: players that are all as strong, as strong as
    makes its pairs likeliest; or ``whole``, the prior of its players in the whole answer, if that does better.
    """
    if not np.any(odd):
        return whole
    turned = signs[:SEARCHED, 0]
    kept = _different(signs[:SEARCHED])
    signs, odd = kept.signs, (odd[:SEARCHED] * turned)[kept.first]
    begin = np.array([np.log(max(whole.strengths.mean(), 0.02)), -14.0])
    unlikely, alike = _search(signs, odd, begin, check)
    as_whole = np.append(np.log(whole.strengths), np.log(whole.noise))
    spread = (as_whole[:-1] - as_whole[:-1].mean()) / _SPREAD
    if len(spread) > 1 and _unlikely(as_whole, signs, odd)[0] - 0.5 * float(spread @ spread) < unlikely:
        return whole
    return Prior(np.full(signs.shape[1], np.exp(alike[0])), float(np.exp(alike[1])))


def posterior(signs: np.ndarray, odd: np.ndarray, prior: Prior, check: Callable[[], None] = lambda: None) -> Posterior:
    """What pairs (see :func:`learned`) say. Pairs that are the same, or each other's mirror image, count once."""
    turned = signs[:, 0]
    different = _different(signs)
    kept, first, which = different.signs, different.first, different.which
    noise = np.full(len(kept), prior.noise)
    noise[0] = _NO_NOISE
    inverse, _ = _inverted(_kernel(kept, kept, prior.strengths) + np.diag(noise))
    rows = (odd * turned)[first]
    solved = inverse @ rows
    shapley = shapley_of_kernel(kept, prior.strengths, check)
    scale = max(float(rows @ solved), 0.0) / len(rows)
    variance = scale * np.maximum(
        _prior_variance(prior.strengths) - (shapley * _product(inverse, shapley)).sum(axis=0), 0
    )
    alone = different.count == 1
    alone[0] = False
    left_out = np.where(alone, solved / np.diag(inverse), 0.0)
    return Posterior(solved @ shapley, variance, left_out[which] * turned, prior.strengths, kept, solved)


@dataclass(frozen=True)
class _Different:
    """Pairs that are not each other's mirror image, everybody first: signs (q, n) that begin with +1, where each was
    first met, which one each pair is, and how many are the same.
    """

    signs: np.ndarray
    first: np.ndarray
    which: np.ndarray
    count: np.ndarray


def _different(signs: np.ndarray) -> _Different:
    facing = signs * signs[:, :1]
    found, first, which, count = np.unique(facing, axis=0, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(first, kind="stable")  # everybody was met first
    return _Different(found[order], first[order], np.argsort(order)[which.ravel()], count[order])


def foretold(found: Posterior, signs: np.ndarray) -> np.ndarray:
    """What the process says of pairs (p, n), (p,)."""
    return _kernel(signs, found.signs, found.strengths) @ found.weights


def shapley_of_kernel(signs: np.ndarray, strengths: np.ndarray, check: Callable[[], None] = lambda: None) -> np.ndarray:
    """The Shapley values of the kernel as a game, given each of signs (p, n): (p, n)."""
    rho = np.tanh(strengths)
    points, weights = _gauss(min(signs.shape[1] // 2 + 1, _POINTS))
    found = np.zeros(signs.shape)
    for point, weight in zip(points, weights, strict=True):
        check()
        factors = 1 + rho * point * signs
        found += weight * np.exp(np.log(factors).sum(axis=1, keepdims=True)) * rho * signs / factors
    # From the product's odd part, 1 / Π cosh a · sinh, to the kernel that is 1 for z = z'.
    return found * np.exp(np.log(np.cosh(strengths)).sum() - _log_sinh(strengths.sum()))


def _prior_variance(strengths: np.ndarray) -> np.ndarray:
    """Of the Shapley values (n,), before any pair is seen: the kernel's Shapley values in both its arguments."""
    rho = np.tanh(strengths)
    points, weights = _gauss(min(len(rho) // 2 + 1, _POINTS))
    factors = 1 + rho * np.multiply.outer(points, points)[..., None]
    product = np.exp(np.log(factors).sum(axis=-1))
    inner = np.einsum("a,b,abi->i", weights, weights, product[..., None] / factors)
    return rho * inner * np.exp(np.log(np.cosh(strengths)).sum() - _log_sinh(strengths.sum()))


@lru_cache(maxsize=_POINTS)
def _gauss(points: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights of the Gauss–Legendre integral; finding them took an eighth of a run's time."""
    return np.polynomial.legendre.leggauss(points)


def _kernel(signs: np.ndarray, others: np.ndarray, strengths: np.ndarray) -> np.ndarray:
    """sinh(Σ a_i z_i z'_i) / sinh(Σ a_i) of signs (p, n) and others (q, n), (p, q)."""
    found: np.ndarray = np.sinh(_product(signs * strengths, others.T)) / np.sinh(strengths.sum())
    return found


def _product(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """The product of two matrices, by PyTorch, as in :func:`_inverted`."""
    return (torch.from_numpy(np.ascontiguousarray(one)) @ torch.from_numpy(np.ascontiguousarray(two))).numpy()


def _inverted(matrix: np.ndarray) -> tuple[np.ndarray, float]:
    """The inverse of a positive definite matrix, and the logarithm of its determinant: infinite where it is not one.

    By PyTorch, whose threads can be told: see :func:`one_thread`.
    """
    root, failed = torch.linalg.cholesky_ex(torch.from_numpy(matrix))
    if failed:
        return np.linalg.pinv(matrix), float("inf")
    return torch.cholesky_inverse(root).numpy(), float(2 * torch.log(torch.diagonal(root)).sum())


def _log_sinh(value: float) -> float:
    return float(value + np.log1p(-np.exp(-2 * value)) - np.log(2))


def _search(
    signs: np.ndarray, odd: np.ndarray, begin: np.ndarray, check: Callable[[], None]
) -> tuple[float, np.ndarray]:
    """Least −log likelihood and where it is: logarithms of strengths, one for all or (n,), and of the noise."""
    strongest = min(_STRENGTHS[1], float(np.log(_LARGEST / signs.shape[1])))
    bounds = np.array([(_STRENGTHS[0], strongest)] * (len(begin) - 1) + [_NOISE])

    def unlikely(logs: np.ndarray) -> tuple[float, np.ndarray]:
        check()
        return _unlikely(logs, signs, odd)

    return least(unlikely, begin, bounds, _STEPS)


def _unlikely(logs: np.ndarray, signs: np.ndarray, odd: np.ndarray) -> tuple[float, np.ndarray]:
    """−log of the marginal likelihood, its variance profiled out, and of the strengths' prior; and the gradient.

    Rasmussen, Williams: Gaussian Processes for Machine Learning (2006), equations 5.8 and 5.9.
    """
    players, pairs = signs.shape[1], len(odd)
    strengths = np.exp(np.broadcast_to(logs[:-1], players) if len(logs) == 2 else logs[:-1])
    total = strengths.sum()
    inner = _product(signs * strengths, signs.T)
    kernel = np.sinh(inner) / np.sinh(total)
    noise = np.full(pairs, np.exp(logs[-1]))
    noise[0] = _NO_NOISE
    inverse, logarithm = _inverted(kernel + np.diag(noise))
    if not np.isfinite(logarithm):
        return 1e12, np.zeros_like(logs)
    solved = inverse @ odd
    variance = max(float(odd @ solved) / pairs, 1e-300)
    minus_log = 0.5 * pairs * np.log(variance) + 0.5 * logarithm
    change = 0.5 * (inverse - np.outer(solved, solved) / variance)
    slope = change * (np.cosh(inner) / np.sinh(total))
    by_player = (_product(slope, signs) * signs).sum(axis=0) - (change * kernel).sum() / np.tanh(total)
    gradient = by_player * strengths
    by_noise = np.diag(change)[1:].sum() * np.exp(logs[-1])
    if len(logs) == 2 and players > 1:
        return float(minus_log), np.array([gradient.sum(), by_noise])
    apart = (logs[:-1] - logs[:-1].mean()) / _SPREAD**2
    return float(minus_log + 0.5 * _SPREAD**2 * (apart**2).sum()), np.append(gradient + apart, by_noise)
