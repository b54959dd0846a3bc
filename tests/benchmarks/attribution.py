"""Attribution against captum, against bare forward passes, its memory, and how long all methods take on one farm."""

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from captum.attr import IntegratedGradients
from engine_runs import command
from measure import Measure
from scenes import repeated, sample
from torch import nn

from solar_saliency_plugin.contract.attribution import AttributeRequest
from solar_saliency_plugin.contract.attribution_methods import ATTRIBUTION_METHODS
from solar_saliency_plugin.engine.attribution.explained import Explained, open_explained
from solar_saliency_plugin.engine.attribution.methods import method_of
from solar_saliency_plugin.engine.attribution.precision import in_half
from solar_saliency_plugin.engine.attribution.view import View
from solar_saliency_plugin.engine.dispatch import run_method
from solar_saliency_plugin.engine.imagery.grid import Window
from solar_saliency_plugin.engine.job import Job
from solar_saliency_plugin.engine.models.registry import load_model

PATCH = 256
STEPS = 60
ROUNDS = 5
#: Methods that choose their precision.
SURROGATES = tuple(name for name, entry in ATTRIBUTION_METHODS.items() if "precision" in entry.defaults)
#: Methods that hide parts of the image, with what they hide.
HIDING: dict[str, tuple[str, dict[str, object]]] = {
    "occlusion": ("occlusion", {}),
    "ablation of bands": ("feature_ablation", {"features": "bands"}),
    "ablation of superpixels": ("feature_ablation", {"features": "superpixels"}),
    "ablation of their bands": ("feature_ablation", {"features": "bands_of_superpixels"}),
}
#: captum computes so many steps at a time: all at once take more memory, and longer.
CAPTUM_BATCH = 4


def attribution(folder: Path) -> list[Measure]:
    """Integrated gradients and occlusion of one farm in a patch, side by side with captum and with bare forwards."""
    scene, target = sample(folder), _farm(folder)
    request = AttributeRequest(
        scene=str(scene), target=target, output="unused.tif", device="cpu", baseline="soil", steps=STEPS
    )
    ratios, differences = [], []
    with open_explained(request, Job.silent()) as explained:
        for turn in range(ROUNDS + 1):
            own, values, view, core = _own(explained, request)
            captum, expected = _captum(explained, view, core)
            if turn:
                ratios.append(own / captum)
            differences.append(float((values - expected).norm() / expected.norm()))
        forwards = {name: _of_forwards(explained, *given) for name, given in HIDING.items()}
    return [
        Measure("integrated gradients ÷ captum's on the patch", statistics.median(ratios), "", 0.25),
        Measure("difference of the two maps, L2", max(differences), "", 1e-4),
        *(Measure(f"{name} ÷ (evaluations × one forward)", same, "", 0.5) for name, (same, _) in forwards.items()),
        *(Measure(f"{name} ÷ the same on the patch", patch, "") for name, (_, patch) in forwards.items()),
    ]


def all_methods(folder: Path) -> list[Measure]:
    """How long every method of the list takes on one farm with its own settings, one after the other."""
    scene, target = sample(folder), _farm(folder)
    seconds = {}
    for name in ATTRIBUTION_METHODS:
        request = {"scene": str(scene), "target": target, "output": str(folder / f"{name}.tif"), "device": "cpu"}
        started = time.perf_counter()
        run_method("attribute", {**request, "attribution_method": name, "restart": True}, Job.silent())
        seconds[name] = time.perf_counter() - started
    slowest = max(seconds, key=lambda name: seconds[name])
    return [
        Measure("all methods on one farm", sum(seconds.values()), "s", 60),
        Measure(f"the slowest: {slowest}", seconds[slowest], "s"),
    ]


def half_precision(folder: Path) -> list[Measure]:
    """Methods that ask for many answers, in 16 bits beside 32; ablation and occlusion, which stay in 32, too."""
    request = AttributeRequest(scene=str(sample(folder)), target=_farm(folder), output="unused.tif", device="cpu")
    measures = []
    with open_explained(request, Job.silent()) as explained:
        view, _ = explained.whole_view(Job.silent())
        half = in_half(view)
        for name in ("lime", "kernel_shap", "shapley_sampling", "feature_ablation", "occlusion"):
            given = {"evaluations": 2000, "precision": "float32"} if name in SURROGATES else {}
            method = method_of(name, replace(request, **given), explained.network)
            ratios, maps = [], {}
            for turn in range(ROUNDS + 1):
                seconds = {}
                for one in (view, half):
                    started = time.perf_counter()
                    maps[one is half] = method.run(one).values.double()
                    seconds[one is half] = time.perf_counter() - started
                if turn:
                    ratios.append(seconds[True] / seconds[False])
            off = 100 * float((maps[True] - maps[False]).norm() / maps[False].norm())
            pays = name in SURROGATES
            measures += [
                Measure(f"{name}: time in 16 bits ÷ in 32", statistics.median(ratios), "", 0.9 if pays else None),
                Measure(f"{name}: map in 16 bits off, L2", off, "%", 1 if pays else None),
            ]
    return measures


