"""Every method on real farms and on the sample, one picture a farm: ``make contact-sheets``.

Writes ``build/contact-sheets/*.png`` and prints how well each map lies on the outline that is known: the shift, in
pixels, at which |φ| and the outline agree best. Scenes come from the shared data and are not part of the repository.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import rasterio
import shapely

matplotlib.use("Agg")
from matplotlib import pyplot

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from solar_saliency_plugin.contract.attribution_methods import ATTRIBUTION_METHODS  # noqa: E402
from solar_saliency_plugin.contract.errors import SolarSaliencyError  # noqa: E402
from solar_saliency_plugin.contract.imagery import SceneOptions  # noqa: E402
from solar_saliency_plugin.engine.attribution.target import read_target  # noqa: E402
from solar_saliency_plugin.engine.dispatch import run_method  # noqa: E402
from solar_saliency_plugin.engine.imagery.polygons import in_crs, read_polygons  # noqa: E402
from solar_saliency_plugin.engine.imagery.scene import open_scene  # noqa: E402
from solar_saliency_plugin.engine.job import Job  # noqa: E402

#: Farms whose outlines the data's description does not doubt, each with a clear day of summer.
FARMS = {149: "2022-07-19", 159: "2022-06-19", 415: "2022-07-19", 684: "2022-07-19", 777: "2022-07-19"}

#: How far maps are shifted against the outline, pixels.
REACH = 3


@dataclass(frozen=True)
class Farm:
    """A scene, and the outline of a farm in it (well-known text in the scene's CRS)."""

    name: str
    scene: dict[str, str]
    outline: str


def main() -> None:
    """Draw the sheets, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the shared data's folder")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "contact-sheets")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    print(f"{'':14}{'method':24}{'seconds':>8}{'inside':>8}{'error':>9}   best shift (rows, columns)")
    for farm in _farms(arguments.data, arguments.output):
        _sheet(farm, arguments.output)


def _farms(data: Path, folder: Path) -> list[Farm]:
    outlines = read_polygons(str(data / "austria-pv-2022" / "farm_polygons.geojson"), Job.silent()).polygons
    found = []
    for site, date in FARMS.items():
        scene = {
            "scene": str(data / "austria-pv-2022" / "s2" / f"S2_2022_{site}.nc"),
            "date": _nearest(data, site, date),
        }
        with open_scene(SceneOptions(**scene), Job.silent()) as opened:
            left, bottom, right, top = opened.grid.bounds
            own = in_crs(outlines, opened.grid.crs)
            inside = [p for p in own if left <= p.centroid.x <= right and bottom <= p.centroid.y <= top]
        found.append(Farm(f"farm {site}", scene, max(inside, key=lambda polygon: polygon.area).wkt))
    sample = folder / "sample"
    if not sample.is_dir():
        run_method("samplescene", {"output": str(sample)}, Job.silent())
    probability, polygons = folder / "sample.tif", folder / "sample.gpkg"
    run_method("detect", {"scene": str(sample), "output": str(probability)}, Job.silent())
    run_method("polygonize", {"probability": str(probability), "output": str(polygons)}, Job.silent())
    with rasterio.open(probability) as file:
        detections = in_crs(read_polygons(f"{polygons}|layername=detections", Job.silent()).polygons, file.crs)
    farms = sorted(detections, key=lambda polygon: polygon.area)
    return [*found, Farm("sample", {"scene": str(sample)}, farms[len(farms) // 2].wkt)]


def _nearest(data: Path, site: int, wanted: str) -> str:
    """The clear date of a chip that is nearest to the one wanted."""
    from solar_saliency_plugin.engine.training.farms import farm_views

    days = [view.date for view in farm_views(data, [site])]
    return min(days, key=lambda day: abs(np.datetime64(day) - np.datetime64(wanted)))


def _sheet(farm: Farm, folder: Path) -> None:
    columns = 6
    rows = -(-(len(ATTRIBUTION_METHODS) + 1) // columns)
    left, bottom, right, top = shapely.from_wkt(farm.outline).buffer(60).bounds
    height = 3 * (top - bottom) / (right - left) + 0.3
    figure, axes = pyplot.subplots(rows, columns, figsize=(3 * columns, height * rows), squeeze=False)
    places = iter(axes.flat)
    path = folder / "map.tif"
    for number, (name, entry) in enumerate(ATTRIBUTION_METHODS.items()):
        started = time.monotonic()
        request = {
            **farm.scene,
            "target": farm.outline,
            "output": str(path),
            "attribution_method": name,
            "restart": True,
        }
        try:
            result = run_method("attribute", request, Job.silent())
        except SolarSaliencyError as error:
            print(f"{farm.name:14}{name:24}{error}")
            continue
        seconds = time.monotonic() - started
        with rasterio.open(path) as file:
            values, transform, bounds = file.read(1), file.transform, file.bounds
        image, target = _seen(farm, bounds, values.shape)
        if not number:
            _draw(next(places), image, None, target, f"{farm.name} {farm.scene.get('date', '')}")
        _draw(next(places), image, values, target, entry.title)
        shift = _best_shift(np.abs(np.nan_to_num(values)), target)
        error = result["error"]
        told = "" if error is None else f"{error:9.4f}"
        print(f"{farm.name:14}{name:24}{seconds:8.1f}{result['inside']:8.2f}{told:>9}   {shift}", flush=True)
        assert transform.a == 10
    for place in places:
        place.axis("off")
    figure.tight_layout()
    figure.savefig(folder / f"{farm.name.replace(' ', '-')}.png", dpi=70)
    pyplot.close(figure)


def _seen(farm: Farm, bounds: tuple[float, ...], shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The image in natural colours and the outline's pixels of the map's part of the scene."""
    from solar_saliency_plugin.contract.attribution import TargetOptions

    with open_scene(SceneOptions(**farm.scene), Job.silent()) as scene:
        window = scene.grid.window(tuple(bounds))
        reflectance, _ = scene.read(window)
        target = read_target(TargetOptions(target=farm.outline), scene.grid, scene.grid.whole, Job.silent())
        inside = target.inside(window, scene.grid)
        names = [scene.bands.index(name) for name in ("B04", "B03", "B02")]
    assert inside.shape == shape
    return np.clip(np.moveaxis(reflectance[names], 0, -1) * 4, 0, 1), inside


def _draw(axes: pyplot.Axes, image: np.ndarray, values: np.ndarray | None, target: np.ndarray, title: str) -> None:
    axes.imshow(image)
    if values is not None:
        limit = float(np.nanpercentile(np.abs(values), 99)) or 1.0
        alpha = np.clip(np.abs(np.nan_to_num(values)) / limit, 0, 1)
        axes.imshow(values, cmap="coolwarm", vmin=-limit, vmax=limit, alpha=alpha)
    axes.contour(target, levels=[0.5], colors="yellow", linewidths=0.8)
    axes.set_title(title, fontsize=9)
    axes.set_xticks([])
    axes.set_yticks([])


def _best_shift(values: np.ndarray, target: np.ndarray) -> tuple[int, int]:
    """The shift of the outline at which most of |φ| lies inside."""
    padded = np.pad(values, REACH)
    height, width = values.shape
    shifts = [(row, col) for row in range(-REACH, REACH + 1) for col in range(-REACH, REACH + 1)]

    def inside(shift: tuple[int, int]) -> float:
        row, col = REACH + shift[0], REACH + shift[1]
        return float(padded[row : row + height, col : col + width][target].sum())

    return max(shifts, key=lambda shift: (inside(shift), -abs(shift[0]) - abs(shift[1])))


if __name__ == "__main__":
    main()
