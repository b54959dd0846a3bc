"""The textbook's formulas, computed on one farm, with the failures that they are known for: figures for a page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt

from ...contract.attribution import ExplainOptions
from ...contract.errors import RequestError
from ..job import Job
from .agreement import spearman
from .explained import Explained
from .gradients import gradient, input_x_gradient, integrated_gradients, path_chart
from .methods import method_of
from .noise import smoothgrad, smoothgrad_squared, vargrad
from .pictures import natural_colour
from .quality import completeness_error
from .view import View

#: Numbers of steps that the rules of integrated gradients are tried with; the finest is what they are held against.
TRIED = (("right", 20), ("right", 50), ("right", 100), ("right", 200), ("midpoint", 20), ("midpoint", 60))
FINEST = 1620

#: Steps of maps that are shown, and of the loop that is compared with ours.
SHOWN, LOOP = 180, 50

SMOOTH = {"samples": 50, "noise": 0.1, "of": "gradient"}

#: Noise that no eye can see: standard deviation in reflectance. A Sentinel-2 pixel is stored in steps of 0.0001.
UNSEEN = 1e-3

#: Side of the square that is made black, pixels.
BLACK = 3

#: Baselines that are shown side by side.
BASELINES = ("soil", "zero", "mean", "blur", "surroundings")

#: Points of the path at which the gradient's size is measured, and of the charts.
POINTS = 51


@dataclass(frozen=True)
class Compared:
    """Integrated gradients with one baseline: S(x′), the map (H, W), and S along the path, if there is one path."""

    f_baseline: float
    drawn: np.ndarray
    alphas: np.ndarray
    answers: np.ndarray


@dataclass(frozen=True)
class Saturation:
    """How large the gradient is along the path, Σ|∂S/∂x| of logit and of probability, each by its largest; (POINTS,).

    sure_by_unsure: of target pixels, what the surest quarter gets by what the least sure quarter gets, by method.
    probabilities: mean probability of these quarters.
    """

    alphas: np.ndarray
    logit: np.ndarray
    probability: np.ndarray
    sure_by_unsure: dict[str, float]
    probabilities: tuple[float, float]


@dataclass(frozen=True)
class Instability:
    """Two images that differ by noise that no eye can see: S of both, and how maps of both agree.

    maps: by method, rank correlation and how far the map moves, as a share of its length (L2).
    """

    answers: tuple[float, float]
    maps: dict[str, tuple[float, float]]
    gradients: tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class ZeroInput:
    """A square in the farm is made black: how the answer changes, what methods then give the square, the maps (H, W).

    dark_share: share of Σ|φ| that the darker half of the target's values has, by method.
    """

    change: float
    given: dict[str, float]
    maps: dict[str, np.ndarray]
    dark_share: dict[str, float]


@dataclass(frozen=True)
class Measured:
    """All that the page shows. Maps are (bands, H, W), float64.

    neighbours: correlation of neighbouring pixels, by method. noise_share: of the gradients of noisy copies, squared,
    the share that differs from copy to copy (VarGrad by SmoothGrad²).
    """

    scene: str
    date: str
    model: str
    simulated: bool
    bands: tuple[str, ...]
    pixel_size: tuple[float, float]
    pixels: np.ndarray
    ground: np.ndarray
    f_x: float
    probability: float
    maps: dict[str, np.ndarray]
    loop_apart: float
    rules: list[tuple[str, int, float, float]]
    compared: dict[str, Compared]
    saturation: Saturation
    neighbours: dict[str, float]
    noise_share: float
    instability: Instability
    zero: ZeroInput


def textbook_loop(view: View, steps: int) -> torch.Tensor:
    """Integrated gradients as textbooks write them: one step after the other, at the right ends k/m."""
    image, baseline = view.reflectance, view.baselines[:1]
    total = torch.zeros_like(image)
    for k in range(1, steps + 1):
        total += view.gradient(baseline + k / steps * (image - baseline))
    return ((image - baseline) * total / steps)[0]


def measure(explained: Explained) -> Measured:
    """All figures of the page, on the target of ``explained``, with bare soil as baseline. Takes some seconds."""
    view, pixels = explained.whole_view(Job.silent(), with_spread=True)
    answers = view.answers(view.reflectance)[0].detach().double().cpu().numpy()
    maps = {
        "gradient": _values(gradient(view, {}).values),
        "input_x_gradient": _values(input_x_gradient(view, {}).values),
        "integrated_gradients": _values(_integrated(view, SHOWN)),
        "smoothgrad": _values(smoothgrad(view, SMOOTH).values),
    }
    loop, ours = textbook_loop(view, LOOP), _integrated(view, LOOP, "right")
    reflectance, valid = explained.read(explained.region)
    return Measured(
        scene=explained.scene.id,
        date=explained.scene.date,
        model=explained.model.card.name,
        simulated=explained.scene.id.upper().startswith("SIMULATED"),
        bands=tuple(explained.scene.bands),
        pixel_size=explained.scene.grid.pixel_size,
        pixels=pixels,
        ground=natural_colour(explained.scene.bands, reflectance, valid),
        f_x=float(answers[pixels].mean()),
        probability=float((1 / (1 + np.exp(-answers[pixels]))).mean()),
        maps=maps,
        loop_apart=_apart(_values(loop), _values(ours)),
        rules=_rules(view),
        compared=_baselines(explained, view, pixels),
        saturation=_saturation(view, pixels, answers, maps["integrated_gradients"]),
        neighbours={name: _neighbours(maps[name].sum(axis=0)) for name in ("gradient", "smoothgrad")},
        noise_share=float(vargrad(view, SMOOTH).values.sum() / smoothgrad_squared(view, SMOOTH).values.sum()),
        instability=_instability(view),
        zero=_zero_input(view, pixels, maps),
    )


def _values(found: torch.Tensor) -> np.ndarray:
    values: np.ndarray = found.detach().cpu().double().numpy()
    return values


def _integrated(view: View, steps: int, rule: str = "midpoint") -> torch.Tensor:
    return integrated_gradients(view, {"steps": steps, "rule": rule}).values


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    """How far a map is from another, as a share of the other's length (L2)."""
    return float(np.linalg.norm(one - other) / np.linalg.norm(other))


