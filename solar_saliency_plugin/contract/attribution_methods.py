"""The attribution methods: the one list from which dialogs, command line, help and the documentation are made.

What a method can and cannot tell stands here, in words for people who do not know how networks are differentiated.
Where it runs is named like a :class:`~.registry.Method`'s: imported at the first call only.
"""

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Mapping, Optional


@dataclass(frozen=True)
class AttributionMethod:
    """One method.

    runs: ``module:function`` in the engine. defaults: its parameters (fields of
    :class:`~.attribution.MethodOptions`) with their values. cost: evaluations of the network (one forward, or forward
    and backward, pass over what is computed) for settled parameters, K baselines, bands and pixels; cost_formula says
    the same in words. baseline: "none", "one" (with several, the mean of the maps is taken) or "several" (it takes all
    of them itself). bands: it has a value for each band of a pixel. signed: values may be negative.
    drawn: where – at the "pixels" that mattered, evenly over "superpixels", or, where a band is one feature, at the
    pixels whose "answers" changed.
    sums_to: "" or "difference" (S(x) − S(x′), so that completeness can be checked) or "answer" (S(x), conservation).
    needs: what it asks of a network: "gradient", "activations" (modules of their own), "family" (a network of
    ours), or "answers" (any network). effort: what an evaluation takes, as a multiple of one in 32 bits. windows:
    scene-wide maps can be computed window by window; else why_whole says why not. settles: a function (view, settings)
    → settings, run once, on the window with most target pixels, where there are several windows. gathers: a function
    (view, settings, core) → numbers that are added up over all windows before any is drawn. reach: (settings, metres a
    pixel) → how many pixels more than two receptive fields its windows need around them. changes: (settings, metres a
    pixel, pixels) → how many pixels wide what is changed at a time is, where only what that can move is computed.
    """

    name: str
    title: str
    paper: str
    formula: str
    tells: str
    cannot_tell: str
    known_to_fail: str
    runs: str
    cost_formula: str
    cost: Callable[[Mapping[str, Any], int, int, int], float]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    baseline: str = "none"
    bands: bool = True
    signed: bool = True
    drawn: str = "pixels"
    sums_to: str = ""
    needs: str = "gradient"
    effort: float = 1.0
    windows: bool = True
    why_whole: str = ""
    settles: str = ""
    gathers: str = ""
    reach: Optional[Callable[[Mapping[str, Any], float], int]] = None
    changes: Optional[Callable[[Mapping[str, Any], float, int], float]] = None


#: Every method, by name, in the order of dialogs.
ATTRIBUTION_METHODS: Dict[str, AttributionMethod] = {}


def _add(**members: Any) -> None:
    entry = AttributionMethod(**members)
    ATTRIBUTION_METHODS[entry.name] = entry


_SEEN_BY_GRADIENT = (
    "None that we know of. That the map of a model with random weights ranks pixels much alike, without regard to the "
    "sign, is so with every method here, and says nothing."
)

_add(
    name="integrated_gradients",
    title="Integrated gradients",
    paper="Sundararajan, Taly, Yan: Axiomatic Attribution for Deep Networks. ICML 2017",
    formula="φ = (x − x′) · ∫₀¹ ∂S/∂x(x′ + α (x − x′)) dα",
    tells="How much each pixel and band contributed to the difference between the answer for the image and for the "
    "baseline. The contributions add up to that difference.",
    cannot_tell="What does not differ from the baseline gets nothing, however important: compare baselines.",
    known_to_fail=_SEEN_BY_GRADIENT,
    runs="attribution.gradients:integrated_gradients",
    settles="attribution.gradients:settle_steps",
    cost_formula="steps × baselines; refined: 60, 180, 540 or 1620 steps, until completeness is within 1 % and the map "
    "moves by no more than 5 %; right ends without a number of steps: 100",
    cost=lambda s, baselines, bands, pixels: float((s["steps"] or (100 if s["rule"] == "right" else 60)) * baselines),
    defaults={"steps": None, "rule": "midpoint"},
    baseline="one",
    sums_to="difference",
)

