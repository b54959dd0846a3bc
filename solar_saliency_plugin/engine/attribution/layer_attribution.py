"""Look into the network: a scene and a target in, a raster of what a layer or one of its channels did out."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...contract.attribution_methods import AttributionMethod
from ...contract.errors import MethodUnsuitableError, ModelInvalidError, RequestError
from ...contract.layer_attribution import LAYER_METHODS, LayerAttributionRequest, LayerAttributionResult
from ..imagery.outputs import RASTER_SUFFIXES, check_output
from ..job import Job
from .explained import Explained, open_explained
from .layer_methods import Found, goes_round
from .layers import Layer, chosen_layer, described, layers_of, on_pixels
from .maps import layers as layers_of_bands
from .maps import titles as titles_of_bands
from .methods import function_named
from .neuron_methods import neuron_value
from .one_piece import equals_baseline, write_map, writing
from .quality import completeness_error
from .view import Settings, View

#: Where the run is when the target is found, and when the map is computed.
FOUND, COMPUTED = 0.05, 0.95

#: Error of the sum from which the user is warned, as a share.
TOLERANCE = 0.01

#: Channels that the result lists.
LISTED = 20


@dataclass(frozen=True)
class Run:
    """One run: what is asked, the view of it, and the layer by its name. settings: the method's parameters."""

    request: LayerAttributionRequest
    entry: AttributionMethod
    explained: Explained
    view: View
    pixels: int
    name: str
    layer: Layer
    settings: Settings
    output: Path

    @property
    def has_baseline(self) -> bool:
        """Whether the method compares with one."""
        return self.entry.baseline != "none"

    @property
    def shows_nothing(self) -> bool:
        """Whether nothing differs, of a method that attributes differences: what it finds is rounding."""
        return self.has_baseline and self.entry.name != "internal_influence" and equals_baseline(self.view)


def layer_attribution(request: LayerAttributionRequest, job: Job) -> LayerAttributionResult:
    """Write the raster of a layer's or a channel's attribution (float32, nodata NaN) on the scene's own grid.

    Raises :class:`SolarSaliencyError`.
    """
    entry = LAYER_METHODS[request.attribution_method]
    settings = _settings(request, entry)
    with open_explained(request, job) as explained:
        output = check_output(request.output, explained.inputs, RASTER_SUFFIXES)
        _require_layers(entry, explained)
        with writing(explained, output):
            view, pixels = explained.whole_view(job.part(FOUND, COMPUTED))
            name, layer = chosen_layer(view, {"layer": request.layer})
            if request.channel is not None and request.channel >= layer.channels:
                raise RequestError(
                    f"The layer “{name}” has no channel {request.channel}.",
                    f"It has {layer.channels}, counted from 0 to {layer.channels - 1}.",
                )
            return _explain(Run(request, entry, explained, view, int(pixels.sum()), name, layer, settings, output), job)


def _settings(request: LayerAttributionRequest, entry: AttributionMethod) -> dict[str, Any]:
    """The method's parameters: those that the request gives, or its own. RequestError for what it does not have."""
    for parameter in ("steps", "samples"):
        if getattr(request, parameter) is not None and parameter not in entry.defaults:
            has = ", ".join(entry.defaults) or "none"
            raise RequestError(
                f"“{entry.title}” has no parameter “{parameter}”.", f"Leave it empty. Its own parameters: {has}."
            )
    if entry.bands and request.channel is None:
        raise RequestError(
            f"“{entry.title}” is for one channel, and none was given.",
            "Choose a channel; a method for layers lists those that did most.",
        )
    if entry.bands and request.top_channels:
        raise RequestError(f"“{entry.title}” is for one channel: it has no map of others.", "Set “top_channels” to 0.")
    if not entry.bands and request.per_band:
        raise RequestError(
            f"“{entry.title}” attributes to a layer, which has no bands.",
            "Leave “per_band” out, or choose a method for one channel.",
        )
    given = {name: getattr(request, name) for name in entry.defaults if getattr(request, name) is not None}
    return {**entry.defaults, **given, "channel": request.channel}


def _require_layers(entry: AttributionMethod, explained: Explained) -> None:
    reason = explained.network.why_not(entry.needs)
    if reason:
        raise MethodUnsuitableError(
            f"“{entry.title}” cannot explain this model: {reason}.",
            "Use Explain Detection, with a method that asks less of the model, such as integrated gradients.",
        )
    explained.require_whole(f"“{entry.title}”", "A layer's channels are told for the target as a whole.")


def _explain(run: Run, job: Job) -> LayerAttributionResult:
    job.info(f"The layers are, in order: {described(layers_of(run.view))}.")
    job.info(f"The layer is “{run.name}”: {run.layer.text}.")
    found = _found(run)
    if not torch.isfinite(found.values).all():
        raise ModelInvalidError(
            "The attribution holds values that are no numbers: the network's answer or gradient is not finite there.",
            "Try another method or baseline. If all fail, the network is at fault.",
        )
    table = [] if run.entry.bands else _table(found.values)
    result = _result(run, found, table, job)
    drawn, titles = _drawn(run, found.values, table)
    valid = run.view.valid.cpu().numpy()
    write_map(
        run.explained,
        "layerattribution",
        result,
        drawn,
        valid,
        titles,
        run.output,
        "contribution",
        job.part(COMPUTED, 1),
    )
    job.finish("Done")
    return result


