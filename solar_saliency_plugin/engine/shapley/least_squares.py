"""Weighted least squares of many rows: some rows at a time, so that it can be cancelled and takes little memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch

from .game import batches
from .process import one_thread

#: Multiplications between two looks at whether the user has cancelled: some tenths of a second on one core.
MULTIPLICATIONS = 10**9

#: Columns up to which eigenvectors take less than a second.
_FEW = 1000

#: Directions that the rows say less of than this share of the best known one are not known at all.
_UNKNOWN = 1e-11


def some_at_a_time(count: int, columns: int) -> Iterator[slice]:
    """Slices of so many rows that the product of each with a square matrix of so many columns takes tenths of a second.

    Some hundred rows at least: of fewer, each slice would take longer than its work.
    """
    return batches(count, max(64, MULTIPLICATIONS // max(columns, 1) ** 2))


def inverse_of(
    rows: Callable[[slice], np.ndarray],
    weights: np.ndarray,
    columns: int,
    check: Callable[[], None],
    blind: np.ndarray | None = None,
) -> np.ndarray:
    """The pseudo-inverse (k, k) of Σ w r rᵀ over rows; ``rows`` gives some of them, (m, k), weights are (p,).

    blind: the direction (k,), of length 1, that all rows are at right angles to, if there is one. ``check`` raises
    where the user has cancelled.
    """
    total = torch.zeros(columns, columns, dtype=torch.float64)
    with one_thread():
        for some in some_at_a_time(len(weights), columns):
            check()
            part = torch.from_numpy(rows(some))
            total += (part * torch.from_numpy(weights[some])[:, None]).T @ part
        check()
        found = _of_few(total) if columns <= _FEW else _of_many(total, blind, check)
    return found.numpy()


def _of_few(total: torch.Tensor) -> torch.Tensor:
    """The pseudo-inverse, whatever the rows leave unknown."""
    sizes, vectors = torch.linalg.eigh(total)
    known = sizes > _UNKNOWN * sizes.max().clamp_min(0)
    return (vectors[:, known] / sizes[known]) @ vectors[:, known].T


def _of_many(total: torch.Tensor, blind: np.ndarray | None, check: Callable[[], None]) -> torch.Tensor:
    """The same where nothing but one direction is unknown: so many rows at random leave no other."""
    if blind is None:
        return _inverted(total, check)
    scale, away = float(total.trace()) / len(total), torch.from_numpy(blind)
    away = torch.outer(away, away)
    return _inverted(total + scale * away, check) - away / scale


def _inverted(matrix: torch.Tensor, check: Callable[[], None]) -> torch.Tensor:
    """The inverse of a positive definite matrix, by halves, with the Schur complement of the first."""
    if len(matrix) <= _FEW:
        check()
        return torch.cholesky_inverse(torch.linalg.cholesky(matrix))
    half = len(matrix) // 2
    first = _inverted(matrix[:half, :half], check)
    along = _product(first, matrix[:half, half:], check)
    second = _inverted(matrix[half:, half:] - _product(matrix[half:, :half], along, check), check)
    corner = _product(along, second, check)
    upper = torch.cat((first + _product(corner, along.T, check), -corner), 1)
    return torch.cat((upper, torch.cat((-corner.T, second), 1)))


def _product(one: torch.Tensor, two: torch.Tensor, check: Callable[[], None]) -> torch.Tensor:
    """The product of two matrices, some rows at a time."""
    found = []
    for some in some_at_a_time(len(one), max(two.shape)):
        check()
        found.append(one[some] @ two)
    return torch.cat(found)