_add(
    name="gradient",
    title="Gradient",
    paper="Simonyan, Vedaldi, Zisserman: Deep Inside Convolutional Networks. ICLR workshop 2014 (arXiv:1312.6034)",
    formula="φ = ∂S/∂x",
    tells="In which direction, and how steeply, the answer would move if a pixel became a little brighter in a band. "
    "It is cheap, and no baseline has a say in it.",
    cannot_tell="How much a pixel contributed: a model that is sure answers flatly, and its gradient is small where "
    "the evidence is strong. It is noisy, and an invisible change of the image can change it.",
    known_to_fail=_SEEN_BY_GRADIENT,
    runs="attribution.gradients:gradient",
    cost_formula="1",
    cost=lambda s, baselines, bands, pixels: 1.0,
)

_add(
    name="input_x_gradient",
    title="Input × gradient",
    paper="Shrikumar, Greenside, Shcherbina, Kundaje: Not Just a Black Box. 2016 (arXiv:1605.01713)",
    formula="φ = x · ∂S/∂x",
    tells="What each pixel and band would contribute if the model went on, down to black, as steeply as it does here.",
    cannot_tell="Anything about dark pixels: reflectance 0 gets 0, however important, and water gets hardly anything. "
    "The contributions add up to the answer for linear models only.",
    known_to_fail="Bright ground stands out, so that the map resembles the image even where the model's weights are "
    f"random. {_SEEN_BY_GRADIENT}",
    runs="attribution.gradients:input_x_gradient",
    cost_formula="1",
    cost=lambda s, baselines, bands, pixels: 1.0,
)


def _noisy_cost(settings: Mapping[str, Any], baselines: int, bands: int, pixels: int) -> float:
    return float(settings["samples"] * (20 * baselines if settings["of"] == "integrated_gradients" else 1))


_NOISY: Dict[str, Any] = {
    "cost_formula": "samples; of integrated gradients: samples × 20 × baselines",
    "cost": _noisy_cost,
    "defaults": {"samples": 50, "noise": 0.1, "of": "gradient"},
    "baseline": "several",  # integrated gradients use them, gradients none
}

_add(
    name="smoothgrad",
    title="SmoothGrad",
    paper="Smilkov, Thorat, Kim, Viégas, Wattenberg: SmoothGrad: removing noise by adding noise. 2017 "
    "(arXiv:1706.03825)",
    formula="φ = mean over samples of A(x + ε), ε from N(0, σ²), σ = noise · spread of the band, A: gradient or "
    "integrated gradients",
    tells="What remains of the gradient, or of integrated gradients, when the image is changed a little in many ways: "
    "the part that does not hang on the very image.",
    cannot_tell="It explains the model's answers to noisy images, which the model has never seen. With much noise "
    "these are no longer the answer that you ask about: try less, and see whether the map changes.",
    known_to_fail=_SEEN_BY_GRADIENT,
    runs="attribution.noise:smoothgrad",
    **_NOISY,
)

_add(
    name="vargrad",
    title="VarGrad",
    paper="Adebayo, Gilmer, Goodfellow, Kim: Local Explanation Methods for Deep Neural Networks Lack Sensitivity to "
    "Parameter Values. 2018 (arXiv:1810.03307)",
    formula="φ = mean over samples of (A(x + ε) − mean of A)², ε as in SmoothGrad",
    tells="Where the gradient, or integrated gradients, changes most when the image changes a little: where the model "
    "reacts to how bands and pixels combine, and where other maps are least certain.",
    cannot_tell="Whether a pixel raised or lowered the answer: it is never negative. A pixel on which the model relies "
    "in the same way whatever the noise gets 0.",
    known_to_fail=_SEEN_BY_GRADIENT,
    runs="attribution.noise:vargrad",
    signed=False,
    **_NOISY,
)

_add(
    name="smoothgrad_squared",
    title="SmoothGrad²",
    paper="Hooker, Erhan, Kindermans, Kim: A Benchmark for Interpretability Methods in Deep Neural Networks. "
    "NeurIPS 2019",
    formula="φ = mean over samples of A(x + ε)², ε as in SmoothGrad (the mean of squares, not the mean squared)",
    tells="Which pixels and bands matter in noisy copies of the image, in whatever direction: SmoothGrad squared, and "
    "VarGrad added.",
    cannot_tell="Whether a pixel raised or lowered the answer: it is never negative. Squares make few pixels stand "
    "out; weaker ones count, too.",
    known_to_fail=_SEEN_BY_GRADIENT,
    runs="attribution.noise:smoothgrad_squared",
    signed=False,
    **_NOISY,
)

