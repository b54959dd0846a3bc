"""How long a user waits for the first answer."""

import statistics
from pathlib import Path

from engine_runs import Worker
from measure import Measure
from scenes import sample

ROUNDS = 3


def startup(folder: Path) -> list[Measure]:
    """The worker's hello, and detection on the sample by a worker just started (cold) and once more (warm)."""
    hello, cold, warm = [], [], []
    request = {"scene": str(sample(folder)), "output": str(folder / "first.tif"), "device": "cpu"}
    for _ in range(ROUNDS):
        worker = Worker()
        hello.append(worker.hello_seconds)
        cold.append(worker.hello_seconds + worker.call("detect", **request))
        warm.append(worker.call("detect", **request))
        worker.stop()
    return [
        Measure("engine hello", statistics.median(hello), "s", 0.5),
        Measure("first result on the sample, cold", statistics.median(cold), "s", 8.0),
        Measure("first result on the sample, warm", statistics.median(warm), "s", 1.5),
    ]
