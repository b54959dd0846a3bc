"""Sample scene (or your own) → tidy scene → probability → detections → map, through QGIS without a window.

Started by `make demo`. Everything runs through qgis_process and the registered algorithms, in its own QGIS profile.
"""

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(Path(__file__).parent))

from headless import HeadlessQgis, StepFailedError  # noqa: E402
from report import compare_with_truth, print_detections  # noqa: E402


def main() -> int:
    """Run the demo; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scene", help="a Sentinel-2 scene; the simulated sample if left out")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "demo", help="folder for the results")
    arguments = parser.parse_args()
    output = arguments.output.resolve()
    output.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("SOLAR_SALIENCY_ENGINE", str(ROOT / ".venv" / "engine"))
    qgis = HeadlessQgis(plugin=ROOT, profile=ROOT / "build" / "profile")
    try:
        truth = run_chain(qgis, arguments.scene, output)
    except StepFailedError as error:
        print(error, file=sys.stderr)
        return 1
    # Only now: QGIS's own libraries are not needed for running the steps.
    from map_picture import draw

    with qgis.application():
        draw(output, truth)
        print_detections(output / "detections.gpkg")
        if truth:
            compare_with_truth(output / "detections.gpkg", truth)
    print(f"\nOpen {output / 'demo.qgz'} in QGIS, or look at {output / 'map.png'}.")
    return 0


def run_chain(qgis: HeadlessQgis, scene: "str | None", output: Path) -> "Path | None":
    """Run the algorithms one after the other; gives the true farms of the sample, None for a scene of your own."""
    truth = None
    if scene is None:
        print("No SCENE was given: a SIMULATED one is made. Nothing in it was ever photographed.")
        sample = output / "sample"
        qgis.run("samplescene", OUTPUT=sample)
        scene, truth = str(sample), sample / "SIMULATED_truth.gpkg"
    elif not Path(scene).exists():
        raise StepFailedError(
            f"There is no scene at {scene}. Give the path of a Sentinel-2 scene: make demo SCENE=path"
        )
    qgis.run("preparescene", INPUT=scene, OUTPUT=output / "scene.tif")
    qgis.run("detect", INPUT=output / "scene.tif", OUTPUT=output / "probability.tif")
    qgis.run("polygonize", INPUT=output / "probability.tif", OUTPUT=output / "detections.gpkg")
    return truth


if __name__ == "__main__":
    sys.exit(main())