_add(
    name="gradient_shap",
    title="GradientSHAP",
    paper="Lundberg, Lee: A Unified Approach to Interpreting Model Predictions. NeurIPS 2017; Erion, Janizek, "
    "Sturmfels, Lundberg, Lee: Improving performance of deep learning models with axiomatic attribution priors and "
    "expected gradients. Nature Machine Intelligence 2021",
    formula="φ = mean over samples of (x − x′) · ∂S/∂x(x′ + α (x − x′)), α from 0 to 1 and x′ from the baselines by "
    "chance",
    tells="What each pixel and band contributed, compared with many baselines instead of one: choose the baseline "
    "“surroundings”. The contributions add up to the difference between the answer for the image and the baselines' "
    "mean answer, up to chance.",
    cannot_tell="With fewer than five baselines, such as bare soil alone, only the points on the path are random: it "
    "is integrated gradients with chance in it. Despite its name it gives Shapley values for simple models only, such "
    "as linear ones.",
    known_to_fail=_SEEN_BY_GRADIENT,
    runs="attribution.expected:gradient_shap",
    cost_formula="samples",
    cost=lambda s, baselines, bands, pixels: float(s["samples"]),
    defaults={"samples": 200, "noise": None},
    baseline="several",
    sums_to="difference",
)

_HARDLY_REACTS = (
    "The randomisation test: its map hardly changes when the deeper layers' weights are replaced by random ones "
    "(Adebayo et al. 2018). It resembles an edge detector: do not take a convincing picture as proof."
)

#: Of methods that run in 64 bits.
_IN_DOUBLE = " with numbers of twice the length, which on a processor takes 4 to 30 times as long"

_add(
    name="deeplift",
    title="DeepLIFT",
    paper="Shrikumar, Greenside, Kundaje: Learning Important Features Through Propagating Activation Differences. "
    "ICML 2017",
    formula="φ = (x − x′) · m, where each activation's multiplier is Δoutput ÷ Δinput (rescale rule)",
    tells="How much each pixel and band contributed to the difference between the answer for the image and for the "
    "baseline. The contributions add up to that difference; a map for which they do not is "
    "not given out.",
    cannot_tell="What does not differ from the baseline gets nothing: compare baselines. How it divides a contribution "
    "between bands that act together is a convention, which integrated gradients do not share.",
    known_to_fail=_SEEN_BY_GRADIENT,
    effort=25.0,
    runs="attribution.deeplift:deeplift",
    cost_formula=f"2 × baselines{_IN_DOUBLE}",
    cost=lambda s, baselines, bands, pixels: 2.0 * baselines,
    baseline="one",
    sums_to="difference",
    needs="activations",
)

_add(
    name="deeplift_shap",
    title="DeepLIFT SHAP",
    paper="Lundberg, Lee: A Unified Approach to Interpreting Model Predictions. NeurIPS 2017",
    formula="φ = mean over the baselines x′ of DeepLIFT's (x − x′) · m",
    tells="What each pixel and band contributed, compared with many baselines instead of one: choose the baseline "
    "“surroundings”. The contributions add up to the difference between the answer for the image and the baselines' "
    "mean answer.",
    cannot_tell="With one baseline, such as bare soil, it is DeepLIFT. Despite its name it gives Shapley values for "
    "simple models only, such as linear ones.",
    known_to_fail=_SEEN_BY_GRADIENT,
    effort=25.0,
    runs="attribution.deeplift:deeplift_shap",
    cost_formula=f"2 × baselines{_IN_DOUBLE}",
    cost=lambda s, baselines, bands, pixels: 2.0 * baselines,
    baseline="several",
    sums_to="difference",
    needs="activations",
)

_add(
    name="guided_backprop",
    title="Guided backpropagation",
    paper="Springenberg, Dosovitskiy, Brox, Riedmiller: Striving for Simplicity. ICLR workshop 2015 (arXiv:1412.6806)",
    formula="φ = ∂S/∂x, where each ReLU passes back positive values only, and only where it was open",
    tells="Which shapes and spectra in the image excite the network on the way to the answer, in a map with less noise "
    "than the gradient's.",
    cannot_tell="Why the model decided: it hardly reacts to the model's weights, and shows much the same for another "
    "answer. It adds up to nothing.",
    known_to_fail=_HARDLY_REACTS,
    runs="attribution.modified_backprop:guided_backprop",
    cost_formula="1",
    cost=lambda s, baselines, bands, pixels: 1.0,
    needs="activations",
)

