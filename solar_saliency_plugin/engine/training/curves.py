"""The picture of a training: how the loss fell, and how the score on kept-out places rose."""

from collections.abc import Sequence
from pathlib import Path

from .fitting import Fitted, Point

# Told apart by people who see colours differently, and in grey (Okabe and Ito).
_LOSS, _SCORE, _BEST = "#0072B2", "#D55E00", "#000000"


def draw_curve(path: Path, fitted: Fitted, title: str) -> None:
    """Write the curve of ``fitted`` as a picture (PNG, 624 × 432 pixels: a dialog shows it half as large)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 3.6), dpi=120, layout="constrained")
    losses = figure.add_subplot()
    _plot(losses, [(p.step, p.loss) for p in fitted.curve if p.loss is not None], _LOSS, "loss while learning")
    losses.set_xlabel("step")
    losses.set_ylabel("loss (lower is better)", color=_LOSS)
    losses.set_ylim(bottom=0)
    checks = _checks(fitted.curve)
    if checks:
        scores = losses.twinx()
        _plot(scores, checks, _SCORE, "average precision on kept-out places", marker="o", markersize=3)
        scores.set_ylabel("average precision (higher is better)", color=_SCORE)
        lowest = min(score for _, score in checks)
        scores.set_ylim(max(0.0, lowest - 0.1), 1.02)
        best = dict(checks).get(fitted.best_step)
        if best is not None:
            scores.plot(fitted.best_step, best, "*", color=_BEST, markersize=12, label=f"kept: step {fitted.best_step}")
        figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize="small")
    losses.set_title(title, fontsize="medium")
    figure.savefig(path, metadata={"Software": None})


def _checks(curve: Sequence[Point]) -> list[tuple[int, float]]:
    """Steps and scores where there is one; NaN is none."""
    return [(p.step, p.score) for p in curve if p.score is not None and p.score == p.score]


def _plot(axes: "object", points: Sequence[tuple[int, float]], colour: str, label: str, **style: object) -> None:
    steps, values = zip(*points, strict=True) if points else ((), ())
    axes.plot(steps, values, color=colour, label=label, linewidth=1.4, **style)  # type: ignore[attr-defined]