def _found(run: Run) -> Found:
    """What the method finds: the mean over the baselines for one that takes one at a time."""
    function, view = function_named(run.entry.runs), run.view
    count = len(view.baselines) if run.entry.baseline == "one" else 1
    parts: list[Found] = []
    for index in range(count):
        part = view.of_baseline(index) if run.entry.baseline == "one" else view
        job = view.job.part(index / count, (index + 1) / count)
        parts.append(function(replace(part, job=job), run.layer, run.settings))
    values = torch.stack([part.values for part in parts]).mean(dim=0) if count > 1 else parts[0].values
    values = torch.zeros_like(values) if run.shows_nothing else values
    wanted = sum(part.wanted for part in parts) / count
    return Found(values, sum(part.evaluations for part in parts), wanted)


def _table(values: torch.Tensor) -> list[dict[str, Any]]:
    """What each channel did, of values (channels, h, w), largest share first."""
    sums, sizes = values.sum(dim=(1, 2)), values.abs().sum(dim=(1, 2))
    total = float(sizes.sum())
    order = torch.argsort(sizes, descending=True, stable=True).tolist()
    return [
        {"channel": c, "sum": float(sums[c]), "share": float(sizes[c]) / total if total else math.nan} for c in order
    ]


def _drawn(run: Run, values: torch.Tensor, table: list[dict[str, Any]]) -> tuple[np.ndarray, tuple[str, ...]]:
    """The raster's layers (n, H, W), and their names."""
    if run.entry.bands:
        return (
            layers_of_bands(values.cpu().numpy(), run.request.per_band),
            titles_of_bands(run.explained.scene.bands, run.request.per_band),
        )
    chosen = run.request.channel
    cells = [values.sum(dim=0) if chosen is None else values[chosen]]
    titles = ["attribution, sum over channels" if chosen is None else f"attribution, channel {chosen}"]
    for row in table[: run.request.top_channels]:
        cells.append(values[row["channel"]])
        titles.append(f"channel {row['channel']}")
    drawn = [on_pixels(one, run.layer.cell, run.view.shape).cpu().numpy() for one in cells]
    return np.stack(drawn), tuple(titles)


def _result(run: Run, found: Found, table: list[dict[str, Any]], job: Job) -> LayerAttributionResult:
    view, explained, request = run.view, run.explained, run.request
    # Of one channel there is no sum to compare with, unless the method is for one.
    alone = request.channel is not None and not run.entry.bands
    values = found.values[request.channel] if alone else found.values
    wanted = math.nan if alone else found.wanted
    total, absolute = float(values.sum()), float(values.abs().sum())
    error = math.nan if math.isnan(wanted) else completeness_error(total, wanted, absolute)
    image, baseline = _answers(view)
    neuron_x, neuron_baseline = _neuron(run)
    round_it = goes_round(view, run.layer)
    _warn(run, job, error, round_it)
    return LayerAttributionResult(
        output=str(run.output),
        attribution_method=run.entry.name,
        layer=run.name,
        channel=-1 if request.channel is None else request.channel,
        cell=run.layer.cell,
        layers=tuple({"name": n, "channels": la.channels, "cell": la.cell} for n, la in layers_of(view).items()),
        channels=tuple(table[:LISTED]),
        goes_round=round_it,
        baseline_text=explained.baseline.text if run.has_baseline else "",
        settings={name: value for name, value in run.settings.items() if name != "channel"},
        target_wkt=explained.target.wkt(explained.scene.grid),
        target_crs=explained.scene.grid.crs.to_string(),
        target_pixels=run.pixels,
        f_x=image,
        f_baseline=baseline if run.has_baseline else math.nan,
        neuron_x=neuron_x,
        neuron_baseline=neuron_baseline if run.has_baseline else math.nan,
        attribution_sum=total,
        wanted_sum=wanted,
        error=error,
        evaluations=round(found.evaluations),
        width=explained.region.width,
        height=explained.region.height,
        device=explained.network.device,
        model=explained.model.card.name,
        model_sha256=explained.model.sha256,
        seconds=job.seconds,
        warnings=tuple(job.warnings),
    )


def _answers(view: View) -> tuple[float, float]:
    """S(x), and the mean of S over the baselines."""
    with torch.inference_mode():
        compared = [float(view.score(baseline[None]).double()) for baseline in view.baselines]
        return float(view.score(view.reflectance).double()), sum(compared) / len(compared)


def _neuron(run: Run) -> tuple[float, float]:
    """N for the image, and its mean over the baselines; NaN where the method is for a whole layer."""
    channel, view = run.request.channel, run.view
    if not run.entry.bands or channel is None:
        return math.nan, math.nan
    compared = [float(neuron_value(view, run.layer, channel, baseline[None])) for baseline in view.baselines]
    return float(neuron_value(view, run.layer, channel, view.reflectance)), sum(compared) / len(compared)


def _warn(run: Run, job: Job, error: float, round_it: bool) -> None:
    if run.shows_nothing:
        job.warn("The baseline equals the image: nothing differs, so the map is zero everywhere. Choose another one.")
    elif error > TOLERANCE:
        job.warn(
            f"The contributions miss what they should add up to by {100 * error:.1f} %. Allow more steps, or treat the "
            "map with care."
        )
    if round_it and run.entry.name in ("layer_conductance", "layer_deeplift"):
        job.info(f"Part of the answer goes round the layer “{run.name}”: its channels need not add up to the change.")