_add(
    name="deconvolution",
    title="Deconvolution",
    paper="Zeiler, Fergus: Visualizing and Understanding Convolutional Networks. ECCV 2014",
    formula="φ = ∂S/∂x, where each ReLU passes back positive values only, whether it was open or not",
    tells="What kind of input would excite the network's last layers at the target.",
    cannot_tell="Why the model decided: it hardly reacts to the model's weights, and, but for pooling, not to the "
    "image either. It adds up to nothing.",
    known_to_fail=_HARDLY_REACTS,
    runs="attribution.modified_backprop:deconvolution",
    cost_formula="1",
    cost=lambda s, baselines, bands, pixels: 1.0,
    needs="activations",
)

_GRADCAM: Dict[str, Any] = {
    "defaults": {"layer": None},
    "needs": "activations",
    "settles": "attribution.gradcam:settle_layer",
    "gathers": "attribution.gradcam:channel_gradients",
}

_add(
    name="gradcam",
    title="GradCAM",
    paper="Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra: Grad-CAM. ICCV 2017",
    formula="φ = ReLU(Σ_c w_c A_c), A: what the layer gives, w_c: mean of ∂S/∂A_c over the layer's cells",
    tells="Where a layer shows what the answer asks for, also at places that are not the target. For one detection, "
    "only the target and one receptive field around it are drawn (40 m with the default model); explain all detections "
    "of an extent to see other places. Layers of a coarser grid show larger shapes.",
    cannot_tell="Which bands matter, and what spoke against the answer: where all did, the map is empty. At the last "
    "layer, which is the default, it is little more than the model's answer, drawn once more: choose a deeper one. Its "
    "values depend on how much of the scene is explained: compare shapes only.",
    known_to_fail=_SEEN_BY_GRADIENT,
    effort=4.0,
    runs="attribution.gradcam:gradcam",
    cost_formula=f"1{_IN_DOUBLE}",
    cost=lambda s, baselines, bands, pixels: 1.0,
    bands=False,
    signed=False,
    **_GRADCAM,
)

_add(
    name="guided_gradcam",
    title="Guided GradCAM",
    paper="Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra: Grad-CAM. ICCV 2017",
    formula="φ = GradCAM × guided backpropagation",
    tells="Guided backpropagation's shapes and spectra, where GradCAM finds what the answer asks for.",
    cannot_tell="Why the model decided: the detail is guided backpropagation's, which hardly reacts to the model's "
    "weights. It adds up to nothing, and its size depends on how much of the scene is explained.",
    known_to_fail="Its detail is guided backpropagation's, which fails the randomisation test. On networks like the "
    "plugin's own it did react to random weights where this was tried.",
    effort=8.0,
    runs="attribution.gradcam:guided_gradcam",
    cost_formula=f"2, one of them{_IN_DOUBLE}",
    cost=lambda s, baselines, bands, pixels: 2.0,
    **_GRADCAM,
)

_add(
    name="lrp",
    title="Layer-wise relevance propagation (LRP)",
    paper="Bach, Binder, Montavon, Klauschen, Müller, Samek: On Pixel-Wise Explanations for Non-Linear Classifier "
    "Decisions by Layer-Wise Relevance Propagation. PLOS ONE 2015; z⁺: Montavon et al., Pattern Recognition 2017",
    formula="From S down to the image, R_i = Σ_j z_ij ÷ (z_j + ε sign z_j) · R_j; or αβ, with α = 2 and β = 1: "
    "(α z⁺_ij ÷ z⁺_j − β z⁻_ij ÷ z⁻_j) · R_j; or z⁺: α = 1 and β = 0. z_ij: what input i adds to output j",
    tells="How the answer at the target divides among the pixels and bands that it was made of, layer by layer. "
    "Nothing is lost: what biases and ε keep for themselves, and what falls where there is no data, is told beside the "
    "map. With z⁺ and αβ, and data everywhere, that is as a rule nothing, and the map adds up to the answer.",
    cannot_tell="With z⁺ what speaks against the answer: the sign of all relevance is that of the answer where it came "
    "from. αβ shows both sides, each larger than it is; they largely cancel. With ε the map is close to input × "
    "gradient, dark pixels get hardly anything, and biases, which hold the model's normalisation, keep much.",
    known_to_fail="z⁺ and αβ, like guided backpropagation, hardly react to the deeper layers' weights (Sixt, Granz, "
    "Landgraf 2020).",
    effort=20.0,
    runs="attribution.lrp:lrp",
    cost_formula=f"1{_IN_DOUBLE}",
    cost=lambda s, baselines, bands, pixels: 1.0,
    defaults={"relevance": "z_plus"},
    sums_to="answer",
    needs="family",
)

