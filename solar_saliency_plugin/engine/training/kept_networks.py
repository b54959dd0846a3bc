"""Networks of the whole recipe, one for each fold: learned once and kept, since several parts of a study need them."""

import hashlib
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from safetensors.torch import load_file, save_file

from ..job import Job, SilentListener
from ..models.unet import UNet
from ..versions import package_versions
from . import splits
from .calibration import Calibration
from .cross_validation import Chosen, Data, Learned, choose_thresholds, learn, synthesis_of
from .recipe import SEED, STAGES
from .synthesis import Recipe

#: Folds that the wide network, ingredients and the learning curve are measured on.
SOME_FOLDS = (0, 1)


class Log(SilentListener):
    """Lines for whoever waits."""

    def informed(self, message: str) -> None:
        """A line of information."""
        sys.stderr.write(f"{message}\n")

    def warned(self, message: str) -> None:
        """A warning."""
        sys.stderr.write(f"warning: {message}\n")


class Networks:
    """Of the folds of ``data``, kept in ``folder``."""

    def __init__(self, data: Data, folder: Path) -> None:
        self.data = data
        self._folder = folder

    def of(self, kind: str = "compact") -> list[Learned]:
        """The five networks of the recipe "compact", or some of "wide", which learns slowly."""
        return [self._network(kind, fold) for fold in (range(splits.FOLDS) if kind == "compact" else SOME_FOLDS)]

    def _network(self, kind: str, fold: int) -> Learned:
        stages = STAGES[kind]
        weights, facts = self._folder / f"{kind}-{fold}.safetensors", self._folder / f"{kind}-{fold}.json"
        made_with = {
            "stages": [
                {"options": json.loads(json.dumps(asdict(stage.options))), "patches": self._patches(fold, stage.recipe)}
                for stage in stages
            ],
            "software": package_versions(),
        }
        if facts.is_file():
            kept = json.loads(facts.read_text(encoding="utf-8"))
            if kept["made_with"] == made_with:
                network = UNet(kept["mean"], kept["std"], **stages[0].options.architecture)
                network.load_state_dict(load_file(weights))
                return Learned(fold, network.eval(), Calibration(**kept["calibration"]))
        started = time.monotonic()
        learned = learn(self.data, fold, stages, SEED, Job(Log()))
        self._folder.mkdir(parents=True, exist_ok=True)
        save_file({name: tensor.contiguous() for name, tensor in learned.network.state_dict().items()}, weights)
        norm = learned.network.normalisation
        kept = {"mean": norm.mean.flatten().tolist(), "std": norm.std.flatten().tolist()}
        minutes = round((time.monotonic() - started) / 60, 2)
        kept.update(made_with=made_with, calibration=asdict(learned.calibration), minutes=minutes)
        facts.write_text(json.dumps(kept), encoding="utf-8")
        return learned

    def _patches(self, fold: int, recipe: Recipe) -> str:
        """What a fold learns from, as a hash of some patches: of data, recipe, seed, and the code that draws them."""
        synthesis = synthesis_of(self.data, fold, recipe, SEED)
        digest = hashlib.sha256()
        for _ in range(64):
            patch = synthesis.patch()
            for values in (patch.reflectance, patch.target, patch.weight):
                digest.update(values.tobytes())
        return digest.hexdigest()

    def minutes(self, kind: str) -> float:
        """How long the kept networks took to learn, together."""
        facts = sorted(self._folder.glob(f"{kind}-*.json"))
        return sum(json.loads(path.read_text(encoding="utf-8"))["minutes"] for path in facts)

    def chosen(self) -> Chosen:
        """Thresholds, chosen on validation parts."""
        return choose_thresholds(self.data, self.of())
