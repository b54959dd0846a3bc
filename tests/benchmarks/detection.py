"""Detection against the bare network, its memory, and what nodata saves."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from engine_runs import command
from measure import Measure
from scenes import repeated, sample

from solar_saliency_plugin.contract.imagery import SceneOptions
from solar_saliency_plugin.engine.dispatch import run_method
from solar_saliency_plugin.engine.imagery.grid import Window
from solar_saliency_plugin.engine.imagery.scene import open_scene
from solar_saliency_plugin.engine.job import Job
from solar_saliency_plugin.engine.models.registry import load_model
from solar_saliency_plugin.engine.models.runtime import Runtime, folded

TILE = 10980
THROUGHPUT_SIDE = 4096
ROUNDS = 3


def throughput(folder: Path) -> list[Measure]:
    """Pixels per second of detection, from opening the scene to the finished COG, over those of the bare network.

    The bare network is the one that detection runs (folded, channels last), called in a loop on one window in memory of
    the size that detection chose: once on the whole window, once in blocks as detection does it, which is faster. All
    take turns, and the ratio is taken in each turn, since machines are never quiet.
    """
    scene = repeated(folder, THROUGHPUT_SIDE)
    ratios, in_blocks, speeds = [], [], []
    for turn in range(ROUNDS + 1):
        started = time.perf_counter()
        request = {"scene": str(scene), "output": str(folder / "probability.tif"), "restart": True, "device": "cpu"}
        window = run_method("detect", request, Job.silent())["window"]
        detection = THROUGHPUT_SIDE**2 / (time.perf_counter() - started)
        whole, blocks = _bare_network(sample(folder), window, count=round(THROUGHPUT_SIDE**2 / window**2))
        if turn:  # the first turn warms up both
            ratios.append(detection / whole)
            in_blocks.append(detection / blocks)
            speeds.append(detection / 1e6)
    return [
        Measure("detection ÷ bare network, throughput", statistics.median(ratios), "", 0.80, at_least=True),
        Measure("detection ÷ bare network in blocks", statistics.median(in_blocks), ""),
        Measure("detection throughput", statistics.median(speeds), "Mpx/s"),
    ]


def _bare_network(scene: Path, window: int, count: int) -> tuple[float, float]:
    """Pixels per second of the network alone: on whole windows, and in blocks."""
    model = load_model("default")
    with open_scene(SceneOptions(scene=str(scene)), Job.silent(), model.card.bands) as opened:
        height, width = opened.grid.height, opened.grid.width
        pixels, _ = opened.read(Window(0, 0, min(window, height), min(window, width)))
    repeats = (1, -(-window // pixels.shape[1]), -(-window // pixels.shape[2]))
    pixels = np.ascontiguousarray(np.tile(pixels, repeats)[:, :window, :window])
    network = folded(model.network).to(memory_format=torch.channels_last)
    batch = torch.from_numpy(pixels[None]).to(memory_format=torch.channels_last)
    runtime, valid = Runtime(model, "cpu"), np.ones((window, window), bool)
    with torch.inference_mode():
        return _speed(lambda: torch.sigmoid(network(batch)), window, count), _speed(
            lambda: runtime.probability(pixels, valid), window, count
        )


def _speed(compute: Callable[[], object], window: int, count: int) -> float:
    started = time.perf_counter()
    for _ in range(count):
        compute()
    return count * window**2 / (time.perf_counter() - started)


def memory(folder: Path) -> list[Measure]:
    """Peak memory of a whole Sentinel-2 tile over that of a small scene, each in a process of its own."""
    output = folder / "probability.tif"
    small = command("detect", scene=repeated(folder, 2000), output=output, device="cpu")
    large = command("detect", scene=repeated(folder, TILE), output=output, device="cpu")
    return [
        Measure(f"peak memory, {TILE}² ÷ 2000² scene", large.peak_bytes / small.peak_bytes, "", 1.2),
        Measure(f"peak memory, {TILE}² scene", large.peak_bytes / 2**30, "GiB", 2.0),
        Measure(f"whole tile ({TILE}²)", large.seconds, "s"),
    ]


def nodata(folder: Path) -> list[Measure]:
    """Time of a scene with 60 % nodata over that of the full one."""
    ratios = []
    for _ in range(ROUNDS):
        seconds = [
            command("detect", scene=repeated(folder, THROUGHPUT_SIDE, share), output=folder / "p.tif").seconds
            for share in (0.6, 0.0)
        ]
        ratios.append(seconds[0] / seconds[1])
    return [Measure("scene with 60 % nodata ÷ full scene, time", statistics.median(ratios), "", 0.5)]
