"""Which regions touch, and L-Shapley on that graph: interactions of neighbours only."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array, eye_array

from ...contract.errors import RequestError
from .estimate import Estimate
from .exact import shapley_of
from .game import Game, every_coalition

#: What players do that are not near: "both" is the mean of the two.
OUTSIDE = ("absent", "present", "both")


def touching(labels: np.ndarray, count: int) -> np.ndarray:
    """Which of ``count`` regions of labels (…, H, W) share a pixel's edge, (count, count), bool; none with itself."""
    found = np.zeros((count, count), bool)
    for one, two in ((labels[..., :-1, :], labels[..., 1:, :]), (labels[..., :-1], labels[..., 1:])):
        edge = (one >= 0) & (two >= 0) & (one != two)
        found[one[edge], two[edge]] = True
    return found | found.T


def within(touch: np.ndarray, steps: int) -> np.ndarray:
    """Whom each player reaches in ``steps`` or fewer, itself included, (n, n), bool."""
    step = csr_array(touch.astype(np.int32)) + eye_array(len(touch), dtype=np.int32)  # few touch each other
    reached = eye_array(len(touch), dtype=np.int32, format="csr")
    for _ in range(steps):
        reached = ((reached @ step) > 0).astype(np.int32)
    found: np.ndarray = reached.toarray() > 0
    return found


def cost(touch: np.ndarray, steps: int, outside: str = "both") -> int:
    """How many evaluations L-Shapley takes at most: 2^|N_k(i)| for each player, twice where both sides are asked."""
    sizes = within(touch, steps).sum(axis=1)
    return sum(2 ** int(size) for size in sizes) * (2 if outside == "both" else 1)


def l_shapley(game: Game, evaluations: int, touch: np.ndarray, steps: int = 1, outside: str = "both") -> Estimate:
    """The Shapley value of each player among those whom it reaches in ``steps`` on the graph ``touch`` (n, n).

    φ_i = 1 / |N_k(i)| Σ_{i ∈ S ⊆ N_k(i)} C(|N_k(i)| − 1, |S| − 1)⁻¹ [v(S) − v(S∖i)]: Chen, Song, Wainwright, Jordan:
    L-Shapley and C-Shapley (ICLR 2019). outside: whether players that are farther away are "absent", as written,
    "present", as in the authors' code, or "both": the mean of the two, which is exact where no more than two players
    interact. The values do not add up to the contrast: facts["gap"] says by how much. There is no standard error.
    """
    if outside not in OUTSIDE:
        raise ValueError(outside)
    needed = cost(touch, steps, outside)
    if needed > evaluations:
        raise RequestError(
            f"L-Shapley with neighbours up to {steps} steps away needs {needed:,} evaluations here; {evaluations:,} "
            "are allowed.",
            "Allow more evaluations, choose fewer superpixels or steps, or another estimator.",
        )
    near, values = within(touch, steps), np.zeros(game.players)
    sides = {"absent": (False,), "present": (True,), "both": (False, True)}[outside]
    for player in range(game.players):
        members = np.flatnonzero(near[player])
        inside = every_coalition(len(members))
        for side in sides:
            coalitions = np.full((len(inside), game.players), side)
            coalitions[:, members] = inside
            found = shapley_of(game.values(coalitions, "Asking neighbours"))
            values[player] += found[np.flatnonzero(members == player)[0]] / len(sides)
    gap = float(values.sum() - game.contrast)
    return Estimate(values, None, needed, "l_shapley", facts={"gap": gap, "steps": steps, "outside": outside})
