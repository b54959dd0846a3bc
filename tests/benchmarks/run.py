"""Run every benchmark, print the figures with their targets, and write build/bench.json. Never fails on a figure."""

import json
import os
import platform
import sys
import time
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from attribution import all_methods, attribution, half_precision, scene_wide  # noqa: E402
from detection import memory, nodata, throughput  # noqa: E402
from region_shap import region_shap  # noqa: E402
from shapley import shapley  # noqa: E402
from startup import startup  # noqa: E402

BENCHMARKS = (
    startup,
    throughput,
    nodata,
    memory,
    attribution,
    all_methods,
    half_precision,
    scene_wide,
    shapley,
    region_shap,
)


def main() -> None:
    folder = ROOT / "build" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    measures = []
    print(f"{'':48}{'measured':>10}        {'target':>10}")
    for benchmark in BENCHMARKS:
        started = time.perf_counter()
        for measure in benchmark(folder):
            measures.append({**asdict(measure), "verdict": measure.verdict})
            bound = "" if measure.target is None else ("≥" if measure.at_least else "≤") + f" {measure.target:g}"
            print(f"{measure.name:48}{measure.value:10.2f} {measure.unit:6} {bound:>10}  {measure.verdict}", flush=True)
        print(f"  ({benchmark.__name__}: {time.perf_counter() - started:.0f} s)", flush=True)
    report = {
        "when": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()},
        "measures": measures,
    }
    (ROOT / "build" / "bench.json").write_text(json.dumps(report, indent=2, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