_PERTURBED = (
    "None that we know of: it looks at answers only, so it changes with the weights where they do. " + _SEEN_BY_GRADIENT
)


def _ablations(s: Mapping[str, Any], baselines: int, bands: int, pixels: int) -> float:
    """One for the image, and one for each feature; a pixel is taken to be 10 m wide where nothing was counted yet."""
    superpixels = max(1.0, pixels * 0.01 / (s["superpixel"] or 0.1))
    features = {"bands": bands, "superpixels": superpixels, "bands_of_superpixels": bands * superpixels}
    expected = min(features[s["features"]], max(s["evaluations"], bands))
    return baselines * (1.0 + s.get("images", expected))


def _taken_away(s: Mapping[str, Any], pixel: float, pixels: int) -> float:
    """A band is as wide as all; a superpixel is half as wide again as a square of its size."""
    if s["features"] == "bands":
        return float(pixels)
    most = s["evaluations"] / (10 if s["features"] == "bands_of_superpixels" else 1)
    return 1.5 * max((s["superpixel"] or 0.1) * 1e4 / pixel**2, pixels / most) ** 0.5


_add(
    name="feature_ablation",
    title="Feature ablation",
    paper="Zeiler, Fergus: Visualizing and Understanding Convolutional Networks. ECCV 2014",
    formula="φ of a feature = S(x) − S(x with the feature replaced by the baseline)",
    tells="What the answer loses when one thing is taken away: a band, a superpixel (a patch of similar pixels), or "
    "one band of a superpixel. It is the plainest question that can be put to a model, and needs no gradient. Bands "
    "are drawn where answers changed; what a superpixel does is shared out evenly among its pixels, and, where all its "
    "bands are taken away together, among its bands.",
    cannot_tell="What two things do together: where either alone is enough for the model, taking away one changes "
    "nothing, and both get nothing. The numbers do not add up to the answer. Without a band, an image may look like "
    "none that the model has learned from.",
    known_to_fail=_PERTURBED,
    drawn="answers",
    runs="attribution.ablation:feature_ablation",
    settles="attribution.ablation:settle_ablation",
    cost_formula="1 + bands, superpixels, or both multiplied; superpixels whose size is left empty have 0.1 ha, or "
    "more where the evaluations allowed would not suffice; there are at most 1000",
    cost=_ablations,
    changes=_taken_away,
    defaults={"features": "bands", "superpixel": None, "evaluations": 1000},
    baseline="one",
    needs="answers",
)

_add(
    name="feature_permutation",
    title="Feature permutation",
    paper="Breiman: Random Forests. Machine Learning 2001; Fisher, Rudin, Dominici: All Models are Wrong, but Many are "
    "Useful. JMLR 2019",
    formula="φ of a band = S(x) − mean of S(x with the band's value at each pixel drawn from all that are explained)",
    tells="How much the answer needs each band to be right at its place: one number a band, drawn where answers "
    "changed. No baseline is needed, and each value is one that occurs in what is explained.",
    cannot_tell="Which pixels mattered: the map shows whose answers changed, not what was looked at. Values are "
    "exchanged within what is explained, so a band that is alike all over it gets nothing: for one farm, little else "
    "than the farm. It tells most when all detections of an extent are explained together. Exchanged bands look "
    "speckled, as no real image does. Bands that say the same stand in for each other.",
    known_to_fail=_PERTURBED,
    drawn="answers",
    runs="attribution.permutation:feature_permutation",
    gathers="attribution.permutation:gather_values",
    cost_formula="1 + samples · bands",
    cost=lambda s, baselines, bands, pixels: 1.0 + s["samples"] * bands,
    defaults={"samples": 10},
    needs="answers",
)


def _squares(s: Mapping[str, Any], baselines: int, bands: int, pixels: int) -> float:
    """One for the image, and one for each square; a pixel is taken to be 10 m wide where nothing was counted yet."""
    expected = ((pixels**0.5 + max(1, round(s["patch"] / 10)) - 1) / s["stride"]) ** 2
    return baselines * (1.0 + s.get("images", min(expected, s["evaluations"])))