def scene_wide(folder: Path) -> list[Measure]:
    """Peak memory of a scene-wide map of a large scene over that of a small one, each in a process of its own."""
    peaks = []
    for side in (2000, 6000):
        run = command(
            "attribute",
            scene=repeated(folder, side),
            output=folder / "attribution.tif",
            attribution_method="gradient",
            device="cpu",
        )
        peaks.append(run.peak_bytes)
    return [Measure("scene-wide attribution, peak memory 6000² ÷ 2000²", peaks[1] / peaks[0], "", 1.15)]


def _farm(folder: Path) -> str:
    """The polygon of a detection of some hectares in the sample, as well-known text."""
    import pyogrio
    import shapely

    probability, polygons = folder / "probability.tif", folder / "detections.gpkg"
    run_method("detect", {"scene": str(sample(folder)), "output": str(probability), "device": "cpu"}, Job.silent())
    run_method("polygonize", {"probability": str(probability), "output": str(polygons)}, Job.silent())
    _, _, stored, _ = pyogrio.raw.read(polygons, layer="detections")
    farms = sorted(shapely.from_wkb(stored), key=lambda farm: farm.area)
    return shapely.to_wkt(farms[len(farms) // 2])


def _own(explained: Explained, request: AttributeRequest) -> tuple[float, torch.Tensor, View, Window]:
    """Seconds from the scene's pixels to the map, the map (bands, H, W), its view and where it lies."""
    started = time.perf_counter()
    view, _ = explained.whole_view(Job.silent())
    values = method_of("integrated_gradients", request, explained.network).run(view).values
    return time.perf_counter() - started, values.float(), view, explained.region


def _patch(explained: Explained) -> Window:
    """The patch of PATCH × PATCH pixels around what is explained, within the scene."""
    grid, core = explained.scene.grid, explained.region
    row = min(max(0, core.row + core.height // 2 - PATCH // 2), grid.height - PATCH)
    col = min(max(0, core.col + core.width // 2 - PATCH // 2), grid.width - PATCH)
    return Window(row, col, PATCH, PATCH)


def _captum(explained: Explained, view: View, core: Window) -> tuple[float, torch.Tensor]:
    """Seconds of captum's method on a patch around the farm with the network as it is, and its map of the same part."""
    patch = _patch(explained)
    rows, cols = core.within(patch)
    weights = torch.zeros(PATCH, PATCH)
    weights[rows, cols] = view.weights
    network: nn.Module = load_model("default").network
    started = time.perf_counter()
    reflectance, _ = explained.read(patch)
    image = torch.from_numpy(reflectance)[None]
    baseline = view.baselines[:1, :, :1, :1].expand_as(image)

    def score(images: torch.Tensor) -> torch.Tensor:
        return (network(images)[:, 0] * weights).sum(dim=(1, 2))

    values = IntegratedGradients(score).attribute(
        image, baseline, n_steps=STEPS, method="riemann_middle", internal_batch_size=CAPTUM_BATCH
    )
    seconds = time.perf_counter() - started
    return seconds, values[0, :, rows, cols].float()


def _of_forwards(explained: Explained, name: str, given: dict[str, object]) -> tuple[float, float]:
    """Seconds of a method over those of its evaluations as bare forward passes, over the same pixels and the patch.

    The method and the two forward passes take turns.
    """
    view, _ = explained.whole_view(Job.silent())
    patch = torch.from_numpy(explained.read(_patch(explained))[0])[None]
    method = method_of(name, replace(explained.request, steps=None, **given), explained.network)
    ratios = []
    for turn in range(ROUNDS + 1):
        started = time.perf_counter()
        evaluations = method.run(view).evaluations
        seconds = time.perf_counter() - started
        forwards = _seconds(lambda: view.answers(view.reflectance)), _seconds(lambda: explained.network.logits(patch))
        if turn:
            ratios.append([seconds / (evaluations * forward) for forward in forwards])
    same, whole = (statistics.median(ratio) for ratio in zip(*ratios, strict=True))
    return same, whole


def _seconds(compute: Callable[[], object], count: int = 50) -> float:
    """Mean seconds of one call."""
    with torch.inference_mode():
        compute()
        started = time.perf_counter()
        for _ in range(count):
            compute()
    return (time.perf_counter() - started) / count