def _score(view: View, image: torch.Tensor) -> float:
    with torch.inference_mode():
        return float(view.score(image)[0])


def _rules(view: View) -> list[tuple[str, int, float, float]]:
    """Of each rule and number of steps how far sum and map are off: (rule, steps, share, share)."""
    finest = _values(_integrated(view, FINEST))
    difference = _score(view, view.reflectance) - _score(view, view.baselines[:1])
    found = []
    for rule, steps in TRIED:
        values = _values(_integrated(view, steps, rule))
        off = completeness_error(float(values.sum()), difference, float(np.abs(values).sum()))
        found.append((rule, steps, off, _apart(values, finest)))
    return found


def _baselines(explained: Explained, view: View, pixels: np.ndarray) -> dict[str, Compared]:
    from ..imagery.windows import Tile

    tile = Tile(explained.region, explained.region)
    method = method_of("integrated_gradients", ExplainOptions(steps=60), explained.network)
    found = {}
    for kind in BASELINES:
        other = explained.compared_with(kind)
        try:
            seen = other.view(tile, pixels, float(1 / pixels.sum()), Job.silent(), False)
        except RequestError:  # no ground around the farm to draw spectra from
            continue
        with torch.inference_mode():
            f_baseline = float(torch.stack([seen.score(one[None]) for one in seen.baselines]).mean())
        alphas, answers = path_chart(seen, POINTS - 1) if len(seen.baselines) == 1 else (np.empty(0), np.empty(0))
        found[kind] = Compared(f_baseline, _values(method.run(seen).values).sum(axis=0), alphas, answers)
    return found


