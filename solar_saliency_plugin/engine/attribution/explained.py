"""A scene, a model, a target and a baseline, opened and settled: everything that any explanation begins with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...contract.attribution import Question
from ...contract.errors import MethodUnsuitableError, TargetEmptyError
from ...contract.provenance import SIMULATED_WARNING
from ..imagery.grid import Window
from ..imagery.scene import Scene, open_scene
from ..imagery.windows import Tile, tiles
from ..job import Job
from ..models.registry import Model, load_model
from ..models.runtime import as_stored
from ..provenance import is_simulated
from .baselines import SURROUNDINGS, Baseline, make_baseline
from .network import Explainable
from .statistics import Statistics, places, statistics
from .target import Target, read_target
from .view import View

#: What is explained in one piece, in pixels; larger targets are explained window by window.
WHOLE_PIXELS = 512 * 512

#: Spectra of the surroundings that are chosen from, of each window.
SPECTRA = 2000

#: Side of the windows' cores, in pixels, and at least so many halos.
CORE, HALOS_PER_CORE = 256, 2


@dataclass
class Explained:
    """What is explained, and how it is cut into windows.

    threshold: probability from which a pixel counts as detected. region: the part of the scene's grid outside of
    which no pixel can matter.
    """

    request: Question
    scene: Scene
    model: Model
    network: Explainable
    target: Target
    threshold: float
    job: Job

    @cached_property
    def region(self) -> Window:
        """The target's window and one receptive field around it; a network that takes whole windows gets one."""
        halo, stride = self.network.halo, self.network.stride
        area, whole = self.target.area, self.scene.grid.whole
        size = self.network.window_around(area, whole)
        if size is not None:
            return size
        row, col = (max(0, start - halo) // stride * stride for start in (area.row, area.col))
        bottom = min(whole.height, -(-(area.rows.stop + halo) // stride) * stride)
        right = min(whole.width, -(-(area.cols.stop + halo) // stride) * stride)
        return Window(row, col, bottom - row, right - col)

    @property
    def is_whole(self) -> bool:
        """Whether it is explained in one piece."""
        return not self.network.is_ours or self.region.height * self.region.width <= WHOLE_PIXELS

    @property
    def inputs(self) -> tuple[Path, ...]:
        """All files that are read: the scene's, those of the second scene, the layer of polygons."""
        named = (self.request.baseline_scene.strip(), self.request.polygons.partition("|")[0].strip())
        paths = [Path(name).expanduser() for name in named if name]
        inside = [file for path in paths if path.is_dir() for file in path.rglob("*") if file.is_file()]
        return (*self.scene.inputs, *(path for path in paths if path.is_file()), *inside)

    def tiles(self, reach: int = 0) -> list[Tile]:
        """The windows, of which the cores are kept: two receptive fields and ``reach`` pixels around each are read."""
        if self.is_whole:
            return [Tile(self.region, self.region)]
        halo = 2 * self.network.halo + reach
        core = self.request.window or max(CORE, -(-HALOS_PER_CORE * halo // CORE) * CORE)
        grid = self.scene.grid
        return tiles(self.region, grid.height, grid.width, core, halo, self.network.stride)

    def require_whole(self, title: str, why: str) -> None:
        """Raise :class:`MethodUnsuitableError` where the target is too large for a method that takes one piece."""
        if not self.is_whole:
            raise MethodUnsuitableError(
                f"The target, with what surrounds it, has {self.region.width} × {self.region.height} pixels: too many "
                f"for {title}. {why}".strip(),
                "Choose one detection, or a smaller polygon or extent.",
            )

    @cached_property
    def of_scene(self) -> Statistics:
        """Mean and spread of each band over the scene."""
        return statistics(self.scene, self.job)

    @cached_property
    def baseline(self) -> Baseline:
        """What the scene is compared with."""
        return make_baseline(
            self.request, self.scene, self.model.card.level, lambda: self.of_scene, self._surroundings, self.job
        )

    def compared_with(self, baseline: str, scene: str = "") -> Explained:
        """The same, compared with another baseline (``scene``: the second one's); close its ``baseline`` yourself."""
        date = self.request.baseline_date if baseline == "scene" else ""  # which only another date can have
        request = replace(self.request, baseline=baseline, baseline_scene=scene, baseline_date=date)
        return self._changed(request=request)

    def of_target(self, target: Target, job: Job) -> Explained:
        """Another target of the same scene and model; close its ``baseline`` yourself."""
        return self._changed(target=target, job=job)

    def _changed(self, **members: Any) -> Explained:
        other = replace(self, **members)
        if "of_scene" in vars(self):  # what is known of the scene need not be found again
            vars(other)["of_scene"] = self.of_scene
        return other

    def read(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """Reflectance and validity of a window that may reach beyond the scene: there nothing is valid."""
        there = window.intersection(self.scene.grid.whole)
        if there == window:
            return self.scene.read(window)
        reflectance = np.zeros((len(self.scene.bands), window.height, window.width), np.float32)
        valid = np.zeros((window.height, window.width), bool)
        rows, cols = there.within(window)
        reflectance[:, rows, cols], valid[rows, cols] = self.scene.read(there)
        return reflectance, valid

    def detected(self, window: Window) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The target's pixels in a window, (H, W), bool, the logits there, float32, and which could have been: (H, W).

        Right for pixels that lie a receptive field inside the window, or at the scene's edge.
        """
        reflectance, valid = self.read(window)
        with torch.inference_mode():
            logits = self.network.logits(self._filled(reflectance, valid))[0]
        inside = self.target.inside(window, self.scene.grid) & valid
        pixels = inside
        if self.target.only_detected:
            pixels = inside & (as_stored(torch.sigmoid(logits).cpu().numpy()) >= self.threshold)
        return pixels, logits.cpu().numpy(), inside

    def view(self, tile: Tile, pixels: np.ndarray, weight: float, job: Job, with_spread: bool) -> View:
        """The view of one window; ``pixels`` (H, W) are the target's in it, ``weight`` what each of them counts."""
        read = tile.read
        reach = self.baseline.reach
        outer = read.grown(reach)
        reflectance, valid = self.read(outer)
        baselines = self.baseline.of(reflectance, valid, outer)
        if outer != read:
            rows, cols = read.within(outer)
            reflectance, valid, baselines = reflectance[:, rows, cols], valid[rows, cols], baselines[..., rows, cols]
        image = self._filled(reflectance, valid)
        seen = torch.from_numpy(np.ascontiguousarray(valid)).to(self.network.device)
        compared = torch.from_numpy(np.ascontiguousarray(baselines)).to(self.network.device)
        spread = self.of_scene.spread if with_spread else np.zeros(len(self.scene.bands))
        return View(
            network=self.network,
            reflectance=image,
            valid=seen,
            baselines=self.network.laid_out(torch.where(seen, compared, image)),
            weights=torch.from_numpy(pixels.astype(np.float32) * np.float32(weight)).to(self.network.device),
            quantity=self.request.quantity,
            row=read.row,
            col=read.col,
            spread=torch.from_numpy(spread.astype(np.float32)).to(self.network.device),
            pixel_size=self.scene.grid.pixel_size,
            seed=self.request.seed,
            job=job,
            whole=self.is_whole,
        )

    def whole_view(self, job: Job, with_spread: bool = False) -> tuple[View, np.ndarray]:
        """The view of a target that is explained in one piece, and its pixels, (H, W), bool."""
        pixels, _, inside = self.detected(self.region)
        self.require_pixels(int(pixels.sum()), bool(inside.any()))
        weight = 1.0 / pixels.sum() if self.request.total == "mean" else 1.0
        return self.view(Tile(self.region, self.region), pixels, float(weight), job, with_spread), pixels

    def require_pixels(self, count: int, any_inside: bool) -> None:
        """Raise :class:`TargetEmptyError` where nothing is left to explain."""
        if count:
            return
        if not any_inside:
            raise TargetEmptyError(
                "The scene holds no data where the target lies, or clouds that were left out.",
                "Choose another place or date.",
            )
        raise TargetEmptyError(
            f"No pixel of the target reaches the threshold of {self.threshold:g}: nothing is detected there.",
            "Choose a detection, lower the threshold, or explain all pixels (“Pixels that count”: All).",
        )

    def _filled(self, reflectance: np.ndarray, valid: np.ndarray) -> torch.Tensor:
        """(1, bands, H, W): invalid pixels are shown as the model's mean, as in detection."""
        mean = np.asarray(self.model.card.mean, np.float32)[:, None, None]
        return self.network.laid_out(torch.from_numpy(np.where(valid, reflectance, mean)[None]))

    def _surroundings(self) -> np.ndarray:
        """Spectra (N, bands) of valid pixels near the target that are neither detected nor explained.

        Of places all over the scene where the target is too large to have surroundings.
        """
        near = self.target.area.grown(int(SURROUNDINGS / max(self.scene.grid.pixel_size)))
        near = near.intersection(self.scene.grid.whole)
        windows = [self._window_of(near)] if self.is_whole else places(self.scene.grid.whole)
        random = np.random.default_rng(self.request.seed)
        found = []
        for window in windows:
            self.job.check()
            reflectance, valid = self.read(window)
            with torch.inference_mode():
                logits = self.network.logits(self._filled(reflectance, valid))[0].cpu()
            ground = valid & (torch.sigmoid(logits).numpy() < self.threshold)
            if not self.target.only_detected:
                ground &= ~self.target.inside(window, self.scene.grid)
            if self.is_whole:  # a network of the user's own may be shown more than is near
                far = np.ones_like(ground)
                far[near.intersection(window).within(window)] = False
                ground &= ~far
            spectra = reflectance[:, ground].T
            found.append(spectra[random.permutation(len(spectra))[:SPECTRA]])
        return np.concatenate(found)

    def _window_of(self, near: Window) -> Window:
        """``near`` as the network takes it; of a network that takes less, the window around the target."""
        try:
            return self.network.window_around(near, self.scene.grid.whole) or near
        except MethodUnsuitableError:
            return self.region


@contextmanager
def open_explained(request: Question, job: Job) -> Iterator[Explained]:
    """Open the scene, load the model, read the target. Raises :class:`SolarSaliencyError`."""
    model = load_model(request.model, job.warn)
    with open_scene(request, job, model.card.bands, level=model.card.level) as scene:
        scene.grid.require_model_grid(model.card.pixel_size)
        if is_simulated(scene.id):
            job.warn(SIMULATED_WARNING)
        network = Explainable(model, request.device)
        network.should_stop = lambda: job.is_cancelled
        target = read_target(request, scene.grid, scene.area, job)
        threshold = model.card.threshold if request.threshold is None else request.threshold
        explained = Explained(request, scene, model, network, target, threshold, job)
        if target.geometry is None or not explained.is_whole:
            network.make_seamless()
        try:
            yield explained
        finally:
            if "baseline" in vars(explained):
                explained.baseline.close()