_add(
    name="occlusion",
    title="Occlusion",
    paper="Zeiler, Fergus: Visualizing and Understanding Convolutional Networks. ECCV 2014",
    formula="φ of a pixel = mean, over the squares that cover it, of S(x) − S(x with the square replaced by the "
    "baseline)",
    tells="Which places the answer needs: what it loses while a square of the image is hidden. Squares lie on the "
    "scene's grid and reach over the edge.",
    cannot_tell="Which bands matter: all are hidden together. Nothing finer than a square. Where the rest of a farm is "
    "enough for the model, hiding a part of it changes little. A square's edge may itself look like something. The "
    "values do not add up to the answer.",
    known_to_fail=_PERTURBED,
    runs="attribution.occlusion:occlusion",
    settles="attribution.occlusion:settle_squares",
    reach=lambda s, pixel: max(1, round(s["patch"] / pixel)) - 1,
    cost_formula="1 + the number of squares that the target can see: about pixels ÷ stride²; each costs a part of a "
    "pass only. The stride grows where the evaluations allowed would not suffice",
    cost=_squares,
    changes=lambda s, pixel, pixels: s["patch"] / pixel,
    defaults={"patch": 50.0, "stride": 2, "evaluations": 20_000},
    baseline="one",
    bands=False,
    needs="answers",
)

_OF_SUPERPIXELS: Dict[str, Any] = {
    "cost_formula": "the evaluations allowed. Superpixels whose size is left empty have 0.1 ha, or more so that there "
    "are at most 60, and four evaluations for each",
    "cost": lambda s, baselines, bands, pixels: float(baselines * s["evaluations"]),
    "defaults": {"superpixel": None, "evaluations": 1000, "precision": None},
    "baseline": "one",
    "bands": False,
    "needs": "answers",
    "windows": False,
    "why_whole": "Its superpixels are made of all that is explained at once.",
}

_add(
    name="lime",
    title="LIME",
    paper="Ribeiro, Singh, Guestrin: “Why Should I Trust You?” Explaining the Predictions of Any Classifier. KDD 2016",
    formula="S ≈ c + Σ_i φ_i z_i, least squares over random sets z of present superpixels, weighted by "
    "exp(−d² ÷ 2·0.25²), d = 1 − √(share present)",
    tells="What each superpixel (a patch of similar pixels) adds to the answer, in a linear model of what happens near "
    "the image as it is. How well that model fits (R²) is told beside the map.",
    cannot_tell="What superpixels do together; a low R² says that they do, and that the map is then a poor summary. "
    "The values do not add up to the answer, and depend on the kernel's width, the superpixels and the seed.",
    known_to_fail=_PERTURBED,
    drawn="superpixels",
    runs="attribution.surrogates:lime",
    **_OF_SUPERPIXELS,
)

_add(
    name="kernel_shap",
    title="KernelSHAP",
    paper="Lundberg, Lee: A Unified Approach to Interpreting Model Predictions. NeurIPS 2017",
    formula="S ≈ S(x′) + Σ_i φ_i z_i, least squares over random sets z of present superpixels whose sizes k are drawn "
    "by (n − 1) ÷ (k (n − k)); z = all and none are held",
    tells="Each superpixel's Shapley value: its share of the difference between image and baseline, if it joins the "
    "others at a random moment. The shares add up to that difference. This is captum's, for reference.",
    cannot_tell="How far off it is: it is an estimate, without an error bar, and another seed gives another one. With "
    "superpixels missing, images look like none that the model has learned from.",
    known_to_fail=_PERTURBED,
    drawn="superpixels",
    runs="attribution.surrogates:kernel_shap",
    sums_to="difference",
    **_OF_SUPERPIXELS,
)

_add(
    name="shapley_sampling",
    title="Shapley value sampling",
    paper="Castro, Gómez, Tejada: Polynomial Calculation of the Shapley Value Based on Sampling. Computers & "
    "Operations Research 2009",
    formula="φ_i = mean, over random orders, of what S gains when superpixel i joins those before it",
    tells="Each superpixel's Shapley value: its share of the difference between image and baseline, if it joins the "
    "others at a random moment. The shares add up to that difference. This is captum's, for reference.",
    cannot_tell="How far off it is: it is an estimate, without an error bar, and another seed gives another one. With "
    "superpixels missing, images look like none that the model has learned from.",
    known_to_fail=_PERTURBED,
    drawn="superpixels",
    runs="attribution.surrogates:shapley_sampling",
    sums_to="difference",
    **_OF_SUPERPIXELS,
)