def _saturation(view: View, pixels: np.ndarray, answers: np.ndarray, integrated: np.ndarray) -> Saturation:
    alphas = np.linspace(0, 1, POINTS)
    of_probability = replace(view, quantity="probability")
    sizes = []
    for seen in (view, of_probability):
        image, baseline = seen.reflectance, seen.baselines[:1]
        points = (baseline + float(alpha) * (image - baseline) for alpha in alphas)
        size = np.array([float(seen.gradient(point).abs().sum()) for point in points])
        sizes.append(size / size.max())
    order = np.sort(answers[pixels])
    unsure = pixels & (answers <= order[len(order) // 4])
    sure = pixels & (answers >= order[-1 - len(order) // 4])
    maps = {
        "gradient of the probability": _values(gradient(of_probability, {}).values),
        "gradient of the logit": _values(gradient(view, {}).values),
        "integrated gradients of the logit": integrated,
    }
    sizes_of = {name: np.abs(values).sum(axis=0) for name, values in maps.items()}
    probabilities = 1 / (1 + np.exp(-answers))
    of_logit, of_probabilities = sizes
    return Saturation(
        alphas,
        of_logit,
        of_probabilities,
        {name: float(size[sure].mean() / size[unsure].mean()) for name, size in sizes_of.items()},
        (float(probabilities[unsure].mean()), float(probabilities[sure].mean())),
    )


def _neighbours(drawn: np.ndarray) -> float:
    """Correlation of pixels with their right and lower neighbours, where the map shows anything."""
    pairs = [(drawn[:, :-1], drawn[:, 1:]), (drawn[:-1], drawn[1:])]
    one, other = (np.concatenate([pair[side].ravel() for pair in pairs]) for side in (0, 1))
    some = (one != 0) & (other != 0)
    return float(np.corrcoef(one[some], other[some])[0, 1])


def _instability(view: View) -> Instability:
    noise = np.random.default_rng(view.seed).normal(0, UNSEEN, view.reflectance.shape[1:]).astype(np.float32)
    moved = replace(view, reflectance=view.reflectance + torch.from_numpy(noise) * view.valid)
    kinds: dict[str, Callable[[View], torch.Tensor]] = {
        "gradient": lambda seen: gradient(seen, {}).values,
        "input_x_gradient": lambda seen: input_x_gradient(seen, {}).values,
        "smoothgrad": lambda seen: smoothgrad(seen, SMOOTH).values,
        "integrated_gradients": lambda seen: _integrated(seen, SHOWN),
    }
    agree, gradients = {}, (np.empty(0), np.empty(0))
    for name, run in kinds.items():
        one, other = (_values(run(seen)) for seen in (view, moved))
        some = (one != 0) | (other != 0)
        agree[name] = (spearman(one[some], other[some]), _apart(other, one))
        if name == "gradient":
            gradients = (one.sum(axis=0), other.sum(axis=0))
    return Instability((_score(view, view.reflectance), _score(view, moved.reflectance)), agree, gradients)


def _zero_input(view: View, pixels: np.ndarray, maps: dict[str, np.ndarray]) -> ZeroInput:
    inside = distance_transform_edt(np.pad(pixels, 1))[1:-1, 1:-1]
    row, col = (max(0, int(place) - BLACK // 2) for place in np.unravel_index(np.argmax(inside), inside.shape))
    square = (slice(row, row + BLACK), slice(col, col + BLACK))
    black = view.reflectance.clone()
    black[(0, slice(None), *square)] = 0
    seen = replace(view, reflectance=black)
    found = {
        "input × gradient": _values(input_x_gradient(seen, {}).values),
        "integrated gradients, compared with bare soil": _values(_integrated(seen, SHOWN)),
        "integrated gradients, compared with the image before": _values(
            _integrated(replace(seen, baselines=view.reflectance), SHOWN)
        ),
    }
    # Of all values inside the target, the darker half: what matters is that they are dark, not in which band.
    values = view.reflectance[0].cpu().numpy()[:, pixels]
    dark = values <= np.median(values)
    return ZeroInput(
        change=_score(view, black) - _score(view, view.reflectance),
        given={name: float(one[(slice(None), *square)].sum()) for name, one in found.items()},
        maps={name: one.sum(axis=0) for name, one in found.items()},
        dark_share={
            name: float(np.abs(maps[name][:, pixels])[dark].sum() / np.abs(maps[name][:, pixels]).sum())
            for name in ("gradient", "input_x_gradient", "integrated_gradients")
        },
    )
