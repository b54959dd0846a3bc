"""What the shipped model's recipe is worth: ``python -m solar_saliency_plugin.engine.training.study --help``.

Writes one JSON file, part by part, so that a part can be run again alone; ``make train`` puts it into the model's
card.
Everything is measured on sites and scenes that the networks were not fitted to (:mod:`cross_validation`).
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from .ablation import ingredients, label_noise, learning_curve
from .classifiers import baselines
from .cross_validation import Data
from .figures import cross_validation, wide
from .kept_networks import Networks
from .robustness import shift

#: The parts by name, in the order in which they are run and stand in the file.
PARTS: dict[str, Callable[[Networks], Any]] = {
    "cross_validation": cross_validation,
    "baselines": baselines,
    "shift": shift,
    "ingredients": ingredients,
    "learning_curve": learning_curve,
    "label_noise": label_noise,
    "wide": wide,
}


def main() -> None:
    """Run the parts that are asked for, and write each into the file as soon as it is there."""
    parser = argparse.ArgumentParser(
        prog="python -m solar_saliency_plugin.engine.training.study",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="the shared data's folder")
    parser.add_argument("--output", type=Path, required=True, help="the JSON file; parts that are not run stay in it")
    parser.add_argument("--networks", type=Path, required=True, help="folder that the folds' networks are kept in")
    parser.add_argument("--parts", nargs="+", choices=tuple(PARTS), default=tuple(PARTS))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    kept = Networks(Data.read(arguments.data), arguments.networks)
    for part in arguments.parts:
        started = time.monotonic()
        found = PARTS[part](kept)
        results = json.loads(arguments.output.read_text(encoding="utf-8")) if arguments.output.is_file() else {}
        results[part] = found
        ordered = {name: results[name] for name in PARTS if name in results}
        arguments.output.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        sys.stderr.write(f"{part}: {(time.monotonic() - started) / 60:.1f} minutes\n")


if __name__ == "__main__":
    main()
