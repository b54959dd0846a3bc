"""The documentation of the attribution methods, made from the list of methods: ``python -m …engine.attribution.guide``.

Two pages: ``methods.html``, which question leads to which method and what each can tell, always the same text for the
same list; and, where a scene is given, ``formulas.html``, which walks through the formulas with pictures and figures of
one farm of that scene.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from html import escape
from pathlib import Path

from ...contract.attribution import ExplainOptions
from ...contract.attribution_methods import ATTRIBUTION_METHODS, AttributionMethod
from ...contract.layer_attribution import LAYER_METHODS
from ..imagery.polygons import DEGREES, read_polygons
from ..job import Job
from ..reporting.page import document, facts, write_text
from .explained import open_explained
from .formulas import measure
from .formulas_page import formulas_page
from .questions import BASELINES, CHECKS, QUESTIONS
from .telling import method_told

METHODS_PAGE, FORMULAS_PAGE = "methods.html", "formulas.html"

_NEEDS = {
    "gradient": "every network through which gradients flow",
    "activations": "networks whose activations can be reached: the plugin's own, and most of torch.export",
    "family": "the plugin's own networks",
    "answers": "every network",
}

_SUMS = {
    "": "nothing that is known",
    "difference": "the answer for the image less that for the baseline",
    "answer": "the answer for the image",
}


def methods_page() -> str:
    """The guide and every method, from the list of methods."""
    parts = [
        "<h1>Explanations: which question, which method</h1>",
        "<p>An explanation says why the model saw a solar farm: which pixels, in which bands, raised or lowered its "
        "answer. The answer is one number, S: the mean of the logits (or of the probabilities; or their sum) over the "
        "pixels that are explained, a detection for example. These pixels are found once, in the image as it is, and "
        "kept. φ is what a pixel contributes in a band; x is the image, x′ the baseline that it is compared with. "
        f'How the formulas are computed, and where they fail, shows <a href="{FORMULAS_PAGE}">the formulas on a farm'
        "</a>.</p>",
        _questions(),
        _baselines(),
        "<h2>Before you show a map to anybody</h2><ol>" + "".join(f"<li>{escape(c)}</li>" for c in CHECKS) + "</ol>",
        _overview(),
        "<h2>The methods</h2>",
        *(_method(entry) for entry in ATTRIBUTION_METHODS.values()),
        "<h2>Inside the network</h2><p>Look Into the Network tells what a layer's channels contribute, or what one "
        "channel looks at.</p>",
        *(_method(entry, "layer-") for entry in LAYER_METHODS.values()),
    ]
    return document("Explanations: which question, which method", parts, explains=True)


def _questions() -> str:
    rows = "".join(
        f"<tr><td><b>{escape(q.asked)}</b></td>"
        f"<td>{', '.join(_link(name) for name in q.methods)}</td><td>{escape(q.advice)}</td></tr>"
        for q in QUESTIONS
    )
    return (
        "<h2>Which question, which method</h2><table><tr><th>You want to know</th><th>Take</th><th>Because</th></tr>"
        f"{rows}</table><p>Whether another method or baseline tells the same story: <b>Compare Explanations</b>. What "
        "single layers and channels of the network contribute: <b>Look Into the Network</b>. The least that "
        "has to be taken out for a detection to vanish: <b>What a Detection Rests On</b>.</p>"
    )


def _baselines() -> str:
    rows = [(f"<b>{escape(name)}</b>", escape(text)) for name, text in BASELINES.items()]
    return (
        "<h2>What “absent” means</h2><p>Most methods compare the image with a baseline. What does not differ from it "
        "gets nothing, so the baseline decides what can be seen.</p>" + facts(rows)
    )


def _overview() -> str:
    rows = "".join(
        f"<tr><td>{_link(entry.name)}</td><td>{'bands' if entry.bands else 'pixels only'}</td>"
        f"<td>{'yes' if entry.signed else 'no'}</td><td>{_SUMS[entry.sums_to] if entry.sums_to else '–'}</td>"
        f"<td>{'–' if entry.baseline == 'none' else 'yes'}</td></tr>"
        for entry in ATTRIBUTION_METHODS.values()
    )
    heads = ("Method", "Tells of", "Signs", "Adds up to", "Baseline")
    return (
        "<h2>All methods at a glance</h2><table><tr>"
        + "".join(f"<th>{head}</th>" for head in heads)
        + f"</tr>{rows}</table>"
    )


def _method(entry: AttributionMethod, prefix: str = "") -> str:
    several = {"none": "none", "one": "yes; with several, the mean of the maps", "several": "yes, all at once"}
    parameters = ", ".join(f"{name.replace('_', ' ')} ({_default(value)})" for name, value in entry.defaults.items())
    rows = [
        ("Adds up to", _SUMS[entry.sums_to]),
        ("Baseline", several[entry.baseline]),
        ("Times the model is asked", escape(entry.cost_formula)),
        ("Parameters", escape(parameters)),
        ("Networks", _NEEDS[entry.needs]),
        (
            "Large targets",
            "window by window, without seams" if entry.windows else f"refused. {escape(entry.why_whole)}",
        ),
    ]
    return f'<h3 id="{prefix}{entry.name}">{escape(entry.title)}</h3>{method_told(entry)}{facts(rows)}'


def _default(value: object) -> str:
    if value is None:
        return "found by itself"
    return value.replace("_", " ") if isinstance(value, str) else f"{value:g}"


def _link(name: str) -> str:
    return f'<a href="#{name}">{escape(ATTRIBUTION_METHODS[name].title)}</a>'


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="the folder to write the pages to")
    parser.add_argument("--scene", help="the scene with the farm that the formulas are shown on; without it, no page")
    parser.add_argument("--date", default="", help="which date of the scene")
    parser.add_argument("--target", default="", help="the farm, as well-known text in the scene's CRS")
    parser.add_argument("--polygons", default="", help="a layer with outlines; --feature says which one is the farm")
    parser.add_argument("--feature", type=int, default=0, help="number of the feature in the layer, counted from 0")
    asked = parser.parse_args(arguments)
    asked.output.mkdir(parents=True, exist_ok=True)
    write_text(methods_page(), asked.output / METHODS_PAGE)
    if asked.scene:
        text = _formulas(asked.scene, asked.date, asked.target, asked.polygons, asked.feature)
        write_text(text, asked.output / FORMULAS_PAGE)
    return 0


def _formulas(scene: str, date: str, target: str, polygons: str, feature: int) -> str:
    crs = ""
    if polygons:
        import shapely

        layer = read_polygons(polygons, Job.silent())
        target, crs = shapely.to_wkt(shapely.union_all(layer.polygons[layer.features == feature])), DEGREES
    request = ExplainOptions(scene=scene, date=date, target=target, target_crs=crs, device="cpu")
    with open_explained(request, Job.silent()) as explained:
        return formulas_page(measure(explained))


if __name__ == "__main__":
    raise SystemExit(main())
