"""Requests and results of looking into the network: what its layers and channels contribute, and what they look at."""

from dataclasses import dataclass
from typing import Any, Dict, Optional, Tuple

from .attribution import Question
from .attribution_methods import AttributionMethod
from .options import Role, option
from .registry import method

#: Methods that attribute to a layer's channels (``bands`` is false), and ones that attribute one channel to the image's
#: bands. ``sums_to`` "difference": to S(x) − S(x′), where the layer is all that the answer is made from; for those of a
#: channel, to how much more the channel shows for the image than for the baseline.
LAYER_METHODS: Dict[str, AttributionMethod] = {}

_MODULE = "attribution.layer_methods"
_NEURONS = "attribution.neuron_methods"

#: Points on the path where none are given.
STEPS = 64

#: Random points between image and baseline where none are given.
SAMPLES = 64


def _add(**members: Any) -> None:
    neuron = members["name"].startswith("neuron_")
    runs = f"{_NEURONS if neuron else _MODULE}:{members['name']}"
    entry = AttributionMethod(runs=runs, bands=neuron, needs="activations", windows=False, **members)
    LAYER_METHODS[entry.name] = entry


_UNTESTED = "Not tested yet whether it reacts to random weights as it should."

_CHANNELS = (
    "What a channel stands for: it has no name. Look at its map, or at what it looks at in the image, which the "
    "methods for one channel show."
)

_SUNDARARAJAN = "Sundararajan, Taly, Yan: Axiomatic Attribution for Deep Networks. ICML 2017"
_DHAMDHERE = "Dhamdhere, Sundararajan, Yan: How Important Is a Neuron? ICLR 2019"

_add(
    name="layer_integrated_gradients",
    title="Layer integrated gradients",
    paper=f"{_SUNDARARAJAN}; applied to a layer as in captum",
    formula="φ = (A − A′) · ∫₀¹ ∂S/∂A at A′ + α(A − A′) dα; A, A′: what the layer gives for image and baseline",
    tells="How much each channel, at each place, raised or lowered the answer when the layer goes from what it gives "
    "for the baseline to what it gives for the image. It adds up to what the answer loses if the layer shows the "
    "baseline and all else the image.",
    cannot_tell=f"{_CHANNELS} On its path, values stand together that no image gives.",
    known_to_fail=_UNTESTED,
    cost_formula="steps, for each baseline, and 4",
    cost=lambda s, baselines, bands, pixels: float((s["steps"] + 4) * baselines),
    defaults={"steps": STEPS},
    baseline="one",
    sums_to="difference",
)

_add(
    name="layer_conductance",
    title="Layer conductance",
    paper=_DHAMDHERE,
    formula="φ = ∫₀¹ ∂S/∂A · ∂A/∂α dα along x′ + α(x − x′), by trapezoids",
    tells="How much of the change from baseline to image flowed through each channel, at each place. Where all that "
    "the answer is made from goes through the layer, it adds up to the change of the answer.",
    cannot_tell=f"{_CHANNELS} What goes round the layer, as skip connections do, is in no channel; the result says "
    "whether there is such a way.",
    known_to_fail=_UNTESTED,
    cost_formula="steps + 1, for each baseline",
    cost=lambda s, baselines, bands, pixels: float((s["steps"] + 1) * baselines),
    defaults={"steps": STEPS},
    baseline="one",
    sums_to="difference",
)

_add(
    name="internal_influence",
    title="Internal influence",
    paper="Leino, Sen, Datta, Fredrikson, Li: Influence-Directed Explanations for Deep Convolutional Networks. "
    "ITC 2018",
    formula="φ = ∫₀¹ ∂S/∂A at x′ + α(x − x′) dα",
    tells="How strongly the answer reacts to each channel, at each place, on average between baseline and image: also "
    "to channels that show little here.",
    cannot_tell=f"{_CHANNELS} How much a channel contributed: it says what would happen if it showed more. It adds up "
    "to nothing.",
    known_to_fail=_UNTESTED,
    cost_formula="steps, for each baseline",
    cost=lambda s, baselines, bands, pixels: float(s["steps"] * baselines),
    defaults={"steps": STEPS},
    baseline="one",
)

