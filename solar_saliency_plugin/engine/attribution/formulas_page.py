"""The page that walks through the formulas on one farm: what each gives, and how each fails."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.attribution_methods import ATTRIBUTION_METHODS
from ..reporting.page import BLUE, GREY, ORANGE, document, image, note, number, percent, signed, table
from ..reporting.page import figure as new_figure
from . import gradients
from .agreement import spearman
from .formulas import FINEST, LOOP, SMOOTH, UNSEEN, Measured, textbook_loop
from .maps import layers, robust_range
from .pictures import over_ground, panels
from .telling import baseline_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Dots an inch of the pictures: pixels are large, so few are enough.
_DOTS = 80

#: Colours of such a picture: more cannot be told apart in it.
_COLOURS = 64

#: Lines of the charts, told apart without colour, too.
_LINES = ((BLUE, "-"), (ORANGE, "--"), (GREY, "-."), ("black", ":"))


def formulas_page(found: Measured) -> str:
    """The page (HTML)."""
    title = "The formulas on a farm"
    parts = [
        f"<h1>{title}</h1>",
        _intro(found),
        _gradient(found),
        _input_x_gradient(found),
        _integrated_gradients(found),
        _smoothgrad(found),
        _bands(found),
        _path(found),
        _baselines(found),
        "<h2>How they fail</h2>",
        _saturation(found),
        _noise(found),
        _instability(found),
        _zero_input(found),
    ]
    return document(title, parts, explains=True)


def _intro(found: Measured) -> str:
    day = f" of {found.date}" if found.date else ""
    simulated = note("The scene is simulated: this farm does not exist.") if found.simulated else ""
    picture = _panels(found, [("The scene, with what is explained", found.ground)], columns=1, width=3.4)
    return (
        f"<p>One farm, in the scene {escape(found.scene)}{escape(day)}, and what the model “{escape(found.model)}” "
        f"says of it: S(x), the mean logit over the {int(found.pixels.sum()):,} pixels inside the line, is "
        f"<b>{number(found.f_x)}</b>, a mean probability of {number(found.probability, 3)}. Every figure and "
        "picture on this page was computed by the functions that the plugin uses.</p>"
        f'{simulated}{picture}<p>Which method for which question: <a href="methods.html">the guide</a>.</p>'
    )


def _gradient(found: Measured) -> str:
    return (
        _head("Gradient", "gradient")
        + "<p>One run forward and one back. It has a sign: red where a brighter pixel would raise the answer.</p>"
        + _maps(found, [("Gradient, summed over bands", found.maps["gradient"].sum(axis=0))])
    )


def _input_x_gradient(found: Measured) -> str:
    drawn = found.maps["input_x_gradient"].sum(axis=0)
    return (
        _head("Input × gradient", "input_x_gradient")
        + f"<p>It adds up to {number(float(drawn.sum()))}, while the answer is {number(found.f_x)}: for a network with "
        "ReLUs and biases it is no sum of parts.</p>" + _maps(found, [("Input × gradient", drawn)])
    )


def _integrated_gradients(found: Measured) -> str:
    rows = [
        (f"{rule}, m = {steps}", f"{100 * off:.2g} %", f"{100 * moved:.2g} %")
        for rule, steps, off, moved in found.rules
    ]
    values = found.maps["integrated_gradients"]
    change = found.f_x - found.compared["soil"].f_baseline
    return (
        _head("Integrated gradients", "integrated_gradients")
        + "<p>As textbooks write the integral, one step after the other:</p>"
        + _code(textbook_loop)
        + "<p>Ours: several points of the path at a time, added up in 64 bits, with the points where the rule wants "
        "them.</p>"
        + _code(gradients.along_path, gradients.midpoints, gradients.right_ends)
        + f"<p>With the same {LOOP} right ends the two maps differ by {found.loop_apart:.1e} of their length: they are "
        f"one formula. The rule matters more. Against {FINEST:,} midpoints:</p>"
        + table(("Rule and steps", "sum is off by", "map is off by (L2)"), rows)
        + "<p>Midpoints get by with fewer steps. The sum may be right by chance while the map is not, so ours are "
        f"tripled until both hold still. Here φ adds up to {number(float(values.sum()))}; S(x) − S(x′) is "
        f"{number(change)}.</p>" + _maps(found, [("Integrated gradients, bare soil", values.sum(axis=0))])
    )


def _smoothgrad(found: Measured) -> str:
    return (
        _head("SmoothGrad", "smoothgrad")
        + f"<p>{SMOOTH['samples']} noisy copies, each band with 10 % of its own spread in the scene: "
        "bands differ tenfold, so that one σ for all would drown some and leave others as they are.</p>"
        + _maps(found, [(name, found.maps[key].sum(axis=0)) for name, key in _GRADIENT_AND_SMOOTH])
    )


_GRADIENT_AND_SMOOTH = (("Gradient", "gradient"), ("SmoothGrad", "smoothgrad"))


def _bands(found: Measured) -> str:
    total, mean, largest = layers(found.maps["integrated_gradients"], per_band=False)
    cancelled = 1 - np.abs(total).sum() / (mean.sum() * len(found.bands))
    return (
        "<h2>From bands to one map</h2>"
        '<p class="formula">Σ_j φ_j &nbsp;&nbsp; mean_j |φ_j| &nbsp;&nbsp; M = max_j |φ_j|</p>'
        "<p>φ has a value for each band of a pixel. The signed sum says whether the pixel raised or lowered the "
        f"answer, but bands of opposite signs cancel: here {percent(float(cancelled))} of all |φ|. Mean and maximum of "
        "|φ| keep them, and lose the sign. Every map of the plugin has all three, in this order.</p>"
        + _maps(found, [("Signed sum over bands", total), ("Mean of |φ|", mean), ("Largest |φ| of a band", largest)])
    )


def _path(found: Measured) -> str:
    lines = [(baseline_name(kind), one.alphas, one.answers) for kind, one in found.compared.items() if len(one.alphas)]
    return (
        "<h2>The path chart</h2>"
        '<p class="formula">S(x′ + α (x − x′)), α from 0 to 1</p>'
        "<p>What the model says on the way from the baseline to the image. Integrated gradients add up the slopes "
        "along this curve. Where it is flat, the model is saturated: gradients there, and so at the image itself, "
        "say little of what brought it there (Sturmfels, Lundberg, Lee: Visualizing the Impact of Feature Attribution "
        "Baselines. Distill 2020).</p>"
        + image(_chart(lines, "S: mean logit"), "S along the path from each baseline to the image")
    )


def _baselines(found: Measured) -> str:
    kinds = list(found.compared)
    drawn = {kind: one.drawn for kind, one in found.compared.items()}
    rows = [
        (
            escape(baseline_name(kind)),
            number(found.compared[kind].f_baseline),
            number(float(drawn[kind].sum())),
            *(number(_correlation(drawn[kind], drawn[other])) for other in kinds),
        )
        for kind in kinds
    ]
    heads = ("x′", "S(x′)", "Σφ", *(f"ρ with {escape(baseline_name(kind))}" for kind in kinds))
    own = [kind for kind in kinds if found.compared[kind].f_baseline > 0]
    said = ""
    if own:
        names = " and ".join(baseline_name(kind) for kind in own)
        said = (
            f"<p>The model takes {escape(names)} for a solar farm itself (S(x′) > 0): compared with a farm, a farm "
            "differs little, and the map does not show what makes one.</p>"
        )
    return (
        "<h2>Baselines side by side</h2>"
        "<p>The same formula, the same image, another x′. ρ: rank correlation of the maps.</p>"
        + _maps(found, [(baseline_name(kind), drawn[kind]) for kind in kinds])
        + table(heads, rows)
        + said
    )


def _saturation(found: Measured) -> str:
    s = found.saturation
    rows = [(escape(name), number(value)) for name, value in s.sure_by_unsure.items()]
    lines = [("∂ logit", s.alphas, s.logit), ("∂ probability", s.alphas, s.probability)]
    unsure, sure = s.probabilities
    return (
        "<h3>Saturation</h3>"
        "<p>A probability is σ(logit), and its gradient is that of the logit times p (1 − p): it vanishes where the "
        f"model is sure. At the image the gradient of the probability has {percent(float(s.probability[-1]))} of the "
        f"size that it has where it is largest on the path; the logit's has {percent(float(s.logit[-1]))}.</p>"
        + image(_chart(lines, "Σ |gradient|, by its largest"), "Size of the gradient along the path")
        + f"<p>The surest quarter of the farm's pixels (p = {number(sure, 3)}) carries most of the evidence. What it "
        f"gets, by what the least sure quarter (p = {number(unsure, 3)}) gets, a pixel's |φ| each:</p>"
        + table(("Map", "surest ÷ least sure"), rows)
        + "<p>What helps: explain logits, which is the default, and follow the whole path.</p>"
    )


def _noise(found: Measured) -> str:
    plain, smooth = found.neighbours["gradient"], found.neighbours["smoothgrad"]
    return (
        "<h3>Noise</h3>"
        "<p>A network of ReLUs is made of flat pieces, and the gradient jumps from one to the next. Neighbouring "
        f"pixels show nearly the same ground; their gradients correlate with {number(plain)}, SmoothGrad's with "
        f"{number(smooth)}. Of the squared gradients of the noisy copies {percent(found.noise_share)} differ from copy "
        "to copy: so much of a single gradient is chance, and the mean takes most of it away. It grows with a "
        "network's depth (Balduzzi, Frean, Leary, Lewis, Ma, McWilliams: The Shattered Gradients Problem. ICML "
        "2017).</p>" + _maps(found, [(name, np.abs(found.maps[key]).sum(axis=0)) for name, key in _GRADIENT_AND_SMOOTH])
    )


def _instability(found: Measured) -> str:
    i = found.instability
    rows = [
        (escape(ATTRIBUTION_METHODS[name].title), number(ranks, 3), percent(moved))
        for name, (ranks, moved) in i.maps.items()
    ]
    before, after = i.answers
    limit = robust_range(i.gradients[0])
    shown = [("Gradient", i.gradients[0]), ("Gradient of the other image", i.gradients[1])]
    return (
        "<h3>Instability</h3>"
        f"<p>Two images that nobody can tell apart: the second has noise of {UNSEEN:g} in reflectance. The answer "
        f"moves from {number(before, 3)} to {number(after, 3)}, {percent(abs(after / before - 1))}. The maps of both, "
        "pixel by pixel and band by band, agree as follows (Ghorbani, Abid, Zou: Interpretation of Neural Networks is "
        "Fragile. AAAI 2019).</p>"
        + table(("Map", "rank correlation", "moves by (L2)"), rows)
        + _maps(found, shown, limit)
        + "<p>What helps: means over many points or many noisy copies, and no reading of single pixels.</p>"
    )


def _zero_input(found: Measured) -> str:
    z = found.zero
    given = [(escape(name.capitalize()), signed(value) if value else "0 exactly") for name, value in z.given.items()]
    dark = [(escape(ATTRIBUTION_METHODS[name].title), percent(value)) for name, value in z.dark_share.items()]
    return (
        "<h3>Zero input</h3>"
        "<p>Whatever is black, φ = x · ∂S/∂x is 0 there. A square of 3 × 3 pixels in the middle of the farm was set to "
        f"reflectance 0, which changed the answer by {signed(z.change)}. What methods give the black square, when they "
        "explain the image that has it:</p>"
        + table(("Map", "the black square"), given)
        + _maps(found, [(name.replace(", ", "\n"), drawn) for name, drawn in z.maps.items()])
        + "<p>Only the comparison with what stood there before tells that the square matters. Panels are dark, too. Of "
        "all |φ| inside the farm, the darker half of its values gets:</p>"
        + table(("Map", "darker half"), dark)
        + "<p>What helps: a baseline that is not black. With zero as baseline, integrated gradients have the same "
        "flaw.</p>"
    )


def _head(title: str, method: str) -> str:
    entry = ATTRIBUTION_METHODS[method]
    return (
        f'<h2>{escape(title)}</h2><p class="formula">{escape(entry.formula)}</p>'
        f'<p>{escape(entry.tells)} <i>It cannot tell:</i> {escape(entry.cannot_tell)} <span class="small">'
        f"({escape(entry.paper)}.)</span></p>"
    )


def _code(*functions: Callable[..., Any]) -> str:
    source = "\n".join(inspect.getsource(function) for function in functions)
    return f"<pre><code>{escape(source.strip())}</code></pre>"


def _maps(found: Measured, drawn: Sequence[tuple[str, np.ndarray]], limit: float | None = None) -> str:
    pictures = [(title, over_ground(values, found.ground, limit)) for title, values in drawn]
    columns = 2 if len(pictures) in (1, 2, 4) else 3
    return _panels(found, pictures, columns=columns, width=2.7 * min(columns, len(pictures)))


def _panels(found: Measured, pictures: Sequence[tuple[str, np.ndarray]], *, columns: int, width: float) -> str:
    drawn = panels(pictures, found.pixels, found.pixel_size, columns=columns, width=width, dots=_DOTS)
    return image(drawn, ", ".join(title for title, _ in pictures), _COLOURS)


def _chart(lines: Sequence[tuple[str, np.ndarray, np.ndarray]], label: str) -> Figure:
    drawn, axes = new_figure(5.2, 3.0)
    for (name, alphas, values), (colour, style) in zip(lines, _LINES, strict=False):
        axes.plot(alphas, values, color=colour, linestyle=style, label=name)
    axes.set(xlim=(0, 1), xlabel="α: from baseline (0) to image (1)", ylabel=label)
    axes.legend(frameon=False, fontsize="small")
    drawn.set_dpi(_DOTS)
    return drawn


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    some = (one != 0) | (other != 0)
    return spearman(one[some], other[some])
