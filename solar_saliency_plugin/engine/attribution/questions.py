"""Which question, which method: what the guide advises. The methods themselves are told by the list in the contract."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """What somebody wants to know, which methods of the list answer it (the first one first), and why."""

    asked: str
    methods: tuple[str, ...]
    advice: str


QUESTIONS = (
    Question(
        "Which pixels and bands made the model see a solar farm here, and how much did each contribute?",
        ("integrated_gradients", "deeplift"),
        "Contributions that add up to the difference between the image and a baseline. Integrated gradients is the "
        "default; DeepLIFT gives nearly the same at the price of two runs. Try bare soil first, then others.",
    ),
    Question(
        "The same, but no single baseline is right.",
        ("gradient_shap", "deeplift_shap"),
        "With the baseline “surroundings”, the farm is compared with spectra of the ground around it: what would stand "
        "there if the farm did not.",
    ),
    Question(
        "In which direction would the answer move if a pixel became a little brighter in a band?",
        ("smoothgrad", "gradient"),
        "Gradients answer this question, and no other. A single gradient is noisy: SmoothGrad is its steady part.",
    ),
    Question(
        "How sure is such a map of itself?",
        ("vargrad", "smoothgrad_squared"),
        "Where the map changes most when the image changes a little.",
    ),
    Question(
        "What does the model lose if a place is hidden from it: a hedge, a roof, a part of the farm?",
        ("occlusion", "feature_ablation"),
        "The plainest test there is: hide it, and look at the answer. It needs no gradient, so it works for every "
        "network. What two places do together it does not show.",
    ),
    Question(
        "Which bands does the model need?",
        ("feature_permutation", "feature_ablation"),
        "Permutation over all detections of an extent needs no baseline. Ablation replaces a band by the baseline.",
    ),
    Question(
        "Which parts of the landscape share in the answer, in a handful of numbers that people can discuss?",
        ("shapley_sampling", "kernel_shap", "lime"),
        "One number for each superpixel. Shapley values share out the whole difference, and so count what places do "
        "together; LIME is a linear summary, with R² saying how good a summary.",
    ),
    Question(
        "How does the answer divide among pixels, layer by layer?",
        ("lrp",),
        "Relevance is conserved on its way from the answer to the pixels. For the plugin's own networks only.",
    ),
    Question(
        "Where do deeper layers see what they look for?",
        ("gradcam", "guided_gradcam"),
        "Coarse, without bands, and at the last layer little more than the answer itself: choose a deeper layer.",
    ),
    Question(
        "What shapes excite the network?",
        ("guided_backprop", "deconvolution"),
        "Sharp pictures, but they hardly react to what the model has learned. Never show one as the reason.",
    ),
    Question(
        "What would the textbook's oldest formula give?",
        ("input_x_gradient",),
        "For teaching and for comparison: dark pixels get nothing from it, however important.",
    ),
)

#: What “absent” may mean, and what that hides.
BASELINES = {
    "Bare soil": "One spectrum of dry ground everywhere. What stands out against open ground shows. The default.",
    "Zero": "Black in every band. No ground is like that, but what is dark, as panels are, differs little from it, and "
    "so gets little.",
    "Mean of the scene": "The scene's own mean of each band. Where much of the image is solar farm, the baseline is "
    "one, too, and hides what makes one.",
    "Blurred image": "The image without detail. Only detail shows; what is large and uniform, such as the inside of a "
    "farm, stays in the baseline and gets nothing.",
    "Surroundings": "Spectra drawn from undetected ground up to 500 m away: several baselines, whose mean counts.",
    "Another date": "The same place on another day: what has changed since shows, and nothing else.",
}

#: What to do before a map is shown to anybody.
CHECKS = (
    "Compare at least three baselines (Compare Explanations does it at once). Where maps differ, say which one it is.",
    "Compare at least two methods of different families, such as integrated gradients and occlusion. Methods of one "
    "family share their flaws.",
    "Read the numbers that come with the map: what the contributions add up to, and the answer for the baseline. A "
    "baseline that the model itself takes for a solar farm explains nothing.",
    "Explain logits, not probabilities: where the model is sure, probabilities hardly move.",
    "Take the map for what it is: what this model reacts to. It is no evidence of what stands on the ground, and none "
    "that the model's reason is a good one.",
)