_add(
    name="layer_gradient_shap",
    title="Layer GradientSHAP",
    paper="Lundberg, Lee: A Unified Approach to Interpreting Model Predictions. NeurIPS 2017; applied to a layer as in "
    "captum",
    formula="φ = E[(A(x) − A(x′)) · ∂S/∂A at x′ + α(x − x′)], α drawn from 0 to 1, x′ from the baselines",
    tells="What each channel contributed, at each place, on average over many baselines: best with the surroundings.",
    cannot_tell=f"{_CHANNELS} It adds up to the change of the answer only where the network is linear.",
    known_to_fail=_UNTESTED,
    cost_formula="samples, and 1 for the image and each baseline",
    cost=lambda s, baselines, bands, pixels: float(s["samples"] + baselines + 1),
    defaults={"samples": SAMPLES},
    baseline="several",
)

_add(
    name="layer_deeplift",
    title="Layer DeepLIFT",
    paper="Shrikumar, Greenside, Kundaje: Learning Important Features Through Propagating Activation Differences. "
    "ICML 2017",
    formula="φ = (A − A′) · m, multipliers m by the rescale rule",
    tells="What each channel contributed, at each place, in two evaluations. Where all that the answer is made from "
    "goes through the layer, it adds up to the change of the answer.",
    cannot_tell=f"{_CHANNELS} What goes round the layer is in no channel.",
    known_to_fail=_UNTESTED,
    cost_formula="2, for each baseline",
    cost=lambda s, baselines, bands, pixels: 2.0 * baselines,
    baseline="one",
    sums_to="difference",
)

_add(
    name="gradcam",
    title="GradCAM",
    paper="Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra: Grad-CAM. ICCV 2017",
    formula="φ_c = w_c A_c, w_c: mean of ∂S/∂A_c over the layer's cells; with its sign, unlike in Explain Detection",
    tells="Where a layer shows what the answer asks for (positive), or what speaks against it (negative), by channel.",
    cannot_tell=f"{_CHANNELS} Its size depends on how much around the target is looked at: compare its shape only.",
    known_to_fail="Plain rank correlation after randomising weights looks high for every method.",
    cost_formula="1",
    cost=lambda s, baselines, bands, pixels: 1.0,
)

_ONE_CHANNEL = (
    "Whether the channel matters for the answer: ask a method for layers. N is taken over the cells that the target's "
    "pixels lie in, as the answer is: their mean, or their sum."
)

_add(
    name="neuron_conductance",
    title="Neuron conductance",
    paper=_DHAMDHERE,
    formula="φ = (x − x′) · ∫₀¹ Σ ∂S/∂A_c · ∂A_c/∂x dα along x′ + α(x − x′), Σ over the cells at the target",
    tells="Which pixels and bands brought about what the answer has from this channel, at the target.",
    cannot_tell="What other channels did with the same pixels. What the channel shows beside the target is left out. "
    "It adds up to the channel's own part of the answer, not to the answer.",
    known_to_fail=_UNTESTED,
    cost_formula="steps, for each baseline",
    cost=lambda s, baselines, bands, pixels: float(s["steps"] * baselines),
    defaults={"steps": STEPS},
    baseline="one",
)

_add(
    name="neuron_gradient",
    title="Neuron gradient",
    paper="Simonyan, Vedaldi, Zisserman: Deep Inside Convolutional Networks. ICLR workshop 2014",
    formula="φ = ∂N/∂x; N: what the channel shows at the target",
    tells="Which pixels and bands the channel reacts to, if they change a little.",
    cannot_tell=f"What made the channel show what it shows; where it is at rest, there is no gradient. {_ONE_CHANNEL}",
    known_to_fail=_UNTESTED,
    cost_formula="1",
    cost=lambda s, baselines, bands, pixels: 1.0,
)

_add(
    name="neuron_integrated_gradients",
    title="Neuron integrated gradients",
    paper=_SUNDARARAJAN,
    formula="φ = (x − x′) · ∫₀¹ ∂N/∂x at x′ + α(x − x′) dα; N: what the channel shows at the target",
    tells="Which pixels and bands made the channel show more, or less, than for the baseline. It adds up to that.",
    cannot_tell=_ONE_CHANNEL,
    known_to_fail=_UNTESTED,
    cost_formula="steps, for each baseline",
    cost=lambda s, baselines, bands, pixels: float(s["steps"] * baselines),
    defaults={"steps": STEPS},
    baseline="one",
    sums_to="difference",
)

_add(
    name="neuron_deeplift",
    title="Neuron DeepLIFT",
    paper="Shrikumar, Greenside, Kundaje: Learning Important Features Through Propagating Activation Differences. "
    "ICML 2017",
    formula="φ = (x − x′) · m, multipliers m of N by the rescale rule; N: what the channel shows at the target",
    tells="Which pixels and bands made the channel show more, or less, than for the baseline, in two evaluations.",
    cannot_tell=_ONE_CHANNEL,
    known_to_fail=_UNTESTED,
    cost_formula="2, for each baseline",
    cost=lambda s, baselines, bands, pixels: 2.0 * baselines,
    baseline="one",
    sums_to="difference",
)


@dataclass(frozen=True)
class LayerAttributionResult:
    """A raster of what a layer, or one channel, contributed or looks at. What there is not is NaN (null), or −1.

    layer: the layer's name; channel: the channel that was asked for; cell: how many pixels the layer's cells are wide.
    layers: all layers that can be chosen, in the order in which the network computes them: name, channels, cell.
    channels: those with the largest shares: channel, sum (signed), share (of Σ|φ| over the layer). goes_round: the
    answer is made from more than the layer, as with skip connections. f_x, f_baseline: the answer S for image and
    baseline; neuron_x, neuron_baseline: N, of a method for one channel. wanted_sum: what the attributions should add
    up to; error: by how much they do not, as a share.
    """

    output: str
    attribution_method: str
    layer: str
    channel: int
    cell: int
    layers: Tuple[Dict[str, Any], ...]
    channels: Tuple[Dict[str, Any], ...]
    goes_round: bool
    baseline_text: str
    settings: Dict[str, Any]
    target_wkt: str
    target_crs: str
    target_pixels: int
    f_x: float
    f_baseline: float
    neuron_x: float
    neuron_baseline: float
    attribution_sum: float
    wanted_sum: float
    error: float
    evaluations: int
    width: int
    height: int
    device: str
    model: str
    model_sha256: str
    seconds: float
    warnings: Tuple[str, ...] = ()


@method("layerattribution", result=LayerAttributionResult, runs="attribution.layer_attribution:layer_attribution")
@dataclass(frozen=True)
class LayerAttributionRequest(Question):
    """Look into the network: what its layers and channels contributed to the answer, or what one channel looks at.

    Methods for layers show where a layer's channels raised or lowered the answer, and which channels did most. Methods
    for one channel show which pixels and bands of the image that channel owes its values to. Layers of a coarse grid
    are drawn smoothly, each cell over the pixels that it stands for; a value is the cell's, not divided among its
    pixels.
    """

    attribution_method: str = option(
        "The method. Those called “Neuron …” are for one channel. Each one's help says what it can and cannot tell.",
        "layer_conductance",
        choices=tuple(LAYER_METHODS),
    )
    layer: str = option(
        "Layer of the network, by name. Empty: the last activation before the output. The result lists all names.",
        "",
        role=Role.NETWORK_LAYER,
    )
    channel: Optional[int] = option(
        "Channel of the layer, counted from 0. Empty: all of them, added up; methods for one channel need one.",
        None,
        minimum=0,
        maximum=100_000,
    )
    output: str = option("The raster to write (GeoTIFF).", role=Role.RASTER_OUTPUT)
    top_channels: int = option(
        "Methods for layers: for how many of the channels that did most a map of their own is written, too.",
        0,
        minimum=0,
        maximum=64,
    )
    per_band: bool = option("Methods for one channel: write a map for each band, too.", False)
    steps: Optional[int] = option(
        f"Points on the path from baseline to image. Empty: {STEPS}.",
        None,
        minimum=2,
        maximum=10_000,
        advanced=True,
    )
    samples: Optional[int] = option(
        f"How many random points are drawn. Empty: {SAMPLES}.", None, minimum=1, maximum=10_000, advanced=True
    )
